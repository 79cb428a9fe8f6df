package transport_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// An exit is a way on which a call can leave the transport.
type exit struct {
	name   string
	config transport.Config
	cold   bool // no request before this one
	answer func(n int, s sent) (*http.Response, error)
	change func(*testing.T, *http.Request, *bodies) *http.Request // nil: as it is
	status int                                                    // 0: an error
	tries  int                                                    // requests on the wire
	err    func(error) bool
}

func always(resp func() *http.Response) func(int, sent) (*http.Response, error) {
	return func(int, sent) (*http.Response, error) { return resp(), nil }
}

func fine() *http.Response { return response(200, "fine") }

func isCause(c auth.Cause) func(error) bool { return func(err error) bool { return errors.Is(err, c) } }

var errWire = errors.New("the cable is cut")

func onlyT2(_ int, s sent) (*http.Response, error) {
	if s.authorization() == "Bearer T2" {
		return fine(), nil
	}
	return refusal(), nil
}

// exits lists them all.
func exits() []exit {
	failing := values("T1")
	failing.failing = errors.New("the issuer is out of order")
	return []exit{
		{name: "accepted", config: transport.Config{Source: values("T1")}, answer: always(fine), status: 200, tries: 1},
		{name: "accepted, query key", config: transport.Config{Source: values("T1"), Scheme: auth.APIKeyQuery("key")}, answer: always(fine), status: 200, tries: 1},
		{name: "another failure", config: transport.Config{Source: values("T1")}, answer: always(func() *http.Response { return response(503, "later") }), status: 503, tries: 1},
		{name: "healed", config: transport.Config{Source: values("T1", "T2")}, answer: onlyT2, status: 200, tries: 2},
		{name: "refused twice", config: transport.Config{Source: values("T1", "T2")}, answer: always(refusal), status: 401, tries: 2},
		{name: "refused, the source has no other", config: transport.Config{Source: values("T1")}, answer: always(refusal), status: 401, tries: 1},
		{name: "refused, the source fails", config: transport.Config{Source: failing}, answer: always(refusal), status: 401, tries: 1},
		{name: "refused, the new value cannot be sent", config: transport.Config{Source: values("T1", "T2\x00")}, answer: always(refusal), status: 401, tries: 1},
		{name: "refused for its scope", config: transport.Config{Source: values("T1", "T2")}, answer: always(func() *http.Response {
			return response(403, "", "Www-Authenticate", `Bearer error="insufficient_scope"`)
		}), status: 403, tries: 1},
		{name: "forbidden", config: transport.Config{Source: values("T1", "T2")}, answer: always(func() *http.Response { return response(403, "no") }), status: 403, tries: 1},
		{name: "refused when new", config: transport.Config{Source: values("T1", "T2")}, cold: true, answer: always(refusal), status: 401, tries: 1},
		{name: "body cannot be had again", config: transport.Config{Source: values("T1", "T2")}, answer: onlyT2, status: 401, tries: 1,
			change: func(_ *testing.T, r *http.Request, _ *bodies) *http.Request { r.GetBody = nil; return r }},
		{name: "GetBody fails", config: transport.Config{Source: values("T1", "T2")}, answer: onlyT2, status: 401, tries: 1,
			change: func(_ *testing.T, r *http.Request, b *bodies) *http.Request { b.fail = errWire; return r }},
		{name: "the program's own header", config: transport.Config{Source: values("T1", "T2")}, answer: always(refusal), status: 401, tries: 1,
			change: func(_ *testing.T, r *http.Request, _ *bodies) *http.Request {
				r.Header.Set("Authorization", "Bearer mine")
				return r
			}},
		{name: "foreign origin", config: transport.Config{Source: values("T1", "T2")}, answer: always(refusal), status: 401, tries: 1,
			change: func(_ *testing.T, r *http.Request, _ *bodies) *http.Request { r.URL.Host = "other.example"; return r }},
		{name: "clear text", config: transport.Config{Source: values("T1")}, answer: always(fine), err: isCause(auth.InsecureTransport),
			change: func(_ *testing.T, r *http.Request, _ *bodies) *http.Request { r.URL.Scheme = "http"; return r }},
		{name: "no credential", config: transport.Config{Source: auth.Static("")}, cold: true, answer: always(fine), err: isCause(auth.EmptyCredential)},
		{name: "a value that cannot be sent", config: transport.Config{Source: values("T\n1")}, cold: true, answer: always(fine), err: isCause(auth.MalformedCharacters)},
		{name: "a scheme that cannot send it", config: transport.Config{Source: values("T1"), Scheme: auth.Basic}, cold: true, answer: always(fine), err: isCause(auth.MalformedWrapping)},
		{name: "the wire fails", config: transport.Config{Source: values("T1")}, answer: func(int, sent) (*http.Response, error) { return nil, errWire },
			tries: 1, err: func(err error) bool { return err == errWire }},
		{name: "the wire fails at the repeat", config: transport.Config{Source: values("T1", "T2")}, answer: func(n int, _ sent) (*http.Response, error) {
			if n == 2 {
				return nil, errWire
			}
			return refusal(), nil
		}, tries: 2, err: func(err error) bool { return errors.Is(err, errWire) && err.Error() == errWire.Error() }},
		{name: "the caller has left before", config: transport.Config{Source: values("T1")}, cold: true, answer: always(fine),
			change: func(t *testing.T, r *http.Request, _ *bodies) *http.Request {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				return r.WithContext(ctx)
			}, err: func(err error) bool { return errors.Is(err, context.Canceled) }},
	}
}

// TestL8_EveryExit goes through all exits and finds the caller's request as it
// was, its body closed once by each attempt, and the response's request equal
// to it, without the credential. Trap 1, Trap 2, Trap 54, Trap 86, T14, T17.
func TestL8_EveryExit(t *testing.T) {
	for _, x := range exits() {
		t.Run(x.name, func(t *testing.T) {
			w := &wire{answer: always(fine)}
			x.config.Base = w
			tr := newTransport(t, x.config)
			if !x.cold {
				warm(t, tr)
			}
			w.seen, w.answer = nil, x.answer

			body := &bodies{text: "the whole body"}
			req := newRequest(t, http.MethodPost, acme+"/v1/things?b=2&a=1", nil)
			req.Header = http.Header{"Content-Type": {"text/plain"}, "X-Thing": {"one", "two"}}
			req.Trailer = http.Header{"X-After": {"end"}}
			body.attach(req)
			if x.change != nil {
				req = x.change(t, req, body)
			}
			before := snap(req)
			resp, err := tr.RoundTrip(req)

			before.wantUnchanged(t)
			switch {
			case x.status == 0:
				if err == nil || resp != nil || !x.err(err) {
					t.Fatalf("got %v, %v", resp, err)
				}
			case err != nil:
				t.Fatal(err)
			default:
				got := drained(t, resp)
				wantStatus(t, got, x.status)
				before.wantEqualTo(t, resp.Request)
				if x.status != 200 && got.body == "" && x.status != 403 {
					t.Error("the body of the refusal is gone")
				}
			}
			body.wantClosedOnce(t)
			before.wantUnchanged(t)
			wantEqual(t, "requests on the wire", len(w.sent()), x.tries)
			for _, s := range w.sent() {
				wantEqual(t, "body on the wire", s.body, body.text)
			}
		})
	}
}

// TestTrap02_SourceError: the request's body is closed when nothing is sent.
// The exits above have it for all errors; here through http.Client.
// Trap 83, T14.
func TestTrap02_SourceError(t *testing.T) {
	w := &wire{answer: always(fine)}
	tr := newTransport(t, transport.Config{Source: auth.Env("ACME_NO_SUCH_VARIABLE"), Base: w})
	body := &bodies{text: "x"}
	req := newRequest(t, http.MethodPost, acme, nil)
	body.attach(req)
	_, err := (&http.Client{Transport: tr}).Do(req)
	wantCause(t, err, auth.MissingCredential)
	body.wantClosedOnce(t)
	if n := len(w.sent()); n != 0 {
		t.Errorf("T14: %d requests without a credential left", n)
	}
}

// TestL8_SharedValuesDoNotAlias: the prepared header value is shared by all
// requests, and a base transport that adds to its copy changes no other.
// Trap 1, T17.
func TestL8_SharedValuesDoNotAlias(t *testing.T) {
	var first []string
	w := &wire{answer: always(fine)}
	meddler := roundTripper(func(req *http.Request) (*http.Response, error) {
		if cap(req.Header["Authorization"]) != 1 {
			t.Error("two requests that add to the value write to the same memory")
		}
		if first == nil {
			first = req.Header["Authorization"]
		} else if &first[0] != &req.Header["Authorization"][0] {
			t.Error("the value is prepared anew for each request")
		}
		resp, err := w.RoundTrip(req)
		req.Header.Add("Authorization", "Bearer meddled")
		req.Header.Set("X-Added", "yes")
		req.Header["X-Own"] = append(req.Header["X-Own"][:1:1], "meddled")
		return resp, err
	})
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: meddler})
	for range 3 {
		req := newRequest(t, http.MethodGet, acme, nil)
		req.Header.Set("X-Own", "mine")
		before := snap(req)
		fetch(t, tr, req)
		before.wantUnchanged(t)
	}
	for i, s := range w.sent() {
		wantEqual(t, "request "+string(rune('1'+i)), s.header, http.Header{"Authorization": {"Bearer T1"}, "X-Own": {"mine"}})
	}
}

// TestL8_NilHeader: a request made by hand need not have a header.
func TestL8_NilHeader(t *testing.T) {
	w := accepts("Bearer T1")
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w})
	u, _ := url.Parse(acme)
	req := &http.Request{URL: u}
	wantStatus(t, fetch(t, tr, req), 200)
	if req.Header != nil {
		t.Error("L8: the header was made on the caller's request")
	}
}

// A shouting scheme is one of a user's own.
type shouting struct{}

func (shouting) Name() string      { return "Shout" }
func (shouting) Place() auth.Place { return auth.Place{Header: "x-shout"} }
func (shouting) Value(c *auth.Credential) (string, error) {
	return "!" + strings.ToUpper(c.Secret.Reveal()), nil
}

func TestSchemes(t *testing.T) {
	pair := base64.StdEncoding.EncodeToString([]byte("alice:sesame"))
	alice := auth.WithUsername("alice", auth.Static("sesame"))
	own := values("sesame")
	own.list[0].Scheme = auth.APIKeyHeader("X-Api-Key")
	for _, test := range []struct {
		name         string
		source       auth.Source
		scheme       auth.Scheme
		header, want string
		query        string
	}{
		{name: "none: Bearer", source: values("sesame"), header: "Authorization", want: "Bearer sesame"},
		{name: "Bearer", source: values("sesame"), scheme: auth.Bearer, header: "Authorization", want: "Bearer sesame"},
		{name: "token", source: values("sesame"), scheme: auth.Token, header: "Authorization", want: "token sesame"},
		{name: "Basic, pair", source: values("alice:sesame"), scheme: auth.Basic, header: "Authorization", want: "Basic " + pair},
		{name: "Basic, user name", source: alice, scheme: auth.Basic, header: "Authorization", want: "Basic " + pair},
		{name: "header", source: values("sesame"), scheme: auth.APIKeyHeader("x-api-key"), header: "X-Api-Key", want: "sesame"},
		{name: "query", source: values("s&s=m/e+"), scheme: auth.APIKeyQuery("api key"), query: "api+key=s%26s%3Dm%2Fe%2B"},
		{name: "own", source: values("sesame"), scheme: shouting{}, header: "X-Shout", want: "!SESAME"},
		{name: "the credential's own before the API's", source: own, scheme: auth.Bearer, header: "X-Api-Key", want: "sesame"},
		{name: "Basic because of the user name", source: alice, header: "Authorization", want: "Basic " + pair},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &wire{answer: always(fine)}
			tr := newTransport(t, transport.Config{Source: test.source, Scheme: test.scheme, Base: w})
			fetch(t, tr, newRequest(t, http.MethodGet, acme+"/x", nil))
			s := w.sent()[0]
			want := http.Header{}
			if test.header != "" {
				want.Set(test.header, test.want)
			}
			wantEqual(t, "header", s.header, want)
			wantEqual(t, "query", s.Request.URL.RawQuery, test.query)
		})
	}
}

// TestTrap04_QueryByteForByte: what the caller wrote stays as it was written,
// in its order, sound or not.
func TestTrap04_QueryByteForByte(t *testing.T) {
	for _, query := range []string{"", "b=2&a=1", "z=%7e&z=~&+=%20", "a=1;b=2", "%zz=&&=", "a", "keys=x&xkey=y&ke%79s=1"} {
		w := &wire{answer: always(fine)}
		tr := newTransport(t, transport.Config{Source: values("sesame"), Scheme: auth.APIKeyQuery("key"), Base: w})
		req := newRequest(t, http.MethodGet, acme, nil)
		req.URL.RawQuery = query
		fetch(t, tr, req)
		wantEqual(t, "query on the wire", w.sent()[0].Request.URL.RawQuery, strings.TrimPrefix(query+"&key=sesame", "&"))
		wantEqual(t, "the caller's query", req.URL.RawQuery, query)
	}
}

// TestTrap09_BodiesGoOutAsTheyAre: no body, http.NoBody and a body of unknown
// length reach the base as the caller gave them.
func TestTrap09_BodiesGoOutAsTheyAre(t *testing.T) {
	for name, set := range map[string]func(*http.Request){
		"nil":            func(r *http.Request) { r.Body = nil },
		"NoBody":         func(r *http.Request) { r.Body = http.NoBody },
		"unknown length": func(r *http.Request) { r.Body, r.ContentLength = countedBody{strings.NewReader("x"), nil}, -1 },
	} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			base := roundTripper(func(r *http.Request) (*http.Response, error) { got = r; return fine(), nil })
			tr := newTransport(t, transport.Config{Source: values("T1"), Base: base})
			req := newRequest(t, http.MethodPost, acme, nil)
			set(req)
			fetch(t, tr, req)
			if got.Body != req.Body || got.ContentLength != req.ContentLength {
				t.Errorf("went out with body %v of length %d, was %v of %d", got.Body, got.ContentLength, req.Body, req.ContentLength)
			}
		})
	}
}

// TestTrap06_ValueThatCannotBeSent names the source and never the value. T46.
func TestTrap06_ValueThatCannotBeSent(t *testing.T) {
	w := &wire{answer: always(fine)}
	tr := newTransport(t, transport.Config{Source: values(canary + "\r\nX-Evil: 1"), Base: w})
	_, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil))
	e := wantCause(t, err, auth.MalformedCharacters)
	if !strings.Contains(e.Explain(), "source series") {
		t.Errorf("the source is not named:\n%s", e.Explain())
	}
	wantSilent(t, "the error", err, canary)
	wantEqual(t, "requests on the wire", len(w.sent()), 0)
}

const canary = "Zebra7Qx9vK2-not-a-real-key"
