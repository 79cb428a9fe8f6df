package keyring

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// maxCalls is how many calls to the system run at once. Calls to a keyring
// cannot be cancelled: one that hangs is left behind with its goroutine, and
// this is how many of those there can ever be.
const maxCalls = 2

// A gate lets a bounded number of calls through to one back end.
type gate struct {
	slots chan struct{} // one element for every call that runs

	mu   sync.Mutex
	ends map[*time.Time]struct{} // when each of them should have ended
}

func newGate() *gate {
	return &gate{slots: make(chan struct{}, maxCalls), ends: make(map[*time.Time]struct{})}
}

// systemGate guards the system's keyring, which all entries share: it hangs for
// one as it does for another.
var systemGate = newGate()

// run calls op in a goroutine of its own and returns its result, or errSlow or
// errStuck, or ctx's error. It returns within timeout; op may not.
func (g *gate) run(ctx context.Context, timeout time.Duration, op func(context.Context) (string, error)) (string, error) {
	end := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if g.stuck() {
		return "", errStuck
	}
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return "", errStuck
	}
	g.note(&end, true)

	type result struct {
		value string
		err   error
	}
	done := make(chan result, 1) // nobody may be left to receive
	go func() {
		value, err := op(ctx)
		done <- result{value, err}
		g.note(&end, false)
		<-g.slots
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done: // both at once
		return r.value, r.err
	default:
		return "", slow(timeout)
	}
}

func (g *gate) note(end *time.Time, begins bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if begins {
		g.ends[end] = struct{}{}
	} else {
		delete(g.ends, end)
	}
}

// stuck reports whether every call that may run is overdue.
func (g *gate) stuck() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for end := range g.ends {
		if now.Before(*end) {
			return false
		}
	}
	return len(g.ends) == maxCalls
}

var errStuck = &trouble{
	cause: auth.SourceTimeout, confidence: auth.Likely, answer: "still busy",
	fact: fmt.Sprintf("%d earlier calls to the keyring have not come back; a prompt may be waiting for an answer", maxCalls),
}

func slow(timeout time.Duration) *trouble {
	return &trouble{
		cause: auth.SourceTimeout, confidence: auth.Likely, answer: "no answer in time",
		fact: fmt.Sprintf("the keyring did not answer within %v; a prompt may be waiting for an answer", timeout),
	}
}

// recovered calls op and turns a panic into an error. The library panics in its
// caller's goroutine when the bus dies while a prompt is open.
func recovered(op func() (string, error)) (value string, err error) {
	defer func() {
		if v := recover(); v != nil {
			value, err = "", newPanicError(v)
		}
	}()
	return op()
}

// A panicError says what a call panicked with.
type panicError struct{ what string }

func newPanicError(v any) *panicError {
	if err, ok := v.(runtime.Error); ok {
		return &panicError{err.Error()}
	}
	return &panicError{fmt.Sprintf("%T", v)} // its text might be anything
}

func (p *panicError) Error() string { return "the keyring library panicked: " + p.what }
