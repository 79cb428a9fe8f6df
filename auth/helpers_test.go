package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/reauth-go/reauth/auth"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("connection refused")

// A source is a Refresher that counts, notes and answers as it is told.
type source struct {
	answer answer

	mu    sync.Mutex
	asks  []time.Time        // when it was asked
	stale []*auth.Credential // what it was to replace; nil for Credential
}

// An answer is given to the nth ask, from 1.
type answer func(ctx context.Context, n int, stale *auth.Credential) (*auth.Credential, error)

func (s *source) Credential(ctx context.Context) (*auth.Credential, error) { return s.ask(ctx, nil) }

func (s *source) Refresh(ctx context.Context, stale *auth.Credential) (*auth.Credential, error) {
	return s.ask(ctx, stale)
}

func (s *source) ask(ctx context.Context, stale *auth.Credential) (*auth.Credential, error) {
	s.mu.Lock()
	s.asks = append(s.asks, time.Now())
	s.stale = append(s.stale, stale)
	n := len(s.asks)
	s.mu.Unlock()
	return s.answer(ctx, n, stale)
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asks)
}

// times returns when the source was asked.
func (s *source) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.asks...)
}

// cred returns a credential called name that lives for life; 0: not stated.
func cred(name string, life time.Duration) *auth.Credential {
	c := &auth.Credential{Secret: auth.NewSecret(name), Provenance: auth.Provenance{Kind: "test", Name: "issuer"}}
	if life != 0 {
		c.Expiry = time.Now().Add(life)
	}
	return c
}

// mints gives a new token each time, after a while, whatever its context says.
func mints(life, takes time.Duration) answer {
	return func(_ context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
		time.Sleep(takes)
		return cred(fmt.Sprintf("token-%d", n), life), nil
	}
}

// first gives the answers in order; the last one repeats.
func first(answers ...answer) answer {
	return func(ctx context.Context, n int, stale *auth.Credential) (*auth.Credential, error) {
		return answers[min(n, len(answers))-1](ctx, n, stale)
	}
}

// fails gives err, after a while.
func fails(err error, takes time.Duration) answer {
	return func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
		time.Sleep(takes)
		return nil, err
	}
}

// during answers by a while the clock is in [from, to) after start, and by b
// otherwise.
func during(start time.Time, from, to time.Duration, a, b answer) answer {
	return func(ctx context.Context, n int, stale *auth.Credential) (*auth.Credential, error) {
		if t := time.Since(start); t >= from && t < to {
			return a(ctx, n, stale)
		}
		return b(ctx, n, stale)
	}
}

// bubble runs f in a bubble of its own time, as a subtest.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// newCache returns a cache that is closed when the test ends.
func newCache(t *testing.T, src auth.Source, cfg auth.CacheConfig) *auth.Cache {
	t.Helper()
	c, err := auth.NewCache(src, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// get returns the secret of the credential in use, which must exist.
func get(t *testing.T, c *auth.Cache) string {
	t.Helper()
	return mustGet(t, c).Secret.Reveal()
}

func mustGet(t *testing.T, c *auth.Cache) *auth.Credential {
	t.Helper()
	cred, err := c.Credential(t.Context())
	if err != nil {
		t.Fatalf("Credential: %v", err)
	}
	return cred
}

// refresh reports stale as refused and returns the secret to use instead.
func refresh(t *testing.T, c *auth.Cache, stale *auth.Credential) string {
	t.Helper()
	cred, err := c.Refresh(t.Context(), stale)
	if err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	return cred.Secret.Reveal()
}

func wantAsks(t *testing.T, s *source, want int) {
	t.Helper()
	if got := s.count(); got != want {
		t.Errorf("the source was asked %d times, want %d", got, want)
	}
}

func wantSecret(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// wantCause checks cause and laws L9: one cause, a step, at least one fact.
func wantCause(t *testing.T, err error, cause auth.Cause) *auth.Error {
	t.Helper()
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		t.Fatalf("got %T (%v), want an *auth.Error", err, err)
	}
	if e.Cause != cause || !errors.Is(err, cause) {
		t.Errorf("cause %q, want %q: %v", e.Cause, cause, err)
	}
	if len(e.Evidence) == 0 || e.Evidence[0].Fact == "" || e.Evidence[0].Source == "" {
		t.Errorf("no evidence in %+v", e)
	}
	if e.Step() == "" {
		t.Errorf("no step for %q", e.Cause)
	}
	return e
}

// together runs f in n goroutines and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// crowd calls f rate times a second for so long, ten times a second, and one
// after another: f must not block.
func crowd(rate int, long time.Duration, f func()) {
	const beats = 10
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(time.Second / beats) {
		for range rate / beats {
			f()
		}
	}
}

// most returns the largest number of instants in any window of that length.
func most(times []time.Time, window time.Duration) int {
	best, from := 0, 0
	for i, t := range times {
		for t.Sub(times[from]) >= window {
			from++
		}
		best = max(best, i-from+1)
	}
	return best
}

// shiftWall moves a time's wall clock and leaves its monotonic clock, as a
// suspended laptop or a corrected clock does.
func shiftWall(t time.Time, by time.Duration) time.Time {
	t = t.Add(by)
	// The second word of a time that has one is its monotonic reading.
	(*[2]int64)(unsafe.Pointer(&t))[1] -= int64(by)
	return t
}

// processStart has a monotonic reading. The times in a bubble have none.
var processStart = time.Now()

// A wallClock is a bubble's clock whose wall side can be moved, while its
// monotonic side goes on.
type wallClock struct {
	start time.Time
	mu    sync.Mutex
	shift time.Duration
}

func newWallClock() *wallClock { return &wallClock{start: time.Now()} }

func (w *wallClock) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := processStart.Add(time.Since(w.start))
	return shiftWall(t, time.Since(t.Round(0))+w.shift)
}

func (w *wallClock) jump(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shift += by
}

// A journal collects events.
type journal struct {
	mu     sync.Mutex
	events []auth.Event
}

func (j *journal) hook(_ context.Context, e auth.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *journal) kinds() []auth.EventKind {
	j.mu.Lock()
	defer j.mu.Unlock()
	var kinds []auth.EventKind
	for _, e := range j.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}
