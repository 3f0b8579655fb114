//go:build !linux

package pgtest

import "syscall"

// WithParent leaves a process alone when the one that started it is killed: the
// system has no word for it.
func WithParent(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
