package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
)

// holding gives the files under a folder that hold some bytes.
func holding(t *testing.T, fs vfs.FS, dir string, needle []byte) (out []string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // Pebble tidies up in the background
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			out = append(out, holding(t, fs, path, needle)...)
			continue
		}
		f, err := fs.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, needle) {
			out = append(out, path)
		}
	}
	return out
}

// A row whose key and value name a person is gone from every file of the state
// after Purge, wherever it had come to lie: in a memtable, in files of several
// levels, as the first or last key that a manifest names.
func TestPurge_LeavesNothingOfDeletedRows(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{1, 50, 20_000} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			fs := vfs.NewMem()
			s, err := embedded.Open(folder, embedded.Options{FS: fs, MemoryBudget: 1})
			if err != nil {
				t.Fatal(err)
			}
			canary := []byte("zz-canary@example.com")
			victim := store.RowKey{Table: 'x', Bucket: id.CommonBucket, Key: canary}
			span := store.Span{First: id.CommonBucket, Last: id.CommonBucket}
			at := store.Position(0)
			commit := func(op store.Op) {
				at++
				c := store.Commit{Span: span, Position: at, Changes: []store.Change{{RowKey: victim, Op: op, Value: append([]byte("value of "), canary...)}}}
				for i := range rows {
					k := store.RowKey{Table: 'a', Bucket: id.CommonBucket, Key: fmt.Appendf(nil, "row %d", i)}
					c.Changes = append(c.Changes, store.Change{RowKey: k, Value: bytes.Repeat([]byte{byte(i), byte(at)}, 30)})
				}
				if err := s.State().Commit(ctx, c); err != nil {
					t.Fatal(err)
				}
				if err := s.State().Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				commit(store.Put)
			}
			commit(store.Add)
			if len(holding(t, fs, folder, canary)) == 0 {
				t.Fatal("the scan does not find a row that is there")
			}
			commit(store.Delete)
			if err := s.State().Purge(ctx, []store.RowKey{victim}); err != nil {
				t.Fatal(err)
			}
			if found := holding(t, fs, folder, canary); len(found) > 0 {
				t.Errorf("after Purge the row is in %v", found)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = embedded.Open(folder, embedded.Options{FS: fs, MemoryBudget: 1}); err != nil {
				t.Fatal(err)
			}
			if found := holding(t, fs, folder, canary); len(found) > 0 {
				t.Errorf("after another start the row is in %v", found)
			}
			if rows, err := s.State().Load(ctx, []store.RowKey{{Table: 'a', Bucket: id.CommonBucket, Key: []byte("row 0")}}); err != nil || rows[0] == nil {
				t.Errorf("another row is gone: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What Redact removed is in no file, sealed or not: the record's bytes are
// other ones.
func TestRedact_OverwritesTheSealedBytes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	fs := vfs.NewMem()
	s, err := embedded.Open(folder, embedded.Options{FS: fs, MemoryBudget: 1})
	if err != nil {
		t.Fatal(err)
	}
	anchor := id.KeyOf("user_id", "ada")
	f := &store.Frame{Records: []store.Record{{Kind: store.KindEvent, Anchor: anchor, Bucket: anchor.Bucket(), Received: 7, Payload: []byte("what ada did")}}}
	if err := s.Log().Seal(ctx, f); err != nil {
		t.Fatal(err)
	}
	if err := s.Log().Append(ctx, []*store.Frame{f}); err != nil {
		t.Fatal(err)
	}
	if len(holding(t, fs, folder+"/log", anchor[:])) == 0 || len(holding(t, fs, folder+"/keys", anchor[:])) == 0 {
		t.Fatal("the scan does not find the anchor of a record that is there")
	}
	if err := s.Log().Erase(ctx, anchor); err != nil {
		t.Fatal(err)
	}
	if found := holding(t, fs, folder+"/keys", anchor[:]); len(found) > 0 {
		t.Errorf("after Erase the anchor is in %v", found)
	}
	if _, err := s.Log().Redact(ctx, []store.Redaction{{At: f.Records[0].Position}}); err != nil {
		t.Fatal(err)
	}
	if found := holding(t, fs, folder, anchor[:]); len(found) > 0 {
		t.Errorf("after Redact the anchor is in %v", found)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
