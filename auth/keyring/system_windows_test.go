package keyring_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
)

// realStore returns a service name that no other run uses, and skips unless
// REAUTH_E2E is set: these tests write to the Credential Manager of whoever
// runs them. Continuous integration sets it, and takes a skip for a failure.
func realStore(t *testing.T) (service string) {
	t.Helper()
	if os.Getenv("REAUTH_E2E") == "" {
		t.Skip("REAUTH_E2E is not set: the real Credential Manager is left alone")
	}
	return fmt.Sprintf("reauth-test-%d-%d", os.Getpid(), time.Now().UnixNano())
}

func storeEntry(t *testing.T, service, account string) *keyring.Entry {
	t.Helper()
	// A slow machine is not what is looked at here.
	e, err := keyring.New(keyring.Config{Service: service, Account: account, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = credDelete(service + ":" + account) })
	return e
}

func wantStoreCause(t *testing.T, err error, want auth.Cause) {
	t.Helper()
	if e, ok := errors.AsType[*auth.Error](err); !ok || e.Cause != want {
		t.Errorf("got %v, want %s", err, want)
	}
	wantNoSecret(t, err)
}

// On disk, and for ever: the target "service:account" of the generic type, the
// account as user name, and the bare secret as UTF-8.
func TestWindowsRoundTripOfTheBareSecret(t *testing.T) {
	service := realStore(t)
	e := storeEntry(t, service, "default")
	ctx := t.Context()

	_, err := e.Credential(ctx)
	wantStoreCause(t, err, auth.MissingCredential)
	wantStoreCause(t, e.Delete(ctx), auth.MissingCredential)
	for _, value := range []string{canary, canary + "-pässwörd-€-密码", "{\n\"k\": 1\n}", strings.Repeat("0123456789abcdef", 160)} {
		if err := e.Set(ctx, auth.NewSecret(value)); err != nil {
			t.Fatal(err)
		}
		cred, err := e.Credential(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if cred.Secret.Reveal() != value {
			t.Errorf("a value of %d bytes came back with %d, or changed", len(value), len(cred.Secret.Reveal()))
		}
		blob, user, err := credRead(service + ":default")
		if err != nil {
			t.Fatal(err)
		}
		if string(blob) != value || user != "default" {
			t.Errorf("on disk: %d bytes for user %q, want the %d bytes of the value", len(blob), user, len(value))
		}
	}
	if err := e.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := credRead(service + ":default"); err != syscall.ERROR_NOT_FOUND {
		t.Errorf("after Delete: %v", err)
	}
}

// cmdkey and the Credential Manager's window store UTF-16LE without a mark and
// without a closing NUL; some programs add either.
func TestWindowsOwnToolsAreRead(t *testing.T) {
	service := realStore(t)
	e := storeEntry(t, service, "default")
	for name, blob := range map[string]string{
		"cmdkey":        utf16LE(canary),
		"with a NUL":    utf16LE(canary + "\x00"),
		"with a mark":   "\xff\xfe" + utf16LE(canary),
		"with line end": utf16LE(canary + "\r\n"),
		"UTF-8":         canary,
	} {
		if err := credWrite(service+":default", "default", []byte(blob)); err != nil {
			t.Fatal(err)
		}
		cred, err := e.Credential(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if cred.Secret.Reveal() != canary {
			t.Errorf("%s: another value was read", name)
		}
	}

	// As much as the tools can store, which is half as many letters.
	long := strings.Repeat("k", 1280)
	if err := credWrite(service+":default", "default", []byte(utf16LE(long))); err != nil {
		t.Fatal(err)
	}
	if cred, err := e.Credential(t.Context()); err != nil || cred.Secret.Reveal() != long {
		t.Errorf("1280 letters as UTF-16: %v", err)
	}
}

// T50. The limit is the system's: one byte more is refused by it, too.
func TestTrap72_WindowsLimit(t *testing.T) {
	service := realStore(t)
	e := storeEntry(t, service, "default")
	ctx := t.Context()
	if err := e.Set(ctx, auth.NewSecret(canary)); err != nil {
		t.Fatal(err)
	}
	tooBig := canary + strings.Repeat("x", e.MaxSize()+1-len(canary))
	wantStoreCause(t, e.Set(ctx, auth.NewSecret(tooBig)), auth.ValueTooBig)
	if cred, err := e.Credential(ctx); err != nil || cred.Secret.Reveal() != canary {
		t.Errorf("after a refused value the old one is gone: %v", err)
	}
	if err := e.Set(ctx, auth.NewSecret(tooBig[:e.MaxSize()])); err != nil {
		t.Errorf("a value of just MaxSize: %v", err)
	}
}

// Longer names than these are stored by Windows and not by Wine, which makes
// one registry key of both.
func TestWindowsLongNames(t *testing.T) {
	service := realStore(t)
	service += strings.Repeat("s", 100-len(service))
	account := strings.Repeat("a", 40) + " o'neil \\ 密码 *?%"
	e := storeEntry(t, service, account)
	if err := e.Set(t.Context(), auth.NewSecret(canary)); err != nil {
		t.Fatal(err)
	}
	if cred, err := e.Credential(t.Context()); err != nil || cred.Secret.Reveal() != canary {
		t.Error(err)
	}
	if err := e.Delete(t.Context()); err != nil {
		t.Error(err)
	}
}

// One writer and several readers of one entry, and writers of their own ones.
// All values of one entry are of one length: Wine 8 overruns its own buffer
// when a value grows while it is read.
func TestWindowsParallel(t *testing.T) {
	service := realStore(t)
	shared := storeEntry(t, service, "shared")
	ctx := t.Context()
	if err := shared.Set(ctx, auth.NewSecret(canary+strings.Repeat("x", 100))); err != nil {
		t.Fatal(err)
	}
	const rounds = 20
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rounds {
			value := canary + strings.Repeat("xy"[i%2:i%2+1], 100)
			if err := shared.Set(ctx, auth.NewSecret(value)); err != nil {
				t.Errorf("write %d: %v", i, err)
			}
		}
	})
	for i := range 6 {
		own := storeEntry(t, service, fmt.Sprint("own", i))
		wg.Go(func() {
			for range rounds {
				cred, err := shared.Credential(ctx)
				if err != nil || strings.TrimRight(cred.Secret.Reveal(), "xy") != canary {
					t.Errorf("shared: %v", err)
				}
				value := canary + "-" + fmt.Sprint(i)
				if err := own.Set(ctx, auth.NewSecret(value)); err != nil {
					t.Errorf("own: %v", err)
				}
				if cred, err := own.Credential(ctx); err != nil || cred.Secret.Reveal() != value {
					t.Errorf("own: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// What follows is the system's own interface (wincred.h), so that what the
// package stores is looked at without the library that stores it.

type credential struct {
	flags, kind      uint32
	target, comment  *uint16
	written          syscall.Filetime
	blobSize         uint32
	blob             *byte
	persist          uint32
	attributeCount   uint32
	attributes       uintptr
	alias, userNamed *uint16
}

const (
	credGeneric      = 1
	credLocalMachine = 2 // what cmdkey and go-keyring ask for
)

var (
	advapi32    = syscall.NewLazyDLL("advapi32.dll")
	credWriteW  = advapi32.NewProc("CredWriteW")
	credReadW   = advapi32.NewProc("CredReadW")
	credDeleteW = advapi32.NewProc("CredDeleteW")
	credFree    = advapi32.NewProc("CredFree")
)

func credWrite(target, user string, blob []byte) error {
	t, err := syscall.UTF16PtrFromString(target)
	if err != nil {
		return err
	}
	u, err := syscall.UTF16PtrFromString(user)
	if err != nil {
		return err
	}
	c := &credential{
		kind: credGeneric, target: t, userNamed: u, persist: credLocalMachine,
		blobSize: uint32(len(blob)), blob: unsafe.SliceData(blob),
	}
	ok, _, err := credWriteW.Call(uintptr(unsafe.Pointer(c)), 0)
	runtime.KeepAlive(c)
	if ok == 0 {
		return err
	}
	return nil
}

func credRead(target string) (blob []byte, user string, err error) {
	t, err := syscall.UTF16PtrFromString(target)
	if err != nil {
		return nil, "", err
	}
	var c *credential
	ok, _, err := credReadW.Call(uintptr(unsafe.Pointer(t)), credGeneric, 0, uintptr(unsafe.Pointer(&c)))
	if ok == 0 {
		return nil, "", err
	}
	defer credFree.Call(uintptr(unsafe.Pointer(c)))
	blob = append(blob, unsafe.Slice(c.blob, c.blobSize)...)
	for u := unsafe.Pointer(c.userNamed); u != nil && *(*uint16)(u) != 0; u = unsafe.Add(u, 2) {
		user += string(rune(*(*uint16)(u)))
	}
	return blob, user, nil
}

func credDelete(target string) error {
	t, err := syscall.UTF16PtrFromString(target)
	if err != nil {
		return err
	}
	if ok, _, err := credDeleteW.Call(uintptr(unsafe.Pointer(t)), credGeneric, 0); ok == 0 {
		return err
	}
	return nil
}
