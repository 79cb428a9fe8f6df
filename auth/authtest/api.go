package authtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An API accepts the issuer's access tokens and the configured keys, refuses
// everything else, and keeps count.
type API struct {
	URL string // origin, without a trailing slash

	s     *Server
	holds holds

	book    logbook // this and all below: guarded by s.mu
	total   Count
	counts  map[string]Count
	forced  forced
	failing forced
}

// A Count is how many requests arrived, and how they were judged. The
// difference waits, left while it waited, met with a [Fault], or asked for the
// page that [LoginRedirect] leads to.
type Count struct{ Requests, Accepted, Refused int }

// Requests returns what arrived, in order: the latest 10,000.
func (a *API) Requests() []Request { return a.s.read(&a.book) }

// Total returns the exact count of all requests.
func (a *API) Total() Count {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.total
}

// Counts returns the exact counts by [Request.Credential].
func (a *API) Counts() map[string]Count {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return maps.Clone(a.counts)
}

// RefuseNext makes the API refuse the next n requests whatever they carry,
// with the given answer, or with the configured one if that is nil.
// RefuseNext(math.MaxInt, nil) refuses until RefuseNext(0, nil).
func (a *API) RefuseNext(n int, with http.Handler) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.forced = forced{left: n, with: with}
}

// FailNext makes the API answer the next n requests with the given fault
// before it judges them: one of the canned [Fault] values, [Late], or a handler
// of your own. FailNext(math.MaxInt, fault) fails until FailNext(0, nil).
func (a *API) FailNext(n int, fault http.Handler) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.failing = forced{left: n, with: fault}
}

// FailFor does the same to all requests until d has passed. The latest call of
// the two holds.
func (a *API) FailFor(d time.Duration, fault http.Handler) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.failing = forced{until: time.Now().Add(d), with: fault}
}

// Hold makes the API keep the next n requests until the hold releases them.
// Holds of one API fill one after the other.
func (a *API) Hold(n int) *Hold { return a.holds.add(n) }

// RedirectURL returns a URL on the API that redirects, with the given status,
// to the first of hops. If there are more, that hop's origin, which must be the
// API or the trap, redirects to the next; the last is requested as it is.
// A request to the URL must be accepted like any other.
func (a *API) RedirectURL(status int, hops ...string) string {
	return redirectURL(a.URL, status, hops)
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	entry, w, r := a.s.arrive(&a.book, w, r)
	seen := a.count(entry, r)
	a.holds.pass(r.Context())
	a.s.mu.Lock()
	fault, failing := a.failing.take()
	a.s.mu.Unlock()
	act := func(w http.ResponseWriter, r *http.Request) { a.act(entry, seen, w, r) }
	if failing && fault != nil {
		fault.ServeHTTP(w, arriving(r, arrival{a.s, act}))
		return
	}
	act(w, r)
}

// act judges a request and serves it.
func (a *API) act(entry *Request, seen sighting, w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == loginPath && r.URL.Query().Has(returnTo) {
		LoginPageIn200.ServeHTTP(w, r)
		return
	}
	refusal := a.judge(entry, seen)
	switch {
	case refusal != nil:
		refusal.ServeHTTP(w, r)
	case r.URL.Path == redirectPath:
		redirect(w, r)
	default:
		if handler := a.s.current().Handler; handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
		ordinary(w, r)
	}
}

// count notes what a request presents.
func (a *API) count(entry *Request, r *http.Request) sighting {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	seen := sight(r, a.s.places)
	entry.Place, entry.Scheme = seen.place, seen.scheme
	if seen.value != "" {
		entry.Credential = a.s.label(seen.value)
	}
	a.change(entry, func(c *Count) { c.Requests++ })
	return seen
}

func (a *API) change(entry *Request, by func(*Count)) {
	if a.counts == nil {
		a.counts = map[string]Count{}
	}
	c := a.counts[entry.Credential]
	by(&c)
	a.counts[entry.Credential] = c
	by(&a.total)
}

// judge returns the refusal, or nil if the request is accepted.
func (a *API) judge(entry *Request, seen sighting) http.Handler {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	refusal, isForced := a.forced.take()
	reason := a.objection(seen)
	if !isForced && reason == "" {
		a.change(entry, func(c *Count) { c.Accepted++ })
		return nil
	}
	a.change(entry, func(c *Count) { c.Refused++ })
	if refusal == nil {
		refusal = a.s.config.Refusal
	}
	if refusal == nil {
		refusal = ordinaryRefusal(seen, cmp.Or(reason, "the token is not accepted"))
	}
	return refusal
}

// objection says why what was seen is not accepted, or nothing if it is.
func (a *API) objection(seen sighting) string {
	for _, key := range a.s.config.Keys {
		want := key.sighting()
		if key.Value != "" && want.place == seen.place && want.value == seen.value {
			return ""
		}
	}
	token, isBearer := strings.CutPrefix(seen.value, "Bearer ")
	switch t := a.s.Issuer.ledger.access[token]; {
	case seen.value == "":
		return "no credential was sent"
	case !isBearer || t == nil:
		return "the token is not known"
	case t.dead != "":
		return t.dead
	case !a.s.config.now().Before(t.ends):
		return expired
	}
	return ""
}

// ordinaryRefusal is what RFC 6750 section 3 asks for.
func ordinaryRefusal(seen sighting, reason string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		discard(r)
		if seen.value == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="authtest"`)
			writeJSON(w, http.StatusUnauthorized, map[string]any{"message": reason})
			return
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="authtest", error="invalid_token", error_description=%q`, reason))
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": reason})
	})
}

// ordinary serves accepted requests.
func ordinary(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/me":
		discard(r)
		writeJSON(w, http.StatusOK, map[string]any{"login": "tester"})
	case "/echo":
		const limit = 1 << 20
		var body bytes.Buffer
		if n, _ := io.Copy(&body, r.Body); n > limit {
			http.Error(w, "too long to echo", http.StatusRequestEntityTooLarge)
			return
		}
		w.Header().Set("Content-Type", cmp.Or(r.Header.Get("Content-Type"), "application/octet-stream"))
		_, _ = w.Write(body.Bytes())
	default:
		discard(r)
		writeJSON(w, http.StatusOK, map[string]any{"ok": true})
	}
}

// discard reads what is left of the body, so that its length and hash are known.
func discard(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

func writeJSON(w http.ResponseWriter, status int, value any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

const redirectPath = "/redirect"

func redirectURL(origin string, status int, hops []string) string {
	return origin + redirectPath + "?" + url.Values{"status": {strconv.Itoa(status)}, "to": hops}.Encode()
}

// redirect serves the URLs that redirectURL makes.
func redirect(w http.ResponseWriter, r *http.Request) {
	discard(r)
	query := r.URL.Query()
	status, err := strconv.Atoi(query.Get("status"))
	hops := query["to"]
	if err != nil || status < 300 || status > 399 || len(hops) == 0 {
		http.Error(w, "not a URL that RedirectURL made", http.StatusBadRequest)
		return
	}
	to := hops[0]
	if len(hops) > 1 {
		origin, err := url.Parse(to)
		if err != nil {
			http.Error(w, "a hop is not a URL", http.StatusBadRequest)
			return
		}
		to = redirectURL(origin.Scheme+"://"+origin.Host, status, hops[1:])
	}
	w.Header().Set("Location", to)
	w.WriteHeader(status)
}
