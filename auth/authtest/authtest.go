// Package authtest plays an API and the issuer of its tokens, for tests of
// programs that authenticate: an API that refuses in every shape, an issuer
// that rotates, revokes, fails and stalls on command, and a trap that sees
// which credentials reached a host that should not get any.
//
//	func TestRevokedToken(t *testing.T) {
//		srv := authtest.Start(t, authtest.Config{InMemory: true})
//		t.Setenv("ACME_CLIENT_ID", "test-client")
//		t.Setenv("ACME_CLIENT_SECRET", "test-client-secret")
//		t.Setenv("ACME_TOKEN_URL", srv.Issuer.TokenURL)
//		client, err := reauth.New(reauth.Config{Name: "acme", BaseURL: srv.API.URL, Transport: srv.Transport()})
//		…
//		err = client.Get(t.Context(), "/v1/me", nil)
//		srv.Issuer.RevokeAccess()
//		if err := client.Get(t.Context(), "/v1/me", nil); err != nil { // should renew once and succeed
//			t.Error(err)
//		}
//		if n := srv.Issuer.Stats().Exchanges["client_credentials"]; n != 2 {
//			t.Errorf("%d exchanges, want 2", n)
//		}
//	}
//
// API, issuer and trap are separate origins on loopback, in plain http or, with
// Config.TLS, https. With Config.InMemory they are https://api.test,
// https://issuer.test and http://trap.test, reached through [Server.Transport]
// alone: no socket is opened, and a server that is started inside a
// [testing/synctest] bubble runs on the bubble's clock.
//
// # Scenarios
//
// Each is set up before the server runs or while it does: fields of [Config]
// with [Server.Set], the rest by calls. What is told to happen n times, or for a
// while, ends by itself.
//
//	scenario       set up                                   a healthy client
//	--------       ------                                   ----------------
//	expire         Config.Lifetime, or Issuer.ExpireAccess  renews and repeats the request, both once
//	herd           API.Hold(n), ExpireAccess, ReleaseAll    renews once for all n requests in flight
//	revoke one     Issuer.Revoke("access 1")                renews once, repeats once
//	revoke all     Issuer.RevokeAccess, RevokeRefresh       asks for a new login, and the issuer no more
//	dead key       Set other Config.Keys                    sends one request; says that the key is refused
//	rotate         Issuer.Login, Config.Rotation            sends each refresh token once: Stats().Reused is 0
//	stolen token   use one Login().Refresh in two clients   says that the login is over; no loop
//	lost reply     FailNext(1, LostReply)                   sends neither refresh token nor POST again
//	outage         Issuer.FailFor(d, Unavailable)           loses nothing while its token is valid; asks seldom
//	API outage     API.FailFor(d, Maintenance)              does not blame the credential, nor renew it
//	stall          FailNext(1, Hang)                        gives up by a deadline of its own
//	slow           FailNext(1, Late(d)), Config.Delay       waits; asks no second time meanwhile
//	spoiled answer Issuer.FailNext(1, HalfReply)            blames the issuer; also StallReply, CutReply,
//	                                                        TrickleReply and Config.EditToken
//	slow body      API.RefuseNext(1, TrickleBody)           reads a bounded part; also StallBody, HugeBody
//	storm          API.RefuseNext(math.MaxInt, nil)         repeats each request at most once, and renews
//	                                                        less and less often
//	skew           Config.ClockOffset, with Config.JWT      finds out, and names the clock, not the key
//	redirect trap  API.FailNext(1, RedirectToTrap)          leaves Trap.Leaks empty; also RedirectToPort,
//	                                                        API.RedirectURL, and Issuer.FailNext of them
//	disguise       API.RefuseNext(1, DeniedIn200)           knows the shape, or does not renew; also ErrorIn200,
//	                                                        LoginPageIn200, LoginRedirect, HiddenIn404, KeyIn403
//	echo           API.RefuseNext(1, EchoCredential)        has no secret in its errors and logs; also
//	                                                        Issuer.FailNext(1, EchoRequest)
//
// The system's keyring has scenarios of its own, locked, mute, too small and the
// like: see [StartKeyring].
//
// # What happened
//
// [Server.Transcript] has a line for each request, in order: often the whole
// assertion. [API.Total] and [API.Counts] say how many requests came with which
// credential, and how many were refused; [Issuer.Stats] how many exchanges were
// asked for and granted, and which refresh tokens came again; [Trap.Leaks] what
// reached the trap; and Requests of each of the three has the details.
//
// Every credential in here is an obvious fake, and nothing that the package
// reports holds one, nor what else a client sends where credentials belong:
// records name it by number or label, "access 3" or "key 1".
package authtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// A Config says how the server behaves. The zero Config is an API that accepts
// the issuer's tokens only, and an issuer with one client whose tokens last an
// hour. [Server.Set] changes every field but the first two while it runs.
type Config struct {
	// InMemory replaces the sockets: only Transport reaches the server, and API
	// and issuer are https. TLS makes them so on sockets, with a certificate
	// that Transport trusts. The trap never is. Both are fixed once it runs.
	InMemory, TLS bool

	// Keys are the static credentials that the API accepts.
	Keys []Key
	// Handler serves the requests that the API has accepted. Nil serves
	// /v1/me (a JSON object with "login"), /echo (the request's body, if it is
	// at most 1 MiB) and a small JSON object everywhere else.
	Handler http.Handler
	// Refusal answers the requests that the API does not accept: one of the
	// canned [Refusal] values, or a handler of your own, which gets the
	// request with its body unread. Nil means a 401 as
	// RFC 6750 has it: a bare challenge if no credential came, else
	// InvalidToken with the true reason as its description.
	Refusal http.Handler

	// ClientID and ClientSecret are the issuer's one client. Empty means
	// "test-client" and "test-client-secret". A Public client has no secret.
	ClientID, ClientSecret string
	Public                 bool
	// Lifetime of access tokens, stated in whole seconds, rounded down. Zero
	// means an hour. Tokens keep the lifetime that they were minted with.
	Lifetime time.Duration
	// JWT makes access tokens JWTs, with iat, exp and the like by the servers'
	// clock. Their signatures are fakes, which only this API accepts.
	JWT bool
	// EndsEarly is how long before their stated end the API refuses tokens.
	EndsEarly time.Duration
	// Rotation says what becomes of a refresh token that was used.
	Rotation Rotation
	// Grace is how long a refresh token that was used can be sent again. Such
	// a repeat is answered with the refresh token that replaced it, as long as
	// that one is unused.
	Grace time.Duration
	// EditToken, if set, changes the members of a token answer before it is
	// sent, such as expires_in: delete it, make it a string, or
	// json.Number("1e30"); or token_type, or refresh_token. It must be safe for
	// concurrent use.
	EditToken func(answer map[string]any)
	// Delay is how long the token endpoint waits before it does anything.
	Delay time.Duration

	// ClockOffset is how far the servers' clocks are ahead of ours. Date
	// headers and a JWT's times are theirs, and the API judges tokens by them:
	// to change it while tokens are in force lets these end sooner or later.
	ClockOffset time.Duration
}

// A Key is a static credential that the API accepts. With Header it is the
// whole value of that header; with Query, of that query parameter; with
// Username it is the password in Basic; with none of them it is a bearer token.
type Key struct {
	Label    string // its name in records; empty: "key 1", "key 2", in order of appearance
	Header   string
	Query    string
	Username string
	Value    string
}

// A Server is an API, its issuer and a trap. Everything in it is safe for
// concurrent use.
type Server struct {
	API    *API
	Issuer *Issuer
	Trap   *Trap

	transport http.RoundTripper
	closing   context.Context
	close     func()

	mu     sync.Mutex // guards all below, and the mutable parts of API, Issuer and Trap
	config Config
	book   logbook // of all three
	secrets
}

// A TB is what [Start] needs of a [testing.T], [testing.B] or [testing.F].
type TB interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
}

// Start starts a server for a test, as [NewServer] does. When the test ends it
// closes the server and, if the test failed, logs the end of the transcript,
// which holds no secret. In a [testing/synctest] bubble, t is the bubble's.
func Start(t TB, c Config) *Server {
	t.Helper()
	s := NewServer(c)
	t.Cleanup(func() {
		t.Helper()
		s.Close()
		if t.Failed() {
			t.Logf("authtest: what arrived, in this order:\n%s", lastLines(s.Transcript(), 50))
		}
	})
	return s
}

// lastLines returns the last n lines of text, and how many went before.
func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n") // the last is empty
	if more := len(lines) - 1 - n; more > 0 {
		return fmt.Sprintf("… %d before that\n", more) + strings.Join(lines[more:], "")
	}
	return text
}

// NewServer starts a server. The caller ends it with [Server.Close]. Like
// [httptest.NewServer] it panics if it cannot listen on loopback.
func NewServer(c Config) *Server {
	s := &Server{secrets: newSecrets()}
	s.API, s.Issuer, s.Trap = &API{s: s}, &Issuer{s: s, ledger: newLedger()}, &Trap{s: s}
	s.Set(func(now *Config) { *now = c })
	closing, stop := context.WithCancel(context.Background())
	s.closing = closing
	api, issuer, trap := s.front(s.API.serve), s.front(s.Issuer.serve), s.front(s.Trap.serve)

	if c.InMemory {
		s.API.URL, s.Issuer.URL = "https://api.test", "https://issuer.test"
		s.Trap.URL, s.Trap.PortURL = "http://trap.test", "http://api.test:8081"
		m := &memory{closing: closing, elsewhere: trap, origins: map[string]http.Handler{s.API.URL: api, s.Issuer.URL: issuer}}
		s.transport = m
		s.close = func() { stop(); m.wait() }
	} else {
		start := httptest.NewServer
		if c.TLS {
			start = httptest.NewTLSServer
		}
		a, i, t := start(api), start(issuer), httptest.NewServer(trap)
		s.API.URL, s.Issuer.URL = a.URL, i.URL
		s.Trap.PortURL, s.Trap.URL = t.URL, strings.Replace(t.URL, "127.0.0.1", "localhost", 1)
		transport := a.Client().Transport.(*http.Transport)
		transport.MaxIdleConnsPerHost = 1000 // a herd keeps its connections
		s.transport = transport
		s.close = func() {
			stop()
			for _, server := range []*httptest.Server{a, i, t} {
				server.Close()
			}
		}
	}
	s.Issuer.TokenURL = s.Issuer.URL + "/token"
	return s
}

// Close ends the server. Requests that are held, stalled or trickling end with
// an error on the client's side. It waits until nothing runs any more.
func (s *Server) Close() { s.close() }

// Transport returns a round tripper that reaches the server. For a server on
// sockets it is an [*http.Transport] of its own, which trusts the certificate
// if there is one; any other client can be used as well. For a server in
// memory nothing else reaches it, and whatever host is not the API or the
// issuer is the trap, a subdomain or the API's host in plain http included.
func (s *Server) Transport() http.RoundTripper { return s.transport }

// Set changes the configuration. The function gets the current one and must
// not call the server.
func (s *Server) Set(change func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.config)
	if s.config.ClientID == "" {
		s.config.ClientID = "test-client"
	}
	if s.config.ClientSecret == "" {
		s.config.ClientSecret = "test-client-secret"
	}
	if s.config.Lifetime == 0 {
		s.config.Lifetime = time.Hour
	}
	s.secrets.learn(&s.config)
}

// current returns the configuration as it is now.
func (s *Server) current() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// now is the time by the servers' clock.
func (c *Config) now() time.Time { return time.Now().Add(c.ClockOffset) }

func (s *Server) now() time.Time {
	c := s.current()
	return c.now()
}

// An arrival is what a handler in FailNext can do with its request.
type arrival struct {
	s   *Server
	act http.HandlerFunc // what would be done without a fault
}

type contextKey struct{}

func arriving(r *http.Request, at arrival) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, at))
}

func arrivedAt(r *http.Request) arrival {
	at, ok := r.Context().Value(contextKey{}).(arrival)
	if !ok {
		panic("authtest: a fault was asked to serve a request that FailNext did not give it")
	}
	return at
}

// front is what all three origins share: requests end when the server closes,
// and the Date is the servers' clock's.
func (s *Server) front(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		end := func() {
			cancel()
			// Nor may it wait for a client that neither sends nor reads.
			conn := http.NewResponseController(w)
			_ = conn.SetReadDeadline(time.Unix(1, 0))
			_ = conn.SetWriteDeadline(time.Unix(1, 0))
		}
		if s.closing.Err() != nil {
			end()
			abort()
		}
		defer context.AfterFunc(s.closing, end)()
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		serve(w, r.WithContext(ctx))
	})
}

// abort ends the request without an answer: the connection closes.
func abort() { panic(http.ErrAbortHandler) }

// waitFor waits until d has passed, and ends the request if the client leaves
// or the server closes before.
func waitFor(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		abort()
	}
}
