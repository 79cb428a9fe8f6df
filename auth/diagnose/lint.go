package diagnose

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth"
)

// A defectFound is something odd about a value that could be sent. It is no
// proof: a key may look like anything. It counts once the value is refused.
type defectFound struct {
	cause      auth.Cause
	confidence auth.Confidence
	fact       string // of the value, without the value
	take       string // what to take out of the value, if that is all
	want       string // else what to do
}

var (
	schemeWord  = regexp.MustCompile(`^(?i:(bearer|basic|token|apikey|api-key|dpop|digest)[ :]+\S)`)
	headerName  = regexp.MustCompile(`^(?i:(authorization|proxy-authorization|x-[a-z-]+|api-?key|apikey)[ \t]*:)`)
	assignment  = regexp.MustCompile(`^(?:export +|set +|\$env:)?([A-Z][A-Z0-9_]{2,})=.`)
	reference   = regexp.MustCompile(`\$\{[^}]*\}|\$\([^)]*\)|\{\{[^}]*\}\}|^\$[A-Za-z_][A-Za-z0-9_]*$|^%[A-Za-z_][A-Za-z0-9_]*%$|^(?:op|vault|secret|secretref|ssm|arn:aws:secretsmanager):/?/?`)
	bracketed   = regexp.MustCompile(`^<[^<>]*>$|<(?i:your|my|insert|api|token|key|secret)[^<>]*>|^\[(?i:your|insert)[^\]]*\]$`)
	placeholder = regexp.MustCompile(`(?i)^(?:[a-z]{2,8}[-_])*(?:your|my|insert|enter|put|add|paste)[-_ ]?(?:own[-_ ])?(?:[a-z]+[-_ ])*(?:api|key|token|secret|password|credential|here)s?(?:[-_ ]?(?:api|key|token|secret|value|here|goes))*$`)
	nothing     = regexp.MustCompile(`^(?i:undefined|null|none|nil|nan|changeme|change[-_]me|change[-_ ]this|replace[-_ ]?me|todo|tbd|fixme|placeholder|\[object object\]|masked|\[masked\]|redacted|\*+|\.+|x{3,})$`)
	filler      = regexp.MustCompile(`^[A-Za-z]{0,8}[-_.]?(?:[xX]{6,}|\*{4,}|\.{4,}|(?:xxxx-?)+)$`)
)

// lint looks for what people do to keys on their way from a web page into a
// program: the first thing found, the surest first.
func lint(c *auth.Credential, scheme string) *defectFound {
	v := c.Secret.Reveal()
	if len(v) > 64<<10 {
		return nil
	}
	likely := func(cause auth.Cause, fact, take string) *defectFound {
		return &defectFound{cause: cause, confidence: auth.Likely, fact: fact, take: take}
	}
	if d := unreplaced(v); d != "" {
		return likely(auth.PlaceholderValue, d, "")
	}
	if !plainValue(scheme) {
		return nil // a scheme of somebody's own may want any of the following
	}
	if m := schemeWord.FindStringSubmatch(v); m != nil {
		word := m[1]
		if strings.EqualFold(word, scheme) {
			return likely(auth.MalformedWrapping, fmt.Sprintf("the value begins with %q, so the header says it twice", word+" "), word+" ")
		}
		return likely(auth.MalformedWrapping, fmt.Sprintf("the value begins with the scheme's name %q, which is not part of it", word), word+" ")
	}
	if headerName.MatchString(v) {
		return likely(auth.MalformedWrapping, "the value begins with the name of a header", "the header's name and the scheme")
	}
	if assignment.MatchString(v) && !strings.HasSuffix(v, "=") {
		return likely(auth.MalformedWrapping, "the value begins with the name of a variable and \"=\": a whole assignment was taken for it", "the name and the \"=\"")
	}
	if q := quotesAround(v); q != "" {
		return likely(auth.MalformedWrapping, "the value is in "+q, "the quotation marks")
	}
	if isJSON(v) {
		return likely(auth.MalformedWrapping, "the value is a JSON document, not a key", "everything but the key itself")
	}
	if what := unusual(v); what != "" {
		return likely(auth.MalformedCharacters, "the value contains "+what, "that character")
	}
	if isPair(v) {
		d := likely(auth.MalformedWrapping, "the value is the base64 form of user:password, which is what Basic sends", "")
		d.confidence = auth.Possible // some providers' keys have this form
		d.want = "use the Basic scheme with user name and password, or put in the key itself"
		return d
	}
	return nil
}

// plainValue reports whether the scheme sends one word without spaces and
// quotation marks: a token (RFC 6750 section 2.1) or a key. A password may hold
// anything.
func plainValue(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "bearer", "token", "apikey", "dpop":
		return true
	}
	return false
}

func quotesAround(v string) string {
	r, n := utf8.DecodeRuneInString(v)
	last, m := utf8.DecodeLastRuneInString(v)
	if len(v) < n+m {
		return ""
	}
	switch {
	case r == '"' && last == '"':
		return "double quotation marks"
	case r == '\'' && last == '\'':
		return "single quotation marks"
	case r == '`' && last == '`':
		return "backquotes"
	case strings.ContainsRune("“”„«»‘’", r) || strings.ContainsRune("“”«»‘’", last):
		return "typographic quotation marks"
	case r == '"' || r == '\'' || last == '"' || last == '\'':
		return "a quotation mark on one side"
	}
	return ""
}

func isJSON(v string) bool {
	return len(v) > 2 && (v[0] == '{' && v[len(v)-1] == '}' && strings.Contains(v, ":") && strings.Contains(v, `"`) ||
		v[0] == '[' && v[len(v)-1] == ']' && strings.Contains(v, `"`))
}

func unreplaced(v string) string {
	switch {
	case reference.MatchString(v):
		return "the value is a reference that nothing replaced by what it stands for"
	case bracketed.MatchString(v):
		return "the value is a placeholder in brackets"
	case placeholder.MatchString(v), filler.MatchString(v):
		return "the value looks like the placeholder of an example"
	case nothing.MatchString(v):
		return "the value is a word that stands for no value"
	}
	return ""
}

// unusual names the first character that a header can carry and keys do not
// have, and where it is.
func unusual(v string) string {
	for i, r := range v {
		what := ""
		switch {
		case r == utf8.RuneError:
			what = "a byte that is not UTF-8"
		case r == '\ufeff':
			what = "a byte order mark"
		case r == ' ':
			what = "a space"
		case r == '\t':
			what = "a tab"
		case unicode.IsSpace(r):
			what = fmt.Sprintf("a special space (U+%04X)", r)
		case unicode.Is(unicode.Cf, r):
			what = fmt.Sprintf("an invisible character (U+%04X)", r)
		case r > unicode.MaxASCII:
			what = fmt.Sprintf("a character that is not ASCII (U+%04X)", r)
		default:
			continue
		}
		return fmt.Sprintf("%s at byte %d of %d", what, i+1, len(v))
	}
	return ""
}

func isPair(v string) bool {
	if len(v) < 8 {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(v)
	if err != nil || !utf8.Valid(raw) {
		return false
	}
	user, password, ok := strings.Cut(string(raw), ":")
	return ok && user != "" && password != "" && !strings.ContainsFunc(string(raw), func(r rune) bool { return !unicode.IsPrint(r) })
}
