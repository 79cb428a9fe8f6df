package transport

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
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
	if !shows(err, c) {
		return err
	}
	return &scrubbedError{func() error { return err }, c}
}

// shows reports whether the text of err, or of an error within it, has the
// credential in it.
func shows(err error, c *auth.Credential) bool {
	if err == nil {
		return false
	}
	if text := err.Error(); diagnose.Scrub(text, c) != text {
		return true
	}
	return within(err, func(e error) bool { return shows(e, c) })
}

// within asks for each error that err wraps.
func within(err error, ask func(error) bool) bool {
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return ask(x.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(x.Unwrap(), ask)
	}
	return false
}

// A scrubbedError passes questions on to the error beneath and shows no part of
// it that could print.
type scrubbedError struct {
	err  func() error // printers that work by reflection do not look into it
	cred *auth.Credential
}

func (s *scrubbedError) Error() string { return diagnose.Scrub(s.err().Error(), s.cred) }

func (s *scrubbedError) Is(target error) bool { return errors.Is(s.err(), target) }

// As finds errors beneath that do not show the credential. Of a url.Error,
// which names the URL, it gives a copy that does not.
func (s *scrubbedError) As(target any) bool {
	if u, ok := target.(**url.Error); ok {
		var found *url.Error
		if !errors.As(s.err(), &found) {
			return false
		}
		*u = &url.Error{Op: found.Op, URL: diagnose.Scrub(found.URL, s.cred), Err: scrubbed(found.Err, s.cred)}
		return true
	}
	return s.asSilent(s.err(), target)
}

func (s *scrubbedError) asSilent(err error, target any) bool {
	if err == nil {
		return false
	}
	if !shows(err, s.cred) {
		return errors.As(err, target)
	}
	return within(err, func(e error) bool { return s.asSilent(e, target) })
}

// Timeout and Temporary make it a [net.Error] as the one beneath is.
func (s *scrubbedError) Timeout() bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](s.err())
	return ok && t.Timeout()
}

// Temporary is part of net.Error.
func (s *scrubbedError) Temporary() bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](s.err())
	return ok && t.Temporary()
}

var _ http.RoundTripper = (*Transport)(nil)
