package e2e_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/resource"
)

const (
	lifetime = 3 * time.Second // of access tokens, the issuer's shortest that is realistic
	// wasteful is how many exchanges a lifetime may cost. One is impossible:
	// renewal comes ahead of the expiry, and the issuer cuts up to a second off.
	wasteful = 1.4
)

// steady sends 50 goroutines' traffic for so long, and wants nobody to notice
// that the tokens die every other second.
func steady(t *testing.T, c *reauth.Client, iss *issuer.Issuer, res *resource.Server, l *log, d time.Duration) {
	t.Helper()
	before := iss.Exchanges()
	calls := traffic(t, c, 50, time.Now().Add(d), 150*time.Millisecond)
	exchanges := iss.Exchanges() - before

	wantAllWell(t, calls)
	wantOneRepeat(t, res)
	if most := wasteful * d.Seconds() / lifetime.Seconds(); float64(exchanges) > most {
		t.Errorf("L2: %d exchanges, at most %.1f are allowed", exchanges, most)
	}
	if least := int(d / lifetime); exchanges < least {
		t.Errorf("%d exchanges cannot be enough for %d lifetimes: the tokens live longer than this test thinks", exchanges, least)
	}
	if refused := iss.Counts().Refused; len(refused) > 0 {
		t.Errorf("the token endpoint refused: %v", refused)
	}
	if res.Refused() != l.count(auth.EventRepeated) || len(calls)+res.Refused() != len(res.Seen()) {
		t.Errorf("the resource refused %d of %d requests; %d calls, %d repeats", res.Refused(), len(res.Seen()), len(calls), l.count(auth.EventRepeated))
	}
	t.Logf("%v: %d requests, 0 refusals heard by callers, %d healed inside, %d exchanges for %d lifetimes (%d found, %d renewed), slowest request %v",
		d, len(calls), res.Refused(), exchanges, int(d/lifetime), l.count(auth.EventFound), l.count(auth.EventRenewed), slowest(calls).Round(time.Millisecond))
}

func TestIssuer_L2_AMinuteOfClientCredentialsWithoutOne401(t *testing.T) {
	t.Parallel()
	iss := issuer.Start(t, issuer.Config{AccessTTL: lifetime})
	res := resource.Start(t, iss, resource.Config{})
	var l log
	c := machine(t, "minute", iss, res.URL, newWire(t), &l)
	steady(t, c, iss, res, &l, time.Minute)
}

// The issuer takes a refresh token that is used twice for stolen, and ends the
// session: one exchange too many would show.
func TestIssuer_L2_ALoginSurvivesItsRotatingRefreshTokens(t *testing.T) {
	t.Parallel()
	iss := issuer.Start(t, issuer.Config{AccessTTL: lifetime})
	res := resource.Start(t, iss, resource.Config{})
	var l log
	w := newWire(t)
	c := newClient(t, reauth.Config{Source: session(t, iss, w, iss.Login("openid offline_access").RefreshToken), BaseURL: res.URL, Transport: w, Hook: l.hook})
	steady(t, c, iss, res, &l, 15*time.Second)
}

// A token that was renewed ahead of time may be old, or dead, when it is used
// for the first time.
func TestIssuer_ATrickleOfRequestsSeesNo401Either(t *testing.T) {
	t.Parallel()
	const clients, each = 20, 5
	iss := issuer.Start(t, issuer.Config{AccessTTL: lifetime})
	res := resource.Start(t, iss, resource.Config{})
	w := newWire(t)
	var l log
	var wg sync.WaitGroup
	calls := make([][]call, clients)
	for i := range calls {
		c := machine(t, fmt.Sprintf("trickle%d", i), iss, res.URL, w, &l)
		wg.Go(func() {
			// One request just when renewal is due, one when what came of it is dying.
			for n := range each {
				calls[i] = append(calls[i], do(t.Context(), c))
				time.Sleep(2500*time.Millisecond + time.Duration(n%2*i)*20*time.Millisecond)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(calls...)
	wantAllWell(t, all)
	wantOneRepeat(t, res)
	if n := iss.Exchanges(); n > len(all) {
		t.Errorf("L2: %d exchanges for %d requests", n, len(all))
	}
	t.Logf("%d clients, %d requests, %d refusals healed inside, %d exchanges", clients, len(all), res.Refused(), iss.Exchanges())
}
