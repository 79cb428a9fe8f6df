package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A gate stands in front of an API and holds requests back, so that they are in
// flight when something happens, and their answers, so that all are refused
// before the first of them is healed.
type gate struct {
	URL string

	api http.Handler

	mu     sync.Mutex
	left   int // to be held
	held   sync.WaitGroup
	judged sync.WaitGroup
	open   chan struct{}
}

func newGate(t *testing.T, api http.Handler) *gate {
	g := &gate{api: api}
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	g.URL = srv.URL
	return g
}

// hold holds the next n requests.
func (g *gate) hold(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left, g.open = n, make(chan struct{})
	g.held.Add(n)
	g.judged.Add(n)
}

// full waits until n have come.
func (g *gate) full() { g.held.Wait() }

// release lets them go on.
func (g *gate) release() { close(g.open) }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	hold, open := g.left > 0, g.open
	if hold {
		g.left--
	}
	g.mu.Unlock()
	if !hold {
		g.api.ServeHTTP(w, r)
		return
	}
	g.held.Done()
	<-open
	answer := httptest.NewRecorder()
	g.api.ServeHTTP(answer, r)
	g.judged.Done()
	g.judged.Wait()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}
