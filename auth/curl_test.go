package auth_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// curlLine is what the page offers to paste into a shell; "" if nothing.
func curlLine(e *auth.Error) string {
	for line := range strings.Lines(e.Explain()) {
		if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "support ")); strings.HasPrefix(line, "curl") {
			return line
		}
	}
	return ""
}

func refusal(request string, s *auth.Sent) *auth.Error {
	return &auth.Error{Cause: auth.InvalidCredential, Request: request, Sent: s, Response: &auth.Response{Status: 401}}
}

var (
	envKey = auth.Provenance{Kind: auth.KindEnv, Name: "ACME_API_KEY"}
	bearer = &auth.Sent{Scheme: "Bearer", Place: auth.Bearer.Place(), Form: "Bearer SECRET", Provenance: envKey}
)

const me = "GET https://api.acme.example/v1/me"

func sentBy(scheme string, place auth.Place, form string, p auth.Provenance) *auth.Sent {
	return &auth.Sent{Scheme: scheme, Place: place, Form: form, Provenance: p}
}

func found(kind, name string) *auth.Sent {
	return sentBy("Bearer", auth.Bearer.Place(), "Bearer SECRET", auth.Provenance{Kind: kind, Name: name})
}

// run pastes line into a shell whose curl prints its arguments, and returns those.
func run(t *testing.T, line string, environment ...string) []string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "curl() { for a in \"$@\"; do printf '%s\\0' \"$a\"; done; }\n"+line)
	cmd.Dir, cmd.Env = dir, append(environment, "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%s: it left %v, %v", line, left, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// TestCurl: what the page prints is a command that sends the credential as it was
// sent, whatever is in it.
func TestCurl(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my key's")
	if err := os.WriteFile(path, []byte("from-the-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const nasty = `k"3'y $(touch x) ` + "`touch y`" + ` \ $HOME` // what a variable holds is nobody's code
	url := strings.TrimPrefix(me, "GET ")
	authorization, query := auth.Bearer.Place(), auth.Place{Query: "key"}
	for _, tt := range []struct {
		request string
		sent    *auth.Sent
		line    string
		args    []string
	}{
		{me, bearer, `curl -H "Authorization: Bearer $ACME_API_KEY" ` + url, []string{"-H", "Authorization: Bearer " + nasty, url}},
		{me, sentBy("token", authorization, "token SECRET", envKey), "", []string{"-H", "Authorization: token " + nasty, url}},
		{me, sentBy("Token", authorization, "Token token=SECRET", envKey), "", []string{"-H", "Authorization: Token token=" + nasty, url}},
		{me, sentBy("ApiKey", auth.Place{Header: "X-Api-Key"}, "SECRET", envKey), `curl -H "X-Api-Key: $ACME_API_KEY" ` + url, []string{"-H", "X-Api-Key: " + nasty, url}},
		{me, sentBy("ApiKey", query, "SECRET", envKey), `curl -G --data-urlencode "key=$ACME_API_KEY" ` + url, []string{"-G", "--data-urlencode", "key=" + nasty, url}},
		{me, sentBy("Basic", authorization, "SECRET", envKey), `curl -u "$ACME_API_KEY" ` + url, []string{"-u", nasty, url}},
		{me, sentBy("Basic", authorization, "USER:SECRET", envKey), `curl -u "$USER_NAME:$ACME_API_KEY" ` + url, []string{"-u", "alice:" + nasty, url}},
		{me, sentBy("Basic", authorization, "USER:SECRET", auth.Provenance{}), `curl -u "$USER_NAME:$PASSWORD" ` + url, []string{"-u", "alice:sesame", url}},
		{me, sentBy("Digest", authorization, "USER:SECRET", auth.Provenance{}), "", []string{"--digest", "-u", "alice:sesame", url}},
		{me, found(auth.KindFile, path), "", []string{"-H", "Authorization: Bearer from-the-file", url}},
		{me, found(auth.KindFile, path+" (ACME_API_KEY_FILE)"), "", []string{"-H", "Authorization: Bearer from-the-file", url}},
		{me, found(auth.KindFile, "/run/secrets/acme"), `curl -H "Authorization: Bearer $(cat /run/secrets/acme)" ` + url, nil},
		{me, found(auth.KindKeyring, "acme/default"), `curl -H "Authorization: Bearer $ACME_API_KEY" ` + url, []string{"-H", "Authorization: Bearer " + nasty, url}},
		{me, found(auth.KindKeyring, "my-api/work.old"), `curl -H "Authorization: Bearer $MY_API_WORK_OLD_API_KEY" ` + url, nil},
		{me, found(auth.KindOAuth, "https://login.acme.example/token"), `curl -H "Authorization: Bearer $ACCESS_TOKEN" ` + url, nil},
		{me, found(auth.KindStatic, "value"), `curl -H "Authorization: Bearer $API_KEY" ` + url, nil},
		{me, found("vault", "acme"), `curl -H "Authorization: Bearer $API_KEY" ` + url, nil},
		{"DELETE " + url, bearer, `curl -X DELETE -H "Authorization: Bearer $ACME_API_KEY" ` + url, []string{"-X", "DELETE", "-H", "Authorization: Bearer " + nasty, url}},
		{"HEAD " + url, bearer, `curl -I -H "Authorization: Bearer $ACME_API_KEY" ` + url, nil},
		{"GET http://[::1]:80/{a,b}", bearer, "", []string{"--noproxy", "*", "-g", "-H", "Authorization: Bearer " + nasty, "http://[::1]:80/{a,b}"}},
		{"GET https://api.acme.example/a/../b", bearer, "", []string{"--path-as-is", "-H", "Authorization: Bearer " + nasty, "https://api.acme.example/a/../b"}},
		{"GET https://a.example/~u/$(touch${IFS}x);'\"`touch${IFS}y`&|<>*?#!\\", bearer, "", []string{"-g", "-H", "Authorization: Bearer " + nasty, "https://a.example/~u/$(touch${IFS}x);'\"`touch${IFS}y`&|<>*?#!\\"}},
	} {
		line := curlLine(refusal(tt.request, tt.sent))
		if line == "" || tt.line != "" && line != tt.line {
			t.Errorf("%s: got  %s\nwant %s", tt.request, line, tt.line)
			continue
		}
		if tt.args == nil || runtime.GOOS == "windows" {
			continue
		}
		if got := run(t, line, "ACME_API_KEY="+nasty, "USER_NAME=alice", "PASSWORD=sesame"); !slices.Equal(got, tt.args) {
			t.Errorf("%s\ngot  %q\nwant %q", line, got, tt.args)
		}
	}
}

// TestL7_CurlIsNoShellCode: what comes from outside and is not as plain as it
// always is gives no line, and neither does what nobody can send by hand.
func TestL7_CurlIsNoShellCode(t *testing.T) {
	url := strings.TrimPrefix(me, "GET ")
	authorization := auth.Bearer.Place()
	for name, e := range map[string]*auth.Error{
		"no response":             {Request: me, Sent: bearer},
		"no request":              refusal("", bearer),
		"nothing sent":            refusal(me, nil),
		"the program's own":       refusal(me, found(auth.KindCaller, "")),
		"the proxy's":             refusal(me, sentBy("Basic", auth.Place{Header: "Proxy-Authorization"}, "USER:SECRET", envKey)),
		"a tunnel":                refusal("CONNECT "+url, bearer),
		"no form":                 refusal(me, sentBy("DPoP", authorization, "", envKey)),
		"a signature":             refusal(me, sentBy("AWS4-HMAC-SHA256", authorization, "AWS4-HMAC-SHA256 Credential=a/b, Signature=SECRET", envKey)),
		"a scheme with code":      refusal(me, sentBy("x", authorization, "$(id) SECRET", envKey)),
		"a scheme with a quote":   refusal(me, sentBy("x", authorization, `x" SECRET`, envKey)),
		"a header with code":      refusal(me, sentBy("ApiKey", auth.Place{Header: "X-`id`"}, "SECRET", envKey)),
		"a header with a break":   refusal(me, sentBy("ApiKey", auth.Place{Header: "X-A\nB"}, "SECRET", envKey)),
		"a header from a file":    refusal(me, sentBy("ApiKey", auth.Place{Header: "@/etc/passwd"}, "SECRET", envKey)),
		"a parameter with code":   refusal(me, sentBy("ApiKey", auth.Place{Query: "a$(id)"}, "SECRET", envKey)),
		"a parameter from a file": refusal(me, sentBy("ApiKey", auth.Place{Query: "@key"}, "SECRET", envKey)),
		"no place":                refusal(me, sentBy("ApiKey", auth.Place{}, "SECRET", envKey)),
		"a method with code":      refusal("GET;id "+url, bearer),
		"a method like an option": refusal("-o "+url, bearer),
		"a URL with a space":      refusal(me+" /x", bearer),
		"a URL with a break":      refusal(me+"\nid", bearer),
		"a URL with an escape":    refusal(me+"\x1b[31m", bearer),
		"a URL with a bidi mark":  refusal(me+"\u202e", bearer),
		"a URL in clear text":     refusal("GET http://api.acme.example/v1/me", bearer),
		"a URL of another kind":   refusal("GET file:///etc/passwd", bearer),
		"a URL without a host":    refusal("GET https:///v1", bearer),
		"a URL that was masked":   refusal(me+"/[masked]", bearer),
		"a URL that was cut off":  refusal(me+"…", bearer),
	} {
		if line := curlLine(e); line != "" {
			t.Errorf("%s: %s", name, line)
		}
	}
	// A place that cannot be named in a shell is only replaced by a general name.
	for name, s := range map[string]*auth.Sent{
		"a variable with code":   found(auth.KindEnv, "A$(id)"),
		"a variable of no name":  found(auth.KindEnv, ""),
		"a file with a break":    found(auth.KindFile, "/a\nid"),
		"a file like an option":  found(auth.KindFile, "-n"),
		"a file that zsh reads":  found(auth.KindFile, "/a!id"),
		"an entry with code":     found(auth.KindKeyring, "acme`id`/default"),
		"an entry with a number": found(auth.KindKeyring, "1password/default"),
	} {
		if line := curlLine(refusal(me, s)); line != `curl -H "Authorization: Bearer $API_KEY" `+url {
			t.Errorf("%s: %s", name, line)
		}
	}
}

// TestSupport: what the provider needs to find the exchange is there whenever
// there was a response, with the time of the provider's own clock if it told it.
func TestSupport(t *testing.T) {
	date := http.Header{"Date": {"Mon, 23 Nov 2026 09:12:04 GMT"}}
	for _, tt := range []struct {
		name    string
		resp    *auth.Response
		support string
		want    string // rows
		json    string // "" for none
	}{
		{"all", &auth.Response{Status: 401, Header: date, Time: noon, RequestID: "7f3c21"}, "help@acme.example", "help@acme.example|request id 7f3c21, 2026-11-23 09:12:04 UTC", "2026-11-23T09:12:04Z"},
		{"our clock", &auth.Response{Status: 401, Time: noon.In(time.FixedZone("", 3600)), RequestID: "7f3c21"}, "", "request id 7f3c21, 2026-11-23 12:00:00 UTC", "2026-11-23T13:00:00+01:00"},
		{"a wild date", &auth.Response{Status: 401, Header: http.Header{"Date": {"yesterday"}}, Time: noon}, "", "refused at 2026-11-23 12:00:00 UTC", "2026-11-23T12:00:00Z"},
		{"no time", &auth.Response{Status: 401, RequestID: "7f3c21"}, "", "request id 7f3c21", ""},
		{"nothing", &auth.Response{Status: 401}, "", "", ""},
		{"no response", nil, "help@acme.example", "help@acme.example", ""},
	} {
		e := &auth.Error{Cause: auth.InvalidCredential, Request: me, Response: tt.resp, Support: tt.support}
		var rows []string
		if _, block, ok := strings.Cut(e.Explain(), "\n  support  "); ok {
			for line := range strings.Lines(block) {
				rows = append(rows, strings.TrimSpace(line))
			}
		}
		if got := strings.Join(rows, "|"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		raw, err := json.Marshal(e)
		var out struct{ Time string }
		if err != nil || json.Unmarshal(raw, &out) != nil || out.Time != tt.json {
			t.Errorf("%s: time %q, want %q, %v", tt.name, out.Time, tt.json, err)
		}
	}
}
