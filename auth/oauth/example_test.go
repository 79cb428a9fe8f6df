package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// issuer stands for a token endpoint, so that the examples need no network.
func issuer(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
}

// workloadToken stands for what a platform writes. This one is signed by nobody.
func workloadToken(life time.Duration) string {
	return jwt(map[string]any{
		"iss": "https://cluster.example", "sub": "system:serviceaccount:prod:reports",
		"aud": "https://issuer.example", "exp": time.Now().Add(life).Unix(),
	})
}

func ExampleClientCredentials() {
	server := issuer(200, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600,"scope":"reports:read"}`)
	defer server.Close()
	_ = os.Setenv("REPORTS_CLIENT_SECRET", "kept elsewhere in a real program")

	src, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "reports",
		TokenURL: server.URL,
		Scopes:   []string{"reports:read"},
	}, oauth.Options{ClientSecret: auth.Env("REPORTS_CLIENT_SECRET")})
	if err != nil {
		fmt.Println(err)
		return
	}
	cache := auth.Cached(src) // as the transport does by itself
	defer cache.Close()
	c, err := cache.Credential(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Secret, c.Scheme.Name(), c.Scopes)
	// Output: [masked] Bearer [reports:read]
}

// Every field that is wrong is named at once.
func ExampleClientCredentials_incorrect() {
	_, err := oauth.ClientCredentials(&clientcredentials.Config{
		TokenURL: "http://login.example.com/token",
	}, oauth.Options{})
	fmt.Println(err)
	// Output:
	// oauth: ClientID is empty
	// oauth: ClientSecret is missing: set it in the Options, unless the client authenticates by a ClientAssertion or by the Transport (mutual TLS)
	// oauth: TokenURL must begin with https://, or secrets would cross the network in clear text
}

func ExampleRefreshToken() {
	server := issuer(400, `{"error":"invalid_grant","error_description":"Token has been revoked."}`)
	defer server.Close()

	src, err := oauth.RefreshToken(&oauth2.Config{
		ClientID: "desktop-app",
		Endpoint: oauth2.Endpoint{TokenURL: server.URL},
	}, auth.Static("tGzv3JOkF0XG5Qx2TlKWIA"), oauth.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = src.Credential(context.Background())
	switch e, ok := errors.AsType[*auth.Error](err); {
	case ok && e.Step() == auth.StepRenew:
		fmt.Println(err)
	case err != nil:
		fmt.Println("something else:", err)
	}
	// Output: refresh_rejected (certain): the token endpoint answered 400 Bad Request and error "invalid_grant": "Token has been revoked."; renew: log in again
}

func ExampleOptions() {
	server := issuer(200, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer"}`)
	defer server.Close()

	// The token endpoint is reached through a transport of its own: with its
	// private certificate authority, client certificate or proxy.
	toIssuer := http.DefaultTransport.(*http.Transport).Clone()
	src, err := oauth.RefreshToken(&oauth2.Config{
		ClientID: "app",
		Endpoint: oauth2.Endpoint{TokenURL: server.URL, AuthStyle: oauth2.AuthStyleInParams},
	}, auth.Static("tGzv3JOkF0XG5Qx2TlKWIA"), oauth.Options{
		ClientSecret: auth.Static("7Fjfp0ZBr1KtDRbnfVdmIw"),
		Transport:    toIssuer,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := src.Credential(context.Background())
	fmt.Println(c.Secret, err)
	// Output: [masked] <nil>
}

// A workload that has no secret: its platform writes a token into a file, and
// rewrites it before it expires.
func ExampleOptions_clientAssertion() {
	written := workloadToken(time.Hour)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A real one verifies the signature, and whether it trusts the signer.
		fmt.Println(r.FormValue("client_id"), r.FormValue("client_assertion_type"), r.FormValue("client_assertion") == written)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600}`)
	}))
	defer issuer.Close()
	dir, _ := os.MkdirTemp("", "projected")
	defer os.RemoveAll(dir)
	token := filepath.Join(dir, "token") // /var/run/secrets/tokens/issuer, mounted
	_ = os.WriteFile(token, []byte(written), 0o600)

	src, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "reports",
		TokenURL: issuer.URL,
	}, oauth.Options{ClientAssertion: auth.File(token)})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := src.Credential(context.Background())
	fmt.Println(c.Secret, err)

	// Nobody has rewritten the file in time: nothing is sent.
	_ = os.WriteFile(token, []byte(workloadToken(-time.Minute)), 0o600)
	_, err = src.Credential(context.Background())
	e, _ := errors.AsType[*auth.Error](err)
	fmt.Println(e.Cause, e.Step())
	// Output:
	// reports urn:ietf:params:oauth:client-assertion-type:jwt-bearer true
	// [masked] <nil>
	// access_expired renew
}

// GitHub Actions gives a job a token for the asking, as other CI services do:
// then the assertion's source is a function.
func ExampleOptions_gitHubActions() {
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("a token for", r.FormValue("audience"))
		_ = json.NewEncoder(w).Encode(map[string]string{"value": workloadToken(5 * time.Minute)})
	}))
	defer github.Close()
	issuer := issuer(200, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer"}`)
	defer issuer.Close()
	_ = os.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.URL+"/?api-version=2")
	_ = os.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "fake-request-token")

	job := auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) {
		address := os.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL") + "&audience=api://issuer.example"
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+os.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		var token struct{ Value string }
		err = json.NewDecoder(resp.Body).Decode(&token)
		return &auth.Credential{Secret: auth.NewSecret(token.Value), Provenance: auth.Provenance{Kind: "ci", Name: "GitHub Actions"}}, err
	})
	src, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "deploy",
		TokenURL: issuer.URL,
	}, oauth.Options{ClientAssertion: job})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := src.Credential(context.Background())
	fmt.Println(c.Secret, err)
	// Output:
	// a token for api://issuer.example
	// [masked] <nil>
}

func ExampleFromTokenSource() {
	// Whatever some library hands out: google.DefaultTokenSource, a session of
	// x/oauth2, …
	theirs := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "2YotnFZFEjr1zCsicMWpAA"})

	src := oauth.FromTokenSource(theirs)
	c, err := src.Credential(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	again, _ := src.Refresh(context.Background(), c)
	fmt.Println(again.Same(c), again.Tried[0].Answer)
	// Output: true gave the same token again: it caches, and cannot be made to renew early
}

func ExampleTokenSource() {
	cache := auth.Cached(auth.Static("2YotnFZFEjr1zCsicMWpAA"))
	defer cache.Close()

	// For a library that wants an oauth2.TokenSource.
	token, err := oauth.TokenSource(context.Background(), cache).Token()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Type(), token.AccessToken)
	// Output: Bearer 2YotnFZFEjr1zCsicMWpAA
}
