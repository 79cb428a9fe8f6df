package sandbox_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main(m, map[string]func(){
		"hello": func() {
			fmt.Print("args ", strings.Join(os.Args[1:], " "), ", home ", os.Getenv("HOME"), ", key ", os.Getenv("ACME_API_KEY"))
			fmt.Fprint(os.Stderr, "to stderr")
			os.Exit(3)
		},
		"wait": func() { time.Sleep(time.Hour) },
		"leave": func() { // a daemon that detaches itself
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "REAUTH_E2E_PROGRAM=wait")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := cmd.Start(); err != nil {
				panic(err)
			}
		},
	})
}

func TestProgramRunsWithABareEnvironment(t *testing.T) {
	t.Setenv("ACME_API_KEY", "the caller's own")
	box := sandbox.New(t)
	res := box.Program(20*time.Second, box.Env(), "hello", "a", "b")
	want := "args a b, home " + box.Home + ", key "
	if res.Stdout != want || res.Stderr != "to stderr" || res.Code != 3 || res.TimedOut {
		t.Fatalf("%+v", res)
	}
}

func TestProgramThatHangsShowsItsStacks(t *testing.T) {
	box := sandbox.New(t)
	res := box.Program(500*time.Millisecond, box.Env(), "wait")
	if !res.TimedOut || !strings.Contains(res.Stderr, "goroutine ") {
		t.Fatalf("%+v", res)
	}
}

// watched lets a test see what the cleanup of another would do.
type watched struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (w *watched) Cleanup(f func()) { w.cleanups = append(w.cleanups, f) }
func (w *watched) Errorf(format string, args ...any) {
	w.errors = append(w.errors, fmt.Sprintf(format, args...))
}
func (w *watched) Failed() bool { return false }

func TestCleanupFindsADaemonThatDetached(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		sandbox.Missing(t, "/proc is not there")
	}
	w := &watched{TB: t}
	box := sandbox.New(w)
	if res := box.Program(20*time.Second, box.Env(), "leave"); res.Code != 0 {
		t.Fatalf("%+v", res)
	}
	if n := len(box.Strays()); n != 1 {
		t.Fatalf("%d strays, not 1", n)
	}
	w.cleanups[0]()
	if len(w.errors) != 1 || !strings.Contains(w.errors[0], "left behind") {
		t.Fatalf("%q", w.errors)
	}
	sandbox.Poll(t, 5*time.Second, "the daemon is gone", func() bool { return len(box.Strays()) == 0 })
}

func TestServersEndWithTheTest(t *testing.T) {
	w := &watched{TB: t}
	box := sandbox.New(w)
	p := box.Start(exec.Command("sleep", "1000"))
	if p.Ended() {
		t.Fatal("it ended by itself")
	}
	if err := p.Signal(syscall.SIGSTOP); err != nil { // a stopped one must end as well
		t.Fatal(err)
	}
	w.cleanups[0]()
	if !p.Ended() || len(w.errors) > 0 {
		t.Fatalf("ended %v, %q", p.Ended(), w.errors)
	}
	if _, err := os.Stat(box.Dir); err == nil {
		t.Fatal("the folder is left")
	}
}
