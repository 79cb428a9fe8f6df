package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestErrors wants each of the six steps once, and one failure that is none of
// our business, each with something to do.
func TestErrors(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"ask for the key again: set ACME_ERRORS_EXAMPLE_KEY", "tell a developer: ", "offer a log-in: ", "show what the provider says: ",
		"tell whoever runs this machine: ", "try again later: ", "not about authentication: ",
	} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("%q does not come once:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), ": \n") {
		t.Errorf("a failure without a remedy:\n%s", out.String())
	}
}
