package keyring_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
)

// Every fault of a Config is reported at once.
func ExampleNew() {
	_, err := keyring.New(keyring.Config{Service: "https://api.acme.example", Account: "line\nfeed"})
	fmt.Println(err)
	// Output:
	// keyring: Config.Service "https://api.acme.example" has a colon: on Windows it would clash with another service's account
	// keyring: Config.Account "line\nfeed" has a control character
}

// In a chain the keyring is asked when nothing before it has the credential.
// Where there is no keyring, the chain goes on; a locked one stops it.
func ExampleEntry_Credential() {
	entry, err := keyring.New(keyring.Config{Service: "acme"})
	if err != nil {
		panic(err)
	}
	chain := auth.FirstOf(auth.Static("not-a-real-key"), entry)
	cred, err := chain.Credential(context.Background())
	fmt.Println(cred.Provenance, err)
	// Output: static value <nil>
}

// What cannot be a credential is refused before the keyring is touched.
func ExampleEntry_Set() {
	entry, err := keyring.New(keyring.Config{Service: "acme"})
	if err != nil {
		panic(err)
	}
	err = entry.Set(context.Background(), auth.NewSecret(""))
	fmt.Println(errors.Is(err, auth.EmptyCredential))
	// Output: true
}

// A caller that has left is told so, and the keyring is not blamed.
func ExampleEntry_Delete() {
	entry, err := keyring.New(keyring.Config{Service: "acme"})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Println(entry.Delete(ctx))
	// Output: keyring: acme/default: context canceled
}

// What a one-time code would buy has to fit before the code is spent.
func ExampleEntry_MaxSize() {
	entry, err := keyring.New(keyring.Config{Service: "acme"})
	if err != nil {
		panic(err)
	}
	const expected = 2000 // bytes of a session with this provider
	if expected > entry.MaxSize() {
		fmt.Println("use a file instead")
		return
	}
	fmt.Println("the keyring will do")
	// Output: the keyring will do
}
