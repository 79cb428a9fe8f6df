package authtest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/keyring"
)

// What does a program say whose keyring is locked, mute, or not there at all?
// Nothing in the program knows of the test.
func ExampleNewKeyring() {
	ring := authtest.NewKeyring(authtest.KeyringConfig{State: authtest.KeyringLocked})
	defer ring.Close()
	client, err := reauth.New(reauth.Config{Name: "acme", BaseURL: "https://api.acme.example"})
	if err != nil {
		panic(err)
	}

	err = client.Get(context.Background(), "/v1/me", nil) // sends nothing
	if e, ok := errors.AsType[*auth.Error](err); ok {
		fmt.Println(e.Cause, "is", e.Confidence)
		fmt.Println(e.Remedy.Text)
	}
	// Output:
	// source_locked is certain
	// unlock the keyring: log in to the desktop session, or start the keyring's daemon anew with its password
}

// The same on another system, and with a keyring that is too small.
func ExampleKeyring_Set() {
	ring := authtest.NewKeyring(authtest.KeyringConfig{System: "windows"})
	defer ring.Close()
	entry, err := keyring.New(keyring.Config{Service: "acme"})
	if err != nil {
		panic(err)
	}
	fmt.Println(entry.MaxSize())
	ring.Set(func(c *authtest.KeyringConfig) { c.Limit = 10 })
	fmt.Println(errors.Is(entry.Set(context.Background(), auth.NewSecret("not-a-real-key")), auth.ValueTooBig))
	fmt.Print(ring.Transcript()) // nothing has reached it
	// Output:
	// 2560
	// true
}
