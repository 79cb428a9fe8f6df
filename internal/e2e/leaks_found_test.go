package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/transport/retry"
)

// Leaks that TestL7_EveryPath has found, each by itself.

// leaky serves one answer, which may repeat the header's credential.
func leaky(t *testing.T, h func(w http.ResponseWriter, r *http.Request, sent string)) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h(w, r, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func wantSilent(t *testing.T, what string, v any) {
	t.Helper()
	if found := newFinder(tokenlike).in(everything(v)); found != "" {
		t.Errorf("L7: %s shows the secret: %s", what, found)
	}
}

// An answer of 300 to 399 that no client follows is a StatusError as a 404 is.
func TestL7_StatusErrorsBelow400(t *testing.T) {
	for _, status := range []int{300, 302, 304} {
		api := leaky(t, func(w http.ResponseWriter, _ *http.Request, sent string) {
			w.Header().Set("X-Echo", sent)
			w.WriteHeader(status)
			if status != 304 {
				_, _ = io.WriteString(w, "you sent "+sent)
			}
		})
		err := newClient(t, reauth.Config{BaseURL: api, Source: auth.Static(tokenlike)}).Get(t.Context(), "/", nil)
		if _, ok := errors.AsType[*reauth.StatusError](err); !ok {
			t.Fatalf("got %v", err)
		}
		wantSilent(t, fmt.Sprint("StatusError of ", status), err)
	}
}

// What cannot be decoded is quoted by errors of encoding/json, time and others.
func TestL7_AnswersThatDoNotDecode(t *testing.T) {
	api := leaky(t, func(w http.ResponseWriter, _ *http.Request, sent string) {
		w.Header().Set("Content-Type", "text/x; sent="+sent)
		_ = json.NewEncoder(w).Encode(map[string]string{"At": sent})
	})
	var out struct{ At time.Time }
	err := newClient(t, reauth.Config{BaseURL: api, Source: auth.Static(tokenlike)}).Get(t.Context(), "/", &out)
	if err == nil {
		t.Fatal("no error")
	}
	wantSilent(t, "the error", err)
}

// A client's error names the URL that it failed on, and that is the server's
// after a redirect: some put the token there.
func TestL7_ErrorsAfterARedirect(t *testing.T) {
	for name, to := range map[string]string{
		"refused there": "/there?access_token=", "nobody there": "http://127.0.0.1:1/?access_token=", "no URL": "http://[", "another scheme": "gopher://x.example/",
	} {
		api := leaky(t, func(w http.ResponseWriter, r *http.Request, sent string) {
			w.Header().Set("Location", to+sent)
			w.WriteHeader(map[bool]int{true: 401, false: 302}[r.URL.Path == "/there"])
		})
		c := newClient(t, reauth.Config{BaseURL: api, Source: auth.Static(tokenlike), NoRetry: true})
		err := c.Get(t.Context(), "/", nil)
		var u *url.Error
		if !errors.As(err, &u) {
			t.Errorf("%s: got %v", name, err)
		}
		wantSilent(t, name+": the error", err)
	}
}

// L6, L7: login pages are told where to return to in whatever way the server
// escapes it. ASP.NET, for one, writes small hexadecimal digits.
func TestL6_KeyInALocationInOtherWords(t *testing.T) {
	const key = "fk/Zq8+wQx2=vRt6/mYp4nLs9"
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if found := newFinder(key).in(r.RequestURI + fmt.Sprint(r.Header)); found != "" {
			t.Errorf("L6: a foreign server got the key: %s", found)
		}
	}))
	defer other.Close()
	for _, write := range []string{"percent", "twice", "base64", "html"} {
		api := leaky(t, func(w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, other.URL+"/login?ReturnUrl="+written[write]("/v1?key="+r.FormValue("key")), http.StatusFound)
		})
		c := newClient(t, reauth.Config{BaseURL: api, Source: auth.Static(key), Scheme: auth.APIKeyQuery("key")})
		resp := wanted(c.Do(wanted(http.NewRequest(http.MethodGet, api+"/v1", nil))))
		_ = resp.Body.Close()
		if found := newFinder(key).in(resp.Request.URL.String()); found != "" {
			t.Errorf("L7: the URL shows the key: %s", found)
		}
	}
}

// After a redirect the path, too, is the server's.
func TestL7_LogOfRepeatsAfterARedirect(t *testing.T) {
	api := leaky(t, func(w http.ResponseWriter, r *http.Request, sent string) {
		if strings.HasPrefix(r.URL.Path, "/there") {
			w.WriteHeader(503)
			return
		}
		http.Redirect(w, r, "/there/"+sent, http.StatusFound)
	})
	var logs bytes.Buffer
	c := newClient(t, reauth.Config{BaseURL: api, Source: auth.Static(tokenlike), Retry: retry.Config{
		Retries: 1, MinWait: time.Millisecond, MaxWait: time.Millisecond, Logger: slog.New(slog.NewTextHandler(&logs, nil)),
	}})
	err := c.Get(t.Context(), "/", nil)
	if !strings.Contains(logs.String(), "503") {
		t.Fatalf("nothing logged: %v", err)
	}
	wantSilent(t, "the log", logs.String())
}

// A refusal of somebody else, whom a redirect of ours has told the credential.
func TestL7_RefusedElsewhere(t *testing.T) {
	other := leaky(t, func(w http.ResponseWriter, r *http.Request, _ string) {
		w.WriteHeader(401)
		_, _ = io.WriteString(w, "not "+r.URL.Path)
	})
	api := leaky(t, func(w http.ResponseWriter, r *http.Request, sent string) {
		http.Redirect(w, r, other+"/"+sent, http.StatusFound)
	})
	err := newClient(t, reauth.Config{BaseURL: api, Source: auth.Static(tokenlike)}).Get(t.Context(), "/", nil)
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	wantSilent(t, "the diagnosis", e)
}

// Scopes are no secret, and an issuer may still write one there.
func TestL7_ScopesThatRepeatASecret(t *testing.T) {
	issuer := leaky(t, func(w http.ResponseWriter, r *http.Request, _ string) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "test-access", "token_type": "Bearer", "scope": "read " + r.FormValue("client_secret")})
	})
	src := wanted(oauth.ClientCredentials(&clientcredentials.Config{ClientID: "id", ClientSecret: tokenlike, TokenURL: issuer, AuthStyle: 1}, oauth.Options{}))
	wantSilent(t, "the credential", wanted(src.Credential(t.Context())))
}

// L6, L7: net/http goes where a Location leads with what is in it, and names it in
// the errors of a client that is not ours.
func TestL6_TokenInALocationElsewhere(t *testing.T) {
	asked := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.RequestURI }))
	defer other.Close()
	for _, write := range []string{"plain", "percent", "twice", "base64", "html"} {
		for _, to := range []string{other.URL, "http://127.0.0.1:1"} {
			api := leaky(t, func(w http.ResponseWriter, r *http.Request, sent string) {
				http.Redirect(w, r, to+"/login?return="+written[write]("/v1?token="+sent), http.StatusFound)
			})
			resp, err := newClient(t, reauth.Config{BaseURL: api, Source: auth.Static(tokenlike)}).HTTPClient().Get(api + "/v1")
			if (err == nil) != (to == other.URL) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				wantSilent(t, "http.Client's error", err)
				continue
			}
			_ = resp.Body.Close()
			if found := newFinder(tokenlike).in(<-asked); found != "" {
				t.Errorf("L6: a foreign server got the token: %s", found)
			}
		}
	}
}

// A key that has a word in common with the host's name makes no failure that may
// pass out of one that will not, and leads no redirect astray.
func TestKeysWithWordsInThem(t *testing.T) {
	const key = "acme-prod-1a2b3c4d5e6f"
	for name, failure := range map[string]error{
		"no such name": &net.DNSError{Err: "no such host", Name: "acme-prod.example", IsNotFound: true},
		"certificate": &tls.CertificateVerificationError{Err: x509.HostnameError{
			Certificate: &x509.Certificate{DNSNames: []string{"other.example"}}, Host: "acme-prod.example",
		}},
		"alert": &net.OpError{Op: "remote error", Err: errors.New("tls: acme-prod.example is not wanted")},
	} {
		attempts := 0
		base := roundTripper(func(*http.Request) (*http.Response, error) {
			attempts++
			return nil, &url.Error{Op: "Get", URL: "https://acme-prod.example", Err: failure}
		})
		c := newClient(t, reauth.Config{
			BaseURL: "https://acme-prod.example", Source: auth.Static(key), Transport: base, Retry: retry.Config{MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond},
		})
		if err := c.Get(t.Context(), "/", nil); err == nil || attempts != 1 {
			t.Errorf("%s: %d attempts, then %v", name, attempts, err)
		}
	}
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}
		if r.URL.Path == "/" {
			resp.StatusCode = 302
			resp.Header.Set("Location", "https://acme-prod-files.example/acme-prod/items")
		}
		return resp, nil
	})
	c := newClient(t, reauth.Config{BaseURL: "https://acme-prod.example", Source: auth.Static(key), Scheme: auth.APIKeyQuery("key"), Transport: base})
	resp := wanted(c.Do(wanted(http.NewRequest(http.MethodGet, "https://acme-prod.example/", nil))))
	if got := resp.Request.URL.String(); got != "https://acme-prod-files.example/acme-prod/items" {
		t.Errorf("went to %s", got)
	}
}
