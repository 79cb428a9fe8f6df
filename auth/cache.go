package auth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The numbers of the cache. Each is a promise to the source or to the caller.
const (
	// defaultTimeout bounds one call of a source.
	defaultTimeout = 15 * time.Second
	// defaultWindow is the longest time before expiry at which renewal begins;
	// a fifth of the lifetime if that is less.
	defaultWindow = 5 * time.Minute
	// maxAbandoned is how many calls may hang in a source that ignores its
	// context before it is not called any more.
	maxAbandoned = 2
	// youth is the age below which a refusal counts against the source that
	// gave the credential, or half of its lifetime if that is less.
	youth = time.Minute
	// maxStrikes is how many young credentials may be refused in a row before
	// a new one is asked for only once every strikePause.
	maxStrikes  = 3
	strikePause = time.Minute
	// maxWish is the longest pause that a source gets because it asked for one
	// (a token endpoint's Retry-After).
	maxWish = time.Minute
	// closeWait is how long Close waits for calls that ignore their context.
	closeWait = time.Second
)

// pauses follow the first, second, … failure in a row; the last one repeats.
// They allow eleven calls within any minute, and one more when a credential
// expires, which ends a pause.
var pauses = [...]time.Duration{500 * time.Millisecond, 1 * time.Second, 3 * time.Second, 7 * time.Second}

// ErrClosed is what a closed [Cache] answers.
var ErrClosed = errors.New("auth: the credential cache is closed")

// CacheConfig holds the options of a [Cache]. The zero value is right for most.
type CacheConfig struct {
	// Timeout bounds one call of the source. Zero means 15 seconds.
	Timeout time.Duration
	// Window is the longest time before its expiry at which a credential is
	// renewed in the background; it is never more than a fifth of the
	// lifetime. Zero means 5 minutes. Negative means that nothing is renewed
	// in the background, nor files read again, which suits programs that end
	// soon.
	Window time.Duration
	// Hook is told when a credential is found or renewed, when that fails, and
	// when it is not tried because of earlier failures.
	Hook Hook
}

// A Cache keeps the credential that a source gave, renews it before it expires,
// and replaces it when it was refused. It is safe for concurrent use, and a
// [Source] and [Refresher] itself. Its zero value is not usable.
//
// While the credential is fresh, reading it takes no lock. When a fifth of its
// lifetime (at most the window) is left, the next reader starts a renewal in
// the background; nobody waits for it, and if it fails the credential stays in
// use until it expires. After that callers wait for one shared renewal, each as
// long as its own context allows; the renewal has a context and deadline of its
// own. It is asked of the source's Refresh if it has one.
//
// While a source fails it is asked at most twelve times a minute, or less often
// if its error names a NextTry (obeyed up to a minute), and callers in between
// get the remembered error, marked as Throttled. When three young
// credentials in a row were refused, a new one is asked for once a minute. A
// pause after a failure ends when the credential expires, or by Forget.
//
// Expiry is judged on the wall clock.
type Cache struct {
	src     Source
	timeout time.Duration
	window  time.Duration // negative: not in the background
	hook    Hook
	now     func() time.Time

	base context.Context // of all calls of the source
	stop context.CancelFunc
	runs sync.WaitGroup // goroutines within the source

	cur atomic.Pointer[entry]

	mu        sync.Mutex
	flight    *flight
	abandoned int
	closed    bool
	epoch     int         // grows with Forget and Close: what was begun before is not kept
	asked     time.Time   // when the source was asked last
	nextAsk   time.Time   // the source is not asked before this
	failures  int         // in a row
	failed    *Error      // the last failure; nil after a success
	told      *Error      // the answer during the pause, made once for all who ask
	refused   *Credential // the last one that a server refused, if it is still in use
	strikes   int         // young credentials refused in a row
	events    []Event     // to be told when the lock is given back
	settled   []*flight   // whose waiters go on when that has been told
}

// An entry is a credential in use. It is never changed: another takes its place.
type entry struct {
	cred *Credential
	born time.Time
	due  time.Time // when to renew or read again; zero: never
	// look is when the fast path ends, in wall-clock nanoseconds; zero: never.
	// It may lie before due, and never after the expiry.
	look int64
}

// A flight is one call of the source, shared by all who wait for it.
type flight struct {
	began time.Time
	done  chan struct{} // closed when cred and err are set
	cred  *Credential
	err   error
	over  bool // done is closed
	epoch int  // of the cache when it began
	early bool // it began before the refusal of the credential that it may bring again
	quit  func()
}

// Cached returns a cache around src with the default options. If src is a
// cache, it is returned as it is: wrapping twice is harmless.
func Cached(src Source) *Cache {
	if c, ok := src.(*Cache); ok {
		return c
	}
	c, err := NewCache(src, CacheConfig{})
	if err != nil {
		panic(err) // a nil source: a mistake in the program
	}
	return c
}

// NewCache returns a cache around src. It is an error if src is nil or is a
// cache already, because then the options could not be obeyed.
func NewCache(src Source, cfg CacheConfig) (*Cache, error) {
	if src == nil {
		return nil, errors.New("auth: NewCache: the source is nil")
	}
	if _, ok := src.(*Cache); ok {
		return nil, errors.New("auth: NewCache: the source is a cache already, with options of its own")
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("auth: NewCache: Timeout is negative: %v", cfg.Timeout)
	}
	c := &Cache{src: src, timeout: cfg.Timeout, window: cfg.Window, hook: cfg.Hook, now: time.Now}
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	if c.window == 0 {
		c.window = defaultWindow
	}
	c.base, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Credential returns the credential in use, or gets one. It returns an [*Error]
// if there is none to be had, an error that wraps ctx.Err() if the context ends
// before that is known, and [ErrClosed] after Close.
func (c *Cache) Credential(ctx context.Context) (*Credential, error) {
	if e := c.cur.Load(); e != nil && (e.look == 0 || c.now().UnixNano() < e.look) {
		return e.cred, nil
	}
	c.mu.Lock()
	now := c.now()
	e := c.cur.Load()
	if e != nil && !e.cred.expired(now) {
		c.ahead(e, now)
		c.unlock(ctx)
		return e.cred, nil
	}
	var stale *Credential
	if e != nil && (c.failed == nil || !passesOn(c.failed.Cause)) {
		stale = e.cred
	}
	f, err := c.join(ctx, now, stale)
	c.unlock(ctx)
	if err != nil {
		return nil, err
	}
	return f.wait(ctx)
}

// Refresh returns a credential to use instead of stale, which a server has
// refused. If another one is in use already, that is the answer and nothing is
// asked. An answer that is [Credential.Same] as stale means that the source has
// no other. The errors are those of Credential.
func (c *Cache) Refresh(ctx context.Context, stale *Credential) (*Credential, error) {
	for first := true; ; first = false {
		c.mu.Lock()
		now := c.now()
		e := c.cur.Load()
		if e != nil && !e.cred.Same(stale) && !e.cred.expired(now) {
			c.mu.Unlock()
			return e.cred, nil
		}
		if e != nil && e.cred.Same(stale) {
			c.strike(e, now)
			if c.flight == nil && c.paused(now) && c.failed == nil && c.strikes <= maxStrikes {
				c.mu.Unlock()
				return e.cred, nil // the source was asked a moment ago, and had no other
			}
		}
		replace := stale
		if e != nil && e.cred.expired(now) {
			replace = e.cred // which may have replaced stale long ago
		}
		running := c.flight
		f, err := c.join(ctx, now, replace)
		c.unlock(ctx)
		if err != nil {
			return nil, err
		}
		cred, err := f.wait(ctx)
		if err == nil && cred.Same(stale) && f == running && first {
			continue // it may have read the source before the refusal
		}
		return cred, err
	}
}

// Forget drops the credential in use, every remembered failure and every pause,
// so that the next caller asks the source. The result of a call that is under
// way goes to those who wait for it, and is not kept; a source that hangs is
// called once more after each Forget.
func (c *Cache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
}

func (c *Cache) forget() {
	c.cur.Store(nil)
	c.epoch++
	c.flight = nil
	c.failures, c.failed, c.told, c.refused, c.strikes = 0, nil, nil, nil, 0
	c.nextAsk = time.Time{}
}

// Close ends every call of the source and waits for it, for a second at most if
// the source ignores its context. Later calls return [ErrClosed].
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	c.forget()
	c.mu.Unlock()
	c.stop()
	ended := make(chan struct{})
	go func() { c.runs.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-time.After(closeWait):
		return errors.New("auth: Close: the source ignores its context and still runs")
	}
}

// Status tells what a cache holds and how its renewals fare.
type Status struct {
	Provenance Provenance // of the credential in use; zero if there is none
	Since      time.Time  // when it was got
	Expiry     time.Time  // zero if not stated
	Renewing   bool       // the source is being asked
	Failures   int        // failures of the source in a row
	LastError  error      // the last of them; nil after a success
	NextTry    time.Time  // the source is not asked before; zero if it may be

	// Refused is the API's last word on the credential in use, if that was a
	// refusal: nil again once it is accepted. A cache alone does not know.
	Refused *Error
}

// Status returns the state at this moment. It asks nothing of the source.
func (c *Cache) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Renewing: c.flight != nil}
	if e := c.cur.Load(); e != nil {
		s.Provenance, s.Since, s.Expiry = e.cred.Provenance, e.born, e.cred.Expiry
	}
	if c.failed != nil {
		s.LastError, s.Failures = c.failed, c.failures
	}
	if c.paused(c.now()) {
		s.NextTry = c.nextAsk
	}
	return s
}

// ahead starts a renewal of e, which is still valid, if one is due and allowed,
// and sets when the next reader has to look again.
func (c *Cache) ahead(e *entry, now time.Time) {
	next := e.due
	if !e.due.IsZero() && !now.Before(e.due) {
		if c.flight == nil && !c.paused(now) && c.abandoned < maxAbandoned {
			c.launch(now, e.cred)
		}
		next = latest(c.nextAsk, now.Add(pauses[0]))
		if c.flight != nil {
			next = c.flight.began.Add(c.timeout)
		}
	}
	c.cur.Store(e.until(next))
}

// until returns e with another end of its fast path: at next, and never later
// than the expiry. An expired credential behind a pause was the bug to avoid.
func (e *entry) until(next time.Time) *entry {
	moved := *e
	next = next.Round(0)
	if x := e.cred.Expiry.Round(0); !x.IsZero() && (next.IsZero() || x.Before(next)) {
		next = x
	}
	moved.look = 0
	if !next.IsZero() {
		moved.look = wallNano(next)
	}
	return &moved
}

// wallNano is t.UnixNano, or the largest number where that would overflow: some
// issuers write "never" as the year 9999.
func wallNano(t time.Time) int64 {
	if t.Unix() >= math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return t.UnixNano()
}

// paused reports whether the source may not be asked yet. Either clock ends a
// pause: the monotonic one stands still while a laptop sleeps, and the wall
// clock can be set back.
func (c *Cache) paused(now time.Time) bool {
	return now.Before(c.nextAsk) && now.Round(0).Before(c.nextAsk.Round(0))
}

// join returns the call that is under way, or starts one if that is allowed.
func (c *Cache) join(ctx context.Context, now time.Time, stale *Credential) (*flight, error) {
	switch {
	case c.closed:
		return nil, ErrClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case c.flight != nil:
		return c.flight, nil
	case c.paused(now):
		return nil, c.throttled()
	case c.abandoned >= maxAbandoned:
		c.fail(c.hanging("earlier calls of the source still have not returned, so it is not called again until one does"), now, 0)
		return nil, c.failed
	}
	return c.launch(now, stale), nil
}

// launch calls the source, in a goroutine and on a context of its own.
func (c *Cache) launch(now time.Time, stale *Credential) *flight {
	ctx, cancel := context.WithTimeout(c.base, c.timeout)
	f := &flight{began: now, done: make(chan struct{}), epoch: c.epoch}
	stop := context.AfterFunc(ctx, func() { c.abandon(f) })
	f.quit = func() { stop(); cancel() }
	c.flight, c.asked, c.told = f, now, nil
	c.runs.Go(func() { c.call(ctx, f, stale) })
	return f
}

// call survives whatever a source can do: panic, Goexit, nothing at all.
func (c *Cache) call(ctx context.Context, f *flight, stale *Credential) {
	var cred *Credential
	err := errors.New("the source ended its goroutine")
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the source panicked with a %T", p) // its text may hold anything
		}
		f.quit()
		c.land(f, cred, err)
	}()
	cred, err = renew(ctx, c.src, stale)
	if e, ok := err.(*Error); ok && e == nil {
		err = nil // a nil *Error, returned as an error: an easy slip, and no failure
	}
}

// abandon ends a flight whose context is over while the source still runs.
func (c *Cache) abandon(f *flight) {
	c.mu.Lock()
	defer c.unlock(c.base)
	if f.over {
		return
	}
	c.abandoned++
	err := error(c.hanging(c.late()))
	if c.closed {
		err = ErrClosed
	}
	c.finish(f, nil, err)
}

// land takes the result of a call.
func (c *Cache) land(f *flight, cred *Credential, err error) {
	c.mu.Lock()
	defer c.unlock(c.base)
	now := c.now()
	if f.over {
		c.abandoned--
		// Too late for those who waited, but it may be the only one: a rotated
		// token that is thrown away is a lost login. It never takes the place of
		// one that came into use since it was asked for.
		e := c.cur.Load()
		newest := e == nil || e.cred.expired(now) || !e.born.After(f.began)
		if newest && f.epoch == c.epoch && c.valid(f, cred, err, now) == nil {
			c.keep(f, cred, now)
		}
		return
	}
	c.finish(f, cred, err)
}

// finish settles a flight, once.
func (c *Cache) finish(f *flight, cred *Credential, err error) {
	now := c.now()
	f.over = true
	if c.flight == f {
		c.flight = nil
	}
	if bad := c.valid(f, cred, err, now); bad != nil {
		f.err = bad
		if e, ok := bad.(*Error); ok && f.epoch == c.epoch {
			c.fail(e, now, now.Sub(f.began))
		}
	} else if f.cred = cred; f.epoch == c.epoch {
		f.cred = c.keep(f, cred, now)
	}
	c.settled = append(c.settled, f)
}

// valid returns the reason why what a source returned is no credential.
func (c *Cache) valid(f *flight, cred *Credential, err error, now time.Time) error {
	_, diagnosed := errors.AsType[*Error](err)
	switch {
	case err != nil && (errors.Is(err, ErrClosed) || c.base.Err() != nil):
		return ErrClosed
	case err != nil && !diagnosed && errors.Is(err, context.DeadlineExceeded) && now.Sub(f.began) >= c.timeout:
		return c.hanging(c.late())
	case err != nil:
		return AsError(err, c.place())
	case cred == nil:
		return AsError(errors.New("it returned neither a credential nor an error"), c.place())
	}
	place := cred.Provenance
	if place == (Provenance{}) {
		place = c.place()
	}
	switch {
	case cred.Secret.IsZero():
		return absent(EmptyCredential, place, "empty", "the source returned an empty secret", Remedy{})
	case cred.expired(now):
		var remedy Remedy
		switch place.Kind {
		case KindEnv, KindFile, KindKeyring: // a token endpoint is not written to
			remedy.Text = "put a new credential into " + place.String()
		}
		e := absent(AccessExpired, place, "expired",
			fmt.Sprintf("what the source holds expired at %s, %s ago", stamp(cred.Expiry), now.Round(0).Sub(cred.Expiry.Round(0)).Round(time.Second)),
			remedy)
		e.Tried = append(cred.Tried[:len(cred.Tried):len(cred.Tried)], e.Tried...)
		return e
	}
	return nil
}

// place names a source that does not name itself: by its type, without the
// package, which means nothing to the user of a program.
func (c *Cache) place() Provenance {
	name := fmt.Sprintf("%T", c.src)
	return Provenance{Kind: KindSource, Name: name[strings.LastIndexByte(name, '.')+1:]}
}

func (c *Cache) late() string { return fmt.Sprintf("the source did not answer within %s", c.timeout) }

func (c *Cache) hanging(fact string) *Error {
	e := absent(SourceTimeout, c.place(), "no answer", fact, Remedy{})
	e.Confidence, e.Err = Likely, context.DeadlineExceeded
	return e
}

// keep takes a credential into use and returns the one to hand out.
func (c *Cache) keep(f *flight, cred *Credential, now time.Time) *Credential {
	old := c.cur.Load()
	event := Event{Kind: EventFound, Provenance: cred.Provenance, Expiry: cred.Expiry, Took: now.Sub(f.began)}
	if old != nil && old.cred.Same(cred) {
		same := *old
		if !old.cred.Expiry.Equal(cred.Expiry) { // prolonged
			same.cred = cred
			event.Kind = EventRenewed
			c.events = append(c.events, event)
		} else if c.failed != nil {
			event.Kind = EventRecovered
			c.events = append(c.events, event)
		}
		same.due = c.dueTime(same.cred, now)
		c.cur.Store(same.until(same.due))
		c.failed = nil
		if c.refused.Same(cred) && !f.early {
			c.pause(now, time.Time{}) // asked because of a refusal, and none the wiser
		} else {
			c.failures, c.nextAsk = 0, time.Time{}
		}
		return same.cred
	}
	if old != nil {
		switch event.Kind = EventRenewed; cred.Provenance.Kind {
		case KindEnv, KindFile, KindKeyring: // places that others write to
			event.Kind = EventAdopted
		}
		if !c.refused.Same(old.cred) {
			c.strikes = 0 // it lived until it was due
		}
	}
	c.failures, c.failed, c.nextAsk, c.refused = 0, nil, time.Time{}, nil
	e := &entry{cred: cred, born: now, due: c.dueTime(cred, now)}
	c.cur.Store(e.until(e.due))
	c.events = append(c.events, event)
	return cred
}

// dueTime returns when cred should be renewed or read again; zero for never.
// The jitter is drawn once for each credential, so that processes which got
// theirs together do not renew together.
func (c *Cache) dueTime(cred *Credential, now time.Time) time.Time {
	var due time.Time
	jitter := rand.Float64()
	if c.window < 0 {
		return due
	}
	if !cred.Expiry.IsZero() {
		window := min(cred.Expiry.Sub(now.Round(0))/5, c.window)
		due = cred.Expiry.Round(0).Add(-time.Duration(float64(window) * (1 - jitter/4)))
	}
	if cred.recheck > 0 {
		again := now.Round(0).Add(time.Duration(float64(cred.recheck) * (1 - jitter/4)))
		if due.IsZero() || again.Before(due) {
			due = again
		}
	}
	return due
}

// strike notes that a server refused the credential in use.
func (c *Cache) strike(e *entry, now time.Time) {
	if c.refused.Same(e.cred) {
		return
	}
	c.refused = e.cred
	if c.flight != nil {
		c.flight.early = true
	}
	limit := youth
	if x := e.cred.Expiry; !x.IsZero() {
		limit = min(limit, x.Sub(e.born.Round(0))/2)
	}
	// Its age when it was first refused decides, not its age when a renewal is
	// allowed: at the end of a pause every credential would pass for old, and
	// the pause would undo itself.
	if now.Sub(e.born) >= limit {
		c.strikes = 0
		return
	}
	if c.strikes++; c.strikes > maxStrikes {
		c.nextAsk = latest(c.nextAsk, c.asked.Add(strikePause))
	}
}

// fail remembers a failure, which took so long, and sets the pause that follows.
func (c *Cache) fail(e *Error, now time.Time, took time.Duration) {
	c.failed, c.told = e, nil
	c.pause(now, e.NextTry)
	if cur := c.cur.Load(); cur != nil {
		c.cur.Store(cur.until(c.nextAsk))
	}
	c.trouble(Event{Kind: EventRenewFailed, Err: e, Took: took})
}

// trouble notes an event together with what is still in use, if anything is.
func (c *Cache) trouble(e Event) {
	e.Failures, e.NextTry = c.failures, c.nextAsk
	if cur := c.cur.Load(); cur != nil {
		e.Provenance, e.Expiry = cur.cred.Provenance, cur.cred.Expiry
	}
	c.events = append(c.events, e)
}

// pause keeps the source from being asked for a while, and until wish if the
// source named a later time. A pause for failures ends at the expiry of a
// credential that is still valid.
func (c *Cache) pause(now, wish time.Time) {
	c.failures++
	next := now.Add(pauses[min(c.failures, len(pauses))-1])
	if longest := now.Add(maxWish); wish.After(longest) {
		next = longest
	} else if wish.After(next) {
		next = now.Add(wish.Sub(now.Round(0)))
	}
	if cur := c.cur.Load(); cur != nil && !cur.cred.expired(now) && !cur.cred.Expiry.IsZero() {
		if left := cur.cred.Expiry.Sub(now.Round(0)); now.Add(left).Before(next) {
			next = now.Add(left)
		}
	}
	if c.strikes > maxStrikes {
		next = latest(next, c.asked.Add(strikePause))
	}
	c.nextAsk = next
}

// throttled is the answer while the source may not be asked: one value for all
// whom a pause turns away. The first of them is an event.
func (c *Cache) throttled() *Error {
	next := c.nextAsk.Round(0)
	if c.told != nil && c.told.NextTry.Equal(next) {
		return c.told
	}
	e := c.failed
	if e == nil {
		e = absent(RefreshThrottled, c.place(), "not asked",
			fmt.Sprintf("%d new credentials in a row were refused at once, so a new one is asked for once a minute", c.strikes), Remedy{})
	}
	told := *e
	told.Throttled, told.NextTry = true, next
	told.Evidence = append(e.Evidence[:len(e.Evidence):len(e.Evidence)], Evidence{
		Source: "throttle",
		Fact:   "the source was asked at " + stamp(c.asked) + " and is not asked again before " + stamp(next),
	})
	c.told = &told
	c.trouble(Event{Kind: EventThrottled, Err: c.told})
	return c.told
}

// unlock gives the lock back, tells the hook what happened under it, and then
// lets go on who waited for it: what they do next is told after it.
func (c *Cache) unlock(ctx context.Context) {
	events, settled := c.events, c.settled
	c.events, c.settled = nil, nil
	c.mu.Unlock()
	defer func() { // even if the hook ends the goroutine, as t.FailNow does
		for _, f := range settled {
			close(f.done)
		}
	}()
	for _, e := range events {
		c.hook.Tell(ctx, e)
	}
}

func (f *flight) wait(ctx context.Context) (*Credential, error) {
	select {
	case <-f.done:
		return f.cred, f.err
	default:
	}
	select {
	case <-f.done:
		return f.cred, f.err
	case <-ctx.Done():
		return nil, waited{ctx.Err()}
	}
}

// waited is the end of a caller's context while the source was being asked. It
// says so, lest whatever the caller asked for is blamed: nobody was asked yet.
type waited struct{ error }

func (w waited) Error() string {
	return "no credential yet, its source is still being asked: " + w.error.Error()
}
func (w waited) Unwrap() error { return w.error }
func (w waited) Timeout() bool { return errors.Is(w.error, context.DeadlineExceeded) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
