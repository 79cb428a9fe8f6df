package diagnose_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth/diagnose"
)

// TestL7_HiddenValues: what else a recorded request carried is not shown, and
// what is everybody's stays readable.
func TestL7_HiddenValues(t *testing.T) {
	const canary = "Zq7-Kanary9x_TcW4"
	echo := body(`{"message":"got ` + canary + ` for alice at /v1/accounts/me","request_id":"` + canary + `"}`)
	all := []opt{echo, header("X-Request-Id", canary), announces(`Bearer ` + canary + `="x", realm="` + canary + `"`)}
	for name, value := range map[string]string{
		"a key":      canary,
		"a scheme":   "Token " + canary,
		"parameters": `Digest username="alice", uri="/v1/accounts/me", response="` + canary + `"`,
		"cookies":    "lang=en; sid=" + canary,
		"a pair":     "Basic YWxpY2U6WnE3LUthbmFyeTl4X1RjVzQ=",
	} {
		x := recording(401, "none", "", "", "", all...)
		x.Hide(value)
		e := diagnose.Refusal(x, diagnose.Words{})
		raw, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%s %s %+v", raw, e.Explain(), e.Response); strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
			t.Errorf("L7: %s:\n%s", name, text)
		}
		if !strings.Contains(e.Response.Body, "for alice at /v1/accounts/me") {
			t.Errorf("%s: too much is masked: %s", name, e.Response.Body)
		}
		if e.Response.RequestID != "" {
			t.Errorf("%s: request id %q", name, e.Response.RequestID)
		}
	}
	for _, name := range []string{"token", "client_secret", "client_assertion", "code", "code_verifier", "device_code", "refresh_token", "password"} {
		x := recording(400, "other", "request-body", "grant_type=x&"+name+"="+canary, "", to("POST", tokens), echo)
		if text := diagnose.Refusal(x, diagnose.Words{}).Explain(); strings.Contains(text, canary) {
			t.Errorf("L7: %s:\n%s", name, text)
		}
	}
}

// What was before a recorded exchange is not claimed.
func TestRecordingsClaimNoHistory(t *testing.T) {
	for _, said := range []string{"invalid, expired or revoked token", "Invalid API key", "Unauthorized", "token revoked"} {
		for _, o := range []opt{body(`{"message":"` + said + `"}`), announces(`Bearer error="invalid_token", error_description="` + said + `"`)} {
			e := diagnose.Refusal(recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", o), diagnose.Words{})
			if text := e.Explain(); strings.Contains(text, "since the program started") || strings.Contains(text, "this program") {
				t.Errorf("%s:\n%s", said, text)
			}
		}
	}
}
