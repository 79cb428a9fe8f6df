package auth_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// answers lists what was tried, one "place: answer" each.
func answers(tried []auth.Attempt) []string {
	var list []string
	for _, a := range tried {
		list = append(list, a.Place.String()+": "+a.Answer)
	}
	return list
}

func wantTried(t *testing.T, tried []auth.Attempt, want ...string) {
	t.Helper()
	if got := answers(tried); !slices.Equal(got, want) {
		t.Errorf("tried\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Trap 77.
func TestEnv(t *testing.T) {
	dir := t.TempDir()
	good, empty, missing := filepath.Join(dir, "good"), filepath.Join(dir, "empty"), filepath.Join(dir, "missing")
	write(t, good, "from-file\n")
	write(t, empty, "\n")
	for _, test := range []struct {
		name  string
		set   map[string]string // of RT_A, RT_A_FILE, RT_B, RT_B_FILE; asked are RT_A and RT_B
		want  string
		found string // or the cause
		tried []string
		fact  string
	}{
		{"first", map[string]string{"RT_A": "a", "RT_B": "b"}, "a", "env RT_A", []string{"env RT_A: found"}, ""},
		{"second", map[string]string{"RT_B": "b"}, "b", "env RT_B", []string{"env RT_A: not set", "env RT_B: found"}, ""},
		{"trimmed (T46)", map[string]string{"RT_A": " a\r\n"}, "a", "env RT_A", []string{"env RT_A: found"}, ""},
		{"blank is not set, and mentioned (T45)", map[string]string{"RT_A": " ", "RT_B": "b"}, "b", "env RT_B",
			[]string{"env RT_A: set, but blank", "env RT_B: found"}, ""},
		{"file", map[string]string{"RT_A_FILE": good}, "from-file", "file " + good + " (RT_A_FILE)",
			[]string{"env RT_A: not set", "file " + good + " (RT_A_FILE): found"}, ""},
		{"value before file", map[string]string{"RT_A": "a", "RT_A_FILE": good}, "a", "env RT_A", []string{"env RT_A: found"}, ""},
		{"file of the first before value of the second", map[string]string{"RT_A_FILE": good, "RT_B": "b"}, "from-file",
			"file " + good + " (RT_A_FILE)", []string{"env RT_A: not set", "file " + good + " (RT_A_FILE): found"}, ""},
		{"blank value, then file", map[string]string{"RT_A": "", "RT_A_FILE": good}, "from-file", "file " + good + " (RT_A_FILE)",
			[]string{"env RT_A: set, but blank", "file " + good + " (RT_A_FILE): found"}, ""},
		{"blank name of a file", map[string]string{"RT_A_FILE": " ", "RT_B": "b"}, "b", "env RT_B", []string{"env RT_A: not set", "env RT_B: found"}, ""},
		{"named file is missing: stops", map[string]string{"RT_A_FILE": missing, "RT_B": "b"}, "", "source_failed",
			[]string{"env RT_A: not set", "file " + missing + " (RT_A_FILE): no such file"}, "no such file"},
		{"named file is empty", map[string]string{"RT_A_FILE": empty, "RT_B": "b"}, "", "empty_credential",
			[]string{"env RT_A: not set", "file " + empty + " (RT_A_FILE): empty"}, "empty"},
		{"nothing", nil, "", "missing_credential", []string{"env RT_A: not set", "env RT_B: not set"}, "RT_A and RT_B are not set"},
		{"nothing, one blank", map[string]string{"RT_B": "\t"}, "", "empty_credential",
			[]string{"env RT_A: not set", "env RT_B: set, but blank"}, "RT_B is set, but blank"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.set {
				t.Setenv(name, value)
			}
			got, err := auth.Env("RT_A", "RT_B").Credential(t.Context())
			if test.want == "" {
				e := wantCause(t, err, auth.Cause(test.found))
				wantTried(t, e.Tried, test.tried...)
				if !strings.Contains(e.Evidence[0].Fact, test.fact) {
					t.Errorf("fact %q, want %q", e.Evidence[0].Fact, test.fact)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantSecret(t, got.Secret.Reveal(), test.want)
			if got.Provenance.String() != test.found {
				t.Errorf("found in %v, want %s", got.Provenance, test.found)
			}
			wantTried(t, got.Tried, test.tried...)
		})
	}
	t.Run("read each time it is asked", func(t *testing.T) {
		src := auth.Env("RT_A")
		for _, value := range []string{"one", "two"} {
			t.Setenv("RT_A", value)
			got, err := src.Credential(t.Context())
			if err != nil || got.Secret.Reveal() != value {
				t.Errorf("%v, %v; want %s", got, err, value)
			}
		}
	})
	t.Run("what to do names the variables", func(t *testing.T) {
		_, err := auth.Env("RT_A", "RT_B").Credential(t.Context())
		if e := wantCause(t, err, auth.MissingCredential); e.Remedy.Text != "set RT_A or RT_B" {
			t.Errorf("remedy %q", e.Remedy.Text)
		}
	})
}

func TestStatic(t *testing.T) {
	for value, want := range map[string]string{"key": "key", " key\n": "key", "\ufeffkey": "key"} {
		got, err := auth.Static(value).Credential(t.Context())
		if err != nil || got.Secret.Reveal() != want || got.Provenance.Kind != auth.KindStatic {
			t.Errorf("Static(%q): %v, %v", value, got, err)
		}
	}
	for _, value := range []string{"", " \n"} {
		_, err := auth.Static(value).Credential(t.Context())
		wantCause(t, err, auth.EmptyCredential)
	}
}

// place is a source that answers for a named place.
func place(name string, cause auth.Cause, remedy string) *source {
	p := auth.Provenance{Kind: "place", Name: name}
	return &source{answer: func(_ context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
		if cause == "" {
			c := cred(fmt.Sprintf("%s-%d", name, n), 0)
			c.Provenance, c.Tried = p, []auth.Attempt{{Place: p, Answer: "found"}}
			return c, nil
		}
		return nil, &auth.Error{
			Cause: cause, Confidence: auth.Certain, Remedy: auth.Remedy{Text: remedy},
			Evidence: []auth.Evidence{{Source: p.String(), Fact: string(cause)}},
			Tried:    []auth.Attempt{{Place: p, Answer: string(cause), Err: cause}},
		}
	}}
}

// Trap 91, T49.
func TestTrap75_FirstOf(t *testing.T) {
	found := auth.Cause("")
	for _, test := range []struct {
		name   string
		places []auth.Cause // what each answers
		asked  int          // how many of them
		want   auth.Cause
	}{
		{"the first", []auth.Cause{found, found}, 1, found},
		{"missing passes on", []auth.Cause{auth.MissingCredential, found}, 2, found},
		{"empty passes on", []auth.Cause{auth.EmptyCredential, found}, 2, found},
		{"unavailable passes on", []auth.Cause{auth.SourceUnavailable, found}, 2, found},
		{"locked stops", []auth.Cause{auth.SourceLocked, found}, 1, auth.SourceLocked},
		{"denied stops", []auth.Cause{auth.SourceDenied, found}, 1, auth.SourceDenied},
		{"timeout stops", []auth.Cause{auth.SourceTimeout, found}, 1, auth.SourceTimeout},
		{"corrupt stops", []auth.Cause{auth.SourceCorrupt, found}, 1, auth.SourceCorrupt},
		{"failed stops", []auth.Cause{auth.SourceFailed, found}, 1, auth.SourceFailed},
		{"rejected stops", []auth.Cause{auth.RefreshRejected, found}, 1, auth.RefreshRejected},
		{"expired stops", []auth.Cause{auth.AccessExpired, found}, 1, auth.AccessExpired},
		{"the second stops", []auth.Cause{auth.MissingCredential, auth.SourceLocked, found}, 2, auth.SourceLocked},
		{"nowhere", []auth.Cause{auth.MissingCredential, auth.MissingCredential}, 2, auth.MissingCredential},
		{"missing beats unavailable", []auth.Cause{auth.SourceUnavailable, auth.MissingCredential}, 2, auth.MissingCredential},
		{"blank beats missing", []auth.Cause{auth.MissingCredential, auth.EmptyCredential, auth.MissingCredential}, 3, auth.EmptyCredential},
		{"blank beats unavailable", []auth.Cause{auth.EmptyCredential, auth.SourceUnavailable}, 2, auth.EmptyCredential},
		{"unavailable alone", []auth.Cause{auth.SourceUnavailable}, 1, auth.SourceUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sources []auth.Source
			var tried []string
			for i, cause := range test.places {
				name := string(rune('a' + i))
				sources = append(sources, place(name, cause, "fill "+name))
				if i < test.asked {
					answer := string(cause)
					if cause == found {
						answer = "found"
					}
					tried = append(tried, "place "+name+": "+answer)
				}
			}
			got, err := auth.FirstOf(sources...).Credential(t.Context())
			if test.want == found {
				if err != nil {
					t.Fatal(err)
				}
				wantTried(t, got.Tried, tried...)
			} else {
				e := wantCause(t, err, test.want)
				wantTried(t, e.Tried, tried...)
				if e.Evidence[0].Fact != string(test.want) {
					t.Errorf("the fact behind the cause does not lead: %v", e.Evidence)
				}
			}
			for i, src := range sources {
				if asked := src.(*source).count(); (asked == 1) != (i < test.asked) {
					t.Errorf("source %d was asked %d times", i, asked)
				}
			}
		})
	}
	t.Run("no source", func(t *testing.T) {
		_, err := auth.FirstOf().Credential(t.Context())
		wantCause(t, err, auth.MissingCredential)
		_, err = auth.FirstOf().(auth.Refresher).Refresh(t.Context(), cred("x", 0))
		wantCause(t, err, auth.MissingCredential)
	})
	t.Run("remedies are joined, but for places that cannot be reached", func(t *testing.T) {
		src := auth.FirstOf(place("a", auth.MissingCredential, "fill a"), place("b", auth.SourceUnavailable, "start b"), place("c", auth.MissingCredential, "fill c"))
		_, err := src.Credential(t.Context())
		if e := wantCause(t, err, auth.MissingCredential); e.Remedy.Text != "fill a, or fill c" || len(e.Evidence) != 3 {
			t.Errorf("remedy %q, evidence %v", e.Remedy.Text, e.Evidence)
		}
	})
	t.Run("chains nest", func(t *testing.T) {
		inner := auth.FirstOf(place("b", auth.EmptyCredential, ""), place("c", auth.MissingCredential, ""))
		got, err := auth.FirstOf(place("a", auth.MissingCredential, ""), inner, place("d", "", "")).Credential(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantTried(t, got.Tried, "place a: missing_credential", "place b: empty_credential", "place c: missing_credential", "place d: found")
	})
	t.Run("an ended context is nobody's answer", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		missing := place("b", auth.MissingCredential, "")
		_, err := auth.FirstOf(auth.File("key"), missing).Credential(ended)
		if !errors.Is(err, context.Canceled) || missing.count() > 0 {
			t.Errorf("got %v, asked %d", err, missing.count())
		}
	})
}

// MissingCredential, EmptyCredential and SourceUnavailable pass on however they
// are wrapped.
func TestTrap75_FirstOfWrappedErrors(t *testing.T) {
	lacks := func(err error) auth.Source {
		return auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return nil, err })
	}
	full := place("full", "", "")
	for name, test := range map[string]struct {
		err  error
		pass bool
	}{
		"a bare cause":              {auth.MissingCredential, true},
		"a wrapped cause":           {fmt.Errorf("vault: no such path: %w", auth.MissingCredential), true},
		"unavailable, wrapped":      {fmt.Errorf("vault: dial: %w", auth.SourceUnavailable), true},
		"a wrapped *Error":          {fmt.Errorf("vault: %w", &auth.Error{Cause: auth.EmptyCredential}), true},
		"joined with another":       {errors.Join(errDown, &auth.Error{Cause: auth.SourceUnavailable}), true},
		"a cause that stops":        {fmt.Errorf("vault: sealed: %w", auth.SourceLocked), false},
		"a wrapped *Error, stops":   {fmt.Errorf("vault: %w", &auth.Error{Cause: auth.SourceDenied}), false},
		"an error of its own":       {errDown, false},
		"missing beneath a verdict": {&auth.Error{Cause: auth.RefreshRejected, Err: auth.MissingCredential}, false},
	} {
		got, err := auth.FirstOf(lacks(test.err), full).Credential(t.Context())
		if test.pass != (err == nil) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if !test.pass && !errors.Is(err, test.err) {
			if e, ok := errors.AsType[*auth.Error](test.err); !ok || !errors.Is(err, e.Cause) {
				t.Errorf("%s: %v has lost the reason", name, err)
			}
		}
	}
	_, err := auth.FirstOf(lacks(fmt.Errorf("vault: no such path: %w", auth.MissingCredential))).Credential(t.Context())
	e := wantCause(t, err, auth.MissingCredential)
	if !strings.Contains(e.Error(), "vault: no such path") {
		t.Errorf("the source's own words are lost: %v", e)
	}
}

// A refused credential is replaced by the source that it came from, or by none.
func TestTrap75_FirstOfRefused(t *testing.T) {
	for name, wrap := range map[string]func(auth.Source) auth.Source{
		"bare":  func(s auth.Source) auth.Source { return s },
		"named": func(s auth.Source) auth.Source { return auth.WithUsername("user", s) },
	} {
		bubble(t, name, func(t *testing.T) {
			higher, chosen, lower := place("higher", auth.MissingCredential, ""), place("chosen", "", ""), place("lower", "", "")
			c := newCache(t, wrap(auth.FirstOf(higher, chosen, lower)), auth.CacheConfig{})
			old := mustGet(t, c)
			next, err := c.Refresh(t.Context(), old)
			if err != nil || next.Secret.Reveal() != "chosen-2" {
				t.Fatalf("%v, %v", next, err)
			}
			wantTried(t, next.Tried, "place higher: missing_credential", "place chosen: found")
			chosen.answer = place("chosen", auth.MissingCredential, "").answer
			_, err = c.Refresh(t.Context(), next)
			e := wantCause(t, err, auth.MissingCredential)
			wantTried(t, e.Tried, "place higher: missing_credential", "place chosen: missing_credential")
			if higher.count() != 1 || lower.count() != 0 {
				t.Errorf("another identity was asked: higher %d, lower %d times", higher.count(), lower.count())
			}
		})
	}
	bubble(t, "after Forget the whole chain is asked (Trap 76)", func(t *testing.T) {
		higher, chosen := place("higher", auth.MissingCredential, ""), place("chosen", "", "")
		c := newCache(t, auth.FirstOf(higher, chosen), auth.CacheConfig{})
		get(t, c)
		higher.answer = place("higher", "", "").answer
		c.Forget()
		wantSecret(t, get(t, c), "higher-2")
	})
	t.Run("before anything was found the whole chain is asked", func(t *testing.T) {
		src := auth.FirstOf(place("a", auth.MissingCredential, ""), place("b", "", ""))
		got, err := src.(auth.Refresher).Refresh(t.Context(), cred("sent by hand", 0))
		if err != nil || got.Secret.Reveal() != "b-1" {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// However much a source says, the error of a chain stays fit for a terminal: each
// place in its order, on a line of its own.
func TestTrap91_ChainErrorIsBounded(t *testing.T) {
	endless := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		return nil, fmt.Errorf("%w: %s", auth.SourceUnavailable, strings.Repeat("<p>no</p>", 100_000))
	})
	_, err := auth.FirstOf(place("a", auth.MissingCredential, ""), endless, place("c", auth.MissingCredential, "")).Credential(t.Context())
	e := wantCause(t, err, auth.MissingCredential)
	text := e.Explain()
	if len(text) > 8<<10 || len(e.Error()) > 8<<10 {
		t.Errorf("Explain has %d bytes, Error %d", len(text), len(e.Error()))
	}
	last := -1
	for _, want := range []string{"place a ", "source ", "place c "} {
		at := strings.LastIndex(text, want)
		if at <= last {
			t.Errorf("%q is not in its place:\n%.2000s", want, text)
		}
		last = at
	}
	_, err = auth.FirstOf(auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		return nil, errors.New(strings.Repeat("<p>no</p>", 100_000))
	})).Credential(t.Context())
	e = wantCause(t, err, auth.SourceFailed)
	if n := len(e.Explain()) + len(e.Error()); n > 8<<10 {
		t.Errorf("the error that stops a chain has %d bytes", n)
	}
}

// A container: no variable, no keyring. That is the variable's matter. Trap 91.
func TestFirstOf_HeadlessContainer(t *testing.T) {
	keyring := place("keyring", auth.SourceUnavailable, "start a keyring")
	_, err := auth.FirstOf(auth.Env("ACME_API_KEY", "ACME_TOKEN"), keyring).Credential(t.Context())
	e := wantCause(t, err, auth.MissingCredential)
	if e.Step() != auth.StepVerify || e.Remedy.Text != "set ACME_API_KEY or ACME_TOKEN" {
		t.Errorf("step %s, remedy %q", e.Step(), e.Remedy.Text)
	}
	wantTried(t, e.Tried, "env ACME_API_KEY: not set", "env ACME_TOKEN: not set", "place keyring: source_unavailable")
}

func TestWithUsername(t *testing.T) {
	t.Run("adds the name and Basic", func(t *testing.T) {
		got, err := auth.WithUsername("Aladdin", auth.Static("open sesame")).Credential(t.Context())
		if err != nil || got.Username != "Aladdin" || got.Scheme != auth.Basic || got.Provenance.Kind != auth.KindStatic {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("leaves a scheme and the source's credential alone", func(t *testing.T) {
		kept := cred("x", time.Hour)
		kept.Scheme = auth.Bearer
		src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return kept, nil })
		got, _ := auth.WithUsername("u", src).Credential(t.Context())
		if got.Scheme != auth.Bearer || kept.Username != "" || !got.Expiry.Equal(kept.Expiry) {
			t.Errorf("got %+v from %+v", got, kept)
		}
	})
	t.Run("passes errors and nothing on", func(t *testing.T) {
		for _, err := range []error{errDown, nil} {
			src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return nil, err })
			if got, gotErr := auth.WithUsername("u", src).Credential(t.Context()); got != nil || gotErr != err {
				t.Errorf("%v, %v", got, gotErr)
			}
		}
	})
	// The source knows the password alone. Asked to replace one that carries a
	// user name, it would take its own for another and exchange nothing.
	t.Run("a refused password reaches its source", func(t *testing.T) {
		for name, wrap := range map[string]func(s auth.Source) auth.Source{
			"refresher": func(s auth.Source) auth.Source { return s },
			"cache":     func(s auth.Source) auth.Source { return newCache(t, s, auth.CacheConfig{}) },
		} {
			synctest.Test(t, func(t *testing.T) {
				held := cred("password-1", 0)
				held.Username = "shadowed"
				src := &source{answer: func(_ context.Context, n int, stale *auth.Credential) (*auth.Credential, error) {
					if stale != nil && held.Same(stale) {
						held = cred(fmt.Sprintf("password-%d", n), 0)
					}
					return held, nil
				}}
				inner := wrap(src)
				c := newCache(t, auth.WithUsername("user", inner), auth.CacheConfig{})
				old := mustGet(t, c)
				got, err := c.Refresh(t.Context(), old)
				if err != nil || got.Secret.Reveal() != "password-2" || got.Username != "user" {
					t.Errorf("%s: %+v, %v", name, got, err)
				}
				if inner, ok := inner.(*auth.Cache); ok {
					_ = inner.Close()
				}
			})
		}
	})
}

func TestSchemes(t *testing.T) {
	key := func(secret string) *auth.Credential { return &auth.Credential{Secret: auth.NewSecret(secret)} }
	pair := func(user, secret string) *auth.Credential {
		return &auth.Credential{Username: user, Secret: auth.NewSecret(secret)}
	}
	for _, test := range []struct {
		scheme      auth.Scheme
		cred        *auth.Credential
		name, place string
		want        string // empty: an error
	}{
		{auth.Bearer, key("mF_9.B5f-4.1JqM"), "Bearer", "Authorization", "Bearer mF_9.B5f-4.1JqM"}, // RFC 6750 section 2.1
		{auth.Token, key("abc"), "token", "Authorization", "token abc"},
		{auth.Basic, pair("Aladdin", "open sesame"), "Basic", "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, // RFC 7617 section 2
		{auth.Basic, pair("test", "123\u00a3"), "Basic", "Authorization", "Basic dGVzdDoxMjPCow=="},                  // RFC 7617 section 2.1
		{auth.Basic, key("Aladdin:open sesame"), "Basic", "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		{auth.Basic, pair("user", "with:colon"), "Basic", "Authorization", "Basic dXNlcjp3aXRoOmNvbG9u"},
		{auth.Basic, pair("user", ""), "Basic", "Authorization", "Basic dXNlcjo="},
		{auth.Basic, key("sk_key:"), "Basic", "Authorization", "Basic c2tfa2V5Og=="},
		{auth.Basic, key("canary"), "Basic", "Authorization", ""},
		{auth.Basic, pair("us:er", "canary"), "Basic", "Authorization", ""},
		{auth.APIKeyHeader("x-api-key"), key("abc"), "ApiKey", "X-Api-Key", "abc"},
		{auth.APIKeyQuery("key"), key("a b&c"), "ApiKey", "query parameter key", "a b&c"},
	} {
		if test.scheme.Name() != test.name || test.scheme.Place().String() != test.place {
			t.Errorf("%s in %s, want %s in %s", test.scheme.Name(), test.scheme.Place(), test.name, test.place)
		}
		if p := test.scheme.Place(); (p.Header == "") == (p.Query == "") {
			t.Errorf("%s: place %+v, want exactly one", test.name, p)
		}
		got, err := test.scheme.Value(test.cred)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), test.cred.Secret.Reveal()) {
			t.Errorf("%s: the error holds the secret: %v", test.name, err)
		}
	}
}

func TestSecret(t *testing.T) {
	one, same, other, none := auth.NewSecret("one"), auth.NewSecret("one"), auth.NewSecret("other"), auth.NewSecret("")
	if !one.Equal(same) || one.Equal(other) || one.Equal(none) || !none.Equal(auth.Secret{}) {
		t.Error("Equal")
	}
	if !none.IsZero() || one.IsZero() || none.Reveal() != "" || one.Reveal() != "one" {
		t.Error("IsZero, Reveal")
	}
	if one.Fingerprint() != same.Fingerprint() || one.Fingerprint() == other.Fingerprint() || len(one.Fingerprint()) != 8 || none.Fingerprint() != "" {
		t.Errorf("fingerprints %q %q %q %q", one.Fingerprint(), same.Fingerprint(), other.Fingerprint(), none.Fingerprint())
	}
	if none.String() != "" || one.String() != "[masked]" {
		t.Errorf("%q %q", none, one)
	}
}

// T80: a fingerprint is keyed, so that a weak secret cannot be guessed from it.
func TestT80_FingerprintIsKeyed(t *testing.T) {
	// SHA-256 of "password", MD5, SHA-1: what a table of guesses would hold.
	for _, plain := range []string{"5e884898", "5f4dcc3b", "5baa61e4"} {
		if auth.NewSecret("password").Fingerprint() == plain {
			t.Error("the fingerprint is a plain hash")
		}
	}
}

func TestSame(t *testing.T) {
	a := &auth.Credential{Secret: auth.NewSecret("k"), Username: "u"}
	for name, test := range map[string]struct {
		other *auth.Credential
		want  bool
	}{
		"itself":         {a, true},
		"another expiry": {&auth.Credential{Secret: auth.NewSecret("k"), Username: "u", Expiry: time.Now(), Scopes: []string{"s"}}, true},
		"another user":   {&auth.Credential{Secret: auth.NewSecret("k"), Username: "v"}, false},
		"another secret": {&auth.Credential{Secret: auth.NewSecret("l"), Username: "u"}, false},
		"nil":            {nil, false},
	} {
		if a.Same(test.other) != test.want || test.other.Same(a) != test.want {
			t.Errorf("%s: want %v", name, test.want)
		}
	}
	if (*auth.Credential)(nil).Same(nil) {
		t.Error("nothing is the same as nothing")
	}
}
