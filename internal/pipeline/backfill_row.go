package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"rapport/internal/id"
	"rapport/internal/store"
)

// jobChange is the row of the backfill.
func (w *people) jobChange() store.Change {
	key := store.RowKey{Table: store.TableMeta, Bucket: w.span.First, Key: jobKeyRow}
	w.jobChanged = false
	if w.job == nil {
		return store.Change{RowKey: key, Op: store.Delete}
	}
	w.job.changed = false
	b, err := json.Marshal(w.job.jobRow)
	if err != nil {
		panic(err) // numbers and strings
	}
	return store.Change{RowKey: key, Op: store.Put, Value: b}
}

// loadJob takes up the backfill that was under way when the state was
// committed, where the lane is the same.
func (w *people) loadJob(ctx context.Context) error {
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableMeta, Bucket: w.span.First, Key: jobKeyRow}})
	if err != nil || len(rows[0]) == 0 {
		return err
	}
	var row jobRow
	if err := json.Unmarshal(rows[0][len(rows[0])-1], &row); err != nil {
		return fmt.Errorf("backfill of bucket %d: %w", w.span.First, err)
	}
	if row.Span != w.span {
		return nil // another number of lanes: it begins again
	}
	j, err := w.newJob(row)
	if err != nil {
		w.log.Warn("backfill cannot go on", "error", err)
		return nil
	}
	j.changed = false
	w.job = j
	return nil
}

// progress is the share of a backfill that is done.
func (w *people) progress() float64 {
	switch {
	case w.job == nil:
		return 0
	case w.job.Done:
		return 1
	case len(w.job.Cursor) != len(id.Key{}):
		return 0
	}
	b := id.Key(w.job.Cursor).Bucket()
	return float64(b-w.span.First) / float64(w.span.Last-w.span.First+1)
}
