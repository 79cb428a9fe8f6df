package reauth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/reauth-go/reauth"

// mayImport says which of our own packages each package may import. Imports
// point one way: towards auth, which imports nothing of ours.
var mayImport = map[string][]string{
	"auth":               {},
	"auth/authtest":      {"auth", "internal/fakering"},
	"auth/keyring":       {"auth", "internal/fakering", "internal/ringtool"},
	"auth/oauth":         {"auth", "internal/scrub"},
	"internal/bodies":    {},
	"internal/challenge": {"auth"},
	"internal/fakering":  {},
	"internal/keyshape":  {},
	"internal/repeat":    {},
	"internal/ringtool":  {},
	"internal/scrub":     {},
	"auth/profile":       {"auth"},
	"auth/diagnose":      {"auth", "auth/profile", "internal/challenge", "internal/keyshape", "internal/ringtool", "internal/scrub"},
	"transport":          {"auth", "auth/diagnose", "auth/profile", "internal/bodies", "internal/challenge", "internal/repeat", "internal/scrub"},
	"transport/retry":    {"auth", "internal/bodies", "internal/repeat", "internal/scrub"},
	"transport/rpc":      {"auth", "auth/diagnose", "transport"},
	"":                   {"auth", "auth/diagnose", "auth/keyring", "auth/oauth", "auth/profile", "transport", "transport/retry"},
}

// livesOnlyIn says which package may import a module that is not ours, and its
// sub-packages. Whoever uses another room does not link it.
var livesOnlyIn = map[string][]string{
	"golang.org/x/oauth2":                   {"auth/oauth", ""},
	"github.com/zalando/go-keyring":         {"auth/keyring"},
	"github.com/godbus/dbus/v5":             {"auth/keyring"},
	"github.com/hashicorp/go-retryablehttp": {"transport/retry"},
	"go.uber.org/goleak":                    {}, // tests only
}

// TestImportsPointOneWay holds the layout: one dependency, one room.
func TestImportsPointOneWay(t *testing.T) {
	var seen []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || isModule(file)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		room := path.Dir(filepath.ToSlash(file))
		if room == "." {
			room = ""
		}
		if strings.HasPrefix(room, "examples/") {
			return nil // examples show how everything is used together
		}
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("package %q is not in the layout: say here what it may import", room)
		}
		seen = append(seen, room)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			switch own, isOwn := strings.CutPrefix(imported, module+"/"); {
			case imported == module:
				t.Errorf("%s imports the root package, which only examples may", file)
			case isOwn && !slices.Contains(allowed, own):
				t.Errorf("%s must not import %s", file, own)
			case !isOwn && strings.Contains(strings.Split(imported, "/")[0], "."):
				checkForeign(t, file, room, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range mayImport {
		if !slices.Contains(seen, room) {
			t.Errorf("package %q is in the layout and does not exist", room)
		}
	}
}

// TestTrap85_NothingIsPrinted: standard output and standard error belong to the
// program. Nothing of ours writes there, nor to a logger that it did not give.
func TestTrap85_NothingIsPrinted(t *testing.T) {
	printing := map[string][]string{
		"os":   {"Stdout", "Stderr"},
		"fmt":  {"Print", "Printf", "Println"},
		"slog": {"Default", "Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs"},
	}
	looked := 0
	for room := range mayImport {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(room), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			looked++
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range parsed.Imports {
				if spec.Path.Value == `"log"` {
					t.Errorf("%s imports log", file)
				}
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					if of, ok := n.X.(*ast.Ident); ok && slices.Contains(printing[of.Name], n.Sel.Name) {
						t.Errorf("%s uses %s.%s", file, of.Name, n.Sel.Name)
					}
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
						t.Errorf("%s calls %s", file, f.Name)
					}
				}
				return true
			})
		}
	}
	if looked < len(mayImport) {
		t.Errorf("looked at %d files only", looked)
	}
}

func checkForeign(t *testing.T, file, room, imported string) {
	t.Helper()
	for foreign, rooms := range livesOnlyIn {
		if imported == foreign || strings.HasPrefix(imported, foreign+"/") {
			if !slices.Contains(rooms, room) {
				t.Errorf("%s must not import %s, which lives in %q", file, imported, rooms)
			}
			return
		}
	}
	t.Errorf("%s imports %s, which has no room: a new dependency needs a reason and a place", file, imported)
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
