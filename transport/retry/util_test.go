package retry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth/transport/retry"
)

// TestMain proves L11 for the whole package: no test leaves a goroutine.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const acme = "https://api.acme.example"

var errWire = errors.New("the cable is cut")

// roundTripper makes a function a round tripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A wire is a base transport without a wire. It reads each body, closes it once,
// and answers the n-th request, counted from 1, as told.
type wire struct {
	answer func(n int, req *http.Request) (*http.Response, error)

	mu     sync.Mutex
	seen   []*http.Request
	bodies []string
	idle   int // calls of CloseIdleConnections
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	w.mu.Lock()
	w.seen = append(w.seen, req)
	w.bodies = append(w.bodies, string(body))
	n := len(w.seen)
	w.mu.Unlock()
	resp, err := w.answer(n, req)
	if resp != nil && resp.Request == nil {
		resp.Request = req
	}
	return resp, err
}

func (w *wire) CloseIdleConnections() { w.idle++ }

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// script answers with one outcome after the other: a status, an error, or a
// response. The last one stays.
func script(outcomes ...any) *wire {
	return &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
		switch o := outcomes[min(n, len(outcomes))-1].(type) {
		case int:
			return response(o, fmt.Sprint("body ", n)), nil
		case error:
			return nil, o
		case func() *http.Response:
			return o(), nil
		default:
			panic(o)
		}
	}}
}

// response makes a response; fields are name and value in turn.
func response(status int, body string, fields ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func asks(status int, retryAfter string) func() *http.Response {
	return func() *http.Response { return response(status, "not now", "Retry-After", retryAfter) }
}

func newLayer(t testing.TB, next http.RoundTripper, cfg retry.Config) http.RoundTripper {
	t.Helper()
	rt, err := retry.New(next, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func newRequest(t testing.TB, method string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, acme+"/v1/things?b=2", body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// fetch sends a request and reads the response to its end.
func fetch(t testing.TB, rt http.RoundTripper, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp, drained(t, resp)
}

func drained(t testing.TB, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the body: %v", err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return string(body)
}

func wantEqual[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// A countedBody counts how often it is closed.
type countedBody struct {
	io.Reader
	closes *atomic.Int32
}

func (b countedBody) Close() error { b.closes.Add(1); return nil }

// bodies hands out counted bodies.
type bodies struct {
	all    []*atomic.Int32
	fail   error // of GetBody
	failed int
}

func (b *bodies) open(r io.Reader) io.ReadCloser {
	closes := new(atomic.Int32)
	b.all = append(b.all, closes)
	return countedBody{r, closes}
}

const text = "the whole body"

func (b *bodies) attach(req *http.Request) {
	req.Body, req.ContentLength = b.open(strings.NewReader(text)), int64(len(text))
	req.GetBody = func() (io.ReadCloser, error) {
		if b.fail != nil {
			b.failed++
			return nil, b.fail
		}
		return b.open(strings.NewReader(text)), nil
	}
}

func (b *bodies) wantClosedOnce(t testing.TB, want int) {
	t.Helper()
	wantEqual(t, "L8: bodies opened", len(b.all), want)
	for i, closes := range b.all {
		if n := closes.Load(); n != 1 {
			t.Errorf("L8: body %d of %d was closed %d times, want once", i+1, len(b.all), n)
		}
	}
}

// equalButContext compares the exported fields of two requests.
func equalButContext(t testing.TB, what string, got, want *http.Request) {
	t.Helper()
	a, b := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range a.NumField() {
		f := a.Type().Field(i)
		switch {
		case !f.IsExported():
		case f.Type.Kind() == reflect.Func:
			if a.Field(i).Pointer() != b.Field(i).Pointer() {
				t.Errorf("L8: %s has another %s", what, f.Name)
			}
		case f.Name == "Body":
			if got.Body != want.Body {
				t.Errorf("L8: %s has another Body", what)
			}
		case !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()):
			t.Errorf("L8: %s has another %s: %v, was %v", what, f.Name, a.Field(i), b.Field(i))
		}
	}
}
