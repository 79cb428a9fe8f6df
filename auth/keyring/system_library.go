//go:build !darwin

package keyring

import (
	"context"

	zalando "github.com/zalando/go-keyring"
)

var thisSystem backend = system{}

// system is this machine's keyring through the library, which takes no context:
// a call of it that hangs is left behind. Its ready differs by system.
type system struct{}

func (system) get(_ context.Context, service, account string) (string, error) {
	return zalando.Get(service, account)
}

func (system) set(_ context.Context, service, account, value string) error {
	return zalando.Set(service, account, value)
}

func (system) del(_ context.Context, service, account string) error {
	return zalando.Delete(service, account)
}
