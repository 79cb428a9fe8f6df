//go:build !windows

package keyring_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
)

// A tool is the security tool that this test binary can be.
type tool struct {
	t   *testing.T
	dir string
}

func newTool(t *testing.T) tool {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(securityDir, dir)
	// The race detector has each process wait a second at its end.
	t.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	return tool{t, dir}
}

func (s tool) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s tool) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// store puts raw bytes under a service and an account, as another program would.
func (s tool) store(service, account, raw string) {
	s.t.Helper()
	data, err := json.Marshal(map[string]string{service + "\x00" + account: raw})
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(itemsFile, string(data))
}

func (s tool) stored() map[string]string {
	s.t.Helper()
	items := make(map[string]string)
	if err := json.Unmarshal([]byte(s.read(itemsFile)), &items); err != nil {
		s.t.Fatal(err)
	}
	return items
}

func (s tool) entry(config keyring.Config) *keyring.Entry {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	if config.Service == "" {
		config.Service = "acme"
	}
	if config.Timeout == 0 {
		config.Timeout = time.Minute // a slow machine is not what is looked at
	}
	e, err := keyring.NewKeychain(config, self)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func TestKeychainRoundTrip(t *testing.T) {
	s := newTool(t)
	e := s.entry(keyring.Config{})
	ctx := t.Context()
	_, err := e.Credential(ctx)
	wantCause(t, err, auth.MissingCredential, auth.Certain)
	wantCause(t, e.Delete(ctx), auth.MissingCredential, auth.Certain)

	encoded := func(v string) string { return "go-keyring-base64:" + base64.StdEncoding.EncodeToString([]byte(v)) }
	for _, tt := range []struct{ name, value, onDisk string }{
		{"a key", canary, canary},
		{"hexadecimal digits", "cafe0123", "cafe0123"},
		{"everything printable", `a "b" 'c' \d $(e) ` + "`f`; g\t"[:6], ""},
		{"one line of JSON", `{"access_token":"` + canary + `","n":1}`, ""},
		{"beyond ASCII", "pässwörd-密码", encoded("pässwörd-密码")},
		{"lines", "{\n  1\n}", encoded("{\n  1\n}")},
		{"looks encoded", "go-keyring-base64:" + canary, encoded("go-keyring-base64:" + canary)},
		{"looks encoded in the old way", "go-keyring-encoded:00", encoded("go-keyring-encoded:00")},
	} {
		if err := e.Set(ctx, auth.NewSecret(tt.value)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want := tt.onDisk
		if want == "" {
			want = tt.value
		}
		if got := s.stored(); got["acme\x00default"] != want || len(got) != 1 {
			t.Errorf("%s: on disk %q, want %q", tt.name, got, want)
		}
		if cred, err := e.Credential(ctx); err != nil || cred.Secret.Reveal() != tt.value {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if err := e.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	if got := s.stored(); len(got) != 0 {
		t.Errorf("left %q", got)
	}
	if called := s.read(calledFile); strings.Contains(called, canary) || !strings.Contains(called, "find-generic-password") {
		t.Errorf("the secret is an argument, or nothing was called: %s", called)
	}
}

// Names that a shell would need quoted are not quoted for a shell.
func TestKeychainNames(t *testing.T) {
	s := newTool(t)
	for _, name := range []string{"o'neil", `a "b" c`, `back\slash`, `ends in \`, "-U", "密码", "a -w b", "#"} {
		e := s.entry(keyring.Config{Service: name, Account: name})
		if err := e.Set(t.Context(), auth.NewSecret(canary)); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got := s.stored(); got[name+"\x00"+name] != canary || len(got) != 1 {
			t.Errorf("%q: stored as %q", name, got)
		}
		if err := e.Delete(t.Context()); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What other programs store is read: go-keyring's two forms, old and new, the
// tool's own, and what comes from a file that Windows wrote.
func TestKeychainOwnToolsAreRead(t *testing.T) {
	s := newTool(t)
	e := s.entry(keyring.Config{})
	for name, raw := range map[string]string{
		"security":              "pässwörd",
		"security, backslash":   `pässwörd`,
		"go-keyring":            "go-keyring-base64:" + base64.StdEncoding.EncodeToString([]byte("pässwörd")),
		"go-keyring, old":       "go-keyring-encoded:" + hex.EncodeToString([]byte("pässwörd")),
		"with a line end":       "pässwörd\n",
		"with UTF-8's mark":     "\xef\xbb\xbfpässwörd",
		"with Windows' line":    "pässwörd\r\n",
		"go-keyring, line ends": "go-keyring-base64:" + base64.StdEncoding.EncodeToString([]byte("pässwörd\n")) + "\n",
	} {
		s.store("acme", "default", raw)
		if cred, err := e.Credential(t.Context()); err != nil || cred.Secret.Reveal() != "pässwörd" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tt := range map[string]struct {
		raw   string
		cause auth.Cause
	}{
		"empty":                   {"", auth.EmptyCredential},
		"go-keyring, not base64":  {"go-keyring-base64:@" + canary, auth.SourceCorrupt},
		"go-keyring, not digits":  {"go-keyring-encoded:zz" + canary, auth.SourceCorrupt},
		"go-keyring, half a byte": {"go-keyring-encoded:abc", auth.SourceCorrupt},
		"NUL":                     {"\x00", auth.SourceCorrupt},
	} {
		s.store("acme", "default", tt.raw)
		_, err := e.Credential(t.Context())
		if got := wantCause(t, err, tt.cause, auth.Certain); got.Evidence[0].Fact == "" {
			t.Errorf("%s: no fact", name)
		}
	}
	s.write(printFile, "password: 0x0\n")
	_, err := e.Credential(t.Context())
	wantCause(t, err, auth.SourceFailed, auth.Likely)
	s.write(printFile, "nothing\n")
	_, err = e.Credential(t.Context())
	wantCause(t, err, auth.SourceFailed, auth.Likely)
}

// The command that a remedy names does what it says, for keys that the tool's
// own prompt would cut as well.
func TestKeychainRemedyIsACommand(t *testing.T) {
	s := newTool(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(s.dir, "security")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", s.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	key := canary + strings.Repeat("x", 3000)
	for _, name := range []string{"acme", "o'neil", "100% \"sure\" \\"} {
		e := s.entry(keyring.Config{Service: name})
		_, err := e.Credential(t.Context())
		missing, ok := errors.AsType[*auth.Error](err)
		if !ok || missing.Remedy.Command == "" {
			t.Fatal(err)
		}
		cmd := exec.Command("bash", "-c", missing.Remedy.Command)
		cmd.Stdin = strings.NewReader(key + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", missing.Remedy.Command, err, out)
		}
		if cred, err := e.Credential(t.Context()); err != nil || cred.Secret.Reveal() != key {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrap71_KeychainsExitStatus(t *testing.T) {
	s := newTool(t)
	e := s.entry(keyring.Config{})
	for _, tt := range []struct {
		status     int // an OSStatus, of which the low byte is left
		cause      auth.Cause
		confidence auth.Confidence
	}{
		{-25300, auth.MissingCredential, auth.Certain},
		{-25308, auth.SourceLocked, auth.Likely},
		{-25315, auth.SourceLocked, auth.Likely},
		{-25293, auth.SourceDenied, auth.Likely},
		{-128, auth.SourceDenied, auth.Likely},
		{-25299, auth.SourceDenied, auth.Likely},
		{-25302, auth.ValueTooBig, auth.Likely},
		{-25307, auth.SourceUnavailable, auth.Likely},
		{-25294, auth.SourceUnavailable, auth.Likely},
		{-25291, auth.SourceUnavailable, auth.Likely},
		{-50, auth.SourceFailed, auth.Likely},
		{1, auth.SourceFailed, auth.Likely},
	} {
		s.write(exitFile, strconv.Itoa(tt.status))
		s.write(saysFile, "some warning\nsecurity: SecKeychainItemCopyContent: why.\nsecurity: unknown command \""+canary+"\"\n")
		_, err := e.Credential(t.Context())
		got := wantCause(t, err, tt.cause, tt.confidence)
		if said := fmt.Sprint(got.Err); tt.cause != auth.MissingCredential && !strings.Contains(said, `"SecKeychainItemCopyContent: why."`) {
			t.Errorf("%d: the tool's words are missing: %s", tt.status, said)
		}
		if tt.cause != auth.MissingCredential {
			wantCause(t, e.Set(t.Context(), auth.NewSecret(canary)), tt.cause, tt.confidence)
		}
		wantCause(t, e.Delete(t.Context()), tt.cause, tt.confidence)
	}

	gone, err := keyring.NewKeychain(keyring.Config{Service: "acme"}, filepath.Join(t.TempDir(), "security"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = gone.Credential(t.Context())
	wantCause(t, err, auth.SourceUnavailable, auth.Certain)
}

// The longest line that the tool takes whole; what is longer would be cut, and
// its rest taken for a command, which is why it must never be sent.
func TestTrap72_KeychainLine(t *testing.T) {
	for _, service := range []string{"acme", "o'neil", `a "b"`, strings.Repeat("s", 511)} {
		s := newTool(t)
		e := s.entry(keyring.Config{Service: service})
		for _, fill := range []string{"x", `"`, "ä"} {
			value := canary + strings.Repeat(fill, e.MaxSize())
			value = strings.ToValidUTF8(value[:e.MaxSize()], "")
			if err := e.Set(t.Context(), auth.NewSecret(value)); err != nil {
				t.Errorf("%s, %d bytes of %q: %v", service, len(value), fill, err)
			}
		}
		before := s.read(calledFile)
		err := e.Set(t.Context(), auth.NewSecret(canary+strings.Repeat("x", e.MaxSize()-len(canary)+1)))
		if got, ok := errors.AsType[*auth.Error](err); !ok || got.Cause != auth.ValueTooBig {
			t.Errorf("got %v", err)
		}
		wantNoSecret(t, err)
		if s.read(calledFile) != before {
			t.Errorf("%s: the tool was asked", service)
		}
	}
}

// The process ends with the call, not when somebody answers the prompt.
func TestL10_KeychainsProcessEndsWithTheCall(t *testing.T) {
	s := newTool(t)
	s.write(hangFile, "")
	gone := func(text string) {
		t.Helper()
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(20 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the process %d is still there", pid)
			}
		}
	}
	e := s.entry(keyring.Config{Timeout: time.Second})
	for name, call := range map[string]func() error{
		"read":   func() error { _, err := e.Credential(t.Context()); return err },
		"write":  func() error { return e.Set(t.Context(), auth.NewSecret(canary)) },
		"delete": func() error { return e.Delete(t.Context()) },
	} {
		start := time.Now()
		wantCause(t, call(), auth.SourceTimeout, auth.Likely)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		// On a machine that stalled, it was ended before it could say its id.
		if pid := s.read(hangFile); pid != "" {
			gone(pid)
		}
		s.write(hangFile, "")
	}

	// A caller who leaves ends it too.
	e = s.entry(keyring.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	pid := make(chan string, 1)
	go func() {
		for s.read(hangFile) == "" {
			time.Sleep(5 * time.Millisecond)
		}
		pid <- s.read(hangFile)
		cancel()
	}()
	_, err := e.Credential(ctx)
	wantPlain(t, err, context.Canceled)
	gone(<-pid)
}

func TestL10_KeychainsOutputIsBounded(t *testing.T) {
	s := newTool(t)
	s.write(printFile, "password: \""+strings.Repeat(canary, 1<<18)+"\"\n")
	_, err := s.entry(keyring.Config{}).Credential(t.Context())
	got := wantCause(t, err, auth.SourceFailed, auth.Likely)
	if !strings.Contains(got.Evidence[0].Fact, "more than 1048576 bytes") {
		t.Errorf("fact %q", got.Evidence[0].Fact)
	}
}
