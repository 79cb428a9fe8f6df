package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestClientCredentials(t *testing.T) {
	for _, name := range []string{"REPORTS_CLIENT_ID", "REPORTS_CLIENT_SECRET", "REPORTS_TOKEN_URL"} {
		t.Setenv(name, "") // so that what run sets ends with the test
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"hello, tester\nhello, tester\nhello, tester\n", "2 exchanges", "client_rejected (certain)", "invalid_client", "client secret",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	for _, secret := range []string{"test-client-secret", "mistyped"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("L7: %q shows:\n%s", secret, out.String())
		}
	}
}
