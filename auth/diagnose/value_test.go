package diagnose_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

func TestT46_ValueNamesPositionAndKind(t *testing.T) {
	for _, tt := range []struct {
		name, username, secret string
		scheme                 auth.Scheme
		cause                  auth.Cause // "" if it may be sent
		says                   string
	}{
		{"good", "", "k3y-7f1c90aa5be24d61", auth.Bearer, "", ""},
		{"line break at the end", "", "k3y\n", auth.Bearer, auth.MalformedCharacters, "a line break (LF) at byte 4 of 4"},
		{"carriage return", "", "k3y\r\n", auth.Bearer, auth.MalformedCharacters, "a carriage return (CR) at byte 4 of 5"},
		{"line break within", "", "k3\ny", auth.APIKeyHeader("X-Api-Key"), auth.MalformedCharacters, "at byte 3"},
		{"NUL", "", "\x00k3y", auth.Bearer, auth.MalformedCharacters, "a NUL character at byte 1"},
		{"escape", "", "k\x1b3y", auth.Bearer, auth.MalformedCharacters, "an escape character at byte 2"},
		{"delete", "", "k3y\x7f", auth.Bearer, auth.MalformedCharacters, "a delete character"},
		{"bell", "", "k3y\x07", auth.Bearer, auth.MalformedCharacters, "0x07"},
		{"control in a query", "", "k3\ny", auth.APIKeyQuery("key"), auth.MalformedCharacters, "at byte 3"},
		{"control in a password", "alice", "pass\nword", auth.Basic, auth.MalformedCharacters, "at byte 5"},
		{"control in a user name", "al\nice", "password", auth.Basic, auth.MalformedCharacters, "user name"},
		{"empty", "", "", auth.Bearer, auth.EmptyCredential, "empty"},
		{"Basic without a user", "", "password", auth.Basic, auth.MalformedWrapping, "user name"},
		{"Basic with a colon in the user", "a:b", "password", auth.Basic, auth.MalformedWrapping, "colon"},
		{"Basic with an empty password", "sk_live_1", "", auth.Basic, "", ""},
		// What only looks odd is sent: the server decides.
		{"a tab can be sent", "", "k\t3y", auth.Bearer, "", ""},
		{"doubled Bearer", "", "Bearer k3y", auth.Bearer, "", ""},
		{"not ASCII", "", "ké3y", auth.Bearer, "", ""},
		{"byte order mark", "", "\ufeffk3y", auth.Bearer, "", ""},
		{"space", "", "k 3y", auth.Bearer, "", ""},
		{"placeholder", "", "<your-key>", auth.Bearer, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &auth.Credential{Secret: auth.NewSecret(tt.secret), Username: tt.username, Provenance: inKeyring, Tried: []auth.Attempt{{Place: inKeyring, Answer: "found"}}}
			e := diagnose.Value(c, tt.scheme)
			if tt.cause == "" {
				if e != nil {
					t.Fatalf("got %v", e)
				}
				return
			}
			if e == nil || e.Cause != tt.cause || e.Confidence != auth.Certain {
				t.Fatalf("got %v", e)
			}
			contains(t, facts(e), tt.says, "keyring acme/default: ")
			if tt.username == "" {
				contains(t, e.Error(), "keyring entry acme/default")
			}
			containsNone(t, everyPrint(e), "k3y", "password\n", "pass\nword")
			if len(e.Tried) != 1 {
				t.Errorf("tried %v", e.Tried)
			}
		})
	}
	if e := diagnose.Value(nil, nil); e != nil {
		t.Errorf("got %v", e)
	}
}

type leakyScheme struct{ otherScheme }

func (s leakyScheme) Value(c *auth.Credential) (string, error) {
	return "", errors.New("cannot sign with " + c.Secret.Reveal())
}

func TestT79_SchemeErrorsAreScrubbed(t *testing.T) {
	c := &auth.Credential{Secret: auth.NewSecret("c4nary-0f-th3-c0al-m1ne"), Provenance: inFile}
	e := diagnose.Value(c, leakyScheme{otherScheme{"Sign"}})
	if e == nil {
		t.Fatal("no error")
	}
	if part := leaks(everyPrint(e), c.Secret.Reveal()); part != "" {
		t.Errorf("%q leaks:\n%s", part, everyPrint(e))
	}
	contains(t, facts(e), "cannot sign with [masked]")
}

func TestUnsentCompletesACopy(t *testing.T) {
	shared := &auth.Error{
		Cause: auth.MissingCredential, Confidence: auth.Certain, Remedy: auth.Remedy{Text: "set ACME_API_KEY"},
		Evidence: []auth.Evidence{{Source: "env ACME_API_KEY", Fact: "ACME_API_KEY is not set"}},
		Tried:    []auth.Attempt{{Place: env("ACME_API_KEY"), Answer: "not set"}},
	}
	before := shared.Explain()
	words := diagnose.Words{Docs: "https://acme.example/docs", Support: "help@acme.example", Login: "acme login"}
	e := diagnose.Unsent(shared, "POST", "https://u:p@api.acme.example/v1/things?key=1#x", words)
	if e == shared || shared.Explain() != before {
		t.Error("the shared error was changed")
	}
	if e.Request != "POST https://api.acme.example/v1/things" || e.Support != words.Support || e.Remedy.URL != words.Docs || e.Remedy.Command != "acme login" {
		t.Errorf("got %+v", e)
	}
	contains(t, e.Explain(), "was not sent", "set ACME_API_KEY", "acme login")

	locked := &auth.Error{Cause: auth.SourceLocked, Confidence: auth.Certain, Evidence: shared.Evidence}
	if e := diagnose.Unsent(locked, "GET", url, words); e.Remedy.Command != "" {
		t.Errorf("a login does not unlock a keyring: %q", e.Remedy.Command)
	}
	own := &auth.Error{Cause: auth.RefreshRejected, Remedy: auth.Remedy{Text: "log in", Command: "acme auth", URL: "https://issuer.example"}}
	if e := diagnose.Unsent(own, "GET", url, words); e.Remedy.Command != "acme auth" || e.Remedy.URL != "https://issuer.example" || len(e.Evidence) == 0 {
		t.Errorf("got %+v", e)
	}
	plain := errors.New("some source failed")
	if e := diagnose.Unsent(plain, "GET", url, diagnose.Words{}); e.Cause != auth.SourceFailed || !errors.Is(e, plain) {
		t.Errorf("got %+v", e)
	}
}

func TestScrub(t *testing.T) {
	c := &auth.Credential{Secret: auth.NewSecret("s3cret/k3y+v4lue=="), Username: "alice"}
	for text, want := range map[string]string{
		"key s3cret/k3y+v4lue== is bad":            "key [masked] is bad",
		"S3CRET/K3Y+V4LUE==":                       "[masked]",
		"?key=s3cret%2Fk3y%2Bv4lue%3D%3D&x=1":      "?key=[masked]&x=1",
		"?key=s3cret%2fk3y%2bv4lue%3d%3d&x=1":      "?key=[masked]&x=1",
		`{"k":"s3cret\/k3y+v4lue=="}`:              `{"k":"[masked]"}`,
		"cut off: s3cret/k3":                       "cut off: [masked]",
		"Basic YWxpY2U6czNjcmV0L2szeSt2NGx1ZT09.":  "Basic [masked].",
		"of html/template: s3cret/k3y&#43;v4lue==": "of html/template: [masked]",
		`of .NET: s3cret/k3y\u002Bv4lue==`:         "of .NET: [masked]",
		"?key=s3cret%252Fk3y%252Bv4lue%253D%253D":  "?key=[masked]",
		"nothing of it":                            "nothing of it",
		"":                                         "",
	} {
		if got := diagnose.Scrub(text, c); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	short := &auth.Credential{Secret: auth.NewSecret("abcde")}
	if got := diagnose.Scrub("abcde abcdef (abcde)", short); got != "[masked] abcdef ([masked])" {
		t.Errorf("short: %q", got)
	}
	pair := &auth.Credential{Secret: auth.NewSecret("alice:open-sesame")}
	if got := diagnose.Scrub("the password open-sesame of alice", pair); got != "the password [masked] of alice" {
		t.Errorf("pair: %q", got)
	}
	doubled := &auth.Credential{Secret: auth.NewSecret("Bearer k3y-7f1c90")}
	if got := diagnose.Scrub("unknown key k3y-7f1c90", doubled); got != "unknown key [masked]" {
		t.Errorf("doubled: %q", got)
	}
	if got := diagnose.Scrub("text", nil, &auth.Credential{}); got != "text" {
		t.Errorf("none: %q", got)
	}
	if got := diagnose.Scrub(strings.Repeat("x", 100), c); got != strings.Repeat("x", 100) {
		t.Errorf("got %q", got)
	}
}
