package keyring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(securityDir); dir != "" {
		os.Exit(securityTool(dir, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// canary is the secret of all tests. No printed thing may contain it.
const canary = "sk-canary-7Q2xV9"

// A shelf is a keyring in memory.
type shelf struct {
	mu     sync.Mutex
	values map[string]string
	calls  atomic.Int32 // of any kind
}

func (s *shelf) fake() *keyring.Fake {
	s.values = make(map[string]string)
	key := func(service, account string) string { return service + ":" + account }
	return &keyring.Fake{
		Get: func(service, account string) (string, error) {
			s.calls.Add(1)
			s.mu.Lock()
			defer s.mu.Unlock()
			if v, ok := s.values[key(service, account)]; ok {
				return v, nil
			}
			return "", keyring.ErrNotFound
		},
		Set: func(service, account, value string) error {
			s.calls.Add(1)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.values[key(service, account)] = value
			return nil
		},
		Del: func(service, account string) error {
			s.calls.Add(1)
			s.mu.Lock()
			defer s.mu.Unlock()
			if _, ok := s.values[key(service, account)]; !ok {
				return keyring.ErrNotFound
			}
			delete(s.values, key(service, account))
			return nil
		},
	}
}

// newEntry returns the entry acme/default of a back end, behind its own gate.
func newEntry(t *testing.T, f *keyring.Fake) *keyring.Entry {
	t.Helper()
	return newEntryOn(t, f, keyring.Host{})
}

func newEntryOn(t *testing.T, f *keyring.Fake, h keyring.Host) *keyring.Entry {
	t.Helper()
	e, err := keyring.NewWith(keyring.Config{Service: "acme"}, f, keyring.NewGate(), h)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// wantCause checks everything that each of our errors must have.
func wantCause(t *testing.T, err error, cause auth.Cause, confidence auth.Confidence) *auth.Error {
	t.Helper()
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want an *auth.Error %s", err, err, cause)
	}
	if e.Cause != cause || e.Confidence != confidence {
		t.Errorf("got %s (%s), want %s (%s): %v", e.Cause, e.Confidence, cause, confidence, err)
	}
	for _, other := range []auth.Cause{
		auth.MissingCredential, auth.EmptyCredential, auth.SourceUnavailable, auth.SourceLocked, auth.SourceDenied,
		auth.SourceTimeout, auth.SourceCorrupt, auth.SourceFailed, auth.ValueTooBig,
	} {
		if errors.Is(err, other) != (other == cause) {
			t.Errorf("errors.Is(%v, %s) is %v", err, other, other != cause)
		}
	}
	place := auth.Provenance{Kind: auth.KindKeyring, Name: "acme/default"}
	if len(e.Evidence) == 0 || e.Evidence[0].Fact == "" || e.Evidence[0].Source != place.String() {
		t.Errorf("evidence %+v", e.Evidence)
	}
	if len(e.Tried) != 1 || e.Tried[0].Place != place || e.Tried[0].Answer == "" {
		t.Errorf("tried %+v", e.Tried)
	}
	wantNoSecret(t, err)
	return e
}

// wantNoSecret prints v in every way that is common and looks for the canary.
func wantNoSecret(t *testing.T, v any) {
	t.Helper()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", v)
	}
	enc, err := json.Marshal(v)
	fmt.Fprintf(&out, "%s %v\n", enc, err)
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v)
	if e, ok := errors.AsType[*auth.Error](asError(v)); ok {
		// Printers that follow fields and ignore methods.
		fmt.Fprintf(&out, "%#v %#v %#v %#v", *e, e.Remedy, e.Evidence, e.Tried)
		for err := error(e); err != nil; err = errors.Unwrap(err) {
			fmt.Fprintf(&out, "%#v %+v\n", err, err)
		}
	}
	hexed := fmt.Sprintf("%x", canary)
	if s := out.String(); strings.Contains(s, canary) || strings.Contains(s, hexed) {
		t.Errorf("the secret is printed: %s", s)
	}
}

func asError(v any) error {
	err, _ := v.(error)
	return err
}
