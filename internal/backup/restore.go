package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rapport/internal/fault"
)

// Restore writes the files of a snapshot into a folder that is empty or not
// there, every piece checked; finish does what else has to be done before an
// instance may start there. It is whole when Restore returns without an error; a
// folder that it could not fill has the file Unfinished in it, and no instance
// starts there.
func Restore(ctx context.Context, from Target, s *Snapshot, dir string, progress Progress, finish func() error) (err error) {
	if err := emptyFolder(dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	defer root.Close() //nolint:errcheck // nothing is written to it
	if err := root.WriteFile(Unfinished, []byte("rapport restore was cut off here; empty the folder and restore again\n"), 0o600); err != nil {
		return fmt.Errorf("beginning in %s: %w", dir, err)
	}
	w := &writer{root: root}
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
	if err := root.Remove(Unfinished); err != nil {
		return fmt.Errorf("ending in %s: %w", dir, err)
	}
	return syncFolder(dir)
}

// Unfinished is the file that a restore which was cut off leaves behind.
const Unfinished = "RESTORE-UNFINISHED"

// emptyFolder makes the folder where there is none, and refuses one that holds
// anything.
func emptyFolder(dir string) error {
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
	root *os.Root
	file *os.File
	name string
}

func (w *writer) write(f *File, offset int64, b []byte) error {
	if w.name != f.Name {
		if err := w.close(); err != nil {
			return err
		}
		name := filepath.FromSlash(f.Name)
		if err := w.root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return fmt.Errorf("restoring %s: %w", f.Name, err)
		}
		file, err := w.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("restoring %s: %w", f.Name, err)
		}
		w.file, w.name = file, f.Name
	}
	if _, err := w.file.WriteAt(b, offset); err != nil {
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
