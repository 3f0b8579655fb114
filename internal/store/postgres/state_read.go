package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
)

// Load gives the parts of rows in one round trip.
func (s *State) Load(ctx context.Context, keys []store.RowKey) ([][][]byte, error) {
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	out := make([][][]byte, len(keys))
	if len(keys) == 0 {
		return out, nil
	}
	var want rowList
	numbers := make([]int32, len(keys))
	for i := range keys {
		want.push(&keys[i], nil)
		numbers[i] = int32(i)
	}
	const ask = `SELECT w.number, r.parts FROM unnest($1::smallint[], $2::smallint[], $3::bytea[], $4::integer[]) w(bucket, kind, key, number)
		JOIN state_rows r ON r.bucket = w.bucket AND r.kind = w.kind AND r.key = w.key`
	rows, err := s.pool.Query(ctx, ask, want.buckets, want.kinds, want.keys, numbers)
	if err != nil {
		return nil, fmt.Errorf("loading %d rows: %w", len(keys), translate(err))
	}
	defer rows.Close()
	for rows.Next() {
		var number int32
		var value []byte
		if err := rows.Scan(&number, &value); err != nil {
			return nil, fmt.Errorf("loading %d rows: %w", len(keys), translate(err))
		}
		if out[number], err = store.CutParts(value, nil); err != nil {
			return nil, fmt.Errorf("row %c in bucket %d: %w", keys[number].Table, keys[number].Bucket, err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("loading %d rows: %w", len(keys), translate(err))
	}
	return out, nil
}

// How many rows the first round trip of a Scan fetches, and the later ones at
// most: many callers want one row, many others all of them.
const (
	leastPage = 16
	pageRows  = 1024
)

// Scan visits rows page by page in one transaction, which sees one moment. Most
// ranges fit into one page, which needs none.
func (s *State) Scan(ctx context.Context, at store.Range, visit func([]byte, [][]byte) bool) error {
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.scan(ctx, at, visit); err != nil {
		return fmt.Errorf("scanning %c in bucket %d: %w", at.Table, at.Bucket, translate(err))
	}
	return nil
}

func (s *State) scan(ctx context.Context, at store.Range, visit func([]byte, [][]byte) bool) error {
	first, err := page(ctx, s.pool, at, leastPage)
	if err != nil {
		return err
	}
	if len(first) < leastPage {
		_, err := visitPage(ctx, first, visit)
		return err
	}
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	for size := 4 * leastPage; ; size = min(size*4, pageRows) {
		rows, err := page(ctx, tx, at, size)
		if err != nil {
			return err
		}
		if more, err := visitPage(ctx, rows, visit); !more || err != nil || len(rows) < size {
			return err
		}
		at.After = rows[len(rows)-1].key
	}
}

// stateRow is a row with its parts still together.
type stateRow struct{ key, value []byte }

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// page gives the first rows of a range.
func page(ctx context.Context, q querier, at store.Range, size int) ([]stateRow, error) {
	const ask = `SELECT key, parts FROM state_rows WHERE bucket = $1 AND kind = $2 AND key >= $3 AND (key > $4 OR $4 IS NULL)
		AND (key < $5 OR $5 IS NULL) ORDER BY key LIMIT $6`
	rows, err := q.Query(ctx, ask, int16(at.Bucket), int16(at.Table), least(at.Prefix, at.After), at.After, behind(at.Prefix), size)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (w stateRow, err error) {
		return w, r.Scan(&w.key, &w.value)
	})
}

// least is from where a range goes.
func least(prefix, after []byte) []byte {
	if bytes.Compare(after, prefix) > 0 {
		return after
	}
	return append([]byte{}, prefix...)
}

// visitPage tells whether the visitor wants more.
func visitPage(ctx context.Context, rows []stateRow, visit func([]byte, [][]byte) bool) (bool, error) {
	var parts [][]byte
	for i := range rows {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		var err error
		if parts, err = store.CutParts(rows[i].value, parts[:0]); err != nil {
			return false, err
		}
		if !visit(rows[i].key, parts) {
			return false, nil
		}
	}
	return true, nil
}

// behind is the first key after all that begin with a prefix, nil where there
// is none.
func behind(prefix []byte) []byte {
	out := bytes.Clone(prefix)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] < 0xff {
			out[i]++
			return out[:i+1]
		}
	}
	return nil
}
