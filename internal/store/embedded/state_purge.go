package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"rapport/internal/store"
)

// Purge rewrites the files that may hold old values of the keys: the memtables
// go to disk, the ranges of the keys are compacted down to the last level,
// where nothing old is kept, and the manifest, which names the first and last
// key of every file, is begun anew. Then it waits until the files that were
// replaced are gone.
func (s *State) Purge(ctx context.Context, keys []store.RowKey) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.flush(ctx); err != nil {
		return err
	}
	if len(keys) == 0 {
		return nil
	}
	before, err := s.tables()
	if err != nil {
		return err
	}
	for _, r := range s.purgeRanges(keys) {
		if err := s.compact(ctx, r); err != nil {
			return err
		}
	}
	if err := s.turnManifest(ctx); err != nil {
		return err
	}
	return s.waitCleaned(ctx, before)
}

// tables are the names of the table files that are on disk.
func (s *State) tables() ([]string, error) {
	names, err := s.fs.List(s.folder.dir)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", s.folder.dir, err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".sst") }), nil
}

// compact waits for a compaction, or for a reason why it cannot be made.
func (s *State) compact(ctx context.Context, r keyRange) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.db.Compact(ctx, r.from, r.to, false) }()
	for {
		alarm := s.fs.trouble()
		if err := s.sound(); err != nil {
			return err
		}
		select {
		case err := <-done:
			if err != nil {
				return fmt.Errorf("compacting the state: %w", err)
			}
			return nil
		case <-alarm:
		}
		if err := s.room(); err != nil {
			return err
		}
	}
}

// keyRange is from inclusive to exclusive, of physical keys.
type keyRange struct{ from, to []byte }

// purgeRanges are the ranges to compact: one for each key, and one for a whole
// bucket of a table where many keys of it are asked for.
func (s *State) purgeRanges(keys []store.RowKey) []keyRange {
	const many = 64
	type shelf struct {
		table  store.Table
		bucket uint16
	}
	count := map[shelf]int{}
	for i := range keys {
		count[shelf{keys[i].Table, uint16(keys[i].Bucket)}]++
	}
	var out []keyRange
	whole := map[shelf]bool{}
	for i := range keys {
		k := &keys[i]
		at := shelf{k.Table, uint16(k.Bucket)}
		if count[at] < many {
			from := appendKey(nil, k.Table, k.Bucket, k.Key)
			out = append(out, keyRange{from, append(bytes.Clone(from), 0)})
		} else if !whole[at] {
			whole[at] = true
			from := appendKey(nil, k.Table, k.Bucket, nil)
			out = append(out, keyRange{from, successor(from)})
		}
	}
	slices.SortFunc(out, func(a, b keyRange) int { return bytes.Compare(a.from, b.from) })
	// The files are large and the keys few: what lies in one file is compacted
	// once.
	return s.joinRanges(out)
}

// joinRanges joins ranges that touch the same file of the last level.
func (s *State) joinRanges(ranges []keyRange) []keyRange {
	levels, err := s.db.SSTables()
	if err != nil || len(ranges) == 0 {
		return ranges
	}
	last := levels[len(levels)-1]
	fileOf := func(key []byte) int {
		i, _ := slices.BinarySearchFunc(last, key, func(t pebble.SSTableInfo, k []byte) int { return bytes.Compare(t.Largest.UserKey, k) })
		return i
	}
	out := ranges[:1]
	for _, r := range ranges[1:] {
		before := &out[len(out)-1]
		if fileOf(before.to) == fileOf(r.from) {
			if bytes.Compare(before.to, r.to) < 0 {
				before.to = r.to
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// purgeKey is a row that only Purge writes: a flush of it adds an edit to the
// manifest. Manifests are turned when there were as many edits as there are
// files (openState asks for the smallest size).
var purgeKey = []byte{appliedRow + 1}

// turnManifest makes Pebble write a new manifest and removes the old ones,
// which it would keep a while.
func (s *State) turnManifest(ctx context.Context) error {
	before, err := s.manifests()
	if err != nil || len(before) == 0 {
		return err
	}
	newest := before[len(before)-1]
	for n := uint64(0); ; n++ {
		if err := s.db.Set(purgeKey, binary.BigEndian.AppendUint64(nil, n), pebble.NoSync); err != nil {
			return fmt.Errorf("turning the manifest: %w", err)
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
		now, err := s.manifests()
		if err != nil {
			return err
		}
		if len(now) == 0 || now[len(now)-1] == newest {
			continue
		}
		for _, name := range now[:len(now)-1] {
			if err := s.fs.Remove(s.folder.path(name)); err != nil && !isNotExist(s.folder, name) {
				return fmt.Errorf("removing %s: %w", name, err)
			}
		}
		return s.folder.sync()
	}
}

// manifests are the names of the manifests, the oldest first.
func (s *State) manifests() ([]string, error) {
	names, err := s.fs.List(s.folder.dir)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", s.folder.dir, err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, "MANIFEST-") })
	slices.SortFunc(names, func(a, b string) int {
		if c := len(a) - len(b); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return names, nil
}

// waitCleaned waits until those of the given files that were replaced are
// removed: readers may still hold them, and removing goes on in the background.
func (s *State) waitCleaned(ctx context.Context, before []string) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		left, err := s.replaced(before)
		if err != nil || left == 0 {
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("waiting for %d replaced files of the state, which a reader still holds: %w", left, ctx.Err())
		}
	}
}

// replaced counts files that are still there and no longer belong to the state.
func (s *State) replaced(before []string) (int, error) {
	now, err := s.tables()
	if err != nil {
		return 0, err
	}
	levels, err := s.db.SSTables()
	if err != nil {
		return 0, fmt.Errorf("listing the tables of the state: %w", err)
	}
	live := map[string]bool{}
	for _, level := range levels {
		for i := range level {
			number := level[i].BackingSSTNum
			live[fmt.Sprintf("%06d.sst", number)] = true
		}
	}
	n := 0
	for _, name := range before {
		if !live[name] && slices.Contains(now, name) {
			n++
		}
	}
	return n, nil
}
