package transport

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

// An origin is scheme, host and port (RFC 6454 section 4) in one spelling: lower
// case, no trailing dot, no default port.
type origin struct{ scheme, host string }

func (o origin) String() string { return o.scheme + "://" + o.host }

func originOf(u *url.URL) origin {
	scheme, host := lower(u.Scheme), lower(u.Host)
	if port := u.Port(); port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		host = lower(u.Hostname())
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		host = strings.TrimSuffix(host, ".")
	} else {
		host = strings.Replace(host, ".:", ":", 1)
	}
	return origin{scheme, host}
}

// lower folds ASCII letters and no others. A dotted capital I, for one, would
// become an i in Go, and net/http dials another host.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// CheckOrigin returns nil if raw is an origin that credentials may go to, such
// as "https://api.acme.example". Anything more than scheme, host and port is an
// error, and so is plain http to what is no loopback address, which is an
// [auth.InsecureTransport]. The error's text shows scheme and host at most.
func CheckOrigin(raw string) error {
	_, err := parseOrigin(raw)
	return err
}

// parseOrigin returns an origin in its one spelling. What raw holds besides is
// not repeated: it may be a secret in the wrong place.
func parseOrigin(raw string) (origin, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return origin{}, errors.New("is no URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return origin{}, errors.New("must begin with https:// and a host")
	}
	o := originOf(u)
	switch {
	case u.User != nil:
		return origin{}, fmt.Errorf("is more than %s: an origin has no user and password in it", o)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return origin{}, fmt.Errorf("is more than %s: an origin is scheme, host and port", o)
	case !secure(u):
		return origin{}, fmt.Errorf("is %s: %w", o, o.insecure())
	}
	return o, nil
}

// secure reports whether what is sent there is encrypted on its way, or stays on
// this machine. The latter is said of what net/http, too, takes for this machine
// and sends past every proxy: a loopback address without a zone, and the name
// localhost in this spelling. Names below it should be loopback (RFC 6761
// section 6.3), but Go's resolver may ask the network for them.
func secure(u *url.URL) bool {
	if strings.EqualFold(u.Scheme, "https") {
		return true
	}
	host := u.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// SameOrigin reports whether both URLs have the same scheme, host and port. Case,
// a trailing dot and a default port make no difference.
func SameOrigin(a, b *url.URL) bool { return originOf(a) == originOf(b) }

func (o origin) insecure() *auth.Error {
	return &auth.Error{
		Cause: auth.InsecureTransport, Confidence: auth.Certain,
		Evidence: []auth.Evidence{{Source: "request", Fact: o.String() + " is neither https nor a loopback address, so anybody on the way could read the credential"}},
		Remedy:   auth.Remedy{Text: "use https://" + o.host},
	}
}

// admit decides whether a request gets the credential. An error means that it
// must not be sent at all.
func (t *Transport) admit(req *http.Request) (diagnose.NotSent, error) {
	if !t.replace && isSet(req, t.place) {
		return diagnose.CallerSet, nil
	}
	if req.Response != nil {
		if why := t.chain(req); why != diagnose.WasSent {
			return why, nil
		}
	}
	owned, exact := t.owns(req.URL)
	if exact {
		return diagnose.WasSent, nil
	}
	o := originOf(req.URL)
	if owned || t.anyOrigin {
		if !secure(req.URL) {
			return 0, o.insecure()
		}
		return diagnose.WasSent, nil // as the first hop, or one that chain has compared with it
	}
	if o.scheme == "http" && req.Response == nil && slices.Contains(t.origins, originOf(&url.URL{Scheme: "https", Host: o.host})) {
		return 0, o.insecure() // our own host without its s
	}
	return diagnose.ForeignOrigin, nil
}

// owns reports whether the URL is on one of our origins, and whether it is
// spelled as that one is.
func (t *Transport) owns(u *url.URL) (owned, exact bool) {
	for i := range t.origins {
		if o := &t.origins[i]; u.Host == o.host && u.Scheme == o.scheme {
			return true, true
		}
	}
	return slices.Contains(t.origins, originOf(u)), false
}

// chain looks at the earlier hops of a redirect chain. net/http links each hop
// to the response that caused it, and builds the header of every hop from that
// of the first request: what an earlier hop shows has to be looked up there.
func (t *Transport) chain(req *http.Request) diagnose.NotSent {
	here := originOf(req.URL)
	ours := slices.Contains(t.origins, here)
	for resp := req.Response; resp != nil; {
		earlier := resp.Request
		if earlier == nil || earlier.URL == nil {
			return diagnose.LeftOrigin // unknown, so not trusted
		}
		if !t.replace && isSet(earlier, t.place) {
			return diagnose.CallerSet
		}
		switch from := originOf(earlier.URL); {
		case ours && slices.Contains(t.origins, from):
		case t.anyOrigin && from == here:
		case ours:
			return diagnose.LeftOrigin
		default:
			return diagnose.ForeignOrigin
		}
		resp = earlier.Response
	}
	return diagnose.WasSent
}

// isSet reports whether the caller has put a credential there. An empty value
// and a scheme's bare word, which clients send that have no token, do not count.
func isSet(req *http.Request, place auth.Place) bool {
	if place.Query != "" {
		return hasParam(req.URL.RawQuery, place.Query)
	}
	if slices.ContainsFunc(req.Header[place.Header], isCredential) {
		return true
	}
	// Whoever fills the map by hand may spell a name as the API's documentation
	// does, X-API-Key. Nobody has a reason to spell Authorization otherwise, and
	// a look at every field costs a tenth of the whole round trip.
	if place.Header == "Authorization" {
		return false
	}
	for name, values := range req.Header {
		if len(name) == len(place.Header) && strings.EqualFold(name, place.Header) && slices.ContainsFunc(values, isCredential) {
			return true
		}
	}
	return false
}

// wasSet is isSet for a request and all earlier hops of its chain. It makes no
// difference to a transport that replaces what was set.
func (t *Transport) wasSet(req *http.Request, place auth.Place) bool {
	if t.replace {
		return false
	}
	for !isSet(req, place) {
		if req.Response == nil || req.Response.Request == nil {
			return false
		}
		req = req.Response.Request
	}
	return true
}

func isCredential(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "bearer", "token", "basic":
		return false
	}
	return true
}

func hasParam(query, name string) bool {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, _, _ := strings.Cut(pair, "=")
		if key == name {
			return true
		}
		if strings.ContainsAny(key, "%+") {
			if k, err := url.QueryUnescape(key); err == nil && k == name {
				return true
			}
		}
	}
	return false
}

// withoutParam returns a query without the parameters of that name.
func withoutParam(query, name string) string {
	if !hasParam(query, name) {
		return query
	}
	pairs := slices.DeleteFunc(strings.Split(query, "&"), func(pair string) bool { return hasParam(pair, name) })
	return strings.Join(pairs, "&")
}

// onlySpelling removes other spellings of a field that the caller put into the
// map by hand: both would be sent.
func onlySpelling(h http.Header, name string) {
	for other := range h {
		if other != name && len(other) == len(name) && strings.EqualFold(other, name) {
			delete(h, other)
		}
	}
}

// withoutTheirs removes what the caller set in the transport's place from a copy
// of its request, where the credential has another place of its own.
func (t *Transport) withoutTheirs(out *http.Request) {
	if t.place.Query != "" {
		if hasParam(out.URL.RawQuery, t.place.Query) {
			u := *out.URL
			u.RawQuery = withoutParam(u.RawQuery, t.place.Query)
			out.URL = &u
		}
		return
	}
	header := maps.Clone(out.Header)
	delete(header, t.place.Header)
	onlySpelling(header, t.place.Header)
	out.Header = header
}
