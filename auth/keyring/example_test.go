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

// Where there is no keyring, the next place in a chain is asked.
func ExampleEntry_Credential() {
	entry, err := keyring.New(keyring.Config{Service: "acme"})
	if err != nil {
		panic(err)
	}
	cred, err := entry.Credential(context.Background())
	switch {
	case errors.Is(err, auth.SourceLocked):
		fmt.Println("unlock the keyring first:", err)
	case err != nil:
		fmt.Println(err) // the cause, how sure it is, and what to do
	default:
		fmt.Println("found in", cred.Provenance)
	}
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
