package diagnose

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
	"github.com/reauth-go/reauth/internal/ringtool"
)

// remedy is what to do: the words of the rule, or what fits the cause and the
// place that the credential came from. Nobody is told to log in where a
// variable is wrong, nor to set a variable where the keyring is.
func (f *facts) remedy(found *finding) auth.Remedy {
	r := auth.Remedy{Text: found.remedy, Command: found.command, URL: f.words.Docs}
	if r.Text == "" {
		r.Text = f.advice(found.cause)
	}
	replaced := f.x.Renewal == RenewalUnsendable && renewed(found.cause)
	switch {
	case replaced:
		r.Text = "make the call again: a new " + f.noun() + " is in use now (a body that GetBody opens again, and that was not still being sent, is repeated without you)"
	case len(f.x.Shadowed) > 0 && replaceable(found.cause) && f.cred != nil:
		r.Text += "; or " + unset(f.cred.Provenance) + ", which hides a different " + f.noun() + " stored in " + where(f.x.Shadowed[0].Place)
	}
	if r.Command == "" && stored(found.cause) && !replaced && f.cred != nil {
		r.Command = store(f.cred.Provenance)
	}
	if r.Command == "" && f.words.Login != "" && f.login(found.cause) {
		r.Command = f.words.Login
	}
	p := f.profile()
	if f.abroad() {
		p = profile.Profile{} // whoever is there, the credential is none of theirs
	}
	// A vendor's own page goes before all others; the provider's page in general
	// comes last, after those that are more to the point.
	if r.URL == p.Docs {
		r.URL = ""
	}
	if f.nested != nil && f.nested.Cause == found.cause {
		r.URL = cmp.Or(r.URL, f.nested.Remedy.URL)
	}
	r.URL = cmp.Or(r.URL, f.makesKeys(p, found.cause), f.link(), p.Docs)
	return r
}

// standards are the hosts of pages that say what a status means, which is what
// frameworks put into the type of a problem by default.
var standards = []string{"tools.ietf.org", "datatracker.ietf.org", "www.rfc-editor.org", "httpwg.org"}

// link returns the page that the response names (RFC 6750 section 3, RFC 9457
// section 3.1.1, and what bodies have), if it is fit to be opened.
func (f *facts) link() string {
	if f.abroad() {
		return ""
	}
	for _, address := range []string{f.param("error_uri"), f.body.page} {
		clean := page(address, f.scrub)
		if clean == "" {
			continue
		}
		u, err := url.Parse(clean)
		if err != nil || slices.Contains(standards, u.Hostname()) || u.Scheme != "https" && u.Hostname() != f.host() {
			continue
		}
		if f.unsure() && slices.ContainsFunc(strings.Split(u.Path, "/"), func(part string) bool { return maskOpaque(part) != part }) {
			continue
		}
		return clean
	}
	return ""
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

// store returns the command that puts another value into an entry of the keyring.
// It is that of the system that this program was built for: the entry was read
// there.
func store(p auth.Provenance) string {
	service, account, ok := strings.Cut(p.Name, "/")
	if p.Kind != auth.KindKeyring || !ok || service == "" || account == "" || strings.Contains(account, "/") {
		return ""
	}
	return ringtool.Store(runtime.GOOS, service, account)
}

// renewed reports whether a new credential may be all that it takes.
func renewed(c auth.Cause) bool {
	switch c {
	case auth.AccessExpired, auth.StaticKeyExpired, auth.AccessRevoked, auth.InvalidCredential, auth.TypoOrTruncated, auth.RejectedUnclassified:
		return true
	}
	return false
}

// stored reports whether another value in the same place is what it takes.
func stored(c auth.Cause) bool {
	switch c {
	case auth.EmptyCredential, auth.SourceCorrupt, auth.MalformedCharacters, auth.MalformedWrapping, auth.PlaceholderValue, auth.TypoOrTruncated,
		auth.InvalidCredential, auth.WrongCredentialKind, auth.StaticKeyExpired, auth.AccessExpired, auth.AccessRevoked:
		return true
	}
	return false
}

// replaceable reports whether the credential that a place hides may be the one
// that is wanted.
func replaceable(c auth.Cause) bool {
	return renewed(c) || c == auth.PlaceholderValue || c == auth.WrongCredentialKind || c == auth.WrongEnvironment || c == auth.InsufficientScope
}

// ofLogin reports whether a cause is the end of a login, which another one
// begins anew.
func ofLogin(c auth.Cause) bool {
	switch c {
	case auth.AccessExpired, auth.AccessRevoked, auth.SessionExpired, auth.StepUpRequired,
		auth.RefreshRejected, auth.RefreshExpired, auth.RefreshReused, auth.RefreshResponseLost, auth.GrantRevoked:
		return true
	}
	return false
}

// login reports whether logging in again helps against the cause.
func (f *facts) login(c auth.Cause) bool {
	place := f.from()
	switch {
	case machine(place):
		return false
	case place.Kind == auth.KindOAuth:
		return ofLogin(c) || c == auth.InvalidCredential || c == auth.InsufficientScope
	case place == auth.Provenance{}:
		return ofLogin(c) && c.Step() == auth.StepRenew && c != auth.AccessExpired && c != auth.AccessRevoked
	}
	return false
}

// from is where the credential came from; nothing if that is not known.
func (f *facts) from() auth.Provenance {
	switch {
	case f.cred != nil:
		return known(f.cred.Provenance)
	case f.x.NotSent == CallerSet:
		return auth.Provenance{Kind: auth.KindCaller}
	}
	return auth.Provenance{}
}

// known leaves out a place that cannot be named.
func known(p auth.Provenance) auth.Provenance {
	switch p.Kind {
	case auth.KindEnv, auth.KindFile, auth.KindKeyring:
		if p.Name == "" {
			return auth.Provenance{}
		}
	case "":
		return auth.Provenance{}
	}
	return p
}

// advice is what to do about a cause where the rule that found it has no words
// of its own.
func (f *facts) advice(c auth.Cause) string {
	place, noun := f.from(), f.noun()
	switch {
	case machine(place):
		if text := machines(c); text != "" {
			return text
		}
	case f.login(c):
		return logins(c)
	case place.Kind == auth.KindOAuth:
		if text := issued(c); text != "" {
			return text
		}
	}
	switch c {
	case auth.PlaceholderValue:
		return again(place, "real "+noun, "")
	case auth.MalformedWrapping, auth.MalformedCharacters:
		return again(place, "bare "+noun, "")
	case auth.MissingCredential, auth.EmptyCredential, auth.SourceCorrupt:
		if place == (auth.Provenance{}) {
			return "send the credential with the request"
		}
		return again(place, noun, "")
	case auth.InvalidCredential:
		if f.password() { // which no provider shows
			return "check user name and password at the provider's, or set a new password there; then " + again(place, "it", "")
		}
		return "compare the " + noun + " with the one that the provider shows, or make a new one there; then " + again(place, "it", "")
	case auth.TypoOrTruncated:
		return "copy the whole " + noun + " from where it was made; then " + again(place, "it", "")
	case auth.WrongCredentialKind:
		return "find out which kind of credential the API takes here; then " + again(place, "one of that kind", "")
	case auth.StaticKeyExpired:
		return "make a new " + noun + " at the provider's; then " + again(place, "it", "")
	case auth.StepUpRequired:
		return "get a token by a login such as the API asks for, because renewing this one does not help; then " + again(place, "it", "")
	case auth.AccessRevoked:
		return "find out who withdrew the " + noun + ", and get a new one from the provider; then " + again(place, "it", "")
	case auth.InsufficientScope:
		return "give the " + noun + " the permissions that this request needs, or get one that has them; renewing this one does not widen it"
	case auth.PolicyBlocked:
		return "ask the provider's administrator what the policy wants, such as another network or single sign-on"
	case auth.ClockSkew:
		if f.clock.off {
			return "set this machine's clock, which is " + strings.TrimPrefix(f.clock.difference(), "this machine's clock is ")
		}
		return "check this machine's clock against the server's; if it is right, check when the token becomes valid"
	case auth.WrongScheme:
		return theProgram(place) + "send the " + noun + " in the header and scheme that the API's documentation shows"
	case auth.WrongLocation:
		return theProgram(place) + "send the " + noun + " in the header or parameter that the API's documentation names"
	case auth.AmbiguousCredentials, auth.MissingCompanion:
		return theProgram(place) + c.Remedy()
	case auth.ProxyAuthRequired:
		return proxyRemedy
	case auth.RejectedUnclassified:
		value := "the value in " + where(place)
		switch place.Kind {
		case auth.KindOAuth:
			value = "that the token is meant for this API"
		case "":
			value = "the value"
		}
		return "check in this order: " + value + ", the header and scheme it is sent in, its age, its permissions"
	case auth.SessionExpired:
		return "get a new session from the provider; then " + again(place, "it", "")
	case auth.AccessExpired:
		if place == (auth.Provenance{}) && noun == "token" {
			return "renew the token, or log in again, and send the new one"
		}
		return "get a new " + noun + " from the provider; then " + again(place, "it", "")
	default:
		if ofLogin(c) {
			return "get a new token from the provider; then " + again(place, "it", "")
		}
	}
	return elsewhere(c, place)
}

// logins is what to do where somebody can log in again.
func logins(c auth.Cause) string {
	switch c {
	case auth.InvalidCredential:
		return "log in again; if that does not help, compare the token's audience and issuer with what the API expects"
	case auth.InsufficientScope:
		return "log in again with the permissions that this request needs; renewing this token does not widen it"
	case auth.StepUpRequired:
		return "log in again in the way that the API asks for; renewing the token does not help"
	case auth.RefreshRejected:
		return "log in again: the issuer does not renew this login any more"
	case auth.AccessRevoked:
		return "log in again, and find out who withdrew the token"
	case auth.AccessExpired:
		return "log in again"
	}
	return c.Remedy()
}

// machines is what to do where a program has a token in its own name.
func machines(c auth.Cause) string {
	switch {
	case c == auth.InvalidCredential:
		return "compare audience and issuer of the client's tokens with what the API expects, and see in the issuer's console whether the client is still allowed; nobody has to log in"
	case c == auth.StaticKeyExpired:
		return "make a new client secret in the issuer's console, and give it to the program"
	case c == auth.InsufficientScope:
		return "allow the client the permissions that this request needs in the issuer's console, and ask for them as scopes; renewing this token does not widen it"
	case c == auth.StepUpRequired:
		return "find out whether the API lets programs make this request at all: it asks for a person's login; renewing the token does not help"
	case c == auth.AccessRevoked, c == auth.GrantRevoked:
		return "see in the issuer's console whether the client is still allowed, and who withdrew its token; nobody has to log in"
	case ofLogin(c):
		return "find out why there is no newer token: see in the issuer's console whether the client is still allowed, and check this machine's clock; nobody has to log in"
	}
	return issued(c)
}

// issued is what to do about a token that came from an issuer: nobody typed it.
func issued(c auth.Cause) string {
	switch c {
	case auth.MissingCredential, auth.EmptyCredential, auth.SourceCorrupt, auth.MalformedCharacters, auth.MalformedWrapping, auth.PlaceholderValue, auth.TypoOrTruncated:
		return "find out why the issuer gives such a token: it is the access_token in the token endpoint's answer"
	case auth.WrongCredentialKind:
		return "find out which kind of token the API takes here, and ask the issuer for one of that kind"
	case auth.StaticKeyExpired:
		return "make a new key or client secret at the provider's, and give it to the program"
	}
	return ""
}

// elsewhere is what to do about the causes that lie beyond the credential: in
// its place, with its issuer, or on the way.
func elsewhere(c auth.Cause, place auth.Provenance) string {
	switch c {
	case auth.ClientRejected:
		return "check client id and client secret against what the issuer's console shows"
	case auth.ClientNotAllowed:
		return "compare grant, scopes and settings of the client with what the issuer allows it"
	case auth.IssuerUnavailable:
		return "try again later; the credential cannot be renewed while its issuer is out of reach"
	case auth.SourceLocked:
		return "unlock " + holder(place) + ", and try again"
	case auth.SourceUnavailable, auth.SourceTimeout:
		return "make " + holder(place) + " reachable, or keep the credential in another place"
	case auth.SourceDenied:
		return "give this program the right to read " + holder(place)
	case auth.ValueTooBig:
		return "keep the credential in a file that only you can read, and name that file"
	case auth.SourceFailed:
		return "mend what the source of the credential says it failed on"
	case auth.StrippedInTransit:
		return "find out what on the way (a proxy, a gateway, a redirect) takes the credential out of the request"
	case auth.InsecureTransport:
		return "use an https address"
	}
	if text := c.Remedy(); text != "" {
		return text
	}
	return "do what the evidence suggests, or ask the provider with the request id"
}

// holder names what can be locked or out of reach.
func holder(p auth.Provenance) string {
	switch p.Kind {
	case auth.KindKeyring:
		return "the keyring"
	case auth.KindEnv, auth.KindStatic, auth.KindCaller, auth.KindOAuth, "":
		return "the place that holds the credential"
	}
	return where(p)
}

// theProgram begins advice about what a program does by itself.
func theProgram(p auth.Provenance) string {
	if p.Kind == auth.KindCaller {
		return "make the program that sets the header itself "
	}
	return ""
}

// where names a place within a sentence.
func where(p auth.Provenance) string {
	switch p = known(p); p.Kind {
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
	case auth.KindSource:
		return strings.TrimSpace("the source " + p.Name)
	case "":
		return "the place that it came from"
	}
	return p.String()
}

// variableOf matches the variable that names a file, as it stands behind the
// file's name: see [auth.Env].
var variableOf = regexp.MustCompile(` \((\w+_FILE)\)$`)

// unset says how to take a credential out of its place.
func unset(p auth.Provenance) string {
	switch {
	case p.Kind == auth.KindEnv:
		return "unset " + p.Name
	case p.Kind == auth.KindFile && variableOf.MatchString(p.Name):
		return "unset " + variableOf.FindStringSubmatch(p.Name)[1]
	case p.Kind == auth.KindFile:
		return "remove " + where(p)
	case p.Kind == auth.KindKeyring:
		return "delete " + where(p)
	}
	return "take the value out of " + where(p)
}

// again says how to put a value into a place, in the words that fit the place.
func again(p auth.Provenance, what, how string) string {
	if what == "" {
		what = "value"
	}
	if what != "it" && !strings.HasPrefix(what, "one ") {
		what = "the " + what
	}
	if how != "" {
		what += " " + how
	}
	switch p = known(p); p.Kind {
	case auth.KindEnv:
		return "set " + p.Name + " to " + what
	case auth.KindFile:
		return "write " + what + " into the file " + p.Name
	case auth.KindKeyring:
		return "store " + what + " in the keyring entry " + p.Name
	case auth.KindStatic:
		if what == "it" {
			return "give it to the program"
		}
		return "give the program " + what
	case auth.KindCaller:
		return "make the program send " + what + " in the header that it sets"
	case auth.KindOAuth:
		return "have the issuer give " + what
	case auth.KindSource:
		return "have " + where(p) + " give " + what
	case "":
		return "send " + what
	}
	return "put " + what + " into " + p.String()
}

// takeOut says what to remove from the value, and where.
func takeOut(p auth.Provenance, what string) string {
	quoted := what
	if strings.HasSuffix(what, " ") {
		quoted = fmt.Sprintf("%q", what)
	}
	switch p = known(p); p.Kind {
	case auth.KindEnv, auth.KindFile:
		return "take " + quoted + " out of " + where(p)
	case auth.KindKeyring:
		return "store the bare value in the keyring entry " + p.Name + " again, without " + quoted
	case auth.KindStatic:
		return "give the program the value without " + quoted
	case auth.KindOAuth:
		return "take " + quoted + " out of the token where the program gets it"
	}
	if p.Kind == "" {
		return "take " + quoted + " out of the value"
	}
	return "take " + quoted + " out of the value that " + where(p) + " gives"
}
