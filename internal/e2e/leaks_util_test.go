package e2e_test

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// A finder recognises secrets in what others wrote: eight characters of one in a
// row, whatever their case, plain or in base64, and behind the escapes of URLs,
// JSON and HTML, several times over. It shares no code with the scrubber that it
// is there to judge.
type finder struct {
	grams map[[part]byte]bool
	pairs [1 << 16]bool // the first two bytes of each: most texts have none of them
}

func newFinder(secrets ...string) *finder {
	f := &finder{grams: map[[part]byte]bool{}}
	for _, s := range secrets {
		known := []string{s}
		for before := range 3 {
			encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + s))
			known = append(known, encoded[4:len(encoded)-4]) // what does not depend on its neighbours
		}
		for _, k := range known {
			k = folded(k)
			for i := 0; i+part <= len(k); i++ {
				f.grams[[part]byte([]byte(k[i:i+part]))] = true
				f.pairs[uint16(k[i])<<8|uint16(k[i+1])] = true
			}
		}
	}
	return f
}

// folded makes letters small, and one of base64's two alphabets.
func folded(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case 'A' <= c && c <= 'Z':
			b[i] += 'a' - 'A'
		case c == '-':
			b[i] = '+'
		case c == '_':
			b[i] = '/'
		}
	}
	return string(b)
}

// in returns where text shows a secret, "" if it does not.
func (f *finder) in(text string) string {
	for range 4 {
		if at := f.plain(folded(text)); at >= 0 {
			return fmt.Sprintf("%q", text[min(len(text), max(0, at-100)):min(len(text), at+60)])
		}
		next := unescaped(text)
		if next == text {
			break
		}
		text = next
	}
	return ""
}

func (f *finder) plain(text string) int {
	for i := 0; i+part <= len(text); i++ {
		if f.pairs[uint16(text[i])<<8|uint16(text[i+1])] && f.grams[[part]byte([]byte(text[i:i+part]))] {
			return i
		}
	}
	return -1
}

// unescaped undoes one layer of escapes.
func unescaped(s string) string {
	if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	if !strings.ContainsAny(s, `%\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		digits := 0
		switch rest := s[i:]; {
		case rest[0] == '%':
			i, digits = i+1, 2
		case strings.HasPrefix(rest, `\u`):
			i, digits = i+2, 4
		case strings.HasPrefix(rest, `\x`):
			i, digits = i+2, 2
		case rest[0] == '\\' && len(rest) > 1:
			i++
			c := rest[1]
			if at := strings.IndexByte("nrt", c); at >= 0 {
				c = "\n\r\t"[at]
			}
			b = append(b, c)
			continue
		}
		if digits == 0 {
			b = append(b, s[i])
		} else if n, err := strconv.ParseUint(s[i:min(len(s), i+digits)], 16, 32); err == nil {
			b, i = utf8.AppendRune(b, rune(n)), i+digits-1
		} else {
			i--
			b = append(b, s[i])
		}
	}
	return string(b)
}

// written is how servers write what they echo.
var written = map[string]func(string) string{
	"plain": func(s string) string { return s },
	"upper": strings.ToUpper,
	"html":  html.EscapeString,
	"json":  func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) },
	"json in json": func(s string) string {
		b, _ := json.Marshal(s)
		b, _ = json.Marshal(string(b))
		return string(b)
	},
	"quoted":  func(s string) string { return strconv.QuoteToASCII(s) },
	"percent": func(s string) string { return percent(s) },
	"twice":   func(s string) string { return percent(percent(s)) },
	"base64":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 of more": func(s string) string {
		return base64.RawURLEncoding.EncodeToString([]byte("you sent: " + s))
	},
	"cut off": func(s string) string { return s[:len(s)*2/3] },
}

// percent escapes all but letters and digits.
func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if '0' <= c && c <= '9' || 'a' <= c|' ' && c|' ' <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

func TestL7_TheFinderKnowsEveryWayOfWriting(t *testing.T) {
	f := newFinder(awkward)
	for how, write := range written {
		if f.in("before "+write(awkward)+" after") == "" {
			t.Errorf("%s: not found in %q", how, write(awkward))
		}
	}
	for _, text := range []string{"", "nothing", strings.Repeat("%25", 50), `\`, "[masked]", awkward[:part-1]} {
		if found := f.in(text); found != "" {
			t.Errorf("%q: found %s", text, found)
		}
	}
	deep := struct{ hidden any }{[]error{errors.Join(errors.New("x"), &url.Error{Op: "Get", URL: awkward, Err: errWire})}}
	if f.in(everything(deep)) == "" {
		t.Error("what is behind fields and errors is not looked at")
	}
}

// everything is what a program could print of v by accident, in one text: fmt,
// log/slog and JSON, each error of a chain for itself, and what printers find
// that go by reflection. It is the short form of printers.
func everything(v any) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v\n%+v\n%#v\n", v, v, v)
	text, err := json.Marshal(v)
	fmt.Fprintln(&b, string(text), err)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	if err, ok := v.(error); ok {
		for _, e := range chain(err) {
			fmt.Fprintf(&b, "%s\n%+v\n%#v\n", e.Error(), e, e)
			slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "err", e)
		}
	}
	switch x := v.(type) {
	case interface{ Explain() string }:
		b.WriteString(x.Explain())
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		fmt.Fprintln(&b, string(text), err)
	}
	reach(&b, reflect.ValueOf(v), map[visit]bool{})
	return b.String()
}

func jsonOf(v any) string {
	plain, err := json.Marshal(v)
	indented, err2 := json.MarshalIndent(&v, "", " ")
	within, err3 := json.Marshal(map[string]any{"k": []any{v}})
	return fmt.Sprintf("%s %v\n%s %v\n%s %v", plain, err, indented, err2, within, err3)
}

// logged logs v as an attribute, in a group, as one of the logger's own, and as
// the error that it may be.
func logged(b *bytes.Buffer, v any) {
	for _, h := range []slog.Handler{
		slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}), slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}),
	} {
		l := slog.New(h)
		l.Info("x", "v", v, slog.Group("g", "v", v, "many", []any{v}))
		l.With("v", v).WithGroup("g").Error("x", "err", v)
	}
}

// chain returns err and all errors within, whichever way they are wrapped.
func chain(err error) []error {
	if err == nil {
		return nil
	}
	all := []error{err}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, chain(x.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			all = append(all, chain(e)...)
		}
	}
	return all
}

type visit struct {
	at uintptr
	t  reflect.Type
}

// reach writes every string and byte slice that reflection gets at.
func reach(b *bytes.Buffer, v reflect.Value, seen map[visit]bool) {
	walk(v, seen, func(v reflect.Value) {
		if v.Kind() == reflect.String {
			b.WriteString(v.String() + "\n")
		} else if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			b.Write(v.Bytes())
			b.WriteByte('\n')
		}
	})
}

// walk goes through everything that v holds, fields that are not exported
// included. It stops at responses: those of net/http lead to the connection, and
// that has the request in its buffer.
func walk(v reflect.Value, seen map[visit]bool, each func(reflect.Value)) {
	if !v.IsValid() || v.Type() == reflect.TypeFor[http.Response]() {
		return
	}
	each(v)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map:
		at := visit{v.Pointer(), v.Type()}
		if v.IsNil() || seen[at] {
			return
		}
		seen[at] = true
		if v.Kind() == reflect.Pointer {
			walk(v.Elem(), seen, each)
			return
		}
		for it := v.MapRange(); it.Next(); {
			walk(it.Key(), seen, each)
			walk(it.Value(), seen, each)
		}
	case reflect.Interface:
		walk(v.Elem(), seen, each)
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), seen, each)
		}
	case reflect.Slice, reflect.Array:
		if slices.Contains([]reflect.Kind{reflect.Uint8, reflect.Bool, reflect.Int, reflect.Uint16}, v.Type().Elem().Kind()) {
			return
		}
		for i := range v.Len() {
			walk(v.Index(i), seen, each)
		}
	}
}
