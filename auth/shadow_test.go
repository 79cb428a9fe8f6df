package auth_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// TestShadowed: each source that looks at several places knows what it hides:
// other values only, and none that it asked before.
func TestShadowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("in-the-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REAUTH_TEST_A", "first")
	t.Setenv("REAUTH_TEST_A_FILE", path)
	t.Setenv("REAUTH_TEST_B", "second")
	t.Setenv("REAUTH_TEST_C", "first")
	gone := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return nil, errors.New("out of order") })
	env := auth.Env("REAUTH_TEST_A", "REAUTH_TEST_B", "REAUTH_TEST_C")
	for _, test := range []struct {
		name string
		src  auth.Source
		want []string
	}{
		{"a variable", env, []string{"file " + path + " (REAUTH_TEST_A_FILE)", "env REAUTH_TEST_B"}},
		{"a chain", auth.FirstOf(auth.Env("REAUTH_TEST_UNSET"), auth.Env("REAUTH_TEST_B"), gone, auth.Static("third"), auth.Static("second")), []string{"static value"}},
		{"a chain whose first has several", auth.FirstOf(env, auth.Static("third")), []string{"file " + path + " (REAUTH_TEST_A_FILE)", "env REAUTH_TEST_B", "static value"}},
		{"a password", auth.WithUsername("me", env), []string{"file " + path + " (REAUTH_TEST_A_FILE)", "env REAUTH_TEST_B"}},
		{"one place", auth.Static("only"), nil},
		{"a chain behind a chain", auth.FirstOf(auth.Env("REAUTH_TEST_B"), auth.FirstOf(auth.Env("REAUTH_TEST_UNSET"), auth.Static("third"))), []string{"static value"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCache(t, test.src, auth.CacheConfig{})
			used := mustGet(t, c)
			var got []string
			hidden, done := c.Shadowed(t.Context(), used)
			if !done {
				t.Error("it was not found out")
			}
			for _, a := range hidden {
				got = append(got, a.Place.String())
				what := "key"
				if used.Username != "" {
					what = "password"
				}
				if a.Err != nil || a.Answer != "holds a different "+what+", hidden by "+used.Provenance.String() {
					t.Errorf("the answer of %s: %q, %v", a.Place, a.Answer, a.Err)
				}
			}
			if len(got) != len(test.want) {
				t.Fatalf("hidden: %q, want %q", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("hidden: %q, want %q", got, test.want)
				}
			}
		})
	}
}

// mute answers once and never again.
type mute struct{ auth.Source }

func (m mute) Shadowed(ctx context.Context, _ *auth.Credential) []auth.Attempt {
	<-ctx.Done()
	return nil
}

// TestL10_ShadowedIsBounded: a place that does not answer costs two seconds, a
// caller who has left costs nothing, and Close ends it.
func TestL10_ShadowedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, mute{auth.Static("key")}, auth.CacheConfig{})
		used := mustGet(t, c)
		took := func(ctx context.Context) time.Duration {
			begun := time.Now()
			if hidden, done := c.Shadowed(ctx, used); hidden != nil || done {
				t.Errorf("got %v, %t", hidden, done)
			}
			return time.Since(begun)
		}
		if d := took(t.Context()); d != 2*time.Second {
			t.Errorf("a mute place took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if d := took(ctx); d != 100*time.Millisecond {
			t.Errorf("a caller with a deadline waited %v", d)
		}
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		if d := took(t.Context()); d != time.Second {
			t.Errorf("Close ended it after %v", d)
		}
		if d := took(t.Context()); d != 0 {
			t.Errorf("a closed cache looked for %v", d)
		}
	})
}

// TestL13_AdoptedIsNotRenewed: a key that somebody put in the place of another
// is told apart from one that the source made.
func TestL13_AdoptedIsNotRenewed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write := func(value string) {
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	heard := &journal{}
	c := newCache(t, auth.File(path), auth.CacheConfig{Hook: heard.hook})
	used := mustGet(t, c)
	write("second")
	wantSecret(t, refresh(t, c, used), "second")
	if got := heard.kinds(); len(got) != 2 || got[0] != auth.EventFound || got[1] != auth.EventAdopted {
		t.Errorf("events %v", got)
	}
}

// prompting is a place that asks a person, and says so.
type prompting struct{ *source }

func (prompting) Passive() bool { return false }

// TestL2_LookingSpendsNothing: what is behind a refused key may be a session, whose
// refresh token an exchange would use up, or a program. An explanation is not worth
// that: such a source is not asked.
func TestL2_LookingSpendsNothing(t *testing.T) {
	t.Setenv("REAUTH_TEST_A", "first")
	session := &source{answer: mints(time.Hour, 0)}
	c := newCache(t, auth.FirstOf(auth.Env("REAUTH_TEST_A"), session, auth.WithUsername("me", session), auth.FirstOf(session), prompting{session}), auth.CacheConfig{})
	used := mustGet(t, c)
	if hidden, done := c.Shadowed(t.Context(), used); len(hidden) != 0 || !done {
		t.Errorf("got %v, %t", hidden, done)
	}
	wantAsks(t, session, 0)
}

// deaf ignores its context.
type deaf struct {
	auth.Source
	open chan struct{}
}

func (d deaf) Shadowed(context.Context, *auth.Credential) []auth.Attempt {
	<-d.open
	return nil
}

// TestL11_DeafPlacesAreNotAskedForEver: two looks that hang are two goroutines, and
// there is no third, until one of them ends.
func TestL11_DeafPlacesAreNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deaf{auth.Static("key"), make(chan struct{})}
		c := newCache(t, d, auth.CacheConfig{})
		used := mustGet(t, c)
		var took []time.Duration
		look := func() {
			begun := time.Now()
			_, _ = c.Shadowed(t.Context(), used)
			took = append(took, time.Since(begun))
		}
		look()
		look()
		look() // not asked any more
		close(d.open)
		synctest.Wait()
		look()
		for i, want := range []time.Duration{2 * time.Second, 2 * time.Second, 0, 0} {
			if took[i] != want {
				t.Errorf("look %d took %v, want %v", i+1, took[i], want)
			}
		}
	})
}
