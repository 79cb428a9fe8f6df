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
	empty      bool   // there is none
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
			found = &defectFound{cause: auth.MalformedWrapping, confidence: auth.Possible, empty: true, fact: "the place of the credential was sent with nothing in it", want: "find out why the value was empty when the request was made"}
			if f.scheme != "ApiKey" {
				found.fact = fmt.Sprintf("nothing stands behind %q in the header, as when a variable is not set or not exported", f.scheme)
			}
			if f.x.Verbatim {
				found.confidence = auth.Likely // nobody left it out afterwards
			}
			return found
		case f.blackedOut(), found.cause == auth.TypoOrTruncated && !f.token.half && !f.x.Verbatim:
			return nil
		case isVariable(d) && selfStyled.MatchString(v):
			return nil // INVALID_TOKEN: whoever sent that wanted a wrong one
		case d.Scheme != "" && f.cred.Provenance == (auth.Provenance{}) && f.place.Header != "Authorization" && f.place.Header != "Proxy-Authorization" && !strings.EqualFold(f.scheme, d.Scheme):
			return &defectFound{
				cause: auth.WrongScheme, confidence: auth.Possible,
				fact: fmt.Sprintf("the value begins with the scheme's name %q, and was sent as %s", d.Scheme, f.how()),
				want: fmt.Sprintf("send it in the header Authorization, if the API takes it by the scheme %s; else take the scheme's name out", d.Scheme),
			}
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
	if retold := f.elsewhere() && !f.x.Verbatim; d.Weak || retold && (isVariable(d) || !plainValue(f.scheme) && !f.password()) {
		found.confidence = auth.Possible
		found.pair = strings.Contains(d.Fact, "user:password")
	}
	if found.cause == auth.PlaceholderValue {
		found.want = "" // the place of the value has better words
	}
	return found
}

// blackedOut reports whether whoever recorded the exchange wrote over the value.
// Where values are made up anew, one character many times is such a value too.
func (f *facts) blackedOut() bool {
	if !f.elsewhere() || f.cred == nil {
		return false
	}
	v := f.cred.Secret.Reveal()
	return crossedOut.MatchString(v) || !f.x.Verbatim && isFiller(v)
}

// isFiller reports whether all parts of a value are one character many times:
// 00000000, aaaa:aaaa, signature=0000.
func isFiller(v string) bool {
	filled := 0
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return strings.ContainsRune(":.-_,; \"", r) }) {
		if _, value, ok := strings.Cut(part, "="); ok && strings.Trim(value, "=") != "" {
			part = value
		}
		if part = strings.TrimRight(part, "="); strings.Trim(part, part[:min(len(part), 1)]) != "" {
			return false
		}
		if len(part) > 2 {
			filled += len(part)
		}
	}
	return filled >= 6
}

// isVariable reports whether the value is like the name of a variable. People
// who make values up write them like that as well.
func isVariable(d keyshape.Damage) bool {
	return strings.HasPrefix(d.Fact, "the value is like the name of a variable")
}

// standIn matches what is made up to stand for a value.
var standIn = regexp.MustCompile(`(?i)example|sample|synthetic|redacted|masked`)

// madeUp reports whether the value stands for the one that was sent, and need
// not look like it.
func (f *facts) madeUp() bool {
	return f.elsewhere() && !f.x.Verbatim && (f.blackedOut() || standIn.MatchString(f.cred.Secret.Reveal()))
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
