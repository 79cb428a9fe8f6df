package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
	"github.com/reauth-go/reauth/transport/retry"
)

// An upload is a stream of which there is one, such as a file. As with several
// SDKs, Close leaves it open and GetBody rewinds it.
type upload struct {
	text string
	wrap func(io.Reader) io.ReadCloser

	mu sync.Mutex
	at int
}

func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := copy(p, u.text[u.at:])
	if u.at += n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (u *upload) attach(req *http.Request) {
	req.Body, req.ContentLength = u.wrap(u), int64(len(u.text))
	req.GetBody = func() (io.ReadCloser, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.at = 0
		return u.wrap(u), nil
	}
}

// An ownNopCloser is what SDKs have in the place of [io.NopCloser].
type ownNopCloser struct{ io.Reader }

func (ownNopCloser) Close() error { return nil }

// A hasty base answers the first request with an upload at once, and goes on
// reading its body, a piece each millisecond, as net/http does for a server that
// reads on.
type hasty struct {
	answer func() *http.Response
	whole  bool          // the response to it ends
	lasts  time.Duration // after which the sending ends in any case
	heeds  bool          // net/http: ends when the response was read to its end, or is closed
	rewind bool          // net/http: opens the body again, when the connection was dead

	mu    sync.Mutex
	sends [][]byte
	busy  bool
	cut   bool // the response was closed before the sending had ended
	stop  chan struct{}
}

func (h *hasty) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		return response(200, "warm"), nil
	}
	h.mu.Lock()
	n, busy := len(h.sends), h.busy
	h.sends = append(h.sends, nil)
	h.busy = true
	h.mu.Unlock()
	if n > 0 {
		all, err := io.ReadAll(req.Body)
		h.sends[n] = all
		if busy {
			err = errors.New("sent twice at the same time")
		}
		return response(200, "fine"), errors.Join(err, req.Body.Close())
	}
	body := req.Body
	if h.rewind {
		_ = body.Close()
		var err error
		if body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	h.stop = make(chan struct{})
	go func() {
		defer func() {
			h.mu.Lock()
			h.busy = false
			h.mu.Unlock()
			_ = body.Close()
		}()
		over := time.After(h.lasts)
		piece := make([]byte, 10)
		for {
			n, err := body.Read(piece)
			h.mu.Lock()
			h.sends[0] = append(h.sends[0], piece[:n]...)
			h.mu.Unlock()
			if err != nil {
				return
			}
			select {
			case <-time.After(time.Millisecond):
			case <-over:
				return
			case <-h.stop:
				return
			}
		}
	}()
	resp := h.answer()
	resp.Body = &heeding{h: h, text: strings.NewReader("sorry"), closed: make(chan struct{})}
	resp.Request = req
	return resp, nil
}

// A heeding body is that of a hasty base's response.
type heeding struct {
	h      *hasty
	text   *strings.Reader
	closed chan struct{}
	once   sync.Once
}

func (b *heeding) end() {
	b.once.Do(func() {
		close(b.closed)
		if b.h.heeds {
			time.AfterFunc(50*time.Millisecond, func() { close(b.h.stop) })
		}
	})
}

func (b *heeding) Read(p []byte) (int, error) {
	if n, err := b.text.Read(p); err == nil {
		return n, nil
	}
	if b.h.whole {
		b.end()
		return 0, io.EOF
	}
	<-b.closed
	return 0, http.ErrBodyReadAfterClose
}

func (b *heeding) Close() error {
	b.h.mu.Lock()
	b.h.cut = b.h.cut || b.h.busy
	b.h.mu.Unlock()
	b.end()
	return nil
}

// TestL8_NoUploadIsSentWithoutItsBeginning: a server that answers early and reads
// on. Whatever the body is and however its sending ends, it is opened again only
// when that is over; where it does not end, the answer is given to the caller,
// who finds in it what was read of it.
func TestL8_NoUploadIsSentWithoutItsBeginning(t *testing.T) {
	type outcome struct {
		status int
		most   time.Duration
	}
	const never = time.Hour // or until it is sent, after 5 seconds
	for _, test := range []struct {
		status int
		whole  bool
		lasts  time.Duration
		heeds  bool
		want   outcome
	}{
		{401, true, never, true, outcome{200, 100 * time.Millisecond}},
		{401, true, 0, false, outcome{200, 100 * time.Millisecond}},
		{401, true, 100 * time.Millisecond, false, outcome{200, 200 * time.Millisecond}},
		{401, true, 900 * time.Millisecond, false, outcome{200, time.Second}},
		{401, true, never, false, outcome{401, 1300 * time.Millisecond}},
		{401, false, never, true, outcome{200, 1400 * time.Millisecond}}, // a second for the rest of the response
		{401, false, 0, false, outcome{200, 1100 * time.Millisecond}},
		{401, false, 1500 * time.Millisecond, false, outcome{200, 1600 * time.Millisecond}},
		{401, false, never, false, outcome{401, 2300 * time.Millisecond}},
		{503, true, never, true, outcome{200, time.Second}}, // the wait is up to a second
		{503, true, 900 * time.Millisecond, false, outcome{200, time.Second}},
		{503, true, never, false, outcome{503, time.Second}},
		{503, false, never, true, outcome{503, time.Second}}, // not closed: it is the caller's
		{503, false, 900 * time.Millisecond, false, outcome{200, 2 * time.Second}},
		{503, false, never, false, outcome{503, time.Second}},
	} {
		for name, wrap := range map[string]func(io.Reader) io.ReadCloser{
			"io.NopCloser": io.NopCloser,
			"of its own":   func(r io.Reader) io.ReadCloser { return ownNopCloser{r} },
		} {
			for _, rewinds := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d/whole %v/lasts %v/heeds %v/%s/rewinds %v", test.status, test.whole, test.lasts, test.heeds, name, rewinds), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := &hasty{whole: test.whole, lasts: test.lasts, heeds: test.heeds, rewind: rewinds}
						h.answer = func() *http.Response { return response(test.status, "", "Www-Authenticate", badToken) }
						tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: h})
						warm(t, tr)
						rt, err := retry.New(tr, retry.Config{})
						if err != nil {
							t.Fatal(err)
						}
						// Far more than is read in the times above.
						body := &upload{text: strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 1500), wrap: wrap}
						req := newRequest(t, http.MethodPut, acme, nil)
						body.attach(req)
						before := snap(req)
						began := time.Now()
						resp, err := rt.RoundTrip(req)
						if err != nil {
							t.Fatal(err)
						}
						wantEqual(t, "status", resp.StatusCode, test.want.status)
						if took := time.Since(began); took > test.want.most {
							t.Errorf("it took %v, at most %v expected", took, test.want.most)
						}
						h.mu.Lock()
						// A connection is given up only if there is no other way.
						wantEqual(t, "response cut", h.cut, test.status == 401 && test.lasts > 250*time.Millisecond && !(test.whole && test.heeds))
						h.mu.Unlock()
						before.wantUnchanged(t)
						before.wantEqualTo(t, resp.Request)
						if resp.StatusCode == 200 {
							wantEqual(t, "what was sent is whole", string(h.sends[1]) == body.text, true)
						} else {
							wantEqual(t, "attempts", len(h.sends), 1)
							text := make([]byte, 5)
							if _, err := io.ReadFull(resp.Body, text); string(text) != "sorry" {
								t.Errorf("read %q, %v", text, err)
							}
							if test.whole {
								if n, err := resp.Body.Read(text); n != 0 || err != io.EOF {
									t.Errorf("after that: %d, %v", n, err)
								}
							} else if test.status == 401 {
								if n, err := resp.Body.Read(text); n != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
									t.Errorf("after that: %d, %v", n, err)
								}
							}
							if e, diagnosed := auth.FromResponse(resp); diagnosed != (test.status == 401) {
								t.Errorf("diagnosis %v", e)
							}
						}
						_ = resp.Body.Close()
						time.Sleep(10 * time.Second) // until the sending has ended
						h.mu.Lock()
						defer h.mu.Unlock()
						if !strings.HasPrefix(body.text, string(h.sends[0])) {
							t.Error("the first attempt sent something else")
						}
					})
				})
			}
		}
	}
}

// TestL8_NextCallHasTheNewCredential: where the body cannot be sent again.
func TestL8_NextCallHasTheNewCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hasty{whole: true, lasts: 3 * time.Second, answer: refusal}
		w := accepts("Bearer T1")
		tokens := values("T1", "T2")
		tr := newTransport(t, transport.Config{Source: tokens, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Body != nil {
				return h.RoundTrip(req)
			}
			return w.RoundTrip(req)
		})})
		warm(t, tr)
		body := &upload{text: strings.Repeat("x", 54000), wrap: io.NopCloser}
		req := newRequest(t, http.MethodPut, acme, nil)
		body.attach(req)
		wantStatus(t, fetch(t, tr, req), 401)
		w.answer = onlyT2
		wantStatus(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)), 200)
		wantEqual(t, "exchanges", tokens.exchanges(), 1)
		time.Sleep(3 * time.Second)
	})
}

// TestL8_ContextEndsWhileTheBodyIsSent: nobody waits for a caller who has left.
func TestL8_ContextEndsWhileTheBodyIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hasty{whole: true, lasts: 3 * time.Second, answer: refusal}
		tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: h})
		warm(t, tr)
		body := &upload{text: strings.Repeat("x", 54000), wrap: io.NopCloser}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		req := newRequest(t, http.MethodPut, acme, nil).WithContext(ctx)
		body.attach(req)
		began := time.Now()
		resp, err := tr.RoundTrip(req)
		if resp != nil || err != ctx.Err() || err == nil {
			t.Errorf("got %v, %v", resp, err)
		}
		wantEqual(t, "time taken", time.Since(began), 100*time.Millisecond)
		time.Sleep(3 * time.Second)
	})
}

// TestL8_BodyInMemoryThatIsRewound: nobody can tell whether it is still being
// sent, so it is not sent again.
func TestL8_BodyInMemoryThatIsRewound(t *testing.T) {
	w := accepts("Bearer T1")
	tr := newTransport(t, transport.Config{Source: values("T1", "T2"), Base: w})
	warm(t, tr)
	w.answer = onlyT2
	one := strings.NewReader("once")
	req := newRequest(t, http.MethodPut, acme, one)
	req.GetBody = func() (io.ReadCloser, error) {
		_, err := one.Seek(0, io.SeekStart)
		return io.NopCloser(one), err
	}
	wantStatus(t, fetch(t, tr, req), 401)
	wantStatus(t, fetch(t, tr, newRequest(t, http.MethodPut, acme, strings.NewReader("once"))), 200)
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
