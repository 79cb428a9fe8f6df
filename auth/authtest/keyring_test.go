package authtest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/keyring"
)

func ringEntry(t *testing.T, c keyring.Config) *keyring.Entry {
	t.Helper()
	c.Service = "acme"
	e, err := keyring.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func wantRingCause(t *testing.T, err error, cause auth.Cause) *auth.Error {
	t.Helper()
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e.Cause != cause {
		t.Fatalf("got %v, want %s", err, cause)
	}
	return e
}

const ringSecret = "sk-not-a-real-key"

func TestKeyringWorks(t *testing.T) {
	entry := ringEntry(t, keyring.Config{}) // before the fake is there
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{})
	_, err := entry.Credential(t.Context())
	wantRingCause(t, err, auth.MissingCredential)
	if err := entry.Set(t.Context(), auth.NewSecret(ringSecret)); err != nil {
		t.Fatal(err)
	}
	if got, ok := ring.Value("acme", "default"); got != ringSecret || !ok {
		t.Errorf("holds %q", got)
	}
	ring.Put("acme", "default", ringSecret+"-2\n")
	if cred, err := entry.Credential(t.Context()); err != nil || cred.Secret.Reveal() != ringSecret+"-2" {
		t.Errorf("%v", err)
	}
	if err := entry.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := ring.Value("acme", "default"); ok {
		t.Error("still there")
	}
	want := "get acme/default: not found\nset acme/default: stored\nget acme/default: found\nget acme/default: found\n" +
		"delete acme/default: deleted\nget acme/default: not found\n"
	if got := ring.Transcript(); got != want {
		t.Errorf("transcript:\n%s", got)
	}
}

// Each state of each system is the cause that the real one would be, for each
// call, and with a remedy for that system.
func TestKeyringStates(t *testing.T) {
	for _, tt := range []struct {
		system string
		state  authtest.KeyringState
		cause  auth.Cause
		remedy string // part of its text and command
	}{
		{"", authtest.KeyringLocked, auth.SourceLocked, "gnome-keyring-daemon --replace --unlock"},
		{"", authtest.KeyringAbsent, auth.SourceUnavailable, "normal on servers and in containers"},
		{"", authtest.KeyringDenied, auth.SourceDenied, "let this program use the keyring"},
		{"darwin", authtest.KeyringLocked, auth.SourceLocked, "security unlock-keychain"},
		{"darwin", authtest.KeyringAbsent, auth.SourceUnavailable, "environment variable"},
		{"darwin", authtest.KeyringDenied, auth.SourceDenied, "let this program use the keyring"},
		{"windows", authtest.KeyringAbsent, auth.SourceUnavailable, "environment variable"},
		{"windows", authtest.KeyringDenied, auth.SourceDenied, "let this program use the keyring"},
	} {
		t.Run(fmt.Sprint(tt.system, tt.cause), func(t *testing.T) {
			ring := authtest.StartKeyring(t, authtest.KeyringConfig{System: tt.system, State: tt.state})
			ring.Put("acme", "default", ringSecret)
			entry := ringEntry(t, keyring.Config{})
			_, err := entry.Credential(t.Context())
			e := wantRingCause(t, err, tt.cause)
			if got := e.Remedy.Text + " " + e.Remedy.Command; !strings.Contains(got, tt.remedy) {
				t.Errorf("remedy %q, want %q in it", got, tt.remedy)
			}
			wantRingCause(t, entry.Set(t.Context(), auth.NewSecret(ringSecret+"2")), tt.cause)
			wantRingCause(t, entry.Delete(t.Context()), tt.cause)
			if got, _ := ring.Value("acme", "default"); got != ringSecret {
				t.Errorf("holds %q", got)
			}
			ring.Set(func(c *authtest.KeyringConfig) { c.State = authtest.KeyringOpen })
			if _, err := entry.Credential(t.Context()); err != nil {
				t.Errorf("open again: %v", err)
			}
		})
	}
}

func TestKeyringForgets(t *testing.T) {
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{State: authtest.KeyringForgetful})
	entry := ringEntry(t, keyring.Config{})
	wantRingCause(t, entry.Set(t.Context(), auth.NewSecret(ringSecret)), auth.SourceDenied)
	ring.Put("acme", "default", ringSecret)
	wantRingCause(t, entry.Delete(t.Context()), auth.SourceDenied)
}

// The limits of time are the real ones, on a bubble's clock.
func TestL10_MuteKeyring(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ring := authtest.StartKeyring(t, authtest.KeyringConfig{System: system, State: authtest.KeyringMute})
				ring.Put("acme", "default", ringSecret)
				entry := ringEntry(t, keyring.Config{Timeout: 7 * time.Second})
				start := time.Now()
				_, err := entry.Credential(t.Context())
				wantRingCause(t, err, auth.SourceTimeout)
				if took := time.Since(start); took != 7*time.Second {
					t.Errorf("took %v", took)
				}
				var wg sync.WaitGroup
				for range 50 {
					wg.Go(func() {
						_, err := entry.Credential(t.Context())
						wantRingCause(t, err, auth.SourceTimeout)
					})
				}
				wg.Wait()
				ring.Set(func(c *authtest.KeyringConfig) { c.State = authtest.KeyringOpen })
				synctest.Wait()
				if _, err := entry.Credential(t.Context()); err != nil {
					t.Errorf("after the prompt was answered: %v", err)
				}
			})
		})
	}
}

// What waits when the fake goes is not done.
func TestClosedKeyringStoresNothing(t *testing.T) {
	for name, config := range map[string]authtest.KeyringConfig{
		"mute": {State: authtest.KeyringMute},
		"slow": {Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ring := authtest.StartKeyring(t, config)
				entry := ringEntry(t, keyring.Config{Timeout: time.Minute})
				done := make(chan error)
				go func() { done <- entry.Set(t.Context(), auth.NewSecret(ringSecret)) }()
				synctest.Wait()
				ring.Close()
				wantRingCause(t, <-done, auth.SourceUnavailable)
				if _, ok := ring.Value("acme", "default"); ok {
					t.Error("stored after the end")
				}
			})
		})
	}
}

func TestL10_SlowKeyring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := authtest.StartKeyring(t, authtest.KeyringConfig{Delay: time.Second})
		ring.Put("acme", "default", ringSecret)
		start := time.Now()
		if _, err := ringEntry(t, keyring.Config{}).Credential(t.Context()); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ring.Set(func(c *authtest.KeyringConfig) { c.Delay = time.Hour })
		_, err := ringEntry(t, keyring.Config{}).Credential(t.Context())
		wantRingCause(t, err, auth.SourceTimeout)
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Somebody unlocks the keyring while an interactive program waits.
func TestKeyringIsUnlockedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := authtest.StartKeyring(t, authtest.KeyringConfig{State: authtest.KeyringLocked})
		ring.Put("acme", "default", ringSecret)
		time.AfterFunc(20*time.Second, func() {
			ring.Set(func(c *authtest.KeyringConfig) { c.State = authtest.KeyringOpen })
		})
		start := time.Now()
		_, err := ringEntry(t, keyring.Config{Interactive: true}).Credential(t.Context())
		if took := time.Since(start); err != nil || took != 20*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestTrap72_KeyringTooSmall(t *testing.T) {
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{Limit: 20})
	entry := ringEntry(t, keyring.Config{})
	if got := entry.MaxSize(); got != 20 {
		t.Errorf("MaxSize %d", got)
	}
	wantRingCause(t, entry.Set(t.Context(), auth.NewSecret(strings.Repeat("x", 21))), auth.ValueTooBig)
	if got := ring.Transcript(); got != "" {
		t.Errorf("it was asked:\n%s", got)
	}
	if err := entry.Set(t.Context(), auth.NewSecret(strings.Repeat("x", 20))); err != nil {
		t.Error(err)
	}
	ring.Set(func(c *authtest.KeyringConfig) { c.Limit = 1e6; c.System = "plan9" })
	if got := entry.MaxSize(); got != 1e6 {
		t.Errorf("MaxSize %d", got)
	}
	ring.Close()
	authtest.StartKeyring(t, authtest.KeyringConfig{System: "windows", Limit: 1e6})
	if got := entry.MaxSize(); got != 2560 {
		t.Errorf("MaxSize on Windows %d", got)
	}
}

// The decoding is the real one: what Windows' tools store is UTF-16.
func TestKeyringDecodes(t *testing.T) {
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{System: "windows"})
	var raw []byte
	for _, u := range utf16.Encode([]rune(ringSecret)) {
		raw = append(raw, byte(u), byte(u>>8))
	}
	ring.Put("acme", "default", string(raw))
	entry := ringEntry(t, keyring.Config{})
	if cred, err := entry.Credential(t.Context()); err != nil || cred.Secret.Reveal() != ringSecret {
		t.Errorf("%v", err)
	}
	ring.Put("acme", "default", "\xff\x00\x01")
	_, err := entry.Credential(t.Context())
	wantRingCause(t, err, auth.SourceCorrupt)
}

func TestL7_KeyringDoesNotPrintItsValues(t *testing.T) {
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{})
	if err := ringEntry(t, keyring.Config{}).Set(t.Context(), auth.NewSecret(ringSecret)); err != nil {
		t.Fatal(err)
	}
	ring.Put("acme", "other", ringSecret)
	if got := fmt.Sprintf("%v %+v %#v %s", ring, ring, ring, ring.Transcript()); strings.Contains(got, ringSecret) {
		t.Error("a value is printed")
	}
}

// A client that was made as in a program finds it, and in a container says what
// to set, not that the keyring is at fault.
func TestKeyringUnderAClient(t *testing.T) {
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{State: authtest.KeyringAbsent})
	newClient := func() *reauth.Client {
		srv := authtest.Start(t, authtest.Config{InMemory: true, Keys: []authtest.Key{{Value: ringSecret}}})
		client, err := reauth.New(reauth.Config{Name: "acme", BaseURL: srv.API.URL, Transport: srv.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return client
	}
	wantRingCause(t, newClient().Get(t.Context(), "/v1/me", nil), auth.MissingCredential)
	ring.Set(func(c *authtest.KeyringConfig) { c.State = authtest.KeyringOpen })
	ring.Put("acme", "default", ringSecret)
	if err := newClient().Get(t.Context(), "/v1/me", nil); err != nil {
		t.Error(err)
	}
}

// A failing is a test that remembers how it was failed.
type failing struct {
	*testing.T
	fatal    string
	parallel bool
}

func (f *failing) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	panic(f)
}

func (f *failing) Setenv(key, value string) {
	if f.parallel {
		panic("testing: this test is parallel")
	}
	f.T.Setenv(key, value)
}

func startIn(f *failing, c authtest.KeyringConfig) {
	defer func() {
		if why := recover(); why != nil && why != any(f) {
			panic(why)
		}
	}()
	authtest.StartKeyring(f, c)
}

func TestOneKeyringAtATime(t *testing.T) {
	f := &failing{T: t, parallel: true}
	if startIn(f, authtest.KeyringConfig{}); !strings.Contains(f.fatal, "must not be parallel") {
		t.Errorf("in a parallel test: %q", f.fatal)
	}
	first := authtest.StartKeyring(t, authtest.KeyringConfig{})
	f = &failing{T: t}
	if startIn(f, authtest.KeyringConfig{}); !strings.Contains(f.fatal, "another fake keyring is in place") {
		t.Errorf("a second one: %q", f.fatal)
	}
	first.Close()
	first.Close()
	second := authtest.NewKeyring(authtest.KeyringConfig{})
	defer second.Close()
	first.Close() // is over: not the second's end
	second.Put("acme", "default", ringSecret)
	if _, err := ringEntry(t, keyring.Config{}).Credential(context.Background()); err != nil {
		t.Error(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a third one, without a test, did not panic")
			}
		}()
		authtest.NewKeyring(authtest.KeyringConfig{})
	}()
	second.Close()

	f = &failing{T: t}
	if startIn(f, authtest.KeyringConfig{System: "plan9"}); !strings.Contains(f.fatal, `"plan9"`) {
		t.Errorf("an unknown system: %q", f.fatal)
	}
	f = &failing{T: t}
	if startIn(f, authtest.KeyringConfig{System: "windows", State: authtest.KeyringLocked}); !strings.Contains(f.fatal, "cannot be locked") {
		t.Errorf("what Windows has not: %q", f.fatal)
	}
}

// Many callers while the state changes: for the race detector.
func TestKeyringIsSafeForConcurrentUse(t *testing.T) {
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{})
	entry := ringEntry(t, keyring.Config{Timeout: time.Minute})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				if i == 0 {
					ring.Set(func(c *authtest.KeyringConfig) { c.Limit++ })
					ring.Put("acme", "other", ringSecret)
				}
				_ = entry.Set(t.Context(), auth.NewSecret(ringSecret))
				_, _ = entry.Credential(t.Context())
				_ = ring.Transcript()
			}
		})
	}
	wg.Wait()
}
