package auth

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// A Challenge is one authentication challenge of a WWW-Authenticate or
// Proxy-Authenticate field (RFC 9110 section 11.3). It has either parameters or
// a token68, or neither.
type Challenge struct {
	Scheme  string            // as it was sent; compare without regard to case
	Params  map[string]string // names in lower case, values unquoted; nil if none
	Token68 string            // such as the data of Negotiate; empty if none
}

// MarshalJSON writes scheme, params (never null) and token68 (null if none). A
// value that is not UTF-8 is read as ISO-8859-1, the charset that header fields
// once had (RFC 9110 section 5.5).
func (c Challenge) MarshalJSON() ([]byte, error) {
	out := struct {
		Scheme  string            `json:"scheme"`
		Params  map[string]string `json:"params"`
		Token68 *string           `json:"token68"`
	}{Scheme: c.Scheme}
	out.Params = make(map[string]string, len(c.Params))
	for name, value := range c.Params {
		out.Params[name] = latin1(value)
	}
	if c.Token68 != "" {
		out.Token68 = &c.Token68
	}
	return json.Marshal(out)
}

func latin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
