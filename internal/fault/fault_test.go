package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rapport/internal/fault"
)

func TestErrorf_KeepsTheCauseOutOfTheMessage(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 10.0.0.1: refused")
	f := fault.Errorf(fault.Unavailable, "log_unavailable", "the log cannot be written: %w", cause)
	if f.Message != "the log cannot be written" {
		t.Errorf("message %q shows the cause", f.Message)
	}
	if !errors.Is(f, cause) || f.Error() != "the log cannot be written: dial tcp 10.0.0.1: refused" {
		t.Errorf("the cause is lost: %v", f)
	}
	if k := fault.KindOf(fmt.Errorf("accept: %w", f)); k != fault.Unavailable {
		t.Errorf("kind %d of a wrapped fault", k)
	}
	if k := fault.KindOf(cause); k != fault.Internal {
		t.Errorf("kind %d of an error that is no fault", k)
	}
}

type hint time.Duration

func (hint) Error() string               { return "later" }
func (h hint) RetryAfter() time.Duration { return time.Duration(h) }

func TestRetryAfter_RoundsUpWithinLimits(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{0: 1, time.Millisecond: 1, 1500 * time.Millisecond: 2, time.Hour: 300} {
		if got := fault.RetryAfter(fault.Errorf(fault.Limited, "busy", "later: %w", hint(after))); got != want {
			t.Errorf("after %v: %d, want %d", after, got, want)
		}
	}
	if got := fault.RetryAfter(errors.New("x")); got != 1 {
		t.Errorf("without a hint: %d", got)
	}
}
