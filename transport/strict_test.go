package transport_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// TestStrict: a diagnosis is the error, through http.Client too, and the
// response is closed. Everything else passes.
func TestStrict(t *testing.T) {
	closes := new(atomic.Int32)
	w := &wire{answer: func(int, sent) (*http.Response, error) {
		resp := refusal()
		resp.Body = countedBody{strings.NewReader("why"), closes}
		return resp, nil
	}}
	tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
	client := &http.Client{Transport: transport.Strict(tr)}
	resp, err := client.Do(newRequest(t, http.MethodGet, acme+"/v1/me", nil))
	if err == nil || resp != nil {
		t.Fatalf("got %v, %v", resp, err)
	}
	e := wantCause(t, err, auth.InvalidCredential)
	if !errors.Is(err, auth.InvalidCredential) || e.Response.Status != 401 {
		t.Errorf("got %v", err)
	}
	wantEqual(t, "what it said", e.Response.Body, "why")
	wantEqual(t, "closes of the response", closes.Load(), 1)

	if resp, err := transport.Strict(tr).RoundTrip(newRequest(t, http.MethodGet, acme, nil)); err == nil || resp != nil {
		t.Errorf("both or neither: %v, %v", resp, err)
	}

	for status, body := range map[int]string{200: "fine", 403: "no", 404: "nothing", 500: "broken"} {
		w.answer = always(func() *http.Response { return response(status, body) })
		got := do(t, transport.Strict(tr), newRequest(t, http.MethodGet, acme, nil))
		wantStatus(t, got, status)
		wantEqual(t, "body", got.body, body)
	}
	w.answer = func(int, sent) (*http.Response, error) { return nil, errWire }
	if _, err := transport.Strict(tr).RoundTrip(newRequest(t, http.MethodGet, acme, nil)); err != errWire {
		t.Errorf("got %v, want the error as it is", err)
	}
	w.answer = always(refusal) // of somebody else: explained, and so an error
	_, err = client.Do(newRequest(t, http.MethodGet, "https://other.example", nil))
	wantCause(t, err, auth.NotSent)
}

// TestStrictAloneIsHarmless: without a transport of ours below, nothing is
// diagnosed; nil means the default.
func TestStrictAloneIsHarmless(t *testing.T) {
	rt := transport.Strict(&wire{answer: always(refusal)})
	wantStatus(t, fetch(t, rt, newRequest(t, http.MethodGet, acme, nil)), 401)
	if _, err := transport.Strict(nil).RoundTrip(&http.Request{Method: "?"}); err == nil {
		t.Error("the default transport took a request without a URL")
	}
}

// TestCloseIdleConnections goes through both layers, to a base that has it.
func TestCloseIdleConnections(t *testing.T) {
	w := &wire{answer: always(fine)}
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w})
	client := &http.Client{Transport: transport.Strict(tr)}
	client.CloseIdleConnections()
	wantEqual(t, "calls", w.idle, 1)

	without := newTransport(t, transport.Config{Source: values("T1"), Base: roundTripper(w.RoundTrip)})
	(&http.Client{Transport: transport.Strict(without)}).CloseIdleConnections()
	(&http.Client{Transport: transport.Strict(roundTripper(w.RoundTrip))}).CloseIdleConnections()
	wantEqual(t, "calls", w.idle, 1)
}

// TestFromResponseSurvives: http.Client's Timeout puts a body of its own around
// ours, and so do layers outside. The diagnosis is still there.
func TestFromResponseSurvives(t *testing.T) {
	w := &wire{answer: always(refusal)}
	tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
	swap := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := tr.RoundTrip(req.Clone(req.Context()))
		if err == nil {
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			resp.Body = io.NopCloser(strings.NewReader(strings.ToUpper(string(text))))
		}
		return resp, err
	})
	copying := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := swap(req)
		if err != nil {
			return nil, err
		}
		other := *resp
		return &other, nil
	})
	for name, client := range map[string]*http.Client{
		"bare":            {Transport: tr},
		"timeout":         {Transport: tr, Timeout: time.Hour},
		"swapped":         {Transport: swap},
		"swapped, copied": {Transport: copying, Timeout: time.Hour},
	} {
		resp, err := client.Do(newRequest(t, http.MethodGet, acme, nil))
		if err != nil {
			t.Fatal(err)
		}
		got := drained(t, resp)
		if e := got.diagnosis(); e == nil || e.Response.Status != 401 {
			t.Errorf("%s: diagnosis %v", name, e)
		}
		if got.body == "" {
			t.Errorf("%s: no body", name)
		}
	}
	if _, ok := auth.FromResponse(response(401, "")); ok {
		t.Error("a diagnosis from nowhere")
	}
}
