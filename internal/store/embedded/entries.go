package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// IsTable tells whether a file of a folder holds a table of the state: rows, packed.
func IsTable(name string) bool { return strings.HasSuffix(name, ".sst") }

// EachEntry visits what a table of the state holds, what was deleted and is only
// marked so included: each key, and each value beside it. They are valid during
// visit alone. It ends where visit says false. The files are those on disk, so a
// table of an enciphered folder cannot be read so.
func EachEntry(ctx context.Context, files vfs.FS, path string, visit func(key, value []byte) bool) (err error) {
	f, err := files.Open(path)
	if err != nil {
		return fmt.Errorf("opening a table of the state: %w", err)
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(fmt.Errorf("opening %s: %w", path, err), f.Close())
	}
	r, err := sstable.NewReader(ctx, readable, sstable.ReaderOptions{
		Merger: partsMerger, Filters: map[string]sstable.FilterPolicy{bloom.FilterPolicy(bloomBits).Name(): bloom.FilterPolicy(bloomBits)},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("reading %s: %w", path, err), readable.Close())
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	entries, err := r.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, entries.Close()) }()
	for e := entries.First(); e != nil; e = entries.Next() {
		value, _, err := e.Value(nil)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if !visit(e.K.UserKey, value) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return entries.Error()
}
