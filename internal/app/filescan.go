package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/config"
	"rapport/internal/consent"
	"rapport/internal/pipeline"
	"rapport/internal/store/embedded"
)

// scanPiece is how much of a file is looked at in one go, in bytes.
const scanPiece = 1 << 20

// scanFiles looks for what is left of somebody in every file of the data folder,
// whatever its case.
func scanFiles(c *config.Config) func(context.Context, *consent.Traces) (pipeline.FileScan, error) {
	return func(ctx context.Context, traces *consent.Traces) (pipeline.FileScan, error) {
		scan := pipeline.FileScan{Hits: []string{}}
		err := filepath.WalkDir(c.Data, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() {
				return ctx.Err() // tidied up meanwhile
			}
			if err != nil {
				return err
			}
			if info, err := d.Info(); err == nil && info.Size() == 0 {
				// A lock is lost where its process opens the file and closes it.
				return ctx.Err()
			}
			n, hit, err := scanFile(ctx, c.Files, path, traces)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			scan.Files++
			scan.Bytes += n
			if hit {
				name, _ := filepath.Rel(c.Data, path) // it lies below
				scan.Hits = append(scan.Hits, name)
			}
			return err
		})
		if err != nil {
			return scan, fmt.Errorf("searching %s: %w", c.Data, err)
		}
		return scan, nil
	}
}

// scanFile tells how many bytes of a file were looked at, and whether a trace is in
// them.
func scanFile(ctx context.Context, files vfs.FS, path string, traces *consent.Traces) (n int64, hit bool, err error) {
	n, found, err := findTraces(ctx, files, path, traces)
	if err != nil {
		return n, false, err
	}
	if !embedded.IsTable(path) || found == consent.Nothing || found == consent.Trace {
		return n, found >= consent.Doubtful, nil
	}
	// Tables are packed: of a word that stands there once the rest may be anywhere.
	err = embedded.EachEntry(ctx, files, path, func(key, value []byte) bool {
		hit = traces.Entry(key) || traces.Entry(value)
		return !hit
	})
	return n, hit, err
}

// findTraces goes through a file piece by piece. The pieces overlap, so that nothing
// is missed between two.
func findTraces(ctx context.Context, files vfs.FS, path string, traces *consent.Traces) (n int64, found consent.Finding, err error) {
	f, err := files.Open(path)
	if err != nil {
		return 0, consent.Nothing, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	overlap := traces.Longest() + 1
	buf := make([]byte, scanPiece+overlap)
	kept, first := 0, true
	for found < consent.Trace {
		if err := ctx.Err(); err != nil {
			return n, found, err
		}
		got, err := io.ReadFull(f, buf[kept:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return n, found, err
		}
		n += int64(got)
		piece := buf[:kept+got]
		for i := kept; i < len(piece); i++ {
			if c := piece[i]; c >= 'A' && c <= 'Z' {
				piece[i] += 'a' - 'A'
			}
		}
		found = max(found, traces.In(piece, first, last))
		if last {
			return n, found, nil
		}
		first = false
		kept = copy(buf, piece[len(piece)-overlap:])
	}
	return n, found, nil
}
