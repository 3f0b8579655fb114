package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store"
)

// moved is how a segment lies whose records another engine wrote, at addresses
// that leave no room for the heads of blocks (docs/formats/log.md). Its head is
// that of every segment without the counts, with "RAPPORTLOG2\n" in front, and
//
//	address of the first byte behind the head  8 bytes
//	length of the body                         8 bytes
//	number of runs                             4 bytes
//	crc32c of the runs                         4 bytes
//
// The body is the runs of sealed records, with zeros where nothing lay between
// them. Behind it, for each run: how many zeros stand before it, and its length,
// 4 bytes each. Such a segment never grows, and is never the last.
type moved struct {
	body  uint64
	count int
	sum   uint32
	runs  []run
}

// run is records that lie one behind the other.
type run struct {
	at uint64
	n  int
}

const (
	movedMagic = "RAPPORTLOG2\n"
	movedHead  = segmentHead + 24
	runBytes   = 8
)

// fileEnd is how long the file is at least whose addresses end at one.
func (s *segment) fileEnd(end uint64) int64 {
	if s.moved != nil {
		return int64(s.head) + int64(s.moved.body) + int64(s.moved.count)*runBytes
	}
	return s.offset(end)
}

func (s *segment) encodeMoved() []byte {
	b := append([]byte(nil), movedMagic...)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, movedHead)
	b = binary.LittleEndian.AppendUint64(b, s.base)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.last))
	b = binary.LittleEndian.AppendUint64(b, s.first)
	b = binary.LittleEndian.AppendUint64(b, s.moved.body)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.moved.count))
	b = binary.LittleEndian.AppendUint32(b, s.moved.sum)
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
	return b
}

func (s *segment) decodeMoved(b []byte) error {
	if len(b) < movedHead || binary.LittleEndian.Uint32(b[16:]) != movedHead {
		return errMoved
	}
	b = b[:movedHead]
	if crc32.Checksum(b[16:], castagnoli) != binary.LittleEndian.Uint32(b[12:]) || binary.LittleEndian.Uint64(b[20:]) != s.base {
		return errMoved
	}
	s.head, s.last = movedHead, store.Position(binary.LittleEndian.Uint64(b[28:]))
	s.first = binary.LittleEndian.Uint64(b[36:])
	s.moved = &moved{body: binary.LittleEndian.Uint64(b[44:]), count: int(binary.LittleEndian.Uint32(b[52:])), sum: binary.LittleEndian.Uint32(b[56:])}
	s.end = s.first + s.moved.body
	if s.first < s.base || s.end < s.first || s.moved.body > 1<<40 {
		return errMoved
	}
	return nil
}

// readRuns reads what stands behind the body.
func (s *segment) readRuns(file vfs.File) error {
	m := s.moved
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.name, err)
	}
	if info.Size() < s.fileEnd(s.end) {
		return fmt.Errorf("%s: %w: its end is missing: restore the file from a backup", s.name, errBlock)
	}
	text := make([]byte, m.count*runBytes)
	n, err := readAt(file, text, int64(s.head)+int64(m.body))
	if err != nil {
		return fmt.Errorf("reading %s: %w", s.name, err)
	}
	if n < len(text) || crc32.Checksum(text, castagnoli) != m.sum {
		return fmt.Errorf("%s: what it says of its runs is damaged: restore the file from a backup", s.name)
	}
	at := s.first
	m.runs = make([]run, 0, m.count)
	for ; len(text) > 0; text = text[runBytes:] {
		at += uint64(binary.LittleEndian.Uint32(text))
		r := run{at: at, n: int(binary.LittleEndian.Uint32(text[4:]))}
		m.runs = append(m.runs, r)
		at += uint64(r.n)
	}
	if at != s.end {
		return fmt.Errorf("%s: its runs do not fill it: restore the file from a backup", s.name)
	}
	return nil
}

// appendRuns gives what stands behind the body.
func appendRuns(b []byte, first uint64, runs []run) []byte {
	for _, r := range runs {
		b = binary.LittleEndian.AppendUint32(b, uint32(r.at-first))
		b = binary.LittleEndian.AppendUint32(b, uint32(r.n))
		first = r.at + uint64(r.n)
	}
	return b
}

// nextRun is next for a segment without blocks.
func (r *blockReader) nextRun(from uint64) (block, error) {
	runs := r.segment.moved.runs
	from = max(from, r.at)
	i := sort.Search(len(runs), func(i int) bool { return runs[i].at+uint64(runs[i].n) > from })
	if i == len(runs) || runs[i].at >= r.limit {
		return block{}, io.EOF
	}
	r.at = runs[i].at
	out := block{at: r.at}
	b, err := r.fill(runs[i].n)
	if err != nil {
		return out, err
	}
	if len(b) < runs[i].n {
		return out, errBlock
	}
	out.bytes = b[:runs[i].n]
	r.at += uint64(runs[i].n)
	return out, nil
}

var (
	// errMoved is never what a crash of an instance left, so it is not errHead.
	errMoved = errors.New("head of moved segment is damaged: restore the file from a backup")
	errOrder = errors.New("a run of records begins before the end of the one before")
)
