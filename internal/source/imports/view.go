package imports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/schedule"
	"rapport/internal/tablefile"
)

// View is an import as it is shown.
type View struct {
	announced
	State     schedule.State `json:"state"`
	Read      int64          `json:"bytes_read"`
	Error     string         `json:"error,omitempty"`
	Sums      Sums           `json:"sums"`
	Rate      float64        `json:"rows_per_second"`
	Remaining float64        `json:"remaining_seconds"` // 0 where it is not known
	Started   clock.Instant  `json:"started_at,omitzero"`
	Finished  clock.Instant  `json:"finished_at,omitzero"`
	Report    string         `json:"report"`
}

func (d *Door) view(ctx context.Context, a announced) (View, error) {
	if a.Job == "" {
		return shown(a, schedule.Job{Status: schedule.Status{State: schedule.Failed, Error: "it was not begun; send the file again"}}, d.Now()), nil
	}
	job, err := d.Jobs.Get(ctx, a.Job)
	return shown(a, job, d.Now()), err
}

// shown joins what is kept of an import with its job.
func shown(a announced, j schedule.Job, now time.Time) View {
	v := View{
		announced: a, State: j.State, Read: j.Done, Error: j.Error, Started: j.Started, Finished: j.Finished,
		Report: "/api/v1/imports/" + a.ID + "/report",
	}
	if len(j.Result) > 0 {
		_ = json.Unmarshal(j.Result, &v.Sums) // it is ours
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

// Looked is what a sample of a table says.
type Looked struct {
	Mapping  *feed.Mapping        `json:"mapping"`
	Rows     int                  `json:"rows_looked_at"`
	Columns  []string             `json:"columns"`
	Examples []json.RawMessage    `json:"examples"` // what the first rows would become
	Flaws    []tablefile.RowError `json:"flaws"`
}

// look reads the first rows of a table and suggests a mapping.
func look(f tablefile.File, size int64, name, kind string, o tablefile.Options) (*Looked, error) {
	r, err := tablefile.Open(f, size, o)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	out := &Looked{Examples: []json.RawMessage{}, Flaws: r.Warnings()}
	if out.Flaws == nil {
		out.Flaws = []tablefile.RowError{}
	}
	var sample feed.Sample
	var row tablefile.Row
	var first []tablefile.Row
	for range sampleRows {
		err := r.Next(&row)
		if bad := new(tablefile.RowError); errors.As(err, &bad) {
			out.Flaws = append(out.Flaws, *bad)
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && sample.Rows == 0 {
				return nil, err
			}
			break
		}
		sample.Add(&row)
		out.Columns = row.Columns
		if len(first) < 5 {
			first = append(first, clone(&row))
		}
	}
	of := feed.Kind(kind)
	if of == "" {
		of = feed.KindOf(name)
	}
	out.Mapping, out.Rows = sample.Suggest(of), sample.Rows
	if out.Mapping.Check() != nil {
		return out, nil
	}
	plan := out.Mapping.Plan()
	for i := range first {
		record, bad := plan.Map(&first[i])
		if record != nil {
			out.Examples = append(out.Examples, record.Body)
		}
		if bad != nil {
			out.Flaws = append(out.Flaws, *bad)
		}
	}
	return out, nil
}

func clone(row *tablefile.Row) tablefile.Row {
	out := tablefile.Row{Number: row.Number, Columns: row.Columns}
	for _, c := range row.Cells {
		out.Cells = append(out.Cells, tablefile.Cell{Kind: c.Kind, Text: bytes.Clone(c.Text)})
	}
	return out
}

// suggest looks at a file, or at its beginning, and suggests a mapping.
func (d *Door) suggest(c *call) (int, any, error) {
	q := c.URL.Query()
	if q.Has("kind") && !feed.Kind(q.Get("kind")).Known() {
		return 0, nil, fault.Errorf(fault.Invalid, "unknown_kind", "%.40q is no kind of feed; use one of %v", q.Get("kind"), feed.Kinds()).At("kind")
	}
	name := d.file(d.NewID(), ".sample")
	defer os.Remove(name) //nolint:errcheck // it may not be there
	size, err := store(name, io.LimitReader(c.Body, sampleBytes))
	if err != nil {
		return 0, nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	out, err := look(f, size, q.Get("name"), q.Get("kind"), tablefile.Options{Encoding: q.Get("encoding"), Sheet: q.Get("sheet")})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, out, nil
}

// Defined is a mapping as it is shown.
type Defined struct {
	Key     string          `json:"key"`
	Version int             `json:"version"`
	Status  string          `json:"status"`
	Mapping json.RawMessage `json:"mapping"`
}

// putMapping makes a version of a mapping, which is live at once.
func (d *Door) putMapping(c *call) (int, any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.out, c.Body, maxMapping))
	if err != nil {
		return 0, nil, fault.Errorf(fault.TooLarge, "body_too_large", "a mapping has at most %d bytes", maxMapping)
	}
	m, err := feed.Read(body)
	if err != nil {
		return 0, nil, err
	}
	if body, err = m.Encode(); err != nil {
		return 0, nil, err
	}
	v, err := d.Documents.Define(c.Context(), definition.Command{
		Kind: definition.ImportMapping, Key: c.PathValue("key"), Status: definition.Live, Document: body, ContentType: "application/json",
		Author: c.author, Time: d.Now.Now(), IfMatch: c.Header.Get("If-Match"), IfNoneMatch: c.Header.Get("If-None-Match"),
	})
	if err != nil {
		return 0, nil, err
	}
	c.out.Header().Set("ETag", v.ETag())
	return http.StatusOK, Defined{c.PathValue("key"), v.Version.Version, string(v.Status()), body}, nil
}

func (d *Door) getMapping(c *call) (int, any, error) {
	key := c.PathValue("key")
	v := d.Documents.Definitions().Get(definition.ImportMapping, key).Newest()
	if v == nil {
		return 0, nil, fault.Errorf(fault.NotFound, "mapping_not_found", "there is no mapping %.80q: PUT /api/v1/import-mappings/%.80s makes one", key, key)
	}
	doc, err := d.Documents.Definition(c.Context(), v.Kind, v.Key, v.Version)
	if err != nil {
		return 0, nil, err
	}
	c.out.Header().Set("ETag", v.ETag())
	return http.StatusOK, Defined{key, v.Version, string(v.Status()), doc.Document}, nil
}
