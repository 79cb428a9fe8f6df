package transport

import (
	"net/http"
	"net/url"
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
func (p *prepared) cleanLinks(resp *http.Response) {
	if p.place.Query == "" {
		return
	}
	cloned := false
	for _, field := range []string{"Location", "Content-Location", "Link", "Refresh"} {
		for i, old := range resp.Header[field] {
			clean := p.unlinked(old)
			if field == "Location" {
				clean = p.cleaned(old)
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

func (p *prepared) cleaned(location string) string {
	location = p.withoutParam(location)
	// Login pages are told where to return to, in a parameter of theirs.
	for _, echo := range p.echoes {
		location = strings.ReplaceAll(location, echo, "masked")
	}
	if len(p.sent) >= 8 { // and in every other way of writing
		if clean := diagnose.Scrub(location, p.cred); clean != location {
			location = strings.ReplaceAll(clean, "[masked]", "masked")
		}
	}
	return location
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

// scrubbed returns err without the credential in its text, at any depth. An
// error that does not show it is returned as it is.
func scrubbed(err error, c *auth.Credential) error {
	return scrub.Error(err, func(text string) string { return diagnose.Scrub(text, c) })
}

// ScrubError returns err as it is, or without the credential in use where it
// shows that: an [http.Client]'s error names the URL that it failed on, which a
// redirect may have chosen.
func (t *Transport) ScrubError(err error) error {
	last := t.last.Load()
	if err == nil || last == nil {
		return err
	}
	return scrubbed(err, last.cred)
}

var _ http.RoundTripper = (*Transport)(nil)
