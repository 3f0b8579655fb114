package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store"
)

// Piece is one file of a copy, as much of it as belongs to it.
type Piece struct {
	Name string // below the engine's folder, with slashes
	Size int64
	// Changed is when its bytes last changed: a file with the name, size and
	// time of an earlier copy holds the same.
	Changed time.Time
	// Growing says that the file may grow beyond Size while it is read.
	Growing bool
	Content io.ReaderAt
}

const checkpointFolder = "copying"

// Copy visits the files from which the engine opens as it was at one moment
// within the call, while it goes on. The state comes first and the log after it,
// so that the log has all that the state was folded from. Erasures and
// redactions wait meanwhile; nothing else does.
func (s *Store) Copy(ctx context.Context, visit func(Piece) error) error {
	if err := s.log.gate.enter(ctx); err != nil {
		return err
	}
	defer s.log.gate.leave()
	s.log.redacting.Lock()
	defer s.log.redacting.Unlock()
	if err := s.log.finishPatches(); err != nil {
		return translate(err)
	}
	if err := s.copyState(ctx, visit); err != nil {
		return translate(err)
	}
	return translate(s.log.copy(ctx, visit))
}

// copyState makes what is in memory durable and links the files of that moment
// into a folder beside, which goes when they were read.
func (s *Store) copyState(ctx context.Context, visit func(Piece) error) error {
	if err := s.state.Flush(ctx); err != nil {
		return err
	}
	f := s.state.folder
	at := f.path("../" + checkpointFolder)
	if err := f.fs.RemoveAll(at); err != nil { // a crash left it
		return fmt.Errorf("removing %s: %w", at, err)
	}
	if err := s.state.db.Checkpoint(at, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("taking the state down: %w", err)
	}
	names, err := f.fs.List(at)
	for _, name := range names {
		if err == nil {
			err = visitFile(ctx, f.fs, f.fs.PathJoin(at, name), "state/"+name, -1, visit)
		}
	}
	return errors.Join(err, f.fs.RemoveAll(at))
}

func (l *Log) copy(ctx context.Context, visit func(Piece) error) error {
	l.mu.RLock()
	segments, ends := append([]*segment(nil), l.segments...), make([]int64, len(l.segments))
	for i, s := range segments {
		ends[i] = s.fileEnd(s.end)
	}
	l.mu.RUnlock()
	for i, s := range segments {
		if err := visitFile(ctx, l.folder.fs, s.name, "log/"+l.folder.fs.PathBase(s.name), ends[i], visit); err != nil {
			return err
		}
	}
	// The keys after the log: whatever lies in it has its key by now.
	names, err := l.keys.folder.fs.List(l.keys.folder.dir)
	if err != nil {
		return fmt.Errorf("listing %s: %w", l.keys.folder.dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".new") {
			continue
		}
		if err := visitFile(ctx, l.folder.fs, l.keys.folder.path(name), "keys/"+name, -1, visit); err != nil {
			return err
		}
	}
	return nil
}

// visitFile shows a file up to a size; a negative one means all that there is
// now.
func visitFile(ctx context.Context, fs vfs.FS, path, name string, size int64, visit func(Piece) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := fs.Open(path)
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	info, err := file.Stat()
	if err == nil {
		p := Piece{Name: name, Size: size, Changed: info.ModTime(), Content: file, Growing: size >= 0}
		if size < 0 {
			p.Size = info.Size()
		}
		err = visit(p)
	}
	return errors.Join(err, file.Close())
}

var _ store.Store = (*Store)(nil)
