package rpc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport/rpc"
)

// What the interceptor in the package's comment does, with a function in the
// place of gRPC.
func ExampleCredentials_Do() {
	key := "fake-key-of-yesterday"
	src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		return &auth.Credential{Secret: auth.NewSecret(key)}, nil
	})
	creds, err := rpc.New(rpc.Config{Source: src, Origins: []string{"https://api.acme.example"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer creds.Close()

	unauthenticated := errors.New("rpc error: code = Unauthenticated")
	good := "Bearer " + key
	call := func(ctx context.Context) error {
		metadata, err := creds.GetRequestMetadata(ctx, "https://api.acme.example/acme.v1.Reports")
		if err != nil {
			return err
		}
		fmt.Println("an RPC; accepted:", metadata["authorization"] == good)
		if metadata["authorization"] != good {
			return unauthenticated
		}
		return nil
	}
	refused := func(err error) bool { return errors.Is(err, unauthenticated) }

	fmt.Println(creds.Do(context.Background(), refused, call))
	key, good = "fake-key-of-today", "Bearer fake-key-of-today" // rotated at the provider
	fmt.Println(creds.Do(context.Background(), refused, call))
	// Output:
	// an RPC; accepted: true
	// <nil>
	// an RPC; accepted: false
	// an RPC; accepted: true
	// <nil>
}
