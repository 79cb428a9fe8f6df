package transport_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// TestL4_Outage: the issuer is down from 400 s before the token's end to 100 s
// after it, at one request a second. Nobody fails while the token is valid, the
// failures are few calls and typed, and recovery takes seconds.
func TestL4_Outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(inBubble())
		defer srv.Close()
		src := &counting{Source: clientCredentials(t, srv)}
		heard := &journal{}
		tr := against(t, srv, transport.Config{Source: src, Hook: heard.hook})
		wantStatus(t, get(t, tr, srv), 200)
		began := time.Now()
		const from, end, until = 3200, 3600, 3700
		failed, late, recovered := 0, 0, 0
		var minute []int32 // calls of the source, at each second
		for second := 1; second < 3900; second++ {
			time.Sleep(time.Until(began.Add(time.Duration(second) * time.Second)))
			switch second {
			case from:
				srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable)
			case until:
				srv.Issuer.FailNext(0, nil)
			}
			resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil))
			if err == nil {
				_ = resp.Body.Close()
			}
			minute = append(minute, src.calls.Load())
			switch ok := err == nil && resp.StatusCode == 200; {
			case !ok && second < end:
				failed++
			case !ok && second >= until:
				late++
			case ok && second >= end && recovered == 0:
				recovered = second
			}
			if err != nil {
				wantCause(t, err, auth.IssuerUnavailable)
			}
		}
		wantEqual(t, "failures while the token was valid", failed, 0)
		if recovered < until || recovered > until+8 {
			t.Errorf("first success after the outage at second %d, the issuer was back at %d", recovered, until)
		}
		for i := 60; i < len(minute); i++ {
			if n := minute[i] - minute[i-60]; n > 13 { // twelve, and one at either edge of the window
				t.Errorf("L5: the source was asked %d times in the minute before second %d", n, i+1)
			}
		}
		kinds := heard.kinds()
		if !strings.Contains(kinds, string(auth.EventRenewFailed)) || !strings.Contains(kinds, string(auth.EventThrottled)) {
			t.Errorf("L13: the trouble was not told: %s", kinds)
		}
		t.Logf("row 05d: down for 500 s: %d s without a success, %d calls of the source", recovered-end, src.calls.Load())
	})
}

// TestInvalidGrant: bench row 09b. One exchange, at once, typed; and none for
// the calls right after.
func TestInvalidGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(inBubble())
		defer srv.Close()
		tr := against(t, srv, transport.Config{Source: session(t, srv)})
		wantStatus(t, get(t, tr, srv), 200)
		before := exchanges(srv)
		srv.Issuer.RevokeRefresh()
		srv.Issuer.RevokeAccess()
		began := time.Now()
		got := get(t, tr, srv)
		wantStatus(t, got, 401)
		took, count := time.Since(began), exchanges(srv)-before
		wantEqual(t, "time", took, 0)
		wantEqual(t, "exchanges", count, 1)
		e := wantCause(t, got.diagnosis(), auth.RefreshRejected)
		wantEqual(t, "step", e.Step(), auth.StepRenew)

		// T84: the next ones are told when the issuer is asked again.
		e = wantCause(t, get(t, tr, srv).diagnosis(), auth.RefreshRejected)
		if !e.Throttled || e.NextTry.IsZero() {
			t.Errorf("L5: the throttle does not name itself: %v", e)
		}
		wantEqual(t, "exchanges after the next call", exchanges(srv)-before, 1)
		t.Logf("row 09b: invalid_grant: %d token call, %s to the error", count, took)
	})
}

// TestServerEndsTokensEarly: bench row 11. The API ends tokens 60 s before their
// stated end. At one request a second nobody notices.
func TestServerEndsTokensEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := inBubble()
		cfg.EndsEarly = time.Minute
		srv := authtest.NewServer(cfg)
		defer srv.Close()
		tr := against(t, srv, transport.Config{})
		failed := 0
		const hours = 3
		for range hours * 3600 {
			resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil))
			if err != nil || resp.StatusCode != 200 {
				failed++
			}
			if err == nil {
				_ = resp.Body.Close()
			}
			time.Sleep(time.Second)
		}
		wantEqual(t, "failed requests", failed, 0)
		wantEqual(t, "refusals", srv.API.Total().Refused, 0)
		if n := exchanges(srv); n > hours+1 {
			t.Errorf("%d exchanges in %d hours", n, hours)
		}
		t.Logf("row 11: ends 60 s early: %d failed, %.1f fetches per hour", failed, float64(exchanges(srv))/hours)
	})
}

// TestTrap38_BadSources: whatever a source does, its callers get an error in
// time, nothing is sent, and the transport is as good as before once the source
// is.
func TestTrap38_BadSources(t *testing.T) {
	for _, test := range []struct {
		name  string
		bad   func(context.Context, <-chan struct{}) (*auth.Credential, error)
		cause auth.Cause
		limit time.Duration
	}{
		{"panics", func(context.Context, <-chan struct{}) (*auth.Credential, error) { panic("secret " + canary) }, auth.SourceFailed, 0},
		{"Goexit", func(context.Context, <-chan struct{}) (*auth.Credential, error) { runtime.Goexit(); return nil, nil }, auth.SourceFailed, 0},
		{"nil and nil", func(context.Context, <-chan struct{}) (*auth.Credential, error) { return nil, nil }, auth.SourceFailed, 0},
		{"empty", func(context.Context, <-chan struct{}) (*auth.Credential, error) { return &auth.Credential{}, nil }, auth.EmptyCredential, 0},
		{"expired", func(context.Context, <-chan struct{}) (*auth.Credential, error) {
			return &auth.Credential{Secret: auth.NewSecret("x"), Expiry: time.Unix(1, 0)}, nil
		}, auth.AccessExpired, 0},
		{"plain error", func(context.Context, <-chan struct{}) (*auth.Credential, error) { return nil, errors.New("no") }, auth.SourceFailed, 0},
		{"hangs, and listens", func(ctx context.Context, _ <-chan struct{}) (*auth.Credential, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, auth.SourceTimeout, 15 * time.Second},
		{"hangs, and is deaf", func(_ context.Context, over <-chan struct{}) (*auth.Credential, error) {
			<-over
			return nil, errors.New("late")
		}, auth.SourceTimeout, 15 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				var mu sync.Mutex
				bad := true
				src := auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) {
					mu.Lock()
					now := bad
					mu.Unlock()
					if now {
						return test.bad(ctx, over)
					}
					return &auth.Credential{Secret: auth.NewSecret("T1")}, nil
				})
				w := accepts("Bearer T1")
				tr := newTransport(t, transport.Config{Source: src, Base: w})
				began := time.Now()
				body := &bodies{text: "x"}
				req := newRequest(t, http.MethodPost, acme, nil)
				body.attach(req)
				_, err := tr.RoundTrip(req)
				e := wantCause(t, err, test.cause)
				wantEqual(t, "L10: time", time.Since(began), test.limit)
				wantEqual(t, "T14: requests", len(w.sent()), 0)
				body.wantClosedOnce(t)
				wantSilent(t, "the error", err, canary)
				if e.Request == "" {
					t.Error("the error does not name the request")
				}

				// A caller who does not want to wait need not.
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				time.Sleep(10 * time.Second)
				began = time.Now()
				_, err = tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil).WithContext(ctx))
				if err == nil || time.Since(began) > time.Second {
					t.Errorf("L4: got %v after %s", err, time.Since(began))
				}

				mu.Lock()
				bad = false
				mu.Unlock()
				close(over)
				time.Sleep(30 * time.Second) // past the pause after failures
				wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
			})
		})
	}
}

// TestEvents: L13. What is told, exactly, and with which details.
func TestEvents(t *testing.T) {
	heard := &journal{}
	w := accepts("Bearer T1")
	tokens := values("T1", "T2")
	tokens.list[1].Provenance.Name = "second"
	tr := newTransport(t, transport.Config{Source: tokens, Base: w, Hook: heard.hook})
	step := func(what, want string) {
		t.Helper()
		wantEqual(t, what, heard.kinds(), want)
	}
	warm(t, tr)
	step("the first request", "found")
	warm(t, tr)
	step("one that is served", "")

	w.answer = onlyT2
	fetch(t, tr, newRequest(t, http.MethodGet, acme+"/x?y=z", nil))
	events := heard.all()
	step("one that is healed", "renewed repeated")
	wantEqual(t, "origin of the repeat", events[1].Origin, acme)
	wantEqual(t, "provenance of the repeat", events[1].Provenance.Name, "second")

	w.answer = always(refusal)
	e := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).diagnosis()
	events = heard.all()
	step("one that is refused", "refused")
	if events[0].Err != error(e) || events[0].Origin != acme {
		t.Errorf("told %v of %s, want the diagnosis itself", events[0].Err, events[0].Origin)
	}

	w.answer = always(fine)
	do(t, tr, newRequest(t, http.MethodGet, "https://other.example:8443/x?y=z", nil))
	events = heard.all()
	step("one for somebody else", "passed_through")
	wantEqual(t, "its origin", events[0].Origin, "https://other.example:8443")

	_, err := tr.RoundTrip(newRequest(t, http.MethodGet, "http://api.acme.example/", nil))
	events = heard.all()
	step("one in clear text", "refused")
	if events[0].Err != err {
		t.Errorf("told %v, want the error itself: %v", events[0].Err, err)
	}
}

// TestEventsOfASharedCache: a cache that the program made has a hook of its own;
// the transport tells of requests only.
func TestEventsOfASharedCache(t *testing.T) {
	heard := &journal{}
	w := accepts("Bearer T1")
	cache := auth.Cached(values("T1", "T2"))
	tr := newTransport(t, transport.Config{Source: cache, Base: w, Hook: heard.hook})
	warm(t, tr)
	w.answer = onlyT2
	fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
	wantEqual(t, "events", heard.kinds(), "repeated")

	// Close leaves somebody else's cache alone, and ends one's own.
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
	own := newTransport(t, transport.Config{Source: values("T1"), Base: w})
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	body := &bodies{text: "x"}
	req := newRequest(t, http.MethodPost, acme, nil)
	body.attach(req)
	if _, err := own.RoundTrip(req); !errors.Is(err, auth.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	body.wantClosedOnce(t)
	_ = cache.Close()
}

// TestHookPanics: a hook that always panics spoils nothing, wherever it is told.
func TestHookPanics(t *testing.T) {
	told := 0
	w := accepts("Bearer T1")
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w, Hook: func(context.Context, auth.Event) {
		told++
		panic("the hook is broken")
	}})
	warm(t, tr)
	w.answer = onlyT2
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
	w.answer = always(refusal)
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 401)
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, "https://other.example", nil)), 401)
	_, err := tr.RoundTrip(newRequest(t, http.MethodGet, "http://api.acme.example/", nil))
	wantCause(t, err, auth.InsecureTransport)
	if told < 6 {
		t.Errorf("the hook was told %d times", told)
	}
}
