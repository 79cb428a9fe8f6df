// Errors shows an app's own switch over the six steps: the only thing that a
// program has to know about an authentication failure. It makes one failure of
// each kind happen against an API and an issuer on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// advise is what an app would do: offer a log-in, ask for a key, or wait.
func advise(err error) string {
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return "not about authentication: " + err.Error()
	}
	switch e.Step() {
	case auth.StepVerify:
		return "ask for the key again: " + e.Remedy.Text
	case auth.StepSend:
		return "our own mistake, tell a developer: " + e.Remedy.Text
	case auth.StepRenew:
		return "offer a log-in: " + e.Remedy.Text
	case auth.StepConsult:
		return "show what the provider says: " + e.Remedy.Text
	case auth.StepFixEnvironment:
		return "tell whoever runs this machine: " + e.Remedy.Text
	case auth.StepWait:
		return "try again later: " + e.Remedy.Text
	}
	return e.Explain()
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv := authtest.NewServer(authtest.Config{
		Keys:    []authtest.Key{{Value: "not-a-real-key"}},
		Handler: http.NotFoundHandler(),
	})
	defer srv.Close()
	session := func() (auth.Source, error) {
		return oauth.RefreshToken(&oauth2.Config{
			ClientID: "test-client", ClientSecret: "test-client-secret",
			Endpoint: oauth2.Endpoint{TokenURL: srv.Issuer.TokenURL},
		}, auth.Static(srv.Issuer.Login().Refresh), oauth.Options{})
	}
	key := func() (auth.Source, error) { return auth.Static("not-a-real-key"), nil }

	for _, failure := range []struct {
		what   string
		source func() (auth.Source, error)
		before func()
	}{
		{"no variable is set", func() (auth.Source, error) { return auth.Env("ACME_ERRORS_EXAMPLE_KEY"), nil }, func() {}},
		{"the API wants Basic", key, func() { srv.API.RefuseNext(1, authtest.BasicOnly) }},
		{"the session is over", session, srv.Issuer.RevokeRefresh},
		{"the key may not do that", key, func() { srv.API.RefuseNext(1, authtest.InsufficientScope) }},
		{"a proxy is in the way", key, func() { srv.API.RefuseNext(1, authtest.ProxyAuth) }},
		{"the issuer is down", session, func() { srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable) }},
		{"there is no such page", key, func() {}},
	} {
		source, err := failure.source()
		if err != nil {
			return err
		}
		failure.before()
		client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: source})
		if err != nil {
			return err
		}
		err = client.Get(ctx, "/v1/me", nil)
		_ = client.Close()
		if err == nil {
			return fmt.Errorf("%s: nothing failed", failure.what)
		}
		_, _ = fmt.Fprintf(out, "%s\n  %s\n", failure.what, advise(err))
	}
	return nil
}
