package transport_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// A client whose key is found in the environment, for one API.
func ExampleNew() {
	_, err := transport.New(transport.Config{
		Source:  auth.Env("ACME_API_KEY"),
		Scheme:  auth.APIKeyHeader("X-Api-Key"),
		Origins: []string{"https://api.acme.example", "https://uploads.acme.example"},
	})
	fmt.Println("made:", err == nil)

	// What is wrong is told all at once.
	_, err = transport.New(transport.Config{Origins: []string{"api.acme.example"}})
	fmt.Println(err)
	// Output:
	// made: true
	// transport: Source is nil: say where the credential comes from, such as auth.Env("ACME_API_KEY")
	// transport: Origins[0] must begin with https:// and a host
}

// A refusal is a response like any other, for code that expects one, and has its
// diagnosis with it.
func ExampleTransport() {
	srv := authtest.NewServer(authtest.Config{Refusal: authtest.InvalidToken})
	defer srv.Close()

	tr, err := transport.New(transport.Config{Source: auth.Static("Bearer abc123"), Origins: []string{srv.API.URL}, Base: srv.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tr.Close()

	resp, err := (&http.Client{Transport: tr}).Get(srv.API.URL + "/v1/me")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	if e, ok := auth.FromResponse(resp); ok {
		fmt.Println(e.Cause, "-", e.Confidence)
		fmt.Println(e.Evidence[0].Fact)
	}
	// Output:
	// 401 Unauthorized
	// malformed_wrapping - likely
	// the value begins with "Bearer ", so the header says it twice
}

// With Strict around it, the diagnosis is the error.
func ExampleStrict() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="files.write"`)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer api.Close()

	tr, err := transport.New(transport.Config{Source: auth.Static("abc123"), Origins: []string{api.URL}, Base: api.Client().Transport})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tr.Close()
	client := &http.Client{Transport: transport.Strict(tr)}

	_, err = client.Get(api.URL + "/v1/files")
	fmt.Println(errors.Is(err, auth.InsufficientScope))
	if e, ok := errors.AsType[*auth.Error](err); ok {
		switch e.Step() { // of which there are six
		case auth.StepConsult:
			fmt.Println("ask for more permissions")
		default:
			fmt.Println(e.Explain())
		}
	}
	// Output:
	// true
	// ask for more permissions
}

func ExampleCheckOrigin() {
	fmt.Println(transport.CheckOrigin("https://api.acme.example"))
	fmt.Println(errors.Is(transport.CheckOrigin("http://api.acme.example"), auth.InsecureTransport))
	// Output:
	// <nil>
	// true
}

func ExampleSameOrigin() {
	a, _ := url.Parse("https://api.acme.example/v1?page=1")
	b, _ := url.Parse("https://API.acme.example:443/v1?page=2")
	c, _ := url.Parse("https://api.acme.example:8443/v1?page=2")
	fmt.Println(transport.SameOrigin(a, b), transport.SameOrigin(a, c))
	// Output: true false
}

func ExampleScrub() {
	srv := authtest.NewServer(authtest.Config{
		Keys: []authtest.Key{{Value: "not-a-real-key"}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "failed, headers were: "+r.Header.Get("Authorization"), http.StatusInternalServerError)
		}),
	})
	defer srv.Close()
	t, err := transport.New(transport.Config{Source: auth.Static("not-a-real-key"), Origins: []string{srv.API.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = t.Close() }()
	resp, err := (&http.Client{Transport: t}).Get(srv.API.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	fmt.Print(transport.Scrub(resp, string(body)))
	// Output: failed, headers were: Bearer [masked]
}
