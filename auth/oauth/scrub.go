package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/oauth2"
)

const masked = "[masked]"

// How much of a server's words is shown, in bytes.
const (
	maxCode        = 80
	maxDescription = 300
	maxShown       = 1 << 10
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
type scrubber struct{ known func() *strings.Replacer }

// newScrubber knows the secrets of one exchange in every form in which a server
// is likely to echo them.
func newScrubber(clientID, clientSecret string, others ...string) *scrubber {
	return &scrubber{sync.OnceValue(func() *strings.Replacer { return replacer(clientID, clientSecret, others) })}
}

func replacer(clientID, clientSecret string, others []string) *strings.Replacer {
	forms := map[string]bool{}
	for _, s := range append(others, clientSecret) {
		spell(forms, s, 2)
		// What no encoding changes is found however deep the echo is nested.
		for _, run := range unreserved.FindAllString(s, -1) {
			forms[run] = true
		}
	}
	if clientSecret != "" {
		// The pair as it is, and as RFC 6749 section 2.3.1 encodes it.
		for _, pair := range []string{clientID + ":" + clientSecret, url.QueryEscape(clientID) + ":" + url.QueryEscape(clientSecret)} {
			spell(forms, base64.StdEncoding.EncodeToString([]byte(pair)), 1)
		}
	}
	delete(forms, "")
	all := make([]string, 0, 2*len(forms))
	for form := range forms {
		all = append(all, form)
	}
	// Longer ones first: one form may be the beginning of another.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(all))
	for _, form := range all {
		pairs = append(pairs, form, masked)
	}
	return strings.NewReplacer(pairs...)
}

// spell adds s and its encodings, and the encodings of those.
func spell(forms map[string]bool, s string, depth int) {
	if s == "" {
		return
	}
	quoted, _ := json.Marshal(s)
	spellings := []string{
		s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s),
		strings.Trim(string(quoted), `"`), strings.Trim(strconv.Quote(s), `"`), strings.ReplaceAll(s, "/", `\/`),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s)),
		base64.URLEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
	}
	for _, f := range spellings {
		forms[f] = true
		if depth > 1 && f != s {
			spell(forms, f, depth-1)
		}
	}
	forms[escapes.ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower)] = true
}

var unreserved = regexp.MustCompile(`[A-Za-z0-9_.~-]{8,}`)

var escapes = regexp.MustCompile(`%[0-9A-F]{2}`)

// text returns s without secrets, as one line of at most limit bytes.
func (s *scrubber) text(text string, limit int) string {
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
	text = s.known().Replace(text)
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
