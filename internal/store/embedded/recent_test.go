package embedded_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
)

func recentKey(lane, n int) store.RowKey {
	return store.RowKey{Table: store.TableAnchors, Bucket: id.Bucket(lane), Key: binary.BigEndian.AppendUint64(nil, uint64(n))}
}

// TestRecent commits several memtables full from several lanes. Whatever was
// committed is found, also while it is flushed, by itself and among others, and
// filters come and go.
func TestRecent(t *testing.T) {
	t.Parallel()
	const lanes, commits, rows = 3, 60, 20
	s, err := newDisk(t).open()
	if err != nil {
		t.Fatal(err)
	}
	value := func(n int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 1500) }
	var group errgroup.Group
	for lane := range lanes {
		group.Go(func() error {
			ctx := context.Background()
			for n := range commits {
				c := store.Commit{Span: store.Span{First: id.Bucket(lane), Last: id.Bucket(lane)}, Position: store.Position(n + 1)}
				for i := range rows {
					c.Changes = append(c.Changes, store.Change{RowKey: recentKey(lane, n*rows+i), Value: value(n * rows)})
				}
				if err := s.State().Commit(ctx, c); err != nil {
					return err
				}
				// One of this commit, one of long ago, one that never was.
				got, err := s.State().Load(ctx, []store.RowKey{recentKey(lane, n*rows+1), recentKey(lane, n*rows/2), recentKey(lane, 1<<40+n)})
				if err != nil {
					return err
				}
				old := n * rows / 2 / rows * rows
				if len(got[0]) != 1 || !bytes.Equal(got[0][0], value(n*rows)) || len(got[1]) != 1 || !bytes.Equal(got[1][0], value(old)) || got[2] != nil {
					t.Errorf("lane %d, commit %d: rows of %d, %d and %d parts", lane, n, len(got[0]), len(got[1]), len(got[2]))
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := s.State().Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	for n := range commits * rows {
		maybe, generations := embedded.MayBeRecent(s, recentKey(0, n))
		if maybe || generations != 1 {
			t.Fatalf("after a flush a memtable may have row %d: %v, with %d filters", n, maybe, generations)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRecentReset says that what a reset removed is gone for readers at once.
func TestRecentReset(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := newDisk(t).open()
	if err != nil {
		t.Fatal(err)
	}
	c := store.Commit{Span: store.Span{Last: id.Bucket(9)}, Position: 1, Changes: []store.Change{{RowKey: recentKey(1, 1), Value: []byte("a")}}}
	if err := s.State().Commit(ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := s.State().Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.State().Reset(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := s.State().Load(ctx, []store.RowKey{recentKey(1, 1)})
	if maybe, generations := embedded.MayBeRecent(s, recentKey(1, 1)); err != nil || got[0] != nil || maybe || generations != 1 {
		t.Fatalf("after a reset: %q, %v; a memtable may have it: %v, with %d filters", got[0], err, maybe, generations)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLoad_AsksFilters looks for rows that nobody has written, among those that
// lie where most of them come to lie.
func TestLoad_AsksFilters(t *testing.T) {
	t.Parallel()
	const rows = 2_000
	s, err := newDisk(t).open()
	if err != nil {
		t.Fatal(err)
	}
	ctx, c := context.Background(), store.Commit{Position: 1}
	var strangers []store.RowKey
	for i := range rows {
		c.Changes = append(c.Changes, store.Change{RowKey: recentKey(0, 2*i), Value: []byte("row")})
		strangers = append(strangers, recentKey(0, 2*i+1))
	}
	if err := errors.Join(s.State().Commit(ctx, c), s.State().Flush(ctx), embedded.Sink(ctx, s)); err != nil {
		t.Fatal(err)
	}
	before := embedded.Spared(s)
	got, err := s.State().Load(ctx, strangers)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		if row != nil {
			t.Fatalf("row %d is there", 2*i+1)
		}
	}
	if n := embedded.Spared(s) - before; n < rows*9/10 {
		t.Errorf("filters spared %d of %d readings", n, rows)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLoad_Caches reads more than the memory holds, after memtables were filled:
// what they take leaves room for a cache.
func TestLoad_Caches(t *testing.T) {
	t.Parallel()
	const commits, rows, memory = 24, 32, 16 << 20
	s, err := newDisk(t).open() // with the least memory, which is so much
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for n := range commits {
		c := store.Commit{Position: store.Position(n + 1)}
		for i := range rows {
			c.Changes = append(c.Changes, store.Change{RowKey: recentKey(0, n*rows+i), Value: bytes.Repeat([]byte{byte(n)}, 16<<10)})
		}
		if err := s.State().Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.State().Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for n := range commits * rows {
		if _, err := s.State().Load(ctx, []store.RowKey{recentKey(0, n)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := embedded.Cached(s); got < memory*3/8 {
		t.Errorf("%d bytes of blocks are kept, of a memory of %d", got, memory)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
