package keyring

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/reauth-go/reauth/auth"
	zalando "github.com/zalando/go-keyring"
)

// errNotFound is what a back end says if the keyring works and has no entry.
var errNotFound = zalando.ErrNotFound

// A trouble is why a call failed, before the entry's name and a remedy make an
// auth.Error of it.
type trouble struct {
	cause      auth.Cause
	confidence auth.Confidence
	fact       string
	answer     string      // for auth.Attempt
	remedy     auth.Remedy // zero: what the cause and the system suggest
	err        error       // what lies beneath, without a secret
}

func (t *trouble) Error() string { return t.fact }

func isTrouble(err error) bool {
	_, ok := errors.AsType[*trouble](err)
	return ok
}

// failed makes t an auth.Error.
func (e *Entry) failed(t *trouble) *auth.Error {
	place := e.provenance()
	remedy := t.remedy
	if remedy == (auth.Remedy{}) {
		remedy = e.at().host.remedy(t.cause, e.config.Service, e.config.Account)
	}
	return &auth.Error{
		Cause:      t.cause,
		Confidence: t.confidence,
		Remedy:     remedy,
		Evidence:   []auth.Evidence{{Source: place.String(), Fact: t.fact}},
		Tried:      []auth.Attempt{{Place: place, Answer: t.answer, Err: t.err}},
		Err:        t.err,
	}
}

// classify gives every error that a back end returns its one cause.
func classify(err error) *trouble {
	if t, ok := errors.AsType[*trouble](err); ok {
		return t
	}
	if _, ok := errors.AsType[*panicError](err); ok {
		return &trouble{cause: auth.SourceFailed, confidence: auth.Likely, fact: err.Error(), answer: "failed", err: err}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded): // ours; the caller's own was looked at before
		return &trouble{cause: auth.SourceTimeout, confidence: auth.Likely, fact: "the keyring did not answer in time", answer: "no answer in time"}
	case errors.Is(err, errNotFound):
		return &trouble{cause: auth.MissingCredential, confidence: auth.Certain, fact: "the keyring has no such entry", answer: "not found", err: err}
	case errors.Is(err, zalando.ErrSetDataTooBig):
		return &trouble{cause: auth.ValueTooBig, confidence: auth.Certain, fact: "the value is too big for this keyring", answer: "too big", err: err}
	case errors.Is(err, zalando.ErrUnsupportedPlatform):
		return unavailable("this program was built for a system, or in a way, that no keyring is supported on", "not supported here", err)
	}
	if _, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return unreadable()
	}
	if _, ok := errors.AsType[hex.InvalidByteError](err); ok || errors.Is(err, hex.ErrLength) {
		return unreadable() // without err: it quotes a byte of the value
	}
	if t := platformTrouble(err); t != nil {
		return t
	}
	return &trouble{cause: auth.SourceFailed, confidence: auth.Likely, fact: "the keyring failed: " + brief(err.Error()), answer: "failed", err: err}
}

func unavailable(fact, answer string, err error) *trouble {
	return &trouble{cause: auth.SourceUnavailable, confidence: auth.Certain, fact: fact, answer: answer, err: err}
}

// The troubles of the Secret Service that more than one part of this package
// meets with.

func noBusTrouble() *trouble {
	return unavailable("no session bus, so no keyring here, which is normal on servers and in containers (DBUS_SESSION_BUS_ADDRESS is not set)", "no session bus here", nil)
}

func lockedTrouble(err error) *trouble {
	return &trouble{cause: auth.SourceLocked, confidence: auth.Certain, fact: "the keyring is locked", answer: "locked", err: err}
}

func busDenies(err error) *trouble {
	return &trouble{cause: auth.SourceDenied, confidence: auth.Certain, fact: "the session bus does not let this program use the keyring: " + brief(err.Error()), answer: "denied", err: err}
}

func unreadable() *trouble {
	return &trouble{cause: auth.SourceCorrupt, confidence: auth.Certain, fact: "the value is marked as encoded and cannot be decoded", answer: "unreadable"}
}

// brief bounds foreign words.
func brief(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// withoutSecret drops an error that quotes the value which was being stored.
func withoutSecret(err error, value string) error {
	if strings.Contains(err.Error(), value) {
		return errors.New("the keyring's own words are left out: they quote the value")
	}
	return err
}

// exitTrouble tells what macOS' security tool means by its exit status: the low
// byte of the system's error number (SecBase.h), several of which can share one.
func exitTrouble(status int, err error) *trouble {
	likely := func(cause auth.Cause, fact, answer string) *trouble {
		return &trouble{cause: cause, confidence: auth.Likely, fact: fact, answer: answer, err: err}
	}
	switch status {
	case 36, 29: // errSecInteractionNotAllowed, errSecInteractionRequired
		return likely(auth.SourceLocked, "the keychain is locked and cannot ask for its password here", "locked")
	case 51: // errSecAuthFailed
		return likely(auth.SourceDenied, "the keychain refused this program, or its password was wrong", "denied")
	case 128: // userCanceledErr
		return likely(auth.SourceDenied, "somebody dismissed the keychain's prompt", "denied")
	case 45: // errSecDuplicateItem: the tool adds what it could not change
		return likely(auth.SourceDenied, "the keychain holds the entry and did not let it be changed", "denied")
	case 42: // errSecDataTooLarge
		return likely(auth.ValueTooBig, "the value is too big for the keychain", "too big")
	case 37, 50, 53: // errSecNoDefaultKeychain, errSecNoSuchKeychain, errSecNotAvailable
		return likely(auth.SourceUnavailable, "this user has no keychain", "no keychain here")
	}
	return nil
}

// errnoTrouble tells what Windows' error numbers mean for credentials.
func errnoTrouble(number uintptr, err error) *trouble {
	switch number {
	case 5: // ERROR_ACCESS_DENIED
		return &trouble{cause: auth.SourceDenied, confidence: auth.Certain, fact: "Windows denied access to the credential", answer: "denied", err: err}
	case 1312: // ERROR_NO_SUCH_LOGON_SESSION
		return unavailable("this logon session has no stored credentials, as is so for network logons and some services", "no keyring in this logon session", err)
	case 1058, 1722: // ERROR_SERVICE_DISABLED, RPC_S_SERVER_UNAVAILABLE
		return unavailable("the Credential Manager does not run", "no keyring service here", err)
	}
	return nil
}
