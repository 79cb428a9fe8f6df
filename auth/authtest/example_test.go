package authtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/reauth-go/reauth/auth/authtest"
)

// A program's client whose token expires while it runs: does it renew the
// token, once, and repeat the request?
func Example() {
	srv := authtest.NewServer(authtest.Config{})
	defer srv.Close()
	client := &program{api: srv.API.URL, tokenURL: srv.Issuer.TokenURL, base: srv.Transport()}

	fmt.Println(client.Login())
	srv.Issuer.ExpireAccess()
	fmt.Println(client.Login())

	fmt.Print(srv.Transcript())
	// Output:
	// tester <nil>
	// tester <nil>
	// API    GET /v1/me without a credential: 401
	// issuer POST /token, client_credentials: 200
	// API    GET /v1/me with access 1: 200
	// API    GET /v1/me with access 1: 401
	// issuer POST /token, client_credentials: 200
	// API    GET /v1/me with access 2: 200
}

// A program is what is tested here: on a 401 it fetches a token, and tries once
// more.
type program struct {
	api, tokenURL string
	base          http.RoundTripper
	token         string
}

func (p *program) Login() (login string, err error) {
	var me struct{ Login string }
	status, err := p.get(p.api+"/v1/me", &me)
	if status == http.StatusUnauthorized {
		if err = p.renew(); err == nil {
			_, err = p.get(p.api+"/v1/me", &me)
		}
	}
	return me.Login, err
}

func (p *program) get(url string, into any) (status int, err error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := (&http.Client{Transport: p.base}).Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(into)
}

func (p *program) renew() error {
	resp, err := (&http.Client{Transport: p.base}).PostForm(p.tokenURL, url.Values{
		"grant_type": {"client_credentials"},
		"client_id":  {"test-client"}, "client_secret": {"test-client-secret"},
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	err = json.NewDecoder(resp.Body).Decode(&answer)
	p.token = answer.Token
	return err
}
