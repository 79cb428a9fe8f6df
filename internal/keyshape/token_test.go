package keyshape

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestToken(t *testing.T) {
	at := func(n int64) time.Time { return time.Unix(n, 0) }
	base := Token{OK: true, Algorithm: "HS256", Type: "JWT"}
	with := func(change func(*Token)) Token {
		out := base
		change(&out)
		return out
	}
	for _, tt := range []struct {
		name, value, kind string
		want              Token
	}{
		{"all claims", jwt(hs256, `{"iss":"https://issuer.test","sub":"alice","aud":["a","b"],"exp":1700000000,"nbf":1600000000,"iat":1600000001,"azp":"app","scope":"read write"}`), "JSON Web Token",
			with(func(c *Token) {
				c.Issuer, c.Subject, c.Audience, c.AuthorizedParty, c.Scopes = "https://issuer.test", true, []string{"a", "b"}, "app", []string{"read", "write"}
				c.Expiry, c.NotBefore, c.IssuedAt = at(1700000000), at(1600000000), at(1600000001)
			})},
		{"no claims", jwt(hs256, `{}`), "JSON Web Token", base},
		{"one audience", jwt(hs256, `{"aud":"api"}`), "JSON Web Token", with(func(c *Token) { c.Audience = []string{"api"} })},
		{"scp as a list", jwt(hs256, `{"scp":["read","write"]}`), "JSON Web Token", with(func(c *Token) { c.Scopes = []string{"read", "write"} })},
		{"client_id", jwt(hs256, `{"client_id":"app"}`), "JSON Web Token", with(func(c *Token) { c.AuthorizedParty = "app" })},
		{"bound to a key", jwt(hs256, `{"cnf":{"jkt":"x"}}`), "JSON Web Token", with(func(c *Token) { c.Bound = true })},
		{"bound to a certificate", jwt(hs256, `{"cnf":{"x5t#S256":"x"}}`), "JSON Web Token", with(func(c *Token) { c.Bound = true })},
		{"a fraction", jwt(hs256, `{"exp":1700000000.9}`), "JSON Web Token", with(func(c *Token) { c.Expiry = at(1700000000) })},
		{"an exponent", jwt(hs256, `{"exp":1.7e9}`), "JSON Web Token", with(func(c *Token) { c.Expiry = at(1700000000) })},
		{"a time as text", jwt(hs256, `{"exp":"1700000000"}`), "JSON Web Token", with(func(c *Token) { c.Expiry = at(1700000000) })},
		{"times that are none", jwt(hs256, `{"exp":0,"nbf":-1,"iat":1e300}`), "JSON Web Token", base},
		{"times of other types", jwt(hs256, `{"exp":null,"nbf":"soon","iat":[1700000000]}`), "JSON Web Token", base},
		{"milliseconds", jwt(hs256, `{"exp":1700000000000}`), "JSON Web Token", base},
		{"twice", jwt(hs256, `{"exp":1700000000,"aud":"a","exp":4102444800,"aud":"b","iss":"x"}`), "JSON Web Token", with(func(c *Token) { c.Issuer = "x" })},
		{"claims of other types", jwt(hs256, `{"iss":1,"aud":{"a":1},"scope":7,"cnf":"x","azp":null}`), "JSON Web Token", base},
		{"control characters", jwt(hs256, `{"iss":"a\u001b[31mb"}`), "JSON Web Token", base},
		{"a long claim", jwt(hs256, `{"iss":"`+strings.Repeat("a", 600)+`"}`), "JSON Web Token", base},
		{"padded", strings.Replace(jwt(hs256, `{}`), ".", "==.", 1), "JSON Web Token", base},
		{"an ID token by its use", jwt(hs256, `{"token_use":"id"}`), "ID token", base},
		{"an ID token by its hash", jwt(hs256, `{"at_hash":"x","nonce":"y"}`), "ID token", base},
		{"an access token by its use", jwt(hs256, `{"token_use":"access"}`), "access token", base},
		{"an access token by its type", jwt(`{"alg":"HS256","typ":"at+JWT"}`, `{}`), "access token", with(func(c *Token) { c.Type = "at+JWT" })},
		{"a refresh token", jwt(hs256, `{"typ":"Refresh"}`), "refresh token", base},
		{"a proof", jwt(`{"alg":"HS256","typ":"dpop+jwt"}`, `{}`), "DPoP proof", with(func(c *Token) { c.Type = "dpop+jwt" })},
		{"unsecured", b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".", "JSON Web Token", Token{OK: true, Unsecured: true, Algorithm: "none"}},
		{"encrypted", b64(`{"alg":"dir","enc":"A256GCM"}`) + "..aaaa.bbbb.cccc", "encrypted JSON Web Token", Token{Encrypted: true, Algorithm: "dir"}},

		{"no token", core, "", Token{}},
		{"three words", "one.two.three", "", Token{}},
		{"three numbers", "123.456.789", "", Token{}},
		{"JSON that is no header", b64(`{"k":"NotARealKey","n":"name","id":1}`), "", Token{}},
		{"a signed cookie", b64(`{"user":1}`) + "." + fake(6) + "." + fake(27), "", Token{}},
	} {
		s := Look(tt.value)
		if s.Kind != tt.kind || !reflect.DeepEqual(s.Token, tt.want) || s.Damage.Cause != "" {
			t.Errorf("%s: got %q %+v %+v\nwant %q %+v", tt.name, s.Kind, s.Token, s.Damage, tt.kind, tt.want)
		}
	}
}

func TestTokenThatIsNotWhole(t *testing.T) {
	whole := jwt(hs256, `{"exp":4102444800}`)
	two := whole[:strings.LastIndexByte(whole, '.')]
	for _, tt := range []struct {
		name, value, fact string
		ok                bool
	}{
		{"without the signature", two, "the signature is missing", true},
		{"with an empty signature", two + ".", "its signature is empty", true},
		{"with a part of the signature", whole[:len(whole)-5], "its signature has 38 characters, where HS256 has 43", true},
		{"with a long signature", whole + "abc", "its signature has 46 characters", true},
		{"with another alphabet", two + "." + strings.Repeat("ab+/", 10) + "abc", "not base64url", true},
		{"with the header only", b64(hs256), "only its first part of three", false},
		{"with broken claims", b64(hs256) + "." + b64(`{"exp":41`) + "." + signature, "its second part cannot be read", false},
		{"with two parts, neither claims", b64(hs256) + "." + b64("claims"), "it has two parts, where a signed token has three", false},
		{"with a broken header", "eyJhbGciOi" + fake(9) + "." + b64(`{}`) + "." + signature, "its header cannot be read", false},
		{"with four parts", whole + ".x", "it has 4 parts", false},
		{"cut within a part", whole[:30], "", false},
	} {
		s := Look(tt.value)
		if tt.fact == "" {
			if s.Damage.Cause != "" {
				t.Errorf("%s: got %+v", tt.name, s.Damage)
			}
			continue
		}
		if s.Damage.Cause != truncated || !strings.Contains(s.Damage.Fact, tt.fact) || s.Token.OK != tt.ok {
			t.Errorf("%s: got %+v", tt.name, s)
		}
	}
	// Documentation signs with words.
	sample := two + "." + b64("synthetic-signature-not-real")
	if s := Look(sample); s.Damage.Cause != "" || !s.Token.OK {
		t.Errorf("got %+v", s)
	}
}

func TestHostileTokenIsBounded(t *testing.T) {
	deep := b64(hs256) + "." + b64(strings.Repeat(`{"a":`, 6000)+"1"+strings.Repeat("}", 6000)) + "." + signature
	many := `{"scope":"` + strings.Repeat("s ", 9000) + `","aud":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 5000), ",") + `]}`
	if s := Look(deep); len(deep) > MaxBytes || !s.Token.OK && s.Damage.Cause == "" {
		t.Errorf("got %+v of %d bytes", s, len(deep))
	}
	if s := Look(jwt(hs256, many)); !s.Token.OK || len(s.Token.Scopes) != maxItems || len(s.Token.Audience) != maxItems {
		t.Errorf("%d scopes, %d audiences", len(s.Token.Scopes), len(s.Token.Audience))
	}
	if s := Look(strings.Repeat("a", MaxBytes+1)); !reflect.DeepEqual(s, Shape{}) {
		t.Errorf("got %+v", s)
	}
}
