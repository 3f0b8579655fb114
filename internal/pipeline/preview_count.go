package pipeline

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/segment/condition"
)

// PreviewCount is the exact count of a condition, made in the background. It is
// kept in memory for a while: after a restart it has to be asked for again.
type PreviewCount struct {
	ID    string `json:"id"`
	State string `json:"state" enum:"waiting,running,done,failed"`
	// Looked grows up to about Of: who changes meanwhile is looked at again.
	Looked int      `json:"looked" doc:"People looked at one by one so far"`
	Of     int      `json:"of" doc:"People whom the columns do not decide"`
	Total  *int     `json:"total" doc:"People the condition holds for, exactly; null until it is done"`
	People int      `json:"people,omitempty" doc:"All people"`
	Share  *float64 `json:"share,omitempty" doc:"total of people, 0 to 1"`
	// Position and UpTo differ only where people changed faster than they could
	// be looked at.
	Position uint64         `json:"position,omitempty" doc:"Everything up to this place in the log counts"`
	UpTo     uint64         `json:"up_to,omitempty" doc:"Nothing after this place counts; the same as position where the count is of one moment"`
	At       *clock.Instant `json:"at,omitempty" doc:"The moment that the condition was asked of"`
	Error    string         `json:"error,omitempty" doc:"Why it failed"`
}

// Settle puts the exact count in the place of the estimate, where it is done.
func (v *Preview) Settle() {
	c := v.Count
	if c == nil || c.State != countDone {
		return
	}
	v.Total, v.People, v.Share, v.Exact, v.Coverage = *c.Total, c.People, *c.Share, true, 1
	v.Interval, v.Position, v.Sampled = [2]int{v.Total, v.Total}, c.Position, 0
}

// The states of a count.
const (
	countWaiting = "waiting"
	countRunning = "running"
	countDone    = "done"
	countFailed  = "failed"
)

const (
	countsKept    = 64 // done ones, the newest
	countsWaiting = 16 // of more the oldest is given up
	countRounds   = 6  // after so many a count ends although people changed
)

// countBook has the counts in the background, one at a time.
type countBook struct {
	mu      sync.Mutex
	list    []*previewCount // by age
	wake    chan struct{}
	running *previewCount
	random  func([]byte)
}

// previewCount is one count. What is shown of it is guarded by the lock of all.
type previewCount struct {
	PreviewCount
	key     string // the condition
	node    *condition.Node
	done    chan struct{}
	changed map[uint64]bool // who changed since the last look, by short keys
}

func newCountBook(random func([]byte)) *countBook {
	return &countBook{wake: make(chan struct{}, 1), random: random}
}

// shortOf is as much of a key as tells people apart.
func shortOf(k id.Key) uint64 { return binary.BigEndian.Uint64(k[8:]) ^ binary.BigEndian.Uint64(k[:8]) }

// ask has a condition counted, unless it is on its way already.
func (c *countBook) ask(n *condition.Node) *PreviewCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := n.Canonical()
	open := 0
	for _, x := range c.list {
		if x.State != countWaiting && x.State != countRunning {
			continue
		}
		if x.key == key {
			view := x.PreviewCount
			return &view
		}
		open++
	}
	if open > countsWaiting {
		i := slices.IndexFunc(c.list, func(x *previewCount) bool { return x.State == countWaiting })
		c.end(c.list[i], countFailed, "others were asked for since: ask again")
	}
	var random [12]byte
	c.random(random[:])
	x := &previewCount{PreviewCount: PreviewCount{ID: "cnt_" + hex.EncodeToString(random[:]), State: countWaiting}, key: key, node: n, done: make(chan struct{})}
	c.list = append(c.list, x)
	if n := len(c.list) - countsKept; n > 0 && c.list[0].State != countWaiting && c.list[0].State != countRunning {
		c.list = slices.Delete(c.list, 0, 1)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	view := x.PreviewCount
	return &view
}

// end says what became of a count. The caller holds the lock.
func (c *countBook) end(x *previewCount, state, why string) {
	x.State, x.Error, x.node, x.changed = state, why, nil, nil
	close(x.done)
}

// note notes that people changed. It is asked by the lanes with each commit.
func (c *countBook) note(homes []id.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil || c.running.changed == nil {
		return
	}
	for _, k := range homes {
		c.running.changed[shortOf(k)] = true
	}
}

// next takes the count that waits longest.
func (c *countBook) next() *previewCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.list, func(x *previewCount) bool { return x.State == countWaiting })
	if i < 0 {
		return nil
	}
	x := c.list[i]
	x.State, x.changed, c.running = countRunning, map[uint64]bool{}, x
	return x
}

// changes gives who changed since it was asked last.
func (c *countBook) changes(x *previewCount) map[uint64]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := x.changed
	x.changed = map[uint64]bool{}
	return out
}

// PreviewCount gives a count in the background; with patience it waits for its end.
func (p *Pipeline) PreviewCount(ctx context.Context, countID string, patience time.Duration) (*PreviewCount, error) {
	c := p.counts
	c.mu.Lock()
	i := slices.IndexFunc(c.list, func(x *previewCount) bool { return x.ID == countID })
	var x *previewCount
	if i >= 0 {
		x = c.list[i]
	}
	c.mu.Unlock()
	if x == nil {
		return nil, fault.Errorf(fault.NotFound, "count_not_found", "there is no count %q any more: counts are kept in memory for a while, ask for the preview again", countID)
	}
	if patience > 0 {
		limit := time.NewTimer(patience)
		defer limit.Stop()
		select {
		case <-x.done:
		case <-limit.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	view := x.PreviewCount
	return &view, nil
}

// keepCounts counts in the background until the pipeline stops.
func (p *Pipeline) keepCounts() {
	ctx := p.lifetime()
	for {
		x := p.counts.next()
		if x == nil {
			select {
			case <-p.stop:
				return
			case <-p.counts.wake:
			}
			continue
		}
		err := p.countAll(ctx, x)
		p.counts.mu.Lock()
		p.counts.running = nil
		if err != nil {
			p.counts.end(x, countFailed, reasonOf(err))
		} else {
			p.counts.end(x, countDone, "")
		}
		p.counts.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			p.log.Error("a preview cannot be counted", "error", err)
		}
	}
}

// reasonOf is why a count failed, as far as it concerns who asked.
func reasonOf(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok && f.Kind != fault.Internal {
		return f.Message
	}
	return "something went wrong here, and the log says what: ask again"
}

// tallying is a count on its way: what was found of people one by one.
type tallying struct {
	*previewCount
	p      *Pipeline
	judge  *judge
	known  map[uint64]bool          // who was looked at: whether the condition holds
	due    map[uint64]clock.Instant // when time alone changes that, soon
	now    clock.Instant
	yes    int
	looked int // in this round
}

// soonDue is how far ahead it is noted when time changes an answer.
const soonDue = 24 * time.Hour

// countAll looks at everybody whom the columns do not decide, and again at those
// who changed meanwhile, until a round finds none: then the count is of one
// moment.
func (p *Pipeline) countAll(ctx context.Context, x *previewCount) error {
	j, err := p.newJudge(x.node)
	if err != nil {
		return err
	}
	t := &tallying{previewCount: x, p: p, judge: j, known: map[uint64]bool{}, due: map[uint64]clock.Instant{}}
	for round := 1; ; round++ {
		if err := p.commitAll(ctx); err != nil {
			return err
		}
		index, from := p.Columns()
		changed := p.counts.changes(x)
		if err := t.round(ctx, index, changed); err != nil {
			return err
		}
		if err := p.commitAll(ctx); err != nil {
			return err
		}
		_, upTo := p.Columns()
		p.counts.mu.Lock()
		quiet := len(x.changed) == 0
		p.counts.mu.Unlock()
		if quiet {
			from = upTo // nobody changed between the two
		}
		if quiet || round == countRounds {
			t.tell(index.Stats().People, uint64(from), uint64(upTo))
			return nil
		}
	}
}

func (p *Pipeline) commitAll(ctx context.Context) error {
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// round asks the columns, and looks at those in doubt of whom nothing is known
// that still holds.
func (t *tallying) round(ctx context.Context, x *columns.Index, changed map[uint64]bool) error {
	t.now, t.yes, t.looked = t.p.clock.Now(), 0, 0
	doubtful := 0
	return x.Matches(ctx, t.p.columnPlan(t.node, t.now), func(yes, unknown []id.Key) error {
		t.yes += len(yes)
		doubtful += len(unknown)
		t.progress(doubtful)
		for slice := range slices.Chunk(unknown, previewSlice) {
			begun := t.p.clock()
			for _, k := range slice {
				if err := t.look(ctx, k, changed); err != nil {
					return err
				}
			}
			t.p.giveWay(t.p.clock().Sub(begun))
			t.progress(doubtful)
			if t.p.stopping() {
				return fault.Errorf(fault.Unavailable, "stopping", "the instance stops: ask again when it is up")
			}
		}
		return nil
	})
}

func (t *tallying) look(ctx context.Context, k id.Key, changed map[uint64]bool) error {
	n := shortOf(k)
	holds, known := t.known[n]
	due := t.due[n]
	if !known || changed[n] || due != 0 && due <= t.now {
		var err error
		if holds, due, err = t.judge.holds(ctx, k, t.now); err != nil {
			return fmt.Errorf("look at %s: %w", k, err)
		}
		t.known[n] = holds
		delete(t.due, n)
		if due != 0 && due.Sub(t.now) < soonDue {
			t.due[n] = due
		}
		t.looked++
	}
	if holds {
		t.yes++
	}
	return nil
}

func (t *tallying) progress(doubtful int) {
	t.p.counts.mu.Lock()
	defer t.p.counts.mu.Unlock()
	t.Looked, t.Of = len(t.known), max(t.Of, doubtful)
}

// tell puts down what was found.
func (t *tallying) tell(people int, position, upTo uint64) {
	t.p.counts.mu.Lock()
	defer t.p.counts.mu.Unlock()
	total, share, at := t.yes, 0.0, t.now
	if people > 0 {
		share = float64(total) / float64(people)
	}
	t.Total, t.People, t.Share, t.Position, t.UpTo, t.At = &total, people, &share, position, upTo, &at
}
