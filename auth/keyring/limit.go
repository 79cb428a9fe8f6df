package keyring

import (
	"math"
	"regexp"
	"strings"
)

// What the systems hold. The library checks the same, but on macOS it leaves a
// child process behind when it refuses, so that it must never come to that.
const (
	windowsMax = 2560 // CRED_MAX_CREDENTIAL_BLOB_SIZE

	// On macOS one line tells the security tool what to store.
	darwinLine = 4096
	darwinRest = "add-generic-password -U -s  -a  -w \n" + "go-keyring-base64:"
)

// maxSize returns the most bytes that a value may have.
func maxSize(goos, service, account string) int {
	switch goos {
	case "windows":
		return windowsMax
	case "darwin":
		room := darwinLine - len(darwinRest) - len(shellQuote(service)) - len(shellQuote(account))
		return max(0, room/4*3) // base64
	}
	return math.MaxInt
}

var needsQuotes = regexp.MustCompile(`[^\w@%+=:,./-]`)

// shellQuote makes s one word for a POSIX shell. It is the rule by which the
// library builds its line on macOS, so that maxSize can count with it.
func shellQuote(s string) string {
	if s == "" || needsQuotes.MatchString(s) {
		return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
	}
	return s
}
