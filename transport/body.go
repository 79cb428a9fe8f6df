package transport

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"sync"
	"time"
)

// What is read of a refusal's body is bounded in bytes and in time. A server
// that trickles must not hold up a repeat or a diagnosis.
const (
	prefixLimit = 16 << 10
	// discardLimit is how much more is read of a response that is thrown away,
	// so that its connection can be used again.
	discardLimit = 256 << 10
	bodyWait     = time.Second
)

// tracked is a request body that tells when the base transport is done with it.
// That may be after its RoundTrip has returned, and until then it may still
// read: [http.RoundTripper] wants whoever uses a body again to wait for Close.
// GetBody functions that rewind the one stream that they have are not rare.
type tracked struct {
	io.ReadCloser
	once   sync.Once
	closed chan struct{}
}

// track returns the body to send, and what to wait for before it is opened
// again: nil if it cannot be, or if its Close does nothing. The latter is what
// [http.NewRequest] makes of a body in memory, whose GetBody copies; net/http
// sends it together with the header only as long as nobody wraps it.
func track(req *http.Request) (io.ReadCloser, *tracked) {
	if req.Body == nil || req.Body == http.NoBody || req.GetBody == nil {
		return req.Body, nil
	}
	switch reflect.TypeOf(req.Body) {
	case nopCloser, nopCloserWriterTo:
		return req.Body, nil
	}
	b := &tracked{ReadCloser: req.Body, closed: make(chan struct{})}
	return b, b
}

var (
	nopCloser         = reflect.TypeOf(io.NopCloser(nil))
	nopCloserWriterTo = reflect.TypeOf(io.NopCloser(struct {
		io.Reader
		io.WriterTo
	}{}))
)

func (b *tracked) Close() error {
	defer b.once.Do(func() { close(b.closed) })
	return b.ReadCloser.Close()
}

// settle waits for Close, for a bounded while: a server that does not read holds
// it up.
func (b *tracked) settle(ctx context.Context) {
	if b == nil {
		return
	}
	timer := time.NewTimer(bodyWait)
	defer timer.Stop()
	select {
	case <-b.closed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ahead is a response body whose beginning is read in the background. The
// caller reads all of it, from the start, at the pace of the wire.
type ahead struct {
	rc    io.ReadCloser
	until <-chan time.Time // when waiting for the beginning ends
	timer *time.Timer
	ended chan struct{} // closed when the background reader has stopped

	mu   sync.Mutex
	buf  []byte // what was read; out of it, from is given out
	from int
	err  error // of the background reader
	stop bool
}

// readAhead starts to read the beginning of resp.Body, and replaces the body by
// one that misses nothing.
func readAhead(resp *http.Response) *ahead {
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	timer := time.NewTimer(bodyWait)
	b := &ahead{rc: resp.Body, timer: timer, until: timer.C, ended: make(chan struct{})}
	resp.Body = b
	go b.fill()
	return b
}

func (b *ahead) fill() {
	defer close(b.ended)
	chunk := make([]byte, 4<<10)
	for {
		n, err := b.rc.Read(chunk)
		b.mu.Lock()
		b.buf = append(b.buf, chunk[:n]...)
		b.err = err
		over := err != nil || b.stop || len(b.buf) >= prefixLimit
		b.mu.Unlock()
		if over {
			return
		}
	}
}

// prefix returns the beginning, after waiting for it as long as is allowed.
func (b *ahead) prefix() []byte {
	select {
	case <-b.ended:
	case <-b.until:
	}
	b.timer.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop = true
	return b.buf[:min(len(b.buf), prefixLimit):min(len(b.buf), prefixLimit)]
}

// discard reads on for a bounded while, so that the connection can be used
// again, and closes. A body that stalls already is closed at once.
func (b *ahead) discard() {
	defer func() { _ = b.Close() }()
	select {
	case <-b.ended:
	default:
		return
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.CopyN(io.Discard, b, discardLimit)
	}()
	timer := time.NewTimer(bodyWait)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	}
}

// Read gives out what was read ahead, and then what comes.
func (b *ahead) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.stop = true
	n := copy(p, b.buf[b.from:])
	b.from += n
	b.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	<-b.ended // after which buf and err stay as they are
	if b.from < len(b.buf) {
		n := copy(p, b.buf[b.from:])
		b.from += n
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.rc.Read(p)
}

// Close closes the body underneath, which ends a read that is under way.
func (b *ahead) Close() error {
	b.timer.Stop()
	b.mu.Lock()
	b.stop = true
	b.mu.Unlock()
	return b.rc.Close()
}
