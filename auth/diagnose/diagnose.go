// Package diagnose turns what is known of a refusal into an [*auth.Error]: one
// cause, how sure it is, the evidence, and what to do.
//
// Its functions are pure: the same facts always give the same answer, and
// nothing here decides what is sent. Signals count in this order: facts known
// on this side, standard codes in their proper place (RFC 6750, 6749, 7616, 9449,
// 9470), the codes that a provider documents, and only then the words of the
// body. Those are read by rules that know how people write and not who wrote
// it: a provider that nobody listed is understood as well as any. Certain is
// said only of what a local fact, a standard code of one meaning, or a pair of
// differing attempts proves; never of a status code alone or of prose. What it
// could be instead is named behind the cause.
//
// The transport calls it; programs meet its results. An exchange that happened
// elsewhere is diagnosed too, from what was recorded of it: see
// [Exchange.Carried]. testdata/corpus.jsonl has 209 of them, which the tests
// hold the rules to.
package diagnose

import (
	"net/http"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
)

// Words are a vendor's own, to be put into remedies. The zero value has none.
type Words struct {
	Docs    string // address of the page on authentication
	Support string // where help is to be had
	Login   string // the command that logs in, such as "acme login"
	// Remedy, if set, has the last word: it is given each finished diagnosis and
	// returns the remedy to use, e.Remedy or nothing where that is good enough.
	// It must depend on e alone and not change it. If it panics, e.Remedy stays.
	Remedy func(e *auth.Error) auth.Remedy
}

// spoken returns e with the remedy that the vendor wants.
func (w Words) spoken(e *auth.Error) *auth.Error {
	if w.Remedy != nil {
		func() {
			defer func() { _ = recover() }()
			if r := w.Remedy(e); r != (auth.Remedy{}) {
				e.Remedy = r
			}
		}()
	}
	return e
}

// An Exchange is one request that was refused, as the transport saw it.
type Exchange struct {
	Method string
	URL    string // as the caller wrote it; user information and query are not repeated

	// Credential is what was sent, and Scheme how. Both are nil if nothing of
	// ours was sent, and NotSent says why.
	Credential *auth.Credential
	Scheme     auth.Scheme
	NotSent    NotSent

	// Lifetime is what is known of the credential's end where neither it nor
	// Credential.Expiry says when it is.
	Lifetime Lifetime

	Since    time.Time // when this program got the credential; zero if unknown
	Accepted bool      // the same credential was accepted by this API before

	// Renewal says what came of asking the source for another credential.
	Renewal Renewal
	// RenewalErr is why renewal failed; only with RenewalFailed.
	RenewalErr error

	// First is the refused exchange that this one repeated with another
	// credential; nil if this is no repeat.
	First *Exchange

	// Shadowed lists the places behind the one that the credential came from,
	// with what each of them holds.
	Shadowed []auth.Attempt

	At     time.Time     // when the response came, on this machine's clock
	Offset time.Duration // the server's clock minus this machine's, as learned from Date
	// Samples is how many Date fields agree on Offset; zero: nothing is known.
	Samples int

	Status     int
	Header     http.Header // of the response
	Body       []byte      // its beginning, not decoded
	Challenges []auth.Challenge

	// Profile is what the provider documents. Zero: what is known of the host.
	Profile profile.Profile

	// Verbatim says that what [Exchange.Carried] was told is what was sent, to the
	// character. Otherwise it may stand for that: recorded values are crossed out,
	// and made up anew.
	Verbatim bool
	// Guessed says that which of several values was the credential is not known:
	// then what the value shows is not certain.
	Guessed bool
	// Beside names the other fields and parameters of a recorded request that
	// looked as if they held a credential.
	Beside []string
	// Undated says that a recording does not tell when the response came, and At
	// is when it is looked at.
	Undated bool

	// Of a recorded request, see Carried.
	unseen    bool               // something was sent, and its value is not known
	undecoded bool               // the Basic value is no base64 of a pair
	grant     string             // the grant_type of a request for a token
	parts     []*auth.Credential // what else must not be shown
}

// NotSent says why a request did not carry our credential.
type NotSent uint8

// The reasons.
const (
	WasSent       NotSent = iota
	ForeignOrigin         // the request went to an origin that the credential does not belong to
	LeftOrigin            // a redirect had left our origins before, and came back
	CallerSet             // the program set the header or parameter itself
	NotKnown              // of an exchange that was recorded elsewhere only the response is left
)

// Renewal is the outcome of asking the source for another credential.
type Renewal uint8

// The outcomes.
const (
	RenewalNotTried   Renewal = iota // the response said that it could not help
	RenewalReplaced                  // the source gave another credential
	RenewalUnchanged                 // the source was asked and has no other
	RenewalFailed                    // the source failed, see RenewalErr
	RenewalUnsendable                // replaced, and the body of the request could not be sent again
)

// Refusal explains a refused exchange. The result is complete, bounded and
// without secrets, and always has a cause, a remedy and evidence.
func Refusal(x Exchange, words Words) *auth.Error {
	f := gather(x, words)
	found, others := f.judge()
	e := &auth.Error{
		Cause:      found.cause,
		Confidence: found.confidence,
		Others:     others,
		Fixer:      found.cause.Fixer(),
		Remedy:     f.remedy(found),
		Evidence:   f.evidence(found),
		Request:    f.request(),
		Sent:       f.sent(),
		Tried:      f.tried(),
		Response:   f.response(),
		Support:    words.Support,
		Err:        f.scrub.err(x.RenewalErr),
	}
	if f.nested != nil {
		e.Throttled, e.NextTry = f.nested.Throttled, f.nested.NextTry
	}
	return words.spoken(e)
}
