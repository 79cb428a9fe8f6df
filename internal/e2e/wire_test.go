package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
)

// A wire is the base transport of one test. It counts what is sent to the token
// endpoint, answered or not, and keeps the newest refresh token that came back.
type wire struct {
	base *http.Transport

	mu        sync.Mutex
	exchanges []time.Time
	refresh   string
}

func newWire(t *testing.T) *wire {
	w := &wire{base: &http.Transport{MaxIdleConnsPerHost: 100}}
	t.Cleanup(w.base.CloseIdleConnections)
	return w
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path != "/token" {
		return w.base.RoundTrip(req)
	}
	w.mu.Lock()
	w.exchanges = append(w.exchanges, time.Now())
	w.mu.Unlock()
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	var tok issuer.Token
	if json.Unmarshal(body, &tok) == nil && tok.RefreshToken != "" {
		w.mu.Lock()
		w.refresh = tok.RefreshToken
		w.mu.Unlock()
	}
	return resp, err
}

// sent is how many token requests were made.
func (w *wire) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.exchanges)
}

func (w *wire) refreshToken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refresh
}

// A log is a hook that remembers.
type log struct {
	mu     sync.Mutex
	events []auth.Event
}

func (l *log) hook(_ context.Context, e auth.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *log) count(kind auth.EventKind) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, e := range l.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// first returns the first event of a kind, the zero one if there was none.
func (l *log) first(kind auth.EventKind) (e auth.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e = range l.events {
		if e.Kind == kind {
			return e
		}
	}
	return auth.Event{}
}
