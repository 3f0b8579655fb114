package tables

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/id"
)

// RemoveSource takes out what came from a source, once the log has none of it and
// the state was folded anew: its events, and people whom nobody else knows. All
// others whom the tables have are written as they are now.
func (t *Tables) RemoveSource(ctx context.Context, source string) error {
	err := t.alone(ctx, func() error {
		t.tap.drop() // events of the source may wait; the log tells what else came
		return t.commit(ctx, *t.at, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM events WHERE source = $1`, source)
			return err
		})
	})
	for after, more := "", true; err == nil && more; {
		err = t.alone(ctx, func() (err error) {
			after, more, err = t.writeKnown(ctx, after)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("take the source %s out of the tables for analysts: %w", source, err)
	}
	return nil
}

// alone does something while nobody else writes.
func (t *Tables) alone(ctx context.Context, do func() error) error {
	t.work.Lock()
	defer t.work.Unlock()
	err := t.connect(ctx)
	if err == nil {
		err = do()
	}
	if err != nil {
		t.at = nil
	}
	return err
}

// writeKnown writes some of the people whom the tables have, in the order of their
// identifiers' ids, and says where to go on.
func (t *Tables) writeKnown(ctx context.Context, after string) (last string, more bool, err error) {
	const ask = `SELECT identifier_id FROM identifiers WHERE identifier_id > $1 ORDER BY identifier_id LIMIT $2`
	rows, err := t.pool.Query(ctx, ask, after, peopleAtOnce)
	if err != nil {
		return after, false, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(ids) == 0 {
		return after, false, err
	}
	var keys []id.Key
	for _, own := range ids {
		if k, ok := t.spine.KeyOf(own); ok {
			keys = append(keys, k)
		}
	}
	lost, err := t.writeKeys(ctx, keys)
	if refused(err) {
		lost, err = t.writeEach(ctx, keys)
	}
	for _, k := range lost {
		t.waiting[k] = true
	}
	return ids[len(ids)-1], true, err
}
