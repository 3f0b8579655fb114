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
		return nil, fmt.Errorf("loading %d rows: %w", len(keys), err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int32
		var value []byte
		if err := rows.Scan(&number, &value); err != nil {
			return nil, fmt.Errorf("loading %d rows: %w", len(keys), err)
		}
		if out[number], err = store.CutParts(value, nil); err != nil {
			return nil, fmt.Errorf("row %c in bucket %d: %w", keys[number].Table, keys[number].Bucket, err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("loading %d rows: %w", len(keys), err)
	}
	return out, nil
}

// How many rows the first round trip of a Scan fetches, and the later ones at
// most: many callers want one row, many others all of them.
const (
	leastPage = 16
	pageRows  = 1024
)

// Scan visits rows page by page in one transaction, which sees one moment.
func (s *State) Scan(ctx context.Context, at store.Range, visit func([]byte, [][]byte) bool) error {
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return err
	}
	defer leave()
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("scanning %c in bucket %d: %w", at.Table, at.Bucket, err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	if err := scanRows(ctx, tx, at, visit); err != nil {
		return fmt.Errorf("scanning %c in bucket %d: %w", at.Table, at.Bucket, err)
	}
	return nil
}

func scanRows(ctx context.Context, tx pgx.Tx, at store.Range, visit func([]byte, [][]byte) bool) error {
	const ask = `SELECT key, parts FROM state_rows WHERE bucket = $1 AND kind = $2 AND key >= $3 AND (key > $4 OR $4 IS NULL)
		AND (key < $5 OR $5 IS NULL) ORDER BY key LIMIT $6`
	least, limit, after := append([]byte{}, at.Prefix...), behind(at.Prefix), at.After
	type row struct{ key, value []byte }
	var parts [][]byte
	for size := leastPage; ; size = min(size*4, pageRows) {
		rows, err := tx.Query(ctx, ask, int16(at.Bucket), int16(at.Table), least, after, limit, size)
		if err != nil {
			return err
		}
		page, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (w row, err error) {
			return w, r.Scan(&w.key, &w.value)
		})
		if err != nil {
			return err
		}
		for i := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			if parts, err = store.CutParts(page[i].value, parts[:0]); err != nil {
				return err
			}
			if !visit(page[i].key, parts) {
				return nil
			}
		}
		if len(page) < size {
			return nil
		}
		after = page[len(page)-1].key
		least = after
	}
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
