package transcript

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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
	guessed  bool     // another value of the request may be the credential as well
	beside   []string // where those are
}

const nothing = "none" // the scheme of a request without a credential

func (c *carried) tell(x *diagnose.Exchange) {
	x.Carried(c.scheme, c.name, c.value, c.expiry)
	x.Verbatim, x.Guessed, x.Beside = c.verbatim, x.Guessed || c.guessed, c.beside
	if c.variable != "" {
		x.Credential.Provenance = auth.Provenance{Kind: auth.KindEnv, Name: c.variable}
	}
}

// A field is one field of a header, one parameter of a query, or one part of a
// path.
type field struct {
	name, value string
	query       bool
}

var (
	// secretive matches the names of fields and parameters that hold credentials.
	secretive = regexp.MustCompile(`(?i)auth|token|secret|pass(?:w|$|[-_])|pwd|credential|signature|session|cookie|jwt|otp|login|bearer|api[-_]?key|key$|(?:^|[-_])(?:key|access|pin|sid)(?:[-_]|$)|^(?:appid|sig|code|dpop|basic)$`)
	// innocent matches the names among them that hold no credential, though
	// perhaps something that is nobody's business.
	innocent = regexp.MustCompile(`(?i)^(?::authority|authors?|set-cookie|idempotency-key|x-auth-email|x-amz-credential|sec-.*|.*(?:csrf|xsrf|_hint|token[-_]type|page[-_]?token|next[-_]?token|continuation[-_]?token|partition[-_]?key|sort[-_]?key).*)$`)
	// harmless matches the names of fields whose values are everybody's.
	harmless = regexp.MustCompile(`(?i)^(?::.*|host|user-agent|accept.*|content-.*|connection|proxy-connection|cache-control|pragma|te|trailer|transfer-encoding|upgrade.*|via|forwarded|x-forwarded-.*|x-real-ip|origin|range|if-.*|expect|date|max-forwards|priority|sec-fetch-.*|dnt|traceparent|tracestate|(?:x-)?(?:request|correlation|trace|client-request)-?id|x-amz-date|idempotency-key|.*-version|x-requested-with)$`)
	// plainValue matches words and numbers: masked, they would take the sense out
	// of what a server says.
	plainValue = regexp.MustCompile(`^(?:[A-Za-z]{1,12}|[a-z]+(?:[-_ ./][a-z]+)*|[0-9 ,.:/TZ+-]*)$`)
)

// found is what a recorded request carried, and what else of it must not be
// shown. Of several credentials it is the one in the place that the provider
// documents, or in the most usual one.
func (x *Exchange) found(header []field, form string) (*carried, []string) {
	var candidates []field
	var hide []string
	consider := func(f field) {
		named := secretive.MatchString(f.name)
		if named && !innocent.MatchString(f.name) || f.name == inPath || !f.query && !named && tokenLike(f.value) {
			candidates = append(candidates, f)
		}
		if named || f.name == inPath || !plainValue.MatchString(f.value) {
			local, _, _ := strings.Cut(f.value, "@") // the rest of an address is a host, as that of the request may be
			hide = append(hide, local)
		}
	}
	for _, f := range header {
		switch {
		case strings.EqualFold(f.name, "Referer"):
			for _, p := range parameters(f.value) {
				hide = append(hide, p.value)
			}
		case !harmless.MatchString(f.name):
			consider(f)
		}
	}
	for _, f := range parameters(x.URL) {
		consider(f)
	}
	asked := url.Values{}
	for _, f := range fieldsOf(form) {
		if secretive.MatchString(f.name) || !plainValue.MatchString(f.value) {
			hide = append(hide, f.value)
		}
		if secretive.MatchString(f.name) || f.name == "grant_type" {
			asked.Set(f.name, f.value)
		}
	}
	slices.SortStableFunc(candidates, func(a, b field) int { return cmp.Compare(x.rank(a), x.rank(b)) })
	candidates = slices.DeleteFunc(candidates, func(f field) bool { return x.rank(f) >= never })
	switch {
	case len(candidates) > 0:
		c := candidates[0].carried()
		c.guessed = len(candidates) > 1 && x.rank(candidates[0]) > usual
		for _, f := range candidates[1:] {
			if x.rank(candidates[0]) != documented && x.rank(f) < cookie {
				c.beside = append(c.beside, f.name)
			}
		}
		return c, hide
	case len(asked) > 0:
		return &carried{scheme: "other", name: "request-body", value: &form, verbatim: true}, hide
	}
	return &carried{scheme: nothing, verbatim: true}, hide
}

// parameters are what an address holds that may be secret: what stands in front
// of its host, its query, and parts of its path that look like it. The address
// may be damaged.
func parameters(address string) []field {
	var out []field
	rest, query, _ := strings.Cut(address, "?")
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(value)
		if err != nil {
			plain = value
		}
		if clean, err := url.QueryUnescape(name); err == nil {
			name = clean
		}
		out = append(out, field{name, plain, true})
	}
	if _, after, ok := strings.Cut(rest, "://"); ok {
		rest = after
	}
	host, path, _ := strings.Cut(rest, "/")
	if user, _, ok := strings.Cut(host, "@"); ok {
		name, password, _ := strings.Cut(user, ":")
		out = append(out, field{"userinfo-password", cmp.Or(password, name), true})
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		hook := i == len(parts)-1 && (strings.HasPrefix(host, "hooks.") || slices.Contains(parts, "webhooks"))
		if part != "" && (hook || tokenLike(part)) {
			out = append(out, field{name: inPath, value: part})
		}
	}
	return out
}

// fieldsOf takes a form or a JSON object apart.
func fieldsOf(form string) []field {
	var members map[string]any
	if json.Unmarshal([]byte(form), &members) != nil {
		if !strings.Contains(form, "=") {
			return nil
		}
		return parameters("?" + form)
	}
	var out []field
	for name, value := range members {
		if s, ok := value.(string); ok {
			out = append(out, field{name: name, value: s})
		}
	}
	slices.SortFunc(out, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return out
}

// inPath is the place of a credential that is a part of the path.
const inPath = "url-path"

// tokenLike reports whether a value looks like a credential wherever it stands.
// Numbers and UUIDs do not, which are everywhere.
func tokenLike(value string) bool {
	if s := keyshape.Look(value); s.Provider != "" && !s.Shared {
		return true
	}
	return len(value) >= 20 && strings.ContainsAny(value, "0123456789") && strings.ToLower(value) != value && strings.ToUpper(value) != value && !strings.ContainsAny(value, " ")
}

// The ranks of places: up to usual there is no doubt, and never is for what was
// meant for somebody else.
const (
	documented = 1 // by the provider
	usual      = 2
	cookie     = 7
	never      = 99
)

// tail matches the ends of names that are those of credentials rather than of
// what goes along.
var tail = regexp.MustCompile(`(?i)(?:key|token|secret|credentials?|authori[sz]ation|password|jwt)$`)

// rank tells how likely a field holds the credential that was refused.
func (x *Exchange) rank(f field) int {
	proxy := strings.EqualFold(f.name, "Proxy-Authorization")
	if toProxy := x.Status == http.StatusProxyAuthRequired; toProxy || proxy {
		if toProxy && proxy {
			return 0
		}
		return never
	}
	var place auth.Place
	if s := x.profile().Scheme; s != nil {
		place = s.Place()
	}
	switch {
	case f.query && f.name == place.Query, !f.query && place.Header != "" && strings.EqualFold(f.name, place.Header):
		return documented
	case strings.EqualFold(f.name, "Authorization"):
		return usual
	case strings.EqualFold(f.name, "Cookie"):
		return cookie
	case f.name == inPath:
		return 8
	case f.name == "userinfo-password":
		return never // clients make a header of it
	case !secretive.MatchString(f.name):
		return 9
	case f.query:
		return 5
	case tail.MatchString(f.name):
		return 3
	}
	return 4
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

var (
	// variable matches a reference to a variable of the environment.
	variable = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)
	// whole matches a variable alone, or behind a scheme.
	whole = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9-]* +)?\$(?:\{\w+\}|\w+)$`)
)

// Sent says what the request carried, for input that has the response alone:
// "Authorization: Bearer $NAME" or any other header, "name=$NAME" for a query
// parameter, "nothing". The secret comes from the variable, which lookup gives,
// as a secret in an argument is there for every process of the machine to see.
// Basic takes the pair as "user:$NAME".
func (x *Exchange) Sent(spec string, lookup func(string) (string, bool)) error {
	if spec == "nothing" {
		x.carried, x.Unseen = &carried{scheme: nothing, verbatim: true}, false
		return nil
	}
	spec = strings.TrimLeft(spec, " ?&")
	at := strings.IndexAny(spec, ":=")
	if at <= 0 {
		return errors.New(`it is "Header: Scheme $NAME", "parameter=$NAME" or "nothing"`)
	}
	f := field{name: strings.TrimSpace(spec[:at]), query: spec[at] == '='}
	text := strings.TrimLeft(spec[at+1:], " ")
	found := variable.FindAllString(text, -1)
	if len(found) == 0 {
		return errors.New("it names no variable: write $NAME in single quotes, where NAME is the variable that holds the secret; a secret on a command line is there for every process to see")
	}
	var missing string
	f.value = variable.ReplaceAllStringFunc(text, func(ref string) string {
		value, ok := lookup(strings.Trim(ref, "${}"))
		if !ok {
			missing = strings.Trim(ref, "${}")
		}
		x.hide = append(x.hide, value)
		return value
	})
	if missing != "" {
		return fmt.Errorf("the variable %s is not set here, or not exported; if it was not when the request was made, that is the cause", missing)
	}
	scheme, pair, spaced := strings.Cut(f.value, " ")
	basic := spaced && !f.query && strings.EqualFold(scheme, "Basic")
	if basic && strings.Contains(pair, ":") {
		f.value = scheme + " " + base64.StdEncoding.EncodeToString([]byte(pair))
	}
	x.carried, x.Unseen = f.carried(), false
	// The variable is where the credential was found only if it holds just that.
	user, password, ok := strings.Cut(text, ":")
	alone := whole.MatchString(text) && (strings.Contains(text, " ") == spaced || x.carried.scheme != "")
	if basic && ok && whole.MatchString(password) && !strings.Contains(user, "$") || !basic && alone {
		x.carried.variable = strings.Trim(found[0], "${}")
	}
	return nil
}
