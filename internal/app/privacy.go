package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

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
