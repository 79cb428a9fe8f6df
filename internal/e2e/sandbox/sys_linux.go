package sandbox

import "syscall"

// dieWithParent has the kernel end a process when the test binary ends in a way
// that runs no cleanup: a timeout's panic, or a kill.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
