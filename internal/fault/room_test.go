package fault_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"rapport/internal/fault"
)

func TestOf_AFullDiskIsAFaultWhoeverMetIt(t *testing.T) {
	t.Parallel()
	full := fmt.Errorf("keeping it: %w", errors.Join(&os.PathError{Op: "write", Path: "/secret/place", Err: syscall.ENOSPC}, errors.New("and more")))
	f := fault.Of(full)
	if f == nil || f.Code != fault.DiskFull || fault.KindOf(full) != fault.Unavailable || !errors.Is(f, syscall.ENOSPC) {
		t.Fatalf("%+v", f)
	}
	if f.Message != "the disk is full, nothing of this was kept; free space, then send it again" {
		t.Errorf("it tells %q", f.Message)
	}
	if own := fault.Errorf(fault.Invalid, "mine", "mine: %w", full); fault.Of(own) != own {
		t.Error("a fault that is there already is another")
	}
	for _, err := range []error{nil, errors.New("x"), syscall.EIO} {
		if f := fault.Of(err); f != nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("%v: %v", err, f)
		}
	}
}
