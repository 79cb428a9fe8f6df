package diagnose_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/internal/challenge"
)

// now is when every exchange of these tests happened.
var now = time.Date(2026, 11, 23, 9, 12, 4, 0, time.UTC)

const url = "https://api.acme.example/v1/me"

// An opt changes one fact of an exchange.
type opt func(*diagnose.Exchange)

// refused is a key from a variable, sent as Bearer, refused with a bare 401.
func refused(opts ...opt) diagnose.Exchange {
	x := diagnose.Exchange{
		Method: "GET", URL: url, Status: 401, Header: http.Header{}, At: now,
		Scheme: auth.Bearer, Since: now.Add(-time.Hour),
		Credential: &auth.Credential{Secret: auth.NewSecret("k3y-7f1c90aa5be24d61"), Provenance: env("ACME_API_KEY")},
	}
	for _, o := range opts {
		o(&x)
	}
	return x
}

func env(name string) auth.Provenance { return auth.Provenance{Kind: auth.KindEnv, Name: name} }

var (
	inKeyring = auth.Provenance{Kind: auth.KindKeyring, Name: "acme/default"}
	inFile    = auth.Provenance{Kind: auth.KindFile, Name: "/run/secrets/acme"}
	inCode    = auth.Provenance{Kind: auth.KindStatic, Name: "value"}
	byOAuth   = auth.Provenance{Kind: auth.KindOAuth, Name: "https://login.acme.example/token"}
)

func with(opts ...opt) opt {
	return func(x *diagnose.Exchange) {
		for _, o := range opts {
			o(x)
		}
	}
}

// cred changes the credential that was sent.
func cred(change func(*auth.Credential)) opt {
	return func(x *diagnose.Exchange) {
		c := *x.Credential
		change(&c)
		x.Credential = &c
	}
}

func secret(s string) opt { return cred(func(c *auth.Credential) { c.Secret = auth.NewSecret(s) }) }
func from(p auth.Provenance) opt {
	return cred(func(c *auth.Credential) { c.Provenance = p })
}
func expiry(d time.Duration) opt { return cred(func(c *auth.Credential) { c.Expiry = now.Add(d) }) }
func scopes(s ...string) opt     { return cred(func(c *auth.Credential) { c.Scopes = s }) }
func user(name, password string) opt {
	return with(scheme(auth.Basic), cred(func(c *auth.Credential) { c.Username, c.Secret = name, auth.NewSecret(password) }))
}
func scheme(s auth.Scheme) opt { return func(x *diagnose.Exchange) { x.Scheme = s } }
func status(n int) opt         { return func(x *diagnose.Exchange) { x.Status = n } }
func accepted(x *diagnose.Exchange) {
	x.Accepted = true
}
func header(name, value string) opt {
	return func(x *diagnose.Exchange) {
		x.Header = x.Header.Clone()
		x.Header.Add(name, value)
	}
}
func announces(fields ...string) opt {
	return func(x *diagnose.Exchange) {
		for _, f := range fields {
			header("WWW-Authenticate", f)(x)
		}
		x.Challenges, _ = challenge.Parse(x.Header.Values("WWW-Authenticate"))
	}
}
func body(s string) opt { return func(x *diagnose.Exchange) { x.Body = []byte(s) } }
func clock(offset time.Duration, samples int) opt {
	return func(x *diagnose.Exchange) { x.Offset, x.Samples = offset, samples }
}
func renewal(r diagnose.Renewal, err error) opt {
	return func(x *diagnose.Exchange) { x.Renewal, x.RenewalErr = r, err }
}
func notSent(why diagnose.NotSent) opt {
	return func(x *diagnose.Exchange) { x.Credential, x.Scheme, x.NotSent = nil, nil, why }
}

// repeated makes x the repeat of the same refusal with another credential.
func repeated(x *diagnose.Exchange) {
	first := *x
	c := *x.Credential
	c.Secret = auth.NewSecret("the-one-before-4711")
	first.Credential, first.Renewal = &c, diagnose.RenewalReplaced
	x.First = &first
}

// jwt makes a token with these claims and no valid signature.
func jwt(claims map[string]any) string {
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	return part(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." + part(claims) + "." + base64.RawURLEncoding.EncodeToString([]byte("no-signature-at-all"))
}

func at(d time.Duration) int64 { return now.Add(d).Unix() }

// facts is all evidence in one text.
func facts(e *auth.Error) string {
	var b strings.Builder
	for _, ev := range e.Evidence {
		fmt.Fprintf(&b, "%s: %s\n", ev.Source, ev.Fact)
	}
	return b.String()
}

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("want %q in:\n%s", w, text)
		}
	}
}

func containsNone(t *testing.T, text string, unwanted ...string) {
	t.Helper()
	for _, w := range unwanted {
		if strings.Contains(text, w) {
			t.Errorf("unwanted %q in:\n%s", w, text)
		}
	}
}
