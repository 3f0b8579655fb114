package imports

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/schedule"
)

// Find gives an import.
func (d *Door) Find(ctx context.Context, id string) (feed.Import, error) {
	a, err := d.announced(id)
	if err != nil {
		return feed.Import{}, err
	}
	return d.view(ctx, a)
}

// List gives some of the imports that are kept, newest first: those after one,
// or the first of all. More tells whether there are others behind them.
func (d *Door) List(ctx context.Context, after string, limit int) (items []feed.Import, more bool, err error) {
	all := d.all()
	if after != "" {
		i := slices.IndexFunc(all, func(a announced) bool { return a.ID == after })
		if i < 0 {
			return nil, false, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is of no page: begin without one").At("cursor")
		}
		all = all[i+1:]
	}
	for _, a := range all[:min(limit, len(all))] {
		v, err := d.view(ctx, a)
		if err != nil {
			return nil, false, err
		}
		items = append(items, v)
	}
	return items, len(all) > limit, nil
}

// Report opens the report of an import: a CSV of the rows that were not simply
// taken. It grows while the import is under way. The caller closes it.
func (d *Door) Report(id string) (io.ReadCloser, error) {
	if _, err := d.announced(id); err != nil {
		return nil, err
	}
	f, err := d.Files.Open(d.file(id, reportEnding))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "no_report", "the import has not begun; ask for the report a moment later")
	}
	return f, err
}

func (d *Door) view(ctx context.Context, a announced) (feed.Import, error) {
	if a.Job == "" {
		return shown(a, schedule.Job{Status: schedule.Status{State: schedule.Failed, Error: "it was not begun; send the file again"}}, d.Now()), nil
	}
	job, err := d.Jobs.Get(ctx, a.Job)
	return shown(a, job, d.Now()), err
}

// shown joins what is kept of an import with its job.
func shown(a announced, j schedule.Job, now time.Time) feed.Import {
	v := feed.Import{
		ID: a.ID, Name: a.Name, Size: a.Size, Created: a.Created, Author: a.Author, Source: a.Source, Historical: a.Historical,
		MappingKey: a.MappingKey, Version: a.Version, Mapping: a.Mapping, Pull: a.Pull, Job: a.Job,
		State: string(j.State), Read: j.Done, Error: j.Error, Started: j.Started, Finished: j.Finished,
		Report: "/api/v1/imports/" + a.ID + "/report",
	}
	if len(j.Result) > 0 {
		_ = json.Unmarshal(j.Result, &v.Sums) // it is ours
	}
	if j.State == schedule.Done {
		v.Read = a.Size // what is beside the rows need not be read
	}
	if j.Started == 0 {
		return v
	}
	end := now
	if j.Finished != 0 {
		end = j.Finished.Time()
	}
	took := end.Sub(j.Started.Time()).Seconds()
	if took > 0 {
		v.Rate = float64(int64(10*float64(v.Sums.Rows)/took)) / 10
	}
	if !j.State.Final() && j.Done > 0 {
		v.Remaining = float64(int64(took * float64(a.Size-j.Done) / float64(j.Done)))
	}
	return v
}
