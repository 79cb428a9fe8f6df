// Package sandbox gives one test its own home, a bare environment, and real
// processes that do not outlive it.
//
// Every process begun through a [Sandbox] carries the sandbox's name in its
// environment, and so does whatever that process begins, daemons that detach
// themselves and services that D-Bus activates included. That mark is how the
// cleanup finds what would otherwise be left, and how it can be sure that it
// ends nothing that belongs to anyone else.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// markName is the environment variable that marks a sandbox's processes.
const markName = "REAUTH_E2E_SANDBOX"

// Demanded reports whether a missing component is a failure, as in CI.
func Demanded() bool { return os.Getenv("REAUTH_E2E") == "1" }

// Need ends the test unless every program is on the PATH.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			Missing(t, name+" is not installed")
		}
	}
}

// Missing ends the test because a component is not there: it skips on a laptop
// and fails in CI. The reason should say what to install.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if Demanded() {
		t.Fatalf("%s, and REAUTH_E2E=1 says that it must be", reason)
	}
	t.Skipf("%s (bash .ci/run setup installs everything)", reason)
}

// A Sandbox is one test's home, environment and processes.
type Sandbox struct {
	Dir     string // private to this user; paths in it are short enough for unix sockets
	Home    string // HOME
	Runtime string // XDG_RUNTIME_DIR

	t       testing.TB
	started []*Process
}

// New makes a sandbox that lasts as long as the test. Its cleanup ends every
// process, newest first, and fails the test if one had to be hunted down.
func New(t testing.TB) *Sandbox {
	t.Helper()
	// t.TempDir would hold the test's name, and a unix socket's path may have
	// no more than about a hundred bytes.
	dir, err := os.MkdirTemp("", "reauth-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Sandbox{Dir: dir, Home: filepath.Join(dir, "home"), Runtime: filepath.Join(dir, "run"), t: t}
	for _, d := range []string{s.Home, s.Runtime} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.close)
	return s
}

// Env returns an environment for a program in the sandbox, with extra added.
// It holds nothing of the caller's but the PATH: a variable with a key or a
// DISPLAY on somebody's laptop must not decide a test.
func (s *Sandbox) Env(extra ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"TMPDIR=" + s.Dir,
		"HOME=" + s.Home,
		"XDG_RUNTIME_DIR=" + s.Runtime,
		markName + "=" + s.Dir,
	}, extra...)
}

// A Process is a server that the sandbox started.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// Start begins a server. Its output goes to a log, which is shown if the test
// fails. What cmd leaves unset of its environment is the sandbox's [Sandbox.Env].
func (s *Sandbox) Start(cmd *exec.Cmd) *Process {
	s.t.Helper()
	if cmd.Env == nil {
		cmd.Env = s.Env()
	}
	name := filepath.Base(cmd.Path)
	logfile := filepath.Join(s.Dir, fmt.Sprintf("%d-%s.log", len(s.started), name))
	out, err := os.Create(logfile)
	if err != nil {
		s.t.Fatal(err)
	}
	// A file and never a pipe: a daemon that keeps its parent's pipe open would
	// hold up Wait, and one that shares the test's output would spoil it.
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = dieWithParent()

	p := &Process{name: name, cmd: cmd, log: logfile, done: make(chan struct{})}
	begun := make(chan error)
	go func() {
		// The kernel ties "parent died" to the thread that forked, so the
		// thread must last as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer out.Close()
		err := cmd.Start()
		begun <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-begun; err != nil {
		s.t.Fatal(err)
	}
	s.started = append(s.started, p)
	return p
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Log returns what the process has printed so far.
func (p *Process) Log() string {
	b, _ := os.ReadFile(p.log)
	return string(b)
}

// Ended reports whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Kill ends the process without a warning, as a crash would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Signal sends a signal: SIGSTOP makes a server mute, SIGCONT lets it speak.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// end asks politely and then does not.
func (p *Process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a stopped process hears nothing else
	select {
	case <-p.done:
	case <-time.After(3 * time.Second):
		p.Kill()
	}
}

// A Result is how a program in the sandbox ended.
type Result struct {
	Stdout, Stderr string
	Code           int           // -1 if a signal ended it
	Took           time.Duration // wall time, the start of the process included
	TimedOut       bool          // it was still running at its deadline; a Go program's stacks are in Stderr
}

// Run runs a program to its end, or to its deadline. What cmd leaves unset of
// its environment is the sandbox's [Sandbox.Env].
func (s *Sandbox) Run(limit time.Duration, cmd *exec.Cmd) Result {
	s.t.Helper()
	if cmd.Env == nil {
		cmd.Env = s.Env()
	}
	// Files again, for the reason given in Start.
	var outs [2]*os.File
	for i, name := range []string{"stdout", "stderr"} {
		f, err := os.CreateTemp(s.Dir, name)
		if err != nil {
			s.t.Fatal(err)
		}
		defer f.Close()
		outs[i] = f
	}
	cmd.Stdout, cmd.Stderr = outs[0], outs[1]
	cmd.SysProcAttr = dieWithParent()
	if cmd.Dir == "" {
		cmd.Dir = s.Dir // what it drops is swept up
	}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // a Go program answers with its stacks
		time.AfterFunc(2*time.Second, func() { _ = cmd.Process.Kill() })
	})
	err := cmd.Wait()
	res := Result{Took: time.Since(begun), TimedOut: !stop(), Code: cmd.ProcessState.ExitCode()}
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		s.t.Fatal(err)
	}
	read := func(f *os.File) string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			s.t.Fatal(err)
		}
		return string(b)
	}
	res.Stdout, res.Stderr = read(outs[0]), read(outs[1])
	return res
}

// programName is the environment variable by which [Main] knows its role.
const programName = "REAUTH_E2E_PROGRAM"

// Main runs the tests, or one of the programs under test: call it from
// TestMain. A program is a function that runs in a process of its own, which
// [Sandbox.Program] starts, because the environment, a hang and a panic are
// things that can be tried only on a whole process. Its arguments are os.Args[1:].
func Main(m *testing.M, programs map[string]func()) {
	name, ok := os.LookupEnv(programName)
	if !ok {
		os.Exit(m.Run())
	}
	program, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "sandbox: no program named %q is given to Main\n", name)
		os.Exit(2)
	}
	program()
	os.Exit(0)
}

// Program runs one of [Main]'s programs in the environment env, which is
// usually a bus's or a sandbox's Env with variables added.
func (s *Sandbox) Program(limit time.Duration, env []string, name string, args ...string) Result {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	// With the race detector a program would sleep for a second before it exits.
	cmd.Env = append(slices.Clone(env), programName+"="+name, "GORACE=atexit_sleep_ms=0")
	return s.Run(limit, cmd)
}

// Poll calls ready until it says yes, and fails the test after limit.
func Poll(t testing.TB, limit time.Duration, what string, ready func() bool) {
	t.Helper()
	if !poll(limit, ready) {
		t.Fatalf("%s: not within %v", what, limit)
	}
}

func poll(limit time.Duration, ready func() bool) bool {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if ready() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// Strays lists the living processes that carry the sandbox's mark but were not
// started with [Sandbox.Start]: services that D-Bus activated, daemons that a
// program under test left behind. Linux only; elsewhere there are none.
// Not for use while Run or Program is running.
func (s *Sandbox) Strays() []string {
	var out []string
	for _, p := range s.strays() {
		out = append(out, p.String())
	}
	return out
}

type stray struct {
	pid  int
	line string
}

func (p stray) String() string { return fmt.Sprintf("%d %s", p.pid, p.line) }

func (s *Sandbox) strays() []stray {
	own := map[int]bool{}
	for _, p := range s.started {
		own[p.Pid()] = true
	}
	mark := markName + "=" + s.Dir
	var out []stray
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), "%d", &pid); err != nil || own[pid] {
			continue
		}
		// Empty for a process that has ended and waits to be reaped.
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !slices.Contains(strings.Split(string(env), "\x00"), mark) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		out = append(out, stray{pid, strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))})
	}
	return out
}

func (s *Sandbox) close() {
	for i := len(s.started) - 1; i >= 0; i-- {
		s.started[i].end()
	}
	// What D-Bus activated notices by itself that its bus is gone.
	if !poll(5*time.Second, func() bool { return len(s.strays()) == 0 }) {
		for _, p := range s.strays() {
			s.t.Errorf("a process was left behind: %v", p)
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	if s.t.Failed() {
		for _, p := range s.started {
			if out := strings.TrimSpace(p.Log()); out != "" {
				s.t.Logf("%s printed:\n%s", p.name, tail(out, 4000))
			}
		}
	}
	if err := os.RemoveAll(s.Dir); err != nil {
		s.t.Error(err)
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}
