// Package tables keeps tables for analysts in PostgreSQL: who is known, what they
// did, bought and belong to, as rows that can be joined. It never changes the log
// or the state, holds nobody up, and is no source of anything: dropped, it is filled
// anew.
//
// START READING at step. tap.go takes rows of events and marks of people from the
// lanes. people.go writes people as they are now, events.go what happened, each
// transaction with how far it got (database.go); after a crash the log tells the
// rest. walk.go goes through everybody when marks are missing; erase.go takes
// somebody out.
package tables

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// Spine is the pipeline as the tables see it.
type Spine interface {
	FollowAgain(ctx context.Context, from, to, written store.Position, visit func(f *pipeline.Followed) error) error
	LogEnd() store.Position
	OwnID(k id.Key) string
	KeyOf(ownID string) (id.Key, bool)
	Portrait(ctx context.Context, k id.Key) (*pipeline.Portrait, error)
	Leads(ctx context.Context, k id.Key) (bool, error)
	Anchors(ctx context.Context, after id.Key, most int) ([]id.Key, error)
	Force() store.Position
}

// Options are what tables are made of.
type Options struct {
	DSN     string // postgres://
	Schema  string
	Mapping func(source string) *catalog.Mapping // the item actions of a source
	Now     clock.Clock
	Log     *slog.Logger
	// Flush is how long a row waits at most before it is written.
	Flush time.Duration
	// Most bounds the bytes of events that wait; beyond it they are let go of and
	// read from the log again.
	Most int64
}

// Tables are the tables of one instance. Start lets them be written.
type Tables struct {
	Options
	tap   *tap
	spine Spine

	work    sync.Mutex // writing and erasing: one at a time
	pool    *pgxpool.Pool
	at      *progress // as the database has it; nil: to be read
	citus   bool
	months  map[string]bool // partitions that are there
	waiting map[id.Key]bool // people to be written
	many    bool            // more than these are
	begun   clock.Instant   // since when somebody waits; 0: nobody does
	marked  store.Position  // what changed up to here is written or among waiting

	state state
	stop  context.CancelFunc
	group sync.WaitGroup
}

// New makes tables that are not written yet.
func New(o Options) *Tables {
	t := &Tables{Options: o, waiting: map[id.Key]bool{}}
	t.tap = newTap(o.Mapping, func(k id.Key) string { return t.spine.OwnID(k) }, o.Most)
	return t
}

// Follower is what a pipeline tells what its lanes apply.
func (t *Tables) Follower() pipeline.Follower { return t.tap }

// Attach says which pipeline they follow; called once, before Start.
func (t *Tables) Attach(s Spine) { t.spine = s }

// Start lets them be written.
func (t *Tables) Start() {
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.group.Go(func() { t.run(ctx) })
}

// Close writes what waits and ends. The pipeline must still run.
func (t *Tables) Close(ctx context.Context) error {
	if t.stop == nil {
		return nil
	}
	t.stop()
	t.group.Wait()
	t.work.Lock()
	defer t.work.Unlock()
	defer t.closePool()
	if t.at == nil || !t.tap.open.Load() {
		return nil
	}
	if err := t.write(ctx, true); err != nil {
		return fmt.Errorf("write the rest of the tables: %w", err)
	}
	return nil
}

func (t *Tables) closePool() {
	if t.pool != nil {
		t.pool.Close()
		t.pool = nil
	}
}

// longestBreath is how long the writer rests at most after it wrote, as it did for long
// to catch up.
const longestBreath = 10 * time.Second

// longestRest is between two attempts while the database does not take anything.
const longestRest = 30 * time.Second

// run writes until it is stopped, and rests at least as long as it wrote: people
// who change all the time are written more seldom when there are many.
func (t *Tables) run(ctx context.Context) {
	rest, failures := time.NewTimer(0), 0
	defer rest.Stop()
	var said time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		began := time.Now()
		err := t.step(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := max(t.Flush, min(time.Since(began), longestBreath))
		if failures++; err == nil {
			failures = 0
		}
		if err != nil {
			pause = max(t.Flush, min(longestRest, time.Second<<min(failures, 5)))
			if time.Since(said) > time.Minute {
				said = time.Now()
				t.Log.Error("the tables for analysts cannot be written; it is tried again", "error", err)
			}
		}
		rest.Reset(pause)
	}
}

// step brings the tables up to date once. After a failure what they have is read
// from them again, and what they lack from the log.
func (t *Tables) step(ctx context.Context) (err error) {
	t.work.Lock()
	defer t.work.Unlock()
	defer func() {
		t.state.fail(err)
		if err != nil {
			t.at = nil
			t.tap.drop()
		}
		t.note()
	}()
	if err := t.connect(ctx); err != nil {
		return err
	}
	if !t.tap.open.Load() {
		if err := t.catchUp(ctx); err != nil {
			return err
		}
	}
	if err := t.write(ctx, false); err != nil {
		return err
	}
	return t.walk(ctx)
}

// quiet is how long the position in the database may lag behind while there is
// nothing to write.
const quiet = 10 * time.Second

// write writes what the lanes told, people first: then nearly every event finds
// whose it is.
func (t *Tables) write(ctx context.Context, last bool) error {
	d := t.tap.drain()
	if err := t.mark(ctx, &d); err != nil {
		return err
	}
	if !t.tap.open.Load() {
		return nil // more came than may wait: the log tells all of it again
	}
	limit := time.Now().Add(t.Flush)
	for len(t.waiting) > 0 && (last || time.Now().Before(limit)) {
		if err := t.writeWaiting(ctx); err != nil {
			return err
		}
	}
	next := *t.at
	next.events = max(next.events, d.upTo)
	if len(t.waiting) == 0 {
		next.people = max(next.people, t.marked)
	}
	rows := behind(d.rows, t.at.events)
	if len(rows) == 0 && (next == *t.at || !last && time.Since(t.state.written()) < quiet) {
		return nil
	}
	return t.writeEvents(ctx, rows, &next)
}

// mostWaiting bounds the people who wait to be written: where there are more it is
// quicker to go through everybody.
const mostWaiting = 1_000_000

// mark notes people of whom something changed.
func (t *Tables) mark(ctx context.Context, d *drained) error {
	if len(d.marks) > 0 && t.begun == 0 {
		t.begun = t.Now.Now()
	}
	for k := range d.marks {
		t.waiting[k] = true
	}
	t.marked = max(t.marked, d.upTo)
	t.many = t.many || d.many || len(t.waiting) > mostWaiting
	if !t.many {
		return nil
	}
	if err := t.startWalk(ctx); err != nil {
		return err
	}
	clear(t.waiting)
	t.many, t.begun = false, 0
	return nil
}

// catchUp has the log tell what the tables do not have, and then lets the lanes
// tell. They are listened to first, so that nothing falls between the two.
func (t *Tables) catchUp(ctx context.Context) error {
	t.state.catching.Store(true)
	defer t.state.catching.Store(false)
	if t.begun == 0 && !t.at.whole.IsZero() {
		t.begun = t.Now.Now() // but when they are filled for the first time
	}
	t.note()
	t.tap.begin()
	from, end := t.at.events, t.spine.LogEnd()
	// After a start it is not known who changed: everybody is written, those first of
	// whom the log has something. Later the lanes have told.
	if t.marked == 0 && min(from, t.at.people) < end {
		if err := t.startWalk(ctx); err != nil {
			return err
		}
	}
	w := newEventRows(t.spine.OwnID, t.Mapping)
	var rows []row
	bytes := 0
	put := func(upTo store.Position) error {
		next := *t.at
		next.events = max(next.events, upTo)
		err := t.writeEvents(ctx, rows, &next)
		rows, bytes = rows[:0], 0
		return err
	}
	err := t.spine.FollowAgain(ctx, from, end, from, func(f *pipeline.Followed) error {
		if f.Cause != 0 && from != 0 {
			if err := t.mark(ctx, &drained{marks: map[id.Key]bool{f.Home: true}}); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if r, ok := w.row(f.Record, f.Event); ok {
			rows, bytes = append(rows, r), bytes+r.size()
		}
		if bytes > catchUpBytes {
			return put(f.Record.Position)
		}
		return nil
	})
	if err == nil {
		err = put(end)
	}
	if err != nil {
		return fmt.Errorf("bring the tables for analysts up to date: %w", err)
	}
	t.marked = max(t.marked, end)
	if len(t.waiting) == 0 {
		t.begun = 0
	}
	return nil
}

// catchUpBytes is how many bytes of events are gathered before they are written.
const catchUpBytes = 8 << 20
