package ringtool_test

import (
	"os"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/internal/ringtool"
)

// TestStore: the commands are those of the README, and what cannot be quoted has none.
// Package keyring's tests have the names that need quotes.
func TestStore(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for goos, want := range map[string]string{
		"linux":   "secret-tool store --label=acme service acme username default",
		"darwin":  `(IFS= read -rs s && printf '%s "%s"\n' 'add-generic-password -U -s "acme" -a "default" -w' "$(printf %s "$s" | sed 's/[\\"]/\\&/g')" | security -i)`,
		"windows": "cmdkey /generic:acme:default /user:default /pass",
	} {
		got := ringtool.Store(goos, "acme", "default")
		if got != want {
			t.Errorf("%s: %q", goos, got)
		}
		short := strings.NewReplacer(`"acme"`, "acme", `"default"`, "default").Replace(got) // which a person writes
		if !strings.Contains(string(readme), short) {
			t.Errorf("%s: the README does not have %q", goos, short)
		}
		if got := ringtool.Store(goos, "acme\nrm", "default"); got != "" {
			t.Errorf("%s: a line break: %q", goos, got)
		}
	}
}
