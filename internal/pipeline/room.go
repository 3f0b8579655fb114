package pipeline

import (
	"sync"
	"time"
)

// room is what the door's records may take in the queues: so many bytes, and no
// more than what can be applied in so much time by how fast it goes at present.
// What is refused gets a place in a line, so that it comes again when its turn
// is and not with all the others.
type room struct {
	most int64         // bytes
	wait time.Duration // zero: bytes alone count

	mu     sync.Mutex
	freed  int64 // bytes applied since the last look
	looked time.Time
	rate   float64   // bytes applied a second while something waits; zero: not known yet
	turn   time.Time // when what is refused next may come
}

const (
	// leastRoom is what may wait however slowly it goes: a burst is taken.
	leastRoom = 8 << 20
	// roomLook is how often the rate is measured at most, roomKept what part of it
	// is that of before.
	roomLook = 100 * time.Millisecond
	roomKept = 0.9
	// longestTurn is when those come again for whom there is no room, at most.
	longestTurn = 10 * time.Second
	// roomOfBody is about how much room a byte of a body takes once it is read.
	roomOfBody = 3
)

// free notes that so much was applied while so much more waits.
func (r *room) free(bytes, waiting int64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.freed += bytes
	took := now.Sub(r.looked)
	if took < roomLook {
		return
	}
	// Where nothing waits, or did not for long, it says how much came and not how
	// much could have been applied.
	if rate := float64(r.freed) / took.Seconds(); waiting > min(r.most, leastRoom)/8 && took < 10*roomLook {
		if r.rate == 0 {
			r.rate = rate
		}
		r.rate = roomKept*r.rate + (1-roomKept)*rate
	}
	r.freed, r.looked = 0, now
}

// limit is how much may wait.
func (r *room) limit() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limitNow()
}

func (r *room) limitNow() int64 {
	if r.rate == 0 || r.wait == 0 {
		return r.most
	}
	return min(r.most, max(int64(r.rate*r.wait.Seconds()), leastRoom))
}

// line gives a place in the line to who wants so much room while so much waits,
// and tells how long it is until then.
func (r *room) line(bytes, waiting int64, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rate == 0 {
		return time.Second
	}
	take := func(bytes int64) time.Duration { // where nothing goes on, it would be more than there are numbers
		return time.Duration(min(float64(bytes)/r.rate*float64(time.Second), float64(longestTurn)))
	}
	first := now.Add(take(max(waiting-r.limitNow()/2, 0)))
	if r.turn.Before(first) {
		r.turn = first
	}
	if last := now.Add(longestTurn); r.turn.After(last) {
		r.turn = last
	}
	out := r.turn.Sub(now)
	r.turn = r.turn.Add(take(bytes))
	return out
}

// Full tells that as much waits to be applied as may, together with bodies of so
// many bytes that are being read: a door refuses what comes, and need not read it
// first. Accept itself refuses only what the memory has no room for.
func (p *Pipeline) Full(inside int64) bool {
	waiting := p.waiting.Load()
	return waiting > 0 && waiting+roomOfBody*inside > p.room.limit()
}

// Turn tells a body of so many bytes for which there is no room how long to stay
// away.
func (p *Pipeline) Turn(body int64) time.Duration {
	return p.room.line(roomOfBody*body, p.waiting.Load(), time.Now())
}

// turnError is why there is no room, and how long to stay away.
type turnError struct{ after time.Duration }

// Error says how long.
func (e *turnError) Error() string { return "come again after " + e.after.String() }

// RetryAfter says how long.
func (e *turnError) RetryAfter() time.Duration { return e.after }
