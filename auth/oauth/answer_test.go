package oauth

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Whatever an endpoint sends: no panic, no lifetime out of bounds, and x/oauth2
// reads the plain form as we did.
func FuzzParseAnswer(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"x y"}`,
		`{"access_token":"a","expires_in":"3.6e3","scope":["x"]}`,
		`{"access_token":"a","expires_in":-1e999}`, `{"expires_in":"NaN"}`, `{"expires_in":"0x1p70"}`, `{"expires_in":{}}`,
		"\ufeff {\"error\":\"invalid_grant\",\"error_description\":\"\\u0000\"}",
		`access_token=a&expires_in=60`, `error=x&error=y`, `%zz`, `[]`, `null`, `<html>`, ``, "{\"access_token\":\"\xff\"}",
	} {
		f.Add("application/json", []byte(body))
		f.Add("application/x-www-form-urlencoded", []byte(body))
		f.Add("text/plain; charset=", []byte(body))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		a := parseAnswer(contentType, body)
		if a.lifetime < 0 || a.lifetime > math.MaxInt32*time.Second || !a.stated && a.lifetime != 0 {
			t.Errorf("lifetime %s, stated %v", a.lifetime, a.stated)
		}
		now := time.Unix(1_800_000_000, 0)
		if x := a.expiry(now, now); a.stated != !x.IsZero() || a.stated && x.Before(now) {
			t.Errorf("expiry %s", x)
		}
		var read struct {
			AccessToken  string `json:"access_token"`
			TokenType    string `json:"token_type"`
			RefreshToken string `json:"refresh_token"`
			Error        string `json:"error"`
		}
		if err := json.Unmarshal(a.plain(), &read); err != nil {
			t.Fatal(err)
		}
		for _, p := range [][2]string{{read.AccessToken, a.accessToken}, {read.TokenType, a.tokenType}, {read.RefreshToken, a.refreshToken}, {read.Error, a.code}} {
			if p[0] != p[1] && utf8.ValidString(p[1]) {
				t.Errorf("x/oauth2 reads %q, we read %q", p[0], p[1])
			}
		}
	})
}

// Whatever surrounds a secret, no part of it is left that an encoding has not
// changed, and the words stay within their bounds.
func FuzzScrub(f *testing.F) {
	f.Add("the token ", "Zebra-7/+q=&\"<", " is unknown")
	f.Add("refresh_token=", "aaaaaaaa", "aaaaaaaa")
	f.Add(`{"error_description":"`, "ü\n\xff", `"}`)
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		if len(secret) < 12 || strings.Contains(masked, secret) {
			t.Skip()
		}
		s := newScrubber("id", secret)
		if got := s.mask(before + " " + secret + " " + after); strings.Contains(got, secret) {
			t.Errorf("%q shows %q", got, secret)
		}
		if got := s.text(before+secret+after, 40); len(got) > 40+len("…") || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("got %q", got)
		}
	})
}
