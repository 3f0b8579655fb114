package imports

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/disk"
	"rapport/internal/tablefile"
)

// journal keeps what was decided of rows before they are handed over. After a
// crash these rows are handed over again, which changes nothing, and the report
// still says of them what they did the first time.
type journal struct {
	files vfs.FS
	name  string
	file  *disk.Tail
	known map[int64]verdict // of rows behind the cursor, from before a crash
	buf   []byte
}

// verdict is what was decided of a row.
type verdict struct {
	delta delta
	bad   *tablefile.RowError
}

// journalSize is when the cursor is kept, so that the journal can begin anew.
const journalSize = 4 << 20

// openJournal reads what is there of rows behind a line. What a crash left half
// written was never handed over.
func openJournal(files vfs.FS, name string, from int64) (*journal, error) {
	j := &journal{files: files, name: name, known: map[int64]verdict{}}
	b, err := disk.ReadFile(files, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the journal of an import: %w", err)
	}
	size := int64(0)
	for rest := b; len(rest) >= 8; {
		n := int(binary.LittleEndian.Uint32(rest))
		if n > len(rest)-8 || crc32.ChecksumIEEE(rest[8:8+n]) != binary.LittleEndian.Uint32(rest[4:]) {
			break
		}
		j.read(rest[8:8+n], from)
		rest = rest[8+n:]
		size = int64(len(b) - len(rest))
	}
	if j.file, err = disk.OpenTail(files, name, size); err != nil {
		return nil, fmt.Errorf("open the journal of an import: %w", err)
	}
	return j, nil
}

// read reads one part: for each row its line, what was decided, and the words of
// a flaw.
func (j *journal) read(part []byte, from int64) {
	for len(part) > 0 {
		line, n := binary.Uvarint(part)
		if n <= 0 || len(part) <= n {
			return
		}
		v := verdict{delta: delta(part[n])}
		part = part[n+1:]
		long, n := binary.Uvarint(part)
		if n <= 0 || long > uint64(len(part)-n) {
			return
		}
		if long > 0 {
			v.bad = new(tablefile.RowError)
			if json.Unmarshal(part[n:n+int(long)], v.bad) != nil {
				return
			}
		}
		part = part[n+int(long):]
		if int64(line) > from {
			j.known[int64(line)] = v
		}
	}
}

// write keeps what was decided of some rows; it is durable then.
func (j *journal) write(records []*record) error {
	out := append(j.buf[:0], 0, 0, 0, 0, 0, 0, 0, 0)
	for _, r := range records {
		if _, again := j.known[r.Line]; again || r.delta == failed {
			continue
		}
		var bad []byte
		if r.bad != nil {
			var err error
			if bad, err = json.Marshal(r.bad); err != nil {
				return err
			}
		}
		out = append(binary.AppendUvarint(out, uint64(r.Line)), byte(r.delta))
		out = append(binary.AppendUvarint(out, uint64(len(bad))), bad...)
	}
	j.buf = out
	if len(out) == 8 {
		return nil
	}
	binary.LittleEndian.PutUint32(out, uint32(len(out)-8))
	binary.LittleEndian.PutUint32(out[4:], crc32.ChecksumIEEE(out[8:]))
	if _, err := j.file.Write(out); err != nil {
		return fmt.Errorf("write the journal of an import: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("write the journal of an import: %w", err)
	}
	return nil
}

// forget begins anew: the cursor that is kept is behind all of it.
func (j *journal) forget() error {
	clear(j.known)
	err := j.file.Close()
	if err == nil {
		j.file, err = disk.OpenTail(j.files, j.name, 0)
	}
	if err != nil {
		return fmt.Errorf("shorten the journal of an import: %w", err)
	}
	return nil
}
