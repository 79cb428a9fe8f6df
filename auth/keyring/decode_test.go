package keyring_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth/keyring"
)

func utf16LE(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func TestDecode(t *testing.T) {
	const bad = "\x00" // stands for an error: no value has it
	for _, tt := range []struct{ name, raw, want string }{
		{"empty", "", ""},
		{"UTF-8", "sk-123", "sk-123"},
		{"UTF-8 beyond ASCII", "pässwörd€", "pässwörd€"},
		{"odd length", "abc", "abc"},
		{"inner space is kept", " a b ", " a b "},
		{"LF", "abc\n", "abc"},
		{"CR LF", "abc\r\n", "abc"},
		{"several", "abc\n\r\n\n", "abc"},
		{"inner lines are kept", "a\nb\n", "a\nb"},
		{"UTF-8 mark", "\xef\xbb\xbfabc", "abc"},
		{"cmdkey", utf16LE("sk-123"), "sk-123"},
		{"cmdkey, one letter", utf16LE("a"), "a"},
		{"cmdkey, mostly ASCII", utf16LE("pässw€rd"), "pässw€rd"},
		{"cmdkey, line end", utf16LE("abc\r\n"), "abc"},
		{"UTF-16LE with closing NUL", utf16LE("abc\x00"), "abc"},
		{"UTF-16LE mark", "\xff\xfe" + utf16LE("abc"), "abc"},
		{"UTF-16LE mark, no ASCII", "\xff\xfe" + utf16LE("密码😀"), "密码😀"},
		{"UTF-16LE mark, odd", "\xff\xfea", bad},
		{"UTF-16LE mark, lone surrogate", "\xff\xfe\x00\xd8a\x00", bad},
		{"UTF-16BE", "\x00a\x00b", bad},
		{"UTF-16LE, mostly not ASCII, no mark", utf16LE("密码a"), bad},
		{"C string", "abc\x00", bad},
		{"NUL inside", "ab\x00cd", bad},
		{"UTF-16LE, NUL inside", utf16LE("ab\x00cd"), bad},
		{"binary", "\xde\xad\xbe\xef", bad},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := keyring.Decode(tt.raw)
			if tt.want == bad {
				if err == nil {
					t.Errorf("got %q, want an error", got)
				}
			} else if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "abc", "a\x00", "\xff\xfea\x00", "\xef\xbb\xbfa\n", "\x00\xd8a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := keyring.Decode(raw)
		if err != nil {
			if got != "" {
				t.Errorf("a value with an error: %q", got)
			}
			return
		}
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") || strings.TrimRight(got, "\r\n") != got {
			t.Errorf("%q became %q", raw, got)
		}
		// Plain text comes through, as it is and as Windows' tools write it.
		plain := strings.Map(func(r rune) rune {
			if r <= ' ' || r > '~' {
				return -1
			}
			return r
		}, raw)
		for _, form := range []string{plain, utf16LE(plain)} {
			if got, err := keyring.Decode(form); err != nil || got != plain {
				t.Errorf("%q: got %q, %v, want %q", form, got, err, plain)
			}
		}
	})
}
