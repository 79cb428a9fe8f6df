package refusals_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if built.dir != "" {
			_ = os.RemoveAll(built.dir)
		}
		os.Exit(code)
	}))
}

// built is the command, which all tests share.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// command builds the command from this checkout, once, and returns its path.
func command(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		_, file, _, _ := runtime.Caller(0)
		root := filepath.Join(filepath.Dir(file), "..", "..", "..")
		if built.dir, built.err = os.MkdirTemp("", "reauth-refusals-command-"); built.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		built.path = filepath.Join(built.dir, "reauth")
		build := exec.CommandContext(ctx, "go", "build", "-o", built.path, ".")
		build.Dir = filepath.Join(root, "cmd", "reauth")
		build.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"))
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("cmd/reauth does not build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// variable is the one from which the command reads what was sent.
const variable = "REFUSED_SECRET"

// explained has curl send the request and save what it sees, in both ways that
// people do, and the command explain each.
func (r refusal) explained(t *testing.T, box *sandbox.Sandbox, hidden secrets) map[string]answer {
	t.Helper()
	sandbox.Need(t, "curl")
	explain := []string{"explain", "--json", "--url", r.url}
	if r.form != nil {
		explain = append(explain, "--method", http.MethodPost)
	}
	spec, held := r.sent.spec()
	if held != "" || r.form == nil { // what a form carried cannot be told
		explain = append(explain, "--sent", spec)
	}
	return map[string]answer{
		"curl -i": r.explain(t, box, hidden, append(explain, r.saved(t, box, "-i"))),
		"curl -v": r.explain(t, box, hidden, []string{"explain", "--json", r.saved(t, box, "-v")}),
	}
}

// saved is the name of the file with what curl printed.
func (r refusal) saved(t *testing.T, box *sandbox.Sandbox, how string) string {
	t.Helper()
	args := []string{"-q", "-sS", how, "--max-time", "20", "--noproxy", ""} // -q: nobody's own settings
	if r.proxy != "" {
		args = append(args, "-x", "http://"+r.proxy)
	}
	for name, values := range r.form {
		for _, v := range values {
			args = append(args, "--data-urlencode", name+"="+v)
		}
	}
	if r.curl != nil {
		args = append(args, r.curl...)
	} else {
		args = append(args, r.sent.args()...)
	}
	cmd := exec.Command("curl", append(args, r.url)...)
	if how == "-v" { // what it tells comes between what it gets
		cmd = exec.Command("sh", append([]string{"-c", `exec "$0" "$@" 2>&1`}, cmd.Args...)...)
	}
	res := box.Run(30*time.Second, cmd)
	// 56 is what curl says when a proxy lets it connect to nobody.
	if res.Code != 0 && !(res.Code == 56 && r.proxy != "") {
		t.Fatalf("curl: exit status %d\n%s%s", res.Code, res.Stdout, res.Stderr)
	}
	file, err := os.CreateTemp(box.Dir, "saved")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(res.Stdout); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// hints are what the command says of input that does not tell everything.
var hints = regexp.MustCompile(`(?m)^reauth: (?:this is the last of 2 refusals in the input|this is the response alone; .*|no header or parameter of the request held a credential, .*|the body of the response, [0-9]+ bytes, is not in the input; .*)\n`)

// explain runs the command twice, for programs and for people, and returns what
// it tells programs.
func (r refusal) explain(t *testing.T, box *sandbox.Sandbox, hidden secrets, args []string) answer {
	t.Helper()
	_, held := r.sent.spec()
	tell := func(args []string) string {
		cmd := exec.Command(command(t), args...)
		cmd.Env = box.Env(variable + "=" + held)
		res := box.Run(30*time.Second, cmd)
		hidden.in(t, "the command's output", res.Stdout, res.Stderr)
		res.Stderr = hints.ReplaceAllString(res.Stderr, "")
		if res.Code != 0 || res.TimedOut || res.Stderr != "" {
			saved, _ := os.ReadFile(args[len(args)-1])
			t.Fatalf("%s: exit status %d\n%s%sgiven\n%s", strings.Join(args, " "), res.Code, res.Stdout, res.Stderr, saved)
		}
		return res.Stdout
	}
	a := parse(t, []byte(tell(args)))
	page := tell(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "--json" }))
	if !strings.Contains(page, string(a.Cause)) || !strings.Contains(page, a.Remedy.Text) {
		t.Errorf("the page says something else than %v:\n%s", a, page)
	}
	return a
}

// secrets are the texts that nobody may see, by what they are.
type secrets map[string]string

// secrets lists every form in which what the case sends crosses the wire.
func (r refusal) secrets() secrets {
	all := secrets{}
	add := func(what, secret string) {
		if len(secret) < 8 {
			return
		}
		for form, s := range map[string]string{
			"": secret, ", in percent": url.QueryEscape(secret), ", in percent of a path": url.PathEscape(secret),
			", in base64": base64.RawStdEncoding.EncodeToString([]byte(secret)), ", in base64 of URLs": base64.RawURLEncoding.EncodeToString([]byte(secret)),
			", in hexadecimal": hex.EncodeToString([]byte(secret)),
		} {
			all[what+form] = s
		}
	}
	add("the credential that was kept back", unsent)
	add("the secret", r.sent.secret)
	if proof := digestProof.FindStringSubmatch(r.sent.value); proof != nil {
		add("what proves the password", proof[1])
	}
	if parts := strings.Split(r.sent.secret, "."); len(parts) == 3 {
		add("the token's claims", parts[1])
		add("the token's signature", parts[2])
	}
	if r.sent.user != "" {
		add("user and password", r.sent.user+":"+r.sent.secret)
	}
	if user, _, ok := strings.Cut(r.proxy, "@"); ok {
		_, pw, _ := strings.Cut(user, ":")
		add("the proxy's password", pw)
		add("the proxy's user and password", user)
	}
	for _, name := range []string{"client_secret", "refresh_token"} {
		add(name, r.form.Get(name))
	}
	return all
}

// digestProof finds the one parameter of Digest by which a password can be tried.
var digestProof = regexp.MustCompile(`response="([^"]+)"`)

func (s secrets) in(t *testing.T, where string, texts ...string) {
	t.Helper()
	for what, secret := range s {
		for _, text := range texts {
			if strings.Contains(text, secret) {
				t.Errorf("L7: %s is in %s", what, where)
			}
		}
	}
}
