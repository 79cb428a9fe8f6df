package diagnose

import (
	"fmt"
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
	if !strings.HasPrefix(strings.ToLower(f.x.URL), "http:") {
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
	where := originOf(f.x.URL)
	found := &finding{cause: auth.NotSent, confidence: auth.Certain, source: "this program"}
	switch {
	case f.x.NotSent == ForeignOrigin:
		found.fact = "the request to " + where + " went out without the credential, which does not belong to that origin"
		found.remedy = "if the credential belongs to " + where + " too, add that to Origins; if not, correct the address of the request"
	case f.x.NotSent == LeftOrigin:
		found.fact = "the request to " + where + " went out without the credential, because a redirect before it had led to an origin that the credential does not belong to"
		found.remedy = "call the final address itself; or, if the credential belongs to every origin on the way, add them all to Origins"
	case f.x.NotSent == WasSent && f.x.Credential == nil:
		found.confidence = auth.Likely
		found.fact = "the refused request carried no credential"
		found.remedy = "send the credential with the request"
		if f.x.Status != 401 {
			found.confidence = auth.Possible
		}
		if f.said.is(saysLimit, saysAccount, saysElsewhere, saysPolicy) {
			return nil
		}
	default:
		return nil
	}
	return found
}

// schemeAbsent: the API announces schemes, and ours is not among them. That
// proves little: a server need not announce all that it takes, and keys in
// headers of their own have no name to announce.
func schemeAbsent(f *facts) *finding {
	if f.cred == nil || f.x.Accepted || f.scheme == "" || len(f.x.Challenges) == 0 || f.ours != nil {
		return nil
	}
	if f.said.is(saysInvalid, saysExpired, saysRevoked, saysScope, saysPolicy, saysStepUp, saysLimit, saysAccount, saysElsewhere, notYet) {
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
