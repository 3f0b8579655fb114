package pipeline

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync/atomic"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/enrich"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/segment"
	"rapport/internal/store"
	"rapport/internal/trace"
)

// SourceInfo is what the pipeline asks of a source.
type SourceInfo struct {
	Priority uint8            // in reconciliation; larger wins
	Mapping  *catalog.Mapping // its item actions
}

// setting is what an instance's lanes share and never change.
type setting struct {
	store   store.Store
	mappers map[string]event.Mapper
	sources func(key string) SourceInfo
	book    *graph.Rulebook
	derived *enrich.Finder // reads what was derived of events
	erased  *erasures
	floors  *floors
	// suppressed is who must not be contacted.
	suppressed *suppressed
	log        *slog.Logger
	library    *library
	items      *itemBook
	plans      *planning
	// experiences are all versions of experiences that the log had so far.
	experiences *atomic.Pointer[experience.Book]
	trials      *trials
	passing     bool          // somebody writes entries and exits down
	follower    Follower      // nil: nobody follows
	passages    atomic.Uint64 // entries and exits since the start that the follower is to hear of
	retelling   atomic.Bool   // a rebuild is under way: entries and exits were told
	pressed     atomic.Int64  // bytes of each lane's rows that the columns took: people's places there cannot be let go of
}

// people is the work of a lane that owns anchors and entities.
type people struct {
	*setting
	span     store.Span
	number   int // of the lane
	names    *profile.Names
	anchors  *rows.Cache[*anchor]
	entities *rows.Cache[*entity]
	timers   *timers
	aged     int // anchors that a tick changed since the last commit
	fired    int // timers that were due and are not any more, since the start
	tally    tally
	mirror   mirror
	flows    flows
	results  results
	ledger   ledger
	stocks   map[string]*stock // of offers of which there are so many; all that were asked for

	changedAnchors  []*anchor
	changedEntities []*entity
	gathered        []*anchor // anchors whose pending chunks the running commit carries
	rows            []store.Change
	undecided       map[id.Key]chan struct{} // entities with a command whose outcome is not applied yet
	derived         []store.Record           // what the running batch sends to other buckets
	stale           []*anchor                // anchors to fold again before the batch is done
	arena           rows.Arena               // of the values that the next commit gathers
	missing         []store.RowKey           // rows that the running batch has to load
	asked           map[id.Key]bool
	absent          map[target]bool // rows that are neither in memory nor in the store; some of them
	blank           map[id.Key]bool // anchors of whom readers found nothing, and nothing happened since; some of them
	tasks           []task

	heads     *heads             // of anchors without a row in memory
	cold      map[id.Key]*anchor // rows of which only increments are in memory
	sent      []*anchor          // cold rows whose increments the running commit carries
	spare     []*anchor          // cold rows of nobody, for their room
	rowBudget int                // bytes for rows of anchors, heads, timers and what is taken

	position        store.Position            // of the record that is applied now
	swept           map[id.Key]store.Position // anchors that were erased since the start, and when
	unswept         map[id.Key]bool           // those whose rows are still in the store: of no commit yet
	gatheredUnswept map[id.Key]bool           // those that the running commit carries
	cutting         []*anchor                 // with cuts to send home
	recutEvents     int                       // events that cuts were folded from anew, since the start
	sharing         []*anchor                 // changed in the batch, with a home elsewhere
	notices         map[id.Key]*home          // homes of anchors without a row, until they are committed
	gatheredNotices map[id.Key]*home          // those that the running commit carries

	force      *force         // what counts at the lane's position
	rules      *profile.Rules // by which profiles are put together at the lane's position
	edition    uint64         // of rows of the index made by these rules
	traits     uint64         // edition of the computed traits in these rows
	glass      *glass         // what is in force, to be looked through; nil: nothing
	job        *job           // the backfill of what is to come; nil: none
	jobChanged bool           // its row has to go
	settledTo  store.Position // everybody follows what came into force up to there
	passed     map[id.Bucket]clock.Instant
	ticked     map[id.Bucket]bool // buckets whose passed instant is not committed
	untold     map[id.Key]string  // items that are others than conditions see, by their ids
	states     []*segment.State
	ids        []profile.IdentifierSeen
	person     segment.ProfilePerson

	planned    []effect.Plan // for the outbox, oldest first
	received   clock.Instant // when the record that is applied now came in
	historical bool          // the event that is folded now loads the past
	moving     bool          // a home is leaving for elsewhere
	news       clock.Instant // of the share that is folded now
}

// entity is a row of the catalog with its marks.
type entity struct {
	key     id.Key
	row     *catalog.Entity
	fresh   bool
	listed  bool // its row in the list of its kind is there
	changed bool
	deltas  int
}

func newPeople(s *setting, span store.Span, budget int) *people {
	w := &people{
		setting: s, span: span, names: profile.NewNames(),
		anchors: rows.NewCache[*anchor](budget * 9 / 10), entities: rows.NewCache[*entity](budget / 10),
		timers: newTimers(), flows: newFlows(0), results: newResults(0), ledger: newLedger(), stocks: map[string]*stock{}, undecided: map[id.Key]chan struct{}{}, swept: map[id.Key]store.Position{}, unswept: map[id.Key]bool{}, gatheredUnswept: map[id.Key]bool{}, asked: map[id.Key]bool{}, absent: map[target]bool{}, blank: map[id.Key]bool{},
		notices: map[id.Key]*home{}, gatheredNotices: map[id.Key]*home{},
		untold: map[id.Key]string{},
		force:  &force{}, passed: map[id.Bucket]clock.Instant{}, ticked: map[id.Bucket]bool{},
		rowBudget: budget * 9 / 10, heads: newHeads(headShare(budget * 9 / 10)), cold: map[id.Key]*anchor{},
	}
	w.anchors.Gone = w.remember
	w.anchors.Came = func(k id.Key) {
		delete(w.blank, k)
		delete(w.absent, target{store.TableAnchors, k})
	}
	w.entities.Came = func(k id.Key) { delete(w.absent, target{store.TableEntities, k}) }
	return w
}

// task is a record of a batch with what the steps before found out about it.
type task struct {
	rec   *store.Record
	event *event.Event
	short uint64 // the event's message
	// anchor is the row of the event's anchor where it was in memory when it was
	// looked for.
	anchor *anchor
	// keys are whom a tick lets time pass for, and due their rows once they are in
	// memory: where many are due in a bucket, looking them up is not little.
	keys []id.Key
	due  []*anchor
	// copy is the entry of a copy of the same message in a committed chunk.
	copy *profile.Entry
	err  error
}

// apply is what happens to a batch of records: resolve, load, fold.
func (w *people) apply(ctx context.Context, batch []*store.Record) ([]store.Record, error) {
	w.derived = nil
	_, step := trace.Start(ctx, "resolve")
	tasks := w.resolve(batch)
	step.End()
	if err := w.loadAll(ctx, tasks); err != nil {
		return nil, err
	}
	_, step = trace.Start(ctx, "fold")
	for i := range tasks {
		w.foldCredited(&tasks[i])
	}
	clear(tasks) // the events must not outlive the batch
	step.End()
	if err := w.foldAgain(ctx); err != nil {
		// Folding again is repeated until it succeeds; the batch itself is done.
		w.log.Error("anchors cannot be folded again yet", "error", err)
	}
	_, step = trace.Start(ctx, "send")
	w.sendAll(ctx)
	step.Number("records", len(w.derived))
	step.End()
	return w.derived, nil
}

// isSwept tells that an anchor was erased and its row is still in the store.
func (w *people) isSwept(k id.Key) bool { return w.unswept[k] || w.gatheredUnswept[k] }

// target is a row that a portion is for.
type target struct {
	table store.Table
	key   id.Key
}

// anchor gives the row of an identifier, a new one where there is none. A row
// that only says where the home is becomes one of the identifier.
func (w *people) anchor(ident event.Identifier, k id.Key) *anchor {
	a, ok := w.anchors.Get(k)
	if !ok {
		a = newAnchor(ident)
		a.home = w.notice(k)
		if w.job != nil {
			a.born = w.job.Number
		}
		w.anchors.Put(k, a, a.size())
		w.tally.Anchors++
	} else if a.ident.Value == "" {
		a.ident, a.fresh = ident, true
		if w.job != nil {
			a.born = w.job.Number // nothing happened to it before
		}
		w.tally.Anchors++
	}
	return a
}

func (w *people) entity(kind catalog.Kind, entityID string, k id.Key) *entity {
	e, ok := w.entities.Get(k)
	if !ok {
		e = &entity{key: k, row: catalog.NewEntity(kind, entityID), fresh: true}
		w.entities.Put(k, e, 256)
	}
	return e
}

func (w *people) touch(a *anchor) {
	switch {
	case a.elsewhere():
		w.share(a)
	case w.follower != nil:
		w.follower.Touched(w.number, a.key)
	}
	if !a.changed {
		a.changed = true
		w.changedAnchors = append(w.changedAnchors, a)
	}
}

func (w *people) touchEntity(e *entity) {
	if !e.changed {
		e.changed = true
		w.changedEntities = append(w.changedEntities, e)
	}
}

// seenKey is the key of seenRow.
func seenKey(a id.Key, short uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 24), a[:]...), short)
}

// chunkKey is the row of a finished chunk.
func chunkKey(a id.Key, number uint32) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, 20), a[:]...), number)
}
