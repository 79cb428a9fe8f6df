// Package resource is an API that accepts the tokens of a real issuer. It asks
// the issuer about every token of every request (RFC 7662), so that a token
// revoked or expired there is refused here at once.
package resource

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/e2e/issuer"
)

// IDHeader may name the caller's request: its repeats then show in [Server.Seen]
// under the same name.
const IDHeader = "X-Request-Id"

// Config has nothing that must be set.
type Config struct {
	// CacheFor lets the API believe for so long what the issuer said of a
	// token, as real ones do. Zero asks every time, which two cores can do some
	// hundred times a second.
	CacheFor time.Duration
}

// A Seen is a request that came in, and how it was answered.
type Seen struct {
	At     time.Time
	ID     string // its IDHeader
	Path   string
	Token  string // the bearer token, "" if there was none
	Status int    // 200, 401, or 503 when the issuer could not be asked
}

// A Server answers 200 with a small JSON document on every path, or refuses as
// RFC 6750 says.
type Server struct {
	URL string

	iss    *issuer.Issuer
	config Config

	mu    sync.Mutex
	seen  []Seen
	known map[string]verdict
}

type verdict struct {
	active bool
	until  time.Time
}

// Start serves until the test ends.
func Start(t testing.TB, iss *issuer.Issuer, config Config) *Server {
	t.Helper()
	s := &Server{iss: iss, config: config, known: map[string]verdict{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := Seen{At: time.Now(), ID: r.Header.Get(IDHeader), Path: r.URL.Path}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		seen.Token = strings.TrimSpace(token)
	}
	seen.Status = s.judge(r.Context(), seen.Token)

	s.mu.Lock()
	s.seen = append(s.seen, seen)
	s.mu.Unlock()

	body := map[string]any{"path": seen.Path, "status": seen.Status}
	switch {
	case seen.Status == http.StatusUnauthorized && seen.Token == "":
		// Without a credential there is no error parameter (RFC 6750 3.1).
		w.Header().Set("WWW-Authenticate", `Bearer realm="e2e"`)
	case seen.Status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="e2e", error="invalid_token", error_description="the token is unknown, expired or revoked"`)
		body["error"] = "invalid_token"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(seen.Status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) judge(ctx context.Context, token string) int {
	if token == "" {
		return http.StatusUnauthorized
	}
	status := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}
	if s.config.CacheFor > 0 {
		s.mu.Lock()
		v, ok := s.known[token]
		s.mu.Unlock()
		if ok && time.Now().Before(v.until) {
			return status[v.active]
		}
	}
	active, err := s.iss.Active(ctx, token)
	if err != nil {
		return http.StatusServiceUnavailable
	}
	if s.config.CacheFor > 0 {
		s.mu.Lock()
		s.known[token] = verdict{active, time.Now().Add(s.config.CacheFor)}
		s.mu.Unlock()
	}
	return status[active]
}

// Seen returns every request so far, in the order of the answers.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Seen(nil), s.seen...)
}

// Accepted is how many requests were answered with 200.
func (s *Server) Accepted() int { return s.count(http.StatusOK) }

// Refused is how many were answered with 401, whether or not the caller ever
// heard of it.
func (s *Server) Refused() int { return s.count(http.StatusUnauthorized) }

func (s *Server) count(status int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, seen := range s.seen {
		if seen.Status == status {
			n++
		}
	}
	return n
}

// LastToken is the newest token that was accepted: the one to revoke when a
// test wants the token that the client holds to die.
func (s *Server) LastToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.seen) - 1; i >= 0; i-- {
		if s.seen[i].Status == http.StatusOK {
			return s.seen[i].Token
		}
	}
	return ""
}
