package keyring

import "context"

// A backend is one keyring. Its calls may hang beyond the end of ctx, panic, and
// say nothing but a string about why they failed.
type backend interface {
	// ready says why the other calls would fail or hang, without changing or
	// starting anything. It ends with ctx, and returns nil if it cannot tell.
	ready(ctx context.Context, interactive bool) error
	get(ctx context.Context, service, account string) (string, error)
	set(ctx context.Context, service, account, value string) error
	del(ctx context.Context, service, account string) error
}
