package keyring

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"

	"github.com/reauth-go/reauth/auth"
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

// remedy says what to do. Commands ask for the secret themselves, so that it
// shows neither in the list of processes nor in the shell's history, and are
// only named where they exist.
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
	switch h.goos {
	case "darwin":
		// Not security's own prompt: what is longer than 128 bytes it cuts,
		// and says nothing.
		line := "add-generic-password -U -s " + toolQuote(service) + " -a " + toolQuote(account) + " -w"
		return `(IFS= read -rs s && printf '%s "%s"\n' ` + shellQuote(line) + ` "$s" | security -i)`
	case "windows":
		if strings.ContainsAny(service+account, `"%$`+"`") {
			return "" // no way to write it that both cmd and PowerShell understand
		}
		quote := ""
		if strings.ContainsFunc(service+account, notPlain) {
			quote = `"`
		}
		return "cmdkey " + quote + "/generic:" + service + ":" + account + quote + " " + quote + "/user:" + account + quote + " /pass"
	}
	if !h.has("secret-tool") {
		return ""
	}
	return "secret-tool store --label=" + shellQuote(service) + " service " + shellQuote(service) + " username " + shellQuote(account)
}

var needsQuotes = regexp.MustCompile(`[^\w@%+=:,./-]`)

// shellQuote makes s one word for a POSIX shell.
func shellQuote(s string) string {
	if s == "" || needsQuotes.MatchString(s) {
		return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
	}
	return s
}

// notPlain reports whether one of Windows' shells may see something in r.
func notPlain(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-')
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
			r.Command = "secret-tool lookup service " + shellQuote(service) + " username " + shellQuote(account) + " >/dev/null"
		}
	case h.has("gnome-keyring-daemon"):
		// A daemon that runs ignores --unlock without --replace, and takes a
		// line end as part of the password.
		r.Text = "unlock the keyring: log in to the desktop session, or start the keyring's daemon anew with its password"
		r.Command = `(IFS= read -rs p && printf %s "$p" | gnome-keyring-daemon --replace --unlock)`
	}
	return r
}
