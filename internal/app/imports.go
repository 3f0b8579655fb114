package app

import (
	"fmt"
	"os"

	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/source/imports"
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
		Dialect: segment.Dialect, Mapper: mapper, Now: a.parts.Clock, NewID: a.newID, Folder: folder,
	})
	a.jobs.Register(imports.Job, a.imports.Work)
	return nil
}
