package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/disk"
	"rapport/internal/store/postgres"
)

// holderFile names the node that held the data last.
const holderFile = "last-holder"

// sharedFiles are the files of the data folder that belong to the instance and
// not to the node: they go where the lease goes. A name that ends in a slash is a
// folder.
func sharedFiles() []string {
	return []string{
		"access.yaml", "access-history/", "sessions.json", "views.json", "key-uses.json", "passkeys-used.json", "audit/", erasuresFile, observedFile, quotaFile, alertsFile, rebuildMark, holderFile,
		instanceKeyFile, // where the data came from a folder; else nodes come to it by themselves
	}
}

// shelf keeps the shared files of a folder in the database. Keys, sessions and
// erasures are there before their change counts as made; the others follow
// within shelfEvery.
type shelf struct {
	store  fileStore
	files  vfs.FS
	folder string
	mu     sync.Mutex
	kept   map[string]keptFile
}

// fileStore is what keeps the files in the database.
type fileStore interface {
	PutFile(ctx context.Context, f postgres.File, same int) error
	DropFile(ctx context.Context, name string) error
}

// keptFile is a file as the database has it. Nothing in it: it is not known how
// the database has it, or whether.
type keptFile struct {
	size    int64
	changed time.Time
	sums    []postgres.Sum // of its pieces: the texts would fill the memory
}

const shelfEvery = time.Second

// openShelf takes over the files that the node before left. Where there are none
// those of this node become everybody's.
func (a *App) openShelf(ctx context.Context) error {
	s, ok := a.store.(*postgres.Store)
	if !ok || a.cluster == nil {
		return nil
	}
	shelf := &shelf{store: s, files: a.config.Files, folder: a.config.Data, kept: map[string]keptFile{}}
	files, err := s.Files(ctx)
	if err != nil {
		return err
	}
	own, err := nodeName(&a.config, a.parts)
	if err != nil {
		return err
	}
	if err := shelf.takeAll(files); err != nil {
		return err
	}
	if before := slices.IndexFunc(files, func(f postgres.File) bool { return f.Name == holderFile }); before >= 0 && string(files[before].Bytes) != own {
		// What another node kept up since is missing in the images here.
		if err := dropImages(&a.config); err != nil {
			return err
		}
	}
	if err := disk.WriteFile(a.config.Files, a.config.Path(holderFile), []byte(own)); err != nil {
		return err
	}
	if err := shelf.bring(ctx); err != nil {
		return err
	}
	a.cluster.shelf = shelf
	a.access.Share(func(name string) error { return shelf.share(name) })
	return a.access.Reopen()
}

func shared(name string) bool {
	for _, s := range sharedFiles() {
		if name == s || strings.HasSuffix(s, "/") && strings.HasPrefix(name, s) && filepath.IsLocal(name) && strings.Count(name, "/") == 1 {
			return true
		}
	}
	return false
}

// takeAll puts all files of the database into the folder. A mark that is not
// among them was another node's to heed.
func (s *shelf) takeAll(files []postgres.File) error {
	for _, f := range files {
		if !shared(f.Name) {
			continue // a newer version's
		}
		if err := s.take(f); err != nil {
			return err
		}
	}
	if _, wanted := s.kept[rebuildMark]; wanted || len(files) == 0 {
		return nil
	}
	if err := s.files.Remove(filepath.Join(s.folder, rebuildMark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a mark of before: %w", err)
	}
	return nil
}

// take puts a file of the database into the folder.
func (s *shelf) take(f postgres.File) error {
	path := filepath.Join(s.folder, filepath.FromSlash(f.Name))
	if err := s.files.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", f.Name, err)
	}
	if have, err := disk.ReadFile(s.files, path); err != nil || !bytes.Equal(have, f.Bytes) {
		if err := disk.WriteFile(s.files, path, f.Bytes); err != nil {
			return err
		}
	}
	info, err := s.files.Stat(path)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", f.Name, err)
	}
	s.kept[f.Name] = keptFile{info.Size(), info.ModTime(), postgres.Sums(f.Bytes)}
	return nil
}

// share brings one file to the database. It reads the file whatever its time says:
// two changes may come within one tick of the clock of files.
func (s *shelf) share(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), sharePatience)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.kept[name]
	kept.changed = time.Time{}
	s.kept[name] = kept
	return s.put(ctx, name)
}

// sharePatience is how long a change of keys may take.
const sharePatience = 10 * time.Second

// put brings a file to the database where it is not there as it is.
func (s *shelf) put(ctx context.Context, name string) error {
	path := filepath.Join(s.folder, filepath.FromSlash(name))
	info, err := s.files.Stat(path)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", name, err)
	}
	before := s.kept[name]
	if before.sums != nil && before.size == info.Size() && before.changed.Equal(info.ModTime()) {
		return nil
	}
	text, err := disk.ReadFile(s.files, path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	sums := postgres.Sums(text)
	if !slices.Equal(sums, before.sums) {
		if err := s.store.PutFile(ctx, postgres.File{Name: name, Bytes: text}, postgres.Pieces(before.sums, sums)); err != nil {
			s.kept[name] = keptFile{} // it may be there all the same
			return err
		}
	}
	s.kept[name] = keptFile{info.Size(), info.ModTime(), sums}
	return nil
}

// bring brings every file that changed, and forgets those that are gone.
func (s *shelf) bring(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.names()
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, name := range names {
		err := s.put(ctx, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		there[name] = err == nil
	}
	for name := range s.kept {
		if there[name] {
			continue
		}
		if err := s.store.DropFile(ctx, name); err != nil {
			s.kept[name] = keptFile{} // it may be gone all the same
			return err
		}
		delete(s.kept, name)
	}
	return nil
}

// names lists the shared files, those in folders too; others may be missing.
func (s *shelf) names() ([]string, error) {
	var out []string
	for _, name := range sharedFiles() {
		folder, ok := strings.CutSuffix(name, "/")
		if !ok {
			out = append(out, name)
			continue
		}
		entries, err := os.ReadDir(filepath.Join(s.folder, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listing %s: %w", folder, err)
		}
		for _, e := range entries {
			if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") { // a file being written
				out = append(out, name+e.Name())
			}
		}
	}
	return out, nil
}

// keepShelf brings what changed until the instance stops.
func (a *App) keepShelf() {
	every := time.NewTicker(shelfEvery)
	defer every.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-every.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), sharePatience)
		if err := a.cluster.shelf.bring(ctx); err != nil && !errors.Is(err, postgres.ErrLost) {
			a.parts.Log.Warn("the files that all nodes share are not in the database; tried again", "error", err)
		}
		cancel()
	}
}
