package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
)

// A jam is a keyring that hangs until it is let go.
type jam struct {
	entered atomic.Int32
	inside  atomic.Int32
	let     chan struct{}
}

func newJam() *jam { return &jam{let: make(chan struct{})} }

func (j *jam) wait() {
	j.entered.Add(1)
	j.inside.Add(1)
	<-j.let
	j.inside.Add(-1)
}

func (j *jam) fake() *keyring.Fake {
	return &keyring.Fake{
		Get: func(string, string) (string, error) { j.wait(); return canary, nil },
		Set: func(string, string, string) error { j.wait(); return nil },
		Del: func(string, string) error { j.wait(); return nil },
	}
}

// Trap 70.
func TestL10_HangingCallEndsAtItsDeadline(t *testing.T) {
	for name, call := range map[string]func(*keyring.Entry, context.Context) error{
		"read":   func(e *keyring.Entry, ctx context.Context) error { _, err := e.Credential(ctx); return err },
		"write":  func(e *keyring.Entry, ctx context.Context) error { return e.Set(ctx, auth.NewSecret(canary)) },
		"delete": func(e *keyring.Entry, ctx context.Context) error { return e.Delete(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJam()
				defer close(j.let)
				e := newEntry(t, j.fake())
				start := time.Now()
				wantCause(t, call(e, t.Context()), auth.SourceTimeout, auth.Likely)
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestTrap70_HungCallsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJam()
		f := j.fake()
		// Entries of one keyring share its fate; one of them is somebody else's.
		g := keyring.NewGate()
		var entries []*keyring.Entry
		for _, service := range []string{"acme", "other"} {
			e, err := keyring.NewWith(keyring.Config{Service: service}, f, g, keyring.Host{})
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		start := time.Now()
		errs := make(chan error)
		for i := range 50 {
			go func() {
				_, err := entries[i%2].Credential(t.Context())
				errs <- err
			}()
		}
		for range 50 {
			if err := <-errs; !errors.Is(err, auth.SourceTimeout) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the first took %v", took)
		}

		start = time.Now()
		for range 1000 {
			_, err := entries[0].Credential(t.Context())
			wantCause(t, err, auth.SourceTimeout, auth.Likely)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("with all calls hung, 1000 more took %v", took)
		}
		if n := j.inside.Load(); n != keyring.MaxCalls {
			t.Errorf("%d calls hang", n)
		}

		close(j.let) // somebody answers the prompt
		synctest.Wait()
		if _, err := entries[0].Credential(t.Context()); err != nil {
			t.Errorf("after the prompt was answered: %v", err)
		}
	})
}

// One hung call leaves room for another, which may be answered.
func TestTrap70_OneHungCallDoesNotCloseTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJam()
		defer close(j.let)
		var calls atomic.Int32
		f := &keyring.Fake{Get: func(string, string) (string, error) {
			if calls.Add(1) == 1 {
				j.wait()
			}
			return canary, nil
		}}
		e := newEntry(t, f)
		_, err := e.Credential(t.Context())
		wantCause(t, err, auth.SourceTimeout, auth.Likely)
		for range 10 {
			if _, err := e.Credential(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Slow is not hung: whoever finds all places taken waits within the deadline.
func TestTrap70_SlowCallsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &keyring.Fake{Get: func(string, string) (string, error) {
			time.Sleep(100 * time.Millisecond) // on synctest's clock: how slow it is
			return canary, nil
		}}
		e := newEntry(t, f)
		errs := make(chan error)
		for range 20 {
			go func() {
				_, err := e.Credential(t.Context())
				errs <- err
			}()
		}
		for range 20 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestL10_PreflightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &keyring.Fake{Ready: func(ctx context.Context, _ bool) error { <-ctx.Done(); return ctx.Err() }}
		start := time.Now()
		_, err := newEntry(t, f).Credential(t.Context())
		wantCause(t, err, auth.SourceTimeout, auth.Likely)
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestL10_PanicIsAnError(t *testing.T) {
	var nobody *keyring.Entry
	broken := map[string]*keyring.Fake{
		"read":   {Get: func(string, string) (string, error) { return nobody.String(), nil }},
		"write":  {Set: func(string, string, string) error { panic("write") }},
		"delete": {Del: func(string, string) error { panic(errors.New("delete")) }},
	}
	_, err := newEntry(t, broken["read"]).Credential(t.Context())
	e := wantCause(t, err, auth.SourceFailed, auth.Likely)
	if want := "the keyring library panicked: runtime error: invalid memory address or nil pointer dereference"; e.Evidence[0].Fact != want {
		t.Errorf("fact %q", e.Evidence[0].Fact)
	}
	wantCause(t, newEntry(t, broken["write"]).Set(t.Context(), auth.NewSecret(canary)), auth.SourceFailed, auth.Likely)
	wantCause(t, newEntry(t, broken["delete"]).Delete(t.Context()), auth.SourceFailed, auth.Likely)
}

// The library panics, or says something of its own, when the bus dies during a
// call: the preflight says what it means.
func TestL10_BusThatDiesDuringACallIsUnavailable(t *testing.T) {
	for name, end := range map[string]func() error{
		"panic": func() error { panic("nil signal") },
		"error": func() error { return errors.New("short read") },
	} {
		t.Run(name, func(t *testing.T) {
			alive := true
			f := &keyring.Fake{
				Ready: func(context.Context, bool) error {
					if alive {
						return nil
					}
					return keyring.Unavailable("the bus is gone")
				},
				Get: func(string, string) (string, error) { alive = false; return "", end() },
			}
			_, err := newEntry(t, f).Credential(t.Context())
			wantCause(t, err, auth.SourceUnavailable, auth.Certain)
		})
	}
}

// The panic comes when nobody waits any more.
func TestL10_LatePanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		f := &keyring.Fake{Get: func(string, string) (string, error) { <-let; panic("late") }}
		_, err := newEntry(t, f).Credential(t.Context())
		wantCause(t, err, auth.SourceTimeout, auth.Likely)
		close(let)
		synctest.Wait()
	})
}

func TestL10_CallersEndIsNotTheKeyringsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJam()
		defer close(j.let)
		e := newEntry(t, j.fake())

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := e.Credential(ctx)
		wantPlain(t, err, context.DeadlineExceeded)
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		wantPlain(t, e.Set(ctx, auth.NewSecret(canary)), context.Canceled)

		before := j.entered.Load()
		_, err = e.Credential(ctx) // ended before it began
		wantPlain(t, err, context.Canceled)
		wantPlain(t, e.Delete(ctx), context.Canceled)
		if after := j.entered.Load(); after != before {
			t.Errorf("a call without a caller went out")
		}
	})
}

// The answer of a call that noticed the caller's end itself.
func TestL10_CallersEndDuringThePreflight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		f := s.fake()
		f.Ready = func(ctx context.Context, _ bool) error { <-ctx.Done(); return nil }
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		wantPlain(t, newEntry(t, f).Set(ctx, auth.NewSecret(canary)), context.Canceled)
		synctest.Wait()
		if n := s.calls.Load(); n != 0 {
			t.Errorf("%d calls after the caller had gone", n)
		}
	})
}

func TestTrap70_CancelledCallsDoNotCountAsHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &keyring.Fake{Get: func(string, string) (string, error) {
			time.Sleep(time.Second) // on synctest's clock
			return canary, nil
		}}
		e := newEntry(t, f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		errs := make(chan error)
		for range keyring.MaxCalls {
			go func() {
				_, err := e.Credential(ctx)
				errs <- err
			}()
		}
		for range keyring.MaxCalls {
			wantPlain(t, <-errs, context.DeadlineExceeded)
		}
		if _, err := e.Credential(t.Context()); err != nil {
			t.Errorf("the next caller: %v", err)
		}
	})
}

func wantPlain(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if e, ok := errors.AsType[*auth.Error](err); ok {
		t.Errorf("the keyring is blamed: %v", e)
	}
	wantNoSecret(t, err)
	if got := fmt.Sprint(err); got != "keyring: acme/default: "+want.Error() {
		t.Errorf("text %q", got)
	}
}
