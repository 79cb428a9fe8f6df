package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// TestL7_KeyInTheFileVariable: whoever puts the key itself into NAME_FILE must
// not find it in a log.
func TestL7_KeyInTheFileVariable(t *testing.T) {
	const key = "canary+not/a-real-key=="
	for _, slip := range []string{key, "/" + key, "/no-such-directory-here/" + key, strings.Repeat("x", 5000) + key, "a\x01b" + key} {
		t.Setenv("SLIP_KEY_FILE", slip)
		_, err := auth.Env("SLIP_KEY").Credential(t.Context())
		e := wantCause(t, err, auth.SourceFailed)
		encoded, _ := json.Marshal(e)
		shown := fmt.Sprintf("%v %+v %s %s %v", err, *e, e.Explain(), encoded, errors.Unwrap(err))
		if strings.Contains(shown, "canary") {
			t.Errorf("the key shows: %s", shown)
		}
		if !strings.Contains(e.Explain(), "SLIP_KEY_FILE") || !strings.Contains(e.Remedy.Text, "the credential itself into SLIP_KEY") {
			t.Errorf("not said what to do:\n%s", e.Explain())
		}
	}
	// A path that is one is shown: it is what the reader has to look at.
	missing := filepath.Join(t.TempDir(), "acme-key")
	t.Setenv("SLIP_KEY_FILE", missing)
	_, err := auth.Env("SLIP_KEY").Credential(t.Context())
	if e := wantCause(t, err, auth.SourceFailed); !strings.Contains(e.Explain(), missing) {
		t.Errorf("the path is not shown:\n%s", e.Explain())
	}
}

// TestL4_HookThatEndsItsGoroutine: t.FailNow in a hook must not leave those hang
// who wait for the credential.
func TestL4_HookThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := auth.NewCache(auth.Static("not-a-real-key"), auth.CacheConfig{Hook: func(context.Context, auth.Event) { runtime.Goexit() }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Credential(context.Background()); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	})
}

// TestT18_WaitingIsNamed: a caller whose time runs out while the source is asked
// learns that, and not that the API was slow.
func TestT18_WaitingIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := auth.Cached(auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}))
		defer func() { _ = c.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := c.Credential(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "its source is still being asked") {
			t.Errorf("got %v", err)
		}
		if slow, ok := err.(interface{ Timeout() bool }); !ok || !slow.Timeout() {
			t.Errorf("%T is no time-out", err)
		}
	})
}

// TestSlipsOfPrograms: mistakes in a program are errors that say so, wherever
// they are met.
func TestSlipsOfPrograms(t *testing.T) {
	for name, test := range map[string]struct {
		source auth.Source
		cause  auth.Cause
		says   string
	}{
		"Env without names":       {auth.Env(), auth.MissingCredential, "names no variable"},
		"Env with a blank name":   {auth.Env(""), auth.MissingCredential, "names no variable"},
		"a nil source in a chain": {auth.FirstOf(nil), auth.SourceFailed, "nil source"},
		"a nil password":          {auth.WithUsername("robot", nil), auth.SourceFailed, "nil source"},
	} {
		_, err := test.source.Credential(t.Context())
		if e := wantCause(t, err, test.cause); !strings.Contains(e.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErrorWithAnOddTime: issuers write never as a year that JSON has no form for.
func TestErrorWithAnOddTime(t *testing.T) {
	never := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := json.Marshal(&auth.Error{Cause: auth.AccessRevoked, NextTry: never, Sent: &auth.Sent{Expiry: never}}); err != nil {
		t.Error(err)
	}
}
