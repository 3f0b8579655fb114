package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/disk"
	"rapport/internal/fault"
)

// Folder is where a snapshot is restored.
type Folder struct {
	Files vfs.FS
	Dir   string
}

// Restore writes the files of a snapshot into an empty folder, every piece
// checked; finish does what else has to be done before an
// instance may start there. It is whole when Restore returns without an error; a
// folder that it could not fill has the file Unfinished in it, and no instance
// starts there.
func Restore(ctx context.Context, from Target, s *Snapshot, into Folder, progress Progress, finish func() error) (err error) {
	dir, mark := into.Dir, into.Files.PathJoin(into.Dir, Unfinished)
	if err := disk.WriteFile(into.Files, mark, []byte("rapport restore was cut off here; empty the folder and restore again\n")); err != nil {
		return fmt.Errorf("beginning in %s: %w", dir, err)
	}
	w := &writer{into: into}
	err = s.each(ctx, from, progress, w.write)
	for i := range s.Files {
		if err == nil && s.Files[i].Size == 0 {
			err = w.write(&s.Files[i], 0, nil)
		}
	}
	if err = errors.Join(err, w.close()); err != nil {
		return err
	}
	if err := finish(); err != nil {
		return err
	}
	if err := syncAll(dir); err != nil {
		return err
	}
	if err := into.Files.Remove(mark); err != nil {
		return fmt.Errorf("ending in %s: %w", dir, err)
	}
	return syncFolder(dir)
}

// Unfinished is the file that a restore which was cut off leaves behind.
const Unfinished = "RESTORE-UNFINISHED"

// EmptyFolder makes the folder where there is none, and refuses one that holds
// anything.
func EmptyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making %s: %w", dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading %s: %w", dir, err)
	}
	if len(entries) > 0 {
		return fault.Errorf(fault.Conflict, "folder_in_use", "%s is not empty (%s): give an empty folder with --data", dir, entries[0].Name())
	}
	return nil
}

// writer writes pieces, which come file by file.
type writer struct {
	into Folder
	file vfs.File
	name string
}

func (w *writer) write(f *File, offset int64, b []byte) error {
	if w.name != f.Name {
		if err := w.close(); err != nil {
			return err
		}
		name := filepath.FromSlash(f.Name)
		if !filepath.IsLocal(name) {
			return fault.Errorf(fault.Internal, "damaged_backup", "the backup holds a file %.80q, which leads out of the folder: use another backup", f.Name)
		}
		path := filepath.Join(w.into.Dir, name)
		if err := w.into.Files.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("restoring %s: %w", f.Name, err)
		}
		file, err := w.into.Files.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			return fmt.Errorf("restoring %s: %w", f.Name, err)
		}
		w.file, w.name = file, f.Name
	}
	if _, err := w.file.Write(b); err != nil {
		return fmt.Errorf("restoring %s: %w", f.Name, err)
	}
	return nil
}

func (w *writer) close() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file, w.name = nil, ""
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	return nil
}

// syncAll makes the names in a folder and in those below it durable.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncFolder(path)
	})
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("making %s durable: %w", dir, err)
	}
	return nil
}
