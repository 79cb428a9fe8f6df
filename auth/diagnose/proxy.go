package diagnose

import (
	"net/url"
	"regexp"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/scrub"
)

// proxyRemedy is what to do when the program's own proxy asks who is there.
const proxyRemedy = "put the proxy's own user and password into the proxy's URL (HTTPS_PROXY); the API's credential has nothing to do with it"

// ProxyRefused explains that a proxy answered 407 to CONNECT, so that there is
// no connection to the API and no response. err is what net/http made of that.
// It is likely and not certain: of the answer only its words are left.
func ProxyRefused(err error, method, url string, words Words) *auth.Error {
	return words.spoken(&auth.Error{
		Cause: auth.ProxyAuthRequired, Confidence: auth.Likely, Fixer: auth.FixerOperator,
		Remedy: auth.Remedy{Text: proxyRemedy, URL: words.Docs},
		Evidence: []auth.Evidence{{
			Source: "proxy",
			Fact:   "the proxy refused to connect to " + hostOf(url) + " with 407: it asks for its own credentials; the API has not seen the request",
		}},
		Request: target(method, url, newScrubber()),
		Support: words.Support,
		Err:     withoutUser(err),
	})
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return tidy(u.Host, quoteLimit)
	}
	return "the API's host"
}

// userInfo finds user and password in a URL: an error about a proxy may name
// the proxy's.
var userInfo = regexp.MustCompile(`://[^/\s"]*@`)

func withoutUser(err error) error {
	return scrub.Error(err, func(text string) string { return userInfo.ReplaceAllString(text, "://"+masked+"@") })
}
