package disk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ReadFile reads a file whole.
func ReadFile(files vfs.FS, path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	return text, errors.Join(err, f.Close())
}

// ReadDocument reads a JSON document that WriteFile wrote; false: there is none.
func ReadDocument(files vfs.FS, path string, into any) (found bool, err error) {
	text, err := ReadFile(files, path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", files.PathBase(path), err)
	}
	return true, nil
}

// WriteFile replaces a file in one step and makes it durable; only its owner
// may read it.
func WriteFile(files vfs.FS, path string, text []byte) error {
	return WriteFrom(files, path, bytes.NewReader(text))
}

// Unfinished is what the names of files begin with that are not whole yet.
const Unfinished = ".new-"

// WriteFrom is WriteFile of what a reader gives, however much that is.
func WriteFrom(files vfs.FS, path string, from io.Reader) (err error) {
	dir := files.PathDir(path)
	fresh := files.PathJoin(dir, fmt.Sprintf("%s%016x", Unfinished, rand.Uint64()))
	defer func() {
		if err != nil {
			files.Remove(fresh) //nolint:errcheck // the first error is told
			err = fmt.Errorf("writing %s: %w", files.PathBase(path), err)
		}
	}()
	f, err := files.Create(fresh, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if err = private(files, fresh); err == nil {
		_, err = io.Copy(f, from)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = files.Rename(fresh, path); err != nil {
		return err
	}
	return SyncFolder(files, dir)
}

// MakeFolder makes a folder, for the eyes of its owner only, and makes its name
// durable, with those of the folders above that it had to make.
func MakeFolder(files vfs.FS, dir string) error {
	var above []string
	for at := dir; ; {
		if _, err := files.Stat(at); err == nil {
			break
		}
		parent := files.PathDir(at)
		if parent == at {
			break
		}
		above, at = append(above, parent), parent
	}
	if err := files.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making %s: %w", dir, err)
	}
	for _, at := range above {
		if err := SyncFolder(files, at); err != nil {
			return fmt.Errorf("making %s durable: %w", at, err)
		}
	}
	return nil
}

// SyncFolder makes the names in a folder durable, where the system can.
func SyncFolder(files vfs.FS, dir string) error {
	d, err := files.OpenDir(dir)
	if err != nil {
		return err
	}
	if err = d.Sync(); errors.Is(err, fs.ErrInvalid) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// Tail is a file that grows at its end.
type Tail struct {
	vfs.File
	size int64
}

// OpenTail opens a file to write behind its first bytes; what was there is
// dropped. A negative size keeps all.
func OpenTail(files vfs.FS, path string, size int64) (*Tail, error) {
	info, err := files.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case size >= 0 && info.Size() > size:
		if err := shorten(files, path, size); err != nil {
			return nil, err
		}
	}
	f, err := files.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	err = private(files, path)
	if info, err2 := f.Stat(); err2 == nil && size < 0 {
		size = info.Size()
	} else {
		err = errors.Join(err, err2)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Tail{f, size}, nil
}

// shorten writes a file anew: an enciphered one must not be written over with
// other bytes where it can be helped.
func shorten(files vfs.FS, path string, size int64) error {
	f, err := files.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(WriteFrom(files, path, io.LimitReader(f, size)), f.Close())
}

// Size is how long the file is.
func (t *Tail) Size() int64 { return t.size }

// Write writes at the end.
func (t *Tail) Write(b []byte) (int, error) {
	n, err := t.WriteAt(b, t.size)
	t.size += int64(n)
	return n, err
}
