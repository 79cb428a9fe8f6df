package transport_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
)

// TestL13_ShadowedIsTold: a refused key that hides another one says so, in the
// diagnosis and as an event; the hidden places are asked once for each
// credential, and never on success.
func TestL13_ShadowedIsTold(t *testing.T) {
	t.Setenv("REAUTH_TEST_KEY", "old-key")
	behind := &counting{Source: auth.Static("new-key")}
	w := accepts("Bearer new-key")
	heard := &journal{}
	tr := newTransport(t, transport.Config{Source: auth.FirstOf(auth.Env("REAUTH_TEST_KEY"), behind), Base: w, Hook: heard.hook})
	var e *auth.Error
	for range 3 {
		e = wantCause(t, fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).diagnosis(), auth.InvalidCredential)
	}
	wantEqual(t, "looks behind", behind.calls.Load(), int32(1))
	wantEqual(t, "shadowed events", strings.Count(heard.kinds(), "shadowed"), 1)
	page := e.Explain()
	for _, want := range []string{"static", "hidden by env REAUTH_TEST_KEY", "unset REAUTH_TEST_KEY, which hides"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "old-key") || strings.Contains(page, "new-key") {
		t.Errorf("L7: the page shows a key:\n%s", page)
	}

	t.Setenv("REAUTH_TEST_KEY", "new-key")
	good := newTransport(t, transport.Config{Source: auth.FirstOf(auth.Env("REAUTH_TEST_KEY"), behind), Base: w})
	wantStatus(t, fetch(t, good, newRequest(t, http.MethodGet, acme, nil)), 200)
	wantEqual(t, "looks behind after a success", behind.calls.Load(), int32(1))
}
