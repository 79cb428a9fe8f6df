package keyring

import (
	"context"
	"errors"
	"syscall"
)

// ready has nothing to ask: the Credential Manager neither prompts nor locks.
func (system) ready(context.Context, bool) error { return nil }

// platformTrouble knows what Windows' error numbers mean. Nil: no idea.
func platformTrouble(err error) *trouble {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return errnoTrouble(uintptr(number), err)
	}
	return nil
}
