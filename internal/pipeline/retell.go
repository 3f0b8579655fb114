package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/store"
)

// What is told of entries and exits depends on when things were learnt: a person
// is in a segment from the moment at which the home heard enough of it. What
// anchors and the graph tell one another lies in the log where it was derived. A
// rebuild derives it anew, behind all facts, and so would tell of people with
// several identifiers that they came in and left as others, and then of the merge.
// So what was told is a record and no state (docs/decisions/0026): a rebuild keeps
// it and tells nothing of its own, and at the end holds who is in which segment
// against what was told last. Where the two differ, because the one was derived
// wrongly, that is told as a correction.

// toldTables are the tables of what was told.
var toldTables = []store.Table{store.TableHistory, store.TableFlows, store.TablePassages}

// retellingKey is the row, in the common bucket, of a rebuild that is not done.
var retellingKey = []byte("\x00rebuild")

func retellingRow(op store.Op) store.Change {
	return store.Change{RowKey: store.RowKey{Table: store.TableFlows, Bucket: id.CommonBucket, Key: retellingKey}, Op: op}
}

// beginRetelling throws away everything but what was told. A crash before the end
// leaves a state that knows of the rebuild.
func beginRetelling(ctx context.Context, st store.Store) error {
	changes, err := olderFlows(ctx, st.State())
	if err != nil {
		return err
	}
	// It moves no bucket on: after a crash before the end it applies what it lacks.
	at := st.State().Applied(0)
	for b := range id.Buckets + 1 {
		at = min(at, st.State().Applied(id.Bucket(b)))
	}
	c := store.Commit{Span: store.AllBuckets(), Position: at, Changes: append(changes, retellingRow(store.Put))}
	if err := st.State().Commit(ctx, c); err != nil {
		return err
	}
	return st.State().Reset(ctx, toldTables...)
}

func (p *Pipeline) loadRetelling(ctx context.Context) error {
	rows, err := p.store.State().Load(ctx, []store.RowKey{retellingRow(store.Put).RowKey})
	if err != nil {
		return fmt.Errorf("look for a rebuild: %w", err)
	}
	p.retelling.Store(rows[0] != nil)
	return nil
}

// endRetelling holds who is in which segment against what was told, where a
// rebuild has come to its end. Nothing else happens meanwhile.
func (p *Pipeline) endRetelling(ctx context.Context) error {
	if !p.retelling.Load() {
		return nil
	}
	for i, w := range p.people {
		if err := p.lanes[i].compareTold(ctx, w); err != nil {
			return err
		}
	}
	p.graphLane.mu.Lock()
	p.common.rows = append(p.common.rows, retellingRow(store.Delete))
	p.graphLane.mu.Unlock()
	p.retelling.Store(false)
	return p.graphLane.commit(ctx)
}

// toldLast is what was told last of one person and one segment.
type toldLast struct {
	number  uint64 // of the evaluation
	version int
	at      clock.Instant
	place   toldPlace
	// entered and left say what was told last: perhaps both at once, in an order
	// that is not kept.
	entered, left bool
}

// toldPlace orders what is told of a person. Instants alone do not: where people
// are taken apart somebody may leave as of an instant before the last.
type toldPlace struct {
	position store.Position
	at       clock.Instant
}

func (p toldPlace) compare(o toldPlace) int {
	return cmp.Or(cmp.Compare(p.position, o.position), cmp.Compare(p.at, o.at))
}

// take takes another row of the same person and segment.
func (t *toldLast) take(at clock.Instant, number uint64, x *passage) {
	place := toldPlace{x.position, at}
	switch order := place.compare(t.place); {
	case order < 0:
		return
	case order > 0:
		t.place, t.entered, t.left = place, false, false
	}
	t.at, t.number, t.version = at, number, x.version
	t.entered, t.left = t.entered || x.entered, t.left || !x.entered
}

// toldOf are those of a bucket, by home and segment.
type toldOf map[id.Key]map[string]*toldLast

// compareTold goes through a lane's people. Rows are read from the store, so all
// of them are written first.
func (l *lane) compareTold(ctx context.Context, w *people) error {
	if w.force.position == 0 {
		return nil
	}
	if err := l.commit(ctx); err != nil {
		return err
	}
	for b := w.span.First; b <= w.span.Last; b++ {
		of, err := w.toldIn(ctx, b)
		if err != nil {
			return err
		}
		for after := []byte(nil); ; {
			l.mu.Lock()
			list, err := w.anchorsIn(ctx, store.Span{First: b, Last: b}, after)
			if err == nil {
				err = w.correctEach(ctx, list, of)
			}
			l.mu.Unlock()
			if err != nil {
				return err
			}
			l.relieve(ctx)
			if len(list) < sliceAnchors {
				break
			}
			after = bytes.Clone(list[len(list)-1].key[:])
		}
		l.mu.Lock()
		for k, segments := range of { // nobody is there any more
			w.correct(&anchor{key: k}, segments)
		}
		l.mu.Unlock()
	}
	l.mu.Lock()
	w.settledTo = w.force.position
	w.rows = append(w.rows, w.settledRow())
	l.mu.Unlock()
	return l.commit(ctx)
}

// relieve commits where it is time, and lets go of rows that were only looked at.
func (l *lane) relieve(ctx context.Context) {
	l.commitIfDue(ctx)
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.work.full() && l.work.dirty() == 0 {
		l.work.trim()
	}
}

// toldIn reads what was told last of the people of a bucket.
func (w *people) toldIn(ctx context.Context, b id.Bucket) (toldOf, error) {
	out, bad := toldOf{}, error(nil)
	err := w.store.State().Scan(ctx, store.Range{Table: store.TableHistory, Bucket: b}, func(row []byte, parts [][]byte) bool {
		if len(row) != historyKeyLen {
			bad = errPassage
			return false
		}
		var x passage
		if x, bad = readPassage(parts[0]); bad != nil {
			return false
		}
		k, at := id.Key(row[:len(id.Key{})]), clock.Instant(binary.BigEndian.Uint64(row[len(id.Key{}):]))
		if out[k] == nil {
			out[k] = map[string]*toldLast{}
		}
		t := out[k][x.segment]
		if t == nil {
			t = &toldLast{}
			out[k][x.segment] = t
		}
		t.take(at, binary.BigEndian.Uint64(row[len(id.Key{})+8:]), &x)
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, fmt.Errorf("history of bucket %d: %w", b, err)
	}
	return out, nil
}

// correctEach holds some people against what was told of them, and takes that out.
func (w *people) correctEach(ctx context.Context, list []*anchor, of toldOf) error {
	for _, a := range list {
		if err := w.loadForeign(ctx, []*anchor{a}); err != nil {
			return err
		}
		if a.members != nil && !a.elsewhere() {
			w.settle(a)
		}
		w.correct(a, of[a.key])
		delete(of, a.key)
	}
	return nil
}

// correct holds one person against what was told. Who is where it was told has
// been there for as long as was told.
func (w *people) correct(a *anchor, segments map[string]*toldLast) {
	var in []string
	if a.members != nil && !a.elsewhere() {
		for _, x := range slices.Clone(a.members.list) {
			n, active := w.force.ids[x.id]
			if !active || !x.member || x.shadow || w.force.active[n].Kind != definition.Segment {
				continue
			}
			c := &w.force.active[n].criterion
			in = append(in, c.Key)
			t := segments[c.Key]
			if t == nil || !t.entered {
				at := w.present(a)
				if t != nil {
					at = max(at, t.at)
				}
				t = &toldLast{at: at}
				w.keepPassage(a, c, at, &passage{entered: true, cause: cause{kind: causeCorrection}, reasons: w.reasons(a, x.id, at)})
			}
			if x.since != t.at {
				x.since = t.at
				a.members.put(x)
				w.touch(a)
			}
		}
	}
	for key, t := range segments {
		if t.left || slices.Contains(in, key) {
			continue
		}
		c, at := &criterion{Kind: definition.Segment, Key: key, Version: t.version, ID: t.number}, t.at
		var why []byte
		if a.partial != nil {
			at = max(at, w.present(a))
			if now := w.force.find(definition.Segment, key); now != nil {
				c, why = &now.criterion, w.reasons(a, now.ID, at)
			}
		}
		w.keepPassage(a, c, at, &passage{cause: cause{kind: causeCorrection}, reasons: why})
	}
}

// olderFlows moves what earlier versions kept among the counters.
func olderFlows(ctx context.Context, st store.State) (out []store.Change, err error) {
	at := store.SpanRange{Table: store.TableMeta, Span: store.AllBuckets(), Prefix: olderFlowPrefix}
	err = st.ScanSpan(ctx, at, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		older := bytes.Clone(key)
		if key = bytes.Clone(key[len(olderFlowPrefix):]); len(key) > 16 {
			key[len(key)-8] |= 0x80 // a run that is not one of this table
			out = append(out,
				store.Change{RowKey: store.RowKey{Table: store.TableMeta, Bucket: b, Key: older}, Op: store.Delete},
				store.Change{RowKey: store.RowKey{Table: store.TableFlows, Bucket: b, Key: key}, Op: store.Put, Value: bytes.Clone(parts[0])})
		}
		return store.NextRow
	})
	if err != nil {
		return nil, fmt.Errorf("who came and went: %w", err)
	}
	return out, nil
}
