package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// A backfill brings what is to come into force over everybody, lane by lane,
// anchor by anchor in the order of their keys, in slices between batches. What
// conditions keep of the past is folded from the timeline, and each person is
// evaluated beside what is in force. An anchor behind the cursor, or born since
// the backfill began, follows live; one before it is left alone until the
// cursor comes by. The cursor is committed with the rows, so a crash repeats
// nothing and leaves nothing out.

// job is the backfill of one lane.
type job struct {
	jobRow
	glass   *glass // all that will be in force
	numbers []int  // of the segments that enter
	ids     map[uint64]bool
	fresh   segment.Sources // what is not kept yet
	needs   segment.Needs   // of a timeline, for fresh
	filling *filling        // an anchor that takes more than one slice
	cutting *cutFilling     // the cuts of CutsOf, as far as they are in memory
	ahead   []*anchor       // the next behind the cursor, until something is let go of
	upTo    []byte          // these are all up to there; nil: up to the end of the span
	wanted  []uint64        // the messages of a timeline that are read
	at      []store.Position
	changed bool
}

// jobRow is what is kept of a backfill.
type jobRow struct {
	Number uint64      `json:"number"` // the larger began later
	Enter  []criterion `json:"enter,omitempty"`
	Leave  []criterion `json:"leave,omitempty"`
	Span   store.Span  `json:"span"`
	Cursor []byte      `json:"cursor,omitempty"` // the last anchor that is done
	// CutsOf is an anchor that is done but for its cuts, CutsDone the home of the
	// last of them that is.
	CutsOf   []byte `json:"cuts_of,omitempty"`
	CutsDone []byte `json:"cuts_done,omitempty"`
	Done     bool   `json:"done"`
}

// filling is an anchor whose timeline is being folded.
type filling struct {
	anchor  *anchor
	state   *segment.State
	next    uint32 // chunk
	refolds int    // of the anchor when it began
}

// The size of a slice: while it lasts the lane does nothing else.
const (
	sliceAnchors = 64
	sliceBuckets = 128
	sliceEvents  = 4 * chunkEntries
)

var jobKeyRow = []byte("backfill")

// same tells whether two backfills are after the same.
func (j *jobRow) same(enter, leave []criterion) bool {
	eq := func(a, b criterion) bool { return a.same(&b) }
	return slices.EqualFunc(j.Enter, enter, eq) && slices.EqualFunc(j.Leave, leave, eq)
}

func (j *job) has(n uint64) bool { return j != nil && j.ids[n] }

// covers tells whether the backfill has been at an anchor.
func (j *job) covers(a *anchor) bool {
	return j.Done || a.born == j.Number || bytes.Compare(a.key[:], j.Cursor) <= 0
}

// fold takes an event into what is not kept by the conditions in force.
func (j *job) fold(st *segment.State, e *event.Event, in segment.Input, portions []catalog.Portion) {
	if len(j.fresh) == 0 {
		return
	}
	t := &j.glass.touched
	t.Reset(j.glass.set)
	j.glass.set.FoldOnly(st, e, in, t, j.fresh)
	for i := range portions {
		j.glass.set.FoldPortion(st, &portions[i], t)
	}
}

// newJob prepares what a row says.
func (w *people) newJob(row jobRow) (*job, error) {
	list := w.force.criteria()
	list = slices.DeleteFunc(list, func(c criterion) bool {
		out := func(o criterion) bool { return o.Kind == c.Kind && o.Key == c.Key }
		return slices.ContainsFunc(row.Enter, out) || slices.ContainsFunc(row.Leave, out)
	})
	list = append(list, row.Enter...)
	slices.SortFunc(list, func(a, b criterion) int { return a.compare(&b) })
	l, err := w.library.lens(list)
	if err != nil {
		return nil, err
	}
	j := &job{jobRow: row, glass: newGlass(l, w.catalog()), ids: map[uint64]bool{}, changed: true}
	for _, c := range row.Enter {
		j.ids[c.ID] = true
		if l == nil || c.Kind != definition.Segment {
			continue
		}
		if n, ok := l.numbers[c.ID]; ok {
			j.numbers = append(j.numbers, n)
		}
	}
	if l != nil {
		var now *segment.Set
		if w.glass != nil {
			now = w.glass.set
		}
		j.fresh = l.set.Fresh(now)
		j.needs = l.set.Needs(j.fresh)
	}
	return j, nil
}

// begin takes up a backfill, unless the lane is at it already.
func (w *people) begin(row jobRow) error {
	if w.job != nil && w.job.Number == row.Number {
		return nil
	}
	row.Span, row.Cursor, row.CutsOf, row.CutsDone, row.Done = w.span, nil, nil, nil, len(row.Enter) == 0
	j, err := w.newJob(row)
	if err != nil {
		return err
	}
	w.job = j
	return nil
}

// slice does the next piece of a backfill. It is called with the lane locked,
// between batches; what was in memory alone when the backfill began must have
// been committed since. It gives the records that follow.
func (w *people) slice(ctx context.Context, applied store.Position) (derived []store.Record, err error) {
	j := w.job
	if j == nil || j.Done {
		return nil, nil
	}
	w.derived = nil
	w.position = max(w.position, applied)
	switch {
	case j.filling != nil:
		err = w.goOn(ctx, j.filling)
	case j.CutsOf != nil:
		err = w.fillCuts(ctx)
	default:
		err = w.nextAnchors(ctx)
	}
	if err != nil {
		return nil, err
	}
	w.sendAll(ctx)
	return w.derived, nil
}

// nextAnchors visits the anchors behind the cursor.
func (w *people) nextAnchors(ctx context.Context) error {
	j := w.job
	if len(j.ahead) == 0 {
		list, upTo, err := w.anchorsAfter(ctx, j.Cursor)
		if err != nil {
			return err
		}
		j.ahead, j.upTo = list, upTo
	}
	events := 0
	for len(j.ahead) > 0 {
		a := j.ahead[0]
		if now, ok := w.anchors.Get(a.key); !ok || now != a {
			j.ahead = nil // let go of: look again
			return nil
		}
		n, err := w.unread(ctx, a)
		if err != nil {
			return err
		}
		if events += n; n > 0 && events > sliceEvents && events > n {
			return nil // the next slice begins with it
		}
		j.ahead = j.ahead[1:]
		switch {
		case a.refold:
			j.pass(a) // folded again it is whole
		case n == 0:
			w.visited(a)
		default:
			if err := w.open(ctx, a, n); err != nil || j.filling != nil || j.CutsOf != nil {
				return err
			}
		}
	}
	j.Cursor, j.changed = j.upTo, true
	j.Done = j.upTo == nil
	return nil
}

// unread brings into memory what visiting an anchor needs, and gives how many
// events of it, and bases of events, are to be folded.
func (w *people) unread(ctx context.Context, a *anchor) (int, error) {
	if a.refold {
		return 0, nil
	}
	if err := errors.Join(w.loadForeign(ctx, []*anchor{a}), w.loadCuts(ctx, a)); err != nil {
		return 0, err
	}
	if !w.job.wantsHistory(a) {
		return 0, nil
	}
	return int(a.chunks)*chunkEntries + len(a.open) + len(a.bases), nil
}

// open folds the first of an anchor's n events, all where they are few.
func (w *people) open(ctx context.Context, a *anchor, n int) error {
	j := w.job
	j.filling = &filling{anchor: a, state: segment.NewState(), refolds: a.refolds}
	for first := true; j.filling != nil && (first || n <= sliceEvents); first = false {
		if err := w.goOn(ctx, j.filling); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) wantsHistory(a *anchor) bool {
	return len(j.fresh) > 0 && a.born != j.Number && a.ident.Value != ""
}

// pass moves the cursor over an anchor.
func (j *job) pass(a *anchor) { j.Cursor, j.changed = bytes.Clone(a.key[:]), true }

// visited moves the cursor over an anchor, which follows live from now on.
func (w *people) visited(a *anchor) {
	w.job.pass(a)
	if a.ident.Value == "" || a.elsewhere() {
		return
	}
	now := w.present(a)
	w.advance(a, now)
	w.judgeShadow(a, now)
	w.arm(a, 0)
}

// goOn folds the next part of an anchor's timeline.
func (w *people) goOn(ctx context.Context, f *filling) error {
	a := f.anchor
	if now, ok := w.anchors.Get(a.key); !ok || now != a || a.refolds != f.refolds || a.refold {
		w.job.filling, w.job.ahead = nil, nil // it was let go of, or folded anew: begin again
		return nil
	}
	committed := a.chunks - uint32(len(a.pending))
	var entries []profile.Entry
	last := false
	switch {
	case f.next < committed:
		n := min(committed-f.next, sliceEvents/chunkEntries)
		keys := make([]store.RowKey, n)
		for i := range keys {
			keys[i] = store.RowKey{Table: store.TableTimeline, Bucket: a.key.Bucket(), Key: chunkKey(a.key, f.next+uint32(i))}
		}
		rows, err := w.store.State().Load(ctx, keys)
		if err != nil {
			return fmt.Errorf("timeline of %s: %w", a.key, err)
		}
		for _, parts := range rows {
			if len(parts) == 0 {
				return fmt.Errorf("timeline of %s: %w", a.key, errAnchor)
			}
			if entries, err = readEntries(entries, parts[0]); err != nil {
				return fmt.Errorf("timeline of %s: %w", a.key, err)
			}
		}
		f.next += n
	case f.next < a.chunks:
		entries = a.pending[f.next-committed].entries
		f.next++
	default:
		entries, last = a.open, true
	}
	if err := w.fill(ctx, f, entries); err != nil {
		return err
	}
	if last {
		w.filled(ctx, f)
	}
	return nil
}

// filled ends the folding of an anchor: what it kept for conditions that are
// given up goes, what was folded comes in its place.
func (w *people) filled(ctx context.Context, f *filling) {
	j, a := w.job, f.anchor
	j.filling = nil
	for _, at := range a.told {
		rec, err := w.store.Log().At(ctx, at)
		if err != nil {
			continue // erased
		}
		if _, p, err := readPortion(rec.Payload); err == nil {
			j.glass.foldPortion(f.state, &p)
		}
	}
	if err := w.fillBases(ctx, a, f.state); err != nil {
		w.log.Error("what an anchor no longer has cannot be read", "anchor", a.key, "error", err)
	}
	if a.leaves == nil {
		a.leaves = segment.NewState()
	}
	a.leaves.Forget(j.fresh) // of a backfill that was given up
	j.glass.set.Merge(a.leaves, f.state)
	a.leavesWhole, a.generation = true, j.Number
	w.touch(a)
	j.cutsOf(a)
	w.visited(a)
}
