package authtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// memory is a round tripper that calls handlers instead of opening
// connections. Client and handler run side by side, as they do over a socket:
// the headers arrive when the handler flushes or has written more than a small
// buffer holds, bodies stream both ways, and either side can leave.
type memory struct {
	closing   context.Context
	origins   map[string]http.Handler
	elsewhere http.Handler

	mu       sync.Mutex
	closed   bool
	handlers sync.WaitGroup
}

// wait ends when no handler runs any more. The caller has cancelled closing.
func (m *memory) wait() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.handlers.Wait()
}

func (m *memory) RoundTrip(req *http.Request) (*http.Response, error) {
	body := &requestBody{from: req.Body, left: req.ContentLength}
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		body.from, body.left = http.NoBody, 0
	case req.ContentLength <= 0:
		body.left = -1
	}
	ctx := req.Context()
	x, err := m.begin(req, body)
	if err == nil {
		select {
		case started := <-x.started:
			if started.err == nil {
				return started.response, nil
			}
			err = started.err
		case <-ctx.Done():
			err = context.Cause(ctx)
			x.leave(err)
		}
	}
	_ = body.Close()
	return nil, err
}

// begin starts the handler.
func (m *memory) begin(req *http.Request, body *requestBody) (*exchange, error) {
	ctx := req.Context()
	if err := valid(req); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	handler := m.origins[origin(req.URL)]
	if handler == nil {
		handler = m.elsewhere
	}
	x := newExchange(req, body)
	handling, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	received := x.received().WithContext(handling)

	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.closing.Err() != nil {
		cancel()
		return nil, errClosed
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	m.handlers.Go(func() {
		defer cancel()
		defer context.AfterFunc(m.closing, func() { x.leave(io.ErrUnexpectedEOF); _ = body.Close() })()
		defer func() { x.finish(recover()) }()
		handler.ServeHTTP(x, received)
	})
	return x, nil
}

var (
	errClosed     = errors.New("authtest: the server is closed")
	errBodyClosed = errors.New("authtest: read on closed response body")
)

// valid checks what [http.Transport] checks. Its errors show no value.
func valid(req *http.Request) error {
	if req.URL == nil || req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return errors.New("authtest: the request has no http or https URL")
	}
	for name, values := range req.Header {
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("authtest: invalid header field value for %q", name)
			}
		}
	}
	return nil
}

// origin returns scheme and host, and the port if it is not the default one.
func origin(u *url.URL) string {
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), port)
	return u.Scheme + "://" + strings.TrimSuffix(host, ".")
}

// A requestBody closes the caller's body once, as soon as it has been read, and
// holds it to its stated length.
type requestBody struct {
	from   io.ReadCloser
	left   int64 // -1: not stated
	end    error // what reading ended with; only the handler's goroutine uses it
	closed atomic.Bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.from.Read(p)
	if b.left >= 0 {
		b.left -= int64(n)
		if b.left < 0 || b.left > 0 && err == io.EOF {
			err = errors.New("authtest: the request's body is not as long as its ContentLength says")
		}
	}
	if err != nil {
		b.end = err
		_ = b.Close()
	}
	return n, err
}

func (b *requestBody) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	return b.from.Close()
}

// An exchange is one request and its answer. The handler's goroutine alone
// uses it, except for started, which is the client's, and leave.
type exchange struct {
	request *http.Request
	body    *requestBody
	cancel  context.CancelFunc // of the handler's context
	gone    atomic.Bool        // the client has left

	header   http.Header
	status   int          // 0: WriteHeader was not called
	sent     http.Header  // the header as it was then
	buffer   bytes.Buffer // what was written before the response started
	written  int64
	response *http.Response // nil: not started
	reader   *io.PipeReader
	writer   *io.PipeWriter

	started chan started // one value
}

// started is the response, its body perhaps still to come, or why there is none.
type started struct {
	response *http.Response
	err      error
}

func newExchange(req *http.Request, body *requestBody) *exchange {
	x := &exchange{request: req, body: body, header: http.Header{}, started: make(chan started, 1)}
	x.reader, x.writer = io.Pipe()
	return x
}

// received returns the request as the handler sees it.
func (x *exchange) received() *http.Request {
	req := x.request
	r := &http.Request{
		Method: cmp.Or(req.Method, http.MethodGet), Host: cmp.Or(req.Host, req.URL.Host), RequestURI: req.URL.RequestURI(),
		URL:   &url.URL{Path: cmp.Or(req.URL.Path, "/"), RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "memory",
		Header: req.Header.Clone(), Body: x.body, ContentLength: x.body.left, TLS: x.tls(),
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.ContentLength < 0 {
		r.TransferEncoding = []string{"chunked"}
	}
	return r
}

func (x *exchange) tls() *tls.ConnectionState {
	if x.request.URL.Scheme != "https" {
		return nil
	}
	return &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: x.request.URL.Hostname()}
}

func (x *exchange) Header() http.Header { return x.header }

func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= 200 { // answers before the answer are not played
		x.status, x.sent = status, x.header.Clone()
	}
}

func (x *exchange) Write(p []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	if !x.hasBody() {
		return len(p), nil
	}
	x.written += int64(len(p))
	const small = 2048
	if x.response == nil && x.buffer.Len()+len(p) <= small {
		return x.buffer.Write(p)
	}
	if err := x.stream(); err != nil {
		return 0, err
	}
	return x.writer.Write(p)
}

func (x *exchange) Flush() {
	x.WriteHeader(http.StatusOK)
	_ = x.stream()
}

func (x *exchange) hasBody() bool {
	return x.request.Method != http.MethodHead && x.status != http.StatusNoContent && x.status != http.StatusNotModified
}

// stream starts the response, if it has not started, and sends what was
// buffered.
func (x *exchange) stream() error {
	if x.response == nil {
		x.start(x.reader)
	}
	if x.buffer.Len() == 0 {
		return nil
	}
	_, err := x.writer.Write(x.buffer.Bytes())
	x.buffer.Reset()
	return err
}

// start hands the response to the client.
func (x *exchange) start(from io.Reader) {
	if x.buffer.Len() > 0 && x.sent.Get("Content-Type") == "" {
		x.sent.Set("Content-Type", http.DetectContentType(x.buffer.Bytes()))
	}
	length, err := strconv.ParseInt(x.sent.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	ctx := x.request.Context()
	x.response = &http.Response{
		Status: fmt.Sprintf("%d %s", x.status, http.StatusText(x.status)), StatusCode: x.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.sent, ContentLength: length, Close: strings.EqualFold(x.sent.Get("Connection"), "close"),
		Request: x.request, TLS: x.tls(),
		Body: &responseBody{
			from: from, ctx: ctx, leave: x.leave,
			stop: context.AfterFunc(ctx, func() { x.leave(context.Cause(ctx)) }),
		},
	}
	x.started <- started{response: x.response}
}

// leave is the client going away, or the connection. What the client still
// reads ends with err; the handler cannot write any more.
func (x *exchange) leave(err error) {
	x.gone.Store(true)
	_ = x.writer.CloseWithError(err)
	x.cancel()
}

// finish ends the answer when the handler has returned or panicked.
func (x *exchange) finish(panicked any) {
	_ = x.body.Close()
	err := x.body.end
	switch {
	case err != nil && err != io.EOF: // the client could not send its body
	case panicked != nil && panicked != http.ErrAbortHandler:
		err = fmt.Errorf("authtest: the handler panicked: %v", panicked)
	case panicked != nil || x.gone.Load():
		err = io.EOF
	default:
		err = nil
	}
	if err != nil {
		if x.response == nil {
			x.started <- started{err: err}
		}
		_ = x.writer.CloseWithError(io.ErrUnexpectedEOF)
		return
	}

	x.WriteHeader(http.StatusOK)
	stated := x.sent.Get("Content-Length")
	short := x.hasBody() && stated != "" && stated != strconv.FormatInt(x.written, 10)
	if x.response == nil && !short {
		if stated == "" && x.hasBody() {
			x.sent.Set("Content-Length", strconv.Itoa(x.buffer.Len()))
		}
		x.start(&x.buffer)
		return
	}
	_ = x.stream()
	if short {
		_ = x.writer.CloseWithError(io.ErrUnexpectedEOF)
		return
	}
	_ = x.writer.Close()
}

// A responseBody is the client's end.
type responseBody struct {
	from   io.Reader
	ctx    context.Context // the client's
	leave  func(error)
	stop   func() bool
	closed atomic.Bool
}

func (b *responseBody) Read(p []byte) (int, error) {
	switch {
	case b.closed.Load():
		return 0, errBodyClosed
	case b.ctx.Err() != nil:
		return 0, context.Cause(b.ctx)
	}
	return b.from.Read(p)
}

func (b *responseBody) Close() error {
	b.closed.Store(true)
	b.stop()
	b.leave(errBodyClosed)
	return nil
}
