//go:build unix

package storetest

import (
	"syscall"
	"time"
)

// cpu is the processor time that the process has used: on a busy machine it
// says more than the wall clock.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
