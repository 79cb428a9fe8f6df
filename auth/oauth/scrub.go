package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/reauth-go/reauth/internal/scrub"
	"golang.org/x/oauth2"
)

const masked = scrub.Masked

// How much of a server's words is shown, in bytes.
const (
	maxCode        = 80
	maxDescription = 300
	maxShown       = 1 << 10
	maxRead        = 16 << 10 // looked at to show that much
)

// Headers that tell something about a refusal, and names for the exchange that
// the issuer's support understands.
var (
	tellingHeaders = []string{"Content-Type", "Date", "Retry-After", "Server", "Via", "Www-Authenticate"}
	requestIDs     = []string{"X-Request-Id", "X-Correlation-Id", "X-Ms-Request-Id", "X-Github-Request-Id"}
)

// What looks like a secret is masked even if it is none of ours: a server may
// answer with tokens that we have not seen.
var (
	sensitiveName = regexp.MustCompile(`(?i)token|secret|assertion|passw|^key$|api_?key`)
	namedValue    = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:token|secret|assertion|passw|api_?key)[a-z0-9_.-]*(?:\\?["']|%22|&#34;|&quot;)?\s*(?:=|:|%3d|%3a)\s*)(\\?"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'&,;<>{}]+)`)
	schemeValue   = regexp.MustCompile(`(?i)\b(basic|bearer|dpop)(\s+|%20|\+)[a-z0-9+/=._~%-]{20,}`)
	userInfo      = regexp.MustCompile(`://[^/\s@"]+@`)
	jwtValue      = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_.-]+`)
)

// A scrubber takes secrets out of other people's words. It lives as long as one
// exchange.
type scrubber struct{ known func() *scrub.Scrubber }

// newScrubber knows the secrets of one exchange.
func newScrubber(clientID, clientSecret string, others ...string) *scrubber {
	return &scrubber{sync.OnceValue(func() *scrub.Scrubber {
		values := []scrub.Value{{Secret: clientSecret, User: clientID}}
		for _, o := range others {
			values = append(values, scrub.Value{Secret: o})
		}
		return scrub.New(values...)
	})}
}

// text returns s without secrets, as one line of at most limit bytes.
func (s *scrubber) text(text string, limit int) string {
	if len(text) > maxRead {
		text = text[:maxRead] // what is shown ends long before
	}
	text = s.mask(text)
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return unicode.IsControl(r) }), " ")
	if len(text) <= limit {
		return text
	}
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}

func (s *scrubber) mask(text string) string {
	text = s.known().Text(text)
	text = namedValue.ReplaceAllString(text, "${1}"+masked)
	text = schemeValue.ReplaceAllString(text, "${1} "+masked)
	text = userInfo.ReplaceAllString(text, "://"+masked+"@")
	return jwtValue.ReplaceAllString(text, masked)
}

func (s *scrubber) header(h http.Header) http.Header {
	kept := http.Header{}
	for _, name := range slices.Concat(tellingHeaders, requestIDs) {
		for _, value := range h.Values(name) {
			kept.Add(name, s.text(value, maxDescription))
		}
	}
	return kept
}

// err returns an error that may be shown in place of err. The error itself is
// kept only if its words hold no secret, without the [*url.Error] around it,
// which holds a URL with its query.
func (s *scrubber) err(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			break
		}
		err = wrapped.Err
	}
	_, retrieve := errors.AsType[*oauth2.RetrieveError](err)
	if text := err.Error(); s.mask(text) != text || retrieve {
		clean := &scrubbed{text: s.text(text, maxShown)}
		for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, known) {
				clean.err = known
			}
		}
		return clean
	}
	return err
}

// scrubbed stands for an error whose words held a secret.
type scrubbed struct {
	text string
	err  error
}

func (e *scrubbed) Error() string { return e.text }
func (e *scrubbed) Unwrap() error { return e.err }

// sensitive returns the values whose names say that they are secret.
func sensitive(params ...url.Values) []string {
	var found []string
	for _, p := range params {
		for name, values := range p {
			if sensitiveName.MatchString(name) && !strings.HasSuffix(name, "_type") {
				found = append(found, values...)
			}
		}
	}
	return found
}

func quote(s string) string { return `"` + s + `"` }
