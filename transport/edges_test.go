package transport_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// TestL7_LinksOfAQueryKey: a next page is asked for without the key in the
// caller's URL, whichever field names it.
func TestL7_LinksOfAQueryKey(t *testing.T) {
	const key = "key+one/not-a-real=key"
	escaped := url.QueryEscape(key)
	shared := http.Header{
		"Link":             {`<` + acme + `/2?page=2&key=` + escaped + `>; rel="next", <` + acme + `/9?key=` + escaped + `&page=9>; rel="last"`},
		"Content-Location": {"/1?key=" + escaped},
		"Refresh":          {"5; url=" + acme + "/1?key=" + escaped + "&a=1"},
	}
	w := &wire{answer: func(int, sent) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: shared, Body: http.NoBody}, nil
	}}
	tr := newTransport(t, transport.Config{Source: values(key), Scheme: auth.APIKeyQuery("key"), Base: w})
	got := fetch(t, tr, newRequest(t, http.MethodGet, acme+"/1", nil))
	wantEqual(t, "Link", got.Header.Get("Link"), `<`+acme+`/2?page=2>; rel="next", <`+acme+`/9?page=9>; rel="last"`)
	wantEqual(t, "Content-Location", got.Header.Get("Content-Location"), "/1")
	wantEqual(t, "Refresh", got.Header.Get("Refresh"), "5; url="+acme+"/1?a=1")
	if !strings.Contains(shared.Get("Link"), escaped) {
		t.Error("the header that the base transport shares with others was changed")
	}
}

// TestTrap56_ProxyRefusesToConnect: an https proxy that wants credentials of its
// own answers CONNECT, so that there is no response to explain; its refusal is
// the proxy's all the same, and nobody else's.
func TestTrap56_ProxyRefusesToConnect(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	base := &http.Transport{Proxy: http.ProxyURL(at)}
	t.Cleanup(base.CloseIdleConnections)
	var events []auth.EventKind
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: base, Hook: func(_ context.Context, e auth.Event) { events = append(events, e.Kind) }})
	_, err = tr.RoundTrip(newRequest(t, http.MethodGet, acme+"/1", nil))
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e.Cause != auth.ProxyAuthRequired || e.Step() != auth.StepFixEnvironment || e.Confidence != auth.Likely {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(e.Explain(), "HTTPS_PROXY") || len(events) != 2 || events[1] != auth.EventRefused {
		t.Errorf("events %v:\n%s", events, e.Explain())
	}
}

// TestRoundTripContract holds what net/http asks of odd requests and answers.
func TestRoundTripContract(t *testing.T) {
	nothing := roundTrip(func(*http.Request) (*http.Response, error) { return nil, nil })
	for _, at := range []string{acme + "/1", "https://other.example/1"} {
		tr := newTransport(t, transport.Config{Source: values("T1"), Base: nothing})
		if resp, err := tr.RoundTrip(newRequest(t, http.MethodGet, at, nil)); resp != nil || err == nil {
			t.Errorf("%s: a base that returns nothing gives %v, %v", at, resp, err)
		}
	}
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: nothing})
	body := &closeCounter{Reader: strings.NewReader("x")}
	if _, err := tr.RoundTrip(&http.Request{Body: body}); err == nil || body.closed != 1 {
		t.Errorf("a request without a URL: %v, its body closed %d times", err, body.closed)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

// TestNewRefusesHeadersThatAreNotSent: net/http leaves these out of the map that
// it sends, and the credential with them.
func TestNewRefusesHeadersThatAreNotSent(t *testing.T) {
	for _, name := range []string{"Host", "content-length", "Transfer-Encoding", "Trailer"} {
		if _, err := transport.New(transport.Config{Source: values("T1"), Origins: []string{acme}, Scheme: auth.APIKeyHeader(name)}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestL6_RepeatLeavesTheCallersHeader: the second credential names a scheme of
// its own, whose header the caller has set.
func TestL6_RepeatLeavesTheCallersHeader(t *testing.T) {
	n := 0
	src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		if n++; n == 1 {
			return &auth.Credential{Secret: auth.NewSecret("first-not-a-real-key")}, nil
		}
		return &auth.Credential{Secret: auth.NewSecret("second-not-a-real-key"), Scheme: auth.APIKeyHeader("X-Api-Key")}, nil
	})
	w := &wire{answer: func(n int, _ sent) (*http.Response, error) {
		if n == 1 {
			return fine(), nil
		}
		return response(401, ""), nil
	}}
	tr := newTransport(t, transport.Config{Source: src, Base: w})
	fetch(t, tr, newRequest(t, http.MethodGet, acme+"/1", nil))
	req := newRequest(t, http.MethodGet, acme+"/1", nil)
	req.Header.Set("X-Api-Key", "mine")
	wantEqual(t, "status", fetch(t, tr, req).StatusCode, 401)
	for _, s := range w.sent()[1:] {
		wantEqual(t, "X-Api-Key", s.header.Get("X-Api-Key"), "mine")
	}
	wantEqual(t, "requests", len(w.sent()), 2)
}

// TestL7_ScrubKnowsWhatWasSent: what is masked is the credential of that request
// and not the one in use by now, and a caller's own as well.
func TestL7_ScrubKnowsWhatWasSent(t *testing.T) {
	w := &wire{answer: func(_ int, s sent) (*http.Response, error) {
		return response(500, "you sent "+s.header.Get("Authorization")), nil
	}}
	tr := newTransport(t, transport.Config{Source: values("first-not-a-real-key"), Base: w})
	for _, own := range []string{"", "Bearer my-own-not-a-real-key"} {
		req := newRequest(t, http.MethodGet, acme+"/1", nil)
		if own != "" {
			req.Header.Set("Authorization", own)
		}
		got := fetch(t, tr, req)
		wantSilent(t, "the masked body", transport.Scrub(got.Response, got.body), "first-not-a-real-key", "my-own-not-a-real-key")
	}
}

// TestL6_LoopbackInOddSpellings: net/http sends these through a proxy, so they do
// not count as this machine though they may be it.
func TestL6_LoopbackInOddSpellings(t *testing.T) {
	w := &wire{answer: func(int, sent) (*http.Response, error) { return fine(), nil }}
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w, Origins: []string{"http://localhost:9"}})
	for _, at := range []string{"http://LOCALHOST:9/1", "http://localhost.:9/1"} {
		_, err := tr.RoundTrip(newRequest(t, http.MethodGet, at, nil))
		if !errors.Is(err, auth.InsecureTransport) {
			t.Errorf("%s: got %v", at, err)
		}
	}
	wantEqual(t, "requests", len(w.sent()), 0)
}

type emptyScheme struct{ auth.Scheme }

func (emptyScheme) Value(*auth.Credential) (string, error) { return "", nil }

// TestL6_SchemeThatSendsNothing: no credential, no request.
func TestL6_SchemeThatSendsNothing(t *testing.T) {
	w := &wire{answer: func(int, sent) (*http.Response, error) { return fine(), nil }}
	tr := newTransport(t, transport.Config{Source: values("T1"), Scheme: emptyScheme{auth.Bearer}, Base: w})
	_, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme+"/1", nil))
	if e, ok := errors.AsType[*auth.Error](err); !ok || len(w.sent()) != 0 {
		t.Errorf("got %v, %v, and %d requests", e, err, len(w.sent()))
	}
}
