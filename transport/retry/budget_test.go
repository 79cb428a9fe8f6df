package retry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/transport"
	"github.com/reauth-go/reauth/transport/retry"
)

// A series is a source whose credential is replaced by the next one each time it
// is refreshed: T1, T2, …
type series struct {
	mu sync.Mutex
	at int
}

func (s *series) Credential(context.Context) (*auth.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &auth.Credential{Secret: auth.NewSecret("T" + string(rune('1'+s.at)))}, nil
}

func (s *series) Refresh(ctx context.Context, _ *auth.Credential) (*auth.Credential, error) {
	s.mu.Lock()
	s.at++
	s.mu.Unlock()
	return s.Credential(ctx)
}

func unauthorized() *http.Response {
	return response(401, "no", "Www-Authenticate", `Bearer realm="acme", error="invalid_token"`)
}

// play sends one call through client, retry layer and transport, and returns
// what went out: token and path of each request. The credential is not new when
// the call begins. Outcomes are as for script.
func play(t *testing.T, between func(http.RoundTripper) http.RoundTripper, outcomes ...any) ([]string, *http.Response, error) {
	t.Helper()
	play := script(outcomes...)
	w := &wire{answer: func(int, *http.Request) (*http.Response, error) { return response(200, ""), nil }}
	tr, err := transport.New(transport.Config{Source: new(series), Origins: []string{acme}, Base: w})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tr.Close() }()
	fetch(t, tr, newRequest(t, "GET", nil))
	w.seen, w.answer = nil, play.answer

	next := http.RoundTripper(tr)
	if between != nil {
		next = between(next)
	}
	client := &http.Client{Transport: newLayer(t, next, retry.Config{})}
	body := new(bodies)
	req := newRequest(t, "PUT", nil)
	body.attach(req)
	resp, err := client.Do(req)
	var sent []string
	for i, r := range w.seen {
		sent = append(sent, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+" "+r.URL.Path)
		if w.bodies[i+1] != text {
			t.Errorf("request %d had the body %q", i+1, w.bodies[i+1])
		}
	}
	if resp != nil {
		drained(t, resp)
	}
	return sent, resp, err
}

// TestL1_OneRepeatAcrossRetries: one repeat for authentication's sake in a call,
// however its attempts end and wherever its redirects lead. Trap 47, Trap 59.
func TestL1_OneRepeatAcrossRetries(t *testing.T) {
	redirect := func() *http.Response { return response(307, "", "Location", "/2") }
	const one, two = " /v1/things", " /2"
	cloning := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) { return next.RoundTrip(req.Clone(req.Context())) })
	}
	wrapping := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil {
				err = errors.Join(errors.New("a layer in between"), err)
			}
			return resp, err
		})
	}
	for _, c := range []struct {
		name     string
		between  func(http.RoundTripper) http.RoundTripper
		outcomes []any
		sent     []string
		status   int
	}{
		{name: "healed, then transient", outcomes: []any{unauthorized, 503, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one}, status: 200},
		{name: "transient, then healed", outcomes: []any{503, unauthorized, 200}, sent: []string{"T1" + one, "T1" + one, "T2" + one}, status: 200},
		{name: "broken, then healed", outcomes: []any{errWire, unauthorized, 200}, sent: []string{"T1" + one, "T1" + one, "T2" + one}, status: 200},
		{name: "the repeat is answered with 503", outcomes: []any{unauthorized, 503, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one}, status: 401},
		{name: "the repeat breaks", outcomes: []any{unauthorized, errWire, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one}, status: 401},
		{name: "the repeat breaks later", outcomes: []any{503, unauthorized, errWire, unauthorized, 200}, sent: []string{"T1" + one, "T1" + one, "T2" + one, "T2" + one}, status: 401},
		{name: "two failures after it", outcomes: []any{unauthorized, 503, errWire, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one, "T2" + one}, status: 401},
		{name: "a layer that clones", between: cloning, outcomes: []any{unauthorized, 503, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one}, status: 401},
		{name: "a layer that wraps", between: wrapping, outcomes: []any{unauthorized, errWire, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one}, status: 401},
		{name: "redirected after a retry", outcomes: []any{unauthorized, 503, redirect, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one, "T2" + two}, status: 401},
		{name: "redirected after a break", outcomes: []any{unauthorized, errWire, redirect, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + one, "T2" + two}, status: 401},
		{name: "retried after a redirect", outcomes: []any{unauthorized, redirect, 503, unauthorized, 200}, sent: []string{"T1" + one, "T2" + one, "T2" + two, "T2" + two}, status: 401},
		{name: "redirected, healed in a retry", outcomes: []any{503, redirect, 503, unauthorized, 503, 200}, sent: []string{"T1" + one, "T1" + one, "T1" + two, "T1" + two, "T2" + two, "T2" + two}, status: 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent, resp, err := play(t, c.between, c.outcomes...)
				if err != nil {
					t.Fatal(err)
				}
				wantEqual(t, "sent", sent, c.sent)
				wantEqual(t, "status", resp.StatusCode, c.status)
				if _, diagnosed := auth.FromResponse(resp); diagnosed != (c.status == 401) {
					t.Errorf("a diagnosis at a %d: %v", c.status, diagnosed)
				}
			})
		})
	}
}

// TestL1_NextCallHasItsOwn: what one call spent is not missing in the next, also
// where that is made of the first one's request or its context.
func TestL1_NextCallHasItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := script(200)
		tr, err := transport.New(transport.Config{Source: new(series), Origins: []string{acme}, Base: w})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tr.Close() }()
		rt := newLayer(t, tr, retry.Config{})
		fetch(t, rt, newRequest(t, "GET", nil))
		once := func(req *http.Request) *http.Response {
			time.Sleep(time.Minute) // no credential is new
			before := w.count()
			w.answer = func(n int, _ *http.Request) (*http.Response, error) {
				switch n - before {
				case 1:
					return unauthorized(), nil
				case 2:
					return nil, errWire
				case 3:
					return response(502, ""), nil
				}
				return response(404, ""), nil
			}
			resp, _ := fetch(t, rt, req)
			wantEqual(t, "status", resp.StatusCode, 404)
			wantEqual(t, "requests", w.count()-before, 4)
			return resp
		}
		resp := once(newRequest(t, "GET", nil))
		resp = once(resp.Request)
		resp = once(resp.Request.Clone(resp.Request.Context()))
		once(newRequest(t, "GET", nil).WithContext(resp.Request.Context()))
	})
}

// TestTrap84_EachAttemptIsAuthenticatedAnew: a token that was replaced between
// two attempts is the one that the second carries.
func TestTrap84_EachAttemptIsAuthenticatedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		srv := authtest.NewServer(authtest.Config{InMemory: true, Lifetime: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n++; n == 2 {
				w.Header().Set("Retry-After", "25") // the token ends meanwhile
				w.WriteHeader(503)
			}
		})})
		defer srv.Close()
		src, err := oauth.ClientCredentials(
			&clientcredentials.Config{ClientID: "test-client", TokenURL: srv.Issuer.TokenURL},
			oauth.Options{ClientSecret: auth.Static("test-client-secret"), Transport: srv.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := transport.New(transport.Config{Source: src, Origins: []string{srv.API.URL}, Base: srv.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tr.Close() }()
		client := &http.Client{Transport: newLayer(t, tr, retry.Config{})}
		get := func() {
			resp, err := client.Get(srv.API.URL + "/v1/me")
			if err != nil {
				t.Fatal(err)
			}
			drained(t, resp)
			wantEqual(t, "status", resp.StatusCode, 200)
		}
		get()
		time.Sleep(40 * time.Second)
		get()
		synctest.Wait()
		var used []string
		for _, r := range srv.API.Requests() {
			used = append(used, r.Credential)
		}
		if len(used) != 3 || used[0] != "access 1" || used[2] == "access 1" || srv.API.Total().Refused != 0 {
			t.Errorf("the API saw %q", used)
		}
	})
}

// TestTrap83_IssuerIsAskedByOneLayer: the issuer's failure is a verdict here. It
// is asked as often as the cache asks it, which is once.
func TestTrap83_IssuerIsAskedByOneLayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
			asked++
			return nil, errors.New("503 Service Unavailable")
		})
		w := script(200)
		tr, err := transport.New(transport.Config{Source: src, Origins: []string{acme}, Base: w})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tr.Close() }()
		d, resp, err := elapsed(t, newLayer(t, transport.Strict(tr), retry.Config{}), newRequest(t, "GET", nil))
		if e, ok := errors.AsType[*auth.Error](err); resp != nil || !ok || e.Cause != auth.SourceFailed {
			t.Errorf("got %v, %v", resp, err)
		}
		if asked != 1 || d != 0 || w.count() != 0 {
			t.Errorf("asked %d times in %v, %d requests sent", asked, d, w.count())
		}
	})
}
