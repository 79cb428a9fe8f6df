package transport_test

import (
	"net/http"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// TestT9_CallersCredential: what the program set itself goes out as it is, the
// source is not asked, a refusal is neither renewed nor repeated, and the hook
// hears of it. Trap 3, Trap 4.
func TestT9_CallersCredential(t *testing.T) {
	for _, test := range []struct {
		name   string
		scheme auth.Scheme
		set    func(*http.Request)
	}{
		{"Bearer", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer mine") }},
		{"another scheme", nil, func(r *http.Request) { r.Header.Set("Authorization", "Digest mine") }},
		{"Basic of its own", nil, func(r *http.Request) { r.SetBasicAuth("me", "mine") }},
		{"second value", nil, func(r *http.Request) { r.Header["Authorization"] = []string{"", "Bearer mine"} }},
		{"header", auth.APIKeyHeader("X-Api-Key"), func(r *http.Request) { r.Header.Set("X-Api-Key", "mine") }},
		{"header spelt in its own way", auth.APIKeyHeader("X-Api-Key"), func(r *http.Request) { r.Header["X-API-KEY"] = []string{"mine"} }},
		{"query", auth.APIKeyQuery("key"), func(r *http.Request) { r.URL.RawQuery = "a=1&key=mine" }},
		{"query, name escaped", auth.APIKeyQuery("key"), func(r *http.Request) { r.URL.RawQuery = "k%65y=mine" }},
		{"query, no value", auth.APIKeyQuery("key"), func(r *http.Request) { r.URL.RawQuery = "key" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &wire{answer: always(refusal)}
			src, heard := values("T1", "T2"), &journal{}
			tr := newTransport(t, transport.Config{Source: src, Scheme: test.scheme, Base: w, Hook: heard.hook})
			req := newRequest(t, http.MethodGet, acme, nil)
			test.set(req)
			before := snap(req)
			got := fetch(t, tr, req)
			wantStatus(t, got, 401)
			before.wantUnchanged(t)
			wantEqual(t, "requests", len(w.sent()), 1)
			before.compare(t, "the request on the wire", w.sent()[0].Request)
			wantEqual(t, "calls of the source", src.asked+src.exchanged, 0)
			wantEqual(t, "events", heard.kinds(), "passed_through refused")
			if e := got.diagnosis(); e == nil || e.Sent == nil || e.Sent.Provenance.Kind != auth.KindCaller {
				t.Errorf("the diagnosis does not say who set the header: %v", e)
			}
		})
	}
}

// TestTrap03_EmptyCountsAsUnset: clients that have no token send the scheme's
// bare word. That is no credential of the caller's.
func TestTrap03_EmptyCountsAsUnset(t *testing.T) {
	for _, value := range []string{"", " ", "Bearer", "Bearer ", "bearer  ", "BEARER", "token ", "Basic"} {
		w := accepts("Bearer T1")
		tr := newTransport(t, transport.Config{Source: values("T1"), Base: w})
		req := newRequest(t, http.MethodGet, acme, nil)
		req.Header["Authorization"] = []string{value}
		before := snap(req)
		wantStatus(t, fetch(t, tr, req), 200)
		before.wantUnchanged(t)
		wantEqual(t, "values on the wire", w.sent()[0].header["Authorization"], []string{"Bearer T1"})
	}
}

// TestL6_CallersCredentialOnLaterHops: net/http takes the caller's
// Authorization off when a redirect leads to another host. Ours must not fill
// the gap there, on whatever origin, nor after it.
func TestL6_CallersCredentialOnLaterHops(t *testing.T) {
	const second = "https://uploads.acme.example"
	own := func() *series {
		s := values("T1")
		s.list[0].Scheme = auth.Bearer
		return s
	}
	for _, test := range []struct {
		name   string
		scheme auth.Scheme
		source *series
	}{
		{"the API's scheme", nil, values("T1")},
		{"the credential's own scheme", auth.APIKeyHeader("X-Api-Key"), own()},
	} {
		t.Run(test.name, func(t *testing.T) {
			hops := map[string]string{acme + "/": second + "/a", second + "/a": acme + "/b"}
			w := &wire{answer: func(_ int, s sent) (*http.Response, error) {
				if to := hops[s.url]; to != "" {
					return response(302, "", "Location", to), nil
				}
				return fine(), nil
			}}
			tr := newTransport(t, transport.Config{Source: test.source, Scheme: test.scheme, Origins: []string{acme, second}, Base: w})

			wantStatus(t, do(t, tr, newRequest(t, http.MethodGet, acme+"/", nil)), 200)
			wantEqual(t, "without the caller's, every hop has ours", w.authorizations(), []string{"Bearer T1", "Bearer T1", "Bearer T1"})

			w.seen = nil
			req := newRequest(t, http.MethodGet, acme+"/", nil)
			req.Header.Set("Authorization", "Bearer mine")
			wantStatus(t, do(t, tr, req), 200)
			wantEqual(t, "with the caller's", w.authorizations(), []string{"Bearer mine", "", ""})
		})
	}
}

// TestT9_UserInformation: net/http makes Basic of user and password in the URL,
// which is the caller's credential like any other.
func TestT9_UserInformation(t *testing.T) {
	w := &wire{answer: always(fine)}
	src := values("T1")
	tr := newTransport(t, transport.Config{Source: src, Base: w})
	wantStatus(t, do(t, tr, newRequest(t, http.MethodGet, "https://me:mine@api.acme.example/", nil)), 200)
	wantEqual(t, "on the wire", w.authorizations(), []string{"Basic bWU6bWluZQ=="})
	wantEqual(t, "calls of the source", src.asked, 0)
}
