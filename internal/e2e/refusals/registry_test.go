package refusals_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// The names that the registry and whoever signs its tokens have for each other.
const (
	tokenIssuer  = "tokens.test"
	tokenService = "registry.test"
)

// A mint signs tokens that the registry trusts.
type mint struct {
	key  *rsa.PrivateKey
	cert []byte // DER
}

func newMint(t *testing.T) *mint {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: tokenIssuer}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &mint{key, cert}
}

// token is a token for pulling lib/img, but for what edit changes.
func (m *mint) token(t *testing.T, edit func(claims map[string]any)) string {
	t.Helper()
	now := time.Now()
	claims := map[string]any{
		"iss": tokenIssuer, "aud": tokenService, "sub": alice, "jti": rand.Text(),
		"iat": now.Add(-time.Hour).Unix(), "nbf": now.Add(-time.Hour).Unix(), "exp": now.Add(time.Hour).Unix(),
		"access": []any{map[string]any{"type": "repository", "name": "lib/img", "actions": []string{"pull"}}},
	}
	if edit != nil {
		edit(claims)
	}
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	head := map[string]any{"typ": "JWT", "alg": "RS256", "x5c": []string{base64.StdEncoding.EncodeToString(m.cert)}}
	signed := part(head) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, m.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func claim(name string, value any) func(map[string]any) {
	return func(claims map[string]any) { claims[name] = value }
}

func TestRegistry_Tokens(t *testing.T) {
	t.Parallel()
	m := newMint(t)
	registry := startRegistry(t, `token: {realm: "http://127.0.0.1:9/token", service: `+tokenService+`, issuer: `+tokenIssuer+`, rootcertbundle: "@DIR@/trusted.pem"}`,
		map[string]string{"trusted.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.cert}))})
	url := registry.url("/v2/lib/img/manifests/latest")
	wantServed(t, url, bearer(m.token(t, nil)))
	run(t, []refusal{
		{name: "nothing", url: url, sent: nothing(), cause: auth.NotSent, certain: true, differs: keptBack, why: keptBackWhy},
		{name: "no token at all", url: url, sent: bearer("canary-giraffe-5520-canary-okapi"), cause: auth.InvalidCredential},
		{name: "an expired token", url: url, sent: bearer(m.token(t, claim("exp", time.Now().Add(-10*time.Minute).Unix()))), cause: auth.AccessExpired, certain: true},
		{name: "a token that is not valid yet", url: url, sent: bearer(m.token(t, claim("nbf", time.Now().Add(10*time.Minute).Unix()))), cause: auth.ClockSkew},
		{name: "a token for another service", url: url, sent: bearer(m.token(t, claim("aud", "another.test"))), cause: auth.InvalidCredential, truth: auth.WrongAudience},
		{name: "a token of another issuer", url: url, sent: bearer(m.token(t, claim("iss", "another.test"))), cause: auth.InvalidCredential, truth: auth.WrongIssuer},
		{name: "somebody else's signature", url: url, sent: bearer(newMint(t).token(t, nil)), cause: auth.InvalidCredential, truth: auth.SignatureInvalid},
		{name: "a token for another repository", url: url, sent: bearer(m.token(t, claim("access", []any{}))), cause: auth.InsufficientScope, certain: true},
		{name: "Basic", url: url, sent: pair(alice, password), cause: auth.WrongScheme},
		{name: "a token without a scheme", url: url, sent: header("", m.token(t, nil)), cause: auth.WrongScheme},
		{name: "Bearer twice", url: url, sent: bearer("Bearer " + m.token(t, nil)), cause: auth.MalformedWrapping},
	})
}

func TestRegistry_Passwords(t *testing.T) {
	t.Parallel()
	registry := startRegistry(t, `htpasswd: {realm: the quay, path: "@DIR@/passwords"}`, map[string]string{"passwords": alice + ":" + bcrypted + "\n"})
	runBasic(t, registry.url("/v2/"))
}
