package watch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/clock"
	"rapport/internal/pipeline"
	"rapport/internal/watch"
)

// slow is a spine that has everything applied when it is told so.
type slow struct {
	spine
	applied chan struct{}
}

func (s *slow) WaitApplied(ctx context.Context, _ pipeline.Receipt) error {
	select {
	case <-s.applied:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Somebody who is erased may be in what is shown, in what is looked after and in
// what waits for that.
func TestForget_LeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{applied: make(chan struct{})}
		d := watch.New(s, clock.Clock(time.Now))
		defer d.Close()
		look(t, d, 0, 10)
		accept(t, d, submission("shown"))
		s.applied <- struct{}{}
		synctest.Wait()
		accept(t, d, submission("looked after"))
		accept(t, d, submission("waits"))
		next := look(t, d, 0, 10).Next
		d.Forget()
		s.applied <- struct{}{}
		synctest.Wait()
		if n := d.Held(); n != 0 {
			t.Errorf("%d events are held", n)
		}
		accept(t, d, submission("new"))
		s.applied <- struct{}{}
		synctest.Wait()
		page := look(t, d, next, 10)
		if len(page.Items) != 1 || page.Items[0].Name != "new" || page.Missed != 2 {
			t.Errorf("shown: %v, missed %d", page.Items, page.Missed)
		}
	})
}

func TestDoor_LetsGoWhenNobodyLooksAnyMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := watch.New(&spine{}, clock.Clock(time.Now))
		defer d.Close()
		look(t, d, 0, 10)
		accept(t, d, submission("seen"))
		if n := d.Held(); n != 1 {
			t.Fatalf("%d events are held", n)
		}
		<-time.After(time.Minute + time.Second)
		synctest.Wait()
		if n := d.Held(); n != 0 {
			t.Errorf("%d events are held for nobody", n)
		}
	})
}
