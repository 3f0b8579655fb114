package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// openLog opens the log of a folder and cuts off what a crash left unfinished.
func openLog(f folder, o Options) (_ *Log, err error) {
	l := &Log{folder: f.sub("log"), options: o}
	if err := l.folder.make(); err != nil {
		return nil, err
	}
	if l.keys, err = openKeys(f.sub("keys"), o); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	var salt [4]byte
	if _, err := io.ReadFull(o.Random, salt[:]); err != nil {
		return nil, fmt.Errorf("drawing the log's salt: %w", err)
	}
	l.salt = binary.LittleEndian.Uint32(salt[:])
	if err := l.openSegments(); err != nil {
		return nil, err
	}
	l.sealer = &seal.Sealer{Ring: seal.NewKeyring(int(o.MemoryBudget/8), seal.KeyID(l.keys.slots), o.Random)}
	return l, nil
}

func (l *Log) openSegments() error {
	bases, err := listSegments(l.folder)
	if err != nil {
		return err
	}
	for i, base := range bases {
		s, err := openSegment(l.folder, base)
		if errors.Is(err, errHead) && i == len(bases)-1 {
			// A crash while this segment was being made leaves nothing in it.
			if err := l.unborn(base); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
		l.segments = append(l.segments, s)
		if i > 0 {
			if err := l.segments[i-1].finish(base); err != nil {
				return err
			}
		}
	}
	if len(l.segments) == 0 {
		s, err := createSegment(l.folder, 0, 0, store.Tally{})
		if err != nil {
			return err
		}
		l.segments = append(l.segments, s)
	}
	if l.segments[0].base != 0 {
		return fmt.Errorf("%s: the segments before it are missing", l.segments[0].name)
	}
	if err := l.redo(); err != nil {
		return err
	}
	return l.recover(l.tail())
}

// unborn removes a segment without a head, once it is sure that it has no
// blocks either.
func (l *Log) unborn(base uint64) error {
	s := &segment{base: base, first: base, end: base, name: l.folder.path(segmentName(base))}
	file, err := createFile(l.folder.fs, s.name)
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.name, err)
	}
	s.file = file
	info, err := file.Stat()
	if err == nil {
		err = s.cut(base + uint64(info.Size()))
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := l.folder.fs.Remove(s.name); err != nil {
		return fmt.Errorf("removing %s: %w", s.name, err)
	}
	return l.folder.sync()
}

// finish ends a segment where the next one begins.
func (s *segment) finish(next uint64) error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.name, err)
	}
	if have := s.fileEnd(next) - info.Size(); have > 0 {
		return s.damaged(next-uint64(have), fmt.Errorf("%w: %d bytes are missing: restore the file from a backup", errBlock, have))
	}
	s.end = next
	return nil
}

// recover finds the end of the last segment.
func (l *Log) recover(s *segment) error {
	l.last, l.sums = s.last, s.before.Clone()
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.name, err)
	}
	if s.moved != nil {
		return fmt.Errorf("%s: what follows the moved segments is missing: restore the folder from a backup, or copy again", s.name)
	}
	s.room = info.Size()
	limit := s.base + uint64(info.Size())
	r := blockReader{segment: s, limit: limit}
	for {
		block, err := r.next(0)
		if err == io.EOF { //nolint:errorlint // never wrapped
			return nil
		}
		if errors.Is(err, errNoBlock) || errors.Is(err, errBlock) {
			return s.cut(limit)
		}
		if err != nil {
			return err
		}
		var t store.Tally
		if err := t.Parse(block.counts()); err != nil {
			return s.damaged(block.at, err)
		}
		err = block.each(func(at uint64, _ *seal.Head, _, _ []byte) error {
			l.last = store.Position(at)
			return nil
		})
		if err != nil {
			return s.damaged(block.at, err)
		}
		l.sums.AddAll(&t)
		s.end = block.end()
	}
}

// cut decides what the bytes behind the last whole block are. A block that was
// being written when the power went is no part of the log, and the next one
// overwrites it. If a whole block follows it, then it was no crash that broke
// it, and records that were acknowledged would be lost in silence.
func (s *segment) cut(limit uint64) error {
	rest := make([]byte, limit-s.end)
	n, err := readAt(s.file, rest, s.offset(s.end))
	if err != nil {
		return fmt.Errorf("reading %s: %w", s.name, err)
	}
	rest = rest[:n]
	magic := binary.LittleEndian.AppendUint32(nil, blockMagic)
	for at := 1; at < len(rest); at++ {
		next := bytes.Index(rest[at:], magic)
		if next < 0 {
			return nil
		}
		at += next
		length, err := blockLength(rest[at:], s.end+uint64(at))
		if err == nil && length <= len(rest)-at && checkBlock(rest[at:at+length]) == nil {
			return s.damaged(s.end, fmt.Errorf("%w, and whole ones follow at offset %d: restore the file from a backup",
				errBlock, s.offset(s.end)+int64(at)))
		}
	}
	return nil
}
