package e2e_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
)

// login logs a person in at the issuer and returns the refresh token.
func login(t *testing.T, iss *issuer.Issuer) string {
	t.Helper()
	verifier, redirect := rand.Text()+rand.Text(), "http://127.0.0.1:54321/cb"
	sum := sha256.Sum256([]byte(verifier))
	to, err := iss.Approve(iss.AuthURL + "?" + url.Values{
		"client_id": {issuer.Native.ID}, "response_type": {"code"}, "redirect_uri": {redirect},
		"scope": {"openid offline_access"}, "prompt": {"consent"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil || to == nil {
		t.Fatalf("login: sent to %v, %v", to, err)
	}
	tok, err := ask(iss, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {issuer.Native.ID},
		"code": {to.Query().Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
	if err != nil || tok.RefreshToken == "" {
		t.Fatalf("login: no refresh token: %v", err)
	}
	return tok.RefreshToken
}

// ask puts a question to the token endpoint with nothing of ours in between.
func ask(iss *issuer.Issuer, form url.Values) (tok issuer.Token, err error) {
	resp, err := http.PostForm(iss.TokenURL, form)
	if err != nil {
		return tok, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return tok, fmt.Errorf("token endpoint: %s", resp.Status)
	}
	return tok, json.NewDecoder(resp.Body).Decode(&tok)
}

// session is a person's login as a source.
func session(t *testing.T, iss *issuer.Issuer, w *wire, refresh string) auth.Refresher {
	t.Helper()
	src, err := oauth.RefreshToken(&oauth2.Config{
		ClientID: issuer.Native.ID, Endpoint: oauth2.Endpoint{TokenURL: iss.TokenURL},
	}, auth.Static(refresh), oauth.Options{Transport: w})
	if err != nil {
		t.Fatal(err)
	}
	return src
}
