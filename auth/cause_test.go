package auth_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth"
)

func ExampleCause_Explain() {
	fmt.Print(auth.RefreshReused.Explain())
	// Output:
	// refresh_reused: the refresh token was exchanged before, and the issuer has withdrawn the login
	//
	//   proof    Likely if a recorded answer to a refresh token says in a field that it was
	//            used before.
	//            Possible if only prose says so.
	//   fix      log in again; give each program a login of its own
	//   step     renew: has it expired or been revoked? refresh, or log in again
	//   who      user: the person whose access it is, by logging in or asking for more
}

// A constant is one of the constants in cause.go, as it is written there.
type constant struct {
	name, value string
	comment     string // behind it
	chapter     string // the first sentence of the comment on its group
}

// constants returns those of a type, in their order.
func constants(t *testing.T, ofType string) []constant {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "cause.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []constant
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		chapter, _, _ := strings.Cut(strings.ReplaceAll(group.Doc.Text(), "\n", " "), ". ")
		for _, spec := range group.Specs {
			s := spec.(*ast.ValueSpec)
			if name, ok := s.Type.(*ast.Ident); !ok || name.Name != ofType {
				continue
			}
			value, err := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, constant{s.Names[0].Name, value, strings.TrimSpace(s.Comment.Text()), strings.TrimSuffix(strings.TrimSpace(chapter), ".")})
		}
	}
	return all
}

// The catalogue has every constant, in its order, and nothing else.
func TestCausesAreTheConstants(t *testing.T) {
	var want []auth.Cause
	for _, c := range constants(t, "Cause") {
		want = append(want, auth.Cause(c.value))
	}
	got := auth.Causes()
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got[0] = "changed"; auth.Causes()[0] == "changed" {
		t.Error("the catalogue is shared with its callers")
	}
	for i, c := range want {
		if slices.Contains(want[:i], c) {
			t.Errorf("%s is there twice", c)
		}
	}
}

var (
	// aCode matches codes and names that are written with an underscore.
	aCode = regexp.MustCompile(`\b[a-z]+(?:_[a-z]+)+\b`)
	// degrees finds how sure a proof is: at the beginning of its sentences.
	degrees = regexp.MustCompile(`(?:^|\. )(Certain|Likely|Possible) `)
)

// Every text says something and has the form that the page and the errors need.
func TestCausesSayAll(t *testing.T) {
	steps, fixers := values(t, "Step"), values(t, "Fixer")
	said := make(map[string]auth.Cause)
	for _, c := range auth.Causes() {
		if !slices.Contains(steps, string(c.Step())) || !slices.Contains(fixers, string(c.Fixer())) {
			t.Errorf("%s: step %q, fixer %q", c, c.Step(), c.Fixer())
		}
		for what, text := range map[string]string{"meaning": c.Meaning(), "remedy": c.Remedy()} {
			first, _ := utf8.DecodeRuneInString(text)
			if text == "" || unicode.IsUpper(first) || strings.HasSuffix(text, ".") || strings.Contains(text, ". ") {
				t.Errorf("%s: %s %q, want one sentence without capital and full stop", c, what, text)
			}
		}
		proof := c.Proof()
		for sentence := range strings.SplitSeq(proof, ". ") {
			first, _ := utf8.DecodeRuneInString(sentence)
			if len(sentence) < 10 || !unicode.IsUpper(first) {
				t.Errorf("%s: proof %q", c, sentence)
			}
		}
		if n := strings.Count(proof, ". ") + 1; n > 3 || !strings.HasSuffix(proof, ".") {
			t.Errorf("%s: a proof of %d sentences: %s", c, n, proof)
		}
		found := degrees.FindAllStringSubmatch(proof, -1)
		if strings.HasPrefix(proof, "Nothing in this version concludes it") != (len(found) == 0) {
			t.Errorf("%s: the proof says neither how sure it is nor that nothing concludes it: %s", c, proof)
		}
		for i, d := range found[min(1, len(found)):] {
			if d[1] <= found[i][1] { // which is their order in the alphabet, too
				t.Errorf("%s: %s behind %s", c, d[1], found[i][1])
			}
		}
		for _, text := range []string{c.Meaning(), proof, c.Remedy()} {
			if strings.Contains(text, "  ") || text != strings.TrimSpace(text) || strings.Contains(text, "TODO") || strings.ContainsAny(text, "\n\t`|") {
				t.Errorf("%s: %q", c, text)
			}
			for _, code := range aCode.FindAllString(text, -1) {
				if !slices.Contains(auth.Causes(), auth.Cause(code)) && !foreign[code] {
					t.Errorf("%s speaks of %s, which is no cause and no code that is known", c, code)
				}
			}
		}
		if other, ok := said[c.Meaning()]; ok {
			t.Errorf("%s means the same as %s", c, other)
		}
		said[c.Meaning()] = c
	}
	unknown := auth.Cause("no_such_cause")
	if unknown.Meaning()+unknown.Proof()+unknown.Remedy()+unknown.Explain() != "" || unknown.Step() != auth.StepConsult || unknown.Fixer() != auth.FixerDeveloper {
		t.Error("an unknown cause has texts")
	}
}

// foreign are the codes of others that the texts speak of.
var foreign = map[string]bool{
	"invalid_token": true, "insufficient_claims": true, "insufficient_user_authentication": true, "invalid_dpop_proof": true, "use_dpop_nonce": true,
	"invalid_grant": true, "invalid_client": true, "invalid_request": true, "invalid_scope": true, "invalid_target": true, "access_denied": true,
	"unauthorized_client": true, "unsupported_grant_type": true, "temporarily_unavailable": true, "server_error": true, "expires_in": true,
}

func values(t *testing.T, ofType string) []string {
	t.Helper()
	var all []string
	for _, c := range constants(t, ofType) {
		all = append(all, c.value)
	}
	return all
}

// The page of a cause has all that is known of it, and what step and fixer mean
// in the words of their constants.
func TestCauseExplain(t *testing.T) {
	words := make(map[string]string)
	for _, c := range append(constants(t, "Step"), constants(t, "Fixer")...) {
		if words[c.value] = c.comment; c.comment == "" {
			t.Errorf("%s says nothing behind it", c.name)
		}
	}
	for _, c := range auth.Causes() {
		page := c.Explain()
		for line := range strings.Lines(page) {
			if indented := strings.HasPrefix(line, " "); utf8.RuneCountInString(line) > 91 && indented || strings.TrimRight(line, " \n")+"\n" != line {
				t.Errorf("%s: %q", c, line)
			}
		}
		text := strings.Join(strings.Fields(page), " ")
		want := fmt.Sprintf("%s: %s proof %s fix %s step %s: %s who %s: %s", c, c.Meaning(), c.Proof(), c.Remedy(), c.Step(), words[string(c.Step())], c.Fixer(), words[string(c.Fixer())])
		if text != want || !strings.HasPrefix(page, string(c)+": ") || !strings.HasSuffix(page, "\n") {
			t.Errorf("got  %s\nwant %s", text, want)
		}
	}
}

// A proof says that nothing concludes a cause exactly as long as that is so: no
// code names it but to list it, or to say what another cause is mistaken for.
func TestCausesThatNothingConcludes(t *testing.T) {
	byName := make(map[string]auth.Cause)
	for _, c := range constants(t, "Cause") {
		byName[c.name] = auth.Cause(c.value)
	}
	where := make(map[auth.Cause]string)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if path != ".." && strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "examples", "authtest", "e2e", "bench", "cmd"}, d.Name()) {
				return fs.SkipDir // which play causes, or tell of them
			}
			return nil
		case !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"), slices.Contains([]string{"cause.go", "catalogue.go"}, d.Name()):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		var visit func(ast.Node) bool
		visit = func(n ast.Node) bool {
			name := ""
			switch n := n.(type) {
			case *ast.FuncDecl:
				return n.Name.Name != "mistakenFor"
			case *ast.CaseClause: // its list asks; its body may conclude
				for _, s := range n.Body {
					ast.Inspect(s, visit)
				}
				return false
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "auth" {
					name = n.Sel.Name
				}
			case *ast.Ident:
				if file.Name.Name == "auth" {
					name = n.Name
				}
			}
			if c, ok := byName[name]; ok {
				where[c] = path
			}
			return true
		}
		ast.Inspect(file, visit)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range auth.Causes() {
		if strings.HasPrefix(c.Proof(), "Nothing") != (where[c] == "") {
			t.Errorf("%s: concluded in %q; its proof says: %s", c, where[c], c.Proof())
		}
	}
}

const causesPage = "../docs/causes.md"

// The page is made of the catalogue. Written anew with -update.
func TestCausesPage(t *testing.T) {
	got := causesMarkdown(t)
	if *update {
		if err := os.WriteFile(filepath.FromSlash(causesPage), []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.FromSlash(causesPage))
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("docs/causes.md is not what the catalogue says; write it anew with\n\tgo test ./auth -run TestCausesPage -update")
	}
}

func causesMarkdown(t *testing.T) string {
	var b strings.Builder
	file := auth.Provenance{Kind: auth.KindFile, Name: "/run/secrets/acme"}
	fmt.Fprintf(&b, causesIntro, &auth.Error{
		Cause: auth.AccessExpired, Confidence: auth.Certain, Remedy: auth.Remedy{Text: "write the new token into the file " + file.Name},
		Evidence: []auth.Evidence{{Source: file.String(), Fact: "the token expired at 2026-11-23 09:10:04 UTC, 2 minutes before it was refused"}},
		Sent:     &auth.Sent{Provenance: file},
	})
	table := func(heading, intro, ofType string) {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| code | in Go | |\n| --- | --- | --- |\n", heading, intro)
		for _, c := range constants(t, ofType) {
			fmt.Fprintf(&b, "| `%s` | `auth.%s` | %s |\n", c.value, c.name, c.comment)
		}
		b.WriteString("\n")
	}
	table("Steps", "What somebody has to do next. A program's own switch is over these.", "Step")
	table("Who can fix it", "Whose turn it is.", "Fixer")
	all, chapter := constants(t, "Cause"), ""
	b.WriteString("## The causes\n")
	for _, c := range all {
		if c.chapter != chapter {
			chapter = c.chapter
			fmt.Fprintf(&b, "\n- [%s](#%s):", chapter, strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(chapter), ",", ""), " ", "-"))
		}
		fmt.Fprintf(&b, "\n  [%s](#%[1]s)", c.value)
	}
	b.WriteString("\n\n")
	chapter = ""
	for _, constant := range all {
		c := auth.Cause(constant.value)
		if constant.chapter != chapter {
			chapter = constant.chapter
			fmt.Fprintf(&b, "## %s\n\n", chapter)
		}
		proof := coded(c.Proof())
		if degrees.MatchString(proof) {
			proof = "- " + degrees.ReplaceAllStringFunc(proof, func(d string) string { return strings.Replace(d, ". ", ".\n- ", 1) })
		}
		fmt.Fprintf(&b, "### %s\n\n%s.\n\n%s\n\n", c, sentence(c.Meaning()), proof)
		fmt.Fprintf(&b, "**Do:** %s.\\\n**Step:** `%s`. **Who:** `%s`. **In Go:** `auth.%s`.\n\n", coded(c.Remedy()), c.Step(), c.Fixer(), constant.name)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// literal matches what stands in code.
var literal = regexp.MustCompile(aCode.String() + `|\b(?:exp|nbf|iat|aud|cnf|kid|stale=true|user:password|changeme|errors\.Is)\b`)

func coded(text string) string { return literal.ReplaceAllString(text, "`$0`") }

// sentence gives a text its capital.
func sentence(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	return coded(string(unicode.ToUpper(r)) + text[n:])
}

const causesIntro = `<!-- Made of auth/cause.go and auth/catalogue.go by: go test ./auth -run TestCausesPage -update -->

# Causes

Every definitive failure has one cause. Its code stands at the beginning of the
error's text:

` + "```" + `
%s
` + "```" + `

Behind the code stands how sure that is, then the fact that led to it, the step to
take, and what to do. In JSON and log lines the code is called ` + "`cause`" + `. In Go
` + "`errors.Is(err, auth.AccessExpired)`" + ` asks for it, and ` + "`Cause.Explain`" + ` prints what this
page says of it. Codes stay once they are released; new ones come.

## How sure

| word | what it takes |
| --- | --- |
| ` + "`certain`" + ` | a fact of this side whose truth depends on no server, a standard code of one meaning in its proper place, or two attempts that differ in one thing; never prose, and for a refusal by an API never a status alone but 407, which only proxies give |
| ` + "`likely`" + ` | two facts that point the same way, a code that the provider documents, a status that says little else (419, 429), or a field of the response that says so (JSON, XML, a header, a challenge's ` + "`error_description`" + `) in words that are true of one cause: "invalid" is said of revoked, foreign and mistyped keys alike |
| ` + "`possible`" + ` | prose, any other status, something that is absent. What it could be instead is in ` + "`Error.Others`" + `, as possible too |

For all causes:

- A web page that no API wrote lowers what is concluded: something else than the API
  may have answered.
- What the API accepted before was whole and was sent as the API wants it. Causes that
  say otherwise are left out.
- If a credential was refused and could not be renewed, the refusal has the cause of the
  failed renewal. What was certain of the renewal is likely of the refusal, unless the
  credential had expired or the API answers ` + "`invalid_token`" + `.
- A source that is not of this module may return any cause, which is likely unless it
  says more. So is a cause for a code in a profile of your own.
- "Recorded" is an exchange that did not go through this module: no more is known than
  the request and the response.

`
