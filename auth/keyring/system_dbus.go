//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/reauth-go/reauth/auth"
)

// The Secret Service's names (specifications.freedesktop.org/secret-service).
const (
	secretsName     = "org.freedesktop.secrets"
	secretsPath     = dbus.ObjectPath("/org/freedesktop/secrets")
	loginCollection = secretsPath + "/collection/login"
	serviceIface    = "org.freedesktop.Secret.Service"
	collectionIface = "org.freedesktop.Secret.Collection"
	busIface        = "org.freedesktop.DBus"
)

func (system) ready(ctx context.Context, interactive bool) error {
	return preflight(ctx, os.Getenv("DBUS_SESSION_BUS_ADDRESS"), interactive)
}

// preflight looks, over a connection of its own, whether the library's calls
// can work. It finds the collection in the way that the library does. Two
// things it must not do: ask for "the session bus", which starts a bus and a
// keyring that outlive the program, and send a message that starts a service.
func preflight(ctx context.Context, address string, interactive bool) error {
	if address == "" || address == "autolaunch:" {
		return noAddress()
	}
	conn, err := dbus.Dial(address, dbus.WithContext(ctx)) // the end of ctx closes it
	if err != nil {
		return dialTrouble(address, err)
	}
	defer func() { _ = conn.Close() }()
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		err = dialTrouble(address, err)
	} else {
		err = asks{ctx, conn}.collectionOpen(interactive)
	}
	if err != nil && ctx.Err() != nil && err != errServiceSilent {
		return &trouble{cause: auth.SourceTimeout, confidence: auth.Likely, answer: "no answer in time",
			fact:   "the session bus at " + brief(address) + " does not answer",
			remedy: auth.Remedy{Text: "log out and in again, which starts the session bus anew, or " + elsewhere}}
	}
	return err
}

func noAddress() *trouble {
	t := noBusTrouble()
	// Programs that cron or su started often have a bus and do not know it.
	socket := fmt.Sprintf("/run/user/%d/bus", os.Geteuid())
	if info, err := os.Stat(socket); err == nil && info.Mode().Type() == fs.ModeSocket {
		t.remedy = auth.Remedy{
			Text:    "tell this program where your session bus is, or " + elsewhere,
			Command: "export DBUS_SESSION_BUS_ADDRESS=unix:path=" + socket,
		}
	}
	return t
}

func dialTrouble(address string, err error) *trouble {
	if errors.Is(err, fs.ErrPermission) {
		return &trouble{cause: auth.SourceDenied, confidence: auth.Certain, answer: "denied", err: err,
			fact: "the session bus at " + brief(address) + " does not let this user in: " + brief(err.Error())}
	}
	return unavailable("the session bus at "+brief(address)+" cannot be used: "+brief(err.Error()), "no session bus here", err)
}

// asks are the preflight's questions.
type asks struct {
	ctx  context.Context
	conn *dbus.Conn
}

// collectionOpen returns nil if the collection that holds the entries is
// unlocked, or if an interactive call may start the service or unlock it.
func (a asks) collectionOpen(interactive bool) error {
	var running bool
	if err := a.call(busIface, "/org/freedesktop/DBus", busIface+".NameHasOwner", secretsName).Store(&running); err != nil {
		return err
	}
	if !running {
		var names []string
		if err := a.call(busIface, "/org/freedesktop/DBus", busIface+".ListActivatableNames").Store(&names); err != nil {
			return err
		}
		switch {
		case !slices.Contains(names, secretsName):
			return unavailable("no program on the session bus offers a keyring ("+secretsName+")", "no keyring service here", nil)
		case !interactive:
			t := unavailable("a keyring service is installed and does not run ("+secretsName+")", "keyring service not running", nil)
			t.remedy = auth.Remedy{Text: "log in to a desktop session, which starts the keyring, or " + elsewhere}
			return t
		}
		return nil
	}
	err := a.unlocked(interactive)
	if err != nil && a.ctx.Err() != nil {
		return errServiceSilent // the bus has answered
	}
	return err
}

var errServiceSilent = &trouble{
	cause: auth.SourceTimeout, confidence: auth.Likely, answer: "no answer in time",
	fact:   "the keyring service (" + secretsName + ") does not answer",
	remedy: auth.Remedy{Text: "log out and in again, which starts the keyring anew, or " + elsewhere},
}

// unlocked asks the service, which runs, about the collection.
func (a asks) unlocked(interactive bool) error {
	var collections []dbus.ObjectPath
	if err := a.property(secretsPath, serviceIface, "Collections", &collections); err != nil {
		return err
	}
	path := loginCollection
	if !slices.Contains(collections, path) {
		if err := a.call(secretsName, secretsPath, serviceIface+".ReadAlias", "default").Store(&path); err != nil {
			return err
		}
		if path == "/" {
			t := unavailable("the keyring service runs and nobody has made a keyring yet", "no keyring made yet", nil)
			t.remedy = auth.Remedy{Text: "log in to a desktop session with your password once, which makes a keyring, or " + elsewhere}
			return t
		}
	}
	var locked bool
	if err := a.property(path, collectionIface, "Locked", &locked); err != nil {
		return err
	}
	if locked && !interactive {
		return lockedTrouble(nil)
	}
	return nil
}

func (a asks) call(dest string, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return a.conn.Object(dest, path).CallWithContext(a.ctx, method, dbus.FlagNoAutoStart, args...)
}

func (a asks) property(path dbus.ObjectPath, iface, name string, value any) error {
	var v dbus.Variant
	if err := a.call(secretsName, path, busIface+".Properties.Get", iface, name).Store(&v); err != nil {
		return err
	}
	return v.Store(value)
}

// platformTrouble knows the errors of D-Bus and of its library. Nil: no idea.
func platformTrouble(err error) *trouble {
	if e, ok := errors.AsType[dbus.Error](err); ok {
		switch name := strings.TrimPrefix(e.Name, busIface+".Error."); name {
		case "AccessDenied", "AuthFailed", "SELinuxSecurityContextUnknown":
			return busDenies(err)
		case "ServiceUnknown", "NameHasNoOwner", "Disconnected", "NoServer":
			return unavailable("the keyring service is not there: "+brief(err.Error()), "no keyring service here", err)
		case "NoReply", "Timeout", "TimedOut":
			return &trouble{cause: auth.SourceTimeout, confidence: auth.Likely, fact: "the keyring service does not answer: " + brief(err.Error()), answer: "no answer in time", err: err}
		case "org.freedesktop.Secret.Error.IsLocked":
			return lockedTrouble(err)
		}
		return nil
	}
	// The library's only word for a prompt that could not be shown, was
	// dismissed, or was answered with a wrong password.
	if strings.HasPrefix(err.Error(), "failed to unlock correct collection") {
		return &trouble{cause: auth.SourceLocked, confidence: auth.Likely, fact: "the keyring is locked and nobody unlocked it", answer: "locked", err: err}
	}
	if _, ok := errors.AsType[*net.OpError](err); ok || errors.Is(err, dbus.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return unavailable("the session bus ended the connection: "+brief(err.Error()), "no session bus here", err)
	}
	return nil
}
