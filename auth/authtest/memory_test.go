package authtest_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
)

// serving starts a server in memory whose API accepts key and is served by
// handler.
func serving(handler http.HandlerFunc) *authtest.Server {
	return authtest.NewServer(authtest.Config{InMemory: true, Handler: handler, Keys: []authtest.Key{{Value: "key"}}})
}

func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer key")
	return req
}

// A countedBody counts how often it is closed.
type countedBody struct {
	io.Reader
	closed atomic.Int32
}

func (b *countedBody) Close() error { b.closed.Add(1); return nil }

func TestMemoryClosesTheRequestBodyOnce(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	tests := map[string]struct {
		handler http.HandlerFunc
		change  func(*http.Request)
	}{
		"read":             {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, nil},
		"not read":         {func(http.ResponseWriter, *http.Request) {}, nil},
		"read and closed":  {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body); r.Body.Close() }, nil},
		"aborted":          {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
		"cancelled before": {nil, func(r *http.Request) { *r = *r.WithContext(cancelled) }},
		"not valid":        {nil, func(r *http.Request) { r.Header.Set("X", "a\nb") }},
		"no host":          {nil, func(r *http.Request) { r.URL.Host = "" }},
		"too short":        {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) }, func(r *http.Request) { r.ContentLength = 99 }},
		"too long":         {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) }, func(r *http.Request) { r.ContentLength = 2 }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := serving(test.handler)
			defer srv.Close()
			body := &countedBody{Reader: strings.NewReader("a body")}
			req := newRequest(t, http.MethodPost, srv.API.URL, body)
			if test.change != nil {
				test.change(req)
			}
			resp, err := srv.Transport().RoundTrip(req)
			wantEqual(t, "failed", err != nil, test.change != nil || name == "aborted")
			if err == nil {
				wantEqual(t, "resp.Request", resp.Request, req)
				resp.Body.Close()
			} else if strings.Contains(err.Error(), "key") {
				t.Errorf("the error shows the key: %v", err)
			}
			wantEqual(t, "closed", body.closed.Load(), 1)
		})
	}
}

// Both bodies stream at once: each part is answered before the next is sent.
func TestMemoryStreams(t *testing.T) {
	srv := serving(func(w http.ResponseWriter, r *http.Request) {
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			_, _ = io.WriteString(w, strings.ToUpper(lines.Text())+"\n")
			_ = http.NewResponseController(w).Flush()
		}
	})
	defer srv.Close()
	body, writer := io.Pipe()
	go func() { _, _ = io.WriteString(writer, "one\n") }()
	resp, err := srv.Transport().RoundTrip(newRequest(t, http.MethodPost, srv.API.URL, body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answers := bufio.NewReader(resp.Body)
	for _, want := range []string{"ONE\n", "TWO\n", "THREE\n"} {
		got, err := answers.ReadString('\n')
		if got != want || err != nil {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		if want == "ONE\n" {
			go func() { _, _ = io.WriteString(writer, "two\nthree\n"); writer.Close() }()
		}
	}
	if _, err := answers.ReadByte(); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
}

// What the handler wrote arrives as a real server would send it.
func TestMemoryAnswers(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 100_000)
	tests := []struct {
		name, method string
		handler      http.HandlerFunc
		status       int
		body         string
		length       int64
		fails        bool
	}{
		{"nothing", "GET", func(http.ResponseWriter, *http.Request) {}, 200, "", 0, false},
		{"small", "GET", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "small") }, 200, "small", 5, false},
		{"big", "GET", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(big) }, 200, string(big), -1, false},
		{"HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "small")
		}, 200, "", 5, false},
		{"204", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, "", -1, false},
		{"header after the fact", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			w.Header().Set("Content-Length", "77")
			w.WriteHeader(500)
		}, 201, "", 0, false},
		{"shorter than stated", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "small")
		}, 200, "small", 10, true},
		{"aborted in between", "GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(big)
			panic(http.ErrAbortHandler)
		}, 200, string(big), -1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			srv := serving(test.handler)
			defer srv.Close()
			resp, err := srv.Transport().RoundTrip(newRequest(t, test.method, srv.API.URL, nil))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			wantEqual(t, "body fails", err != nil, test.fails)
			wantEqual(t, "status", resp.StatusCode, test.status)
			wantEqual(t, "body", string(body) == test.body, true)
			wantEqual(t, "length", resp.ContentLength, test.length)
			resp.Body.Close()
			if _, err := resp.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("reading after Close: %v", err)
			}
		})
	}
}

func TestMemoryHandlerPanics(t *testing.T) {
	srv := serving(func(http.ResponseWriter, *http.Request) { panic("oh") })
	defer srv.Close()
	_, err := srv.Transport().RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil))
	if err == nil || !strings.Contains(err.Error(), "panicked: oh") {
		t.Errorf("got %v", err)
	}
}

func TestMemoryDispatch(t *testing.T) {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}
	for url, want := range map[string]int{
		"https://api.test":         401,
		"https://API.test.:443/x":  401,
		"https://issuer.test/":     404,
		"http://api.test":          200, // plain http is the trap
		"https://api.test:8443":    200,
		"https://sub.api.test":     200,
		"https://anywhere.example": 200,
	} {
		got := get(t, client, url, "")
		wantEqual(t, url, got.StatusCode, want)
		wantEqual(t, url+" has TLS", got.TLS != nil, strings.HasPrefix(url, "https"))
	}
}

func TestMemoryClosed(t *testing.T) {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	srv.Close()
	srv.Close()
	if _, err := srv.Transport().RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil)); err == nil {
		t.Error("a closed server answers")
	}
}

func TestMemoryTrace(t *testing.T) {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	connected := 0
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected++ }}
	req := newRequest(t, http.MethodGet, srv.API.URL, nil)
	resp, err := srv.Transport().RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	wantEqual(t, "GotConn", connected, 1)
}

// In a synctest bubble hours pass at once, and to the second.
func TestSynctestLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(authtest.Config{InMemory: true, Lifetime: time.Hour, EndsEarly: time.Minute})
		defer srv.Close()
		client := &http.Client{Transport: srv.Transport()}
		start := time.Now()
		token := srv.Issuer.Login()
		wantEqual(t, "stated", token.Expiry.Sub(start), time.Hour)
		time.Sleep(59*time.Minute - 1)
		wantStatus(t, get(t, client, srv.API.URL, bearer(token.Access)), 200)
		time.Sleep(time.Nanosecond)
		wantStatus(t, get(t, client, srv.API.URL, bearer(token.Access)), 401)
		wantEqual(t, "elapsed", time.Since(start), 59*time.Minute)
	})
}

func TestSynctestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(authtest.Config{InMemory: true, Grace: 30 * time.Second})
		defer srv.Close()
		client := &http.Client{Transport: srv.Transport()}
		token := srv.Issuer.Login().Refresh
		wantStatus(t, refresh(t, client, srv, token), 200)
		time.Sleep(30*time.Second - 1)
		wantStatus(t, refresh(t, client, srv, token), 200)
		time.Sleep(time.Nanosecond)
		wantError(t, refresh(t, client, srv, token), 400, "invalid_grant")
	})
}

func TestSynctestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(authtest.Config{InMemory: true, Delay: time.Minute})
		defer srv.Close()
		client := &http.Client{Transport: srv.Transport()}
		start := time.Now()
		wantStatus(t, exchange(t, client, srv, clientCredentials()), 200)
		wantEqual(t, "took", time.Since(start), time.Minute)

		// Who leaves before gets nothing, and nothing is granted.
		client.Timeout = time.Second
		if _, err := client.PostForm(srv.Issuer.TokenURL, clientCredentials()); err == nil {
			t.Error("an answer came")
		}
		synctest.Wait()
		wantEqual(t, "granted", srv.Issuer.Stats().Granted["client_credentials"], 1)
	})
}

func TestSynctestTrickleAndStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(authtest.Config{InMemory: true})
		defer srv.Close()
		client := &http.Client{Transport: srv.Transport(), Timeout: time.Second - time.Millisecond}
		for refusal, want := range map[authtest.Refusal]int{authtest.TrickleBody: 20, authtest.StallBody: 0} {
			srv.API.RefuseNext(math.MaxInt, refusal)
			start := time.Now()
			resp, err := client.Get(srv.API.URL)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want DeadlineExceeded", refusal, err)
			}
			wantEqual(t, string(refusal), len(body), want)
			wantEqual(t, "took", time.Since(start), client.Timeout)
		}
	})
}

func TestSynctestHoldAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(authtest.Config{InMemory: true})
		client := &http.Client{Transport: srv.Transport()}
		token := srv.Issuer.Login().Access
		hold := srv.API.Hold(1000)
		statuses := inFlight(t, client, srv.API.URL, token, 1000)
		synctest.Wait() // all of them wait for the hold, durably
		wantEqual(t, "arrived", srv.API.Total().Requests, 1000)
		srv.Issuer.RevokeAccess()
		hold.ReleaseAll()
		for range 1000 {
			wantEqual(t, "status", <-statuses, 401)
		}
		srv.API.Hold(1)
		done := make(chan error)
		go func() { _, err := client.Get(srv.API.URL); done <- err }()
		synctest.Wait()
		srv.Close()
		if err := <-done; !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want EOF", err)
		}
	})
}
