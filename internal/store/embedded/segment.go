package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// A segment is one file of the log (docs/formats/log.md). Its name is its base,
// the address of its first byte in the log's one address space; the base of the
// next one is therefore where it ends, whatever bytes lie behind. The addresses
// of one that came from another engine are those that its records had there
// (segment_moved.go). The head of one that this engine wrote is
//
//	magic "RAPPORTLOG1\n"             12 bytes
//	crc32c of the rest of the head    4 bytes, little-endian
//	length of the head                4 bytes
//	base                              8 bytes
//	position of the last record before it  8 bytes
//	counts of all frames before it
type segment struct {
	base   uint64
	file   vfs.File
	name   string
	head   int            // bytes before first
	first  uint64         // address of the byte behind the head
	last   store.Position // of the last record before the segment
	before store.Tally
	end    uint64 // address behind the last whole block; grows in the last one
	room   int64  // bytes of the file that were written once; of the one that grows

	moved *moved // how it lies, where it came from another engine; nil: in blocks

	patching sync.RWMutex // held for writing while redactions change blocks
}

// offset is where an address behind the head lies in the file.
func (s *segment) offset(at uint64) int64 { return int64(s.head) + int64(at-s.first) }

// least is the smallest address that a record can have.
func (s *segment) least() uint64 {
	if s.moved != nil {
		return s.first
	}
	return s.first + blockHead
}

const (
	segmentMagic  = "RAPPORTLOG1\n"
	segmentHead   = 36 // without counts
	segmentSuffix = ".seg"
	maxHead       = 1 << 20
)

func segmentName(base uint64) string { return fmt.Sprintf("%016x", base) + segmentSuffix }

func (s *segment) encodeHead() []byte {
	b := append([]byte(nil), segmentMagic...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, s.base)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.last))
	b = s.before.Append(b)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
	return b
}

// logMagic is what segments of every version begin with.
const logMagic = "RAPPORTLOG"

var errHead = errors.New("head of segment is damaged")

func (s *segment) decodeHead(b []byte) error {
	if bytes.HasPrefix(b, []byte(movedMagic)) {
		return s.decodeMoved(b)
	}
	if version, ok := bytes.CutPrefix(b, []byte(logMagic)); ok && len(version) > 0 && version[0] > movedMagic[len(logMagic)] {
		// Never errHead: what a crash left is removed.
		return fault.Errorf(fault.Conflict, "newer_data", "%s was written by a newer version: start that version or a later one, or restore a backup from before the upgrade into an empty folder", s.name)
	}
	if len(b) < segmentHead || string(b[:len(segmentMagic)]) != segmentMagic {
		return errHead
	}
	n := binary.LittleEndian.Uint32(b[16:])
	if n < segmentHead || int64(n) > int64(len(b)) {
		return errHead
	}
	b = b[:n]
	if crc32.Checksum(b[16:], castagnoli) != binary.LittleEndian.Uint32(b[12:]) ||
		binary.LittleEndian.Uint64(b[20:]) != s.base {
		return errHead
	}
	s.head, s.last = int(n), store.Position(binary.LittleEndian.Uint64(b[28:]))
	s.first = s.base + uint64(n)
	s.end = s.first
	return s.before.Parse(b[segmentHead:])
}

// createSegment makes a segment durable, empty.
func createSegment(f folder, base uint64, last store.Position, before store.Tally) (*segment, error) {
	s := &segment{base: base, last: last, before: before, name: f.path(segmentName(base))}
	if err := f.fs.Remove(s.name); err != nil && !isNotExist(f, segmentName(base)) {
		return nil, fmt.Errorf("making %s: %w", s.name, err)
	}
	file, err := createFile(f.fs, s.name)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", s.name, err)
	}
	head := s.encodeHead()
	s.file, s.head, s.first = file, len(head), base+uint64(len(head))
	s.end = s.first
	if _, err = file.WriteAt(head, 0); err == nil {
		if err = file.Sync(); err == nil {
			err = f.sync()
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making %s: %w", s.name, err), file.Close(), f.fs.Remove(s.name))
	}
	return s, nil
}

// openSegment reads the head of a segment.
func openSegment(f folder, base uint64) (*segment, error) {
	s := &segment{base: base, name: f.path(segmentName(base))}
	file, err := createFile(f.fs, s.name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", s.name, err)
	}
	head := make([]byte, maxHead)
	n, err := readAt(file, head, 0)
	if err == nil {
		err = s.decodeHead(head[:n])
	}
	if err == nil && s.moved != nil {
		err = s.readRuns(file)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", s.name, err), file.Close())
	}
	s.file = file
	return s, nil
}

// listSegments gives the bases of the segments of a folder in order.
func listSegments(f folder) ([]uint64, error) {
	names, err := f.fs.List(f.dir)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", f.dir, err)
	}
	var out []uint64
	for _, name := range names {
		hex, ok := strings.CutSuffix(name, segmentSuffix)
		if base, err := strconv.ParseUint(hex, 16, 64); ok && err == nil {
			out = append(out, base)
		}
	}
	slices.Sort(out)
	return out, nil
}

// damaged names the place of a damage.
func (s *segment) damaged(at uint64, err error) error {
	return fmt.Errorf("%s: offset %d: %w", s.name, s.offset(at), err)
}
