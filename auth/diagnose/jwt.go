package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// claims are the few parts of a JSON Web Token that explain refusals. Nothing
// is verified and nothing decided by them.
type claims struct {
	ok            bool
	exp, nbf, iat time.Time
	scopes        []string
	bound         bool // to a proof key (RFC 9449 section 6.1)
}

func peek(s auth.Secret) claims {
	parts := strings.Split(s.Reveal(), ".")
	if len(parts) != 3 || len(s.Reveal()) > 64<<10 {
		return claims{}
	}
	var header map[string]any
	if !decode(parts[0], &header) || header["alg"] == nil {
		return claims{}
	}
	var raw map[string]any
	if !decode(parts[1], &raw) {
		return claims{}
	}
	c := claims{ok: true, exp: instant(raw["exp"]), nbf: instant(raw["nbf"]), iat: instant(raw["iat"])}
	for _, name := range []string{"scope", "scp"} { // RFC 9068 section 2.2.3; scp is widespread
		switch v := raw[name].(type) {
		case string:
			c.scopes = append(c.scopes, strings.Fields(v)...)
		case []any:
			for _, s := range v {
				if s, ok := s.(string); ok {
					c.scopes = append(c.scopes, s)
				}
			}
		}
	}
	if cnf, ok := raw["cnf"].(map[string]any); ok {
		c.bound = cnf["jkt"] != nil
	}
	return c
}

func decode(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, into) == nil
}

func instant(v any) time.Time {
	n, ok := v.(float64)
	if !ok || n <= 0 || n > math.MaxInt32*4 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}
