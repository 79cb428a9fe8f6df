package retry_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/repeat"
	"github.com/reauth-go/reauth/transport/retry"
)

// TestL10_SlowFailures: what takes long to fail is not tried four times. Half a
// minute is what Go's dialer spends on a host that drops everything.
func TestL10_SlowFailures(t *testing.T) {
	for _, test := range []struct {
		each     time.Duration
		attempts int
	}{{30 * time.Second, 2}, {16 * time.Second, 2}, {6 * time.Second, 3}, {3 * time.Second, 4}, {0, 4}} {
		t.Run(test.each.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{answer: func(int, *http.Request) (*http.Response, error) {
					time.Sleep(test.each)
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
				}}
				begun := time.Now()
				_, err := newLayer(t, w, retry.Config{}).RoundTrip(newRequest(t, "GET", nil))
				wantEqual(t, "attempts", w.count(), test.attempts)
				if timeout, ok := err.(net.Error); !ok || !timeout.Timeout() {
					t.Errorf("got %v", err)
				}
				if took, most := time.Since(begun), time.Duration(test.attempts)*test.each+7*time.Second; took > most {
					t.Errorf("took %v, want %v at most", took, most)
				}
			})
		})
	}
}

// TestL13_RetriesAreEvents: whoever watches hears of each retry before its wait,
// with its reason, and without what is not shown of a URL (L7).
func TestL13_RetriesAreEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []auth.Event
		begun := time.Now()
		w := script(503, errWire, asks(429, "20"), 200)
		req := newRequest(t, "GET", nil)
		fetch(t, newLayer(t, w, retry.Config{Hook: func(_ context.Context, e auth.Event) { heard = append(heard, e) }}), req)
		var reasons []string
		for i, e := range heard {
			reasons = append(reasons, e.Reason)
			if e.Kind != auth.EventRetried || e.Origin != acme || !e.NextTry.After(begun) || i > 0 && !e.NextTry.After(heard[i-1].NextTry) {
				t.Errorf("event %d: %+v", i, e)
			}
		}
		wantEqual(t, "reasons", strings.Join(reasons, "; "), "503 Service Unavailable; the cable is cut; 429 Too Many Requests")

		// Nothing is told of a request that is not sent again.
		heard = nil
		fetch(t, newLayer(t, script(503), retry.Config{Hook: func(_ context.Context, e auth.Event) { heard = append(heard, e) }}), newRequest(t, "POST", nil))
		wantEqual(t, "events of a POST", len(heard), 0)
	})
}

// TestL1_ALayerAroundThisOneLearnsOfTheRepeat: an attempt that ended a call's
// repeat is not the last that hears of it.
func TestL1_ALayerAroundThisOneLearnsOfTheRepeat(t *testing.T) {
	for _, outcomes := range [][]any{
		{repeat.Error(errWire), errWire, errWire, errWire},
		{errWire, repeat.Error(errWire), auth.ErrClosed},
		{repeat.Error(errWire), 503, errWire, errWire},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := newLayer(t, script(outcomes...), retry.Config{}).RoundTrip(newRequest(t, "GET", nil))
			if err == nil || !repeat.In(nil, err) {
				t.Errorf("%v: the error %v does not say that the repeat was made", outcomes, err)
			}
		})
	}
}
