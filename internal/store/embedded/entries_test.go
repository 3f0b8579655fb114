package embedded_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
)

// The entries of the tables are all that the state wrote: what was deleted stands
// there too, until Purge.
func TestEachEntry_ShowsWhatIsDeletedAndNotYetGone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	files := vfs.NewMem()
	s, err := embedded.Open(folder, embedded.Options{FS: files, MemoryBudget: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is read behind it
	row := func(name string) store.RowKey {
		return store.RowKey{Table: 'x', Bucket: id.CommonBucket, Key: []byte(name)}
	}
	at := store.Position(0)
	commit := func(op store.Op, names ...string) {
		at++
		c := store.Commit{Span: store.Span{First: id.CommonBucket, Last: id.CommonBucket}, Position: at}
		for _, name := range names {
			c.Changes = append(c.Changes, store.Change{RowKey: row(name), Op: op, Value: []byte("the value of " + name)})
		}
		if err := s.State().Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := s.State().Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	found := func(word string) (keys, values int) {
		names, err := files.List(folder + "/state")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !embedded.IsTable(name) {
				continue
			}
			err := embedded.EachEntry(t.Context(), files, folder+"/state/"+name, func(key, value []byte) bool {
				if bytes.Contains(key, []byte(word)) {
					keys++
				}
				if bytes.Contains(value, []byte(word)) {
					values++
				}
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return keys, values
	}
	commit(store.Put, "customer-1", "customer-12")
	if keys, values := found("customer-1"); keys != 2 || values != 2 {
		t.Errorf("%d keys and %d values", keys, values)
	}
	commit(store.Delete, "customer-1")
	if keys, values := found("customer-1"); keys != 3 || values != 2 {
		t.Errorf("%d keys and %d values, want also the mark of what was deleted", keys, values)
	}
	if err := s.State().Purge(ctx, []store.RowKey{row("customer-1")}); err != nil {
		t.Fatal(err)
	}
	if keys, values := found("customer-1"); keys != 1 || values != 1 {
		t.Errorf("after Purge %d keys and %d values", keys, values)
	}
}

func TestEachEntry_NamesWhatIsNoTable(t *testing.T) {
	t.Parallel()
	files := vfs.NewMem()
	for _, text := range []string{"", "short", string(bytes.Repeat([]byte("no table "), 1000))} {
		f, err := files.Create("000001.sst", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := embedded.EachEntry(context.Background(), files, "000001.sst", func(_, _ []byte) bool { return true }); err == nil {
			t.Errorf("%.10q is read as a table", text)
		}
	}
}
