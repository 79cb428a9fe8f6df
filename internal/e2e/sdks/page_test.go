package sdks_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPage: docs/sdks.md shows the lines that these tests run, no other ones,
// and names the versions that they ran with.
func TestPage(t *testing.T) {
	t.Parallel()
	page := read(t, "../../../docs/sdks.md")
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, file := range files {
		for _, wiring := range regexp.MustCompile(`(?s)\n// docs/sdks\.md\n(.*?)\n+// end\n`).FindAllStringSubmatch(read(t, file), -1) {
			shown++
			if !strings.Contains(page, "\n```go\n"+wiring[1]+"\n```\n") {
				t.Errorf("the page does not show these lines of %s:\n%s", file, wiring[1])
			}
			if n := len(regexp.MustCompile(`(?m)^.*\S`).FindAllString(wiring[1], -1)); n > 5 {
				t.Errorf("%d lines of %s are too many for a page", n, file)
			}
		}
	}
	if n := len(regexp.MustCompile("(?m)^```go\n(var \\w+Config|func new)").FindAllString(page, -1)); n != shown || n < 7 {
		t.Errorf("the page wires %d SDKs, and the tests %d", n, shown)
	}

	needs := regexp.MustCompile(`(?m)^\s+(\S+) (v\S+)`).FindAllStringSubmatch(read(t, "../go.mod"), -1)
	for _, sdk := range []string{
		"github.com/openai/openai-go/v3", "github.com/anthropics/anthropic-sdk-go", "github.com/google/go-github/v89", "github.com/stripe/stripe-go/v85",
		"resty.dev/v3", "github.com/go-resty/resty/v2", "github.com/oapi-codegen/runtime", "github.com/Azure/azure-sdk-for-go/sdk/azcore",
	} {
		found := false
		for _, need := range needs {
			found = found || need[1] == sdk && strings.Contains(page, "`"+sdk+"` "+need[2]+"\n")
		}
		if !found {
			t.Errorf("the page does not name %s in the version of go.mod", sdk)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
