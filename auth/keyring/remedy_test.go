package keyring_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
)

func TestRemedyNamesOnlyCommandsThatExist(t *testing.T) {
	all := []string{"secret-tool", "gnome-keyring-daemon"}
	display := map[string]string{"DISPLAY": ":0"}
	locked := keyring.Locked()
	const unlock = `(IFS= read -rs p && printf %s "$p" | gnome-keyring-daemon --replace --unlock)`
	for _, tt := range []struct {
		name    string
		host    keyring.Host
		service string
		err     error
		want    string
	}{
		{"linux, missing", keyring.Host{GOOS: "linux", Programs: all}, "acme", keyring.ErrNotFound, "secret-tool store --label=acme service acme username default"},
		{"linux, missing, quoted", keyring.Host{GOOS: "linux", Programs: all}, "my app; rm", keyring.ErrNotFound, "secret-tool store --label='my app; rm' service 'my app; rm' username default"},
		{"linux, missing, no tool", keyring.Host{GOOS: "linux"}, "acme", keyring.ErrNotFound, ""},
		{"freebsd, missing", keyring.Host{GOOS: "freebsd", Programs: all}, "acme", keyring.ErrNotFound, "secret-tool store --label=acme service acme username default"},
		{"darwin, missing", keyring.Host{GOOS: "darwin"}, "acme", keyring.ErrNotFound, `(IFS= read -rs s && printf '%s "%s"\n' 'add-generic-password -U -s "acme" -a "default" -w' "$(printf %s "$s" | sed 's/[\\"]/\\&/g')" | security -i)`},
		{"darwin, missing, quoted", keyring.Host{GOOS: "darwin"}, "o'neil", keyring.ErrNotFound, `(IFS= read -rs s && printf '%s "%s"\n' 'add-generic-password -U -s "o'"'"'neil" -a "default" -w' "$(printf %s "$s" | sed 's/[\\"]/\\&/g')" | security -i)`},
		{"windows, missing", keyring.Host{GOOS: "windows"}, "acme", keyring.ErrNotFound, "cmdkey /generic:acme:default /user:default /pass"},
		{"windows, missing, quoted", keyring.Host{GOOS: "windows"}, "my app", keyring.ErrNotFound, `cmdkey "/generic:my app:default" "/user:default" /pass`},
		{"windows, missing, not to be quoted", keyring.Host{GOOS: "windows"}, "50%", keyring.ErrNotFound, ""},
		{"linux, locked, headless", keyring.Host{GOOS: "linux", Programs: all}, "acme", locked, unlock},
		{"linux, locked, desktop", keyring.Host{GOOS: "linux", Programs: all, Env: display}, "acme", locked, "secret-tool lookup service acme username default >/dev/null"},
		{"linux, locked, no tool", keyring.Host{GOOS: "linux"}, "acme", locked, ""},
		{"darwin, locked", keyring.Host{GOOS: "darwin"}, "acme", locked, "security unlock-keychain"},
		{"unavailable", keyring.Host{GOOS: "linux", Programs: all}, "acme", keyring.Unavailable("no bus"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &keyring.Fake{Get: func(string, string) (string, error) { return "", tt.err }}
			e, err := keyring.NewWith(keyring.Config{Service: tt.service}, f, keyring.NewGate(), tt.host)
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Credential(t.Context())
			got, ok := errors.AsType[*auth.Error](err)
			if !ok {
				t.Fatal(err)
			}
			if got.Remedy.Command != tt.want {
				t.Errorf("command %q, want %q", got.Remedy.Command, tt.want)
			}
			if r := got.Remedy.Text; r == "" || strings.HasSuffix(r, ".") || strings.Contains(r, "\n") {
				t.Errorf("text %q", r)
			}
		})
	}
}
