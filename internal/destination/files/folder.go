package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"rapport/internal/destination"
)

// folder keeps files in a folder. The stage lies in it, so that a file can be
// moved to its name in one step.
type folder struct{ path string }

func (f folder) stage() string { return filepath.Join(f.path, ".rapport-stage") }

func (f folder) publish(_ context.Context, staged, name string) destination.Result {
	changing.RLock()
	defer changing.RUnlock()
	at := filepath.Join(f.path, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o750); err != nil {
		return onDisk(err)
	}
	if err := os.Rename(staged, at); err != nil {
		return onDisk(err)
	}
	for _, dir := range []string{filepath.Dir(at), f.path, filepath.Dir(staged)} {
		if err := syncFolder(dir); err != nil {
			return onDisk(err)
		}
	}
	return destination.Result{Outcome: destination.Delivered, Request: []byte(name)}
}

// writeSynced writes a file that is there as a whole, even after a loss of
// power, or not at all.
func writeSynced(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
