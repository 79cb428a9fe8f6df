package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
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

type tokenFunc func() (*oauth2.Token, error)

func (f tokenFunc) Token() (*oauth2.Token, error) { return f() }

func TestFromTokenSource(t *testing.T) {
	expiry := time.Now().Add(time.Hour)
	token := (&oauth2.Token{AccessToken: "a", Expiry: expiry}).WithExtra(map[string]any{"scope": "x y"})
	src := oauth.FromTokenSource(oauth2.StaticTokenSource(token))
	c := get(t, src)
	if c.Secret.Reveal() != "a" || c.Scheme != auth.Bearer || !c.Expiry.Equal(expiry) || c.Expiry != c.Expiry.Round(0) || strings.Join(c.Scopes, " ") != "x y" {
		t.Errorf("got %+v", c)
	}
	if got := c.Provenance.String(); got != "oauth token source oauth2.staticTokenSource" {
		t.Errorf("found in %s", got)
	}
	// It caches, so there is nothing else; why is told.
	again, err := src.Refresh(t.Context(), c)
	if err != nil || !again.Same(c) || !strings.Contains(again.Tried[0].Answer, "it caches") {
		t.Errorf("got %+v, %v", again, err)
	}
	if strings.Contains(c.Tried[0].Answer, "caches") {
		t.Error("a credential that was handed out has been changed")
	}
	n := 0
	fresh := oauth.FromTokenSource(tokenFunc(func() (*oauth2.Token, error) {
		n++
		return &oauth2.Token{AccessToken: strings.Repeat("a", n)}, nil
	}))
	if again, err = fresh.Refresh(t.Context(), get(t, fresh)); err != nil || again.Tried[0].Answer != "found" {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestTrap29_TokensThatAreNone(t *testing.T) {
	for name, src := range map[string]oauth2.TokenSource{
		"nil source":  nil,
		"nil token":   tokenFunc(func() (*oauth2.Token, error) { return nil, nil }),
		"empty token": oauth2.StaticTokenSource(&oauth2.Token{RefreshToken: "r"}),
		"error":       tokenFunc(func() (*oauth2.Token, error) { return nil, io.ErrClosedPipe }),
		"goexit":      tokenFunc(func() (*oauth2.Token, error) { runtime.Goexit(); return nil, nil }),
		"hollow":      tokenFunc(func() (*oauth2.Token, error) { return nil, &oauth2.RetrieveError{ErrorCode: "x"} }),
	} {
		_, err := oauth.FromTokenSource(src).Credential(t.Context())
		want(t, err, auth.SourceFailed)
		if name == "error" && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Trap 88: got %v", err)
		}
	}
	for name, src := range map[string]auth.Source{
		"nil source":     nil,
		"nil credential": auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return nil, nil }),
		"empty":          auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return &auth.Credential{}, nil }),
	} {
		if token, err := oauth.TokenSource(t.Context(), src).Token(); err == nil {
			t.Errorf("%s: got %v", name, token)
		}
	}
	_, err := oauth.TokenSource(t.Context(), auth.Env("REAUTH_TEST_UNSET")).Token()
	want(t, err, auth.MissingCredential)
}

// Token has no context; ours counts all the same, and one that hangs for good
// keeps one goroutine, not one for each caller.
func TestTrap36_TokenThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		free := make(chan struct{})
		src := oauth.FromTokenSource(tokenFunc(func() (*oauth2.Token, error) {
			calls.Add(1)
			<-free
			return &oauth2.Token{AccessToken: "a"}, nil
		}))
		began := time.Now()
		_, err := src.Credential(t.Context())
		if e := want(t, err, auth.SourceTimeout); time.Since(began) != 10*time.Second || !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("took %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := src.Credential(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls hang", calls.Load())
		}
		close(free)
		synctest.Wait()
		if c := get(t, src); c.Secret.Reveal() != "a" || calls.Load() != 2 {
			t.Errorf("%d calls", calls.Load())
		}
		if _, err := src.Credential(ctx); !errors.Is(err, context.Canceled) || calls.Load() != 2 {
			t.Errorf("cancelled before: %v", err)
		}
	})
}

// x/oauth2's own errors hold the whole exchange. They are judged like ours, and
// nothing of them that is secret goes on.
func TestL7_ErrorsOfForeignTokenSources(t *testing.T) {
	rt := &answers{}
	rt.reply = func(n int, req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "down") {
			return nil, io.ErrUnexpectedEOF
		}
		return reply(400, "application/json", `{"error":"invalid_grant","error_description":"no `+canaryRefresh[:9]+`","debug":"`+rt.forms[n-1].Encode()+req.Header.Get("Authorization")+`"}`), nil
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: rt})
	conf := oauth2.Config{ClientID: "a", ClientSecret: canaryClient, Endpoint: oauth2.Endpoint{TokenURL: tokenURL + "?key=" + url.QueryEscape(canaryParam), AuthStyle: oauth2.AuthStyleInHeader}}
	refused := oauth.FromTokenSource(conf.TokenSource(ctx, &oauth2.Token{RefreshToken: canaryRefresh}))
	_, err := refused.Credential(t.Context())
	e := want(t, err, auth.RefreshRejected)
	silent(t, "refused", err)
	silent(t, "source", refused)
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || r.ErrorCode != "invalid_grant" || e.Confidence != auth.Certain || e.Request != "POST "+tokenURL {
		t.Errorf("got %v for %s", err, e.Request)
	}

	conf.Endpoint.TokenURL = "https://issuer.example/down?key=" + url.QueryEscape(canaryParam)
	_, err = oauth.FromTokenSource(conf.TokenSource(ctx, &oauth2.Token{RefreshToken: canaryRefresh})).Credential(t.Context())
	want(t, err, auth.IssuerUnavailable)
	silent(t, "down", err)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Trap 88: got %v", err)
	}

	own := &auth.Error{Cause: auth.SourceLocked, Evidence: []auth.Evidence{{Source: "keyring", Fact: "locked"}}}
	_, err = oauth.FromTokenSource(tokenFunc(func() (*oauth2.Token, error) { return nil, own })).Credential(t.Context())
	if err != error(own) {
		t.Errorf("our own diagnosis was replaced by %v", err)
	}
}

// The commonest mistake with x/oauth2: a token source made with the context of
// one request. It is told as what it is.
func TestTrap40_ForeignSourceThatKeptAContext(t *testing.T) {
	request, end := context.WithCancel(t.Context())
	end()
	conf := clientcredentials.Config{ClientID: "a", ClientSecret: "s", TokenURL: "http://127.0.0.1:1/", AuthStyle: oauth2.AuthStyleInHeader}
	_, err := oauth.FromTokenSource(conf.TokenSource(request)).Credential(t.Context())
	if e := want(t, err, auth.SourceFailed); !strings.Contains(e.Error(), "lives as long as the program") || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTokenSource(t *testing.T) {
	expiry := time.Now().Add(time.Hour).Round(0)
	for _, tt := range []struct {
		c      auth.Credential
		header string
	}{
		{auth.Credential{Secret: auth.NewSecret("a"), Expiry: expiry}, "Bearer a"},
		{auth.Credential{Secret: auth.NewSecret("a"), Scheme: auth.Bearer}, "Bearer a"},
		{auth.Credential{Secret: auth.NewSecret("a"), Scheme: auth.Token}, "token a"},
		{auth.Credential{Secret: auth.NewSecret("p"), Username: "u", Scheme: auth.Basic}, "Basic dTpw"},
		{auth.Credential{Secret: auth.NewSecret("a"), Scheme: auth.APIKeyHeader("X-Api-Key")}, ""},
		{auth.Credential{Secret: auth.NewSecret("a"), Scheme: auth.APIKeyHeader("Authorization")}, ""},
		{auth.Credential{Secret: auth.NewSecret("a b"), Scheme: auth.APIKeyQuery("key")}, ""},
	} {
		src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return &tt.c, nil })
		token, err := oauth.TokenSource(t.Context(), src).Token()
		if tt.header == "" {
			want(t, err, auth.WrongScheme)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		req, _ := http.NewRequest("GET", "https://api.example", nil)
		token.SetAuthHeader(req)
		if got := req.Header.Get("Authorization"); got != tt.header || !token.Expiry.Equal(tt.c.Expiry) {
			t.Errorf("got %q, want %q", got, tt.header)
		}
	}
	bad := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		return &auth.Credential{Secret: auth.NewSecret("p"), Scheme: auth.Basic}, nil
	})
	if _, err := oauth.TokenSource(t.Context(), bad).Token(); err == nil || !strings.Contains(err.Error(), "user name") {
		t.Errorf("got %v", err)
	}
}

// There and back again.
func TestTokenSourceRoundTrip(t *testing.T) {
	rt := always(200, goodToken)
	src := clientSource(t, rt)
	back := oauth.FromTokenSource(oauth2.ReuseTokenSource(nil, oauth.TokenSource(t.Context(), src)))
	first, second := get(t, back), get(t, back)
	if !first.Same(second) || rt.count() != 1 || !bytes.Equal([]byte(first.Secret.Reveal()), []byte(canaryAccess)) {
		t.Errorf("%d exchanges", rt.count())
	}
	_, err := oauth.FromTokenSource(oauth.TokenSource(t.Context(), auth.Env("REAUTH_TEST_UNSET"))).Credential(t.Context())
	want(t, err, auth.MissingCredential)
}

// Nobody can cancel Token, so it ends by itself.
func TestL10_TokenIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) { <-ctx.Done(); return nil, ctx.Err() })
		began := time.Now()
		if _, err := oauth.TokenSource(t.Context(), src).Token(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

// A token source of others that panics costs the caller an error, and not the
// program its life.
func TestTokenThatPanics(t *testing.T) {
	for name, token := range map[string]func() (*oauth2.Token, error){
		"panic": func() (*oauth2.Token, error) { panic("no, by " + canaryRefresh) },
		"error": func() (*oauth2.Token, error) { panic(errors.New(canaryRefresh)) },
		"nil": func() (*oauth2.Token, error) {
			var c *oauth2.Token
			return &oauth2.Token{AccessToken: c.AccessToken}, nil
		},
		"goexit": func() (*oauth2.Token, error) { runtime.Goexit(); return nil, nil },
	} {
		src := oauth.FromTokenSource(tokenFunc(token))
		for range 2 { // the second call is not kept waiting by the first
			_, err := src.Credential(t.Context())
			e := want(t, err, auth.SourceFailed)
			silent(t, name, err)
			words := map[string]string{"panic": "type string", "error": "*errors.errorString", "nil": "runtime.", "goexit": "ended its goroutine"}[name]
			if !strings.Contains(e.Error(), words) {
				t.Errorf("%s: got %v", name, e)
			}
		}
	}
}
