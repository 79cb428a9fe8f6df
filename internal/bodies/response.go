package bodies

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// What is read of a response that is not yet given to the caller is bounded in
// bytes and in time. A server that trickles must not hold up a repeat or a
// diagnosis.
const (
	PrefixLimit = 16 << 10 // of what Prefix returns
	// discardLimit is how much more is read of a response that is thrown away,
	// so that its connection can be used again.
	discardLimit = 256 << 10
	// Wait is how long is waited for something that a server can hold up.
	Wait = time.Second
)

// An Ahead is a response body whose beginning is read in the background. The
// caller reads all of it, from the start, at the pace of the wire.
type Ahead struct {
	rc    io.ReadCloser
	until <-chan time.Time // when waiting for the beginning ends
	timer *time.Timer
	ended chan struct{} // closed when the background reader has stopped
	// enough, if set, says of what was read that it will do.
	enough func([]byte) bool

	waited sync.Once
	closed sync.Once

	mu   sync.Mutex
	head []byte // what Prefix returns
	buf  []byte // what was read; out of it, from is given out
	from int
	err  error // of the background reader
	stop bool
	cut  bool
}

// errCut is what a caller reads who was given the rest of a body that is cut.
var errCut = fmt.Errorf("transport: the rest of the response was given up, to end the sending of the request's body: %w", io.ErrUnexpectedEOF)

// ReadAhead starts to read the beginning of resp.Body, and replaces the body by
// one that misses nothing. One that is being read ahead is returned as it is.
func ReadAhead(resp *http.Response) *Ahead {
	if b, ok := resp.Body.(*Ahead); ok {
		return b
	}
	return LookAhead(resp, Wait, nil)
}

// LookAhead is ReadAhead that waits for another while, and no longer than until
// enough says that what was read will do.
func LookAhead(resp *http.Response, wait time.Duration, enough func([]byte) bool) *Ahead {
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	timer := time.NewTimer(wait)
	b := &Ahead{rc: resp.Body, timer: timer, until: timer.C, ended: make(chan struct{}), enough: enough}
	resp.Body = b
	go b.fill()
	return b
}

func (b *Ahead) fill() {
	defer close(b.ended)
	chunk := make([]byte, 4<<10)
	for {
		n, err := b.rc.Read(chunk)
		b.mu.Lock()
		b.buf = append(b.buf, chunk[:n]...)
		b.err = err
		over := err != nil || b.stop || len(b.buf) >= PrefixLimit || b.enough != nil && b.enough(b.buf)
		b.mu.Unlock()
		if over {
			return
		}
	}
}

// Prefix returns the beginning, after waiting for it as long as is allowed. It
// returns the same each time.
func (b *Ahead) Prefix() []byte {
	b.waited.Do(func() {
		select {
		case <-b.ended:
		case <-b.until:
		}
		b.timer.Stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.stop = true
		n := min(len(b.buf), PrefixLimit)
		b.head = b.buf[:n:n]
	})
	return b.head
}

// Cut closes the body underneath, which makes net/http end the sending of the
// request. What was read stays readable.
func (b *Ahead) Cut() {
	b.mu.Lock()
	b.cut = true
	b.mu.Unlock()
	_ = b.Close()
}

// Discard reads on for a bounded while, so that the connection can be used
// again, and closes. A body that stalls already is closed at once.
func (b *Ahead) Discard() {
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
	timer := time.NewTimer(Wait)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	}
}

// Read gives out what was read ahead, and then what comes.
func (b *Ahead) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.stop = true
	n := copy(p, b.buf[b.from:])
	b.from += n
	cut := b.cut
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
	switch {
	case cut && b.err != io.EOF:
		return 0, errCut
	case b.err != nil:
		return 0, b.err
	}
	return b.rc.Read(p)
}

// Close closes the body underneath, which ends a read that is under way.
func (b *Ahead) Close() error {
	b.timer.Stop()
	b.mu.Lock()
	b.stop = true
	b.mu.Unlock()
	var err error
	b.closed.Do(func() { err = b.rc.Close() })
	return err
}
