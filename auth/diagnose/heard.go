package diagnose

import (
	"fmt"
	"slices"

	"github.com/reauth-go/reauth/auth"
)

// byWords reads what the response says in words. Words are never certain, and
// what this side knows beats them: a token that both clocks call valid has not
// expired because somebody says so.
func byWords(f *facts) *finding {
	if len(f.said) == 0 || f.cred == nil && f.x.NotSent == WasSent || f.intermediary() {
		return nil
	}
	first := f.said[0]
	ev := f.said.evidence()
	found := &finding{confidence: auth.Possible, source: ev.Source, fact: ev.Fact}
	if first.field {
		found.confidence = auth.Likely
	}
	if slices.ContainsFunc(f.said, heard.mixed) && slices.Contains([]statement{saysInvalid, saysExpired, saysRevoked, saysMissing}, first.says[0]) {
		return f.severalCauses(found)
	}
	switch first.says[0] {
	case saysExpired:
		f.saidExpired(found)
	case saysRevoked:
		found.cause = auth.AccessRevoked
	case saysInvalid:
		f.saidInvalid(found)
	case saysMissing:
		f.saidMissing(found)
	case saysScheme:
		found.cause = auth.WrongScheme
	case saysDenied:
		if f.x.Status == 401 && !f.x.Accepted {
			return nil // some say "forbidden" for any refusal
		}
		found.cause = auth.InsufficientScope
	case saysScope:
		found.cause = auth.InsufficientScope
		if f.x.Status == 401 && !f.x.Accepted {
			found.confidence = auth.Possible // 403 is the status for it (RFC 9110 section 15.5.4)
		}
	case saysStepUp:
		found.cause = auth.StepUpRequired
	case saysPolicy:
		found.cause = auth.PolicyBlocked
	case notYet:
		found.cause, found.confidence = auth.ClockSkew, auth.Possible
		if f.clock.off {
			found.confidence = auth.Likely
		}
	case saysLimit:
		found.cause, found.confidence = auth.RejectedUnclassified, auth.Possible
		found.note("response", "it speaks of a limit: the credential may be good")
		found.remedy = "wait before the next request, and ask the provider about the limit"
	case saysAccount:
		found.cause, found.confidence = auth.RejectedUnclassified, auth.Possible
		found.note("response", "it speaks of the account: another credential of the same account may be refused as well")
		found.remedy = "look at the account's state and plan at the provider's"
	case saysElsewhere:
		found.cause, found.confidence = auth.RejectedUnclassified, auth.Possible
		found.note("response", "it speaks of where the credential is good: it may belong to another audience, tenant or region")
		found.remedy = "compare address, audience, tenant and region of the request with what the credential was made for"
	default:
		return nil
	}
	return found
}

// severalCauses: "invalid, expired or revoked". Only what was there before
// tells them apart.
func (f *facts) severalCauses(found *finding) *finding {
	found.confidence = auth.Possible
	switch {
	case f.x.Accepted && slices.ContainsFunc(f.said, func(h heard) bool { return slices.Contains(h.says, saysExpired) }) && f.cred != nil && f.expiry().IsZero():
		found.cause = auth.AccessExpired
		found.note("this program", "the API accepted it before, so it was not always wrong")
	case f.x.Accepted:
		found.cause = auth.AccessRevoked
		found.note("this program", "the API accepted it before, so it was not always wrong")
	default:
		found.cause = auth.InvalidCredential
		found.note("this program", "the API has not accepted it since the program started; the response names several causes at once")
	}
	return found
}

func (f *facts) saidExpired(found *finding) {
	found.cause = auth.AccessExpired
	if f.cred == nil {
		return
	}
	if exp := f.expiry(); !exp.IsZero() && f.clock.here.Before(exp) {
		found.confidence = auth.Possible
		found.note(f.cred.Provenance.String(), fmt.Sprintf("the stated expiry is %s, which has not come yet", stamp(exp)))
	}
	if f.freshToo() {
		found.confidence = auth.Possible
	}
}

func (f *facts) saidInvalid(found *finding) {
	switch {
	case f.x.Accepted:
		// It was right before: it is right still, or somebody withdrew it.
		found.cause = auth.AccessRevoked
		found.note("this program", "the API accepted this "+f.noun()+" before")
		if f.cred != nil && f.expiry().IsZero() {
			found.note(f.cred.Provenance.String(), "no expiry is stated, so it has expired or was withdrawn")
		}
	default:
		found.cause = auth.InvalidCredential
		if f.issued() {
			found.confidence = auth.Possible // an issuer made it: somebody must have mixed something up
		}
	}
}

// saidMissing: it was sent, and the API does not see it. It looks elsewhere, or
// something on the way took it.
func (f *facts) saidMissing(found *finding) {
	found.cause, found.confidence = auth.WrongScheme, auth.Possible
	if f.cred == nil {
		return
	}
	found.note("this program", "the request carried "+f.how())
	found.remedy = "compare with the API's documentation where it looks for the " + f.noun() + "; if it is the same place, something on the way takes it out"
	if f.x.Accepted {
		found.cause = auth.RejectedUnclassified
		found.note("this program", "the API accepted it before, sent in the same way")
		found.remedy = "find out what on the way (a proxy, a gateway, a redirect) takes the credential out of the request"
	}
}
