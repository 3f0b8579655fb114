package app

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"rapport/internal/store/postgres"
)

// pieceLength is how long the pieces are in which the database keeps files.
const pieceLength = 256 << 10

// flaky keeps files in pieces as the database does. A call that it fails may have
// done its work all the same.
type flaky struct {
	files map[string][]string
	puts  int
	next  func() (fails, works bool)
}

var errFlaky = errors.New("the connection broke")

func (f *flaky) do(work func()) error {
	fails, works := f.next()
	if works || !fails {
		work()
	}
	if fails {
		return errFlaky
	}
	return nil
}

func (f *flaky) PutFile(_ context.Context, file postgres.File, same int) error {
	f.puts++
	return f.do(func() {
		pieces := slices.Clone(f.files[file.Name])
		pieces = slices.Grow(pieces, same)[:same] // a piece that is not there stays empty
		for rest := file.Bytes[min(same*pieceLength, len(file.Bytes)):]; len(rest) > 0; {
			n := min(pieceLength, len(rest))
			pieces, rest = append(pieces, string(rest[:n])), rest[n:]
		}
		f.files[file.Name] = pieces
	})
}

func (f *flaky) DropFile(_ context.Context, name string) error {
	return f.do(func() { delete(f.files, name) })
}

func (f *flaky) all() map[string]string {
	out := map[string]string{}
	for name, pieces := range f.files {
		out[name] = strings.Join(pieces, "")
	}
	return out
}

// TestShelf_TheDatabaseComesToHaveWhatTheFolderHas changes files while the
// database fails before and after its work. Once it does not the two are the same,
// and the next node's folder too.
func TestShelf_TheDatabaseComesToHaveWhatTheFolderHas(t *testing.T) {
	t.Parallel()
	at, worlds := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		worlds++
		folder := filepath.Join(at, strconv.Itoa(worlds))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		calm := false
		store := &flaky{files: map[string][]string{}, next: func() (fails, works bool) {
			return !calm && rapid.Bool().Draw(t, "fails"), !calm && rapid.Bool().Draw(t, "works")
		}}
		s := &shelf{store: store, files: vfs.Default, folder: folder, kept: map[string]keptFile{}}
		have := map[string]string{}
		moment := time.Unix(1_700_000_000, 0)
		names := []string{"access.yaml", "audit/2026-01.jsonl", "audit/2026-02.jsonl", "sessions.json"}
		write := func(t *rapid.T, name, text string) {
			path := filepath.Join(folder, name)
			moment = moment.Add(time.Second)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, moment, moment)); err != nil {
				t.Fatal(err)
			}
			have[name] = text
		}
		bring := func(t *rapid.T) {
			if err := s.bring(t.Context()); err != nil && !errors.Is(err, errFlaky) {
				t.Fatal(err)
			}
		}
		name := rapid.SampledFrom(names)
		length := rapid.SampledFrom([]int{0, 1, 9, pieceLength - 1, pieceLength, pieceLength + 1, 2*pieceLength + 5})
		letter := rapid.SampledFrom([]string{"a", "b"})
		t.Repeat(map[string]func(*rapid.T){
			"replace": func(t *rapid.T) {
				write(t, name.Draw(t, "name"), strings.Repeat(letter.Draw(t, "letter"), length.Draw(t, "length")))
			},
			"append": func(t *rapid.T) {
				n := name.Draw(t, "name")
				write(t, n, have[n]+strings.Repeat(letter.Draw(t, "letter"), length.Draw(t, "length")))
			},
			"remove": func(t *rapid.T) {
				n := name.Draw(t, "name")
				if err := os.Remove(filepath.Join(folder, n)); err != nil && have[n] != "" {
					t.Fatal(err)
				}
				delete(have, n)
			},
			"share": func(t *rapid.T) {
				n := name.Draw(t, "name")
				if _, ok := have[n]; !ok {
					return
				}
				if err := s.share(n); err == nil && store.all()[n] != have[n] {
					t.Fatalf("%s was shared and is not there", n)
				} else if err != nil && !errors.Is(err, errFlaky) {
					t.Fatal(err)
				}
			},
			"bring": bring,
		})
		calm = true
		bring(t)
		if got := store.all(); !maps.Equal(got, have) {
			t.Fatalf("the database has %v, the folder %v", lengths(got), lengths(have))
		}
		before := store.puts
		bring(t)
		if store.puts != before {
			t.Fatal("what did not change was put again")
		}
		next := &shelf{store: store, files: vfs.Default, folder: filepath.Join(folder, "next"), kept: map[string]keptFile{}}
		var files []postgres.File
		for name, text := range have {
			files = append(files, postgres.File{Name: name, Bytes: []byte(text)})
		}
		if err := errors.Join(os.Mkdir(next.folder, 0o700), next.takeAll(files), next.bring(t.Context())); err != nil {
			t.Fatal(err)
		}
		if store.puts != before || !maps.Equal(store.all(), have) {
			t.Fatal("what was taken over was put again")
		}
		for name, text := range have {
			if got, err := os.ReadFile(filepath.Join(next.folder, name)); err != nil || string(got) != text {
				t.Fatalf("%s at the next node: %d bytes, %v", name, len(got), err)
			}
		}
	})
}

func lengths(files map[string]string) map[string]int {
	out := map[string]int{}
	for name, text := range files {
		out[name] = len(text)
	}
	return out
}
