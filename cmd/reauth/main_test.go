package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "acme_fake_C4naryOfTheTests7f1c90"

var env = map[string]string{"ACME_API_KEY": secret}

// try runs the program.
func try(in string, args ...string) (out, errs string, status int) {
	var o, e bytes.Buffer
	status = run(args, shell{
		in: strings.NewReader(in), out: &o, err: &e,
		lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		now:    func() time.Time { return time.Date(2026, 11, 23, 9, 12, 4, 0, time.UTC) },
	})
	return o.String(), e.String(), status
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "refusal.txt")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	head    = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nX-Request-Id: 7f3c21\r\nWWW-Authenticate: Bearer realm=\"acme\"\r\n\r\n"
	refusal = head + `{"message":"Incorrect API key provided: ` + secret + `"}`
	where   = "https://api.acme.example/v1/me"
)

var bearer = []string{"--url", where, "--sent", "Authorization: Bearer $ACME_API_KEY"}

func TestExplainPage(t *testing.T) {
	want := `GET https://api.acme.example/v1/me was refused: 401 Unauthorized

  cause    invalid_credential (likely): the response says "Incorrect API key provided: [masked]"
`
	for _, args := range [][]string{{file(t, refusal)}, {"-"}, {}} {
		out, errs, status := try(refusal, append(append([]string{"explain", "--method", "GET"}, bearer...), args...)...)
		if status != 0 || errs != "" || !strings.HasPrefix(out, want) || !strings.Contains(out, "request id 7f3c21") {
			t.Errorf("%v: %d %q\n%s", args, status, errs, out)
		}
		for _, line := range strings.Split(out, "\n") {
			if strings.TrimRight(line, " ") != line {
				t.Errorf("%q ends with a space", line)
			}
		}
	}
	if _, errs, _ := try(refusal, "explain", "--url", where); !strings.Contains(errs, "say it with --sent,") {
		t.Errorf("%q", errs)
	}
	out, errs, status := try(refusal, "explain")
	if status != 0 || !strings.HasPrefix(out, "The request was refused: 401 Unauthorized\n") || !strings.Contains(errs, "--sent") {
		t.Errorf("%d %q\n%s", status, errs, out)
	}
}

// TestExplainJSON holds the shape that programs outside rely on.
func TestExplainJSON(t *testing.T) {
	out, errs, status := try(refusal, append([]string{"explain", "--json"}, bearer...)...)
	if status != 0 || errs != "" || strings.Count(out, "\n") != 1 {
		t.Fatalf("%d %q %q", status, errs, out)
	}
	shape(t, []byte(out))
	var d struct {
		ID         *string
		Cause      string
		Step       string
		Fixer      string
		Confidence string
		Challenges []struct {
			Scheme  string
			Params  map[string]string
			Token68 *string
		}
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if d.ID == nil || d.Cause != "invalid_credential" || d.Step != "verify_credential" || d.Fixer != "developer" ||
		len(d.Challenges) != 1 || d.Challenges[0].Scheme != "Bearer" || d.Challenges[0].Params["realm"] != "acme" || d.Challenges[0].Token68 != nil {
		t.Errorf("%s", out)
	}
}

// shape checks the members of one diagnosis, and that its lists are lists.
func shape(t *testing.T, line []byte) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	var names []string
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "cause challenges confidence evidence fixer id others remedy step" {
		t.Errorf("members %s", got)
	}
	for _, name := range []string{"challenges", "evidence", "others"} {
		if members[name][0] != '[' {
			t.Errorf("%s is %s", name, members[name])
		}
	}
	var remedy map[string]string
	if err := json.Unmarshal(members["remedy"], &remedy); err != nil || len(remedy) != 3 || remedy["text"] == "" {
		t.Errorf("remedy %s %v", members["remedy"], err)
	}
}

// steps are those of the corpus in our words.
var steps = map[string]auth.Step{
	"verify_credential": auth.StepVerify, "send_credential_correctly": auth.StepSend,
	"refresh_or_replace_expired": auth.StepRenew, "consult_provider_docs/permissions": auth.StepConsult,
}

// The corpus through the command gives the figures that the rules are held to.
func TestExplainCorpus(t *testing.T) {
	const data = "../../auth/diagnose/testdata/"
	corpus, err := os.ReadFile(data + "corpus.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(data + "labels.json")
	if err != nil {
		t.Fatal(err)
	}
	var labels map[string][]auth.Cause
	if err := json.Unmarshal(raw, &labels); err != nil {
		t.Fatal(err)
	}
	out, errs, status := try(string(corpus), "explain", "--json", "--lines")
	if status != 0 || errs != "" {
		t.Fatalf("%d %s", status, errs)
	}
	answers := bufio.NewScanner(strings.NewReader(out))
	answers.Buffer(nil, 1<<20)
	var n, right, among, step, sure, sureRight, certainWrong int
	for line := range strings.Lines(string(corpus)) {
		var truth struct{ ID, Cause, Step string }
		if err := json.Unmarshal([]byte(line), &truth); err != nil {
			t.Fatal(err)
		}
		if !answers.Scan() {
			t.Fatalf("no answer to %s", truth.ID)
		}
		shape(t, answers.Bytes())
		var got struct {
			ID         string
			Cause      auth.Cause
			Step       auth.Step
			Confidence string
			Others     []struct{ Cause auth.Cause }
		}
		if err := json.Unmarshal(answers.Bytes(), &got); err != nil || got.ID != truth.ID {
			t.Fatal(err, got.ID, truth.ID)
		}
		n++
		is := func(c auth.Cause) bool { return slices.Contains(labels[truth.Cause], c) }
		ok := is(got.Cause)
		among3 := ok
		for _, o := range got.Others[:min(2, len(got.Others))] {
			among3 = among3 || is(o.Cause)
		}
		for _, c := range []struct {
			yes   bool
			count *int
		}{
			{ok, &right}, {among3, &among}, {got.Confidence != "possible", &sure}, {got.Confidence != "possible" && ok, &sureRight}, {got.Confidence == "certain" && !ok, &certainWrong},
			{got.Step == steps[truth.Step] || slices.ContainsFunc(labels[truth.Cause], func(c auth.Cause) bool { return c.Step() == got.Step }), &step},
		} {
			if c.yes {
				*c.count++
			}
		}
	}
	t.Logf("of %d: cause %d, among three %d, step %d; given as likely or certain %d, right %d; certain and wrong %d", n, right, among, step, sure, sureRight, certainWrong)
	if n < 200 || 100*right < 92*n || 100*among < 98*n || 100*step < 95*n || 100*sureRight < 97*sure || certainWrong > 0 {
		t.Error("less than is required")
	}
}

func TestExplainLines(t *testing.T) {
	in := `{"id":"a","request":{"method":"GET","url":"` + where + `","scheme_sent":"none"},"response":{"status":401}}
{"id":"b","response":{"status":200}}
not JSON ` + secret + `
{"id":"c","response":{"status":403,"body":"forbidden"}}
`
	out, errs, status := try(in, "explain", "--lines", "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 2 || len(lines) != 4 || !strings.Contains(lines[1], `{"id":"b","error":"the response is 200 OK, which is no refusal`) || !strings.Contains(lines[2], `"error":"line 3: no JSON object"`) {
		t.Errorf("%d\n%s\n%s", status, out, errs)
	}
	shape(t, []byte(lines[0]))
	shape(t, []byte(lines[3]))
	out, errs, status = try(in, "explain", "--lines")
	if status != 2 || !strings.HasPrefix(out, "a: \nGET "+where) || !strings.Contains(out, "\n\nc: \n") || !strings.Contains(errs, "b: the response is 200 OK") || strings.Contains(out+errs, secret) {
		t.Errorf("%d\n%s\n%s", status, out, errs)
	}
}

func TestExplainCause(t *testing.T) {
	for _, c := range auth.Causes() {
		out, errs, status := try("", "explain", string(c))
		if status != 0 || errs != "" || out != c.Explain() || !strings.HasPrefix(out, string(c)+": ") {
			t.Errorf("%s: %d %q %q", c, status, errs, out)
		}
		out, errs, status = try("", "explain", "--json", string(c))
		var page struct {
			Cause          auth.Cause
			Step           auth.Step
			Fixer          auth.Fixer
			Meaning, Proof string
			Remedy         auth.Remedy
		}
		if err := json.Unmarshal([]byte(out), &page); err != nil || status != 0 || errs != "" || page.Cause != c || page.Step != c.Step() || page.Fixer == "" || page.Meaning == "" || page.Proof == "" || page.Remedy.Text == "" {
			t.Errorf("%s: %v %d %q %q", c, err, status, errs, out)
		}
	}
}

// Each wrong use says what is wrong, shows nothing on standard output, and exits
// with 2.
func TestWrongUsage(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		args []string
		want string
	}{
		"no such file":       {"", []string{"explain", "nowhere.txt"}, "there is no file nowhere.txt, and no cause of that name"},
		"a code, misspelt":   {"", []string{"explain", "acces_expired"}, "did you mean access_expired?"},
		"a folder":           {"", []string{"explain", "."}, "is a directory"},
		"nothing":            {"", []string{"explain"}, "standard input: there is nothing to read"},
		"no lines":           {"\n\n", []string{"explain", "--lines"}, "there is nothing to read"},
		"JSON":               {"{}", []string{"explain"}, "--lines"},
		"no response":        {"hello", []string{"explain"}, "curl prints it with -i"},
		"no refusal":         {"HTTP/1.1 200 OK\n\nok", []string{"explain"}, "the response is 200 OK, which is no refusal; some APIs refuse with such a status: the URL says which one it was"},
		"a redirect":         {"HTTP/1.1 302 Found\nLocation: /login\n\n", []string{"explain"}, "curl -L"},
		"a failure":          {"HTTP/1.1 502 Bad Gateway\n\n", []string{"explain"}, "a failure of its own"},
		"a secret":           {refusal, []string{"explain", "--sent", "Authorization: Bearer " + secret}, "names no variable"},
		"an unset variable":  {refusal, []string{"explain", "--sent", "Authorization: Bearer $NOPE"}, "NOPE is not set"},
		"--sent with lines":  {"{}", []string{"explain", "--lines", "--sent", "nothing"}, "each says its own"},
		"unknown flag":       {"", []string{"explain", "--nope"}, "unknown flag"},
		"unknown command":    {"", []string{"explian"}, `unknown command "explian"`},
		"two files":          {"", []string{"explain", "a", "b"}, "accepts at most 1 arg"},
		"no challenge":       {"=====\n", []string{"challenge"}, "field line 1"},
		"challenge, no file": {"", []string{"challenge", "nowhere.txt"}, "nowhere.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, status := try(c.in, c.args...)
			if status != 2 || out != "" || !strings.Contains(errs, c.want) || !strings.HasPrefix(errs, "reauth: ") {
				t.Errorf("%d\n%s\n%s", status, out, errs)
			}
			if strings.Contains(errs, secret) && name != "a secret" || name == "a secret" && strings.Count(errs, secret) > 0 {
				t.Errorf("L7: %s", errs)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"explain", "--help"}, {"challenge", "--help"}, {"--version"}} {
		out, errs, status := try("", args...)
		if status != 0 || errs != "" || !strings.Contains(out, "reauth") {
			t.Errorf("%v: %d %q %q", args, status, out, errs)
		}
	}
	out, _, _ := try("", "__complete", "explain", "access_")
	if !strings.Contains(out, "access_expired") {
		t.Errorf("completion: %s", out)
	}
}

// TestChallenges holds the output to cases of real servers. Of a valid value
// nothing may be read otherwise than it says.
func TestChallenges(t *testing.T) {
	raw, err := os.ReadFile("../../internal/challenge/testdata/challenges.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		var c struct {
			ID, Kind, Bytes string
			Values          []string
			Want            []challengeForm
			Also            [][]challengeForm
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		in := ""
		for _, v := range c.Values {
			in += expand(v) + "\n"
		}
		if c.Bytes == "latin1" {
			var b []byte
			for _, r := range in {
				b = append(b, byte(r))
			}
			in = string(b)
		}
		n++
		out, errs, status := try(in, "challenge", "--json")
		var got []challengeForm
		if err := json.Unmarshal([]byte(out), &got); err != nil || got == nil {
			t.Errorf("%s: %v: %q", c.ID, err, out)
		}
		ok := slices.ContainsFunc(append(c.Also, c.Want), func(want []challengeForm) bool { return slices.EqualFunc(got, want, challengeForm.equal) })
		if c.Kind == "valid" && errs != "" || status != 0 && (status != 2 || len(got) > 0) || !ok && !(c.Kind == "invalid" && status == 2) {
			t.Errorf("%s (%s): %d %s %s", c.ID, c.Kind, status, out, errs)
		}
		if out, _, again := try(in, "challenge"); again != status || strings.ContainsFunc(out, func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Errorf("%s: %d %q", c.ID, again, out)
		}
	}
	if n != 214 {
		t.Errorf("%d cases", n)
	}
}

// A challengeForm is one challenge as the program prints it.
type challengeForm struct {
	Scheme  string
	Params  map[string]string
	Token68 string
}

func (c challengeForm) equal(want challengeForm) bool {
	for name, v := range want.Params {
		want.Params[name] = expand(v)
	}
	return c.Scheme == want.Scheme && maps.Equal(c.Params, want.Params) && c.Token68 == want.Token68
}

var repeated = regexp.MustCompile(`\{\{(.+?)\*(\d+)\}\}`)

// expand writes out what a case abbreviates.
func expand(s string) string {
	return repeated.ReplaceAllStringFunc(s, func(m string) string {
		part := repeated.FindStringSubmatch(m)
		n, _ := strconv.Atoi(part[2])
		return strings.Repeat(part[1], n)
	})
}

func TestChallengeText(t *testing.T) {
	out, errs, status := try("WWW-Authenticate: Bearer realm=\"a\\\"b\", error=x\r\nProxy-Authenticate:Negotiate YII=\n", "challenge")
	if want := "Bearer\n  error = \"x\"\n  realm = \"a\\\"b\"\nNegotiate\n  YII=\n"; out != want || errs != "" || status != 0 {
		t.Errorf("%d %q\n%s", status, errs, out)
	}
	out, errs, status = try("Bearer error_description=\"HTTP/1.1 401 no\"\nBearer error_description=\"HTTP/1.1 403 no\"\n", "challenge")
	if want := "Bearer\n  error_description = \"HTTP/1.1 401 no\"\nBearer\n  error_description = \"HTTP/1.1 403 no\"\n"; out != want || errs != "" || status != 0 {
		t.Errorf("a status in a value: %d %q\n%s", status, errs, out)
	}
	out, errs, status = try(head, "challenge")
	if want := "Bearer\n  realm = \"acme\"\n"; out != want || errs != "" || status != 0 {
		t.Errorf("of a response: %d %q\n%s", status, errs, out)
	}
	out, errs, status = try(`Bearer realm="unterminated`, "challenge")
	if status != 0 || out != "Bearer\n" || !strings.Contains(errs, "field line 1") {
		t.Errorf("%d %q\n%s", status, errs, out)
	}
}

// TestL7_Commands: nothing of what a request carried is printed by any command,
// in any form, whatever echoes it.
func TestL7_Commands(t *testing.T) {
	echo := "HTTP/1.1 401 " + secret + "\r\nWWW-Authenticate: " + secret + " realm=\"" + secret + "\", error=\"" + secret + "\"\r\nX-Request-Id: " + secret +
		"\r\nX-Error: " + secret + "\r\nServer: " + secret + "\r\n" + secret + ": " + secret + "\r\nLocation: /" + secret + "\r\n\r\n" + `{"error":{"message":"` + secret + `","code":"` + secret + `"},"type":"https://a.example/` + secret + `","request_id":"` + secret + `"}`
	verbose := "* Trying\n> GET /v1/" + secret + "?key=" + secret + " HTTP/1.1\n> Host: api.acme.example\n> Authorization: Bearer " + secret + "\n>\n< " + strings.ReplaceAll(echo, "\r\n", "\r\n< ")
	quoted, err := json.Marshal(echo)
	if err != nil {
		t.Fatal(err)
	}
	line := `{"id":"1","request":{"method":"GET","url":"` + where + `","scheme_sent":"bearer","header_name":"Authorization","credential_shape":"Bearer ` + secret + `"},"response":{"status":401,"headers":{"X-Error":"` + secret + `"},"body":` + string(quoted) + `}}`
	for _, c := range []struct {
		in   string
		args []string
	}{
		{echo, append([]string{"explain"}, bearer...)},
		{echo, append([]string{"explain", "--json"}, bearer...)},
		{echo, []string{"explain", "--url", "https://user:" + secret + "@api.acme.example/?key=" + secret, "--sent", "key=$ACME_API_KEY"}},
		{echo, []string{"explain"}}, // the secret is not known, and looks like one
		{echo, []string{"explain", "--json"}},
		{verbose, []string{"explain"}},
		{verbose, []string{"explain", "--json"}},
		{line, []string{"explain", "--lines"}},
		{line, []string{"explain", "--lines", "--json"}},
		{line[:len(line)-1], []string{"explain", "--lines", "--json"}},
		{`{"id":"` + `\u001b[2J\n  fix  x` + `","response":{"status":200}}`, []string{"explain", "--lines"}},
		{line, []string{"explain"}},
		{secret, []string{"explain"}},
		{echo, []string{"explain", "--sent", "Authorization: Bearer " + secret}},
		{echo, []string{"explain", "--sent", "Authorization: Bearer $ACME_API_KEY $NOPE"}},
		{"HTTP/1.1 200 " + secret + "\r\n\r\n" + secret, append([]string{"explain"}, bearer...)},
	} {
		out, errs, _ := try(c.in, c.args...)
		if text := out + errs; strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }) || strings.Contains(text, "\n  fix  x") {
			t.Errorf("%q steers the terminal: %q", c.args, text)
		}
		if text := out + errs; strings.Contains(text, secret) || strings.Contains(text, secret[5:20]) {
			t.Errorf("L7: %q shows it:\n%s", c.args, text)
		}
	}
}

func TestColor(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		{true, map[string]string{"TERM": "xterm"}, true},
		{false, map[string]string{"TERM": "xterm"}, false},
		{true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{true, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{true, map[string]string{"TERM": "dumb"}, false},
	} {
		if got := colored(c.terminal, func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
	text := auth.AccessExpired.Explain()
	shown := shell{color: true}.page(text)
	if !strings.Contains(shown, "\x1b[") || regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(shown, "") != text {
		t.Errorf("%q", shown)
	}
	if (shell{}).page(text) != text {
		t.Error("a pipe gets colours")
	}
}

// A page that cannot be written is no success.
func TestOutputFails(t *testing.T) {
	for _, args := range [][]string{{"explain", "access_expired"}, {"explain", "--json", "access_expired"}, {"challenge"}, {"challenge", "--json"}, {"explain", "--url", where}} {
		if status := run(args, shell{in: strings.NewReader(refusal), out: brokenPipe{}, err: io.Discard, now: time.Now}); status == 0 {
			t.Errorf("%v: exit 0", args)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The README shows what the program prints.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile("testdata/readme.txt")
	if err != nil {
		t.Fatal(err)
	}
	out, errs, status := try(string(recorded), "explain")
	if status != 0 || errs != "" || !strings.Contains(string(readme), "2>&1 | reauth explain\n"+out+"```\n") {
		t.Errorf("%d %s the README does not show this:\n%s", status, errs, out)
	}
	if !strings.Contains(string(readme), "reauth explain --url "+where+" --sent '"+bearer[3]+"' refusal.txt") {
		t.Error("the README shows another line for a response alone")
	}
}
