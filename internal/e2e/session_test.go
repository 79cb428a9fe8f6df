package e2e_test

import (
	"testing"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
)

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
