package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/ringtool"
)

// A keychain is macOS' keychain behind its security tool, of which it starts one
// process a call. It ends with the call, whatever it waits for. The library's
// own way has no bound, tells one failure from another by an English sentence,
// and quotes for a POSIX shell, which the tool's lines are not made for.
//
// What is said here about the tool was read in its source: the folder
// Security/SecurityTool/macOS of github.com/apple-oss-distributions/Security,
// files security.c, readline.c, keychain_add.c, keychain_find.c and
// keychain_utilities.c. This file compiles on every system, so that it is tested
// where there is no such tool.
type keychain struct {
	tool string // where the security tool is
}

// What go-keyring puts before a value that it has encoded.
const (
	hexMark    = "go-keyring-encoded:"
	base64Mark = "go-keyring-base64:"
)

// ready cannot tell: whether the keychain will ask is known only by asking.
func (keychain) ready(context.Context, bool) error { return nil }

// get reads what the tool prints for -g, on standard error. What -w prints is
// ambiguous: bytes beyond printable ASCII come as hexadecimal digits, which can
// be a secret as well.
func (k keychain) get(ctx context.Context, service, account string) (string, error) {
	printed, err := k.run(ctx, "", "find-generic-password", "-s", service, "-a", account, "-g")
	if err != nil {
		return "", err
	}
	raw, ok := passwordLine(printed)
	if !ok {
		return "", &trouble{cause: auth.SourceFailed, confidence: auth.Likely, answer: "failed",
			fact: "the security tool reported success and printed no value that can be read"}
	}
	if digits, ok := strings.CutPrefix(raw, hexMark); ok {
		b, err := hex.DecodeString(strings.TrimSpace(digits))
		return string(b), err
	}
	if digits, ok := strings.CutPrefix(raw, base64Mark); ok {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(digits))
		return string(b), err
	}
	return raw, nil
}

// set tells the tool through its standard input: arguments are visible to every
// process. The value goes bare if it is printable ASCII, and encoded as
// go-keyring does it if it is not, or if its escapes fill the line.
func (k keychain) set(ctx context.Context, service, account, value string) error {
	line := addLine(service, account, value)
	if !printable(value) || len(line) > darwinLine || strings.HasPrefix(value, hexMark) || strings.HasPrefix(value, base64Mark) {
		line = addLine(service, account, base64Mark+base64.StdEncoding.EncodeToString([]byte(value)))
	}
	if len(line) > darwinLine { // the tool would take the rest for a command
		return &trouble{cause: auth.ValueTooBig, confidence: auth.Certain, answer: "too big", fact: "the value is too big for the security tool of macOS"}
	}
	_, err := k.run(ctx, line, "-i")
	return err
}

func (k keychain) del(ctx context.Context, service, account string) error {
	_, err := k.run(ctx, "", "delete-generic-password", "-s", service, "-a", account)
	return err
}

func addLine(service, account, value string) string {
	return "add-generic-password -U -s " + ringtool.Argument(service) + " -a " + ringtool.Argument(account) + " -w " + ringtool.Argument(value) + "\n"
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// passwordLine finds the value in what -g printed: "password: " and then the
// value between quotes, nothing for an empty one, or 0x with hexadecimal digits,
// which is how a value is shown that has a backslash or a byte beyond printable
// ASCII in it.
func passwordLine(printed string) (value string, ok bool) {
	for line := range strings.Lines(printed) {
		shown, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "password: ")
		if !found {
			continue
		}
		if digits, isHex := strings.CutPrefix(shown, "0x"); isHex {
			digits, _, _ = strings.Cut(digits, " ")
			b, err := hex.DecodeString(digits)
			return string(b), err == nil
		}
		if len(shown) >= 2 && shown[0] == '"' && shown[len(shown)-1] == '"' {
			return shown[1 : len(shown)-1], true
		}
		return "", shown == ""
	}
	return "", false
}

const (
	// toolOutput bounds what is kept of the tool's standard error. A value
	// takes up to six times its size there.
	toolOutput = 1 << 20
	// toolEnd is how long its standard error may stay open after its end.
	toolEnd = 100 * time.Millisecond
)

// run starts the tool and returns what it printed on standard error. The
// process has ended when run returns, and ends with ctx at the latest.
func (k keychain) run(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, k.tool, args...)
	cmd.WaitDelay = toolEnd
	cmd.Stdin = strings.NewReader(input)
	printed := &bounded{room: toolOutput}
	cmd.Stderr = printed
	err := cmd.Run()
	switch {
	case err == nil:
		return printed.kept.String(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case printed.full: // of which it may have died
		return "", fmt.Errorf("the security tool of macOS printed more than %d bytes", toolOutput)
	case errors.Is(err, fs.ErrNotExist):
		return "", unavailable("the security tool of macOS is not there: "+brief(err.Error()), "no keychain here", err)
	}
	err = fmt.Errorf("%s: %w%s", k.tool, err, complaint(printed.kept.String()))
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() == 44 { // errSecItemNotFound
			return "", errNotFound
		}
		if t := exitTrouble(exit.ExitCode(), err); t != nil {
			return "", t
		}
	}
	return "", err
}

// complaint is what the tool said about a failure, quoted, without the lines
// that may hold a part of a value.
func complaint(printed string) string {
	const says = "security: "
	var said []string
	for line := range strings.Lines(printed) {
		words, ok := strings.CutPrefix(strings.TrimSpace(line), says)
		if ok && !strings.HasPrefix(words, "unknown command") {
			said = append(said, words)
		}
	}
	if said == nil {
		return ""
	}
	return fmt.Sprintf(": %q", brief(strings.Join(said, "; ")))
}

// bounded keeps what is written to it, up to a limit.
type bounded struct {
	kept bytes.Buffer // not embedded: its ReadFrom knows no limit
	room int
	full bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.room {
		b.full = true
		return 0, io.ErrShortBuffer
	}
	b.room -= len(p)
	return b.kept.Write(p)
}
