//go:build unix && !linux

package dev

import "syscall"

// apart keeps the terminal's Ctrl-C from the child, which we stop in good order ourselves. Only Linux can also end it
// when we are killed.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
