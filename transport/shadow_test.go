package transport_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// A place is a source that can be looked at. It waits for the gate, if there is one.
type place struct {
	counting
	gate chan struct{}
}

func (p *place) Passive() bool { return true }

func (p *place) Credential(ctx context.Context) (*auth.Credential, error) {
	if p.gate != nil {
		select {
		case <-p.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return p.counting.Credential(ctx)
}

// TestL13_ShadowedIsTold: a refused key that hides another one says so, in the
// diagnosis and as an event; the hidden places are asked once for each
// credential, and never on success.
func TestL13_ShadowedIsTold(t *testing.T) {
	t.Setenv("REAUTH_TEST_KEY", "old-key")
	behind := &place{counting: counting{Source: auth.Static("new-key")}}
	w := accepts("Bearer new-key")
	heard := &journal{}
	tr := newTransport(t, transport.Config{Source: auth.FirstOf(auth.Env("REAUTH_TEST_KEY"), behind), Base: w, Hook: heard.hook})
	var e *auth.Error
	for range 3 {
		e = wantCause(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).diagnosis(), auth.InvalidCredential)
	}
	wantEqual(t, "looks behind", behind.calls.Load(), int32(1))
	wantEqual(t, "shadowed events", strings.Count(heard.kinds(), "shadowed"), 1)
	page := e.Explain()
	for _, want := range []string{"static", "hidden by env REAUTH_TEST_KEY", "unset REAUTH_TEST_KEY, which hides"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "old-key") || strings.Contains(page, "new-key") {
		t.Errorf("L7: the page shows a key:\n%s", page)
	}

	t.Setenv("REAUTH_TEST_KEY", "new-key")
	good := newTransport(t, transport.Config{Source: auth.FirstOf(auth.Env("REAUTH_TEST_KEY"), behind), Base: w})
	wantStatus(t, fetch(t, good, newRequest(t, http.MethodGet, acme, nil)), 200)
	wantEqual(t, "looks behind after a success", behind.calls.Load(), int32(1))
}

// TestL4_NobodyWaitsForAnExplanation: one request looks at the places behind, for
// as long as its own context allows; the others go on. A look that its caller cut
// short is made again.
func TestL4_NobodyWaitsForAnExplanation(t *testing.T) {
	t.Setenv("REAUTH_TEST_KEY", "old-key")
	synctest.Test(t, func(t *testing.T) {
		behind := &place{counting: counting{Source: auth.Static("new-key")}, gate: make(chan struct{})}
		tr := newTransport(t, transport.Config{Source: auth.FirstOf(auth.Env("REAUTH_TEST_KEY"), behind), Base: accepts("Bearer new-key")})
		get := func(patience time.Duration) (*auth.Error, time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begun := time.Now()
			var rec auth.Recorder
			resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil).WithContext(auth.WithRecorder(ctx, &rec)))
			if err == nil {
				drained(t, resp)
			}
			return rec.Last(), time.Since(begun)
		}
		go func() { _, _ = get(200 * time.Millisecond) }()
		time.Sleep(100 * time.Millisecond)
		if _, took := get(time.Minute); took != 0 {
			t.Errorf("a request waited %v for somebody else's look", took)
		}
		time.Sleep(200 * time.Millisecond)
		close(behind.gate)
		e, took := get(time.Minute)
		if took != 0 || e == nil || !strings.Contains(e.Explain(), "hidden by env REAUTH_TEST_KEY") {
			t.Errorf("after the look that was cut short: %v in %v", e, took)
		}
	})
}

// TestL4_HooksMaySend: a hook that makes a request of its own, through the same
// transport, does not wait for itself.
func TestL4_HooksMaySend(t *testing.T) {
	t.Setenv("REAUTH_TEST_KEY", "old-key")
	synctest.Test(t, func(t *testing.T) {
		behind := &place{counting: counting{Source: auth.Static("new-key")}}
		var tr *transport.Transport
		told := 0
		tr = newTransport(t, transport.Config{
			Source: auth.FirstOf(auth.Env("REAUTH_TEST_KEY"), behind), Base: accepts("Bearer new-key"),
			Hook: func(_ context.Context, e auth.Event) {
				if e.Kind == auth.EventShadowed {
					told++
					fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
				}
			},
		})
		fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
		wantEqual(t, "events", told, 1)
	})
}
