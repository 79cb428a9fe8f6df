package authtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// Acme is the SDK of a vendor that builds on reauth. What follows tests it as
// the vendor would, first as examples, then as tests.
type Acme struct{ client *reauth.Client }

func (a *Acme) Whoami(ctx context.Context) (login string, err error) {
	var me struct{ Login string }
	err = a.client.Get(ctx, "/v1/me", &me)
	return me.Login, err
}

func (a *Acme) Close() { _ = a.client.Close() }

// NewAcme logs in by itself, with client credentials.
func NewAcme(apiURL, tokenURL string, base http.RoundTripper) (*Acme, error) {
	src, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "test-client", ClientSecret: "test-client-secret", TokenURL: tokenURL,
	}, oauth.Options{Transport: base})
	if err != nil {
		return nil, err
	}
	client, err := reauth.New(reauth.Config{BaseURL: apiURL, Source: src, Transport: base})
	return &Acme{client}, err
}

// NewAcmeWithKey sends an API key.
func NewAcmeWithKey(apiURL, key string, base http.RoundTripper) (*Acme, error) {
	client, err := reauth.New(reauth.Config{
		BaseURL: apiURL, Source: auth.Static(key), Scheme: auth.APIKeyHeader("X-Acme-Key"), Transport: base,
	})
	return &Acme{client}, err
}

// A revoked token is healed by one exchange, and the request is repeated once.
func Example_revokedToken() {
	srv := authtest.NewServer(authtest.Config{})
	defer srv.Close()
	acme, err := NewAcme(srv.API.URL, srv.Issuer.TokenURL, srv.Transport())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer acme.Close()

	fmt.Println(acme.Whoami(context.Background()))
	srv.Issuer.RevokeAccess()
	fmt.Println(acme.Whoami(context.Background()))
	fmt.Print(srv.Transcript())
	// Output:
	// tester <nil>
	// tester <nil>
	// issuer POST /token, client_credentials: 200
	// API    GET /v1/me with access 1: 200
	// API    GET /v1/me with access 1: 401
	// issuer POST /token, client_credentials: 200
	// API    GET /v1/me with access 2: 200
}

// A dead key is sent once, and the error says what to do.
func Example_deadKey() {
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Label: "the key", Header: "X-Acme-Key", Value: "test-key-1"}}})
	defer srv.Close()
	acme, err := NewAcmeWithKey(srv.API.URL, "test-key-1", srv.Transport())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer acme.Close()

	srv.Set(func(c *authtest.Config) { c.Keys = nil })
	_, err = acme.Whoami(context.Background())
	if e, ok := errors.AsType[*auth.Error](err); ok {
		fmt.Println("step:", e.Step())
	}
	fmt.Print(srv.Transcript())
	// Output:
	// step: verify_credential
	// API    GET /v1/me with the key: 401
}

// The issuer is down. While the token is valid nobody notices. Once it is not,
// the error blames the issuer and no key.
func Example_issuerOutage() {
	srv := authtest.NewServer(authtest.Config{})
	defer srv.Close()
	acme, err := NewAcme(srv.API.URL, srv.Issuer.TokenURL, srv.Transport())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer acme.Close()

	fmt.Println(acme.Whoami(context.Background()))
	srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable)
	fmt.Println(acme.Whoami(context.Background()))
	srv.Issuer.RevokeAccess()
	_, err = acme.Whoami(context.Background())
	fmt.Println(errors.Is(err, auth.IssuerUnavailable))
	fmt.Println("refused:", srv.API.Total().Refused)
	// Output:
	// tester <nil>
	// tester <nil>
	// true
	// refused: 1
}

// A redirect leads away from the API. The trap that it leads to gets no key.
func Example_redirectTrap() {
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Label: "the key", Header: "X-Acme-Key", Value: "test-key-1"}}})
	defer srv.Close()
	acme, err := NewAcmeWithKey(srv.API.URL, "test-key-1", srv.Transport())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer acme.Close()

	for _, fault := range []authtest.Fault{authtest.RedirectToTrap, authtest.RedirectToPort} {
		srv.API.FailNext(1, fault)
		_, _ = acme.Whoami(context.Background())
	}
	fmt.Print(srv.Transcript())
	fmt.Println("leaks:", srv.Trap.Leaks())
	// Output:
	// API    GET /v1/me with the key: 307
	// trap   GET /v1/me without a credential: 200
	// API    GET /v1/me with the key: 307
	// trap   GET /v1/me without a credential: 200
	// leaks: []
}

// newAcme is all that the vendor's tests need around them. Without InMemory the
// same goes over loopback, here with TLS.
func newAcme(t *testing.T, config authtest.Config) (*authtest.Server, *Acme) {
	t.Helper()
	srv := authtest.Start(t, config)
	acme, err := NewAcme(srv.API.URL, srv.Issuer.TokenURL, srv.Transport())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(acme.Close)
	return srv, acme
}

func TestVendor_RevokedToken(t *testing.T) {
	srv, acme := newAcme(t, authtest.Config{TLS: true})
	for range 2 {
		if _, err := acme.Whoami(t.Context()); err != nil {
			t.Error(err)
		}
		srv.Issuer.RevokeAccess()
	}
	if n := srv.Issuer.Stats().Exchanges["client_credentials"]; n != 2 {
		t.Errorf("%d exchanges, want 2", n)
	}
}

// A token of an hour, an issuer that is away for the last 20 minutes of it less
// one, a request every second: in a bubble that is no time.
func TestVendor_IssuerOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, acme := newAcme(t, authtest.Config{InMemory: true})
		for second := range 3600 {
			if second == 2400 {
				srv.Issuer.FailFor(19*time.Minute, authtest.Unavailable)
			}
			if _, err := acme.Whoami(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if total := srv.API.Total(); total.Accepted != 3600 || total.Refused != 0 {
			t.Errorf("got %+v", total)
		}
	})
}

func TestVendor_ErrorsShowNoSecret(t *testing.T) {
	srv, acme := newAcme(t, authtest.Config{InMemory: true})
	srv.Issuer.FailNext(1, authtest.EchoRequest)
	_, err := acme.Whoami(t.Context())
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "test-client-secret") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}
