package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
	"golang.org/x/oauth2"
)

// A finding is what an attempt that gave no token means.
type finding struct {
	cause      auth.Cause
	confidence auth.Confidence
	source     string // of the evidence
	fact       string
	note       string // follows the fact and the issuer's own words
	remedy     string
	transient  bool // weather: may be different next time
	lasting    bool // weather that does not change within seconds
}

// A code is what an OAuth error code means.
type code struct {
	cause  auth.Cause
	remedy string
	// single says that the code has one meaning, so that in its proper place it
	// makes the cause certain.
	single bool
}

// The codes of RFC 6749 section 5.2, and what issuers use besides.
var codes = map[string]code{
	"invalid_grant":          {auth.RefreshRejected, "log in again", true},
	"invalid_client":         {auth.ClientRejected, "", true},
	"unauthorized_client":    {auth.ClientNotAllowed, "let this client use the grant type at the issuer", true},
	"unsupported_grant_type": {auth.ClientNotAllowed, "use a grant type that the issuer supports", true},
	"invalid_scope":          {auth.ClientNotAllowed, "", true},
	"invalid_request":        {auth.ClientNotAllowed, "compare the request with the issuer's documentation: it may want another parameter, or client id and secret in the other place (AuthStyle)", false},

	"invalid_target": {auth.WrongAudience, "ask for an audience or resource that the issuer knows (RFC 8707)", true},
	"access_denied":  {auth.ClientNotAllowed, "", false},

	// OpenID Connect section 3.1.2.6; Microsoft's token endpoint sends them too.
	"interaction_required": {auth.RefreshRejected, "log in again", false},
	"login_required":       {auth.RefreshRejected, "log in again", false},
	"consent_required":     {auth.RefreshRejected, "log in again", false},

	// GitHub, with status 200.
	"bad_refresh_token":            {auth.RefreshRejected, "log in again", false},
	"incorrect_client_credentials": {auth.ClientRejected, "", false},

	// Weather.
	"temporarily_unavailable": {cause: auth.IssuerUnavailable},
	"server_error":            {cause: auth.IssuerUnavailable},
	"slow_down":               {cause: auth.IssuerUnavailable},
}

// codeShape is what error codes look like. Frameworks put prose into a member
// called error ("Not Found"), which says nothing that the status does not.
var codeShape = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// judgeAnswer decides what an answer without a token means. It is a pure
// function of what the token endpoint said.
func judgeAnswer(g grant, status int, a *answer) finding {
	f := finding{cause: auth.IssuerUnavailable, transient: true, source: "token endpoint", fact: "the token endpoint answered " + statusLine(status)}
	known, ok := codes[a.code]
	switch {
	case status == 429 || status >= 500:
		// Weather whatever the body says: a verdict has status 400 or 401.
		f.confidence = auth.Certain
	case ok && known.cause == auth.IssuerUnavailable:
		f.confidence = auth.Certain
	case status == 407:
		f.cause, f.confidence, f.transient = auth.ProxyAuthRequired, auth.Certain, false
	case ok:
		f.cause, f.confidence, f.remedy, f.transient = known.cause, auth.Likely, known.remedy, false
		if known.single && (status == 400 || status == 401) {
			f.confidence = auth.Certain
		}
		if g == clientCredentials && f.cause == auth.RefreshRejected {
			// There is no login behind this grant: what the issuer calls a bad
			// grant can only be the client itself.
			f.cause, f.confidence, f.remedy = auth.ClientRejected, auth.Likely, ""
		}
	case status == 404 || status == 405 || status == 410:
		f.cause, f.confidence, f.transient = auth.EndpointMisconfigured, auth.Likely, false
	case a.code != "" && (codeShape.MatchString(a.code) || status < 300):
		f.cause, f.confidence, f.transient = auth.RejectedUnclassified, auth.Possible, false
		f.remedy = "look the error up in the issuer's documentation"
	case status < 300:
		f.cause, f.confidence, f.transient = auth.EndpointMisconfigured, auth.Likely, false
		f.note = "; there is no access token in it"
	default:
		// 400, 401 and 403 are what gateways and login pages answer as well.
		f.confidence = auth.Possible
		f.note = "; that is no OAuth error, so something in front of the issuer may have answered in its place"
	}
	return f
}

// judge decides what became of an attempt.
func (a *attempt) judge(x *exchanger) {
	var f finding
	switch {
	case !a.asked:
		f = finding{cause: auth.SourceFailed, confidence: auth.Likely, source: "configuration", fact: "no request could be made: " + a.err.Error()}
	case a.status == 0:
		f = a.judgeNetwork(x)
	case a.status/100 == 3:
		f = a.judgeRedirect()
	case a.tooBig:
		f = finding{cause: auth.EndpointMisconfigured, confidence: auth.Likely, source: "token endpoint", fact: "the token endpoint answered " + statusLine(a.status) + " with more than 1 MiB"}
		if f.transient = a.status == 429 || a.status >= 500; f.transient {
			f.cause, f.confidence = auth.IssuerUnavailable, auth.Certain
		}
	case a.hasToken():
		return
	default:
		f = judgeAnswer(x.grant, a.status, &a.answer)
		x.details(&f, a)
	}
	a.finding = &f
}

// details adds the issuer's own words, and advice that needs the configuration.
func (x *exchanger) details(f *finding, a *attempt) {
	if a.answer.code != "" {
		f.fact += " and error " + quote(a.scrub.text(a.answer.code, maxCode))
	}
	if a.answer.description != "" {
		f.fact += ": " + quote(a.scrub.text(a.answer.description, maxDescription))
	}
	f.fact += f.note
	if media, _, _ := strings.Cut(a.header.Get("Content-Type"), ";"); media == "text/html" {
		f.fact += "; it sent a page (text/html)"
	}
	if a.retryAfter > 0 {
		f.fact += fmt.Sprintf("; it asks to wait %s", a.retryAfter.Round(time.Second))
	}
	switch {
	case f.cause == auth.ClientRejected && x.style == oauth2.AuthStyleAutoDetect: // not our request
	case f.cause == auth.ClientRejected && x.assertion != nil:
		f.remedy = "compare issuer (iss), subject (sub) and audience (aud) of " + a.proofPlace() + " with what the issuer trusts for this client id"
	case a.answer.code == "invalid_request" && x.assertion != nil:
		f.remedy = "compare the request with the issuer's documentation: it may want another parameter, or take no client assertion from this client"
	case f.cause == auth.ClientRejected && x.secret == nil:
		f.remedy = "check the client id; no client secret was sent"
	case f.cause == auth.ClientRejected && x.style == oauth2.AuthStyleInHeader:
		f.remedy = "check the client id and " + a.proofPlace() + "; if both are right, the issuer may want them in the form and not in the header: AuthStyleInParams, or the program's own setting for that"
	case f.cause == auth.ClientRejected:
		f.remedy = "check the client id and " + a.proofPlace() + "; if both are right, the issuer may want them in the header and not in the form: AuthStyleInHeader, or the program's own setting for that"
	case a.status == http.StatusProxyAuthRequired && f.cause == auth.ProxyAuthRequired && !strings.HasPrefix(x.endpoint, "http:"):
		// Within https no forward proxy answers; it would have refused to connect.
		f.confidence = auth.Likely
		f.fact += "; a gateway in front of the issuer (a reverse proxy) asks for credentials of its own"
		f.remedy = "ask whoever runs the gateway in front of the issuer what it wants"
	case a.answer.code == "invalid_scope" && len(x.scopes) > 0:
		f.remedy = "ask only for scopes that the issuer lets this client have; these were asked for: " + strings.Join(x.scopes, " ")
	}
}

// proofPlace names the client's secret or assertion by where it was found.
func (a *attempt) proofPlace() string {
	what := "the client " + a.proof.noun()
	switch {
	case a.proof.from.Kind == "" || a.proof.from.Kind == auth.KindStatic:
		return what
	case a.proof.assertion != "":
		return what + " in " + a.proof.from.String()
	}
	return a.proof.from.String() + " (" + what + ")"
}

// judgeNetwork never speaks of credentials: nobody has looked at them.
func (a *attempt) judgeNetwork(x *exchanger) finding {
	f := finding{
		cause: auth.IssuerUnavailable, confidence: auth.Certain, transient: true,
		source: "network", fact: layer(a.err) + ": " + a.err.Error(),
		remedy: "see whether this machine reaches the issuer, and try again",
	}
	dns, _ := errors.AsType[*net.DNSError](a.err)
	switch {
	case proxyAsks(a.err):
		f.cause, f.confidence, f.lasting = auth.ProxyAuthRequired, auth.Likely, true
		f.source, f.fact = "proxy", "the proxy refused to connect to "+x.host()+" with 407: it asks for its own credentials; the issuer has not seen the request"
		f.remedy = "put the proxy's own user and password into the proxy's URL (HTTPS_PROXY)"
	case proxyStatus(a.err)/100 == 4:
		f.cause, f.confidence, f.lasting = auth.IntermediaryResponse, auth.Likely, true
		f.source, f.fact = "proxy", "the proxy refused to connect to "+x.host()+" ("+statusLine(proxyStatus(a.err))+"); the issuer has not seen the request"
		f.remedy = "have the proxy let this machine connect to " + x.host() + ", or take another way there"
	case proxyStatus(a.err) != 0:
		f.source, f.fact = "proxy", "the proxy could not connect to "+x.host()+" ("+statusLine(proxyStatus(a.err))+")"
		f.remedy = "see whether the proxy reaches the issuer, and try again"
	case certificate(a.err) || refusedUs(a.err):
		f.cause, f.lasting = auth.CertificateRejected, true
		f.remedy = certificateRemedy(a.err)
		if failedHandshake(a.err) {
			f.confidence = auth.Possible
		}
	case errors.Is(a.err, context.DeadlineExceeded):
		// The limit is ours or the caller's: the issuer may only be slow.
		f.confidence = auth.Likely
		f.fact = "the token endpoint did not answer within " + waited(time.Since(a.began))
	case dns != nil && dns.IsNotFound:
		f.lasting = true // names do not appear within seconds
		f.remedy = "see whether this machine reaches the issuer, or correct the token endpoint's URL"
	}
	return f
}

// certificateRemedy tells whose certificate has to be seen to, and by whom.
func certificateRemedy(err error) string {
	op, _ := errors.AsType[*net.OpError](err)
	whose := "the issuer's"
	if op != nil && op.Op == "proxyconnect" {
		whose = "the proxy's"
	}
	invalid, _ := errors.AsType[x509.CertificateInvalidError](err)
	_, otherName := errors.AsType[x509.HostnameError](err)
	switch {
	case failedHandshake(err):
		return "give the Transport the client certificate that the issuer wants, if it wants one (TLSClientConfig); if not, compare the TLS versions and ciphers that both sides speak"
	case refusedUs(err):
		return "give the Transport the client certificate that the issuer knows for this client (TLSClientConfig); one that no authority of the issuer's has signed is not even sent"
	case otherName && whose == "the issuer's":
		return "correct the token endpoint's URL, or have the issuer's certificate name that host; make sure that nothing stands in between"
	case invalid.Reason == x509.Expired && invalid.Cert != nil:
		return "have " + whose + " certificate renewed, or set this machine's clock if that is wrong"
	}
	return "make sure that nothing stands between here and the issuer, then have this machine trust " + whose + " certificate, or give a Transport that does"
}

// waited rounds d to what a person would say.
func waited(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// host returns the token endpoint's host for a sentence.
func (x *exchanger) host() string {
	if u, err := url.Parse(x.endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return "the issuer"
}

func (a *attempt) judgeRedirect() finding {
	f := finding{
		cause: auth.EndpointMisconfigured, confidence: auth.Likely, source: "token endpoint",
		fact: "the token endpoint answered " + statusLine(a.status) + ", which is not followed with secrets",
	}
	switch {
	case a.insecure:
		f.cause, f.confidence = auth.InsecureTransport, auth.Certain
		f.fact = "the token endpoint redirects to " + quote(a.location) + ", in clear text, which is not followed"
		f.remedy = "correct the token endpoint's URL, or have the issuer correct its redirect"
	case a.sameOrigin:
		f.fact = "the token endpoint redirects to " + quote(a.location) + ", which is not followed"
		f.remedy = "if that is the issuer's token endpoint, make it the token endpoint's URL"
	case a.location != "":
		f.fact = "the token endpoint redirects to another origin, " + quote(a.location) + ", which is not followed; it may be the login page of a proxy or network"
	}
	return f
}

// failure makes the error of an exchange that ended with a after n tries.
func (x *exchanger) failure(a *attempt, n int) *auth.Error {
	f := a.finding
	e := &auth.Error{
		Cause: f.cause, Confidence: f.confidence,
		Remedy:   auth.Remedy{Text: f.remedy},
		Evidence: []auth.Evidence{{Source: f.source, Fact: f.fact}},
		Request:  "POST " + x.endpoint,
		Tried:    []auth.Attempt{{Place: x.place, Answer: "refused", Err: f.cause}},
		Response: a.response(),
		Err:      a.retrieveError(),
	}
	switch {
	case a.answer.code != "":
		e.Tried[0].Answer = "refused: " + a.scrub.text(a.answer.code, maxCode)
	case a.status != 0:
		e.Tried[0].Answer = statusLine(a.status)
	case f.transient:
		e.Tried[0].Answer = "no answer"
	default:
		e.Tried[0].Answer = "not asked"
	}
	if f.cause == auth.ClientRejected && a.proof.from != (auth.Provenance{}) {
		fact := "the client " + a.proof.noun() + " that was sent was found here"
		if said := claimed(a.proof.assertion); said != "" {
			fact += "; it says " + said
		}
		e.Evidence = append(e.Evidence, auth.Evidence{Source: a.proof.from.String(), Fact: fact})
	}
	if f.source == "network" && !errors.Is(a.err, context.DeadlineExceeded) { // which says it already
		e.Evidence = append(e.Evidence, auth.Evidence{Source: x.place.String(), Fact: "the issuer gave no answer"})
	}
	if f.transient && a.retryAfter > 0 {
		e.NextTry = a.received.Round(0).Add(a.retryAfter)
	}
	if n > 1 {
		e.Evidence = append(e.Evidence, auth.Evidence{Source: x.place.String(), Fact: fmt.Sprintf("asked %d times within %s", n, patience)})
	}
	return e
}
