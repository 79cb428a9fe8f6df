package transport_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// TestTrap05_ErrorsOfTheWire: with a key in the query, no error shows it, at
// whatever depth a base transport has hidden the URL. T79.
func TestTrap05_ErrorsOfTheWire(t *testing.T) {
	const key = "s&s=me/" + canary
	shown := []string{key, canary}
	for name, fail := range map[string]func(u *url.URL) error{
		"url.Error": func(u *url.URL) error { return &url.Error{Op: "Get", URL: u.String(), Err: errWire} },
		"nested": func(u *url.URL) error {
			return &url.Error{Op: "Get", URL: u.String(), Err: fmt.Errorf("proxy: %w", &url.Error{Op: "Connect", URL: u.String(), Err: errWire})}
		},
		"joined": func(u *url.URL) error {
			return errors.Join(&url.Error{Op: "Get", URL: u.String(), Err: errWire}, io.EOF)
		},
		"text":    func(u *url.URL) error { return fmt.Errorf("cannot get %s: %w", u, errWire) },
		"decoded": func(u *url.URL) error { return fmt.Errorf("cannot get %v: %w", u.Query(), errWire) },
		"hidden": func(u *url.URL) error {
			return hiding{&url.Error{Op: "Get", URL: u.String(), Err: errWire}}
		},
		"hidden among others": func(u *url.URL) error {
			return hidingAll{[]error{io.EOF, hiding{&url.Error{Op: "Get", URL: u.String(), Err: errWire}}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := roundTripper(func(req *http.Request) (*http.Response, error) { return nil, fail(req.URL) })
			tr := newTransport(t, transport.Config{Source: values(key), Scheme: auth.APIKeyQuery("key"), Base: base})
			for _, rt := range []http.RoundTripper{tr, transport.Strict(tr)} {
				_, err := rt.RoundTrip(newRequest(t, http.MethodGet, acme+"/v1?a=1", nil))
				wantSilent(t, "the error", err, shown...)
				if !errors.Is(err, errWire) {
					t.Errorf("what lies beneath is lost: %v", err)
				}
				var u *url.Error
				if strings.Contains(name, "rror") || strings.Contains(name, "hidden") {
					if !errors.As(err, &u) || !errors.Is(u, errWire) {
						t.Errorf("no *url.Error in %v", err)
					}
				}
				_, err = (&http.Client{Transport: rt}).Do(newRequest(t, http.MethodGet, acme+"/v1?a=1", nil))
				wantSilent(t, "http.Client's error", err, shown...)
			}
		})
	}
}

// hiding and hidingAll wrap errors and do not repeat their text.
type hiding struct{ err error }

func (hiding) Error() string   { return "it did not work" }
func (h hiding) Unwrap() error { return h.err }

type hidingAll struct{ errs []error }

func (hidingAll) Error() string     { return "nothing worked" }
func (h hidingAll) Unwrap() []error { return h.errs }

// TestTrap88_WhatLiesBeneath: types and traits of an error stay within reach,
// and one that shows nothing is not touched.
func TestTrap88_WhatLiesBeneath(t *testing.T) {
	op := &net.OpError{Op: "dial", Net: "tcp", Err: timeout{}}
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/plain" {
			return nil, op
		}
		return nil, &url.Error{Op: "Get", URL: req.URL.String(), Err: op}
	})
	tr := newTransport(t, transport.Config{Source: values(canary), Scheme: auth.APIKeyQuery("key"), Base: base})
	_, err := tr.RoundTrip(newRequest(t, http.MethodGet, acme+"/plain", nil))
	if err != error(op) {
		t.Errorf("got %v (%T), want the error as it is", err, err)
	}
	_, err = tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil))
	wantSilent(t, "the error", err, canary)
	var found *net.OpError
	if !errors.As(err, &found) || found != op {
		t.Errorf("no *net.OpError in %v", err)
	}
	var leaky *url.Error
	if !errors.As(err, &leaky) || strings.Contains(leaky.URL, canary) {
		t.Errorf("*url.Error: %v", leaky)
	}
	base = func(req *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("%w", telling{req.URL.RawQuery})
	}
	shown := newTransport(t, transport.Config{Source: values(canary), Scheme: auth.APIKeyQuery("key"), Base: base})
	_, told := shown.RoundTrip(newRequest(t, http.MethodGet, acme, nil))
	var tells telling
	if errors.As(told, &tells) {
		t.Error("L7: an error that shows the key can be had from one that does not")
	}
	if n, ok := err.(net.Error); !ok || !n.Timeout() {
		t.Errorf("%T is no net.Error that timed out", err)
	}
	if _, err := (&http.Client{Transport: tr}).Get(acme); !err.(net.Error).Timeout() {
		t.Error("http.Client's error did not time out")
	}
	var missing *auth.Error
	if errors.As(err, &missing) || errors.Is(err, io.EOF) {
		t.Error("found what is not there")
	}
}

// telling is an error that repeats what it should not.
type telling struct{ what string }

func (e telling) Error() string { return e.what }

type timeout struct{}

func (timeout) Error() string   { return "too slow" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// TestTrap05_QueryKeyInRedirects: neither the caller's URL nor Location nor
// Referer shows the key, each hop of ours gets it once, and a login page that
// is told where to return to is not told the key.
func TestTrap05_QueryKeyInRedirects(t *testing.T) {
	const key = "s&s=me/" + canary
	escaped := url.QueryEscape(key)
	for _, test := range []struct{ location, want, arrives string }{
		{"/2?key=" + escaped, "/2", acme + "/2?key=" + escaped},
		{"/2?a=1&key=" + escaped + "&b=2", "/2?a=1&b=2", acme + "/2?a=1&b=2&key=" + escaped},
		{"?k%65y=other&z", "?k%65y=other&z", acme + "/1?k%65y=other&z"}, // the API's own
		{acme + "/2?a=1&key=" + escaped + "#f?key=1", acme + "/2?a=1#f?key=1", acme + "/2?a=1&key=" + escaped + "#f?key=1"},
		{"https://other.example/2?key=" + escaped + "&x=%zz", "https://other.example/2?x=%zz", "https://other.example/2?x=%zz"},
		{"https://login.example/?next=" + url.QueryEscape(acme+"/1?a=1&key="+escaped), "https://login.example/?next=" + url.QueryEscape(acme+"/1?a=1&key=") + "masked",
			"https://login.example/?next=" + url.QueryEscape(acme+"/1?a=1&key=") + "masked"},
		{"https://login.example/" + url.PathEscape(key) + "#" + key, "https://login.example/masked#masked", "https://login.example/masked#masked"},
		{"/2", "/2", acme + "/2?key=" + escaped},
		{"https://cdn.example/f?key=signed-by-them&exp=9", "https://cdn.example/f?key=signed-by-them&exp=9", "https://cdn.example/f?key=signed-by-them&exp=9"},
	} {
		t.Run(test.location, func(t *testing.T) {
			w := &wire{answer: func(n int, _ sent) (*http.Response, error) {
				if n == 1 {
					return response(302, "", "Location", test.location), nil
				}
				return fine(), nil
			}}
			tr := newTransport(t, transport.Config{Source: values(key), Scheme: auth.APIKeyQuery("key"), Base: w})
			var location string
			client := &http.Client{Transport: tr, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
				location = req.Response.Header.Get("Location")
				wantSilent(t, "the next hop's request", req.URL, key, canary)
				wantSilent(t, "its header", req.Header, key, canary)
				return nil
			}}
			resp, err := client.Do(newRequest(t, http.MethodGet, acme+"/1", nil))
			if err != nil {
				t.Fatal(err)
			}
			got := drained(t, resp)
			wantEqual(t, "Location", location, test.want)
			wantEqual(t, "what arrives", w.sent()[1].url, test.arrives)
			wantSilent(t, "the last request", got.Request.URL, key, canary)
			if strings.Contains(w.sent()[1].header.Get("Referer"), canary) {
				t.Error("L7: the Referer shows the key")
			}
		})
	}
}

// unrelated are keys beside Locations that have a word in common with them.
var unrelated = []struct{ key, location string }{
	{"production-1a2b3c4d5e6f7a8b", "/production/items"},
	{"download-7f3a9c1e55", "https://downloads.example/file?download=1#download-7f3"},
	{"customer-acme:v2", "/api/v2/customer-acme/items?customer=acme:v1"},
	{"2026-11-23-ab12cd34ef", "/reports/2026-11-23.csv?from=2026-11-23-ab12"},
	{"v1_items_list", "/v1/items/list"},
	{"acme.example", "https://acme.example:8443/x?host=acme%2eexampl"},
	{"user:password", "https://user:password@acme.example/user/password"},
	{"items-12", "items-12:x/y"}, // a scheme
	{"short", "/short?a=short#short"},
}

// TestL6_LocationIsAnAddress: what has nothing to do with the key leads where it
// led, byte for byte.
func TestL6_LocationIsAnAddress(t *testing.T) {
	for _, test := range unrelated {
		wantEqual(t, "with key "+test.key+", Location", transport.CleanLocation(test.location, "key", test.key), test.location)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		key := unrelated[random.IntN(4)].key
		pieces := []string{"/", "//", "?", "&", "=", "#", ":", "@", "%2f", "%252F", "&#47;", "https://", "production", "example", "a", "..", "\\u002f", key[1:], key[:len(key)-1]}
		var b strings.Builder
		for range random.IntN(9) {
			from := random.IntN(len(key))
			b.WriteString(append(pieces, key[from:from+random.IntN(len(key)-from)])[random.IntN(len(pieces)+1)])
		}
		if location := b.String(); !mayHold(location, key) {
			wantEqual(t, "with key "+key+", Location", transport.CleanLocation(location, "key", key), location)
		}
	}
	// Where the key is in the address, the address is still that of the same host.
	for location, want := range map[string]string{
		"https://u:/abcdefgh@h.example/abcdefgh":               "https://u:/masked@h.example/masked",
		"https://h.example/abcdefgh?a=/abcdefgh#/abcdefgh":     "https://h.example/masked?a=/masked#/masked",
		"https://abcdefgh.example/x":                           "https://abcdefgh.example/x",
		"//abcdefgh/abcdefgh":                                  "//abcdefgh/masked",
		"mailto:abcdefgh":                                      "mailto:masked",
		"abcdefgh://x/abcdefgh":                                "abcdefgh://x/masked",
		"http://[abcdefgh":                                     "http://[masked", // nowhere
		"?abcdefgh=1&a=%61bcdefgh;x&b=" + "YWJjZGVmZ2g=" + "#": "?masked=1&a=masked;x&b=maskedg=#",
	} {
		wantEqual(t, location+" becomes", transport.CleanLocation(location, "key", "abcdefgh"), want)
	}
	wantEqual(t, "host and key", transport.CleanLocation("https://h.example/abcdefgh", "key", "/abcdefgh"), "https://h.example/masked")
	wantEqual(t, "path and key", transport.CleanLocation("ab/cdefgh:x", "key", "ab/cdefgh"), "./masked:x")
}

// TestLocationOfOtherSchemes: the credential is for our origins only (L6), so a
// Location that leads elsewhere does not carry it there, whatever it was sent in.
// net/http would send it as a part of the URL, and show it in its errors. One
// that stays with us is the server's, who may repeat to itself what it likes.
func TestLocationOfOtherSchemes(t *testing.T) {
	const token = "test/" + canary + "+1="
	pair := base64.StdEncoding.EncodeToString([]byte("alice:" + token))
	for _, place := range []struct {
		scheme auth.Scheme
		user   string
	}{{auth.Bearer, ""}, {auth.APIKeyHeader("X-Api-Key"), ""}, {auth.Basic, "alice"}} {
		for location, want := range map[string]string{
			"/2?key=1&Authorization=2":                                              "/2?key=1&Authorization=2",
			"/2?token=" + token:                                                     "/2?token=" + token,
			acme + ":443/" + token:                                                  acme + ":443/" + token,
			"https://second.example/" + token:                                       "https://second.example/" + token,
			"https://login.example/" + canary + "?canary#" + token[:9]:              "https://login.example/" + canary + "?canary#" + token[:9],
			"https://login.example/?return=" + token:                                "https://login.example/?return=masked",
			"//login.example/" + url.PathEscape(token) + "#" + token:                "//login.example/masked#masked",
			"http://api.acme.example/?a=" + url.QueryEscape(url.QueryEscape(token)): "http://api.acme.example/?a=masked",
			acme + ":8443/" + html.EscapeString(token) + "/x":                       acme + ":8443/masked/x",
			"gopher://x.example/" + strings.ToLower(url.QueryEscape(token)):         "gopher://x.example/masked",
			"http://[" + token:                                                      "http://[masked",
		} {
			w := &wire{answer: always(func() *http.Response { return response(302, "", "Location", location) })}
			src := values(token)
			for _, c := range src.list {
				c.Username = place.user
			}
			tr := newTransport(t, transport.Config{Source: src, Scheme: place.scheme, Base: w, Origins: []string{acme, "https://second.example"}})
			wantEqual(t, place.scheme.Name()+": Location", fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).Header.Get("Location"), want)
		}
	}
	wandering := &wire{answer: always(func() *http.Response { return response(302, "", "Location", acme+"/"+token) })}
	tr := newTransport(t, transport.Config{Source: values(token), Base: wandering, Origins: []string{"https://second.example"}, DangerouslyAnyOrigin: true})
	wantEqual(t, "of any origin: Location", fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).Header.Get("Location"), acme+"/"+token)
	for secret, user := range map[string]string{token: "alice", "alice:" + token: ""} {
		src := values(secret)
		src.list[0].Username = user
		w := &wire{answer: always(func() *http.Response {
			return response(302, "", "Location", "https://login.example/"+token+"?sent=Basic+"+url.QueryEscape(pair))
		})}
		tr := newTransport(t, transport.Config{Source: src, Scheme: auth.Basic, Base: w})
		got := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).Header.Get("Location")
		if !strings.HasPrefix(got, "https://login.example/masked?sent=Basic+masked") || strings.Contains(got, pair[8:16]) {
			t.Errorf("user %q: Location %s", user, got)
		}
	}
}

// TestL7_TheOneBefore: a healed call has sent two credentials, and a redirect
// after it may name either.
func TestL7_TheOneBefore(t *testing.T) {
	const old, fresh = "test-Zebra7Qx9vK2", "fake+Yak4Wm8pT1s"
	for _, scheme := range []auth.Scheme{auth.Bearer, auth.APIKeyQuery("key")} {
		w := &wire{answer: func(n int, s sent) (*http.Response, error) {
			switch {
			case n == 2: // the credential is no new one
				return response(401, ""), nil
			case strings.Contains(s.url, "login.example"):
				return nil, fmt.Errorf("nobody at %s, where %s%s is", s.url, old, fresh)
			case n < 3:
				return fine(), nil
			}
			return response(302, "", "Location", "https://login.example/?old="+old+"&new="+url.QueryEscape(fresh)), nil
		}}
		tr := newTransport(t, transport.Config{Source: values(old, fresh), Scheme: scheme, Base: w})
		warm(t, tr)
		_, err := (&http.Client{Transport: tr}).Do(newRequest(t, http.MethodGet, acme, nil))
		found, ok := errors.AsType[*url.Error](err)
		if !ok || found.URL != "https://login.example/?old=masked&new=masked" {
			t.Errorf("%s: http.Client's error is %v", scheme.Name(), err)
		}
		leak := fmt.Errorf("old %s, new %s: %w", old, fresh, io.EOF)
		wantSilent(t, "the error", tr.ScrubError(leak), old, fresh)
	}
	// The same value found again is no other one.
	src := values(old, fresh, fresh)
	cache, err := auth.NewCache(src, auth.CacheConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	tr := newTransport(t, transport.Config{Source: cache, Base: &wire{answer: always(fine)}})
	for src.at = range src.list {
		cache.Forget()
		warm(t, tr)
	}
	wantSilent(t, "the error", tr.ScrubError(errors.New(old+fresh)), old, fresh)
	tr = newTransport(t, transport.Config{Source: values(old), Base: &wire{answer: always(fine)}})
	if err := tr.ScrubError(io.EOF); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

// TestL7_Canaries: T79, bench row 10. A server that repeats the credential in
// every place it has, and every value that a program could print. The
// credential is in none.
func TestL7_Canaries(t *testing.T) {
	const fresh = "Yak4Wm8pT1s-not-a-real-key"
	pair := base64.StdEncoding.EncodeToString([]byte("alice:" + canary))
	secrets := []string{canary, fresh, pair, base64.StdEncoding.EncodeToString([]byte("alice:" + fresh))}
	rows := 0
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			src := values(canary, fresh)
			if place.scheme == auth.Basic {
				for _, c := range src.list {
					c.Username = "alice"
				}
			}
			// A wire that repeats all it gets. Printers do not look into a function.
			refusing := false
			base := roundTripper(func(req *http.Request) (*http.Response, error) {
				if !refusing {
					return fine(), nil
				}
				all := fmt.Sprintf("%v %v %s %s", req.Header, req.URL, req.URL.RawQuery, canary+" "+fresh)
				resp := response(401, all, "Www-Authenticate", fmt.Sprintf("Bearer realm=%q, error=\"invalid_token\", error_description=%q", all, all),
					"X-Request-Id", canary, "Server", all, "Via", fresh, "Content-Type", "text/plain")
				resp.Request = req
				return resp, nil
			})
			heard := &journal{}
			tr := newTransport(t, transport.Config{Source: src, Scheme: place.scheme, Base: base, Hook: heard.hook})
			warm(t, tr)
			wantSilent(t, "the transport", tr, secrets...)
			refusing = true
			got := fetch(t, tr, newRequest(t, http.MethodGet, acme+"/v1?a=1", nil))
			wantStatus(t, got, 401)
			if !strings.Contains(got.body, fresh) {
				t.Fatal("the wire repeats nothing")
			}
			wantSilent(t, "the response's request", got.Request, secrets...)
			wantSilent(t, "the diagnosis", got.diagnosis(), secrets...)
			wantSilent(t, "the diagnosis, by value", *got.diagnosis(), secrets...)
			for _, e := range heard.all() {
				wantSilent(t, "the event "+string(e.Kind), e, secrets...)
			}
			wantSilent(t, "the transport", tr, secrets...)
			wantSilent(t, "the transport, by value", struct{ T any }{tr}, secrets...)
			_, err := (&http.Client{Transport: transport.Strict(tr)}).Do(newRequest(t, http.MethodGet, acme+"/v1?a=1", nil))
			wantSilent(t, "the strict error", err, secrets...)
			wantSilent(t, "the strict round tripper", transport.Strict(tr), secrets...)
			rows++
		})
	}
	t.Logf("row 10: %d ways of sending: no secret in any printed form", rows)
}

// TestL7_ForeignCanary: what the caller sent itself is not known here, and its
// echo is masked all the same.
func TestL7_ForeignCanary(t *testing.T) {
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp := response(401, "you sent "+req.Header.Get("Authorization"), "Www-Authenticate", `Bearer error_description="`+req.Header.Get("Authorization")+`"`)
		resp.Request = req
		return resp, nil
	})
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: base})
	for _, secret := range []string{canary, "sesame", "open-sesame-to-me"} {
		req := newRequest(t, http.MethodGet, acme, nil)
		req.Header.Set("Authorization", "Bearer "+secret)
		wantSilent(t, "the diagnosis", fetch(t, tr, req).diagnosis(), secret)
	}
}

// TestL7_EchoOverTheWire is the same with a real server, and a real issuer that
// repeats the request in its error.
func TestL7_EchoOverTheWire(t *testing.T) {
	srv := serve(t, authtest.Config{ClientSecret: canary})
	token := srv.Issuer.Login()
	var used []string
	src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		c := &auth.Credential{Secret: auth.NewSecret(srv.Issuer.Login().Access), Provenance: auth.Provenance{Kind: auth.KindOAuth, Name: "login"}}
		used = append(used, c.Secret.Reveal())
		return c, nil
	})
	heard := &journal{}
	tr := against(t, srv, transport.Config{Source: src, Hook: heard.hook})
	wantStatus(t, get(t, tr, srv), 200)
	srv.API.RefuseNext(1<<30, authtest.EchoCredential)
	// The printers look into contexts, and a wire is busy with those that end.
	got := fetch(t, tr, newRequest(t, http.MethodGet, srv.API.URL, nil).WithContext(context.Background()))
	wantStatus(t, got, 401)
	if len(used) != 2 || !strings.Contains(got.body, used[1]) {
		t.Fatalf("%d tokens, and the API repeats nothing", len(used))
	}
	used = append(used, token.Access)
	wantSilent(t, "the transport, whose wire has the request in its buffers", tr, used...)
	wantSilent(t, "the strict round tripper", transport.Strict(tr), used...)
	wantSilent(t, "the diagnosis", got.diagnosis(), used...)
	wantSilent(t, "the response's request", got.Request, used...)
	for _, e := range heard.all() {
		wantSilent(t, "the event "+string(e.Kind), e, used...)
	}

	// Bench row 10b.
	srv.API.RefuseNext(0, nil)
	tr = against(t, srv, transport.Config{Source: clientCredentialsOf(t, srv, canary)})
	srv.Issuer.FailNext(10, authtest.EchoRequest)
	_, err := tr.RoundTrip(newRequest(t, http.MethodGet, srv.API.URL, nil))
	wantSilent(t, "the error of an issuer that repeats the request", err, canary, base64.StdEncoding.EncodeToString([]byte("test-client:"+canary)))
	wantCause(t, err, auth.ClientNotAllowed)
}

// TestL7_TheWalkWouldFindIt is the control for all of the above.
func TestL7_TheWalkWouldFindIt(t *testing.T) {
	type holder struct {
		inner any
	}
	for _, v := range []any{
		holder{&holder{map[string][]any{"a": {[]byte(canary)}}}},
		context.WithValue(t.Context(), holder{1}, canary),
		&http.Request{Header: http.Header{"A": {canary}}},
		error(hiding{errors.New(canary)}),
	} {
		if !strings.Contains(printed(v), canary) {
			t.Errorf("%T: not found", v)
		}
	}
}
