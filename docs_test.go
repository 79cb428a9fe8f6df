package reauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"log"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/keyring"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/transport/retry"
)

const operations = "docs/operations.md"

// rooms are the packages whose numbers the page lists, by the names that it
// gives them.
var rooms = map[string]string{
	"reauth": ".", "auth": "auth", "keyring": "auth/keyring", "oauth": "auth/oauth", "diagnose": "auth/diagnose", "profile": "auth/profile",
	"transport": "transport", "retry": "transport/retry", "bodies": "internal/bodies", "challenge": "internal/challenge", "scrub": "internal/scrub",
}

// TestOperationsNumbers holds the page's table of numbers to the code, in both
// directions: each value is that of the constant which the row names, each field
// exists, and no constant of a number is missing.
func TestOperationsNumbers(t *testing.T) {
	code := make(map[string]*room)
	missing := make(map[string]bool)
	for name, dir := range rooms {
		code[name] = readRoom(t, dir)
		for constant := range code[name].numbers {
			if !strings.Contains(constant, ".") {
				missing[name+"."+constant] = true
			}
		}
	}
	rows := tableRows(t, "## Numbers")
	for _, row := range rows {
		what, value, where, names := row[0], row[1], row[2], row[4]
		for _, field := range quoted(where) {
			part := strings.Split(field, ".")
			if r := code[part[0]]; r == nil || len(part) != 3 || !r.fields[part[1]+"."+part[2]] {
				t.Errorf("%s: there is no field %s", what, field)
			}
		}
		if file, text, ok := strings.Cut(names, ": `"); ok { // a number without a name
			content, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(content), strings.TrimSuffix(text, "`")) {
				t.Errorf("%s: %s does not hold %s", what, file, text)
			}
			continue
		}
		var want []float64
		for _, name := range quoted(names) {
			in, constant, _ := strings.Cut(name, ".")
			r := code[in]
			if r == nil || r.numbers[constant] == nil {
				t.Errorf("%s: the code has no number %s", what, name)
				continue
			}
			delete(missing, name)
			want = append(want, r.numbers[constant]...)
		}
		if got := numbersIn(value); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: the page says %q, which is %v; the code has %v", what, value, got, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("the table of numbers lacks %s", name)
	}
	if len(rows) < 30 {
		t.Errorf("only %d rows were found", len(rows))
	}
}

// A room is what the table is compared with: numbers by the name of their
// constant, behind that of their function if they have one, and fields.
type room struct {
	numbers map[string][]float64
	fields  map[string]bool
}

func readRoom(t *testing.T, dir string) *room {
	t.Helper()
	r := &room{make(map[string][]float64), make(map[string]bool)}
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var specs []func() bool // each reports whether it made a number that was not there
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			in := ""
			if f, ok := decl.(*ast.FuncDecl); ok {
				in = f.Name.Name + "."
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GenDecl:
					for _, spec := range n.Specs {
						values, ok := spec.(*ast.ValueSpec)
						if !ok || len(values.Values) != len(values.Names) || n.Tok == token.VAR && in != "" {
							continue
						}
						for i, name := range values.Names {
							specs = append(specs, func() bool {
								_, known := r.numbers[in+name.Name]
								got, ok := r.eval(values.Values[i])
								if ok && !known {
									r.numbers[in+name.Name] = got
								}
								return ok && !known
							})
						}
					}
				case *ast.TypeSpec:
					if s, ok := n.Type.(*ast.StructType); ok {
						for _, f := range s.Fields.List {
							for _, name := range f.Names {
								r.fields[n.Name.Name+"."+name.Name] = true
							}
						}
					}
				}
				return true
			})
		}
	}
	for again := true; again; { // constants may be made of later ones
		again = false
		for _, spec := range specs {
			again = spec() || again
		}
	}
	return r
}

// eval returns the numbers of an expression that is made of numbers, units and
// other constants: one, or those of a list. Durations are in nanoseconds.
func (r *room) eval(e ast.Expr) ([]float64, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.INT && e.Kind != token.FLOAT {
			return nil, false
		}
		f, _ := constant.Float64Val(constant.MakeFromLiteral(e.Value, e.Kind, 0))
		return []float64{f}, true
	case *ast.ParenExpr:
		return r.eval(e.X)
	case *ast.Ident:
		got, ok := r.numbers[e.Name]
		return got, ok
	case *ast.SelectorExpr:
		of, _ := e.X.(*ast.Ident)
		units := map[string]float64{
			"time.Nanosecond": 1, "time.Millisecond": float64(time.Millisecond), "time.Second": float64(time.Second),
			"time.Minute": float64(time.Minute), "time.Hour": float64(time.Hour), "math.MaxInt32": math.MaxInt32,
		}
		if of == nil {
			return nil, false
		}
		unit, ok := units[of.Name+"."+e.Sel.Name]
		return []float64{unit}, ok
	case *ast.CompositeLit:
		if _, ok := e.Type.(*ast.ArrayType); !ok || len(e.Elts) == 0 {
			return nil, false
		}
		var all []float64
		for _, element := range e.Elts {
			got, ok := r.eval(element)
			if !ok {
				return nil, false
			}
			all = append(all, got...)
		}
		return all, true
	case *ast.BinaryExpr:
		x, okX := r.eval(e.X)
		y, okY := r.eval(e.Y)
		if !okX || !okY || len(x) != 1 || len(y) != 1 {
			return nil, false
		}
		switch e.Op {
		case token.MUL:
			return []float64{x[0] * y[0]}, true
		case token.SHL:
			return []float64{x[0] * math.Pow(2, y[0])}, true
		case token.ADD:
			return []float64{x[0] + y[0]}, true
		case token.QUO:
			return []float64{x[0] / y[0]}, true
		}
	}
	return nil, false
}

var numberIn = regexp.MustCompile(`([0-9][0-9.]*)(?: (ms|s|min|h|KiB|MiB|years))?(?:,|$)`)

// numbersIn reads a cell such as "500 ms, 1 s" or "64 KiB".
func numbersIn(cell string) []float64 {
	units := map[string]float64{
		"": 1, "ms": float64(time.Millisecond), "s": float64(time.Second), "min": float64(time.Minute), "h": float64(time.Hour),
		"KiB": 1 << 10, "MiB": 1 << 20,
	}
	var all []float64
	for _, m := range numberIn.FindAllStringSubmatch(cell, -1) {
		f, _ := strconv.ParseFloat(m[1], 64)
		all = append(all, f*units[m[2]])
	}
	return all
}

func page(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// section returns what stands below a heading, up to the next of its kind.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut("\n"+page(t), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no %q", operations, heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// tableRows returns the cells of all tables in a section, without their heads.
func tableRows(t *testing.T, heading string) [][]string {
	t.Helper()
	var rows, table [][]string
	for line := range strings.Lines(section(t, heading) + "\n\n") {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			rows, table = append(rows, table[min(2, len(table)):]...), nil
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(table) > 0 && len(cells) != len(table[0]) {
			t.Errorf("%s: a row with %d cells in a table of %d: %s", operations, len(cells), len(table[0]), line)
			continue
		}
		table = append(table, cells)
	}
	return rows
}

var inBackquotes = regexp.MustCompile("`([^`]+)`")

func quoted(cell string) []string {
	var all []string
	for _, m := range inBackquotes.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestOperationsEvents holds the page to what happens: each kind of event is in
// its table with the fields that it has, and has the line that slog prints.
func TestOperationsEvents(t *testing.T) {
	shown := section(t, "## Events")
	rows := make(map[string]string)
	for _, row := range tableRows(t, "## Events") {
		rows[strings.Trim(row[0], "`")] = row[2]
	}
	told := tellAll(t)
	for _, kind := range eventKinds(t) {
		e, ok := told[kind]
		if !ok {
			t.Errorf("no %s was told", kind)
			continue
		}
		if line := eventLine(e); !strings.Contains(shown, "\n"+line+"\n") {
			t.Errorf("the page lacks the line\n%s", line)
		}
		if got := strings.Join(fieldsOf(e), ", "); got != rows[kind] {
			t.Errorf("the page says that %s has %q, and it has %q", kind, rows[kind], got)
		}
		delete(rows, kind)
	}
	for kind := range rows {
		t.Errorf("the page speaks of a kind that there is not: %q", kind)
	}
}

// eventKinds reads the constants from the code.
func eventKinds(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("auth/event.go")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, m := range regexp.MustCompile(`EventKind = "([a-z_]+)"`).FindAllStringSubmatch(string(content), -1) {
		kinds = append(kinds, m[1])
	}
	if len(kinds) < 10 {
		t.Fatalf("found the kinds %q only", kinds)
	}
	return kinds
}

// eventLine is what a text handler makes of an event, without time and level.
func eventLine(e auth.Event) string {
	var line bytes.Buffer
	handler := slog.NewTextHandler(&line, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})
	slog.New(handler).Info("auth", "event", e)
	return strings.TrimSpace(line.String())
}

// fieldsOf names the fields that are set, but for the kind.
func fieldsOf(e auth.Event) []string {
	var names []string
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; name != "Kind" && !v.Field(i).IsZero() {
			names = append(names, name)
		}
	}
	return names
}

// tellAll makes every kind of event happen, on a clock of its own, and returns
// the first of each.
func tellAll(t *testing.T) map[string]auth.Event {
	t.Helper()
	told := make(map[string]auth.Event)
	var mu sync.Mutex
	mount := t.TempDir()
	key := filepath.Join(mount, "acme-key")
	write := func(value string) {
		t.Helper()
		if err := os.WriteFile(key, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("ACME_API_KEY", "not-a-real-key-variable")
	synctest.Test(t, func(t *testing.T) {
		srv := authtest.NewServer(authtest.Config{
			InMemory: true, Keys: []authtest.Key{{Value: "not-a-real-key-1"}, {Value: "not-a-real-key-2"}}, Delay: 40 * time.Millisecond,
		})
		defer srv.Close()
		hook := func(_ context.Context, e auth.Event) {
			e.Provenance.Name = strings.ReplaceAll(e.Provenance.Name, mount, "/run/secrets")
			e.Reason = strings.ReplaceAll(e.Reason, mount, "/run/secrets")
			mu.Lock() // renewals in the background tell it, too
			defer mu.Unlock()
			if _, known := told[string(e.Kind)]; !known {
				told[string(e.Kind)] = e
			}
		}
		client := func(src auth.Source) *reauth.Client {
			return mustClient(t, reauth.Config{BaseURL: srv.API.URL, Source: src, Transport: srv.Transport(), Hook: hook,
				Retry: retry.Config{MinWait: time.Second, MaxWait: time.Second}}) // nothing left to chance
		}
		get := func(c *reauth.Client) {
			_ = c.Get(t.Context(), "/v1/me", nil)
			time.Sleep(100 * time.Millisecond) // for what it started in the background
		}

		source, err := oauth.ClientCredentials(&clientcredentials.Config{
			ClientID: "test-client", ClientSecret: "test-client-secret", TokenURL: srv.Issuer.TokenURL,
		}, oauth.Options{Transport: srv.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		tokens := client(source)
		get(tokens) // found
		time.Sleep(30 * time.Minute)
		srv.Issuer.RevokeAccess()
		get(tokens) // renewed, repeated
		time.Sleep(58 * time.Minute)
		srv.Issuer.FailNext(math.MaxInt, authtest.InvalidClient)
		get(tokens) // renew_failed, and it succeeds
		srv.Issuer.RevokeAccess()
		get(tokens) // throttled, refused

		write("not-a-real-key-1")
		mounted := client(auth.File(key))
		get(mounted)
		write("not-a-real-key-2")
		time.Sleep(30 * time.Second)
		get(mounted) // adopted
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		get(mounted) // fails to read it
		write("not-a-real-key-2")
		time.Sleep(30 * time.Second)
		get(mounted) // recovered

		req, err := mounted.NewRequest(t.Context(), http.MethodGet, "/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer not-a-real-key-1")
		if resp, err := mounted.Do(req); err == nil {
			_ = resp.Body.Close() // passed through
		}
		get(client(auth.FirstOf(auth.Env("ACME_API_KEY"), auth.File(key)))) // shadowed

		session, err := oauth.RefreshToken(&oauth2.Config{
			ClientID: "test-client", ClientSecret: "test-client-secret", Endpoint: oauth2.Endpoint{TokenURL: srv.Issuer.TokenURL},
		}, auth.Static(srv.Issuer.Login().Refresh), oauth.Options{Transport: srv.Transport(), Hook: hook})
		if err != nil {
			t.Fatal(err)
		}
		srv.Issuer.FailNext(0, nil)
		get(client(session)) // not persisted
		srv.API.FailNext(1, authtest.Unavailable)
		get(mounted) // retried
	})
	return told
}

// TestOperationsRotation plays the rows of the page about rotation in which no
// request fails: the old key is replaced in its place, and refused from then on.
func TestOperationsRotation(t *testing.T) {
	const first, second = "not-a-real-secret-1", "not-a-real-secret-2"
	for _, test := range []struct {
		what, seen string
		idle       time.Duration // between the replacement and the refusal of the old key
		source     func(t *testing.T, srv *authtest.Server, file string) auth.Source
		replace    func(t *testing.T, srv *authtest.Server, file string)
	}{
		{"file, the old one is still good", "found adopted", 30 * time.Second, fromFile, intoFile(second)},
		{"file, the old one is withdrawn at once", "found adopted repeated", 0, fromFile, intoFile(second)},
		{"keyring", "found adopted repeated", 0, func(t *testing.T, _ *authtest.Server, _ string) auth.Source {
			entry, err := keyring.New(keyring.Config{Service: "acme"})
			if err == nil {
				err = entry.Set(t.Context(), auth.NewSecret(first))
			}
			if err != nil {
				t.Fatal(err)
			}
			return entry
		}, func(t *testing.T, _ *authtest.Server, _ string) {
			entry, _ := keyring.New(keyring.Config{Service: "acme"})
			if err := entry.Set(t.Context(), auth.NewSecret(second)); err != nil {
				t.Fatal(err)
			}
		}},
		{"client secret in a file", "found renewed", 58 * time.Minute, fromIssuer, func(t *testing.T, srv *authtest.Server, file string) {
			intoFile(second)(t, srv, file)
			srv.Set(func(now *authtest.Config) { now.ClientSecret = second })
		}},
		{"access token", "found renewed repeated", 0, fromIssuer, func(_ *testing.T, srv *authtest.Server, _ string) {
			srv.Issuer.RevokeAccess()
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "acme-key")
			synctest.Test(t, func(t *testing.T) {
				authtest.StartKeyring(t, authtest.KeyringConfig{})
				srv := authtest.NewServer(authtest.Config{
					InMemory: true, ClientSecret: first, Keys: []authtest.Key{{Value: first}, {Value: second}},
				})
				defer srv.Close()
				intoFile(first)(t, srv, file)
				var seen []string
				client := mustClient(t, reauth.Config{
					BaseURL: srv.API.URL, Source: test.source(t, srv, file), Transport: srv.Transport(),
					Hook: func(_ context.Context, e auth.Event) { seen = append(seen, string(e.Kind)) },
				})
				get := func() {
					t.Helper()
					if err := client.Get(t.Context(), "/v1/me", nil); err != nil {
						t.Error(err)
					}
					synctest.Wait() // for what it started in the background
				}
				get()
				time.Sleep(2 * time.Second) // in use, and no longer new
				test.replace(t, srv, file)
				get()
				time.Sleep(test.idle)
				get()
				srv.Set(func(now *authtest.Config) { now.Keys = []authtest.Key{{Value: second}} })
				get()
				get()
				if got := strings.Join(seen, " "); got != test.seen {
					t.Errorf("seen as %q, want %q", got, test.seen)
				}
			})
		})
	}
}

func fromFile(_ *testing.T, _ *authtest.Server, file string) auth.Source { return auth.File(file) }

func intoFile(value string) func(*testing.T, *authtest.Server, string) {
	return func(t *testing.T, _ *authtest.Server, file string) {
		t.Helper()
		err := os.WriteFile(file+".new", []byte(value), 0o600)
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func fromIssuer(t *testing.T, srv *authtest.Server, file string) auth.Source {
	t.Helper()
	source, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "test-client", TokenURL: srv.Issuer.TokenURL,
	}, oauth.Options{ClientSecret: auth.File(file), Transport: srv.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// TestOperationsRunbook: each cause has its line in the runbook, under its step.
func TestOperationsRunbook(t *testing.T) {
	content, err := os.ReadFile("auth/cause.go")
	if err != nil {
		t.Fatal(err)
	}
	step := make(map[string]string)
	for _, m := range regexp.MustCompile(`Cause = "([a-z_]+)"`).FindAllStringSubmatch(string(content), -1) {
		step[m[1]] = string(auth.Cause(m[1]).Step())
	}
	text, of := section(t, "## At 3 a.m."), ""
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(line, "### `"); ok {
			of, _, _ = strings.Cut(heading, "`")
		}
		if !strings.HasPrefix(line, "| `") || of == "" {
			continue
		}
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, cause := range quoted(cell) {
			if step[cause] != of {
				t.Errorf("%s stands under %s, and its step is %q", cause, of, step[cause])
			}
			delete(step, cause)
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(step)) {
		t.Errorf("the runbook lacks %s, or has it twice", cause)
	}
}

// TestOperationsCode: what the page shows as Go is what stands here and compiles.
func TestOperationsCode(t *testing.T) {
	here, err := os.ReadFile("docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(page(t), "```go\n")[1:]
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(unindented(string(here)), unindented(code)) {
			t.Errorf("this is not in docs_test.go:\n%s", code)
		}
	}
	if len(blocks) < 2 {
		t.Errorf("only %d pieces of code were found", len(blocks))
	}
}

func unindented(code string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(code, "")
}

func startUp(ctx context.Context, client *reauth.Client) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := client.Check(ctx); err != nil {
		if e, ok := errors.AsType[*auth.Error](err); ok {
			fmt.Fprint(os.Stderr, e.Explain())
		}
		log.Fatal(err)
	}
}

var _ = func(cfg reauth.Config, source auth.Source) (_ reauth.Config, err error) {
	cfg.Source, err = auth.NewCache(source, auth.CacheConfig{Window: 12 * time.Minute, Hook: cfg.Hook})
	return cfg, err
}

func health(client *reauth.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := client.Status(r.Context())
		usable := s.Refused == nil && (s.LastError == nil || !s.Since.IsZero() && (s.Expiry.IsZero() || time.Now().Before(s.Expiry)))
		if !usable {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"found_in": s.Provenance, "since": s.Since, "expiry": s.Expiry,
			"failures": s.Failures, "next_try": s.NextTry, "last_error": s.LastError, "refused": s.Refused,
		})
	}
}

// TestOperationsHealth: it is unwell only where requests would fail.
func TestOperationsHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := false
		client := mustClient(t, reauth.Config{BaseURL: "https://api.test", Source: auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
			if fails {
				return nil, errors.New("out of order")
			}
			return &auth.Credential{Secret: auth.NewSecret(canary), Expiry: time.Now().Add(time.Hour)}, nil
		})})
		want := func(status int, words string) {
			t.Helper()
			w := httptest.NewRecorder()
			health(client)(w, httptest.NewRequest(http.MethodGet, "/health", nil))
			if w.Code != status || !strings.Contains(w.Body.String(), words) || strings.Contains(w.Body.String(), canary) {
				t.Errorf("got %d, want %d and %q:\n%s", w.Code, status, words, w.Body)
			}
		}
		want(http.StatusOK, `"failures":0`) // nothing asked yet
		startUp(t.Context(), client)
		want(http.StatusOK, `"last_error":null`)
		fails = true
		time.Sleep(58 * time.Minute)
		_ = client.Check(t.Context())
		synctest.Wait()
		want(http.StatusOK, `"source_failed"`)
		time.Sleep(5 * time.Minute)
		_ = client.Check(t.Context())
		want(http.StatusServiceUnavailable, `"source_failed"`)
	})
}
