package diagnose

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// telling are the header fields that say something about a refusal. Any other
// one is left out: cookies and the like are nobody's business.
var telling = []string{
	"WWW-Authenticate", "Proxy-Authenticate", "Content-Type", "Date", "Age", "Retry-After", "Server", "Via",
	"X-Oauth-Scopes", "X-Accepted-Oauth-Scopes", "X-Amzn-Errortype",
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Ratelimit-Remaining", "Ratelimit-Reset",
}

// requestIDs are the header fields by which providers find an exchange in
// their logs, the surest first.
var requestIDs = []string{
	"X-Request-Id", "Request-Id", "X-Amzn-Requestid", "X-Amz-Request-Id", "X-Ms-Request-Id", "X-Github-Request-Id",
	"X-Correlation-Id", "Correlation-Id", "X-Trace-Id", "Cf-Ray", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context", "Traceparent",
}

func (f *facts) response() *auth.Response {
	r := &auth.Response{Status: f.x.Status, Header: make(http.Header), Body: cut(printable(cut(f.body.text, 4*bodyShown)), bodyShown)}
	if !f.x.Undated && !f.elsewhere() && !f.bare() && f.x.NotSent != NotKnown {
		r.Time = f.x.At // of what was recorded only its Date is known
	}
	ids := requestIDs
	if own := f.profile().RequestID; own != "" {
		ids = append([]string{own}, ids...)
	}
	keep := slices.Concat(telling, ids)
	for name, values := range f.x.Header {
		for _, k := range keep {
			if strings.EqualFold(name, k) {
				for _, v := range values[:min(len(values), 8)] {
					if slices.Contains(ids, k) {
						v = f.id(v)
					} else {
						v = f.field(v)
					}
					r.Header.Add(k, v)
				}
			}
		}
	}
	for _, c := range f.x.Challenges[:min(len(f.x.Challenges), 16)] {
		r.Challenges = append(r.Challenges, f.challenge(c))
	}
	for _, name := range ids {
		if r.RequestID = r.Header.Get(name); strings.Contains(r.RequestID, masked) {
			r.RequestID = ""
		} else if r.RequestID != "" {
			return r
		}
	}
	if !strings.Contains(f.body.requestID, masked) {
		r.RequestID = cut(f.id(f.body.requestID), 128)
	}
	return r
}

// id bounds and scrubs what names the exchange, which is long and no credential.
// Where that is not known it has to look like such a name.
func (f *facts) id(v string) string {
	if f.unsure() && !plainID.MatchString(v) {
		return tidy(f.shown(cut(v, bodyRead)), 256)
	}
	return tidy(f.scrub.text(cut(v, bodyRead)), 256)
}

// field bounds and scrubs one value from the response.
func (f *facts) field(v string) string { return tidy(f.shown(cut(v, bodyRead)), 1024) }

func (f *facts) challenge(c auth.Challenge) auth.Challenge {
	out := auth.Challenge{Scheme: cut(f.field(c.Scheme), 64), Token68: tidy(f.scrub.text(cut(c.Token68, bodyRead)), 1024)}
	if c.Params == nil {
		return out
	}
	out.Params = make(map[string]string)
	names := make([]string, 0, len(c.Params))
	for name := range c.Params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), 32)] {
		value := f.field(c.Params[name])
		if slices.Contains(serversOwn, strings.ToLower(name)) {
			value = tidy(f.scrub.text(cut(c.Params[name], bodyRead)), 1024)
		}
		out.Params[cut(f.field(name), 64)] = value
	}
	return out
}

// serversOwn are the parameters of challenges whose values servers make, and that
// are long and opaque for that (RFC 7616 section 3.3, RFC 6750 section 3, RFC 9728
// section 5.1, and Microsoft's). Nothing that was sent is echoed there.
var serversOwn = []string{"nonce", "opaque", "algorithm", "qop", "domain", "scope", "service", "resource_metadata", "authorization_uri", "authorization_url", "claims", "client_id", "resource_id", "trusted_issuers"}

// plainID matches what names an exchange and cannot be a credential.
var plainID = regexp.MustCompile(`^(?:[A-Za-z]{1,8}[-_:=])?(?:[0-9A-Fa-f:-]{4,64}|[0-9]+(?:\.[0-9]+)*)(?:-[A-Z]{3})?$|^req[-_][A-Za-z0-9]+$`)

// opaque matches runs of the characters of tokens (RFC 6750's b64token).
var opaque = regexp.MustCompile(`[A-Za-z0-9._~+/%-]{20,}=*`)

// maskOpaque masks what looks like a credential of somebody else: long, and
// with digits and letters mixed. Addresses of pages stay readable.
func maskOpaque(s string) string {
	return opaque.ReplaceAllStringFunc(s, func(run string) string {
		switch {
		case !strings.ContainsAny(run, "0123456789"):
			return run
		case !strings.HasPrefix(run, "//"):
			return masked
		}
		parts := strings.Split(run, "/")
		for i, part := range parts[min(3, len(parts)):] { // after the host
			parts[3+i] = maskOpaque(part)
		}
		return strings.Join(parts, "/")
	})
}
