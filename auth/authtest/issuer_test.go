package authtest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
)

func clientCredentials() url.Values { return url.Values{"grant_type": {"client_credentials"}} }

func wantError(t *testing.T, got answer, status int, code string) {
	t.Helper()
	wantStatus(t, got, status)
	wantEqual(t, "error", got.json(t)["error"], any(code))
}

// tokens returns the two tokens of a token answer.
func tokens(t *testing.T, got answer) (access, refresh string) {
	t.Helper()
	wantStatus(t, got, 200)
	members := got.json(t)
	access, _ = members["access_token"].(string)
	refresh, _ = members["refresh_token"].(string)
	return access, refresh
}

func TestIssuerGrantsAToken(t *testing.T) {
	config := authtest.Config{Lifetime: 90 * time.Second}
	everyway(t, config, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		form := clientCredentials()
		form.Set("scope", "read write")
		got := exchange(t, client, srv, form)
		wantStatus(t, got, 200)
		wantEqual(t, "Cache-Control", got.Header.Get("Cache-Control"), "no-store")
		members := got.json(t)
		token := members["access_token"].(string)
		delete(members, "access_token")
		wantEqual(t, "the rest", fmt.Sprint(members), "map[expires_in:90 scope:read write token_type:Bearer]")
		if !strings.HasPrefix(token, "test-access-000001-") {
			t.Errorf("token %q", token)
		}
		wantStatus(t, get(t, client, srv.API.URL+"/v1/me", bearer(token)), 200)
		wantEqual(t, "credential", srv.API.Requests()[0].Credential, "access 1")
		wantEqual(t, "record", srv.Issuer.Requests()[0].Grant+" "+srv.Issuer.Requests()[0].Place, "client_credentials form")
	})
}

func TestIssuerClientAuthentication(t *testing.T) {
	const id, secret = "an id", "a+secret/=%"
	basic := func(id, secret string) string {
		req, _ := http.NewRequest(http.MethodPost, "", nil)
		req.SetBasicAuth(id, secret)
		return "Authorization: " + req.Header.Get("Authorization")
	}
	tests := []struct {
		name, header string
		form         url.Values
		status       int
		code, place  string
	}{
		{"basic", basic(url.QueryEscape(id), url.QueryEscape(secret)), nil, 200, "", "header Authorization"},
		{"form", "", url.Values{"client_id": {id}, "client_secret": {secret}}, 200, "", "form"},
		{"basic, not encoded", basic(id, secret), nil, 401, "invalid_client", "header Authorization"},
		{"basic, wrong", basic(id, "wrong"), nil, 401, "invalid_client", "header Authorization"},
		{"form, wrong", "", url.Values{"client_id": {id}, "client_secret": {"wrong"}}, 401, "invalid_client", "form"},
		{"none", "", nil, 401, "invalid_client", ""},
		{"both", basic(url.QueryEscape(id), url.QueryEscape(secret)), url.Values{"client_secret": {secret}}, 400, "invalid_request", "header Authorization, form"},
	}
	config := authtest.Config{ClientID: id, ClientSecret: secret}
	everyway(t, config, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		for i, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				form := clientCredentials()
				for name, values := range test.form {
					form[name] = values
				}
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.Issuer.TokenURL, strings.NewReader(form.Encode()))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if _, value, ok := strings.Cut(test.header, ": "); ok {
					req.Header.Set("Authorization", value)
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				got := answer{resp, string(body)}
				wantStatus(t, got, test.status)
				if test.code != "" {
					wantEqual(t, "error", got.json(t)["error"], any(test.code))
				}
				announced := got.Header.Get("WWW-Authenticate") != ""
				wantEqual(t, "Basic announced", announced, test.status == 401 && test.header != "")
				record := srv.Issuer.Requests()[i]
				wantEqual(t, "place", record.Place, test.place)
				if value := record.Header.Get("Authorization"); test.place == "header Authorization" && !strings.HasSuffix(value, "]") {
					t.Errorf("the record shows %q", value)
				}
			})
		}
		// A secret that was replaced is refused from then on.
		srv.Set(func(c *authtest.Config) { c.ClientSecret = "another" })
		form := clientCredentials()
		form.Set("client_id", id)
		form.Set("client_secret", secret)
		wantError(t, exchange(t, client, srv, form), 401, "invalid_client")
	})
}

func TestIssuerPublicClient(t *testing.T) {
	everyway(t, authtest.Config{Public: true}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		form := clientCredentials()
		form.Set("client_id", "test-client")
		wantError(t, exchange(t, client, srv, form), 400, "unauthorized_client")
		form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {srv.Issuer.Login().Refresh}, "client_id": {"test-client"}}
		wantStatus(t, exchange(t, client, srv, form), 200)
		form.Set("client_secret", "test-client-secret")
		wantError(t, exchange(t, client, srv, form), 401, "invalid_client")
	})
}

func TestIssuerWrongRequests(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		wantError(t, exchange(t, client, srv, url.Values{}), 400, "invalid_request")
		wantError(t, exchange(t, client, srv, url.Values{"grant_type": {"password"}}), 400, "unsupported_grant_type")
		wantError(t, refresh(t, client, srv, "other"), 400, "invalid_grant")
		wantError(t, get(t, client, srv.Issuer.TokenURL, ""), 405, "invalid_request")
		wantStatus(t, get(t, client, srv.Issuer.URL+"/other", ""), 404)
		wantEqual(t, "minted", srv.Issuer.Stats().Minted, 0)
	})
}

func TestIssuerRotation(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		login := srv.Issuer.Login()
		access2, refresh2 := tokens(t, refresh(t, client, srv, login.Refresh))
		access3, refresh3 := tokens(t, refresh(t, client, srv, refresh2))
		if refresh2 == login.Refresh || refresh3 == refresh2 {
			t.Error("a refresh token was not replaced")
		}
		wantEqual(t, "credential", srv.Issuer.Requests()[1].Credential, "refresh 2")
		for _, access := range []string{login.Access, access2, access3} {
			wantStatus(t, get(t, client, srv.API.URL, bearer(access)), 200)
		}

		other := srv.Issuer.Login()
		wantError(t, refresh(t, client, srv, login.Refresh), 400, "invalid_grant") // reuse
		wantError(t, refresh(t, client, srv, refresh3), 400, "invalid_grant")      // the family is gone
		for _, access := range []string{login.Access, access2, access3} {
			wantStatus(t, get(t, client, srv.API.URL, bearer(access)), 401)
		}
		wantStatus(t, get(t, client, srv.API.URL, bearer(other.Access)), 200) // other logins are not
		wantStatus(t, refresh(t, client, srv, other.Refresh), 200)

		stats := srv.Issuer.Stats()
		wantEqual(t, "exchanges", stats.Exchanges["refresh_token"], 5)
		wantEqual(t, "granted", stats.Granted["refresh_token"], 3)
		wantEqual(t, "minted", stats.Minted, 5)
		wantEqual(t, "reused", stats.Reused, 1)
	})
}

func TestIssuerRefuseOnReuse(t *testing.T) {
	everyway(t, authtest.Config{Rotation: authtest.RefuseOnReuse}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		login := srv.Issuer.Login()
		_, second := tokens(t, refresh(t, client, srv, login.Refresh))
		wantError(t, refresh(t, client, srv, login.Refresh), 400, "invalid_grant")
		wantStatus(t, get(t, client, srv.API.URL, bearer(login.Access)), 200)
		wantStatus(t, refresh(t, client, srv, second), 200)
		wantEqual(t, "reused", srv.Issuer.Stats().Reused, 1)
	})
}

func TestIssuerNoRotation(t *testing.T) {
	everyway(t, authtest.Config{Rotation: authtest.NoRotation}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		login := srv.Issuer.Login()
		for range 3 {
			_, next := tokens(t, refresh(t, client, srv, login.Refresh))
			wantEqual(t, "refresh_token", next, "")
		}
		srv.Issuer.RevokeRefresh()
		wantError(t, refresh(t, client, srv, login.Refresh), 400, "invalid_grant")
		wantStatus(t, get(t, client, srv.API.URL, bearer(login.Access)), 200)
	})
}

// Of many at once with one refresh token, one wins.
func TestIssuerRotationRace(t *testing.T) {
	const n = 50
	everyway(t, authtest.Config{Rotation: authtest.RefuseOnReuse}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Refresh
		form := url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {token},
			"client_id": {"test-client"}, "client_secret": {"test-client-secret"},
		}
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				resp, err := client.PostForm(srv.Issuer.TokenURL, form)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
			})
		}
		wg.Wait()
		stats := srv.Issuer.Stats()
		wantEqual(t, "exchanges", stats.Exchanges["refresh_token"], n)
		wantEqual(t, "granted", stats.Granted["refresh_token"], 1)
		wantEqual(t, "reused", stats.Reused, n-1)
	})
}

func TestIssuerEditToken(t *testing.T) {
	set := func(name string, value any) func(map[string]any) {
		return func(answer map[string]any) { answer[name] = value }
	}
	tests := map[string]struct {
		edit func(map[string]any)
		want string // in the body
	}{
		"absent":   {func(answer map[string]any) { delete(answer, "expires_in") }, `"}`},
		"zero":     {set("expires_in", 0), `"expires_in":0,`},
		"negative": {set("expires_in", -1), `"expires_in":-1,`},
		"string":   {set("expires_in", "3600"), `"expires_in":"3600",`},
		"float":    {set("expires_in", 1.5), `"expires_in":1.5,`},
		"huge":     {set("expires_in", json.Number("1e30")), `"expires_in":1e30,`},
		"type":     {set("token_type", "DPoP"), `"token_type":"DPoP"`},
		"same":     {set("refresh_token", ""), `"refresh_token":""`},
	}
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				srv.Set(func(c *authtest.Config) { c.EditToken = test.edit })
				got := exchange(t, client, srv, clientCredentials())
				wantStatus(t, got, 200)
				if !strings.Contains(got.body, test.want) || name == "absent" && strings.Contains(got.body, "expires_in") {
					t.Errorf("body %q, want %q", got.body, test.want)
				}
			})
		}
	})
}

func TestFaults(t *testing.T) {
	tests := map[authtest.Fault]struct {
		status int // 0: no answer
		body   string
	}{
		authtest.InternalError:   {500, "went wrong"},
		authtest.Unavailable:     {503, "<h1>503"},
		authtest.Maintenance:     {503, "<h1>503"},
		authtest.TooManyRequests: {429, "too many"},
		authtest.InvalidGrant:    {400, `"error":"invalid_grant"`},
		authtest.InvalidClient:   {401, `"error":"invalid_client"`},
		authtest.TokenErrorIn200: {200, `"error":"invalid_grant"`},
		authtest.PageIn200:       {200, "Sign in"},
		authtest.EchoRequest:     {400, "client_secret=test-client-secret"},
		authtest.Reset:           {0, ""},
		authtest.LostReply:       {0, ""},
	}
	others := []authtest.Fault{ // elsewhere
		authtest.Hang, authtest.TrickleReply, authtest.StallReply, authtest.CutReply, authtest.HalfReply,
		authtest.RedirectToTrap, authtest.RedirectToPort,
	}
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		wantEqual(t, "faults", len(authtest.Faults()), len(tests)+len(others))
		for fault, want := range tests {
			t.Run(string(fault), func(t *testing.T) {
				srv.Issuer.FailNext(1, fault)
				granted := srv.Issuer.Stats().Granted["client_credentials"]
				form := clientCredentials()
				form.Set("client_id", "test-client")
				form.Set("client_secret", "test-client-secret")
				resp, err := client.PostForm(srv.Issuer.TokenURL, form)
				if want.status == 0 {
					if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("got %v, %v; want the connection to end", resp, err)
					}
				} else if err != nil {
					t.Fatal(err)
				}
				if err == nil {
					body, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					wantStatus(t, answer{resp, string(body)}, want.status)
					if !strings.Contains(string(body), want.body) {
						t.Errorf("body %q has no %q", body, want.body)
					}
					wantEqual(t, "Retry-After", resp.Header.Get("Retry-After") != "", fault == authtest.TooManyRequests || fault == authtest.Maintenance)
				}
				got := srv.Issuer.Stats().Granted["client_credentials"] - granted
				wantEqual(t, "granted", got == 1, fault == authtest.LostReply)
				wantStatus(t, exchange(t, client, srv, clientCredentials()), 200) // healed
			})
		}
		srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable)
		for range 3 {
			wantStatus(t, exchange(t, client, srv, clientCredentials()), 503)
		}
		srv.Issuer.FailNext(0, nil)
		wantStatus(t, exchange(t, client, srv, clientCredentials()), 200)
	})
}

// The reply is lost, the rotation is not: to send the token again is reuse,
// unless the issuer has a grace for it.
func TestLostReply(t *testing.T) {
	form := func(token string) url.Values {
		return url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {token},
			"client_id": {"test-client"}, "client_secret": {"test-client-secret"},
		}
	}
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		lose := func() (token string) {
			srv.Issuer.FailNext(1, authtest.LostReply)
			token = srv.Issuer.Login().Refresh
			if resp, err := client.PostForm(srv.Issuer.TokenURL, form(token)); err == nil {
				resp.Body.Close()
				t.Error("an answer came")
			}
			return token
		}
		wantError(t, refresh(t, client, srv, lose()), 400, "invalid_grant")
		wantEqual(t, "reused", srv.Issuer.Stats().Reused, 1)

		srv.Set(func(c *authtest.Config) { c.Grace = time.Hour })
		token := lose()
		_, second := tokens(t, refresh(t, client, srv, token))
		_, again := tokens(t, refresh(t, client, srv, token))
		wantEqual(t, "the same successor", again, second)
		wantStatus(t, refresh(t, client, srv, second), 200)
		wantError(t, refresh(t, client, srv, token), 400, "invalid_grant") // its successor was used
	})
}

func TestHangUntilTheClientLeaves(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		srv.Issuer.FailNext(1, authtest.Hang)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, srv.Issuer.TokenURL, strings.NewReader("grant_type=client_credentials"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if _, err := client.Do(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want DeadlineExceeded", err)
		}
	})
}

// An exchange can be kept waiting for exactly as long as a test needs.
func TestIssuerHold(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		hold := srv.Issuer.Hold(1)
		done := make(chan answer, 1)
		go func() { done <- exchange(t, client, srv, clientCredentials()) }()
		if err := hold.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "exchanges", srv.Issuer.Stats().Exchanges["client_credentials"], 1)
		wantEqual(t, "minted", srv.Issuer.Stats().Minted, 0)
		hold.ReleaseAll()
		wantStatus(t, <-done, 200)
	})
}

func TestRevokeOne(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		one, two, three := srv.Issuer.Login(), srv.Issuer.Login(), srv.Issuer.Login()
		srv.Issuer.Revoke("access 1")
		srv.Issuer.Revoke(two.Access)
		srv.Issuer.Revoke("refresh 3")
		wantStatus(t, get(t, client, srv.API.URL, bearer(one.Access)), 401)
		wantStatus(t, get(t, client, srv.API.URL, bearer(two.Access)), 401)
		wantStatus(t, get(t, client, srv.API.URL, bearer(three.Access)), 200)
		wantStatus(t, refresh(t, client, srv, one.Refresh), 200)
		wantError(t, refresh(t, client, srv, three.Refresh), 400, "invalid_grant")
		wantEqual(t, "reused", srv.Issuer.Stats().Reused, 0)

		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, "none that the issuer minted") || strings.Contains(p, "a-secret") {
				t.Errorf("got %q", p)
			}
		}()
		srv.Issuer.Revoke("a-secret")
	})
}

func TestJWT(t *testing.T) {
	config := authtest.Config{JWT: true, Lifetime: time.Hour, ClockOffset: -24 * time.Hour}
	everyway(t, config, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token, _ := tokens(t, exchange(t, client, srv, clientCredentials()))
		parts := strings.Split(token, ".")
		wantEqual(t, "parts", len(parts), 3)
		for _, part := range parts {
			if _, err := base64.RawURLEncoding.DecodeString(part); err != nil {
				t.Error(err)
			}
		}
		text, _ := base64.RawURLEncoding.DecodeString(parts[1])
		var claims struct{ Iat, Exp int64 }
		wantEqual(t, "claims", json.Unmarshal(text, &claims), nil)
		wantEqual(t, "lifetime", claims.Exp-claims.Iat, 3600)
		if behind := time.Since(time.Unix(claims.Iat, 0)); behind < 23*time.Hour || behind > 25*time.Hour {
			t.Errorf("issued %v ago, want a day", behind)
		}
		wantStatus(t, get(t, client, srv.API.URL, bearer(token)), 200)
		record := srv.API.Requests()[0]
		wantEqual(t, "credential", record.Credential, "access 1")
		wantEqual(t, "masked", record.Header.Get("Authorization"), "Bearer [access 1]")
		srv.Set(func(c *authtest.Config) { c.ClockOffset = 0 }) // by this clock it is long over
		wantStatus(t, get(t, client, srv.API.URL, bearer(token)), 401)
	})
}
