// Package issuer runs a real OpenID provider, npm's oidc-provider, with tokens
// that live for seconds.
//
//	iss := issuer.Start(t, issuer.Config{AccessTTL: 3 * time.Second})
//	// iss.TokenURL with the client issuer.Basic …
//	iss.Exchanges() // how often the token endpoint gave a token
//
// The provider counts time in whole seconds: a token issued at 10.9 s that lives
// for three seconds is refused from 13.0 s on, although expires_in says 3.
// So a lifetime is up to one second shorter than stated.
package issuer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// A Client is one that the provider knows.
type Client struct{ ID, Secret string }

// Other clients are in server.mjs: cc-jwt and native-jwt (private_key_jwt with
// Issuer.ClientKey), cc-dpop, native-dpop.
var (
	Basic  = Client{"cc-basic", "cc-secret+/=%"} // client credentials by Basic; the secret must be form-encoded first
	Post   = Client{"cc-post", "cc-secret"}      // client credentials in the body
	Narrow = Client{"cc-narrow", "cc-secret"}    // client credentials by Basic, for the scope api:read and no other
	Native = Client{"native", ""}                // authorization code with PKCE, rotating refresh tokens; redirects to http://127.0.0.1:ANY/cb
	Device = Client{"device", ""}                // device flow, rotating refresh tokens
	API    = Client{"rs", "rs-secret"}           // the resource server: may introspect everybody's tokens
)

// Resource, asked for with resource=, makes access tokens JWTs.
const Resource = "urn:example:api"

// Config says how long things live. Zero means the default; all are rounded to seconds.
type Config struct {
	AccessTTL  time.Duration // 3 s
	RefreshTTL time.Duration // 60 s
	DeviceTTL  time.Duration // 30 s
	NoNonce    bool          // do not demand nonces in DPoP proofs
}

// An Issuer is a provider that runs.
type Issuer struct {
	URL           string
	AuthURL       string
	TokenURL      string
	DeviceURL     string
	IntrospectURL string
	RevokeURL     string
	UserinfoURL   string

	ClientKey json.RawMessage  // the private key of cc-jwt and native-jwt, a JWK
	Process   *sandbox.Process // SIGSTOP makes the issuer mute, Kill takes it down

	t      testing.TB
	launch func(port string) *sandbox.Process
}

// client talks to the issuer for the helpers here. Nothing that is tested uses it.
var client = &http.Client{
	Timeout: 10 * time.Second,
	Transport: &http.Transport{
		MaxIdleConnsPerHost: 64, // every request to an API is an introspection
		IdleConnTimeout:     10 * time.Second,
	},
}

// Start runs a provider until the test ends.
func Start(t testing.TB, config Config) *Issuer {
	t.Helper()
	sandbox.Need(t, "node")
	dir := folder()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider", "package.json")); err != nil {
		sandbox.Missing(t, "oidc-provider is not installed (npm ci in "+dir+")")
	}
	box := sandbox.New(t)
	var env []string
	for name, d := range map[string]time.Duration{
		"TTL_ACCESS": config.AccessTTL, "TTL_REFRESH": config.RefreshTTL, "TTL_DEVICE": config.DeviceTTL,
	} {
		if d != 0 {
			env = append(env, name+"="+strconv.Itoa(int(d.Round(time.Second)/time.Second)))
		}
	}
	if config.NoNonce {
		env = append(env, "DPOP_NONCE=0")
	}
	iss := &Issuer{t: t}
	iss.launch = func(port string) *sandbox.Process {
		cmd := exec.Command("node", "server.mjs", port)
		cmd.Dir, cmd.Env = dir, box.Env(env...)
		return box.Start(cmd)
	}
	iss.begin("0")
	iss.discover()
	t.Cleanup(client.CloseIdleConnections)
	return iss
}

// Restart starts the provider again, after its Process was killed, at the same
// address. It has forgotten everything: tokens, logins and counts.
func (iss *Issuer) Restart() {
	iss.t.Helper()
	u, err := url.Parse(iss.URL)
	if err != nil {
		iss.t.Fatal(err)
	}
	client.CloseIdleConnections()
	iss.begin(u.Port())
}

// begin starts the process and waits for its first words.
func (iss *Issuer) begin(port string) {
	t := iss.t
	t.Helper()
	var ready []string
	for attempt := range 2 {
		iss.Process = iss.launch(port)
		patience := time.Now().Add(15 * time.Second)
		sandbox.Poll(t, 30*time.Second, "the issuer is ready", func() bool {
			ready = readyLine.FindStringSubmatch(iss.Process.Log())
			return ready != nil || iss.Process.Ended() || attempt == 0 && time.Now().After(patience)
		})
		if ready != nil || iss.Process.Ended() {
			break
		}
		// On a busy machine one start in some hundreds makes no progress at all.
		t.Logf("the issuer hangs before it is ready, and is begun anew")
		iss.Process.Kill()
	}
	if ready == nil {
		t.Fatal("the issuer ended before it was ready")
	}
	said := struct {
		Issuer    string
		ClientKey json.RawMessage
	}{}
	if err := json.Unmarshal([]byte(ready[1]), &said); err != nil {
		t.Fatalf("the issuer's first words: %v", err)
	}
	iss.URL, iss.ClientKey = said.Issuer, said.ClientKey
}

// A whole line: half of one may be in the log already.
var readyLine = regexp.MustCompile(`(?m)^ready (\{.*\})\n`)

// folder is where server.mjs lies, beside this file.
func folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

func (iss *Issuer) discover() {
	iss.t.Helper()
	var doc struct {
		Issuer     string
		Auth       string `json:"authorization_endpoint"`
		Token      string `json:"token_endpoint"`
		Device     string `json:"device_authorization_endpoint"`
		Introspect string `json:"introspection_endpoint"`
		Revoke     string `json:"revocation_endpoint"`
		Userinfo   string `json:"userinfo_endpoint"`
	}
	iss.get("/.well-known/openid-configuration", &doc)
	if doc.Issuer != iss.URL {
		iss.t.Fatalf("the issuer calls itself %q, not %q", doc.Issuer, iss.URL)
	}
	iss.AuthURL, iss.TokenURL, iss.DeviceURL = doc.Auth, doc.Token, doc.Device
	iss.IntrospectURL, iss.RevokeURL, iss.UserinfoURL = doc.Introspect, doc.Revoke, doc.Userinfo
}

func (iss *Issuer) get(path string, out any) {
	iss.t.Helper()
	resp, err := client.Get(iss.URL + path)
	if err != nil {
		iss.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil || resp.StatusCode != http.StatusOK {
		iss.t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
	}
}

// Counts is what the token endpoint decided, by grant type. An exchange whose
// answer got lost on the way is counted too.
type Counts struct{ Granted, Refused map[string]int }

// Counts asks the issuer what it did so far.
func (iss *Issuer) Counts() Counts {
	iss.t.Helper()
	var c Counts
	iss.get("/_e2e/counts", &c)
	return c
}

// Exchanges is the number of tokens granted so far, by whatever grant.
func (iss *Issuer) Exchanges() int {
	iss.t.Helper()
	n := 0
	for _, m := range iss.Counts().Granted {
		n += m
	}
	return n
}

// Token is an answer of the token endpoint.
type Token struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
	Scope        string `json:"scope"`
}

// ClientCredentials gets a token by hand, with nothing of ours in between.
// It counts as an exchange.
func (iss *Issuer) ClientCredentials(c Client, form url.Values) (Token, error) {
	values := url.Values{"grant_type": {"client_credentials"}}
	for k, v := range form {
		values[k] = v
	}
	var tok Token
	status, err := iss.post(context.Background(), iss.TokenURL, c, values, &tok)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("token endpoint: %d", status)
	}
	return tok, err
}

// Revoke revokes a token at the issuer, on behalf of the client that got it.
func (iss *Issuer) Revoke(c Client, token string) {
	iss.t.Helper()
	status, err := iss.post(context.Background(), iss.RevokeURL, c, url.Values{"token": {token}}, nil)
	if err != nil || status != http.StatusOK {
		iss.t.Fatalf("revoke: %d, %v", status, err)
	}
}

// Active asks the issuer whether an access token is good now, as RFC 7662 says.
// The error is the issuer's failure to answer.
func (iss *Issuer) Active(ctx context.Context, token string) (bool, error) {
	var answer struct{ Active bool }
	status, err := iss.post(ctx, iss.IntrospectURL, API, url.Values{"token": {token}, "token_type_hint": {"access_token"}}, &answer)
	if err != nil {
		return false, err
	}
	if status != http.StatusOK {
		return false, fmt.Errorf("introspection: %d", status)
	}
	return answer.Active, nil
}

// post sends a form as the client and reads a JSON answer into out.
func (iss *Issuer) post(ctx context.Context, to string, c Client, form url.Values, out any) (int, error) {
	basic := c != Post && c.Secret != ""
	if !basic {
		form.Set("client_id", c.ID)
		if c.Secret != "" {
			form.Set("client_secret", c.Secret)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || out == nil || len(body) == 0 {
		return resp.StatusCode, err
	}
	return resp.StatusCode, json.Unmarshal(body, out)
}

// Approve plays the person at the browser: it opens an authorization or device
// verification address, logs in, consents, and returns where the browser is
// sent when that leaves the issuer (the redirect with code and state in it).
// After a device login nothing leaves the issuer, and the result is nil.
func (iss *Issuer) Approve(address string) (*url.URL, error) {
	jar, _ := cookiejar.New(nil)
	var left *url.URL
	browser := &http.Client{
		Transport: client.Transport, Timeout: client.Timeout, Jar: jar,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if !strings.HasPrefix(req.URL.String(), iss.URL+"/") {
				left = req.URL
				return http.ErrUseLastResponse
			}
			if len(via) > 10 {
				return fmt.Errorf("issuer: more than 10 redirects")
			}
			return nil
		},
	}
	resp, err := browser.Get(address)
	for range 6 { // login, consent, and for devices the code and its confirmation
		if err != nil {
			return nil, err
		}
		page, err2 := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		resp.Body.Close()
		if err2 != nil || left != nil {
			return left, err2
		}
		if resp.StatusCode >= 400 {
			return nil, fmt.Errorf("issuer: %s at %s", resp.Status, resp.Request.URL.Path)
		}
		action := formAction.FindSubmatch(page)
		if action == nil {
			return nil, nil // a page without a form: "you may close this window"
		}
		to, err2 := resp.Request.URL.Parse(strings.ReplaceAll(string(action[1]), "&amp;", "&"))
		if err2 != nil {
			return nil, err2
		}
		form := url.Values{}
		for _, input := range formInput.FindAllString(string(page), -1) {
			if name := attribute(input, "name"); name != "" {
				form.Set(name, attribute(input, "value"))
			}
		}
		for name, value := range map[string]string{"login": "alice", "password": "any"} {
			if form.Has(name) {
				form.Set(name, value)
			}
		}
		resp, err = browser.PostForm(to.String(), form)
	}
	if err == nil {
		resp.Body.Close()
	}
	return nil, fmt.Errorf("issuer: still asking after six forms")
}

var (
	formAction = regexp.MustCompile(`<form[^>]*\baction="([^"]*)"`)
	formInput  = regexp.MustCompile(`<input[^>]*>`)
)

func attribute(tag, name string) string {
	m := regexp.MustCompile(`\b` + name + `="([^"]*)"`).FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return m[1]
}

// Pause makes the issuer mute: it accepts and does not answer, until Resume.
func (iss *Issuer) Pause() { iss.signal(syscall.SIGSTOP) }

// Resume lets it answer what it has been asked meanwhile.
func (iss *Issuer) Resume() { iss.signal(syscall.SIGCONT) }

func (iss *Issuer) signal(sig os.Signal) {
	iss.t.Helper()
	if err := iss.Process.Signal(sig); err != nil {
		iss.t.Fatal(err)
	}
}
