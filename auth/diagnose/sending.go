package diagnose

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// byProxy: 407 has one meaning (RFC 9110 section 15.5.8), and only a proxy
// gives it. Which one depends on the URL: to https a forward proxy opens a
// tunnel, and does not speak within it. It would have refused to connect, see
// [ProxyRefused].
func byProxy(f *facts) *finding {
	if f.x.Status != 407 {
		return nil
	}
	found := &finding{
		cause: auth.ProxyAuthRequired, confidence: auth.Certain, source: "response",
		fact: "407: a proxy between here and the API asks for its own credentials; the API has not seen the request",
	}
	switch {
	case f.x.Method == http.MethodConnect, strings.HasPrefix(strings.ToLower(f.x.URL), "http:"):
	case f.x.NotSent == NotKnown, f.elsewhere(): // to open a tunnel, or within one: the recording does not tell
		found.confidence = auth.Likely
	default:
		found.confidence = auth.Likely
		found.fact = "407: a gateway in front of the API (a reverse proxy) asks for credentials of its own; this program's proxy cannot answer within https"
		found.remedy = "ask whoever runs the gateway in front of the API what it wants; a proxy set on this machine (HTTPS_PROXY) has nothing to do with it"
	}
	if names := schemeNames(f); len(names) > 0 {
		found.note("proxy", "it asks for "+strings.Join(names, " or "))
	}
	for _, name := range []string{"Via", "Server"} {
		if v := f.x.Header.Get(name); v != "" {
			found.note("proxy", name+": "+quote(f.shown(v)))
		}
	}
	return found
}

// notSent: the request went out without our credential, on purpose. Nobody has
// refused what nobody has seen.
func notSent(f *facts) *finding {
	found := &finding{cause: auth.NotSent, confidence: auth.Certain, source: "this program"}
	switch {
	case f.x.NotSent == ForeignOrigin:
		where := originOf(f.x.URL)
		found.fact = "the request to " + where + " went out without the credential, which does not belong to that origin"
		found.remedy = "if the credential belongs to " + where + " too, add that to Origins; if not, correct the address of the request"
		if f.x.Verbatim { // recorded: it is not our client that left it out
			found.remedy = "if the credential belongs to " + where + " too, send the request there; clients leave the credential out when a redirect leads to another origin"
		}
	case f.x.NotSent == LeftOrigin:
		found.fact = "the request to " + originOf(f.x.URL) + " went out without the credential, because a redirect before it had led to an origin that the credential does not belong to"
		found.remedy = "call the final address itself; or, if the credential belongs to every origin on the way, add them all to Origins"
	case f.x.NotSent == NotKnown && len(f.x.Challenges) > 0 && !announcesError(f.x.Challenges) && (len(f.said) == 0 || f.said.is(saysMissing, saysLogin)):
		found.cause, found.confidence, found.source = auth.MissingCredential, auth.Possible, "challenge"
		found.fact = "the API asks for " + strings.Join(schemeNames(f), " or ") + " and names no error, which is what it answers to a request without a credential"
		found.remedy = "look whether the request carried a credential, in the scheme that the API asks for"
	case f.x.NotSent == WasSent && f.x.Credential == nil && f.x.Status == http.StatusNotFound && len(f.said) == 0:
		return nil // see unclassified
	case f.x.NotSent == WasSent && f.x.Credential == nil:
		found.confidence = auth.Likely
		found.fact = "the refused request carried no credential"
		found.remedy = "send the credential with the request"
		if f.x.Status != 401 {
			found.confidence = auth.Possible
		}
		if f.said.is(saysLimit) {
			return byQuota(f)
		}
		if f.said.is(saysForm) || f.x.Status != 401 && f.said.is(saysPlace, saysElsewhere, saysAccount) { // "invalid" and "expired" are said to anybody
			ev := f.said.evidence()
			found.confidence, found.source, found.fact, found.remedy = auth.Possible, ev.Source, ev.Fact, ""
			f.meaning(f.said[0].says[0], found)
			found.confidence = auth.Possible
			found.note("request", "it carried no credential")
			return found
		}
		if names := schemeNames(f); len(names) > 0 {
			found.note("challenge", "the API asks for "+strings.Join(names, " or "))
		}
		if len(f.said) > 0 {
			found.more = append(found.more, f.said.evidence())
		} else if text := firstText(f.body); text != "" {
			found.note("response", "it says "+quote(text))
		}
	default:
		return nil
	}
	return found
}

// signOn: a header says that an organization wants single sign-on for this
// credential, as GitHub's does.
func signOn(f *facts) *finding {
	for _, name := range slices.Sorted(maps.Keys(f.x.Header)) {
		values := f.x.Header[name]
		if !strings.HasSuffix(strings.ToLower(name), "-sso") || len(values) == 0 || !strings.HasPrefix(strings.ToLower(values[0]), "required") {
			continue
		}
		return &finding{
			cause: auth.PolicyBlocked, confidence: auth.Likely, source: "response",
			fact:   "the header " + tidy(f.shown(name), 64) + " says that single sign-on is required for this " + f.noun(),
			remedy: "authorize the " + f.noun() + " for the organization's single sign-on; the page for that is in the same header",
		}
	}
	return nil
}

// formExpired: 419 is no standard, and what frameworks answer to a form whose
// session or request token has run out.
func formExpired(f *facts) *finding {
	if f.x.Status != 419 {
		return nil
	}
	return &finding{cause: auth.SessionExpired, confidence: auth.Likely, source: "response", fact: "419: the page, and with it the session or the form's request token, has expired"}
}

// foreignAudience: the token names its audience, and nothing of the host that
// was called is in it. Many audiences are names and no addresses: those tell
// nothing.
func foreignAudience(f *facts) *finding {
	host := f.host()
	if !f.token.ok || f.x.Accepted || host == "" || f.intermediary() || len(f.said) > 0 || len(f.token.audience) == 0 {
		return nil
	}
	for _, aud := range f.token.audience {
		u, err := url.Parse(aud)
		if err != nil || u.Hostname() == "" || related(u.Hostname(), host) {
			return nil
		}
	}
	return &finding{
		cause: auth.WrongAudience, confidence: auth.Possible, source: "token",
		fact: "the token is for " + quote(f.shown(f.token.audience[0])) + " (aud), and was sent to " + tidy(host, quoteLimit),
	}
}

// related reports whether two hosts share their last two labels.
func related(a, b string) bool {
	end := func(s string) string {
		labels := strings.Split(strings.ToLower(s), ".")
		return strings.Join(labels[max(len(labels)-2, 0):], ".")
	}
	return end(a) == end(b)
}

// schemeAbsent: the API announces schemes, and ours is not among them. That
// proves little: a server need not announce all that it takes, and keys in
// headers of their own have no name to announce.
func schemeAbsent(f *facts) *finding {
	if f.cred == nil || f.x.Accepted || f.scheme == "" || len(f.x.Challenges) == 0 || f.ours != nil {
		return nil
	}
	if len(f.said) > 0 && !f.said.is(saysMissing, saysLogin, saysScheme, saysDenied) && !(f.said[0].mixed() && f.said.has(saysMissing) && !f.said.has(saysElsewhere)) {
		return nil // whoever can say this has read what we sent
	}
	names := schemeNames(f)
	asked := strings.Join(names, " or ")
	found := &finding{
		cause: auth.WrongScheme, confidence: auth.Likely, source: "challenge",
		fact:   fmt.Sprintf("the API asks for %s; sent was %s", asked, f.how()),
		remedy: "send the " + f.noun() + " in the way that the API's documentation shows; it announces " + asked,
	}
	switch fits, surely := f.fits(names); {
	case !f.announceable() && f.said.is(saysMissing):
		found.more = append(found.more, f.said.evidence())
	case !f.announceable(), !fits:
		found.confidence = auth.Possible
	case surely && len(names) == 1 && !announcesError(f.x.Challenges) && !f.intermediary():
		found.confidence = auth.Certain
	}
	if len(names) == 1 && found.confidence > auth.Possible {
		found.remedy = "use the scheme " + names[0] + ", which is the only one that the API announces"
	}
	if f.intermediary() {
		found.confidence = demoted(found.confidence)
	}
	return found
}

// announceable reports whether the scheme that was used has a registered name,
// so that a challenge would name it.
func (f *facts) announceable() bool {
	return slices.Contains([]string{"basic", "bearer", "digest", "dpop", "negotiate", "ntlm", "hoba", "mutual", "token"}, strings.ToLower(f.scheme))
}

var b64token = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// fits reports whether one of the schemes could send this credential, and
// whether the value itself shows that it was made for that scheme: a pair with
// a colon is no Bearer token (RFC 6750 section 2.1 has no colon), and a JSON Web
// Token is no password.
func (f *facts) fits(names []string) (fits, surely bool) {
	secret := f.cred.Secret.Reveal()
	for _, name := range names {
		switch strings.ToLower(name) {
		case "basic", "digest":
			pair := f.cred.Username != "" || strings.Contains(secret, ":") && !b64token.MatchString(secret)
			fits, surely = fits || pair, surely || pair
		case "dpop":
			fits, surely = true, surely || f.token.bound
		case "bearer":
			fits = fits || b64token.MatchString(secret)
			surely = surely || f.token.ok
		default:
			fits = true
		}
	}
	return fits, surely
}

func announcesError(all []auth.Challenge) bool {
	return slices.ContainsFunc(all, func(c auth.Challenge) bool { return c.Params["error"] != "" })
}

// how says how the credential was sent.
func (f *facts) how() string {
	if f.place.Header == "Authorization" && f.scheme != "ApiKey" {
		return f.scheme
	}
	if f.place.Header == inBody || f.place.Header == inPath {
		return "a value in the " + f.place.Header
	}
	if f.place.Query != "" {
		return "a key in the " + f.place.String()
	}
	return "a key in the header " + f.place.Header
}

// schemeNames lists the announced schemes once each, as they were written.
func schemeNames(f *facts) []string {
	var names []string
	for _, c := range f.x.Challenges {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, c.Scheme) }) && len(names) < 5 {
			if name := tidy(f.shown(c.Scheme), 32); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// noPair: Basic sends the base64 form of user and password (RFC 7617 section
// 2). A recorded value that is something else was refused for that.
func noPair(f *facts) *finding {
	if !f.x.undecoded || f.madeUp() || schemeAbsent(f) != nil {
		return nil
	}
	return &finding{
		cause: auth.MalformedWrapping, confidence: auth.Likely, source: f.origin(),
		fact:   "what was sent by Basic is not the base64 form of user:password",
		remedy: "encode user name and password, joined by a colon, in base64 behind \"Basic \"",
	}
}

// noScheme: Authorization holds the name of a scheme before the value (RFC 9110
// section 11.6.2). Some APIs take a value alone all the same, so that silence or
// words about the value make little of it.
func noScheme(f *facts) *finding {
	if f.cred == nil || f.x.Accepted || f.scheme != "ApiKey" || f.place.Header != "Authorization" {
		return nil
	}
	found := &finding{
		cause: auth.MalformedWrapping, confidence: auth.Possible, source: f.origin(),
		fact:   "the header Authorization held the value alone, without the name of a scheme before it",
		remedy: "write the name of the scheme, such as Bearer, and a space before the value",
	}
	switch {
	case runTogether.MatchString(f.cred.Secret.Reveal()):
		found.confidence = auth.Likely
		found.fact = "the header Authorization held the name of the scheme and the value without a space between them"
	case f.said.is(saysScheme, saysBroken, saysMissing):
		found.more = append(found.more, f.said.evidence())
	case f.token.ok && (len(f.said) == 0 || f.said.is(saysLogin)):
	default:
		return nil
	}
	return found
}

var (
	runTogether = regexp.MustCompile(`(?i)^(?:bearer|basic)\W`)
	schemeColon = regexp.MustCompile(`(?i)^(?:bearer|basic|token)\s*:`)
)

// misspelt: the header has almost the name that it should have, or that of a
// scheme, or a colon stands behind the scheme: no server reads that.
func misspelt(f *facts) *finding {
	if f.cred == nil || f.x.Accepted {
		return nil
	}
	name := f.place.Header
	found := &finding{confidence: auth.Likely, source: f.origin()}
	switch {
	case name == "Authorization" && f.scheme == "ApiKey" && schemeColon.MatchString(f.cred.Secret.Reveal()):
		found.cause = auth.MalformedWrapping
		found.fact = "the header Authorization has a colon behind the name of the scheme"
		found.remedy = "write it without the colon: the name of the scheme, a space, the value"
	case strings.EqualFold(f.place.Query, "Authorization"):
		found.cause = auth.WrongLocation
		found.fact = "the credential was sent as a parameter of the address; Authorization is a header (RFC 9110 section 11.6.2)"
		found.remedy = "send it in the header Authorization, behind the name of the scheme and a space"
	case name != "Authorization" && nearlyAuthorization.MatchString(name):
		found.cause = auth.WrongLocation
		found.fact = "the credential was sent in a header called " + name + "; the one for credentials is called Authorization (RFC 9110 section 11.6.2)"
		found.remedy = "send it in the header Authorization, behind the name of the scheme and a space"
	default:
		return nil
	}
	return found
}

var nearlyAuthorization = regexp.MustCompile(`(?i)^(?:auth?ori[sz]ation|autori[sz]ation|authori[sz]ations|auhtorization|authorizaton|authroization|authentication|bearer|basic)$`)

// underscored: servers drop header fields with an underscore in their name
// unless they are told not to (nginx: underscores_in_headers), so that the API
// may never have seen this one.
func underscored(f *facts) *finding {
	if f.cred == nil || f.x.Accepted || !strings.Contains(f.place.Header, "_") || len(f.said) > 0 && !f.said.is(saysMissing, saysLogin, saysDenied) {
		return nil
	}
	found := &finding{
		cause: auth.StrippedInTransit, confidence: auth.Possible, source: f.origin(),
		fact:   "the header " + f.place.Header + " has an underscore in its name, and many servers drop such headers",
		remedy: "send it with a hyphen in place of the underscore, if that is how the API's documentation writes it",
	}
	if f.said.is(saysMissing) {
		found.confidence = auth.Likely
		found.more = append(found.more, f.said.evidence())
	}
	return found
}

// boundToken: a token that is bound to a key (RFC 9449 section 6.1) is no
// bearer token: whoever checks refuses it (section 7.2).
func boundToken(f *facts) *finding {
	if !f.token.bound || !strings.EqualFold(f.scheme, "Bearer") || f.x.Accepted {
		return nil
	}
	return &finding{
		cause: auth.WrongScheme, confidence: auth.Likely, source: "token",
		fact:   "the token is bound to a key (cnf.jkt) and was sent as Bearer, without a proof of that key",
		remedy: "send it by the scheme DPoP, with a proof made with the key that it was issued to",
	}
}

// noToken: the API wants a JSON Web Token, and what was sent is none.
func noToken(f *facts) *finding {
	if f.cred == nil || f.x.Accepted || f.intermediary() || !plainValue(f.scheme) {
		return nil
	}
	found := &finding{cause: auth.TypoOrTruncated, confidence: auth.Likely, source: f.origin()}
	switch {
	case f.token.unsigned:
		found.fact = "the token has no signature (its alg is none)"
		found.remedy = "send a token that its issuer has signed"
	case f.token.ok && !f.token.half:
		return nil
	case f.token.half:
		found.fact = "the value begins like a JSON Web Token and is not a whole one"
		found.remedy = "copy the whole token: three parts with dots between them"
	case (f.said.is(saysBroken, saysInvalid) || f.said.is(saysMissing) && f.visiblyWrong()) && slices.ContainsFunc(f.said, func(h heard) bool { return wantsJWT.MatchString(h.text) }):
		ev := f.said.evidence()
		if f.said.is(saysMissing) || f.madeUp() {
			found.confidence = auth.Possible // it may have looked elsewhere
		}
		found.fact = "the API wants a JSON Web Token, and the value is none"
		found.note(ev.Source, ev.Fact)
		found.remedy = "send the token itself, whole and as its issuer gave it: three parts with dots between them"
	default:
		return nil
	}
	return found
}

var wantsJWT = regexp.MustCompile(`(?i)\bjwt\b|json web token|\bjws\b`)

// byQuota: a header says that nothing is left (draft-ietf-httpapi-ratelimit-headers,
// and its forerunners), or the status or the words do.
func byQuota(f *facts) *finding {
	found := &finding{cause: auth.RateOrQuota, confidence: auth.Likely, source: "response"}
	left := ""
	for _, name := range []string{"X-Ratelimit-Remaining", "Ratelimit-Remaining", "X-Rate-Limit-Remaining"} {
		if v := f.x.Header.Get(name); v != "" {
			left = v
		}
	}
	switch {
	case (f.x.Status == 429 || f.said.is(saysLimit)) && f.saidAny("plan", "billing", "balance", "credits", "payment"):
		ev := f.said.evidence()
		found.source, found.fact = ev.Source, ev.Fact
		found.remedy = "look at the plan and its payment at the provider's; waiting does not help before that"
	case f.x.Status == 429:
		found.fact = "429: too many requests"
	case left == "0" && (f.x.Status == 403 || f.said.is(saysLimit)):
		found.fact = "the response says that no request is left in this period"
	case f.said.is(saysLimit):
		ev := f.said.evidence()
		found.source, found.fact = ev.Source, ev.Fact
		if !f.said[0].field || f.intermediary() {
			found.confidence = auth.Possible
		}
	default:
		return nil
	}
	if v := f.x.Header.Get("Retry-After"); v != "" {
		found.note("response", "Retry-After: "+quote(f.field(v)))
	}
	found.note("response", "the credential may be good")
	return found
}
