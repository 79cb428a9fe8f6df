package keyring_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
	zalando "github.com/zalando/go-keyring"
)

func TestRoundTrip(t *testing.T) {
	var s shelf
	e := newEntry(t, s.fake())
	ctx := t.Context()

	_, err := e.Credential(ctx)
	wantCause(t, err, auth.MissingCredential, auth.Certain)
	if err := e.Set(ctx, auth.NewSecret(canary)); err != nil {
		t.Fatal(err)
	}
	// The form on disk is a promise.
	if got := s.values["acme:default"]; got != canary || len(s.values) != 1 {
		t.Errorf("stored %q, want the bare secret under acme and default", s.values)
	}
	cred, err := e.Credential(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if cred.Secret.Reveal() != canary || cred.Provenance.String() != "keyring acme/default" {
		t.Errorf("got %v from %v", cred.Secret.Fingerprint(), cred.Provenance)
	}
	if err := e.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	wantCause(t, e.Delete(ctx), auth.MissingCredential, auth.Certain)
}

func TestNewReportsEveryFault(t *testing.T) {
	for _, tt := range []struct {
		config keyring.Config
		want   []string // one a line
	}{
		{keyring.Config{Service: "acme", Account: "a:b c"}, nil},
		{keyring.Config{}, []string{"Config.Service is empty"}},
		{keyring.Config{Service: "a:b"}, []string{"Config.Service \"a:b\" has a colon"}},
		{keyring.Config{Service: "a\x00b", Account: "\xff"}, []string{`Config.Service "a\x00b" has a control`, `Config.Account "\xff" is not valid UTF-8`}},
		{keyring.Config{Service: "a\nadd-generic-password -s evil"}, []string{"Config.Service"}},
		{keyring.Config{Service: strings.Repeat("x", 511)}, nil},
		{keyring.Config{Service: strings.Repeat("x", 512), Account: strings.Repeat("x", 512), Timeout: -1}, []string{"Config.Service has 512 bytes", "Config.Account has 512 bytes", "Config.Timeout -1ns"}},
	} {
		e, err := keyring.New(tt.config)
		if (err != nil) != (len(tt.want) > 0) || (e == nil) != (err != nil) {
			t.Errorf("%+v: got %v, %v", tt.config, e, err)
			continue
		}
		if err == nil {
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tt.want) {
			t.Errorf("got %q, want %q", lines, tt.want)
			continue
		}
		for i := range lines {
			if !strings.HasPrefix(lines[i], "keyring: "+tt.want[i]) {
				t.Errorf("got %q, want %q", lines[i], tt.want[i])
			}
		}
	}
}

// What comes out of the library, and out of the preflight of any system, has
// one meaning each. A locked keyring is never "not found".
func TestTrap71_EachFailureHasOneAnswer(t *testing.T) {
	_, badBase64 := base64.StdEncoding.DecodeString("@")
	_, badHex := hex.DecodeString("g")
	for _, tt := range []struct {
		name       string
		value      string
		err        error
		cause      auth.Cause
		confidence auth.Confidence
		answer     string
	}{
		{"not found", "", zalando.ErrNotFound, auth.MissingCredential, auth.Certain, "not found"},
		{"wrapped", "", fmt.Errorf("x: %w", zalando.ErrNotFound), auth.MissingCredential, auth.Certain, "not found"},
		{"unsupported", "", zalando.ErrUnsupportedPlatform, auth.SourceUnavailable, auth.Certain, "not supported here"},
		{"too big", "", zalando.ErrSetDataTooBig, auth.ValueTooBig, auth.Certain, "too big"},
		{"deadline", "", context.DeadlineExceeded, auth.SourceTimeout, auth.Likely, "no answer in time"},
		{"base64", "", badBase64, auth.SourceCorrupt, auth.Certain, "unreadable"},
		{"hex", "", badHex, auth.SourceCorrupt, auth.Certain, "unreadable"},
		{"hex length", "", hex.ErrLength, auth.SourceCorrupt, auth.Certain, "unreadable"},
		{"unknown", "", errors.New("what is this"), auth.SourceFailed, auth.Likely, "failed"},
		{"empty", "", nil, auth.EmptyCredential, auth.Certain, "empty"},
		{"blank", " \t\r\n", nil, auth.EmptyCredential, auth.Certain, "empty"},
		{"line ends only", "\n", nil, auth.EmptyCredential, auth.Certain, "empty"},
		{"binary", "\xff\x00\x01", nil, auth.SourceCorrupt, auth.Certain, "unreadable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEntry(t, &keyring.Fake{Get: func(string, string) (string, error) { return tt.value, tt.err }})
			_, err := e.Credential(t.Context())
			got := wantCause(t, err, tt.cause, tt.confidence)
			if got.Tried[0].Answer != tt.answer {
				t.Errorf("answer %q, want %q", got.Tried[0].Answer, tt.answer)
			}
		})
	}
}

// T49.
func TestTrap71_AChainPassesOnlyWhereNothingIs(t *testing.T) {
	next := auth.Static("next")
	for _, tt := range []struct {
		err   error
		value string
		pass  bool
	}{
		{zalando.ErrNotFound, "", true},
		{zalando.ErrUnsupportedPlatform, "", true},
		{nil, "", true},
		{context.DeadlineExceeded, "", false},
		{errors.New("failed"), "", false},
		{nil, "\x00", false},
	} {
		e := newEntry(t, &keyring.Fake{Get: func(string, string) (string, error) { return tt.value, tt.err }})
		cred, err := auth.FirstOf(e, next).Credential(t.Context())
		if passed := err == nil && cred.Secret.Reveal() == "next"; passed != tt.pass {
			t.Errorf("%v: passed on is %v, want %v (%v)", tt.err, passed, tt.pass, err)
		}
	}
}

// T50.
func TestTrap72_TooBigIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	for _, tt := range []struct {
		goos  string
		limit int
	}{{"windows", 2560}, {"darwin", 4096}} {
		t.Run(tt.goos, func(t *testing.T) {
			var s shelf
			f := s.fake()
			f.Ready = func(context.Context, bool) error { s.calls.Add(1); return nil }
			e := newEntryOn(t, f, keyring.Host{GOOS: tt.goos})
			if e.MaxSize() > tt.limit || e.MaxSize() < 2500 {
				t.Fatalf("MaxSize %d", e.MaxSize())
			}
			tooBig := canary + strings.Repeat("x", e.MaxSize()-len(canary)+1)
			got := wantCause(t, e.Set(t.Context(), auth.NewSecret(tooBig)), auth.ValueTooBig, auth.Certain)
			if want := fmt.Sprintf("the value has %d bytes, and this entry can hold %d", e.MaxSize()+1, e.MaxSize()); got.Evidence[0].Fact != want {
				t.Errorf("fact %q, want %q", got.Evidence[0].Fact, want)
			}
			if n := s.calls.Load(); n != 0 {
				t.Errorf("%d calls reached the keyring", n)
			}
			if err := e.Set(t.Context(), auth.NewSecret(tooBig[:e.MaxSize()])); err != nil {
				t.Errorf("a value of just MaxSize: %v", err)
			}
		})
	}
}

func TestTrap72_MaxSize(t *testing.T) {
	if got := keyring.MaxSize("linux", "acme", "default"); got != math.MaxInt {
		t.Errorf("linux: %d", got)
	}
	if got := keyring.MaxSize("windows", "acme", "default"); got != 2560 {
		t.Errorf("windows: %d", got)
	}
	// macOS' tool takes lines of up to 4095 bytes, and this is the longest
	// form of a value in one.
	for _, tt := range []struct{ service, account, names string }{
		{"acme", "default", `-s "acme" -a "default"`},
		{"two words", `o'neil "\`, `-s "two words" -a "o'neil \"\\"`},
		{strings.Repeat("s", 40), strings.Repeat("a", 60), `-s "` + strings.Repeat("s", 40) + `" -a "` + strings.Repeat("a", 60) + `"`},
	} {
		line := func(n int) int {
			return len(fmt.Sprintf("add-generic-password -U %s -w \"go-keyring-base64:%s\"\n", tt.names, base64.StdEncoding.EncodeToString(make([]byte, n))))
		}
		n := keyring.MaxSize("darwin", tt.service, tt.account)
		if line(n) > 4095 || line(n+1) <= 4095 {
			t.Errorf("%s %s: limit %d gives lines of %d and, one more, %d", tt.service, tt.account, n, line(n), line(n+1))
		}
	}
	if got := keyring.MaxSize("darwin", strings.Repeat(`"`, 511), strings.Repeat(`"`, 511)); got < 1400 {
		t.Errorf("with the longest names there is room for %d", got)
	}
}

func TestTrap73_WriteIsReadBack(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after string
		err   error
		cause auth.Cause
	}{
		{"dismissed", "", zalando.ErrNotFound, auth.SourceDenied},
		{"old value kept", "old", nil, auth.SourceFailed},
		{"cut short", canary[:8], nil, auth.SourceFailed},
		{"garbled", "\x00", nil, auth.SourceFailed},
		{"unreadable", "", errors.New("no"), auth.SourceFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEntry(t, &keyring.Fake{Get: func(string, string) (string, error) { return tt.after, tt.err }})
			wantCause(t, e.Set(t.Context(), auth.NewSecret(canary)), tt.cause, auth.Likely)
		})
	}
}

func TestTrap73_DeleteIsVerified(t *testing.T) {
	deleted := 0
	f := &keyring.Fake{
		Get: func(string, string) (string, error) { return canary, nil },
		Del: func(string, string) error { deleted++; return nil },
	}
	wantCause(t, newEntry(t, f).Delete(t.Context()), auth.SourceDenied, auth.Likely)
	if deleted < 2 || deleted > 5 {
		t.Errorf("tried %d times", deleted)
	}

	// Some keyrings hold two entries of one name.
	left := 2
	f = &keyring.Fake{
		Get: func(string, string) (string, error) {
			if left == 0 {
				return "", keyring.ErrNotFound
			}
			return canary, nil
		},
		Del: func(string, string) error { left--; return nil },
	}
	if err := newEntry(t, f).Delete(t.Context()); err != nil || left != 0 {
		t.Errorf("%v, %d left", err, left)
	}
}

func TestSetRefusesWhatWouldNotComeBack(t *testing.T) {
	for _, tt := range []struct {
		value string
		cause auth.Cause
	}{
		{"", auth.EmptyCredential},
		{" \n", auth.EmptyCredential},
		{"a\x00b", auth.MalformedCharacters},
		{"\xffab", auth.MalformedCharacters},
		{"\xef\xbb\xbf" + canary, auth.MalformedCharacters},
	} {
		var s shelf
		wantCause(t, newEntry(t, s.fake()).Set(t.Context(), auth.NewSecret(tt.value)), tt.cause, auth.Certain)
		if s.calls.Load() != 0 {
			t.Errorf("%q reached the keyring", tt.value)
		}
	}
	var s shelf
	if err := newEntry(t, s.fake()).Set(t.Context(), auth.NewSecret("{\n\"k\": 1\n}\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := s.values["acme:default"]; got != "{\n\"k\": 1\n}" {
		t.Errorf("stored %q", got)
	}
}

func TestTrap82_TwoBackEndsCoexist(t *testing.T) {
	var a, b shelf
	ea, eb := newEntry(t, a.fake()), newEntry(t, b.fake())
	done := make(chan error, 2)
	for e, v := range map[*keyring.Entry]string{ea: "one", eb: "two"} {
		go func() {
			for range 100 {
				if err := e.Set(context.Background(), auth.NewSecret(v)); err != nil {
					done <- err
					return
				}
				if c, err := e.Credential(context.Background()); err != nil || c.Secret.Reveal() != v {
					done <- fmt.Errorf("%v, %v", c, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestL7_NothingPrintsTheSecret(t *testing.T) {
	var s shelf
	f := s.fake()
	e := newEntry(t, f)
	if err := e.Set(t.Context(), auth.NewSecret(canary)); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, e)
	wantNoSecret(t, *e)
	cred, err := e.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, cred)

	// A back end that quotes, in an error and in a panic.
	f.Set = func(_, _, value string) error { return fmt.Errorf("cannot store %q", value) }
	wantCause(t, e.Set(t.Context(), auth.NewSecret(canary)), auth.SourceFailed, auth.Likely)
	f.Set = func(_, _, value string) error { panic("cannot store " + value) }
	wantCause(t, e.Set(t.Context(), auth.NewSecret(canary)), auth.SourceFailed, auth.Likely)
	f.Set = func(_, _, value string) error { panic(fmt.Errorf("cannot store %s", value)) }
	wantCause(t, e.Set(t.Context(), auth.NewSecret(canary)), auth.SourceFailed, auth.Likely)
	f.Set = nil
	wantNoSecret(t, e.Set(t.Context(), auth.NewSecret(canary+"\x00")))
	wantNoSecret(t, e.Set(t.Context(), auth.NewSecret(canary+"2")))
	f.Get = func(string, string) (string, error) { return canary + "\x00\xff", nil }
	_, err = e.Credential(t.Context())
	wantCause(t, err, auth.SourceCorrupt, auth.Certain)
	f.Get = func(string, string) (string, error) { panic(canary) }
	_, err = e.Credential(t.Context())
	wantCause(t, err, auth.SourceFailed, auth.Likely)
}

func TestInteractiveIsTold(t *testing.T) {
	for _, want := range []bool{false, true} {
		var got bool
		var left time.Duration
		f := &keyring.Fake{
			Ready: func(ctx context.Context, interactive bool) error {
				end, _ := ctx.Deadline()
				got, left = interactive, time.Until(end)
				return nil
			},
			Get: func(string, string) (string, error) { return "x", nil },
		}
		e, err := keyring.NewWith(keyring.Config{Service: "acme", Interactive: want}, f, keyring.NewGate(), keyring.Host{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Credential(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got != want || (left > 3*time.Second) != want {
			t.Errorf("interactive %v: told %v, %v left", want, got, left)
		}
	}
}

func TestSystemsErrorNumbers(t *testing.T) {
	for status, want := range map[int]auth.Cause{
		36: auth.SourceLocked, 29: auth.SourceLocked,
		51: auth.SourceDenied, 128: auth.SourceDenied, 45: auth.SourceDenied, 42: auth.ValueTooBig,
		37: auth.SourceUnavailable, 50: auth.SourceUnavailable, 53: auth.SourceUnavailable, 1: "",
	} {
		if got := keyring.ExitTrouble(status); got != string(want) {
			t.Errorf("security ends with %d: %q, want %q", status, got, want)
		}
	}
	for number, want := range map[uintptr]auth.Cause{
		5: auth.SourceDenied, 1312: auth.SourceUnavailable, 1058: auth.SourceUnavailable, 1722: auth.SourceUnavailable, 234: "",
	} {
		if got := keyring.ErrnoTrouble(number); got != string(want) {
			t.Errorf("Windows error %d: %q, want %q", number, got, want)
		}
	}
}

// TestL10_NoPromptForAnExplanation: an entry that may show a prompt is not looked at
// for the sake of an explanation; any other one may be.
func TestL10_NoPromptForAnExplanation(t *testing.T) {
	for _, interactive := range []bool{false, true} {
		entry, err := keyring.New(keyring.Config{Service: "acme", Interactive: interactive})
		if err != nil {
			t.Fatal(err)
		}
		if entry.Passive() == interactive {
			t.Errorf("Interactive %t: Passive %t", interactive, entry.Passive())
		}
	}
}
