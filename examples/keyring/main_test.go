package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestKeyring accepts both outcomes, since the machine may have no keyring; the
// end-to-end suite runs it with one.
func TestKeyring(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	text := out.String()
	with := strings.Contains(text, "found in keyring reauth-example/default\nhello, tester\ndeleted again\n")
	without := strings.Contains(text, "cannot be used here") && strings.Contains(text, "  fix ")
	if with == without {
		t.Errorf("neither a keyring that works nor an explanation:\n%s", text)
	}
	if strings.Contains(text, "not-a-real-key") {
		t.Errorf("L7: the key shows:\n%s", text)
	}
}
