package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Every answer of a token endpoint has one meaning. The last columns are what
// client credentials make of it, and how often each grant asks.
func TestTrap67_AnswersAndTheirMeaning(t *testing.T) {
	const (
		json = "application/json"
		html = "text/html; charset=utf-8"
	)
	type meaning struct {
		cause      auth.Cause
		confidence auth.Confidence
	}
	var (
		rejected   = meaning{auth.RefreshRejected, auth.Certain}
		client     = meaning{auth.ClientRejected, auth.Certain}
		notAllowed = meaning{auth.ClientNotAllowed, auth.Certain}
		audience   = meaning{auth.WrongAudience, auth.Certain}
		misconf    = meaning{auth.EndpointMisconfigured, auth.Likely}
		weather    = meaning{auth.IssuerUnavailable, auth.Certain}
		unclear    = meaning{auth.IssuerUnavailable, auth.Possible}
		unknown    = meaning{auth.RejectedUnclassified, auth.Possible}
	)
	likely := func(m meaning) meaning { m.confidence = auth.Likely; return m }
	for _, tt := range []struct {
		name         string
		status       int
		contentType  string
		body         string
		refresh, app meaning
		times        int // that client credentials ask; the refresh token is sent once
	}{
		{"invalid_grant", 400, json, `{"error":"invalid_grant"}`, rejected, likely(client), 1},
		{"invalid_client", 401, json, `{"error":"invalid_client"}`, client, client, 1},
		{"invalid_client, 400", 400, json, `{"error":"invalid_client"}`, client, client, 1},
		{"unauthorized_client", 400, json, `{"error":"unauthorized_client"}`, notAllowed, notAllowed, 1},
		{"unsupported_grant_type", 400, json, `{"error":"unsupported_grant_type"}`, notAllowed, notAllowed, 1},
		{"invalid_scope", 400, json, `{"error":"invalid_scope"}`, notAllowed, notAllowed, 1},
		{"invalid_request", 400, json, `{"error":"invalid_request"}`, likely(notAllowed), likely(notAllowed), 1},
		{"invalid_target", 400, json, `{"error":"invalid_target"}`, audience, audience, 1},
		{"interaction_required", 400, json, `{"error":"interaction_required"}`, likely(rejected), likely(client), 1},
		{"form-encoded verdict", 400, "application/x-www-form-urlencoded", `error=invalid_grant&error_description=x`, rejected, likely(client), 1},
		{"verdict as text/plain JSON", 400, "text/plain", `{"error":"invalid_grant"}`, rejected, likely(client), 1},
		{"verdict as text/html JSON", 400, html, `{"error":"invalid_grant"}`, rejected, likely(client), 1},
		{"verdict out of its place", 403, json, `{"error":"invalid_grant"}`, likely(rejected), likely(client), 1},
		{"verdict on 404", 404, json, `{"error":"invalid_client"}`, likely(client), likely(client), 1},
		{"200 with an error", 200, json, `{"error":"invalid_grant"}`, likely(rejected), likely(client), 1},
		{"200 with error and token", 200, json, `{"error":"invalid_grant","access_token":"x"}`, likely(rejected), likely(client), 1},
		{"GitHub's 200", 200, json, `{"error":"bad_refresh_token"}`, likely(rejected), likely(client), 1},
		{"unknown code", 400, json, `{"error":"quota_of_moons"}`, unknown, unknown, 1},
		{"200 with prose", 200, json, `{"error":"Something went wrong"}`, unknown, unknown, 1},

		{"temporarily_unavailable", 400, json, `{"error":"temporarily_unavailable"}`, weather, weather, 3},
		{"server_error", 400, json, `{"error":"server_error"}`, weather, weather, 3},
		{"verdict in a 500", 500, json, `{"error":"invalid_grant"}`, weather, weather, 3},
		{"429", 429, json, `{"error":"invalid_request"}`, weather, weather, 3},
		{"500", 500, html, `<h1>no</h1>`, weather, weather, 3},
		{"502", 502, html, ``, weather, weather, 3},
		{"503", 503, "", ``, weather, weather, 3},
		{"400 without a code", 400, html, `<h1>Bad Request</h1>`, unclear, unclear, 3},
		{"401 without a code", 401, json, `{"message":"unauthorized"}`, unclear, unclear, 3},
		{"403 without a code", 403, html, `<h1>Blocked</h1>`, unclear, unclear, 3},
		{"401 with prose for a code", 401, json, `{"error":"Not Authorized","status":401}`, unclear, unclear, 3},
		{"error that is an object", 403, json, `{"error":{"code":403}}`, unclear, unclear, 3},

		{"404", 404, html, `<h1>Not Found</h1>`, misconf, misconf, 1},
		{"404 of a framework", 404, json, `{"status":404,"error":"Not Found"}`, misconf, misconf, 1},
		{"405", 405, "", ``, misconf, misconf, 1},
		{"200 with a page", 200, html, `<html>Please log in</html>`, misconf, misconf, 1},
		{"200 without a token", 200, json, `{}`, misconf, misconf, 1},
		{"200 with an empty token", 200, json, `{"access_token":""}`, misconf, misconf, 1},
		{"200 with a token that is a number", 200, json, `{"access_token":17}`, misconf, misconf, 1},
		{"200 with broken JSON", 200, json, `{"access_token":"x`, misconf, misconf, 1},
		{"204", 204, "", ``, misconf, misconf, 1},
		{"more than 1 MiB", 200, json, `{"access_token":"` + strings.Repeat("x", 1<<20) + `"}`, misconf, misconf, 1},
		{"302 without a location", 302, "", ``, misconf, misconf, 1},
		{"407", 407, html, ``, meaning{auth.ProxyAuthRequired, auth.Likely}, meaning{auth.ProxyAuthRequired, auth.Likely}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
					return reply(tt.status, tt.contentType, tt.body), nil
				}}
				check := func(src auth.Source, m meaning, times int) {
					t.Helper()
					rt.forms = nil
					_, err := src.Credential(t.Context())
					e := want(t, err, m.cause)
					if e.Confidence != m.confidence {
						t.Errorf("confidence is %s, want %s: %v", e.Confidence, m.confidence, e)
					}
					if e.Step() != m.cause.Step() || e.Response == nil || e.Response.Status != tt.status {
						t.Errorf("step %s, response %+v", e.Step(), e.Response)
					}
					if rt.count() != times {
						t.Errorf("asked %d times, want %d", rt.count(), times)
					}
					if m.cause == auth.IssuerUnavailable && strings.Contains(e.Error(), "check") {
						t.Errorf("Trap 89: weather is worded as a credential's fault: %v", e)
					}
					r, ok := errors.AsType[*oauth2.RetrieveError](err)
					if !ok || r.Response.StatusCode != tt.status {
						t.Errorf("Trap 88: no oauth2.RetrieveError of that status in %v", err)
					}
				}
				check(refreshSource(t, rt, auth.Static(canaryRefresh)), tt.refresh, 1)
				check(clientSource(t, rt), tt.app, tt.times)
			})
		})
	}
}

func TestTrap67_WeatherPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &answers{reply: func(n int, _ *http.Request) (*http.Response, error) {
			switch n {
			case 1:
				return reply(503, "text/html", "gone fishing"), nil
			case 2:
				return nil, io.ErrUnexpectedEOF
			}
			return reply(200, "application/json", goodToken), nil
		}}
		began := time.Now()
		if c := get(t, clientSource(t, rt)); c.Secret.Reveal() != canaryAccess || rt.count() != 3 {
			t.Errorf("asked %d times", rt.count())
		}
		if d := time.Since(began); d < 300*time.Millisecond || d > 750*time.Millisecond {
			t.Errorf("two pauses took %s", d)
		}
	})
}

// Trap 87.
func TestTrap67_RetryAfter(t *testing.T) {
	for _, tt := range []struct {
		value string
		times int
		least time.Duration
		most  time.Duration
	}{
		{"2", 3, 4 * time.Second, 4 * time.Second},
		{"Sat, 01 Jan 2000 00:00:03 GMT", 3, 3 * time.Second, 4 * time.Second},
		{"5", 2, 5 * time.Second, 5 * time.Second}, // a third try would come after the deadline
		{"6", 1, 0, 0},
		{"Sat, 01 Jan 2000 01:00:00 GMT", 1, 0, 0},
		{"99999999999999999999999999", 1, 0, 0},
		{"-1", 3, 0, time.Second},
		{"soon", 3, 0, time.Second},
	} {
		t.Run(tt.value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
					r := reply(429, "application/json", `{}`)
					r.Header.Set("Retry-After", tt.value)
					return r, nil
				}}
				began := time.Now()
				_, err := clientSource(t, rt).Credential(t.Context())
				e := want(t, err, auth.IssuerUnavailable)
				if tt.times == 1 && !strings.Contains(facts(e), "it asks to wait ") {
					t.Errorf("the wait is not told: %s", facts(e))
				}
				if d := time.Since(began); d < tt.least || d > tt.most || rt.count() != tt.times {
					t.Errorf("asked %d times in %s, want %d in %s to %s", rt.count(), d, tt.times, tt.least, tt.most)
				}
			})
		})
	}
}

// An issuer that hangs is an answer within ten seconds.
func TestL10_HungIssuer(t *testing.T) {
	hang := func(_ int, req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	for name, source := range map[string]func(*answers) auth.Source{
		"client credentials": func(a *answers) auth.Source { return clientSource(t, a) },
		"refresh token":      func(a *answers) auth.Source { return refreshSource(t, a, auth.Static(canaryRefresh)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &answers{reply: hang}
				src := source(rt)
				began := time.Now()
				_, err := src.Credential(t.Context())
				e := want(t, err, auth.IssuerUnavailable)
				if d := time.Since(began); d != 10*time.Second || rt.count() != 1 {
					t.Errorf("took %s and %d requests", d, rt.count())
				}
				if !errors.Is(err, context.DeadlineExceeded) || e.Evidence[0].Fact != "the token endpoint did not answer within 10s" || e.Confidence != auth.Likely {
					t.Errorf("got %+v", e.Evidence)
				}

				// The caller's deadline is shorter: the diagnosis is the same.
				short, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err = src.Credential(short)
				if e := want(t, err, auth.IssuerUnavailable); !strings.Contains(facts(e), "within 1s") {
					t.Errorf("got %v", e)
				}

				// The caller gave up: that is no diagnosis.
				gone, giveUp := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, giveUp)
				_, err = src.Credential(gone)
				if _, ok := errors.AsType[*auth.Error](err); ok || !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: got %v", err)
				}
				n := rt.count()
				if _, err = src.Credential(gone); !errors.Is(err, context.Canceled) || rt.count() != n {
					t.Errorf("cancelled before: got %v and %d requests", err, rt.count()-n)
				}
			})
		})
	}
}

// A caller that goes away during a pause does not wait for its end.
func TestL4_CancelledDuringPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
			r := reply(503, "", "")
			r.Header.Set("Retry-After", "4")
			return r, nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := clientSource(t, rt).Credential(ctx)
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

func TestVerdictsSayWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for code, words := range map[string]string{
			"invalid_scope":  "read write",
			"invalid_client": "AuthStyleInParams",
			"quota_of_moons": `error "quota_of_moons"`,
		} {
			_, err := clientSource(t, always(400, `{"error":"`+code+`","error_description":"tell me more"}`)).Credential(t.Context())
			text := fmt.Sprint(diagnosis(t, err))
			for _, w := range []string{words, code, "tell me more", "400 Bad Request"} {
				if !strings.Contains(text, w) {
					t.Errorf("%s: %q is not in %s", code, w, text)
				}
			}
		}
	})
}

// Whoever reads the error learns which place to look at.
func TestClientRejectedNamesThePlaceOfTheSecret(t *testing.T) {
	t.Setenv("ACME_CLIENT_SECRET", canaryClient)
	for style, other := range map[oauth2.AuthStyle]string{oauth2.AuthStyleInHeader: "AuthStyleInParams", oauth2.AuthStyleInParams: "AuthStyleInHeader"} {
		src, err := oauth.ClientCredentials(
			&clientcredentials.Config{ClientID: "reports", TokenURL: tokenURL, AuthStyle: style},
			oauth.Options{ClientSecret: auth.Env("ACME_CLIENT_SECRET"), Transport: always(401, `{"error":"invalid_client"}`)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = src.Credential(t.Context())
		e := want(t, err, auth.ClientRejected)
		if !strings.Contains(e.Remedy.Text, "check the client id and env ACME_CLIENT_SECRET") || !strings.Contains(e.Remedy.Text, other) || !strings.Contains(e.Remedy.Text, "setting") {
			t.Errorf("remedy: %s", e.Remedy.Text)
		}
		if !strings.Contains(facts(e), "env ACME_CLIENT_SECRET") {
			t.Errorf("evidence: %s", facts(e))
		}
	}
	// A value in the program has no name.
	_, err := clientSource(t, always(401, `{"error":"invalid_client"}`)).Credential(t.Context())
	if e := want(t, err, auth.ClientRejected); !strings.Contains(e.Remedy.Text, "check the client id and the client secret;") {
		t.Errorf("remedy: %s", e.Remedy.Text)
	}
}

func TestUnknownHostNamesTheURL(t *testing.T) {
	rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "issuer.example", IsNotFound: true}}
	}}
	_, err := clientSource(t, rt).Credential(t.Context())
	if e := want(t, err, auth.IssuerUnavailable); rt.count() != 1 || !strings.Contains(e.Remedy.Text, "or correct the token endpoint's URL") {
		t.Errorf("asked %d times: %v", rt.count(), e)
	}
}
