package issuer_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/e2e/issuer"
)

func TestTokensLiveForSeconds(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{})
	for _, c := range []issuer.Client{issuer.Basic, issuer.Post} {
		tok, err := iss.ClientCredentials(c, nil)
		if err != nil || tok.ExpiresIn != 3 || tok.TokenType != "Bearer" {
			t.Fatalf("%s: %+v, %v", c.ID, tok, err)
		}
		if !active(t, iss, tok.AccessToken) {
			t.Fatalf("%s: a new token is not active", c.ID)
		}
	}
	tok, err := iss.ClientCredentials(issuer.Basic, nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for active(t, iss, tok.AccessToken) {
		if time.Since(begun) > 4*time.Second {
			t.Fatal("a token of three seconds lives for more than four")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if lived := time.Since(begun); lived < 1900*time.Millisecond {
		t.Errorf("a token of three seconds lived for %v", lived)
	}
	if n := iss.Exchanges(); n != 3 {
		t.Errorf("%d exchanges were counted, not 3", n)
	}
}

func TestRefusalsAreCountedApart(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{})
	if _, err := iss.ClientCredentials(issuer.Client{ID: "cc-basic", Secret: "wrong"}, nil); err == nil {
		t.Fatal("a wrong secret was accepted")
	}
	c := iss.Counts()
	if iss.Exchanges() != 0 || c.Refused["client_credentials"] != 1 {
		t.Fatalf("%+v", c)
	}
}

func TestRevokedTokensAreInactive(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	tok, err := iss.ClientCredentials(issuer.Basic, nil)
	if err != nil || tok.ExpiresIn != 60 {
		t.Fatalf("%+v, %v", tok, err)
	}
	if !active(t, iss, tok.AccessToken) {
		t.Fatal("a new token is not active")
	}
	iss.Revoke(issuer.Basic, tok.AccessToken)
	if active(t, iss, tok.AccessToken) {
		t.Fatal("a revoked token is active")
	}
}

func TestAResourceMakesTokensJWTs(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{})
	tok, err := iss.ClientCredentials(issuer.Basic, url.Values{"resource": {issuer.Resource}, "scope": {"api:read"}})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(tok.AccessToken, ".")
	if len(parts) != 3 {
		t.Fatalf("the token has %d parts", len(parts))
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Iss      string
		Aud      string
		Iat, Exp int64
	}
	if err := json.Unmarshal(claims, &c); err != nil || c.Iss != iss.URL || c.Aud != issuer.Resource || c.Exp-c.Iat != 3 {
		t.Fatalf("%s, %v", claims, err)
	}
}

func TestAPersonLogsIn(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{})
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	redirect := "http://127.0.0.1:54321/cb"
	to, err := iss.Approve(iss.AuthURL + "?" + url.Values{
		"client_id": {issuer.Native.ID}, "response_type": {"code"}, "redirect_uri": {redirect},
		"scope": {"openid offline_access"}, "prompt": {"consent"}, "state": {"s1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil || to == nil || !strings.HasPrefix(to.String(), redirect+"?") || to.Query().Get("state") != "s1" {
		t.Fatalf("sent to %v, %v", to, err)
	}
	tok := post(t, iss.TokenURL, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {issuer.Native.ID},
		"code": {to.Query().Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
	if tok.RefreshToken == "" {
		t.Fatalf("no refresh token: %+v", tok)
	}
	next := post(t, iss.TokenURL, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {issuer.Native.ID}, "refresh_token": {tok.RefreshToken},
	})
	if next.RefreshToken == "" || next.RefreshToken == tok.RefreshToken {
		t.Fatal("the refresh token did not rotate")
	}
	if c := iss.Counts().Granted; c["authorization_code"] != 1 || c["refresh_token"] != 1 {
		t.Fatalf("%+v", c)
	}
}

func TestADeviceIsApproved(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{})
	resp, err := http.PostForm(iss.DeviceURL, url.Values{"client_id": {issuer.Device.ID}, "scope": {"openid"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var dev struct {
		Code   string `json:"device_code"`
		Verify string `json:"verification_uri_complete"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&dev); err != nil || dev.Verify == "" {
		t.Fatalf("%+v, %v", dev, err)
	}
	if to, err := iss.Approve(dev.Verify); err != nil || to != nil {
		t.Fatalf("sent to %v, %v", to, err)
	}
	tok := post(t, iss.TokenURL, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {issuer.Device.ID}, "device_code": {dev.Code},
	})
	if tok.AccessToken == "" {
		t.Fatalf("%+v", tok)
	}
}

func TestAPausedIssuerIsMute(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{})
	iss.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := iss.Active(ctx, "any"); err == nil {
		t.Fatal("a paused issuer answered")
	}
	iss.Resume()
	if active(t, iss, "any") {
		t.Fatal("a token out of nowhere is active")
	}
}

func TestARestartedIssuerHasForgotten(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	tok, err := iss.ClientCredentials(issuer.Basic, nil)
	if err != nil {
		t.Fatal(err)
	}
	address := iss.TokenURL
	iss.Process.Kill()
	if _, err := iss.ClientCredentials(issuer.Basic, nil); err == nil {
		t.Fatal("a dead issuer answered")
	}
	iss.Restart()
	if active(t, iss, tok.AccessToken) || iss.TokenURL != address || iss.Exchanges() != 0 {
		t.Fatal("it remembers, or moved")
	}
	if _, err := iss.ClientCredentials(issuer.Basic, nil); err != nil {
		t.Fatal(err)
	}
}

func active(t *testing.T, iss *issuer.Issuer, token string) bool {
	t.Helper()
	ok, err := iss.Active(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func post(t *testing.T, to string, form url.Values) (tok issuer.Token) {
	t.Helper()
	resp, err := http.PostForm(to, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&tok); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	return tok
}
