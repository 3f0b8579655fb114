package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/feed"
	"rapport/internal/source/imports"
	"rapport/internal/source/origin"
)

// importsFolder holds files of imports until they are worked through, and what
// is said of their rows.
const importsFolder = "imports"

// openImports opens the door for tables of others. The mapper understands what
// their rows become.
func (a *App) openImports(mapper event.Mapper) error {
	folder := a.config.Path(importsFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("making the folder of imports: %w", err)
	}
	a.imports = imports.New(imports.Config{
		Spine: a.pipeline, Documents: a.pipeline, Jobs: a.jobs, Access: a.access,
		Reach: reach(origin.Deps{
			HTTP: a.egress.Client(), Dial: a.egress.Dial, Folders: folders(a.config.Imports.Folders), Now: a.parts.Clock,
		}),
		Reveal: a.openSecret, Log: a.parts.Log,
		Dialect: segment.Dialect, Mapper: mapper, Now: a.parts.Clock, NewID: a.newID, Folder: folder, Files: a.config.Files,
	})
	a.jobs.Register(imports.Job, a.imports.Work)
	return nil
}

// reach joins the pulls with the origins that they name.
func reach(d origin.Deps) func(context.Context, *feed.Pull, string, string) (imports.Origin, error) {
	return func(ctx context.Context, p *feed.Pull, secret, cursor string) (imports.Origin, error) {
		return d.Open(ctx, p, secret, cursor)
	}
}

// folders reads a setting.
func folders(text string) []string {
	var out []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, filepath.Clean(name))
		}
	}
	return out
}
