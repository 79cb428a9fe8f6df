package transcript

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/internal/keyshape"
)

// carried is what a request carried. The first four are as
// [diagnose.Exchange.Carried] takes them.
type carried struct {
	scheme, name string
	value        *string
	expiry       string

	variable string   // of the environment, that the value comes from
	verbatim bool     // the value is what was sent, and stands for nothing else
	hide     []string // what else must not be shown
}

const nothing = "none" // the scheme of a request without a credential

func (c *carried) tell(x *diagnose.Exchange) {
	x.Carried(c.scheme, c.name, c.value, c.expiry)
	x.Verbatim = c.verbatim
	if c.variable != "" {
		x.Credential.Provenance = auth.Provenance{Kind: auth.KindEnv, Name: c.variable}
	}
	for _, secret := range c.hide {
		x.Hide(secret)
	}
}

// A field is one field of a header, or one parameter of a query.
type field struct {
	name, value string
	query       bool
}

var (
	// secretive matches the names of fields and parameters that hold credentials.
	secretive = regexp.MustCompile(`(?i)auth|token|secret|passw|credential|signature|session|cookie|api[-_]?key|(^|[-_])key([-_]|$)|subscription-key|^(appid|hapikey|sig|code|dpop|bearer|basic)$`)
	// innocent matches the names among them that hold none.
	innocent = regexp.MustCompile(`(?i)^(:authority|.*(csrf|xsrf).*|author|set-cookie)$`)
)

// found is what a recorded request carried: the credential, and what else is
// nobody's business. Of several credentials it is the one in the place that the
// provider documents, or that is the most usual.
func (x *Exchange) found(header []field, form string) *carried {
	var secrets []field
	for _, f := range header {
		if secretive.MatchString(f.name) && !innocent.MatchString(f.name) {
			secrets = append(secrets, f)
		}
	}
	address, err := url.Parse(x.URL)
	if err != nil {
		address = new(url.URL)
	}
	query := address.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if secretive.MatchString(name) || strings.HasSuffix(strings.ToLower(name), "key") {
			secrets = append(secrets, field{name, query.Get(name), true})
		}
	}
	parts := strings.Split(address.Path, "/")
	for i, part := range parts {
		hook := i == len(parts)-1 && (strings.HasPrefix(address.Host, "hooks.") || slices.Contains(parts, "webhooks"))
		if part != "" && (hook || tokenLike(part)) {
			secrets = append(secrets, field{name: inPath, value: part})
		}
	}
	slices.SortStableFunc(secrets, func(a, b field) int { return cmp.Compare(x.rank(a), x.rank(b)) })
	c := &carried{scheme: nothing, verbatim: true}
	if len(secrets) > 0 && x.rank(secrets[0]) < 9 {
		c, secrets = secrets[0].carried(), secrets[1:]
	} else if values, err := url.ParseQuery(form); err == nil && values.Get("grant_type") != "" {
		c = &carried{scheme: "other", name: "request-body", value: &form, verbatim: true}
	}
	for _, f := range secrets {
		c.hide = append(c.hide, f.value)
	}
	if password, ok := address.User.Password(); ok {
		c.hide = append(c.hide, password)
	}
	return c
}

// inPath is the place of a credential that is a part of the path.
const inPath = "url-path"

// tokenLike reports whether a part of a path looks like a credential: some APIs
// have it there. Numbers and UUIDs do not, which are everywhere.
func tokenLike(part string) bool {
	if s := keyshape.Look(part); s.Provider != "" && !s.Shared {
		return true
	}
	return len(part) >= 20 && strings.ContainsAny(part, "0123456789") && strings.ToLower(part) != part && strings.ToUpper(part) != part
}

// rank tells how likely a field holds the credential that was refused; 9 and
// more: it does not.
func (x *Exchange) rank(f field) int {
	proxy := strings.EqualFold(f.name, "Proxy-Authorization")
	if toProxy := x.Status == http.StatusProxyAuthRequired; toProxy || proxy {
		if toProxy && proxy {
			return 0
		}
		return 9
	}
	var place auth.Place
	if s := x.profile().Scheme; s != nil {
		place = s.Place()
	}
	switch {
	case f.query && f.name == place.Query, !f.query && place.Header != "" && strings.EqualFold(f.name, place.Header):
		return 1
	case strings.EqualFold(f.name, "Authorization"):
		return 2
	case strings.EqualFold(f.name, "Cookie"):
		return 5
	case f.name == inPath:
		return 6
	case f.query:
		return 4
	}
	return 3
}

// carried tells of one field. Where a scheme goes in front, the value tells it.
func (f field) carried() *carried {
	c := &carried{scheme: "apikey-header", name: f.name, value: &f.value, verbatim: true}
	switch {
	case f.query:
		c.scheme = "apikey-query"
	case f.name == inPath:
		c.scheme = "other"
	case strings.EqualFold(f.name, "Authorization"), strings.EqualFold(f.name, "Proxy-Authorization"), strings.EqualFold(f.name, "Cookie"):
		c.scheme = ""
	}
	return c
}

// variable matches a reference to a variable of the environment.
var variable = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// Sent says what the request carried, for input that has the response alone:
// "Authorization: Bearer $NAME" or any other header, "name=$NAME" for a query
// parameter, "nothing". The secret comes from the variable, which lookup gives,
// as a secret in an argument is there for every process of the machine to see.
// Basic takes the pair as "user:$NAME".
func (x *Exchange) Sent(spec string, lookup func(string) (string, bool)) error {
	var hide []string // what is known of the request shall not be shown either
	if x.carried != nil {
		hide = x.carried.hide
		if x.carried.value != nil {
			hide = append(hide, *x.carried.value)
		}
	}
	if spec == "nothing" {
		x.carried, x.Unseen = &carried{scheme: nothing, verbatim: true, hide: hide}, false
		return nil
	}
	spec = strings.TrimLeft(spec, " ?&")
	at := strings.IndexAny(spec, ":=")
	if at <= 0 {
		return errors.New(`it is "Header: Scheme $NAME", "parameter=$NAME" or "nothing"`)
	}
	f := field{name: strings.TrimSpace(spec[:at]), query: spec[at] == '='}
	text := strings.TrimLeft(spec[at+1:], " ")
	found := variable.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		return errors.New("it names no variable: write $NAME in single quotes, where NAME is the variable that holds the secret; a secret on a command line is there for every process to see")
	}
	var name, missing string
	f.value = variable.ReplaceAllStringFunc(text, func(ref string) string {
		name = strings.Trim(ref, "${}")
		value, ok := lookup(name)
		if !ok {
			missing = name
		}
		return value
	})
	if missing != "" {
		return fmt.Errorf("the variable %s is not set here, or not exported; if it was not when the request was made, that is the cause", missing)
	}
	if scheme, pair, ok := strings.Cut(f.value, " "); ok && !f.query && strings.EqualFold(scheme, "Basic") && strings.Contains(pair, ":") {
		f.value = scheme + " " + base64.StdEncoding.EncodeToString([]byte(pair))
	}
	x.carried = f.carried()
	x.carried.variable, x.carried.hide, x.Unseen = name, hide, false
	return nil
}
