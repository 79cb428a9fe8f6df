package refusals_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/resource"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// An API that is the issuer's own: the endpoint that tells who has logged in.
func TestIssuer_Userinfo(t *testing.T) {
	t.Parallel()
	iss := issuer.Start(t, issuer.Config{AccessTTL: 10 * time.Minute})
	short := issuer.Start(t, issuer.Config{AccessTTL: time.Second})
	expired := short.Login("openid offline_access").AccessToken
	outdated := machine(t, short)
	good, revoked, meagre := iss.Login("openid offline_access"), iss.Login("openid offline_access"), iss.Login("offline_access api:read")
	wantServed(t, iss.UserinfoURL, bearer(good.AccessToken))
	iss.Revoke(issuer.Native, revoked.AccessToken)
	wantDead(t, iss, revoked.AccessToken)
	wantDead(t, short, expired)
	end := auth.StatedExpiry(auth.NewSecret(outdated)).Add(time.Second) // what curl saves tells whole seconds
	sandbox.Poll(t, 10*time.Second, "the JWT expires", func() bool { return time.Now().After(end) })

	run(t, []refusal{
		{name: "nothing", url: iss.UserinfoURL, sent: nothing(), cause: auth.NotSent, certain: true, differs: keptBack, why: keptBackWhy},
		{name: "no token at all", url: iss.UserinfoURL, sent: bearer("canary-giraffe-5520-canary-okapi"), cause: auth.InvalidCredential},
		{name: "an expired token", url: short.UserinfoURL, sent: bearer(expired), cause: auth.InvalidCredential, truth: auth.AccessExpired},
		{name: "a revoked token", url: iss.UserinfoURL, sent: bearer(revoked.AccessToken), cause: auth.InvalidCredential, truth: auth.AccessRevoked},
		{name: "a token for another API", url: iss.UserinfoURL, sent: bearer(machine(t, iss)), cause: auth.InvalidCredential, truth: auth.WrongAudience},
		{name: "an expired token for another API", url: short.UserinfoURL, sent: bearer(outdated), cause: auth.AccessExpired, certain: true},
		{name: "a refresh token", url: iss.UserinfoURL, sent: bearer(good.RefreshToken), cause: auth.InvalidCredential},
		{name: "a missing scope", url: iss.UserinfoURL, sent: bearer(meagre.AccessToken), cause: auth.InsufficientScope, certain: true},
		{name: "a scope that was not granted", url: iss.UserinfoURL + "?scope=email", sent: bearer(good.AccessToken), cause: auth.InsufficientScope, certain: true},
		{name: "a token without a scheme", url: iss.UserinfoURL, sent: header("", good.AccessToken), passes: true, why: badRequest, told: auth.WrongScheme},
		{name: "Basic", url: iss.UserinfoURL, sent: pair(alice, password), passes: true, why: badRequest, told: auth.WrongScheme},
	})
}

// badRequest is why the transport leaves a refusal alone.
const badRequest = "the status is 400, as RFC 6750 section 3.1 wants it for invalid_request: most such answers are about something else, and the transport lets them pass; who asks the command wants to know"

// An API of somebody else's that asks the issuer about each token.
func TestIssuer_API(t *testing.T) {
	t.Parallel()
	iss := issuer.Start(t, issuer.Config{AccessTTL: 10 * time.Minute})
	short := issuer.Start(t, issuer.Config{AccessTTL: time.Second})
	api, shortAPI := resource.Start(t, iss, resource.Config{}), resource.Start(t, short, resource.Config{})
	expired, revoked, accepted := opaque(t, short), opaque(t, iss), opaque(t, iss)
	wantServed(t, api.URL, bearer(revoked))
	iss.Revoke(issuer.Basic, revoked)
	wantDead(t, short, expired)

	run(t, []refusal{
		{name: "nothing", url: api.URL + "/v1/me", sent: nothing(), cause: auth.NotSent, certain: true, differs: keptBack, why: keptBackWhy},
		{name: "an expired token", url: shortAPI.URL + "/v1/me", sent: bearer(expired), cause: auth.InvalidCredential, truth: auth.AccessExpired},
		{name: "a revoked token", url: api.URL + "/v1/me", sent: bearer(revoked), cause: auth.InvalidCredential, truth: auth.AccessRevoked},
		{name: "a token of another issuer", url: api.URL + "/v1/me", sent: bearer(opaque(t, short)), cause: auth.InvalidCredential},
		{
			name: "a token that is revoked while it is used", url: api.URL + "/v1/me", sent: bearer(accepted), cause: auth.AccessExpired, truth: auth.AccessRevoked,
			ask: func(t *testing.T) error {
				c, err := reauth.New(reauth.Config{Source: auth.Static(accepted), BaseURL: api.URL})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if err := c.Get(t.Context(), "/v1/me", nil); err != nil {
					t.Fatal(err)
				}
				iss.Revoke(issuer.Basic, accepted)
				return c.Get(t.Context(), "/v1/me", nil)
			},
			differs: []string{"cause", "step", "fixer", "others"}, told: auth.InvalidCredential,
			why: "only the transport knows that the token was accepted a moment ago",
		},
	})
}

// What a token endpoint's answer is to the two sides.
var (
	atTokens    = []string{"confidence", "others"}
	atTokensWhy = "the transport knows that this address is a token endpoint, where each code has one meaning, and looks at nothing else; the command sees an address like others"
)

func TestIssuer_TokenEndpoint(t *testing.T) {
	t.Parallel()
	iss := issuer.Start(t, issuer.Config{})
	short := issuer.Start(t, issuer.Config{RefreshTTL: time.Second})
	expired := short.Login("openid offline_access").RefreshToken
	revoked := iss.Login("openid offline_access").RefreshToken
	iss.Revoke(issuer.Native, revoked)
	others := iss.Login("openid offline_access").RefreshToken
	sandbox.Poll(t, 10*time.Second, "the refresh token expires", func() bool { return !alive(t, short, expired) })

	var cases []refusal
	client := func(name string, c issuer.Client, more url.Values, style oauth2.AuthStyle, cause auth.Cause) *refusal {
		r := refusal{name: name, url: iss.TokenURL, form: url.Values{"grant_type": {"client_credentials"}}, cause: cause, certain: true, differs: atTokens, why: atTokensWhy}
		for k, v := range more {
			r.form[k] = v
		}
		if style == oauth2.AuthStyleInParams {
			r.form.Set("client_id", c.ID)
			r.form.Set("client_secret", c.Secret)
		} else {
			r.sent = pair(c.ID, c.Secret)
		}
		r.ask = func(t *testing.T) error {
			src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: c.ID, TokenURL: iss.TokenURL, AuthStyle: style, Scopes: more["scope"], EndpointParams: url.Values{"resource": more["resource"]}},
				oauth.Options{ClientSecret: auth.Static(c.Secret)})
			return use(t, src, err)
		}
		cases = append(cases, r)
		return &cases[len(cases)-1]
	}
	const wrong = "canary-giraffe-5520"
	// A challenge comes to who has tried the header.
	announced := append(atTokens[:2:2], "challenges")
	client("a wrong client secret", issuer.Client{ID: issuer.Basic.ID, Secret: wrong}, nil, oauth2.AuthStyleInHeader, auth.ClientRejected).differs = announced
	client("an unknown client", issuer.Client{ID: "cc-nobody", Secret: wrong}, nil, oauth2.AuthStyleInHeader, auth.ClientRejected).differs = announced
	client("a wrong client secret in the form", issuer.Client{ID: issuer.Post.ID, Secret: wrong}, nil, oauth2.AuthStyleInParams, auth.ClientRejected)
	banned := client("a grant that the client may not use", issuer.API, nil, oauth2.AuthStyleInHeader, auth.ClientNotAllowed)
	banned.certain, banned.differs = false, atTokens[1:] // invalid_request means many things, there as well
	client("a resource that nobody knows", issuer.Post, url.Values{"resource": {"urn:example:nowhere"}}, oauth2.AuthStyleInParams, auth.WrongAudience)
	client("a scope that the client may not have", issuer.Narrow, url.Values{"resource": {issuer.Resource}, "scope": {"api:write"}}, oauth2.AuthStyleInHeader, auth.ClientNotAllowed)

	refresh := func(name string, iss *issuer.Issuer, c issuer.Client, token string, cause auth.Cause) {
		cases = append(cases, refusal{
			name: name, url: iss.TokenURL, cause: cause, certain: true, differs: atTokens, why: atTokensWhy,
			form: url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ID}, "refresh_token": {token}},
			ask: func(t *testing.T) error {
				src, err := oauth.RefreshToken(&oauth2.Config{ClientID: c.ID, Endpoint: oauth2.Endpoint{TokenURL: iss.TokenURL}}, auth.Static(token), oauth.Options{})
				return use(t, src, err)
			},
		})
	}
	refresh("no refresh token at all", iss, issuer.Native, wrong+"-canary-okapi", auth.RefreshRejected)
	refresh("a revoked refresh token", iss, issuer.Native, revoked, auth.RefreshRejected)
	refresh("an expired refresh token", short, issuer.Native, expired, auth.RefreshRejected)
	refresh("a refresh token of another client", iss, issuer.Device, others, auth.RefreshRejected)
	run(t, cases)
}

// use asks a client whose credential comes from src for anything.
func use(t *testing.T, src auth.Source, err error) error {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	c, err := reauth.New(reauth.Config{Source: src, BaseURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return c.Get(ctx, "/v1/me", nil)
}

// machine is a program's token for an API of its own, a JWT, and opaque one that
// only the issuer can read.
func machine(t *testing.T, iss *issuer.Issuer) string {
	return token(t, iss, url.Values{"resource": {issuer.Resource}, "scope": {"api:read"}})
}
func opaque(t *testing.T, iss *issuer.Issuer) string { return token(t, iss, nil) }

func token(t *testing.T, iss *issuer.Issuer, form url.Values) string {
	t.Helper()
	tok, err := iss.ClientCredentials(issuer.Basic, form)
	if err != nil {
		t.Fatal(err)
	}
	return tok.AccessToken
}

// wantDead waits until the issuer itself calls a token dead.
func wantDead(t *testing.T, iss *issuer.Issuer, token string) {
	t.Helper()
	sandbox.Poll(t, 10*time.Second, "the token dies", func() bool { return !alive(t, iss, token) })
}

func alive(t *testing.T, iss *issuer.Issuer, token string) bool {
	t.Helper()
	ok, err := iss.Active(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}
