// Keyring stores a key in the operating system's keyring, lets a client find it
// there, and takes it out again:
//
//	go run ./examples/keyring
//
// Where there is no keyring, or it is locked, it says so and what to do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/keyring"
)

// service is the client's name, and that of its entry.
const service = "reauth-example"

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Value: "not-a-real-key"}}})
	defer srv.Close()

	entry, err := keyring.New(keyring.Config{Service: service})
	if err != nil {
		return err
	}
	err = entry.Set(ctx, auth.NewSecret("not-a-real-key"))
	if e, ok := errors.AsType[*auth.Error](err); ok {
		_, err = fmt.Fprintf(out, "this system's keyring cannot be used here:\n\n%s", e.Explain())
		return err
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "stored in the keyring: service %q, account \"default\"\n", service)

	client, err := reauth.New(reauth.Config{Name: service, BaseURL: srv.API.URL, Hook: func(_ context.Context, e auth.Event) {
		if e.Kind == auth.EventFound {
			_, _ = fmt.Fprintf(out, "found in %s\n", e.Provenance)
		}
	}})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	var me struct{ Login string }
	err = client.Get(ctx, "/v1/me", &me)
	if err == nil {
		_, _ = fmt.Fprintf(out, "hello, %s\n", me.Login)
	}
	if err := errors.Join(err, entry.Delete(ctx)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "deleted again")
	return err
}
