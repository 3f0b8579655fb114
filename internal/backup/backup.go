// Package backup copies an instance's files to another place, piece by piece,
// and back: only what changed since the last copy travels, and every piece is
// checked by its hash on the way in and out. It never knows what is in the files
// and never says when to copy.
package backup

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"rapport/internal/blob"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Target is where backups lie.
type Target = blob.Target

// Piece is one file to be copied, as much of it as belongs to the backup.
type Piece struct {
	Name    string // below the instance's folder, with slashes
	Size    int64
	Changed time.Time // equal name, size and time mean equal bytes
	Growing bool      // bytes behind Size may come while it is read
	Content io.ReaderAt
}

// Source visits the files of an instance, those in which no word is lost first.
type Source func(ctx context.Context, visit func(Piece) error) error

// Snapshot is one backup: the files of one moment.
type Snapshot struct {
	ID      string        `json:"id"`
	Format  int           `json:"format"`
	Made    clock.Instant `json:"made_at"`
	Expires clock.Instant `json:"expires_at,omitzero"`
	Version string        `json:"version"` // of the program that made it
	Bytes   int64         `json:"bytes"`   // of all files
	Fresh   int64         `json:"fresh_bytes"`
	Files   []File        `json:"files"`
	// Sum is over the files' names, sizes and pieces.
	Sum string `json:"sum"`
}

// File is one file of a snapshot.
type File struct {
	Name    string        `json:"name"`
	Size    int64         `json:"size"`
	Changed clock.Instant `json:"changed_at"`
	Pieces  []string      `json:"pieces"` // SHA-256, of PieceBytes each but the last
}

const (
	// PieceBytes is how much of a file travels at once.
	PieceBytes = 4 << 20
	format     = 1

	snapshotFolder = "snapshots/"
	objectFolder   = "objects/"
	ledgerName     = "erasures"
)

func objectName(sum string) string { return objectFolder + sum[:2] + "/" + sum }

func snapshotName(id string) string { return snapshotFolder + id + ".json" }

func (s *Snapshot) sum() string {
	h := sha256.New()
	for _, f := range s.Files {
		fmt.Fprintf(h, "%q %d %s\n", f.Name, f.Size, strings.Join(f.Pieces, ","))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Progress is told how many bytes were looked at.
type Progress func(done int64)

// Terms are what a backup is made with.
type Terms struct {
	ID       string
	Now      clock.Instant
	Expires  clock.Instant // zero: never
	Version  string
	Progress Progress
	Rate     int64 // bytes that are read in a second at most; 0: as fast as it goes
}

// Make makes a snapshot. The snapshot's own file is written last: what a crash
// leaves before are pieces that the next one uses or Prune removes.
func Make(ctx context.Context, to Target, from Source, terms Terms) (*Snapshot, error) {
	if terms.Progress == nil {
		terms.Progress = func(int64) {}
	}
	all, err := List(ctx, to)
	if err != nil {
		return nil, err
	}
	m := maker{to: to, terms: terms, known: map[string]bool{}, before: map[string]File{}}
	if len(all) > 0 {
		last, err := Read(ctx, to, all[len(all)-1].ID)
		if err != nil {
			return nil, err
		}
		for _, f := range last.Files {
			m.before[f.Name] = f
			for _, p := range f.Pieces {
				m.known[p] = true
			}
		}
	}
	out := &Snapshot{ID: terms.ID, Format: format, Made: terms.Now, Expires: terms.Expires, Version: terms.Version, Files: []File{}}
	err = from(ctx, func(p Piece) error {
		f, err := m.file(ctx, p)
		if err != nil {
			return fmt.Errorf("backing up %s: %w", p.Name, err)
		}
		out.Files = append(out.Files, f)
		out.Bytes += f.Size
		terms.Progress(out.Bytes)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	out.Fresh, out.Sum = m.fresh, out.sum()
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	if err := to.Put(ctx, snapshotName(out.ID), text); err != nil {
		return nil, err
	}
	return out, nil
}

type maker struct {
	to     Target
	terms  Terms
	known  map[string]bool // pieces that are there
	before map[string]File
	fresh  int64
	buf    []byte
	next   time.Time // when the next piece may be read
}

func (m *maker) file(ctx context.Context, p Piece) (File, error) {
	f := File{Name: p.Name, Size: p.Size, Changed: clock.From(p.Changed), Pieces: []string{}}
	if old, ok := m.before[p.Name]; ok && !p.Growing && old.Size == f.Size && old.Changed == f.Changed && f.Changed != 0 {
		return old, nil
	}
	if m.buf == nil {
		m.buf = make([]byte, PieceBytes)
	}
	for at := int64(0); at < p.Size; at += PieceBytes {
		if err := m.pace(ctx); err != nil {
			return f, err
		}
		b := m.buf[:min(PieceBytes, p.Size-at)]
		if n, err := p.Content.ReadAt(b, at); n < len(b) {
			return f, fmt.Errorf("reading at %d: %w", at, cmp.Or(err, io.ErrUnexpectedEOF))
		}
		sum := hashOf(b)
		if !m.known[sum] {
			if err := m.put(ctx, sum, b); err != nil {
				return f, err
			}
		}
		f.Pieces = append(f.Pieces, sum)
		if m.terms.Rate > 0 {
			m.next = m.next.Add(time.Duration(len(b)) * time.Second / time.Duration(m.terms.Rate))
		}
	}
	return f, nil
}

// pace waits until the next piece may be read. Time that went by otherwise is
// not made up for.
func (m *maker) pace(ctx context.Context) error {
	rest := time.Until(m.next)
	if rest <= 0 {
		m.next = time.Now()
		return ctx.Err()
	}
	wait := time.NewTimer(rest)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put writes a piece and reads it back: what a target says that it took is not
// yet what it can give.
func (m *maker) put(ctx context.Context, sum string, b []byte) error {
	name := objectName(sum)
	if err := m.to.Put(ctx, name, b); err != nil {
		return err
	}
	back, err := m.to.Get(ctx, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(back, b) {
		return fmt.Errorf("%s gives back other bytes for %s than it took", m.to.Root(), name)
	}
	m.known[sum] = true
	m.fresh += int64(len(b))
	return nil
}

// List gives the snapshots without their files, the oldest first.
func List(ctx context.Context, at Target) ([]Snapshot, error) {
	names, err := at.List(ctx)
	if err != nil {
		return nil, err
	}
	var out []Snapshot
	for _, name := range names {
		id, ok := strings.CutSuffix(strings.TrimPrefix(name, snapshotFolder), ".json")
		if !ok || !strings.HasPrefix(name, snapshotFolder) || id == "" || path.Base(id) != id {
			continue
		}
		s, err := Read(ctx, at, id)
		if err != nil {
			return nil, err
		}
		s.Files = nil
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Snapshot) int { return cmp.Or(cmp.Compare(a.Made, b.Made), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// Read gives a snapshot, checked against its sum.
func Read(ctx context.Context, at Target, id string) (*Snapshot, error) {
	text, err := at.Get(ctx, snapshotName(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "unknown_backup", "%s has no backup %q: list the backups to see which there are", at.Root(), id)
	}
	if err != nil {
		return nil, err
	}
	s := &Snapshot{}
	if err := json.Unmarshal(text, s); err != nil || s.Sum != s.sum() {
		return nil, fault.Errorf(fault.Internal, "damaged_backup", "the backup %s in %s is damaged: use another", id, at.Root())
	}
	if s.Format != format {
		return nil, fault.Errorf(fault.Invalid, "newer_backup", "the backup %s has the format %d, this program reads %d: use the program that made it, version %s", id, s.Format, format, s.Version)
	}
	return s, nil
}

// Verify reads every piece of a snapshot and compares it with its hash.
func Verify(ctx context.Context, at Target, s *Snapshot, progress Progress) error {
	return s.each(ctx, at, progress, func(*File, int64, []byte) error { return nil })
}

// each visits all pieces, checked, in order.
func (s *Snapshot) each(ctx context.Context, at Target, progress Progress, visit func(f *File, offset int64, b []byte) error) error {
	done := int64(0)
	for i := range s.Files {
		f := &s.Files[i]
		offset := int64(0)
		for _, sum := range f.Pieces {
			b, err := at.Get(ctx, objectName(sum))
			if err != nil {
				return fmt.Errorf("reading %s of the backup %s: %w", f.Name, s.ID, err)
			}
			if hashOf(b) != sum {
				return fault.Errorf(fault.Internal, "damaged_backup", "%s in %s is damaged, in the backup %s at byte %d: use another backup", f.Name, at.Root(), s.ID, offset)
			}
			if err := visit(f, offset, b); err != nil {
				return err
			}
			offset += int64(len(b))
			done += int64(len(b))
			if progress != nil {
				progress(done)
			}
		}
		if offset != f.Size {
			return fault.Errorf(fault.Internal, "damaged_backup", "%s in the backup %s has %d bytes in place of %d: use another backup", f.Name, s.ID, offset, f.Size)
		}
	}
	return nil
}

// Prune removes the snapshots that are over, but never the newest, and the
// pieces that none of the others has. It tells how many of each.
func Prune(ctx context.Context, at Target, now clock.Instant) (snapshots, pieces int, err error) {
	all, err := List(ctx, at)
	if err != nil {
		return 0, 0, err
	}
	used := map[string]bool{}
	for i, head := range all {
		if head.Expires != 0 && now >= head.Expires && i < len(all)-1 {
			if err := at.Delete(ctx, snapshotName(head.ID)); err != nil {
				return snapshots, 0, err
			}
			snapshots++
			continue
		}
		s, err := Read(ctx, at, head.ID)
		if err != nil {
			return snapshots, 0, err
		}
		for _, f := range s.Files {
			for _, p := range f.Pieces {
				used[objectName(p)] = true
			}
		}
	}
	names, err := at.List(ctx)
	if err != nil {
		return snapshots, 0, err
	}
	for _, name := range names {
		if strings.HasPrefix(name, objectFolder) && !used[name] {
			if err := at.Delete(ctx, name); err != nil {
				return snapshots, pieces, err
			}
			pieces++
		}
	}
	return snapshots, pieces, nil
}

// KeepLedger writes the ledger of erasures beside the backups, so that one that
// was made before an erasure is restored without the person.
func KeepLedger(ctx context.Context, to Target, ledger []byte) error {
	return to.Put(ctx, ledgerName, ledger)
}

// Ledger is the newest ledger that lies beside the backups; nil: none does.
func Ledger(ctx context.Context, at Target) ([]byte, error) {
	text, err := at.Get(ctx, ledgerName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
