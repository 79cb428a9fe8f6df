// Package soak_test runs the whole client at full speed against an API and an
// issuer that misbehave all the time, and looks at what is left over: nothing
// may grow. REAUTH_SOAK says for how long, "10m" for example; 15 seconds if it
// is not set.
package soak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	workers  = 16
	lifetime = 10 * time.Second // of access tokens
)

// An outcome counts what callers got.
type outcomes struct {
	mu     sync.Mutex
	counts map[string]int
}

func (o *outcomes) note(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[what]++
}

// TestL11_Soak: no goroutine, no socket and no memory stays behind, and every
// failure is one that says what it is.
func TestL11_Soak(t *testing.T) {
	long := 15 * time.Second
	if v := os.Getenv("REAUTH_SOAK"); v != "" {
		var err error
		if long, err = time.ParseDuration(v); err != nil {
			t.Fatalf("REAUTH_SOAK: %v", err)
		}
	}
	srv := authtest.NewServer(authtest.Config{TLS: true, Lifetime: lifetime})
	defer srv.Close()
	base := srv.Transport().(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	src, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "test-client", TokenURL: srv.Issuer.TokenURL,
	}, oauth.Options{ClientSecret: auth.Static("test-client-secret"), Transport: base})
	if err != nil {
		t.Fatal(err)
	}
	var events atomic.Int64
	client, err := reauth.New(reauth.Config{
		BaseURL: srv.API.URL, Source: src, Transport: base, Timeout: 2 * time.Second,
		Hook: func(context.Context, auth.Event) { events.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	got := &outcomes{counts: map[string]int{}}
	var running sync.WaitGroup
	running.Go(func() { trouble(ctx, srv) })
	running.Go(func() { rivals(ctx, srv, base, got) })
	var quiet sync.RWMutex // written while a reading is taken: then nothing is in flight
	for i := range workers {
		running.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				quiet.RLock()
				what := call(ctx, client, srv, n)
				quiet.RUnlock()
				got.note(what)
				if what == string(auth.RefreshThrottled) {
					time.Sleep(10 * time.Millisecond) // lest workers that have nothing to send keep out the others
				}
			}
		})
	}

	// The first reading is taken when everything that is kept on purpose is
	// full: connections, the server's book of the latest 10,000 requests.
	var first, last reading
	for n := 1; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case <-time.After(long / 10):
		}
		quiet.Lock()
		last = read(t, srv)
		quiet.Unlock()
		t.Logf("%3d0 %%: %v", n, last)
		if n == 3 {
			first = last
		}
	}
	running.Wait()
	for what, n := range got.counts {
		t.Logf("%8d  %s", n, what)
	}
	t.Logf("%8d  events; exchanges %v", events.Load(), srv.Issuer.Stats().Exchanges)
	if got.counts["200"] == 0 || events.Load() == 0 {
		t.Error("nothing succeeded, or nothing happened")
	}
	for what := range got.counts {
		if strings.Contains(what, "untyped") {
			t.Errorf("a failure that says nothing: %s", what)
		}
	}
	// Connections come and go; what leaks grows with the calls.
	if last.goroutines > first.goroutines+8*workers {
		t.Errorf("goroutines grew from %d to %d", first.goroutines, last.goroutines)
	}
	if last.sockets > first.sockets+4*workers {
		t.Errorf("open files grew from %d to %d", first.sockets, last.sockets)
	}
	if last.heap > first.heap+first.heap/2+8<<20 {
		t.Errorf("live memory grew from %d to %d KiB", first.heap>>10, last.heap>>10)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	base.CloseIdleConnections()
	srv.Close()
	left := read(t, nil)
	t.Logf("at the end: %v", left)
	if left.sockets > 16 {
		t.Errorf("%d files are still open", left.sockets)
	}
}

// call makes one of the calls that programs make.
func call(ctx context.Context, client *reauth.Client, srv *authtest.Server, n int) string {
	body := bytes.Repeat([]byte("x"), 32<<10)
	var resp *http.Response
	var err error
	switch n % 8 {
	case 0: // an upload that can be sent again
		req, e := client.NewRequest(ctx, http.MethodPut, "/echo", body)
		if e != nil {
			return "untyped"
		}
		resp, err = client.Do(req)
	case 1: // one that cannot
		req, e := client.NewRequest(ctx, http.MethodPost, "/echo", io.LimitReader(bytes.NewReader(body), 4<<10))
		if e != nil {
			return "untyped"
		}
		resp, err = client.Do(req)
	case 2: // a caller who leaves
		hurried, leave := context.WithTimeout(ctx, time.Millisecond)
		defer leave()
		err = client.Get(hurried, "/v1/me", nil)
	case 3: // somebody else's SDK, which reads nothing of the body
		resp, err = client.HTTPClient().Get(srv.API.URL + "/v1/me")
		if err == nil {
			_ = resp.Body.Close()
		}
	case 4: // a redirect to a foreign place
		resp, err = client.HTTPClient().Get(srv.API.RedirectURL(http.StatusFound, srv.Trap.URL))
	default:
		err = client.Get(ctx, "/v1/me", nil)
	}
	if resp != nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	var status *reauth.StatusError
	switch e, typed := errors.AsType[*auth.Error](err); {
	case err == nil && resp != nil:
		return fmt.Sprint(resp.StatusCode)
	case err == nil:
		return "200"
	case typed:
		return string(e.Cause)
	case errors.As(err, &status):
		return fmt.Sprintf("status %d", status.StatusCode)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "the caller's context ended"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke"
	}
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		return "the network: " + broken.Op
	}
	if strings.HasSuffix(err.Error(), "http: server closed idle connection") { // net/http has no type for it
		return "the connection broke"
	}
	return "untyped: " + err.Error()
}

// trouble goes through all kinds of it, one after the other.
func trouble(ctx context.Context, srv *authtest.Server) {
	// Tokens are refused when they are older than half their life, and only once
	// before: more young ones in a row, and new ones would come once a minute.
	kinds := []func(){
		srv.Issuer.RevokeAccess,
		func() { srv.API.FailNext(50, authtest.Unavailable) },
		func() { srv.API.FailNext(50, authtest.Reset) },
		func() { srv.API.FailNext(20, authtest.CutReply) },
		func() { srv.Issuer.FailNext(1, authtest.Unavailable) },
		func() { srv.Issuer.FailNext(1, authtest.Reset) },
		srv.Issuer.ExpireAccess,
		func() { srv.API.FailNext(4, authtest.Hang) },
		func() { srv.API.RefuseNext(1, authtest.InvalidToken) },
		func() { srv.Issuer.FailFor(200*time.Millisecond, authtest.HalfReply) },
	}
	tick := time.NewTicker(lifetime / 4)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			srv.API.FailNext(0, nil)
			return
		case <-tick.C:
			kinds[n%len(kinds)]()
		}
	}
}

// rivals are clients that come and go, each with a key in a file that is
// rewritten under it.
func rivals(ctx context.Context, srv *authtest.Server, base http.RoundTripper, got *outcomes) {
	dir, err := os.MkdirTemp("", "reauth-soak")
	if err != nil {
		got.note("untyped")
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "key")
	for n := 0; ctx.Err() == nil; n++ {
		_ = os.WriteFile(path, []byte(fmt.Sprintf("not-a-real-key-%d", n)), 0o600)
		client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: auth.File(path), Transport: base})
		if err != nil {
			got.note("untyped")
			return
		}
		for range 5 {
			got.note("a rival: " + call(ctx, client, srv, 7))
		}
		if err := client.Close(); err != nil {
			got.note("untyped")
		}
	}
}

type reading struct {
	goroutines, sockets int
	heap                uint64
	requests            int
}

func (r reading) String() string {
	return fmt.Sprintf("%d goroutines, %d open files, %d KiB live, %d requests", r.goroutines, r.sockets, r.heap>>10, r.requests)
}

func read(t *testing.T, srv *authtest.Server) reading {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	r := reading{goroutines: runtime.NumGoroutine(), sockets: len(files), heap: m.HeapAlloc}
	if srv != nil {
		r.requests = srv.API.Total().Requests
	}
	return r
}
