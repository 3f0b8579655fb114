package app

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/blob"
	"rapport/internal/catalog"
	"rapport/internal/config"
	"rapport/internal/fault"
	"rapport/internal/httpapi"
	"rapport/internal/lake"
	"rapport/internal/pipeline"
)

// lakeShare is the part of the memory limit that rows for the lake may take
// while they wait.
const lakeShare = 40

// openLake makes the lake, where there shall be one, before the pipeline starts,
// so that it hears of everything.
func (a *App) openLake(pc *pipeline.Config) error {
	c := &a.config.Lake
	if c.URL == "" {
		return nil
	}
	target, err := a.lakeTarget()
	if err != nil {
		return err
	}
	a.lake = lake.New(lake.Options{
		Target: target, Now: a.parts.Clock, Log: a.parts.Log, Flush: c.Flush, Idle: c.UsersAfter, Join: c.Join,
		Most:    int64(a.config.Memory) / lakeShare,
		Mapping: func(source string) *catalog.Mapping { return pc.Sources(source).Mapping },
	})
	pc.Follower, pc.Passages, pc.Rewrite = a.lake.Follower(), true, a.lake.Erase
	return nil
}

func (a *App) lakeTarget() (lake.Target, error) {
	c := &a.config.Lake
	if strings.HasPrefix(c.URL, "s3://") {
		return blob.NewBucket(blob.S3{
			URL: c.URL, Endpoint: c.S3Endpoint, Region: c.S3Region, AccessKey: c.S3AccessKey, SecretKey: c.S3SecretKey,
			HTTP: a.egress.Client().Transport, Setting: "lake",
		})
	}
	root, err := filepath.Abs(c.URL)
	if err != nil {
		return nil, fmt.Errorf("finding the folder of the lake: %w", err)
	}
	return blob.NewFolder(vfs.Default, root, 0o755), nil
}

// startLake lets the lake write.
func (a *App) startLake() {
	if a.lake == nil {
		return
	}
	a.lake.Attach(a.pipeline)
	a.lake.Start()
}

func (a *App) observeLake() {
	gauge := func(name, help string, value func(*lake.State) float64) {
		a.metrics.Gauge(name, help, nil, func() float64 {
			if a.lake == nil {
				return 0
			}
			s := a.lake.State()
			return value(&s)
		})
	}
	gauge("rapport_lake_lag_seconds", "How long the oldest row that waits for the lake has waited.", func(s *lake.State) float64 { return s.Lag })
	gauge("rapport_lake_waiting_bytes", "Bytes of rows that wait for the lake.", func(s *lake.State) float64 { return float64(s.Waiting) })
	gauge("rapport_lake_files", "Files of the lake.", func(s *lake.State) float64 { return float64(s.Files) })
	gauge("rapport_lake_bytes", "Bytes of the lake.", func(s *lake.State) float64 { return float64(s.Bytes) })
	gauge("rapport_lake_people_due", "People of whom a users row is due.", func(s *lake.State) float64 { return float64(s.Due) })
	gauge("rapport_lake_failing", "1 while the lake cannot be written.", func(s *lake.State) float64 {
		if s.Error != "" {
			return 1
		}
		return 0
	})
	counter := func(name, help string, value func(*lake.Since) uint64) {
		a.metrics.Counter(name, help, nil, func() float64 {
			if a.lake == nil {
				return 0
			}
			s := a.lake.State()
			return float64(value(&s.Since))
		})
	}
	counter("rapport_lake_files_written_total", "Files written to the lake.", func(s *lake.Since) uint64 { return s.Files })
	counter("rapport_lake_rows_written_total", "Rows written to the lake, those of joined files once more.", func(s *lake.Since) uint64 { return s.Rows })
	counter("rapport_lake_files_joined_total", "Files that were joined into larger ones.", func(s *lake.Since) uint64 { return s.Joined })
}

// lakeForAPI is the lake as the API shows it; nil where there is none.
func (a *App) lakeForAPI() httpapi.Lake {
	if a.lake == nil {
		return nil
	}
	return shownLake{a.lake}
}

type shownLake struct{ lake *lake.Lake }

// Readable tells whether the lake can be read yet.
func (s shownLake) Readable() bool { return s.lake.Readable() }

// Views is the SQL of the lake's views.
func (s shownLake) Views() string { return s.lake.Views() }

// State tells how the lake stands.
func (s shownLake) State() httpapi.LakeState {
	x := s.lake.State()
	out := httpapi.LakeState{
		Target: x.Target, Written: x.Written, Position: uint64(x.Position), End: uint64(x.End), Lag: x.Lag, Waiting: x.Waiting, Due: x.Due,
		CatchUp: x.CatchUp, Files: x.Files, Rows: x.Rows, Bytes: x.Bytes, Objects: []httpapi.LakeObject{}, Since: httpapi.LakeSince(x.Since), Error: x.Error,
	}
	for _, o := range x.Objects {
		shown := httpapi.LakeObject{Name: o.Name, Files: o.Files, Rows: o.Rows, Bytes: o.Bytes, Columns: []httpapi.LakeColumn{}}
		for _, c := range o.Columns {
			shown.Columns = append(shown.Columns, httpapi.LakeColumn{Name: c.Name, Type: string(c.Type), Trait: c.Trait})
		}
		out.Objects = append(out.Objects, shown)
	}
	return out
}

// LakeViews is the SQL of the views of a lake that need not run.
func LakeViews(c *config.Config) (string, error) {
	switch {
	case c.Lake.URL == "":
		return "", fault.Errorf(fault.Invalid, "no_lake", "no lake is set up: give --lake-url or RAPPORT_LAKE_URL, a folder or s3://BUCKET/PREFIX")
	case strings.HasPrefix(c.Lake.URL, "s3://"):
		return lake.Views(strings.TrimRight(c.Lake.URL, "/")), nil
	}
	root, err := filepath.Abs(c.Lake.URL)
	return lake.Views(root), err
}
