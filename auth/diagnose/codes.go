package diagnose

import (
	"regexp"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// bySingleMeaning reads the standard codes that mean one thing each:
// insufficient_scope (RFC 6750 section 3.1), insufficient_user_authentication
// (RFC 9470 section 3), and insufficient_claims. They are certain in a challenge
// of the scheme that was used, and likely anywhere else.
func bySingleMeaning(f *facts) *finding {
	if f.x.Status != 401 && f.x.Status != 403 && f.x.Status != 400 {
		return nil
	}
	code, proper := f.code()
	found := &finding{confidence: auth.Likely, source: "response", fact: "the API answers " + code}
	if proper && f.x.Status != 400 {
		found.confidence, found.source = auth.Certain, "challenge"
	}
	if stale := f.param("stale"); strings.EqualFold(f.scheme, "Digest") && strings.EqualFold(stale, "true") {
		found.confidence, found.source = auth.Certain, "challenge"
		found.cause, found.fact = auth.NonceRequired, "the API says that the nonce is stale (RFC 7616 section 3.3), and not the password"
		return found
	}
	switch code {
	case "insufficient_scope":
		found.cause = auth.InsufficientScope
		f.scopes(found)
	case "insufficient_user_authentication":
		found.cause = auth.StepUpRequired
		if v := f.param("acr_values"); v != "" {
			found.fact += "; it wants a login of class " + quote(v) + " (acr_values)"
		}
		if v := f.param("max_age"); v != "" {
			found.fact += "; the login may be " + quote(v) + " seconds old at most (max_age)"
		}
		if !f.token.iat.IsZero() {
			found.note("token", "it was issued at "+stamp(f.token.iat))
		}
	case "use_dpop_nonce":
		found.cause = auth.NonceRequired
		if f.x.Header.Get("DPoP-Nonce") != "" {
			found.fact += ", and gives one in DPoP-Nonce"
			if !proper {
				found.note("response", "RFC 9449 section 8 names that code")
			}
		}
	case "invalid_dpop_proof":
		found.cause = auth.ProofInvalid
	case "insufficient_claims":
		found.cause = auth.PolicyBlocked
		found.fact += ": a policy wants more claims in the token"
	default:
		return nil
	}
	if d := f.description(); d != "" {
		found.note("response", "the response says "+quote(d))
	}
	return found
}

// scopes tells which permissions the API wants, which the credential has, and
// what is missing.
func (f *facts) scopes(found *finding) {
	required := strings.Fields(f.param("scope"))
	if len(required) > 0 {
		found.fact += "; this request needs the scope " + quote(strings.Join(required, " "))
	}
	if f.cred == nil {
		return
	}
	granted, source := f.cred.Scopes, f.cred.Provenance.String()
	if len(granted) == 0 {
		granted, source = f.token.scopes, "token"
	}
	if len(granted) == 0 {
		if len(required) > 0 {
			found.remedy = "get a " + f.noun() + " with the scope " + strings.Join(boundedList(required), " ") + "; renewing this one does not widen it"
		}
		return
	}
	found.note(source, "it was granted "+quote(strings.Join(granted, " ")))
	missing := slices.DeleteFunc(slices.Clone(required), func(s string) bool { return slices.Contains(granted, s) })
	if len(missing) > 0 {
		found.note(source, "what is missing is "+quote(strings.Join(missing, " ")))
		found.remedy = "get a " + f.noun() + " that has " + strings.Join(boundedList(missing), " ") + " as well; renewing this one does not widen it"
	}
}

func boundedList(words []string) []string {
	var out []string
	for _, w := range words[:min(len(words), 8)] {
		out = append(out, tidy(w, 64))
	}
	return out
}

// codeEvidence quotes the code and description of our challenge.
func (f *facts) codeEvidence() auth.Evidence {
	code, _ := f.code()
	fact := "the API answers " + tidy(code, 64)
	if d := f.description(); d != "" {
		fact += ", " + quote(d)
	}
	return auth.Evidence{Source: "challenge", Fact: fact}
}

// byIssuer reads the codes that only a token endpoint gives (RFC 6749 section
// 5.2), for exchanges with one.
func byIssuer(f *facts) *finding {
	code, proper := f.code()
	if proper {
		return nil
	}
	found := &finding{confidence: auth.Likely, source: "response", fact: "a token endpoint answers " + code}
	switch code {
	case "invalid_grant":
		found.cause = auth.RefreshRejected
		switch {
		case f.grant == "password", f.grant == "" && (f.saidWord("password") || f.saidWord("username") || f.saidWord("credential")):
			found.cause = auth.InvalidCredential // of the user's (RFC 6749 section 5.2)
			if f.grant == "password" && f.description() == "" && len(f.said) == 0 && len(f.body.texts) > 1 {
				found.confidence = auth.Possible // it says more, which is not understood
			}
		case f.said.is(notYet, saysSignature) && !f.renewing():
			f.meaning(f.said[0].says[0], found) // of an assertion (RFC 7523)
		case strings.HasSuffix(f.grant, "jwt-bearer"): // whoever asks has made and dated it
			found.confidence = auth.Possible
			if slices.ContainsFunc(f.body.texts, ofTime.MatchString) {
				found.cause = auth.ClockSkew
			}
		case f.grant != "" && !f.renewing():
		case f.said.has(saysReused):
			found.cause = auth.RefreshReused
		case f.said.is(saysExpired, saysRevoked) && f.renewing():
			f.meaning(f.said[0].says[0], found)
		}
	case "invalid_client":
		found.cause = auth.ClientRejected
		if f.said.has(saysExpired) {
			found.cause = auth.StaticKeyExpired
		}
	case "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		found.cause = auth.ClientNotAllowed
	case "invalid_target": // RFC 8707 section 2
		found.cause = auth.WrongAudience
	case "invalid_request": // many things, but for what only a token endpoint speaks of
		if !f.saidWord("grant") || !f.said.is(saysKind) {
			return nil
		}
		found.cause = auth.ClientNotAllowed
	case "temporarily_unavailable", "server_error":
		found.cause = auth.IssuerUnavailable
	default:
		return nil
	}
	if len(f.said) > 0 {
		if f.said.is(saysStepUp, saysPlace, saysAccount, saysPolicy) {
			f.meaning(f.said[0].says[0], found) // more to the point than the code
		}
		found.more = append(found.more, f.said.evidence())
	}
	return found
}

// ofTime matches what is said of the times in an assertion (RFC 7523 section 3).
var ofTime = regexp.MustCompile(`(?i)\btime ?frame|short-lived|\b(?:exp|iat|nbf)\b|issue time|expir|lifetime|\btime`)

// byCode reads what is left of the standard codes. invalid_token has five
// meanings (RFC 6750 section 3.1): which one is never guessed from the code.
func byCode(f *facts) *finding {
	code, _ := f.code()
	found := &finding{confidence: auth.Possible}
	if code != "" {
		ev := f.codeEvidence()
		found.source, found.fact = ev.Source, ev.Fact
	}
	switch code {
	case "invalid_token":
		switch {
		case f.cred == nil, f.freshToo():
			return nil
		case f.x.Accepted:
			found.cause, found.confidence = auth.AccessRevoked, auth.Likely
			found.note("this program", "the API accepted it before, and no stated expiry has passed")
			if f.expiry().IsZero() {
				found.confidence = auth.Possible
				found.more[0].Fact = "the API accepted it before; no expiry is stated, so it has expired or was withdrawn"
			}
		case f.elsewhere():
			found.cause = auth.InvalidCredential // what was before is not known
		case !f.issued():
			found.cause = auth.InvalidCredential
			found.note("this program", "the API has not accepted this "+f.noun()+" since the program started")
			if f.token.exp.IsZero() {
				found.confidence = auth.Likely
			}
		default:
			found.cause = auth.InvalidCredential
		}
	default:
		return nil
	}
	return found
}
