package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/id"
	"rapport/internal/store"
)

// How many rows of a bucket, and how many in all, a round trip of ScanSpan
// fetches, and how many buckets it asks first. Where these gave little it asks
// more at once.
const (
	spanEach    = 64
	spanAll     = 4096
	spanBuckets = 4 // who wants a few rows stops soon
)

// ScanSpan asks for many buckets in one round trip, the first rows of each, and
// for more of those that have more. All is read in one transaction.
func (s *State) ScanSpan(ctx context.Context, at store.SpanRange, visit func(id.Bucket, []byte, [][]byte) store.Step) error {
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.scanSpan(ctx, at, visit); err != nil {
		return fmt.Errorf("scanning %c in buckets %d to %d: %w", at.Table, at.Span.First, at.Span.Last, translate(err))
	}
	return nil
}

func (s *State) scanSpan(ctx context.Context, at store.SpanRange, visit func(id.Bucket, []byte, [][]byte) store.Step) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	buckets := spanBuckets
	for from := int(at.Span.First); from <= int(at.Span.Last); {
		to := min(from+buckets-1, int(at.Span.Last))
		rows, err := spanPage(ctx, tx, at, from, to)
		if err != nil {
			return err
		}
		stop, err := visitSpan(ctx, tx, at, rows, visit)
		if stop || err != nil {
			return err
		}
		switch n := len(rows); {
		case n < spanAll/8:
			buckets = min(8*buckets, id.Buckets+1)
		case n > spanAll/2:
			buckets = max(buckets/2, 1)
		}
		from = to + 1
	}
	return nil
}

// spanRow is a row of one of several buckets.
type spanRow struct {
	bucket int16
	stateRow
}

// spanPage gives the first rows of each of some buckets, in their order.
func spanPage(ctx context.Context, q querier, at store.SpanRange, from, to int) ([]spanRow, error) {
	const ask = `SELECT b.number, r.key, r.parts FROM generate_series($1::integer, $2::integer) b(number) CROSS JOIN LATERAL
		(SELECT key, parts FROM state_rows WHERE bucket = b.number::smallint AND kind = $3 AND key >= $4 AND (key > $5 OR $5 IS NULL)
			AND (key < $6 OR $6 IS NULL) ORDER BY key LIMIT $7) r ORDER BY b.number, r.key`
	rows, err := q.Query(ctx, ask, int32(from), int32(to), int16(at.Table), least(at.Prefix, at.After), at.After, behind(at.Prefix), spanEach)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (w spanRow, err error) {
		var n int32
		err = r.Scan(&n, &w.key, &w.value)
		w.bucket = int16(n)
		return w, err
	})
}

// visitSpan visits a page, and of buckets that filled their part of it what
// follows there.
func visitSpan(ctx context.Context, tx pgx.Tx, at store.SpanRange, rows []spanRow, visit func(id.Bucket, []byte, [][]byte) store.Step) (stop bool, err error) {
	for i := 0; i < len(rows); {
		b := rows[i].bucket
		var found []stateRow
		for ; i < len(rows) && rows[i].bucket == b; i++ {
			found = append(found, rows[i].stateRow)
		}
		step := store.NextRow
		one := func(key []byte, parts [][]byte) bool {
			step = visit(id.Bucket(b), key, parts)
			return step == store.NextRow
		}
		rest := store.Range{Table: at.Table, Bucket: id.Bucket(b), Prefix: at.Prefix, After: at.After}
		for size := spanEach; ; {
			more, err := visitPage(ctx, found, one)
			if err != nil {
				return false, err
			}
			if !more || len(found) < size {
				break
			}
			rest.After, size = found[len(found)-1].key, pageRows
			if found, err = page(ctx, tx, rest, size); err != nil {
				return false, err
			}
		}
		if step == store.Stop {
			return true, nil
		}
	}
	return false, nil
}
