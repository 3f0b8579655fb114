package pgtest

import "syscall"

// WithParent has a process end by a signal when the one that started it does,
// however that ends: tests that are killed clean nothing up.
func WithParent(signal syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: signal}
}
