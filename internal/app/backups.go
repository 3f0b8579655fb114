package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"rapport/internal/backup"
	"rapport/internal/httpapi"
	"rapport/internal/schedule"
	"rapport/internal/store/embedded"
)

// copies are the backups of an instance, for those who look after it.
type copies struct{ app *App }

// Plan says where backups go, how often and for how long.
func (c copies) Plan() httpapi.BackupPlan {
	of := &c.app.config.Backup
	_, possible := c.app.store.(*embedded.Store)
	plan := httpapi.BackupPlan{Possible: possible, Place: of.URL}
	if of.Every > 0 {
		plan.Every = of.Every.String()
	}
	if of.Keep > 0 {
		plan.Keep = of.Keep.String()
	}
	return plan
}

// List gives those that are known to be there, the newest first, and of each how
// many were erased since.
func (c copies) List() ([]httpapi.BackupView, error) {
	known, err := knownBackups(&c.app.config)
	if err != nil {
		return nil, err
	}
	erased, err := erasures{files: c.app.config.Files, path: c.app.config.Path(erasuresFile)}.Load()
	if err != nil {
		return nil, err
	}
	out := []httpapi.BackupView{}
	for place, all := range known {
		for _, s := range all {
			v := httpapi.BackupView{ID: s.ID, Place: place, Made: s.Made, Expires: s.Expires, Version: s.Version, Bytes: s.Bytes, Fresh: s.Fresh, Sum: s.Sum}
			for _, e := range erased {
				if e.Time > s.Made {
					v.ErasedSince++
				}
			}
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(x, y httpapi.BackupView) int { return strings.Compare(y.Key(), x.Key()) })
	return out, nil
}

// verifyResult is what came of looking a backup over.
type verifyResult struct {
	ID    string `json:"id"`
	Place string `json:"place"`
	Bytes int64  `json:"bytes"`
	Sum   string `json:"sum"`
}

// doVerify reads every byte of a backup and compares it with what it was.
func (a *App) doVerify(ctx context.Context, t *schedule.Task) error {
	var params httpapi.VerifyParams
	if err := t.Params(&params); err != nil {
		return err
	}
	target, err := BackupsToRead(ctx, &a.config, params.Place, a.egress)
	if err != nil {
		return err
	}
	s, err := backup.Read(ctx, target, params.ID)
	if err != nil {
		return err
	}
	t.SetTotal(s.Bytes)
	last := time.Time{}
	err = backup.Verify(ctx, target, s, func(done int64) {
		if now := a.parts.Clock(); now.Sub(last) > time.Second {
			last = now
			_ = t.Advance(ctx, done, struct{}{}) // progress alone
		}
	})
	if err != nil {
		return err
	}
	return t.SetResult(verifyResult{s.ID, target.Root(), s.Bytes, s.Sum})
}
