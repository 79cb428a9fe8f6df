package reauth_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
)

// workload is an issuer that keeps the last assertion, an API that takes its
// token, and a client of that name, whose variables are pairs.
func workload(t *testing.T, pairs ...string) (client *reauth.Client, asserted *atomic.Value) {
	t.Helper()
	const prefix = "WORKLOAD_TEST_"
	asserted = new(atomic.Value)
	asserted.Store("")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/token":
			asserted.Store(r.FormValue("client_assertion"))
			if r.Header.Get("Authorization") != "" || r.FormValue("client_secret") != "" || r.FormValue("client_id") != "reports" {
				t.Errorf("a second proof: %v, Authorization %q", r.Form, r.Header.Get("Authorization"))
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"access_token":"fake-access","token_type":"Bearer","expires_in":3600}`)
		default:
			if r.Header.Get("Authorization") != "Bearer fake-access" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}
	}))
	t.Cleanup(srv.Close)
	clearEnv(t, prefix)
	t.Setenv(prefix+"CLIENT_ASSERTION", "")
	t.Setenv(prefix+"CLIENT_ASSERTION_FILE", "")
	t.Setenv(prefix+"CLIENT_ID", "reports")
	t.Setenv(prefix+"TOKEN_URL", srv.URL+"/token")
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(prefix+pairs[i], pairs[i+1])
	}
	return mustClient(t, reauth.Config{Name: "workload-test", BaseURL: srv.URL}), asserted
}

func projected(t *testing.T, life time.Duration) (file, token string) {
	t.Helper()
	part := base64.RawURLEncoding.EncodeToString
	token = part([]byte(`{"alg":"none"}`)) + "." + part(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(life).Unix())) + ".fake"
	file = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, token
}

func TestAnAssertionFromTheEnvironment(t *testing.T) {
	file, token := projected(t, time.Hour)
	for _, set := range [][]string{{"CLIENT_ASSERTION_FILE", file}, {"CLIENT_ASSERTION", token}} {
		c, asserted := workload(t, set...)
		if err := c.Get(t.Context(), "/", nil); err != nil {
			t.Fatal(err)
		}
		if asserted.Load() != token {
			t.Errorf("%s: sent %v", set[0], asserted.Load())
		}
	}
}

func TestL9_AnAssertionFromTheEnvironmentThatCannotBeUsed(t *testing.T) {
	file, _ := projected(t, time.Hour)
	old, _ := projected(t, -time.Minute)
	gone := filepath.Join(t.TempDir(), "gone")
	for _, tt := range []struct {
		name  string
		set   []string
		cause auth.Cause
		says  []string
	}{
		{"expired", []string{"CLIENT_ASSERTION_FILE", old}, auth.AccessExpired, []string{old, "WORKLOAD_TEST_CLIENT_ASSERTION_FILE"}},
		{"gone", []string{"CLIENT_ASSERTION_FILE", gone}, auth.SourceFailed, []string{gone, "WORKLOAD_TEST_CLIENT_ASSERTION_FILE"}},
		{"and a secret", []string{"CLIENT_ASSERTION_FILE", file, "CLIENT_SECRET", "x"}, auth.SourceFailed,
			[]string{"unset WORKLOAD_TEST_CLIENT_ASSERTION_FILE or WORKLOAD_TEST_CLIENT_SECRET"}},
		{"and a secret's file", []string{"CLIENT_ASSERTION_FILE", file, "CLIENT_SECRET_FILE", "x"}, auth.SourceFailed,
			[]string{"unset WORKLOAD_TEST_CLIENT_ASSERTION_FILE or WORKLOAD_TEST_CLIENT_SECRET_FILE"}},
		{"alone", []string{"CLIENT_ASSERTION_FILE", file, "CLIENT_ID", "", "TOKEN_URL", ""}, auth.MissingCredential,
			[]string{"WORKLOAD_TEST_CLIENT_ID and WORKLOAD_TEST_TOKEN_URL to go with WORKLOAD_TEST_CLIENT_ASSERTION_FILE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, asserted := workload(t, tt.set...)
			e := wantError(t, c.Get(t.Context(), "/", nil), tt.cause)
			for _, s := range tt.says {
				if !strings.Contains(e.Explain(), s) {
					t.Errorf("not said: %q\n%s", s, e.Explain())
				}
			}
			if asserted.Load() != "" {
				t.Error("something was sent")
			}
		})
	}
}

// TestL5_TheDefaultSourceRemembersAnOutage: a client that is configured by
// variables alone asks a dead issuer no louder than one with a source of its own.
func TestL5_TheDefaultSourceRemembersAnOutage(t *testing.T) {
	clearEnv(t, "OUTAGE_TEST_")
	t.Setenv("OUTAGE_TEST_CLIENT_ID", "test-client")
	t.Setenv("OUTAGE_TEST_CLIENT_SECRET", "test-client-secret")
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(authtest.Config{InMemory: true})
		t.Cleanup(srv.Close)
		t.Setenv("OUTAGE_TEST_TOKEN_URL", srv.Issuer.TokenURL)
		c := mustClient(t, reauth.Config{Name: "outage-test", BaseURL: srv.API.URL, Transport: srv.Transport()})
		srv.Issuer.FailFor(10*time.Minute, authtest.Unavailable)
		for range 10 * 60 {
			wantError(t, c.Get(t.Context(), "/v1/me", nil), auth.IssuerUnavailable)
			time.Sleep(time.Second)
		}
		if n := len(srv.Issuer.Requests()); n > 120 {
			t.Errorf("%d token requests in ten minutes, want 12 a minute at most", n)
		} else {
			t.Logf("%d token requests in ten minutes", n)
		}
	})
}

// TestTokenAuthMethod: where the secret goes is the issuer's wish, and a variable.
func TestTokenAuthMethod(t *testing.T) {
	var form, header atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_, _, basic := r.BasicAuth()
			header.Store(basic)
			form.Store(r.FormValue("client_secret") != "")
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"access_token":"fake-access","token_type":"Bearer"}`)
		}
	}))
	t.Cleanup(srv.Close)
	clearEnv(t, "METHOD_TEST_")
	t.Setenv("METHOD_TEST_CLIENT_ID", "client")
	t.Setenv("METHOD_TEST_CLIENT_SECRET", canary)
	t.Setenv("METHOD_TEST_TOKEN_URL", srv.URL+"/token")
	for method, inForm := range map[string]bool{"": false, "client_secret_basic": false, " client_secret_post ": true} {
		t.Setenv("METHOD_TEST_TOKEN_AUTH_METHOD", method)
		if err := mustClient(t, reauth.Config{Name: "method-test", BaseURL: srv.URL}).Get(t.Context(), "/", nil); err != nil {
			t.Fatal(err)
		}
		if form.Load() != inForm || header.Load() == inForm {
			t.Errorf("%q: in the form %t, in the header %t", method, form.Load(), header.Load())
		}
	}
	t.Setenv("METHOD_TEST_TOKEN_AUTH_METHOD", "private_key_jwt")
	e := wantError(t, mustClient(t, reauth.Config{Name: "method-test", BaseURL: srv.URL}).Get(t.Context(), "/", nil), auth.EndpointMisconfigured)
	if !strings.Contains(e.Remedy.Text, "METHOD_TEST_TOKEN_AUTH_METHOD") {
		t.Errorf("got %s", e.Explain())
	}
}
