//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import "fmt"

var Preflight = preflight

// UnlockFailed is what the library says if a collection stayed locked.
func UnlockFailed() error {
	return fmt.Errorf("failed to unlock correct collection '%v'", loginCollection)
}
