// Package realkeyring gives a test a D-Bus session bus of its own, with a real
// gnome-keyring on it or in one of the states in which users' machines have none.
//
//	New          an unlocked keyring; Lock, Unlock, Kill… change that
//	Activatable  a bus that could start a keyring, and a home that never had one
//	NoService    a bus on which nobody keeps secrets
//	Mute         a socket that accepts and never speaks
//	NoBus        no bus at all: a container
//
// A program under test runs in such a bus's environment through
// [sandbox.Sandbox.Program]:
//
//	bus := realkeyring.New(t)
//	bus.Store("acme", "default", "k-123")
//	bus.Lock()
//	res := bus.Program(10*time.Second, bus.Env(), "client")
package realkeyring

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// Password is that of every keyring made here.
const Password = "e2e-password"

const (
	service    = "org.freedesktop.secrets"
	collection = "/org/freedesktop/secrets/collection/login"
	patience   = 20 * time.Second // for starts; they take well under a second
)

// A Bus is a sandbox whose environment names a session bus, or names none.
type Bus struct {
	*sandbox.Sandbox
	Address string           // what DBUS_SESSION_BUS_ADDRESS is, "" without a bus
	Daemon  *sandbox.Process // dbus-daemon, nil where none runs
	Keyring *sandbox.Process // gnome-keyring-daemon, nil where none runs

	t testing.TB
}

// New starts a bus with an unlocked keyring that holds nothing.
func New(t testing.TB) *Bus {
	t.Helper()
	b := start(t, "<standard_session_servicedirs/>")
	b.startKeyring()
	return b
}

// Activatable starts a bus that would start a keyring for whoever asks for one,
// locked and without a collection: a server on which the packages are installed
// but nobody ever logged in to a desktop.
func Activatable(t testing.TB) *Bus {
	t.Helper()
	sandbox.Need(t, "gnome-keyring-daemon")
	return start(t, "<standard_session_servicedirs/>")
}

// NoService starts a bus on which nobody keeps secrets or could be started.
func NoService(t testing.TB) *Bus {
	t.Helper()
	return start(t, "")
}

// NoBus names no bus. The runtime directory has none to discover either.
func NoBus(t testing.TB) *Bus {
	t.Helper()
	return &Bus{Sandbox: sandbox.New(t), t: t}
}

// Mute listens where a bus should be, accepts everybody and never says a word.
func Mute(t testing.TB) *Bus {
	t.Helper()
	b := NoBus(t)
	path := filepath.Join(b.Dir, "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	b.Address = "unix:path=" + path
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		var held []net.Conn // not collected, hence not closed, while the test runs
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			held = append(held, c)
		}
		for _, c := range held {
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-closed })
	return b
}

func start(t testing.TB, servicedirs string) *Bus {
	t.Helper()
	sandbox.Need(t, "dbus-daemon")
	b := NoBus(t)
	path := filepath.Join(b.Dir, "bus")
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(path))
	// A configuration of our own: the system's may include a laptop's own rules.
	conf := filepath.Join(b.Dir, "bus.conf")
	err := os.WriteFile(conf, fmt.Appendf(nil, `<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  %s
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`, escaped.String(), servicedirs), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	b.Address = "unix:path=" + path
	// Services that the bus activates inherit its environment, so it needs the
	// address and the sandbox's homes from the very start.
	cmd := exec.Command("dbus-daemon", "--config-file="+conf, "--nofork", "--nopidfile")
	cmd.Env = b.Env()
	b.Daemon = b.Start(cmd)
	sandbox.Poll(t, patience, "the session bus answers", func() bool {
		conn, err := b.dial()
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return b
}

// Env is the environment for a program that is to see this bus.
func (b *Bus) Env(extra ...string) []string {
	if b.Address != "" {
		extra = append([]string{"DBUS_SESSION_BUS_ADDRESS=" + b.Address}, extra...)
	}
	return b.Sandbox.Env(extra...)
}

// Lock locks the login collection: what a program meets after a login without
// a password, by ssh or by fingerprint.
func (b *Bus) Lock() {
	b.t.Helper()
	conn := b.mustDial()
	defer conn.Close()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := conn.Object(service, "/org/freedesktop/secrets").
		Call("org.freedesktop.Secret.Service.Lock", dbus.FlagNoAutoStart, []dbus.ObjectPath{collection}).
		Store(&locked, &prompt)
	if err != nil {
		b.t.Fatalf("lock the keyring: %v", err)
	}
	if !b.lockedIs(true) {
		b.t.Fatal("the keyring says that it locked the collection, and it is not locked")
	}
}

// Unlock unlocks the login collection as one does without a screen: a daemon
// that is given the password takes the place of the one that runs.
// (Without --replace, gnome-keyring-daemon --unlock exits 0 and unlocks nothing.)
func (b *Bus) Unlock() {
	b.t.Helper()
	b.startKeyring("--replace")
}

func (b *Bus) startKeyring(flags ...string) {
	b.t.Helper()
	sandbox.Need(b.t, "gnome-keyring-daemon")
	cmd := exec.Command("gnome-keyring-daemon", append(flags, "--foreground", "--unlock", "--components=secrets")...)
	cmd.Env = b.Env()
	cmd.Stdin = strings.NewReader(Password)
	b.Keyring = b.Start(cmd)
	// Nobody may ask for the service before its name is owned: the bus would
	// then activate a second daemon, locked, which answers in place of this one.
	sandbox.Poll(b.t, patience, "the keyring is unlocked", func() bool {
		return b.serves(b.Keyring.Pid()) && b.lockedIs(false)
	})
}

// serves reports whether the process with this id is the one that keeps secrets.
func (b *Bus) serves(pid int) bool {
	conn, err := b.dial()
	if err != nil {
		return false
	}
	defer conn.Close()
	var owner uint32
	err = conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", dbus.FlagNoAutoStart, service).Store(&owner)
	return err == nil && int(owner) == pid
}

func (b *Bus) lockedIs(want bool) bool {
	conn, err := b.dial()
	if err != nil {
		return false
	}
	defer conn.Close()
	var locked bool
	err = conn.Object(service, collection).
		Call("org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, "org.freedesktop.Secret.Collection", "Locked").
		Store(&locked)
	return err == nil && locked == want
}

// Store puts a secret in with secret-tool, the command that a Linux user types.
func (b *Bus) Store(service, account, secret string) {
	b.t.Helper()
	cmd := b.SecretTool("store", "--label="+service, "service", service, "username", account)
	cmd.Stdin = strings.NewReader(secret)
	if res := b.Run(patience, cmd); res.Code != 0 {
		b.t.Fatalf("secret-tool store: exit status %d, %s", res.Code, res.Stderr)
	}
}

// Lookup asks secret-tool for a secret, and reports whether it gave one.
func (b *Bus) Lookup(service, account string) (string, bool) {
	b.t.Helper()
	res := b.Run(patience, b.SecretTool("lookup", "service", service, "username", account))
	return res.Stdout, res.Code == 0
}

// SecretTool is a secret-tool command that sees this bus, for [sandbox.Sandbox.Run].
func (b *Bus) SecretTool(args ...string) *exec.Cmd {
	b.t.Helper()
	sandbox.Need(b.t, "secret-tool")
	cmd := exec.Command("secret-tool", args...)
	cmd.Env = b.Env()
	return cmd
}

// A Prompter is a dialog that asks for the keyring's password and waits for a
// user who never comes.
type Prompter struct {
	// Asked gets a value when a dialog opens. A program that asked for the
	// secret without a deadline hangs from then on.
	Asked chan struct{}
}

// MutePrompter takes the place of the desktop's password dialog. Without one,
// and without a screen, gnome-keyring gives up at once on a locked collection.
// To have the bus die under an open dialog:
//
//	dialog := bus.MutePrompter()
//	go func() { <-dialog.Asked; bus.Daemon.Kill() }()
//	res := bus.Program(10*time.Second, bus.Env(), "client")
func (b *Bus) MutePrompter() *Prompter {
	b.t.Helper()
	conn := b.mustDial()
	b.t.Cleanup(func() { conn.Close() })
	p := &Prompter{Asked: make(chan struct{}, 100)}
	if err := conn.Export(prompting{p}, "/org/gnome/keyring/Prompter", "org.gnome.keyring.internal.Prompter"); err != nil {
		b.t.Fatal(err)
	}
	got, err := conn.RequestName("org.gnome.keyring.SystemPrompter", dbus.NameFlagDoNotQueue)
	if err != nil || got != dbus.RequestNameReplyPrimaryOwner {
		b.t.Fatalf("become the prompter: %v, %v", got, err)
	}
	return p
}

// prompting has the methods that gnome-keyring calls. A prompter that works
// would call PromptReady on the callback.
type prompting struct{ p *Prompter }

func (m prompting) BeginPrompting(callback dbus.ObjectPath) *dbus.Error {
	select {
	case m.p.Asked <- struct{}{}:
	default:
	}
	return nil
}

func (prompting) PerformPrompt(callback dbus.ObjectPath, kind string, properties map[string]dbus.Variant, exchange string) *dbus.Error {
	return nil
}

func (prompting) StopPrompting(callback dbus.ObjectPath) *dbus.Error { return nil }

func (b *Bus) dial() (*dbus.Conn, error) {
	// Not dbus.SessionBus, which would look for, or start, the user's own bus.
	conn, err := dbus.Dial(b.Address)
	if err != nil {
		return nil, err
	}
	if err := conn.Auth(nil); err != nil {
		conn.Close()
		return nil, err
	}
	if err := conn.Hello(); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (b *Bus) mustDial() *dbus.Conn {
	b.t.Helper()
	conn, err := b.dial()
	if err != nil {
		b.t.Fatal(err)
	}
	return conn
}
