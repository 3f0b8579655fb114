package pipeline

import (
	"testing"
	"time"
)

// busy applies so many bytes a second for a while, with much waiting.
func busy(r *room, now time.Time, perSecond int64, d time.Duration) time.Time {
	for range d / roomLook {
		now = now.Add(roomLook)
		r.free(perSecond/int64(time.Second/roomLook), r.most, now)
	}
	return now
}

func TestRoom_IsWhatCanBeAppliedInItsTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := &room{most: 1 << 30, wait: 5 * time.Second, looked: now}
	if r.limit() != 1<<30 {
		t.Errorf("before anything is known: %d", r.limit())
	}
	about := func(want int64) {
		t.Helper()
		if got := r.limit(); got < want*95/100 || got > want*105/100 {
			t.Errorf("room for %d, want about %d", got, want)
		}
	}
	now = busy(r, now, 20<<20, 5*time.Second)
	about(100 << 20)
	now = busy(r, now, 4<<20, 10*time.Second)
	about(20 << 20)
	now = busy(r, now, 1<<10, 10*time.Second)
	about(leastRoom) // a burst is taken however slowly it goes
	now = busy(r, now, 1<<30, 10*time.Second)
	about(1 << 30)
	// What comes when nothing waits tells how much came, and so does the first look
	// after a rest.
	for range 100 {
		now = now.Add(roomLook)
		r.free(1<<10, 0, now)
	}
	now = now.Add(time.Minute)
	r.free(1<<10, r.most, now)
	about(1 << 30)
	if r.wait = 0; r.limit() != 1<<30 {
		t.Errorf("without a time: %d", r.limit())
	}
}

// Who is refused comes again when its turn is: not all at once, nobody in too
// long a time, and at once where there is room again.
func TestRoom_GivesTurns(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := &room{most: 40 << 20, wait: 5 * time.Second, looked: now}
	if d := r.line(1<<20, r.most, now); d != time.Second {
		t.Errorf("before anything is known: %v", d)
	}
	now = busy(r, now, 10<<20, 5*time.Second)
	near := func(d, want time.Duration) {
		t.Helper()
		if d < want*9/10 || d > want*11/10 {
			t.Errorf("%v, want about %v", d, want)
		}
	}
	near(r.line(10<<20, 40<<20, now), 2*time.Second) // half of what waits goes first
	near(r.line(10<<20, 40<<20, now), 3*time.Second)
	near(r.line(1<<20, 40<<20, now), 4*time.Second)
	for range 100 {
		if d := r.line(10<<20, 40<<20, now); d > longestTurn {
			t.Fatalf("a turn in %v", d)
		}
	}
	near(r.line(1<<20, 40<<20, now), longestTurn)
	now = now.Add(time.Minute)
	if d := r.line(1<<20, 0, now); d > time.Millisecond {
		t.Errorf("a minute later, with room: %v", d)
	}
}

// However long nothing was applied, a turn is in the time to come.
func TestRoom_GivesTurnsWhereNothingGoesOn(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := &room{most: 40 << 20, wait: 5 * time.Second, looked: now}
	now = busy(r, now, 10<<20, 5*time.Second)
	now = busy(r, now, 0, 2*time.Minute)
	for range 3 {
		if d := r.line(1<<20, r.most, now); d != longestTurn {
			t.Errorf("a turn in %v, want %v", d, longestTurn)
		}
	}
	if d := r.line(1<<20, 0, now.Add(time.Minute)); d != 0 {
		t.Errorf("with room again: %v", d)
	}
}
