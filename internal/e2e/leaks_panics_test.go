package e2e_test

import (
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestL7_PanicsThatEndAProgram: the runtime prints the value of a panic in a way
// of its own. A child panics with each holder, one while the other is under way:
// the runtime prints them all.
func TestL7_PanicsThatEndAProgram(t *testing.T) {
	const child = "REAUTH_E2E_PANIC"
	if os.Getenv(child) != "" {
		all := holders(t, "panic")
		all["the last, which shows it"] = canary
		names := slices.Sorted(maps.Keys(all))
		dead := make(chan bool)
		go func() { // where no test recovers it
			defer close(dead)
			for _, name := range names {
				defer func() { panic(all[name]) }()
			}
		}()
		<-dead
		select {}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestL7_PanicsThatEndAProgram$")
	cmd.Env = append(os.Environ(), child+"=1", "GOTRACEBACK=all")
	out, err := cmd.CombinedOutput()
	panics, canaries := strings.Count(string(out), "panic: "), 0
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "panic: "+canary) {
			canaries++
			continue
		}
		if found := find(line); found != "" {
			t.Errorf("a panic shows the secret: %s", found)
		}
	}
	if err == nil || panics < 200 || canaries != 1 {
		t.Errorf("%d panics, and %d that show the canary: %v\n%.3000s", panics, canaries, err, out)
	}
	t.Logf("%d panics", panics)
}
