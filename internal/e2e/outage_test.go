package e2e_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/resource"
)

const (
	callers    = 10
	outageLife = 6 * time.Second // of access tokens here: renewal is due after 4.8 s
)

// outage is an API that goes on working while its issuer does not, as one that
// verifies tokens by itself, and a client that holds a token.
func outage(t *testing.T, name string) (*issuer.Issuer, *reauth.Client, *wire, *log) {
	t.Helper()
	iss := issuer.Start(t, issuer.Config{AccessTTL: outageLife})
	res := resource.Start(t, iss, resource.Config{CacheFor: time.Hour})
	w, l := newWire(t), new(log)
	c := machine(t, name, iss, res.URL, w, l)
	wantAllWell(t, at(t, c, 1))
	return iss, c, w, l
}

// whileValid sends traffic until shortly before the token expires and wants
// nobody to notice that it cannot be renewed.
func whileValid(t *testing.T, c *reauth.Client, w *wire, l *log) {
	t.Helper()
	expiry := l.first(auth.EventFound).Expiry
	calls := traffic(t, c, callers, expiry.Add(-200*time.Millisecond), 50*time.Millisecond)
	wantAllWell(t, calls)
	if d := slowest(calls); d > time.Second {
		t.Errorf("L4: a request took %v while the token was valid", d)
	}
	if w.sent() < 2 {
		t.Errorf("no renewal was tried while the token was valid, so this proves nothing")
	}
	t.Logf("while the token was valid: %d requests, 0 failures, slowest %v, %d token requests", len(calls), slowest(calls).Round(time.Millisecond), w.sent()-1)
	time.Sleep(time.Until(expiry))
}

// recovery is how long callers go on failing after the issuer is back.
func recovery(t *testing.T, c *reauth.Client, most time.Duration) {
	t.Helper()
	back := time.Now()
	calls := traffic(t, c, callers, back.Add(most), 50*time.Millisecond)
	bad := failed(calls)
	if len(bad) == len(calls) {
		t.Fatalf("no recovery within %v: %v", most, bad[len(bad)-1].err)
	}
	healthy := slices.IndexFunc(calls, func(c call) bool { return c.err == nil })
	after := calls[healthy].began.Add(calls[healthy].took)
	for _, b := range bad {
		if b.began.After(after) {
			t.Errorf("a request failed after the first success: %v", b.err)
			break
		}
	}
	t.Logf("back to work %v after the issuer", after.Sub(back).Round(time.Millisecond))
}

// wantTyped wants every failure to be the issuer's.
func wantTyped(t *testing.T, calls []call) {
	t.Helper()
	for _, call := range failed(calls) {
		e, ok := errors.AsType[*auth.Error](call.err)
		if !ok || e.Cause != auth.IssuerUnavailable || e.Step() != auth.StepWait {
			t.Errorf("not told to wait for the issuer: %v", call.err)
			return
		}
	}
}

// A source is asked 12 times a minute at most, and three tries are one exchange.
// What an outage of a few seconds allows is much less.
func wantNoStorm(t *testing.T, w *wire, l *log, most int) {
	t.Helper()
	if n := l.count(auth.EventRenewFailed); n > most {
		t.Errorf("L5: the source was asked %d times in vain, more than %d", n, most)
	}
	if n := w.sent(); n > 3*(most+2) {
		t.Errorf("L5: %d token requests", n)
	}
	t.Logf("the source was asked %d times in vain; %d token requests so far, the first one included", l.count(auth.EventRenewFailed), w.sent())
}

func TestIssuer_L4_L5_AKilledIssuerIsNoticedAtTheExpiryAndNotStormed(t *testing.T) {
	t.Parallel()
	iss, c, w, l := outage(t, "killed")
	iss.Process.Kill()
	whileValid(t, c, w, l)

	calls := traffic(t, c, callers, time.Now().Add(5*time.Second), 20*time.Millisecond)
	if ok := len(calls) - len(failed(calls)); ok > 0 {
		t.Errorf("%d requests were sent with an expired token", ok)
	}
	wantTyped(t, calls)
	if d := slowest(calls); d > 5*time.Second {
		t.Errorf("L10: a request took %v to fail", d)
	}
	t.Logf("after the expiry: %d requests, all told to wait; slowest %v; %v", len(calls), slowest(calls).Round(time.Millisecond), calls[0].err)
	wantNoStorm(t, w, l, 6)

	iss.Restart()
	recovery(t, c, 8*time.Second)
}

func TestIssuer_L4_L10_AMuteIssuerIsNoticedAtTheExpiryAndForgivenAtOnce(t *testing.T) {
	t.Parallel()
	iss, c, w, l := outage(t, "mute")
	iss.Pause()
	whileValid(t, c, w, l)

	// Some callers have little patience. They leave, and take nobody with them.
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if got := do(ctx, c); !errors.Is(got.err, context.DeadlineExceeded) || time.Since(begun) > 2*time.Second {
		t.Errorf("a caller who waits half a second got %v after %v", got.err, time.Since(begun))
	}
	before := w.sent()
	waiting := make(chan []call)
	go func() { waiting <- at(t, c, callers) }()
	time.Sleep(time.Second)
	iss.Resume()
	resumed := time.Now()
	calls := <-waiting
	wantAllWell(t, calls)
	t.Logf("%d callers waited for one renewal, and had it %v after the issuer woke", len(calls), time.Since(resumed).Round(time.Millisecond))
	if n := w.sent() - before; n != 0 {
		t.Errorf("L2: %d more token requests, though one was under way", n)
	}
	if n := iss.Exchanges(); n != 2 {
		t.Errorf("L2: %d exchanges, 2 are enough", n)
	}
}

func TestIssuer_L10_AnIssuerThatStaysMuteIsAnAnswer(t *testing.T) {
	t.Parallel()
	iss, c, w, l := outage(t, "silent")
	iss.Pause()
	whileValid(t, c, w, l)

	calls := at(t, c, callers)
	if len(failed(calls)) != callers {
		t.Errorf("%d of %d requests failed", len(failed(calls)), callers)
	}
	wantTyped(t, calls)
	if d := slowest(calls); d > 11*time.Second {
		t.Errorf("L10: a request took %v to fail", d)
	}
	t.Logf("slowest failure %v; %v", slowest(calls).Round(time.Millisecond), calls[0].err)
	wantNoStorm(t, w, l, 2)

	iss.Resume()
	recovery(t, c, 3*time.Second)
}
