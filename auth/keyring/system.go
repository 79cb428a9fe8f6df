package keyring

import (
	"context"

	zalando "github.com/zalando/go-keyring"
)

// A backend is one keyring. Its calls may hang, panic, and say nothing but a
// string about why they failed.
type backend interface {
	// ready says why the other calls would fail or hang, without changing or
	// starting anything. It ends with ctx, and returns nil if it cannot tell.
	ready(ctx context.Context, interactive bool) error
	get(service, account string) (string, error)
	set(service, account, value string) error
	del(service, account string) error
}

// system is this machine's keyring. Its ready differs by system.
type system struct{}

func (system) get(service, account string) (string, error) { return zalando.Get(service, account) }
func (system) set(service, account, value string) error {
	return zalando.Set(service, account, value)
}
func (system) del(service, account string) error { return zalando.Delete(service, account) }
