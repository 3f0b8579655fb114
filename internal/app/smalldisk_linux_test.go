package app_test

import (
	"syscall"
	"testing"
)

// mountSmall makes a folder a disk of its own with so many bytes; false where that
// is not for us to do.
func mountSmall(t *testing.T, folder, size string) bool {
	t.Helper()
	if syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size) != nil {
		return false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return true
}
