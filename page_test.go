package reauth_test

import (
	"strings"
	"testing"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
)

// TestL13_AVariableThatHidesAKey: "I stored a new key, and it still uses the old one"
// is said on the page, with what to do. Nothing is hidden by the same key.
func TestL13_AVariableThatHidesAKey(t *testing.T) {
	const old = "old-not-a-real-key-55c0"
	clearEnv(t, "ACME_")
	t.Setenv("ACME_API_KEY", old)
	srv := keyServer(t, nil)
	ring := authtest.StartKeyring(t, authtest.KeyringConfig{})
	page := func() string {
		client := mustClient(t, reauth.Config{Name: "acme", BaseURL: srv.API.URL, Docs: "https://acme.example/docs/auth", Support: "help@acme.example"})
		page := wantError(t, client.Get(t.Context(), "/v1/me", nil), auth.InvalidCredential).Explain()
		if strings.Contains(page, old) || strings.Contains(page, canary) {
			t.Fatalf("L7: the page shows a key:\n%s", page)
		}
		return page
	}
	ring.Put("acme", "default", canary)
	got := page()
	for _, want := range []string{
		"  tried    env ACME_API_KEY      found\n",
		"           keyring acme/default  holds a different key, hidden by env ACME_API_KEY\n",
		"; or unset ACME_API_KEY, which hides a different key stored in the keyring entry acme/default\n",
		"  read     https://acme.example/docs/auth\n  support  help@acme.example\n           ", // then time or request id
		"\n           curl --noproxy '*' -H \"Authorization: Bearer $ACME_API_KEY\" " + srv.API.URL + "/v1/me\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
	for name, value := range map[string]string{"the same key": old, "the same key, as a file has it": old + "\n", "nothing": ""} {
		ring.Put("acme", "default", value)
		if got := page(); strings.Contains(got, "hid") || strings.Contains(got, "keyring") {
			t.Errorf("%s is hidden:\n%s", name, got)
		}
	}
}
