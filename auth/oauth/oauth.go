// Package oauth gets access tokens from OAuth 2.x token endpoints, and lets the
// token sources of golang.org/x/oauth2 and those of package auth stand in for
// each other.
//
// [ClientCredentials] and [RefreshToken] are sources: each call of theirs is an
// exchange with the token endpoint, made on x/oauth2's own configuration types.
// They keep no access token; put an [auth.Cache] around them, as the transport
// does by itself. It shares one exchange among all who ask, renews early, and
// keeps a failing issuer from being stormed.
//
//	src, err := oauth.ClientCredentials(&clientcredentials.Config{
//		ClientID: "reports",
//		TokenURL: "https://login.example.com/oauth2/token",
//	}, oauth.Options{ClientSecret: auth.Env("REPORTS_CLIENT_SECRET")})
//
// [FromTokenSource] makes any [oauth2.TokenSource] a source, and [TokenSource]
// goes the other way.
//
// # What an answer means
//
// An OAuth error code (RFC 6749 section 5.2) is a verdict, with status 200 too:
// RefreshRejected, ClientRejected or ClientNotAllowed, and the question is not
// put again. What is no token endpoint is EndpointMisconfigured: 404, 405, any
// redirect, a page, an answer without a token. Everything else is weather,
// IssuerUnavailable: network, 429, 5xx, a 4xx without a code. An exchange takes
// ten seconds at most. Within them client credentials are asked for up to three
// times; a refresh token is sent again only if no connection was made, because
// the issuer may replace it and the answer be lost.
//
// Token requests go to the token endpoint and nowhere else: redirects are not
// followed. They are made by a client of this package, which takes only its
// base transport from [Options]; the [oauth2.HTTPClient] of a context is not
// looked at, since it may be the one that waits for the token.
//
// # Expiry
//
// A token expires expires_in seconds after it was asked for, so that the time
// on the wire is not counted as life. Without expires_in it has no stated
// expiry. With one that is zero, negative or not a number, it is used for a
// minute: for ever is too long, and asking anew for each request too often.
package oauth

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// patience bounds one exchange with all its repeats, and one call of a foreign
// token source. It is less than the cache allows a source, so that it is this
// package that says what took so long.
const patience = 10 * time.Second

// bearing returns the scheme that a token_type asks for (RFC 6749 section 7.1),
// nil for one that we cannot send. The comparison ignores case (section 5.1); a
// missing type is taken for Bearer, as x/oauth2 does. A token that is bound to
// a key (DPoP, MAC) is never sent as a bearer token instead: that would be
// refused at best.
func bearing(tokenType string) auth.Scheme {
	switch strings.ToLower(tokenType) {
	case "", "bearer":
		return auth.Bearer
	case "token":
		return auth.Token
	}
	return nil
}

func wrongType(place auth.Provenance, tokenType string) *auth.Error {
	return &auth.Error{
		Cause: auth.WrongScheme, Confidence: auth.Certain,
		Remedy:   auth.Remedy{Text: "have the issuer give this client bearer tokens"},
		Evidence: []auth.Evidence{{Source: place.String(), Fact: "the token is of type " + quote(tokenType) + ", which cannot be sent here, and is not sent as something else"}},
		Tried:    []auth.Attempt{{Place: place, Answer: "a token of unknown type", Err: auth.WrongScheme}},
	}
}

// shown returns u without what may be secret: user information, query, fragment.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// local reports whether what is sent to u stays on this machine, so that it may
// go in clear text (law L6). A name has to be written as net/http's proxy
// settings exempt it: they would send LOCALHOST and "localhost." to HTTP_PROXY.
func local(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
