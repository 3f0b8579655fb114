package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/config"
	"rapport/internal/consent"
	"rapport/internal/disk"
	"rapport/internal/httpapi"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

const erasuresFile = "erasures"

// erasures is the ledger of erasures: a file in the data folder, outside the
// store, so that a store from a backup does not bring anybody back.
type erasures struct {
	files vfs.FS
	path  string
	// kept is told that there is a new one; nil: nobody is.
	kept func()
	// share brings the file to the other nodes; nil: nobody is told.
	share func(name string) error
}

// Load reads the file; where there is none, nobody was erased.
func (l erasures) Load() ([]consent.Erasure, error) {
	text, err := disk.ReadFile(l.files, l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ledger of erasures: %w", err)
	}
	return consent.ReadLedger(text)
}

// Keep writes the file anew, all at once.
func (l erasures) Keep(all []consent.Erasure) error {
	text := consent.AppendLedger(nil, all)
	if err := disk.WriteFile(l.files, l.path, text); err != nil {
		return err
	}
	if l.share != nil {
		if err := l.share(erasuresFile); err != nil {
			return err
		}
	}
	if l.kept != nil {
		l.kept()
	}
	return nil
}

// scanFiles looks for values in every file of the data folder, whatever their
// case: the pieces it reads overlap, so that none is missed between two.
func scanFiles(c *config.Config) func(context.Context, [][]byte) (pipeline.FileScan, error) {
	return func(ctx context.Context, values [][]byte) (pipeline.FileScan, error) {
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
			n, hit, err := scanFile(ctx, c.Files, path, values)
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

func scanFile(ctx context.Context, files vfs.FS, path string, values [][]byte) (n int64, hit bool, err error) {
	f, err := files.Open(path)
	if err != nil {
		return 0, false, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	longest := 1
	for _, v := range values {
		longest = max(longest, len(v))
	}
	buf := make([]byte, 1<<20)
	kept := 0
	for {
		if err := ctx.Err(); err != nil {
			return n, hit, err
		}
		got, err := f.Read(buf[kept:])
		n += int64(got)
		piece := buf[:kept+got]
		for i := kept; i < len(piece); i++ {
			if c := piece[i]; c >= 'A' && c <= 'Z' {
				piece[i] += 'a' - 'A'
			}
		}
		for _, v := range values {
			hit = hit || bytes.Contains(piece, v)
		}
		if errors.Is(err, io.EOF) || hit {
			return n, hit, nil
		}
		if err != nil {
			return n, hit, err
		}
		keep := min(longest-1, kept+got)
		copy(buf, buf[kept+got-keep:kept+got])
		kept = keep
	}
}

// privacyParams name a request; whom it is about the log alone knows.
type privacyParams struct {
	Request string `json:"request"`
}

// doPrivacy is the work of a privacy request.
func (a *App) doPrivacy(ctx context.Context, t *schedule.Task) error {
	var params privacyParams
	if err := t.Params(&params); err != nil {
		return err
	}
	var plan pipeline.ErasePlan
	if _, err := t.Cursor(&plan); err != nil {
		return err
	}
	return a.pipeline.RunPrivacy(ctx, params.Request, plan, func(ctx context.Context, done int, plan *pipeline.ErasePlan) error {
		return t.Keep(ctx, int64(done), plan)
	})
}

// orphans gives privacy requests whose job got lost between the two.
func (a *App) orphans(ctx context.Context, now time.Time) []schedule.Request {
	var out []schedule.Request
	for cursor := ""; ; {
		page, err := a.pipeline.PrivacyRequests(ctx, cursor, 500)
		if err != nil {
			return out
		}
		for i := range page.Items {
			r := &page.Items[i]
			if r.State == "queued" && now.Sub(r.Created.Time()) > time.Minute {
				out = append(out, schedule.Request{Kind: httpapi.JobPrivacy, Subject: r.ID, Author: r.Author, Key: r.ID, Params: privacyParams{r.ID}})
			}
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}
