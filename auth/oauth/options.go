package oauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/reauth-go/reauth/auth"
	"golang.org/x/oauth2"
)

// Options says how a token endpoint is spoken to. The zero value is a public
// client that uses the default transport.
type Options struct {
	// ClientSecret is where the client secret is found. It is asked anew for
	// each exchange, because client secrets rotate: do not put a cache around
	// it. Its error is the exchange's error. Nil means the ClientSecret of the
	// x/oauth2 configuration; setting both is an error, and setting neither
	// means a public client.
	ClientSecret auth.Source

	// ClientAssertion is where a JSON Web Token is found that says who the
	// client is, in place of a client secret (RFC 7523 section 2.2): a file that
	// Kubernetes projects or a SPIFFE helper writes, or a source of your own
	// that asks the CI service for one. It is asked anew for each exchange: do
	// not put a cache around it. What has expired, or is no such token, is an
	// error before anything is sent. The token goes into the form, whatever
	// AuthStyle says, and the client id with it: RFC 7521 section 4.2 leaves
	// that open, and issuers that trust the tokens of others need it, since
	// those name a workload and no client. Setting a client secret as well is
	// an error: a client authenticates in one way (RFC 6749 section 2.3).
	ClientAssertion auth.Source

	// Transport carries the token requests: for a private certificate
	// authority, a proxy, or mutual TLS. It must not authenticate by the token
	// that it is to fetch. Nil means [http.DefaultTransport]. Connections are
	// closed after use.
	Transport http.RoundTripper

	// Hook is told by [RefreshToken] when the issuer has replaced the refresh
	// token: what keeps the login alive is then in this program's memory and
	// nowhere else ([auth.EventNotPersisted]).
	Hook auth.Hook
}

// settings are what both kinds of configuration have in common.
type settings struct {
	clientID     string
	clientSecret string
	tokenURL     string
	urlField     string // the name of the field that holds tokenURL
	style        oauth2.AuthStyle
	styleField   string
	params       url.Values
}

// newExchanger checks everything and reports every wrong field by its name. No
// value is quoted: a secret may stand in the wrong field.
func newExchanger(s settings, g grant, o Options) (*exchanger, error) {
	var wrong []error
	bad := func(field, what string) { wrong = append(wrong, fmt.Errorf("oauth: %s %s", field, what)) }

	if s.clientID == "" {
		bad("ClientID", "is empty")
	}
	secret, asserts := o.ClientSecret, o.ClientAssertion != nil
	if s.clientSecret != "" {
		if secret != nil {
			bad("ClientSecret", "is set in the configuration and in the Options; set one of them")
		}
		secret = auth.Static(s.clientSecret)
	}
	if secret != nil && asserts {
		bad("ClientSecret", "and ClientAssertion are both set; a client authenticates in one way (RFC 6749 section 2.3)")
	}
	switch s.style {
	case oauth2.AuthStyleAutoDetect:
		// Never as it is: x/oauth2 would answer any failure by sending the
		// token a second time in the other style.
		if s.style = oauth2.AuthStyleInHeader; secret == nil {
			s.style = oauth2.AuthStyleInParams // RFC 6749 section 3.2.1: a public client says who it is in the form
		}
	case oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams:
	default:
		bad(s.styleField, "is none of x/oauth2's constants")
	}
	if asserts {
		s.style = oauth2.AuthStyleInParams
	}
	fixed := s.params.Has("client_assertion")
	if asserts && (fixed || s.params.Has("client_assertion_type")) {
		bad("EndpointParams", "must not contain client_assertion or its type, since ClientAssertion is set")
	}
	if secret == nil && g == clientCredentials && o.Transport == nil && !asserts && !fixed {
		bad("ClientSecret", "is missing: set it in the Options, unless the client authenticates by a ClientAssertion or by the Transport (mutual TLS)")
	}
	for _, name := range []string{"client_id", "client_secret", "scope"} {
		if s.params.Has(name) {
			bad("EndpointParams", "must not contain "+name+", which has a field of its own")
		}
	}
	u, err := url.Parse(s.tokenURL)
	switch {
	case s.tokenURL == "":
		bad(s.urlField, "is empty")
	case err != nil || u.Host == "" || u.Opaque != "":
		bad(s.urlField, "is not an absolute URL")
	default:
		if u.Scheme != "https" && u.Scheme != "http" {
			bad(s.urlField, "must begin with https://")
		}
		if u.Scheme == "http" && !local(u) {
			bad(s.urlField, "must begin with https://, or secrets would cross the network in clear text")
		}
		if u.User != nil {
			bad(s.urlField, "must not contain user information")
		}
		if strings.Contains(s.tokenURL, "#") {
			bad(s.urlField, "must not have a fragment (RFC 6749 section 3.2)")
		}
	}
	if wrong != nil {
		return nil, errors.Join(wrong...)
	}
	x := &exchanger{
		grant:     g,
		place:     auth.Provenance{Kind: auth.KindOAuth, Name: string(g) + " at " + shown(u)},
		endpoint:  shown(u),
		style:     s.style,
		secret:    secret,
		assertion: o.ClientAssertion,
		base:      func() http.RoundTripper { return o.Transport },
		// An assertion may be good for one use (RFC 7523 section 3, item 7).
		repeats: g == clientCredentials && !asserts && !fixed,
	}
	// Fields that may hold secrets stay in closures, where printers that work
	// by reflection do not look.
	hidden := sensitive(s.params, u.Query())
	x.scrub = func(p proof, refreshToken string) *scrubber {
		return newScrubber(s.clientID, p.secret, append(hidden[:len(hidden):len(hidden)], p.assertion, refreshToken)...)
	}
	return x, nil
}
