package transport_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
	"github.com/reauth-go/reauth/transport"
)

func slackSays(code string) *http.Response {
	return response(200, `{"ok":false,"error":"`+code+`"}`, "Content-Type", "application/json; charset=utf-8")
}

// workspace is a Slack that takes the given tokens only.
func workspace(tokens ...string) *wire {
	return &wire{answer: func(_ int, s sent) (*http.Response, error) {
		if slices.Contains(tokens, strings.TrimPrefix(s.authorization(), "Bearer ")) || s.URL.Path == "/warm" {
			return response(200, `{"ok":true,"team":"Acme"}`, "Content-Type", "application/json"), nil
		}
		return slackSays("token_expired"), nil
	}}
}

// TestL1_DisguisedRefusalIsHealed: Slack's 200 with token_expired is a 401 in
// all but its status: one refresh, one repeat.
func TestL1_DisguisedRefusalIsHealed(t *testing.T) {
	w, src := workspace("fresh"), values("stale", "fresh")
	tr := newTransport(t, transport.Config{Source: src, Base: w, Profile: profile.Slack})
	warm(t, tr)
	req := newRequest(t, http.MethodPost, acme+"/api/chat.postMessage", strings.NewReader("hello"))
	got := fetch(t, tr, req)
	wantEqual(t, "body", got.body, `{"ok":true,"team":"Acme"}`)
	wantEqual(t, "exchanges", src.exchanges(), 1)
	wantEqual(t, "sent", fmt.Sprint(w.authorizations()), "[Bearer stale Bearer stale Bearer fresh]")
	for _, s := range w.sent()[1:] {
		wantEqual(t, "the body that was sent", s.body, "hello")
	}
	if got.diagnosis() != nil {
		t.Errorf("a good answer has a diagnosis: %v", got.diagnosis())
	}
	if st := tr.Status(); st.LastError != nil {
		t.Errorf("Status: %+v", st)
	}
}

// TestL1_DisguisedRefusalOfTheRepeat: what stays refused comes back as it is,
// once repeated, readable, with its diagnosis; under Strict it is the error.
func TestL1_DisguisedRefusalOfTheRepeat(t *testing.T) {
	w, src := workspace(), values("stale", "a-longer-secret", "another")
	tr := newTransport(t, transport.Config{Source: src, Base: w, Profile: profile.Slack})
	warm(t, tr)
	req := newRequest(t, http.MethodGet, acme+"/api/auth.test", nil)
	got := fetch(t, tr, req)
	wantEqual(t, "status", got.StatusCode, 200)
	wantEqual(t, "body", got.body, `{"ok":false,"error":"token_expired"}`)
	wantEqual(t, "requests", len(w.sent()), 3)
	e := got.diagnosis()
	if e == nil || e.Response.Status != 200 {
		t.Fatalf("no diagnosis of it: %+v", e)
	}
	if !strings.Contains(fmt.Sprint(e.Evidence), "error=token_expired") {
		t.Errorf("the evidence does not name the code: %v", e.Evidence)
	}
	wantEqual(t, "what is scrubbed", transport.Scrub(got.Response, "you sent a-longer-secret"), "you sent [masked]")

	strict := newTransport(t, transport.Config{Source: values("stale"), Base: w, Profile: profile.Slack})
	_, err := transport.Strict(strict).RoundTrip(req) //nolint:bodyclose // an error
	wantCause(t, err, auth.AccessExpired)
}

// TestL9_DisguiseThatNothingHelpsAgainst: with a code that another credential
// cannot cure nobody is asked for one.
func TestL9_DisguiseThatNothingHelpsAgainst(t *testing.T) {
	w := &wire{answer: func(n int, _ sent) (*http.Response, error) {
		if n == 1 {
			return response(200, `{"ok":true}`, "Content-Type", "application/json"), nil
		}
		return slackSays("missing_scope"), nil
	}}
	src := values("one", "two")
	tr := newTransport(t, transport.Config{Source: src, Base: w, Profile: profile.Slack})
	warm(t, tr)
	got := fetch(t, tr, newRequest(t, http.MethodGet, acme+"/api/auth.test", nil))
	wantEqual(t, "requests", len(w.sent()), 2)
	wantEqual(t, "exchanges", src.exchanges(), 0)
	wantCause(t, got.diagnosis(), auth.InsufficientScope)
}

// TestDeadMapsKey: a key that Google Maps does not know is asked for once, and
// the error names what came back.
func TestDeadMapsKey(t *testing.T) {
	w := &wire{answer: func(int, sent) (*http.Response, error) {
		return response(200, `{"error_message":"The provided API key is invalid. ","results":[],"status":"REQUEST_DENIED"}`, "Content-Type", "application/json; charset=UTF-8"), nil
	}}
	tr := newTransport(t, transport.Config{Source: auth.Static("not-a-real-maps-key"), Scheme: profile.GoogleMaps.Scheme, Base: w, Profile: profile.GoogleMaps})
	_, err := transport.Strict(tr).RoundTrip(newRequest(t, http.MethodGet, acme+"/maps/api/geocode/json?address=Lucerne", nil)) //nolint:bodyclose // an error
	wantEqual(t, "requests", len(w.sent()), 1)
	e, ok := err.(*auth.Error)
	if !ok || !strings.Contains(e.Explain(), "REQUEST_DENIED") {
		t.Fatalf("%v", err)
	}
	wantEqual(t, "its place", e.Sent.Place.Query, "key")
	if strings.Contains(e.Explain(), "not-a-real-maps-key") {
		t.Error("the key is in the explanation")
	}
}

// TestAnswersAreAnswers: what the profile does not call a refusal passes, byte
// for byte, and counts as success.
func TestAnswersAreAnswers(t *testing.T) {
	long := `{"ok":true,"messages":["` + strings.Repeat("x", 100<<10) + `"]}`
	for name, resp := range map[string]func() *http.Response{
		"another error": func() *http.Response { return slackSays("channel_not_found") },
		"a long answer": func() *http.Response { return response(200, long, "Content-Type", "application/json") },
		"of unknown length": func() *http.Response {
			r := response(200, long, "Content-Type", "application/json")
			r.ContentLength = -1
			return r
		},
		"no body": func() *http.Response {
			r := response(200, "", "Content-Type", "application/json")
			r.Body = http.NoBody
			return r
		},
		"a file": func() *http.Response {
			return response(200, `{"ok":false,"error":"token_expired"}`, "Content-Type", "application/zip")
		},
		"another status": func() *http.Response {
			return response(404, `{"ok":false,"error":"token_expired"}`, "Content-Type", "application/json")
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, _ := io.ReadAll(resp().Body)
			w := &wire{answer: func(int, sent) (*http.Response, error) { return resp(), nil }}
			src := values("good", "other")
			tr := newTransport(t, transport.Config{Source: src, Base: w, Profile: profile.Slack})
			got := fetch(t, tr, newRequest(t, http.MethodGet, acme+"/api/x", nil))
			wantEqual(t, "body", got.body, string(want))
			wantEqual(t, "requests", len(w.sent()), 1)
			if got.diagnosis() != nil {
				t.Errorf("diagnosed: %v", got.diagnosis())
			}
		})
	}
}

// TestL8_StreamsAreNotHeldUp: a stream is given to the caller at once if it is
// none of JSON, at its first document if it is one of documents, and after a
// short while if nothing comes at all. Nothing of it is lost.
func TestL8_StreamsAreNotHeldUp(t *testing.T) {
	for _, c := range []struct {
		name, kind, first string
		most              time.Duration
	}{
		{"events", "text/event-stream", "", 0},
		{"JSON documents", "application/json", "{\"ok\":true,\"n\":1}\n", 0},
		{"silent JSON", "application/json", "", 300 * time.Millisecond},
		{"half a document", "application/json", `{"ok":true,"list":[`, 300 * time.Millisecond},
		{"crumbs", "application/json", "{", 300 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from, into := io.Pipe()
				go func() {
					_, _ = io.WriteString(into, c.first)
					for range 3 {
						time.Sleep(time.Minute)
						_, _ = io.WriteString(into, "more\n")
					}
					_ = into.Close()
				}()
				base := roundTripper(func(req *http.Request) (*http.Response, error) {
					r := response(200, "", "Content-Type", c.kind)
					r.Body, r.ContentLength, r.Request = from, -1, req
					return r, nil
				})
				tr := newTransport(t, transport.Config{Source: values("good"), Base: base, Profile: profile.Slack})
				start := time.Now()
				resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme+"/stream", nil))
				if err != nil {
					t.Fatal(err)
				}
				if held := time.Since(start); held > c.most {
					t.Errorf("held up for %v, want %v at most", held, c.most)
				}
				all, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				wantEqual(t, "stream", string(all), c.first+"more\nmore\nmore\n")
				wantEqual(t, "its end", err, nil)
			})
		})
	}
}

// TestL11_LookingLeavesNothing: an answer that was looked into and then thrown
// away leaves no goroutine behind (TestMain counts), and a cancelled request
// ends the look.
func TestL11_LookingLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, into := io.Pipe()
		base := roundTripper(func(req *http.Request) (*http.Response, error) {
			r := response(200, "", "Content-Type", "application/json")
			r.Body, r.ContentLength, r.Request = from, -1, req
			return r, nil
		})
		tr := newTransport(t, transport.Config{Source: values("good"), Base: base, Profile: profile.Slack})
		resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme+"/stream", nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		_ = into.Close()
		synctest.Wait()
	})
}

// TestStaleDiagnosisOfADisguise: whoever sends the request of a refused response
// again, and is answered, gets no diagnosis of the time before.
func TestStaleDiagnosisOfADisguise(t *testing.T) {
	tokens := []string{}
	w := &wire{}
	w.answer = func(n int, s sent) (*http.Response, error) {
		return workspace(tokens...).answer(n, s)
	}
	tr := newTransport(t, transport.Config{Source: values("one"), Base: w, Profile: profile.Slack})
	first := fetch(t, tr, newRequest(t, http.MethodGet, acme+"/api/auth.test", nil))
	if first.diagnosis() == nil {
		t.Fatal("the first was not refused")
	}
	tokens = []string{"one"}
	second := fetch(t, tr, first.Request)
	if e := second.diagnosis(); e != nil {
		t.Errorf("the second has the diagnosis of the first: %v", e)
	}
	wantEqual(t, "body", second.body, `{"ok":true,"team":"Acme"}`)
}

// TestDisguiseOverAWire: the same with net/http on both sides, where a refusal
// is compressed on its way and nobody knows its length.
func TestDisguiseOverAWire(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if r.Header.Get("Authorization") == "Bearer fresh" || r.URL.Path == "/warm" {
			_, _ = io.WriteString(w, `{"ok":true}`)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		_, _ = io.WriteString(zip, `{"ok":false,"error":"token_revoked"}`)
		_ = zip.Close()
	}))
	defer srv.Close()
	base := srv.Client().Transport
	tr := newTransport(t, transport.Config{Source: values("stale", "fresh"), Origins: []string{srv.URL}, Base: base, Profile: profile.Slack})
	fetch(t, tr, newRequest(t, http.MethodGet, srv.URL+"/warm", nil))
	got := fetch(t, tr, newRequest(t, http.MethodGet, srv.URL+"/api/auth.test", nil))
	wantEqual(t, "body", got.body, `{"ok":true}`)
	wantEqual(t, "requests", n, 3)
}

// TestCostWithAProfile: a profile whose refusals all show in their status costs
// a request nothing.
func TestCostWithAProfile(t *testing.T) {
	base := memory{http.Header{"Content-Type": {"application/json"}}}
	cred := values("not-a-real-token")
	without := measure(newTransport(t, transport.Config{Source: cred, Base: base}), benchRequest(t, 4))
	with := measure(newTransport(t, transport.Config{Source: cred, Base: base, Profile: profile.OpenAI}), benchRequest(t, 4))
	if with.allocs > without.allocs || with.bytes > without.bytes+16 {
		t.Errorf("with a profile %+v, without %+v", with, without)
	}
}
