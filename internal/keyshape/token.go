package keyshape

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// A Token is what a JSON Web Token (RFC 7519) says of itself: nothing is
// verified. Claims about a person are not kept.
//
// A claim that occurs twice counts as absent, for two readers may read it
// differently (RFC 7519 section 4).
type Token struct {
	OK        bool // the header and the claims can be read
	Encrypted bool // a JWE, with five parts (RFC 7516): only the header can be read
	Unsecured bool // alg is none: nobody has signed it (RFC 7519 section 6)

	Algorithm, Type string // of the header: alg, typ

	Expiry, NotBefore, IssuedAt time.Time // exp, nbf, iat; zero: not stated

	Issuer          string   // iss
	Audience        []string // aud
	AuthorizedParty string   // azp or client_id: the client that it was issued to
	Subject         bool     // it has a sub; whose, is not kept
	Scopes          []string // scope or scp
	Bound           bool     // to a proof key or a certificate (cnf)
}

const (
	maxClaim = 512 // longer texts are not kept
	maxItems = 128 // of a list
)

// readToken reads a JSON Web Token as far as it goes. Declared is the kind that
// the token itself says it is, and damage what is wrong with it.
func readToken(v string) (t Token, declared string, use Use, damage Damage) {
	var parts [6]string
	n := 0
	for rest, more := v, true; more && n < len(parts); n++ {
		parts[n], rest, more = strings.Cut(rest, ".")
	}
	if n == len(parts) || !strings.HasPrefix(v, "eyJ") {
		return Token{}, "", Unknown, Damage{}
	}
	broken := func(fact string) Damage {
		return Damage{Cause: "typo_or_truncated", Fact: "the value begins as a JSON Web Token, but " + fact, Want: "copy the whole token again"}
	}
	raw, ok := decode(parts[0])
	if !ok || !json.Valid(raw) {
		if n == 3 {
			return Token{}, "", Unknown, broken("its header cannot be read")
		}
		return Token{}, "", Unknown, Damage{} // other tokens begin with base64 of JSON too
	}
	enc := ""
	members(raw, func(name string, value json.RawMessage) {
		switch name {
		case "alg":
			t.Algorithm = text(value)
		case "typ":
			t.Type = text(value)
		case "enc":
			enc = text(value)
		}
	})
	if n == 5 && enc != "" {
		t.Encrypted = true
		return t, "encrypted JSON Web Token", Unknown, Damage{}
	}
	if t.Algorithm == "" && t.Type == "" {
		return Token{}, "", Unknown, Damage{}
	}
	if n == 1 {
		return Token{}, "", Unknown, broken("only its first part of three is there")
	}
	if n > 3 {
		return Token{}, "", Unknown, broken("it has " + strconv.Itoa(n) + " parts, where a signed token has three")
	}
	raw, ok = decode(parts[1])
	if !ok || !json.Valid(raw) || len(raw) < 2 || raw[0] != '{' {
		what := "its second part cannot be read"
		if n == 2 {
			what = "it has two parts, where a signed token has three"
		}
		return Token{}, "", Unknown, broken(what)
	}
	declared, use = t.claims(raw)
	t.OK = true
	t.Unsecured = strings.EqualFold(t.Algorithm, "none")
	switch typ := strings.TrimPrefix(strings.ToLower(t.Type), "application/"); {
	case typ == "at+jwt": // RFC 9068 section 2.1
		declared, use = "access token", Secret
	case typ == "dpop+jwt": // RFC 9449 section 4.2
		declared, use = "DPoP proof", Signing
	}
	if declared == "" {
		declared = "JSON Web Token"
	}
	switch want := signatureLength(t.Algorithm); {
	case n == 2 && !t.Unsecured:
		damage = broken("it has two parts, where a signed token has three: the signature is missing")
	case t.Unsecured || t.Algorithm == "":
	case parts[2] == "":
		damage = broken("its signature is empty")
	case !all(parts[2], urlSafe):
		damage = broken("its signature has characters that are not base64url")
	case visiblyMadeUp(parts[2]):
	case want != 0 && len(parts[2]) != want:
		damage = broken("its signature has " + strconv.Itoa(len(parts[2])) + " characters, where " + t.Algorithm + " has " + strconv.Itoa(want))
	}
	return t, declared, use, damage
}

// claims reads the claims, and what the token says that it is.
func (t *Token) claims(raw []byte) (declared string, use Use) {
	claim := map[string]json.RawMessage{}
	members(raw, func(name string, value json.RawMessage) {
		switch name {
		case "exp", "nbf", "iat", "iss", "aud", "azp", "client_id", "scope", "scp", "cnf", "sub", "token_use", "typ", "at_hash", "c_hash":
			if _, twice := claim[name]; twice {
				value = nil
			}
			claim[name] = value
		}
	})
	t.Expiry, t.NotBefore, t.IssuedAt = instant(claim["exp"]), instant(claim["nbf"]), instant(claim["iat"])
	t.Issuer, t.Audience = text(claim["iss"]), texts(claim["aud"])
	if t.AuthorizedParty = text(claim["azp"]); t.AuthorizedParty == "" {
		t.AuthorizedParty = text(claim["client_id"]) // RFC 9068 section 2.2
	}
	t.Subject = claim["sub"] != nil
	t.Scopes = scopes(scopes(nil, claim["scope"]), claim["scp"]) // RFC 8693 section 4.2; scp is widespread
	members(claim["cnf"], func(name string, _ json.RawMessage) { // RFC 7800
		t.Bound = t.Bound || name == "jkt" || name == "x5t#S256"
	})

	// token_use is Amazon's, typ Keycloak's; the hashes are of OpenID Connect Core
	// section 2, which makes them part of ID tokens only.
	typ := strings.ToLower(text(claim["typ"]))
	switch tokenUse := text(claim["token_use"]); {
	case tokenUse == "access":
		return "access token", Secret
	case typ == "refresh" || typ == "offline":
		return "refresh token", Renewal
	case tokenUse == "id" || typ == "id", (claim["at_hash"] != nil || claim["c_hash"] != nil) && t.Scopes == nil:
		return "ID token", Identity
	}
	return "", Unknown
}

// members calls do for each member of a JSON object, in order. What is no
// object has none.
func members(raw []byte, do func(name string, value json.RawMessage)) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return
		}
		if name, ok := name.(string); ok {
			do(name, value)
		}
	}
}

func decode(part string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	return raw, err == nil
}

func text(value json.RawMessage) string {
	var s string
	if len(value) > 6*maxClaim || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return keep(s)
}

// keep drops a text that is too long to be shown or is none.
func keep(s string) string {
	if len(s) > maxClaim {
		return ""
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return ""
		}
	}
	return s
}

func texts(value json.RawMessage) []string {
	if one := text(value); one != "" {
		return []string{one}
	}
	var many []json.RawMessage
	if json.Unmarshal(value, &many) != nil {
		return nil
	}
	var out []string
	for _, v := range many[:min(len(many), maxItems)] {
		if s := text(v); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func scopes(out []string, value json.RawMessage) []string {
	var s string
	list := texts(value)
	if json.Unmarshal(value, &s) == nil {
		list = strings.Fields(s)
	}
	for _, s := range list {
		if s := keep(s); s != "" && len(out) < maxItems {
			out = append(out, s)
		}
	}
	return out
}

// instant reads a NumericDate (RFC 7519 section 2): a number, which may have a
// fraction. Some issuers write it as a string. What is no time of this era is
// none.
func instant(value json.RawMessage) time.Time {
	s := string(value)
	if len(s) > 1 && s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0 && n < 1<<34) { // the year 2514; milliseconds are beyond
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}

// signatureLength is how many characters a signature has in base64url, or 0 if
// it depends on the key (RFC 7518 section 3, RFC 8037).
func signatureLength(alg string) int {
	switch alg {
	case "HS256":
		return 43
	case "HS384":
		return 64
	case "HS512", "ES256", "ES256K":
		return 86
	case "ES384":
		return 128
	case "ES512":
		return 176
	}
	return 0
}

// visiblyMadeUp reports whether a signature is base64 of words. No signature is.
func visiblyMadeUp(part string) bool {
	raw, ok := decode(part)
	return ok && len(raw) >= 8 && all(string(raw), func(c byte) bool { return ' ' <= c && c < 0x7f })
}
