package diagnose

import (
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// renewalFailed: what was refused could have been replaced, and the source
// could not do it. What it failed on is what has to be mended. That it also
// explains the refusal is certain only if the credential was at its end.
func renewalFailed(f *facts) *finding {
	e := f.nested
	if f.x.Renewal != RenewalFailed || e == nil || e.Cause == auth.RefreshThrottled {
		return nil
	}
	fact := e.Cause.Meaning()
	found := &finding{cause: e.Cause, confidence: e.Confidence, source: "source", remedy: f.scrub.text(e.Remedy.Text), command: e.Remedy.Command}
	for i, ev := range e.Evidence {
		if i == 0 {
			found.source, fact = ev.Source, ev.Fact
			continue
		}
		found.note(f.scrub.text(ev.Source), tidy(f.scrub.text(ev.Fact), 2*quoteLimit))
	}
	found.source = f.scrub.text(found.source)
	found.fact = tidy("a new credential could not be had: "+f.scrub.text(fact), 2*quoteLimit)
	past := expired(f)
	if past != nil {
		found.note(past.source, past.fact)
	}
	code, proper := f.code()
	if code != "" {
		found.more = append(found.more, f.codeEvidence())
	} else if len(f.said) > 0 {
		found.more = append(found.more, f.said.evidence())
	}
	if past == nil && !(proper && code == "invalid_token") && found.confidence == auth.Certain {
		found.confidence = auth.Likely
	}
	return found
}

// evidence puts the fact behind the cause first, then what else bears on it.
func (f *facts) evidence(found *finding) []auth.Evidence {
	out := append([]auth.Evidence{{Source: found.source, Fact: found.fact}}, found.more...)
	add := func(source, fact string) {
		ev := auth.Evidence{Source: source, Fact: fact}
		for _, have := range out {
			if have == ev {
				return
			}
		}
		out = append(out, ev)
	}
	if p, code, ok := f.vendor(); ok {
		add("response", vendorFact(f, p, code))
	}
	if f.clock.off {
		add("clock", f.clock.difference())
	}
	if f.x.NotSent == CallerSet {
		add("caller", "the program set the header or parameter itself, so ours was not sent")
	}
	if f.cred == nil {
		return out
	}
	if len(f.x.Beside) > 0 {
		add("request", "it carried "+tidy(strings.Join(boundedList(f.x.Beside), " and "), quoteLimit)+" as well")
	}
	if f.blackedOut() {
		add("request", "the value was blacked out in this recording, so it was not looked at")
	}
	place := f.origin()
	if f.defect != nil && found.fact != f.defect.fact {
		add(place, f.defect.fact)
	}
	if f.intermediary() && found.cause != auth.IntermediaryResponse {
		add("response", "a web page came back"+titled(f.body)+": something else than the API may have answered")
	}
	if p := f.profile(); p.Lockout != "" && renewed(found.cause) {
		add(f.provider(), p.Lockout)
	}
	switch f.x.Renewal {
	case RenewalUnchanged:
		add(place, "asked again after the refusal, it holds the same value")
	case RenewalUnsendable:
		add(place, "asked again after the refusal, it gave another value; the body of this request cannot be sent twice")
	case RenewalFailed:
		if f.nested == nil && f.x.RenewalErr != nil {
			add(place, "a new credential could not be had: "+quote(f.scrub.text(f.x.RenewalErr.Error())))
		} else if f.nested != nil && f.nested.Cause == auth.RefreshThrottled {
			for _, ev := range f.nested.Evidence {
				add(ev.Source, tidy(f.scrub.text(ev.Fact), 2*quoteLimit))
			}
		}
	}
	if f.freshToo() {
		if f.alike() {
			add("this program", "a new "+f.noun()+" was tried after the first refusal, and refused in the same way")
		} else {
			add("this program", "a new "+f.noun()+" was tried after the first refusal, and refused as well")
		}
	}
	return out
}
