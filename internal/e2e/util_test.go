package e2e_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// pause makes a server mute for the rest of the test.
func pause(t *testing.T, p *sandbox.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// setenv sets variables that no other test has: t.Setenv would forbid these
// tests to run side by side.
func setenv(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if err := os.Setenv(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Unsetenv(pairs[i]) })
	}
}

// machine configures client credentials as a deployment does, and returns a
// client that is told nothing but its name, which must be the test's own.
func machine(t *testing.T, name string, iss *issuer.Issuer, baseURL string, w *wire, l *log) *reauth.Client {
	t.Helper()
	prefix := strings.ToUpper(name) + "_"
	setenv(t, prefix+"CLIENT_ID", issuer.Basic.ID, prefix+"CLIENT_SECRET", issuer.Basic.Secret, prefix+"TOKEN_URL", iss.TokenURL)
	return newClient(t, reauth.Config{Name: name, BaseURL: baseURL, Transport: w, Hook: l.hook})
}

func newClient(t *testing.T, cfg reauth.Config) *reauth.Client {
	t.Helper()
	c, err := reauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
