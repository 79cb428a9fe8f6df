package diagnose

import (
	"cmp"
	"fmt"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
)

// vendor returns what the response says in its provider's own codes, as the
// profile knows them.
func (f *facts) vendor() (profile.Profile, profile.Code, bool) {
	p := f.profile()
	code, ok := p.Explain(f.x.Status, f.x.Header, f.x.Body)
	return p, code, ok
}

// byVendor believes a documented code that means one thing. A code for whatever
// is wrong is left to what else is known, and so is one that the same
// credential's having been accepted contradicts.
func byVendor(f *facts) *finding {
	p, code, ok := f.vendor()
	if !ok || code.Cause == auth.RejectedUnclassified || f.intermediary() || f.excluded(code.Cause) || f.freshToo() {
		return nil
	}
	confidence := auth.Likely
	if f.x.NotSent == NotKnown && code.Cause == auth.InvalidCredential {
		confidence = auth.Possible // it is said to whoever sent nothing, too
	}
	return &finding{cause: code.Cause, confidence: confidence, source: "response", fact: vendorFact(f, p, code)}
}

// vendorFact is the code in words. Both its parts come from the profile.
func vendorFact(f *facts, p profile.Profile, code profile.Code) string {
	who := cmp.Or(p.Title, p.Name)
	if _, disguised := p.Refused(f.x.Status, f.x.Header, f.x.Body); disguised {
		return fmt.Sprintf("%s refuses with status %d and says so in %s", who, f.x.Status, code)
	}
	return fmt.Sprintf("the response says %s, which is documented by %s", code, who)
}
