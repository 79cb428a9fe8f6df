// Quickstart tells the life of a credential, against an API and an issuer that
// it starts on loopback: found in the environment, missing, expired and
// renewed, revoked and healed by one repeat, and dead for good. Run it:
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// variable is where a client of this name looks first.
const (
	name     = "acme-quickstart"
	variable = "ACME_QUICKSTART_API_KEY"
)

func run(ctx context.Context, out io.Writer) error {
	srv := authtest.NewServer(authtest.Config{
		Keys:     []authtest.Key{{Label: "the key", Value: "not-a-real-key"}},
		Lifetime: time.Second,
	})
	defer srv.Close()
	t := &teller{out: out, srv: srv}

	t.chapter("1. A key is found in the environment")
	if err := os.Setenv(variable, "not-a-real-key"); err != nil {
		return err
	}
	err := t.withClient(reauth.Config{Name: name, BaseURL: srv.API.URL}, func(c *reauth.Client) error {
		return t.greet(ctx, c)
	})
	if err != nil {
		return err
	}

	t.chapter("2. The key is missing")
	if err := os.Unsetenv(variable); err != nil {
		return err
	}
	err = t.withClient(reauth.Config{Name: name, BaseURL: srv.API.URL}, func(c *reauth.Client) error {
		return t.expect(auth.MissingCredential, t.greet(ctx, c))
	})
	if err != nil {
		return err
	}

	session, err := oauth.RefreshToken(&oauth2.Config{
		ClientID: "test-client", ClientSecret: "test-client-secret",
		Endpoint: oauth2.Endpoint{TokenURL: srv.Issuer.TokenURL},
	}, auth.Static(srv.Issuer.Login().Refresh), oauth.Options{})
	if err != nil {
		return err
	}
	return t.withClient(reauth.Config{Name: name, BaseURL: srv.API.URL, Source: session, Login: "acme login"}, func(c *reauth.Client) error {
		t.chapter("3. A token expires, and is renewed")
		if err := t.greet(ctx, c); err != nil {
			return err
		}
		t.say("waiting until it has expired; nothing runs in the meantime")
		time.Sleep(1100 * time.Millisecond)
		// From here on tokens last, so that the rest is not about expiry.
		srv.Set(func(now *authtest.Config) { now.Lifetime = time.Hour })
		if err := t.greet(ctx, c); err != nil {
			return err
		}

		t.chapter("4. The token is revoked, and one repeat heals it")
		srv.Issuer.RevokeAccess()
		before := srv.API.Total()
		if err := t.greet(ctx, c); err != nil {
			return err
		}
		after := srv.API.Total()
		t.say("the API saw %d requests and refused %d of them", after.Requests-before.Requests, after.Refused-before.Refused)

		t.chapter("5. The session itself is over")
		srv.Issuer.RevokeRefresh()
		srv.Issuer.RevokeAccess()
		return t.expect(auth.RefreshRejected, t.greet(ctx, c))
	})
}

// A teller prints what happens.
type teller struct {
	out io.Writer
	srv *authtest.Server
}

func (t *teller) chapter(title string) { _, _ = fmt.Fprintf(t.out, "\n%s\n\n", title) }
func (t *teller) say(format string, args ...any) {
	_, _ = fmt.Fprintf(t.out, "  "+format+"\n", args...)
}

// withClient lends a client that tells its events.
func (t *teller) withClient(cfg reauth.Config, use func(*reauth.Client) error) error {
	cfg.Hook = func(_ context.Context, e auth.Event) {
		switch e.Kind {
		case auth.EventFound, auth.EventRenewed, auth.EventRepeated:
			t.say("%-8s  %s", e.Kind, e.Provenance.Kind)
		}
	}
	client, err := reauth.New(cfg)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return use(client)
}

// greet is the whole of what a program does to call its API.
func (t *teller) greet(ctx context.Context, client *reauth.Client) error {
	var me struct{ Login string }
	if err := client.Get(ctx, "/v1/me", &me); err != nil {
		return err
	}
	t.say("hello, %s", me.Login)
	return nil
}

// expect prints the page of the failure that a chapter is about.
func (t *teller) expect(cause auth.Cause, err error) error {
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e.Cause != cause {
		return fmt.Errorf("expected %s, got: %w", cause, err)
	}
	_, _ = fmt.Fprint(t.out, e.Explain())
	return nil
}
