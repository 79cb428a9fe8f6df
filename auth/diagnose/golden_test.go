package diagnose_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

var update = flag.Bool("update", false, "write the pages anew")

// fingerprints are different in every process.
var fingerprints = regexp.MustCompile(`fingerprint [0-9a-f]{8}`)

// The pages that people read, as they read them.
func TestExplainPages(t *testing.T) {
	words := diagnose.Words{Docs: "https://acme.example/docs/auth", Support: "help@acme.example", Login: "acme login"}
	answered := with(header("Date", now.Format(httpTime)), header("X-Request-Id", "7f3c21"))
	found := cred(func(c *auth.Credential) { c.Tried = []auth.Attempt{{Place: c.Provenance, Answer: "found"}} })
	pages := map[string]*auth.Error{
		"doubled_bearer": diagnose.Refusal(refused(secret("Bearer k3y-7f1c90aa5be24d61"), found, answered, renewal(diagnose.RenewalUnchanged, nil)), words),
		"invalid_key": diagnose.Refusal(refused(from(inKeyring), found, answered, renewal(diagnose.RenewalUnchanged, nil),
			body(`{"error":{"message":"Incorrect API key provided: k3y-7f1c90aa5be24d61. You can find your API key at https://acme.example/keys","code":"invalid_api_key"}}`)), words),
		"insufficient_scope": diagnose.Refusal(refused(from(byOAuth), status(403), scopes("read"), answered,
			announces(`Bearer realm="acme", error="insufficient_scope", scope="read write", error_description="needs write"`)), words),
		"login_expired": diagnose.Refusal(refused(from(byOAuth), expiry(-2*time.Minute), found, answered,
			announces(`Bearer error="invalid_token", error_description="The access token expired"`), renewal(diagnose.RenewalFailed, deadGrant)), words),
		"issuer_down": diagnose.Refusal(refused(from(byOAuth), expiry(-2*time.Minute), found, answered,
			renewal(diagnose.RenewalFailed, sourceError(auth.IssuerUnavailable, "the token endpoint cannot be reached: connection refused"))), words),
		"clock_skew": diagnose.Refusal(refused(secret(jwt(map[string]any{"exp": at(30 * time.Minute)})), clock(61*time.Minute, 2), answered,
			announces(`Bearer error="invalid_token"`)), words),
		"proxy":          diagnose.Refusal(refused(status(407), header("Via", "1.1 proxy.corp.example (squid)")), words),
		"proxy_connect":  diagnose.ProxyRefused(errors.New("Proxy Authentication Required"), "GET", url+"?key=1", words),
		"foreign_origin": diagnose.Refusal(refused(notSent(diagnose.ForeignOrigin)), words),
		"wrong_scheme":   diagnose.Refusal(refused(user("alice", "sesame"), answered, announces(`Bearer realm="acme"`)), words),
		"hotel_network":  diagnose.Refusal(refused(header("Content-Type", "text/html"), body("<html><head><title>Welcome to our WiFi</title></head>")), words),
		"unknown":        diagnose.Refusal(refused(from(byOAuth), answered, body(`{"message":"Unauthorized"}`)), words),
		"line_break": diagnose.Unsent(diagnose.Value(&auth.Credential{Secret: auth.NewSecret("k3y-7f1c90\n"), Provenance: inCode}, auth.Bearer),
			"GET", url, words),
	}
	for name, e := range pages {
		t.Run(name, func(t *testing.T) {
			golden(t, name, fingerprints.ReplaceAllString(e.Explain(), "fingerprint 00000000"))
		})
	}
}

// golden compares a text with the file of that name in testdata, or writes that.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, storeCommand(), secretTool)
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
