package authtest

import (
	"context"
	"slices"
	"sync"
)

// A Hold keeps requests waiting, so that a test decides what happens between
// their arrival and their answer. Requests are judged when they are released:
// a token that was revoked in between is refused.
type Hold struct {
	mu    sync.Mutex
	want  int             // how many still have to arrive
	gates []chan struct{} // of those that wait, in order of arrival
	full  chan struct{}   // closed when all have arrived
}

// Wait waits until as many requests as the hold is for have arrived.
func (h *Hold) Wait(ctx context.Context) error {
	select {
	case <-h.full:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Release lets the n requests go on that arrived first, or all if fewer wait.
func (h *Hold) Release(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ; n > 0 && len(h.gates) > 0; n-- {
		close(h.gates[0])
		h.gates = h.gates[1:]
	}
}

// ReleaseAll lets all requests go on, and ends the hold.
func (h *Hold) ReleaseAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, gate := range h.gates {
		close(gate)
	}
	h.gates, h.want = nil, 0
}

// join makes the caller one of those that are held, if more are wanted.
func (h *Hold) join() chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.want == 0 {
		return nil
	}
	gate := make(chan struct{})
	h.gates = append(h.gates, gate)
	if h.want--; h.want == 0 {
		close(h.full)
	}
	return gate
}

// leave takes out a request whose client has gone.
func (h *Hold) leave(gate chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gates = slices.DeleteFunc(h.gates, func(g chan struct{}) bool { return g == gate })
}

// holds are the holds of one origin. The zero value has none.
type holds struct {
	mu   sync.Mutex
	list []*Hold
}

func (hs *holds) add(n int) *Hold {
	h := &Hold{want: max(n, 0), full: make(chan struct{})}
	if h.want == 0 {
		close(h.full)
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.list = append(hs.list, h)
	return h
}

// pass returns once the request may go on, and aborts it if its client leaves
// or the server closes before that.
func (hs *holds) pass(ctx context.Context) {
	hs.mu.Lock()
	var gate chan struct{}
	for len(hs.list) > 0 {
		if gate = hs.list[0].join(); gate != nil {
			break
		}
		hs.list = hs.list[1:]
	}
	var h *Hold
	if gate != nil {
		h = hs.list[0]
	}
	hs.mu.Unlock()
	if gate == nil {
		return
	}
	select {
	case <-gate:
	case <-ctx.Done():
		h.leave(gate)
		abort()
	}
}
