package oauth_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
)

// TestL5_OutageIsNotMadeLouder: the tries within an exchange bridge a hiccup.
// While a token endpoint stays down an exchange is one try; a verdict, or a
// token, ends that.
func TestL5_OutageIsNotMadeLouder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := http.StatusServiceUnavailable
		rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
			switch now {
			case http.StatusOK:
				return reply(now, "application/json", `{"access_token":"a"}`), nil
			case http.StatusBadRequest:
				return reply(now, "application/json", `{"error":"invalid_client"}`), nil
			}
			return reply(now, "text/plain", "down"), nil
		}}
		src := clientSource(t, rt)
		var tries []int
		ask := func(status int) {
			before := rt.count()
			now = status
			_, _ = src.Credential(t.Context())
			tries = append(tries, rt.count()-before)
		}
		for _, status := range []int{503, 503, 503, 200, 503, 503, 400, 503, 503} {
			ask(status)
		}
		time.Sleep(time.Minute) // nobody has asked: what was then says nothing of now
		ask(503)
		if want := []int{3, 1, 1, 1, 3, 1, 1, 3, 1, 3}; !slices.Equal(tries, want) {
			t.Errorf("tries %v, want %v", tries, want)
		}
	})
}

// TestL13_ReplacedRefreshTokenIsToldOf: a login that this process alone can keep
// alive is an event, each time that the issuer makes it so.
func TestL13_ReplacedRefreshTokenIsToldOf(t *testing.T) {
	rt := &answers{reply: func(n int, _ *http.Request) (*http.Response, error) {
		answer := []string{
			`{"access_token":"a","refresh_token":"second"}`, `{"access_token":"b"}`, `{"access_token":"c","refresh_token":"second"}`,
			`{"access_token":"d","refresh_token":"third"}`,
		}
		return reply(http.StatusOK, "application/json", answer[n-1]), nil
	}}
	var heard []auth.Event
	src, err := oauth.RefreshToken(&oauth2.Config{ClientID: "client", Endpoint: oauth2.Endpoint{TokenURL: "https://issuer.example/token"}},
		auth.Static("first"), oauth.Options{Transport: rt, Hook: func(_ context.Context, e auth.Event) { heard = append(heard, e) }})
	if err != nil {
		t.Fatal(err)
	}
	var after []int
	for range 4 {
		get(t, src)
		after = append(after, len(heard))
	}
	if want := []int{1, 1, 1, 2}; !slices.Equal(after, want) {
		t.Fatalf("events after each exchange: %v, want %v", after, want)
	}
	for _, e := range heard {
		if e.Kind != auth.EventNotPersisted || e.Provenance.Kind != auth.KindOAuth || e.Reason == "" {
			t.Errorf("told: %+v", e)
		}
	}
}
