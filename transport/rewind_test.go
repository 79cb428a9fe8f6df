package transport_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/transport"
)

// A rewinder is a body of which there is one, as several SDKs have it: GetBody
// rewinds what may still be read.
type rewinder struct {
	*strings.Reader
	closed atomic.Bool
	stolen bool // whether it was rewound before it was closed
}

func (r *rewinder) Close() error { r.closed.Store(true); return nil }

func (r *rewinder) rewind() (io.ReadCloser, error) {
	r.stolen = !r.closed.Swap(false)
	_, err := r.Seek(0, io.SeekStart)
	return r, err
}

// TestL8_BodyIsOpenedAgainOnceItIsClosed: a base transport may return before it
// has closed the body, and reads on until then. One that never closes it holds
// the repeat up for a bounded while.
func TestL8_BodyIsOpenedAgainOnceItIsClosed(t *testing.T) {
	for _, test := range []struct {
		name         string
		after, takes time.Duration
	}{
		{"at once", 0, 0},
		{"after a while", 100 * time.Millisecond, 100 * time.Millisecond},
		{"never", time.Hour, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				base := roundTripper(func(req *http.Request) (*http.Response, error) {
					if req.Body == nil {
						return response(200, "warm"), nil
					}
					text, _ := io.ReadAll(req.Body)
					got = append(got, string(text))
					if len(got) > 1 {
						return response(200, "fine"), req.Body.Close()
					}
					go func() { time.Sleep(test.after); _ = req.Body.Close() }()
					return refusal(), nil
				})
				tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: base})
				warm(t, tr)
				body := &rewinder{Reader: strings.NewReader("once")}
				req := newRequest(t, http.MethodPut, acme, nil)
				req.Body, req.GetBody, req.ContentLength = body, body.rewind, 4
				began := time.Now()
				wantStatus(t, fetch(t, tr, req), 200)
				wantEqual(t, "what was sent", got, []string{"once", "once"})
				wantEqual(t, "time taken", time.Since(began), test.takes)
				wantEqual(t, "rewound before it was closed", body.stolen, test.takes < test.after)
				time.Sleep(test.after) // until the base transport has ended
			})
		})
	}
}

// TestL8_BodyInMemoryIsSentAsItIs: net/http sends the body of http.NewRequest
// in one write with the header, as long as it can see what it is.
func TestL8_BodyInMemoryIsSentAsItIs(t *testing.T) {
	for _, body := range []io.Reader{bytes.NewReader([]byte("body")), strings.NewReader("body"), bytes.NewBufferString("body")} {
		req := newRequest(t, http.MethodPost, acme, body)
		same := false
		base := roundTripper(func(out *http.Request) (*http.Response, error) {
			same = out.Body == req.Body
			return response(200, "fine"), out.Body.Close()
		})
		fetch(t, newTransport(t, transport.Config{Source: values("T1"), Base: base}), req)
		wantEqual(t, "the same body", same, true)
	}
}
