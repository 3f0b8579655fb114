package lake

import (
	"container/heap"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/store"
)

// people is of whom a users row is due, when they have been still for a while.
type people struct {
	idle  time.Duration
	ready bool // it is whole: nothing from before the start is missing
	stirs map[id.Key]stir
	queue dueQueue
	since int       // changes since it was written down
	last  time.Time // when it was
}

type due struct {
	at  clock.Instant
	key id.Key
}

// dueQueue is a heap by time. An entry may be too early: then it is looked at
// again later.
type dueQueue []due

func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q dueQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push is of container/heap.
func (q *dueQueue) Push(x any) { *q = append(*q, x.(due)) }

// Pop is of container/heap.
func (q *dueQueue) Pop() any {
	n := len(*q) - 1
	x := (*q)[n]
	*q = (*q)[:n]
	return x
}

func newPeople(idle time.Duration) *people {
	return &people{idle: idle, stirs: map[id.Key]stir{}}
}

// stir notes that something changed at a home.
func (p *people) stir(k id.Key, s stir) {
	old, known := p.stirs[k]
	old.merge(s)
	p.stirs[k] = old
	p.since++
	if !known {
		heap.Push(&p.queue, due{old.last.Add(p.idle), k})
	}
}

// still gives people who have been still for long enough, at most so many. They
// stay until they are settled.
func (p *people) still(now clock.Instant, most int) []id.Key {
	var out []id.Key
	var again []due
	for len(p.queue) > 0 && p.queue[0].at <= now && len(out) < most {
		x, _ := heap.Pop(&p.queue).(due)
		s, ok := p.stirs[x.key]
		if !ok {
			continue
		}
		x.at = s.last.Add(p.idle)
		again = append(again, x)
		if x.at <= now {
			out = append(out, x.key)
		}
	}
	for _, x := range again {
		heap.Push(&p.queue, x)
	}
	return out
}

// settle takes a person out whose row says all up to a cause.
func (p *people) settle(k id.Key, cause store.Position) {
	if s, ok := p.stirs[k]; ok && s.cause <= cause {
		delete(p.stirs, k)
		p.since++
	}
}

// The file of the pending: the mark, a sum of the rest, how many there are, and
// for each the own id (16 bytes), the cause and the time (8 each).
const (
	pendingMark = "RPLAKE1\n"
	pendingHead = len(pendingMark) + 4 + 8
	pendingSize = 32
)

func (p *people) encode(ownID func(id.Key) string) ([]byte, error) {
	b := make([]byte, pendingHead, pendingHead+pendingSize*len(p.stirs))
	copy(b, pendingMark)
	binary.LittleEndian.PutUint64(b[len(pendingMark)+4:], uint64(len(p.stirs)))
	for k, s := range p.stirs {
		own, err := hex.DecodeString(ownID(k))
		if err != nil || len(own) != len(k) {
			return nil, fmt.Errorf("%q is no id", ownID(k))
		}
		b = append(b, own...)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.cause))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.last))
	}
	binary.LittleEndian.PutUint32(b[len(pendingMark):], crc32.Checksum(b[len(pendingMark)+4:], crc32.MakeTable(crc32.Castagnoli)))
	return b, nil
}

var errPending = errors.New("the file of the people whose rows are due is damaged")

func (p *people) decode(b []byte, keyOf func(string) (id.Key, bool)) error {
	if len(b) < pendingHead || string(b[:len(pendingMark)]) != pendingMark ||
		binary.LittleEndian.Uint32(b[len(pendingMark):]) != crc32.Checksum(b[len(pendingMark)+4:], crc32.MakeTable(crc32.Castagnoli)) {
		return errPending
	}
	n := binary.LittleEndian.Uint64(b[len(pendingMark)+4:])
	if b = b[pendingHead:]; uint64(len(b)) != n*pendingSize {
		return errPending
	}
	for ; len(b) > 0; b = b[pendingSize:] {
		if k, ok := keyOf(hex.EncodeToString(b[:16])); ok {
			p.stir(k, stir{store.Position(binary.LittleEndian.Uint64(b[16:])), clock.Instant(binary.LittleEndian.Uint64(b[24:]))})
		}
	}
	return nil
}

// The pending are written down when about as much changed as there is to write.
const (
	pendingEvery = 30 * time.Second
	pendingLeast = 20_000
)

func (l *Lake) pendingDue(last bool) bool {
	p := l.people
	if !p.ready || p.since == 0 {
		return false
	}
	return last || p.since > pendingLeast+len(p.stirs) && time.Since(p.last) > pendingEvery
}

// keepPeople writes down of whom a row is due, where it is time for that.
func (l *Lake) keepPeople(ctx context.Context, at store.Position, last bool) (*Pending, error) {
	if !l.pendingDue(last) {
		return nil, nil
	}
	return l.putPending(ctx, at)
}

// putPending makes a file of whom a row is due, as of a place in the log.
func (l *Lake) putPending(ctx context.Context, at store.Position) (*Pending, error) {
	b, err := l.people.encode(l.spine.OwnID)
	if err != nil {
		return nil, err
	}
	pending := &Pending{Path: fmt.Sprintf("%s/%012d.bin", pendingFolder, l.sequence.Add(1)), Position: at}
	if err := l.Target.Put(ctx, pending.Path, b); err != nil {
		return nil, err
	}
	l.people.since, l.people.last = 0, time.Now()
	return pending, nil
}

// dropPending removes the file of whom a row was due that a manifest names: a
// later one names another. What cannot be removed is tried again by the sweep.
func (l *Lake) dropPending(ctx context.Context, old *Manifest) {
	if path := old.Pending.Path; path != "" && l.Target.Delete(ctx, path) != nil {
		l.retire([]File{{Path: path}})
	}
}

// recall reads of whom a row was due.
func (l *Lake) recall(ctx context.Context, m *Manifest) error {
	l.people = newPeople(l.Idle)
	if m.Pending.Path == "" {
		l.people.ready = m.Position == 0
		return nil
	}
	b, err := l.Target.Get(ctx, m.Pending.Path)
	if err != nil {
		return err
	}
	return l.people.decode(b, l.spine.KeyOf)
}
