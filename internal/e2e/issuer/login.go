package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Login logs a person in, who grants these scopes to the client [Native]: an
// authorization code with PKCE (RFC 7636), exchanged for tokens.
func (iss *Issuer) Login(scope string) Token {
	iss.t.Helper()
	verifier, redirect := rand.Text()+rand.Text(), "http://127.0.0.1:54321/cb"
	sum := sha256.Sum256([]byte(verifier))
	to, err := iss.Approve(iss.AuthURL + "?" + url.Values{
		"client_id": {Native.ID}, "response_type": {"code"}, "redirect_uri": {redirect},
		"scope": {scope}, "prompt": {"consent"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil || to == nil {
		iss.t.Fatalf("login: sent to %v, %v", to, err)
	}
	tok, err := iss.Ask(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {Native.ID},
		"code": {to.Query().Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
	if err != nil || tok.AccessToken == "" {
		iss.t.Fatalf("login: no token: %v", err)
	}
	return tok
}

// Ask puts a question to the token endpoint with nothing of ours in between.
func (iss *Issuer) Ask(form url.Values) (tok Token, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.PostForm(iss.TokenURL, form)
	if err != nil {
		return tok, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return tok, fmt.Errorf("token endpoint: %s", resp.Status)
	}
	return tok, json.NewDecoder(resp.Body).Decode(&tok)
}
