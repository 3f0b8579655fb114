package embedded

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// recent tells of keys that no memtable has them. To look a key up in a memtable
// is a chain of cache misses, some ten microseconds where it is full, and most of
// the rows that are asked for are not in one: of people who are new, or who have
// not been here for long. The files have filters of their own.
//
// It may say that a memtable could have a key that none has, never the other
// way round. Keys are noted in the newest generation, before they are committed;
// a generation is dropped when all that was committed by its end is flushed.
type recent struct {
	seed  maphash.Seed
	words uint64 // of a generation
	limit int64  // bytes of a generation after which the next begins
	// flushes counts those that began: while it stays, nothing that was committed
	// meanwhile is in a file.
	flushes atomic.Uint64
	all     atomic.Pointer[[]*generation] // oldest first; added to while no commit is under way

	mu       sync.Mutex
	number   uint64
	flushing []flushing
}

// generation is a filter of keys: each sets a few bits of one word.
type generation struct {
	number uint64
	bits   []atomic.Uint64
	bytes  atomic.Int64 // of rows
}

// flushing is when generations up to a number are no longer needed.
type flushing struct {
	done   <-chan struct{}
	number uint64
}

// rowOverhead is about what a memtable takes for a row beside its key and value.
const rowOverhead = 48

// memtableWord is for how many bytes of a memtable a generation has a word:
// 16 bits for a row of 128 bytes, of which it takes four.
const memtableWord = 512

func newRecent(memtable int64) *recent {
	r := &recent{seed: maphash.MakeSeed(), words: uint64(memtable / memtableWord), limit: memtable / 8 * 7}
	r.all.Store(&[]*generation{})
	r.begin()
	return r
}

// begin begins a generation. No commit is under way.
func (r *recent) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	next := append(slices.Clone(*r.all.Load()), &generation{number: r.number, bits: make([]atomic.Uint64, r.words)})
	r.all.Store(&next)
}

// current is the generation that notes keys. A commit holds on to it.
func (r *recent) current() *generation {
	all := *r.all.Load()
	return all[len(all)-1]
}

// blur makes every key possible. No commit is under way.
func (r *recent) blur() {
	g := r.current()
	for i := range g.bits {
		g.bits[i].Store(^uint64(0))
	}
	g.bytes.Store(1)
}

// ended is the number of the last generation that takes no more keys.
func (r *recent) ended() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.number - 1
}

// until notes when the generations up to a number are flushed.
func (r *recent) until(done <-chan struct{}, number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushing = append(r.flushing, flushing{done, number})
}

// drop forgets the generations that are flushed, and tells whether a flush is
// under way.
func (r *recent) drop() (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	flushed := uint64(0)
	r.flushing = slices.DeleteFunc(r.flushing, func(f flushing) bool {
		select {
		case <-f.done:
			flushed = max(flushed, f.number)
			return true
		default:
			return false
		}
	})
	if all := *r.all.Load(); all[0].number <= flushed {
		left := slices.DeleteFunc(slices.Clone(all), func(g *generation) bool { return g.number <= flushed })
		r.all.Store(&left)
	}
	return len(r.flushing) > 0
}

func (r *recent) hash(key []byte) uint64 { return maphash.Bytes(r.seed, key) }

// place gives the word of a key, and its bits there.
func (g *generation) place(hash uint64) (*atomic.Uint64, uint64) {
	bits := uint64(1)<<(hash&63) | 1<<(hash>>6&63) | 1<<(hash>>12&63) | 1<<(hash>>18&63)
	return &g.bits[(hash>>32)*uint64(len(g.bits))>>32], bits
}

// note takes in a key that is about to be committed.
func (g *generation) note(hash uint64) {
	word, bits := g.place(hash)
	word.Or(bits)
}

// has tells whether a memtable may have a key.
func (r *recent) has(key []byte) bool {
	h := r.hash(key)
	for _, g := range *r.all.Load() {
		if word, bits := g.place(h); word.Load()&bits == bits {
			return true
		}
	}
	return false
}

// turn begins a generation where no commit is under way and the last one has
// keys. It gives the number of the last one that has ended: what is flushed from
// now on has all of it.
func (s *State) turn() (ended uint64) {
	if s.recent.current().bytes.Load() > 0 && s.commits.TryLock() {
		s.recent.begin()
		s.commits.Unlock()
	}
	return s.recent.ended()
}

// turnFull has a full generation flushed in the background, when the memtable is
// about full as well. Where that cannot be, the filters only stay: what was
// committed before it is committed.
func (s *State) turnFull() {
	full := s.recent.current()
	if full.bytes.Load() < s.recent.limit || s.recent.drop() {
		return
	}
	ended := s.turn()
	if ended < full.number {
		return // another one commits: the next commit tries again
	}
	if done, err := s.db.AsyncFlush(); err == nil {
		s.recent.until(done, ended)
	}
}
