package auth

import "encoding/json"

// A Challenge is one authentication challenge of a WWW-Authenticate or
// Proxy-Authenticate field (RFC 9110 section 11.3). It has either parameters or
// a token68, or neither.
type Challenge struct {
	Scheme  string            // as it was sent; compare without regard to case
	Params  map[string]string // names in lower case, values unquoted; nil if none
	Token68 string            // such as the data of Negotiate; empty if none
}

// MarshalJSON writes scheme, params (never null) and token68 (null if none).
func (c Challenge) MarshalJSON() ([]byte, error) {
	out := struct {
		Scheme  string            `json:"scheme"`
		Params  map[string]string `json:"params"`
		Token68 *string           `json:"token68"`
	}{Scheme: c.Scheme, Params: c.Params}
	if out.Params == nil {
		out.Params = map[string]string{}
	}
	if c.Token68 != "" {
		out.Token68 = &c.Token68
	}
	return json.Marshal(out)
}
