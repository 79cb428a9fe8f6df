package authtest_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
)

func TestRefusals(t *testing.T) {
	const invalid = `error="invalid_token"`
	tests := map[authtest.Refusal]struct {
		status     int
		challenges []string // what each line has in it
		kind       string   // Content-Type
		body       string   // what the body has in it
	}{
		authtest.NoChallenge:        {401, nil, "", ""},
		authtest.RealmOnly:          {401, []string{`Bearer realm="authtest"`}, "", ""},
		authtest.InvalidToken:       {401, []string{invalid}, "application/json", `"error":"invalid_token"`},
		authtest.InvalidRequest:     {400, []string{`error="invalid_request"`}, "application/json", "invalid_request"},
		authtest.InsufficientScope:  {403, []string{`error="insufficient_scope", scope="files.read files.write"`}, "application/json", "insufficient_scope"},
		authtest.Forbidden:          {403, nil, "application/json", "may not"},
		authtest.StepUp:             {401, []string{`error="insufficient_user_authentication"`}, "", ""},
		authtest.InsufficientClaims: {401, []string{`error="insufficient_claims", claims="eyJ`}, "", ""},
		authtest.BasicOnly:          {401, []string{`Basic realm=`}, "", ""},
		authtest.ManyChallenges:     {401, []string{`Negotiate dGVzdA==, Digest`, `BASIC realm = "authtest",, bearer`}, "", ""},
		authtest.MalformedChallenge: {401, []string{`"q" é"`, `"never ends`, invalid, `=, ;"`}, "", ""},
		authtest.LoginPage:          {401, nil, "text/html; charset=utf-8", "Sign in"},
		authtest.JSONMessage:        {401, nil, "application/json", `"message":"Bad credentials"`},
		authtest.ProblemJSON:        {401, nil, "application/problem+json", `"title":"Token expired"`},
		authtest.ErrorIn200:         {200, nil, "application/json", `"ok":false`},
		authtest.DeniedIn200:        {200, nil, "application/json", `"status":"REQUEST_DENIED"`},
		authtest.LoginPageIn200:     {200, nil, "text/html; charset=utf-8", "Sign in"},
		authtest.LoginRedirect:      {200, nil, "text/html; charset=utf-8", "Sign in"}, // where the client ends up
		authtest.HiddenIn404:        {404, nil, "application/json", "Not Found"},
		authtest.KeyIn403:           {403, nil, "application/json", `"status":"PERMISSION_DENIED"`},
		authtest.HugeBody:           {401, []string{invalid}, "text/plain; charset=utf-8", "on and on"},
		authtest.EarlyClose:         {401, []string{invalid}, "", ""},
		authtest.ProxyAuth:          {407, nil, "", ""},
		authtest.EchoCredential:     {401, []string{"not accepted: Bearer a-secret"}, "text/plain; charset=utf-8", "Authorization: Bearer a-secret"},
	}
	endless := []authtest.Refusal{authtest.TrickleBody, authtest.StallBody} // below
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		for _, refusal := range authtest.Refusals() {
			want, ok := tests[refusal]
			if !ok && !slices.Contains(endless, refusal) {
				t.Errorf("no test for %q", refusal)
			}
			if !ok {
				continue
			}
			t.Run(string(refusal), func(t *testing.T) {
				srv.API.RefuseNext(1, refusal)
				got := get(t, client, srv.API.URL, bearer("a-secret"))
				wantStatus(t, got, want.status)
				lines := got.Header.Values("WWW-Authenticate")
				if len(lines) != len(want.challenges) {
					t.Fatalf("challenges %q, want %d lines", lines, len(want.challenges))
				}
				for i, part := range want.challenges {
					if !strings.Contains(lines[i], part) {
						t.Errorf("challenge %q has no %q", lines[i], part)
					}
				}
				wantEqual(t, "Content-Type", got.Header.Get("Content-Type"), want.kind)
				if !strings.Contains(got.body, want.body) {
					t.Errorf("body %.200q has no %q", got.body, want.body)
				}
				switch refusal {
				case authtest.HugeBody:
					wantEqual(t, "length", len(got.body), 10<<20)
				case authtest.ProxyAuth:
					wantEqual(t, "Proxy-Authenticate", got.Header.Get("Proxy-Authenticate"), `Basic realm="authtest proxy"`)
				case authtest.LoginRedirect:
					wantEqual(t, "landed", got.Request.URL.String(), srv.API.URL+"/login?return_to=%2F")
				case authtest.EarlyClose:
					wantEqual(t, "Close", got.Close, true)
				}
			})
		}
	})
}

// A body that trickles or stalls goes on until the client leaves: by closing
// it, by cancelling, or because the server closes.
func TestRefusalsWithoutEnd(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		for _, refusal := range []authtest.Refusal{authtest.TrickleBody, authtest.StallBody} {
			for _, leave := range []string{"close", "cancel"} {
				t.Run(string(refusal)+", "+leave, func(t *testing.T) {
					srv.API.RefuseNext(1, refusal)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.API.URL, nil)
					resp, err := client.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					wantEqual(t, "status", resp.StatusCode, 401)
					if refusal == authtest.TrickleBody {
						var three [3]byte
						if _, err := io.ReadFull(resp.Body, three[:]); err != nil || string(three[:]) != "..." {
							t.Errorf("read %q, %v", three, err)
						}
					}
					if leave == "cancel" {
						cancel()
						if _, err := io.Copy(io.Discard, resp.Body); err == nil {
							t.Error("the body ended well")
						}
					}
				})
			}
		}
		srv.API.RefuseNext(1, authtest.StallBody)
		resp, err := client.Get(srv.API.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		srv.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("the body of a closed server ended well")
		}
	})
}

// EarlyClose answers while the client is still busy sending.
func TestEarlyCloseReadsNoBody(t *testing.T) {
	everyway(t, authtest.Config{Refusal: authtest.EarlyClose}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		body, writer := io.Pipe()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.API.URL, body)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		writer.Close()
		wantEqual(t, "status", resp.StatusCode, 401)
		wantEqual(t, "body read", srv.API.Requests()[0].Length, 0)
	})
}

// Every other refusal has read the body, so that a repeat can be compared.
func TestRefusalsReadTheBody(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		client.Timeout = 10 * time.Second
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for i, refusal := range append(authtest.Refusals(), "") {
			if refusal == "" { // the one that nobody configured
				srv.API.RefuseNext(1, nil)
			} else {
				srv.API.RefuseNext(1, refusal)
			}
			resp, err := client.Post(srv.API.URL, "text/plain", strings.NewReader("a body"))
			if err != nil {
				t.Fatalf("%q: %v", refusal, err)
			}
			resp.Body.Close()
			want := int64(6)
			if refusal == authtest.EarlyClose {
				want = 0
			}
			wantEqual(t, string(refusal), srv.API.Requests()[i].Length, want)
			wantEqual(t, "status", srv.API.Requests()[i].Status, resp.StatusCode)
		}
	})
}
