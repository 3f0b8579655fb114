package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/experience"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Results of experiences and offers are what people are credited with, added up.
// The credits of a person are a function of what is known of it; each record
// adds the difference that it made. So whatever the order of the records, the
// sums are those of all people as they are.

// results are what one run of a lane has added up, each in a row of its own that
// is written without being read.
type results struct {
	run   uint64
	cells map[experience.Cell]*experience.Sums
	begun bool // the number of the run is not in the rows yet
}

const maxCells = 16_384 // in memory: then another run begins

var (
	resultPrefix = []byte("result\x00")
	resultRunKey = []byte("results")
)

func newResults(run uint64) results {
	return results{run: run, cells: map[experience.Cell]*experience.Sums{}, begun: true}
}

// add adds what a person is credited with, or takes it away.
func (x *results) add(c experience.Credits, sign int64) {
	for k, sums := range c {
		to := x.cells[k]
		if to == nil {
			to = &experience.Sums{}
			x.cells[k] = to
		}
		to.Add(sums, sign)
	}
}

func (x *results) changes(out []store.Change, s store.Span) []store.Change {
	row := func(key, value []byte) store.Change {
		return store.Change{RowKey: store.RowKey{Table: store.TableMeta, Bucket: s.First, Key: key}, Op: store.Put, Value: value}
	}
	n := len(out)
	for k, sums := range x.cells {
		if sums.Changed() {
			key := binary.BigEndian.AppendUint64(k.AppendKey(bytes.Clone(resultPrefix)), x.run)
			out = append(out, row(key, sums.Append(nil)))
		}
	}
	if len(out) > n && x.begun {
		x.begun = false
		out = append(out, row(resultRunKey, binary.BigEndian.AppendUint64(nil, x.run)))
	}
	if len(x.cells) > maxCells {
		*x = newResults(x.run + 1)
	}
	return out
}

// loadResults begins a run of its own. What an earlier run committed stays.
func (w *people) loadResults(ctx context.Context) error {
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableMeta, Bucket: w.span.First, Key: resultRunKey}})
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	run := uint64(0)
	if len(rows[0]) > 0 && len(rows[0][0]) == 8 {
		run = binary.BigEndian.Uint64(rows[0][0]) + 1
	}
	w.results = newResults(run)
	return nil
}

// foldCredited folds a record and adds what it changed of the credits of the
// people whose homes are here.
func (w *people) foldCredited(t *task) {
	var keys []id.Key
	switch t.rec.Kind {
	case store.KindEvent, store.KindReplay:
		w.results.add(w.creditsAt(w.rowOf(t)), -1)
		w.fold(t)
		w.results.add(w.creditsAt(w.rowOf(t)), 1)
		return
	case store.KindPortion:
		if k, table, ok := portionTarget(t.rec); ok && table == store.TableAnchors {
			keys = append(keys, k)
		}
	case store.KindPerson, store.KindShare, store.KindCut:
		w.anchorsOf(t.rec, func(k id.Key) { keys = append(keys, k) })
	}
	w.credited(keys, func() { w.fold(t) })
}

// credited does something that may change what people are credited with.
func (w *people) credited(keys []id.Key, change func()) {
	for _, k := range keys {
		w.results.add(w.creditsOf(k), -1)
	}
	change()
	for _, k := range keys {
		w.results.add(w.creditsOf(k), 1)
	}
}

func (w *people) creditsOf(k id.Key) experience.Credits {
	a, _ := w.anchors.Get(k)
	return w.creditsAt(a)
}

// creditsAt gives what the person of a home is credited with; nil for most.
func (w *people) creditsAt(a *anchor) experience.Credits {
	if a == nil || a.elsewhere() || a.ident.Value == "" {
		return nil
	}
	offered := a.partial.Shown() != nil
	if a.home != nil {
		offered = offered || slices.ContainsFunc(a.home.foreign, func(f foreign) bool { return f.row != nil && f.row.partial.Shown() != nil })
	}
	if !offered {
		return nil
	}
	partial, _ := w.mine(a)
	if a.home != nil && len(a.home.foreign) > 0 {
		partial = a.home.whole(partial)
	}
	return experience.CreditsOf(partial, w.experiences.Load())
}

// Result is a cell of results.
type Result struct {
	experience.Cell
	experience.Sums
}

// Results gives what experiences and offers came to, by cell. An empty key of an
// experience asks for the decisions of placements without one.
func (p *Pipeline) Results(ctx context.Context, key string) ([]Result, error) {
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return nil, err
		}
	}
	cells := map[experience.Cell]*experience.Sums{}
	prefix := append(append(bytes.Clone(resultPrefix), key...), 0)
	at := store.SpanRange{Table: store.TableMeta, Span: store.AllBuckets(), Prefix: prefix}
	var bad error
	err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, row []byte, parts [][]byte) store.Step {
		if len(row) < len(prefix)+8 || len(parts) == 0 {
			return store.NextRow
		}
		var c experience.Cell
		var x experience.Sums
		if c, bad = experience.ReadKey(row[len(resultPrefix) : len(row)-8]); bad == nil {
			x, bad = experience.ReadSums(parts[len(parts)-1])
		}
		if bad != nil {
			return store.Stop
		}
		to := cells[c]
		if to == nil {
			to = &experience.Sums{}
			cells[c] = to
		}
		to.Add(&x, 1)
		return store.NextRow
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, fmt.Errorf("results of %q: %w", key, err)
	}
	out := make([]Result, 0, len(cells))
	for c, x := range cells {
		if !x.Empty() {
			out = append(out, Result{c, *x})
		}
	}
	slices.SortFunc(out, func(a, b Result) int { return bytes.Compare(a.AppendKey(nil), b.AppendKey(nil)) })
	return out, nil
}
