package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/store"
)

// folder is a directory and what it takes to make names in it durable.
type folder struct {
	fs  vfs.FS
	dir string
}

func (f folder) path(name string) string { return f.fs.PathJoin(f.dir, name) }

func (f folder) sub(name string) folder { return folder{fs: f.fs, dir: f.path(name)} }

// make creates the folder durably, for the eyes of its owner only.
func (f folder) make() error { return disk.MakeFolder(f.fs, f.dir) }

// sync makes the names in the folder durable.
func (f folder) sync() error {
	d, err := f.fs.OpenDir(f.dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", f.dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// write makes a small file all at once: it is there whole or not at all.
func (f folder) write(name string, content []byte) error {
	temporary := f.path(name + ".new")
	file, err := f.fs.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("making %s: %w", temporary, err)
	}
	if vfs.Root(f.fs) == vfs.Default {
		err = os.Chmod(temporary, 0o600)
	}
	if err == nil {
		_, err = file.Write(append([]byte(nil), content...))
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", temporary, err)
	}
	if err := f.fs.Rename(temporary, f.path(name)); err != nil {
		return fmt.Errorf("naming %s: %w", f.path(name), err)
	}
	return f.sync()
}

// read gives a small file.
func (f folder) read(name string) ([]byte, error) {
	file, err := f.fs.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	return io.ReadAll(file)
}

// readAt fills b from a file and tells how much of it there was.
func readAt(file vfs.File, b []byte, at int64) (int, error) {
	n, err := file.ReadAt(b, at)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// full tells an error that means: no room on the disk.
func full(err error) bool {
	return fault.NoRoom(err) || vfs.IsNoSpaceError(err)
}

// translate adds store.ErrFull to an error that means it.
func translate(err error) error {
	if err != nil && full(err) && !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// gate counts the calls under way, so that closing can wait for them and turn
// later ones away.
type gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when the last one leaves a closed gate
}

func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return store.ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// close reports whether this call closed the gate, and when all have left.
func (g *gate) close() bool {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return false
	}
	g.closed, g.empty = true, make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	g.mu.Unlock()
	<-g.empty
	return true
}
