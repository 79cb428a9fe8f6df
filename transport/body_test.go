package transport_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// ---- bodies of requests -----------------------------------------------------

// TestTrap49_ReplayedByteForByte: T6, bench row 07a. 1 MiB, read from the middle
// of its source, goes out twice with the same bytes and length.
func TestTrap49_ReplayedByteForByte(t *testing.T) {
	srv := serve(t, authtest.Config{})
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	srv.Issuer.RevokeAccess()

	all := make([]byte, 7+1<<20)
	for i := range all {
		all[i] = byte(rand.Uint32())
	}
	reader := bytes.NewReader(all)
	_, _ = reader.Seek(7, io.SeekStart) // a body begins where its reader is
	req := newRequest(t, http.MethodPost, srv.API.URL+"/echo", reader)
	before := snap(req)
	got := do(t, tr, req)
	wantStatus(t, got, 200)
	before.wantUnchanged(t)
	if got.body != string(all[7:]) {
		t.Errorf("the API echoed %d other bytes", len(got.body))
	}
	sum := sha256.Sum256(all[7:])
	tries := srv.API.Requests()[1:]
	wantEqual(t, "tries", len(tries), 2)
	for i, r := range tries {
		if r.Length != 1<<20 || r.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("try %d: %d bytes with hash %s", i+1, r.Length, r.SHA256)
		}
	}
	t.Logf("row 07a: 1 MiB with GetBody, token revoked: retried, intact (%d tries)", len(tries))
}

// TestT5_Pipe: Trap 49, bench row 07b. A body that cannot be had again is not
// sent again: the 401 comes back whole, and the credential is new for the next
// call.
func TestT5_Pipe(t *testing.T) {
	srv := serve(t, authtest.Config{})
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	srv.Issuer.RevokeAccess()

	r, w := io.Pipe()
	go func() { _, err := io.WriteString(w, "once"); _ = w.CloseWithError(err) }()
	got := do(t, tr, newRequest(t, http.MethodPost, srv.API.URL+"/echo", r))
	wantStatus(t, got, 401)
	if !strings.Contains(got.body, "invalid_token") {
		t.Errorf("body %q", got.body)
	}
	if e := got.diagnosis(); e == nil || !strings.Contains(e.Explain(), "GetBody") {
		t.Errorf("the diagnosis does not say what keeps it from being repeated: %v", e)
	}
	wantEqual(t, "tries", len(srv.API.Requests())-1, 1)
	wantEqual(t, "exchanges", exchanges(srv), 2)
	wantStatus(t, get(t, tr, srv), 200)
	wantEqual(t, "exchanges after the next call", exchanges(srv), 2)
	t.Logf("row 07b: pipe, token revoked: 401 to the caller (1 try), credential renewed for the next call")
}

// TestT6_GetBodyFails: the first 401 comes back whole.
func TestT6_GetBodyFails(t *testing.T) {
	w := accepts("Bearer T1")
	tokens := values("T1", "T2")
	tr := newTransport(t, transport.Config{Source: tokens, Base: w})
	warm(t, tr)
	w.answer = onlyT2
	body := &bodies{text: "x", fail: errors.New("the file is gone")}
	req := newRequest(t, http.MethodPut, acme, nil)
	body.attach(req)
	got := fetch(t, tr, req)
	wantStatus(t, got, 401)
	wantEqual(t, "body", got.body, `{"error":"invalid_token"}`)
	if got.diagnosis() == nil {
		t.Error("no diagnosis")
	}
	body.wantClosedOnce(t)
	wantEqual(t, "exchanges", tokens.exchanges(), 1)
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
}

// TestTrap09_OddBodiesAreRepeated: no body, http.NoBody, and an unknown length.
func TestTrap09_OddBodiesAreRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*http.Request)
		want string
	}{
		"nil":    {func(r *http.Request) { r.Body = nil }, ""},
		"NoBody": {func(r *http.Request) { r.Body = http.NoBody }, ""},
		"unknown length": {func(r *http.Request) {
			r.ContentLength = -1
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("chunks")), nil }
			r.Body, _ = r.GetBody()
		}, "chunks"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, authtest.Config{})
			tr := against(t, srv, transport.Config{})
			wantStatus(t, get(t, tr, srv), 200)
			srv.Issuer.RevokeAccess()
			req := newRequest(t, http.MethodPost, srv.API.URL+"/echo", nil)
			test.set(req)
			got := do(t, tr, req)
			wantStatus(t, got, 200)
			wantEqual(t, "echo", got.body, test.want)
			wantEqual(t, "tries", len(srv.API.Requests())-1, 2)
		})
	}
}

// zeros is a body of n bytes that nobody has in memory.
func zeros(n int64) io.ReadCloser { return io.NopCloser(io.LimitReader(zero{}, n)) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestTrap50_NothingBuffersAStream: bench row 07c. 64 MiB, refused once and sent
// again, and nowhere near that much is allocated, by us or by net/http.
// Trap 49, T6.
func TestTrap50_NothingBuffersAStream(t *testing.T) {
	const size, bound = 64 << 20, 8 << 20
	srv := serve(t, authtest.Config{})
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	srv.Issuer.RevokeAccess()

	req := newRequest(t, http.MethodPut, srv.API.URL+"/upload", zeros(size))
	req.ContentLength, req.GetBody = size, func() (io.ReadCloser, error) { return zeros(size), nil }
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	wantStatus(t, do(t, tr, req), 200)
	runtime.ReadMemStats(&after)

	tries := srv.API.Requests()[1:]
	wantEqual(t, "tries", len(tries), 2)
	for _, r := range tries {
		wantEqual(t, "bytes that arrived", r.Length, int64(size))
	}
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > bound {
		t.Errorf("L8: %d KiB were allocated, at most %d expected", allocated>>10, bound>>10)
	}
	t.Logf("row 07c: 64 MiB twice: allocated in all %d KiB", allocated>>10)
}

// TestTrap51_AnsweredBeforeTheBody: a server that refuses without reading the
// body, whether it was asked to say so first or not. One clean repeat. T16.
func TestTrap51_AnsweredBeforeTheBody(t *testing.T) {
	const size = 1 << 20
	for _, expect := range []bool{true, false} {
		srv := serve(t, authtest.Config{InMemory: !expect})
		base := srv.Transport()
		if expect {
			wired := base.(*http.Transport).Clone()
			wired.ExpectContinueTimeout = 30 * time.Second // never the clock: the server's answer decides
			t.Cleanup(wired.CloseIdleConnections)
			base = wired
		}
		tr := against(t, srv, transport.Config{Base: base})
		wantStatus(t, get(t, tr, srv), 200)
		srv.API.RefuseNext(1, authtest.EarlyClose)
		req := newRequest(t, http.MethodPost, srv.API.URL+"/echo", bytes.NewReader(make([]byte, size)))
		if expect {
			req.Header.Set("Expect", "100-continue")
		}
		got := do(t, tr, req)
		wantStatus(t, got, 200)
		wantEqual(t, "echoed bytes", len(got.body), size)
		tries := srv.API.Requests()[1:]
		wantEqual(t, "tries", len(tries), 2)
		wantEqual(t, "read of the first", tries[0].Length, 0)
		wantEqual(t, "read of the second", tries[1].Length, size)
	}
}

// TestTrap51_HTTP2: the same over HTTP/2, where a stream that is refused early
// leaves its connection alone.
func TestTrap51_HTTP2(t *testing.T) {
	const size = 1 << 20
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer T2" && r.URL.Path != "/warm":
			w.Header().Set("Www-Authenticate", badToken)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			n, _ := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprint(w, n, " ", r.Proto)
		}
	}))
	api.EnableHTTP2 = true
	api.StartTLS()
	defer api.Close()
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Origins: []string{api.URL}, Base: api.Client().Transport})
	wantStatus(t, do(t, tr, newRequest(t, http.MethodGet, api.URL+"/warm", nil)), 200)
	got := do(t, tr, newRequest(t, http.MethodPost, api.URL, bytes.NewReader(make([]byte, size))))
	wantStatus(t, got, 200)
	wantEqual(t, "what arrived", got.body, fmt.Sprint(size, " HTTP/2.0"))
}

// TestUnreadableBody: the error of the body is the error of the call, and
// nothing is renewed for it.
func TestUnreadableBody(t *testing.T) {
	broken := errors.New("the disk is gone")
	srv := serve(t, authtest.Config{})
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	req := newRequest(t, http.MethodPost, srv.API.URL+"/echo", iotest.ErrReader(broken))
	resp, err := tr.RoundTrip(req)
	if resp != nil || !errors.Is(err, broken) {
		t.Errorf("got %v, %v", resp, err)
	}
	wantEqual(t, "exchanges", exchanges(srv), 1)
}

// ---- bodies of responses ----------------------------------------------------

// filled answers 401 with n bytes.
func filled(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Www-Authenticate", badToken)
		w.Header().Set("Content-Length", fmt.Sprint(n))
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(bytes.Repeat([]byte("x"), n))
	})
}

// TestT70_HugeBody: 10 MiB on a 401 that stays. The caller reads all of it; the
// diagnosis keeps a little.
func TestT70_HugeBody(t *testing.T) {
	srv := serve(t, authtest.Config{Keys: []authtest.Key{{Value: "sesame-key-1"}}})
	tr := against(t, srv, transport.Config{Source: auth.Static("sesame-key-1")})
	srv.API.RefuseNext(2, authtest.HugeBody)
	resp, err := srv.Transport().RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	plain := drained(t, resp)
	got := get(t, tr, srv)
	wantStatus(t, got, 401)
	if len(got.body) != 10<<20 || got.body != plain.body {
		t.Errorf("read %d bytes, and they are the same as without us: %v", len(got.body), got.body == plain.body)
	}
	if e := got.diagnosis(); e == nil {
		t.Error("no diagnosis")
	} else if n := len(e.Response.Body); n == 0 || n > 4<<10 {
		t.Errorf("the diagnosis keeps %d bytes", n)
	}
}

// TestBodySizes: around the edges of what is read ahead, every byte reaches the
// caller once, in whatever pieces it asks for them.
func TestBodySizes(t *testing.T) {
	sizes := []int{0, 1, 4095, 4096, 4097, 16<<10 - 1, 16 << 10, 16<<10 + 1, 20 << 10, 100 << 10}
	for _, size := range sizes {
		for _, piece := range []int{1, 1000, 64 << 10} {
			for _, odd := range []bool{false, true} {
				want := make([]byte, size)
				for i := range want {
					want[i] = byte(i % 251)
				}
				w := &wire{answer: func(int, sent) (*http.Response, error) {
					resp := refusal()
					var r io.Reader = bytes.NewReader(want)
					if odd {
						r = iotest.DataErrReader(iotest.HalfReader(r)) // the last piece comes with the EOF
					}
					resp.Body = io.NopCloser(r)
					return resp, nil
				}}
				tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
				resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil))
				if err != nil {
					t.Fatal(err)
				}
				var got []byte
				buf := make([]byte, piece)
				for err == nil {
					var n int
					n, err = resp.Body.Read(buf)
					got = append(got, buf[:n]...)
				}
				_ = resp.Body.Close()
				if err != io.EOF || !bytes.Equal(got, want) {
					t.Errorf("size %d in pieces of %d: read %d bytes, %v", size, piece, len(got), err)
				}
			}
		}
	}
}

// TestL10_BodyThatBreaks: the error comes where it came, after what came before.
func TestL10_BodyThatBreaks(t *testing.T) {
	broken := errors.New("reset")
	w := &wire{answer: func(int, sent) (*http.Response, error) {
		resp := refusal()
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("the beginning"), &breakingOnce{broken}))
		return resp, nil
	}}
	tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
	resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if string(got) != "the beginning" || err != broken {
		t.Errorf("read %q, %v", got, err)
	}
	_ = resp.Body.Close()
}

// A breakingOnce gives its error once and is at its end then.
type breakingOnce struct{ err error }

func (b *breakingOnce) Read([]byte) (int, error) {
	err := b.err
	b.err = io.EOF
	return 0, err
}

// TestL10_SlowBodies: a body that trickles or stalls holds a call up for about a
// second per response, on the bubble's clock, and the caller can read on or
// close.
func TestL10_SlowBodies(t *testing.T) {
	for _, test := range []struct {
		answer authtest.Refusal
		static bool
		limit  time.Duration
	}{
		{authtest.TrickleBody, true, 1100 * time.Millisecond},
		{authtest.StallBody, true, 1100 * time.Millisecond},
		{authtest.TrickleBody, false, 2200 * time.Millisecond}, // refused, repeated, refused
		{authtest.StallBody, false, 2200 * time.Millisecond},
	} {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/static %v/read %v", test.answer, test.static, read), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := authtest.NewServer(authtest.Config{InMemory: true, Keys: []authtest.Key{{Value: "sesame-key-1"}}})
					defer srv.Close()
					cfg := transport.Config{}
					if test.static {
						cfg.Source = auth.Static("sesame-key-1")
					}
					tr := against(t, srv, cfg)
					wantStatus(t, get(t, tr, srv), 200)
					srv.API.RefuseNext(1<<30, test.answer)
					began := time.Now()
					resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil))
					if err != nil {
						t.Fatal(err)
					}
					if took := time.Since(began); took > test.limit {
						t.Errorf("L10: it took %s, at most %s expected", took, test.limit)
					}
					if _, ok := auth.FromResponse(resp); !ok || resp.StatusCode != 401 {
						t.Errorf("status %d without a diagnosis", resp.StatusCode)
					}
					if read && test.answer == authtest.TrickleBody {
						// 20 in the first second; the rest at its own pace.
						body := make([]byte, 100)
						if _, err := io.ReadFull(resp.Body, body); err != nil || string(body) != strings.Repeat(".", 100) {
							t.Errorf("read %q, %v", body, err)
						}
					}
					if err := resp.Body.Close(); err != nil {
						t.Error(err)
					}
					if n, err := resp.Body.Read(make([]byte, 200)); err == nil && n == 0 {
						t.Error("a closed body gives neither bytes nor an error")
					}
				})
			})
		}
	}
}

// TestL10_CloseEndsARead that is under way in another goroutine, as the bodies of
// net/http have it.
func TestL10_CloseEndsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(inBubble())
		defer srv.Close()
		srv.API.RefuseNext(1, authtest.StallBody)
		tr := against(t, srv, transport.Config{})
		resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { _, err := resp.Body.Read(make([]byte, 1)); ended <- err }()
		synctest.Wait()
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil {
			t.Error("the read of a closed body gave no error")
		}
	})
}

// TestT16_Upgrade: what comes with a 101 is a connection, to be written to, and
// is handed on as it is, also after a repeat.
func TestT16_Upgrade(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	w := accepts("Bearer T1")
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w})
	warm(t, tr)
	w.answer = func(_ int, s sent) (*http.Response, error) {
		if s.authorization() != "Bearer T2" {
			return refusal(), nil
		}
		resp := response(http.StatusSwitchingProtocols, "", "Upgrade", "websocket")
		resp.Body = here
		return resp, nil
	}
	req := newRequest(t, http.MethodGet, acme, nil)
	req.Header.Set("Upgrade", "websocket")
	resp, err := tr.RoundTrip(req)
	if err != nil || resp.Body != io.ReadCloser(here) {
		t.Fatalf("got %v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

// TestT16_Trailers go out with the repeat as with the first attempt.
func TestT16_Trailers(t *testing.T) {
	srv := serve(t, authtest.Config{})
	var mu sync.Mutex
	var got []string
	keep := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			got = append(got, string(body)+" "+r.Trailer.Get("X-Sum"))
			mu.Unlock()
			w.WriteHeader(status)
		})
	}
	srv.Set(func(c *authtest.Config) { c.Handler, c.Refusal = keep(200), keep(401) })
	tr := against(t, srv, transport.Config{})
	wantStatus(t, get(t, tr, srv), 200)
	srv.Issuer.RevokeAccess()
	got = nil
	body := &bodies{text: "the body"}
	req := newRequest(t, http.MethodPost, srv.API.URL, nil)
	body.attach(req)
	req.ContentLength, req.Trailer = -1, http.Header{"X-Sum": {"42"}}
	wantStatus(t, fetch(t, tr, req), 200)
	wantEqual(t, "what arrived", got, []string{"the body 42", "the body 42"})
}

// TestNoBodyAtAll: a base transport ought to give a body, and some do not.
func TestNoBodyAtAll(t *testing.T) {
	w := &wire{answer: func(int, sent) (*http.Response, error) {
		resp := refusal()
		resp.Body = nil
		return resp, nil
	}}
	tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
	got := fetch(t, tr, newRequest(t, http.MethodHead, acme, nil))
	wantStatus(t, got, 401)
	wantEqual(t, "body", got.body, "")
}

// TestL10_StalledReadEndsWithTheCaller: a caller who reads a stalled body is let
// go when its context ends.
func TestL10_StalledReadEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(inBubble())
		defer srv.Close()
		srv.API.RefuseNext(1, authtest.StallBody)
		tr := against(t, srv, transport.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("a stalled body came to an end")
		}
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("waited %s", waited)
		}
		_ = resp.Body.Close()
	})
}

// TestT8_ConnectionIsUsedAgain: Trap 52. The refusal is drained, within bounds,
// so that the repeat takes the same connection; what is too long is dropped
// with its connection, and quickly.
func TestT8_ConnectionIsUsedAgain(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.Handler
		reused bool
	}{
		{"small", authtest.InvalidToken, true},
		{"empty", authtest.NoChallenge, true},
		{"15 KiB", filled(15 << 10), true},
		{"16 KiB", filled(16 << 10), true},
		{"200 KiB", filled(200 << 10), true},
		{"1 MiB", filled(1 << 20), false},
		{"10 MiB", authtest.HugeBody, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := serve(t, authtest.Config{})
			tr := against(t, srv, transport.Config{})
			wantStatus(t, get(t, tr, srv), 200)
			srv.API.RefuseNext(1, test.answer)
			var mu sync.Mutex
			var got []bool
			req := newRequest(t, http.MethodGet, srv.API.URL, nil)
			req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, c.Reused)
			}}))
			wantStatus(t, fetch(t, tr, req), 200)
			wantEqual(t, "connections used again", got, []bool{true, test.reused})
		})
	}
}

// TestT71_LoginPage: HTML where the API should be is no verdict on the
// credential, and is readable.
func TestT71_LoginPage(t *testing.T) {
	srv := serve(t, authtest.Config{InMemory: true, Keys: []authtest.Key{{Value: "sesame-key-1"}}})
	srv.API.RefuseNext(1, authtest.LoginPage)
	tr := against(t, srv, transport.Config{Source: auth.Static("sesame-key-1")})
	got := get(t, tr, srv)
	wantStatus(t, got, 401)
	if !strings.Contains(got.body, "<h1>Sign in</h1>") {
		t.Errorf("body %q", got.body)
	}
	e := wantCause(t, got.diagnosis(), auth.IntermediaryResponse)
	if e.Confidence == auth.Certain {
		t.Error("T83: certain of a web page")
	}
}

// TestT66_BrokenChallenges: a hundred ways to break the header. None hides that
// the request was refused, none keeps the good ones from counting, and none
// panics. Trap 60.
func TestT66_BrokenChallenges(t *testing.T) {
	broken := []string{
		`Bearer realm="open`, `Bearer realm=`, `Bearer =x`, `Bearer ,,,=`, `"`, `=`, `,`, ` `, "Bearer\x80realm", `Bearer realm="a" realm="b"`,
		`Bearer error=insufficient_scope"`, `Bearer error="insufficient_scope`, `Basic realm="a "q" b"`, `Bearer realm='x'`, `Bearer; error="x"`,
		`Bearer {"error":"x"}`, `Bearer error:insufficient_scope`, `B\earer x`, `Bearer a b c`, `Bearer realm="\`,
	}
	n := 0
	for _, first := range broken {
		for _, second := range []string{"", "Negotiate dGVzdA==", `Digest qop="auth, auth-int", nonce="x"`, broken[n%len(broken)], strings.Repeat("(", 100)} {
			n++
			w := accepts("Bearer T1")
			tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w})
			warm(t, tr)
			w.answer = func(_ int, s sent) (*http.Response, error) {
				if s.authorization() == "Bearer T2" {
					return fine(), nil
				}
				return response(401, "", "Www-Authenticate", first, "Www-Authenticate", second), nil
			}
			if got := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)); got.StatusCode != 200 {
				t.Errorf("%q, %q: status %d", first, second, got.StatusCode)
			}
			w.answer = func(int, sent) (*http.Response, error) {
				return response(403, "", "Www-Authenticate", first, "Www-Authenticate", second), nil
			}
			if got := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)); got.diagnosis() != nil {
				t.Errorf("%q, %q: a broken challenge made a plain 403 a refusal", first, second)
			}
		}
	}
	if n != 100 {
		t.Errorf("%d cases", n)
	}
}

// TestManyChallenges: 64 Ki of them cost little time and are not all kept.
func TestManyChallenges(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("a,", 64<<10), ",")
	for name, lines := range map[string][]string{
		"one line":     {many},
		"many lines":   strings.Split(many, ","),
		"many of ours": {strings.TrimSuffix(strings.Repeat(`Bearer e=x,`, 10<<10), ",")},
		"many params":  {"Bearer " + strings.TrimSuffix(strings.Repeat(`a="b",`, 20<<10), ",")},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{answer: func(int, sent) (*http.Response, error) {
				resp := response(401, "")
				resp.Header["Www-Authenticate"] = lines
				return resp, nil
			}}
			tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
			began := time.Now()
			e := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).diagnosis()
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
			if e == nil {
				t.Fatal("no diagnosis")
			}
			if len(e.Response.Challenges) > 100 || len(e.Response.Header["Www-Authenticate"]) > 100 || len(e.Explain()) > 20<<10 {
				t.Error("too much is kept")
			}
		})
	}
}
