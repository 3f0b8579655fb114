package fault

import (
	"errors"
	"runtime"
	"syscall"
)

// DiskFull is the code of what a full disk keeps from being done: nothing of it
// was kept, and it can be done once there is room.
const DiskFull = "disk_full"

// Windows has numbers of its own for a full disk.
const (
	windowsHandleDiskFull = syscall.Errno(39)
	windowsDiskFull       = syscall.Errno(112)
)

// NoRoom tells an error of the system that means: no room on the disk.
func NoRoom(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	return runtime.GOOS == "windows" && (errors.Is(err, windowsDiskFull) || errors.Is(err, windowsHandleDiskFull))
}

// Of finds the fault in an error. A full disk is one, whoever met it; nil where
// there is none.
func Of(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	if err != nil && NoRoom(err) {
		return Errorf(Unavailable, DiskFull, "the disk is full, nothing of this was kept; free space, then send it again: %w", err)
	}
	return nil
}
