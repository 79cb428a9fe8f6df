package reauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// scorecard is what a user of an HTTP client with tokens would want, as rows
// that other libraries can be measured by as well. Rows are played through a
// Client as New makes it, its retry layer included. Those that are named R are
// about that layer.
var scorecard = []struct {
	row, what string
	// onWire rows are played over loopback in real time, all others in memory on
	// the clock of a bubble.
	onWire bool
	play   func(*testing.T) (figure string) // nil: the row cannot be judged
}{
	{"01", "1000 at once, token expired: exchanges (ok)", false, func(t *testing.T) string { return herd(t, 2*time.Hour) }},
	{"01b", "1000 at once, no token yet: exchanges (ok)", false, func(t *testing.T) string { return herd(t, 0) }},
	{"02", "1000 in flight refused together: exchanges / ok", false, refusedTogether},
	{"02 next", "the request after that: status, exchanges", false, afterRefusedTogether},
	{"02b", "100 late refusals of the old token: exchanges (held ok, fresh ok)", false, lateRefusals},
	{"03", "400 requests around a 300 ms renewal in time: p99 / longest / blocked (ok, exchanges)", false, renewedAhead},
	{"03b", "24 h at 1 request/s, 300 ms token endpoint: exchanges / waited / failed", false, wholeDay},
	{"04", "first caller cancelled, 99 wait: others failed / exchanges / canceller back after", false, cancelledLeader},
	{"04b", "waiter with a 100 ms deadline in a 500 ms renewal: back after", false, impatientWaiter},
	{"04c", "renewal after the first request's context ended", false, endedContext},
	{"05", "issuer 503, token valid: ok of 50 in 5 s, token calls", false, outageWhileValid},
	{"05b", "issuer 503, token expired, 200 requests/s: token calls in 3 s, asked in a minute", false, outageAfterExpiry},
	{"05c", "issuer back after 3 s of that: first success after (at most a pause of 7 s)", false, backAfterOutage},
	{"05d", "issuer down from 400 s before expiry to 100 s after: seconds without success / token calls", false, longOutage},
	{"05e", "issuer down 310-200 s before expiry, 300 ms: failed / waited / token calls in the outage", false, blip},
	{"06a", "rotating refresh token: good renewals of 3, tokens sent twice", false, rotation},
	{"06b", "two sources start from one stored refresh token", false, nil},
	{"06c", "the same through a shared store", false, nil},
	{"07a", "POST 1 MiB with GetBody, token revoked", true, replayed},
	{"07b", "POST of a pipe, token revoked", true, notReplayed},
	{"07c", "64 MiB upload: allocated in all; refused and sent twice", true, func(t *testing.T) string {
		return upload(t, "PUT", nil) + "; " + upload(t, "PUT", authtest.InvalidToken)
	}},
	{"07d", "no token to be had: body closed, requests to the API", false, closedBody},
	{"08a", "redirect to another host: credentials there", true, func(t *testing.T) string {
		return redirected(t, func(s *authtest.Server) string { return s.Trap.URL })
	}},
	{"08b", "redirect to another port: credentials there", true, func(t *testing.T) string {
		return redirected(t, func(s *authtest.Server) string { return s.Trap.PortURL })
	}},
	{"09a", "401 for good: caller gets (API calls, exchanges), token new / in use", false, refusedForGood},
	{"09b", "invalid_grant: token calls / time to the error", false, func(t *testing.T) string { return invalidGrant(t, false) }},
	{"10", "secrets printed by %v %+v %#v json slog slog-json", false, printedSecrets},
	{"10b", "secrets in the error where the issuer echoes the request", false, echoedSecrets},
	{"11", "API ends tokens 60 s early, 3 h at 1 request/s: failed / exchanges per hour", false, endsEarly},
	{"12a", "caller's request modified", false, callersRequest},
	{"12b", "response's request has the credential", false, responsesRequest},
	{"R1", "one repeat for a refusal in a call, whatever its attempts end in: API calls, exchanges", false, oneRepeat},
	{"R2", "revoked for good: API calls, token calls, time", false, func(t *testing.T) string { return invalidGrant(t, true) }},
	{"R3", "Retry-After of 31 s / 30 s", false, retryAfter},
	{"R4", "POST answered 503 / reset: sent", false, func(t *testing.T) string { return posted(t, "", 1) }},
	{"R5", "the same with an Idempotency-Key: sent", false, func(t *testing.T) string { return posted(t, "one-order", 2) }},
	{"R6", "64 MiB upload answered 503, sent twice; POST with a key: allocated in all", true, func(t *testing.T) string {
		return upload(t, "PUT", authtest.Unavailable) + "; " + upload(t, "POST", authtest.Unavailable)
	}},
	{"R7", "503 for a minute: sent, the last one readable after", false, lastAnswer},
	{"R8", "503 for 2 s, 1000 at once, token expired: exchanges (ok)", false, herdInTrouble},
}

// TestScorecard plays all rows and prints their figures.
func TestScorecard(t *testing.T) {
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range scorecard {
		figure := "not judged: needs a store that several sources share"
		if row.play != nil {
			figure = "not asked for"
			right := t.Run(row.row, func(t *testing.T) {
				play := func(t *testing.T) { figure = row.play(t) }
				if row.onWire {
					play(t)
				} else {
					synctest.Test(t, play)
				}
			})
			if !right {
				figure = "WRONG"
			}
		}
		_, _ = fmt.Fprintf(columns, "%s\t%s\t%s\n", row.row, row.what, figure)
	}
	_ = columns.Flush()
	t.Logf("\n%s", table.String())
}

// ---- what rows are played with ----------------------------------------------

// A stand is a client with an API and an issuer of its own.
type stand struct {
	*reauth.Client
	srv   *authtest.Server
	asked atomic.Int32 // calls of the client's source
}

// newStand starts a server and a client that gets client credentials, or, where
// cfg says how refresh tokens rotate, one that renews a login. Off the wire cfg
// is in memory.
func newStand(t *testing.T, cfg authtest.Config, change ...func(*stand, *reauth.Config)) *stand {
	t.Helper()
	s := &stand{srv: authtest.Start(t, cfg)}
	client := reauth.Config{BaseURL: s.srv.API.URL, Source: s.clientCredentials(t), Transport: s.srv.Transport()}
	for _, change := range change {
		change(s, &client)
	}
	s.Client = mustClient(t, client)
	return s
}

func inMemory() authtest.Config { return authtest.Config{InMemory: true} }

func (s *stand) options() oauth.Options {
	return oauth.Options{ClientSecret: auth.Static("test-client-secret"), Transport: s.srv.Transport()}
}

func (s *stand) clientCredentials(t *testing.T) auth.Source {
	t.Helper()
	src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: "test-client", TokenURL: s.srv.Issuer.TokenURL}, s.options())
	if err != nil {
		t.Fatal(err)
	}
	return auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) {
		s.asked.Add(1)
		return src.Credential(ctx)
	})
}

// login makes the client renew a login in place of client credentials.
func login(t *testing.T) func(*stand, *reauth.Config) {
	t.Helper()
	return func(s *stand, client *reauth.Config) {
		client.Source = s.session(t, s.srv.Issuer.Login().Refresh)
	}
}

func (s *stand) session(t *testing.T, refresh string) auth.Refresher {
	t.Helper()
	src, err := oauth.RefreshToken(&oauth2.Config{
		ClientID: "test-client", Endpoint: oauth2.Endpoint{TokenURL: s.srv.Issuer.TokenURL},
	}, auth.Static(refresh), s.options())
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (s *stand) get(t *testing.T) error { return s.Get(t.Context(), "/v1/me", nil) }

// warm makes a request that has to succeed.
func (s *stand) warm(t *testing.T) {
	t.Helper()
	if err := s.get(t); err != nil {
		t.Fatal(err)
	}
}

func (s *stand) request(t *testing.T, method, path string, body any) *http.Request {
	t.Helper()
	req, err := s.NewRequest(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// together makes n requests at once. wait returns how many succeeded.
func (s *stand) together(t *testing.T, n int) (wait func() (ok int)) {
	t.Helper()
	var all sync.WaitGroup
	var succeeded atomic.Int32
	for range n {
		all.Go(func() {
			if err := s.get(t); err == nil {
				succeeded.Add(1)
			}
		})
	}
	return func() int { all.Wait(); return int(succeeded.Load()) }
}

// steadily makes a request each second.
func (s *stand) steadily(t *testing.T, seconds int, each func(second int, took time.Duration, err error)) {
	t.Helper()
	began := time.Now()
	for second := range seconds {
		time.Sleep(time.Until(began.Add(time.Duration(second) * time.Second)))
		sent := time.Now()
		err := s.get(t)
		each(second, time.Since(sent), err)
	}
}

// exchanges counts the requests to the token endpoint.
func (s *stand) exchanges() (n int) {
	for _, count := range s.srv.Issuer.Stats().Exchanges {
		n += count
	}
	return n
}

// since returns how many requests to API and token endpoint came after.
func (s *stand) since() func() (calls, exchanges int) {
	before, asked := s.srv.API.Total().Requests, s.exchanges()
	return func() (int, int) { return s.srv.API.Total().Requests - before, s.exchanges() - asked }
}

func judge[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func atMost[T int | time.Duration | uint64](t *testing.T, what string, got, most T) {
	t.Helper()
	if got > most {
		t.Errorf("%s: %v, want at most %v", what, got, most)
	}
}

// answered reads a response to its end.
func answered(t *testing.T, resp *http.Response, err error) (status int, body string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// inTurn answers each request with the next of answers.
func inTurn(answers ...http.Handler) (int, http.Handler) {
	var n atomic.Int32
	return len(answers), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers[n.Add(1)-1].ServeHTTP(w, r)
	})
}

// asUsual is what would be answered without a fault.
var asUsual = authtest.Late(0)

// ---- 01, 02: herds ----------------------------------------------------------

const many = 1000

// herd sends many requests at once, three times with a client of its own. Idle
// is how long that had a token before; zero means that it has none.
func herd(t *testing.T, idle time.Duration) string {
	for range 3 {
		s := newStand(t, authtest.Config{InMemory: true, Delay: 300 * time.Millisecond})
		if idle > 0 {
			s.warm(t)
			time.Sleep(idle)
		}
		since := s.since()
		judge(t, "ok", s.together(t, many)(), many)
		calls, exchanges := since()
		judge(t, "exchanges", exchanges, 1)
		judge(t, "requests", calls, many)
	}
	return fmt.Sprintf("1 (%d), 3 times", many)
}

// revoked holds n requests at the API and revokes their token there.
func revoked(t *testing.T, s *stand, n int) (hold *authtest.Hold, wait func() int) {
	t.Helper()
	s.warm(t)
	hold = s.srv.API.Hold(n)
	wait = s.together(t, n)
	if err := hold.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.srv.Issuer.RevokeAccess()
	return hold, wait
}

func refusedTogether(t *testing.T) string {
	s := newStand(t, inMemory())
	hold, wait := revoked(t, s, many)
	since := s.since()
	hold.ReleaseAll()
	ok := wait()
	calls, exchanges := since()
	judge(t, "ok", ok, many)
	judge(t, "exchanges", exchanges, 1)
	judge(t, "repeats", calls, many)
	return fmt.Sprintf("%d / %d", exchanges, ok)
}

func afterRefusedTogether(t *testing.T) string {
	s := newStand(t, inMemory())
	hold, wait := revoked(t, s, many)
	hold.ReleaseAll()
	wait()
	since := s.since()
	s.warm(t)
	calls, exchanges := since()
	judge(t, "exchanges", exchanges, 0)
	judge(t, "requests", calls, 1)
	return "200, 0"
}

func lateRefusals(t *testing.T) string {
	const n = 100
	s := newStand(t, inMemory())
	hold, wait := revoked(t, s, n)
	since := s.since()
	for range n {
		s.warm(t)
		hold.Release(1)
		synctest.Wait()
	}
	held := wait()
	s.warm(t)
	_, exchanges := since()
	judge(t, "held ok", held, n)
	judge(t, "exchanges", exchanges, 1)
	return fmt.Sprintf("%d (held %d/%d, fresh %d/%d)", exchanges, held, n, n+2, n+2)
}

// ---- 03: renewal in time ----------------------------------------------------

func renewedAhead(t *testing.T) string {
	const n = 400
	s := newStand(t, authtest.Config{InMemory: true, Lifetime: 20 * time.Second, Delay: 300 * time.Millisecond})
	s.warm(t)
	since := s.since()
	time.Sleep(15 * time.Second) // renewed from 16 to 17 s on
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	for i := range took {
		all.Go(func() {
			sent := time.Now()
			if err := s.get(t); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(sent)
		})
		time.Sleep(10 * time.Millisecond)
	}
	all.Wait()
	_, exchanges := since()
	slices.Sort(took)
	blocked := 0
	for _, d := range took {
		if d > 100*time.Millisecond {
			blocked++
		}
	}
	judge(t, "blocked", blocked, 0)
	judge(t, "longest", took[n-1], 0)
	judge(t, "exchanges", exchanges, 1)
	return fmt.Sprintf("%v / %v / %d (%d, %d)", took[n*99/100], took[n-1], blocked, n, exchanges)
}

func wholeDay(t *testing.T) string {
	s := newStand(t, authtest.Config{InMemory: true, Delay: 300 * time.Millisecond})
	s.warm(t)
	waited, failed := 0, 0
	s.steadily(t, 24*60*60, func(_ int, took time.Duration, err error) {
		if took > 0 {
			waited++
		}
		if err != nil {
			failed++
		}
	})
	judge(t, "waited", waited, 0)
	judge(t, "failed", failed, 0)
	atMost(t, "exchanges", s.exchanges(), 27) // every 55 minutes at the earliest
	return fmt.Sprintf("%d / %d / %d", s.exchanges(), waited, failed)
}

// ---- 04: contexts -----------------------------------------------------------

func cancelledLeader(t *testing.T) string {
	const others = 99
	s := newStand(t, authtest.Config{InMemory: true, Delay: 400 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- s.Get(ctx, "/v1/me", nil) }()
	synctest.Wait()
	wait := s.together(t, others)
	time.Sleep(50 * time.Millisecond)
	began := time.Now()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the canceller got %v", err)
	}
	back := time.Since(began)
	failed := others - wait()
	judge(t, "others failed", failed, 0)
	judge(t, "exchanges", s.exchanges(), 1)
	judge(t, "canceller back after", back, 0)
	return fmt.Sprintf("%d / %d / %v", failed, s.exchanges(), back)
}

func impatientWaiter(t *testing.T) string {
	const patience = 100 * time.Millisecond
	s := newStand(t, authtest.Config{InMemory: true, Delay: 500 * time.Millisecond})
	wait := s.together(t, 1)
	synctest.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	err := s.Get(ctx, "/v1/me", nil)
	back := time.Since(began)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	judge(t, "back after", back, patience)
	judge(t, "the other one: ok", wait(), 1)
	judge(t, "exchanges", s.exchanges(), 1)
	return fmt.Sprintf("%v (DeadlineExceeded)", back)
}

func endedContext(t *testing.T) string {
	s := newStand(t, inMemory(), login(t))
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Get(ctx, "/v1/me", nil); err != nil {
		t.Error(err)
	}
	cancel()
	time.Sleep(2 * time.Hour)
	s.warm(t)
	judge(t, "exchanges", s.exchanges(), 2)
	return "200"
}

// ---- 05: outages of the issuer ----------------------------------------------

// hiccup is how many token calls the first exchange that fails may make more
// than one.
const hiccup = 2

func outageWhileValid(t *testing.T) string {
	const n = 50
	s := newStand(t, inMemory())
	s.warm(t)
	time.Sleep(59 * time.Minute)
	s.srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable)
	since := s.since()
	ok := 0
	for range n {
		sent := time.Now()
		if err := s.get(t); err == nil && time.Since(sent) == 0 {
			ok++
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, calls := since()
	judge(t, "ok at once", ok, n)
	atMost(t, "token calls in 5 s", calls, 4+hiccup)
	return fmt.Sprintf("%d, %d", ok, calls)
}

// failing makes 200 requests a second for d, with an expired token and an issuer
// that is down. All have to fail, and to say why.
func failing(t *testing.T, s *stand, d time.Duration) {
	t.Helper()
	var all sync.WaitGroup
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		all.Go(func() {
			if err := s.get(t); !errors.Is(err, auth.IssuerUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
}

func outageAfterExpiry(t *testing.T) string {
	s := newStand(t, inMemory())
	s.warm(t)
	time.Sleep(2 * time.Hour)
	s.srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable)
	since, asked := s.since(), s.asked.Load()
	failing(t, s, 3*time.Second)
	_, calls := since()
	failing(t, s, 57*time.Second)
	minute := int(s.asked.Load() - asked)
	requests, all := since()
	judge(t, "requests to the API", requests, 0)
	atMost(t, "token calls in 3 s", calls, 4+hiccup)
	atMost(t, "asked in a minute", minute, 12)
	atMost(t, "token calls in a minute", all, minute+hiccup)
	return fmt.Sprintf("%d, %d", calls, minute)
}

func backAfterOutage(t *testing.T) string {
	s := newStand(t, inMemory())
	s.warm(t)
	time.Sleep(2 * time.Hour)
	s.srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable)
	failing(t, s, 3*time.Second)
	s.srv.Issuer.FailNext(0, nil)
	began := time.Now()
	for s.get(t) != nil && time.Since(began) < time.Minute {
		time.Sleep(5 * time.Millisecond)
	}
	back := time.Since(began)
	atMost(t, "first success after", back, 7*time.Second) // the longest pause
	return fmt.Sprintf("%v", back.Round(10*time.Millisecond))
}

func longOutage(t *testing.T) string {
	const expiry, from, until = 3600, 3200, 3700
	s := newStand(t, inMemory())
	s.warm(t)
	time.AfterFunc(from*time.Second, func() { s.srv.Issuer.FailFor((until-from)*time.Second, authtest.Unavailable) })
	since := s.since()
	early, dark, last := 0, 0, 0
	var asked []int32 // at each second
	s.steadily(t, 3900, func(second int, _ time.Duration, err error) {
		asked = append(asked, s.asked.Load())
		switch {
		case err != nil && second < expiry:
			early++
		case err != nil:
			dark++
			last = second
			if !errors.Is(err, auth.IssuerUnavailable) {
				t.Errorf("second %d: %v", second, err)
			}
		}
	})
	_, calls := since()
	atMost(t, "token calls", calls, int(s.asked.Load())-1+hiccup)
	judge(t, "failed while the token was valid", early, 0)
	atMost(t, "last failure at second", last, until+7)
	for i := 60; i < len(asked); i++ {
		if n := asked[i] - asked[i-60]; n > 13 { // one at either edge
			t.Errorf("L5: asked %d times in the minute before second %d", n, i)
		}
	}
	return fmt.Sprintf("%d s / %d", dark, calls)
}

func blip(t *testing.T) string {
	const from, until = 3600 - 310, 3600 - 200
	s := newStand(t, authtest.Config{InMemory: true, Delay: 300 * time.Millisecond})
	s.warm(t)
	began := time.Now()
	time.AfterFunc(from*time.Second, func() { s.srv.Issuer.FailFor((until-from)*time.Second, authtest.Unavailable) })
	failed, waited := 0, 0
	s.steadily(t, 3900, func(_ int, took time.Duration, err error) {
		if err != nil {
			failed++
		}
		if took > 0 {
			waited++
		}
	})
	calls := 0
	for _, r := range s.srv.Issuer.Requests() {
		if at := r.Time.Sub(began).Seconds(); from <= at && at < until {
			calls++
		}
	}
	judge(t, "failed", failed, 0)
	judge(t, "waited", waited, 0)
	if calls < 1 || calls > 2*12+hiccup {
		t.Errorf("%d token calls in an outage of 110 s", calls)
	}
	return fmt.Sprintf("%d / %d / %d", failed, waited, calls)
}

// ---- 06: refresh tokens -----------------------------------------------------

func rotation(t *testing.T) string {
	const n = 3
	s := newStand(t, inMemory(), login(t))
	s.warm(t)
	for range n {
		time.Sleep(2 * time.Hour)
		s.warm(t)
	}
	stats := s.srv.Issuer.Stats()
	judge(t, "granted", stats.Granted["refresh_token"], 1+n)
	judge(t, "asked for", stats.Exchanges["refresh_token"], 1+n)
	judge(t, "sent twice", stats.Reused, 0)
	return fmt.Sprintf("%d, %d", stats.Granted["refresh_token"]-1, stats.Reused)
}

// ---- 07: bodies -------------------------------------------------------------

func replayed(t *testing.T) string {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	s := newStand(t, authtest.Config{})
	s.warm(t)
	s.srv.Issuer.RevokeAccess()
	resp, err := s.Do(s.request(t, http.MethodPost, "/echo", body))
	status, echo := answered(t, resp, err)
	judge(t, "status", status, 200)
	judge(t, "echo is the body", echo == string(body), true)
	sum := sha256.Sum256(body)
	tries := s.srv.API.Requests()[1:]
	for _, r := range tries {
		judge(t, "hash of what arrived", r.SHA256, hex.EncodeToString(sum[:]))
	}
	judge(t, "tries", len(tries), 2)
	return fmt.Sprintf("repeated, intact (%d tries)", len(tries))
}

func notReplayed(t *testing.T) string {
	pipe := func() io.Reader {
		r, w := io.Pipe()
		go func() {
			_, err := io.WriteString(w, "once")
			_ = w.CloseWithError(err)
		}()
		return r
	}
	s := newStand(t, authtest.Config{})
	s.warm(t)
	s.srv.Issuer.RevokeAccess()
	since := s.since()
	resp, err := s.HTTPClient().Do(s.request(t, http.MethodPost, "/echo", pipe()))
	status, body := answered(t, resp, err)
	judge(t, "status", status, 401)
	judge(t, "its body is there", strings.Contains(body, "invalid_token"), true)
	tries, exchanges := since()
	judge(t, "tries", tries, 1)
	judge(t, "exchanges, for the next call", exchanges, 1)
	s.warm(t)

	s.srv.Issuer.RevokeAccess()
	_, err = s.Do(s.request(t, http.MethodPost, "/echo", pipe()))
	if e, ok := errors.AsType[*auth.Error](err); !ok || !strings.Contains(e.Explain(), "GetBody") {
		t.Errorf("Do does not say what keeps the request from being repeated: %v", err)
	}
	s.warm(t)
	_, exchanges = since()
	judge(t, "exchanges at the end", exchanges, 2)
	return fmt.Sprintf("401 to the caller (%d try), renewed for the next", tries)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// upload sends 64 MiB and returns what was allocated meanwhile, by everybody. If
// first is set, it is what the first attempt gets, once the body has arrived,
// and there has to be a second one. A POST has an Idempotency-Key.
func upload(t *testing.T, method string, first http.Handler) string {
	const size, bound = 64 << 20, 8 << 20
	s := newStand(t, authtest.Config{})
	s.warm(t)
	tries := 1
	if first != nil {
		s.srv.API.FailNext(1, first)
		tries = 2
	}
	req := s.request(t, method, "/upload", nil)
	req.ContentLength = size
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zeros{}, size)), nil }
	req.Body, _ = req.GetBody()
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", "one-upload")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	resp, err := s.Do(req)
	status, _ := answered(t, resp, err)
	runtime.ReadMemStats(&after)
	judge(t, "status", status, 200)
	arrived := s.srv.API.Requests()[1:]
	judge(t, "tries", len(arrived), tries)
	for _, r := range arrived {
		judge(t, "bytes that arrived", r.Length, size)
	}
	allocated := after.TotalAlloc - before.TotalAlloc
	atMost(t, "bytes allocated", allocated, bound)
	return fmt.Sprintf("%.1f MiB", float64(allocated)/(1<<20))
}

// A closing counts how often it is closed.
type closing struct {
	io.Reader
	n atomic.Int32
}

func (c *closing) Close() error { c.n.Add(1); return nil }

func closedBody(t *testing.T) string {
	for _, fault := range []authtest.Fault{authtest.InvalidClient, authtest.Unavailable, authtest.Reset} {
		s := newStand(t, inMemory())
		s.srv.Issuer.FailNext(math.MaxInt, fault)
		body := &closing{Reader: strings.NewReader("body")}
		req := s.request(t, http.MethodPut, "/echo", nil)
		req.Body, req.ContentLength = body, 4
		if _, err := s.Do(req); !errors.As(err, new(*auth.Error)) {
			t.Errorf("%s: got %v", fault, err)
		}
		judge(t, "closed", body.n.Load(), 1)
		judge(t, "requests to the API", s.srv.API.Total().Requests, 0)
	}
	return "once, 0"
}

// ---- 08, 09: redirects and refusals -----------------------------------------

func redirected(t *testing.T, trap func(*authtest.Server) string) string {
	s := newStand(t, authtest.Config{})
	for _, do := range []func(*http.Request) (*http.Response, error){s.Do, s.HTTPClient().Do} {
		resp, err := do(s.request(t, http.MethodGet, s.srv.API.RedirectURL(http.StatusFound, trap(s.srv)), nil))
		status, _ := answered(t, resp, err)
		judge(t, "status at the end", status, 200)
	}
	judge(t, "requests that reached the trap", len(s.srv.Trap.Requests()), 2)
	leaks := s.srv.Trap.Leaks()
	for _, leak := range leaks {
		t.Errorf("L6: %v", leak)
	}
	return fmt.Sprint(len(leaks))
}

func refusedForGood(t *testing.T) string {
	var figures []string
	for _, used := range []bool{false, true} {
		s := newStand(t, inMemory())
		if used {
			s.warm(t)
			time.Sleep(10 * time.Minute)
		}
		s.srv.API.RefuseNext(math.MaxInt, nil)
		since := s.since()
		resp, err := s.HTTPClient().Do(s.request(t, http.MethodGet, "/v1/me", nil))
		status, body := answered(t, resp, err)
		calls, exchanges := since()
		judge(t, "status", status, 401)
		judge(t, "the body is there", strings.Contains(body, "invalid_token"), true)
		if _, ok := auth.FromResponse(resp); !ok {
			t.Error("the response has no diagnosis")
		}
		want := 1 // a token that was made for this call: another would fare no better
		if used {
			want = 2
		}
		judge(t, "API calls", calls, want)
		judge(t, "exchanges", exchanges, 1)
		if err := s.get(t); !errors.As(err, new(*auth.Error)) {
			t.Errorf("Do: got %v", err)
		}
		figures = append(figures, fmt.Sprintf("(%d, %d)", calls, exchanges))
	}
	return "401 response " + strings.Join(figures, " / ")
}

func invalidGrant(t *testing.T, used bool) string {
	s := newStand(t, inMemory(), login(t))
	if used {
		s.warm(t)
		time.Sleep(10 * time.Minute)
		s.srv.Issuer.RevokeAccess()
	}
	s.srv.Issuer.RevokeRefresh()
	since, began := s.since(), time.Now()
	err := s.get(t)
	took := time.Since(began)
	e := wantError(t, err, auth.RefreshRejected)
	judge(t, "step", e.Step(), auth.StepRenew)
	calls, exchanges := since()
	judge(t, "time", took, 0)
	judge(t, "token calls", exchanges, 1)
	if !used {
		judge(t, "API calls", calls, 0)
		return fmt.Sprintf("%d / %v", exchanges, took)
	}
	judge(t, "API calls", calls, 1)
	return fmt.Sprintf("%d, %d, %v", calls, exchanges, took)
}

// ---- 10: secrets ------------------------------------------------------------

// sixWays returns what logging prints of v.
func sixWays(v any) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v\n%+v\n%#v\n", v, v, v)
	text, _ := json.Marshal(v)
	b.Write(text)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	return b.String()
}

func printedSecrets(t *testing.T) string {
	var shown []any
	srv := authtest.Start(t, inMemory())
	s := &stand{srv: srv}
	refresh := srv.Issuer.Login().Refresh
	src := s.session(t, refresh)
	token, err := src.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	cfg := reauth.Config{
		BaseURL: srv.API.URL, Source: src, Transport: roundTripper(srv.Transport().RoundTrip),
		Hook: func(_ context.Context, e auth.Event) { events++; shown = append(shown, e) },
	}
	s.Client = mustClient(t, cfg)
	s.warm(t)
	time.Sleep(10 * time.Minute)
	used, err := src.Refresh(t.Context(), token) // the one in use
	if err != nil {
		t.Fatal(err)
	}
	srv.API.RefuseNext(math.MaxInt, authtest.EchoCredential)
	resp, err := s.HTTPClient().Do(s.request(t, http.MethodGet, "/v1/me?a=b", nil))
	if _, body := answered(t, resp, err); !strings.Contains(body, "test-access-") {
		t.Fatal("the API echoes nothing")
	}
	shown = append(shown, resp.Request)
	err = s.get(t)
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || events < 3 {
		t.Fatalf("got %v and %d events", err, events)
	}
	shown = append(shown, err, e, *e, errors.New(e.Explain()),
		s.Client, *s.Client, s.HTTPClient(), cfg, s.Status(t.Context()), s.options(), src, token, *token, token.Secret)
	secrets := []string{refresh, token.Secret.Reveal(), used.Secret.Reveal(), "test-client-secret", "test-access-", "test-refresh-"}
	for _, v := range shown {
		text := sixWays(v)
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("L7: %T prints %q", v, secret)
			}
		}
	}
	return fmt.Sprintf("none, of %d values", len(shown))
}

func echoedSecrets(t *testing.T) string {
	s := newStand(t, inMemory())
	refresh := s.srv.Issuer.Login().Refresh
	s.srv.Issuer.FailNext(math.MaxInt, authtest.EchoRequest)
	for _, src := range []auth.Source{s.clientCredentials(t), s.session(t, refresh)} {
		c := mustClient(t, reauth.Config{BaseURL: s.srv.API.URL, Source: src, Transport: s.srv.Transport()})
		err := c.Get(t.Context(), "/v1/me", nil)
		e, ok := errors.AsType[*auth.Error](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		beneath, ok := errors.AsType[*oauth2.RetrieveError](err)
		if !ok {
			t.Fatalf("what the issuer answered is not in the error: %v", err)
		}
		text := e.Explain() + sixWays(err) + sixWays(e) + sixWays(beneath)
		judge(t, "the error quotes the issuer", strings.Contains(text, "not understood"), true)
		for _, secret := range []string{refresh, "test-client-secret", base64.StdEncoding.EncodeToString([]byte("test-client:test-client-secret"))} {
			if strings.Contains(text, secret) {
				t.Errorf("L7: the error shows %q: %v", secret, err)
			}
		}
	}
	return "no"
}

// ---- 11, 12: clocks and requests --------------------------------------------

func endsEarly(t *testing.T) string {
	const hours = 3
	s := newStand(t, authtest.Config{InMemory: true, EndsEarly: time.Minute})
	failed := 0
	s.steadily(t, hours*3600, func(_ int, _ time.Duration, err error) {
		if err != nil {
			failed++
		}
	})
	judge(t, "failed", failed, 0)
	judge(t, "refused", s.srv.API.Total().Refused, 0)
	atMost(t, "exchanges", s.exchanges(), hours+1)
	return fmt.Sprintf("%d / %.1f", failed, float64(s.exchanges())/hours)
}

func callersRequest(t *testing.T) string {
	s := newStand(t, inMemory())
	for _, do := range []func(*http.Request) (*http.Response, error){s.Do, s.HTTPClient().Do, s.HTTPClient().Transport.RoundTrip} {
		s.warm(t)
		s.srv.API.FailNext(inTurn(authtest.InvalidToken, authtest.Unavailable)) // HTTPClient gets the 503
		req := s.request(t, http.MethodPut, "/echo?a=b", []byte("body"))
		req.Header.Set("X-Test", "not ours")
		body, before := req.Body, req.Clone(req.Context())
		resp, err := do(req)
		if status, _ := answered(t, resp, err); status != 200 && status != 503 {
			t.Errorf("status %d", status)
		}
		after := *req
		judge(t, "Body is the same", after.Body == body, true)
		judge(t, "GetBody is the same", reflect.ValueOf(after.GetBody).Pointer() == reflect.ValueOf(before.GetBody).Pointer(), true)
		judge(t, "context is the same", after.Context() == before.Context(), true)
		before.Body, before.GetBody, after.Body, after.GetBody = nil, nil, nil, nil
		if !reflect.DeepEqual(&after, before) {
			t.Errorf("L8: the request became %+v, was %+v", &after, before)
		}
	}
	return "no"
}

func responsesRequest(t *testing.T) string {
	s := newStand(t, inMemory())
	s.warm(t)
	for _, first := range []http.Handler{nil, authtest.InvalidToken, authtest.Unavailable} {
		for _, do := range []func(*http.Request) (*http.Response, error){s.Do, s.HTTPClient().Do} {
			s.srv.API.FailNext(1, first)
			req := s.request(t, http.MethodGet, "/v1/me?a=b", nil)
			resp, err := do(req)
			_, _ = answered(t, resp, err)
			judge(t, "header of the response's request", resp.Request.Header, req.Header)
			judge(t, "URL of the response's request", resp.Request.URL.String(), req.URL.String())
		}
	}
	return "no, it equals the caller's"
}

// ---- R: transient failures --------------------------------------------------

func oneRepeat(t *testing.T) string {
	var figures []string
	for _, test := range []struct {
		name    string
		answers []http.Handler
		ok      bool
	}{
		{"revoked, 503", []http.Handler{asUsual, authtest.Unavailable, asUsual}, true},
		{"503, revoked", []http.Handler{authtest.Unavailable, asUsual, asUsual}, true},
		{"revoked, 503, 401", []http.Handler{asUsual, authtest.Unavailable, authtest.InvalidToken}, false},
		{"503, revoked, reset, 401", []http.Handler{authtest.Unavailable, asUsual, authtest.Reset, authtest.InvalidToken}, false},
	} {
		s := newStand(t, inMemory())
		s.warm(t)
		time.Sleep(10 * time.Minute)
		s.srv.Issuer.RevokeAccess()
		since := s.since()
		s.srv.API.FailNext(inTurn(append(test.answers, asUsual, asUsual)...)) // what comes too many is served
		err := s.get(t)
		if _, refused := errors.AsType[*auth.Error](err); refused == test.ok || (err == nil) != test.ok {
			t.Errorf("%s: got %v", test.name, err)
		}
		calls, exchanges := since()
		judge(t, test.name+": API calls", calls, len(test.answers))
		judge(t, test.name+": exchanges", exchanges, 1)
		figures = append(figures, fmt.Sprintf("%s: %d, %d", test.name, calls, exchanges))
	}
	return strings.Join(figures, "; ")
}

func retryAfter(t *testing.T) string {
	s := newStand(t, inMemory())
	s.warm(t)
	get := func(answer http.Handler) (status, calls int, took time.Duration) {
		s.srv.API.FailNext(1, answer)
		since, began := s.since(), time.Now()
		resp, err := s.Do(s.request(t, http.MethodGet, "/v1/me", nil))
		status, _ = answered(t, resp, err)
		calls, _ = since()
		return status, calls, time.Since(began)
	}
	status, calls, took := get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "31")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	judge(t, "over the cap: status", status, 429)
	judge(t, "over the cap: sent", calls, 1)
	judge(t, "over the cap: time", took, 0)
	for _, fault := range []authtest.Fault{authtest.TooManyRequests, authtest.Maintenance} { // a number, a date
		status, calls, took = get(fault)
		judge(t, "within the cap: status", status, 200)
		judge(t, "within the cap: sent", calls, 2)
		if took < 29*time.Second || took > 31*time.Second { // a date has whole seconds
			t.Errorf("within the cap: waited for %v", took)
		}
	}
	return "429 at once / 200 after that"
}

// posted makes a POST twice: answered with 503, and not at all.
func posted(t *testing.T, key string, sent int) string {
	s := newStand(t, inMemory())
	s.warm(t)
	for _, fault := range []authtest.Fault{authtest.Unavailable, authtest.Reset} {
		s.srv.API.FailNext(1, fault)
		before := len(s.srv.API.Requests())
		req := s.request(t, http.MethodPost, "/echo", "an order")
		if key != "" {
			req.Header.Set("Idempotency-Key", key)
		}
		resp, err := s.Do(req)
		arrived := s.srv.API.Requests()[before:]
		judge(t, string(fault)+": sent", len(arrived), sent)
		for _, r := range arrived {
			judge(t, "bytes that arrived", r.Length, int64(len(`"an order"`)))
			judge(t, "key that arrived", r.Header.Get("Idempotency-Key"), key)
		}
		if sent == 1 && fault == authtest.Reset {
			if err == nil || errors.As(err, new(*auth.Error)) {
				t.Errorf("got %v, want the connection's error", err)
			}
			continue
		}
		status, _ := answered(t, resp, err)
		judge(t, "status", status, map[bool]int{true: 200, false: 503}[sent > 1])
	}
	return fmt.Sprintf("%d / %d", sent, sent)
}

func lastAnswer(t *testing.T) string {
	s := newStand(t, inMemory())
	s.warm(t)
	s.srv.API.FailFor(time.Minute, authtest.Unavailable)
	since, began := s.since(), time.Now()
	resp, err := s.Do(s.request(t, http.MethodGet, "/v1/me", nil))
	took := time.Since(began)
	status, body := answered(t, resp, err)
	calls, exchanges := since()
	judge(t, "status", status, 503)
	judge(t, "the body is there", strings.Contains(body, "503 Service Unavailable"), true)
	judge(t, "sent", calls, 4)
	judge(t, "exchanges", exchanges, 0)
	atMost(t, "time", took, 7*time.Second)
	unavailable, ok := errors.AsType[*reauth.StatusError](s.get(t))
	if !ok || unavailable.StatusCode != 503 || !strings.Contains(string(unavailable.Body), "503 Service Unavailable") {
		t.Errorf("Get: got %v", unavailable)
	}
	return fmt.Sprintf("%d, %v", calls, took.Round(100*time.Millisecond))
}

func herdInTrouble(t *testing.T) string {
	s := newStand(t, authtest.Config{InMemory: true, Delay: 300 * time.Millisecond})
	s.warm(t)
	time.Sleep(2 * time.Hour)
	s.srv.API.FailFor(2*time.Second, authtest.Unavailable)
	since := s.since()
	judge(t, "ok", s.together(t, many)(), many)
	calls, exchanges := since()
	judge(t, "exchanges", exchanges, 1)
	atMost(t, "requests", calls, 4*many)
	return fmt.Sprintf("%d (%d)", exchanges, many)
}
