package transport

import (
	"net/http"
	"net/url"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// CleanLocation is what becomes of a Location if value is sent as the query
// parameter called name.
func CleanLocation(location, name, value string) string {
	p := &prepared{place: auth.Place{Query: name}, cred: &auth.Credential{}, sent: value}
	resp := &http.Response{Header: http.Header{"Location": {location}}}
	new(Transport).cleanLinks(resp, p)
	return resp.Header.Get("Location")
}

// HasParam tells whether a query has a parameter of that name.
func HasParam(query, name string) bool { return hasParam(query, name) }

// OriginOf is the one spelling of an URL's origin.
func OriginOf(u *url.URL) string { return originOf(u).String() }

// ClockOffset is what was learned of the server's clock.
func (t *Transport) ClockOffset() (time.Duration, int) { return t.clock.offset() }
