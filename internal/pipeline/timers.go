package pipeline

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/id"
)

// timers are the instants at which time alone changes an anchor, by bucket: a
// tick is for one bucket and touches no other.
type timers struct {
	buckets map[id.Bucket]*timerHeap
	at      map[id.Key]clock.Instant
	quiet   clock.Instant // nothing is due up to here; zero: not known
}

type timer struct {
	at  clock.Instant
	key id.Key
}

func newTimers() *timers {
	return &timers{buckets: map[id.Bucket]*timerHeap{}, at: map[id.Key]clock.Instant{}}
}

// set arms the timer of an anchor, or disarms it with zero. An anchor has one.
func (t *timers) set(k id.Key, at clock.Instant) {
	if at == 0 {
		delete(t.at, k)
		return
	}
	if t.at[k] == at {
		return
	}
	t.at[k] = at
	t.push(k, at)
}

func (t *timers) push(k id.Key, at clock.Instant) {
	t.quiet = min(t.quiet, at-1)
	h := t.buckets[k.Bucket()]
	if h == nil {
		h = &timerHeap{}
		t.buckets[k.Bucket()] = h
	}
	h.push(timer{at, k})
}

// bytes is about how much memory the timers take.
func (t *timers) bytes() int { return timerBytes * len(t.at) }

// timerBytes is what one takes in the map and in its heap, with room to grow.
const timerBytes = 100

// due gives the anchors of a bucket whose timers are at or before now, in any
// order, perhaps twice, and leaves them armed.
func (t *timers) due(b id.Bucket, now clock.Instant) (out []id.Key) {
	h := t.buckets[b]
	if h == nil {
		return nil
	}
	for _, x := range *h {
		if x.at <= now && t.at[x.key] == x.at {
			out = append(out, x.key)
		}
	}
	return out
}

// take gives timers of a bucket that are at or before now, the earliest ones and
// no more than some. They stay armed where they are set again or kept; one that
// is neither may come again.
func (t *timers) take(b id.Bucket, now clock.Instant, most int) []timer {
	var out []timer
	h := t.buckets[b]
	for h != nil && len(*h) > 0 && (*h)[0].at <= now && len(out) < most {
		x := (*h)[0]
		h.pop()
		// One that was moved or disarmed is not due; one that was armed again at
		// the same instant lies here twice.
		if t.at[x.key] == x.at && (len(out) == 0 || out[len(out)-1] != x) {
			out = append(out, x)
		}
	}
	if h != nil && len(*h) == 0 {
		delete(t.buckets, b)
	}
	return out
}

// keep arms a timer again that was taken and not set to another instant since.
func (t *timers) keep(x timer) {
	if t.at[x.key] == x.at {
		t.push(x.key, x.at)
	}
}

// wait is a bucket in which something is due.
type wait struct {
	since clock.Instant
	b     id.Bucket
}

// waiting gives the buckets in which something is due, those that wait longest
// first.
func (t *timers) waiting(now clock.Instant) []wait {
	var out []wait
	if now <= t.quiet {
		return nil
	}
	t.quiet = math.MaxInt64
	for b, h := range t.buckets {
		for len(*h) > 0 && t.at[(*h)[0].key] != (*h)[0].at {
			h.pop() // disarmed or moved meanwhile
		}
		if len(*h) == 0 {
			delete(t.buckets, b)
			continue
		}
		t.quiet = min(t.quiet, (*h)[0].at-1)
		if (*h)[0].at <= now {
			out = append(out, wait{(*h)[0].at, b})
		}
	}
	slices.SortFunc(out, func(x, y wait) int { return cmp.Or(cmp.Compare(x.since, y.since), cmp.Compare(x.b, y.b)) })
	return out
}

// next is how many timers the next tick of a bucket fires, about.
func (t *timers) next(b id.Bucket, now clock.Instant) int {
	if h := t.buckets[b]; h != nil {
		return h.count(now, 0, tickMost)
	}
	return 0
}

// timerHeap has the earliest timer first, and each before the two at twice its
// place. Of timers at one instant the smaller key is the earlier, so that which
// of them a tick takes follows from what is armed alone.
type timerHeap []timer

func (x timer) before(y timer) bool {
	return x.at < y.at || x.at == y.at && bytes.Compare(x.key[:], y.key[:]) < 0
}

// count is how many timers are at or before an instant, from a place of the heap
// down, but no more than some.
func (h timerHeap) count(now clock.Instant, i, most int) int {
	if i >= len(h) || h[i].at > now || most <= 0 {
		return 0
	}
	n := 1 + h.count(now, 2*i+1, most-1)
	return n + h.count(now, 2*i+2, most-n)
}

func (h *timerHeap) push(x timer) {
	*h = append(*h, x)
	for list, i := *h, len(*h)-1; i > 0; {
		above := (i - 1) / 2
		if !list[i].before(list[above]) {
			return
		}
		list[above], list[i] = list[i], list[above]
		i = above
	}
}

// pop removes the first.
func (h *timerHeap) pop() {
	n := len(*h) - 1
	(*h)[0] = (*h)[n]
	*h = (*h)[:n]
	h.sink(0)
}

// sink brings a timer behind those that are earlier.
func (h *timerHeap) sink(i int) {
	n := len(*h)
	for list := *h; ; {
		least := i
		for k := 2*i + 1; k <= 2*i+2 && k < n; k++ {
			if list[k].before(list[least]) {
				least = k
			}
		}
		if least == i {
			return
		}
		list[least], list[i] = list[i], list[least]
		i = least
	}
}

// timerKey is the row of a timer: rows come in the order of their instants.
func timerKey(at clock.Instant, k id.Key) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(at)), k[:]...)
}

func readTimerKey(b []byte) (clock.Instant, id.Key, bool) {
	if len(b) != 24 {
		return 0, id.Key{}, false
	}
	return clock.Instant(binary.BigEndian.Uint64(b)), id.Key(b[8:]), true
}

// tickPayload is the stored form of a tick: the instant up to which time passed.
func tickPayload(now clock.Instant) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(now))
}

func readTick(b []byte) clock.Instant {
	if len(b) != 8 {
		return 0
	}
	return clock.Instant(binary.BigEndian.Uint64(b))
}
