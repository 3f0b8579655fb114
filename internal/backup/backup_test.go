package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/backup"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

// shelf is a target in memory that counts what is put.
type shelf struct {
	files map[string][]byte
	puts  int
	lossy bool // gives back other bytes than it took
}

func newShelf() *shelf { return &shelf{files: map[string][]byte{}} }

func (s *shelf) Put(_ context.Context, name string, content []byte) error {
	s.puts++
	s.files[name] = slices.Clone(content)
	if s.lossy {
		s.files[name][0]++
	}
	return nil
}

func (s *shelf) Get(_ context.Context, name string) ([]byte, error) {
	b, ok := s.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

func (s *shelf) Delete(_ context.Context, name string) error { delete(s.files, name); return nil }

func (s *shelf) List(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(s.files)), nil
}

func (s *shelf) Root() string { return "the shelf" }

// tree is an instance's files.
type tree map[string]string

func (f tree) source(changed time.Time) backup.Source {
	return func(_ context.Context, visit func(backup.Piece) error) error {
		for _, name := range slices.Sorted(maps.Keys(f)) {
			if err := visit(backup.Piece{Name: name, Size: int64(len(f[name])), Changed: changed, Content: strings.NewReader(f[name])}); err != nil {
				return err
			}
		}
		return nil
	}
}

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func take(t *testing.T, at *shelf, f tree, n int) *backup.Snapshot {
	t.Helper()
	now := day.AddDate(0, 0, n)
	s, err := backup.Make(t.Context(), at, f.source(now), backup.Terms{
		ID: fmt.Sprintf("b%02d", n), Now: clock.From(now), Expires: clock.From(now.AddDate(0, 0, 10)), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nothing else has to be done.
func nothing() error { return nil }

// holds checks that a folder holds exactly these files.
func holds(t *testing.T, dir string, want tree) {
	t.Helper()
	got := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		got[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("restored %v, want %v (%v)", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)), err)
	}
}

func TestBackup_OnlyWhatChangedTravelsAndEveryOneRestores(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}
	at := newShelf()
	grown := tree{"log/1.seg": noise(9 << 20), "empty": "", "store/a/b.sst": noise(100), "keys/master": noise(32)}
	var taken []*backup.Snapshot
	var states []tree
	for n := range 5 {
		before := at.puts
		s := take(t, at, grown, n)
		taken, states = append(taken, s), append(states, maps.Clone(grown))
		if n > 0 && at.puts-before > 3 { // the tail's last piece, the new file, the snapshot
			t.Errorf("backup %d wrote %d files", n, at.puts-before)
		}
		grown["log/1.seg"] += noise(1000)
		delete(grown, fmt.Sprintf("store/%d.sst", n-1))
		grown[fmt.Sprintf("store/%d.sst", n)] = noise(500)
	}
	for i, s := range taken {
		dir := filepath.Join(t.TempDir(), "new")
		read, err := backup.Read(t.Context(), at, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := restore(t, at, read, dir, nothing); err != nil {
			t.Fatal(err)
		}
		holds(t, dir, states[i])
	}
	snapshots, pieces, err := backup.Prune(t.Context(), at, clock.From(day.AddDate(0, 0, 13)))
	if err != nil || snapshots != 4 || pieces == 0 {
		t.Errorf("pruned %d, %d: %v", snapshots, pieces, err)
	}
	if err := backup.Verify(t.Context(), at, taken[4], nil); err != nil {
		t.Errorf("after pruning: %v", err)
	}
	if s, p, err := backup.Prune(t.Context(), at, clock.From(day.AddDate(1, 0, 0))); s != 0 || p != 0 || err != nil {
		t.Errorf("the newest went too: %d, %d, %v", s, p, err)
	}
}

// restore restores into a folder of the machine.
func restore(t *testing.T, at backup.Target, s *backup.Snapshot, dir string, finish func() error) error {
	t.Helper()
	if err := backup.EmptyFolder(dir); err != nil {
		return err
	}
	return backup.Restore(t.Context(), at, s, backup.Folder{Files: vfs.Default, Dir: dir}, nil, finish)
}

func TestBackup_AnyDamagedByteIsFound(t *testing.T) {
	t.Parallel()
	at := newShelf()
	s := take(t, at, tree{"a": "some bytes", "b": strings.Repeat("x", 5<<20)}, 0)
	for name, content := range maps.Clone(at.files) {
		at.files[name] = bytes.Replace(content, content[:1], []byte{content[0] ^ 1}, 1)
		read, err := backup.Read(t.Context(), at, s.ID)
		if err == nil {
			err = restore(t, at, read, filepath.Join(t.TempDir(), "new"), nothing)
		}
		if err == nil {
			t.Errorf("%s is damaged, and nobody noticed", name)
		}
		delete(at.files, name)
		if read, err = backup.Read(t.Context(), at, s.ID); err == nil {
			err = backup.Verify(t.Context(), at, read, nil)
		}
		if err == nil {
			t.Errorf("%s is gone, and nobody noticed", name)
		}
		at.files[name] = content
	}
	if err := backup.Verify(t.Context(), at, s, nil); err != nil {
		t.Error(err)
	}
}

func TestBackup_ATargetThatForgetsIsNotBelieved(t *testing.T) {
	t.Parallel()
	at := newShelf()
	at.lossy = true
	_, err := backup.Make(t.Context(), at, tree{"a": "some bytes"}.source(day), backup.Terms{ID: "x", Now: clock.From(day)})
	if err == nil || !strings.Contains(err.Error(), "other bytes") {
		t.Errorf("got %v", err)
	}
}

func TestRestore_TakesOnlyAnEmptyFolderAndMarksOneThatWasCutOff(t *testing.T) {
	t.Parallel()
	at := newShelf()
	s := take(t, at, tree{"a": "1", "b": "2"}, 0)
	used := t.TempDir()
	if err := os.WriteFile(filepath.Join(used, "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := restore(t, at, s, used, nothing); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a folder in use: %v", err)
	}
	late := t.TempDir()
	if err := restore(t, at, s, late, func() error { return fs.ErrPermission }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("what comes last failed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(late, backup.Unfinished)); err != nil {
		t.Errorf("what comes last failed, and there is no mark: %v", err)
	}
	for name := range at.files {
		if strings.HasPrefix(name, "objects/") {
			delete(at.files, name)
			break
		}
	}
	dir := t.TempDir()
	if err := restore(t, at, s, dir, nothing); err == nil {
		t.Fatal("restored without a piece")
	}
	if _, err := os.Stat(filepath.Join(dir, backup.Unfinished)); err != nil {
		t.Errorf("no mark: %v", err)
	}
}

func TestRestore_NoNameLeadsOutOfTheFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../out", "/out", "a/../../out"} {
		at := newShelf()
		s := take(t, at, tree{name: "x"}, 0)
		parent := t.TempDir()
		if err := restore(t, at, s, filepath.Join(parent, "new"), nothing); err == nil {
			t.Errorf("%q was restored", name)
		}
		if _, err := os.Stat(filepath.Join(parent, "out")); err == nil {
			t.Errorf("%q lies outside", name)
		}
	}
}

func TestMake_ReadsNoFasterThanTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := tree{"a": strings.Repeat("a", 2*backup.PieceBytes), "b": strings.Repeat("b", backup.PieceBytes/4), "c": "c"}
		run := func(ctx context.Context, rate int64) (time.Duration, error) {
			began := time.Now()
			_, err := backup.Make(ctx, newShelf(), f.source(day), backup.Terms{ID: "b", Now: clock.From(day), Rate: rate})
			return time.Since(began), err
		}
		const second = backup.PieceBytes
		for rate, want := range map[int64]time.Duration{0: 0, second: 9 * time.Second / 4, 2 * second: 9 * time.Second / 8} {
			if took, err := run(t.Context(), rate); err != nil || took != want {
				t.Errorf("at %d bytes a second it took %v, not %v: %v", rate, took, want, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if took, err := run(ctx, second); !errors.Is(err, context.DeadlineExceeded) || took != time.Second/2 {
			t.Errorf("called off after half a second it took %v: %v", took, err)
		}
	})
}
