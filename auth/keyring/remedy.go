package keyring

import (
	"os"
	"os/exec"
	"runtime"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/ringtool"
)

// A host is what advice depends on.
type host struct {
	goos   string
	has    func(program string) bool // whether it can be started from here
	getenv func(string) string
}

var thisHost = host{
	goos: runtime.GOOS,
	has: func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	},
	getenv: os.Getenv,
}

const elsewhere = "use an environment variable or a file"

// remedy says what to do. Commands are only named where they exist.
func (h host) remedy(cause auth.Cause, service, account string) auth.Remedy {
	switch cause {
	case auth.MissingCredential, auth.EmptyCredential, auth.SourceCorrupt, auth.MalformedCharacters:
		return auth.Remedy{Text: "store the credential in the keyring under service " + service + ", account " + account, Command: h.store(service, account)}
	case auth.SourceLocked:
		return h.unlock(service, account)
	case auth.SourceUnavailable:
		return auth.Remedy{Text: elsewhere + "; to have no keyring is normal on servers and in containers"}
	case auth.SourceTimeout:
		return auth.Remedy{Text: "answer the prompt that may be waiting on some screen, or " + elsewhere}
	case auth.SourceDenied:
		return auth.Remedy{Text: "let this program use the keyring, or " + elsewhere}
	case auth.ValueTooBig:
		return auth.Remedy{Text: "keep the value in a file that only you can read, and name that file"}
	}
	return auth.Remedy{}
}

// store returns the command that writes the entry.
func (h host) store(service, account string) string {
	if h.goos != "darwin" && h.goos != "windows" && !h.has("secret-tool") {
		return ""
	}
	return ringtool.Store(h.goos, service, account)
}

// unlock returns the way to unlock the keyring. It avoids what would print the
// secret.
func (h host) unlock(service, account string) auth.Remedy {
	if h.goos == "darwin" {
		return auth.Remedy{Text: "unlock the keychain", Command: "security unlock-keychain"}
	}
	r := auth.Remedy{Text: "unlock the keyring: log in to the desktop session, or open its password manager"}
	switch {
	case h.getenv("DISPLAY") != "" || h.getenv("WAYLAND_DISPLAY") != "":
		// Looking something up makes the desktop ask for the password.
		if h.has("secret-tool") {
			r.Command = "secret-tool lookup service " + ringtool.Shell(service) + " username " + ringtool.Shell(account) + " >/dev/null"
		}
	case h.has("gnome-keyring-daemon"):
		// A daemon that runs ignores --unlock without --replace, and takes a
		// line end as part of the password.
		r.Text = "unlock the keyring: log in to the desktop session, or start the keyring's daemon anew with its password"
		r.Command = `(IFS= read -rs p && printf %s "$p" | gnome-keyring-daemon --replace --unlock)`
	}
	return r
}
