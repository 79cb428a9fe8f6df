package e2e_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/reauth-go/reauth"

// silent says why an exported type needs no holder, which is an object of that
// type with the canary in it or near it.
var silent = map[string]string{
	"auth.Confidence":        "one of three words",
	"auth.EventKind":         "one of a few words",
	"auth.Step":              "one of six words",
	"auth.Place":             "the name of a header or parameter",
	"auth.CacheConfig":       "numbers and a function",
	"auth.Hook":              "a function",
	"auth.SourceFunc":        "a function",
	"auth.Scheme":            "an interface; what implements it is held",
	"auth.Source":            "an interface; what implements it is held",
	"auth.Refresher":         "an interface; what implements it is held",
	"auth.Shadower":          "an interface; what implements it is held",
	"auth.Passive":           "an interface; what implements it is held",
	"diagnose.Exchange":      "what is put in: a response as it came",
	"diagnose.Lifetime":      "a number",
	"diagnose.NotSent":       "a number",
	"diagnose.Renewal":       "a number",
	"diagnose.Words":         "the vendor's own words",
	"profile.Profile":        "what a provider documents",
	"profile.Codes":          "what a provider documents",
	"profile.Source":         "addresses and dates",
	"profile.Code":           "a word of the profile's own, which the response said too",
	"keyring.Config":         "names and numbers",
	"retry.Config":           "numbers and the program's logger",
	"authtest.Config":        "the fakes of a test, as it wrote them",
	"authtest.Key":           "a fake of a test, as it wrote it",
	"authtest.Token":         "fakes of a test, which asked for them",
	"authtest.Server":        "knows the fakes of a test; what it reports is held",
	"authtest.API":           "knows the fakes of a test; what it reports is held",
	"authtest.Issuer":        "knows the fakes of a test; what it reports is held",
	"authtest.Trap":          "knows the fakes of a test; what it reports is held",
	"authtest.Hold":          "knows no credential",
	"authtest.Keyring":       "knows the fakes of a test; what it reports is held",
	"authtest.KeyringConfig": "numbers and a word",
	"authtest.KeyringState":  "a number",
	"authtest.Fault":         "one of a few words",
	"authtest.Refusal":       "one of a few words",
	"authtest.Rotation":      "a number",
	"authtest.TB":            "an interface",
}

// given says of exported functions, methods and variables whose results are not
// all of our own types or plain numbers which holder those are looked at in, by
// how its name begins, or after "no secret: " why they need none. Methods that
// printers call are tried with their type.
var given = map[string]string{
	"reauth.New":                         "errors of configurations",
	"reauth.Client.Call":                 "StatusError",
	"reauth.Client.Check":                "error of ", // and TestL7_EveryPath
	"reauth.Client.Close":                "no secret: nil, or the end of a context",
	"reauth.Client.Do":                   "error of ",
	"reauth.Client.Get":                  "error of ",
	"reauth.Client.HTTPClient":           "http.Client of ",
	"reauth.Client.NewRequest":           "no secret: the credential is put on a copy, later",
	"auth.ErrClosed":                     "no secret: made before any is known",
	"auth.Basic":                         "client by Basic",
	"auth.Bearer":                        "client of Static",
	"auth.Token":                         "client by token",
	"auth.NewCache":                      "no secret: the error is that Source is nil or a number wrong",
	"auth.Cache.Close":                   "no secret: nil, or that a source hangs",
	"auth.Cache.Credential":              "failure of RefreshToken",
	"auth.Cache.Refresh":                 "failure of RefreshToken",
	"auth.SourceFunc.Credential":         "failure of a source that panics",
	"auth.Cause.Explain":                 "no secret: sentences of ours",
	"auth.Cause.Meaning":                 "no secret: a sentence of ours",
	"auth.Cause.Proof":                   "no secret: sentences of ours",
	"auth.Cause.Remedy":                  "no secret: a sentence of ours",
	"auth.Secret.Reveal":                 "no secret: the only way out; whoever calls it means it",
	"auth.Secret.Fingerprint":            "*auth.Error of Static",
	"auth.WithRecorder":                  "its context",
	"diagnose.Scrub":                     "scrubbed text",
	"keyring.New":                        "no secret: the error is about names",
	"keyring.Entry.Credential":           "error of a locked keyring",
	"keyring.Entry.Set":                  "error of a forgetful keyring",
	"keyring.Entry.Delete":               "error of a mute keyring",
	"oauth.ClientCredentials":            "errors of configurations",
	"oauth.RefreshToken":                 "errors of configurations",
	"oauth.TokenSource":                  "oauth.TokenSource",
	"transport.New":                      "errors of configurations",
	"transport.CheckOrigin":              "errors of configurations",
	"transport.Scrub":                    "scrubbed text",
	"transport.Strict":                   "transport.Strict",
	"transport.Transport.Check":          "error of ", // and TestL7_EveryPath
	"transport.Transport.ScrubError":     "error of ", // and TestL7_ErrorsAfterARedirect
	"transport.Transport.Close":          "no secret: nil, or that a source hangs",
	"transport.Transport.RoundTrip":      "request of a refused response",
	"retry.New":                          "retry.New",
	"rpc.New":                            "errors of configurations",
	"rpc.Credentials.Close":              "no secret: nil, or that a source hangs",
	"rpc.Credentials.Do":                 "error of rpc.Credentials",
	"rpc.Credentials.GetRequestMetadata": "error of rpc.Credentials elsewhere", // the metadata is what gRPC sends
	"authtest.API.Counts":                "counts of authtest",
	"authtest.API.RedirectURL":           "no secret: of the URLs that the test wrote",
	"authtest.Hold.Wait":                 "no secret: the context's error",
	"authtest.Late":                      "no secret: a handler that knows a number",
	"authtest.Keyring.Transcript":        "transcript of a keyring",
	"authtest.Keyring.Value":             "no secret: the fake that the test put there, which asks for it",
	"authtest.Server.Transcript":         "transcript of authtest",
	"authtest.Server.Transport":          "no secret: of the test, like the server",
}

// printing are methods that printers call, so that their results are looked at
// with the values that have them.
var printing = []string{"Error", "Unwrap", "String", "GoString", "Format", "LogValue", "MarshalJSON", "MarshalText", "Explain"}

// TestL7_NoExportedTypeIsForgotten: whoever exports a type, function or variable
// says here where its printed forms are looked at, or why they need not be.
func TestL7_NoExportedTypeIsForgotten(t *testing.T) {
	all := holders(t, "census")
	held := map[string]bool{}
	for _, v := range all {
		walk(reflect.ValueOf(v), map[visit]bool{}, func(v reflect.Value) {
			if t := v.Type(); strings.HasPrefix(t.PkgPath(), module) {
				held[path.Base(t.PkgPath())+"."+t.Name()] = true
			}
		})
	}
	names := slices.Sorted(maps.Keys(all))
	used := map[string]bool{}
	exported := exports(t)
	ours := map[string]bool{}
	for _, x := range exported {
		if x.isType {
			ours[x.name] = true
		}
	}
	for _, x := range exported {
		switch _, found := silent[x.name]; {
		case x.isType && found:
			used[x.name] = true
		case x.isType && !held[x.name]:
			t.Errorf("%s: no holder has one. Add it to holders, or say in silent why it cannot hold a secret", x.name)
		case x.isType:
		default:
			where, found := given[x.name]
			used[x.name] = found
			if !found {
				if what := x.open(ours); what != "" {
					t.Errorf("%s gives %s: say in given which holder that is looked at in, or why it is no secret", x.name, what)
				}
				continue
			}
			if !strings.HasPrefix(where, "no secret: ") && !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, where) }) {
				t.Errorf("%s is said to be looked at in %q, and there is no such holder", x.name, where)
			}
		}
	}
	for _, table := range []map[string]string{silent, given} {
		for name := range table {
			if !used[name] {
				t.Errorf("the table names %s, which is not exported", name)
			}
		}
	}
	t.Logf("%d exported names, %d types held", len(exported), len(held))
}

// An export is one exported type, variable, function or method.
type export struct {
	name    string // "auth.Secret", "auth.Secret.Reveal", "auth.NewSecret"
	isType  bool
	results []ast.Expr // of a function; nil for a variable
	pkg     string
}

// open returns a result that may hold anything, "" if there is none: what is of
// a type of ours is looked at with that type.
func (x export) open(ours map[string]bool) string {
	if x.results == nil && x.pkg == "profile" {
		return "" // what a provider documents
	}
	if x.results == nil {
		return "a variable"
	}
	if parts := strings.Split(x.name, "."); len(parts) == 3 && slices.Contains(printing, parts[2]) {
		return ""
	}
	for _, r := range x.results {
		text := strings.TrimLeft(types.ExprString(r), "*[]")
		switch text {
		case "bool", "int", "int64", "time.Duration", "time.Time":
			continue
		}
		if ours[text] || ours[x.pkg+"."+text] {
			continue
		}
		return text
	}
	return ""
}

// exports lists what the packages of the main module export, on every system.
func exports(t *testing.T) (all []export) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		_, nested := os.Stat(filepath.Join(dir, "go.mod"))
		base := d.Name()
		if dir != root && (nested == nil || base == "internal" || base == "testdata" || base == "examples" || base[0] == '.' && base != "..") {
			return fs.SkipDir
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if f.Name.Name != "main" {
				all = append(all, of(f)...)
			}
		}
		return nil
	})
	if err != nil || len(all) < 100 {
		t.Fatalf("%d exports, %v", len(all), err)
	}
	return all
}

// of lists what a file exports.
func of(f *ast.File) (all []export) {
	pkg := f.Name.Name
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := pkg + "."
			if d.Recv != nil {
				receiver := strings.TrimLeft(types.ExprString(d.Recv.List[0].Type), "*")
				if !ast.IsExported(receiver) {
					continue
				}
				name += receiver + "."
			}
			if !d.Name.IsExported() || d.Type.Results == nil {
				continue
			}
			x := export{name: name + d.Name.Name, pkg: pkg}
			for _, r := range d.Type.Results.List {
				x.results = append(x.results, r.Type)
			}
			all = append(all, x)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						all = append(all, export{name: pkg + "." + s.Name.Name, isType: true})
					}
				case *ast.ValueSpec:
					for _, n := range s.Names {
						if n.IsExported() && d.Tok == token.VAR {
							all = append(all, export{name: fmt.Sprint(pkg, ".", n.Name), pkg: pkg})
						}
					}
				}
			}
		}
	}
	return all
}
