package main

import (
	"bytes"
	"testing"
)

func TestMapsKey(t *testing.T) {
	t.Setenv("GOOGLE_MAPS_API_KEY", "")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `the API accepted key 1
the program sees /maps/api/geocode/json?address=Lucerne&language=de
with another key: status 200, step verify_credential, REQUEST_DENIED: true
the key in the error: false
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
}
