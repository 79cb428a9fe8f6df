package transcript_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/cmd/reauth/internal/transcript"
)

// FuzzRead: whatever a server answers, and whatever else is in the input, there
// is an answer, and it shows nothing of what the request carried. "@@" stands for
// that in the seeds.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.ReplaceAll(string(raw), key, "@@"))
	}
	f.Add(refusal)
	f.Add("< HTTP/1.1 401 @@\n< X-@@: @@\n< WWW-Authenticate: @@ realm=\"@@\", error=\"@@\"\n<\n@@")
	f.Add("< HTTP/1.1 302 Found\n< Location: http://b.example/\n<\n> GET /@@ HTTP/1.1\n> Host: b.example\n>\n< HTTP/1.1 403 No\n<\n{\"error\":\"@@\"}")
	f.Fuzz(func(t *testing.T, answer string) {
		request := "* Connected to a.example\n> GET /v1/me HTTP/1.1\n> Host: a.example\n> Authorization: Bearer " + key + "\n>\n"
		input := request + strings.ReplaceAll(answer, "@@", key)
		x, refusals, err := transcript.Read(strings.NewReader(input))
		if err != nil {
			if strings.Contains(err.Error(), key) {
				t.Errorf("L7: %v", err)
			}
			return
		}
		if x.Status < 100 || x.Status > 999 || refusals < 0 {
			t.Errorf("status %d, %d refusals", x.Status, refusals)
		}
		e := x.Diagnose(now)
		if e.Cause.Step() == "" || len(e.Evidence) == 0 {
			t.Errorf("%s without evidence", e.Cause)
		}
		silent(t, e, key)
	})
}

// FuzzLines: no line of JSON stops those after it.
func FuzzLines(f *testing.F) {
	f.Add(`{"id":"a","request":{"method":"GET","url":"https://a.example/","scheme_sent":"bearer","header_name":"Authorization","credential_shape":"Bearer x"},"response":{"status":401,"headers":{"WWW-Authenticate":["Bearer"]},"body":{"a":1}}}`)
	f.Add(`{"response":{"status":-1,"headers":{"":""}}}`)
	f.Add(`[{}]`)
	f.Fuzz(func(t *testing.T, line string) {
		lines := 0
		for x, err := range transcript.Lines(strings.NewReader(line + "\n" + `{"id":"last","response":{"status":401}}`)) {
			if lines++; err == nil {
				if e := x.Diagnose(now); len(e.Evidence) == 0 {
					t.Error("no evidence")
				}
			}
			if x.ID == "last" && err == nil {
				lines = -1 << 20
			}
		}
		if lines > 0 {
			t.Error("the last line was not read")
		}
	})
}
