package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
)

// remedy is what to do: the words of the rule, or what fits the cause and the
// place that the credential came from. Nobody is told to log in where a
// variable is wrong, nor to set a variable where the keyring is.
func (f *facts) remedy(found *finding) auth.Remedy {
	r := auth.Remedy{Text: found.remedy, Command: found.command, URL: f.words.Docs}
	if r.Text == "" {
		r.Text = f.advice(found.cause)
	}
	if f.x.Renewal == RenewalUnsendable && renewed(found.cause) {
		r.Text = "make the call again: a new " + f.noun() + " is in use now (a body that GetBody opens again, and that was not still being sent, is repeated without you)"
	}
	if len(f.x.Shadowed) > 0 && renewed(found.cause) && f.cred != nil {
		r.Text += "; or " + unset(f.cred.Provenance) + ", which hides the credential in " + f.x.Shadowed[0].Place.String()
	}
	if r.Command == "" && f.words.Login != "" && f.login(found.cause) {
		r.Command = f.words.Login
	}
	p := f.profile()
	if f.abroad() {
		p = profile.Profile{} // whoever is there, the credential is none of theirs
	}
	if r.URL == "" || r.URL == p.Docs { // else it is a vendor's own page, which goes before
		r.URL = cmp.Or(f.makesKeys(p, found.cause), r.URL)
	}
	if r.URL == "" && f.nested != nil && f.nested.Cause == found.cause {
		r.URL = f.nested.Remedy.URL
	}
	if !f.abroad() {
		for _, address := range []string{f.param("error_uri"), f.body.page} {
			if r.URL == "" {
				r.URL = page(address, f.scrub)
			}
		}
	}
	r.URL = cmp.Or(r.URL, p.Docs)
	return r
}

// makesKeys returns the page where a key is made that could take the place of the
// one that was refused.
func (f *facts) makesKeys(p profile.Profile, c auth.Cause) string {
	if renewed(c) && !f.issued() && c != auth.RejectedUnclassified {
		return p.KeysURL
	}
	return ""
}

// machine reports whether a program got its tokens in its own name: there is no
// login that somebody could repeat.
func machine(p auth.Provenance) bool {
	return p.Kind == auth.KindOAuth && strings.HasPrefix(p.Name, "client credentials")
}

// renewed reports whether a new credential may be all that it takes.
func renewed(c auth.Cause) bool {
	switch c {
	case auth.AccessExpired, auth.StaticKeyExpired, auth.AccessRevoked, auth.InvalidCredential, auth.TypoOrTruncated, auth.RejectedUnclassified:
		return true
	}
	return false
}

// login reports whether logging in again helps against the cause.
func (f *facts) login(c auth.Cause) bool {
	if c == auth.RefreshRejected {
		return true
	}
	if f.cred == nil || f.cred.Provenance.Kind != auth.KindOAuth || machine(f.cred.Provenance) {
		return false
	}
	switch c {
	case auth.AccessExpired, auth.AccessRevoked, auth.InvalidCredential, auth.StepUpRequired, auth.InsufficientScope:
		return true
	}
	return false
}

func (f *facts) advice(c auth.Cause) string {
	var place auth.Provenance
	if f.cred != nil {
		place = f.cred.Provenance
	} else if f.x.NotSent == CallerSet {
		place.Kind = auth.KindCaller
	}
	noun := f.noun()
	if machine(place) {
		switch c {
		case auth.InvalidCredential, auth.AccessExpired, auth.AccessRevoked:
			return "compare audience and issuer of the client's tokens with what the API expects, and see in the issuer's console whether the client is still allowed; nobody has to log in"
		}
	}
	switch c {
	case auth.PlaceholderValue:
		return again(place, "real "+noun, "")
	case auth.MalformedWrapping, auth.MalformedCharacters:
		return again(place, "bare "+noun, "")
	case auth.InvalidCredential:
		if place.Kind == auth.KindOAuth {
			return "log in again; if that does not help, compare the token's audience and issuer with what the API expects"
		}
		return "compare the " + noun + " with the one that the provider shows, or make a new one there; then " + again(place, noun, "")
	case auth.TypoOrTruncated:
		return "copy the whole " + noun + " from where it was made; then " + again(place, "whole "+noun, "")
	case auth.WrongCredentialKind:
		return "find out which kind of credential the API takes here; then " + again(place, "one of that kind", "")
	case auth.StaticKeyExpired:
		return "make a new one at the provider's; then " + again(place, "new "+noun, "")
	case auth.AccessExpired, auth.AccessRevoked:
		if place.Kind == auth.KindOAuth {
			return "log in again"
		}
		text := "get a new " + noun + " from the provider; then " + again(place, "new "+noun, "")
		if c == auth.AccessRevoked {
			text += "; find out who withdrew the old one"
		}
		return text
	case auth.InsufficientScope:
		return "get a " + noun + " with the permissions that this request needs; renewing this one does not widen it"
	case auth.ClockSkew:
		if f.clock.off {
			return "set this machine's clock, which is " + strings.TrimPrefix(f.clock.difference(), "this machine's clock is ")
		}
		return "check this machine's clock against the server's; if it is right, check when the token becomes valid"
	case auth.WrongScheme:
		return "send the " + noun + " in the header and scheme that the API's documentation shows"
	case auth.ProxyAuthRequired:
		return proxyRemedy
	case auth.RejectedUnclassified:
		if place.Kind == auth.KindOAuth {
			return "check in this order: that the token is meant for this API, the header and scheme it is sent in, its age, its permissions"
		}
		return fmt.Sprintf("check in this order: the value in %s, the header and scheme it is sent in, its age, its permissions", where(place))
	}
	return elsewhere(c)
}

// elsewhere is what to do about the causes that have nothing to do with the
// place of the credential.
func elsewhere(c auth.Cause) string {
	switch c {
	case auth.RefreshRejected:
		return "log in again: the issuer does not renew this login any more"
	case auth.ClientRejected:
		return "check client id and client secret against what the issuer's console shows"
	case auth.ClientNotAllowed:
		return "compare grant, scopes and settings of the client with what the issuer allows it"
	case auth.EndpointMisconfigured:
		return "check the token endpoint's URL"
	case auth.IssuerUnavailable:
		return "try again later; the credential cannot be renewed while its issuer is out of reach"
	case auth.StepUpRequired:
		return "log in again in the way that the API asks for; renewing the token does not help"
	case auth.PolicyBlocked:
		return "ask the provider's administrator what the policy wants: another network, single sign-on, or a new login"
	case auth.SourceLocked:
		return "unlock the place that holds the credential, and try again"
	case auth.SourceUnavailable, auth.SourceTimeout:
		return "make the place that holds the credential reachable, or store the credential in another one"
	case auth.SourceDenied:
		return "give this program the right to read the place that holds the credential"
	case auth.MissingCredential, auth.EmptyCredential, auth.SourceCorrupt:
		return "store the credential again in the place that it came from"
	case auth.SourceFailed:
		return "mend what the source of the credential says it failed on"
	case auth.InsecureTransport:
		return "use an https address"
	}
	if text := c.Remedy(); text != "" {
		return text
	}
	return "do what the evidence suggests, or ask the provider with the request id"
}

// where names a place within a sentence.
func where(p auth.Provenance) string {
	switch p.Kind {
	case auth.KindEnv:
		return p.Name
	case auth.KindFile:
		return "the file " + p.Name
	case auth.KindKeyring:
		return "the keyring entry " + p.Name
	case auth.KindStatic:
		return "the program"
	case auth.KindCaller:
		return "the header that the program sets"
	case "":
		return "use"
	}
	return p.String()
}

// unset says how to take a credential out of its place.
func unset(p auth.Provenance) string {
	if p.Kind == auth.KindEnv {
		return "unset " + p.Name
	}
	return "empty " + where(p)
}

// again says how to put a value into a place, in the words that fit the place.
func again(p auth.Provenance, what, how string) string {
	if what == "" {
		what = "value"
	}
	if how != "" {
		how = " " + how
	}
	switch p.Kind {
	case auth.KindEnv:
		return "set " + p.Name + " to " + the(what) + how
	case auth.KindFile:
		return "write " + the(what) + how + " into the file " + p.Name
	case auth.KindKeyring:
		return "store " + the(what) + how + " in the keyring entry " + p.Name + " again"
	case auth.KindStatic:
		return "give the program " + the(what) + how
	case auth.KindCaller:
		return "make the program send " + the(what) + how + " in the header that it sets"
	case auth.KindOAuth:
		return "log in again"
	case "":
		return "use " + the(what) + how
	}
	return "put " + the(what) + how + " into " + p.String()
}

// the puts the article before a noun that has none.
func the(what string) string {
	if strings.HasPrefix(what, "one ") {
		return what
	}
	return "the " + what
}

// takeOut says what to remove from the value, and where.
func takeOut(p auth.Provenance, what string) string {
	quoted := what
	if strings.HasSuffix(what, " ") {
		quoted = fmt.Sprintf("%q", what)
	}
	switch p.Kind {
	case auth.KindEnv, auth.KindFile:
		return "take " + quoted + " out of " + where(p)
	case auth.KindKeyring:
		return "store the bare value in the keyring entry " + p.Name + " again, without " + quoted
	case auth.KindStatic:
		return "give the program the value without " + quoted
	case auth.KindOAuth:
		return "take " + quoted + " out of the token where the program gets it"
	}
	return "take " + quoted + " out of the value that " + where(p) + " gives"
}
