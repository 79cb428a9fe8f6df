package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/examples/sdk/acme"
)

// unsetAll gives the variables back when the test ends.
func unsetAll(t *testing.T) {
	t.Helper()
	for _, name := range variables {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
}

// everyForm prints an error in each way that a program has, and the diagnosis
// beneath it. What lies deeper has words for developers.
func everyForm(t *testing.T, err error) string {
	t.Helper()
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v\n%+v\n%s\n%q\n", err, err, err, err)
	encoded, failed := json.Marshal(err)
	if failed != nil {
		t.Error(failed)
	}
	fmt.Fprintf(&out, "%s\n", encoded)
	slog.New(slog.NewTextHandler(&out, nil)).Info("call", "err", err)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("call", "err", err)
	if e, ok := err.(interface{ Explain() string }); ok {
		out.WriteString(e.Explain())
	}
	if e, ok := err.(*acme.Error); ok {
		if why, ok := errors.AsType[*auth.Error](e.Unwrap()); ok {
			out.WriteString(everyForm(t, why))
		}
	}
	return out.String()
}

// nothingOfOurs wants a text in the vendor's name only, and without a secret.
func nothingOfOurs(t *testing.T, what, text string, secrets ...string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.Contains(strings.ToLower(line), "reauth") {
			t.Errorf("%s: the vendor's users read of somebody else: %s", what, line)
		}
	}
	for _, secret := range append(secrets, "not-a-real-key", "test-client-secret", "test-access") {
		if strings.Contains(text, secret) {
			t.Errorf("%s: L7: %q shows:\n%s", what, secret, text)
		}
	}
}

func TestSDK(t *testing.T) {
	unsetAll(t)
	var out, forms bytes.Buffer
	err := run(t.Context(), &out, func(out io.Writer, e *acme.Error) error {
		forms.WriteString(everyForm(t, e))
		return show(out, e)
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	nothingOfOurs(t, "the story", out.String())
	nothingOfOurs(t, "every form", forms.String())

	rest := out.String()
	for _, want := range []string{
		"---- no key", "event.err.cause=missing_credential", "ACME-101", "acme login", "https://acme.example/docs/login", "help@acme.example", "exit status  77",
		"---- a malformed key", "event.kind=found", "ACME-102", "take \"Bearer \" out of ACME_CLOUD_API_KEY", "exit status  77",
		"---- a wrong key", "ACME-102", "is not known", "exit status  77",
		"---- a locked keyring", "ACME-201", "the keyring is locked", "acme doctor", "exit status  78",
		"---- no keyring here", "ACME-101", "no session bus", "log in, or set ACME_CLOUD_API_KEY", "acme login", "exit status  77",
		"---- the login service is down", "ACME-301", "try again in a few minutes", "https://status.acme.example", "exit status  75",
	} {
		i := strings.Index(rest, want)
		if i < 0 {
			t.Fatalf("%q does not come where it should:\n%s", want, out.String())
		}
		rest = rest[i+len(want):]
	}
}

// TestWhatElseGoesWrong: the same for what the story has no room for.
func TestWhatElseGoesWrong(t *testing.T) {
	const canary = "canary-not-a-key-of-anybody-5c2e"
	for _, test := range []struct {
		what string
		code acme.Code
		says string // what the error has to say; nothing in particular
		env  map[string]string
		ring authtest.KeyringConfig
		play func(*authtest.Server, *acme.Client)
		call func(*acme.Client) error
	}{
		{what: "nothing wrong", env: map[string]string{"ACME_CLOUD_API_KEY": canary}},
		{what: "another variable's file", code: acme.Machine, env: map[string]string{"ACME_CLOUD_API_KEY_FILE": canary}},
		{what: "half of the client's variables", code: acme.NoKey, says: "set ACME_CLOUD_TOKEN_URL", env: map[string]string{"ACME_CLOUD_CLIENT_ID": "test-client"}},
		{what: "a keychain that is locked", code: acme.Machine, ring: authtest.KeyringConfig{System: "darwin", State: authtest.KeyringLocked}},
		{what: "a keychain that refuses", code: acme.Machine, ring: authtest.KeyringConfig{System: "darwin", State: authtest.KeyringDenied}},
		{what: "no keychain", code: acme.NoKey, ring: authtest.KeyringConfig{System: "darwin", State: authtest.KeyringAbsent}},
		{what: "nothing in Windows", code: acme.NoKey, ring: authtest.KeyringConfig{System: "windows"}},
		{what: "Windows refuses", code: acme.Machine, ring: authtest.KeyringConfig{System: "windows", State: authtest.KeyringDenied}},
		{what: "a session bus that refuses", code: acme.Machine, ring: authtest.KeyringConfig{State: authtest.KeyringDenied}},
		{what: "a placeholder", code: acme.BadKey, env: map[string]string{"ACME_CLOUD_API_KEY": "<your-key>"}},
		{what: "a line end within", code: acme.BadKey, env: map[string]string{"ACME_CLOUD_API_KEY": canary + "\nx"}},
		{what: "the login is refused", code: acme.BadKey, env: map[string]string{
			"ACME_CLOUD_CLIENT_ID": "test-client", "ACME_CLOUD_CLIENT_SECRET": canary, "ACME_CLOUD_TOKEN_URL": "issuer",
		}},
		{what: "no permission", code: acme.NotAllowed, env: map[string]string{"ACME_CLOUD_API_KEY": canary},
			play: func(srv *authtest.Server, _ *acme.Client) { srv.API.RefuseNext(1, authtest.InsufficientScope) }},
		{what: "another scheme", code: acme.Misuse, env: map[string]string{"ACME_CLOUD_API_KEY": canary},
			play: func(srv *authtest.Server, _ *acme.Client) { srv.API.RefuseNext(1, authtest.BasicOnly) }},
		{what: "no such project", code: acme.NotFound, env: map[string]string{"ACME_CLOUD_API_KEY": canary},
			call: func(c *acme.Client) error { _, err := c.Project(t.Context(), "none"); return err }},
		{what: "no JSON", code: acme.Unreachable, env: map[string]string{"ACME_CLOUD_API_KEY": canary},
			call: func(c *acme.Client) error { _, err := c.Project(t.Context(), "page"); return err }},
		{what: "the API is gone", code: acme.Unreachable, env: map[string]string{"ACME_CLOUD_API_KEY": canary},
			play: func(srv *authtest.Server, _ *acme.Client) { srv.Close() }},
		{what: "used after Close", code: acme.Misuse, env: map[string]string{"ACME_CLOUD_API_KEY": canary},
			play: func(_ *authtest.Server, c *acme.Client) { c.Close() }},
		{what: "every token is refused", code: acme.LoggedOut, env: map[string]string{
			"ACME_CLOUD_CLIENT_ID": "test-client", "ACME_CLOUD_CLIENT_SECRET": "test-client-secret", "ACME_CLOUD_TOKEN_URL": "issuer",
		}, play: func(srv *authtest.Server, c *acme.Client) {
			srv.Set(func(now *authtest.Config) { now.Lifetime = 1 })
			for range 8 {
				srv.API.RefuseNext(math.MaxInt, nil)
				_, _ = c.Me(t.Context())
			}
		}},
		{what: "a strange project", code: acme.Misuse, env: map[string]string{"ACME_CLOUD_API_KEY": canary},
			call: func(c *acme.Client) error { _, err := c.Project(t.Context(), "../../"); return err }},
	} {
		t.Run(test.what, func(t *testing.T) {
			unsetAll(t)
			srv := authtest.NewServer(authtest.Config{Keys: []authtest.Key{{Value: canary}}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/v1/me":
					_, _ = io.WriteString(w, `{"login":"tester"}`)
				case "/v1/projects/page":
					_, _ = io.WriteString(w, "<html>")
				default:
					http.NotFound(w, r)
				}
			})})
			defer srv.Close()
			authtest.StartKeyring(t, test.ring)
			for name, value := range test.env {
				if value == "issuer" {
					value = srv.Issuer.TokenURL
				}
				t.Setenv(name, value)
			}
			var logged bytes.Buffer
			client, err := acme.New(acme.Config{BaseURL: srv.API.URL, Transport: srv.Transport(), Log: logger(&logged)})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if test.play != nil {
				test.play(srv, client)
			}
			err = client.Check(t.Context())
			if test.call != nil {
				err = test.call(client)
			}
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*acme.Error](err)
			if !ok || e.Code != test.code || e.ExitStatus() == 0 {
				t.Errorf("got %v (%T), want %s", err, err, test.code)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error does not say %q: %v", test.says, err)
			}
			nothingOfOurs(t, "the error", everyForm(t, err), canary)
			if goSyntax := fmt.Sprintf("%#v", err); strings.Contains(goSyntax, canary) {
				t.Errorf("L7: the key shows: %s", goSyntax)
			}
			nothingOfOurs(t, "the log", logged.String(), canary)
		})
	}
	if _, err := acme.New(acme.Config{BaseURL: "ftp://acme.example"}); err == nil {
		t.Error("an address of no use was taken")
	} else {
		nothingOfOurs(t, "a wrong address", err.Error())
	}
}
