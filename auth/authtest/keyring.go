package authtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/fakering"
)

// A KeyringState says what becomes of calls to a [Keyring]. In brackets: the
// cause that package auth names for it.
type KeyringState int

const (
	// KeyringOpen works.
	KeyringOpen KeyringState = iota
	// KeyringLocked is locked, and nobody is there to unlock it
	// (source_locked). On Linux an entry whose Config is Interactive waits for
	// a change of state instead, as for a person. Windows has no such state.
	KeyringLocked
	// KeyringAbsent is no keyring, as in a container (source_unavailable).
	KeyringAbsent
	// KeyringDenied refuses this program (source_denied).
	KeyringDenied
	// KeyringMute takes calls and does not answer before the state changes
	// (source_timeout): a prompt waits on some screen, or a service hangs.
	KeyringMute
	// KeyringForgetful reports that it has written or deleted, and has not, as
	// one does whose prompt somebody dismissed (source_denied).
	KeyringForgetful
)

// A KeyringConfig says how a [Keyring] behaves. The zero value is an empty
// keyring that works.
type KeyringConfig struct {
	// System is the one whose limits, words and advice apply, on whatever
	// machine the test runs: "linux", "darwin" or "windows". Empty means
	// "linux", without a screen and with all its tools. It cannot be changed.
	System string
	State  KeyringState
	// Delay is how long each call takes.
	Delay time.Duration
	// Limit is the most bytes of a value, if it is less than what the system
	// holds: a longer one is refused before the keyring is asked
	// (value_too_big). Zero means the system's limit.
	Limit int
}

// A Keyring takes the place of the system's keyring in this whole process: what
// [github.com/reauth-go/reauth/auth/keyring] and [github.com/reauth-go/reauth]
// read and write is here, for entries made before as well, and the time limits,
// decoding and diagnosis of those packages are the real ones. It is safe for
// concurrent use.
type Keyring struct {
	remove func()
	system string

	mu      sync.Mutex
	config  KeyringConfig
	values  map[keyringName]auth.Secret // so that a failed test does not print them
	calls   []string
	changed chan struct{} // closed when the configuration is not what it was
	closed  bool
	closing chan struct{}
}

type keyringName struct{ service, account string }

func (n keyringName) String() string { return n.service + "/" + n.account }

// StartKeyring puts a keyring in the place of the system's until the test ends,
// as [NewKeyring] does. The test fails at once if it is parallel to others, or
// if another keyring is in place: a process has one. In a [testing/synctest]
// bubble, t is the bubble's.
func StartKeyring(t interface {
	TB
	Setenv(key, value string)
	Fatalf(format string, args ...any)
}, c KeyringConfig) *Keyring {
	t.Helper()
	// The testing package keeps tests that set variables apart from parallel
	// ones, and we are such a test.
	func() {
		t.Helper()
		defer func() {
			t.Helper()
			if why := recover(); why != nil {
				t.Fatalf("authtest: a fake keyring is the whole process's, so its test must not be parallel: %v", why)
			}
		}()
		t.Setenv("REAUTH_AUTHTEST_KEYRING", "fake")
	}()
	k, err := newKeyring(c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		t.Helper()
		k.Close()
		if t.Failed() {
			t.Logf("authtest: what the keyring was asked, in this order:\n%s", lastLines(k.Transcript(), 50))
		}
	})
	return k
}

// NewKeyring puts a keyring in the place of the system's, until [Keyring.Close].
// It panics if one that is not closed is there.
func NewKeyring(c KeyringConfig) *Keyring {
	k, err := newKeyring(c)
	if err != nil {
		panic(err)
	}
	return k
}

func newKeyring(c KeyringConfig) (*Keyring, error) {
	if c.System == "" {
		c.System = "linux"
	}
	k := &Keyring{system: c.System, values: make(map[keyringName]auth.Secret), closing: make(chan struct{})}
	if err := k.configure(c); err != nil {
		return nil, err
	}
	remove, ok := fakering.Install(ring{k})
	if !ok {
		return nil, errors.New("authtest: another fake keyring is in place: a process has one, so tests that fake it cannot run at the same time")
	}
	k.remove = remove
	return k, nil
}

// configure is called with the lock held, or before anybody else knows k.
func (k *Keyring) configure(c KeyringConfig) error {
	c.System = k.system
	switch {
	case c.System != "linux" && c.System != "darwin" && c.System != "windows":
		return fmt.Errorf("authtest: there is no fake of the keyring of %q: linux, darwin and windows have one", c.System)
	case c.System == "windows" && c.State == KeyringLocked:
		return errors.New("authtest: the keyring of windows cannot be locked")
	}
	k.config = c
	if k.changed != nil {
		close(k.changed)
	}
	k.changed = make(chan struct{})
	return nil
}

// Close gives the system's keyring its place back. Calls that wait end.
func (k *Keyring) Close() {
	k.remove()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.closed = true
		close(k.closing)
	}
}

// Set changes the configuration. The function gets the current one and must not
// call the keyring. It panics if the system has no such state.
func (k *Keyring) Set(change func(*KeyringConfig)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.config
	change(&c)
	if err := k.configure(c); err != nil {
		panic(err)
	}
}

// Put stores a value as another program would, in whatever state the keyring
// is. It is what the system holds: to play what Windows' own tools store, give
// it UTF-16. The account is "default" unless the entry's Config names another.
func (k *Keyring) Put(service, account, value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values[keyringName{service, account}] = auth.NewSecret(value)
}

// Value returns what the keyring holds, and whether it holds anything.
func (k *Keyring) Value(service, account string) (value string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	secret, ok := k.values[keyringName{service, account}]
	return secret.Reveal(), ok
}

// Transcript has a line for each call that reached the keyring, in order, such
// as "get acme/default: found". It holds no value.
func (k *Keyring) Transcript() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.calls, "")
}

// A ring is a Keyring as package keyring sees it.
type ring struct{ k *Keyring }

func (r ring) System() string { return r.k.system }

func (r ring) Limit() int {
	r.k.mu.Lock()
	defer r.k.mu.Unlock()
	return r.k.config.Limit
}

// Ready knows what can be told without a call, which is nothing on systems
// other than Linux: there, calls end with it.
func (r ring) Ready(_ context.Context, interactive bool) error {
	if r.k.system != "linux" {
		return nil
	}
	r.k.mu.Lock()
	defer r.k.mu.Unlock()
	if r.k.config.State == KeyringLocked && interactive {
		return nil
	}
	return refusals[r.k.config.State]
}

var refusals = map[KeyringState]error{
	KeyringLocked: fakering.ErrLocked,
	KeyringAbsent: fakering.ErrAbsent,
	KeyringDenied: fakering.ErrDenied,
}

func (r ring) Get(ctx context.Context, service, account string) (value string, err error) {
	err = r.call(ctx, "get", keyringName{service, account}, func(name keyringName, _ bool) (answer string, err error) {
		secret, ok := r.k.values[name]
		if !ok {
			return "not found", fakering.ErrNotFound
		}
		value = secret.Reveal()
		return "found", nil
	})
	return value, err
}

func (r ring) Set(ctx context.Context, service, account, value string) error {
	return r.call(ctx, "set", keyringName{service, account}, func(name keyringName, forget bool) (answer string, err error) {
		if forget {
			return "forgotten", nil
		}
		r.k.values[name] = auth.NewSecret(value)
		return "stored", nil
	})
}

func (r ring) Delete(ctx context.Context, service, account string) error {
	return r.call(ctx, "delete", keyringName{service, account}, func(name keyringName, forget bool) (answer string, err error) {
		if _, ok := r.k.values[name]; !ok {
			return "not found", fakering.ErrNotFound
		}
		if forget {
			return "forgotten", nil
		}
		delete(r.k.values, name)
		return "deleted", nil
	})
}

// call calls do, with the lock held, when the keyring's state lets it, or ends
// with what the state demands. What waits does not mind the end of ctx, as the
// system's keyrings do not, except macOS', whose process ends with the call.
func (r ring) call(ctx context.Context, verb string, name keyringName, do func(name keyringName, forget bool) (answer string, err error)) error {
	k := r.k
	var end <-chan struct{}
	if k.system == "darwin" {
		end = ctx.Done()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := func(c <-chan struct{}, timer <-chan time.Time) error {
		k.mu.Unlock()
		defer k.mu.Lock()
		select {
		case <-c:
		case <-timer:
		case <-end:
			return ctx.Err()
		case <-k.closing:
		}
		return nil
	}
	if k.config.Delay > 0 {
		timer := time.NewTimer(k.config.Delay)
		defer timer.Stop()
		if err := wait(nil, timer.C); err != nil {
			return err
		}
	}
	for !k.closed && (k.config.State == KeyringMute || k.config.State == KeyringLocked && k.system == "linux") {
		if err := wait(k.changed, nil); err != nil {
			return err
		}
	}
	if k.closed {
		return fakering.ErrAbsent
	}
	answer, err := "refused", refusals[k.config.State]
	if err == nil {
		answer, err = do(name, k.config.State == KeyringForgetful)
	}
	k.calls = append(k.calls, fmt.Sprintf("%s %s: %s\n", verb, name, answer))
	return err
}
