package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
	"github.com/reauth-go/reauth/internal/keyshape"
)

// A defectFound is something odd about a value that could be sent. It is no
// proof: a key may look like anything. It counts once the value is refused.
type defectFound struct {
	cause      auth.Cause
	confidence auth.Confidence
	fact       string // of the value, without the value
	take       string // what to take out of the value, if that is all
	want       string // else what to do
	pair       bool   // it looks like what Basic sends
}

// claims are the few parts of a JSON Web Token that explain refusals. Nothing
// is verified and nothing decided by them.
type claims struct {
	ok            bool
	exp, nbf, iat time.Time
	scopes        []string
	audience      []string
	bound         bool // to a proof key (RFC 9449 section 6.1)
	unsigned      bool // alg is none
	half          bool // it begins like a token, and is not a whole one
}

func claimsOf(s keyshape.Shape) claims {
	t := s.Token
	return claims{
		ok: t.OK, exp: t.Expiry, nbf: t.NotBefore, iat: t.IssuedAt, scopes: t.Scopes, audience: t.Audience, bound: t.Bound, unsigned: t.Unsecured,
		half: strings.HasPrefix(s.Damage.Fact, "the value begins as a JSON Web Token"),
	}
}

// crossedOut matches what people and tools write over secrets.
var crossedOut = regexp.MustCompile(`(?i)^(?:\[?masked\]?|\[?redacted\]?|[a-z]{0,8}[-_.]?(?:\*+|\.+|x{3,}))$`)

// inBraces matches the place for a value in a template: {token}, %s.
var inBraces = regexp.MustCompile(`^(?:\{[A-Za-z][A-Za-z_ -]*\}|%[sdv])$`)

// lint says what is odd about the value that was sent.
//
// In a recorded exchange a value that is crossed out was crossed out by whoever
// recorded it, who may have changed its length as well, and an empty one is what
// was sent.
func (f *facts) lint() *defectFound {
	v := f.cred.Secret.Reveal()
	d := f.shape.Damage
	found := &defectFound{cause: auth.Cause(d.Cause), confidence: auth.Likely, fact: d.Fact, take: d.Take, want: d.Want}
	if f.elsewhere() {
		switch {
		case strings.TrimSpace(v) == "" && f.cred.Username == "":
			found = &defectFound{cause: auth.MalformedWrapping, confidence: auth.Likely, fact: "the place of the credential was sent with nothing in it", want: "find out why the value was empty when the request was made"}
			if f.scheme == "ApiKey" {
				found.confidence = auth.Possible
			} else {
				found.fact = fmt.Sprintf("nothing stands behind %q in the header, as when a variable is not set or not exported", f.scheme)
			}
			return found
		case f.blackedOut(), found.cause == auth.TypoOrTruncated && !f.token.half && !f.x.Verbatim:
			return nil
		}
	}
	switch {
	case f.scheme == "ApiKey" && f.place.Header == "Authorization" && schemeColon.MatchString(v):
		return nil // see misspelt
	case strings.EqualFold(f.scheme, "Basic") && found.cause == auth.MalformedCharacters && strings.TrimRight(v, "\r\n") != v:
		return found // a password may hold anything, and nobody types this
	case found.cause == "" && inBraces.MatchString(v):
		return &defectFound{cause: auth.PlaceholderValue, confidence: auth.Likely, fact: "the value is the place for one in a template"}
	case found.cause == "":
		return nil
	case !plainValue(f.scheme) && found.cause != auth.PlaceholderValue:
		return nil // a scheme of somebody's own may want any of these
	case d.Scheme != "" && strings.EqualFold(d.Scheme, f.scheme):
		found.fact = fmt.Sprintf("the value begins with %q, so the header says it twice", d.Scheme+" ")
	}
	if d.Weak {
		found.confidence = auth.Possible
		found.pair = strings.Contains(d.Fact, "user:password")
	}
	if found.cause == auth.PlaceholderValue {
		found.want = "" // the place of the value has better words
	}
	return found
}

// blackedOut reports whether whoever recorded the exchange wrote over the value.
func (f *facts) blackedOut() bool {
	return f.elsewhere() && f.cred != nil && crossedOut.MatchString(f.cred.Secret.Reveal())
}

// plainValue reports whether the scheme sends one word without spaces and
// quotation marks: a token (RFC 6750 section 2.1) or a key. A password may hold
// anything.
func plainValue(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "bearer", "token", "apikey", "dpop":
		return true
	}
	return false
}

// ofAnother: the value is made like those of one provider, and was sent to
// another. Gateways take other people's keys, so the other one must be known.
func ofAnother(f *facts) *finding {
	who, s := f.provider(), f.shape
	if f.cred == nil || f.x.Accepted || who == "" || s.Provider == "" || s.Shared || f.profile().TakesKeysOf(s.Provider) || sameHouse(who, s.Provider) {
		return nil
	}
	what := s.Name()
	return &finding{
		cause: auth.WrongEnvironment, confidence: auth.Likely, source: f.origin(),
		fact:   fmt.Sprintf("%s was sent to %s (it begins with %s)", article(what), f.host(), s.Prefix),
		remedy: "use a key of " + who + "'s here; " + s.Provider + "'s belongs to " + s.Provider,
	}
}

// ofAnotherStage: the value names a stage of the API, and the host the other one.
// A wrong value of the right stage is called invalid; what is refused without
// that word may be right elsewhere.
func ofAnotherStage(f *facts) *finding {
	if f.cred == nil || f.x.Accepted || f.password() || f.host() == "" || len(f.said) > 0 && !f.said.is(saysDenied, saysElsewhere, saysScope) {
		return nil
	}
	value, host, is := f.cred.Secret.Reveal(), f.host(), "a trial"
	switch {
	case trialStage.MatchString(value) && !trialStage.MatchString(host):
	case liveStage.MatchString(value) && trialStage.MatchString(host):
		is = "the live"
	default:
		return nil
	}
	return &finding{
		cause: auth.WrongEnvironment, confidence: auth.Possible, source: f.origin(),
		fact:   "the value says of itself that it is for " + is + " environment, and was sent to " + tidy(host, quoteLimit),
		remedy: "use the key and the address of the same environment",
	}
}

var (
	trialStage = regexp.MustCompile(`(?i)(?:^|[-_.])(?:sandbox|sdbx|sbx|staging)(?:$|[-_.])`)
	liveStage  = regexp.MustCompile(`(?i)(?:^|[-_.])(?:live|production|prod)(?:$|[-_.])`)
)

// sameHouse reports whether one name is part of the other: "Google" and "Google
// Maps".
func sameHouse(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return strings.Contains(a, b) || strings.Contains(b, a)
}

// ofAnotherKind: the value is one that APIs do not take.
func ofAnotherKind(f *facts) *finding {
	if f.cred == nil || f.x.Accepted || !plainValue(f.scheme) || f.x.Status == 403 {
		return nil
	}
	fact, want := f.shape.Misplaced()
	if fact == "" {
		return nil
	}
	found := &finding{cause: auth.WrongCredentialKind, confidence: auth.Possible, source: f.origin(), fact: fact, remedy: want}
	if f.shape.Use == keyshape.Renewal && f.renewing() {
		return nil
	}
	if !f.shape.Shared && !f.shape.Sample && len(f.said) > 0 && f.said.is(saysKind, saysInvalid, saysScope) {
		found.confidence = auth.Likely
	}
	return found
}

// profile is what is known of whoever runs the host that was called.
func (f *facts) profile() profile.Profile {
	if f.x.Profile.Name != "" {
		return f.x.Profile
	}
	p, _ := profile.For(f.host())
	return p
}

// provider is the name of whoever runs the host that was called, if it is known.
func (f *facts) provider() string {
	p := f.profile()
	return cmp.Or(p.Title, p.Name)
}
