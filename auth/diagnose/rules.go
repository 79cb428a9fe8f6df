package diagnose

import (
	"net/http"
	"regexp"
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

// rules are asked in order; the first that recognises its case gives the cause,
// and those after it say what else it could be. What this side knows comes
// before what codes say, and words come last. A code of one meaning precedes
// even that: the API gives it only to a credential that it has understood.
var rules = []func(*facts) *finding{
	byProxy,
	formExpired,
	notSent,
	bySingleMeaning,
	renewalFailed,
	skewed,
	expired,
	noPair,
	byIssuer,
	misspelt,
	badValue,
	ofAnother,
	ofAnotherStage,
	boundToken,
	schemeAbsent,
	noToken,
	signOn,
	byVendor,
	byQuota,
	noScheme,
	underscored,
	ofAnotherKind,
	byWords,
	clockInDoubt,
	foreignAudience,
	byCode,
}

// maxOthers bounds the runners-up: a list of everything helps nobody.
const maxOthers = 3

// judge returns the cause, and what it could be instead.
func (f *facts) judge() (*finding, []auth.Other) {
	var found *finding
	var also []auth.Cause
	for _, rule := range rules {
		other := rule(f)
		if other != nil && f.x.Guessed && other.cause != auth.ProxyAuthRequired {
			other.confidence = min(other.confidence, auth.Likely)
		}
		switch {
		case other == nil:
		case found == nil:
			found = other
		default:
			also = append(also, other.cause)
		}
		if found != nil && (found.confidence == auth.Certain || found.cause == auth.ProxyAuthRequired) {
			return found, nil
		}
	}
	if found == nil {
		found = silent(f)
	}
	if found == nil {
		found = unclassified(f)
	}
	switch {
	case f.defect == nil:
	case f.defect.empty && (found.cause == f.defect.cause || found.cause == auth.EmptyCredential):
		also = []auth.Cause{auth.EmptyCredential, auth.MalformedWrapping, auth.MissingCredential}
	case found.cause == f.defect.cause:
		also = []auth.Cause{auth.InvalidCredential} // the value may only look odd
	}
	also = append(append(also, f.alsoSaid()...), f.mistakenFor(found.cause)...)
	if f.intermediary() && f.statusPage() {
		also = slices.Insert(also, min(len(also), maxOthers-1), auth.IntermediaryResponse)
	}
	if len(f.x.Beside) > 0 {
		also = append([]auth.Cause{auth.AmbiguousCredentials}, also...)
	}
	var others []auth.Other
	for _, c := range also {
		if len(others) < maxOthers && c != found.cause && !f.excluded(c) && !slices.ContainsFunc(others, func(o auth.Other) bool { return o.Cause == c }) {
			others = append(others, auth.Other{Cause: c, Confidence: auth.Possible})
		}
	}
	return found, others
}

// excluded reports whether the credential's having been accepted before rules
// out a cause: the value was whole, and was sent as the API wants it.
func (f *facts) excluded(c auth.Cause) bool {
	if !f.x.Accepted {
		return false
	}
	switch c {
	case auth.MalformedCharacters, auth.MalformedWrapping, auth.PlaceholderValue, auth.TypoOrTruncated, auth.WrongCredentialKind,
		auth.WrongEnvironment, auth.WrongScheme, auth.WrongLocation, auth.AmbiguousCredentials, auth.InvalidCredential:
		return true
	}
	return false
}

// mistakenFor lists what a cause is taken for: what looks the same from here.
func (f *facts) mistakenFor(c auth.Cause) []auth.Cause {
	switch c {
	case auth.StrippedInTransit:
		return []auth.Cause{auth.WrongScheme, auth.InvalidCredential, auth.WrongLocation}
	case auth.MissingCredential:
		return []auth.Cause{auth.WrongScheme, auth.InvalidCredential, auth.AccessExpired}
	case auth.NotSent:
		if f.x.Status == 401 {
			return []auth.Cause{auth.MissingCredential, auth.StrippedInTransit}
		}
		return []auth.Cause{auth.MissingCredential, auth.EndpointMisconfigured, auth.PermissionDenied}
	case auth.InvalidCredential:
		switch {
		case f.grant == "password":
			return []auth.Cause{auth.RateOrQuota, auth.PrincipalDisabled}
		case f.x.Status == 403 && f.token.ok:
			return []auth.Cause{auth.WrongEnvironment, auth.PermissionDenied}
		case f.password():
			return []auth.Cause{auth.WrongEnvironment, auth.WrongCredentialKind, auth.PrincipalDisabled}
		case len(f.said) == 0 && f.token.ok:
			return []auth.Cause{auth.RejectedUnclassified, auth.ClockSkew, auth.WrongAudience}
		case len(f.said) == 0:
			return []auth.Cause{auth.RejectedUnclassified, auth.AccessExpired, auth.WrongEnvironment}
		case f.token.ok:
			return []auth.Cause{auth.SignatureInvalid, auth.WrongIssuer, auth.WrongAudience}
		}
		if code, proper := f.code(); proper && code == "invalid_token" {
			return []auth.Cause{auth.AccessExpired, auth.AccessRevoked, auth.TypoOrTruncated}
		}
		if f.elsewhere() { // that it had ended would be known, or said
			return []auth.Cause{auth.AccessRevoked, auth.WrongEnvironment, auth.AccessExpired}
		}
		return []auth.Cause{auth.AccessExpired, auth.AccessRevoked, auth.WrongEnvironment}
	case auth.AccessExpired, auth.StaticKeyExpired:
		if f.token.ok && !f.issued() {
			return []auth.Cause{auth.ClockSkew, auth.AccessRevoked, auth.SessionExpired} // whoever signs by its own clock may be slow
		}
		return []auth.Cause{auth.AccessRevoked, auth.ClockSkew, auth.SessionExpired}
	case auth.SessionExpired:
		return []auth.Cause{auth.AccessExpired, auth.AccessRevoked}
	case auth.AccessRevoked:
		return []auth.Cause{auth.AccessExpired, auth.PrincipalDisabled, auth.InvalidCredential}
	case auth.InsufficientScope:
		if len(f.said) == 0 || f.said.is(saysDenied) { // that is no more than the status says
			return []auth.Cause{auth.PermissionDenied, auth.InvalidCredential, auth.PolicyBlocked}
		}
		return []auth.Cause{auth.PermissionDenied, auth.PolicyBlocked, auth.InvalidCredential}
	case auth.PermissionDenied:
		return []auth.Cause{auth.InsufficientScope, auth.PolicyBlocked, auth.RateOrQuota}
	case auth.WrongEnvironment:
		return []auth.Cause{auth.MissingCompanion, auth.WrongAudience, auth.InvalidCredential}
	case auth.WrongIssuer:
		return []auth.Cause{auth.SignatureInvalid, auth.WrongEnvironment}
	case auth.WrongAudience:
		return []auth.Cause{auth.WrongEnvironment, auth.InvalidCredential}
	case auth.MissingCompanion:
		return []auth.Cause{auth.WrongEnvironment, auth.WrongScheme}
	case auth.PrincipalDisabled:
		return []auth.Cause{auth.InvalidCredential, auth.InsufficientScope, auth.AccessRevoked}
	case auth.PolicyBlocked:
		return []auth.Cause{auth.InsufficientScope, auth.InvalidCredential}
	case auth.MalformedCharacters, auth.MalformedWrapping, auth.PlaceholderValue, auth.TypoOrTruncated:
		return []auth.Cause{auth.InvalidCredential, auth.WrongScheme, auth.RejectedUnclassified}
	case auth.SignatureInvalid:
		return []auth.Cause{auth.ClockSkew, auth.InvalidCredential, auth.WrongIssuer}
	case auth.ClockSkew:
		return []auth.Cause{auth.AccessExpired, auth.SignatureInvalid}
	case auth.AmbiguousCredentials:
		return []auth.Cause{auth.MalformedWrapping, auth.WrongScheme}
	case auth.WrongScheme, auth.WrongLocation:
		if len(f.said) == 0 {
			return []auth.Cause{auth.RejectedUnclassified, auth.WrongLocation}
		}
		if f.said.is(saysMissing) {
			return []auth.Cause{auth.StrippedInTransit, auth.InvalidCredential, auth.WrongLocation}
		}
		return []auth.Cause{auth.InvalidCredential, auth.WrongLocation, auth.StrippedInTransit}
	case auth.WrongCredentialKind:
		if f.password() {
			return []auth.Cause{auth.StepUpRequired, auth.InvalidCredential, auth.WrongScheme} // whoever wants a second factor takes no password alone
		}
		return []auth.Cause{auth.WrongScheme, auth.InvalidCredential, auth.InsufficientScope}
	case auth.RefreshRejected:
		return []auth.Cause{auth.RefreshExpired, auth.GrantRevoked, auth.RefreshSuperseded}
	case auth.RefreshExpired, auth.GrantRevoked, auth.RefreshReused:
		return []auth.Cause{auth.RefreshRejected}
	case auth.ClientRejected:
		return []auth.Cause{auth.StaticKeyExpired, auth.WrongEnvironment}
	case auth.RateOrQuota:
		return []auth.Cause{auth.PrincipalDisabled, auth.InsufficientScope}
	case auth.IntermediaryResponse:
		return append(f.titleSays(), auth.RejectedUnclassified, auth.InvalidCredential)
	case auth.StepUpRequired:
		return []auth.Cause{auth.PolicyBlocked, auth.AccessExpired}
	case auth.RejectedUnclassified:
		switch {
		case f.said.is(saysDenied):
			return []auth.Cause{auth.InsufficientScope, auth.InvalidCredential}
		case f.freshToo():
			return []auth.Cause{auth.WrongAudience, auth.PermissionDenied, auth.WrongScheme}
		case f.token.ok:
			return []auth.Cause{auth.InvalidCredential, auth.ClockSkew, auth.WrongAudience}
		case f.x.Status == http.StatusNotFound && f.bare():
			return []auth.Cause{auth.NotSent, auth.WrongEnvironment}
		case f.x.Status == http.StatusNotFound:
			return []auth.Cause{auth.WrongEnvironment, auth.PermissionDenied}
		}
		return []auth.Cause{auth.InvalidCredential, auth.AccessExpired, auth.InsufficientScope}
	}
	return nil
}

// badValue: something that people do to keys was done to this one. A value that
// was accepted before is excused.
func badValue(f *facts) *finding {
	d := f.defect
	if d == nil || f.x.Accepted {
		return nil
	}
	retold := f.elsewhere() && !f.x.Verbatim && d.cause == auth.PlaceholderValue // it may stand for another one
	if (d.confidence == auth.Possible || retold) && len(f.said) > 0 && f.cred != nil && !f.cred.Secret.IsZero() && !f.said[0].mixed() && f.said[0].says[0] < saysBroken {
		return nil // sound values look like that too, and the response speaks of something else
	}
	found := &finding{cause: d.cause, confidence: d.confidence, source: f.origin(), fact: d.fact, remedy: d.want}
	if d.take != "" {
		found.remedy = takeOut(f.cred.Provenance, d.take)
	}
	if d.empty && f.said.is(saysMissing, saysDenied, saysLogin, saysScope) {
		found.cause = auth.EmptyCredential // the API did not take it for a value
	}
	if d.pair && slices.ContainsFunc(f.x.Challenges, func(c auth.Challenge) bool { return strings.EqualFold(c.Scheme, "Basic") }) {
		found.confidence = auth.Likely // what the value looks like is what the API asks for
	}
	if f.intermediary() || d.cause == auth.PlaceholderValue && f.said.is(saysAccount, saysLimit, saysPlace, saysPolicy, saysStepUp, saysScope) {
		found.confidence = demoted(found.confidence)
	}
	return found
}

// silent: a refusal without a word. Who sent it, and what happened before, is
// all that there is to go by.
func silent(f *facts) *finding {
	if code, _ := f.code(); f.cred == nil || f.intermediary() && !f.statusPage() || code != "" {
		return nil
	}
	found := &finding{confidence: auth.Possible, source: "response", fact: "the API refused the " + f.noun() + " and does not say why"}
	if text := firstText(f.body); text != "" {
		found.fact = "the API refused the " + f.noun() + " and says only " + quote(text)
	}
	switch {
	case f.freshToo(), f.x.Status == http.StatusNotFound:
		return nil // see unclassified
	case f.x.Accepted && f.x.Status == 403:
		found.cause = auth.InsufficientScope
		found.fact = "the API accepted this " + f.noun() + " before and refuses it for this request"
	case f.x.Accepted:
		found.cause = auth.AccessRevoked
		found.source, found.fact = "this program", "the API accepted this "+f.noun()+" before and refuses it now"
		if f.expiry().IsZero() {
			found.note(f.origin(), "no expiry is stated, so it has expired or was withdrawn")
		}
	case f.x.Status == 403:
		found.cause = auth.InsufficientScope
	case strings.EqualFold(f.scheme, "Cookie"):
		found.cause = auth.SessionExpired
	case f.renewing():
		found.cause = auth.RefreshRejected
	case f.blackedOut(), f.x.unseen:
		return nil // nobody saw the value
	case selfStyled.MatchString(f.cred.Secret.Reveal()):
		found.cause = auth.InvalidCredential
		found.note(f.origin(), "the value itself says that it is not a real one")
	case len(f.cred.Secret.Reveal()) < shortest && !f.password():
		found.cause = auth.InvalidCredential
		found.note(f.origin(), "the value is shorter than keys are")
	case f.elsewhere() && !f.password():
		return nil // what was before is not known
	case !f.issued():
		found.cause = auth.InvalidCredential
		if f.password() && f.ours != nil {
			if len(strings.Fields(firstText(f.body))) <= 3 { // else it says more, which is not understood
				found.confidence = auth.Likely
			}
			found.source, found.fact = "challenge", f.askedAgain()
		}
	default:
		return nil
	}
	return found
}

// selfStyled matches values that tests and examples use for a wrong one. In the
// middle of digits "bad" is a part of a hexadecimal number.
var selfStyled = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])(?:invalid|wrong|bad|fake|bogus|dummy|incorrect|nonexist[ae]nt|unknown)[0-9]{0,4}(?:$|[^a-z0-9])|^(?:not[-_ ]?an?[-_ ]|foo|bar|baz|blah|asdf|test)`)

// shortest is the length below which a value is hardly a key.
const shortest = 12

// unclassified: nothing says why.
func unclassified(f *facts) *finding {
	found := &finding{cause: auth.RejectedUnclassified, confidence: auth.Possible, source: "response", fact: "the request was refused and nothing says why"}
	switch {
	case f.intermediary() && !(f.statusPage() && f.cred != nil):
		found.cause = auth.IntermediaryResponse
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
	case f.x.Status == http.StatusNotFound:
		found.fact = "404: nothing is at that address, or nothing that this caller may see"
		found.remedy = "check the address first, its version and spelling; then whether the credential may see what is there"
		if f.bare() {
			found.note("request", "it carried no credential")
		}
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

// titleSays are the causes that a web page's title speaks of, for whom an API
// that answers in pages wrote it.
func (f *facts) titleSays() []auth.Cause {
	var out []auth.Cause
	for _, h := range f.said {
		var found finding
		f.meaning(h.says[0], &found)
		if found.cause != "" {
			out = append(out, found.cause)
		}
	}
	return out
}

// schemeToken matches the name of a scheme (RFC 9110 section 11.1), one that
// could not as well be a key.
var schemeToken = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{1,24}$`)
