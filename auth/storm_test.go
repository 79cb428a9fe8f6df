package auth_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// perMinute is how often a failing source may be asked in any minute.
const perMinute = 12

// A program with 200 callers a second whose source fails for hours.
// Trap 25, Trap 58.
func TestL5_FailingSource(t *testing.T) {
	down := fails(errDown, 0)
	for _, test := range []struct {
		name    string
		answer  func(start time.Time) answer
		refused bool // the API refuses whatever there is
		long    time.Duration
	}{
		{"from the start", func(time.Time) answer { return down }, false, 2 * time.Hour},
		{"when a token of ten minutes is to be renewed, across its expiry", func(time.Time) answer {
			return first(mints(10*time.Minute, 0), down)
		}, false, 30 * time.Minute},
		{"a token of twenty seconds", func(time.Time) answer { return first(mints(20*time.Second, 0), down) }, false, 10 * time.Minute},
		{"a token of three seconds", func(time.Time) answer { return first(mints(3*time.Second, 0), down) }, false, 10 * time.Minute},
		{"when a key without expiry is refused", func(time.Time) answer { return first(mints(0, 0), down) }, true, 20 * time.Minute},
		{"when a token is refused, across its expiry", func(time.Time) answer { return first(mints(10*time.Minute, 0), down) }, true, 20 * time.Minute},
		{"slowly", func(time.Time) answer { return fails(errDown, 900*time.Millisecond) }, false, 20 * time.Minute},
		{"with a verdict", func(time.Time) answer {
			return first(mints(0, 0), fails(&auth.Error{Cause: auth.RefreshRejected, Evidence: []auth.Evidence{{Source: "issuer", Fact: "invalid_grant"}}}, 0))
		}, true, 20 * time.Minute},
		{"with one key and no other", func(time.Time) answer { return same("key", 0) }, true, 20 * time.Minute},
		{"with expired tokens (T55)", func(time.Time) answer { return mints(-time.Minute, 0) }, false, 20 * time.Minute},
		{"with nothing at all", func(time.Time) answer {
			return func(context.Context, int, *auth.Credential) (*auth.Credential, error) { return nil, nil }
		}, false, 20 * time.Minute},
	} {
		bubble(t, test.name, func(t *testing.T) {
			start := time.Now()
			src := &source{answer: test.answer(start)}
			c := newCache(t, src, auth.CacheConfig{})
			crowd(200, test.long, func() {
				got, err := c.Credential(t.Context())
				if err == nil && !got.Expiry.IsZero() && !got.Expiry.After(time.Now()) {
					t.Fatal("an expired token was served")
				}
				if err == nil && test.refused {
					_, _ = c.Refresh(t.Context(), got)
				}
			})
			asks := src.times()
			if n := most(asks, time.Minute); n > perMinute {
				t.Errorf("asked %d times within a minute, want at most %d", n, perMinute)
			}
			if gap := time.Since(asks[len(asks)-1]); gap > 10*time.Second {
				t.Errorf("not asked any more for %v: it may have healed", gap)
			}
			if n, least := len(asks), int(test.long/(10*time.Second)); n < least {
				t.Errorf("asked %d times in %v, want %d at least", n, test.long, least)
			}
			t.Logf("%d asks in %v, at most %d a minute", len(asks), test.long, most(asks, time.Minute))
		})
	}
}

// An expiry ends a pause, and must not add more than one ask, wherever it falls.
func TestL5_FailuresAcrossAnyExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worst := 0
		for life := 500 * time.Millisecond; life < 80*time.Second; life += 1300 * time.Millisecond {
			src := &source{answer: first(mints(life, 0), fails(errDown, 0))}
			c := newCache(t, src, auth.CacheConfig{})
			crowd(10, 2*time.Minute, func() { _, _ = c.Credential(t.Context()) })
			worst = max(worst, most(src.times(), time.Minute))
		}
		if worst > perMinute {
			t.Errorf("asked %d times within a minute, want at most %d", worst, perMinute)
		}
		t.Logf("at most %d asks a minute", worst)
	})
}

// An API that refuses every credential as soon as it is minted, while the
// issuer mints happily. The prototype's bug: at the end of a pause the
// credential passed for old, and the pause undid itself. Trap 58.
func TestL5_RefusalPaceDoesNotResetItself(t *testing.T) {
	for name, life := range map[string]time.Duration{"no expiry": 0, "a day": 24 * time.Hour, "three seconds": 3 * time.Second} {
		bubble(t, name, func(t *testing.T) {
			src := &source{answer: mints(life, 0)}
			c := newCache(t, src, auth.CacheConfig{})
			var throttled int
			crowd(200, time.Hour, func() {
				got, err := c.Credential(t.Context())
				if err == nil {
					_, err = c.Refresh(t.Context(), got)
				}
				if errors.Is(err, auth.RefreshThrottled) {
					throttled++
				} else if err != nil {
					t.Fatal(err)
				}
			})
			asks := src.times()
			if n := most(asks[:min(len(asks), 20)], time.Minute); n > perMinute {
				t.Errorf("asked %d times in the first minute", n)
			}
			for i := 5; i < len(asks); i++ {
				if gap := asks[i].Sub(asks[i-1]); gap < time.Minute {
					t.Errorf("ask %d came %v after the last, want a minute", i+1, gap)
					break
				}
			}
			if n := len(asks); n < 50 || n > 65 {
				t.Errorf("asked %d times in an hour, want about once a minute", n)
			}
			if throttled < 700_000 {
				t.Errorf("only %d callers were told of the throttle", throttled)
			}
			t.Logf("%d asks in an hour for 720000 refusals", len(asks))
		})
	}
}

// The same with a few requests a minute: each retries once, as the transport
// does, and does not report the refusal of the second credential.
func TestL5_RefusalPaceForFewCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(0, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		for range 60 * 4 {
			_, _ = c.Refresh(t.Context(), mustGet(t, c))
			time.Sleep(15 * time.Second)
		}
		if n := src.count(); n > 65 {
			t.Errorf("asked %d times in an hour, want about once a minute", n)
		}
	})
}

func TestL5_LegitimateSequencesAreNotThrottled(t *testing.T) {
	for _, test := range []struct {
		name       string
		life, dies time.Duration
	}{
		{"tokens of three seconds that die after 2.1 s", 3 * time.Second, 2100 * time.Millisecond},
		{"a key revoked every two minutes", 0, 2 * time.Minute},
		{"tokens of an hour, revoked every two minutes", time.Hour, 2 * time.Minute},
		{"a key revoked every minute", 0, time.Minute},
	} {
		bubble(t, test.name, func(t *testing.T) {
			src := &source{answer: mints(test.life, 10*time.Millisecond)}
			c := newCache(t, src, auth.CacheConfig{Window: -1})
			for range 200 {
				got := mustGet(t, c)
				time.Sleep(test.dies)
				next, err := c.Refresh(t.Context(), got)
				if err != nil || next.Same(got) {
					t.Fatalf("%v, %v; want another credential", next, err)
				}
			}
		})
	}
	bubble(t, "three young refusals, then a good one", func(t *testing.T) {
		src := &source{answer: mints(0, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		for i := range 3 {
			wantSecret(t, refresh(t, c, mustGet(t, c)), fmt.Sprintf("token-%d", i+2))
		}
		time.Sleep(2 * time.Minute)
		for i := range 3 { // they do not add up over time
			wantSecret(t, refresh(t, c, mustGet(t, c)), fmt.Sprintf("token-%d", i+5))
		}
	})
	bubble(t, "young refusals between lives that end as planned", func(t *testing.T) {
		src := &source{answer: mints(100*time.Second, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		for range 20 {
			old := mustGet(t, c)
			if refresh(t, c, old) == old.Secret.Reveal() {
				t.Fatal("no other credential")
			}
			time.Sleep(100 * time.Second)
		}
	})
}

func TestL5_Recovery(t *testing.T) {
	bubble(t, "within one pause of seven seconds", func(t *testing.T) {
		start := time.Now()
		src := &source{}
		src.answer = during(start, 0, time.Hour, fails(errDown, 0), mints(time.Hour, 0))
		c := newCache(t, src, auth.CacheConfig{})
		for {
			if _, err := c.Credential(t.Context()); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if late := time.Since(start) - time.Hour; late > 7*time.Second {
			t.Errorf("recovered %v after the source had", late)
		}
		// And the next failure begins with a short pause again.
		src.answer = fails(errDown, 0)
		time.Sleep(time.Hour)
		_, err := c.Credential(t.Context())
		if !errors.Is(err, errDown) || time.Until(c.Status().NextTry) != time.Second/2 {
			t.Errorf("after a success the first failure sets a pause of %v, want 500ms", time.Until(c.Status().NextTry))
		}
	})
	bubble(t, "from refusals, within a minute", func(t *testing.T) {
		src := &source{answer: mints(0, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		for range 20 {
			_, _ = c.Refresh(t.Context(), mustGet(t, c))
			time.Sleep(time.Second)
		}
		healed := time.Now()
		old := mustGet(t, c)
		for {
			if next, err := c.Refresh(t.Context(), old); err == nil && !next.Same(old) {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if late := time.Since(healed); late > time.Minute {
			t.Errorf("recovered after %v", late)
		}
	})
	bubble(t, "at once by Forget", func(t *testing.T) {
		for name, before := range map[string]answer{"failures": fails(errDown, 0), "refusals": mints(0, 0)} {
			src := &source{answer: before}
			c := newCache(t, src, auth.CacheConfig{})
			for range 10 {
				if got, err := c.Credential(t.Context()); err == nil {
					_, _ = c.Refresh(t.Context(), got)
				}
			}
			if c.Status().NextTry.IsZero() {
				t.Fatalf("%s: no pause to lift", name)
			}
			src.answer = same("healed", 0)
			c.Forget()
			wantSecret(t, get(t, c), "healed")
			if s := c.Status(); !s.NextTry.IsZero() || s.Failures != 0 || s.LastError != nil {
				t.Errorf("%s: after Forget %+v", name, s)
			}
		}
	})
}

func TestL5_T84_ThrottledErrorSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: fails(fmt.Errorf("token endpoint: %w", errDown), 0)}
		c := newCache(t, src, auth.CacheConfig{})
		_, err := c.Credential(t.Context())
		asked := wantCause(t, err, auth.SourceFailed)
		if asked.Throttled || errors.Is(err, auth.RefreshThrottled) || !asked.NextTry.IsZero() {
			t.Errorf("the first failure is no throttled one: %+v", asked)
		}
		_, err = c.Credential(t.Context())
		e := wantCause(t, err, auth.SourceFailed)
		switch {
		case !e.Throttled || !errors.Is(err, auth.RefreshThrottled):
			t.Errorf("not marked as throttled: %v", err)
		case !errors.Is(err, errDown):
			t.Errorf("lost what it failed on: %v", err)
		case !e.NextTry.Equal(time.Now().Add(time.Second / 2)):
			t.Errorf("next try %v, want in half a second", e.NextTry)
		case e.Evidence[0] != asked.Evidence[0] || len(e.Evidence) != len(asked.Evidence)+1:
			t.Errorf("evidence %v, want that of the failure and one more", e.Evidence)
		}
		if asked.Throttled {
			t.Error("an error that was handed out has changed")
		}
		wantAsks(t, src, 1)
		if s := c.Status(); s.LastError != error(asked) {
			t.Errorf("Status tells %v, want the failure itself", s.LastError)
		}
		time.Sleep(time.Second)
		_, err = c.Credential(t.Context())
		if errors.Is(err, auth.RefreshThrottled) {
			t.Errorf("asked again, and yet marked as throttled: %v", err)
		}
		wantAsks(t, src, 2)
	})
}

func TestTrap92_OneValueForAThousandCallers(t *testing.T) {
	for name, answer := range map[string]answer{"after a failure": fails(errDown, 0), "after young refusals": mints(0, 0)} {
		bubble(t, name, func(t *testing.T) {
			c := newCache(t, &source{answer: answer}, auth.CacheConfig{})
			for range 10 {
				if got, err := c.Credential(t.Context()); err == nil {
					_, _ = c.Refresh(t.Context(), got)
				}
			}
			stale, _ := c.Credential(t.Context())
			errs := make([]error, 1000)
			together(len(errs), func(i int) { _, errs[i] = c.Refresh(t.Context(), stale) })
			for _, err := range errs {
				if err == nil || err != errs[0] {
					t.Fatalf("two values for one pause: %v and %v", err, errs[0])
				}
			}
			if n := testing.AllocsPerRun(100, func() { _, _ = c.Refresh(t.Context(), stale) }); n > 1 {
				t.Errorf("%v allocations for each caller that is turned away", n)
			}
		})
	}
}

// The answer during a pause tells the time that holds, also when a refusal has
// made the pause longer since the answer was first given.
func TestL5_NextTryFollowsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		src := &source{}
		src.answer = func(_ context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
			if down {
				return nil, errDown
			}
			// Short enough to be renewed early, long enough to be refused young.
			return cred(fmt.Sprintf("token-%d", n), 10*time.Minute), nil
		}
		c := newCache(t, src, auth.CacheConfig{})
		for range 3 {
			refresh(t, c, mustGet(t, c))
		}
		down = true
		for range 2 {
			_, _ = c.Refresh(t.Context(), cred("unknown", 0)) // another one is in use: nothing is asked
		}
		last := mustGet(t, c)
		_, err := c.Refresh(t.Context(), last) // the fourth young refusal
		e := wantCause(t, err, auth.RefreshThrottled)
		if want := src.times()[3].Add(time.Minute); !e.NextTry.Equal(want) || !c.Status().NextTry.Equal(want) {
			t.Errorf("next try %v and %v, want %v", e.NextTry, c.Status().NextTry, want)
		}
		time.Sleep(time.Minute)
		_, err = c.Refresh(t.Context(), last)
		if !errors.Is(err, errDown) || errors.Is(err, auth.RefreshThrottled) {
			t.Errorf("after a minute: %v, want the failure", err)
		}
		_, err = c.Refresh(t.Context(), last)
		e = wantCause(t, err, auth.SourceFailed)
		if !e.Throttled || !e.NextTry.Equal(c.Status().NextTry) || time.Until(e.NextTry) != time.Minute {
			t.Errorf("next try in %v, want in a minute", time.Until(e.NextTry))
		}
	})
}

func TestEvents(t *testing.T) {
	bubble(t, "a life", func(t *testing.T) {
		start := time.Now()
		var log journal
		src := &source{}
		src.answer = during(start, 50*time.Minute, 70*time.Minute, fails(errDown, 0), mints(time.Hour, 0))
		c := newCache(t, src, auth.CacheConfig{Hook: log.hook})
		issued := mustGet(t, c)
		synctest.Wait()
		time.Sleep(59*time.Minute + 58500*time.Millisecond)
		get(t, c) // fails in the background
		synctest.Wait()
		time.Sleep(time.Second)
		for range 3 {
			get(t, c) // fails again, half a second before expiry
			synctest.Wait()
		}
		time.Sleep(time.Second)
		for range 100 {
			_, _ = c.Credential(t.Context()) // asked once, throttled 99 times, told once
		}
		time.Sleep(time.Minute)
		for range 100 {
			_, _ = c.Credential(t.Context())
		}
		time.Sleep(time.Hour)
		old := mustGet(t, c)
		refresh(t, c, old)
		refresh(t, c, old)
		synctest.Wait()

		want := []auth.EventKind{
			auth.EventFound,
			auth.EventRenewFailed, auth.EventRenewFailed,
			auth.EventRenewFailed, auth.EventThrottled,
			auth.EventRenewFailed, auth.EventThrottled,
			auth.EventRenewed, auth.EventRenewed,
		}
		if got := log.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("events\n%v, want\n%v", got, want)
		}
		found, failed, throttled := log.events[0], log.events[1], log.events[4]
		if found.Provenance != issued.Provenance || !found.Expiry.Equal(issued.Expiry) || found.Err != nil {
			t.Errorf("found: %+v", found)
		}
		if failed.Provenance != issued.Provenance || !failed.Expiry.Equal(issued.Expiry) || !errors.Is(failed.Err, errDown) ||
			failed.Failures != 1 || failed.NextTry.IsZero() {
			t.Errorf("renew_failed: %+v", failed)
		}
		if f := log.events[2]; !f.NextTry.Equal(issued.Expiry) {
			t.Errorf("a pause that would reach past the expiry ends at %v, want %v", f.NextTry, issued.Expiry)
		}
		if !errors.Is(throttled.Err, auth.RefreshThrottled) || throttled.NextTry.IsZero() {
			t.Errorf("throttled: %+v", throttled)
		}
	})
	bubble(t, "throttled, once for each pause, also for refusals and hung calls", func(t *testing.T) {
		var log journal
		hang := make(chan struct{})
		src := &source{answer: func(context.Context, int, *auth.Credential) (*auth.Credential, error) { <-hang; return nil, errDown }}
		c := newCache(t, src, auth.CacheConfig{Hook: log.hook})
		defer close(hang)
		pauses := map[time.Time]int{}
		for range 2000 {
			if _, err := c.Credential(t.Context()); err == nil {
				t.Fatal("a credential came from nowhere")
			}
			time.Sleep(100 * time.Millisecond)
		}
		for _, e := range log.events {
			if e.Kind == auth.EventThrottled {
				pauses[e.NextTry.Round(0)]++
			}
		}
		for until, n := range pauses {
			if n != 1 {
				t.Errorf("the pause until %v was told of %d times", until, n)
			}
		}
		if failures := c.Status().Failures; len(pauses) < failures-1 {
			t.Errorf("%d pauses were told of, want %d", len(pauses), failures)
		}
	})
	bubble(t, "a panic in the hook is contained", func(t *testing.T) {
		c := newCache(t, &source{answer: first(mints(time.Hour, 0), fails(errDown, 0))}, auth.CacheConfig{
			Hook: func(context.Context, auth.Event) { panic("hook") },
		})
		get(t, c)
		time.Sleep(time.Hour)
		for range 3 {
			if _, err := c.Credential(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("got %v", err)
			}
		}
	})
	bubble(t, "a hook may call back", func(t *testing.T) {
		var c *auth.Cache
		heard := 0
		c = newCache(t, &source{answer: first(mints(0, 0), fails(errDown, 0), mints(0, 0))}, auth.CacheConfig{
			Hook: func(ctx context.Context, e auth.Event) {
				heard++
				_ = c.Status()
				if e.Kind != auth.EventFound {
					c.Forget()
				}
			},
		})
		old := mustGet(t, c)
		synctest.Wait()
		if _, err := c.Refresh(t.Context(), old); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		wantSecret(t, get(t, c), "token-3") // the hook has lifted the pause
		synctest.Wait()
		if heard != 3 {
			t.Errorf("heard %d events", heard)
		}
	})
	bubble(t, "with the context of the request that was turned away", func(t *testing.T) {
		var values []any
		c := newCache(t, &source{answer: fails(errDown, 0)}, auth.CacheConfig{
			Hook: func(ctx context.Context, e auth.Event) { values = append(values, ctx.Value(ctxKey{})) },
		})
		ctx := context.WithValue(t.Context(), ctxKey{}, "trace")
		_, _ = c.Credential(ctx)
		synctest.Wait()
		_, _ = c.Credential(ctx)
		if fmt.Sprint(values) != "[<nil> trace]" {
			t.Errorf("contexts with %v", values)
		}
	})
}

// TestL5_SourceNamesTheNextTry: a source that says when to come back (a token
// endpoint's Retry-After) is obeyed for up to a minute, never past the expiry of
// a token that is still good (L4), and a time that has passed changes nothing.
func TestL5_SourceNamesTheNextTry(t *testing.T) {
	for _, test := range []struct {
		name  string
		wish  time.Duration
		life  time.Duration // of the token in use; zero: there is none
		pause time.Duration
	}{
		{"in 30 seconds", 30 * time.Second, 0, 30 * time.Second},
		{"in an hour", time.Hour, 0, time.Minute},
		{"at the end of time", math.MaxInt64, 0, time.Minute},
		{"in 100 ms", 100 * time.Millisecond, 0, 500 * time.Millisecond},
		{"an hour ago", -time.Hour, 0, 500 * time.Millisecond},
		{"after the expiry", time.Minute, 20 * time.Second, 20 * time.Second},
	} {
		bubble(t, test.name, func(t *testing.T) {
			busy := func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
				return nil, &auth.Error{
					Cause: auth.IssuerUnavailable, NextTry: time.Now().Add(test.wish),
					Evidence: []auth.Evidence{{Source: "issuer", Fact: "503, Retry-After"}},
				}
			}
			src := &source{answer: busy}
			if test.life > 0 {
				src.answer = first(mints(test.life, 0), busy)
			}
			c := newCache(t, src, auth.CacheConfig{})
			begun := time.Now()
			if test.life > 0 {
				_, err := c.Refresh(t.Context(), mustGet(t, c))
				wantCause(t, err, auth.IssuerUnavailable)
			} else {
				_, err := c.Credential(t.Context())
				wantCause(t, err, auth.IssuerUnavailable)
			}
			if got := c.Status().NextTry.Sub(begun); got != test.pause {
				t.Errorf("the next try is in %v, want %v", got, test.pause)
			}
			before := src.count()
			time.Sleep(test.pause - time.Millisecond)
			_, _ = c.Credential(t.Context())
			wantAsks(t, src, before)
			time.Sleep(2 * time.Millisecond)
			_, _ = c.Credential(t.Context())
			wantAsks(t, src, before+1)
		})
	}
}
