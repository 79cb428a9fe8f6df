package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// jwt is a token that nobody has signed: the issuers here do not look.
func jwt(claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]string{"alg": "ES256", "kid": "k1"}) + "." + part(claims) + "." + base64.RawURLEncoding.EncodeToString([]byte("fake-signature"))
}

// assertion is one of a workload, that lives for so long and has that id.
func assertion(life time.Duration, id string) string {
	return jwt(map[string]any{
		"iss": "https://cluster.example", "sub": "system:serviceaccount:prod:reports",
		"aud": []string{"https://issuer.example"}, "exp": time.Now().Add(life).Unix(), "jti": id,
	})
}

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// workloads returns a source of each grant that proves itself by what is found
// at src.
func workloads(t testing.TB, rt http.RoundTripper, src auth.Source) map[string]auth.Source {
	t.Helper()
	app, err := oauth.ClientCredentials(
		&clientcredentials.Config{ClientID: "reports", TokenURL: tokenURL, AuthStyle: oauth2.AuthStyleInHeader},
		oauth.Options{ClientAssertion: src, Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	user, err := oauth.RefreshToken(
		&oauth2.Config{ClientID: "reports", Endpoint: oauth2.Endpoint{TokenURL: tokenURL}},
		auth.Static(canaryRefresh), oauth.Options{ClientAssertion: src, Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]auth.Source{"client credentials": app, "refresh token": user}
}

// TestT76_AnAssertionIsReadAnewForEachExchange: it may be good for one use.
func TestT76_AnAssertionIsReadAnewForEachExchange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	rt := always(200, goodToken)
	for grant, src := range workloads(t, rt, auth.File(file)) {
		rt.forms, rt.auths = nil, nil
		for i, id := range []string{"one", "two"} {
			written := assertion(time.Hour, id)
			write(t, file, written+"\n")
			get(t, src)
			form := rt.forms[i]
			if form.Get("client_assertion") != written || form.Get("client_assertion_type") != assertionType {
				t.Errorf("%s: exchange %d was sent with %v", grant, i+1, form)
			}
			// RFC 7521 section 4.2: with the client id, and RFC 6749 section
			// 2.3: in no second way.
			if form.Get("client_id") != "reports" || form.Has("client_secret") || rt.auths[i] != "" {
				t.Errorf("%s: sent with %v and Authorization %q", grant, form, rt.auths[i])
			}
		}
	}
}

func TestL9_AnAssertionThatCannotBeUsedIsToldBeforeAnythingIsSent(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, content string
		cause         auth.Cause
		says          []string
	}{
		{"missing", "", auth.MissingCredential, []string{"have the platform write the token into", "an assertion, a JSON Web Token that its platform gives it"}},
		{"empty", " \n", auth.EmptyCredential, []string{"is empty", "have the platform write the token into"}},
		{"expired", assertion(-90*time.Second, "old"), auth.AccessExpired, []string{"expired at", "ago", "why the platform has not put a new one into", "clock"}},
		{"a secret", canaryClient, auth.SourceCorrupt, []string{"is no JSON Web Token", "a client secret has a setting of its own"}},
		{"two lines", assertion(time.Hour, "a") + "\n" + assertion(time.Hour, "b"), auth.SourceCorrupt, []string{"is no JSON Web Token"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, tt.name)
			if tt.content != "" {
				write(t, file, tt.content)
			}
			rt := always(200, goodToken)
			for grant, src := range workloads(t, rt, auth.File(file)) {
				_, err := src.Credential(t.Context())
				e := want(t, err, tt.cause)
				if rt.count() != 0 {
					t.Errorf("%s: something was sent", grant)
				}
				page := e.Explain()
				for _, s := range append(tt.says, file) {
					if !strings.Contains(page, s) {
						t.Errorf("%s: not said: %q\n%s", grant, s, page)
					}
				}
				if e.Remedy.Text == "" || !strings.Contains(e.Remedy.Text, file) {
					t.Errorf("%s: the remedy does not name the file: %q", grant, e.Remedy.Text)
				}
				if len(e.Tried) == 0 || e.Tried[len(e.Tried)-1].Place.Kind != auth.KindFile {
					t.Errorf("%s: tried %v", grant, e.Tried)
				}
				silent(t, grant, err)
				if text := printed(err); tt.content != "" && strings.Contains(text, strings.TrimSpace(tt.content)) && len(tt.content) > 9 {
					t.Errorf("L7: the assertion is shown: %s", text)
				}
			}
		})
	}
}

// The boundary, on a clock that stands still: at its exp a token is expired.
func TestL12_AnAssertionEndsAtItsExp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := always(200, goodToken)
		// A source that states no expiry: the token does.
		given := auth.NewSecret(assertion(time.Minute, "x"))
		src := workloads(t, rt, auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
			return &auth.Credential{Secret: given, Provenance: auth.Provenance{Kind: "ci", Name: "oidc"}}, nil
		}))["client credentials"]
		time.Sleep(time.Minute - time.Nanosecond)
		get(t, src)
		time.Sleep(time.Nanosecond)
		_, err := src.Credential(t.Context())
		if e := want(t, err, auth.AccessExpired); !strings.Contains(e.Error(), "ci oidc") || rt.count() != 1 {
			t.Errorf("asked %d times; %v", rt.count(), e)
		}
	})
}

// The issuer does not accept the assertion: nobody is told to look for a secret.
func TestL9_ARefusedAssertionIsNotCalledASecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	written := assertion(time.Hour, "x")
	write(t, file, written)
	for _, tt := range []struct {
		code  string
		cause auth.Cause
		says  string
	}{
		{"invalid_client", auth.ClientRejected, "compare issuer (iss), subject (sub) and audience (aud) of the client assertion in file " + file},
		{"invalid_request", auth.ClientNotAllowed, "take no client assertion"},
	} {
		rt := always(401, `{"error":"`+tt.code+`","error_description":"no `+written+` here"}`)
		for grant, src := range workloads(t, rt, auth.File(file)) {
			rt.forms = nil
			_, err := src.Credential(t.Context())
			e := want(t, err, tt.cause)
			if rt.count() != 1 {
				t.Errorf("%s: asked %d times", grant, rt.count())
			}
			page := e.Explain()
			if !strings.Contains(page, tt.says) || strings.Contains(page, "secret") {
				t.Errorf("%s: the advice is\n%s", grant, page)
			}
			if tt.cause == auth.ClientRejected {
				for _, s := range []string{`iss "https://cluster.example"`, `sub "system:serviceaccount:prod:reports"`, `aud "https://issuer.example"`, "file " + file} {
					if !strings.Contains(page, s) {
						t.Errorf("%s: not said: %s\n%s", grant, s, page)
					}
				}
			}
			text := printed(err)
			for _, part := range append(strings.Split(written, "."), written) {
				if strings.Contains(text, part) {
					t.Errorf("L7: %s: the assertion is shown: %s", grant, text)
				}
			}
		}
	}
}

// What the assertion says is other people's words as well.
func TestL7_ClaimsAreBoundedAndScrubbed(t *testing.T) {
	for name, claims := range map[string]map[string]any{
		"long":   {"sub": strings.Repeat("x", 1<<16), "aud": strings.Split(strings.Repeat("y,", 1000), ",")},
		"secret": {"sub": "https://user:Zebra@host/?token=YakYakYak", "iss": "line\nbreak"},
		"odd":    {"sub": 17, "aud": map[string]any{"a": "b"}, "iss": nil},
	} {
		rt := always(401, `{"error":"invalid_client"}`)
		_, err := workloads(t, rt, auth.Static(jwt(claims)))["client credentials"].Credential(t.Context())
		e := want(t, err, auth.ClientRejected)
		silent(t, name, err)
		for _, ev := range e.Evidence {
			if len(ev.Fact) > 1000 || strings.Contains(ev.Fact, "\n") {
				t.Errorf("%s: %d bytes: %q", name, len(ev.Fact), ev.Fact)
			}
		}
	}
}

func TestL7_AnAssertionDoesNotPrint(t *testing.T) {
	written := assertion(time.Hour, "x")
	rt := &answers{}
	rt.reply = func(n int, req *http.Request) (*http.Response, error) {
		if n%2 == 0 {
			return nil, errors.New("cannot send " + rt.forms[n-1].Encode())
		}
		part := strings.Split(written, ".")
		return reply(400, "text/plain", "got "+rt.forms[n-1].Encode()+" and "+written+"; claims "+part[1][8:]+" do not match "+part[2]), nil
	}
	for grant, src := range workloads(t, rt, auth.Static(written)) {
		for range 2 {
			_, err := src.Credential(t.Context())
			text := printed(err) + printed(src)
			part := strings.Split(written, ".")
			for _, part := range append(part, written, part[1][8:]) {
				if strings.Contains(text, part) {
					t.Errorf("%s: the assertion is shown: %s", grant, text)
				}
			}
		}
	}
	options := oauth.Options{ClientAssertion: auth.Static(written)}
	if strings.Contains(printed(options), written[20:]) {
		t.Error("the options print it")
	}
}

// An assertion may be good for one use: it is sent again only if it was not
// sent at all.
func TestT76_AnAssertionIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			fail  func() (*http.Response, error)
			times int
		}{
			"503":         {func() (*http.Response, error) { return reply(503, "text/html", "later"), nil }, 1},
			"half":        {func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, 1},
			"unreachable": {func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: errors.New("refused")} }, 3},
		} {
			rt := &answers{reply: func(int, *http.Request) (*http.Response, error) { return tt.fail() }}
			src := workloads(t, rt, auth.Static(assertion(time.Hour, "x")))["client credentials"]
			_, err := src.Credential(t.Context())
			want(t, err, auth.IssuerUnavailable)
			if rt.count() != tt.times {
				t.Errorf("%s: sent %d times, want %d", name, rt.count(), tt.times)
			}
		}
	})
}

func TestAssertionsAndSecretsDoNotMix(t *testing.T) {
	given := auth.Static("a.b.c")
	both := "oauth: ClientSecret and ClientAssertion are both set; a client authenticates in one way (RFC 6749 section 2.3)"
	for name, err := range map[string]error{
		"options":       second(oauth.ClientCredentials(&clientcredentials.Config{ClientID: "x", TokenURL: tokenURL}, oauth.Options{ClientAssertion: given, ClientSecret: given})),
		"configuration": second(oauth.ClientCredentials(&clientcredentials.Config{ClientID: "x", TokenURL: tokenURL, ClientSecret: "s"}, oauth.Options{ClientAssertion: given})),
		"refresh": second(oauth.RefreshToken(&oauth2.Config{ClientID: "x", ClientSecret: "s", Endpoint: oauth2.Endpoint{TokenURL: tokenURL}},
			given, oauth.Options{ClientAssertion: given})),
	} {
		if err == nil || err.Error() != both {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "x", TokenURL: tokenURL, EndpointParams: url.Values{"client_assertion": {"a.b.c"}},
	}, oauth.Options{ClientAssertion: given})
	if err == nil || !strings.Contains(err.Error(), "EndpointParams") {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }
