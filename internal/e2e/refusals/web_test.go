package refusals_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/challenge"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// runBasic tries the refusals of a page that wants user and password.
func runBasic(t *testing.T, url string) {
	t.Helper()
	wantServed(t, url, pair(alice, password))
	run(t, []refusal{
		{name: "nothing", url: url, sent: nothing(), cause: auth.NotSent, certain: true, differs: keptBack, why: keptBackWhy},
		{name: "a wrong password", url: url, sent: pair(alice, "canary-giraffe-5520"), cause: auth.InvalidCredential},
		{name: "a wrong password, kept as the whole header", url: url, sent: whole(alice, "canary-giraffe-5520"), cause: auth.InvalidCredential},
		{name: "an unknown user", url: url, sent: pair("mallory", "canary-giraffe-5520"), cause: auth.InvalidCredential},
		{name: "Bearer", url: url, sent: bearer("canary-giraffe-5520-canary-okapi"), cause: auth.WrongScheme},
		{name: "a password without a scheme", url: url, sent: header("", "canary-giraffe-5520"), cause: auth.WrongScheme},
		{name: "Basic without base64", url: url, sent: header("Basic", password), cause: auth.MalformedWrapping},
		{name: "Basic without a user", url: url, sent: header("Basic", base64.StdEncoding.EncodeToString([]byte(password))), cause: auth.MalformedWrapping},
		{name: "Basic twice", url: url, sent: header("Basic", "Basic "+base64.StdEncoding.EncodeToString([]byte(alice+":"+password))), cause: auth.MalformedWrapping},
	})
}

func TestNginx(t *testing.T) {
	t.Parallel()
	nginx := startNginx(t)
	runBasic(t, nginx.url("/plain"))
}

// nginx writes the realm as it is configured, without escaping the quotation
// marks in it: no parser gets it back, and the refusal is understood all the same.
func TestNginx_AChallengeThatNobodyCanParse(t *testing.T) {
	t.Parallel()
	nginx := startNginx(t)
	runBasic(t, nginx.url("/quote"))
}

func TestApache_Basic(t *testing.T) {
	t.Parallel()
	apache := startApache(t)
	runBasic(t, apache.url("/basic"))
}

func TestApache_Digest(t *testing.T) {
	t.Parallel()
	apache := startApache(t)
	url := apache.url("/digest")
	wantServed(t, url, digest(t, url, password))
	stale := digest(t, url, password)
	sandbox.Poll(t, 10*time.Second, "the nonce grows old", func() bool {
		return strings.Contains(answerTo(t, url, stale).Header.Get("WWW-Authenticate"), "stale=true")
	})
	run(t, []refusal{
		{name: "nothing", url: url, sent: nothing(), cause: auth.NotSent, certain: true, differs: keptBack, why: keptBackWhy},
		{name: "Basic", url: url, sent: pair(alice, password), cause: auth.WrongScheme, certain: true},
		{name: "Bearer", url: url, sent: bearer("canary-giraffe-5520-canary-okapi"), cause: auth.WrongScheme},
		{
			name: "a wrong password", url: url, sent: digest(t, url, "canary-giraffe-5520"),
			curl:  []string{"--digest", "-u", alice + ":canary-giraffe-5520"},
			cause: auth.InvalidCredential,
		},
		{name: "an old nonce", url: url, sent: stale, cause: auth.NonceRequired, certain: true},
	})
}

// digest answers the server's challenge for a GET of url (RFC 7616 section 3.4),
// which no scheme of ours does.
func digest(t *testing.T, url, pw string) sending {
	t.Helper()
	resp := answerTo(t, url, nothing())
	asked, err := challenge.Parse(resp.Header["Www-Authenticate"])
	if err != nil || len(asked) != 1 || asked[0].Scheme != "Digest" {
		t.Fatalf("the challenge is %v, %v", asked, err)
	}
	p, uri := asked[0].Params, resp.Request.URL.RequestURI()
	const count, ours = "00000001", "Y2Fub25jZQ"
	response := md5hex(md5hex(alice+":"+p["realm"]+":"+pw) + ":" + p["nonce"] + ":" + count + ":" + ours + ":auth:" + md5hex("GET:"+uri))
	return sending{word: "Digest", user: alice, secret: pw, value: fmt.Sprintf(
		`username=%q, realm=%q, nonce=%q, uri=%q, algorithm=MD5, response=%q, qop=auth, nc=%s, cnonce=%q`,
		alice, p["realm"], p["nonce"], uri, response, count, ours)}
}
