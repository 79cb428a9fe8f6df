package transport_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// TestRecorderKeepsTheDiagnosis: whoever sees neither response nor error finds
// it in the context, for every way in which a call can fail, and for that call
// only.
func TestRecorderKeepsTheDiagnosis(t *testing.T) {
	failing := values("T1")
	for _, test := range []struct {
		name string
		src  auth.Source
		base http.RoundTripper
		set  func(*http.Request)
		want auth.Cause
	}{
		{"refused", values("T1"), &wire{answer: always(refusal)}, nil, auth.InvalidCredential},
		{"the caller's own, refused", values("T1"), &wire{answer: always(refusal)}, func(r *http.Request) { r.Header.Set("Authorization", "Bearer mine") }, ""},
		{"nothing to send", auth.Env("REAUTH_TEST_NOT_SET"), &wire{}, nil, auth.MissingCredential},
		{"the proxy", failing, roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("Proxy Authentication Required")
		}), nil, auth.ProxyAuthRequired},
	} {
		t.Run(test.name, func(t *testing.T) {
			heard := &journal{}
			tr := newTransport(t, transport.Config{Source: test.src, Base: test.base, Hook: heard.hook})
			var rec, other auth.Recorder
			for _, r := range []*auth.Recorder{&rec, nil} {
				req := newRequest(t, http.MethodGet, acme, nil)
				if r != nil {
					req = req.WithContext(auth.WithRecorder(req.Context(), r))
				}
				if test.set != nil {
					test.set(req)
				}
				if resp, err := tr.RoundTrip(req); err == nil {
					drained(t, resp)
				}
			}
			if test.want == "" {
				if rec.Last() == nil {
					t.Fatal("nothing was recorded")
				}
			} else {
				wantCause(t, rec.Last(), test.want)
			}
			if e := other.Last(); e != nil {
				t.Errorf("a recorder of nobody's heard %v", e)
			}
		})
	}
	// An answer that is no refusal leaves nothing.
	var rec auth.Recorder
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: accepts("Bearer T1")})
	req := newRequest(t, http.MethodGet, acme, nil)
	fetch(t, tr, req.WithContext(auth.WithRecorder(req.Context(), &rec)))
	if e := rec.Last(); e != nil {
		t.Errorf("a success was recorded as %v", e)
	}
}

// TestCheckSendsNothing: the look at start-up gets the credential, sees whether
// it can be sent, and says what is wrong with it.
func TestCheckSendsNothing(t *testing.T) {
	w := &wire{}
	heard := &journal{}
	good := newTransport(t, transport.Config{Source: values("T1"), Base: w, Hook: heard.hook})
	if err := good.Check(t.Context()); err != nil {
		t.Error(err)
	}
	wantEqual(t, "events", heard.kinds(), "found")
	for _, test := range []struct {
		name string
		src  auth.Source
		want auth.Cause
	}{
		{"missing", auth.Env("REAUTH_TEST_NOT_SET"), auth.MissingCredential},
		{"unsendable", auth.Static("line\nbreak"), auth.MalformedCharacters},
	} {
		tr := newTransport(t, transport.Config{Source: test.src, Base: w, Hook: heard.hook})
		var rec auth.Recorder
		e := wantCause(t, tr.Check(auth.WithRecorder(t.Context(), &rec)), test.want)
		if e.Request != "" || rec.Last() != e {
			t.Errorf("%s: request %q, recorded %v", test.name, e.Request, rec.Last())
		}
	}
	wantEqual(t, "requests", len(w.sent()), 0)
}
