package reauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is the secret that must not show anywhere.
const canary = "canary-not-a-real-key-7d1f"

func mustClient(t *testing.T, cfg reauth.Config) *reauth.Client {
	t.Helper()
	c, err := reauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		c.HTTPClient().CloseIdleConnections()
	})
	return c
}

func keyServer(t *testing.T, handler http.Handler) *authtest.Server {
	t.Helper()
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Label: "the key", Value: canary}}, Handler: handler})
	t.Cleanup(srv.Close)
	return srv
}

// clearEnv unsets every variable that a client of this name could read.
func clearEnv(t *testing.T, prefix string) {
	t.Helper()
	for _, v := range []string{"API_KEY", "TOKEN", "CLIENT_ID", "CLIENT_SECRET", "TOKEN_URL", "SCOPE", "TOKEN_AUTH_METHOD", "CLIENT_ASSERTION"} {
		for _, suffix := range []string{"", "_FILE"} {
			t.Setenv(prefix+v+suffix, "")
			if err := os.Unsetenv(prefix + v + suffix); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func wantError(t *testing.T, err error, cause auth.Cause) *auth.Error {
	t.Helper()
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want an *auth.Error", err, err)
	}
	if e.Cause != cause {
		t.Fatalf("cause %s, want %s:\n%s", e.Cause, cause, e.Explain())
	}
	return e
}

func TestNewNamesEveryWrongField(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  reauth.Config
		want []string
	}{
		{"nothing is set", reauth.Config{}, []string{"Config.Name is empty", "Config.BaseURL is empty"}},
		{
			"everything is wrong",
			reauth.Config{
				Name: "1st", BaseURL: "http://api.acme.example", Origins: []string{"https://a.example/path", "ftp://b.example"},
				Scheme: auth.APIKeyHeader(""), Docs: "acme.example/docs", Timeout: -time.Second,
			},
			[]string{"Config.Name", "Config.BaseURL", "Config.Docs", "Config.Timeout", "Scheme", "Origins[0]", "Origins[1]"},
		},
		{"a name with a space", reauth.Config{Name: "my api", BaseURL: "https://a.example"}, []string{"Config.Name"}},
		{"a name beyond ASCII", reauth.Config{Name: "münz", BaseURL: "https://a.example"}, []string{"Config.Name"}},
		{"a user in the base URL", reauth.Config{Name: "acme", BaseURL: "https://" + canary + ":x@a.example"}, []string{"Config.BaseURL has a user"}},
		{"a query in the base URL", reauth.Config{Name: "acme", BaseURL: "https://a.example?key=" + canary}, []string{"Config.BaseURL has a query"}},
		{"no scheme", reauth.Config{Name: "acme", BaseURL: "api.acme.example"}, []string{"Config.BaseURL must begin with https://"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := reauth.New(test.cfg)
			if err == nil {
				t.Fatalf("got a client: %v", c)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error quotes a secret: %v", err)
			}
		})
	}
	_, err := reauth.New(reauth.Config{Name: "acme", BaseURL: "http://api.acme.example"})
	if !errors.Is(err, auth.InsecureTransport) {
		t.Errorf("a base URL in clear text gives %v, want %v", err, auth.InsecureTransport)
	}
}

func TestNameBecomesVariables(t *testing.T) {
	srv := keyServer(t, nil)
	for name, prefix := range map[string]string{
		"acme": "ACME_", "my-api": "MY_API_", "My.Api_2": "MY_API_2_", "a--b": "A__B_", "camelCase": "CAMELCASE_",
	} {
		t.Run(name, func(t *testing.T) {
			clearEnv(t, prefix)
			t.Setenv(prefix+"API_KEY", canary)
			if err := mustClient(t, reauth.Config{Name: name, BaseURL: srv.API.URL}).Get(t.Context(), "/v1/me", nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPlacesInOrder sets everything and takes it away again, first place first.
func TestPlacesInOrder(t *testing.T) {
	const prefix = "ORDER_TEST_"
	clearEnv(t, prefix)
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{
		{Label: "api key", Value: "not-a-real-key-1"}, {Label: "api key file", Value: "not-a-real-key-2"},
		{Label: "token", Value: "not-a-real-key-3"}, {Label: "token file", Value: "not-a-real-key-4"},
	}})
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	write := func(name, value string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	variables := []struct{ name, value, credential string }{
		{"CLIENT_ID", "test-client", "access 1"},
		{"API_KEY", "not-a-real-key-1", "api key"},
		{"API_KEY_FILE", write("key", "not-a-real-key-2"), "api key file"},
		{"TOKEN", "not-a-real-key-3", "token"},
		{"TOKEN_FILE", write("token", "not-a-real-key-4"), "token file"},
	}
	for _, v := range variables {
		t.Setenv(prefix+v.name, v.value)
	}
	t.Setenv(prefix+"CLIENT_SECRET", "test-client-secret")
	t.Setenv(prefix+"TOKEN_URL", srv.Issuer.TokenURL)
	for _, v := range variables {
		if err := mustClient(t, reauth.Config{Name: "order-test", BaseURL: srv.API.URL}).Get(t.Context(), "/v1/me", nil); err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		requests := srv.API.Requests()
		if got := requests[len(requests)-1].Credential; got != v.credential {
			t.Errorf("with %s set, %q was sent, want %q", v.name, got, v.credential)
		}
		if err := os.Unsetenv(prefix + v.name); err != nil {
			t.Fatal(err)
		}
		if v.name == "CLIENT_ID" {
			_ = os.Unsetenv(prefix + "TOKEN_URL")
		}
	}
	err := mustClient(t, reauth.Config{Name: "order-test", BaseURL: srv.API.URL}).Get(t.Context(), "/v1/me", nil)
	e := wantError(t, err, auth.MissingCredential)
	if e.Confidence != auth.Certain || e.Step() != auth.StepVerify || !strings.Contains(e.Remedy.Text, prefix+"API_KEY") {
		t.Errorf("got %s", e.Explain())
	}
	if srv.Trap.Leaks() != nil {
		t.Error(srv.Trap.Leaks())
	}
}

// TestTrap77_VariablesAreBoundToTheAPI: a key from the environment goes to the
// client's own origins, and to no other host that a path or a redirect names.
func TestTrap77_VariablesAreBoundToTheAPI(t *testing.T) {
	clearEnv(t, "BOUND_TEST_")
	t.Setenv("BOUND_TEST_API_KEY", canary)
	srv := keyServer(t, nil)
	c := mustClient(t, reauth.Config{Name: "bound-test", BaseURL: srv.API.URL})
	for _, at := range []string{srv.Trap.URL + "/v1/me", srv.Trap.PortURL + "/v1/me", srv.API.RedirectURL(http.StatusFound, srv.Trap.URL)} {
		resp, err := c.HTTPClient().Get(at)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if got := len(srv.Trap.Requests()); got != 3 {
		t.Errorf("%d requests went elsewhere, want 3", got)
	}
	for _, leak := range srv.Trap.Leaks() {
		t.Errorf("leaked: %v", leak)
	}
	if got := srv.API.Requests(); len(got) != 1 || got[0].Credential != "the key" {
		t.Errorf("the API got %v", got)
	}
}

// TestT54_PlacesInTheOrderAsked: a refusal names the places before the one that
// the key came from, and that one. Of those behind it only one with a different
// key would be named.
func TestT54_PlacesInTheOrderAsked(t *testing.T) {
	clearEnv(t, "PLACES_TEST_")
	t.Setenv("PLACES_TEST_API_KEY", " ")
	t.Setenv("PLACES_TEST_TOKEN", "not-a-real-key-of-old")
	srv := keyServer(t, nil)
	e := wantError(t, mustClient(t, reauth.Config{Name: "places-test", BaseURL: srv.API.URL}).Get(t.Context(), "/v1/me", nil), auth.InvalidCredential)
	var got []string
	for _, a := range e.Tried {
		got = append(got, a.Place.String()+": "+a.Answer)
	}
	want := []string{"env PLACES_TEST_API_KEY: set, but blank", "env PLACES_TEST_TOKEN: found"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("tried %q, want %q", got, want)
	}
	if e.Sent == nil || e.Sent.Provenance.String() != "env PLACES_TEST_TOKEN" {
		t.Errorf("sent %+v", e.Sent)
	}
}

func TestClientCredentialsFromTheEnvironment(t *testing.T) {
	const prefix = "CC_TEST_"
	srv := authtest.NewServer(authtest.Config{})
	t.Cleanup(srv.Close)
	set := func(t *testing.T, id, secret, tokenURL string) *reauth.Client {
		clearEnv(t, prefix)
		for name, value := range map[string]string{"CLIENT_ID": id, "CLIENT_SECRET": secret, "TOKEN_URL": tokenURL} {
			if value != "" {
				t.Setenv(prefix+name, value)
			}
		}
		return mustClient(t, reauth.Config{Name: "cc-test", BaseURL: srv.API.URL})
	}
	t.Run("complete", func(t *testing.T) {
		c := set(t, "test-client", "test-client-secret", srv.Issuer.TokenURL)
		for range 3 {
			if err := c.Get(t.Context(), "/v1/me", nil); err != nil {
				t.Fatal(err)
			}
		}
		srv.Issuer.RevokeAccess()
		if err := c.Get(t.Context(), "/v1/me", nil); err != nil {
			t.Fatal(err)
		}
		if got := srv.Issuer.Stats().Exchanges["client_credentials"]; got != 2 {
			t.Errorf("%d exchanges, want 2", got)
		}
	})
	for _, test := range []struct {
		name, id, secret, tokenURL string
		cause                      auth.Cause
		says                       string
	}{
		{"no id", "", "s", srv.Issuer.TokenURL, auth.MissingCredential, "CC_TEST_CLIENT_ID"},
		{"no URL", "test-client", "s", "", auth.MissingCredential, "CC_TEST_TOKEN_URL"},
		{"a lone secret", "", "s", "", auth.MissingCredential, "CC_TEST_CLIENT_ID and CC_TEST_TOKEN_URL to go with"},
		{"no secret", "test-client", "", srv.Issuer.TokenURL, auth.MissingCredential, "CC_TEST_CLIENT_SECRET"},
		{"a wrong secret", "test-client", canary, srv.Issuer.TokenURL, auth.ClientRejected, "client secret"},
		{"a URL in clear text", "test-client", "s", "http://issuer.acme.example/token", auth.EndpointMisconfigured, "CC_TEST_TOKEN_URL"},
		{"no token endpoint there", "test-client", "s", srv.API.URL + "/nowhere", auth.IssuerUnavailable, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := srv.API.Total().Requests
			err := set(t, test.id, test.secret, test.tokenURL).Get(t.Context(), "/v1/me", nil)
			e, ok := errors.AsType[*auth.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if test.says != "" && (e.Cause != test.cause || !strings.Contains(e.Explain(), test.says)) {
				t.Errorf("got:\n%swant %s and %q", e.Explain(), test.cause, test.says)
			}
			if strings.Contains(e.Explain()+err.Error(), canary) {
				t.Errorf("the secret shows:\n%s", e.Explain())
			}
			if sent := srv.API.Total().Requests - before; sent > 1 || sent == 1 && test.says != "" {
				t.Errorf("%d requests went to the API without a credential", sent)
			}
		})
	}
}

func TestPathsAreJoined(t *testing.T) {
	c := mustClient(t, reauth.Config{BaseURL: "https://api.acme.example/base/v2", Source: auth.Static("x"), UserAgent: "acme-cli/1"})
	for _, test := range []struct{ path, want string }{
		{"", "https://api.acme.example/base/v2"},
		{"/me", "https://api.acme.example/base/v2/me"},
		{"me", "https://api.acme.example/base/v2/me"},
		{"me/", "https://api.acme.example/base/v2/me/"},
		{"/c d", "https://api.acme.example/base/v2/c%20d"},
		{"/a%2Fb/c%20d?x=1&y=a%2Fb", "https://api.acme.example/base/v2/a%2Fb/c%20d?x=1&y=a%2Fb"},
		{"?page=2", "https://api.acme.example/base/v2?page=2"},
		{"https://api.acme.example/base/v2/items?page=2", "https://api.acme.example/base/v2/items?page=2"},
		{"https://API.acme.example:443/base/v2/items", "https://API.acme.example:443/base/v2/items"},
		{"//x", ""},
		{"/..", ""},
		{"../admin", ""},
		{"/a/%2e%2e/b", ""},
		{"/a/..%2fb", ""},
		{"/a\\..\\b", ""},
		{"//evil.example/me", ""},
		{"https://evil.example/me", ""},
		{"http://api.acme.example/base/v2/me", ""},
		{"https://user@api.acme.example/me", ""},
		{"https://api.acme.example:8443/me", ""},
		{"mailto:a@b.example", ""},
		{"/a\x00b", ""},
	} {
		req, err := c.NewRequest(t.Context(), http.MethodGet, test.path, nil)
		switch {
		case test.want == "" && err == nil:
			t.Errorf("%q gives %s, want an error", test.path, req.URL)
		case test.want != "" && err != nil:
			t.Errorf("%q: %v", test.path, err)
		case test.want != "" && req.URL.String() != test.want:
			t.Errorf("%q gives %s, want %s", test.path, req.URL, test.want)
		case test.want != "" && req.UserAgent() != "acme-cli/1":
			t.Errorf("User-Agent %q", req.UserAgent())
		}
	}
}

func TestCall(t *testing.T) {
	srv := keyServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Was", r.Header.Get("Content-Type")+" "+r.Header.Get("Accept"))
			_, _ = w.Write(body)
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/page":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>hello</html>")
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"a":`)
		default:
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
			http.Error(w, "no such thing, you sent "+r.Header.Get("Authorization"), http.StatusUnprocessableEntity)
		}
	}))
	c := mustClient(t, reauth.Config{BaseURL: srv.API.URL, Source: auth.Static(canary)})
	ctx := t.Context()

	var out map[string]int
	if err := c.Call(ctx, http.MethodPost, "/echo", map[string]int{"a": 1}, &out); err != nil || out["a"] != 1 {
		t.Errorf("JSON: %v, %v", out, err)
	}
	out = nil
	if err := c.Call(ctx, http.MethodPost, "/echo", strings.NewReader(`{"b":2}`), &out); err != nil || out["b"] != 2 {
		t.Errorf("a reader: %v, %v", out, err)
	}
	out = nil
	if err := c.Call(ctx, http.MethodPost, "/echo", []byte(`{"c":3}`), &out); err != nil || out["c"] != 3 {
		t.Errorf("bytes: %v, %v", out, err)
	}
	if err := c.Get(ctx, "/empty", &out); err != nil {
		t.Errorf("an answer without a body: %v", err)
	}
	if err := c.Call(ctx, http.MethodPost, "/echo", func() {}, nil); err == nil {
		t.Error("a function was sent as JSON")
	}
	for _, path := range []string{"/page", "/cut"} {
		if err := c.Get(ctx, path, &out); err == nil {
			t.Errorf("%s was decoded as JSON", path)
		}
	}

	err := c.Get(ctx, "/missing?q="+canary, &out)
	status, ok := errors.AsType[*reauth.StatusError](err)
	if !ok || status.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(status.Body), "no such thing") {
		t.Fatalf("got %v", err)
	}
	if _, ok := errors.AsType[*auth.Error](err); ok {
		t.Error("a 422 is an *auth.Error")
	}
	encoded, _ := json.Marshal(status)
	for _, shown := range []string{err.Error(), fmt.Sprintf("%+v", *status), string(status.Body), string(encoded), fmt.Sprint(status.Header)} {
		if strings.Contains(shown, canary) {
			t.Errorf("L7: the credential that the server echoed shows in %q", shown)
		}
	}
}

func TestDoIsStrictAndHTTPClientIsNot(t *testing.T) {
	srv := keyServer(t, nil)
	var events []auth.EventKind
	c := mustClient(t, reauth.Config{
		BaseURL: srv.API.URL, Source: auth.Static("another-not-a-real-key"), Docs: "https://acme.example/docs", Support: "ask in #acme",
		Hook: func(_ context.Context, e auth.Event) { events = append(events, e.Kind) },
	})
	req, err := c.NewRequest(t.Context(), http.MethodGet, "/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(req)
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e.Response == nil || e.Response.Status != http.StatusUnauthorized {
		t.Fatalf("got %v", err)
	}
	if u, ok := errors.AsType[*url.Error](err); !ok || u.Op != "Get" {
		t.Errorf("the error names no request: %v", err)
	}
	if e.Remedy.URL != "https://acme.example/docs" || e.Support != "ask in #acme" {
		t.Errorf("the vendor's words are missing:\n%s", e.Explain())
	}
	if got := srv.API.Total().Requests; got != 1 {
		t.Errorf("a key that cannot change was sent %d times", got)
	}

	resp, err := c.HTTPClient().Do(req.Clone(t.Context()))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("got %v, %v", resp, err)
	}
	if _, ok := auth.FromResponse(resp); !ok {
		t.Error("the response has no diagnosis")
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if fmt.Sprint(events) != "[found refused refused]" {
		t.Errorf("events: %v", events)
	}
}

func TestClosedClient(t *testing.T) {
	c, err := reauth.New(reauth.Config{BaseURL: "https://api.acme.example", Source: auth.Static("x")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "/", nil); !errors.Is(err, auth.ErrClosed) {
		t.Errorf("got %v, want %v", err, auth.ErrClosed)
	}
}

func TestTimeoutBoundsACall(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(api.Close)
	c := mustClient(t, reauth.Config{BaseURL: api.URL, Source: auth.Static("x"), Timeout: 20 * time.Millisecond})
	err := c.Get(t.Context(), "/", nil)
	if u, ok := errors.AsType[*url.Error](err); !ok || !u.Timeout() {
		t.Errorf("got %v, want a time-out", err)
	}
	if _, ok := errors.AsType[*auth.Error](err); ok {
		t.Errorf("a slow API is blamed on the credential: %v", err)
	}
}

// TestL7_NothingPrints looks at a client that holds a secret.
func TestL7_NothingPrints(t *testing.T) {
	srv := keyServer(t, nil)
	cfg := reauth.Config{BaseURL: srv.API.URL, Source: auth.FirstOf(auth.Static(canary))}
	c := mustClient(t, cfg)
	if err := c.Get(t.Context(), "/v1/me", nil); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{c, *c, cfg, &cfg, c.HTTPClient(), *c.HTTPClient()} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		encoded, _ := json.Marshal(v)
		for _, shown := range []string{
			fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v), string(encoded), log.String(),
		} {
			if strings.Contains(shown, canary) {
				t.Errorf("%T shows its secret: %s", v, shown)
			}
		}
	}
}

func ExampleNew() {
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Value: "not-a-real-key"}}})
	defer srv.Close()
	_ = os.Setenv("EXAMPLE_NEW_API_KEY", "not-a-real-key")

	client, err := reauth.New(reauth.Config{Name: "example-new", BaseURL: srv.API.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()
	var me struct{ Login string }
	err = client.Get(context.Background(), "/v1/me", &me)
	fmt.Println(me.Login, err)
	// Output: tester <nil>
}

func ExampleClient_Do() {
	srv := authtest.NewServer(authtest.Config{})
	defer srv.Close()
	client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: auth.Env("EXAMPLE_UNSET_KEY")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()
	req, err := client.NewRequest(context.Background(), http.MethodDelete, "/v1/files/7", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Do(req)
	if e, ok := errors.AsType[*auth.Error](err); ok {
		fmt.Println(e.Cause, "->", e.Remedy.Text)
	}
	// Output: missing_credential -> set EXAMPLE_UNSET_KEY
}

func ExampleClient_HTTPClient() {
	srv := authtest.NewServer(authtest.Config{})
	defer srv.Close()
	client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: auth.Static("an-old-key")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()

	resp, err := client.HTTPClient().Get(srv.API.URL + "/v1/me") // what an SDK does inside
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	if e, ok := auth.FromResponse(resp); ok {
		fmt.Println(resp.StatusCode, e.Step())
	}
	// Output: 401 verify_credential
}

func ExampleClient_Call() {
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Value: "not-a-real-key"}}})
	defer srv.Close()
	client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: auth.Static("not-a-real-key")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()
	var echoed struct{ Title string }
	err = client.Call(context.Background(), http.MethodPost, "/echo", map[string]string{"title": "hello"}, &echoed)
	fmt.Println(echoed.Title, err)
	// Output: hello <nil>
}

// TestL7_StatusErrorMasksWhatWasSent: the token that the server echoes may have
// been replaced by the time that its answer is read.
func TestL7_StatusErrorMasksWhatWasSent(t *testing.T) {
	n := 0
	src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		n++
		return &auth.Credential{Secret: auth.NewSecret(fmt.Sprintf("%s-%d", canary, n)), Expiry: time.Now().Add(20 * time.Millisecond)}, nil
	})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(40 * time.Millisecond) // longer than the token lives
		_, _ = io.WriteString(w, "debug: "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(api.Close)
	err := mustClient(t, reauth.Config{BaseURL: api.URL, Source: src}).Get(t.Context(), "/", nil)
	status, ok := errors.AsType[*reauth.StatusError](err)
	if !ok || !strings.Contains(string(status.Body), "debug: ") || strings.Contains(err.Error()+string(status.Body), canary) {
		t.Errorf("got %v: %q", err, status.Body)
	}
	if n != 1 {
		t.Errorf("the source was asked %d times", n)
	}
}

// TestSharedCacheOutlivesAClient: what Config.Source gave is not ours to close.
func TestSharedCacheOutlivesAClient(t *testing.T) {
	srv := keyServer(t, nil)
	shared := auth.Cached(auth.Static(canary))
	defer func() { _ = shared.Close() }()
	first, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: shared})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := mustClient(t, reauth.Config{BaseURL: srv.API.URL, Source: shared}).Get(t.Context(), "/v1/me", nil); err != nil {
		t.Error(err)
	}
}

func ExampleClient_Get() {
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Value: "not-a-real-key"}}, Handler: http.NotFoundHandler()})
	defer srv.Close()
	client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: auth.Static("not-a-real-key")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()
	err = client.Get(context.Background(), "/v1/nowhere", nil)
	if e, ok := errors.AsType[*reauth.StatusError](err); ok {
		fmt.Println(e.StatusCode)
	}
	// Output: 404
}

func ExampleClient_NewRequest() {
	client, err := reauth.New(reauth.Config{BaseURL: "https://api.acme.example/v2", Source: auth.Static("not-a-real-key")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()
	req, err := client.NewRequest(context.Background(), http.MethodGet, "/files?page=2", nil)
	fmt.Println(req.URL, err)
	_, err = client.NewRequest(context.Background(), http.MethodGet, "https://evil.example/files", nil)
	fmt.Println(err)
	// Output:
	// https://api.acme.example/v2/files?page=2 <nil>
	// reauth: https://evil.example is not the origin of the base URL
}
