package retry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/transport/retry"
)

// stream is a body of which there is one.
func stream(req *http.Request, r io.ReadSeeker) {
	req.Body, req.ContentLength = io.NopCloser(r), -1
	req.GetBody = func() (io.ReadCloser, error) {
		_, err := r.Seek(0, io.SeekStart)
		return io.NopCloser(r), err
	}
}

// A oneStream hides what it is.
type oneStream struct{ io.ReadSeeker }

// TestL8_BodyThatIsStillSent is not opened again: the last outcome is the call's,
// as it is, and the log says why.
func TestL8_BodyThatIsStillSent(t *testing.T) {
	for name, outcome := range map[string]func() (*http.Response, error){
		"an error":   func() (*http.Response, error) { return nil, errWire },
		"a response": func() (*http.Response, error) { return response(503, "not now"), nil },
		"a long response": func() (*http.Response, error) {
			return response(503, strings.Repeat("not now", 100<<10)), nil
		},
	} {
		for _, wait := range []time.Duration{time.Millisecond, 10 * time.Second} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					var body io.Closer
					base := roundTripper(func(req *http.Request) (*http.Response, error) {
						sent++
						_, _ = io.ReadFull(req.Body, make([]byte, 3))
						body = req.Body // which is closed at the end of the test
						return outcome()
					})
					var log bytes.Buffer
					req := newRequest(t, "PUT", nil)
					stream(req, oneStream{strings.NewReader(text)})
					began := time.Now()
					resp, err := newLayer(t, base, retry.Config{MinWait: wait, MaxWait: wait, Logger: slog.New(slog.NewTextHandler(&log, nil))}).RoundTrip(req)
					wantEqual(t, "time taken", time.Since(began), max(wait, time.Second))
					wantEqual(t, "attempts", sent, 1)
					wanted, wantErr := outcome()
					if err != wantErr {
						t.Errorf("error %v", err)
					}
					if wanted != nil {
						wantEqual(t, "body", drained(t, resp), drained(t, wanted))
						equalButContext(t, "the response's request", resp.Request, req)
					}
					if !strings.Contains(log.String(), "the request's body is still being sent") {
						t.Errorf("the log: %s", log.String())
					}
					_ = body.Close()
				})
			})
		}
	}
}

// TestL8_ContextEndsWhileTheBodyIsSent: also when the wait that was asked for is
// over by then.
func TestL8_ContextEndsWhileTheBodyIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := roundTripper(func(*http.Request) (*http.Response, error) { return response(503, "not now"), nil })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		req := newRequest(t, "PUT", nil).WithContext(ctx)
		stream(req, oneStream{strings.NewReader(text)})
		began := time.Now()
		resp, err := newLayer(t, base, retry.Config{MinWait: time.Millisecond, MaxWait: time.Millisecond}).RoundTrip(req)
		if resp != nil || err != context.Canceled {
			t.Errorf("got %v, %v", resp, err)
		}
		wantEqual(t, "time taken", time.Since(began), 100*time.Millisecond)
	})
}

// TestL8_BodyInMemoryThatIsRewound may still be being sent, and nobody can tell.
func TestL8_BodyInMemoryThatIsRewound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := script(503, 200)
		req := newRequest(t, "PUT", nil)
		stream(req, strings.NewReader(text))
		resp, body := fetch(t, newLayer(t, w, retry.Config{}), req)
		wantEqual(t, "status", resp.StatusCode, 503)
		wantEqual(t, "body", body, "body 1")
		wantEqual(t, "requests", w.count(), 1)
	})
}

// breaks is a body that cannot be read to its end.
type breaks struct {
	io.ReadSeeker
	err error
}

func (b breaks) Read(p []byte) (int, error) {
	n, err := b.ReadSeeker.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

// TestL8_UnreadableBody: what keeps a body from being read is no failure of
// the network, and another attempt meets it again.
func TestL8_UnreadableBody(t *testing.T) {
	broken := errors.New("the disk is gone")
	sent := 0
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer srv.Close()
	base := srv.Client().Transport
	counted := roundTripper(func(req *http.Request) (*http.Response, error) {
		sent++
		return base.RoundTrip(req)
	})
	req := newRequest(t, "PUT", nil)
	req.URL.Scheme, req.URL.Host = "http", srv.Listener.Addr().String()
	stream(req, breaks{strings.NewReader(text), broken})
	resp, err := newLayer(t, counted, retry.Config{MinWait: time.Millisecond, MaxWait: time.Millisecond}).RoundTrip(req)
	if resp != nil || !errors.Is(err, broken) {
		t.Errorf("got %v, %v", resp, err)
	}
	wantEqual(t, "attempts", sent, 1)

	// The next attempt's error is its own.
	sent = 0
	fails := roundTripper(func(req *http.Request) (*http.Response, error) {
		if sent++; sent == 1 {
			_, _ = io.ReadAll(req.Body)
			return response(503, ""), req.Body.Close()
		}
		return nil, errors.Join(errWire, req.Body.Close())
	})
	stream(req, breaks{strings.NewReader(text), broken})
	if _, err := newLayer(t, fails, retry.Config{MinWait: time.Millisecond, MaxWait: time.Millisecond}).RoundTrip(req); !errors.Is(err, errWire) {
		t.Error(err)
	}
	wantEqual(t, "attempts", sent, 4)
}
