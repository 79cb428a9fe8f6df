package auth_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

func TestTrap19_HotPath(t *testing.T) {
	for name, life := range map[string]time.Duration{"without expiry": 0, "with expiry": time.Hour, "with a distant expiry": math.MaxInt64} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t, &source{answer: mints(life, 0)}, auth.CacheConfig{})
			want := mustGet(t, c)
			ctx := t.Context()
			if n := testing.AllocsPerRun(1000, func() { _, _ = c.Credential(ctx) }); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
			c.WithLock(func() { // whoever needs the lock hangs here
				done := make(chan *auth.Credential, 1)
				go func() { got, _ := c.Credential(ctx); done <- got }()
				select {
				case got := <-done:
					if got != want {
						t.Errorf("got %v, want the credential in use", got)
					}
				case <-time.After(5 * time.Second):
					t.Fatal("the fast path waits for the lock")
				}
			})
		})
	}
}

// Trap 32.
func TestL2_ColdHerd(t *testing.T) {
	for round := range 300 {
		src := &source{answer: mints(time.Hour, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		start := make(chan struct{})
		var ready sync.WaitGroup
		ready.Add(100)
		go func() { ready.Wait(); close(start) }()
		together(100, func(int) {
			ready.Done()
			<-start
			if got, err := c.Credential(t.Context()); err != nil || got.Secret.Reveal() != "token-1" {
				t.Errorf("round %d: %v, %v", round, got, err)
			}
		})
		wantAsks(t, src, 1)
		if t.Failed() {
			return
		}
	}
}

func TestL2_Trap32_ThousandCallersOneFetch(t *testing.T) {
	for name, test := range map[string]struct {
		life time.Duration
		wait time.Duration // before the herd comes
		want string
		asks int
	}{
		"cold":    {time.Hour, 0, "token-1", 1},
		"expired": {time.Hour, time.Hour, "token-2", 2},
	} {
		bubble(t, name, func(t *testing.T) {
			for range 20 {
				src := &source{answer: mints(test.life, 300*time.Millisecond)}
				c := newCache(t, src, auth.CacheConfig{})
				if test.wait > 0 {
					get(t, c)
					time.Sleep(test.wait)
				}
				together(1000, func(i int) {
					time.Sleep(time.Duration(i%7) * 50 * time.Millisecond) // some come when it has landed
					if got, err := c.Credential(t.Context()); err != nil || got.Secret.Reveal() != test.want {
						t.Errorf("%v, %v", got, err)
					}
				})
				wantAsks(t, src, test.asks)
			}
		})
	}
}

// Trap 43, Trap 44, T3, T4.
func TestL2_Refusals(t *testing.T) {
	bubble(t, "a thousand at once", func(t *testing.T) {
		for range 10 {
			src := &source{answer: mints(time.Hour, 300*time.Millisecond)}
			c := newCache(t, src, auth.CacheConfig{})
			old := mustGet(t, c)
			together(1000, func(int) { wantSecret(t, refresh(t, c, old), "token-2") })
			wantAsks(t, src, 2)
		}
	})
	bubble(t, "staggered, while it is replaced and after (Trap 43, Trap 44)", func(t *testing.T) {
		src := &source{answer: mints(0, 300*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{})
		old := mustGet(t, c)
		together(100, func(i int) {
			time.Sleep(time.Duration(i) * 20 * time.Millisecond)
			wantSecret(t, refresh(t, c, old), "token-2")
		})
		wantAsks(t, src, 2)
	})
	bubble(t, "of one that was replaced by schedule", func(t *testing.T) {
		src := &source{answer: mints(time.Minute, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		old := mustGet(t, c)
		time.Sleep(time.Minute)
		wantSecret(t, get(t, c), "token-2")
		wantSecret(t, refresh(t, c, old), "token-2")
		wantAsks(t, src, 2)
	})
	bubble(t, "of a copy, as another process would send it", func(t *testing.T) {
		src := &source{answer: mints(0, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		copied := *mustGet(t, c)
		wantSecret(t, refresh(t, c, &copied), "token-2")
		wantSecret(t, refresh(t, c, &copied), "token-2")
		wantAsks(t, src, 2)
	})
	bubble(t, "of nothing: the one in use", func(t *testing.T) {
		src := &source{answer: mints(0, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		wantSecret(t, refresh(t, c, nil), "token-1")
		wantSecret(t, refresh(t, c, nil), "token-1")
		wantAsks(t, src, 1)
	})
}

// A source that follows the contract to the letter gives what it holds if that
// differs from stale. If an old credential is refused late, when its successor
// has expired, the source has to hear of the successor.
func TestL2_LateRefusalAfterTheSuccessorExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := cred("token-1", time.Minute)
		src := &source{answer: func(_ context.Context, n int, stale *auth.Credential) (*auth.Credential, error) {
			if stale == nil || !held.Same(stale) {
				return held, nil
			}
			held = cred(fmt.Sprintf("token-%d", n), time.Minute)
			return held, nil
		}}
		c := newCache(t, src, auth.CacheConfig{})
		old := mustGet(t, c)
		wantSecret(t, refresh(t, c, old), "token-2")
		time.Sleep(2 * time.Minute)
		wantSecret(t, refresh(t, c, old), "token-3")
		if asked := src.stale[2]; asked == nil || asked.Secret.Reveal() != "token-2" {
			t.Errorf("the source was asked to replace %v, want token-2", asked)
		}
	})
}

func TestL2_Trap45_RefusalDuringARenewal(t *testing.T) {
	// At 58 minutes a renewal is surely under way, for ten seconds.
	for name, test := range map[string]struct {
		second answer
		want   string
		asks   int
	}{
		"that brings another: adopted":          {mints(time.Hour, 10*time.Second), "token-2", 2},
		"that brings the same: asked once more": {same("token-1", 10*time.Second), "token-3", 3},
		"that fails: not asked again so soon":   {fails(errDown, 10*time.Second), "", 2},
	} {
		bubble(t, name, func(t *testing.T) {
			var expiry time.Time
			src := &source{}
			src.answer = first(mints(time.Hour, 0), func(ctx context.Context, n int, stale *auth.Credential) (*auth.Credential, error) {
				got, err := test.second(ctx, n, stale)
				if got != nil && got.Secret.Reveal() == "token-1" {
					got.Expiry = expiry
				}
				return got, err
			}, mints(time.Hour, 0))
			c := newCache(t, src, auth.CacheConfig{})
			old := mustGet(t, c)
			expiry = old.Expiry
			time.Sleep(58 * time.Minute)
			get(t, c)
			synctest.Wait()
			wantAsks(t, src, 2)
			if !c.Status().Renewing {
				t.Fatal("no renewal is under way")
			}
			together(100, func(i int) {
				time.Sleep(time.Duration(i) * time.Millisecond)
				got, err := c.Refresh(t.Context(), old)
				if test.want == "" {
					if !errors.Is(err, auth.SourceFailed) {
						t.Errorf("%v, %v", got, err)
					}
				} else if err != nil || got.Secret.Reveal() != test.want {
					t.Errorf("%v, %v; want %s", got, err, test.want)
				}
			})
			wantAsks(t, src, test.asks)
		})
	}
}

// same gives a credential of that name and of no stated expiry, after a while.
func same(name string, takes time.Duration) answer {
	return func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
		time.Sleep(takes)
		return cred(name, 0), nil
	}
}

// Trap 46, Trap 58, T2.
func TestL2_Trap57_NothingElseToGive(t *testing.T) {
	bubble(t, "the same again", func(t *testing.T) {
		src := &source{answer: same("key", 0)}
		c := newCache(t, src, auth.CacheConfig{})
		old := mustGet(t, c)
		together(1000, func(int) {
			got, err := c.Refresh(t.Context(), old)
			if err != nil || got != old {
				t.Errorf("%v, %v; want the credential in use", got, err)
			}
		})
		wantAsks(t, src, 2)
	})
	bubble(t, "the same with another expiry", func(t *testing.T) {
		src := &source{answer: func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			time.Sleep(time.Millisecond)
			return cred("key", time.Hour), nil // as a source does that makes up a time to live
		}}
		c := newCache(t, src, auth.CacheConfig{})
		old := mustGet(t, c)
		together(1000, func(int) {
			got, err := c.Refresh(t.Context(), old)
			if err != nil || !got.Same(old) {
				t.Errorf("%v, %v; want the same key", got, err)
			}
		})
		wantAsks(t, src, 2)
	})
	bubble(t, "changed between the refusals: seen when the pause ends (T53, T85)", func(t *testing.T) {
		var key atomic.Value
		key.Store("key")
		src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return cred(key.Load().(string), 0), nil })
		c := newCache(t, src, auth.CacheConfig{})
		old := mustGet(t, c)
		wantSecret(t, refresh(t, c, old), "key")
		key.Store("rotated")
		wantSecret(t, refresh(t, c, old), "key") // within the pause
		time.Sleep(time.Second)
		wantSecret(t, refresh(t, c, old), "rotated")
	})
}

func TestL4_NobodyWaitsWhileValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(time.Hour, 300*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{})
		get(t, c)
		time.Sleep(54 * time.Minute)
		var waited, renewed atomic.Int64
		together(50, func(i int) {
			time.Sleep(time.Duration(i) * time.Millisecond)
			for range 600 { // ten minutes, across the expiry of the first token
				start := time.Now()
				got, err := c.Credential(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				waited.Add(int64(time.Since(start)))
				if got.Secret.Reveal() == "token-2" {
					renewed.Add(1)
				}
				time.Sleep(time.Second)
			}
		})
		if waited.Load() != 0 {
			t.Errorf("callers waited %v in all, want none", time.Duration(waited.Load()))
		}
		if renewed.Load() == 0 {
			t.Error("nobody saw the renewed token")
		}
		wantAsks(t, src, 2)
	})
}

// Trap 22.
func TestL4_FailedEarlyRenewalChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: first(mints(time.Hour, 0), fails(errDown, 300*time.Millisecond))}
		var log journal
		c := newCache(t, src, auth.CacheConfig{Hook: log.hook})
		issued := mustGet(t, c)
		for time.Until(issued.Expiry) > 0 {
			start := time.Now()
			if got, err := c.Credential(t.Context()); err != nil || got != issued {
				t.Fatalf("%s before expiry: %v, %v", time.Until(issued.Expiry), got, err)
			}
			if time.Since(start) != 0 {
				t.Fatal("a caller waited")
			}
			time.Sleep(50 * time.Millisecond)
		}
		asks := src.times()[1:]
		if begin := issued.Expiry.Sub(asks[0]); begin > 5*time.Minute || begin < 225*time.Second {
			t.Errorf("renewal began %v before expiry, want 3:45 to 5:00", begin)
		}
		if last := issued.Expiry.Sub(asks[len(asks)-1]); last > 8*time.Second {
			t.Errorf("the last attempt was %v before expiry: they must go on", last)
		}
		if n := len(asks); n < 30 || n > 50 {
			t.Errorf("%d attempts in the last minutes, want one every seven seconds", n)
		}
		if kinds := log.kinds(); len(kinds) < len(asks) || kinds[1] != auth.EventRenewFailed {
			t.Errorf("failures were not told of: %v", kinds)
		}
		if s := c.Status(); s.Failures == 0 || !errors.Is(s.LastError, errDown) {
			t.Errorf("status %+v: want the failure", s)
		}
	})
}

// The issuer's verdict on the next token says nothing of the one in use: that is
// served to its end, and the hook hears of the verdict at once.
func TestTrap23_EarlyVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verdict := &auth.Error{Cause: auth.RefreshRejected, Evidence: []auth.Evidence{{Source: "issuer", Fact: "invalid_grant"}}}
		src := &source{answer: first(mints(time.Hour, 0), fails(verdict, 0))}
		var log journal
		c := newCache(t, src, auth.CacheConfig{Hook: log.hook})
		issued := mustGet(t, c)
		time.Sleep(58 * time.Minute) // a renewal is due by now
		get(t, c)
		synctest.Wait()
		log.mu.Lock()
		told := log.events[len(log.events)-1]
		log.mu.Unlock()
		if told.Kind != auth.EventRenewFailed || !errors.Is(told.Err, auth.RefreshRejected) {
			t.Errorf("told %s, %v", told.Kind, told.Err)
		}
		for time.Until(issued.Expiry) > 0 {
			if mustGet(t, c) != issued {
				t.Fatalf("%s before its expiry another one is in use", time.Until(issued.Expiry))
			}
			time.Sleep(time.Second)
		}
		if got, err := c.Credential(t.Context()); !errors.Is(err, auth.RefreshRejected) {
			t.Errorf("after its expiry: %v, %v", got, err)
		}
	})
}

// The prototype's bug: the pause after a failed renewal moved the end of the
// fast path past the expiry, and expired tokens were served. Trap 24.
func TestL4_PauseNeverReachesPastExpiry(t *testing.T) {
	// Failures at every distance from the expiry, in steps that hit no pause.
	for name, refused := range map[string]bool{"early renewal": false, "refusal": true} {
		bubble(t, name, func(t *testing.T) {
			for before := 10 * time.Millisecond; before < 20*time.Second; before += 370 * time.Millisecond {
				down := true
				src := &source{}
				src.answer = func(_ context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
					if n > 1 && down {
						return nil, errDown
					}
					return cred(fmt.Sprintf("token-%d", n), 100*time.Second), nil
				}
				c := newCache(t, src, auth.CacheConfig{})
				issued := mustGet(t, c)
				time.Sleep(100*time.Second - before)
				for range 8 { // up to the longest pause
					if refused {
						if _, err := c.Refresh(t.Context(), issued); err == nil && time.Until(issued.Expiry) > 0 {
							t.Fatal("a renewal succeeded that must fail")
						}
					}
					if got, err := c.Credential(t.Context()); err == nil && !got.Expiry.After(time.Now()) {
						t.Fatalf("served %s after its expiry", time.Since(got.Expiry))
					}
					synctest.Wait()
					time.Sleep(before / 8)
				}
				if until := time.Until(issued.Expiry); until > 0 {
					time.Sleep(until)
				}
				down = false
				n := src.count()
				got, err := c.Credential(t.Context())
				if err != nil || got.Same(issued) {
					t.Fatalf("failed %v before expiry; at expiry: %v, %v (asked %d times); want a new token", before, got, err, src.count()-n)
				}
			}
		})
	}
}

// The same with a renewal that is under way when the credential expires.
func TestL4_RenewalUnderWayNeverReachesPastExpiry(t *testing.T) {
	for name, test := range map[string]struct {
		second answer
		want   error
	}{
		"succeeds": {mints(100*time.Second, 10*time.Second), nil},
		"fails":    {fails(errDown, 10*time.Second), errDown},
		"hangs":    {fails(errDown, 30*time.Second), auth.SourceTimeout},
	} {
		bubble(t, name, func(t *testing.T) {
			src := &source{answer: first(mints(100*time.Second, 0), test.second)}
			c := newCache(t, src, auth.CacheConfig{})
			issued := mustGet(t, c)
			time.Sleep(98 * time.Second)
			if mustGet(t, c) != issued { // and begins the renewal
				t.Fatal("not served while valid")
			}
			synctest.Wait()
			wantAsks(t, src, 2)
			time.Sleep(2 * time.Second)
			got, err := c.Credential(t.Context())
			if got.Same(issued) || !errors.Is(err, test.want) {
				t.Errorf("at expiry: %v, %v; want %v", got, err, test.want)
			}
			wantAsks(t, src, 2)
			time.Sleep(20 * time.Second)
		})
	}
}

// Trap 24, Trap 32.
func TestL4_AtExpiryEverybodyWaitsForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(time.Hour, 300*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{Window: -1})
		issued := mustGet(t, c)
		time.Sleep(time.Until(issued.Expiry) - 1)
		if mustGet(t, c) != issued {
			t.Error("not served a nanosecond before its expiry")
		}
		wantAsks(t, src, 1) // a negative window renews nothing early
		time.Sleep(time.Nanosecond)
		start := time.Now()
		together(1000, func(int) {
			if got := mustGet(t, c); got.Secret.Reveal() != "token-2" {
				t.Error("served after its expiry")
			}
		})
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("all were served after %v, want 300ms", took)
		}
		wantAsks(t, src, 2)
	})
}

// T19.
func TestL4_Trap33_CancelledLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: func(ctx context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
			select {
			case <-time.After(500 * time.Millisecond):
				return cred("token", time.Hour), nil
			case <-ctx.Done():
				return nil, &url.Error{Op: "Post", URL: "https://issuer.example", Err: ctx.Err()}
			}
		}}
		c := newCache(t, src, auth.CacheConfig{})
		leader, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(100 * time.Millisecond); cancel() }()
		var followers sync.WaitGroup
		followers.Go(func() {
			start := time.Now()
			_, err := c.Credential(leader)
			if !errors.Is(err, context.Canceled) || time.Since(start) != 100*time.Millisecond {
				t.Errorf("the leader got %v after %v, want its own cancellation after 100ms", err, time.Since(start))
			}
		})
		synctest.Wait()
		for range 99 {
			followers.Go(func() { wantSecret(t, get(t, c), "token") })
		}
		followers.Wait()
		wantAsks(t, src, 1)
	})
}

// T21.
func TestL4_Trap34_WaitersOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(time.Hour, 500*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{})
		go func() { _, _ = c.Credential(context.Background()) }()
		synctest.Wait()
		together(50, func(i int) {
			wait := time.Duration(i+1) * 9 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			start := time.Now()
			_, err := c.Credential(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != wait {
				t.Errorf("%v after %v, want its own deadline after %v", err, time.Since(start), wait)
			}
			_, err = c.Refresh(ctx, cred("old", 0))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Refresh with a context that has ended: %v", err)
			}
		})
		wantSecret(t, get(t, c), "token-1")
		wantAsks(t, src, 1)
	})
}

func TestL4_Trap35_NewCallerAfterAllOthersLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(time.Hour, 500*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{})
		together(10, func(int) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, _ = c.Credential(ctx)
		})
		start := time.Now()
		wantSecret(t, get(t, c), "token-1")
		if time.Since(start) != 400*time.Millisecond {
			t.Errorf("waited %v, want what was left of the first fetch", time.Since(start))
		}
		wantAsks(t, src, 1)
	})
}

func TestL4_EndedContext(t *testing.T) {
	src := &source{answer: mints(time.Hour, 0)}
	c := newCache(t, src, auth.CacheConfig{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Credential(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("cold, with an ended context: %v", err)
	}
	wantAsks(t, src, 0) // nothing is begun for nobody
	get(t, c)
	if _, err := c.Credential(ended); err != nil {
		t.Errorf("a valid credential costs no waiting, and yet: %v", err)
	}
}

// The caller who began the call leaves when the source gives its verdict, or just
// before or after. The others get that verdict, one and the same, and so does
// who comes late: nobody asks for another.
func TestT20_LeaderLeavesAtTheVerdict(t *testing.T) {
	const takes = 500 * time.Millisecond
	for _, stays := range []time.Duration{takes - 1, takes, takes + 1} {
		bubble(t, stays.String(), func(t *testing.T) {
			verdict := &auth.Error{Cause: auth.RefreshRejected, Evidence: []auth.Evidence{{Source: "issuer", Fact: "invalid_grant"}}}
			src := &source{answer: fails(verdict, takes)}
			c := newCache(t, src, auth.CacheConfig{})
			leader, cancel := context.WithTimeout(t.Context(), stays)
			defer cancel()
			var all sync.WaitGroup
			all.Go(func() {
				_, err := c.Credential(leader)
				if left := errors.Is(err, context.DeadlineExceeded); left == errors.Is(err, auth.RefreshRejected) || stays < takes && !left {
					t.Errorf("the leader got %v", err)
				}
			})
			synctest.Wait()
			errs := make([]error, 100)
			for i := range errs {
				all.Go(func() { _, errs[i] = c.Credential(t.Context()) })
			}
			all.Wait()
			for _, err := range errs {
				if err != errs[0] {
					t.Fatalf("two values for one verdict: %v and %v", err, errs[0])
				}
			}
			wantCause(t, errs[0], auth.RefreshRejected)
			_, err := c.Credential(t.Context())
			if e := wantCause(t, err, auth.RefreshRejected); !e.Throttled {
				t.Errorf("who comes late got %v", err)
			}
			wantAsks(t, src, 1)
		})
	}
}

func TestTrap37_FailureIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: fails(errDown, 300*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{})
		start := time.Now()
		errs := make([]error, 1000)
		together(1000, func(i int) { _, errs[i] = c.Credential(t.Context()) })
		if time.Since(start) != 300*time.Millisecond {
			t.Errorf("all were answered after %v, want 300ms", time.Since(start))
		}
		for _, err := range errs {
			if err != errs[0] {
				t.Fatalf("two values for one failure: %p and %p", err, errs[0])
			}
		}
		wantCause(t, errs[0], auth.SourceFailed)
		wantAsks(t, src, 1)
	})
}

type ctxKey struct{}

// Trap 39, Trap 40.
func TestTrap39_40_ContextOfTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		src := &source{answer: func(ctx context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
			if ctx.Value(ctxKey{}) != nil {
				t.Error("a caller's value reached the shared call")
			}
			if d, ok := ctx.Deadline(); !ok || time.Until(d) != 15*time.Second {
				t.Errorf("deadline in %v, want 15s of its own (T25)", time.Until(d))
			}
			if kept == nil {
				kept = ctx
			}
			return cred(fmt.Sprintf("token-%d", n), time.Minute), nil
		}}
		c := newCache(t, src, auth.CacheConfig{})
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, "trace"))
		if _, err := c.Credential(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		time.Sleep(time.Minute)
		wantSecret(t, get(t, c), "token-2")
		if kept.Err() == nil {
			t.Error("the context of an ended call was not released")
		}
	})
}

func TestTrap42_NoLockWhileTheSourceRuns(t *testing.T) {
	var c *auth.Cache
	src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		if !c.Status().Renewing {
			t.Error("Status does not say that the source is being asked")
		}
		return cred("token", 0), nil
	})
	c = newCache(t, src, auth.CacheConfig{})
	wantSecret(t, get(t, c), "token")
}

// Trap 27, Trap 28.
func TestTrap27_28_Wrapping(t *testing.T) {
	src := &source{answer: mints(0, 0)}
	c := auth.Cached(src)
	if auth.Cached(c) != c {
		t.Error("Cached around a cache is not that cache")
	}
	for name, f := range map[string]func() (*auth.Cache, error){
		"a cache":          func() (*auth.Cache, error) { return auth.NewCache(c, auth.CacheConfig{}) },
		"nil":              func() (*auth.Cache, error) { return auth.NewCache(nil, auth.CacheConfig{}) },
		"negative timeout": func() (*auth.Cache, error) { return auth.NewCache(src, auth.CacheConfig{Timeout: -1}) },
	} {
		if got, err := f(); err == nil || got != nil {
			t.Errorf("NewCache of %s: %v, %v; want an error", name, got, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Cached(nil) does not panic")
		}
	}()
	auth.Cached(nil)
}

// A cache may still sit beneath something else.
func TestTrap27_CacheBeneath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(time.Hour, 0)}
		inner := newCache(t, src, auth.CacheConfig{})
		outer := newCache(t, auth.FirstOf(inner), auth.CacheConfig{})
		old := mustGet(t, outer)
		wantSecret(t, refresh(t, outer, old), "token-2")
		wantSecret(t, get(t, inner), "token-2")
		wantAsks(t, src, 2)
		for range 24 * 60 {
			get(t, outer)
			time.Sleep(time.Minute)
		}
		if n := src.count(); n > 2+27 {
			t.Errorf("%d fetches in a day", n)
		}
	})
}

// A renewal in the background belongs to the cache, not to the request that
// happened to begin it, and ends with the cache. That there may be none at all
// is in TestL4_AtExpiryEverybodyWaitsForOne.
func TestTrap41_BackgroundRenewal(t *testing.T) {
	bubble(t, "outlives the request", func(t *testing.T) {
		src := &source{answer: first(mints(time.Hour, 0), func(ctx context.Context, _ int, _ *auth.Credential) (*auth.Credential, error) {
			select {
			case <-time.After(time.Second):
				return cred("token-2", time.Hour), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})}
		c := newCache(t, src, auth.CacheConfig{})
		get(t, c)
		time.Sleep(58 * time.Minute)
		request, end := context.WithCancel(t.Context())
		if _, err := c.Credential(request); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantAsks(t, src, 2)
		end()
		time.Sleep(time.Second)
		synctest.Wait()
		wantSecret(t, get(t, c), "token-2")
		wantAsks(t, src, 2)
	})
	bubble(t, "ends with the cache", func(t *testing.T) {
		ended := false
		src := &source{answer: first(mints(time.Hour, 0), func(ctx context.Context, _ int, _ *auth.Credential) (*auth.Credential, error) {
			<-ctx.Done()
			ended = true
			return nil, ctx.Err()
		})}
		c := auth.Cached(src)
		get(t, c)
		time.Sleep(58 * time.Minute)
		get(t, c)
		synctest.Wait()
		wantAsks(t, src, 2)
		start := time.Now()
		if err := c.Close(); err != nil || !ended || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v, and the renewal has ended: %v", err, time.Since(start), ended)
		}
	})
}

func TestL13_Status(t *testing.T) {
	bubble(t, "through a life", func(t *testing.T) {
		src := &source{answer: first(mints(time.Hour, time.Second), fails(errDown, time.Second), mints(time.Hour, 0))}
		c := newCache(t, src, auth.CacheConfig{})
		check := func(when string, want auth.Status) {
			t.Helper()
			got := c.Status()
			if !errors.Is(got.LastError, want.LastError) || (got.LastError == nil) != (want.LastError == nil) {
				t.Errorf("%s: last error %v, want %v", when, got.LastError, want.LastError)
			}
			for _, times := range [][2]time.Time{{got.Since, want.Since}, {got.Expiry, want.Expiry}, {got.NextTry, want.NextTry}} {
				if !times[0].Equal(times[1]) {
					t.Errorf("%s: %v, want %v", when, times[0], times[1])
				}
			}
			if got.Provenance != want.Provenance || got.Renewing != want.Renewing || got.Failures != want.Failures {
				t.Errorf("%s: %+v, want %+v", when, got, want)
			}
		}
		check("cold", auth.Status{})
		go func() { _, _ = c.Credential(context.Background()) }()
		synctest.Wait()
		check("at first", auth.Status{Renewing: true})
		time.Sleep(time.Second)
		synctest.Wait()
		issued := mustGet(t, c)
		has := auth.Status{Provenance: issued.Provenance, Since: time.Now(), Expiry: issued.Expiry}
		check("found", has)
		time.Sleep(59 * time.Minute)
		get(t, c)
		synctest.Wait()
		has.Renewing = true
		check("renewing", has)
		time.Sleep(time.Second)
		synctest.Wait()
		has.Renewing, has.Failures, has.LastError, has.NextTry = false, 1, errDown, time.Now().Add(time.Second/2)
		check("failed", has)
		time.Sleep(time.Second)
		get(t, c)
		synctest.Wait()
		next := mustGet(t, c)
		check("renewed", auth.Status{Provenance: next.Provenance, Since: time.Now(), Expiry: next.Expiry})
		c.Forget()
		check("forgotten", auth.Status{})
	})
	bubble(t, "a source that has no other credential has not failed", func(t *testing.T) {
		c := newCache(t, auth.Static("key"), auth.CacheConfig{})
		for range 3 {
			refresh(t, c, mustGet(t, c))
		}
		if s := c.Status(); s.Failures != 0 || s.LastError != nil || !s.NextTry.Equal(time.Now().Add(time.Second/2)) {
			t.Errorf("%+v", s)
		}
	})
}

func TestT26_ForgetDuringACall(t *testing.T) {
	bubble(t, "the result is for those who wait", func(t *testing.T) {
		src := &source{answer: mints(time.Hour, time.Second)}
		c := newCache(t, src, auth.CacheConfig{})
		var wg sync.WaitGroup
		wg.Go(func() { wantSecret(t, get(t, c), "token-1") })
		synctest.Wait()
		c.Forget()
		wg.Wait()
		if s := c.Status(); s.Provenance != (auth.Provenance{}) {
			t.Errorf("kept after Forget: %+v", s)
		}
		wantSecret(t, get(t, c), "token-2")
	})
	bubble(t, "a call that was given up already", func(t *testing.T) {
		release := make(chan struct{})
		src := &source{answer: func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			<-release
			return cred("token-1", time.Hour), nil
		}}
		c := newCache(t, src, auth.CacheConfig{})
		if _, err := c.Credential(t.Context()); !errors.Is(err, auth.SourceTimeout) {
			t.Errorf("got %v, want a timeout", err)
		}
		c.Forget()
		close(release)
		synctest.Wait()
		if s := c.Status(); s.Provenance != (auth.Provenance{}) {
			t.Errorf("a login that was forgotten came back: %+v", s)
		}
	})
	bubble(t, "a failure leaves no pause behind", func(t *testing.T) {
		src := &source{answer: first(fails(errDown, time.Second), mints(0, 0))}
		c := newCache(t, src, auth.CacheConfig{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Credential(t.Context()); !errors.Is(err, errDown) {
				t.Error(err)
			}
		})
		synctest.Wait()
		c.Forget()
		wg.Wait()
		wantSecret(t, get(t, c), "token-2")
	})
}

// Trap 41.
func TestL11_Close(t *testing.T) {
	bubble(t, "idle", func(t *testing.T) {
		c := auth.Cached(&source{answer: mints(time.Hour, 0)})
		get(t, c)
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := c.Credential(t.Context()); err != auth.ErrClosed {
			t.Errorf("Credential after Close: %v", err)
		}
		if _, err := c.Refresh(t.Context(), cred("x", 0)); err != auth.ErrClosed {
			t.Errorf("Refresh after Close: %v", err)
		}
	})
	bubble(t, "during a call that honours its context", func(t *testing.T) {
		src := &source{answer: func(ctx context.Context, _ int, _ *auth.Credential) (*auth.Credential, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		c := auth.Cached(src)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := c.Credential(t.Context()); err != auth.ErrClosed {
					t.Errorf("a waiter got %v, want ErrClosed", err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		wg.Wait()
	})
	bubble(t, "during a call that ignores it", func(t *testing.T) {
		release := make(chan struct{})
		src := &source{answer: func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			<-release
			return cred("late", 0), nil
		}}
		c := auth.Cached(src)
		go func() { _, _ = c.Credential(context.Background()) }()
		synctest.Wait()
		start := time.Now()
		if err := c.Close(); err == nil || time.Since(start) != time.Second {
			t.Errorf("Close: %v after %v, want an error after 1s", err, time.Since(start))
		}
		close(release)
		synctest.Wait()
		if got, err := c.Credential(t.Context()); err != auth.ErrClosed {
			t.Errorf("what came late was kept by a closed cache: %v, %v", got, err)
		}
	})
	bubble(t, "after a call that was given up", func(t *testing.T) {
		release := make(chan struct{})
		src := &source{answer: func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			<-release
			return cred("late", 0), nil
		}}
		c := auth.Cached(src)
		_, _ = c.Credential(t.Context())
		_ = c.Close()
		close(release)
		synctest.Wait()
		if got, err := c.Credential(t.Context()); err != auth.ErrClosed {
			t.Errorf("what came late was kept by a closed cache: %v, %v", got, err)
		}
	})
	t.Run("among callers", func(t *testing.T) {
		for range 200 {
			c := auth.Cached(&source{answer: mints(0, 0)})
			together(20, func(i int) {
				if i == 10 {
					_ = c.Close()
					return
				}
				old, err := c.Credential(t.Context())
				if err == nil {
					_, err = c.Refresh(t.Context(), old)
				}
				if err != nil && err != auth.ErrClosed && !errors.Is(err, auth.RefreshThrottled) {
					t.Error(err)
				}
			})
			if _, err := c.Credential(t.Context()); err != auth.ErrClosed {
				t.Fatalf("after Close: %v", err)
			}
		}
	})
}
