package diagnose_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/auth/profile"
)

// TestProviderIsKnown: what a provider documents is in the page that a person
// reads: where a new key is made, the number by which its support finds the
// request, what happens to those who try again and again. A vendor's own page goes
// before the provider's.
func TestProviderIsKnown(t *testing.T) {
	acme := profile.Profile{
		Name: "acme", Title: "Acme", Docs: "https://acme.example/docs", KeysURL: "https://acme.example/keys",
		RequestID: "X-Acme-Trace", Lockout: "after ten refusals Acme shuts an address out for an hour",
	}
	refuse := func(words diagnose.Words, c *auth.Credential) *auth.Error {
		return diagnose.Refusal(diagnose.Exchange{
			Method: "GET", URL: "https://api.acme.example/v1/me", Status: 401, Profile: acme, Credential: c, Scheme: auth.Bearer,
			Header: http.Header{"X-Request-Id": {"of-a-proxy"}, "X-Acme-Trace": {"trace-7"}, "Content-Type": {"application/json"}},
			Body:   []byte(`{"error":"invalid api key"}`),
		}, words)
	}
	key := &auth.Credential{Secret: auth.NewSecret("not-a-real-key-5c1f"), Provenance: env("ACME_KEY")}
	e := refuse(diagnose.Words{Docs: acme.Docs}, key)
	if e.Remedy.URL != acme.KeysURL || e.Response.RequestID != "trace-7" || !strings.Contains(e.Explain(), acme.Lockout) {
		t.Errorf("got %s", e.Explain())
	}
	if e := refuse(diagnose.Words{Docs: "https://vendor.example/help"}, key); e.Remedy.URL != "https://vendor.example/help" {
		t.Errorf("the vendor's page is not named, but %s", e.Remedy.URL)
	}
	token := &auth.Credential{Secret: auth.NewSecret("not-a-real-token-5c1f"), Provenance: auth.Provenance{Kind: auth.KindOAuth, Name: "refresh token at https://acme.example/token"}}
	if e := refuse(diagnose.Words{}, token); e.Remedy.URL != acme.Docs {
		t.Errorf("for a token that an issuer made: %s", e.Remedy.URL)
	}
}
