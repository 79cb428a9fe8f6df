package realkeyring_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/e2e/realkeyring"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main(m, map[string]func(){
		"address": func() { fmt.Print(os.Getenv("DBUS_SESSION_BUS_ADDRESS")) },
	})
}

func TestUnlockedKeyringKeepsASecret(t *testing.T) {
	bus := realkeyring.New(t)
	if _, ok := bus.Lookup("acme", "default"); ok {
		t.Fatal("a new keyring holds a secret")
	}
	bus.Store("acme", "default", "k-123")
	if got, ok := bus.Lookup("acme", "default"); !ok || got != "k-123" {
		t.Fatalf("looked up %q, %v", got, ok)
	}
	if _, ok := bus.Lookup("acme", "other"); ok {
		t.Fatal("another account's secret was found")
	}
	if strays := bus.Strays(); len(strays) > 0 {
		t.Fatalf("somebody activated a second daemon: %q", strays)
	}
}

func TestLockedKeyringGivesNothing(t *testing.T) {
	bus := realkeyring.New(t)
	bus.Store("acme", "default", "k-123")
	bus.Lock()
	if got, ok := bus.Lookup("acme", "default"); ok {
		t.Fatalf("a locked keyring gave %q", got)
	}
	bus.Unlock()
	if got, ok := bus.Lookup("acme", "default"); !ok || got != "k-123" {
		t.Fatalf("after unlocking: looked up %q, %v", got, ok)
	}
}

func TestLockedKeyringWithADialogHangs(t *testing.T) {
	bus := realkeyring.New(t)
	bus.Store("acme", "default", "k-123")
	bus.Lock()
	dialog := bus.MutePrompter()
	res := bus.Run(2*time.Second, lookup(bus))
	if !res.TimedOut {
		t.Fatalf("secret-tool did not wait for the dialog: %+v", res)
	}
	select {
	case <-dialog.Asked:
	default:
		t.Fatal("no dialog was asked for")
	}
}

func TestNoServiceAnswersAtOnce(t *testing.T) {
	bus := realkeyring.NoService(t)
	res := bus.Run(10*time.Second, lookup(bus))
	if res.Code == 0 || res.TimedOut || !strings.Contains(res.Stderr, "org.freedesktop.secrets was not provided") {
		t.Fatalf("%+v", res)
	}
}

func TestActivatableStartsADaemonThatEndsWithTheBus(t *testing.T) {
	bus := realkeyring.Activatable(t)
	if res := bus.Run(10*time.Second, lookup(bus)); res.TimedOut || res.Stdout != "" {
		t.Fatalf("%+v", res)
	}
	if len(bus.Strays()) == 0 {
		t.Fatal("nothing was activated, so this test proves nothing")
	}
	// The cleanup fails the test if that daemon outlives the bus.
}

func TestMuteBusNeverAnswers(t *testing.T) {
	bus := realkeyring.Mute(t)
	if res := bus.Run(time.Second, lookup(bus)); !res.TimedOut {
		t.Fatalf("%+v", res)
	}
}

func TestKillTheBus(t *testing.T) {
	bus := realkeyring.New(t)
	bus.Daemon.Kill()
	if _, err := net.Dial("unix", strings.TrimPrefix(bus.Address, "unix:path=")); err == nil {
		t.Fatal("a dead bus accepts")
	}
	sandbox.Poll(t, 5*time.Second, "the keyring leaves with its bus", bus.Keyring.Ended)
}

func TestProgramsSeeTheirBusAndNothingElse(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/of-the-caller")
	for _, bus := range []*realkeyring.Bus{realkeyring.NoBus(t), realkeyring.Mute(t)} {
		res := bus.Program(10*time.Second, bus.Env(), "address")
		if res.Code != 0 || res.Stdout != bus.Address {
			t.Errorf("the program sees %q, want %q (%+v)", res.Stdout, bus.Address, res)
		}
	}
}

func lookup(bus *realkeyring.Bus) *exec.Cmd {
	return bus.SecretTool("lookup", "service", "acme", "username", "default")
}
