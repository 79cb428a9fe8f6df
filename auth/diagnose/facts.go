package diagnose

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/keyshape"
)

// The bounds of what is kept of an exchange.
const (
	bodyRead  = 16 << 10 // of the body, looked at
	bodyShown = 2 << 10  // of the body, kept in the error
)

// facts is an exchange made ready for the rules: parsed, bounded, scrubbed.
type facts struct {
	x      Exchange
	words  Words
	scrub  *scrubber
	cred   *auth.Credential // what was sent; nil if nothing of ours was
	place  auth.Place
	scheme string // the name of the scheme that was used, "" if unknown
	body   body
	said   statements // what the words of the response amount to
	ours   *auth.Challenge
	token  claims // of the secret, if it is a JSON Web Token
	clock  clock
	shape  keyshape.Shape
	defect *defectFound
	nested *auth.Error // of a failed renewal
	at     *url.URL    // the address of the API; empty if it is another one's
	grant  string      // the grant_type, if this was a request for a token
}

func gather(x Exchange, words Words) *facts {
	x = unwrapped(x)
	f := &facts{x: x, words: words}
	var known []*auth.Credential
	for e := &x; e != nil && len(known) < 4; e = e.First {
		known = append(known, e.Credential)
	}
	f.scrub = newScrubber(append(known, x.parts...)...)
	if x.NotSent == WasSent {
		f.cred = x.Credential
	}
	if x.Scheme != nil {
		f.scheme, f.place = x.Scheme.Name(), x.Scheme.Place()
	}
	if f.cred != nil && !x.unseen {
		f.shape = keyshape.Look(f.cred.Secret.Reveal())
		f.token = claimsOf(f.shape)
		f.defect = f.lint()
	}
	f.clock = clockOf(x)
	f.at = new(url.URL)
	if u, err := url.Parse(x.URL); err == nil && !f.abroad() {
		f.at = u
	}
	f.body = readBody(f.shown(cutBytes(x.Body, bodyRead)), x.Header.Get("Content-Type"))
	f.ours = f.challengeOfOurs()
	f.grant = f.grantType()
	f.said = listen(f.body, f.told(), f.echo())
	f.nested, _ = errors.AsType[*auth.Error](x.RenewalErr)
	return f
}

// echo is the secret if it is a word of every day: then the response may hold
// that word without quoting it.
func (f *facts) echo() string {
	if f.cred == nil {
		return ""
	}
	v := f.cred.Secret.Reveal()
	if len(v) > 12 || strings.ContainsFunc(v, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) {
		return ""
	}
	return v
}

// unwrapped looks into a credential that is all of the header Authorization, as
// some programs keep it: what stands in front is the scheme, and no mistake.
func unwrapped(x Exchange) Exchange {
	if x.Credential == nil || x.Scheme == nil || x.NotSent != WasSent || x.Scheme.Name() != "ApiKey" || x.Scheme.Place().Header != "Authorization" {
		return x
	}
	value := x.Credential.Secret.Reveal()
	var in Exchange
	if in.Carried("", "Authorization", &value, ""); in.Scheme == nil || in.Scheme.Name() == "ApiKey" {
		return x
	}
	whole, inner := x.Credential, *x.Credential
	inner.Username, inner.Secret = in.Credential.Username, in.Credential.Secret
	x.Credential, x.Scheme, x.undecoded = &inner, inHeader{in.Scheme}, in.undecoded
	x.parts = append(append(x.parts[:len(x.parts):len(x.parts)], in.parts...), whole)
	return x
}

// inHeader is the scheme that a whole header names.
type inHeader struct{ auth.Scheme }

// bare reports whether the request is known to have carried nothing.
func (f *facts) bare() bool { return f.cred == nil && f.x.NotSent == WasSent }

// elsewhere reports whether the exchange was recorded: what was before it is not
// known.
func (f *facts) elsewhere() bool {
	_, is := f.x.Scheme.(recorded)
	return is
}

// host is the host that was called, without its port.
func (f *facts) host() string { return f.at.Hostname() }

// origin names the place of the credential for evidence. Of a recorded exchange
// only the request is known.
func (f *facts) origin() string {
	if f.cred == nil || f.cred.Provenance == (auth.Provenance{}) {
		return "request"
	}
	return f.cred.Provenance.String()
}

// lapsed reports whether the credential's life is known to have ended when it
// was refused, though not when.
func (f *facts) lapsed() bool { return f.cred != nil && f.x.Lifetime == LifetimePast }

// grantType returns the grant_type of a recorded request for a token (RFC 6749
// section 4), "refresh_token" for an address that says so, and else nothing.
func (f *facts) grantType() string {
	if f.x.grant != "" || f.cred == nil || f.x.Method != http.MethodPost {
		return f.x.grant
	}
	if strings.Contains(strings.ToLower(f.at.Path[strings.LastIndexByte(f.at.Path, '/')+1:]), "refresh") {
		return "refresh_token"
	}
	return ""
}

// renewing reports whether a refresh token was refused.
func (f *facts) renewing() bool { return f.grant == "refresh_token" }

// told lists what the header fields of the response say of the failure: the
// descriptions of challenges, and fields that are named after errors.
func (f *facts) told() []string {
	var out []string
	if d := f.description(); d != "" {
		out = append(out, d)
	}
	if f.ours == nil && len(f.x.Challenges) == 1 && !f.announceable() { // a key of no scheme has no challenge of its own
		if d := f.shown(f.x.Challenges[0].Params["error_description"]); d != "" {
			out = append(out, d)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.x.Header)) {
		if !errorField(name) || strings.Contains(name, "Squid") {
			continue
		}
		value := f.field(f.x.Header.Get(name))
		if secondFactor(strings.ToLower(name)) {
			value = name + " " + value
		} else {
			value, _, _ = strings.Cut(value, ":http")
		}
		if value != "" && len(out) < 4 {
			out = append(out, value)
		}
	}
	return out
}

// errorField reports whether a header field tells of failures by its name.
func errorField(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "error") || strings.HasPrefix(name, "x-") &&
		(strings.Contains(name, "err-") || strings.Contains(name, "failure") || strings.Contains(name, "denied") || secondFactor(name))
}

// secondFactor reports whether a field is about more than the credential: its
// name tells that, and its value only that it is required.
func secondFactor(name string) bool {
	return strings.HasSuffix(name, "otp") || strings.Contains(name, "2fa") || strings.Contains(name, "mfa") || strings.Contains(name, "csrf")
}

func cutBytes(b []byte, limit int) string {
	if len(b) > limit {
		b = b[:limit]
	}
	return string(b)
}

// shown makes text from outside fit to be kept. A credential that is not known
// here cannot be recognised in it: then every run of characters that looks like
// one is taken for it.
func (f *facts) shown(s string) string {
	s = f.scrub.text(s)
	if f.unsure() {
		s = maskOpaque(s)
	}
	return s
}

// unsure reports whether there was a credential that is not known here.
func (f *facts) unsure() bool { return f.cred == nil && f.x.NotSent != WasSent || f.x.unseen }

// param returns a parameter of the challenge of the scheme that was used.
func (f *facts) param(name string) string {
	if f.ours == nil {
		return ""
	}
	return f.shown(f.ours.Params[name])
}

// challengeOfOurs returns the challenge of the scheme that was used: an error
// under another scheme is not about us. Among several, one with an error code
// tells more.
func (f *facts) challengeOfOurs() *auth.Challenge {
	var found *auth.Challenge
	for i := range f.x.Challenges {
		c := &f.x.Challenges[i]
		if f.scheme != "" && !strings.EqualFold(c.Scheme, f.scheme) {
			continue
		}
		if found == nil || found.Params["error"] == "" && c.Params["error"] != "" {
			found = c
		}
	}
	if f.scheme == "" && len(f.x.Challenges) > 1 {
		return nil // the program's own header: which one is meant is not known
	}
	return found
}

func (f *facts) description() string {
	return f.param("error_description")
}

// code returns the standard error code that concerns us. Whether it came in its
// proper place, a challenge of the scheme that was used, is the second result.
func (f *facts) code() (code string, proper bool) {
	if c := f.param("error"); c != "" {
		return strings.ToLower(c), f.scheme != ""
	}
	if c := f.param("error_code"); codeLike.MatchString(c) && f.body.code == "" { // not the name that the standard gives it
		return c, false
	}
	return f.body.code, false
}

// issued reports whether an issuer made the credential for this program. Then
// it can hardly be mistyped; any other one can.
func (f *facts) issued() bool {
	return f.cred != nil && f.cred.Provenance.Kind == auth.KindOAuth
}

// abroad reports whether the request left for a place that the credential does
// not belong to. What is said there, advice included, is none of ours.
func (f *facts) abroad() bool {
	return f.x.NotSent == ForeignOrigin || f.x.NotSent == LeftOrigin
}

// password reports whether what was sent is a password, of which not even the
// length is shown.
func (f *facts) password() bool {
	return f.cred != nil && (f.grant == "password" || f.cred.Username != "" || strings.EqualFold(f.scheme, "Basic") || strings.EqualFold(f.scheme, "Digest"))
}

// noun is what a person calls the thing that was sent.
func (f *facts) noun() string {
	switch {
	case f.cred == nil:
		return "credential"
	case f.password():
		return "password"
	case f.renewing():
		return "refresh token"
	case f.grant == "client_credentials":
		return "client secret"
	case strings.EqualFold(f.scheme, "Cookie"):
		return "cookie"
	case f.token.ok, f.cred.Provenance.Kind == auth.KindOAuth:
		return "token"
	}
	return "key"
}

// freshToo reports whether this is the repeat of a refused request with another
// credential: then age explains neither refusal.
func (f *facts) freshToo() bool {
	first := f.x.First
	return first != nil && f.cred != nil && first.Credential != nil && !f.cred.Same(first.Credential)
}

// alike reports whether both refusals carried the same status and code.
func (f *facts) alike() bool {
	if f.x.First == nil || f.x.First.Status != f.x.Status {
		return false
	}
	code := func(all []auth.Challenge) string {
		for _, c := range all {
			if strings.EqualFold(c.Scheme, f.scheme) {
				return c.Params["error"]
			}
		}
		return ""
	}
	return code(f.x.First.Challenges) == code(f.x.Challenges)
}

// intermediary reports whether a web page came back that no API wrote: those
// carry no challenge.
func (f *facts) intermediary() bool {
	return f.body.html && len(f.x.Challenges) == 0
}

// statusPage reports whether a web page says no more than the status: many
// servers answer so themselves, and no login page or gateway does.
func (f *facts) statusPage() bool {
	return f.body.html && len(f.body.texts) > 0 && !slices.ContainsFunc(f.body.texts, func(t string) bool { return !onlyStatus.MatchString(t) })
}

var onlyStatus = regexp.MustCompile(`(?i)^(?:http |status |error |client error |[-–:|,() ]|40[13]|unauthori[sz]ed|forbidden|authori[sz]ation required)+$`)

func (f *facts) request() string {
	if f.x.URL == "" {
		return "" // of a recorded response; the method alone tells nothing
	}
	return target(f.x.Method, f.x.URL, f.scrub)
}

// sent describes the credential. Nothing of ours was sent: nil; a program that
// set the header itself is named, and its value is not known here.
func (f *facts) sent() *auth.Sent {
	if f.x.NotSent == CallerSet {
		scheme := f.scheme
		if scheme == "" {
			scheme = "unknown"
		}
		place := f.place
		if place == (auth.Place{}) {
			place.Header = "Authorization"
		}
		return &auth.Sent{Scheme: scheme, Place: place, Masked: "[not ours]", Provenance: auth.Provenance{Kind: auth.KindCaller}}
	}
	if f.cred == nil {
		return nil
	}
	s := &auth.Sent{
		Scheme: f.scheme, Place: f.place, Masked: masked, Form: f.form(), Provenance: f.cred.Provenance,
		Since: f.x.Since, Expiry: f.expiry(),
	}
	switch {
	case f.x.unseen:
		s.Masked = "[not recorded]"
	case f.blackedOut():
		s.Masked = "[blacked out in the recording]"
	case f.cred.Secret.IsZero() && f.cred.Username == "":
		s.Masked = "[empty]"
	case !f.password():
		s.Masked = "[masked, " + plural(utf8.RuneCountInString(f.cred.Secret.Reveal()), "character") + "]"
		s.Fingerprint = f.cred.Secret.Fingerprint()
	}
	if f.place.Header == "Authorization" && f.scheme != "ApiKey" {
		s.Masked = f.scheme + " " + s.Masked
	}
	return s
}

func (f *facts) expiry() time.Time {
	if !f.cred.Expiry.IsZero() {
		return f.cred.Expiry
	}
	return f.token.exp
}

// tried lists who was asked, the renewal included.
func (f *facts) tried() []auth.Attempt {
	var out []auth.Attempt
	if f.cred != nil {
		out = slices.Concat(f.cred.Tried, f.x.Shadowed)
		place := f.cred.Provenance
		switch {
		case f.freshToo():
			out = append(out, auth.Attempt{Place: place, Answer: "asked again after the refusal: gave another value, refused as well"})
		case f.x.Renewal == RenewalUnchanged:
			out = append(out, auth.Attempt{Place: place, Answer: "asked again after the refusal: holds the same value"})
		case f.x.Renewal == RenewalUnsendable:
			out = append(out, auth.Attempt{Place: place, Answer: "asked again after the refusal: gave another value, for the next request"})
		case f.x.Renewal == RenewalFailed && f.nested == nil:
			out = append(out, auth.Attempt{Place: place, Answer: "asked again after the refusal: failed", Err: f.x.RenewalErr})
		}
	}
	if f.nested != nil {
		for _, a := range f.nested.Tried { // a chain repeats what it asked the first time
			if !slices.ContainsFunc(out, func(b auth.Attempt) bool { return a.Place == b.Place && a.Answer == b.Answer }) {
				out = append(out, a)
			}
		}
	}
	for i := range out {
		out[i].Answer = f.scrub.text(out[i].Answer)
		out[i].Err = f.scrub.err(out[i].Err)
	}
	return out
}
