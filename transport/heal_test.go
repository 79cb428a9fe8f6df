package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// get sends a GET for /v1/me through an http.Client and returns what came.
func get(t testing.TB, tr http.RoundTripper, srv *authtest.Server) answer {
	t.Helper()
	return do(t, tr, newRequest(t, http.MethodGet, srv.API.URL+"/v1/me", nil))
}

// together sends n requests at once and returns their statuses when all are
// back.
func together(t testing.TB, tr http.RoundTripper, srv *authtest.Server, n int) (wait func() map[int]int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range n {
		req := newRequest(t, http.MethodGet, srv.API.URL+"/v1/me", nil)
		all.Go(func() {
			resp, err := tr.RoundTrip(req)
			status := 0
			if err == nil {
				status = resp.StatusCode
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			mu.Lock()
			statuses[status]++
			mu.Unlock()
		})
	}
	return func() map[int]int { all.Wait(); return statuses }
}

// TestL2_ThousandRefusedTogether: T3, bench row 02. One exchange, all succeed,
// each is sent twice, and the next request is none the worse. Trap 44.
func TestL2_ThousandRefusedTogether(t *testing.T) {
	const n = 1000
	srv := serve(t, inBubble())
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	before := exchanges(srv)

	hold := srv.API.Hold(n)
	wait := together(t, tr, srv, n)
	if err := hold.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.Issuer.ExpireAccess()
	hold.ReleaseAll()
	statuses := wait()

	wantEqual(t, "statuses", statuses, map[int]int{200: n})
	wantEqual(t, "exchanges", exchanges(srv)-before, 1)
	wantEqual(t, "access 1", srv.API.Counts()["access 1"], authtest.Count{Requests: n + 1, Accepted: 1, Refused: n})
	wantEqual(t, "access 2", srv.API.Counts()["access 2"], authtest.Count{Requests: n, Accepted: n})
	wantStatus(t, get(t, tr, srv), 200)
	wantEqual(t, "exchanges at the end", exchanges(srv)-before, 1)
	t.Logf("row 02: %d in flight refused together: %d exchange, %d finally ok, next request 200", n, exchanges(srv)-before, statuses[200])
}

// TestT4_LateRefusals: Trap 43, Trap 44, bench row 02b. A hundred refusals of the
// old token that come one after the other, long after the new one is in use,
// cause no exchange.
func TestT4_LateRefusals(t *testing.T) {
	const n = 100
	srv := serve(t, inBubble())
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	before := exchanges(srv)

	hold := srv.API.Hold(n)
	wait := together(t, tr, srv, n)
	if err := hold.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.Issuer.ExpireAccess()
	fresh := 0
	for range n {
		if get(t, tr, srv).StatusCode == 200 {
			fresh++
		}
		hold.Release(1)
	}
	statuses := wait()
	wantEqual(t, "held", statuses, map[int]int{200: n})
	wantEqual(t, "fresh", fresh, n)
	wantEqual(t, "exchanges", exchanges(srv)-before, 1)
	t.Logf("row 02b: %d late refusals: %d exchange (held ok %d/%d, fresh ok %d/%d)", n, exchanges(srv)-before, statuses[200], n, fresh, n)
}

// TestTrap43_AnotherIsInUse: refused with T1 while T2 is in use already. No
// exchange, one repeat, with T2. T4.
func TestTrap43_AnotherIsInUse(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	w := accepts("Bearer T1")
	tokens := values("T1", "T2", "T3")
	tr := newTransport(t, transport.Config{Source: tokens, Base: w})
	warm(t, tr)
	w.answer = func(_ int, s sent) (*http.Response, error) {
		if strings.HasSuffix(s.url, "/slow") && s.authorization() == "Bearer T1" {
			close(arrived)
			<-release
		}
		return onlyT2(0, s)
	}
	slow := make(chan answer)
	req := newRequest(t, http.MethodGet, acme+"/slow", nil)
	go func() { slow <- fetch(t, tr, req) }()
	<-arrived
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
	wantEqual(t, "exchanges before", tokens.exchanges(), 1)
	close(release)
	wantStatus(t, <-slow, 200)
	wantEqual(t, "exchanges after", tokens.exchanges(), 1)
}

// TestTrap43_AnotherIsInUseWhenNew is the same where the slow request was the
// first of all to use T1. That T1 was new when it was sent is no reason to
// leave T2 lying there.
func TestTrap43_AnotherIsInUseWhenNew(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	tokens := values("T1", "T2", "T3")
	w := &wire{answer: func(n int, s sent) (*http.Response, error) {
		if n == 1 {
			close(arrived)
			<-release
		}
		return onlyT2(0, s)
	}}
	tr := newTransport(t, transport.Config{Source: tokens, Base: w})
	slow := make(chan answer)
	req := newRequest(t, http.MethodGet, acme+"/slow", nil)
	go func() { slow <- fetch(t, tr, req) }()
	<-arrived
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
	close(release)
	wantStatus(t, <-slow, 200)
	wantEqual(t, "exchanges", tokens.exchanges(), 1)
}

// TestT2_SameToken: Trap 46. The source gives the same value again: no repeat,
// and the response is the first one, whole.
func TestT2_SameToken(t *testing.T) {
	w := accepts("Bearer T1")
	tokens := values("T1", "T1")
	tr := newTransport(t, transport.Config{Source: tokens, Base: w})
	warm(t, tr)
	w.seen, w.answer = nil, always(refusal)
	got := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
	wantStatus(t, got, 401)
	wantEqual(t, "body", got.body, `{"error":"invalid_token"}`)
	wantEqual(t, "requests", len(w.sent()), 1)
	wantEqual(t, "exchanges", tokens.exchanges(), 1)
	if got.diagnosis() == nil {
		t.Error("no diagnosis")
	}
}

// TestT13_RefreshFails: Trap 48, Trap 53. The 401 comes back readable, and the
// diagnosis holds both: the response, and why there is no new credential. The
// failed exchange is not repeated by the same call.
func TestT13_RefreshFails(t *testing.T) {
	w := accepts("Bearer T1")
	tokens := values("T1", "T2")
	tr := newTransport(t, transport.Config{Source: tokens, Base: w})
	warm(t, tr)
	why := errors.New("the vault is on fire")
	tokens.failing = why
	w.seen, w.answer = nil, always(refusal)
	got := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
	wantStatus(t, got, 401)
	wantEqual(t, "body", got.body, `{"error":"invalid_token"}`)
	e := wantCause(t, got.diagnosis(), auth.SourceFailed)
	if !errors.Is(e, why) || !strings.Contains(e.Explain(), why.Error()) {
		t.Errorf("the reason is not in the diagnosis: %v", e)
	}
	if e.Response == nil || e.Response.Status != 401 || len(e.Response.Challenges) != 1 {
		t.Errorf("the response is not in the diagnosis: %+v", e.Response)
	}
	wantEqual(t, "requests", len(w.sent()), 1)
	wantEqual(t, "exchanges", tokens.exchanges(), 1)
}

// TestT15_RefusedWhenNew: a token that was minted for this call and is refused
// at once is not exchanged for another one.
func TestT15_RefusedWhenNew(t *testing.T) {
	srv := serve(t, inBubble())
	srv.API.RefuseNext(1, authtest.InvalidToken)
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 401)
	wantEqual(t, "exchanges", exchanges(srv), 1)
	wantEqual(t, "requests", srv.API.Total().Requests, 1)
	wantStatus(t, get(t, tr, srv), 200)
	wantEqual(t, "exchanges", exchanges(srv), 1)
}

// TestT15_OnlyWhenMintedForTheCall: a token that was made ahead of time, or that
// had time to end while the first request was on its way, is replaced like any
// other.
func TestT15_OnlyWhenMintedForTheCall(t *testing.T) {
	for name, test := range map[string]struct {
		idle, way time.Duration
		status    int
	}{
		"at once":        {0, 0, 401},
		"made before":    {2 * time.Second, 0, 200},
		"a long way":     {0, 31 * time.Second, 200},
		"not so long":    {0, 29 * time.Second, 401},
		"long before":    {time.Hour, 0, 200},
		"just before it": {900 * time.Millisecond, 0, 401},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{answer: func(n int, s sent) (*http.Response, error) {
					if n == 1 {
						time.Sleep(test.way)
					}
					return onlyT2(0, s)
				}}
				cache := auth.Cached(values("T1", "T2"))
				defer func() { _ = cache.Close() }()
				if _, err := cache.Credential(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.idle)
				tr := newTransport(t, transport.Config{Source: cache, Base: w})
				wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), test.status)
			})
		})
	}
}

// TestTrap59_RetriesDoNotMultiply: Trap 83. The token endpoint's weather is
// waited out by the source alone, three times; the call is sent once, and those
// that follow do not begin anew. A call that heals needs no retries of the wire.
func TestTrap59_RetriesDoNotMultiply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(inBubble())
		defer srv.Close()
		tr := against(t, srv, transport.Config{})
		wantStatus(t, get(t, tr, srv), 200)
		srv.Issuer.RevokeAccess()
		srv.Issuer.FailNext(1<<30, authtest.Unavailable)
		asked, arrived := len(srv.Issuer.Requests()), srv.API.Total().Requests
		got := get(t, tr, srv)
		wantStatus(t, got, 401)
		wantCause(t, got.diagnosis(), auth.IssuerUnavailable)
		wantEqual(t, "token requests", len(srv.Issuer.Requests())-asked, 3)
		wantEqual(t, "API requests", srv.API.Total().Requests-arrived, 1)
		wantStatus(t, get(t, tr, srv), 401)
		wantEqual(t, "token requests after the next call", len(srv.Issuer.Requests())-asked, 3)

		srv.Issuer.FailNext(0, nil)
		time.Sleep(time.Second) // the pause after the failure
		arrived = srv.API.Total().Requests
		wantStatus(t, get(t, tr, srv), 200)
		wantEqual(t, "token requests at the end", len(srv.Issuer.Requests())-asked, 4)
		wantEqual(t, "API requests of the healed call", srv.API.Total().Requests-arrived, 2)
	})
}

// TestT24_OneCacheForTwoTransports: transports that are given the same cache
// share its exchanges. A source that is no cache gets one for each transport.
func TestT24_OneCacheForTwoTransports(t *testing.T) {
	w := accepts("Bearer T1")
	tokens := values("T1", "T2", "T3")
	cache := auth.Cached(tokens)
	defer func() { _ = cache.Close() }()
	one := newTransport(t, transport.Config{Source: cache, Base: w})
	two := newTransport(t, transport.Config{Source: cache, Base: w})
	warm(t, one)
	warm(t, two)
	w.answer = onlyT2
	for _, tr := range []*transport.Transport{one, two, one, two} {
		wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
	}
	wantEqual(t, "calls of the source", tokens.asked, 1)
	wantEqual(t, "exchanges", tokens.exchanges(), 1)
}

// TestT1_RefusedForGood: bench row 09a. Whatever the server says, a call makes
// two requests and one exchange at most, and ends in the response.
func TestT1_RefusedForGood(t *testing.T) {
	srv := serve(t, inBubble())
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	srv.API.RefuseNext(1<<30, authtest.InvalidToken)
	arrived, exchanged := srv.API.Total().Requests, exchanges(srv)
	got := get(t, tr, srv)
	wantStatus(t, got, 401)
	if got.body == "" || got.diagnosis() == nil {
		t.Errorf("body %q, diagnosis %v", got.body, got.diagnosis())
	}
	arrived, exchanged = srv.API.Total().Requests-arrived, exchanges(srv)-exchanged
	wantEqual(t, "requests", arrived, 2)
	wantEqual(t, "exchanges", exchanged, 1)
	t.Logf("row 09a: 401 for good: the response (%d API calls, %d fetches)", arrived, exchanged)
}

// TestT53_StaticKey: Trap 57. A key that was changed in its file is picked up at
// the first refusal; one that is the same is sent exactly once.
func TestT53_StaticKey(t *testing.T) {
	write := func(path, key string) {
		if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "key")
	write(path, "first-key")
	srv := serve(t, authtest.Config{InMemory: true, Keys: []authtest.Key{{Value: "first-key"}}})
	tr := against(t, srv, transport.Config{Source: auth.File(path)})
	wantStatus(t, get(t, tr, srv), 200)

	srv.Set(func(c *authtest.Config) { c.Keys = []authtest.Key{{Value: "second-key"}} })
	got := get(t, tr, srv)
	wantStatus(t, got, 401)
	wantEqual(t, "requests with the old key", srv.API.Total().Requests, 2)
	if e := got.diagnosis(); e == nil || !strings.Contains(e.Explain(), path) {
		t.Errorf("the diagnosis does not name the file: %v", e)
	}

	path2 := filepath.Join(t.TempDir(), "key")
	write(path2, "second-key")
	tr = against(t, srv, transport.Config{Source: auth.File(path2)})
	wantStatus(t, get(t, tr, srv), 200)
	srv.Set(func(c *authtest.Config) { c.Keys = []authtest.Key{{Value: "third-key"}} })
	write(path2, "third-key")
	before := srv.API.Total().Requests
	wantStatus(t, get(t, tr, srv), 200)
	wantEqual(t, "requests of the healed call", srv.API.Total().Requests-before, 2)
}

// TestTrap55_NotCurable: no other credential of the source could be accepted, so
// none is asked for. T12, T67, T72, Trap 55, Trap 56, Trap 58.
func TestTrap55_NotCurable(t *testing.T) {
	challenge := func(status int, field, value string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(field, value)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "why")
		})
	}
	for _, test := range []struct {
		name   string
		answer http.Handler
		status int
		cause  auth.Cause // empty: an answer like any other
	}{
		{"insufficient_scope", authtest.InsufficientScope, 403, auth.InsufficientScope},
		{"insufficient_scope with 401", challenge(401, "Www-Authenticate", `Bearer error="insufficient_scope", scope="a b"`), 401, auth.InsufficientScope},
		{"step up", authtest.StepUp, 401, auth.StepUpRequired},
		{"claims", authtest.InsufficientClaims, 401, auth.PolicyBlocked},
		{"invalid_request", challenge(401, "Www-Authenticate", `Bearer error="invalid_request"`), 401, auth.RejectedUnclassified},
		{"403 that speaks of the token", challenge(403, "Www-Authenticate", `Bearer error="invalid_token"`), 403, ""},
		{"plain 403", authtest.Forbidden, 403, "none"},
		{"403 with a bare challenge", challenge(403, "Www-Authenticate", `Bearer realm="x"`), 403, "none"},
		{"400", authtest.InvalidRequest, 400, "none"},
		{"200 with a challenge", challenge(200, "Www-Authenticate", `Bearer error="invalid_token"`), 200, "none"},
		{"200 with an error", authtest.ErrorIn200, 200, "none"},
		{"407", authtest.ProxyAuth, 407, auth.ProxyAuthRequired},
		{"404", challenge(404, "X-Nothing", "x"), 404, "none"},
		{"503", challenge(503, "Retry-After", "1"), 503, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := serve(t, inBubble())
			heard := &journal{}
			tr := against(t, srv, transport.Config{Hook: heard.hook})
			wantStatus(t, get(t, tr, srv), 200)
			heard.kinds()
			srv.API.RefuseNext(1<<30, test.answer)
			plain := do(t, floor{srv.Transport(), []string{"Bearer x"}}, newRequest(t, http.MethodGet, srv.API.URL+"/v1/me", nil))
			before := srv.API.Total().Requests
			got := get(t, tr, srv)
			wantStatus(t, got, test.status)
			wantEqual(t, "body", got.body, plain.body)
			wantEqual(t, "requests", srv.API.Total().Requests-before, 1)
			wantEqual(t, "exchanges", exchanges(srv), 1)
			if test.cause == "none" {
				if e := got.diagnosis(); e != nil {
					t.Errorf("explained as %v", e)
				}
				wantEqual(t, "events", heard.kinds(), "")
				return
			}
			if got.diagnosis() == nil {
				t.Fatal("no diagnosis")
			}
			if test.cause != "" && got.diagnosis().Cause != test.cause {
				t.Errorf("cause %s, want %s", got.diagnosis().Cause, test.cause)
			}
			wantEqual(t, "events", heard.kinds(), "refused")
			srv.API.RefuseNext(0, nil)
			wantStatus(t, get(t, tr, srv), 200)
			wantEqual(t, "exchanges at the end", exchanges(srv), 1)
		})
	}
}

// TestCurable401s: these say nothing against another credential.
func TestCurable401s(t *testing.T) {
	for _, answer := range []authtest.Refusal{
		authtest.NoChallenge, authtest.RealmOnly, authtest.InvalidToken, authtest.ManyChallenges, authtest.MalformedChallenge,
		authtest.LoginPage, authtest.JSONMessage, authtest.ProblemJSON, authtest.HugeBody, authtest.EarlyClose, authtest.EchoCredential, authtest.BasicOnly,
	} {
		srv := serve(t, inBubble())
		tr := against(t, srv, transport.Config{})
		wantStatus(t, get(t, tr, srv), 200)
		srv.API.RefuseNext(1, answer)
		if got := get(t, tr, srv); got.StatusCode != 200 || got.diagnosis() != nil {
			t.Errorf("%s: status %d, diagnosis %v", answer, got.StatusCode, got.diagnosis())
		}
		wantEqual(t, string(answer)+": exchanges", exchanges(srv), 2)
		wantEqual(t, string(answer)+": requests", srv.API.Total().Requests, 3)
	}
}

// TestT68_ErrorOfAnotherScheme: the code counts under the scheme that was used.
func TestT68_ErrorOfAnotherScheme(t *testing.T) {
	for challenge, healed := range map[string]bool{
		`DPoP error="insufficient_scope", Bearer error="invalid_token"`: true,
		`DPoP error="invalid_token", Bearer error="insufficient_scope"`: false,
		`BEARER ERROR="insufficient_scope"`:                             false,
		`Basic realm="insufficient_scope"`:                              true,
	} {
		w := accepts("Bearer T1")
		tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w})
		warm(t, tr)
		w.answer = func(_ int, s sent) (*http.Response, error) {
			if s.authorization() == "Bearer T2" {
				return fine(), nil
			}
			return response(401, "", "Www-Authenticate", challenge), nil
		}
		if got := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)); (got.StatusCode == 200) != healed {
			t.Errorf("%s: status %d, want healed %v", challenge, got.StatusCode, healed)
		}
	}
}

// TestL1_OneRepeatInAChain: Trap 47. Each hop answers 401 first. The call gets
// one repeat in all and no second exchange; the hop that it stops at is
// explained, and the next call is healed again.
func TestL1_OneRepeatInAChain(t *testing.T) {
	visits := map[string]int{}
	w := accepts("Bearer T1")
	tokens := values("T1", "T2", "T3", "T4")
	tr := newTransport(t, transport.Config{Source: tokens, Base: w})
	warm(t, tr)
	w.seen, w.answer = nil, func(_ int, s sent) (*http.Response, error) {
		path := s.Request.URL.Path
		if visits[path]++; visits[path] == 1 {
			return refusal(), nil
		}
		if path == "/3" {
			return fine(), nil
		}
		return response(307, "", "Location", fmt.Sprintf("/%c", path[1]+1)), nil
	}
	send := func() (answer, *bodies) {
		body := &bodies{text: "the body"}
		req := newRequest(t, http.MethodPost, acme+"/1", nil)
		body.attach(req)
		before := snap(req)
		got := do(t, tr, req)
		before.wantUnchanged(t)
		return got, body
	}
	got, body := send()
	wantStatus(t, got, 401)
	wantEqual(t, "where it stops", got.Request.URL.Path, "/2")
	wantEqual(t, "requests", w.authorizations(), []string{"Bearer T1", "Bearer T2", "Bearer T2"})
	wantEqual(t, "exchanges", tokens.exchanges(), 1)
	body.wantClosed(t)
	if e := got.diagnosis(); e == nil || strings.Contains(e.Explain(), "body of this request") {
		t.Errorf("the diagnosis blames the body: %v", e)
	}

	// The next call finds /2 willing and is refused once at /3.
	got, body = send()
	wantStatus(t, got, 200)
	body.wantClosed(t)
	wantEqual(t, "exchanges", tokens.exchanges(), 2)
}

// TestTrap15_RedirectsAreTheClients: healing happens within one hop. A client
// that follows no redirects gets the 307, and nothing was asked where it points.
func TestTrap15_RedirectsAreTheClients(t *testing.T) {
	w := accepts("Bearer T1")
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w})
	warm(t, tr)
	w.seen, w.answer = nil, func(_ int, s sent) (*http.Response, error) {
		if s.authorization() != "Bearer T2" {
			return refusal(), nil
		}
		return response(307, "over there", "Location", "/2"), nil
	}
	asked := 0
	client := &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error {
		asked++
		return http.ErrUseLastResponse
	}}
	resp, err := client.Do(newRequest(t, http.MethodGet, acme+"/1", nil))
	if err != nil {
		t.Fatal(err)
	}
	got := drained(t, resp)
	wantStatus(t, got, 307)
	wantEqual(t, "body", got.body, "over there")
	wantEqual(t, "times that the client was asked", asked, 1)
	for _, s := range w.sent() {
		wantEqual(t, "URL", s.url, acme+"/1")
	}
	wantEqual(t, "requests", len(w.sent()), 2)
}

// TestL1_RepeatOnALaterHop: a first hop that went well takes nothing away.
func TestL1_RepeatOnALaterHop(t *testing.T) {
	w := accepts("Bearer T1")
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w})
	warm(t, tr)
	w.answer = func(_ int, s sent) (*http.Response, error) {
		if s.Request.URL.Path == "/1" {
			return response(302, "", "Location", "/2"), nil
		}
		return onlyT2(0, s)
	}
	wantStatus(t, do(t, tr, newRequest(t, http.MethodGet, acme+"/1", nil)), 200)
}

// TestL1_ContextUsedAgain: the context of a response's request, and that request
// itself, may be used for new calls. They show no old diagnosis, and get a
// repeat of their own.
func TestL1_ContextUsedAgain(t *testing.T) {
	reuse := map[string]func(*http.Response) *http.Request{
		"context": func(r *http.Response) *http.Request {
			req, err := http.NewRequestWithContext(r.Request.Context(), http.MethodGet, acme+"/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			return req
		},
		"clone":   func(r *http.Response) *http.Request { return r.Request.Clone(r.Request.Context()) },
		"request": func(r *http.Response) *http.Request { return r.Request },
	}
	for name, again := range reuse {
		t.Run(name, func(t *testing.T) {
			w := accepts("Bearer T1")
			tokens := values("T1", "T2", "T3", "T4")
			tr := newTransport(t, transport.Config{Source: tokens, Base: w})
			warm(t, tr)
			token := "Bearer T2"
			w.answer = func(_ int, s sent) (*http.Response, error) {
				switch {
				case s.authorization() != token:
					return refusal(), nil
				case s.Request.URL.Path == "/1":
					return response(302, "", "Location", "/2"), nil
				}
				return fine(), nil
			}
			client := &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			resp, err := client.Do(newRequest(t, http.MethodGet, acme+"/1", nil))
			if err != nil || resp.StatusCode != 302 {
				t.Fatal(resp, err) // healed, and stopped before the redirect
			}
			_ = resp.Body.Close()

			// A first hop that goes well; then T2 ends, and the second hop
			// needs the repeat.
			req := again(resp)
			w.answer = func(_ int, s sent) (*http.Response, error) {
				if s.Request.URL.Path == "/1" {
					return response(302, "", "Location", "/2"), nil
				}
				if s.authorization() != "Bearer T3" {
					return refusal(), nil
				}
				return fine(), nil
			}
			wantStatus(t, do(t, tr, req), 200)

			// Now a refusal that stays, and a call after it that goes well, to
			// us and to somebody else's origin.
			w.answer = always(refusal)
			refused := fetch(t, tr, newRequest(t, http.MethodGet, acme+"/1", nil))
			if refused.diagnosis() == nil {
				t.Fatal("no diagnosis")
			}
			w.answer = always(func() *http.Response {
				return response(403, "", "Www-Authenticate", `Bearer error="insufficient_scope"`)
			})
			scope := fetch(t, tr, newRequest(t, http.MethodGet, acme+"/1", nil))
			if scope.diagnosis() == nil {
				t.Fatal("no diagnosis")
			}
			w.answer = always(func() *http.Response { return response(403, "just no") })
			if got := fetch(t, tr, again(scope.Response)); got.diagnosis() != nil {
				t.Error("the old diagnosis shows at another 403")
			}
			w.answer = always(fine)
			if got := fetch(t, tr, again(refused.Response)); got.diagnosis() != nil {
				t.Errorf("the old diagnosis shows at a response with status %d", got.StatusCode)
			}
			foreign := again(refused.Response)
			u := *foreign.URL
			u.Host = "other.example"
			foreign.URL = &u
			if got := fetch(t, tr, foreign); got.diagnosis() != nil {
				t.Errorf("the old diagnosis shows at a response of another origin with status %d", got.StatusCode)
			}
			if resp, err := transport.Strict(tr).RoundTrip(again(refused.Response)); err != nil {
				t.Errorf("Strict makes an error of a good response: %v", err)
			} else {
				_ = resp.Body.Close()
			}
		})
	}
}

// TestL4_CancelledDuringRefresh: T18 and T19. The caller who leaves is let go at
// once with its own error, its request's bodies closed; the exchange goes on
// for the others. Trap 33.
func TestL4_CancelledDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(inBubble())
		defer srv.Close()
		tr := against(t, srv, transport.Config{})
		wantStatus(t, get(t, tr, srv), 200)
		srv.Issuer.ExpireAccess()
		hold := srv.Issuer.Hold(1)

		type result struct {
			resp *http.Response
			err  error
		}
		leaver, stayer := make(chan result, 1), make(chan result, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		body := &bodies{text: "x"}
		req := newRequest(t, http.MethodPost, srv.API.URL+"/v1/me", nil).WithContext(ctx)
		body.attach(req)
		go func() { resp, err := tr.RoundTrip(req); leaver <- result{resp, err} }()
		synctest.Wait()
		other := newRequest(t, http.MethodGet, srv.API.URL+"/v1/me", nil)
		go func() { resp, err := tr.RoundTrip(other); stayer <- result{resp, err} }()
		synctest.Wait() // both wait for the exchange

		began := time.Now()
		cancel(errors.New("enough"))
		left := <-leaver
		if left.resp != nil || !errors.Is(left.err, context.Canceled) {
			t.Errorf("L4: the caller who left got %v, %v", left.resp, left.err)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("L4: it was held for %s", waited)
		}
		body.wantClosedOnce(t)
		select {
		case got := <-stayer:
			t.Fatalf("the other one got %v, %v before the exchange was over", got.resp, got.err)
		default:
		}
		hold.ReleaseAll()
		got := <-stayer
		if got.err != nil || got.resp.StatusCode != 200 {
			t.Fatalf("L4: the other caller got %v, %v", got.resp, got.err)
		}
		_ = got.resp.Body.Close()
		wantEqual(t, "exchanges", exchanges(srv), 2)
		wantStatus(t, get(t, tr, srv), 200)
		wantEqual(t, "exchanges at the end", exchanges(srv), 2)
	})
}

// TestL4_CancelledClosesTheRefusal: the response that nobody gets is closed.
func TestL4_CancelledClosesTheRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := accepts("Bearer T1")
		tokens := values("T1", "T2")
		tokens.gate = make(chan struct{})
		tr := newTransport(t, transport.Config{Source: tokens, Base: w})
		warm(t, tr)
		closes := new(atomic.Int32)
		w.answer = func(int, sent) (*http.Response, error) {
			resp := refusal()
			resp.Body = countedBody{strings.NewReader("why"), closes}
			return resp, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil).WithContext(ctx))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		wantEqual(t, "closes", closes.Load(), 1)
		close(tokens.gate)
	})
}

// TestL4_DeadlineDuringRefresh: through http.Client, whose Timeout is a deadline
// of the request's context. Trap 34, T18.
func TestL4_DeadlineDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(inBubble())
		defer srv.Close()
		tr := against(t, srv, transport.Config{})
		wantStatus(t, get(t, tr, srv), 200)
		srv.Issuer.ExpireAccess()
		srv.Set(func(c *authtest.Config) { c.Delay = 3 * time.Second })
		began := time.Now()
		_, err := (&http.Client{Transport: tr, Timeout: 100 * time.Millisecond}).Get(srv.API.URL)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		wantEqual(t, "held for", time.Since(began), 100*time.Millisecond)
		wantStatus(t, get(t, tr, srv), 200)
		wantEqual(t, "exchanges", exchanges(srv), 2)
	})
}

// TestT7_TheRepeatsResponse: the caller gets that one, and what it says of its
// own request is the caller's.
func TestT7_TheRepeatsResponse(t *testing.T) {
	w := accepts("Bearer T1")
	heard := &journal{}
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w, Hook: heard.hook})
	warm(t, tr)
	w.answer = func(_ int, s sent) (*http.Response, error) {
		if s.authorization() == "Bearer T2" {
			return response(201, "made", "X-From", "repeat"), nil
		}
		return refusal(), nil
	}
	req := newRequest(t, http.MethodGet, acme, nil)
	before := snap(req)
	got := fetch(t, tr, req)
	wantStatus(t, got, 201)
	wantEqual(t, "body", got.body, "made")
	wantEqual(t, "header", got.Header.Get("X-From"), "repeat")
	before.wantEqualTo(t, got.Request)
	if got.diagnosis() != nil {
		t.Error("a healed request has a diagnosis")
	}
	wantEqual(t, "events", heard.kinds(), "found renewed repeated")
}

// TestRefusedTwice: the diagnosis of the second refusal knows of the first.
// Trap 84.
func TestRefusedTwice(t *testing.T) {
	w := accepts("Bearer T1")
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w})
	warm(t, tr)
	w.answer = func(n int, _ sent) (*http.Response, error) {
		return response(401, fmt.Sprintf("refused, request %d", n), "Www-Authenticate", `Bearer`), nil
	}
	got := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
	wantEqual(t, "body", got.body, "refused, request 3")
	e := got.diagnosis()
	if e == nil || !slices.ContainsFunc(e.Evidence, func(ev auth.Evidence) bool { return strings.Contains(ev.Fact, "two different") }) {
		t.Errorf("the evidence does not mention both: %+v", e)
	}
}

// TestAcceptedMeansSuccess: what an overloaded gateway answers does not prove
// that the API ever took the credential.
func TestAcceptedMeansSuccess(t *testing.T) {
	for status, accepted := range map[int]bool{200: true, 204: true, 500: false, 502: false, 503: false, 429: false, 404: false, 302: false} {
		w := &wire{answer: func(n int, _ sent) (*http.Response, error) {
			if n <= 2 {
				return response(status, ""), nil
			}
			return response(401, ""), nil
		}}
		tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
		fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
		fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
		e := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).diagnosis()
		if e == nil {
			t.Fatal("no diagnosis")
		}
		if got := e.Cause == auth.AccessRevoked; got != accepted {
			t.Errorf("after status %d: %s", status, e.Cause)
		}
	}
}
