package diagnose

import (
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// A finding is what one rule makes of the facts.
type finding struct {
	cause      auth.Cause
	confidence auth.Confidence
	source     string // of the fact
	fact       string // that led to the cause
	more       []auth.Evidence
	remedy     string // empty: what fits cause and provenance
	command    string
}

func (d *finding) note(source, fact string) {
	d.more = append(d.more, auth.Evidence{Source: source, Fact: fact})
}

func demoted(c auth.Confidence) auth.Confidence {
	if c > auth.Possible {
		c--
	}
	return c
}

// rules are asked in order; the first that recognises its case gives the cause.
// What this side knows comes before what codes say, and words come last. A code
// of one meaning precedes even that: the API gives it only to a credential that
// it has understood.
var rules = []func(*facts) *finding{
	byProxy,
	notSent,
	bySingleMeaning,
	renewalFailed,
	skewed,
	expired,
	byIssuer,
	badValue,
	schemeAbsent,
	byWords,
	clockInDoubt,
	byCode,
	silent,
}

func (f *facts) judge() *finding {
	for _, rule := range rules {
		if found := rule(f); found != nil {
			return found
		}
	}
	return unclassified(f)
}

// badValue: something that people do to keys was done to this one. A value that
// was accepted before is excused.
func badValue(f *facts) *finding {
	d := f.lint
	if d == nil || f.x.Accepted {
		return nil
	}
	found := &finding{cause: d.cause, confidence: d.confidence, source: f.cred.Provenance.String(), fact: d.fact, remedy: d.want}
	if d.take != "" {
		found.remedy = takeOut(f.cred.Provenance, d.take)
	}
	if d.confidence == auth.Possible && slices.ContainsFunc(f.x.Challenges, func(c auth.Challenge) bool { return strings.EqualFold(c.Scheme, "Basic") }) {
		found.confidence = auth.Likely // what the value looks like is what the API asks for
	}
	if f.intermediary() {
		found.confidence = demoted(found.confidence)
	}
	return found
}

// silent: a refusal without a word. Who sent it, and what happened before, is
// all that there is to go by.
func silent(f *facts) *finding {
	if code, _ := f.code(); f.cred == nil || f.intermediary() || code != "" {
		return nil
	}
	found := &finding{confidence: auth.Possible, source: "response", fact: "the API refused the " + f.noun() + " and does not say why"}
	if text := firstText(f.body); text != "" {
		found.fact = "the API refused the " + f.noun() + " and says only " + quote(text)
	}
	switch {
	case f.freshToo():
		return nil // see unclassified
	case f.x.Accepted && f.x.Status == 403:
		found.cause = auth.InsufficientScope
		found.fact = "the API accepted this " + f.noun() + " before and refuses it for this request"
	case f.x.Accepted:
		found.cause = auth.AccessRevoked
		found.source, found.fact = "this program", "the API accepted this "+f.noun()+" before and refuses it now"
		if f.expiry().IsZero() {
			found.note(f.cred.Provenance.String(), "no expiry is stated, so it has expired or was withdrawn")
		}
	case f.x.Status == 403:
		found.cause = auth.InsufficientScope
	case !f.issued():
		found.cause = auth.InvalidCredential
		if f.password() && f.ours != nil {
			// Basic has no codes: a challenge of the scheme that was used is
			// all that it can say (RFC 7617 section 2).
			found.confidence = auth.Likely
			found.source, found.fact = "challenge", "the API asks for "+f.scheme+" again, which it does when user name or password are wrong"
		}
	default:
		return nil
	}
	return found
}

// unclassified: nothing says why.
func unclassified(f *facts) *finding {
	found := &finding{cause: auth.RejectedUnclassified, confidence: auth.Possible, source: "response", fact: "the request was refused and nothing says why"}
	switch {
	case f.intermediary():
		found.fact = "a web page came back and not an answer of an API" + titled(f.body) + ": a proxy, gateway or login page may have answered instead"
		found.remedy = "open the address in a browser from this network to see who answers; then check the value, how it is sent, its age, its permissions"
	case f.param("error") != "":
		ev := f.codeEvidence()
		found.source, found.fact = ev.Source, ev.Fact
	case len(f.said) > 0:
		ev := f.said.evidence()
		found.source, found.fact = ev.Source, ev.Fact
	case f.cred == nil && f.x.NotSent == CallerSet:
		found.fact = "the API refused the header that the program had set itself"
	case f.freshToo():
		found.fact = "two different " + f.noun() + "s were refused, so it is not the age of either"
	default:
		if text := firstText(f.body); text != "" {
			found.fact = "the request was refused; the response says only " + quote(text)
		}
	}
	if f.freshToo() {
		found.remedy = "compare the address of the request, and audience, issuer and permissions of the " + f.noun() + ", with what the API's documentation wants"
	}
	return found
}

func titled(b body) string {
	if text := firstText(b); text != "" {
		return " (" + quote(text) + ")"
	}
	return ""
}

func firstText(b body) string {
	best := ""
	for _, t := range b.texts {
		if len(t) > len(best) {
			best = t // a sentence tells more than a code or a number
		}
	}
	return best
}
