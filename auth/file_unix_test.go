//go:build unix

package auth_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
)

func TestL10_FileNeverOpensAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	answer := make(chan error, 1)
	go func() {
		_, err := auth.File(path).Credential(t.Context())
		answer <- err
	}()
	select {
	case err := <-answer:
		wantCause(t, err, auth.SourceFailed)
	case <-time.After(5 * time.Second):
		t.Fatal("hangs on a pipe that nobody writes to")
	}
}
