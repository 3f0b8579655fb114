package app

import (
	"context"
	"errors"
	"io/fs"

	"rapport/internal/dialect"
	"rapport/internal/disk"
	"rapport/internal/pipeline"
	"rapport/internal/quota"
)

// quotaFile keeps how much of limits is used.
const quotaFile = "quota.json"

// openQuota makes what holds keys and sources against their limits.
func (a *App) openQuota() {
	a.quota = quota.New(a.access, a.parts.Clock)
	text, err := disk.ReadFile(a.config.Files, a.config.Path(quotaFile))
	if err == nil {
		err = a.quota.Remember(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.parts.Log.Warn("the use of limits is counted anew", "error", err)
	}
}

func (a *App) keepQuota() {
	text, err := a.quota.Keep()
	if err == nil && text != nil {
		err = disk.WriteFile(a.config.Files, a.config.Path(quotaFile), text)
	}
	if err != nil {
		a.parts.Log.Warn("the use of limits was not written down", "error", err)
	}
}

// gated is the door for what comes with keys from outside: it lets through what
// their limits allow.
func (a *App) gated() dialect.Acceptor { return gated{a.door, a.quota} }

type gated struct {
	dialect.Acceptor
	quota *quota.Gate
}

// Accept hands on what fits.
func (g gated) Accept(ctx context.Context, s *pipeline.Submission) (pipeline.Receipt, error) {
	if !g.quota.Limited() {
		return g.Acceptor.Accept(ctx, s)
	}
	brought := make([]quota.Brought, len(s.Brought))
	for i, b := range s.Brought {
		brought[i] = quota.Brought(b)
	}
	if err := g.quota.Events(brought); err != nil {
		return pipeline.Receipt{}, err
	}
	return g.Acceptor.Accept(ctx, s)
}
