package reauth_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The systems that THIRD_PARTY.md speaks of, in the order in which it names them.
var systems = []string{"linux", "darwin", "windows", "freebsd"}

// retryRoom is the package that code under MPL-2.0 comes with. Whoever does not
// use it links nothing but permissive licences.
const retryRoom = module + "/transport/retry"

var permissive = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// A need is one module in one version, and who links it where.
type need struct {
	dir     string
	on, by  map[string]bool
	without string // a package of ours that links it without using retryRoom
}

// TestThirdParty holds THIRD_PARTY.md: it names each module that a program
// links which imports a package of ours, with its version and its licence, and
// no other. What it needs is the go command and what that has downloaded.
func TestThirdParty(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(here, "@v") {
		t.Skip("in the module cache the versions are those of whoever runs this")
	}
	rows := thirdParty(t)
	linked := make(map[string]*need)
	for _, dir := range published(t) {
		for _, system := range systems {
			for _, cgo := range []string{"0", "1"} { // FreeBSD's keyring needs it
				collect(t, linked, dir, system, cgo)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(linked)) {
		n := linked[name]
		var on []string
		for _, system := range systems {
			if n.on[system] {
				on = append(on, system)
			}
		}
		text, licence := licenceIn(n.dir)
		want := fmt.Sprintf("| %s | %s | `%s` | %s | %s |", strings.Replace(name, "@", " | ", 1), licence, text,
			strings.Join(on, ", "), strings.Join(slices.Sorted(maps.Keys(n.by)), ", "))
		got, ok := rows["Linked"][name]
		delete(rows["Linked"], name)
		switch {
		case licence == "":
			t.Errorf("%s: no licence found in %s that this test knows: look at it, and teach it", name, n.dir)
		case !ok:
			t.Errorf("this row is missing from THIRD_PARTY.md:\n%s", want)
		case got != want:
			t.Errorf("THIRD_PARTY.md has\n%s\nwhere it should have\n%s", got, want)
		}
		if licence != "" && !slices.Contains(permissive, licence) && n.without != "" {
			t.Errorf("%s is under %s, and %s links it without %s", name, licence, n.without, retryRoom)
		}
	}
	tests := make(map[string]*need)
	collect(t, tests, ".", "", "")
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		if linked[name] != nil {
			continue
		}
		text, licence := licenceIn(tests[name].dir)
		want := fmt.Sprintf("| %s | %s | `%s` |", strings.Replace(name, "@", " | ", 1), licence, text)
		if got := rows["Tests only"][name]; got != want {
			t.Errorf("tests use what THIRD_PARTY.md lists as\n%s\ninstead of\n%s", got, want)
		}
		delete(rows["Tests only"], name)
	}
	for section, left := range rows {
		for _, row := range left {
			t.Errorf("THIRD_PARTY.md has under %q what nobody links:\n%s", section, row)
		}
	}
}

// thirdParty returns the rows of the tables below each heading, by the module
// and its version.
func thirdParty(t *testing.T) map[string]map[string]string {
	t.Helper()
	content, err := os.ReadFile("THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]map[string]string{"Linked": {}, "Tests only": {}}
	section := ""
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
		}
		cells := strings.Split(line, "|")
		if rows[section] == nil || len(cells) < 5 || strings.TrimSpace(cells[1]) == "module" || strings.HasPrefix(strings.TrimSpace(cells[1]), "-") {
			continue
		}
		rows[section][strings.TrimSpace(cells[1])+"@"+strings.TrimSpace(cells[2])] = line
	}
	return rows
}

// published returns the folders of the modules that others can require: those
// of go.work, except examples.
func published(t *testing.T) []string {
	t.Helper()
	var dirs []string
	for line := range strings.Lines(goCommand(t, ".", []string{workspace(t)}, "list", "-m", "-f", "{{.Path}} {{.Dir}}")) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case path == module:
			dirs = append(dirs, ".")
		case !strings.HasPrefix(path, module+"/examples/"):
			dirs = append(dirs, dir)
		}
	}
	if !slices.Contains(dirs, ".") {
		t.Fatalf("go.work does not name this module, only %q", dirs)
	}
	return dirs
}

// collect adds what the packages of the module in dir link; without a system,
// what their tests link here. The main module stands for itself, as it does for
// its users; one of the others may require what is not released yet.
func collect(t *testing.T, needs map[string]*need, dir, system, cgo string) {
	t.Helper()
	env := []string{"GOWORK=off"}
	if dir != "." {
		env = []string{workspace(t)}
	}
	args := []string{"list", "-deps", "-json=ImportPath,DepOnly,Module,Deps"}
	if system == "" {
		args = append(args, "-test")
	} else {
		env = append(env, "GOOS="+system, "CGO_ENABLED="+cgo)
	}
	type pkg struct {
		ImportPath string
		DepOnly    bool
		Module     *struct{ Path, Version, Dir string }
		Deps       []string
	}
	packages := make(map[string]pkg)
	for d := json.NewDecoder(strings.NewReader(goCommand(t, dir, env, append(args, "./...")...))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	ours := 0
	for _, p := range packages {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		// Examples are not imported, and internal packages not by others.
		if p.DepOnly || system != "" && (strings.HasPrefix(name, "examples/") || strings.Contains("/"+name+"/", "/internal/")) {
			continue
		}
		if name == "" {
			name = "reauth"
		}
		ours++
		for _, path := range p.Deps {
			m := packages[path].Module
			if m == nil || m.Path == module || strings.HasPrefix(m.Path, module+"/") {
				continue // the standard library's, or ours, which speaks for itself
			}
			n := needs[m.Path+"@"+m.Version]
			if n == nil {
				n = &need{dir: m.Dir, on: make(map[string]bool), by: make(map[string]bool)}
				needs[m.Path+"@"+m.Version] = n
			}
			n.on[system], n.by[name] = true, true
			if p.ImportPath != retryRoom && !slices.Contains(p.Deps, retryRoom) {
				n.without = name
			}
		}
	}
	if ours == 0 {
		t.Fatalf("%s has no packages of ours", dir)
	}
}

// licenceIn returns the file that holds a module's licence, and the licence's
// name in SPDX's list, by the sentences that no other licence has.
func licenceIn(dir string) (file, licence string) {
	var text []byte
	for _, file = range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"} {
		if text, _ = os.ReadFile(filepath.Join(dir, file)); text != nil {
			break
		}
	}
	words := strings.ToLower(strings.Join(strings.Fields(string(text)), " "))
	var found []string
	for name, sentences := range map[string][]string{
		"MPL-2.0":      {"mozilla public license", "version 2.0", "each contributor hereby grants you a world-wide, royalty-free, non-exclusive license"},
		"Apache-2.0":   {"apache license", "version 2.0", "terms and conditions for use, reproduction, and distribution"},
		"MIT":          {"permission is hereby granted, free of charge, to any person obtaining a copy", "this permission notice shall be included in all copies"},
		"ISC":          {"permission to use, copy, modify, and/or distribute this software for any purpose"},
		"BSD-2-Clause": {"redistributions of source code must retain", "redistributions in binary form must reproduce"},
	} {
		if !slices.ContainsFunc(sentences, func(s string) bool { return !strings.Contains(words, s) }) {
			found = append(found, name)
		}
	}
	if len(found) != 1 || strings.Contains(words, "all advertising materials") {
		return file, ""
	}
	if found[0] == "BSD-2-Clause" && strings.Contains(words, "neither the name") {
		return file, "BSD-3-Clause"
	}
	return file, found[0]
}

func workspace(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs("go.work")
	if err != nil {
		t.Fatal(err)
	}
	return "GOWORK=" + file
}

func goCommand(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=readonly", "GOTOOLCHAIN=local"), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// TestPapersNameTests: a test that a paper names as proof exists.
func TestPapersNameTests(t *testing.T) {
	var tests []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		content, err := os.ReadFile(file)
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(content, -1) {
			tests = append(tests, string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"SECURITY.md", "THIRD_PARTY.md", "docs/compatibility.md", "docs/releases.md"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(content, -1) {
			if !slices.Contains(tests, string(name[1])) {
				t.Errorf("%s names %s, which does not exist", file, name[1])
			}
		}
	}
}
