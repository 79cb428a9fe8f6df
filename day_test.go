package reauth_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// A tenant is one client with its own API, issuer and traffic for a day.
type tenant struct {
	name   string
	srv    *authtest.Server
	client *reauth.Client
	start  time.Time

	mu      sync.Mutex
	calls   int
	slow    int                      // calls that took longer than a second
	failed  map[string][]time.Time   // by cause or status: when the calls began
	heard   map[auth.EventKind]int   // events
	excused []excuse                 // when calls may fail, and how
	dark    map[string]time.Duration // what nothing could have avoided
}

// An excuse is a time in which calls may fail, and how they may.
type excuse struct {
	from, to time.Time
	how      []string
}

const everySoOften = 2 * time.Second // a request of each tenant

func newTenant(t *testing.T, name string, cfg authtest.Config, source func(*authtest.Server) auth.Source) *tenant {
	t.Helper()
	cfg.InMemory = true
	n := &tenant{
		name: name, srv: authtest.NewServer(cfg), start: time.Now(),
		failed: map[string][]time.Time{}, heard: map[auth.EventKind]int{}, dark: map[string]time.Duration{},
	}
	t.Cleanup(n.srv.Close)
	n.client = mustClient(t, reauth.Config{
		BaseURL: n.srv.API.URL, Source: source(n.srv), Transport: n.srv.Transport(), Timeout: time.Minute,
		Hook: func(_ context.Context, e auth.Event) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.heard[e.Kind]++
		},
	})
	return n
}

// at runs f at that time of the day.
func (n *tenant) at(clock string, f func(now time.Time)) {
	d, err := time.ParseDuration(clock)
	if err != nil {
		panic(err)
	}
	time.AfterFunc(time.Until(n.start.Add(d)), func() { f(time.Now()) })
}

// excuse allows calls that begin within d from now to fail in these ways.
func (n *tenant) excuse(from, to time.Time, how ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.excused = append(n.excused, excuse{from, to, how})
}

// live makes requests until the day is over.
func (n *tenant) live(t *testing.T) {
	var running sync.WaitGroup
	for end := n.start.Add(24 * time.Hour); time.Now().Before(end); time.Sleep(everySoOften) {
		running.Go(func() { n.call(t) })
	}
	running.Wait()
}

func (n *tenant) call(t *testing.T) {
	begun := time.Now()
	err := n.client.Get(t.Context(), "/v1/me", nil)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	if time.Since(begun) > time.Second {
		n.slow++
	}
	if err == nil {
		return
	}
	how := "untyped: " + err.Error()
	status, isStatus := errors.AsType[*reauth.StatusError](err)
	if e, ok := errors.AsType[*auth.Error](err); ok {
		how = string(e.Cause)
		if len(e.Evidence) == 0 || e.Remedy.Text == "" {
			t.Errorf("%s: L9: %v says neither why nor what to do", n.name, err)
		}
	} else if isStatus {
		how = fmt.Sprintf("status %d", status.StatusCode)
	}
	n.failed[how] = append(n.failed[how], begun)
	if !slices.ContainsFunc(n.excused, func(x excuse) bool {
		return slices.Contains(x.how, how) && !begun.Before(x.from) && begun.Before(x.to)
	}) {
		t.Errorf("%s, %v into the day: %v", n.name, begun.Sub(n.start), err)
	}
}

// TestADay is 24 hours of mixed traffic: what is unavoidable fails, with an
// error that says what to do, and nothing else does.
func TestADay(t *testing.T) {
	begun := time.Now()
	var report strings.Builder
	synctest.Test(t, func(t *testing.T) {
		tenants := []*tenant{issuerDay(t), mountedDay(t), sessionDay(t)}
		var all sync.WaitGroup
		for _, n := range tenants {
			all.Go(func() { n.live(t) })
		}
		all.Wait()
		for _, n := range tenants {
			n.judge(t)
			n.report(&report)
		}
	})
	t.Logf("24 hours took %v of real time\n%s", time.Since(begun).Round(time.Millisecond), report.String())
}

// issuerDay: client credentials, tokens of an hour.
func issuerDay(t *testing.T) *tenant {
	n := newTenant(t, "client credentials", authtest.Config{}, func(srv *authtest.Server) auth.Source {
		src, err := oauth.ClientCredentials(&clientcredentials.Config{
			ClientID: "test-client", TokenURL: srv.Issuer.TokenURL,
		}, oauth.Options{ClientSecret: auth.Static("test-client-secret"), Transport: srv.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		return src
	})
	exchanges := func() int { return n.srv.Issuer.Stats().Exchanges["client_credentials"] }

	// Ten minutes of 503 from an issuer end before a token does or begin after it
	// was renewed, wherever in the hour they fall, unless the token ends in them.
	n.at("2h", func(now time.Time) { n.outage(now, 10*time.Minute, authtest.Unavailable) })
	n.at("5h30m", func(now time.Time) { n.outage(now, 2*time.Hour, authtest.Reset) })
	n.at("15h", func(now time.Time) { n.outage(now, 45*time.Minute, authtest.TooManyRequests) })
	n.at("20h", func(now time.Time) { n.outage(now, 5*time.Minute, authtest.Hang) })

	for _, clock := range []string{"9h", "9h10m", "16h20m"} {
		n.at(clock, func(time.Time) { n.srv.Issuer.RevokeAccess() })
	}

	// Blips that the retry layer bridges, and a storm that outlasts it.
	n.at("10h", func(time.Time) { n.srv.API.FailFor(2*time.Second, authtest.Unavailable) })
	n.at("10h10m", func(time.Time) { n.srv.API.FailFor(2*time.Second, authtest.Reset) })
	n.at("10h20m", func(time.Time) { n.srv.API.FailFor(20*time.Second, authtest.Maintenance) })
	n.at("11h", func(now time.Time) {
		n.excuse(now, now.Add(time.Minute), "status 503")
		n.srv.API.FailFor(time.Minute, authtest.Unavailable)
	})

	// An API that refuses everybody does not send its clients against the issuer.
	n.at("14h", func(now time.Time) {
		n.excuse(now, now.Add(3*time.Minute+time.Second), string(auth.InvalidCredential), string(auth.RejectedUnclassified), string(auth.AccessRevoked), string(auth.AccessExpired))
		n.srv.API.RefuseNext(1<<30, authtest.InvalidToken)
		before := exchanges()
		time.Sleep(3 * time.Minute)
		n.srv.API.RefuseNext(0, nil)
		if got := exchanges() - before; got > 7 {
			t.Errorf("L5: three minutes of refusals caused %d exchanges", got)
		}
	})
	return n
}

// outage makes the issuer fail for d, and excuses what no client could avoid:
// from the end of the token in use to that of the outage, and one pause more.
func (n *tenant) outage(now time.Time, d time.Duration, fault authtest.Fault) {
	n.srv.Issuer.FailFor(d, fault)
	lasts, over := n.client.Status(context.Background()).Expiry, now.Add(d)
	if lasts.Before(over) {
		n.mu.Lock()
		n.dark[string(fault)] += over.Sub(lasts)
		n.mu.Unlock()
		// The longest pause, or what the issuer asked for, and one call that hangs.
		n.excuse(lasts, over.Add(40*time.Second), string(auth.IssuerUnavailable), string(auth.SourceTimeout))
	}
}

// mountedDay: a key in a file, which somebody rotates every two hours.
func mountedDay(t *testing.T) *tenant {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	key := func(i int) string { return fmt.Sprintf("not-a-real-key-%02d", i) }
	mount := func(i int) { // as a kubelet does: never half a file
		if err := os.WriteFile(path+".new", []byte(key(i)+"\n"), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Error(err)
		}
	}
	accept := func(i ...int) (keys []authtest.Key) {
		for _, i := range i {
			keys = append(keys, authtest.Key{Label: key(i), Value: key(i)})
		}
		return keys
	}
	mount(0)
	n := newTenant(t, "mounted key", authtest.Config{Keys: accept(0)}, func(*authtest.Server) auth.Source { return auth.File(path) })
	set := func(keys []authtest.Key) { n.srv.Set(func(c *authtest.Config) { c.Keys = keys }) }
	for i := 1; i < 12; i++ {
		n.at(fmt.Sprintf("%dh", 2*i), func(time.Time) {
			set(accept(i-1, i))
			mount(i)
			time.Sleep(time.Minute)
			before := n.srv.API.Counts()[key(i-1)]
			time.Sleep(9 * time.Minute)
			if after := n.srv.API.Counts()[key(i-1)]; after != before {
				t.Errorf("the old key was used a minute after its rotation: %v, then %v", before, after)
			}
			set(accept(i))
		})
	}
	// Once the old key dies before the new one is there.
	n.at("12h30m", func(now time.Time) {
		n.excuse(now, now.Add(20*time.Second+7*time.Second), string(auth.AccessRevoked))
		n.dark["no key"] += 20 * time.Second
		set(accept(99))
		time.Sleep(20 * time.Second)
		mount(99)
		time.Sleep(30 * time.Minute)
		set(accept(6, 99))
		mount(6)
	})
	return n
}

// sessionDay: a login whose refresh token is replaced at each use, with tokens
// of ten minutes.
func sessionDay(t *testing.T) *tenant {
	path := filepath.Join(t.TempDir(), "refresh-token")
	n := newTenant(t, "rotating session", authtest.Config{Lifetime: 10 * time.Minute}, func(srv *authtest.Server) auth.Source {
		src, err := oauth.RefreshToken(&oauth2.Config{
			ClientID: "test-client", Endpoint: oauth2.Endpoint{TokenURL: srv.Issuer.TokenURL},
		}, auth.File(path), oauth.Options{ClientSecret: auth.Static("test-client-secret"), Transport: srv.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		return src
	})
	login := func() {
		if err := os.WriteFile(path, []byte(n.srv.Issuer.Login().Refresh), 0o600); err != nil {
			t.Error(err)
		}
	}
	login()
	n.at("4h", func(now time.Time) { n.outage(now, 8*time.Minute, authtest.Unavailable) })
	// The answer that holds the next refresh token is lost. Without a durable
	// store and an issuer that forgives, this login is over; a new one is picked
	// up without a restart.
	n.at("20h", func(now time.Time) {
		n.srv.Issuer.FailNext(1, authtest.LostReply)
		n.excuse(now, now.Add(30*time.Minute+10*time.Second), string(auth.RefreshRejected))
		time.Sleep(30 * time.Minute)
		n.dark["lost reply"] = 30*time.Minute - n.client.Status(context.Background()).Expiry.Sub(now)
		login()
	})
	return n
}

// judge looks at the whole day: nobody waited who need not have, and no issuer was
// asked more often than the laws allow.
func (n *tenant) judge(t *testing.T) {
	n.mu.Lock()
	defer n.mu.Unlock()
	// Only the API's own blips and storms make a call slow; the second tenants
	// have none, and their renewals and rotations are nobody's wait.
	if n.slow > 0 && n.heard[auth.EventRetried] == 0 {
		t.Errorf("%s: L4: %d calls took longer than a second", n.name, n.slow)
	}
	asked := n.srv.Issuer.Requests()
	for i, last := 0, 0; last < len(asked); last++ {
		for asked[last].Time.Sub(asked[i].Time) >= time.Minute {
			i++
		}
		if most := last - i + 1; most > 12+2 { // asks, and the tries of the first one
			t.Errorf("%s: L5: %d token requests within a minute, %v into the day", n.name, most, asked[last].Time.Sub(n.start))
			return
		}
	}
}

func (n *tenant) report(w *strings.Builder) {
	n.mu.Lock()
	defer n.mu.Unlock()
	failed := 0
	for _, when := range n.failed {
		failed += len(when)
	}
	stats := n.srv.Issuer.Stats()
	fmt.Fprintf(w, "%s: %d calls, %d failed, %d took longer than a second; %d requests to the API; exchanges asked %v, granted %v; events %v\n",
		n.name, n.calls, failed, n.slow, n.srv.API.Total().Requests, stats.Exchanges, stats.Granted, n.heard)
	for how, when := range n.failed {
		slices.SortFunc(when, time.Time.Compare)
		fmt.Fprintf(w, "  %-22s %5d calls, from %v to %v\n", how, len(when), when[0].Sub(n.start), when[len(when)-1].Sub(n.start))
	}
	for what, d := range n.dark {
		fmt.Fprintf(w, "  nothing could have helped for %v (%s), %d calls\n", d.Round(time.Second), what, d/everySoOften)
	}
}
