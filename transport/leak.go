package transport

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/internal/scrub"
)

// appendTo adds the credential to a query and leaves the rest as it is, byte
// for byte.
func (p *prepared) appendTo(query string) string {
	if query == "" {
		return p.query
	}
	return query + "&" + p.query
}

// cleanLinks takes our query parameter out of the URLs that a response names:
// where it redirects to, and what it links to, such as a next page. The next
// request gets it again if it may have it; the caller's URL, its errors and a
// Referer never.
//
// What is left of a Location does not tell the credential to others, who would
// read it there: login pages are told where to return to, in a parameter of
// theirs. One that was sent in a header and stays with our origins is the
// server's to repeat.
func (t *Transport) cleanLinks(resp *http.Response, p *prepared) {
	fields := []string{"Location", "Content-Location", "Link", "Refresh"}
	if p.place.Query == "" {
		fields = fields[:1]
	}
	cloned := false
	for _, field := range fields {
		for i, old := range resp.Header[field] {
			clean := old
			switch {
			case field != "Location":
				clean = p.unlinked(old)
			case p.place.Query != "":
				clean = p.masked(p.withoutParam(old))
			case t.foreign(resp.Request.URL, old):
				clean = p.masked(old)
			}
			if clean == old {
				continue
			}
			if !cloned { // the base transport may share it with other responses
				resp.Header, cloned = resp.Header.Clone(), true
			}
			resp.Header[field][i] = clean
		}
	}
}

// foreign reports whether a Location leads away from our origins. One that
// cannot be read leads nowhere, and is masked for the errors that quote it.
func (t *Transport) foreign(from *url.URL, location string) bool {
	to, err := from.Parse(location)
	return err != nil || !SameOrigin(from, to) && !slices.Contains(t.origins, originOf(to))
}

// masked masks the credential and the one before, which a healed call has sent as
// well, in the path, query and fragment of a Location. This is an address: only
// the whole value is masked, however it is escaped, and never in scheme, user or
// host. A part of it goes on, and what is shorter than eight characters: both are
// words like others.
func (p *prepared) masked(location string) string {
	values := []scrub.Value{{Secret: p.sent}}
	for _, c := range []*auth.Credential{p.cred, p.before} {
		if c == nil {
			continue
		}
		v := scrub.Value{Secret: c.Secret.Reveal(), User: c.Username}
		values = append(values, v)
		if user, password, ok := strings.Cut(v.Secret, ":"); ok && v.User == "" && p.scheme == auth.Basic {
			values = append(values, scrub.Value{Secret: cmp.Or(password, user)}) // the secret is the whole pair
		}
	}
	known := scrub.NewWhole(values...)
	if _, err := url.Parse(location); err != nil {
		// Nobody can follow it, and clients quote it in their error.
		clean := known.Mask(location, "masked")
		if _, err := url.Parse(clean); err != nil {
			return clean
		}
	}
	n, full := authority(location)
	rest := known.Mask(location[n:], "masked")
	if rest == location[n:] {
		return location
	}
	// A value with a slash in it is masked as one, and what was a host or a path
	// stays one.
	if full && !strings.ContainsRune("/?#", rune(rest[0])) {
		rest = "/" + rest
	} else if m, _ := authority(rest); n == 0 && m > 0 {
		rest = "./" + rest
	}
	return location[:n] + rest
}

// authority returns how long a reference's scheme and authority are, and whether
// it has the latter (RFC 3986 section 3).
func authority(reference string) (n int, full bool) {
	for i, c := range []byte(reference) {
		if c == ':' && i > 0 {
			n = i + 1
		}
		if !('a' <= c|' ' && c|' ' <= 'z' || i > 0 && ('0' <= c && c <= '9' || strings.IndexByte("+-.", c) >= 0)) {
			break
		}
	}
	if !strings.HasPrefix(reference[n:], "//") {
		return n, false
	}
	n += len("//")
	if i := strings.IndexAny(reference[n:], "/?#"); i >= 0 {
		return n + i, true
	}
	return len(reference), true
}

// unlinked takes the parameter out of URLs within a field of another form.
func (p *prepared) unlinked(field string) string {
	if !strings.Contains(field, p.place.Query+"=") {
		return field
	}
	var b strings.Builder
	for rest := field; rest != ""; {
		n := strings.IndexAny(rest, "<>\"' \t,;")
		if n < 0 {
			n = len(rest)
		}
		b.WriteString(p.withoutParam(rest[:n]))
		if n < len(rest) {
			b.WriteByte(rest[n])
			n++
		}
		rest = rest[n:]
	}
	return b.String()
}

// isOurs reports whether a parameter is the one that we sent. One of the same
// name with another value is the server's, as signed links have them.
func (p *prepared) isOurs(pair string) bool {
	_, value, _ := strings.Cut(pair, "=")
	if !hasParam(pair, p.place.Query) {
		return false
	}
	unescaped, err := url.QueryUnescape(value)
	return value == p.sent || err == nil && unescaped == p.sent
}

// withoutParam takes our parameter out of the query of a URL or of a reference,
// and leaves the rest as it is.
func (p *prepared) withoutParam(location string) string {
	before, fragment, hash := strings.Cut(location, "#")
	path, query, ok := strings.Cut(before, "?")
	var kept []string
	found := false
	for pair := range strings.SplitSeq(query, "&") {
		if p.isOurs(pair) {
			found = true
		} else {
			kept = append(kept, pair)
		}
	}
	if !ok || !found {
		return location
	}
	location = path
	if len(kept) > 0 {
		location += "?" + strings.Join(kept, "&")
	}
	if hash {
		location += "#" + fragment
	}
	return location
}

// scrubbed returns err without the credentials in its text, at any depth. An
// error that does not show them is returned as it is.
func scrubbed(err error, credentials ...*auth.Credential) error {
	return scrub.Error(err, func(text string) string { return diagnose.Scrub(text, credentials...) })
}

// ScrubError returns err as it is, or without the credential in use and the one
// before, which a repeated request was first sent with, where it shows them: an
// [http.Client]'s error names the URL that it failed on, which a redirect may
// have chosen.
func (t *Transport) ScrubError(err error) error {
	last := t.last.Load()
	if err == nil || last == nil {
		return err
	}
	return scrubbed(err, last.cred, last.before)
}

var _ http.RoundTripper = (*Transport)(nil)
