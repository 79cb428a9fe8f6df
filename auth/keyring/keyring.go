// Package keyring finds credentials in the operating system's keyring: the
// Secret Service on Linux and the BSDs (GNOME Keyring, KWallet, KeePassXC), the
// Keychain on macOS, the Credential Manager on Windows. It writes and deletes
// them too.
//
//	entry, err := keyring.New(keyring.Config{Service: "acme"})
//	cred, err := entry.Credential(ctx)
//
// An [Entry] is an [auth.Source]. It never hangs: a call ends within its
// timeout even where the keyring itself waits for a prompt that nobody sees,
// and a dead bus is an error, not a crash. On Linux and the BSDs nothing is
// started and nothing appears on a screen unless [Config.Interactive] asks for
// it. The session bus is the one in DBUS_SESSION_BUS_ADDRESS and no other;
// FreeBSD and DragonFly BSD need a program built with cgo.
//
// # What is stored
//
// One entry is one secret under two names: the service, which is the client's
// name, and the account, "default" unless another is named. The value is the
// bare secret as UTF-8 text, so that each system's own tool can write it. None
// of these commands shows the secret to other processes; each asks for it:
//
//	Linux    secret-tool store --label=acme service acme username default
//	macOS    (IFS= read -rs s && printf '%s "%s"\n' 'add-generic-password -U -s acme -a default -w' "$(printf %s "$s" | sed 's/[\\"]/\\&/g')" | security -i)
//	Windows  cmdkey /generic:acme:default /user:default /pass
//
// Do not write the secret behind security's -w or cmdkey's /pass: instead;
// arguments are visible to every process of the machine and stay in the
// shell's history. Nor use the prompt of security add-generic-password -w: it
// cuts what is longer than 128 bytes and says nothing. secret-tool takes the
// secret from a pipe as well (printf, not echo).
//
//   - Linux: the entry's attributes are "service" and "username". It has to be
//     in the collection "login" or, if there is none, in the default one.
//   - Windows: the entry's name is "acme:default", which is why a service has
//     no colon in it. Windows' own tools write UTF-16, which is read as well.
//   - macOS: a value beyond printable ASCII, which has no place on the security
//     tool's lines, is stored as base64 behind the words "go-keyring-base64:",
//     as Go programs often do; that and what the tool itself stores is read.
//
// Line ends after the value are not part of it. These names and forms do not
// change in later versions.
//
// # Limits
//
// Windows holds 2560 bytes a value, half as many letters by its own tools, macOS
// about 3000 with the names, Linux whatever one likes: see [Entry.MaxSize]. The
// keyring has no compare-and-swap; the last writer wins. On Linux the secret
// crosses the user's session bus in clear text, as it does for most programs.
// On macOS it is the security tool that the keychain trusts with the entry, so
// that whatever runs as this user can ask it.
//
// The D-Bus library keeps one connection to the session bus, with two
// goroutines, from the first use of the keyring until the process ends: it is
// shared by the whole program, so that closing it is not this package's right.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth"
)

// Config says which entry of the keyring is meant.
type Config struct {
	// Service is the name of the client that the credential is for. It must be
	// set, has no colon (see the package comment) and no control characters,
	// and at most 511 bytes, on every system alike.
	Service string
	// Account tells several entries of one service apart. Empty means
	// "default". At most 511 bytes, without control characters.
	Account string
	// Timeout bounds every call, a write and its verification together. Zero
	// means 3 seconds, or one minute if Interactive is set.
	Timeout time.Duration
	// Interactive says that a person is there to answer: the system may start
	// its keyring service, and may ask to unlock the keyring. If not set, a
	// keyring that is locked or not running is an answer at once. It makes a
	// difference where the Secret Service is used; macOS asks as it sees fit.
	// A cache bounds each call as well: give it a Timeout that suits a person.
	Interactive bool
}

// What Config's zero fields stand for.
const (
	defaultAccount     = "default"
	defaultTimeout     = 3 * time.Second
	interactiveTimeout = time.Minute
)

// maxName is the most that Windows takes for either name. It holds everywhere,
// so that a program that works on one system works on the others.
const maxName = 511

// An Entry is one entry of the system's keyring. It keeps nothing: every call
// asks the system. It is safe for concurrent use.
type Entry struct {
	config Config
	at     func() place // asked for each call
}

// New returns the entry that config names. It does not touch the keyring. The
// error joins every fault of config.
func New(config Config) (*Entry, error) {
	return newEntry(config, here)
}

func newEntry(config Config, at func() place) (*Entry, error) {
	if config.Account == "" {
		config.Account = defaultAccount
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
		if config.Interactive {
			config.Timeout = interactiveTimeout
		}
	}
	var faults []error
	if config.Service == "" {
		faults = append(faults, errors.New("keyring: Config.Service is empty"))
	}
	if strings.Contains(config.Service, ":") {
		faults = append(faults, fmt.Errorf("keyring: Config.Service %q has a colon: on Windows it would clash with another service's account", config.Service))
	}
	faults = append(faults, checkName("Service", config.Service), checkName("Account", config.Account))
	if config.Timeout < 0 {
		faults = append(faults, fmt.Errorf("keyring: Config.Timeout %v is negative", config.Timeout))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Entry{config: config, at: at}, nil
}

// checkName refuses what some system cannot store, or what would end the line
// of commands that macOS' keychain is driven by and begin another.
func checkName(field, name string) error {
	switch {
	case !utf8.ValidString(name):
		return fmt.Errorf("keyring: Config.%s %q is not valid UTF-8", field, name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("keyring: Config.%s %q has a control character", field, name)
	case len(name) > maxName:
		return fmt.Errorf("keyring: Config.%s has %d bytes, more than %d", field, len(name), maxName)
	}
	return nil
}

// String returns the kind and name of the place, such as "keyring
// acme/default". It is a method of the value, so that a copy prints no more.
func (e Entry) String() string { return e.provenance().String() }

func (e Entry) provenance() auth.Provenance {
	return auth.Provenance{Kind: auth.KindKeyring, Name: e.config.Service + "/" + e.config.Account}
}

// MaxSize returns how many bytes a value of this entry can have. Where the
// system sets no limit that is math.MaxInt. Ask before a one-time code or a
// refresh token is spent on a session that could not be stored.
func (e *Entry) MaxSize() int {
	p := e.at()
	most := maxSize(p.host.goos, e.config.Service, e.config.Account)
	if p.limit > 0 {
		most = min(most, p.limit)
	}
	return most
}

// Passive reports whether asking for the credential has no consequences, see
// [auth.Passive]: not so if the entry is Interactive, because then a prompt may
// appear.
func (e *Entry) Passive() bool { return !e.config.Interactive }

// Credential reads the entry. The error is an [*auth.Error]:
//
//   - [auth.MissingCredential]: the keyring works and has no such entry.
//   - [auth.EmptyCredential]: the entry is blank.
//   - [auth.SourceUnavailable]: there is no keyring here, as in a container.
//   - [auth.SourceLocked]: it is locked, and nobody unlocked it.
//   - [auth.SourceDenied]: the system or a person refused.
//   - [auth.SourceTimeout]: it did not answer in time; a prompt may be waiting.
//   - [auth.SourceCorrupt]: the value is not text.
//   - [auth.SourceFailed]: anything else.
//
// If ctx ended first, the error wraps ctx's error and is no [*auth.Error]: the
// keyring is not to blame.
func (e *Entry) Credential(ctx context.Context) (*auth.Credential, error) {
	raw, err := e.do(ctx, func(ctx context.Context, b backend) (string, error) {
		return b.get(ctx, e.config.Service, e.config.Account)
	})
	if err != nil {
		return nil, err
	}
	value, err := decode(raw)
	if err != nil {
		return nil, e.failed(&trouble{cause: auth.SourceCorrupt, confidence: auth.Certain, fact: err.Error(), answer: "unreadable"})
	}
	if strings.TrimSpace(value) == "" {
		return nil, e.failed(&trouble{cause: auth.EmptyCredential, confidence: auth.Certain, fact: "the entry is there and its value is blank", answer: "empty"})
	}
	return &auth.Credential{
		Secret: auth.NewSecret(value), Provenance: e.provenance(),
		Tried: []auth.Attempt{{Place: e.provenance(), Answer: "found"}},
	}, nil
}

// Set stores secret, replacing what the entry held, and reads it back: a
// prompt that somebody dismissed is an error. Line ends after the value are
// dropped. What does not fit ([auth.ValueTooBig]), is blank
// ([auth.EmptyCredential]) or would not be read back as it is
// ([auth.MalformedCharacters]) is refused before anything is touched. Other
// errors are those of Credential, without MissingCredential.
//
// After [auth.SourceTimeout], or if ctx ended, the value may have been stored,
// or may yet be, when somebody answers the prompt.
func (e *Entry) Set(ctx context.Context, secret auth.Secret) error {
	value := strings.TrimRight(secret.Reveal(), lineEnds)
	if t := e.unfit(value); t != nil {
		return e.failed(t)
	}
	_, err := e.do(ctx, func(ctx context.Context, b backend) (string, error) {
		if err := b.set(ctx, e.config.Service, e.config.Account, value); err != nil {
			return "", withoutSecret(err, value)
		}
		raw, err := b.get(ctx, e.config.Service, e.config.Account)
		if errors.Is(err, errNotFound) {
			return "", &trouble{cause: auth.SourceDenied, confidence: auth.Likely, answer: "not stored",
				fact: "the keyring reported success and holds nothing: somebody dismissed its prompt, or it does not store"}
		}
		if err != nil {
			return "", err
		}
		if got, err := decode(raw); err != nil || got != value {
			return "", &trouble{cause: auth.SourceFailed, confidence: auth.Likely, answer: "holds another value",
				fact: "the keyring reported success and holds another value: it changed it, or another program wrote at the same time"}
		}
		return "", nil
	})
	return err
}

// unfit says why the entry cannot hold value, without asking the system.
func (e *Entry) unfit(value string) *trouble {
	if strings.TrimSpace(value) == "" {
		return &trouble{cause: auth.EmptyCredential, confidence: auth.Certain, answer: "not stored", fact: "the value to store is blank"}
	}
	if limit := e.MaxSize(); len(value) > limit {
		return &trouble{cause: auth.ValueTooBig, confidence: auth.Certain, answer: "too big",
			fact: fmt.Sprintf("the value has %d bytes, and this entry can hold %d", len(value), limit)}
	}
	if got, err := decode(value); err != nil || got != value {
		return &trouble{cause: auth.MalformedCharacters, confidence: auth.Certain, answer: "not stored", fact: "the value to store is not plain UTF-8 text"}
	}
	return nil
}

// deleteRounds bounds Delete where a keyring holds several entries of one name.
const deleteRounds = 3

// Delete removes the entry and looks whether it is gone. If there was none the
// error is [auth.MissingCredential]; the others are those of Credential.
func (e *Entry) Delete(ctx context.Context) error {
	_, err := e.do(ctx, func(ctx context.Context, b backend) (string, error) {
		for range deleteRounds {
			if err := b.del(ctx, e.config.Service, e.config.Account); err != nil {
				return "", err
			}
			_, err := b.get(ctx, e.config.Service, e.config.Account)
			if errors.Is(err, errNotFound) {
				return "", nil
			}
			if err != nil {
				return "", err
			}
		}
		return "", &trouble{cause: auth.SourceDenied, confidence: auth.Likely, answer: "not deleted",
			fact: "the keyring reported success and still holds the entry: somebody dismissed its prompt, or it does not delete"}
	})
	return err
}

// readyShare is the part of the timeout that the preflight may use, so that
// its own answer comes before the timeout's, which knows less.
const readyShare = 2

// do calls op, after the preflight, under the entry's timeout.
func (e *Entry) do(ctx context.Context, op func(context.Context, backend) (string, error)) (string, error) {
	p := e.at()
	ready := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, e.config.Timeout/readyShare)
		defer cancel()
		return p.backend.ready(ctx, e.config.Interactive)
	}
	value, err := p.gate.run(ctx, e.config.Timeout, func(ctx context.Context) (string, error) {
		if err := ready(ctx); err != nil {
			return "", err
		}
		if err := ctx.Err(); err != nil {
			return "", err // the caller has gone: nothing must be written any more
		}
		value, err := recovered(func() (string, error) { return op(ctx, p.backend) })
		if err != nil && !errors.Is(err, errNotFound) && !isTrouble(err) {
			// The library's words say little, or it panicked because the bus
			// went away: the preflight knows better.
			if why := ready(ctx); why != nil {
				return "", why
			}
		}
		return value, err
	})
	switch {
	case err == nil:
		return value, nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("keyring: %s/%s: %w", e.config.Service, e.config.Account, ctx.Err())
	}
	return "", e.failed(classify(err))
}
