// Package disk is the files of a data folder: enciphered where the operator gives
// a key, small ones written whole, long ones grown at their end. It never knows
// what is in them. START READING at file.go (what lies on the disk) and ring.go
// (with which keys).
package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Keys are what an operator gives to have a folder enciphered.
type Keys struct {
	Present *Key // nil: the folder is not enciphered
	// Former is the key that the folder may have been enciphered with: it is
	// changed to the present one.
	Former *Key
	// Random is where data keys come from.
	Random io.Reader
	// Look changes no key, and leaves what is not enciphered as it is.
	Look bool
}

// Open gives the file system for a folder: that of the machine, or one over it
// that enciphers. marks are names in the folder that say that something was
// written there before; with a key and without a ring it was not enciphered, and
// that is refused.
func Open(base vfs.FS, dir string, k Keys, marks ...string) (vfs.FS, error) {
	path := base.PathJoin(dir, RingName)
	r, err := place{
		name: dir,
		read: func() ([]byte, error) { return ReadFile(base, path) },
		write: func(text []byte) error {
			if err := MakeFolder(base, dir); err != nil {
				return err
			}
			return WriteFile(base, path, text)
		},
		used: func() (bool, error) {
			for _, mark := range marks {
				if _, err := base.Stat(base.PathJoin(dir, mark)); !errors.Is(err, fs.ErrNotExist) {
					return err == nil, err
				}
			}
			return false, nil
		},
	}.open(k)
	if r == nil || err != nil {
		return base, err
	}
	return cipherFS{base, r, k.Random}, nil
}

// Enciphers tells whether a file system is one that enciphers.
func Enciphers(files vfs.FS) bool {
	_, does := files.(cipherFS)
	return does
}

// cipherFS is a file system whose files are enciphered. Names, folders, times
// and lengths are not.
type cipherFS struct {
	vfs.FS
	ring   *ring
	random io.Reader
}

// Create makes a file with a key of its own.
func (c cipherFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, category)
	return c.file(f, err, false, false)
}

// Open opens a file for reading. One that somebody else put into the folder is
// read as it is.
func (c cipherFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.Open(name, o...)
	return c.file(f, err, true, true)
}

// OpenReadWrite opens a file for both, at any place.
func (c cipherFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.OpenReadWrite(name, category, o...)
	return c.file(f, err, true, false)
}

// ReuseForWrite makes a new file: with the old one's key, what is written over it
// would show against what was there.
func (c cipherFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := c.Remove(from); err != nil {
		return nil, err
	}
	return c.Create(to, category)
}

// Stat tells how long a file is without its head, taking every file for one of
// ours; an open file knows better.
func (c cipherFS) Stat(name string) (vfs.FileInfo, error) {
	info, err := c.FS.Stat(name)
	return behindHead(info, err)
}

// Unwrap gives the file system below.
func (c cipherFS) Unwrap() vfs.FS { return c.FS }

func (c cipherFS) file(f vfs.File, err error, placed, foreign bool) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{File: f, ring: c.ring, random: c.random, placed: placed, foreign: foreign}, nil
}

type info struct{ vfs.FileInfo }

// Size is that of what was written.
func (i info) Size() int64 { return max(i.FileInfo.Size()-headBytes, 0) }

func behindHead(i vfs.FileInfo, err error) (vfs.FileInfo, error) {
	if err != nil || i.IsDir() {
		return i, err
	}
	return info{i}, nil
}

// private keeps a file of the machine from the eyes of others.
func private(files vfs.FS, name string) error {
	if vfs.Root(files) == vfs.Default {
		return os.Chmod(name, 0o600)
	}
	return nil
}
