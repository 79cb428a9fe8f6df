package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/resource"
)

// A platform signs tokens for its workloads, as Kubernetes and CI services do.
type platform struct {
	t   *testing.T
	iss *issuer.Issuer
	key *ecdsa.PrivateKey
}

// newPlatform is one that the issuer trusts.
func newPlatform(t *testing.T, iss *issuer.Issuer) *platform {
	t.Helper()
	var jwk struct{ D, X, Y string }
	if err := json.Unmarshal(iss.ClientKey, &jwk); err != nil {
		t.Fatal(err)
	}
	number := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	d, err := base64.RawURLEncoding.DecodeString(jwk.D)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		t.Fatal(err)
	}
	if key.X.Cmp(number(jwk.X)) != 0 || key.Y.Cmp(number(jwk.Y)) != 0 {
		t.Fatal("the issuer's words are not one key")
	}
	return &platform{t, iss, key}
}

// token vouches for a client, for so long.
func (p *platform) token(client string, life time.Duration) string {
	p.t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			p.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now()
	signed := part(map[string]string{"alg": "ES256", "kid": "cc-jwt"}) + "." + part(map[string]any{
		"iss": client, "sub": client, "aud": p.iss.URL, "jti": rand.Text(),
		"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(life).Unix(),
	})
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// revoke ends a token at the issuer, on behalf of the client that got it.
func (p *platform) revoke(client, token string) {
	p.t.Helper()
	resp, err := http.PostForm(p.iss.RevokeURL, url.Values{
		"token": {token}, "client_id": {client}, "client_assertion_type": {assertionType}, "client_assertion": {p.token(client, time.Minute)},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("revoke: %s", resp.Status)
	}
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// write puts content where a file was, as whole as platforms do it.
func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func wantCause(t *testing.T, err error, cause auth.Cause, says ...string) {
	t.Helper()
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e.Cause != cause {
		t.Fatalf("got %v, want %s", err, cause)
	}
	for _, s := range says {
		if !strings.Contains(e.Explain(), s) {
			t.Errorf("not said: %q\n%s", s, e.Explain())
		}
	}
	t.Log(e)
}

// eventually makes calls until one succeeds: a failed exchange is followed by a
// short pause.
func eventually(t *testing.T, c *reauth.Client) {
	t.Helper()
	var last call
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if last = do(t.Context(), c); last.err == nil {
			return
		}
	}
	t.Errorf("it does not recover: %v", last.err)
}

// The whole story of a workload without a secret, against an issuer that takes
// each assertion once.
func TestWorkload_AnAssertionFileIsReadAnewForEachExchange(t *testing.T) {
	t.Parallel()
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	res := resource.Start(t, iss, resource.Config{})
	p := newPlatform(t, iss)
	w := newWire(t)
	file := filepath.Join(t.TempDir(), "token")
	setenv(t, "ASSERTS_CLIENT_ID", "cc-jwt", "ASSERTS_TOKEN_URL", iss.TokenURL, "ASSERTS_CLIENT_ASSERTION_FILE", file)
	var l log
	c := newClient(t, reauth.Config{Name: "asserts", BaseURL: res.URL, Transport: w, Hook: l.hook})
	ended := func() { p.revoke("cc-jwt", res.LastToken()) }

	wantCause(t, do(t.Context(), c).err, auth.SourceFailed, file, "ASSERTS_CLIENT_ASSERTION_FILE")
	write(t, file, p.token("cc-jwt", time.Minute))
	eventually(t, c)

	// Rewritten in between: a revoked token costs one repeat and one exchange.
	write(t, file, p.token("cc-jwt", time.Minute))
	ended()
	wantAllWell(t, at(t, c, 1))
	if n := w.sent(); n != 2 {
		t.Errorf("%d token requests, 2 are enough", n)
	}

	// Nobody rewrote it in time.
	write(t, file, p.token("cc-jwt", -30*time.Second))
	ended()
	wantCause(t, do(t.Context(), c).err, auth.AccessExpired, file, "why the platform has not put a new one into", "ago")
	if n := w.sent(); n != 2 {
		t.Errorf("an expired assertion was sent: %d token requests", n)
	}
	used := p.token("cc-jwt", time.Minute)
	write(t, file, used)
	eventually(t, c)

	// It does not say what the issuer trusts: one used before, or a stranger's.
	ended()
	wantCause(t, do(t.Context(), c).err, auth.ClientRejected, "the client assertion in file "+file, `sub "cc-jwt"`, `aud "`+iss.URL+`"`)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, (&platform{t, iss, stranger}).token("cc-jwt", time.Minute))
	time.Sleep(time.Second) // the pause after the last failure
	wantCause(t, do(t.Context(), c).err, auth.ClientRejected, "compare issuer (iss), subject (sub) and audience (aud)")

	write(t, file, p.token("cc-jwt", time.Minute))
	eventually(t, c)
	wantOneRepeat(t, res)
	t.Logf("%d token requests, %d granted, %d refused", w.sent(), iss.Exchanges(), iss.Counts().Refused["client_credentials"])
}

// A person's login whose client proves itself by assertions: each refresh has
// one of its own.
func TestWorkload_ARefreshIsProvedByAnAssertion(t *testing.T) {
	t.Parallel()
	const client, redirect = "native-jwt", "http://127.0.0.1:54321/cb"
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	res := resource.Start(t, iss, resource.Config{})
	p := newPlatform(t, iss)
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	to, err := iss.Approve(iss.AuthURL + "?" + url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {redirect},
		"scope": {"openid offline_access"}, "prompt": {"consent"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil || to == nil {
		t.Fatalf("login: sent to %v, %v", to, err)
	}
	tok, err := iss.Ask(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "code": {to.Query().Get("code")},
		"redirect_uri": {redirect}, "code_verifier": {verifier},
		"client_assertion_type": {assertionType}, "client_assertion": {p.token(client, time.Minute)},
	})
	if err != nil || tok.RefreshToken == "" {
		t.Fatalf("login: no refresh token: %v", err)
	}

	file := filepath.Join(t.TempDir(), "token")
	write(t, file, p.token(client, time.Minute))
	w := newWire(t)
	src, err := oauth.RefreshToken(&oauth2.Config{ClientID: client, Endpoint: oauth2.Endpoint{TokenURL: iss.TokenURL}},
		auth.Static(tok.RefreshToken), oauth.Options{ClientAssertion: auth.File(file), Transport: w})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // each an exchange
		if _, err := src.Credential(t.Context()); err != nil {
			t.Fatal(err)
		}
		write(t, file, p.token(client, time.Minute))
	}
	c := newClient(t, reauth.Config{Source: src, BaseURL: res.URL, Transport: w})
	wantAllWell(t, at(t, c, 10))
	if n := iss.Counts(); w.sent() != 4 || n.Granted["refresh_token"] != 4 || len(n.Refused) != 0 {
		t.Errorf("%d token requests, %v", w.sent(), n)
	}
}
