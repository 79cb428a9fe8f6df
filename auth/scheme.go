package auth

import (
	"encoding/base64"
	"errors"
	"net/textproto"
	"strings"
)

// A Scheme says how a credential is put on a request. The package has [Bearer],
// [Token], [Basic], [APIKeyHeader] and [APIKeyQuery]; a scheme of your own
// implements the three methods. It must be safe for concurrent use.
type Scheme interface {
	// Name is the scheme's name as the API's documentation and its challenges
	// write it: "Bearer", "Basic". For API keys, which have no registered
	// scheme, it is "ApiKey".
	Name() string
	// Place is where the value goes. It must always be the same.
	Place() Place
	// Value returns what is put there: for a header the whole field value. It
	// must not be empty. Its errors must not contain the secret.
	Value(*Credential) (string, error)
}

// A Place is a header or a query parameter. Exactly one is set.
type Place struct {
	Header string // canonical name of a header field
	Query  string // name of a query parameter, not escaped
}

// String returns the header's name, or "query parameter NAME".
func (p Place) String() string {
	if p.Query != "" {
		return "query parameter " + p.Query
	}
	return p.Header
}

// Bearer sends "Authorization: Bearer SECRET" (RFC 6750 section 2.1).
var Bearer Scheme = word("Bearer")

// Token sends "Authorization: token SECRET", as some APIs write it that are
// older than RFC 6750.
var Token Scheme = word("token")

// Basic sends user name and password (RFC 7617). With an empty Username the
// secret is the whole pair, user:password, as one variable can hold it; the
// user name may then not contain a colon and the password may be empty.
var Basic Scheme = basic{}

// APIKeyHeader returns a scheme that sends the bare secret in the header called
// name, such as "X-Api-Key".
func APIKeyHeader(name string) Scheme {
	return apiKey{Place{Header: textproto.CanonicalMIMEHeaderKey(name)}}
}

// APIKeyQuery returns a scheme that sends the secret as the query parameter
// called name. Query strings end up in logs; the transport keeps the parameter
// out of URLs and errors on this side of the wire, and cannot on the other.
func APIKeyQuery(name string) Scheme { return apiKey{Place{Query: name}} }

const authorization = "Authorization"

// A word is a scheme that writes one word and the secret.
type word string

func (w word) Name() string { return string(w) }
func (w word) Place() Place { return Place{Header: authorization} }
func (w word) Value(c *Credential) (string, error) {
	return string(w) + " " + c.Secret.Reveal(), nil
}

type basic struct{}

func (basic) Name() string { return "Basic" }
func (basic) Place() Place { return Place{Header: authorization} }
func (basic) Value(c *Credential) (string, error) {
	pair := c.Secret.Reveal()
	switch {
	case c.Username == "" && !strings.Contains(pair, ":"):
		return "", errors.New("the scheme Basic needs a user name: set Credential.Username, or store user:password as the secret")
	case strings.Contains(c.Username, ":"):
		return "", errors.New("the scheme Basic cannot send a user name with a colon in it (RFC 7617 section 2)")
	case c.Username != "":
		pair = c.Username + ":" + pair
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)), nil
}

type apiKey struct{ place Place }

func (apiKey) Name() string                        { return "ApiKey" }
func (k apiKey) Place() Place                      { return k.place }
func (apiKey) Value(c *Credential) (string, error) { return c.Secret.Reveal(), nil }
