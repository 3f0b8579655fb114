// Package blob keeps files whole by name, in a folder or in storage that speaks
// S3. It never knows what is in them.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Target is where files lie: a folder or a part of a bucket. Its methods may be called at the same time for
// different names; names have slashes.
type Target interface {
	// Put makes a file durable, whole or not at all, in the place of one of the
	// same name.
	Put(ctx context.Context, name string, content []byte) error
	// Get reads a file: fs.ErrNotExist where there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// List gives the names of all files.
	List(ctx context.Context) ([]string, error)
	// Root is what stands before names for whoever reads the files.
	Root() string
}

// folder is a target on a file system.
type folder struct {
	fs   vfs.FS
	root string
	mode fs.FileMode
}

// NewFolder is a folder as a target; it is made where there is none.
// Folders are made with the mode.
func NewFolder(files vfs.FS, root string, mode fs.FileMode) Target {
	return &folder{files, root, mode}
}

func (f *folder) Root() string { return f.root }

// StagedSuffix ends the names of files that were not yet whole at a crash.
const StagedSuffix = ".writing"

func (f *folder) Put(_ context.Context, name string, content []byte) (err error) {
	at := f.fs.PathJoin(f.root, name)
	if err := f.makeFolder(f.fs.PathDir(at)); err != nil {
		return err
	}
	staged, err := f.fs.Create(at+StagedSuffix, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	_, err = staged.Write(content)
	if err == nil {
		err = staged.Sync()
	}
	if err = errors.Join(err, staged.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := f.fs.Rename(at+StagedSuffix, at); err != nil {
		return fmt.Errorf("name %s: %w", name, err)
	}
	return f.sync(f.fs.PathDir(at))
}

// makeFolder makes a folder and what is above it, for good.
func (f *folder) makeFolder(at string) error {
	if _, err := f.fs.Stat(at); err == nil {
		return nil
	}
	above := f.fs.PathDir(at)
	if above != at && above != "." {
		if err := f.makeFolder(above); err != nil {
			return err
		}
	}
	if err := f.fs.MkdirAll(at, f.mode); err != nil {
		return fmt.Errorf("make the folder %s: %w", at, err)
	}
	if above == at || above == "." {
		return nil
	}
	return f.sync(above)
}

func (f *folder) sync(at string) error {
	dir, err := f.fs.OpenDir(at)
	if err != nil {
		return fmt.Errorf("sync the folder %s: %w", at, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync the folder %s: %w", at, err)
	}
	return nil
}

func (f *folder) Get(_ context.Context, name string) ([]byte, error) {
	file, err := f.fs.Open(f.fs.PathJoin(f.root, name))
	if err != nil {
		return nil, missing(name, err)
	}
	var content []byte
	info, err := file.Stat()
	if err == nil {
		content = make([]byte, info.Size())
		_, err = io.ReadFull(file, content)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return content, nil
}

func missing(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return fmt.Errorf("open %s: %w", name, err)
}

func (f *folder) Delete(_ context.Context, name string) error {
	if err := f.fs.Remove(f.fs.PathJoin(f.root, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

func (f *folder) List(ctx context.Context) ([]string, error) {
	var out []string
	var walk func(below string) error
	walk = func(below string) error {
		names, err := f.fs.List(f.fs.PathJoin(f.root, below))
		if errors.Is(err, fs.ErrNotExist) {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", f.root, err)
		}
		for _, n := range names {
			at := path.Join(below, n)
			info, err := f.fs.Stat(f.fs.PathJoin(f.root, at))
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return fmt.Errorf("list %s: %w", f.root, err)
			case info.IsDir():
				if err := walk(at); err != nil {
					return err
				}
			default:
				out = append(out, at)
			}
		}
		return nil
	}
	return out, walk("")
}
