package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/internal/e2e/realkeyring"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

const key = "e2e-key-of-acme-4711"

// api accepts key and nothing else.
func api(t *testing.T) *authtest.Server {
	t.Helper()
	srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Label: "acme's", Value: key}}})
	t.Cleanup(srv.Close)
	return srv
}

// withKey is a keyring to which a user has added acme's key.
func withKey(t *testing.T) *realkeyring.Bus {
	t.Helper()
	bus := realkeyring.New(t)
	bus.Store(name, "default", key)
	return bus
}

// wantNothingSent is for programs that found no credential.
func wantNothingSent(t *testing.T, srv *authtest.Server) {
	t.Helper()
	if n := srv.API.Total().Requests; n != 0 {
		t.Errorf("L6: %d requests were sent without a credential", n)
	}
}

func wantFailure(t *testing.T, r report, cause auth.Cause, step auth.Step, most time.Duration) {
	t.Helper()
	if !r.Typed || r.Cause != cause || r.Step != step {
		t.Errorf("got %s with %s (typed %v), want %s with %s: %s", r.Cause, r.Step, r.Typed, cause, step, r.Error)
	}
	if r.Took > most {
		t.Errorf("L10: it took %v, more than %v", r.Took, most)
	}
	if strings.Contains(r.Error+r.Page, key) {
		t.Errorf("L7: the key shows in %q", r.Error+r.Page)
	}
	t.Logf("%s after %v: %s", r.Cause, r.Took, r.Error)
}

func TestKeyring_WhatSecretToolStoredIsFoundByTheServiceAlone(t *testing.T) {
	t.Parallel()
	bus, srv := withKey(t), api(t)
	r := run(t, bus, bus.Env(), "client", srv.API.URL)
	if r.Error != "" || r.Login != "tester" {
		t.Errorf("%+v", r)
	}
	if got := srv.API.Counts()["acme's"]; got.Accepted != 1 || srv.API.Total().Requests != 1 {
		t.Errorf("the API saw %+v of %+v", got, srv.API.Total())
	}
	t.Logf("found, sent and accepted in %v", r.Took)
}

// Trap 71, T48.
func TestKeyring_ALockedOneSaysHowToUnlockAndThatWorks(t *testing.T) {
	t.Parallel()
	sandbox.Need(t, "bash")
	bus, srv := withKey(t), api(t)
	bus.Lock()
	r := run(t, bus, bus.Env(), "client", srv.API.URL)
	wantFailure(t, r, auth.SourceLocked, auth.StepFixEnvironment, 5*time.Second)
	wantNothingSent(t, srv)
	for _, words := range []string{"locked", "unlock the keyring", r.Command} {
		if words == "" || !strings.Contains(r.Page, words) {
			t.Errorf("the page does not say %q:\n%s", words, r.Page)
		}
	}

	// The user types the command, and then the password.
	cmd := exec.Command("bash", "-c", r.Command)
	cmd.Env, cmd.Stdin = bus.Env(), strings.NewReader(realkeyring.Password+"\n")
	if res := bus.Run(10*time.Second, cmd); res.Code != 0 || res.TimedOut {
		t.Fatalf("%s: %+v", r.Command, res)
	}
	// The daemon that takes over may need a moment.
	sandbox.Poll(t, 5*time.Second, "the program succeeds", func() bool {
		r = run(t, bus, bus.Env(), "client", srv.API.URL)
		return r.Error == ""
	})
	if r.Login != "tester" {
		t.Errorf("%+v", r)
	}
}

// There, and in a container, the variable is the way: the keyring is not to blame.
// Trap 85: nothing is written to standard error.
func TestKeyring_NoneAtAllNamesTheVariableWithinASecond(t *testing.T) {
	t.Parallel()
	for state, start := range map[string]func(testing.TB) *realkeyring.Bus{
		"no bus":     realkeyring.NoBus,
		"no service": realkeyring.NoService,
		// Installed, and never used: to start it would leave a daemon behind.
		"never started": realkeyring.Activatable,
		"dead bus": func(t testing.TB) *realkeyring.Bus {
			bus := realkeyring.NoService(t)
			bus.Daemon.Kill()
			return bus
		},
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			bus, srv := start(t), api(t)
			r := run(t, bus, bus.Env(), "client", srv.API.URL)
			wantFailure(t, r, auth.MissingCredential, auth.StepVerify, time.Second)
			wantNothingSent(t, srv)
			if !strings.Contains(r.Error, "ACME_API_KEY") || !strings.Contains(r.Page, "fix      set ACME_API_KEY") {
				t.Errorf("the variable is not named: %s\n%s", r.Error, r.Page)
			}

			// And then the user sets it.
			r = run(t, bus, bus.Env("ACME_API_KEY="+key), "client", srv.API.URL)
			if r.Error != "" {
				t.Errorf("with the variable: %s", r.Error)
			}
		})
	}
}

func TestKeyring_AMuteBusIsNoHang(t *testing.T) {
	t.Parallel()
	bus, srv := realkeyring.Mute(t), api(t)
	r := run(t, bus, bus.Env(), "client", srv.API.URL)
	wantFailure(t, r, auth.SourceTimeout, auth.StepFixEnvironment, 5*time.Second)
	wantNothingSent(t, srv)
	if !strings.Contains(r.Error, "session bus") {
		t.Errorf("the bus is not blamed: %s", r.Error)
	}

	// A variable does not wait for any keyring.
	r = run(t, bus, bus.Env("ACME_API_KEY="+key), "client", srv.API.URL)
	if r.Error != "" || r.Took > time.Second {
		t.Errorf("with the variable: %+v", r)
	}
}

func TestKeyring_AStoppedDaemonIsNoHang(t *testing.T) {
	t.Parallel()
	bus, srv := withKey(t), api(t)
	pause(t, bus.Keyring)
	r := run(t, bus, bus.Env(), "client", srv.API.URL)
	wantFailure(t, r, auth.SourceTimeout, auth.StepFixEnvironment, 5*time.Second)
	wantNothingSent(t, srv)
	if !strings.Contains(r.Error, "keyring service") {
		t.Errorf("the daemon is not blamed: %s", r.Error)
	}
}

// The bus is fine when the program starts, and gone when it reads its key again
// because the API refused it.
func TestKeyring_ABusThatDiesUnderAProgramIsNoPanic(t *testing.T) {
	t.Parallel()
	bus, srv := withKey(t), api(t)
	ended := make(chan sandbox.Result, 1)
	go func() { ended <- bus.Program(30*time.Second, bus.Env(), "watch", srv.API.URL, "nobody") }()
	sandbox.Poll(t, 10*time.Second, "the program works", func() bool { return srv.API.Total().Accepted >= 3 })
	srv.API.RefuseNext(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bus.Daemon.Kill()
		authtest.InvalidToken.ServeHTTP(w, r)
	}))
	r := parse(t, <-ended)
	if !r.Typed || r.Slowest > 5*time.Second {
		t.Errorf("L10: %+v", r)
	}
	if !strings.Contains(r.Page, "session bus") {
		t.Errorf("the page does not say that the keyring could not be read again:\n%s", r.Page)
	}
	if strays := bus.Strays(); len(strays) > 0 {
		t.Errorf("left behind: %q", strays)
	}
	t.Logf("%s after %v:\n%s", r.Cause, r.Slowest, r.Page)
}

// What may happen while the desktop's dialog asks for the password. The library
// beneath hangs for ever or panics in each of these cases.
func TestKeyring_AnOpenPrompt(t *testing.T) {
	t.Parallel()
	for state, c := range map[string]struct {
		during  func(*realkeyring.Bus)
		timeout string
		cause   auth.Cause
		most    time.Duration
	}{
		"nobody answers":  {func(*realkeyring.Bus) {}, "2s", auth.SourceTimeout, 3 * time.Second},
		"the bus dies":    {func(b *realkeyring.Bus) { b.Daemon.Kill() }, "8s", auth.SourceUnavailable, 5 * time.Second},
		"the daemon dies": {func(b *realkeyring.Bus) { b.Keyring.Kill() }, "4s", auth.SourceTimeout, 5 * time.Second},
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			bus, srv := withKey(t), api(t)
			bus.Lock()
			dialog := bus.MutePrompter()
			done, asked := make(chan struct{}), make(chan bool)
			go func() {
				select {
				case <-dialog.Asked:
					c.during(bus)
					asked <- true
				case <-done:
					asked <- false
				}
			}()
			r := run(t, bus, bus.Env(), "interactive", srv.API.URL, c.timeout)
			close(done)
			if !<-asked {
				t.Fatalf("no dialog was asked for: %+v", r)
			}
			wantFailure(t, r, c.cause, auth.StepFixEnvironment, c.most)
			wantNothingSent(t, srv)
		})
	}
}

func TestKeyring_AKeyReplacedThereHealsARunningProgram(t *testing.T) {
	t.Parallel()
	const next = "e2e-key-of-acme-4712"
	bus, srv := withKey(t), api(t)
	srv.Set(func(c *authtest.Config) {
		c.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			login := "with the old key"
			if r.Header.Get("Authorization") == "Bearer "+next {
				login = "with the new key"
			}
			_, _ = w.Write([]byte(`{"login":"` + login + `"}`))
		})
	})
	ended := make(chan sandbox.Result, 1)
	go func() {
		ended <- bus.Program(30*time.Second, bus.Env(), "watch", srv.API.URL, "with the new key")
	}()
	sandbox.Poll(t, 10*time.Second, "the program works", func() bool { return srv.API.Total().Accepted >= 3 })
	bus.Store(name, "default", next)
	srv.Set(func(c *authtest.Config) {
		c.Keys = []authtest.Key{{Label: "the new key", Value: next}}
	})
	r := parse(t, <-ended)
	if r.Error != "" || r.Login != "with the new key" {
		t.Fatalf("%+v", r)
	}
	total := srv.API.Total()
	if total.Refused != 1 || total.Requests != r.Requests+1 {
		t.Errorf("%d requests of the program, and the API saw %+v: the first refusal should have healed", r.Requests, total)
	}
	if strays := bus.Strays(); len(strays) > 0 {
		t.Errorf("left behind: %q", strays)
	}
	t.Logf("%d requests, %d refusal healed inside, 0 restarts", r.Requests, total.Refused)
}

func TestKeyring_TheExampleFindsItsKeyAndDeletesIt(t *testing.T) {
	t.Parallel()
	bus := realkeyring.New(t)
	program := filepath.Join(bus.Dir, "example")
	build := exec.Command("go", "build", "-o", program, "./examples/keyring")
	build.Dir, build.Env = filepath.Join("..", ".."), append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program)
	cmd.Env = bus.Env()
	res := bus.Run(20*time.Second, cmd)
	if res.Code != 0 || res.TimedOut {
		t.Fatalf("%+v", res)
	}
	for _, words := range []string{"found in keyring reauth-example/default\n", "hello, tester\n", "deleted again\n"} {
		if !strings.Contains(res.Stdout, words) {
			t.Errorf("it does not say %q:\n%s", words, res.Stdout)
		}
	}
	if got, ok := bus.Lookup("reauth-example", "default"); ok {
		t.Errorf("the keyring still holds %q", got)
	}
	if strays := bus.Strays(); len(strays) > 0 {
		t.Errorf("left behind: %q", strays)
	}
}
