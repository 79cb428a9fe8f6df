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
// # Workloads without a secret
//
// A program that runs on a platform need not hold a client secret. The platform
// vouches for it by a JSON Web Token that lives for minutes, and the issuer of
// access tokens is set up to trust that platform (RFC 7523 section 2.2). Name
// where the token is found, as [Options].ClientAssertion:
//
//	Kubernetes      auth.File of a projected service account token, whose audience is the issuer's
//	SPIFFE          auth.File of the JWT-SVID that spiffe-helper keeps current
//	Azure           auth.Env("AZURE_FEDERATED_TOKEN"): the webhook sets AZURE_FEDERATED_TOKEN_FILE
//	GitHub Actions  an [auth.SourceFunc] that asks ACTIONS_ID_TOKEN_REQUEST_URL for one
//
// It is read anew for each exchange, so whoever rewrites the file need not tell
// the program. Nothing is sent with a token that is missing or has expired.
//
// [FromTokenSource] makes any [oauth2.TokenSource] a source, and [TokenSource]
// goes the other way.
//
// # What an answer means
//
// An OAuth error code (RFC 6749 section 5.2) is a verdict, with status 200 too:
// RefreshRejected, ClientRejected or ClientNotAllowed, and the question is not
// put again. What is no token endpoint is EndpointMisconfigured: 404, 405, any
// redirect, a page, an answer without a token. What stands in between has causes
// of its own, which waiting does not cure: CertificateRejected for a TLS
// certificate that one side does not accept, ProxyAuthRequired for a proxy that
// wants credentials of its own, IntermediaryResponse for one that does not let
// us through. Everything else is weather, IssuerUnavailable: network, 429, 5xx,
// a 4xx without a code. An exchange takes ten seconds at most. Within them
// client credentials are asked for up to three times; a refresh token or a
// client assertion is sent again only if no connection was made, because it may
// be good for one use and the answer be lost. After an exchange that ended in
// weather those of the next minute are one try each, until there is a token or a
// verdict.
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
