// Sdk shows what users of a vendor's SDK see of it, package acme in the folder
// beneath, which is built on reauth: Acme's own errors, codes, commands and
// exit statuses, for a key that is missing, malformed or refused, a keyring that
// is locked or absent, and a login service that is down.
//
//	go run ./examples/sdk
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"
	"os"

	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/examples/sdk/acme"
)

func main() {
	if err := run(context.Background(), os.Stdout, show); err != nil {
		log.Fatal(err)
	}
}

// variables are those that a client of this name reads.
var variables = []string{"ACME_CLOUD_API_KEY", "ACME_CLOUD_TOKEN", "ACME_CLOUD_CLIENT_ID", "ACME_CLOUD_CLIENT_SECRET", "ACME_CLOUD_TOKEN_URL"}

func run(ctx context.Context, out io.Writer, show func(io.Writer, *acme.Error) error) error {
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Value: "not-a-real-key"}}})
	defer srv.Close()
	// A keyring in the place of this machine's, which has a key perhaps.
	ring := authtest.NewKeyring(authtest.KeyringConfig{})
	defer ring.Close()

	for _, failure := range []struct {
		what   string
		env    map[string]string
		before func()
	}{
		{what: "no key"},
		{what: "a malformed key", env: map[string]string{"ACME_CLOUD_API_KEY": "Bearer not-a-real-key"}},
		{what: "a wrong key", env: map[string]string{"ACME_CLOUD_API_KEY": "not-a-real-key-of-another-tenant"}},
		{what: "a locked keyring", before: func() { ring.Set(func(now *authtest.KeyringConfig) { now.State = authtest.KeyringLocked }) }},
		{what: "no keyring here", before: func() { ring.Set(func(now *authtest.KeyringConfig) { now.State = authtest.KeyringAbsent }) }},
		{what: "the login service is down", before: func() { srv.Issuer.FailNext(math.MaxInt, authtest.Unavailable) }, env: map[string]string{
			"ACME_CLOUD_CLIENT_ID": "test-client", "ACME_CLOUD_CLIENT_SECRET": "test-client-secret", "ACME_CLOUD_TOKEN_URL": srv.Issuer.TokenURL,
		}},
	} {
		for _, name := range variables {
			err := os.Unsetenv(name)
			if value := failure.env[name]; value != "" {
				err = os.Setenv(name, value)
			}
			if err != nil {
				return err
			}
		}
		if failure.before != nil {
			failure.before()
		}
		_, _ = fmt.Fprintf(out, "---- %s\n\n", failure.what)
		client, err := acme.New(acme.Config{BaseURL: srv.API.URL, Log: logger(out)})
		if err != nil {
			return err
		}
		_, err = client.Me(ctx)
		client.Close()
		e, ok := errors.AsType[*acme.Error](err)
		if !ok {
			return fmt.Errorf("%s: expected an error of Acme's, got: %w", failure.what, err)
		}
		if err := show(out, e); err != nil {
			return err
		}
	}
	return nil
}

// show is what a command of Acme's would print.
func show(out io.Writer, e *acme.Error) error {
	_, err := fmt.Fprintf(out, "\n%s\nfor logs     %v\nexit status  %d\n\n", e.Explain(), e, e.ExitStatus())
	return err
}

// logger leaves out times, for a story that reads the same every time.
func logger(out io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindTime {
			return slog.Attr{}
		}
		return a
	}}))
}
