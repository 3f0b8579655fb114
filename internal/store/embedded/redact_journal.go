package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The journal of redactions (docs/formats/log.md): log/redactions, there only
// while records are rewritten. A magic, crc32c of the rest, and the patches:
// address, length, bytes. It is made whole under another name and then renamed,
// so one that is there is complete.
const (
	journalName  = "redactions"
	journalMagic = "RAPPORT REDO 1\n\x00"
	journalHead  = len(journalMagic) + 4
)

var errJournal = errors.New("journal of redactions is damaged: restore the log from a backup")

func encodeJournal(patches []patch) []byte {
	b := append([]byte(journalMagic), 0, 0, 0, 0)
	for _, p := range patches {
		b = binary.LittleEndian.AppendUint64(b, p.at)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.bytes)))
		b = append(b, p.bytes...)
	}
	binary.LittleEndian.PutUint32(b[len(journalMagic):], crc32.Checksum(b[journalHead:], castagnoli))
	return b
}

func decodeJournal(b []byte) ([]patch, error) {
	if len(b) < journalHead || string(b[:len(journalMagic)]) != journalMagic ||
		crc32.Checksum(b[journalHead:], castagnoli) != binary.LittleEndian.Uint32(b[len(journalMagic):]) {
		return nil, errJournal
	}
	var out []patch
	for b = b[journalHead:]; len(b) > 0; {
		if len(b) < 12 {
			return nil, errJournal
		}
		at, n := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
		if b = b[12:]; uint64(n) > uint64(len(b)) {
			return nil, errJournal
		}
		out, b = append(out, patch{at, b[:n:n]}), b[n:]
	}
	return out, nil
}

// redo finishes what a crash interrupted. It runs before anything is read: until
// then the sums of the blocks may be wrong.
func (l *Log) redo() error {
	// What was not renamed yet has not begun. It holds sealed bytes only.
	if !isNotExist(l.folder, journalName+".new") {
		if err := l.folder.fs.Remove(l.folder.path(journalName + ".new")); err != nil {
			return fmt.Errorf("removing an unfinished journal: %w", err)
		}
	}
	if isNotExist(l.folder, journalName) {
		return nil
	}
	b, err := l.folder.read(journalName)
	if err != nil {
		return fmt.Errorf("reading the journal of redactions: %w", err)
	}
	patches, err := decodeJournal(b)
	if err != nil {
		return err
	}
	for rest := patches; len(rest) > 0; {
		s := l.segmentOf(rest[0].at)
		n := 0
		for n < len(rest) && l.segmentOf(rest[n].at) == s {
			n++
		}
		if err := s.write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if err := l.folder.fs.Remove(l.folder.path(journalName)); err != nil {
		return fmt.Errorf("removing the journal of redactions: %w", err)
	}
	return l.folder.sync()
}

func (l *Log) segmentOf(at uint64) *segment {
	s := l.segments[0]
	for _, o := range l.segments[1:] {
		if o.base <= at {
			s = o
		}
	}
	return s
}
