package dev

import "syscall"

// apart keeps the terminal's Ctrl-C from the child, which we stop in good order ourselves, and has the kernel kill it
// when our thread is gone, whatever ended us. The thread that starts the child must live as long as it does.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
