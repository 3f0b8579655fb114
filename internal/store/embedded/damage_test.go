package embedded_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/storetest"
)

// contents gives every file below a folder.
func contents(t *testing.T, fs vfs.FS, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			maps.Copy(out, contents(t, fs, path))
			continue
		}
		f, err := fs.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, info.Size())
		if n, err := f.ReadAt(b, 0); n != len(b) {
			t.Fatal(n, err)
		}
		f.Close() //nolint:errcheck // only read
		out[path] = b
	}
	return out
}

// keyFile gives the one key file.
func keyFile(t *testing.T, fs vfs.FS) (string, []byte) {
	t.Helper()
	for path, b := range contents(t, fs, folder) {
		if strings.HasSuffix(path, ".keys") {
			return path, b
		}
	}
	t.Fatal("there is no key file")
	return "", nil
}

func overwrite(t *testing.T, fs vfs.FS, path string, at int64, b []byte) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// appendOne appends a record of an anchor.
func appendOne(t *testing.T, s store.Store, anchor, payload string) store.Position {
	t.Helper()
	key := id.KeyOf("user_id", anchor)
	f := &store.Frame{Received: 1, Records: []store.Record{{Kind: store.KindEvent, Anchor: key, Bucket: key.Bucket(), Received: 1, Payload: []byte(payload)}}}
	if err := s.Log().Seal(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := s.Log().Append(t.Context(), []*store.Frame{f}); err != nil {
		t.Fatal(err)
	}
	return f.Records[0].Position
}

func mustOpen(t *testing.T, fs vfs.FS) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(folder, small(fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t *testing.T, s *embedded.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

const canary = "CANARY-6f1d: Ada Lovelace, 10 December 1815"

// No file ever holds a payload in the clear, and after an erasure none holds
// the key: not as it was stored, and hence not what could open the payload,
// even with the master key.
func TestErase_LeavesNoKeyInAnyFile(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	const others = 50
	for i := range others {
		appendOne(t, s, fmt.Sprint("other", i), "something else")
	}
	at := appendOne(t, s, "ada", canary)
	_, slots := keyFile(t, fs)
	stored := bytes.Clone(slots[len(slots)-16:])
	anchor := id.KeyOf("user_id", "ada")
	if !bytes.Equal(slots[len(slots)-32:len(slots)-16], anchor[:]) {
		t.Fatal("the last key is not the one that was made last")
	}
	if err := s.Log().Erase(t.Context(), anchor); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		for path, b := range contents(t, fs, folder) {
			if bytes.Contains(b, stored) {
				t.Errorf("%s: %s holds the erased key", when, path)
			}
			if bytes.Contains(b, []byte("CANARY")) || bytes.Contains(b, []byte("Lovelace")) {
				t.Errorf("%s: %s holds the payload in the clear", when, path)
			}
		}
	}
	check("after Erase")
	appendOne(t, s, "ada", "later")
	if _, err := s.Log().At(t.Context(), at); !errors.Is(err, store.ErrErased) {
		t.Fatalf("reading gives %v", err)
	}
	mustClose(t, s)
	check("after Close")
	s = mustOpen(t, fs)
	if _, err := s.Log().At(t.Context(), at); !errors.Is(err, store.ErrErased) {
		t.Fatalf("reading after opening again gives %v", err)
	}
	n := 0
	if err := s.Log().Read(t.Context(), 0, func(r *store.Record) error {
		if (r.Payload == nil) != (r.Position == at) {
			return fmt.Errorf("record at %d has payload %q", r.Position, r.Payload)
		}
		n++
		return nil
	}); err != nil || n != others+2 {
		t.Fatalf("read %d records: %v", n, err)
	}
	mustClose(t, s)
}

// Every byte of the log is under a sum or a seal: changing any one is either
// told with its place, or is in what a crash could have left unfinished.
func TestDamage_IsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	const blocks = 5
	for i := range blocks {
		appendOne(t, s, fmt.Sprint(i), fmt.Sprint("payload ", i))
	}
	mustClose(t, s)
	var segment string
	var good []byte
	for path, b := range contents(t, fs, folder) {
		if strings.HasSuffix(path, ".seg") {
			segment, good = path, b
		}
	}
	lastBlock := bytes.LastIndex(good, []byte("RPB1"))
	for at := range bytes.TrimRight(good, "\x00") { // what is written ahead is no part of the log
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		overwrite(t, fs, segment, 0, bad)
		s, err := embedded.Open(folder, small(fs))
		if err != nil {
			if !strings.Contains(err.Error(), segment) {
				t.Fatalf("byte %d: error without place: %v", at, err)
			}
			continue
		}
		n := 0
		if err := s.Log().Read(t.Context(), 0, func(*store.Record) error { n++; return nil }); err != nil {
			t.Fatalf("byte %d: opened and then could not be read: %v", at, err)
		}
		if n != blocks-1 || at < lastBlock {
			t.Fatalf("byte %d changed unnoticed: %d records", at, n)
		}
		mustClose(t, s)
	}
}

// ofSegments is a closed log of some segments, and where they are.
func ofSegments(t *testing.T) (mem *vfs.MemFS, segments []string) {
	t.Helper()
	mem = vfs.NewMem()
	s := mustOpen(t, mem)
	for i, r := range storetest.Events(120, 1) {
		appendOne(t, s, fmt.Sprint(i), string(r.Payload))
	}
	mustClose(t, s)
	for path := range contents(t, mem, folder) {
		if strings.HasSuffix(path, ".seg") {
			segments = append(segments, path)
		}
	}
	slices.Sort(segments)
	if len(segments) < 2 {
		t.Fatalf("there are %d segments, the test needs 2", len(segments))
	}
	return mem, segments
}

func TestDamage_MissingSegmentIsTold(t *testing.T) {
	t.Parallel()
	mem, segments := ofSegments(t)
	if err := mem.Remove(segments[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(folder, small(mem)); err == nil {
		t.Fatal("a log without its first segment was opened")
	}
}

// TestOpen_RefusesANewerLog: taken for what a crash left, the segment would be
// removed.
func TestOpen_RefusesANewerLog(t *testing.T) {
	t.Parallel()
	mem, segments := ofSegments(t)
	for _, path := range []string{segments[0], segments[len(segments)-1]} {
		// A newer version may have other blocks too: nothing that is known is in it.
		was := contents(t, mem, folder)[path]
		overwrite(t, mem, path, 0, append([]byte("RAPPORTLOG3\n"), make([]byte, len(was)-12)...))
		want := contents(t, mem, folder)
		_, err := embedded.Open(folder, small(mem))
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code != "newer_data" || !strings.Contains(f.Message, path) {
			t.Errorf("%s: %v", path, err)
		}
		if got := contents(t, mem, folder); !maps.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: files were changed", path)
		}
		overwrite(t, mem, path, 0, was)
	}
	mustClose(t, mustOpen(t, mem))
}

func TestKeys_WrongOrMissingMasterKeyIsTold(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	appendOne(t, s, "ada", canary)
	mustClose(t, s)
	path := fs.PathJoin(folder, "keys", "master")
	if len(contents(t, fs, folder)[path]) != 32 {
		t.Fatal("the master key is not 32 bytes")
	}
	overwrite(t, fs, path, 0, []byte("another key"))
	if _, err := embedded.Open(folder, small(fs)); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Fatalf("with another master key: %v", err)
	}
	if err := fs.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(folder, small(fs)); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Fatalf("without master key: %v", err)
	}
}

func TestKeys_DamagedKeyIsAnErrorNotAnErasure(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	at := appendOne(t, s, "ada", canary)
	mustClose(t, s)
	path, b := keyFile(t, fs)
	overwrite(t, fs, path, int64(len(b)-1), []byte{b[len(b)-1] ^ 1})
	s = mustOpen(t, fs)
	if _, err := s.Log().At(t.Context(), at); err == nil || errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrNotFound) {
		t.Fatalf("reading gives %v", err)
	}
	if err := s.Log().Read(t.Context(), 0, func(*store.Record) error { return nil }); err == nil {
		t.Fatal("reading all gives no error")
	}
	mustClose(t, s)
}

func TestOpen_FolderInUseIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := embedded.Open(dir, embedded.Options{MemoryBudget: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(dir, embedded.Options{MemoryBudget: 1}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("opening twice: %v", err)
	}
	mustClose(t, s)
	if s, err = embedded.Open(dir, embedded.Options{MemoryBudget: 1}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
}

// The contract once more on the machine's own files.
func TestEmbedded_OnRealFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for run := range 3 {
		s, err := embedded.Open(dir, embedded.Options{MemoryBudget: 1, SegmentBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := s.Log().Read(t.Context(), 0, func(*store.Record) error { n++; return nil }); err != nil || n != 100*run {
			t.Fatalf("run %d: %d records, %v", run, n, err)
		}
		for i := range 100 {
			appendOne(t, s, fmt.Sprint(i), strings.Repeat("real ", i))
		}
		mustClose(t, s)
	}
}
