package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
	"github.com/reauth-go/reauth/internal/e2e/realkeyring"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// The programs under test. Each is what a user would write, in a process of its
// own, and its last word is a report.
func TestMain(m *testing.M) {
	sandbox.Main(m, map[string]func(){
		"client":      client,
		"watch":       watch,
		"interactive": interactive,
	})
}

// name is the client's name in every program: it decides the variables and the
// keyring's entry, and is all that they are told.
const name = "acme"

// A report is what a program prints of its last request.
type report struct {
	Login    string
	Requests int
	Took     time.Duration // of the last request
	Slowest  time.Duration // of all
	Error    string        // "" if the last one succeeded
	Typed    bool          // the error is an *auth.Error; what follows is its
	Cause    auth.Cause
	Step     auth.Step
	Command  string // of the remedy
	Page     string // Explain
}

func (r report) tell() {
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
}

// get makes one request and adds it to the report.
func (r *report) get(c *reauth.Client) {
	*r = report{Requests: r.Requests + 1, Slowest: r.Slowest}
	var me struct{ Login string }
	begun := time.Now()
	err := c.Get(context.Background(), "/v1/me", &me)
	r.Took = time.Since(begun)
	r.Slowest = max(r.Slowest, r.Took)
	r.Login = me.Login
	if err == nil {
		return
	}
	r.Error = err.Error()
	if e, ok := errors.AsType[*auth.Error](err); ok {
		r.Typed, r.Cause, r.Step, r.Command, r.Page = true, e.Cause, e.Step(), e.Remedy.Command, e.Explain()
	}
}

// client makes one request to the API at its first argument.
func client() {
	c := must(reauth.New(reauth.Config{Name: name, BaseURL: os.Args[1]}))
	var r report
	r.get(c)
	r.tell()
	_ = c.Close()
}

// watch makes requests until one fails or until it hears the login of its
// second argument, ten seconds at most.
func watch() {
	c := must(reauth.New(reauth.Config{Name: name, BaseURL: os.Args[1]}))
	var r report
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r.get(c); r.Error != "" || r.Login == os.Args[2] {
			break
		}
	}
	r.tell()
	_ = c.Close()
}

// interactive does what client does, and lets the keyring ask the user for its
// password, for as long as its second argument says.
func interactive() {
	entry := must(keyring.New(keyring.Config{Service: name, Interactive: true, Timeout: must(time.ParseDuration(os.Args[2]))}))
	c := must(reauth.New(reauth.Config{Source: entry, BaseURL: os.Args[1]}))
	var r report
	r.get(c)
	r.tell()
	_ = c.Close()
}

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return v
}

// run runs a program on a bus and returns its report. A hang, a panic, another
// exit status than 0, and a daemon that was not there before fail the test.
func run(t *testing.T, bus *realkeyring.Bus, env []string, program string, args ...string) report {
	t.Helper()
	const hang = 30 * time.Second // far beyond what any test allows
	before := len(bus.Strays())
	res := bus.Program(hang, env, program, args...)
	if strays := bus.Strays(); len(strays) > before {
		t.Errorf("the program left a daemon behind: %q", strays)
	}
	return parse(t, res)
}

func parse(t *testing.T, res sandbox.Result) (r report) {
	t.Helper()
	if res.TimedOut || res.Code != 0 || res.Stderr != "" {
		t.Fatalf("the program hung (%v), panicked or failed: exit status %d after %v\n%s%s", res.TimedOut, res.Code, res.Took, res.Stdout, res.Stderr)
	}
	if err := json.Unmarshal([]byte(res.Stdout), &r); err != nil {
		t.Fatalf("the program's report: %v\n%s", err, res.Stdout)
	}
	return r
}
