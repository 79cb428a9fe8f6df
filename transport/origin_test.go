package transport_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// TestTrap12_Origins: scheme, host and port decide, in whatever spelling.
func TestTrap12_Origins(t *testing.T) {
	const refused = "refused"
	for _, test := range []struct{ origin, url, want string }{
		{"https://api.acme.example", "https://api.acme.example/x", "sent"},
		{"https://api.acme.example", "https://api.acme.example:443/x", "sent"},
		{"https://api.acme.example:443", "https://api.acme.example/x", "sent"},
		{"https://api.acme.example/", "https://API.Acme.EXAMPLE/x", "sent"},
		{"HTTPS://Api.Acme.Example", "https://api.acme.example/x", "sent"},
		{"https://api.acme.example", "https://api.acme.example./x", "sent"},
		{"https://api.acme.example.", "https://api.acme.example:443/x", "sent"},
		{"https://api.acme.example:8443", "https://api.acme.example.:8443/x", "sent"},
		{"https://api.acme.example", "https://api.acme.example:8443/x", "withheld"},
		{"https://api.acme.example:8443", "https://api.acme.example/x", "withheld"},
		{"https://api.acme.example", "https://api.acme.example:80/x", "withheld"},
		{"https://acme.example", "https://api.acme.example/x", "withheld"}, // Trap 13
		{"https://api.acme.example", "https://acme.example/x", "withheld"},
		{"https://api.acme.example", "https://api.acme.example.evil.example/x", "withheld"},
		{"https://api.acme.example", "https://evil.example/https://api.acme.example/", "withheld"},
		{"https://api.acme.example", "https://evil.example?https://api.acme.example/", "withheld"},
		{"https://api.acme.example", "https://api.acme.example@evil.example/x", "withheld"},
		{"https://api.acme.example", "https://xapi.acme.example/x", "withheld"},
		{"https://api.acme.example", "http://api.acme.example/x", refused},
		{"https://api.acme.example", "http://api.acme.example:80/x", refused},
		{"https://api.acme.example", "http://api.acme.example:443/x", refused},
		{"https://api.acme.example:8443", "http://API.acme.example.:8443/x", refused},
		{"https://api.acme.example", "http://api.acme.example:8080/x", "withheld"},
		{"https://api.acme.example", "http://evil.example/x", "withheld"},
		// Lower case is ASCII's: each of these is dialled as another host.
		{"https://api.github.example", "https://api.g\u0130thub.example/x", "withheld"},
		{"https://api.kite.example", "https://api.\u212aite.example/x", "withheld"},
		{"https://api.github.example:8443", "https://api.g\u0130thub.example:8443/x", "withheld"},
		{"https://[2001:db8::1]", "https://[2001:DB8::1]:443/x", "sent"},
		{"https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/x", "sent"},
		{"https://[2001:db8::1]", "https://[2001:db8::1]:8443/x", "withheld"},
		{"https://[2001:db8::1]", "https://[2001:db8::2]/x", "withheld"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080/x", "sent"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8081/x", "withheld"},
		{"http://127.0.0.1", "http://127.0.0.1:80/x", "sent"},
		{"http://127.0.0.1", "http://127.0.0.1:443/x", "withheld"},
		{"http://[::1]:8080", "http://[::1]:8080/x", "sent"},
		{"http://localhost", "http://localhost:80/x", "sent"},
		{"http://localhost", "https://localhost/x", "withheld"},
		{"http://localhost", "http://127.0.0.1/x", "withheld"},
	} {
		w := &wire{answer: always(fine)}
		tr := newTransport(t, transport.Config{Source: values("T1"), Origins: []string{test.origin}, Base: w})
		req := newRequest(t, http.MethodGet, test.url, nil)
		req.URL.User = nil // net/http takes it out, and makes it a header
		resp, err := tr.RoundTrip(req)
		got := "withheld"
		switch {
		case err != nil:
			wantCause(t, err, auth.InsecureTransport)
			got = refused
			wantEqual(t, "requests on the wire", len(w.sent()), 0)
		case resp != nil && w.sent()[0].authorization() != "":
			got = "sent"
		}
		if got != test.want {
			t.Errorf("L6: origin %s, request %s: %s, want %s", test.origin, test.url, got, test.want)
		}
	}
}

// TestL6_OriginIsWhatIsDialled: what we take for our origin, net/http dials as
// that host. If the two disagree on a spelling, somebody else gets the key.
func TestL6_OriginIsWhatIsDialled(t *testing.T) {
	stop := errors.New("far enough")
	for _, host := range []string{
		"api.acme.example", "API.ACME.example", "api.acme.example.", "ap\u0130.acme.example", "ap\u0131.acme.example",
		"\u212apple.example", "stra\u00dfe.example", "STRASSE.example", "\uff41pi.example", "xn--strae-oqa.example", "api\u3002acme.example",
	} {
		var dialled string
		base := &http.Transport{DialTLSContext: func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = address
			return nil, stop
		}}
		u := &url.URL{Scheme: "https", Host: host}
		resp, err := base.RoundTrip(&http.Request{URL: u, Header: http.Header{}})
		if err == nil {
			_ = resp.Body.Close()
		}
		if dialled == "" {
			continue // net/http refuses the name
		}
		ours, there := transport.OriginOf(u), transport.OriginOf(&url.URL{Scheme: "https", Host: dialled})
		foreign := strings.ContainsFunc(ours, func(r rune) bool { return r > 0x7f }) // and so nobody's configured spelling
		if !foreign && ours != there {
			t.Errorf("L6: %q: taken for %s, dialled as %s", host, ours, there)
		}
	}
}

// places are the ways of sending a credential, and the keys that go with them.
var places = []struct {
	name   string
	scheme auth.Scheme
	key    authtest.Key
	source auth.Source
}{
	{"Bearer", nil, authtest.Key{Value: canary}, auth.Static(canary)},
	{"token", auth.Token, authtest.Key{Header: "Authorization", Value: "token " + canary}, auth.Static(canary)},
	{"header", auth.APIKeyHeader("X-Api-Key"), authtest.Key{Header: "X-Api-Key", Value: canary}, auth.Static(canary)},
	{"own header", auth.APIKeyHeader("X-Acme"), authtest.Key{Header: "X-Acme", Value: canary}, auth.Static(canary)},
	{"query", auth.APIKeyQuery("api_key"), authtest.Key{Query: "api_key", Value: canary}, auth.Static(canary)},
	{"Basic", auth.Basic, authtest.Key{Username: "alice", Value: canary}, auth.WithUsername("alice", auth.Static(canary))},
}

// TestTrap10_Redirects: T10, Trap 10, Trap 11, Trap 12, Trap 13, and bench rows
// 08a and 08b. A chain that leaves our origin gets nothing there, nor when it
// comes back.
func TestTrap10_Redirects(t *testing.T) {
	for _, test := range []struct {
		name   string
		memory bool
		hops   func(*authtest.Server) []string
		trap   int    // requests that reach the trap
		api    string // whether each request at the API had a credential
		status int
	}{
		{"within the API", false, func(s *authtest.Server) []string { return []string{s.API.URL + "/v1/me"} }, 0, "yes yes", 200},
		{"A to B", false, func(s *authtest.Server) []string { return []string{s.Trap.URL + "/"} }, 1, "yes", 200},
		{"A to another port", false, func(s *authtest.Server) []string { return []string{s.Trap.PortURL + "/"} }, 1, "yes", 200},
		{"A to B to A", false, func(s *authtest.Server) []string { return []string{s.Trap.URL, s.API.URL + "/v1/me"} }, 1, "yes no", 401},
		{"A to A to B to A", false, func(s *authtest.Server) []string {
			return []string{s.API.URL, s.Trap.URL, s.API.URL + "/v1/me"}
		}, 1, "yes yes no", 401},
		{"A to port to A", false, func(s *authtest.Server) []string { return []string{s.Trap.PortURL, s.API.URL + "/v1/me"} }, 1, "yes no", 401},
		{"A to B to B", false, func(s *authtest.Server) []string { return []string{s.Trap.URL, s.Trap.URL + "/"} }, 2, "yes", 200},
		{"A to B to its port", false, func(s *authtest.Server) []string { return []string{s.Trap.URL, s.Trap.PortURL + "/"} }, 2, "yes", 200},
		{"https to http", true, func(s *authtest.Server) []string {
			return []string{strings.Replace(s.API.URL, "https:", "http:", 1) + "/"}
		}, 1, "yes", 200},
		{"subdomain", true, func(s *authtest.Server) []string {
			return []string{strings.Replace(s.API.URL, "://", "://sub.", 1) + "/"}
		}, 1, "yes", 200},
	} {
		for _, place := range places {
			t.Run(test.name+"/"+place.name, func(t *testing.T) {
				srv := serve(t, authtest.Config{InMemory: test.memory, Keys: []authtest.Key{place.key}})
				heard := &journal{}
				tr := against(t, srv, transport.Config{Source: place.source, Scheme: place.scheme, Hook: heard.hook})
				for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
					heard.events = nil
					trapped, arrived := len(srv.Trap.Requests()), len(srv.API.Requests())
					req := newRequest(t, http.MethodPost, srv.API.RedirectURL(status, test.hops(srv)...), strings.NewReader("body"))
					before := snap(req)
					got := do(t, tr, req)
					wantStatus(t, got, test.status)
					before.wantUnchanged(t)
					for _, leak := range srv.Trap.Leaks() {
						t.Errorf("L6: leaked: %v", leak)
					}
					wantEqual(t, "requests at the trap", len(srv.Trap.Requests())-trapped, test.trap)
					var api []string
					for _, r := range srv.API.Requests()[arrived:] {
						api = append(api, map[bool]string{true: "no", false: "yes"}[r.Credential == ""])
					}
					wantEqual(t, "credential at the API", strings.Join(api, " "), test.api)
					wantSilent(t, "the URL at the end", got.Request.URL, canary)
					for _, r := range slices.Concat(srv.Trap.Requests(), srv.API.Requests()) {
						if strings.Contains(r.Header.Get("Referer"), "[") || strings.Contains(r.Header.Get("Referer"), canary) {
							t.Errorf("L7: the Referer shows the key: %s", r.Header.Get("Referer"))
						}
					}
					if test.status == 401 {
						e := wantCause(t, got.diagnosis(), auth.NotSent)
						wantEqual(t, "confidence", e.Confidence, auth.Certain)
						if !strings.Contains(e.Evidence[0].Fact, "a redirect before") {
							t.Errorf("the evidence does not name the redirect: %s", e.Evidence[0].Fact)
						}
					}
					passed := strings.Count(heard.kinds(), string(auth.EventPassed))
					wantEqual(t, "events of passing through", passed, test.trap+strings.Count(test.api, "no"))
				}
			})
		}
	}
}

// TestTheTrapWouldHaveSeenIt is the control: a round tripper that knows no
// origins fills the trap, so an empty trap means something.
func TestTheTrapWouldHaveSeenIt(t *testing.T) {
	srv := serve(t, authtest.Config{Keys: []authtest.Key{{Value: canary}}})
	naive := floor{srv.Transport(), []string{"Bearer " + canary}}
	do(t, naive, newRequest(t, http.MethodGet, srv.API.RedirectURL(302, srv.Trap.URL), nil))
	if len(srv.Trap.Leaks()) == 0 {
		t.Error("nothing leaked")
	}
}

// TestTrap16_ForeignRefusal: a 401 of somebody else renews nothing, and its
// diagnosis says that nothing was sent. Bench row 08, second half.
func TestTrap16_ForeignRefusal(t *testing.T) {
	for _, direct := range []bool{true, false} {
		w := &wire{answer: func(_ int, s sent) (*http.Response, error) {
			if strings.HasPrefix(s.url, acme) {
				return response(302, "", "Location", "https://other.example/"), nil
			}
			return refusal(), nil
		}}
		src, heard := values("T1", "T2"), &journal{}
		tr := newTransport(t, transport.Config{Source: src, Base: w, Hook: heard.hook})
		start := acme
		if direct {
			start = "https://other.example/"
		}
		got := do(t, tr, newRequest(t, http.MethodGet, start, nil))
		wantStatus(t, got, 401)
		e := wantCause(t, got.diagnosis(), auth.NotSent)
		wantEqual(t, "confidence", e.Confidence, auth.Certain)
		if !strings.Contains(e.Evidence[0].Fact, "https://other.example") {
			t.Errorf("the evidence does not name the origin: %v", e)
		}
		wantEqual(t, "exchanges", src.exchanges(), 0)
		if got := w.sent()[len(w.sent())-1].authorization(); got != "" {
			t.Errorf("L6: sent %q", got)
		}
		if want := "passed_through refused"; !strings.HasSuffix(heard.kinds(), want) {
			t.Errorf("events do not end with %s", want)
		}
		wantEqual(t, "the credential in use is the same", must(tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil))).StatusCode, 302)
		wantEqual(t, "and nothing was renewed", w.sent()[len(w.sent())-1].authorization(), "Bearer T1")
	}
}

// TestL6_UnknownChain: a hop whose predecessor nobody knows is not trusted.
func TestL6_UnknownChain(t *testing.T) {
	w := accepts()
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w})
	for _, earlier := range []*http.Response{{}, {Request: &http.Request{}}} {
		req := newRequest(t, http.MethodGet, acme, nil)
		req.Response = earlier
		wantCause(t, fetch(t, tr, req).diagnosis(), auth.NotSent)
	}
	wantEqual(t, "on the wire", w.authorizations(), []string{"", ""})
}

// TestL6_AnyOrigin: the first hop decides, over a safe connection only, and the
// chain gets the credential nowhere else, nor where it has been before.
func TestL6_AnyOrigin(t *testing.T) {
	const a, b = "https://a.example", "https://b.example"
	for _, test := range []struct {
		name    string
		origins []string
		hops    []string
		want    string
	}{
		{"one", nil, []string{a + "/1"}, "yes"},
		{"loopback", nil, []string{"http://127.0.0.1:99/1"}, "yes"},
		{"the same", nil, []string{a + "/1", a + ":443/2"}, "yes yes"},
		{"another", nil, []string{a + "/1", b + "/2"}, "yes no"},
		{"another port", nil, []string{a + "/1", a + ":8443/2"}, "yes no"},
		{"clear text", nil, []string{a + "/1", "http://a.example/2"}, "yes no"},
		{"and back", nil, []string{a + "/1", b + "/2", a + "/3"}, "yes no no"},
		{"stays there", nil, []string{a + "/1", b + "/2", b + "/3"}, "yes no no"},
		{"named ones share", []string{a, b}, []string{a + "/1", b + "/2", a + "/3"}, "yes yes yes"},
		{"from elsewhere to a named one", []string{b}, []string{a + "/1", b + "/2"}, "yes no"},
		{"from a named one to elsewhere", []string{a}, []string{a + "/1", b + "/2"}, "yes no"},
	} {
		w := &wire{answer: func(n int, _ sent) (*http.Response, error) {
			if n < len(test.hops) {
				return response(302, "", "Location", test.hops[n]), nil
			}
			return fine(), nil
		}}
		tr := newTransport(t, transport.Config{Source: values("T1"), Base: w, Origins: test.origins, DangerouslyAnyOrigin: true})
		do(t, tr, newRequest(t, http.MethodGet, test.hops[0], nil))
		var got []string
		for _, value := range w.authorizations() {
			got = append(got, map[bool]string{true: "yes", false: "no"}[value != ""])
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("L6: %s: credential sent: %v, want %s", test.name, got, test.want)
		}
	}

	w := &wire{answer: always(fine)}
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w, DangerouslyAnyOrigin: true})
	_, err := tr.RoundTrip(newRequest(t, http.MethodGet, "http://a.example/1", nil))
	wantCause(t, err, auth.InsecureTransport)
	wantEqual(t, "requests in clear text", len(w.sent()), 0)
}

// TestTrap08_ClearText: http to our own host is an error before anything is
// sent, unless the host is this machine.
func TestTrap08_ClearText(t *testing.T) {
	w := &wire{answer: always(fine)}
	src := values("T1")
	tr := newTransport(t, transport.Config{Source: src, Base: w})
	_, err := (&http.Client{Transport: tr}).Get("http://api.acme.example/x")
	e := wantCause(t, err, auth.InsecureTransport)
	wantEqual(t, "confidence", e.Confidence, auth.Certain)
	wantEqual(t, "remedy", e.Remedy.Text, "use https://api.acme.example")
	wantEqual(t, "requests", len(w.sent()), 0)
	wantEqual(t, "calls of the source", src.asked, 0)

	for origin, ok := range map[string]bool{
		"https://api.acme.example": true, "https://192.0.2.1": true,
		"http://127.0.0.1": true, "http://127.200.3.4:80": true, "http://[::1]": true, "http://localhost:8080": true, "http://LOCALHOST": false, "http://localhost.": false, "http://[::1%25lo]": false,
		"http://a.localhost": false, "http://[::ffff:127.0.0.1]": true,
		"http://192.168.0.1": false, "http://10.0.0.1": false, "http://0.0.0.0": false, "http://[::]": false, "http://[2001:db8::1]": false,
		"http://localhost.acme.example": false, "http://xlocalhost": false, "http://127.0.0.1.acme.example": false,
		"http://127.1": false, "http://api.acme.example": false,
	} {
		if err := transport.CheckOrigin(origin); (err == nil) != ok || err != nil && !errors.Is(err, auth.InsecureTransport) {
			t.Errorf("CheckOrigin(%s) = %v, want ok %v", origin, err, ok)
		}
	}
}

func must(resp *http.Response, err error) *http.Response {
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	return resp
}
