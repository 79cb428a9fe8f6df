package diagnose

import (
	"slices"
	"strings"
	"unicode"

	"github.com/reauth-go/reauth/auth"
)

// A statement is what a sentence or code of any provider amounts to.
type statement string

const (
	saysLimit     statement = "limit"     // too many requests or attempts
	notYet        statement = "not yet"   // a time of the token or signature is wrong
	saysStepUp    statement = "step up"   // a second factor or a fresher login
	saysPolicy    statement = "policy"    // address, network, single sign-on
	saysScope     statement = "scope"     // permissions
	saysElsewhere statement = "elsewhere" // good for another audience, tenant or region
	saysAccount   statement = "account"   // the account, not the credential
	saysRevoked   statement = "revoked"
	saysExpired   statement = "expired"
	saysScheme    statement = "scheme" // sent in a form that the server does not take
	saysMissing   statement = "missing"
	saysInvalid   statement = "invalid"
	saysDenied    statement = "denied" // no access, without a word on why
)

// A pattern is a statement that a text makes if it holds one phrase of each
// group. Phrases are words, or beginnings of words if they end in "*".
type pattern struct {
	makes  statement
	groups [][]string
}

func any1(phrases ...string) []string { return phrases }

// thing is what sentences about a credential speak of.
var thing = any1("key", "keys", "apikey", "token", "tokens", "jwt", "credential*", "password", "secret", "login", "user", "username",
	"identifier", "session", "signature", "authentication", "authenticate*", "authorization", "auth", "access", "grant", "bearer", "certificate")

// patterns come in order of how much they say; the first that fits a text is
// what it says. A text may say several things: see mixed.
var patterns = []pattern{
	{saysLimit, [][]string{any1("rate limit*", "ratelimit*", "too many", "quota", "throttl*", "login attempt*", "try again later", "requests per")}},
	{notYet, [][]string{any1("not yet valid", "before issued", "used before", "not active yet", "not before", "too far in the future", "issued in the future",
		"clock", "skew*", "signature expired", "time too skewed", "request expired", "request has expired", "iat", "nbf", "timestamp out")}},
	{saysStepUp, [][]string{any1("two factor", "2fa", "multi factor", "multifactor", "mfa", "otp", "one time password", "second factor", "aal2", "insufficient aal",
		"interaction required", "interactionrequired", "step up", "stepup", "reauthenticat*", "fresh token", "insufficient user authentication")}},
	{saysPolicy, [][]string{any1("ip", "ip address", "ips", "location", "network"), any1("not allowed", "not permitted", "isnt allowed", "allow list", "allowlist", "access list", "whitelist*", "restrict*", "blocked", "denied", "cannot use", "not on")}},
	{saysPolicy, [][]string{any1("saml", "sso", "single sign on", "conditional access", "insufficient claims")}},
	{saysAccount, [][]string{any1("account", "user", "subscription", "organization", "member", "email", "plan", "billing", "payment", "trial"),
		any1("suspended", "banned", "inactive", "deactivated", "locked", "disabled", "upgrade", "confirm", "verify", "subscribed", "unpaid", "closed", "be a member", "not a member", "blocked", "payment required", "credit*")}},
	{saysAccount, [][]string{any1("not subscribed", "upgrade your", "billing", "insufficient funds", "entitlement")}},
	{saysElsewhere, [][]string{any1("audience*", "aud", "issuer", "tenant", "region", "environment", "wrong endpoint"), any1("invalid", "wrong", "mismatch", "not allowed", "unexpected", "match*", "not match*", "incorrect", "does not", "expecting", "valid", "not")}},
	{saysElsewhere, [][]string{any1("do not match", "does not match", "mismatch"), any1("client", "app", "application")}},
	{saysScheme, [][]string{any1("expected authorization", "missing bearer", "must use bearer", "use bearer", "bearer type", "unsupported authorization", "unsupported authentication",
		"authentication scheme", "auth scheme", "invalid format for", "bad authorization header", "not supported for this endpoint", "requires the dpop", "token type is not")}},
	{saysScope, [][]string{any1("scope", "scopes", "permissions", "privilege*", "insufficient*", "entitled", "missing permission", "required permission", "access rights",
		"required role", "not authorized to", "not authorised to", "not allowed to", "not permitted to")}},
	{saysScope, [][]string{any1("must have", "need", "needs", "requires", "required", "lacks"), any1("access", "rights", "role", "permission*", "admin*")}},
	{saysRevoked, [][]string{any1("revoked", "inactive", "deactivated", "withdrawn", "invalidated", "blacklisted", "session not found", "deleted", "disabled", "logged out")}},
	{saysRevoked, [][]string{any1("session"), any1("does not exist", "not found", "terminated")}},
	{saysExpired, [][]string{any1("expired", "expires", "expiration", "expiry", "has lapsed", "outdated", "timed out")}},
	{saysInvalid, [][]string{any1("invalid", "bad", "incorrect", "wrong", "unknown", "unrecognized", "not recognized", "not valid", "not known", "does not exist", "doesnt exist",
		"not found", "could not be found", "failed", "failure", "no such", "non existent", "couldnt", "could not", "unable to", "cannot be", "malformed", "rejected", "unacceptable", "disallowed", "not match"), thing}},
	{saysMissing, [][]string{any1("missing", "not provided", "not supplied", "not present", "did not provide", "didnt provide", "not found in request", "no api key", "no token", "no credential*", "no authorization", "no auth", "no key", "is required", "must be provided", "without"), append(any1("header", "parameter", "api"), thing...)}},
	{saysDenied, [][]string{any1("permission*", "access denied", "accessdenied", "forbidden", "access forbidden")}},
}

// A heard is one text and all that it says.
type heard struct {
	text  string
	says  []statement
	field bool // it came from a named field or a challenge, not from prose
}

// statements is what the words of a response amount to, the most telling first.
type statements []heard

// listen reads the description of a challenge and the texts of a body. Prose of
// a web page is not read as words of the API: see intermediary.
func listen(b body, ours *auth.Challenge, description string) statements {
	var all statements
	add := func(text string, field bool) {
		if says := hear(text); len(says) > 0 {
			all = append(all, heard{text, says, field})
		}
	}
	if ours != nil {
		add(description, true)
	}
	for _, t := range b.texts {
		add(t, b.fields)
	}
	slices.SortStableFunc(all, func(a, b heard) int { return rank(a) - rank(b) })
	return all
}

// rank puts what says much before what says little. What says two things at
// once says less than either.
func rank(h heard) int {
	for i, p := range patterns {
		if p.makes == h.says[0] {
			if h.mixed() {
				return i + len(patterns)
			}
			return i
		}
	}
	return len(patterns)
}

func hear(text string) []statement {
	words := " " + normalised(text) + " "
	var says []statement
	for _, p := range patterns {
		if !slices.Contains(says, p.makes) && !slices.ContainsFunc(p.groups, func(g []string) bool { return !holds(words, g) }) {
			says = append(says, p.makes)
		}
	}
	return says
}

func holds(words string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool {
		if start, ok := strings.CutSuffix(p, "*"); ok {
			return strings.Contains(words, " "+start)
		}
		return strings.Contains(words, " "+p+" ")
	})
}

// mixed reports whether the text names several causes and so none: "invalid,
// expired or revoked".
func (h heard) mixed() bool {
	n := 0
	for _, s := range []statement{saysInvalid, saysExpired, saysRevoked, saysMissing} {
		if slices.Contains(h.says, s) {
			n++
		}
	}
	return n > 1 && strings.Contains(" "+normalised(h.text)+" ", " or ")
}

// is reports whether the response says one of these, and says it plainly.
func (all statements) is(want ...statement) bool {
	return len(all) > 0 && !all[0].mixed() && slices.Contains(want, all[0].says[0])
}

func (all statements) evidence() auth.Evidence {
	best := all[0].text
	for _, h := range all {
		if h.says[0] == all[0].says[0] && len(h.text) > len(best) {
			best = h.text // a sentence tells more than a code
		}
	}
	return auth.Evidence{Source: "response", Fact: "the response says " + quote(best)}
}

// normalised makes sentences and codes of all fashions alike: "TokenExpired",
// "TOKEN_EXPIRED" and "Token expired." become "token expired".
func normalised(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r == '\'' || r == '’':
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			b.WriteByte(' ')
		default:
			if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) ||
				unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
				b.WriteByte(' ')
			}
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
