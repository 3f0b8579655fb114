package files

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/consent"
)

// Gone is somebody who is erased.
type Gone struct {
	IDs      map[string]bool // profile ids of all identifiers, as they were before
	Mentions *consent.Mentions
}

// changing is held for reading by whoever writes or moves a file, and by Erase
// for as long as it works: a file that is staged is not published as it was.
var changing sync.RWMutex

// ours are the names of files that sinks make, and of those that a crash left
// before they had their names.
var ours = regexp.MustCompile(`^\d{8}T\d{6}Z-\d{8,}-[0-9a-f]{16}\.(csv|jsonl|parquet)(\.tmp)?$`)

// Erase takes somebody out of the files below folders: rows with one of their
// ids, with one of their identifiers anywhere in it, or with the hash of one as
// platforms want it. A file without a row goes. It touches no file of another
// name, and waits for files that are being written; the sinks wait meanwhile.
func Erase(ctx context.Context, who Gone, folders ...string) (changed, rows int, err error) {
	changing.Lock()
	defer changing.Unlock()
	e := eraser{who: who, hashes: who.hashes()}
	for _, root := range folders {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case !d.Type().IsRegular() || !ours.MatchString(d.Name()):
				return ctx.Err()
			case strings.HasSuffix(d.Name(), ".tmp"):
				return os.Remove(path) // nobody is writing
			}
			n, err := e.file(path)
			if err != nil {
				return fmt.Errorf("erase from %s: %w", path, err)
			}
			if n > 0 {
				changed, rows = changed+1, rows+n
			}
			return ctx.Err()
		})
		if err != nil {
			return changed, rows, err
		}
	}
	return changed, rows, nil
}

// hashes are what audience files have of somebody.
func (g *Gone) hashes() (out [][]byte) {
	for _, value := range g.Mentions.Values() {
		for _, platform := range platforms {
			for _, f := range platform {
				if text := f.normal(string(value)); text != "" && !f.plain && (f.of == "email" || f.of == "phone") {
					out = append(out, []byte(sha(text)))
				}
			}
		}
	}
	return out
}

type eraser struct {
	who    Gone
	hashes [][]byte
}

// in tells whether a row or a value is about the person.
func (e *eraser) in(b []byte) bool {
	if e.who.Mentions.In(b) {
		return true
	}
	for id := range e.who.IDs {
		if bytes.Contains(b, []byte(id)) {
			return true
		}
	}
	for _, hash := range e.hashes {
		if bytes.Contains(b, hash) {
			return true
		}
	}
	return false
}

// file takes the person out of a file, and tells how many rows went.
func (e *eraser) file(path string) (gone int, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	left, kept, gone, err := e.without(path, content)
	if err != nil || gone == 0 {
		return 0, err
	}
	if kept > 0 {
		return gone, writeSynced(path, left)
	}
	if err := os.Remove(path); err != nil {
		return 0, err
	}
	return gone, syncFolder(filepath.Dir(path))
}

// without gives what is left of the content of a file, how many rows that has and
// how many went.
func (e *eraser) without(name string, content []byte) (left []byte, kept, gone int, err error) {
	switch path.Ext(name) {
	case ".jsonl":
		left, kept, gone = e.lines(content)
		return left, kept, gone, nil
	case ".csv":
		return e.table(content)
	}
	return e.parquet(content)
}

func (e *eraser) lines(content []byte) (left []byte, kept, gone int) {
	for line := range bytes.Lines(content) {
		if e.in(line) {
			gone++
			continue
		}
		left, kept = append(left, line...), kept+1
	}
	return left, kept, gone
}

// table keeps the bytes of records as they are.
func (e *eraser) table(content []byte) (left []byte, kept, gone int, err error) {
	r := csv.NewReader(bytes.NewReader(content))
	r.ReuseRecord = true
	for from := int64(0); ; {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return left, kept - 1, gone, nil
		}
		if err != nil {
			return nil, 0, 0, err
		}
		raw := content[from:r.InputOffset()]
		from = r.InputOffset()
		// Quotes are doubled in the bytes of a record, not in its values.
		if kept > 0 && (e.in(raw) || e.in([]byte(strings.Join(record, "\n")))) {
			gone++
			continue
		}
		left, kept = append(left, raw...), kept+1 // the first are the columns
	}
}

func (e *eraser) parquet(content []byte) (left []byte, kept, gone int, err error) {
	file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, 0, 0, err
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[any](&out, file.Schema())
	buffer := make([]parquet.Row, 256)
	for _, group := range file.RowGroups() {
		rows := group.Rows()
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				if e.inRow(row) {
					gone++
					continue
				}
				kept++
				if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
					return nil, 0, 0, errors.Join(err, rows.Close())
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, 0, 0, errors.Join(err, rows.Close())
			}
		}
		if err := rows.Close(); err != nil {
			return nil, 0, 0, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, 0, 0, err
	}
	return out.Bytes(), kept, gone, nil
}

func (e *eraser) inRow(row parquet.Row) bool {
	for _, v := range row {
		if !v.IsNull() && e.in(v.ByteArray()) {
			return true
		}
	}
	return false
}
