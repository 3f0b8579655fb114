package lake

import (
	"math"
	"sync"
	"sync/atomic"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// tap takes what the lanes apply, each lane into a basin of its own. It takes
// nothing until it is opened; when more waits than it may hold it lets go of all
// and closes, and the log tells the rest.
type tap struct {
	objects map[string]*object
	ownID   func(id.Key) string
	mapping func(source string) *catalog.Mapping
	most    int64 // bytes

	mu     sync.Mutex
	lanes  map[int]*basin
	begun  store.Position
	open   atomic.Bool
	held   atomic.Int64
	oldest atomic.Int64 // when the oldest row that waits was received; 0: none waits
}

// basin is what came from one lane.
type basin struct {
	mu      sync.Mutex
	reached store.Position
	begun   bool
	pool
}

// pool is rows and marks of people.
type pool struct {
	rows  map[string]*chunk
	marks map[id.Key]stir
	maker *maker
}

// stir says of a person that something changed: what caused it, and when.
type stir struct {
	cause store.Position
	last  clock.Instant
}

func (s *stir) merge(o stir) {
	s.cause, s.last = max(s.cause, o.cause), max(s.last, o.last)
}

func (t *tap) newPool() pool {
	return pool{map[string]*chunk{}, map[id.Key]stir{}, newMaker(t.objects, t.ownID, t.mapping)}
}

func (t *tap) basin(lane int) *basin {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.lanes[lane]
	if b == nil {
		b = &basin{pool: t.newPool()}
		t.lanes[lane] = b
	}
	return b
}

// Take is of a pipeline.Follower.
func (t *tap) Take(lane int, r *store.Record, e *event.Event) {
	if !t.open.Load() {
		return
	}
	b := t.basin(lane)
	b.mu.Lock()
	n := b.take(r, e)
	b.mu.Unlock()
	if n == 0 {
		return
	}
	t.oldest.CompareAndSwap(0, int64(r.Received))
	if t.held.Add(int64(n)) > t.most {
		t.drop()
	}
}

// take makes rows of a record, and tells how many bytes they have.
func (p *pool) take(r *store.Record, e *event.Event) int {
	n := 0
	p.maker.make(r, e, func(d *draft) {
		c := p.rows[d.of.name]
		if c == nil {
			c = newChunk(d.of)
			p.rows[d.of.name] = c
		}
		n += c.add(d, r.Position, r.Received)
	})
	return n
}

// Stir is of a pipeline.Follower.
func (t *tap) Stir(lane int, home id.Key, cause, _ store.Position, received clock.Instant) {
	if !t.open.Load() {
		return
	}
	b := t.basin(lane)
	b.mu.Lock()
	b.stir(home, cause, received)
	b.mu.Unlock()
}

// Touched is of a pipeline.Follower: who is due a users row is told by Stir.
func (t *tap) Touched(int, id.Key) {}

func (p *pool) stir(home id.Key, cause store.Position, received clock.Instant) {
	s := p.marks[home]
	s.merge(stir{cause, received})
	p.marks[home] = s
}

// Reached is of a pipeline.Follower.
func (t *tap) Reached(lane int, at store.Position) {
	b := t.basin(lane)
	b.mu.Lock()
	if !b.begun {
		b.begun = true
		t.mu.Lock()
		t.begun = min(t.begun, at)
		t.mu.Unlock()
	}
	b.reached = at
	b.mu.Unlock()
}

// started is how far the lane had come that had come the least far, when they
// started: what is after it they apply once more.
func (t *tap) started() store.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.begun
}

// all are the basins.
func (t *tap) all() []*basin {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*basin, 0, len(t.lanes))
	for _, b := range t.lanes {
		out = append(out, b)
	}
	return out
}

// reached is up to where all lanes have come.
func (t *tap) reached() store.Position {
	least := store.Position(math.MaxUint64)
	for _, b := range t.all() {
		b.mu.Lock()
		least = min(least, b.reached)
		b.mu.Unlock()
	}
	if least == math.MaxUint64 {
		return 0
	}
	return least
}

// drop lets go of all that waits and takes nothing more.
func (t *tap) drop() {
	t.open.Store(false)
	t.drain()
}

// drain gives what waits, and forgets it.
func (t *tap) drain() []pool {
	t.oldest.Store(0)
	var out []pool
	for _, b := range t.all() {
		b.mu.Lock()
		out = append(out, pool{rows: b.rows, marks: b.marks})
		b.rows, b.marks = map[string]*chunk{}, map[id.Key]stir{}
		b.mu.Unlock()
	}
	t.held.Store(0)
	return out
}
