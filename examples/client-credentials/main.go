// Client-credentials is a service that logs in by itself: three variables, no
// code. The client gets a token from the issuer, keeps it, renews it when the
// API refuses it, and says which of client id and secret is wrong when the
// issuer refuses it.
//
//	go run ./examples/client-credentials
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
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv := authtest.NewServer(authtest.Config{})
	defer srv.Close()

	// What a deployment sets.
	for name, value := range map[string]string{
		"REPORTS_CLIENT_ID":     "test-client",
		"REPORTS_CLIENT_SECRET": "test-client-secret",
		"REPORTS_TOKEN_URL":     srv.Issuer.TokenURL,
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if err := call(ctx, out, srv); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "three requests, one of them refused and repeated; %d exchanges with the issuer\n",
		srv.Issuer.Stats().Exchanges["client_credentials"])

	_, _ = fmt.Fprintf(out, "\nand with a wrong secret:\n\n")
	if err := os.Setenv("REPORTS_CLIENT_SECRET", "mistyped"); err != nil {
		return err
	}
	err := call(ctx, out, srv)
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return fmt.Errorf("expected a diagnosis, got: %w", err)
	}
	_, err = fmt.Fprint(out, e.Explain())
	return err
}

func call(ctx context.Context, out io.Writer, srv *authtest.Server) error {
	client, err := reauth.New(reauth.Config{Name: "reports", BaseURL: srv.API.URL})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	for i := range 3 {
		if i == 2 {
			srv.Issuer.RevokeAccess()
		}
		var me struct{ Login string }
		if err := client.Get(ctx, "/v1/me", &me); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "hello, %s\n", me.Login)
	}
	return nil
}
