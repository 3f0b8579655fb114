package outbox

import (
	"container/heap"
	"time"

	"rapport/internal/clock"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// message is what waits to be delivered.
type message struct {
	pipeline.Effect
	sent     store.Position
	checked  clock.Instant // when consent was asked last
	unasked  bool          // it could not be asked before the last attempt
	refused  string        // why it is not to be sent any more
	attempts int
	due      time.Time // the next attempt
	era      uint64    // how many people had been erased when it was made or read
}

func (m *message) place() effect.Place {
	p := effect.Place{Position: m.Position}
	copy(p.ID[:], m.Bytes())
	return p
}

func (m *message) size() int { return len(m.Payload) + 512 }

func (m *message) outside() destination.Message {
	return destination.Message{ID: m.ID, Kind: destination.Kind(m.As), Person: m.Person, Time: m.Time.Time(), Payload: m.Payload}
}

// later are messages that wait for their next attempt, the earliest first.
type later []*message

func (l later) Len() int           { return len(l) }
func (l later) Less(i, j int) bool { return l[i].due.Before(l[j].due) }
func (l later) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push is of the heap.
func (l *later) Push(x any) { *l = append(*l, x.(*message)) }

// Pop is of the heap.
func (l *later) Pop() any {
	n := len(*l) - 1
	x := (*l)[n]
	(*l)[n] = nil
	*l = (*l)[:n]
	return x
}

// queue are the messages of a destination that are in memory, in an order that
// keeps those of a person one behind the other: while one is on its way or waits
// for another attempt, the next of its person waits too.
type queue struct {
	ready   []*message
	people  map[string][]*message // of people with a message before them
	delayed later
	known   map[effect.Place]bool
	bytes   int
	// settled are those let go of lately: their rows may still be there, and
	// whoever made them may only now hand them over.
	settled map[effect.Place]bool
	ring    []effect.Place
	next    int
}

// Together these bound the memory of a destination.
const (
	queueMessages = 4096
	queueBytes    = 8 << 20
	queueSettled  = 2 * queueMessages
)

func newQueue() queue {
	return queue{people: map[string][]*message{}, known: map[effect.Place]bool{}, settled: map[effect.Place]bool{}}
}

func (q *queue) full() bool { return len(q.known) >= queueMessages || q.bytes >= queueBytes }

func (q *queue) add(m *message) {
	at := m.place()
	if q.known[at] || q.settled[at] {
		return
	}
	q.known[at] = true
	q.bytes += m.size()
	if behind, busy := q.people[m.Person]; busy && m.Person != "" {
		q.people[m.Person] = append(behind, m)
		return
	}
	q.people[m.Person] = nil
	q.ready = append(q.ready, m)
}

// take gives up to n messages of as many people.
func (q *queue) take(n, bytes int) []*message {
	i, size := 0, 0
	for i < len(q.ready) && i < n {
		if size += len(q.ready[i].Payload); i > 0 && bytes > 0 && size > bytes {
			break
		}
		i++
	}
	out := q.ready[:i:i]
	if q.ready = q.ready[i:]; len(q.ready) == 0 {
		q.ready = nil
	}
	return out
}

// done lets go of a message, and lets the next of its person come.
func (q *queue) done(m *message) {
	at := m.place()
	delete(q.known, at)
	if q.settled[at] = true; len(q.ring) < queueSettled {
		q.ring = append(q.ring, at)
	} else {
		delete(q.settled, q.ring[q.next])
		q.ring[q.next] = at
		q.next = (q.next + 1) % queueSettled
	}
	q.bytes -= m.size()
	behind := q.people[m.Person]
	if len(behind) == 0 {
		delete(q.people, m.Person)
		return
	}
	q.people[m.Person] = behind[1:]
	q.ready = append(q.ready, behind[0])
}

// delay puts a message off; its person waits with it.
func (q *queue) delay(m *message) { heap.Push(&q.delayed, m) }

// wake makes what is due ready again, and tells when the next will be.
func (q *queue) wake(now time.Time) (next time.Time) {
	for len(q.delayed) > 0 {
		if at := q.delayed[0].due; at.After(now) {
			return at
		}
		q.ready = append(q.ready, heap.Pop(&q.delayed).(*message))
	}
	return time.Time{}
}

// hurry makes all that was put off due: who did not answer does again.
func (q *queue) hurry(now time.Time) {
	for i := range q.delayed {
		q.delayed[i].due = now
	}
	heap.Init(&q.delayed)
}

func isPermanent(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Gone, fault.Forbidden:
		return true
	}
	return false
}
