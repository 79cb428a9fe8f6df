package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// A Lifetime is what is known of an end whose time nobody wrote down.
type Lifetime uint8

// The states of a credential's life.
const (
	LifetimeUnknown Lifetime = iota
	LifetimePast             // it had ended when it was refused
	LifetimeFuture           // it had not
)

// Carried notes what a request carried that was recorded elsewhere: in a
// transcript or a log. scheme is "bearer", "basic", "digest", "dpop",
// "apikey-header", "apikey-query", "none" or "other"; empty means that the
// value itself tells it. name is the header or parameter; "request-body" and
// "url-path" are places too. value is all that was in that place, with the name
// of the scheme; nil means that nobody wrote it down. expiry is "past", "future"
// or empty. A request of which nothing at all is known has no scheme, name or
// value.
func (x *Exchange) Carried(scheme, name string, value *string, expiry string) {
	x.Credential, x.Scheme, x.NotSent, x.Lifetime = nil, nil, WasSent, LifetimeUnknown
	x.unseen, x.undecoded, x.grant, x.parts, x.Guessed = false, false, "", nil, false
	scheme = strings.ToLower(scheme)
	if scheme == "" && name == "" && value == nil {
		x.NotSent = NotKnown
		return
	}
	if scheme == "none" {
		return
	}
	if value == nil {
		value, x.unseen = new(string), true
	}
	switch expiry {
	case "past":
		x.Lifetime = LifetimePast
	case "future":
		x.Lifetime = LifetimeFuture
	}
	how := recorded{place: auth.Place{Header: textproto.CanonicalMIMEHeaderKey(name)}, name: "ApiKey"}
	cred := &auth.Credential{}
	text := strings.TrimLeft(*value, " ")
	word, rest, spaced := strings.Cut(text, " ")
	switch {
	case !spaced && slices.ContainsFunc(schemes, func(known string) bool { return strings.EqualFold(known, word) }) && strings.EqualFold(name, "Authorization"):
		how.name, text = word, "" // nothing stands behind it
	case scheme == "apikey-query":
		how.place = auth.Place{Query: name}
	case scheme == "apikey-header":
	case name == inBody, name == inPath:
		how = recorded{place: auth.Place{Header: name}, name: name}
	case strings.EqualFold(name, "Cookie"):
		how.name = "Cookie"
	case spaced && (scheme == "other" || scheme == "" || strings.EqualFold(word, scheme)) && schemeToken.MatchString(word):
		how.name, text = word, rest
	case scheme != "other" && scheme != "":
		how.name = scheme
	}
	for _, known := range schemes {
		if strings.EqualFold(how.name, known) {
			how.name = known
		}
	}
	if how.name == "Basic" && !x.unseen {
		if user, password, ok := decodePair(text); ok {
			cred.Username, text = user, password
			if text == "" { // some send a key as the user name
				x.parts = append(x.parts, &auth.Credential{Secret: auth.NewSecret(cred.Username)})
			}
		} else {
			x.undecoded = true
		}
	}
	secret := text
	switch {
	case name == inBody:
		secret = x.form(text)
	case how.name == "Cookie":
		secret = x.pairs(text, ";")
		x.Guessed = len(x.parts) > 1
	case how.name != "ApiKey" && how.name != "Bearer" && how.name != "Basic" && authParams.MatchString(text):
		secret = x.pairs(text, ",")
	}
	cred.Secret = auth.NewSecret(secret)
	x.Credential, x.Scheme = cred, how
}

// schemes are the names that are known in one spelling.
var schemes = []string{"Bearer", "Basic", "Digest", "DPoP"}

// Hide names something else of the request that must not be shown, if the server
// echoes it: the value of a header or parameter, with the name of its scheme.
func (x *Exchange) Hide(value string) {
	text := strings.TrimSpace(value)
	if word, rest, ok := strings.Cut(text, " "); ok && schemeToken.MatchString(word) {
		text = rest
	}
	if authParams.MatchString(text) {
		x.pairs(text, ",")
		return
	}
	_, password, _ := decodePair(text)
	for _, secret := range []string{text, password} {
		x.parts = append(x.parts, &auth.Credential{Secret: auth.NewSecret(secret)})
	}
}

// decodePair undoes what Basic does to user name and password (RFC 7617
// section 2).
func decodePair(text string) (user, password string, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(raw), ":")
}

// form takes a recorded form apart: what is asked for, and what must not be
// shown. It returns the value that asks.
func (x *Exchange) form(text string) string {
	form, err := url.ParseQuery(text)
	if members := make(map[string]any); json.Unmarshal([]byte(text), &members) == nil {
		form, err = url.Values{}, nil
		for name, value := range members {
			if value, ok := value.(string); ok {
				form.Set(name, value)
			}
		}
	} else if err != nil || !form.Has("grant_type") && !slices.ContainsFunc(secrets, form.Has) {
		return text
	}
	x.grant = form.Get("grant_type")
	secret := text
	for _, name := range secrets {
		if v := form.Get(name); v != "" {
			secret = v
			x.parts = append(x.parts, &auth.Credential{Secret: auth.NewSecret(v)})
		}
	}
	return secret
}

// secrets are the members of a form that must not be shown, the one that was
// asked with last.
var secrets = []string{"token", "access_token", "subject_token", "actor_token", "assertion", "client_assertion", "device_code", "code_verifier", "key", "apiKey", "api_key", "secret", "client_secret", "code", "passwd", "password", "refreshToken", "refresh_token"}

// pairs takes a recorded list of parameters apart: their values must not be
// shown, and their names are everybody's. It returns the last that may be
// secret.
func (x *Exchange) pairs(text, separator string) string {
	secret := text
	for pair := range strings.SplitSeq(text, separator) {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if value = strings.Trim(value, `"`); !ok || value == "" || public.MatchString(name) {
			continue
		}
		secret = value
		x.parts = append(x.parts, &auth.Credential{Secret: auth.NewSecret(value)})
	}
	return secret
}

var (
	// authParams matches a list of parameters (RFC 9110 section 11.2).
	authParams = regexp.MustCompile(`^(?i:token=|[A-Za-z_-]+=[^,]*,)`)
	// public matches the names of parameters that tell how something was made.
	public = regexp.MustCompile(`(?i)^(credential|signedheaders|realm|uri|algorithm|qop|nc|username|oauth_(version|signature_method|timestamp|consumer_key))$`)
)

// The places of a recorded credential that are neither header nor query.
const (
	inBody = "request-body"
	inPath = "url-path"
)

// recorded is the scheme of an exchange that happened elsewhere. Nothing is
// sent by it.
type recorded struct {
	name  string
	place auth.Place
}

func (r recorded) Name() string                           { return r.name }
func (r recorded) Place() auth.Place                      { return r.place }
func (r recorded) Value(*auth.Credential) (string, error) { return "", nil }
