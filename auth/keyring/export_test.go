package keyring

import (
	"context"
	"runtime"

	"github.com/reauth-go/reauth/auth"
)

// A Fake is a back end made of functions. Those left nil do nothing.
type Fake struct {
	Ready func(ctx context.Context, interactive bool) error
	Get   func(service, account string) (string, error)
	Set   func(service, account, value string) error
	Del   func(service, account string) error
}

func (f *Fake) ready(ctx context.Context, interactive bool) error {
	if f.Ready == nil {
		return nil
	}
	return f.Ready(ctx, interactive)
}

func (f *Fake) get(_ context.Context, service, account string) (string, error) {
	if f.Get == nil {
		return "", errNotFound
	}
	return f.Get(service, account)
}

func (f *Fake) set(_ context.Context, service, account, value string) error {
	if f.Set == nil {
		return nil
	}
	return f.Set(service, account, value)
}

func (f *Fake) del(_ context.Context, service, account string) error {
	if f.Del == nil {
		return nil
	}
	return f.Del(service, account)
}

// A Gate is what entries of one back end share.
type Gate = gate

func NewGate() *Gate { return newGate() }

// A Host is a machine to give advice on.
type Host struct {
	GOOS     string
	Programs []string
	Env      map[string]string
}

func (h Host) host() host {
	if h.GOOS == "" {
		h.GOOS = runtime.GOOS
	}
	return host{
		goos: h.GOOS,
		has: func(program string) bool {
			for _, p := range h.Programs {
				if p == program {
					return true
				}
			}
			return false
		},
		getenv: func(name string) string { return h.Env[name] },
	}
}

func NewWith(config Config, f *Fake, g *Gate, h Host) (*Entry, error) {
	return newEntry(config, func() place { return place{backend: f, gate: g, host: h.host()} })
}

// NewKeychain returns an entry of a macOS keychain behind the given tool.
func NewKeychain(config Config, tool string) (*Entry, error) {
	p := place{backend: keychain{tool: tool}, gate: newGate(), host: Host{GOOS: "darwin"}.host()}
	return newEntry(config, func() place { return p })
}

const MaxCalls = maxCalls

var (
	ErrNotFound = errNotFound
	Decode      = decode
	MaxSize     = maxSize
)

// ExitTrouble and ErrnoTrouble give the cause, or "" for none.
func ExitTrouble(status int) string { return cause(exitTrouble(status, nil)) }

func ErrnoTrouble(number uintptr) string { return cause(errnoTrouble(number, nil)) }

func cause(t *trouble) string {
	if t == nil {
		return ""
	}
	return string(t.cause)
}

// Unavailable is what a preflight says where there is no keyring.
func Unavailable(fact string) error { return unavailable(fact, "no keyring", nil) }

// Locked is what a preflight says of a locked keyring.
func Locked() error {
	return &trouble{cause: auth.SourceLocked, confidence: auth.Certain, fact: "the keyring is locked", answer: "locked"}
}
