package pipeline

import (
	"context"
	"math/rand/v2"
	"testing"

	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// simulation drives a pipeline by hand: each step is one act of one part, drawn
// by the seed. No goroutine runs, so a seed is a schedule.
type simulation struct {
	t       *testing.T
	r       *rand.Rand
	w       *world
	disk    *memory.Disk
	lanes   int
	p       *Pipeline
	facts   []fact
	crashes int
	forgets bool // every commit lets go of all rows
	cold    int  // rows that were only remembered by their heads
}

// TestSimulation_AtRestEqualsTheNaiveFold lets lanes, log and commits take
// turns in any order, crashes between any two commits, and compares what is
// there at rest with the same facts folded one by one.
func TestSimulation_AtRestEqualsTheNaiveFold(t *testing.T) {
	t.Parallel()
	seeds := soak.Worlds(150)
	crashed, cold := 0, 0
	for seed := range uint64(seeds) {
		s := &simulation{t: t, r: rand.New(rand.NewPCG(seed, 3)), w: newWorld(seed, events(seed)), disk: memory.NewDisk()}
		s.lanes, s.forgets = 1+s.r.IntN(16), seed&1 == 1
		s.facts = s.w.shuffled(s.r)
		s.open()
		for len(s.facts) > 0 || !s.quiet() {
			s.step()
		}
		got := dumpAtRest(t, s)
		if want := naive(t, s.w); got != want {
			t.Fatalf("seed %d, %d lanes: at rest\n%s\nwant\n%s", seed, s.lanes, diff(got, want), "")
		}
		homesAgree(t, s.p, s.w)
		crashed, cold = crashed+s.crashes, cold+s.cold
	}
	if cold == 0 {
		t.Error("no anchor was ever known by its head alone")
	}
	t.Logf("seeds 0 to %d, %d crashes, %d heads", seeds-1, crashed, cold)
}

// events makes some worlds long enough for full chunks and rows of many parts.
func events(seed uint64) int {
	if seed%25 == 1 {
		return 700
	}
	return 60
}

// letGo drops every row that has not changed since the commit just made, and
// tells how many anchors are only known by their heads.
func letGo(w *people) int {
	limit := w.anchors.Limit
	w.anchors.Limit = 0
	w.anchors.Trim(func(a *anchor) bool { return a.changed || a.refold })
	w.anchors.Limit = limit
	return len(w.heads.at)
}

func (s *simulation) open() {
	p, err := build(context.Background(), config(memory.Open(s.disk), s.lanes, 1+s.r.IntN(9)))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range p.lanes {
		l.limits.rows, l.limits.every = 1<<30, 1<<60
	}
	s.p = p
	// What a start replays, without waiting for lanes that only step by hand.
	end := p.store.Log().End()
	err = p.store.Log().Read(context.Background(), p.committed(), func(r *store.Record) error {
		if r.Position <= p.store.State().Applied(r.Bucket) {
			return nil
		}
		if counted(r.Kind) {
			p.seq.counts.appended++
		}
		c := *r
		c.Payload = append([]byte(nil), r.Payload...)
		c.Attached = nil
		p.lanes[p.laneIndex(r.Bucket)].push([]*store.Record{&c}, r.Position)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range p.lanes {
		l.push(nil, end)
	}
}

func (s *simulation) step() {
	ctx := context.Background()
	l := s.p.lanes[s.r.IntN(len(s.p.lanes))]
	switch n := s.r.IntN(100); {
	case n < 30:
		s.arrive()
	case n < 50:
		if group := s.group(); group != nil {
			s.p.seq.appendGroup(group)
		}
	case n < 85:
		if !l.quiet() {
			batch, end, _ := l.take()
			l.step(batch, end)
		}
	case n < 95:
		if l.emitted == nil || isDone(l.emitted) {
			if err := l.commit(ctx); err != nil {
				s.t.Fatal(err)
			}
			if w, ok := l.work.(*people); ok && s.forgets {
				s.cold += letGo(w)
			}
		}
	case n < 98:
		if err := s.p.store.State().Flush(ctx); err != nil {
			s.t.Fatal(err)
		}
	default:
		if s.crashes < 12 {
			s.crashes++
			s.disk.Crash(s.r.IntN(s.disk.Pending() + 1))
			s.lost()
			s.open()
		}
	}
}

// arrive queues a frame with the next facts. Until it is in the log nobody was
// told that they are safe: a crash gives them back to the client.
func (s *simulation) arrive() {
	n := min(len(s.facts), 1+s.r.IntN(4))
	if n == 0 {
		return
	}
	frame, _ := s.p.frame(submission(s.t, s.facts[:n]...), new([]byte))
	if err := s.p.store.Log().Seal(context.Background(), frame); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.p.seq.submit(frame, 0, false); err != nil {
		s.t.Fatal(err)
	}
	s.facts = s.facts[n:]
}

// lost gives the facts of frames that never got into the log back: a client
// that had no answer sends them again.
func (s *simulation) lost() {
	for _, t := range s.p.seq.waiting {
		if t.derived {
			continue
		}
		for i := range t.frame.Records {
			e := t.frame.Records[i].Attached.(*live).event
			s.facts = append(s.facts, fact{received: e.ReceivedAt, body: string(e.Body.Raw()), kind: e.Type})
		}
	}
}

func (s *simulation) group() []*ticket {
	if len(s.p.seq.waiting) == 0 {
		return nil
	}
	return s.p.seq.take()
}

func (s *simulation) quiet() bool {
	for _, l := range s.p.lanes {
		if !l.quiet() {
			return false
		}
	}
	return len(s.p.seq.waiting) == 0
}

func (l *lane) quiet() bool { return len(l.queue) == 0 && l.end == l.applied }

func isDone(t *ticket) bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

func dumpAtRest(t *testing.T, s *simulation) string {
	t.Helper()
	a, err := s.p.Accounting(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if a.Pending != 0 || a.Received != a.Stored+a.Deduplicated+a.DeadLettered+a.Rejected {
		t.Errorf("seed %d: the sums do not add up: %+v", s.w.seed, a)
	}
	if want := distinct(s.w); a.Stored != want {
		t.Errorf("seed %d: stored %d, want %d distinct messages", s.w.seed, a.Stored, want)
	}
	return dump(t, s.p, s.w)
}

// distinct counts the messages of a world by anchor, the plain way.
func distinct(w *world) uint64 {
	seen := map[string]bool{}
	for _, f := range w.facts {
		seen[f.body] = true
	}
	return uint64(len(seen))
}

// naive folds the facts of a world one by one, in the order they were made.
func naive(t *testing.T, w *world) string {
	t.Helper()
	p, err := Open(context.Background(), config(memory.New(), 1, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background()) //nolint:errcheck // nothing is kept of it
	play(t, p, w.facts, 1)
	return dump(t, p, w)
}

// diff shows the first lines that differ.
func diff(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	from := max(0, i-200)
	return "…" + got[from:min(len(got), i+300)] + "\n--- want ---\n…" + want[from:min(len(want), i+300)]
}
