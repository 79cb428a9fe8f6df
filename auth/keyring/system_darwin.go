package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
)

// ready cannot tell: whether the keychain will ask is known only by asking.
func (system) ready(context.Context, bool) error { return nil }

// platformTrouble knows what the security tool's failures mean. Nil: no idea.
func platformTrouble(err error) *trouble {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitTrouble(e.ExitCode(), err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return unavailable("the security tool of macOS is not there", "no keychain here", err)
	}
	return nil
}
