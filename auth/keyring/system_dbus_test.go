//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
)

// realEntry returns an entry of this machine's keyring, whose session bus is at
// address. All tests here end in the preflight: the library is never reached.
func realEntry(t *testing.T, address string, config keyring.Config) *keyring.Entry {
	t.Helper()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	config.Service = "acme"
	e, err := keyring.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// listen serves each connection to a socket in a goroutine, until the test ends.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	// t.TempDir's names are too long for a socket.
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "unix:path=" + path
}

func TestL10_NoBusIsAnAnswerAtOnce(t *testing.T) {
	missing := "unix:path=" + filepath.Join(t.TempDir(), "missing")
	closes := listen(t, func(c net.Conn) { c.Close() })
	garbage := listen(t, func(c net.Conn) {
		c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		c.Close()
	})
	for name, address := range map[string]string{
		"not set":             "",
		"autolaunch":          "autolaunch:",
		"missing socket":      missing,
		"several, all gone":   missing + ";" + missing,
		"no address":          "garbage",
		"unknown transport":   "disabled:",
		"closes at once":      closes,
		"not a bus":           garbage,
		"nobody on this port": "tcp:host=127.0.0.1,port=1",
	} {
		t.Run(name, func(t *testing.T) {
			e := realEntry(t, address, keyring.Config{})
			start := time.Now()
			_, err := e.Credential(t.Context())
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
			wantCause(t, err, auth.SourceUnavailable, auth.Certain)
			wantCause(t, e.Set(t.Context(), auth.NewSecret(canary)), auth.SourceUnavailable, auth.Certain)
			wantCause(t, e.Delete(t.Context()), auth.SourceUnavailable, auth.Certain)
		})
	}
}

// With dbus-launch installed and no address the D-Bus library would start a bus
// and a keyring that outlive the program.
func TestL10_NothingIsLaunched(t *testing.T) {
	dir := t.TempDir()
	marker := filepath.Join(dir, "launched")
	script := "#!/bin/sh\n: >'" + marker + "'\n"
	if err := os.WriteFile(filepath.Join(dir, "dbus-launch"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	for _, address := range []string{"", "autolaunch:"} {
		for _, interactive := range []bool{false, true} {
			e := realEntry(t, address, keyring.Config{Interactive: interactive})
			_, err := e.Credential(t.Context())
			wantCause(t, err, auth.SourceUnavailable, auth.Certain)
		}
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("dbus-launch was started")
	}
	if got := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); got != "autolaunch:" {
		t.Errorf("the environment was changed to %q", got)
	}
}

func TestL10_MuteBusIsATimeout(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"says nothing": func(c net.Conn) { drain(c) },
		"says nothing after authentication": func(c net.Conn) {
			if _, ok := authenticate(c); ok {
				drain(c)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := realEntry(t, listen(t, serve), keyring.Config{Timeout: 200 * time.Millisecond})
			start := time.Now()
			_, err := e.Credential(t.Context())
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			wantCause(t, err, auth.SourceTimeout, auth.Likely)

			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
			err = keyring.Preflight(ctx, address, false)
			if want := "the session bus at " + address + " does not answer"; err == nil || err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// The bus is not to blame for a service that hangs.
func TestL10_MuteServiceIsATimeout(t *testing.T) {
	mute := &bus{running: true, silent: true}
	e := realEntry(t, listen(t, mute.serve), keyring.Config{Timeout: 200 * time.Millisecond})
	start := time.Now()
	_, err := e.Credential(t.Context())
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	got := wantCause(t, err, auth.SourceTimeout, auth.Likely)
	if fact := got.Evidence[0].Fact; !strings.Contains(fact, "keyring service") || strings.Contains(fact, "bus") {
		t.Errorf("the fact is %q", fact)
	}
}

func TestL10_PermissionIsDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may open every socket")
	}
	address := listen(t, func(c net.Conn) { c.Close() })
	if err := os.Chmod(strings.TrimPrefix(address, "unix:path="), 0); err != nil {
		t.Fatal(err)
	}
	_, err := realEntry(t, address, keyring.Config{}).Credential(t.Context())
	wantCause(t, err, auth.SourceDenied, auth.Certain)
}

func drain(c net.Conn) {
	buf := make([]byte, 512)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// authenticate plays the bus's side of the handshake.
func authenticate(c net.Conn) (*bufio.Reader, bool) {
	in := bufio.NewReader(c)
	if _, err := in.ReadByte(); err != nil {
		return nil, false
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, false
		}
		switch line = strings.TrimSpace(line); {
		case line == "AUTH":
			c.Write([]byte("REJECTED EXTERNAL\r\n"))
		case strings.HasPrefix(line, "AUTH EXTERNAL"):
			c.Write([]byte("OK 0123456789abcdef0123456789abcdef\r\n"))
		case line == "BEGIN":
			return in, true
		default:
			c.Write([]byte("ERROR\r\n"))
		}
	}
}

// A bus is a session bus with a Secret Service, as far as the preflight asks.
type bus struct {
	running     bool
	activatable bool
	collections []dbus.ObjectPath
	alias       dbus.ObjectPath
	locked      map[dbus.ObjectPath]bool
	fault       string // the name of the error that the service answers with
	silent      bool   // the service does not answer at all

	mu    sync.Mutex
	asked []string // what was asked of the service
	bad   []string // what should not have been sent
}

func (b *bus) serve(c net.Conn) {
	in, ok := authenticate(c)
	for ok {
		msg, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(msg.Serial()),
		}}
		body, fault := b.answer(msg)
		if b.silent && msg.Headers[dbus.FieldDestination].Value() == "org.freedesktop.secrets" {
			continue
		}
		if fault != "" {
			reply.Type = dbus.TypeError
			reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(fault)
		} else {
			reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body))
			reply.Body = []any{body}
		}
		if err := reply.EncodeTo(c, binary.LittleEndian); err != nil {
			return
		}
	}
}

func (b *bus) answer(msg *dbus.Message) (body any, fault string) {
	header := func(f dbus.HeaderField) string { s, _ := msg.Headers[f].Value().(string); return s }
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	what := header(dbus.FieldMember)
	if what == "Get" {
		what += " " + msg.Body[1].(string)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if header(dbus.FieldDestination) == "org.freedesktop.secrets" {
		b.asked = append(b.asked, what)
		if msg.Flags&dbus.FlagNoAutoStart == 0 || !b.running {
			b.bad = append(b.bad, what)
		}
		if b.fault != "" {
			return nil, b.fault
		}
	}
	switch what {
	case "Hello":
		return ":1.1", ""
	case "NameHasOwner":
		return b.running, ""
	case "ListActivatableNames":
		names := []string{"org.freedesktop.DBus"}
		if b.activatable {
			names = append(names, "org.freedesktop.secrets")
		}
		return names, ""
	case "Get Collections":
		return dbus.MakeVariant(b.collections), ""
	case "ReadAlias":
		return b.alias, ""
	case "Get Locked":
		if locked, ok := b.locked[path]; ok {
			return dbus.MakeVariant(locked), ""
		}
		return nil, "org.freedesktop.DBus.Error.UnknownMethod"
	}
	b.bad = append(b.bad, what)
	return nil, "org.freedesktop.DBus.Error.UnknownMethod"
}

// check looks at what was asked of the service. Empty: no matter what.
func (b *bus) check(t *testing.T, asked string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := strings.Join(b.asked, ","); asked != "" && got != asked {
		t.Errorf("asked %q, want %q", got, asked)
	}
	if len(b.bad) > 0 {
		t.Errorf("sent %q, which can start or change something", b.bad)
	}
}

const (
	login = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
	other = dbus.ObjectPath("/org/freedesktop/secrets/collection/other")
)

// T48.
func TestTrap71_Preflight(t *testing.T) {
	both := []dbus.ObjectPath{other, login}
	const dbusError = "org.freedesktop.DBus.Error."
	for _, tt := range []struct {
		name       string
		bus        *bus
		cause      auth.Cause
		confidence auth.Confidence
		answer     string
	}{
		{"bare bus", &bus{}, auth.SourceUnavailable, auth.Certain, "no keyring service here"},
		{"service not started", &bus{activatable: true}, auth.SourceUnavailable, auth.Certain, "keyring service not running"},
		{"no keyring made", &bus{running: true, alias: "/"}, auth.SourceUnavailable, auth.Certain, "no keyring made yet"},
		{"locked", &bus{running: true, collections: both, locked: map[dbus.ObjectPath]bool{login: true, other: false}}, auth.SourceLocked, auth.Certain, "locked"},
		{"default locked", &bus{running: true, collections: both[:1], alias: other, locked: map[dbus.ObjectPath]bool{other: true}}, auth.SourceLocked, auth.Certain, "locked"},
		{"denied", &bus{running: true, fault: dbusError + "AccessDenied"}, auth.SourceDenied, auth.Certain, "denied"},
		{"no reply", &bus{running: true, fault: dbusError + "NoReply"}, auth.SourceTimeout, auth.Likely, "no answer in time"},
		{"just ended", &bus{running: true, fault: dbusError + "NameHasNoOwner"}, auth.SourceUnavailable, auth.Certain, "no keyring service here"},
		{"says locked", &bus{running: true, fault: "org.freedesktop.Secret.Error.IsLocked"}, auth.SourceLocked, auth.Certain, "locked"},
		{"defective", &bus{running: true, fault: dbusError + "Failed"}, auth.SourceFailed, auth.Likely, "failed"},
		{"collection without state", &bus{running: true, collections: both}, auth.SourceFailed, auth.Likely, "failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := realEntry(t, listen(t, tt.bus.serve), keyring.Config{}).Credential(t.Context())
			got := wantCause(t, err, tt.cause, tt.confidence)
			if got.Tried[0].Answer != tt.answer {
				t.Errorf("answer %q, want %q", got.Tried[0].Answer, tt.answer)
			}
			tt.bus.check(t, "")
		})
	}
}

// What may go on goes on; the answer is the library's business then.
func TestL10_PreflightLetsThrough(t *testing.T) {
	unlocked := map[dbus.ObjectPath]bool{login: false, other: true}
	for _, tt := range []struct {
		name        string
		bus         *bus
		interactive bool
		asked       string
	}{
		{"unlocked", &bus{running: true, collections: []dbus.ObjectPath{other, login}, locked: unlocked}, false, "Get Collections,Get Locked"},
		{"default unlocked", &bus{running: true, alias: "/x", locked: map[dbus.ObjectPath]bool{"/x": false}}, false, "Get Collections,ReadAlias,Get Locked"},
		{"locked, somebody is there", &bus{running: true, collections: []dbus.ObjectPath{login}, locked: map[dbus.ObjectPath]bool{login: true}}, true, "Get Collections,Get Locked"},
		{"not started, somebody is there", &bus{activatable: true}, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := keyring.Preflight(t.Context(), listen(t, tt.bus.serve), tt.interactive); err != nil {
				t.Errorf("got %v", err)
			}
			tt.bus.check(t, tt.asked)
		})
	}
}

// The library's own words, for what the preflight could not see coming.
func TestTrap71_LibrarysWords(t *testing.T) {
	for _, tt := range []struct {
		err        error
		cause      auth.Cause
		confidence auth.Confidence
	}{
		{keyring.UnlockFailed(), auth.SourceLocked, auth.Likely},
		{dbus.ErrClosed, auth.SourceUnavailable, auth.Certain},
		{&net.OpError{Op: "dial", Net: "unix", Err: os.ErrNotExist}, auth.SourceUnavailable, auth.Certain},
		{dbus.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown"}, auth.SourceUnavailable, auth.Certain},
	} {
		e := newEntry(t, &keyring.Fake{Get: func(string, string) (string, error) { return "", tt.err }})
		_, err := e.Credential(t.Context())
		wantCause(t, err, tt.cause, tt.confidence)
	}
}
