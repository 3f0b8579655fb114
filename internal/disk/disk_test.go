package disk_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	mathrand "math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/blob"
	"rapport/internal/disk"
	"rapport/internal/fault"
)

func keys(present, former byte) disk.Keys {
	k := disk.Keys{Random: rand.Reader}
	for _, key := range []struct {
		first byte
		into  **disk.Key
	}{{present, &k.Present}, {former, &k.Former}} {
		if key.first > 0 {
			*key.into = &disk.Key{key.first}
		}
	}
	return k
}

func open(t *testing.T, base vfs.FS, k disk.Keys) vfs.FS {
	t.Helper()
	files, err := disk.Open(base, "/data", k, "format")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, files vfs.FS, name, text string) {
	t.Helper()
	if err := disk.WriteFile(files, "/data/"+name, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// reads holds what is read against what was written; below is the file that lies
// on the disk.
func reads(t *testing.T, files vfs.FS, name, want string) {
	t.Helper()
	if got, err := disk.ReadFile(files, "/data/"+name); err != nil || string(got) != want {
		t.Errorf("%s reads %q, %v, want %q", name, got, err, want)
	}
}

// Whatever is written anywhere, in pieces of any length, reads as of a plain file.
func TestFile_ReadsAsAPlainOneWhateverIsWrittenWhere(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := mathrand.New(mathrand.NewPCG(seed, 1))
		base := vfs.NewMem()
		files := open(t, base, keys(1, 0))
		f, err := files.OpenReadWrite("/data/f", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		var want []byte
		for range 60 {
			at, piece := r.IntN(len(want)+1), make([]byte, r.IntN(300))
			if r.IntN(20) == 0 {
				piece = make([]byte, 300<<10)
			}
			for i := range piece {
				piece[i] = byte(r.Uint32())
			}
			kept := bytes.Clone(piece)
			if n, err := f.WriteAt(piece, int64(at)); n != len(piece) || err != nil || !bytes.Equal(piece, kept) {
				t.Fatalf("seed %d: wrote %d of %d: %v", seed, n, len(piece), err)
			}
			want = append(want[:at], append(piece, want[min(len(want), at+len(piece)):]...)...)
			from := r.IntN(len(want) + 1)
			got := make([]byte, r.IntN(len(want)-from+1))
			if _, err := f.ReadAt(got, int64(from)); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got, want[from:from+len(got)]) {
				t.Fatalf("seed %d: %d bytes from %d are others: %v", seed, len(got), from, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		reads(t, files, "f", string(want))
		if info, err := files.Stat("/data/f"); err != nil || info.Size() != int64(len(want)) {
			t.Errorf("seed %d: size %v, want %d", seed, info, len(want))
		}
	}
}

// Equal texts lie in other bytes, in files and in the same file written anew.
func TestFile_EqualTextsLieInOtherBytes(t *testing.T) {
	t.Parallel()
	base := vfs.NewMem()
	files := open(t, base, keys(1, 0))
	text := "ada@example.com lives at 1 Example Street"
	seen := map[string]bool{}
	for _, name := range []string{"a", "b", "a"} {
		write(t, files, name, text)
		raw, err := disk.ReadFile(base, "/data/"+name)
		if err != nil || bytes.Contains(raw, []byte("ada")) || seen[string(raw[64:])] {
			t.Fatalf("%s lies as %q: %v", name, raw, err)
		}
		seen[string(raw[64:])] = true
	}
}

func TestOpen_KeysThatDoNotFitAreRefusedAndChangedWhereAsked(t *testing.T) {
	t.Parallel()
	base := vfs.NewMem()
	write(t, open(t, base, keys(1, 0)), "f", "before")
	code := func(k disk.Keys) string {
		_, err := disk.Open(base, "/data", k, "format")
		if f := fault.Of(err); f != nil {
			return f.Code
		}
		return fmt.Sprint(err)
	}
	if got := code(keys(0, 0)); got != "encryption_key_missing" {
		t.Error("no key:", got)
	}
	for _, k := range []disk.Keys{keys(2, 0), keys(2, 3)} {
		if got := code(k); got != "encryption_key_wrong" {
			t.Error("another key:", got)
		}
	}
	look := keys(2, 1)
	look.Look = true
	reads(t, open(t, base, look), "f", "before")
	reads(t, open(t, base, keys(1, 0)), "f", "before") // looking changed nothing
	changed := open(t, base, keys(2, 1))
	write(t, changed, "g", "after")
	for _, k := range []disk.Keys{keys(2, 0), keys(2, 1)} {
		reads(t, open(t, base, k), "f", "before")
		reads(t, open(t, base, k), "g", "after")
	}
	if got := code(keys(1, 0)); got != "encryption_key_wrong" {
		t.Error("the former key:", got)
	}
}

// The ring of before the change, with the former key, opens nothing that was
// written after it.
func TestOpen_TheFormerKeyOpensNothingNew(t *testing.T) {
	t.Parallel()
	base := vfs.NewMem()
	open(t, base, keys(1, 0))
	old, err := disk.ReadFile(base, "/data/"+disk.RingName)
	if err != nil {
		t.Fatal(err)
	}
	write(t, open(t, base, keys(2, 1)), "g", "after")
	if err := disk.WriteFile(base, "/data/"+disk.RingName, old); err != nil {
		t.Fatal(err)
	}
	if got, err := disk.ReadFile(open(t, base, keys(1, 0)), "/data/g"); err == nil {
		t.Errorf("it reads %q", got)
	}
}

func TestOpen_AFolderBegunWithoutAKeyIsRefused(t *testing.T) {
	t.Parallel()
	base := vfs.NewMem()
	if err := base.MkdirAll("/data", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, open(t, base, keys(0, 0)), "format", "1")
	if _, err := disk.Open(base, "/data", keys(1, 0), "format"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	look := keys(1, 0)
	look.Look = true
	reads(t, open(t, base, look), "format", "1")
}

// What an operator puts into the folder is read as it is; it is not written to.
func TestOpen_FilesOfOthersAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	base := vfs.NewMem()
	files := open(t, base, keys(1, 0))
	for _, text := range []string{"x", "a certificate", string(bytes.Repeat([]byte("long "), 100))} {
		write(t, base, "other", text)
		reads(t, files, "other", text)
		f, err := files.OpenReadWrite("/data/other", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("y"), 0); err == nil {
			t.Error("it was written over")
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A head that the power took is that of a file with nothing durable in it: it
// reads as zeros, and can be written.
func TestFile_WithoutAHeadHoldsNothing(t *testing.T) {
	t.Parallel()
	for _, length := range []int{0, 10, 64, 100} {
		base := vfs.NewMem()
		files := open(t, base, keys(1, 0))
		write(t, base, "f", string(make([]byte, length)))
		reads(t, files, "f", string(make([]byte, max(length-64, 0))))
		f, err := files.OpenReadWrite("/data/f", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		long := string(bytes.Repeat([]byte("new "), 20))
		if _, err := f.WriteAt([]byte(long), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		reads(t, files, "f", long)
	}
}

func TestTail_GrowsBehindWhatIsKept(t *testing.T) {
	t.Parallel()
	for _, k := range []disk.Keys{keys(0, 0), keys(1, 0)} {
		base := vfs.NewMem()
		if err := base.MkdirAll("/data", 0o700); err != nil {
			t.Fatal(err)
		}
		files := open(t, base, k)
		for _, step := range []struct {
			keep        int64
			write, want string
		}{{-1, "one", "one"}, {-1, " two", "one two"}, {3, "!", "one!"}, {0, "three", "three"}, {5, "", "three"}} {
			tail, err := disk.OpenTail(files, "/data/t", step.keep)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tail.Write([]byte(step.write)); err != nil || tail.Size() != int64(len(step.want)) {
				t.Fatalf("%d bytes: %v", tail.Size(), err)
			}
			if err := tail.Close(); err != nil {
				t.Fatal(err)
			}
			reads(t, files, "t", step.want)
		}
	}
}

func TestBlobs_LieEnciphered(t *testing.T) {
	t.Parallel()
	ctx, base := context.Background(), vfs.NewMem()
	at := blob.NewFolder(base, "/backups", 0o700)
	sealed, err := disk.OpenBlobs(ctx, at, keys(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := sealed.Put(ctx, "a/b", []byte("ada@example.com")); err != nil {
		t.Fatal(err)
	}
	if raw, err := at.Get(ctx, "a/b"); err != nil || bytes.Contains(raw, []byte("ada")) {
		t.Errorf("it lies as %q: %v", raw, err)
	}
	again, err := disk.OpenBlobs(ctx, at, keys(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Get(ctx, "a/b"); err != nil || string(got) != "ada@example.com" {
		t.Errorf("it reads %q: %v", got, err)
	}
	if names, err := again.List(ctx); err != nil || len(names) != 1 {
		t.Errorf("it lists %q: %v", names, err)
	}
	if _, err := again.Get(ctx, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one that is not there: %v", err)
	}
	for _, k := range []disk.Keys{keys(0, 0), keys(2, 0)} {
		if _, err := disk.OpenBlobs(ctx, at, k); fault.KindOf(err) != fault.Conflict {
			t.Errorf("another key: %v", err)
		}
	}
	plain := blob.NewFolder(base, "/plain", 0o700)
	if err := plain.Put(ctx, "a", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.OpenBlobs(ctx, plain, keys(1, 0)); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a place begun without a key: %v", err)
	}
}
