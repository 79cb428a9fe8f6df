package authtest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth/authtest"
)

func TestTrapSeesLeaks(t *testing.T) {
	keys := []authtest.Key{{Value: "a-bearer-key"}, {Label: "alice", Username: "alice", Value: "pass/word"}}
	everyway(t, authtest.Config{Keys: keys}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		login := srv.Issuer.Login()
		pair := base64.StdEncoding.EncodeToString([]byte("alice:pass/word"))
		tests := []struct {
			name, path, header, body string
			leak                     string // place and credential
		}{
			{"nothing", "/x?a=b", "Accept: text/plain", "hello", ""},
			{"access token", "/x", bearer(login.Access), "", "header Authorization access 1"},
			{"key", "/x", bearer("a-bearer-key"), "", "header Authorization key 1"},
			{"basic", "/x", "Authorization: Basic " + pair, "", "header Authorization alice"},
			{"unknown", "/x", bearer("something"), "", "header Authorization unknown"},
			{"unknown key", "/x", "X-Api-Key: something", "", "header X-Api-Key unknown"},
			{"custom header", "/x", "X-Custom: " + login.Access, "", "header X-Custom access 1"},
			{"referer", "/x", "Referer: http://other.example/?key=a-bearer-key", "", "header Referer key 1"},
			{"query", "/x?key=pass%2Fword", "", "", "query alice"},
			{"path", "/x/" + login.Access, "", "", "path access 1"},
			{"body", "/x", formType, url.Values{"refresh_token": {login.Refresh}}.Encode(), "body refresh 1"},
		}
		for _, origin := range []string{srv.Trap.URL, srv.Trap.PortURL} {
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					before := len(srv.Trap.Leaks())
					wantStatus(t, send(t, client, http.MethodPost, origin+test.path, test.header, test.body), 200)
					leaks := srv.Trap.Leaks()[before:]
					var got []string
					for _, leak := range leaks {
						got = append(got, leak.Place+" "+leak.Credential)
						for _, secret := range []string{login.Access, login.Refresh, "a-bearer-key", "pass/word", pair, "something"} {
							if strings.Contains(fmt.Sprintf("%v %+v", leak, leak), secret) {
								t.Errorf("the leak shows the secret: %v", leak)
							}
						}
					}
					wantEqual(t, "leaks", strings.Join(got, "; "), test.leak)
				})
			}
		}
		wantEqual(t, "requests", len(srv.Trap.Requests()), 2*len(tests))
	})
}

// net/http's own client keeps Authorization across ports of one host, and any
// header of another name across hosts: the trap must see both.
func TestTrapCatchesNetHTTP(t *testing.T) {
	everyway(t, authtest.Config{Keys: []authtest.Key{{Header: "X-Api-Key", Value: "a-key"}}},
		func(t *testing.T, srv *authtest.Server, client *http.Client) {
			token := srv.Issuer.Login().Access
			tests := []struct {
				name, header, to string
				leaks            int
			}{
				{"authorization, other host", bearer(token), srv.Trap.URL, 0},
				{"authorization, other port", bearer(token), srv.Trap.PortURL, 1},
				{"key header, other host", "X-Api-Key: a-key", srv.Trap.URL, 1},
			}
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					for _, status := range []int{301, 302, 307, 308} {
						before := len(srv.Trap.Leaks())
						got := get(t, client, srv.API.RedirectURL(status, test.to+"/landing"), test.header)
						wantEqual(t, "landed", got.Request.URL.Path, "/landing")
						wantEqual(t, "leaks", len(srv.Trap.Leaks())-before, test.leaks)
					}
				})
			}
			if leaks := srv.Trap.Leaks(); len(leaks) == 0 {
				t.Error("no leaks")
			} else {
				want := "access 1 in the header Authorization of GET " + srv.Trap.PortURL[len("http://"):] + "/landing"
				wantEqual(t, "leak", leaks[0].String(), want)
			}
		})
}

func TestRedirectChain(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		send(t, client, http.MethodPost, srv.API.RedirectURL(307, srv.Trap.URL, srv.Trap.URL, srv.API.URL+"/v1/me?a=b"), bearer(token), "a body")
		wantEqual(t, "trap", len(srv.Trap.Requests()), 2)
		wantEqual(t, "trap got the body", srv.Trap.Requests()[1].Length, int64(len("a body")))
		api := srv.API.Requests()
		wantEqual(t, "api", len(api), 2)
		wantEqual(t, "last", api[1].Path+"?"+api[1].RawQuery, "/v1/me?a=b")
		wantStatus(t, get(t, client, srv.API.RedirectURL(302, srv.Trap.URL), ""), 401) // judged first
		wantStatus(t, get(t, client, srv.API.URL+"/redirect", bearer(token)), 400)
	})
}

// net/http's client sends the form again to wherever a token endpoint says.
func TestTokenEndpointRedirects(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		srv.Issuer.FailNext(1, authtest.RedirectToTrap)
		refresh(t, client, srv, srv.Issuer.Login().Refresh)
		var got []string
		for _, leak := range srv.Trap.Leaks() {
			got = append(got, leak.String())
		}
		host := srv.Trap.URL[len("http://"):]
		want := "refresh 1 in the body of POST " + host + "/token; client secret in the body of POST " + host + "/token"
		wantEqual(t, "leaks", strings.Join(got, "; "), want)
	})
}
