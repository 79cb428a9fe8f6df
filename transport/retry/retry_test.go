package retry_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
	"github.com/reauth-go/reauth/transport/retry"
)

// ---- what is sent again -----------------------------------------------------

// TestTrap86_WhatIsSafeToSendTwice: the method, a key, and a body that reopens
// decide.
func TestTrap86_WhatIsSafeToSendTwice(t *testing.T) {
	key := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	body := func(getBody bool) func(*http.Request) {
		return func(r *http.Request) {
			new(bodies).attach(r)
			if !getBody {
				r.GetBody = nil
			}
		}
	}
	both := func(fs ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			for _, f := range fs {
				f(r)
			}
		}
	}
	for _, c := range []struct {
		method string
		name   string
		change func(*http.Request)
		again  bool
	}{
		{method: "", again: true},
		{method: "GET", again: true},
		{method: "HEAD", again: true},
		{method: "OPTIONS", again: true},
		{method: "TRACE", again: true},
		{method: "PUT", again: true},
		{method: "DELETE", again: true},
		{method: "POST"},
		{method: "PATCH"},
		{method: "CONNECT"},
		{method: "get"}, // methods are case-sensitive
		{method: "POST", name: "key", change: key("Idempotency-Key", "k1"), again: true},
		{method: "PATCH", name: "x-key", change: key("X-Idempotency-Key", "k1"), again: true},
		{method: "POST", name: "empty key", change: key("Idempotency-Key", "")},
		{method: "POST", name: "said to net/http only", change: key("Idempotency-Key"), again: true},
		{method: "PUT", name: "body", change: body(true), again: true},
		{method: "PUT", name: "stream", change: body(false)},
		{method: "GET", name: "stream", change: body(false)},
		{method: "PUT", name: "NoBody", change: func(r *http.Request) { r.Body = http.NoBody }, again: true},
		{method: "POST", name: "key and body", change: both(key("Idempotency-Key", "k1"), body(true)), again: true},
		{method: "POST", name: "key and stream", change: both(key("Idempotency-Key", "k1"), body(false))},
	} {
		for _, outcome := range []any{503, errWire, asks(429, "1")} {
			t.Run(fmt.Sprintf("%s %s %T", c.method, c.name, outcome), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := script(outcome, 200)
					req := newRequest(t, "GET", nil)
					req.Method = c.method
					if c.change != nil {
						c.change(req)
					}
					resp, err := newLayer(t, w, retry.Config{}).RoundTrip(req)
					if c.again != (err == nil && resp.StatusCode == 200) || c.again != (w.count() == 2) {
						t.Errorf("after %d requests: %v, %v", w.count(), resp, err)
					}
					if resp != nil {
						drained(t, resp)
					}
				})
			})
		}
	}
}

// TestStatuses: these and no others. What is not registered counts as a 500.
func TestStatuses(t *testing.T) {
	again := []int{408, 425, 429, 502, 503, 504}
	synctest.Test(t, func(t *testing.T) {
		for status := 200; status < 600; status++ {
			w := script(status, 200)
			resp, _ := fetch(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil))
			if slices.Contains(again, status) {
				wantEqual(t, fmt.Sprint("requests after ", status), w.count(), 2)
			} else if w.count() != 1 || resp.StatusCode != status {
				t.Errorf("%d became %d after %d requests", status, resp.StatusCode, w.count())
			}
		}
	})
}

// TestErrors: weather is waited for, a decision is not. Trap 88.
func TestErrors(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	final := []error{
		&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		fmt.Errorf("wrapped: %w", &tls.CertificateVerificationError{Err: x509.HostnameError{}}),
		tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
		dial(&net.DNSError{Err: "no such host", Name: "api.acme.exmaple", IsNotFound: true}),
		errors.New(`unsupported protocol scheme "gopher"`),
		errors.New(`net/http: invalid header field name "a b"`),
		&url.Error{Op: "Get", URL: "/", Err: errors.New("stopped after 10 redirects")},
		context.Canceled,
		fmt.Errorf("outer: %w", auth.ErrClosed),
		&auth.Error{Cause: auth.MissingCredential},
		fmt.Errorf("outer: %w", &auth.Error{Cause: auth.SourceFailed, Err: syscall.ECONNREFUSED}),
	}
	passing := []error{
		io.EOF, io.ErrUnexpectedEOF, errWire,
		dial(syscall.ECONNREFUSED),
		&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
		dial(&net.DNSError{Err: "server misbehaving", Name: "api.acme.example", IsTemporary: true}),
		dial(os.ErrDeadlineExceeded),
		context.DeadlineExceeded, // of a layer beneath; the call's own goes on
		errors.New("http2: server sent GOAWAY and closed the connection"),
		errors.New("net/http: TLS handshake timeout"),
	}
	synctest.Test(t, func(t *testing.T) {
		for _, err := range final {
			w := script(err, 200)
			_, got := newLayer(t, w, retry.Config{}).RoundTrip(newRequest(t, "GET", nil))
			if got != err || w.count() != 1 {
				t.Errorf("%v: got %v after %d requests", err, got, w.count())
			}
			// A verdict at a later attempt is returned as it is, too.
			w = script(503, err, 200)
			_, got = newLayer(t, w, retry.Config{}).RoundTrip(newRequest(t, "GET", nil))
			if got != err || w.count() != 2 {
				t.Errorf("%v at the second attempt: got %v after %d requests", err, got, w.count())
			}
		}
		for _, err := range passing {
			w := script(err, 200)
			fetch(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil))
			wantEqual(t, fmt.Sprint("requests after ", err), w.count(), 2)
		}
	})
}

// TestTrap83_VerdictIsFinal: what authentication decided is not asked again, also
// where a status or a key would allow it.
func TestTrap83_VerdictIsFinal(t *testing.T) {
	verdict := &auth.Error{Cause: auth.AccessRevoked}
	w := &wire{answer: func(_ int, req *http.Request) (*http.Response, error) {
		resp := response(503, "go away")
		resp.Request = req
		auth.Attach(resp, verdict)
		return resp, nil
	}}
	req := newRequest(t, "POST", strings.NewReader(text))
	req.Header.Set("Idempotency-Key", "k1")
	resp, body := fetch(t, newLayer(t, w, retry.Config{}), req)
	wantEqual(t, "requests", w.count(), 1)
	wantEqual(t, "body", body, "go away")
	if e, _ := auth.FromResponse(resp); e != verdict {
		t.Errorf("diagnosis %v", e)
	}

	// At a later attempt the diagnosis comes along to the caller's request.
	synctest.Test(t, func(t *testing.T) {
		first := true
		inner := w.answer
		w := &wire{answer: func(n int, req *http.Request) (*http.Response, error) {
			if first {
				first = false
				return nil, errWire
			}
			return inner(n, req)
		}}
		req := newRequest(t, "PUT", strings.NewReader(text))
		resp, body := fetch(t, newLayer(t, w, retry.Config{}), req)
		wantEqual(t, "requests", w.count(), 2)
		wantEqual(t, "body", body, "go away")
		if e, _ := auth.FromResponse(resp); e != verdict {
			t.Errorf("diagnosis %v", e)
		}
		equalButContext(t, "the response's request", resp.Request, req)
		if _, err := transport.Strict(newLayer(t, w, retry.Config{})).RoundTrip(newRequest(t, "GET", nil)); err != verdict {
			t.Errorf("Strict returns %v", err)
		}
	})
}

// TestTrap84_TheLastResponseArrives: with its body, as often as it is asked for.
func TestTrap84_TheLastResponseArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{429, 503} {
			w := script(status)
			resp, body := fetch(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil))
			wantEqual(t, "status", resp.StatusCode, status)
			wantEqual(t, "body", body, "body 4")
			wantEqual(t, "requests", w.count(), 4)
			wantEqual(t, "calls of the base's CloseIdleConnections", w.idle, 0)
		}
		w := script(503)
		fetch(t, newLayer(t, w, retry.Config{Retries: 1}), newRequest(t, "GET", nil))
		wantEqual(t, "requests", w.count(), 2)
	})
}

// TestTrap15_RedirectsAreTheClients: a 307 at a later attempt is returned.
func TestTrap15_RedirectsAreTheClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := script(503, func() *http.Response { return response(307, "over there", "Location", "/2") })
		resp, body := fetch(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil))
		wantEqual(t, "status", resp.StatusCode, 307)
		wantEqual(t, "body", body, "over there")
		wantEqual(t, "requests", w.count(), 2)
	})
}

// ---- waits ------------------------------------------------------------------

// elapsed is how long a call took, on the bubble's clock.
func elapsed(t *testing.T, rt http.RoundTripper, req *http.Request) (time.Duration, *http.Response, error) {
	t.Helper()
	from := time.Now()
	resp, err := rt.RoundTrip(req)
	return time.Since(from), resp, err
}

// TestBackoff: each wait is between half of its step and the whole; steps double,
// up to MaxWait.
func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		cfg        retry.Config
		n          int
		least, max time.Duration
	}{
		{retry.Config{}, 1, 500 * time.Millisecond, time.Second},
		{retry.Config{}, 2, time.Second, 2 * time.Second},
		{retry.Config{}, 3, 2 * time.Second, 4 * time.Second},
		{retry.Config{}, 4, 4 * time.Second, 8 * time.Second},
		{retry.Config{}, 5, 4 * time.Second, 8 * time.Second},
		{retry.Config{}, 1000, 4 * time.Second, 8 * time.Second},
		{retry.Config{MinWait: time.Nanosecond, MaxWait: 1 << 62}, 63, 1 << 61, 1 << 62},
		{retry.Config{MinWait: time.Minute}, 1, time.Minute, time.Minute},
		{retry.Config{MinWait: 3 * time.Second, MaxWait: 4 * time.Second}, 2, 3 * time.Second, 4 * time.Second},
		{retry.Config{MaxWait: 100 * time.Millisecond}, 1, 100 * time.Millisecond, 100 * time.Millisecond},
	} {
		rt := newLayer(t, script(200), c.cfg)
		seen := map[time.Duration]bool{}
		for range 200 {
			d := retry.Backoff(rt, c.n)
			seen[d] = true
			if d < c.least || d > c.max {
				t.Fatalf("%+v: wait %d is %v, want %v to %v", c.cfg, c.n, d, c.least, c.max)
			}
		}
		if c.least < c.max && len(seen) < 100 {
			t.Errorf("%+v: 200 draws gave %d waits", c.cfg, len(seen))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		d, _, err := elapsed(t, newLayer(t, script(errWire), retry.Config{}), newRequest(t, "GET", nil))
		if err == nil || d < 3500*time.Millisecond || d > 7*time.Second {
			t.Errorf("gave up after %v with %v, want 3.5 to 7 seconds", d, err)
		}
	})
}

// TestTrap87_RetryAfter: in both forms, capped, and never shorter than the
// back-off.
func TestTrap87_RetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 12, 4, 0, time.UTC)
	for _, c := range []struct {
		value, date string
		want        time.Duration
	}{
		{value: "0", want: 0},
		{value: "7", want: 7 * time.Second},
		{value: " 007 ", want: 7 * time.Second},
		{value: "-7", want: 0},
		{value: "", want: 0},
		{value: "1.5", want: 0},
		{value: "+7", want: 0},
		{value: "soon", want: 0},
		{value: "9223372036", want: 9223372036 * time.Second},
		{value: "9223372037", want: 1<<63 - 1},           // a Duration does not hold it
		{value: "18446744073709551617", want: 1<<63 - 1}, // nor an integer
		{value: strings.Repeat("9", 4000), want: 1<<63 - 1},
		{value: "Mon, 23 Nov 2026 09:12:10 GMT", want: 6 * time.Second},
		{value: "Monday, 23-Nov-26 09:12:10 GMT", want: 6 * time.Second},
		{value: "Mon Nov 23 09:12:10 2026", want: 6 * time.Second},
		{value: "Mon, 23 Nov 2026 09:00:00 GMT", want: 0},
		{value: "Fri, 31 Dec 9999 23:59:59 GMT", want: 1<<63 - 1},
		// The server's clock is an hour ahead, or an hour behind.
		{value: "Mon, 23 Nov 2026 10:12:10 GMT", date: "Mon, 23 Nov 2026 10:12:04 GMT", want: 6 * time.Second},
		{value: "Mon, 23 Nov 2026 08:12:10 GMT", date: "Mon, 23 Nov 2026 08:12:04 GMT", want: 6 * time.Second},
		{value: "Mon, 23 Nov 2026 09:12:10 GMT", date: "yesterday", want: 6 * time.Second},
	} {
		h := http.Header{"Retry-After": {c.value}}
		if c.date != "" {
			h.Set("Date", c.date)
		}
		if got := retry.RetryAfter(h, now); got != c.want {
			t.Errorf("Retry-After %.40q with Date %q: %v, want %v", c.value, c.date, got, c.want)
		}
	}

	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			status   int
			value    string
			min, max time.Duration
			requests int
		}{
			{429, "20", 20 * time.Second, 20 * time.Second, 2},
			{503, "30", 30 * time.Second, 30 * time.Second, 2},
			{503, "in 10s", 9 * time.Second, 10 * time.Second, 2},
			{503, "0", 500 * time.Millisecond, time.Second, 2}, // the back-off stays
			{429, "in -1h", 500 * time.Millisecond, time.Second, 2},
			{503, "31", 0, 0, 1},
			{429, "99999999999999999999", 0, 0, 1},
			{429, "in 1h", 0, 0, 1},
			{500, "1", 0, 0, 1}, // which is not asked again, whatever it says
		} {
			value := c.value
			if in, ok := strings.CutPrefix(value, "in "); ok { // as a date
				d, err := time.ParseDuration(in)
				if err != nil {
					t.Fatal(err)
				}
				value = time.Now().Add(d).UTC().Format(http.TimeFormat)
			}
			w := script(asks(c.status, value), 200)
			d, resp, err := elapsed(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil))
			if err != nil {
				t.Fatal(err)
			}
			if d < c.min || d > c.max || w.count() != c.requests {
				t.Errorf("%d with Retry-After %s: %d requests in %v, want %d in %v to %v", c.status, c.value, w.count(), d, c.requests, c.min, c.max)
			}
			if body := drained(t, resp); c.requests == 1 && body != "not now" {
				t.Errorf("the body is %q", body)
			}
		}
	})
}

// TestL10_Deadline: no wait is begun that the context would not see the end of.
func TestL10_Deadline(t *testing.T) {
	for name, outcome := range map[string]any{"response": asks(503, "10"), "error": errWire} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 450*time.Millisecond)
				defer cancel()
				body := new(bodies)
				req := newRequest(t, "PUT", nil).WithContext(ctx)
				body.attach(req)
				d, resp, err := elapsed(t, newLayer(t, script(outcome), retry.Config{}), req)
				if d != 0 {
					t.Errorf("waited %v", d)
				}
				if resp != nil {
					wantEqual(t, "body", drained(t, resp), "not now")
				} else if err != errWire {
					t.Errorf("got %v", err)
				}
				body.wantClosedOnce(t, 1)
			})
		})
	}
}

// TestL10_ContextEndsDuringTheWait: the caller is let go at once, and nothing is
// left open.
func TestL10_ContextEndsDuringTheWait(t *testing.T) {
	for name, arrange := range map[string]func(*http.Request) (*http.Request, func()){
		"context": func(r *http.Request) (*http.Request, func()) {
			ctx, cancel := context.WithCancel(r.Context())
			return r.WithContext(ctx), cancel
		},
		"channel": func(r *http.Request) (*http.Request, func()) {
			ch := make(chan struct{})
			r.Cancel = ch //lint:ignore SA1019 http.Client uses it for its Timeout
			return r, func() { close(ch) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent, answers := new(bodies), new(bodies)
				w := &wire{answer: func(int, *http.Request) (*http.Response, error) {
					resp := response(503, "")
					resp.Body = answers.open(strings.NewReader("not now"))
					return resp, nil
				}}
				req, leave := arrange(newRequest(t, "PUT", nil))
				sent.attach(req)
				time.AfterFunc(100*time.Millisecond, leave)
				d, resp, err := elapsed(t, newLayer(t, w, retry.Config{}), req)
				if resp != nil || err != context.Canceled || d != 100*time.Millisecond {
					t.Errorf("after %v: %v, %v", d, resp, err)
				}
				sent.wantClosedOnce(t, 1)
				answers.wantClosedOnce(t, 1)
				wantEqual(t, "requests", w.count(), 1)
				wantEqual(t, "calls of the base's CloseIdleConnections", w.idle, 0)
			})
		})
	}
}

// TestL10_ContextEnded: an attempt that the context ended is the last one, and a
// body that stalls does not keep a caller who has left.
func TestL10_ContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w := &wire{answer: func(_ int, req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, fmt.Errorf("cut off: %w", req.Context().Err())
		}}
		d, resp, err := elapsed(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil).WithContext(ctx))
		if resp != nil || !errors.Is(err, context.DeadlineExceeded) || d != time.Minute || w.count() != 1 {
			t.Errorf("%d requests in %v: %v, %v", w.count(), d, resp, err)
		}

		closed := make(chan struct{})
		close(closed)
		req := newRequest(t, "GET", nil)
		req.Cancel = closed //lint:ignore SA1019 as above
		w = script(errors.New("net/http: request canceled"), 200)
		if _, err := newLayer(t, w, retry.Config{}).RoundTrip(req); err != context.Canceled || w.count() != 1 {
			t.Errorf("%d requests after the cancellation: %v", w.count(), err)
		}

		ctx, leave := context.WithCancel(t.Context())
		stalls, end := io.Pipe()
		defer func() { _ = end.Close() }()
		w = &wire{answer: func(int, *http.Request) (*http.Response, error) {
			resp := response(503, "")
			resp.Body = stalls
			return resp, nil
		}}
		time.AfterFunc(10*time.Millisecond, leave)
		d, resp, err = elapsed(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil).WithContext(ctx))
		if resp != nil || err != context.Canceled || d != 10*time.Millisecond || w.count() != 1 {
			t.Errorf("%d requests in %v: %v, %v", w.count(), d, resp, err)
		}
	})
}

// TestL10_ClientTimeout: the client's own limit ends a wait and is named as such.
func TestL10_ClientTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := script(503)
		client := &http.Client{Transport: newLayer(t, w, retry.Config{}), Timeout: 3 * time.Second}
		from := time.Now()
		resp, err := client.Do(newRequest(t, "GET", nil))
		if err != nil {
			t.Fatal(err) // the last outcome, and not a timeout: the next wait would have been too long
		}
		drained(t, resp)
		if d := time.Since(from); d > 3*time.Second || w.count() < 2 || w.count() > 3 {
			t.Errorf("%d requests in %v", w.count(), d)
		}
	})
}

// TestL10_EndlessBody: what is thrown away is read for a bounded while only, and
// that is part of the wait.
func TestL10_EndlessBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := new(bodies)
		r, end := io.Pipe()
		defer func() { _ = end.Close() }()
		var flood atomic.Int64
		outcomes := []io.Reader{r, readerFunc(func(p []byte) (int, error) { flood.Add(int64(len(p))); return len(p), nil })}
		w := &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n > len(outcomes) {
				return response(200, ""), nil
			}
			resp := response(503, "")
			resp.Body = answers.open(outcomes[n-1])
			return resp, nil
		}}
		d, resp, err := elapsed(t, newLayer(t, w, retry.Config{}), newRequest(t, "GET", nil))
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		if d > 3*time.Second { // 1 s and 2 s at most
			t.Errorf("it took %v", d)
		}
		answers.wantClosedOnce(t, 2)
		if n := flood.Load(); n > 1<<20 {
			t.Errorf("read %d bytes of an endless body", n)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// ---- the caller's request ---------------------------------------------------

// TestL8_TheCallersRequest: after every way out it is as it was, each attempt
// had a whole body of its own which was closed once, and the response's request
// is equal to it. Trap 1, Trap 49.
func TestL8_TheCallersRequest(t *testing.T) {
	for name, c := range map[string]struct {
		outcomes []any
		fail     error
		opened   int
		status   int
	}{
		"at once":      {outcomes: []any{200}, opened: 1, status: 200},
		"second":       {outcomes: []any{503, 200}, opened: 2, status: 200},
		"after errors": {outcomes: []any{errWire, errWire, errWire, 404}, opened: 4, status: 404},
		"never":        {outcomes: []any{errWire}, opened: 4},
		"given up":     {outcomes: []any{503}, opened: 4, status: 503},
		"over the cap": {outcomes: []any{502, asks(429, "900")}, opened: 2, status: 429},
		"GetBody":      {outcomes: []any{503}, fail: errors.New("the file is gone"), opened: 1, status: 503},
		"GetBody too":  {outcomes: []any{errWire}, fail: errors.New("the file is gone"), opened: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := &bodies{fail: c.fail}
				type ctxKey struct{}
				req := newRequest(t, "PUT", nil)
				req = req.WithContext(context.WithValue(req.Context(), ctxKey{}, "the caller's"))
				req.Header = http.Header{"Content-Type": {"text/plain"}, "X-Thing": {"one", "two"}, "Expect": {"100-continue"}}
				req.Trailer = http.Header{"X-After": {"end"}}
				req.Close, req.Host = true, "other.acme.example"
				body.attach(req)
				was, header, u := *req, req.Header.Clone(), *req.URL

				w, answers := script(c.outcomes...), new(bodies)
				inner := w.answer
				w.answer = func(n int, req *http.Request) (*http.Response, error) {
					resp, err := inner(n, req)
					if resp != nil {
						resp.Body = answers.open(resp.Body)
					}
					return resp, err
				}
				resp, err := newLayer(t, w, retry.Config{}).RoundTrip(req)
				if c.status == 0 {
					if !errors.Is(err, errWire) || c.fail != nil && err != errWire {
						t.Fatal(resp, err)
					}
				} else {
					if err != nil || resp.StatusCode != c.status {
						t.Fatal(resp, err)
					}
					if drained(t, resp) == "" {
						t.Error("the response's body is empty")
					}
					equalButContext(t, "the response's request", resp.Request, &was)
					if resp.Request.Context().Value(ctxKey{}) != "the caller's" {
						t.Error("the response's request has lost the caller's context")
					}
				}
				equalButContext(t, "the caller's request", req, &was)
				if req.Context() != was.Context() || req.URL != was.URL || *req.URL != u {
					t.Error("L8: the caller's request has another context or URL")
				}
				wantEqual(t, "header", req.Header, header)
				body.wantClosedOnce(t, c.opened)
				answers.wantClosedOnce(t, len(answers.all))
				if c.fail != nil && body.failed != 1 {
					t.Errorf("GetBody failed %d times", body.failed)
				}
				for i, got := range w.bodies {
					wantEqual(t, fmt.Sprint("body of attempt ", i+1), got, text)
					a := w.seen[i]
					if a.ContentLength != int64(len(text)) || !a.Close || a.Host != req.Host || a.Context().Value(ctxKey{}) != "the caller's" {
						t.Errorf("attempt %d: %v %v %v, or its context", i+1, a.ContentLength, a.Close, a.Host)
					}
				}
			})
		})
	}
}

// A rewinder is a body of which there is one: GetBody rewinds it.
type rewinder struct {
	*strings.Reader
	open atomic.Bool
}

func (r *rewinder) Close() error { r.open.Store(false); return nil }

// TestL8_BodyIsOpenedAgainOnceItIsClosed: a base transport may return before it
// has closed the body, and may read until then.
func TestL8_BodyIsOpenedAgainOnceItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &rewinder{Reader: strings.NewReader(text)}
		body.open.Store(true)
		var got []string
		base := roundTripper(func(req *http.Request) (*http.Response, error) {
			all, _ := io.ReadAll(req.Body)
			got = append(got, string(all))
			if len(got) > 1 {
				return response(200, ""), req.Body.Close()
			}
			time.AfterFunc(300*time.Millisecond, func() { _ = req.Body.Close() })
			return nil, errWire
		})
		req := newRequest(t, "PUT", nil)
		req.Body, req.ContentLength = body, int64(len(text))
		req.GetBody = func() (io.ReadCloser, error) {
			if body.open.Swap(true) {
				t.Error("rewound while it was open")
			}
			_, err := body.Seek(0, io.SeekStart)
			return body, err
		}
		fetch(t, newLayer(t, base, retry.Config{}), req)
		wantEqual(t, "what was sent", got, []string{text, text})
	})
}

// TestL8_NothingBuffersAStream: an upload is read once as it is sent, and a
// response that streams does so at once.
func TestL8_NothingBuffersAStream(t *testing.T) {
	up, feed := io.Pipe()
	down, answer := io.Pipe()
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		first := make([]byte, 5)
		if _, err := io.ReadFull(req.Body, first); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
		resp := response(200, "")
		resp.Body, resp.Request = down, req
		return resp, nil
	})
	go func() {
		_, _ = io.WriteString(feed, "first") // and no more: whoever wants all would wait for ever
		_, _ = io.WriteString(answer, "answer")
		_ = answer.Close()
	}()
	req := newRequest(t, "PUT", up)
	resp, body := fetch(t, newLayer(t, base, retry.Config{}), req)
	wantEqual(t, "body", body, "answer")
	if resp.Request != req || resp.Body != io.ReadCloser(down) {
		t.Error("the response was touched")
	}
}

// TestTrap86_BrokenContracts: no panic where a layer beneath answers nothing, or
// half of what it should, and none is swallowed.
func TestTrap86_BrokenContracts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nothing := roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil })
		if resp, err := newLayer(t, nothing, retry.Config{}).RoundTrip(newRequest(t, "GET", nil)); resp != nil || err != nil {
			t.Error(resp, err)
		}
		n := 0
		sparse := roundTripper(func(*http.Request) (*http.Response, error) {
			if n++; n == 3 {
				return nil, nil
			}
			return &http.Response{StatusCode: 503}, nil // neither header, body nor request
		})
		if resp, err := newLayer(t, sparse, retry.Config{}).RoundTrip(newRequest(t, "GET", nil)); resp != nil || err != nil {
			t.Error(resp, err)
		}
		resp, err := newLayer(t, roundTripper(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 503}, nil }), retry.Config{}).RoundTrip(newRequest(t, "GET", nil))
		if err != nil || resp.Request == nil {
			t.Error(resp, err)
		}
		if _, err := newLayer(t, script(errWire), retry.Config{}).RoundTrip(&http.Request{}); err != errWire {
			t.Error(err)
		}
		defer func() { wantEqual(t, "panic", recover(), any("in the base")) }()
		calls := 0
		_, _ = newLayer(t, roundTripper(func(*http.Request) (*http.Response, error) {
			if calls++; calls == 2 {
				panic("in the base")
			}
			return nil, errWire
		}), retry.Config{}).RoundTrip(newRequest(t, "GET", nil))
	})
}

// ---- what is seen of it -----------------------------------------------------

// TestTrap88_TheLastError: it says how many attempts were made, and is whatever
// the last one's is.
func TestTrap88_TheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		_, err := (&http.Client{Transport: newLayer(t, script(refused), retry.Config{})}).Do(newRequest(t, "GET", nil))
		if err == nil || !strings.HasSuffix(err.Error(), "connection refused (after 4 attempts)") {
			t.Errorf("got %v", err)
		}
		if op, ok := errors.AsType[*net.OpError](err); !ok || op != refused || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("errors.As and Is do not reach what is in %v", err)
		}
		slow := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
		_, err = (&http.Client{Transport: newLayer(t, script(503, slow), retry.Config{})}).Do(newRequest(t, "GET", nil))
		if e, ok := errors.AsType[*url.Error](err); !ok || !e.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v is no timeout", err)
		}
		_, err = newLayer(t, script(errWire), retry.Config{}).RoundTrip(newRequest(t, "POST", nil))
		wantEqual(t, "the error of a single attempt", err, errWire)
	})
}

// TestL7_Log: slog gets each decision when it is asked for, and no secret.
func TestL7_Log(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "wait" {
			return slog.Attr{}
		}
		return a
	}}))
	const secret = "not-a-real-key-0123456789"
	target, err := url.Parse("https://user:hunter2-not-real@api.acme.example/v1/things?key=" + secret + "#part")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		quoting := fmt.Errorf("cannot dial %s", target)
		nested := fmt.Errorf("beneath: %w", &url.Error{Op: "Get", URL: "https://other.example/?sig=" + secret, Err: io.EOF})
		w := script(503, quoting, nested, asks(429, "900"))
		req := newRequest(t, "GET", nil)
		req.URL = target
		req.Header.Set("Authorization", "Bearer "+secret)
		fetch(t, newLayer(t, w, retry.Config{Logger: logger}), req)
	})
	got := log.String()
	for _, secret := range []string{secret, "hunter2", "user:", "key=", "sig="} {
		if strings.Contains(got, secret) {
			t.Errorf("L7: the log shows %q", secret)
		}
	}
	for _, want := range []string{
		`level=INFO msg="request will be sent again" method=GET url=https://api.acme.example/v1/things attempts=1 status=503`,
		`attempts=2 error="cannot dial `, `attempts=3 error=EOF`,
		`level=WARN msg="request is not sent again" method=GET url=https://api.acme.example/v1/things attempts=4 reason="that was the last attempt" status=429`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	if t.Failed() {
		t.Log("\n" + got)
	}
}

// TestL7_PrintersFindNothing: what connections keep is not reached through it.
func TestL7_PrintersFindNothing(t *testing.T) {
	inner := struct {
		roundTripper
		buffer string
	}{nil, "not-a-real-key"}
	rt := newLayer(t, &inner, retry.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil).WithAttrs([]slog.Attr{slog.String("k", "not-a-real-key")}))})
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(format, rt); strings.Contains(s, inner.buffer) {
			t.Errorf("%s shows it", format)
		}
	}
}

func TestCloseIdleConnectionsIsForwarded(t *testing.T) {
	w := script(200)
	(&http.Client{Transport: newLayer(t, w, retry.Config{})}).CloseIdleConnections()
	wantEqual(t, "calls", w.idle, 1)
	(&http.Client{Transport: newLayer(t, roundTripper(nil), retry.Config{})}).CloseIdleConnections()
}

func TestNewSaysAllThatIsWrong(t *testing.T) {
	_, err := retry.New(nil, retry.Config{Retries: -1, MinWait: -1, MaxWait: -time.Second, MaxRetryAfter: -1})
	for _, field := range []string{"Retries", "MinWait", "MaxWait", "MaxRetryAfter"} {
		if err == nil || !strings.Contains(err.Error(), "retry: "+field+" is negative") {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
	if _, err := retry.New(nil, retry.Config{MinWait: 2, MaxWait: 1}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("MaxWait below MinWait: %v", err)
	}
	if _, err := retry.New(nil, retry.Config{}); err != nil {
		t.Error(err)
	}
}

// TestOneDependencyOneRoom: whoever uses transport alone does not link the
// library, whose licence is the MPL-2.0.
func TestOneDependencyOneRoom(t *testing.T) {
	deps := func(pkg string) string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/reauth-go/reauth/"+pkg).Output()
		if err != nil {
			t.Skipf("no go tool: %v", err)
		}
		return string(out)
	}
	if strings.Contains(deps("transport"), "hashicorp") {
		t.Error("transport links go-retryablehttp")
	}
	if !strings.Contains(deps("transport/retry"), "hashicorp") {
		t.Error("the test sees nothing")
	}
}

// ---- over a socket ----------------------------------------------------------

// TestOverASocket: connections are used again after a drained 503, hooks of
// httptrace reach each attempt, and many callers at once do not disturb each
// other.
func TestOverASocket(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto[:6], func(t *testing.T) { overASocket(t, proto) })
	}
}

func overASocket(t *testing.T, proto string) {
	var visits sync.Map // path: *atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n, _ := visits.LoadOrStore(r.URL.Path, new(atomic.Int32))
		if n.(*atomic.Int32).Add(1) < 3 {
			w.WriteHeader(503)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 64<<10))
			return
		}
		_, _ = w.Write(body)
	}))
	srv.EnableHTTP2 = proto == "HTTP/2.0"
	srv.StartTLS()
	defer srv.Close()
	client := srv.Client()
	defer client.CloseIdleConnections()
	client.Transport = newLayer(t, client.Transport, retry.Config{MinWait: 500 * time.Millisecond, MaxWait: 500 * time.Millisecond})
	send := func(ctx context.Context, path string) {
		req, err := http.NewRequestWithContext(ctx, "PUT", srv.URL+path, strings.NewReader(path))
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		if got := drained(t, resp); resp.StatusCode != 200 || got != path || resp.Proto != proto {
			t.Errorf("%s: %s %d %q", path, resp.Proto, resp.StatusCode, got)
		}
	}
	var got, reused int
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		got++
		if i.Reused {
			reused++
		}
	}}
	send(httptrace.WithClientTrace(t.Context(), trace), "/traced")
	wantEqual(t, "connections asked for", got, 3)
	if reused == 0 {
		t.Error("no connection was used again")
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { send(t.Context(), fmt.Sprint("/", i)) })
	}
	wg.Wait()
}

// TestTLSRefusalsAreFinal: over a socket, as the errors have no common type.
func TestTLSRefusalsAreFinal(t *testing.T) {
	quiet := stdlog.New(io.Discard, "", 0)
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = quiet
	plain.Start()
	defer plain.Close()
	modern := httptest.NewUnstartedServer(http.NotFoundHandler())
	modern.Config.ErrorLog, modern.TLS = quiet, &tls.Config{MinVersion: tls.VersionTLS13}
	modern.StartTLS()
	defer modern.Close()
	for name, c := range map[string]struct {
		url  string
		base *http.Transport
	}{
		"untrusted":         {modern.URL, &http.Transport{}},
		"no common version": {modern.URL, &http.Transport{TLSClientConfig: &tls.Config{MaxVersion: tls.VersionTLS12}}},
		"no TLS":            {strings.Replace(plain.URL, "http:", "https:", 1), &http.Transport{}},
	} {
		t.Run(name, func(t *testing.T) {
			attempts := 0
			rt := newLayer(t, roundTripper(func(req *http.Request) (*http.Response, error) {
				attempts++
				return c.base.RoundTrip(req)
			}), retry.Config{})
			_, err := (&http.Client{Transport: rt}).Get(c.url)
			if err == nil || attempts != 1 {
				t.Errorf("%d attempts: %v", attempts, err)
			}
		})
	}
}

// ---- what it costs ----------------------------------------------------------

type memory struct{ header http.Header }

func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: m.header, Request: req}, nil
}

// TestFirstAttemptIsFree: the layer allocates nothing as long as nothing fails,
// whatever the request is.
func TestFirstAttemptIsFree(t *testing.T) {
	stacks := []http.RoundTripper{memory{}, newLayer(t, memory{}, retry.Config{Logger: slog.New(slog.DiscardHandler)})}
	for _, method := range []string{"GET", "POST"} {
		req := newRequest(t, method, strings.NewReader(text))
		var allocs []float64
		for _, rt := range stacks {
			allocs = append(allocs, testing.AllocsPerRun(1000, func() { _, _ = rt.RoundTrip(req) }))
		}
		wantEqual(t, "allocations of "+method, allocs[1], allocs[0])
	}
}
