package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// A short-lived token is fetched once for each life, not once for each call.
func TestTrap20_T56_WindowFollowsTheLifetime(t *testing.T) {
	for _, test := range []struct{ life, long time.Duration }{
		{3 * time.Second, 10 * time.Minute},
		{time.Minute, time.Hour},
		{time.Hour, 24 * time.Hour},
		{24 * time.Hour, 7 * 24 * time.Hour},
	} {
		bubble(t, test.life.String(), func(t *testing.T) {
			src := &source{answer: mints(test.life, 0)}
			c := newCache(t, src, auth.CacheConfig{})
			for end := time.Now().Add(test.long); time.Now().Before(end); time.Sleep(test.life / 500) {
				get(t, c)
			}
			// The window is a fifth of the life or five minutes, less up to a
			// quarter of itself by jitter.
			window := min(test.life/5, 5*time.Minute)
			asks := src.times()
			for i := 1; i < len(asks); i++ {
				age := asks[i].Sub(asks[i-1])
				if age < test.life-window || age > test.life-window*3/4+test.life/250 {
					t.Fatalf("renewed at the age of %v, window %v", age, window)
				}
			}
			if want := int(test.long / test.life); len(asks) < want {
				t.Errorf("%d fetches in %v, want %d at least", len(asks), test.long, want)
			}
			t.Logf("%d fetches in %v", len(asks), test.long)
		})
	}
}

func TestTrap21_T64_RenewalsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const processes = 400
		shared := cred("token", time.Hour)
		renewed := make([]time.Duration, processes)
		together(processes, func(i int) {
			src := &source{answer: first(func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
				return shared, nil
			}, mints(0, 0))}
			c := newCache(t, src, auth.CacheConfig{})
			get(t, c)
			time.Sleep(54 * time.Minute)
			for src.count() < 2 {
				get(t, c)
				time.Sleep(time.Second)
			}
			renewed[i] = time.Until(shared.Expiry)
		})
		crowd := map[time.Duration]int{} // in ten seconds each
		for _, left := range renewed {
			crowd[left.Truncate(10*time.Second)]++
		}
		// 75 seconds are spread over; 53 in each ten are expected.
		for at, n := range crowd {
			if n > 100 {
				t.Errorf("%d of %d renew between %v and %v before expiry", n, processes, at, at+10*time.Second)
			}
		}
		if len(crowd) < 7 {
			t.Errorf("renewals fall into %d spans of ten seconds, want 7 at least", len(crowd))
		}
	})
}

func TestT57_SignOfTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(1000*time.Second, 0)}
		c := newCache(t, src, auth.CacheConfig{Window: 100 * time.Second})
		issued := mustGet(t, c)
		for _, step := range []struct {
			left time.Duration
			asks int
		}{
			{900 * time.Second, 1},
			{101 * time.Second, 1}, // more is left than the window
			{74 * time.Second, 2},  // less is left than the smallest window
		} {
			time.Sleep(time.Until(issued.Expiry) - step.left)
			if mustGet(t, c) != issued {
				t.Errorf("%v before expiry another one is in use", step.left)
			}
			synctest.Wait()
			wantAsks(t, src, step.asks)
		}
		wantSecret(t, get(t, c), "token-2")
	})
}

// Row 03b of the comparison: a day at one request a second and an endpoint that
// takes 300 ms.
func TestRow03b_ADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{answer: mints(time.Hour, 300*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{})
		get(t, c)
		waited := 0
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); {
			start := time.Now()
			if got := mustGet(t, c); !got.Expiry.After(time.Now()) {
				t.Fatal("an expired token was served")
			}
			if time.Since(start) > 0 {
				waited++
			}
			time.Sleep(time.Until(start.Add(time.Second)))
		}
		fetches := src.count() - 1 // but for the first
		if fetches > 26 || waited > 0 {
			t.Errorf("%d fetches, %d requests waited; want at most 26, and none", fetches, waited)
		}
		t.Logf("fetches %d / requests that waited %d", fetches, waited)
	})
}

// outage plays the token endpoint's failure from down to up, counted from the
// expiry of a token of an hour, at one request a second.
func outage(t *testing.T, down, up time.Duration) (dark, waited, asks int) {
	start := time.Now()
	src := &source{}
	src.answer = during(start, time.Hour+down, time.Hour+up, fails(errDown, 300*time.Millisecond), mints(time.Hour, 300*time.Millisecond))
	c := newCache(t, src, auth.CacheConfig{})
	get(t, c)
	for end := start.Add(2 * time.Hour); time.Now().Before(end); {
		begin := time.Now()
		got, err := c.Credential(t.Context())
		switch {
		case err != nil:
			dark++
		case !got.Expiry.After(time.Now()):
			t.Fatal("an expired token was served")
		case time.Since(begin) > 0:
			waited++
		}
		time.Sleep(time.Until(begin.Add(time.Second)))
	}
	for _, at := range src.times() {
		if since := at.Sub(start) - time.Hour; since >= down && since < up {
			asks++
		}
	}
	return dark, waited, asks
}

func TestRow05_Outages(t *testing.T) {
	bubble(t, "05d: from 400 s before expiry to 100 s after", func(t *testing.T) {
		dark, _, asks := outage(t, -400*time.Second, 100*time.Second)
		if dark > 107 || asks > 70 {
			t.Errorf("%d s without a success, %d token calls; want 107 and 70 at most", dark, asks)
		}
		t.Logf("seconds without a success %d / token calls %d", dark, asks)
	})
	bubble(t, "05e: from 310 s to 200 s before expiry", func(t *testing.T) {
		dark, waited, asks := outage(t, -310*time.Second, -200*time.Second)
		if dark > 0 || waited > 0 || asks > 20 {
			t.Errorf("%d failed, %d waited, %d token calls; want none, none, 20 at most", dark, waited, asks)
		}
		t.Logf("failed %d / waited %d / token calls in the blip %d", dark, waited, asks)
	})
}

func TestRow11_ServerEndsTokensEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const early = time.Minute
		src := &source{answer: mints(time.Hour, 300*time.Millisecond)}
		c := newCache(t, src, auth.CacheConfig{})
		const hours = 12
		failed := 0
		for end := time.Now().Add(hours * time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
			if got := mustGet(t, c); time.Until(got.Expiry) <= early {
				failed++
				refresh(t, c, got)
			}
		}
		rate := float64(src.count()) / hours
		if failed > 0 || rate > 1.25 {
			t.Errorf("%d failed requests, %.2f fetches an hour; want none, 1.25 at most", failed, rate)
		}
		t.Logf("failed %d / fetches an hour %.2f", failed, rate)
	})
}

// Trap 25, T62: lifetimes that no issuer should state.
func TestTrap25_StrangeExpiries(t *testing.T) {
	for name, test := range map[string]struct {
		expiry func(now time.Time) time.Time
		good   bool
	}{
		"none":                  {func(time.Time) time.Time { return time.Time{} }, true},
		"the year 9999":         {func(time.Time) time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }, true},
		"the largest number":    {func(time.Time) time.Time { return time.Unix(1<<62, 0) }, true},
		"300 years":             {func(now time.Time) time.Time { return now.AddDate(300, 0, 0) }, true},
		"the longest duration":  {func(now time.Time) time.Time { return now.Add(1<<63 - 1) }, true},
		"in another place":      {func(now time.Time) time.Time { return now.Add(time.Hour).In(time.FixedZone("", -11*3600)) }, true},
		"the Unix epoch":        {func(time.Time) time.Time { return time.Unix(0, 0) }, false},
		"the year 1":            {func(time.Time) time.Time { return time.Time{}.Add(time.Second) }, false},
		"long before the epoch": {func(time.Time) time.Time { return time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC) }, false},
		"now":                   {func(now time.Time) time.Time { return now }, false},
	} {
		bubble(t, name, func(t *testing.T) {
			src := &source{answer: func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
				c := cred("token", 0)
				c.Expiry = test.expiry(time.Now())
				return c, nil
			}}
			c := newCache(t, src, auth.CacheConfig{})
			for range 100 {
				_, err := c.Credential(t.Context())
				if test.good != (err == nil) || !test.good && !errors.Is(err, auth.AccessExpired) {
					t.Fatalf("got %v", err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if n := src.count(); test.good && n > 1 || n > perMinute {
				t.Errorf("asked %d times in ten seconds", n)
			}
		})
	}
}

func TestWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := newWallClock()
		before := clock.now()
		if !before.Equal(time.Now()) {
			t.Errorf("begins at %v, want the bubble's %v", before, time.Now())
		}
		time.Sleep(time.Minute)
		clock.jump(8 * time.Hour)
		after := clock.now()
		if mono, wall := after.Sub(before), after.Round(0).Sub(before.Round(0)); mono != time.Minute || wall != 8*time.Hour+time.Minute {
			t.Errorf("monotonic moved by %v, wall by %v", mono, wall)
		}
	})
}

func TestL12_Trap26_T58_SuspendedLaptop(t *testing.T) {
	bubble(t, "the old token is not sent", func(t *testing.T) {
		clock := newWallClock()
		src := &source{}
		src.answer = func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			c := cred(fmt.Sprintf("token-%d", src.count()), 0)
			c.Expiry = clock.now().Add(time.Hour)
			return c, nil
		}
		c := newCache(t, src, auth.CacheConfig{})
		c.SetNow(clock.now)
		for i := range 5 {
			wantSecret(t, get(t, c), fmt.Sprintf("token-%d", i+1))
			time.Sleep(10 * time.Minute)
			wantSecret(t, get(t, c), fmt.Sprintf("token-%d", i+1))
			clock.jump(8 * time.Hour)
		}
		wantAsks(t, src, 5)
	})
	bubble(t, "woken within the window: renewed early", func(t *testing.T) {
		clock := newWallClock()
		src := &source{}
		src.answer = func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			c := cred(fmt.Sprintf("token-%d", src.count()), 0)
			c.Expiry = clock.now().Add(time.Hour)
			return c, nil
		}
		c := newCache(t, src, auth.CacheConfig{})
		c.SetNow(clock.now)
		get(t, c)
		clock.jump(59 * time.Minute)
		wantSecret(t, get(t, c), "token-1")
		synctest.Wait()
		wantSecret(t, get(t, c), "token-2")
	})
	bubble(t, "a pause does not outlast the sleep", func(t *testing.T) {
		for name, jump := range map[string]time.Duration{"past the expiry": time.Hour, "not past it": 30 * time.Second} {
			clock := newWallClock()
			src := &source{answer: first(mints(time.Hour, 0), fails(errDown, 0))}
			c := newCache(t, src, auth.CacheConfig{})
			c.SetNow(clock.now)
			issued := mustGet(t, c)
			time.Sleep(58 * time.Minute)
			for range 200 { // until the pauses are long
				get(t, c)
				synctest.Wait()
				time.Sleep(100 * time.Millisecond)
			}
			src.answer = func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
				c := cred("fresh", 0)
				c.Expiry = clock.now().Add(time.Hour)
				return c, nil
			}
			clock.jump(jump)
			if c.Status().NextTry != (time.Time{}) {
				t.Errorf("%s: after the sleep the source may not be asked before %v", name, c.Status().NextTry)
			}
			got := mustGet(t, c)
			if jump == time.Hour && got.Same(issued) {
				t.Errorf("%s: an expired token was served", name)
			}
			synctest.Wait()
			wantSecret(t, get(t, c), "fresh")
		}
	})
}

func TestL12_Trap26_ClockSetBack(t *testing.T) {
	bubble(t, "no storm, and no token past its expiry", func(t *testing.T) {
		clock := newWallClock()
		src := &source{}
		src.answer = func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			c := cred(fmt.Sprintf("token-%d", src.count()), 0)
			c.Expiry = clock.now().Add(time.Hour)
			return c, nil
		}
		c := newCache(t, src, auth.CacheConfig{})
		c.SetNow(clock.now)
		get(t, c)
		time.Sleep(30 * time.Minute)
		clock.jump(-2 * time.Hour)
		for range 3 * 3600 {
			if got := mustGet(t, c); !got.Expiry.Round(0).After(clock.now().Round(0)) {
				t.Fatal("an expired token was served")
			}
			time.Sleep(time.Second)
		}
		if n := src.count(); n > 3 {
			t.Errorf("%d fetches in three hours", n)
		}
	})
	bubble(t, "a pause does not grow", func(t *testing.T) {
		clock := newWallClock()
		src := &source{answer: fails(errDown, 0)}
		c := newCache(t, src, auth.CacheConfig{})
		c.SetNow(clock.now)
		for range 100 {
			_, _ = c.Credential(t.Context())
			time.Sleep(100 * time.Millisecond)
		}
		clock.jump(-24 * time.Hour)
		n := src.count()
		for range 80 {
			_, _ = c.Credential(t.Context())
			time.Sleep(100 * time.Millisecond)
		}
		if src.count() == n {
			t.Error("not asked in eight seconds: the pause waits for the wall clock")
		}
	})
	bubble(t, "back and forth: at most a renewal for each jump", func(t *testing.T) {
		clock := newWallClock()
		src := &source{answer: func(_ context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
			c := cred(fmt.Sprintf("token-%d", n), 0)
			c.Expiry = clock.now().Add(time.Hour)
			return c, nil
		}}
		c := newCache(t, src, auth.CacheConfig{})
		c.SetNow(clock.now)
		get(t, c)
		for range 50 {
			clock.jump(2 * time.Hour)
			for range 100 {
				get(t, c)
			}
			clock.jump(-2 * time.Hour)
			for range 100 {
				get(t, c)
			}
		}
		if n := src.count(); n > 51 {
			t.Errorf("%d fetches for 100 jumps", n)
		}
	})
}
