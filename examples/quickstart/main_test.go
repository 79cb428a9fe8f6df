package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestQuickstart holds what the README promises of it, chapter by chapter. What
// depends on the machine (ports, times, whether it has a keyring) is left out.
func TestQuickstart(t *testing.T) {
	t.Setenv(variable, "")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	rest := out.String()
	for _, want := range []string{
		"1. A key is found", "found     env", "hello, tester",
		"2. The key is missing", "was not sent", "missing_credential", "env ACME_QUICKSTART_API_KEY", "not set", "keyring acme-quickstart/default", "set ACME_QUICKSTART_API_KEY",
		"3. A token expires", "found     oauth", "hello, tester", "renewed   oauth", "hello, tester",
		"4. The token is revoked", "renewed   oauth", "repeated  oauth", "hello, tester", "saw 2 requests and refused 1",
		"5. The session itself is over", "refresh_rejected (certain)", "invalid_grant", "log in again", "acme login",
	} {
		i := strings.Index(rest, want)
		if i < 0 {
			t.Fatalf("%q does not come where it should:\n%s", want, out.String())
		}
		rest = rest[i+len(want):]
	}
	for _, secret := range []string{"not-a-real-key", "test-client-secret", "test-access", "test-refresh"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("L7: %q shows:\n%s", secret, out.String())
		}
	}
}
