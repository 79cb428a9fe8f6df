package diagnose_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

func ExampleRefusal() {
	e := diagnose.Refusal(diagnose.Exchange{
		Method: http.MethodGet, URL: "https://api.acme.example/v1/me",
		Credential: &auth.Credential{
			Secret:     auth.NewSecret("Bearer not-a-real-key"),
			Provenance: auth.Provenance{Kind: auth.KindEnv, Name: "ACME_API_KEY"},
		},
		Scheme: auth.Bearer,
		Status: http.StatusUnauthorized,
	}, diagnose.Words{})
	fmt.Println(e.Cause, e.Confidence)
	fmt.Println(e.Remedy.Text)
	// Output:
	// malformed_wrapping likely
	// take "Bearer " out of ACME_API_KEY
}

func ExampleUnsent() {
	_, err := auth.Env("EXAMPLE_UNSENT_KEY").Credential(context.Background())
	e := diagnose.Unsent(err, http.MethodGet, "https://api.acme.example/v1/me?page=2", diagnose.Words{Login: "acme login"})
	fmt.Println(e.Request)
	fmt.Println(e.Cause, e.Remedy.Command)
	// Output:
	// GET https://api.acme.example/v1/me
	// missing_credential acme login
}

func ExampleValue() {
	c := &auth.Credential{Secret: auth.NewSecret("not-a-real\nkey"), Provenance: auth.Provenance{Kind: auth.KindFile, Name: "/run/secrets/acme"}}
	fmt.Println(diagnose.Value(c, auth.Bearer).Evidence[0].Fact)
	// Output: the value contains a line break (LF) at byte 11 of 14, which cannot be sent
}

func ExampleScrub() {
	c := &auth.Credential{Secret: auth.NewSecret("not-a-real-key+1")}
	fmt.Println(diagnose.Scrub("unknown key not-a-real-key%2B1", c))
	// Output: unknown key [masked]
}

func ExampleProxyRefused() {
	e := diagnose.ProxyRefused(errors.New("Proxy Authentication Required"), http.MethodGet, "https://api.acme.example/v1/me", diagnose.Words{})
	fmt.Println(e.Cause, e.Step())
	// Output: proxy_auth_required fix_environment
}
