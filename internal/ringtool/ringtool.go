// Package ringtool writes the commands by which a person stores a secret in the
// keyring of each system, with the tools that come with it. They ask for the
// secret themselves, so that it shows neither in the list of processes nor in
// the shell's history.
package ringtool

import (
	"regexp"
	"strings"
)

// Store returns the command that writes an entry on the system goos, or nothing
// if there is no safe way to write it. secret-tool may have to be installed
// first; the other tools are part of their systems.
func Store(goos, service, account string) string {
	if strings.ContainsFunc(service+account, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	switch goos {
	case "darwin":
		// Not security's own prompt: what is longer than 128 bytes it cuts,
		// and says nothing.
		line := "add-generic-password -U -s " + Argument(service) + " -a " + Argument(account) + " -w"
		return `(IFS= read -rs s && printf '%s "%s"\n' ` + Shell(line) + ` "$(printf %s "$s" | sed 's/[\\"]/\\&/g')" | security -i)`
	case "windows":
		if strings.ContainsAny(service+account, `"%$`+"`") || strings.ContainsFunc(service+account, func(r rune) bool { return r > '~' }) {
			return "" // typographic quotes are quotes to PowerShell; no way to write it that both cmd and PowerShell understand
		}
		quote := ""
		if strings.ContainsFunc(service+account, notPlain) {
			quote = `"`
		}
		return "cmdkey " + quote + "/generic:" + service + ":" + account + quote + " " + quote + "/user:" + account + quote + " /pass"
	}
	return "secret-tool store --label=" + Shell(service) + " service " + Shell(service) + " username " + Shell(account)
}

var needsQuotes = regexp.MustCompile(`[^\w@%+=:,./-]`)

// Shell makes s one word for a POSIX shell.
func Shell(s string) string {
	if s == "" || needsQuotes.MatchString(s) {
		return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
	}
	return s
}

// Argument makes s one argument on a line that macOS' security reads: between
// quotes of either kind a backslash takes the next byte as it is, and a closing
// quote ends the argument, whatever follows.
func Argument(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// notPlain reports whether one of Windows' shells may see something in r.
func notPlain(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-')
}
