package auth_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace changes a file as careful writers do.
func replace(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+".new", content)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// jwt returns a token that states claims, a JSON object, and is not signed.
func jwt(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(claims)) + ".c2ln"
}

// usedUntil reads the cache once a second until it gives want, and returns how
// long that took.
func usedUntil(t *testing.T, c *auth.Cache, want string, limit time.Duration) time.Duration {
	t.Helper()
	start := time.Now()
	for time.Since(start) < limit {
		before := time.Now()
		got := get(t, c)
		if time.Since(before) != 0 {
			t.Error("a caller waited for a file to be read again")
		}
		if got == want {
			return time.Since(start)
		}
		synctest.Wait()
		time.Sleep(time.Second)
	}
	t.Errorf("the change was not seen in %v", limit)
	return limit
}

func TestTrap78_FileIsReadAgain(t *testing.T) {
	const limit = 30 * time.Second
	for name, sources := range map[string]func(path string) auth.Source{
		"File":    auth.File,
		"FirstOf": func(path string) auth.Source { return auth.FirstOf(auth.Env("REAUTH_TEST_UNSET"), auth.File(path)) },
		"named by a variable": func(path string) auth.Source {
			t.Setenv("REAUTH_TEST_FILE", path)
			return auth.Env("REAUTH_TEST_UNSET", "REAUTH_TEST")
		},
		"WithUsername": func(path string) auth.Source { return auth.WithUsername("user", auth.File(path)) },
	} {
		bubble(t, name+", while in use", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			write(t, path, "one")
			c := newCache(t, sources(path), auth.CacheConfig{})
			wantSecret(t, get(t, c), "one")
			tried := mustGet(t, c).Tried
			for i := range 5 {
				time.Sleep(time.Duration(i) * 7 * time.Second)
				want := fmt.Sprintf("key-%d", i)
				replace(t, path, want)
				if took := usedUntil(t, c, want, limit); took > limit {
					t.Errorf("seen after %v", took)
				}
				if got := mustGet(t, c).Tried; fmt.Sprint(got) != fmt.Sprint(tried) {
					t.Errorf("after a change, tried %v, want %v", got, tried)
				}
			}
		})
	}
	bubble(t, "unchanged: the same credential", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, "one")
		var log journal
		c := newCache(t, auth.File(path), auth.CacheConfig{Hook: log.hook})
		one := mustGet(t, c)
		for range 600 {
			if mustGet(t, c) != one {
				t.Fatal("another value for an unchanged file")
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := len(log.kinds()); n != 1 {
			t.Errorf("%d events, want the first alone", n)
		}
	})
	bubble(t, "symlinks are swapped, as for mounted secrets", func(t *testing.T) {
		dir := t.TempDir()
		for _, version := range []string{"v1", "v2"} {
			if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, version, "key"), version)
		}
		link := func(target, name string) {
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Skip("no symlinks here:", err)
			}
		}
		link("v1", "data")
		link(filepath.Join("data", "key"), "key")
		c := newCache(t, auth.File(filepath.Join(dir, "key")), auth.CacheConfig{})
		wantSecret(t, get(t, c), "v1")
		link("v2", "data.new")
		if err := os.Rename(filepath.Join(dir, "data.new"), filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
		usedUntil(t, c, "v2", limit)
	})
	for name, spoil := range map[string]func(t *testing.T, path string){
		"it is gone":     func(t *testing.T, path string) { _ = os.Remove(path) },
		"it is empty":    func(t *testing.T, path string) { write(t, path, " \n") },
		"it is too much": func(t *testing.T, path string) { write(t, path, strings.Repeat("x", 64<<10+1)) },
	} {
		bubble(t, "a gap keeps the last value: "+name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			write(t, path, "one")
			var log journal
			c := newCache(t, auth.File(path), auth.CacheConfig{Hook: log.hook})
			get(t, c)
			spoil(t, path)
			for range 120 {
				wantSecret(t, get(t, c), "one")
				synctest.Wait()
				time.Sleep(time.Second)
			}
			if s := c.Status(); s.LastError == nil || s.Failures == 0 || len(log.kinds()) < 2 {
				t.Errorf("the trouble does not show: %+v", s)
			}
			replace(t, path, "two")
			usedUntil(t, c, "two", limit)
		})
	}
	bubble(t, "at once when it was refused (T53)", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, "one")
		c := newCache(t, auth.File(path), auth.CacheConfig{})
		one := mustGet(t, c)
		replace(t, path, "two")
		wantSecret(t, refresh(t, c, one), "two")
	})
	bubble(t, "never in the background, if so wished", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, "one")
		c := newCache(t, auth.File(path), auth.CacheConfig{Window: -1})
		one := mustGet(t, c)
		replace(t, path, "two")
		time.Sleep(time.Hour)
		wantSecret(t, get(t, c), "one")
		synctest.Wait()
		wantSecret(t, get(t, c), "one")
		wantSecret(t, refresh(t, c, one), "two")
	})
}

func TestFile_Expiry(t *testing.T) {
	bubble(t, "a token that is replaced before it expires", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "token")
		token := func() string { return jwt(fmt.Sprintf(`{"exp":%d}`, time.Now().Add(10*time.Minute).Unix())) }
		write(t, path, token())
		c := newCache(t, auth.File(path), auth.CacheConfig{})
		for i := range 3600 {
			if i%480 == 479 {
				replace(t, path, token())
			}
			if got := mustGet(t, c); !got.Expiry.After(time.Now()) || time.Until(got.Expiry) > 10*time.Minute {
				t.Fatalf("expires in %v", time.Until(got.Expiry))
			}
			time.Sleep(time.Second)
		}
	})
	bubble(t, "a token that nobody replaces", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "token")
		write(t, path, jwt(fmt.Sprintf(`{"exp":%d}`, time.Now().Add(time.Minute).Unix())))
		c := newCache(t, auth.File(path), auth.CacheConfig{})
		get(t, c)
		time.Sleep(2 * time.Minute)
		_, err := c.Credential(t.Context())
		e := wantCause(t, err, auth.AccessExpired)
		if want := "put a new credential into file " + path; e.Remedy.Text != want {
			t.Errorf("remedy %q, want %q", e.Remedy.Text, want)
		}
	})
}

// Trap 6.
func TestFile_Contents(t *testing.T) {
	for name, test := range map[string]struct {
		content, want string
		cause         auth.Cause
	}{
		"bare":            {"key", "key", ""},
		"newline (T46)":   {"key\n", "key", ""},
		"from Windows":    {"\ufeffkey\r\n", "key", ""},
		"spaces":          {" \t key \n\n", "key", ""},
		"inner space":     {"user name:pass word", "user name:pass word", ""},
		"empty":           {"", "", auth.EmptyCredential},
		"blank":           {" \n\t", "", auth.EmptyCredential},
		"mark alone":      {"\ufeff\n", "", auth.EmptyCredential},
		"just not large":  {strings.Repeat("x", 64<<10), strings.Repeat("x", 64<<10), ""},
		"a byte too much": {strings.Repeat("x", 64<<10+1), "", auth.SourceCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			write(t, path, test.content)
			got, err := auth.File(path).Credential(t.Context())
			if test.cause != "" {
				e := wantCause(t, err, test.cause)
				if !strings.Contains(e.Error(), path) {
					t.Errorf("%v does not name the file", e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Secret.Reveal() != test.want {
				t.Errorf("got %d bytes, want %d", len(got.Secret.Reveal()), len(test.want))
			}
			if want := (auth.Provenance{Kind: auth.KindFile, Name: path}); got.Provenance != want || got.Tried[0].Place != want {
				t.Errorf("found in %v, tried %v", got.Provenance, got.Tried)
			}
		})
	}
}

func TestFile_Errors(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	_, err := auth.File(missing).Credential(t.Context())
	if e := wantCause(t, err, auth.MissingCredential); !errors.Is(err, fs.ErrNotExist) || e.Tried[0].Answer != "no such file" {
		t.Errorf("missing: %+v", e)
	}
	_, err = auth.File(dir).Credential(t.Context())
	if e := wantCause(t, err, auth.SourceFailed); !strings.Contains(e.Error(), "not a regular file") {
		t.Errorf("a directory: %v", e)
	}
	e := wantCause(t, auth.FileError("/run/secrets/key", &fs.PathError{Op: "open", Path: "/run/secrets/key", Err: fs.ErrPermission}), auth.SourceDenied)
	if !errors.Is(e, fs.ErrPermission) || e.Remedy.Text != "let this program's user read /run/secrets/key" || e.Tried[0].Answer != "permission denied" {
		t.Errorf("denied: %+v", e)
	}
	if locked := filepath.Join(dir, "locked"); os.Geteuid() != 0 {
		write(t, locked, "key")
		if err := os.Chmod(locked, 0); err != nil {
			t.Fatal(err)
		}
		_, err := auth.File(locked).Credential(t.Context())
		wantCause(t, err, auth.SourceDenied)
	}
}

func TestStatedExpiry(t *testing.T) {
	at := func(unix int64) time.Time { return time.Unix(unix, 0) }
	for name, test := range map[string]struct {
		value string
		want  time.Time
	}{
		"integer":           {jwt(`{"exp":1700000000}`), at(1700000000)},
		"with a fraction":   {jwt(`{"exp":1700000000.9}`), at(1700000000)},
		"with an exponent":  {jwt(`{"exp":1.7e9}`), at(1700000000)},
		"among others":      {jwt(`{"sub":"x","exp":1700000000,"aud":["a","b"]}`), at(1700000000)},
		"none":              {jwt(`{"sub":"x"}`), time.Time{}},
		"null":              {jwt(`{"exp":null}`), time.Time{}},
		"zero":              {jwt(`{"exp":0}`), time.Time{}},
		"negative":          {jwt(`{"exp":-5}`), time.Time{}},
		"a string":          {jwt(`{"exp":"1700000000"}`), time.Time{}},
		"milliseconds":      {jwt(`{"exp":1700000000000}`), time.Time{}},
		"absurdly large":    {jwt(`{"exp":1e300}`), time.Time{}},
		"too large to read": {jwt(`{"exp":1e999}`), time.Time{}},
		"no object":         {jwt(`[1]`), time.Time{}},
		"no JSON":           {jwt(`exp`), time.Time{}},
		"no base64":         {"a.!.c", time.Time{}},
		"two parts":         {"a.eyJleHAiOjF9", time.Time{}},
		"four parts":        {jwt(`{"exp":1700000000}`) + ".x", time.Time{}},
		"encrypted":         {"a.eyJleHAiOjF9.c.d.e", time.Time{}},
		"opaque":            {"sk_live_0123456789", time.Time{}},
		"empty":             {"", time.Time{}},
	} {
		if got := auth.StatedExpiry(auth.NewSecret(test.value)); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func FuzzStatedExpiry(f *testing.F) {
	for _, seed := range []string{"", "..", "a.b.c", "a.eyJleHAiOjF9.c", jwt(`{"exp":1700000000}`), jwt(`{"exp":1e300}`), jwt(`{"exp":-1}`), jwt(`{"exp":1.5}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := auth.StatedExpiry(auth.NewSecret(value))
		if !got.IsZero() && (got.Year() < 1970 || got.Year() > 2300) {
			t.Errorf("%q expires at %v", value, got)
		}
		if !got.IsZero() && strings.Count(value, ".") != 2 {
			t.Errorf("%q is no token, and expires at %v", value, got)
		}
	})
}
