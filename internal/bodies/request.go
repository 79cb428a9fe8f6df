// Package bodies has what it takes to send a request's body twice.
//
// A base transport may answer before it has read a body to its end: the server
// refuses early, and reads on. [http.RoundTripper] wants whoever uses the body
// again to wait for Close. GetBody functions that rewind the one stream that they
// have are not rare, and a stream that is rewound while it is being sent reaches
// the server without its beginning, under a status that says that all is well.
//
// [Watch] returns a body that tells when it was closed; [Closed] waits for that,
// and comes before each [Reopen]. All bodies of one call are watched together:
// net/http, too, opens them again, when a connection turns out to be dead.
package bodies

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"
)

// ErrRewound says that GetBody gave a reader in memory that was sent before. It
// is not watched, and may still be read.
var ErrRewound = errors.New("GetBody rewinds the request's body, which may still be being sent")

// A call knows the bodies that were opened for one request.
type call struct {
	mu   sync.Mutex
	open int
	free chan struct{} // closed when none is open any more
	err  error         // the first that reading one ended in, in this attempt
}

// A watched body is done with when Close has returned and no Read is under way:
// HTTP/2 closes bodies while they are read.
type watched struct {
	rc   io.ReadCloser
	call *call

	// Guarded by call.mu.
	reads   int
	closing bool
	closed  bool
}

// Unwatched reports whether req has a body that [Watch] would wrap: one that can
// be opened again, that is not of [http.NewRequest]'s making, and that is not
// watched already.
func Unwatched(req *http.Request) bool {
	if req.Body == nil || req.Body == http.NoBody || req.GetBody == nil {
		return false
	}
	if _, ok := req.Body.(*watched); ok {
		return false
	}
	return inMemory(req.Body) == nil
}

// Watch returns the body to send for req. It is the request's own where there is
// nothing to watch. What [http.NewRequest] makes of a reader in memory, it copies
// in GetBody; net/http sends it together with the header as long as nobody wraps
// it.
func Watch(req *http.Request) io.ReadCloser {
	if !Unwatched(req) {
		return req.Body
	}
	return new(call).watch(req.Body)
}

var nopCloser = reflect.TypeOf(io.NopCloser(new(bytes.Reader)))

// inMemory returns the reader in memory that a body consists of, or nil.
func inMemory(body io.ReadCloser) io.Reader {
	if reflect.TypeOf(body) != nopCloser {
		return nil
	}
	switch r := reflect.ValueOf(body).Field(0).Interface().(type) {
	case *bytes.Buffer:
		return r
	case *bytes.Reader:
		return r
	case *strings.Reader:
		return r
	}
	return nil
}

func (c *call) watch(rc io.ReadCloser) io.ReadCloser {
	if rc == nil || rc == http.NoBody {
		return rc
	}
	if w, ok := rc.(*watched); ok && w.call == c {
		return rc
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 0 {
		c.free = make(chan struct{})
	}
	c.open++
	return &watched{rc: rc, call: c}
}

// Attach makes body the body of req. What req.GetBody opens is watched with it.
func Attach(req *http.Request, body io.ReadCloser) {
	req.Body = body
	w, ok := body.(*watched)
	if !ok {
		return
	}
	open := req.GetBody
	req.GetBody = func() (io.ReadCloser, error) {
		rc, err := open()
		if err != nil {
			return nil, err
		}
		return w.call.watch(rc), nil
	}
}

// Closed reports whether body, and all that was opened in its place, is done
// with, after waiting for that as long as is allowed. Of what is not watched it
// says so.
func Closed(ctx context.Context, body io.ReadCloser, wait time.Duration) bool {
	w, ok := body.(*watched)
	if !ok {
		return true
	}
	w.call.mu.Lock()
	free := w.call.free
	w.call.mu.Unlock()
	select {
	case <-free:
		return true
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-free:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// Reopen returns the body for the next attempt; last is that of the one before,
// and [Closed].
func Reopen(req *http.Request, last io.ReadCloser) (io.ReadCloser, error) {
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	if w, ok := last.(*watched); ok {
		w.call.mu.Lock()
		w.call.err = nil
		w.call.mu.Unlock()
		return w.call.watch(body), nil
	}
	if r := inMemory(last); r != nil && body != nil && r == inMemory(body) {
		_ = body.Close()
		return nil, ErrRewound
	}
	return body, nil
}

// Failed returns the error that reading a watched body ended in, of its own
// accord and not because it was closed. Sending it again would not help.
func Failed(body io.ReadCloser) error {
	w, ok := body.(*watched)
	if !ok {
		return nil
	}
	w.call.mu.Lock()
	defer w.call.mu.Unlock()
	return w.call.err
}

// Read touches the body no more once it is being closed: by then it may have been
// opened again.
func (w *watched) Read(p []byte) (int, error) {
	c := w.call
	c.mu.Lock()
	if w.closing {
		c.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	w.reads++
	c.mu.Unlock()
	defer func() { // also if it panics
		c.mu.Lock()
		w.reads--
		w.release()
		c.mu.Unlock()
	}()
	n, err := w.rc.Read(p)
	if err != nil && err != io.EOF {
		c.mu.Lock()
		if !w.closing && c.err == nil {
			c.err = err
		}
		c.mu.Unlock()
	}
	return n, err
}

// Close closes the body, once.
func (w *watched) Close() error {
	c := w.call
	c.mu.Lock()
	again := w.closing
	w.closing = true
	c.mu.Unlock()
	if again {
		return nil
	}
	defer func() {
		c.mu.Lock()
		w.closed = true
		w.release()
		c.mu.Unlock()
	}()
	return w.rc.Close()
}

// release takes a body off the list, which is at most once the case.
func (w *watched) release() {
	if !w.closed || w.reads > 0 {
		return
	}
	if w.call.open--; w.call.open == 0 {
		close(w.call.free)
	}
}
