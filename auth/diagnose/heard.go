package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// byWords reads what the response says in words. Words are never certain, and
// what this side knows beats them: a token that both clocks call valid has not
// expired because somebody says so.
func byWords(f *facts) *finding {
	page := f.intermediary()
	if len(f.said) == 0 || f.bare() || page && !f.said[0].field && !f.said.is(saysForm, saysLimit) {
		return nil // a page about a form or a limit is not about the credential, and a header field is no page
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
	f.meaning(first.says[0], found)
	if found.cause == "" {
		return nil
	}
	if page {
		found.confidence = auth.Possible
	}
	return found
}

// alsoSaid are the causes that the other words of the response stand for.
func (f *facts) alsoSaid() []auth.Cause {
	if f.bare() || f.intermediary() {
		return nil
	}
	var out []auth.Cause
	for _, h := range f.said {
		for _, s := range h.says {
			var found finding
			f.meaning(s, &found)
			if s == saysElsewhere {
				found.cause = auth.WrongEnvironment
			}
			if found.cause != "" && !slices.Contains(out, found.cause) {
				out = append(out, found.cause)
			}
		}
	}
	return out
}

// meaning fills in what one statement amounts to, given what was sent.
func (f *facts) meaning(s statement, found *finding) {
	doubted := func(c auth.Cause) { found.cause, found.confidence = c, auth.Possible }
	switch s {
	case saysNonce:
		found.cause = auth.NonceRequired
	case saysProof:
		found.cause = auth.ProofInvalid
	case saysForm, saysSession:
		found.cause = auth.SessionExpired
		if slices.ContainsFunc(f.said, heard.mixed) {
			found.confidence = auth.Possible // "expired or invalid"
		}
	case saysLimit:
		found.cause = auth.RateOrQuota
		found.note("response", "it speaks of a limit: the credential may be good")
	case saysStepUp:
		found.cause = auth.StepUpRequired
	case notYet:
		if f.lapsed() {
			found.cause = auth.AccessExpired
			return
		}
		if slices.Contains(f.said[0].words, "or") && f.said.has(saysExpired) {
			doubted(auth.AccessExpired) // "expired or not yet valid"
			return
		}
		found.cause = auth.ClockSkew
		if !f.clock.off {
			found.confidence = auth.Possible // only words suggest it
		}
	case saysReused:
		found.cause = auth.RefreshReused
		if f.grant == "" {
			doubted(auth.AccessRevoked)
		}
	case saysSeveral:
		found.cause = auth.AmbiguousCredentials
	case saysPlace, saysPolicy:
		found.cause = auth.PolicyBlocked
		if f.said.has(saysInvalid) || f.said.has(saysLogin) {
			found.confidence = auth.Possible // it names several reasons
		}
	case saysAudience:
		found.cause = auth.WrongAudience
	case saysIssuer:
		found.cause = auth.WrongIssuer
		if !f.saidWord("issue") && !f.saidAny("iss", "provider") { // only a key was not found, which the token may name wrongly
			doubted(auth.WrongIssuer)
			if f.saidWord("signature") {
				found.cause = auth.SignatureInvalid
			}
		}
	case saysElsewhere:
		found.cause = auth.WrongEnvironment
		if f.said.has(saysInvalid) && !f.token.ok {
			found.confidence = auth.Possible
			if slices.Contains(f.said[0].words, "or") { // "a wrong key, or a wrong region": keys are wrong more often
				found.cause = auth.InvalidCredential
			}
		}
	case saysMismatch:
		doubted(auth.WrongEnvironment)
		found.note("response", "two things that were sent do not belong together; or one of them was lost on the way")
	case saysCompanion:
		doubted(auth.MissingCompanion)
	case saysAccount:
		found.cause = auth.PrincipalDisabled
		found.note("response", "it speaks of the account: another credential of the same account may be refused as well")
		if f.defect != nil || !slices.ContainsFunc(ofAccounts, f.saidWord) {
			found.confidence = auth.Possible // an app or a project has rights and switches as well
		}
	case saysKind:
		found.cause = auth.WrongCredentialKind
	case saysScheme:
		f.saidScheme(found)
	case saysScope:
		found.cause = auth.InsufficientScope
		if f.x.Status == 401 && !f.x.Accepted && !slices.ContainsFunc([]string{"permission", "scope", "privilege", "role"}, f.saidWord) {
			found.confidence = auth.Possible // 403 is the status for it (RFC 9110 section 15.5.4)
		}
	case saysRevoked:
		found.cause = auth.AccessRevoked
		if f.renewing() {
			found.cause = auth.GrantRevoked
		}
	case saysExpired:
		f.saidExpired(found)
	case saysBroken:
		f.saidBroken(found)
	case saysSignature:
		found.cause = auth.SignatureInvalid
		if f.said.has(notYet) {
			doubted(auth.ClockSkew)
		}
	case saysClient:
		found.cause = auth.ClientRejected
		if f.lapsed() {
			found.cause = auth.StaticKeyExpired
		}
	case saysInvalid:
		f.saidInvalid(found)
	case saysMissing:
		f.saidMissing(found)
	case saysDenied:
		if f.x.Status == 401 && !f.x.Accepted && !f.saidWord("permission") {
			return // some say "forbidden" for any refusal
		}
		found.cause = auth.InsufficientScope
		if f.x.Status == 401 || !f.saidWord("permission") || len(f.said[0].words) < 3 {
			found.confidence = auth.Possible // that is no more than the status says
		}
		if f.grant == "password" {
			doubted(auth.InvalidCredential) // it is a login that was refused
		}
	case saysLogin:
		f.saidLogin(found)
	}
}

// credentialWords are those by which a text names what is wrong.
var credentialWords = []string{"key", "apikey", "token", "jwt", "password", "credential", "secret", "user", "login", "identifier", "passcode", "grant", "certificate", "signature"}

// ofAccounts are the beginnings of words by which a text speaks of whoever pays
// and signs in.
var ofAccounts = []string{"account", "user", "subscri", "unsubscri", "plan", "tier", "bill", "pay", "member", "email", "mail", "phone", "credit", "balance", "fund", "trial", "licen", "login", "customer", "upgrade", "purchase", "premium", "entitle", "terms", "organi", "captcha"}

// alternatives are the words of other reasons that some name along with a wrong
// key: "Invalid key, IP, or permissions".
var alternatives = []string{"ip", "permission", "permissions", "rights", "plan", "subscription", "region", "environment", "host", "account"}

// saidWord reports whether any text that was heard holds a word that begins so.
func (f *facts) saidWord(word string) bool {
	return slices.ContainsFunc(f.said, func(h heard) bool {
		return slices.ContainsFunc(h.words, func(w string) bool { return strings.HasPrefix(w, word) })
	})
}

// saidAny reports whether any text that was heard holds one of these words.
func (f *facts) saidAny(words ...string) bool {
	return slices.ContainsFunc(f.said, func(h heard) bool {
		return slices.ContainsFunc(h.words, func(w string) bool { return slices.Contains(words, w) })
	})
}

// severalCauses: "invalid, expired or revoked". Only what was there before
// tells them apart.
func (f *facts) severalCauses(found *finding) *finding {
	found.confidence = auth.Possible
	switch {
	case f.renewing():
		found.cause = auth.RefreshRejected
	case strings.EqualFold(f.scheme, "Cookie"):
		found.cause = auth.SessionExpired
	case f.x.Accepted && f.said.has(saysExpired) && f.cred != nil && f.expiry().IsZero():
		found.cause = auth.AccessExpired
		found.note("this program", "the API accepted it before, so it was not always wrong")
	case f.x.Accepted:
		found.cause = auth.AccessRevoked
		found.note("this program", "the API accepted it before, so it was not always wrong")
	default:
		found.cause = auth.InvalidCredential
		if f.elsewhere() {
			found.note("response", "it names several causes at once")
			return found
		}
		found.note("this program", "the API has not accepted it since the program started; the response names several causes at once")
	}
	return found
}

func (f *facts) saidExpired(found *finding) {
	found.cause = auth.AccessExpired
	if f.renewing() {
		found.cause = auth.RefreshExpired
		if f.said.has(saysRevoked) {
			found.cause = auth.GrantRevoked
		}
		return
	}
	if f.said.has(saysClient) && f.grant != "" {
		found.cause = auth.StaticKeyExpired
		return
	}
	if f.cred == nil {
		return
	}
	if f.token.ok && f.token.exp.IsZero() && !f.lapsed() {
		found.confidence = auth.Possible // it states no end: the server counts from when its maker says that it was made
	}
	if exp := f.expiry(); !exp.IsZero() && f.clock.here.Before(exp) {
		found.confidence = auth.Possible
		found.note(f.origin(), fmt.Sprintf("the stated expiry is %s, which has not come yet", stamp(exp)))
	}
	if f.freshToo() || f.x.Lifetime == LifetimeFuture {
		found.confidence = auth.Possible
	}
}

// saidBroken: the API could not read the value. That it was sent in one piece
// from here is the other half of the question.
func (f *facts) saidBroken(found *finding) {
	found.cause = auth.TypoOrTruncated
	if f.said.has(saysScheme) {
		found.cause = auth.WrongScheme
	}
	if f.saidWord("space") || f.saidWord("whitespace") || f.saidWord("character") && !measured.MatchString(f.said[0].text) {
		found.cause = auth.MalformedCharacters
	}
	if f.x.Accepted {
		found.cause, found.confidence = auth.RejectedUnclassified, auth.Possible
		return
	}
	if f.said[0].mixed() || f.cred != nil && f.token.ok || f.x.NotSent == NotKnown && f.saidWord("header") {
		found.confidence = auth.Possible // it is whole, as far as can be seen here
	}
}

// measured matches how long a value ought to be.
var measured = regexp.MustCompile(`(?i)\d+ (?:\w+ )?(?:char|digit)|characters long`)

// saidScheme: the API does not take the form. A header of a key's own has no
// form but that of the key: then it is another kind of key.
func (f *facts) saidScheme(found *finding) {
	found.cause = auth.WrongScheme
	if f.cred != nil && !f.announceable() && f.place.Header != "Authorization" && f.place.Header != "" && !f.saidAny("bearer", "basic", "header") {
		found.cause, found.confidence = auth.WrongCredentialKind, auth.Possible
	}
	if f.password() && f.saidWord("password") {
		found.cause, found.confidence = auth.WrongCredentialKind, auth.Possible
	}
	if f.said.has(saysSeveral) {
		found.cause = auth.AmbiguousCredentials
	}
	if f.said.has(saysBroken) || f.x.Accepted || f.x.NotSent == NotKnown {
		found.confidence = auth.Possible
	}
}

func (f *facts) saidInvalid(found *finding) {
	switch {
	case f.renewing() || f.grant == "authorization_code":
		found.cause = auth.RefreshRejected
	case f.grant == "client_credentials":
		found.cause = auth.ClientRejected
	case f.x.Accepted:
		// It was right before: it is right still, or somebody withdrew it.
		found.cause = auth.AccessRevoked
		found.note("this program", "the API accepted this "+f.noun()+" before")
		if f.cred != nil && f.expiry().IsZero() {
			found.note(f.origin(), "no expiry is stated, so it has expired or was withdrawn")
		}
	case f.x.Status == 403 && f.saidWord("authoriz") && !f.saidWord("authenticat") && !slices.ContainsFunc(credentialWords, f.saidWord):
		found.cause, found.confidence = auth.InsufficientScope, auth.Possible // "authorization failed" is what the status says
	default:
		found.cause = auth.InvalidCredential
		if f.issued() {
			found.confidence = auth.Possible // an issuer made it: somebody must have mixed something up
		}
		if !slices.ContainsFunc(credentialWords, f.saidWord) {
			found.confidence = auth.Possible // "authentication failed" may be for any reason
		}
		if f.x.NotSent == NotKnown {
			found.confidence = auth.Possible // it is said to whoever sent nothing, too
		}
		if code, proper := f.code(); proper && code == "invalid_token" && !slices.ContainsFunc(f.said, saysMore) {
			found.confidence = auth.Possible // which has five meanings (RFC 6750 section 3.1)
		}
		if slices.Contains(f.said[0].words, "or") && slices.ContainsFunc(f.said[0].words, func(w string) bool { return slices.Contains(alternatives, w) }) {
			found.confidence = auth.Possible // it names other reasons
		}
		if f.token.ok {
			found.confidence = auth.Possible // of a whole token it is said for any of many reasons (RFC 6750 section 3.1)
		}
		if !f.unknownToIt() && !f.visiblyWrong() {
			found.confidence = auth.Possible // "invalid" is what revoked, expired and foreign ones are called, too
		}
	}
}

// unknownToIt reports whether the response says that the value is not right, and
// not merely that it is not good.
func (f *facts) unknownToIt() bool {
	return f.password() || slices.ContainsFunc(f.said, func(h heard) bool { return saysUnknown.MatchString(h.text) })
}

// saysUnknown matches how a value is called that does not exist or does not fit.
var saysUnknown = regexp.MustCompile(`(?i)incorrect|wrong|\bunknown|unrecogni|not recogni|not known|not found|not be found|not exist|non-?existent|no such|absent|bad[ _-]?credential|password|key[ _-]?id\b|could not authenticate|does ?n[o']?t match|mismatch`)

// visiblyWrong reports whether the value that was sent is no key at first sight.
func (f *facts) visiblyWrong() bool {
	if f.cred == nil || f.x.unseen || f.blackedOut() {
		return false
	}
	v := f.cred.Secret.Reveal()
	return selfStyled.MatchString(v) || v != "" && len(v) < shortest
}

// saysMore reports whether a text says more than the code invalid_token does.
func saysMore(h heard) bool {
	return slices.ContainsFunc(h.words, func(w string) bool {
		return !slices.Contains([]string{"invalid", "token", "access", "bearer", "oauth", "provided", "supplied", "given", "valid", "not", "the", "an", "a", "is", "was"}, w)
	})
}

// saidLogin: "log in" is what some say to whoever sent nothing, and others to
// whoever sent something wrong.
func (f *facts) saidLogin(found *finding) {
	switch {
	case f.x.NotSent == NotKnown:
		found.cause = auth.MissingCredential
	case f.x.Accepted, f.cred == nil:
		return
	case strings.EqualFold(f.scheme, "Cookie"):
		found.cause = auth.SessionExpired
	case f.password() && f.ours != nil:
		found.cause, found.confidence = auth.InvalidCredential, auth.Likely
		found.source, found.fact = "challenge", f.askedAgain()
		return
	default:
		found.cause = auth.InvalidCredential
	}
	found.confidence = auth.Possible
}

// askedAgain: Basic has no codes. A challenge of the scheme that was used is all
// that it can say (RFC 7617 section 2).
func (f *facts) askedAgain() string {
	return "the API asks for " + f.scheme + " again, which it does when user name or password are wrong"
}

// saidMissing: it was sent, and the API does not see it. It looks elsewhere, or
// something on the way took it.
func (f *facts) saidMissing(found *finding) {
	if s := f.x.Status; (s == 400 || s == 422) && !slices.ContainsFunc(credentialWords, f.saidWord) && !f.saidWord("auth") && !f.saidWord("header") {
		return // a field of the request that has nothing to do with it
	}
	found.cause, found.confidence = auth.WrongScheme, auth.Possible
	if f.x.NotSent == NotKnown {
		found.cause = auth.MissingCredential
	}
	if f.cred == nil {
		return
	}
	if strings.EqualFold(f.scheme, "Cookie") {
		found.cause = auth.SessionExpired
		return
	}
	found.note("request", "it carried "+f.how())
	if f.place.Header == "Authorization" && f.announceable() && !f.x.Accepted && f.saidHeader(found) {
		return
	}
	if f.saidAny("header", "headers", "parameter", "query") && found.confidence == auth.Possible && !f.x.Accepted && len(f.said[0].words) > 5 {
		found.remedy = "send the " + f.noun() + " in the place that the response names; if it was there, something on the way takes it out"
		return
	}
	found.remedy = "compare with the API's documentation where it looks for the " + f.noun() + "; if it is the same place, something on the way takes it out"
	if f.x.Accepted {
		found.cause = auth.StrippedInTransit
		found.note("this program", "the API accepted it before, sent in the same way")
		found.remedy = "find out what on the way (a proxy, a gateway, a redirect) takes the credential out of the request"
	}
}

// saidHeader: the API finds no header of the name, and by the scheme, that the
// request had. Somebody who tries out a wrong value is told the same.
func (f *facts) saidHeader(found *finding) bool {
	text := f.said[0].text
	if !noHeader.MatchString(text) || anyScheme.MatchString(text) && !strings.Contains(strings.ToLower(text), strings.ToLower(f.scheme)) {
		return false
	}
	if f.visiblyWrong() {
		found.cause = auth.InvalidCredential
		return true
	}
	found.cause = auth.StrippedInTransit
	found.remedy = "find out what on the way (a proxy, a gateway, a redirect, the web server before the program) takes the header Authorization out of the request"
	return true
}

var (
	noHeader  = regexp.MustCompile(`(?i)\b(?:no|missing)\b.{0,12}\b(?:authorization|authentication)\b.{0,12}\bheader|\b(?:authorization|authentication) header (?:is |was )?(?:missing|not (?:found|set|present|provided|supplied|sent))`)
	anyScheme = regexp.MustCompile(`(?i)\b(?:basic|bearer|digest|dpop|token|jwt|api-?key)\b`)
)
