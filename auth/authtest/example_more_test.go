package authtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
)

// A header of our own making goes along on every redirect of net/http's client,
// to whatever host. The trap is that host.
func ExampleTrap() {
	srv := authtest.NewServer(authtest.Config{
		InMemory: true,
		Keys:     []authtest.Key{{Label: "ops key", Header: "X-Api-Key", Value: "test-key"}},
	})
	defer srv.Close()

	req, _ := http.NewRequest(http.MethodGet, srv.API.RedirectURL(http.StatusFound, srv.Trap.URL+"/landing"), nil)
	req.Header.Set("X-Api-Key", "test-key")
	resp, err := (&http.Client{Transport: srv.Transport()}).Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()

	for _, leak := range srv.Trap.Leaks() {
		fmt.Println(leak)
	}
	// Output:
	// ops key in the header X-Api-Key of GET trap.test/landing
}

// A request is on its way while its token is revoked. No sleeping: the hold
// says when the request has arrived, and the test when it goes on.
func ExampleHold() {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	token := srv.Issuer.Login()

	hold := srv.API.Hold(1)
	status := make(chan string)
	go func() {
		req, _ := http.NewRequest(http.MethodGet, srv.API.URL+"/v1/me", nil)
		req.Header.Set("Authorization", "Bearer "+token.Access)
		resp, err := srv.Transport().RoundTrip(req)
		if err != nil {
			status <- err.Error()
			return
		}
		resp.Body.Close()
		status <- resp.Status + ", " + resp.Header.Get("WWW-Authenticate")
	}()
	if err := hold.Wait(context.Background()); err != nil {
		fmt.Println(err)
	}
	srv.Issuer.RevokeAccess()
	hold.ReleaseAll()
	fmt.Println(<-status)
	// Output:
	// 401 Unauthorized, Bearer realm="authtest", error="invalid_token", error_description="the token was revoked"
}

// What does a client do with a refusal that is none by its status?
func ExampleAPI_RefuseNext() {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}

	for _, refusal := range []authtest.Refusal{authtest.ErrorIn200, authtest.JSONMessage} {
		srv.API.RefuseNext(1, refusal)
		resp, err := client.Get(srv.API.URL)
		if err != nil {
			fmt.Println(err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%s: %s, %s", refusal, resp.Status, body)
	}
	// Output:
	// error in 200: 200 OK, {"error":"invalid_auth","ok":false}
	// json message: 401 Unauthorized, {"documentation_url":"https://api.example/docs","message":"Bad credentials"}
}

// The answer to a refresh is lost on its way. Whoever sends the token again is
// taken for a thief.
func ExampleIssuer_FailNext() {
	srv := authtest.NewServer(authtest.Config{InMemory: true, Public: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"test-client"}, "refresh_token": {srv.Issuer.Login().Refresh}}

	srv.Issuer.FailNext(1, authtest.LostReply)
	for range 2 {
		resp, err := client.PostForm(srv.Issuer.TokenURL, form)
		if err != nil {
			fmt.Println(err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%s, %s", resp.Status, body)
	}
	fmt.Println("reused:", srv.Issuer.Stats().Reused)
	// Output:
	// Post "https://issuer.test/token": EOF
	// 400 Bad Request, {"error":"invalid_grant","error_description":"the refresh token was used before: its session is revoked"}
	// reused: 1
}

// One of several tokens is revoked. Records and calls name it by its label.
func ExampleIssuer_Revoke() {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}

	logins := []authtest.Token{srv.Issuer.Login(), srv.Issuer.Login()}
	srv.Issuer.Revoke("access 2")
	for _, login := range logins {
		req, _ := http.NewRequest(http.MethodGet, srv.API.URL+"/v1/me", nil)
		req.Header.Set("Authorization", "Bearer "+login.Access)
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
	}
	fmt.Print(srv.Transcript())
	// Output:
	// API    GET /v1/me with access 1: 200
	// API    GET /v1/me with access 2: 401
}

// An API that is slow once, then answers with half of its JSON.
func ExampleAPI_FailNext() {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}

	for _, fault := range []http.Handler{authtest.Late(10 * time.Millisecond), authtest.HalfReply} {
		srv.API.FailNext(1, fault)
		resp, err := client.Get(srv.API.URL + "/v1/me")
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.Status, strings.TrimSpace(string(body)))
	}
	// Output:
	// 401 Unauthorized {"message":"no credential was sent"}
	// 401 Unauthorized {"message":"no cre
}

// Everything can change while the server runs.
func ExampleServer_Set() {
	srv := authtest.NewServer(authtest.Config{Lifetime: time.Hour})
	defer srv.Close()
	srv.Set(func(c *authtest.Config) {
		c.Lifetime = time.Minute
		c.Refusal = authtest.LoginPage
		c.EditToken = func(answer map[string]any) { answer["expires_in"] = "60" }
	})
	resp, err := http.Get(srv.API.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status, resp.Header.Get("Content-Type"))
	// Output:
	// 401 Unauthorized text/html; charset=utf-8
}
