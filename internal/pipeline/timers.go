package pipeline

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/id"
)

// timers are the instants at which time alone changes an anchor, by bucket: a
// tick is for one bucket and touches no other.
type timers struct {
	buckets map[id.Bucket]*timerHeap
	at      map[id.Key]clock.Instant
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
	h := t.buckets[k.Bucket()]
	if h == nil {
		h = &timerHeap{}
		t.buckets[k.Bucket()] = h
	}
	heap.Push(h, timer{at, k})
}

// bytes is about how much memory the timers take.
func (t *timers) bytes() int { return timerBytes * len(t.at) }

// timerBytes is what one takes in the map and in its heap, with room to grow.
const timerBytes = 100

// due gives the anchors of a bucket whose timers are at or before now,
// earliest first, and leaves them armed.
func (t *timers) due(b id.Bucket, now clock.Instant) []id.Key {
	h := t.buckets[b]
	if h == nil {
		return nil
	}
	var out []timer
	for len(*h) > 0 && (*h)[0].at <= now {
		if x := heap.Pop(h).(timer); t.at[x.key] == x.at {
			out = append(out, x)
		}
	}
	keys := make([]id.Key, len(out))
	for i, x := range out {
		keys[i] = x.key
		heap.Push(h, x)
	}
	return keys
}

// waiting gives the buckets in which something is due, those that wait longest
// first: as many as have so many anchors due, and at least one.
func (t *timers) waiting(now clock.Instant, limit int) []id.Bucket {
	type wait struct {
		since clock.Instant
		b     id.Bucket
	}
	var waits []wait
	for b, h := range t.buckets {
		for len(*h) > 0 && t.at[(*h)[0].key] != (*h)[0].at {
			heap.Pop(h) // disarmed or moved meanwhile
		}
		if len(*h) == 0 {
			delete(t.buckets, b)
		} else if (*h)[0].at <= now {
			waits = append(waits, wait{(*h)[0].at, b})
		}
	}
	slices.SortFunc(waits, func(x, y wait) int { return cmp.Or(cmp.Compare(x.since, y.since), cmp.Compare(x.b, y.b)) })
	var out []id.Bucket
	for _, x := range waits {
		if limit <= 0 {
			break
		}
		out = append(out, x.b)
		limit -= t.buckets[x.b].upTo(now, 0)
	}
	slices.Sort(out)
	return out
}

// upTo counts the timers at or before an instant, from a place of the heap down.
func (h timerHeap) upTo(now clock.Instant, i int) int {
	if i >= len(h) || h[i].at > now {
		return 0
	}
	return 1 + h.upTo(now, 2*i+1) + h.upTo(now, 2*i+2)
}

type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
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
