package bodies_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth/internal/bodies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A body counts its closes, and reads as told.
type body struct {
	read   func([]byte) (int, error)
	closes atomic.Int32
}

func (b *body) Read(p []byte) (int, error) { return b.read(p) }

func (b *body) Close() error { b.closes.Add(1); return nil }

func text(s string) *body { return &body{read: strings.NewReader(s).Read} }

func request(t *testing.T, b io.ReadCloser) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://api.acme.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Body, req.GetBody = b, func() (io.ReadCloser, error) { return text("again"), nil }
	return req
}

// TestL8_WhatIsWatched: all but what http.NewRequest makes, and that cannot be
// told from it.
func TestL8_WhatIsWatched(t *testing.T) {
	for name, test := range map[string]struct {
		body io.ReadCloser
		want bool
	}{
		"none":           {nil, false},
		"NoBody":         {http.NoBody, false},
		"bytes.Reader":   {io.NopCloser(bytes.NewReader(nil)), false},
		"bytes.Buffer":   {io.NopCloser(new(bytes.Buffer)), false},
		"strings.Reader": {io.NopCloser(strings.NewReader("")), false},
		"a reader":       {io.NopCloser(struct{ io.Reader }{strings.NewReader("")}), true},
		"writes itself":  {io.NopCloser(bufio.NewReader(strings.NewReader(""))), true},
		"nothing":        {io.NopCloser(nil), true},
		"of its own":     {text(""), true},
	} {
		req := request(t, test.body)
		if got := bodies.Unwatched(req); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
		sent := bodies.Watch(req)
		if (sent != test.body) != test.want {
			t.Errorf("%s: got %T", name, sent)
		}
		if !test.want && !bodies.Closed(t.Context(), sent, 0) {
			t.Errorf("%s is waited for", name)
		}
		bodies.Attach(req, sent)
		if bodies.Unwatched(req) || bodies.Watch(req) != sent {
			t.Errorf("%s is watched twice", name)
		}
	}
	req := request(t, text(""))
	req.GetBody = nil
	if bodies.Unwatched(req) {
		t.Error("a body that cannot be had again")
	}
}

// TestL8_AllBodiesOfACall are waited for: the first, that which net/http opens
// instead, and that of a layer beneath.
func TestL8_AllBodiesOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := text("first")
		req := request(t, first)
		sent := bodies.Watch(req)
		out := req.Clone(t.Context())
		bodies.Attach(out, sent)
		second, err := out.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		beneath := out.Clone(t.Context())
		bodies.Attach(beneath, bodies.Watch(out))
		third, err := bodies.Reopen(beneath, beneath.Body)
		if err != nil {
			t.Fatal(err)
		}
		out.GetBody = func() (io.ReadCloser, error) { return second, nil }
		if b, err := bodies.Reopen(out, sent); b != second || err != nil {
			t.Errorf("watched twice: %T, %v", b, err)
		}
		for _, b := range []io.Closer{sent, sent, third, third} {
			_ = b.Close()
			if bodies.Closed(t.Context(), sent, time.Minute) {
				t.Error("one is open")
			}
		}
		time.AfterFunc(time.Second, func() { _ = second.Close() })
		began := time.Now()
		if !bodies.Closed(t.Context(), sent, time.Minute) || time.Since(began) != time.Second {
			t.Errorf("waited %v", time.Since(began))
		}
		if n := first.closes.Load(); n != 1 {
			t.Errorf("closed %d times", n)
		}
		last, _ := bodies.Reopen(req, sent)
		if bodies.Closed(t.Context(), sent, 0) {
			t.Error("another one is open")
		}
		_ = last.Close()
		if !bodies.Closed(t.Context(), sent, 0) {
			t.Error("none is open")
		}
	})
}

// TestL8_ClosedWhileItIsRead: HTTP/2 does that. What the read takes of a stream is
// gone, so it is waited for, and there is no other.
func TestL8_ClosedWhileItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		b := &body{read: func([]byte) (int, error) { <-let; return 0, errors.New("closed") }}
		sent := bodies.Watch(request(t, b))
		go func() { _, _ = sent.Read(nil) }()
		synctest.Wait()
		_ = sent.Close()
		if bodies.Closed(t.Context(), sent, time.Second) {
			t.Error("it is being read")
		}
		if _, err := sent.Read(make([]byte, 1)); err != http.ErrBodyReadAfterClose {
			t.Errorf("read after it was closed: %v", err)
		}
		close(let)
		if !bodies.Closed(t.Context(), sent, time.Second) {
			t.Error("it is closed")
		}
		if err := bodies.Failed(sent); err != nil {
			t.Errorf("closing it made it fail: %v", err)
		}
	})
}

// TestFailed: the end is no failure, and another attempt has its own.
func TestFailed(t *testing.T) {
	broken := errors.New("the disk is gone")
	req := request(t, &body{read: func([]byte) (int, error) { return 0, broken }})
	sent := bodies.Watch(req)
	_, _ = io.ReadAll(sent)
	if err := bodies.Failed(sent); err != broken {
		t.Errorf("got %v", err)
	}
	_ = sent.Close()
	again, _ := bodies.Reopen(req, sent)
	if got, err := io.ReadAll(again); string(got) != "again" || err != nil || bodies.Failed(again) != nil {
		t.Errorf("read %q, %v, %v", got, err, bodies.Failed(again))
	}
	if err := bodies.Failed(io.NopCloser(nil)); err != nil {
		t.Error(err)
	}
}

// TestL8_RewoundInMemory: a copy is fine, the same reader is not.
func TestL8_RewoundInMemory(t *testing.T) {
	r := strings.NewReader("once")
	req := request(t, io.NopCloser(r))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
	if b, err := bodies.Reopen(req, req.Body); b != nil || err != bodies.ErrRewound {
		t.Errorf("got %v, %v", b, err)
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("once")), nil }
	if _, err := bodies.Reopen(req, req.Body); err != nil {
		t.Error(err)
	}
}

// TestL10_PrefixTwice: the wait for it is spent once, and it is the same.
func TestL10_PrefixTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		resp := &http.Response{Body: r}
		ahead := bodies.ReadAhead(resp)
		go func() { _, _ = io.WriteString(w, "the beginning") }()
		began := time.Now()
		first := string(ahead.Prefix())
		second := string(ahead.Prefix())
		if took := time.Since(began); took != bodies.Wait || first != "the beginning" || second != first {
			t.Errorf("got %q and %q after %v", first, second, took)
		}
		ahead.Cut()
		got, err := io.ReadAll(resp.Body)
		if string(got) != first || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after the cut: %q, %v", got, err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestL10_CutAtTheEnd: of a response that was read to its end, nothing is lost.
func TestL10_CutAtTheEnd(t *testing.T) {
	b := text("all of it")
	resp := &http.Response{Body: b}
	ahead := bodies.ReadAhead(resp)
	ahead.Prefix()
	ahead.Cut()
	if got, err := io.ReadAll(resp.Body); string(got) != "all of it" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	_ = resp.Body.Close()
	if n := b.closes.Load(); n != 1 {
		t.Errorf("closed %d times", n)
	}
}
