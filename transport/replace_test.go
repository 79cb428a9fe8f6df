package transport_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// TestReplaceHeader: what an SDK always sets gives way to the credential, in
// whatever spelling; it is healed like any other, and the request stays the
// caller's (L8).
func TestReplaceHeader(t *testing.T) {
	for _, test := range []struct {
		name   string
		scheme auth.Scheme
		set    func(*http.Request)
		want   func(s sent) string // the value that counts
		dead   string
		good   string
	}{
		{
			"Bearer", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer sdk") },
			sent.authorization, "Bearer T1", "Bearer T2",
		},
		{
			"a field, spelt in two ways", auth.APIKeyHeader("X-Api-Key"),
			func(r *http.Request) { r.Header["X-API-KEY"], r.Header["x-api-key"] = []string{"sdk"}, []string{"sdk"} },
			func(s sent) string { return s.header.Get("X-Api-Key") }, "T1", "T2",
		},
		{
			"a parameter, twice", auth.APIKeyQuery("key"), func(r *http.Request) { r.URL.RawQuery = "key=sdk&a=1&k%65y=sdk" },
			func(s sent) string { return s.URL.RawQuery }, "a=1&key=T1", "a=1&key=T2",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &wire{answer: func(_ int, s sent) (*http.Response, error) {
				if test.want(s) == test.good {
					return response(200, "fine"), nil
				}
				return refusal(), nil
			}}
			heard := &journal{}
			src := values("T1", "T2")
			tr := newTransport(t, transport.Config{Source: auth.Cached(src), Scheme: test.scheme, Base: w, Hook: heard.hook, ReplaceHeader: true})
			for range 2 { // the first credential is not new any more in the second call
				req := newRequest(t, http.MethodGet, acme, nil)
				test.set(req)
				before := snap(req)
				fetch(t, tr, req)
				before.wantUnchanged(t)
			}
			req := newRequest(t, http.MethodGet, acme, nil)
			test.set(req)
			wantStatus(t, fetch(t, tr, req), 200)
			all := w.sent()
			wantEqual(t, "the first value sent", test.want(all[0]), test.dead)
			for _, s := range all {
				for name, values := range s.header {
					for _, v := range values {
						if v == "sdk" || v == "Bearer sdk" {
							t.Errorf("the SDK's own key went out in %s", name)
						}
					}
				}
			}
			wantEqual(t, "exchanges", src.exchanges(), 1)
		})
	}
}

// TestL6_ReplaceHeaderStaysAtHome: taking over what the caller set does not
// widen where the credential goes.
func TestL6_ReplaceHeaderStaysAtHome(t *testing.T) {
	w := &wire{answer: func(_ int, s sent) (*http.Response, error) {
		if s.URL.Host == "api.acme.example" && s.URL.Path == "/leave" {
			return response(302, "", "Location", "https://elsewhere.example/"), nil
		}
		return response(200, "fine"), nil
	}}
	heard := &journal{}
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w, Hook: heard.hook, ReplaceHeader: true})
	for _, url := range []string{acme + "/leave", "https://elsewhere.example/direct"} {
		req := newRequest(t, http.MethodGet, url, nil)
		req.Header.Set("Authorization", "Bearer sdk")
		do(t, tr, req)
	}
	wantEqual(t, "what was sent", w.authorizations(), []string{"Bearer T1", "", "Bearer sdk"})
	wantEqual(t, "events", heard.kinds(), "found passed_through passed_through")
}

// TestL13_PassingThroughHasAReason: an operator sees why the credential was not
// used, for each of the ways in which that can be.
func TestL13_PassingThroughHasAReason(t *testing.T) {
	w := &wire{answer: func(_ int, s sent) (*http.Response, error) {
		switch s.URL.Path {
		case "/leave":
			return response(302, "", "Location", "https://elsewhere.example/back"), nil
		case "/back":
			return response(302, "", "Location", acme+"/home"), nil
		}
		return response(200, "fine"), nil
	}}
	heard := &journal{}
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w, Hook: heard.hook})
	own := newRequest(t, http.MethodGet, acme, nil)
	own.Header.Set("Authorization", "Bearer mine")
	do(t, tr, own)
	do(t, tr, newRequest(t, http.MethodGet, acme+"/leave", nil))
	var reasons []string
	for _, e := range heard.all() {
		if e.Kind == auth.EventPassed {
			reasons = append(reasons, e.Reason)
		}
	}
	wantEqual(t, "reasons", reasons, []string{
		"the program set Authorization itself",
		"the origin is not one of the credential's",
		"the redirect chain had left the credential's origins",
	})
}

// TestReplaceHeaderWithAnotherPlace: a credential that names its own scheme takes
// over as well. The caller's key does not go out beside it.
func TestReplaceHeaderWithAnotherPlace(t *testing.T) {
	for name, scheme := range map[string]auth.Scheme{"header": nil, "query": auth.APIKeyQuery("key")} {
		w := &wire{answer: always(func() *http.Response { return response(200, "fine") })}
		src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
			return &auth.Credential{Secret: auth.NewSecret("ours"), Scheme: auth.APIKeyHeader("X-Api-Key")}, nil
		})
		tr := newTransport(t, transport.Config{Source: src, Scheme: scheme, Base: w, ReplaceHeader: true})
		req := newRequest(t, http.MethodGet, acme+"?a=1&key=sdk", nil)
		req.Header.Set("Authorization", "Bearer sdk")
		before := snap(req)
		fetch(t, tr, req)
		before.wantUnchanged(t)
		s := w.sent()[0]
		wantEqual(t, name+": ours", s.header.Get("X-Api-Key"), "ours")
		if name == "header" {
			wantEqual(t, "theirs", s.authorization(), "")
		} else {
			wantEqual(t, "theirs", s.URL.RawQuery, "a=1")
		}
	}
}
