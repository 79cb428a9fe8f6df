package auth_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
)

const canary = "canary-hunter2"

// walk looks for a text in everything that reflection reaches, as spew, go-cmp
// and testify's diffs do: through pointers, interfaces, containers and fields
// that are not exported. It returns the path to the first find.
func walk(v reflect.Value, text, path string, seen map[uintptr]bool) string {
	switch v.Kind() {
	case reflect.String:
		if strings.Contains(v.String(), text) {
			return path
		}
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return ""
		}
		seen[v.Pointer()] = true
		return walk(v.Elem(), text, path, seen)
	case reflect.Interface:
		if !v.IsNil() {
			return walk(v.Elem(), text, path+".("+v.Elem().Type().String()+")", seen)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if found := walk(v.Field(i), text, path+"."+v.Type().Field(i).Name, seen); found != "" {
				return found
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			raw := make([]byte, v.Len())
			for i := range raw {
				raw[i] = byte(v.Index(i).Uint())
			}
			if strings.Contains(string(raw), text) {
				return path
			}
			return ""
		}
		for i := range v.Len() {
			if found := walk(v.Index(i), text, fmt.Sprintf("%s[%d]", path, i), seen); found != "" {
				return found
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			for _, part := range []reflect.Value{it.Key(), it.Value()} {
				if found := walk(part, text, path+"[…]", seen); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

func reach(v any, text string) string {
	return walk(reflect.ValueOf(v), text, fmt.Sprintf("%T", v), map[uintptr]bool{})
}

// The walker finds what it should, or the law below proves nothing.
func TestWalker(t *testing.T) {
	type inner struct{ hidden any }
	loop := &inner{}
	loop.hidden = loop
	text := canary
	for name, v := range map[string]any{
		"string": canary, "bytes": []byte(canary), "array": [14]byte([]byte(canary)), "pointer": &text,
		"field": inner{canary}, "interface": inner{&inner{&text}}, "slice": []inner{{}, {canary}},
		"map value": map[int]any{1: canary}, "map key": map[string]int{canary: 1}, "past a loop": []any{loop, canary},
	} {
		if reach(v, canary) == "" {
			t.Errorf("not found: %s", name)
		}
	}
	if found := reach(loop, canary); found != "" {
		t.Errorf("found at %s what is not there", found)
	}
}

// holders returns everything that holds the canary.
func holders(t *testing.T) map[string]any {
	secret := auth.NewSecret(canary)
	held := &auth.Credential{Secret: secret, Username: "user", Scheme: auth.Basic, Expiry: time.Now().Add(time.Hour),
		Scopes: []string{"read"}, Provenance: auth.Provenance{Kind: auth.KindStatic, Name: "value"}}
	path := filepath.Join(t.TempDir(), "key")
	write(t, path, canary)
	t.Setenv("REAUTH_CANARY", canary)
	sources := map[string]auth.Source{
		"Static": auth.Static(canary), "Env": auth.Env("REAUTH_CANARY"), "File": auth.File(path),
	}
	sources["FirstOf"] = auth.FirstOf(auth.Env("REAUTH_UNSET"), sources["Static"])
	sources["WithUsername"] = auth.WithUsername("user", sources["File"])
	all := map[string]any{
		"Secret": secret, "*Secret": &secret, "[]Secret": []auth.Secret{secret}, "map": map[string]auth.Secret{"k": secret},
		"in a field of ours": struct{ S auth.Secret }{secret}, "in a hidden field": struct{ s auth.Secret }{secret},
		"behind a hidden pointer": struct{ s *auth.Secret }{&secret},
		"Credential":              *held, "*Credential": held, "[]*Credential": []*auth.Credential{held},
	}
	for name, src := range sources {
		c := newCache(t, src, auth.CacheConfig{})
		cred := mustGet(t, c)
		if !strings.Contains(cred.Secret.Reveal(), canary) {
			t.Fatalf("%s does not hold the canary", name)
		}
		all["source "+name], all["cache of "+name], all["credential of "+name] = src, c, cred
		all["status of "+name] = c.Status()
		all["event of "+name] = auth.Event{Kind: auth.EventFound, Provenance: cred.Provenance, Expiry: cred.Expiry}
		_, err := cred.Scheme, error(nil)
		if _, err = auth.Basic.Value(&auth.Credential{Secret: cred.Secret}); err == nil {
			t.Fatal("Basic without a user name must fail")
		}
		all["scheme's error of "+name] = err
	}
	// Failures with the canary near: a panic with it, a refused and an expired
	// credential, an answer during a pause.
	for name, answer := range map[string]answer{
		"panics": func(context.Context, int, *auth.Credential) (*auth.Credential, error) { panic(canary) },
		"panics with a struct": func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			panic(struct{ token string }{canary})
		},
		"expired": func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			c := *held
			c.Expiry = time.Now().Add(-time.Hour)
			return &c, nil
		},
		"refused": func(context.Context, int, *auth.Credential) (*auth.Credential, error) { return held, nil },
	} {
		var log journal
		c := newCache(t, auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) { return answer(ctx, 1, nil) }), auth.CacheConfig{Hook: log.hook})
		for range 3 {
			_, err := c.Credential(t.Context())
			_, err2 := c.Refresh(t.Context(), held)
			all["error of "+name], all["error after "+name] = err, err2
		}
		all["events of "+name], all["status after "+name], all["cache that "+name] = log.events, c.Status(), c
	}
	return all
}

func TestL7_T79_SecretsDoNotPrint(t *testing.T) {
	for name, v := range holders(t) {
		if v == nil || v == error(nil) {
			continue
		}
		if found := reach(v, canary); found != "" {
			t.Errorf("%s: reflection reaches the secret at %s", name, found)
		}
		for form, text := range printed(v) {
			if strings.Contains(text, canary) {
				t.Errorf("%s: %s prints the secret: %s", name, form, text)
			}
		}
	}
}

// printed returns v in every form that a program may print.
func printed(v any) map[string]string {
	forms := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%T", "%U", "%c", "%08.3f", "% x", "%-30v|"} {
		forms[verb] = unhex(fmt.Sprintf(verb, v))
	}
	forms["Sprint"] = fmt.Sprint(v, []any{v})
	forms["Errorf %w"] = fmt.Errorf("x: %w", fmt.Errorf("%v", v)).Error()
	if data, err := json.Marshal(v); err == nil {
		forms["json"] = string(data)
	} else {
		forms["json"] = err.Error()
	}
	if data, err := xml.Marshal(v); err == nil {
		forms["xml"] = string(data)
	} else {
		forms["xml"] = err.Error()
	}
	var raw bytes.Buffer
	if err := gob.NewEncoder(&raw).Encode(v); err != nil {
		fmt.Fprint(&raw, err)
	}
	forms["gob"] = raw.String()
	for form, handler := range map[string]func(io.Writer) slog.Handler{
		"slog text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"slog json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var out bytes.Buffer
		log := slog.New(handler(&out))
		log.Info("x", "v", v, slog.Group("g", "v", []any{v}))
		log.With("v", v).WithGroup("g").Info("x")
		forms[form] = out.String()
	}
	return forms
}

// unhex adds what %x and %d hide from a search for plain text.
func unhex(s string) string {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return r
		}
		return -1
	}, s)
	for start := range 2 { // what stands before may shift the pairs
		plain, _ := hex.DecodeString(digits[min(start, len(digits)):])
		s += "\n" + string(plain)
	}
	var plain []byte
	for _, field := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if b, err := strconv.ParseUint(field, 10, 8); err == nil {
			plain = append(plain, byte(b))
		}
	}
	return s + "\n" + string(plain)
}

func TestUnhex(t *testing.T) {
	for _, verb := range []string{"%x", "%X", "%d", "% x"} {
		if !strings.Contains(unhex(fmt.Sprintf(verb, []byte(canary))), canary) {
			t.Errorf("%s of plain bytes is not recognised", verb)
		}
	}
}

// A panic prints its value in a way of its own.
func TestL7_PanicText(t *testing.T) {
	if kind := os.Getenv("REAUTH_TEST_PANIC"); kind != "" {
		secret := auth.NewSecret(canary)
		switch kind {
		case "secret":
			panic(secret)
		case "credential":
			panic(auth.Credential{Secret: secret})
		case "error":
			panic(&auth.Error{Cause: auth.AccessExpired, Sent: &auth.Sent{Masked: secret.String()}})
		}
		panic(fmt.Sprintf("%+v", auth.Credential{Secret: secret}))
	}
	for _, kind := range []string{"secret", "credential", "error", "text"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestL7_PanicText$")
		cmd.Env = append(os.Environ(), "REAUTH_TEST_PANIC="+kind)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic: ") {
			t.Errorf("%s: no panic: %v\n%s", kind, err, out)
		}
		if strings.Contains(string(out), canary) {
			t.Errorf("%s: the panic prints the secret:\n%s", kind, out)
		}
	}
}

func TestSecret_MaskedForms(t *testing.T) {
	s := auth.NewSecret(canary)
	type document struct {
		Key  auth.Secret            `json:"key" xml:"key"`
		None auth.Secret            `json:"none" xml:"none"`
		Map  map[string]auth.Secret `json:"map" xml:"-"`
	}
	d := document{Key: s, Map: map[string]auth.Secret{"a": s}}
	if got, err := json.Marshal(d); err != nil || string(got) != `{"key":"[masked]","none":"","map":{"a":"[masked]"}}` {
		t.Errorf("json: %s, %v", got, err)
	}
	if got, err := xml.Marshal(d); err != nil || string(got) != `<document><key>[masked]</key><none></none></document>` {
		t.Errorf("xml: %s, %v", got, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != "[masked]" {
			t.Errorf("%s: %q", verb, got)
		}
	}
	if err := json.Unmarshal([]byte(`{"key":"[masked]"}`), &d); err == nil {
		t.Error("a masked form was read back as if it were a secret")
	}
	// Go's own comparison must not tell two equal secrets apart by content, nor
	// DeepEqual's failure text print one.
	if reflect.DeepEqual(auth.NewSecret("a"), auth.NewSecret("b")) {
		t.Error("DeepEqual takes two secrets for equal")
	}
}
