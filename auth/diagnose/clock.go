package diagnose

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// tolerated is the difference between two clocks that tokens usually survive:
// Date has no fractions, and answers travel.
const tolerated = 30 * time.Second

// A clock is what is known of this machine's clock and the server's.
type clock struct {
	here   time.Time
	there  time.Time     // by the server's clock; here if that is not known
	offset time.Duration // there minus here
	off    bool          // two or more samples agree that they differ
	doubt  bool          // off, or a single sample says so
}

func clockOf(x Exchange) clock {
	c := clock{here: x.At, there: x.At}
	if x.Samples > 0 {
		c.offset = x.Offset
	} else if date, err := http.ParseTime(x.Header.Get("Date")); err == nil && x.Header.Get("Age") == "" && !x.At.IsZero() {
		// One sample proves nothing, and is reason enough not to be certain.
		c.doubt = date.Sub(x.At).Abs() > time.Minute
		return c
	}
	c.there = x.At.Add(c.offset)
	c.doubt = c.offset.Abs() > tolerated
	c.off = c.doubt && x.Samples >= 2
	return c
}

func (c clock) difference() string {
	if c.offset > 0 {
		return "this machine's clock is " + span(c.offset) + " behind the server's"
	}
	return "this machine's clock is " + span(c.offset) + " ahead of the server's"
}

// skewed: the two clocks disagree, and the token's own times show that this is
// what it failed on. A difference alone explains nothing.
func skewed(f *facts) *finding {
	if f.cred == nil || f.x.At.IsZero() {
		return nil
	}
	c, t := f.clock, f.token
	found := &finding{cause: auth.ClockSkew, confidence: auth.Likely, source: "clock", fact: c.difference()}
	exp := f.absoluteExpiry()
	from := t.nbf
	if t.iat.After(from) {
		from = t.iat
	}
	switch {
	case c.off && !exp.IsZero() && c.here.Before(exp) && !c.there.Before(exp):
		found.note("clock", fmt.Sprintf("the %s expired at %s: not yet by this machine's clock, %s ago by the server's", f.noun(), stamp(exp), span(c.there.Sub(exp))))
	case c.off && c.offset < 0 && c.there.Before(from):
		found.note("clock", fmt.Sprintf("the token is valid from %s on, which is %s ahead by the server's clock", stamp(from), span(from.Sub(c.there))))
	case !from.IsZero() && !c.off && from.Sub(c.there) > tolerated:
		found.fact = fmt.Sprintf("the token is valid from %s on, %s from now: whoever issued it has another clock than this machine", stamp(from), span(from.Sub(c.there)))
		if c.doubt {
			found.confidence = auth.Possible
		}
		found.remedy = "compare this machine's clock, the issuer's and the server's, and set the one that is wrong"
	case f.said.is(notYet) && c.off:
		found.more = append(found.more, f.said.evidence())
	default:
		return nil
	}
	if f.intermediary() {
		found.confidence = demoted(found.confidence)
	}
	return found
}

// clockInDoubt: a token with times in it was refused without a reason, and one
// of the clocks is wrong. Nothing shows that this is why; it is the cheapest
// thing to mend.
func clockInDoubt(f *facts) *finding {
	if !f.clock.off || !f.token.ok || f.x.Accepted || f.freshToo() {
		return nil
	}
	found := &finding{cause: auth.ClockSkew, confidence: auth.Possible, source: "clock", fact: f.clock.difference()}
	if code, _ := f.code(); code == "invalid_token" {
		found.more = append(found.more, f.codeEvidence())
	} else if code != "" || len(f.said) > 0 {
		return nil
	}
	return found
}

// absoluteExpiry is an expiry that does not depend on this machine's clock. An
// OAuth issuer states a lifetime in seconds, counted from here; a JSON Web
// Token, and whoever wrote an expiry down, states a time.
func (f *facts) absoluteExpiry() time.Time {
	if !f.token.exp.IsZero() || f.cred.Provenance.Kind == auth.KindOAuth {
		return f.token.exp
	}
	return f.cred.Expiry
}

// expired: the stated expiry has passed on this side. That is certain if the
// server's clock agrees and the refusal is about nothing else: a refusal within
// the minute that servers allow may have another reason.
func expired(f *facts) *finding {
	if f.cred == nil || f.x.At.IsZero() && f.x.Lifetime != LifetimePast || !aboutAccess(f.x.Status) {
		return nil
	}
	exp := f.expiry()
	if f.token.exp.After(exp) {
		exp = f.token.exp
	}
	code, proper := f.code()
	if f.lapsed() && (exp.IsZero() || f.clock.here.Before(exp)) || f.lapsed() && (f.grant != "" || strings.EqualFold(f.scheme, "Cookie")) {
		return f.lapsedOf()
	}
	if exp.IsZero() || f.clock.here.Before(exp) || code == "invalid_grant" {
		return nil
	}
	absolute := exp.Equal(f.absoluteExpiry())
	if absolute && f.clock.there.Before(exp) && f.clock.off {
		return nil // by the clock that counts it is valid
	}
	found := &finding{
		cause: auth.AccessExpired, confidence: auth.Certain, source: f.origin(),
		fact: fmt.Sprintf("the %s expired at %s, %s before it was refused", f.noun(), stamp(exp), span(f.clock.here.Sub(exp))),
	}
	if f.x.Undated {
		found.confidence = auth.Likely
		found.fact = fmt.Sprintf("the %s expired at %s; when it was refused is not recorded", f.noun(), stamp(exp))
	}
	toldSo := proper && code == "invalid_token" || f.said.is(saysExpired)
	switch {
	case f.clock.doubt && absolute,
		f.clock.here.Sub(exp) <= time.Minute && !toldSo,
		f.said.is(saysScope, saysPolicy, saysStepUp, saysLimit, saysAccount, saysElsewhere, notYet):
		found.confidence = auth.Likely
	case f.intermediary():
		found.confidence = auth.Likely
	}
	if f.freshToo() {
		found.note("source", "it is what the source gave when it was asked for a new one")
	}
	if proper && code != "" {
		found.more = append(found.more, f.codeEvidence())
	}
	return found
}

// aboutAccess reports whether a status may be about the credential at all. Others
// say of themselves what they are about: a method, a length, a limit.
func aboutAccess(status int) bool {
	return status < 404 || status == 407 || status == 419 || status == 440 || status == 498 || status == 499
}

// lapsedOf: the end is known, and not when it was. What came to its end depends
// on what was sent.
func (f *facts) lapsedOf() *finding {
	found := &finding{cause: auth.AccessExpired, confidence: auth.Likely, source: f.origin(), fact: "the " + f.noun() + " had expired when it was refused"}
	switch {
	case strings.HasSuffix(f.grant, "jwt-bearer"): // RFC 7523: it is made for this request
		found.cause, found.confidence, found.fact = auth.ClockSkew, auth.Possible, "an assertion that was made for this request had expired when it was refused"
	case f.renewing():
		found.cause, found.fact = auth.RefreshExpired, "the refresh token had expired when it was refused"
	case f.grant != "":
		found.cause, found.fact = auth.StaticKeyExpired, "the client's credential had expired when it was refused"
	case strings.EqualFold(f.scheme, "Cookie"):
		found.cause, found.confidence, found.fact = auth.SessionExpired, auth.Possible, "the cookie's life had ended when the request was refused"
		switch {
		case f.said.is(saysSession):
			found.confidence = auth.Likely
		case f.saidAny("token", "ticket", "jwt"):
			found.cause = auth.AccessExpired
		}
	}
	if code, _ := f.code(); code != "" {
		found.more = append(found.more, f.codeEvidence())
	} else if len(f.said) > 0 {
		found.more = append(found.more, f.said.evidence())
	}
	return found
}
