package oauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func TestCredentialOfAnAnswer(t *testing.T) {
	c := get(t, clientSource(t, always(200, goodToken)))
	if c.Scheme != auth.Bearer || fmt.Sprint(c.Scopes) != "[read write]" || c.Secret.Reveal() != canaryAccess || len(c.Tried) != 1 {
		t.Errorf("got %+v", c)
	}
	if p := c.Provenance; p.Kind != auth.KindOAuth || p.Name != "client credentials at https://issuer.example/token" {
		t.Errorf("found in %s", p)
	}
	if c.Expiry != c.Expiry.Round(0) {
		t.Error("L12: the expiry holds a monotonic reading")
	}
	c = get(t, refreshSource(t, always(200, `{"access_token":"a","scope":["x","y"]}`), auth.Static("r")))
	if fmt.Sprint(c.Scopes) != "[x y]" || c.Provenance.Name != "refresh token at https://issuer.example/token" {
		t.Errorf("got %+v", c)
	}
	if c = get(t, clientSource(t, always(200, `{"access_token":"a"}`))); c.Scopes != nil {
		t.Errorf("scopes that nobody stated: %v", c.Scopes)
	}
}

// The type decides the scheme, and nothing is sent as what it is not. Trap 7.
func TestTrap66_TokenType(t *testing.T) {
	for tokenType, scheme := range map[string]auth.Scheme{
		"": auth.Bearer, "bearer": auth.Bearer, "BEARER": auth.Bearer, "token": auth.Token,
		"DPoP": nil, "mac": nil, "N_A": nil, "Basic": nil, "bearer ": nil,
	} {
		body := `{"access_token":"` + canaryAccess + `","token_type":"` + tokenType + `"}`
		c, err := clientSource(t, always(200, body)).Credential(t.Context())
		f, ferr := oauth.FromTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: canaryAccess, TokenType: tokenType})).Credential(t.Context())
		if scheme == nil {
			want(t, err, auth.WrongScheme)
			want(t, ferr, auth.WrongScheme)
			silent(t, "wrong type", err)
			continue
		}
		if err != nil || ferr != nil || c.Scheme != scheme || f.Scheme != scheme {
			t.Errorf("%q: %v %v", tokenType, err, ferr)
		}
	}
}

func TestTrap66_FormsOfAnAnswer(t *testing.T) {
	for name, tt := range map[string]struct{ contentType, body string }{
		"JSON":                  {"application/json", `{"access_token":"a","expires_in":60}`},
		"byte order mark":       {"application/json", "\ufeff" + `{"access_token":"a","expires_in":60}`},
		"no content type":       {"", ` {"access_token":"a","expires_in":60}`},
		"JSON as text/plain":    {"text/plain", `{"access_token":"a","expires_in":60}`},
		"form":                  {"application/x-www-form-urlencoded; charset=utf-8", `access_token=a&expires_in=60`},
		"form as text":          {"text/plain", `access_token=a&expires_in=60&token_type=bearer`},
		"other members":         {"application/json", `{"access_token":"a","expires_in":60,"x":{"y":[1]},"id_token":null}`},
		"members of wrong type": {"application/json", `{"access_token":"a","expires_in":60,"refresh_token":false,"scope":3,"error":null}`},
	} {
		rt := &answers{reply: func(int, *http.Request) (*http.Response, error) { return reply(200, tt.contentType, tt.body), nil }}
		if c, err := clientSource(t, rt).Credential(t.Context()); err != nil || c.Secret.Reveal() != "a" || c.Expiry.IsZero() {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
}

// T62.
func TestTrap25_ExpiresIn(t *testing.T) {
	const wire = 2 * time.Second // the time that the exchange takes
	for _, tt := range []struct {
		value string
		life  time.Duration // from when the token was there; 0: not stated
	}{
		{`3600`, time.Hour - wire},
		{`"3600"`, time.Hour - wire},
		{`" 3600 "`, time.Hour - wire},
		{`3600.0`, time.Hour - wire},
		{`3.6e3`, time.Hour - wire},
		{`"3.6e3"`, time.Hour - wire},
		{`2.5`, 500 * time.Millisecond},
		{`null`, 0},
		{`""`, 0},
		{`0`, time.Minute},
		{`-1`, time.Minute},
		{`"0"`, time.Minute},
		{`-1e400`, time.Minute},
		{`"NaN"`, time.Minute},
		{`"soon"`, time.Minute},
		{`{}`, time.Minute},
		{`2147483648`, (1<<31-1)*time.Second - wire},
		{`99999999999999999999999`, (1<<31-1)*time.Second - wire},
		{`1e400`, (1<<31-1)*time.Second - wire},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
				time.Sleep(wire) // of the bubble's clock
				return reply(200, "application/json", `{"access_token":"a","expires_in":`+tt.value+`}`), nil
			}}
			c := get(t, clientSource(t, rt))
			if tt.life == 0 {
				if !c.Expiry.IsZero() {
					t.Errorf("%s: expires in %s", tt.value, time.Until(c.Expiry))
				}
				return
			}
			if life := c.Expiry.Sub(time.Now().Round(0)); life != tt.life {
				t.Errorf("%s: lives %s, want %s", tt.value, life, tt.life)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		if c := get(t, clientSource(t, always(200, `{"access_token":"a"}`))); !c.Expiry.IsZero() {
			t.Errorf("absent: expires %s", c.Expiry)
		}
	})
}

// rotating is an issuer that gives a new refresh token each time, and accepts
// the last one only.
func rotating(t testing.TB) *answers {
	valid := canaryRefresh
	var inside atomic.Int32
	a := &answers{}
	a.reply = func(n int, _ *http.Request) (*http.Response, error) {
		if inside.Add(1) > 1 {
			t.Error("two exchanges of one refresh token at the same time")
		}
		defer inside.Add(-1)
		a.mu.Lock()
		sent := a.forms[n-1].Get("refresh_token")
		a.mu.Unlock()
		if sent != valid {
			return reply(400, "application/json", `{"error":"invalid_grant"}`), nil
		}
		valid = fmt.Sprintf("%s-%d", canaryRotated, n)
		return reply(200, "application/x-www-form-urlencoded", url.Values{
			"access_token": {fmt.Sprintf("%s-%d", canaryAccess, n)}, "refresh_token": {valid}, "expires_in": {"60"},
		}.Encode()), nil
	}
	return a
}

// T33.
func TestTrap65_RefreshTokenIsReplacedOrKept(t *testing.T) {
	bodies := []string{`{"access_token":"a","refresh_token":"second"}`, `{"access_token":"b"}`, `{"access_token":"c","refresh_token":""}`, `{"access_token":"d","refresh_token":"third"}`, `{"access_token":"e"}`}
	rt := &answers{reply: func(n int, _ *http.Request) (*http.Response, error) {
		return reply(200, "application/json", bodies[n-1]), nil
	}}
	src := refreshSource(t, rt, auth.Static("first"))
	var sent []string
	for i := range bodies {
		get(t, src)
		sent = append(sent, rt.forms[i].Get("refresh_token"))
	}
	if got := strings.Join(sent, " "); got != "first second second second third" {
		t.Errorf("sent %s", got)
	}
}

// The new refresh token is in force before anything else is made of the answer.
func TestL3_RefreshTokenIsTakenOverFirst(t *testing.T) {
	rt := &answers{reply: func(n int, _ *http.Request) (*http.Response, error) {
		if n == 1 {
			return reply(200, "application/json", `{"access_token":"a","token_type":"DPoP","refresh_token":"second"}`), nil
		}
		return reply(200, "application/json", `{"access_token":"b"}`), nil
	}}
	src := refreshSource(t, rt, auth.Static("first"))
	_, err := src.Credential(t.Context())
	want(t, err, auth.WrongScheme)
	get(t, src)
	if got := rt.forms[1].Get("refresh_token"); got != "second" {
		t.Errorf("the second exchange sent %q", got)
	}
}

// Whatever the number of callers, one exchange follows another.
func TestL2_ExchangesOfOneRefreshTokenFollowOneAnother(t *testing.T) {
	src := refreshSource(t, rotating(t), auth.Static(canaryRefresh))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := src.Credential(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestL2_ReplacedCredentialIsAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := rotating(t)
		src := refreshSource(t, rt, auth.Static(canaryRefresh))
		stale := get(t, src)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if c, err := src.Refresh(t.Context(), stale); err != nil || c.Same(stale) {
					t.Errorf("got %v, %v", c, err)
				}
			})
		}
		wg.Wait()
		if rt.count() != 2 {
			t.Errorf("%d exchanges", rt.count())
		}
		// One that has expired is not adopted.
		time.Sleep(2 * time.Minute)
		if c, err := src.Refresh(t.Context(), stale); err != nil || rt.count() != 3 || time.Now().After(c.Expiry) {
			t.Errorf("%d exchanges: %v", rt.count(), err)
		}
	})
}

func TestL4_WaitingForATurnHonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
			<-free
			return reply(200, "application/json", goodToken), nil
		}}
		src := refreshSource(t, rt, auth.Static("r"))
		first := make(chan error)
		go func() { _, err := src.Credential(context.Background()); first <- err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := src.Credential(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(free)
		if err := <-first; err != nil || rt.count() != 1 {
			t.Errorf("got %v after %d requests", err, rt.count())
		}
	})
}

// Somebody logs in again: the new refresh token is picked up without a restart.
func TestNewLoginIsPickedUp(t *testing.T) {
	login := "first"
	failing := false
	initial := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		if failing {
			return nil, &auth.Error{Cause: auth.SourceLocked, Evidence: []auth.Evidence{{Source: "keyring", Fact: "locked"}}}
		}
		return &auth.Credential{Secret: auth.NewSecret(login)}, nil
	})
	rt := &answers{reply: func(n int, _ *http.Request) (*http.Response, error) {
		return reply(200, "application/json", fmt.Sprintf(`{"access_token":"a%d","refresh_token":"rotated%d"}`, n, n)), nil
	}}
	src := refreshSource(t, rt, initial)
	get(t, src) // first
	get(t, src) // rotated1
	failing = true
	get(t, src) // rotated2: a locked keyring takes nothing away
	failing = false
	login = "second"
	get(t, src)
	get(t, src)
	var sent []string
	for _, f := range rt.forms {
		sent = append(sent, f.Get("refresh_token"))
	}
	if got := strings.Join(sent, " "); got != "first rotated1 rotated2 second rotated4" {
		t.Errorf("sent %s", got)
	}
}

// What the client secret's source says of its failure is the answer.
func TestClientSecretThatIsMissing(t *testing.T) {
	t.Setenv("ACME_CLIENT_SECRET", "")
	rt := always(200, goodToken)
	src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: "a", TokenURL: tokenURL}, oauth.Options{ClientSecret: auth.Env("ACME_CLIENT_SECRET"), Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.Credential(t.Context())
	if e := want(t, err, auth.EmptyCredential); !strings.Contains(e.Error(), "ACME_CLIENT_SECRET") || rt.count() != 0 {
		t.Errorf("got %v after %d requests", e, rt.count())
	}
	// Secrets rotate: each exchange reads anew.
	for _, secret := range []string{"one", "two"} {
		t.Setenv("ACME_CLIENT_SECRET", secret)
		get(t, src)
		got, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rt.auths[len(rt.auths)-1], "Basic "))
		if string(got) != "a:"+secret {
			t.Errorf("sent %s", got)
		}
	}
}

// A source that returns nothing, or something empty, or that hangs, is named.
func TestTrap29_SecretsThatAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			src   auth.SourceFunc
			cause auth.Cause
		}{
			"nil":   {func(context.Context) (*auth.Credential, error) { return nil, nil }, auth.SourceFailed},
			"empty": {func(context.Context) (*auth.Credential, error) { return &auth.Credential{}, nil }, auth.SourceFailed},
			"error": {func(context.Context) (*auth.Credential, error) { return nil, io.ErrClosedPipe }, auth.SourceFailed},
			"hangs": {func(ctx context.Context) (*auth.Credential, error) { <-ctx.Done(); return nil, ctx.Err() }, auth.SourceTimeout},
		} {
			rt := always(200, goodToken)
			_, err := refreshSource(t, rt, tt.src).Credential(t.Context())
			want(t, err, tt.cause)
			src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: "a", TokenURL: tokenURL}, oauth.Options{ClientSecret: tt.src, Transport: rt})
			if err != nil {
				t.Fatal(err)
			}
			_, err = src.Credential(t.Context())
			want(t, err, tt.cause)
			if rt.count() != 0 {
				t.Errorf("%s: %d requests", name, rt.count())
			}
		}
	})
}

// A source outlives the request that it was first used for.
func TestTrap40_ContextsAreNotKept(t *testing.T) {
	request, end := context.WithCancel(t.Context())
	rt := always(200, `{"access_token":"a","expires_in":0}`)
	app, refresh := clientSource(t, rt), refreshSource(t, rt, auth.Static("r"))
	token := oauth.TokenSource(request, app)
	for _, src := range []auth.Source{app, refresh} {
		if _, err := src.Credential(request); err != nil {
			t.Fatal(err)
		}
	}
	end()
	get(t, app)
	get(t, refresh)
	if _, err := token.Token(); err != nil {
		t.Error(err)
	}
}

func TestL6_Validation(t *testing.T) {
	secret := oauth.Options{ClientSecret: auth.Static(canaryClient)}
	app := func(c clientcredentials.Config, o oauth.Options) error {
		_, err := oauth.ClientCredentials(&c, o)
		return err
	}
	user := func(c oauth2.Config, initial auth.Source, o oauth.Options) error {
		_, err := oauth.RefreshToken(&c, initial, o)
		return err
	}
	at := func(u string) clientcredentials.Config {
		return clientcredentials.Config{ClientID: "a", TokenURL: u}
	}
	for _, tt := range []struct {
		name   string
		err    error
		fields []string // that the error names; none: no error
	}{
		{"good", app(at(tokenURL), secret), nil},
		{"query", app(at(tokenURL+"?key=1"), secret), nil},
		{"loopback", app(at("http://127.0.0.1:8080/token"), secret), nil},
		{"loopback v6", app(at("http://[::1]/token"), secret), nil},
		{"localhost", app(at("http://localhost/token"), secret), nil},
		{"localhost that a proxy would get", app(at("http://LOCALHOST:9/token"), secret), []string{"TokenURL must begin with https://"}},
		{"localhost with a dot", app(at("http://localhost.:9/token"), secret), []string{"TokenURL must begin with https://"}},
		{"LOCALHOST by https", app(at("https://LOCALHOST:9/token"), secret), nil},
		{"everything", app(clientcredentials.Config{AuthStyle: 7}, oauth.Options{}), []string{"ClientID is empty", "ClientSecret is missing", "TokenURL is empty", "AuthStyle is none"}},
		{"clear text", app(at("http://issuer.example/token"), secret), []string{"TokenURL must begin with https://"}},
		{"looks local", app(at("http://127.0.0.1.evil.example/token"), secret), []string{"TokenURL must begin with https://"}},
		{"no scheme", app(at("issuer.example/token"), secret), []string{"TokenURL is not an absolute URL"}},
		{"opaque", app(at("https:issuer.example"), secret), []string{"TokenURL is not an absolute URL"}},
		{"ftp", app(at("ftp://issuer.example/"), secret), []string{"TokenURL must begin with https://"}},
		{"user", app(at("https://u:"+canaryClient[:8]+"@issuer.example/token"), secret), []string{"TokenURL must not contain user information"}},
		{"broken", app(at("https://u:"+canaryClient+"@issuer.example/%zz"), secret), []string{"TokenURL is not an absolute URL"}},
		{"fragment", app(at(tokenURL+"#"), secret), []string{"TokenURL must not have a fragment"}},
		{"two secrets", app(clientcredentials.Config{ClientID: "a", ClientSecret: canaryClient, TokenURL: tokenURL}, secret), []string{"ClientSecret is set in the configuration and in the Options"}},
		{"params", app(clientcredentials.Config{ClientID: "a", TokenURL: tokenURL, EndpointParams: url.Values{"client_secret": {canaryClient}, "scope": {"x"}, "audience": {"y"}}}, secret), []string{"EndpointParams must not contain client_secret", "EndpointParams must not contain scope"}},
		{"mutual TLS", app(at(tokenURL), oauth.Options{Transport: &http.Transport{}}), nil},
		{"assertion", app(clientcredentials.Config{ClientID: "a", TokenURL: tokenURL, EndpointParams: url.Values{"client_assertion": {canaryParam}}}, oauth.Options{}), nil},
		{"public client", user(oauth2.Config{ClientID: "a", Endpoint: oauth2.Endpoint{TokenURL: tokenURL}}, auth.Static("r"), oauth.Options{}), nil},
		{"everything, refresh", user(oauth2.Config{Endpoint: oauth2.Endpoint{AuthStyle: -1}}, nil, oauth.Options{}), []string{"ClientID is empty", "Endpoint.TokenURL is empty", "Endpoint.AuthStyle is none", "refresh token is nil"}},
	} {
		if tt.fields == nil {
			if tt.err != nil {
				t.Errorf("%s: %v", tt.name, tt.err)
			}
			continue
		}
		if tt.err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		text := tt.err.Error()
		for _, f := range tt.fields {
			if !strings.Contains(text, f) {
				t.Errorf("%s: %q is not in %q", tt.name, f, text)
			}
		}
		if n := strings.Count(text, "oauth: "); n != len(tt.fields) {
			t.Errorf("%s: %d complaints, want %d: %q", tt.name, n, len(tt.fields), text)
		}
		silent(t, tt.name, tt.err)
	}
	if _, err := oauth.ClientCredentials(nil, oauth.Options{}); err == nil {
		t.Error("a nil configuration is accepted")
	}
	if _, err := oauth.RefreshToken(nil, nil, oauth.Options{}); err == nil {
		t.Error("a nil configuration is accepted")
	}
}

// The configuration is copied: what the caller does to it later changes nothing.
func TestConfigurationIsCopied(t *testing.T) {
	rt := always(200, goodToken)
	c := &clientcredentials.Config{ClientID: "a", ClientSecret: "s", TokenURL: tokenURL, Scopes: []string{"x"}, EndpointParams: url.Values{"audience": {"api"}}}
	src, err := oauth.ClientCredentials(c, oauth.Options{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	c.TokenURL, c.Scopes[0], c.EndpointParams["audience"][0] = "https://other.example", "y", "other"
	get(t, src)
	if f := rt.forms[0]; f.Get("scope") != "x" || f.Get("audience") != "api" {
		t.Errorf("sent %v", f)
	}
}

// An assertion may be good for one use, so it is not repeated.
func TestT76_AssertionIsNotRepeated(t *testing.T) {
	rt := always(503, ``)
	src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: "a", TokenURL: tokenURL, EndpointParams: url.Values{"client_assertion": {canaryParam}}}, oauth.Options{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.Credential(t.Context())
	want(t, err, auth.IssuerUnavailable)
	if rt.count() != 1 {
		t.Errorf("sent %d times", rt.count())
	}
	silent(t, "error", err)
	silent(t, "source", src)
}

// With the cache in front, a crowd makes one exchange.
func TestL2_BehindTheCache(t *testing.T) {
	rt := rotating(t)
	cache := auth.Cached(refreshSource(t, rt, auth.Static(canaryRefresh)))
	defer func() { _ = cache.Close() }()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := cache.Credential(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if rt.count() != 1 {
		t.Errorf("%d exchanges", rt.count())
	}
}
