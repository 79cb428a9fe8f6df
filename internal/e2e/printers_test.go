package e2e_test

import (
	"bytes"
	"context"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/davecgh/go-spew/spew"
	"github.com/google/go-cmp/cmp"
	"github.com/kr/pretty"
	"github.com/stretchr/testify/assert"

	"github.com/reauth-go/reauth/auth"
)

// canary is in every secret of these tests.
const canary = "kZ8wQx2vRt6mYp4nLs9bHc3d"

// L7 holds for printers that ignore String and Format, follow pointers and read
// fields that are not exported. Two objects that hold different secrets are
// compared, as in a test that fails.
func TestL7_OtherPeoplesPrintersDoNotShowSecrets(t *testing.T) {
	one, two := holders(t, "one"), holders(t, "two")
	printed := 0
	for what, v := range one {
		for how, text := range printers(v, two[what]) {
			if found := find(text); found != "" {
				t.Errorf("%s, printed by %s, shows the secret: %s", what, how, found)
			}
			printed++
		}
	}
	t.Logf("%d objects, %d printed forms", len(one), printed)
}

// A printer or a search that finds nothing at all would prove nothing.
func TestL7_TheSearchFindsWhatIsNotProtected(t *testing.T) {
	type careless struct {
		hidden any
		P      *string
	}
	text := canary + "-text"
	for what, v := range map[string]any{
		"string":       careless{hidden: canary, P: &text},
		"bytes":        careless{hidden: []byte("GET / HTTP/1.1\r\nAuthorization: Bearer " + canary)},
		"behind a map": careless{hidden: map[string][]byte{"key": []byte(canary)}},
		"an error":     careless{hidden: fmt.Errorf("refused: %s", canary)},
	} {
		shown := 0
		for how, text := range printers(v, careless{}) {
			switch {
			case find(text) != "":
				shown++
			case how == "testify Equal", how == "spew", how == "spew without methods", how == "pretty", how == "cmp with an exporter":
				t.Errorf("%s, printed by %s, is not found:\n%s", what, how, text)
			}
		}
		if shown < 10 {
			t.Errorf("%s is found in %d forms only", what, shown)
		}
	}
	for what, text := range map[string]string{
		"hex": fmt.Sprintf("%x", canary), "quoted hex": fmt.Sprintf("%#v", []byte(canary)), "decimal": fmt.Sprint([]byte(canary)),
		"base64": base64.StdEncoding.EncodeToString([]byte("user:" + canary)), "a part": canary[5:13],
	} {
		if find("before "+text+" after") == "" {
			t.Errorf("%s is not recognised: %s", what, text)
		}
	}
}

// A failure is a testing.T that keeps what a failed assertion prints.
type failure struct{ strings.Builder }

func (f *failure) Errorf(format string, args ...any) { fmt.Fprintf(f, format, args...) }

// printers returns v, and where they compare v and other, in the forms that
// other people's printers give them.
func printers(v, other any) map[string]string {
	forms := map[string]string{}
	for how, c := range map[string]spew.ConfigState{
		"spew":                 {Indent: " "},
		"spew without methods": {Indent: " ", DisableMethods: true},
		"spew of values":       {Indent: " ", DisablePointerMethods: true, ContinueOnMethod: true},
	} {
		forms[how] = c.Sdump(v)
		forms[how+", inline"] = c.Sprintf("%v %+v %#v %#+v", v, v, v, v)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%c", "%U", "%t", "%08.3f", "% x", "%-9v|"} {
		forms["fmt "+verb] = fmt.Sprintf(verb, v)
		forms["fmt "+verb+", within"] = fmt.Sprintf(verb, []any{v, &v, map[string]any{"k": v}, struct{ hidden any }{v}})
	}
	forms["fmt.Sprint"] = fmt.Sprint(v, []any{v})
	forms["json"] = jsonOf(v)
	var logs bytes.Buffer
	logged(&logs, v)
	forms["slog"] = logs.String()
	if m, ok := v.(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		forms["text"] = fmt.Sprint(string(text), err)
	}
	func() {
		defer func() { forms["a recovered panic"] = fmt.Sprint(recover()) }()
		panic(v)
	}()
	type key struct{}
	req := (&http.Request{Method: "GET", URL: &url.URL{Path: "/"}}).WithContext(context.WithValue(context.Background(), key{}, v))
	for _, x := range []any{req, *req, &http.Response{Request: req}, req.Context()} {
		forms["net/http in whose context it is"] += fmt.Sprintf("%v %+v %#v\n", x, x, x)
	}
	forms["pretty"] = pretty.Sprint(v)
	forms["pretty, inline"] = pretty.Sprintf("%# v", v)
	forms["pretty diff"] = strings.Join(pretty.Diff(v, other), "\n")

	all := cmp.Exporter(func(reflect.Type) bool { return true })
	forms["cmp with an exporter"] = cmp.Diff(v, other, all)
	forms["cmp with an exporter, to nothing"] = cmp.Diff(v, nil, all) + cmp.Diff(nil, v, all) + cmp.Diff([]any{v}, []any{other, v}, all)
	ours := cmp.AllowUnexported(auth.Secret{}, auth.Credential{})
	switch v.(type) {
	case auth.Secret, *auth.Secret, auth.Credential, *auth.Credential, []*auth.Credential:
		forms["cmp of unexported fields"] = cmp.Diff(v, other, ours)
	}

	for how, check := range map[string]func(t assert.TestingT){
		"Equal":               func(t assert.TestingT) { assert.Equal(t, v, other) },
		"Equal to nothing":    func(t assert.TestingT) { assert.Equal(t, nil, v, v) },
		"EqualValues":         func(t assert.TestingT) { assert.EqualValues(t, v, other) },
		"EqualExportedValues": func(t assert.TestingT) { assert.EqualExportedValues(t, v, other) },
		"Exactly":             func(t assert.TestingT) { assert.Exactly(t, v, other) },
		"NotEqual":            func(t assert.TestingT) { assert.NotEqual(t, v, v) },
		"Same":                func(t assert.TestingT) { assert.Same(t, v, other) },
		"Nil":                 func(t assert.TestingT) { assert.Nil(t, v) },
		"Empty":               func(t assert.TestingT) { assert.Empty(t, v) },
		"Zero":                func(t assert.TestingT) { assert.Zero(t, v) },
		"Len":                 func(t assert.TestingT) { assert.Len(t, []any{v}, 7) },
		"Contains":            func(t assert.TestingT) { assert.Contains(t, []any{v}, other) },
		"NotContains":         func(t assert.TestingT) { assert.NotContains(t, []any{v}, v) },
		"Subset":              func(t assert.TestingT) { assert.Subset(t, []any{other}, []any{v}) },
		"ElementsMatch":       func(t assert.TestingT) { assert.ElementsMatch(t, []any{v}, []any{other}) },
		"IsType":              func(t assert.TestingT) { assert.IsType(t, 7, v) },
		"Implements":          func(t assert.TestingT) { assert.Implements(t, (*io.ByteScanner)(nil), v) },
		"a message":           func(t assert.TestingT) { assert.True(t, false, v); assert.Fail(t, "x", "%v %+v", v, v) },
		"a panic":             func(t assert.TestingT) { assert.NotPanics(t, func() { panic(v) }) },
	} {
		var f failure
		check(&f)
		forms["testify "+how] = f.String()
	}
	if err, ok := v.(error); ok {
		var f failure
		var target *strconv.NumError
		assert.NoError(&f, err)
		assert.ErrorIs(&f, err, io.EOF)
		assert.ErrorAs(&f, err, &target)
		assert.EqualError(&f, err, "x")
		assert.ErrorContains(&f, err, "\x00")
		forms["testify on errors"] = f.String()
		wrapped := []error{
			fmt.Errorf("in vain: %w", err), errors.Join(io.EOF, err), &url.Error{Op: "Get", URL: "https://api.acme.example", Err: err},
			fmt.Errorf("%w, and %w", errors.Join(err), err),
		}
		for _, w := range wrapped {
			forms["wrapped errors"] += fmt.Sprintf("%s %v %+v %#v %q\n", w, w, w, w, w) + jsonOf(w)
			logged(&logs, w)
		}
		for _, e := range chain(err) {
			forms["each error of the chain"] += fmt.Sprintf("%s %v %+v %#v\n", e.Error(), e, e, e) + jsonOf(e)
			logged(&logs, e)
		}
		forms["slog on errors"] = logs.String()
	}
	return forms
}

const part = 8 // so many characters of the secret in a row are too many

// find returns what of text shows the canary, or a part of it, as it is or in
// one of the ways in which printers write bytes.
func find(text string) string {
	for _, text := range append(numbers(text), text) {
		for _, form := range forms {
			for i := 0; i+part <= len(form); i++ {
				if at := strings.Index(text, form[i:i+part]); at >= 0 {
					return fmt.Sprintf("%q", text[max(0, at-80):min(len(text), at+40)])
				}
			}
		}
	}
	return ""
}

// numbers returns the bytes that text writes as numbers: 0x6b, 0x5a; 107 90;
// 6b5a; and hexadecimal dumps, in a diff those of each side.
func numbers(text string) []string {
	var quoted, decimal, long, odd []byte
	dumps := map[byte][]byte{}
	for line := range strings.Lines(text) {
		bare := strings.TrimLeft(line, " \t|+-")
		if len(bare) > 10 && isHex(bare[:8]) && bare[8:10] == "  " {
			var side byte
			if before := strings.TrimLeft(line, " \t"); before != "" {
				side = before[0]
			}
			if side != '+' && side != '-' {
				side = 0
			}
			pairs, _, _ := strings.Cut(bare[10:], "|")
			raw, _ := hex.DecodeString(strings.ReplaceAll(strings.TrimRight(pairs, "\n"), " ", ""))
			dumps[side] = append(dumps[side], raw...)
			continue
		}
		for word := range strings.FieldsFuncSeq(line, func(r rune) bool {
			return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
		}) {
			switch {
			case len(word) == 4 && word[:2] == "0x":
				raw, _ := hex.DecodeString(word[2:])
				quoted = append(quoted, raw...)
			case len(word) <= 3:
				if b, err := strconv.ParseUint(word, 10, 8); err == nil {
					decimal = append(decimal, byte(b))
				}
			case len(word) >= 2*part && isHex(word):
				raw, _ := hex.DecodeString(word[:len(word)/2*2])
				long = append(long, raw...)
				raw, _ = hex.DecodeString(word[1 : 1+(len(word)-1)/2*2])
				odd = append(odd, raw...)
			}
		}
	}
	return []string{string(quoted), string(decimal), string(long), string(odd), string(dumps[0]), string(dumps['+']), string(dumps['-'])}
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// forms are the secret and what it is within a Basic pair, whatever stands before it.
var forms = func() []string {
	out := []string{canary}
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + canary))
		out = append(out, encoded[4:len(encoded)-4])
	}
	return out
}()
