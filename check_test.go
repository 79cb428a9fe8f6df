package reauth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
)

// TestCheckAtTheStart: a program learns before its first request whether it has
// a credential, and with a CheckPath whether the API takes it.
func TestCheckAtTheStart(t *testing.T) {
	clearEnv(t, "CHECK_TEST_")
	srv := keyServer(t, nil)
	cfg := reauth.Config{Name: "check-test", BaseURL: srv.API.URL, Login: "check-test login"}
	e := wantError(t, mustClient(t, cfg).Check(t.Context()), auth.MissingCredential)
	if e.Remedy.Command != cfg.Login || !strings.Contains(e.Remedy.Text, "CHECK_TEST_API_KEY") || e.Request != "" {
		t.Errorf("got %s", e.Explain())
	}

	t.Setenv("CHECK_TEST_API_KEY", "not-a-real-key")
	if err := mustClient(t, cfg).Check(t.Context()); err != nil {
		t.Errorf("without a path nobody can know that the key is wrong: %v", err)
	}
	if n := len(srv.API.Requests()); n != 0 {
		t.Errorf("%d requests without a CheckPath", n)
	}
	cfg.CheckPath = "/v1/me"
	wantError(t, mustClient(t, cfg).Check(t.Context()), auth.InvalidCredential)
	t.Setenv("CHECK_TEST_API_KEY", canary)
	c := mustClient(t, cfg)
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	// While the API refuses the key, the status says so; a success ends that.
	srv.API.RefuseNext(1, authtest.InvalidToken)
	e = wantError(t, c.Check(t.Context()), auth.AccessRevoked)
	if s := c.Status(t.Context()); s.Refused != e || s.LastError != nil {
		t.Errorf("after a refusal: %+v", s)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if s := c.Status(t.Context()); s.Refused != nil || s.Provenance.String() != "env CHECK_TEST_API_KEY" || s.Since.IsZero() || s.LastError != nil {
		t.Errorf("status %+v", s)
	}

	broken := keyServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	cfg.BaseURL = broken.API.URL
	var status *reauth.StatusError
	if err := mustClient(t, cfg).Check(t.Context()); !errors.As(err, &status) {
		t.Errorf("a path that does not exist gives %v", err)
	}
	cfg.CheckPath = "../etc"
	if _, err := reauth.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.CheckPath") {
		t.Errorf("a path out of the API gives %v", err)
	}
}

// TestL13_StatusShowsTrouble: a renewal that fails while the token is valid
// stands in the status before a request fails.
func TestL13_StatusShowsTrouble(t *testing.T) {
	srv := authtest.NewServer(authtest.Config{Lifetime: time.Hour})
	t.Cleanup(srv.Close)
	clearEnv(t, "STATUS_TEST_")
	t.Setenv("STATUS_TEST_CLIENT_ID", "test-client")
	t.Setenv("STATUS_TEST_CLIENT_SECRET", "test-client-secret")
	t.Setenv("STATUS_TEST_TOKEN_URL", srv.Issuer.TokenURL)
	c := mustClient(t, reauth.Config{Name: "status-test", BaseURL: srv.API.URL})
	if s := c.Status(t.Context()); s != (auth.Status{}) {
		t.Errorf("before the first request: %+v", s)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := c.Status(t.Context()); s.Provenance.Kind != auth.KindOAuth || s.Expiry.IsZero() || s.Failures != 0 {
		t.Errorf("with a token: %+v", s)
	}
	// A 401 from somewhere on the way: the token is still good, its renewal is
	// refused, and the next request goes out with it.
	srv.Issuer.FailNext(1, authtest.InvalidClient)
	srv.API.RefuseNext(1, authtest.InvalidToken)
	wantError(t, c.Get(t.Context(), "/v1/me", nil), auth.ClientRejected)
	s := c.Status(t.Context())
	if s.Failures != 1 || !errors.Is(s.LastError, auth.ClientRejected) || s.NextTry.IsZero() || s.Provenance.Kind != auth.KindOAuth {
		t.Errorf("after a renewal that failed: %+v", s)
	}
	if err := c.Get(t.Context(), "/v1/me", nil); err != nil {
		t.Error(err)
	}
}

// TestVendorsRemedy: the hook reaches every error of a client.
func TestVendorsRemedy(t *testing.T) {
	clearEnv(t, "REMEDY_TEST_")
	srv := keyServer(t, nil)
	c := mustClient(t, reauth.Config{Name: "remedy-test", BaseURL: srv.API.URL, Remedy: func(e *auth.Error) auth.Remedy {
		return auth.Remedy{Text: "ask the acme desk about " + string(e.Cause)}
	}})
	for _, key := range []string{"", "not-a-real-key"} {
		t.Setenv("REMEDY_TEST_API_KEY", key)
		err := c.Get(t.Context(), "/v1/me", nil)
		e, ok := errors.AsType[*auth.Error](err)
		if !ok || e.Remedy.Text != "ask the acme desk about "+string(e.Cause) || !strings.Contains(err.Error(), e.Remedy.Text) {
			t.Errorf("got %v", err)
		}
	}
}

// TestReplaceHeaderInAClient: a request with a key of its own goes out with the
// client's.
func TestReplaceHeaderInAClient(t *testing.T) {
	clearEnv(t, "REPLACE_TEST_")
	t.Setenv("REPLACE_TEST_API_KEY", canary)
	srv := keyServer(t, nil)
	for _, replace := range []bool{false, true} {
		c := mustClient(t, reauth.Config{Name: "replace-test", BaseURL: srv.API.URL, ReplaceHeader: replace})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.API.URL+"/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer the-sdk's-own")
		resp, err := c.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if (resp.StatusCode == http.StatusOK) != replace {
			t.Errorf("ReplaceHeader %v: status %d", replace, resp.StatusCode)
		}
	}
}

// TestTokenTransportIsForTheIssuer: token requests take it, and requests to the
// API do not.
func TestTokenTransportIsForTheIssuer(t *testing.T) {
	srv := authtest.NewServer(authtest.Config{})
	t.Cleanup(srv.Close)
	clearEnv(t, "TT_TEST_")
	t.Setenv("TT_TEST_CLIENT_ID", "test-client")
	t.Setenv("TT_TEST_CLIENT_SECRET", "test-client-secret")
	t.Setenv("TT_TEST_TOKEN_URL", srv.Issuer.TokenURL)
	var went []string
	spy := func(name string) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			went = append(went, name+" "+req.URL.Path)
			return http.DefaultTransport.RoundTrip(req)
		})
	}
	c := mustClient(t, reauth.Config{Name: "tt-test", BaseURL: srv.API.URL, Transport: spy("api"), TokenTransport: spy("issuer")})
	if err := c.Get(t.Context(), "/v1/me", nil); err != nil {
		t.Fatal(err)
	}
	if len(went) != 2 || !strings.HasPrefix(went[0], "issuer ") || went[1] != "api /v1/me" {
		t.Errorf("requests went by %q", went)
	}
	_, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: auth.Static("k"), TokenTransport: spy("issuer")})
	if err == nil || !strings.Contains(err.Error(), "Config.TokenTransport") {
		t.Errorf("with a source of its own: %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
