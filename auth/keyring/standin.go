package keyring

import (
	"context"

	"github.com/reauth-go/reauth/internal/fakering"
)

// A place is the keyring that an entry is in, and what depends on it.
type place struct {
	backend backend
	gate    *gate
	host    host
	limit   int // of a value's bytes, if less than the system's; zero: the system's
}

// here is the place of every entry that New made: this machine's keyring, or
// the one that a test has put in its place with package authtest.
func here() place {
	if ring := fakering.Current(); ring != nil {
		g := ring.Keep(func() any { return newGate() }).(*gate)
		return place{standIn{ring}, g, standInHost(ring.System()), ring.Limit()}
	}
	return place{backend: thisSystem, gate: systemGate, host: thisHost}
}

// standInHost is a machine without a screen that has all tools.
func standInHost(goos string) host {
	return host{
		goos:   goos,
		has:    func(string) bool { return true },
		getenv: func(string) string { return "" },
	}
}

// A standIn is a test's keyring, with the system's own words for its troubles.
type standIn struct{ ring fakering.Ring }

func (s standIn) ready(ctx context.Context, interactive bool) error {
	return s.inWords(s.ring.Ready(ctx, interactive))
}

func (s standIn) get(ctx context.Context, service, account string) (string, error) {
	value, err := s.ring.Get(ctx, service, account)
	return value, s.inWords(err)
}

func (s standIn) set(ctx context.Context, service, account, value string) error {
	return s.inWords(s.ring.Set(ctx, service, account, value))
}

func (s standIn) del(ctx context.Context, service, account string) error {
	return s.inWords(s.ring.Delete(ctx, service, account))
}

func (s standIn) inWords(err error) error {
	switch err {
	case nil:
		return nil
	case fakering.ErrNotFound:
		return errNotFound
	}
	var t *trouble
	switch s.ring.System() {
	case "darwin":
		t = exitTrouble(map[error]int{fakering.ErrLocked: 36, fakering.ErrAbsent: 37, fakering.ErrDenied: 51}[err], err)
	case "windows":
		t = errnoTrouble(map[error]uintptr{fakering.ErrAbsent: 1312, fakering.ErrDenied: 5}[err], err)
	default:
		switch err {
		case fakering.ErrLocked:
			t = lockedTrouble(nil)
		case fakering.ErrAbsent:
			t = noBusTrouble()
		case fakering.ErrDenied:
			t = busDenies(err)
		}
	}
	if t == nil {
		return err
	}
	return t
}
