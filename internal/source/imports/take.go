package imports

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/schedule"
	"rapport/internal/tablefile"
)

// How much is read of a file that is only looked at.
const (
	sampleRows  = 1_000
	sampleBytes = 64 << 20
	examples    = 5
)

// Import takes a file and begins to import it. When it returns, the file is kept
// and its rows come into the log sooner or later.
func (d *Door) Import(ctx context.Context, u feed.Upload, body io.Reader) (feed.Import, error) {
	return d.take(ctx, u, func(to io.Writer) error {
		in := &reading{r: body}
		_, err := io.Copy(to, in)
		if in.failed != nil {
			return fault.Errorf(fault.Unavailable, "body_incomplete", "the file could not be taken whole; send it again: %w", in.failed)
		}
		return err
	})
}

// take keeps what fill writes and begins to import it.
func (d *Door) take(ctx context.Context, u feed.Upload, fill func(to io.Writer) error) (feed.Import, error) {
	a, err := d.asked(u)
	if err != nil {
		return feed.Import{}, err
	}
	d.tidy(a.Created)
	table := d.file(a.ID, tableEnding)
	sum := sha256.New()
	if a.Size, err = d.store(table, func(to io.Writer) error { return fill(io.MultiWriter(sum, to)) }); err == nil {
		err = d.settle(ctx, &a, u)
	}
	if err == nil {
		way := sha256.Sum256(a.Mapping)
		a.Digest, a.Way = hex.EncodeToString(sum.Sum(nil)), hex.EncodeToString(way[:])
		a.Again, err = d.again(ctx, &a)
	}
	if err == nil {
		err = d.keep(a)
	}
	if err != nil {
		_ = d.Files.Remove(table) // the first error is told
		return feed.Import{}, err
	}
	job, err := d.Jobs.Submit(ctx, schedule.Request{Kind: Job, Subject: a.ID, Author: a.Author, Params: params{a.ID}})
	if err != nil {
		return feed.Import{}, err
	}
	a.Job = job.ID
	return shown(a, job, d.Now()), d.keep(a)
}

// again tells whether the file is the one that the same source sent last for the
// same mapping, and that was worked through. Files that came between make it news:
// it may be sent to undo them.
func (d *Door) again(ctx context.Context, a *announced) (bool, error) {
	for _, before := range d.all() {
		if before.Source != a.Source || before.Way != a.Way {
			continue
		}
		if before.Digest != a.Digest || before.Job == "" {
			return false, nil
		}
		job, err := d.Jobs.Get(ctx, before.Job)
		return job.State == schedule.Done, err
	}
	return false, nil
}

// asked checks what is said of a file before it is taken.
func (d *Door) asked(u feed.Upload) (a announced, err error) {
	a = announced{
		ID: d.NewID(), Name: path.Base(u.Name), Created: d.Now.Now(), Author: u.Author, Source: u.Source, MappingKey: u.Mapping, Pull: u.Pull,
	}
	if u.Name == "" {
		a.Name = ""
	}
	if a.Source == "" {
		a.Source = access.DefaultSource
	}
	s := d.Access.Index().Source(a.Source)
	switch {
	case s == nil:
		return a, fault.Errorf(fault.Invalid, "unknown_source", "there is no source %.80q; GET /api/v1/sources lists them", a.Source).At("source")
	case s.Disabled:
		return a, fault.Errorf(fault.Conflict, "source_disabled", "the source %q is disabled; enable it or name another", a.Source).At("source")
	case u.Kind != "" && !u.Kind.Known():
		return a, fault.Errorf(fault.Invalid, "unknown_kind", "%.40q is no kind of feed; use one of %v", u.Kind, feed.Kinds()).At("kind")
	}
	a.Historical = s.Historical || u.Historical
	return a, nil
}

// settle finds the mapping: the one that is named, else the one that the file
// suggests.
func (d *Door) settle(ctx context.Context, a *announced, u feed.Upload) error {
	if a.MappingKey != "" {
		v := d.Documents.Definitions().Get(definition.ImportMapping, a.MappingKey).Live()
		if v == nil {
			return fault.Errorf(fault.NotFound, "mapping_not_found", "there is no live mapping %.80q: PUT /api/v1/import-mappings/%.80s makes one", a.MappingKey, a.MappingKey).At("mapping")
		}
		doc, err := d.Documents.Definition(ctx, v.Kind, v.Key, v.Version)
		a.Mapping, a.Version = doc.Document, v.Version
		return err
	}
	f, err := d.Files.Open(d.file(a.ID, tableEnding))
	if err != nil {
		return fmt.Errorf("open an upload: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	looked, err := look(f, a.Size, u)
	if err != nil {
		return err
	}
	if looked.Problem != "" {
		return fault.Errorf(fault.Invalid, "no_mapping", "the file does not say what its columns are: name its kind, or make a mapping and name it: %s; its columns are %.300s", looked.Problem, strings.Join(looked.Columns, ", ")).At("mapping")
	}
	a.Mapping, err = looked.Mapping.Encode()
	return err
}

// store keeps beside the data what fill writes.
func (d *Door) store(name string, fill func(to io.Writer) error) (size int64, err error) {
	f, err := disk.OpenTail(d.Files, name, 0)
	if err != nil {
		return 0, fmt.Errorf("keep an upload: %w", err)
	}
	if err = fill(f); err == nil {
		err = f.Sync()
	}
	if _, told := errors.AsType[*fault.Fault](err); err != nil && !told && !errors.Is(err, errNothing) {
		err = fault.Errorf(fault.Unavailable, "disk_full", "the file could not be kept; send it again later: %w", err)
	}
	return f.Size(), errors.Join(err, f.Close())
}

// errNothing is why a file is not kept that brings nothing new.
var errNothing = errors.New("it brings nothing new")

// reading tells an error of the sender from one of the disk.
type reading struct {
	r      io.Reader
	failed error
}

// Read reads on.
func (r *reading) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed = err
	}
	return n, err
}

// Suggest looks at a file, or at its beginning, and suggests a mapping.
func (d *Door) Suggest(_ context.Context, u feed.Upload, body io.Reader) (*feed.Looked, error) {
	if u.Kind != "" && !u.Kind.Known() {
		return nil, fault.Errorf(fault.Invalid, "unknown_kind", "%.40q is no kind of feed; use one of %v", u.Kind, feed.Kinds()).At("kind")
	}
	name := d.file(d.NewID(), ".sample")
	defer d.Files.Remove(name) //nolint:errcheck // it may not be there
	size, err := d.store(name, func(to io.Writer) error {
		_, err := io.Copy(to, io.LimitReader(body, sampleBytes))
		return err
	})
	if err != nil {
		return nil, err
	}
	f, err := d.Files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return look(f, size, u)
}

// look reads the first rows of a table, suggests a mapping or takes the one that
// is tried, and tells what the rows would become.
func look(f tablefile.File, size int64, u feed.Upload) (*feed.Looked, error) {
	var tried *feed.Mapping
	options := tablefile.Options{Encoding: u.Encoding, Sheet: u.Sheet}
	if len(u.Try) > 0 {
		var err error
		if tried, err = feed.Parse([]byte(u.Try)); err != nil {
			return nil, err
		}
		options = optionsOf(tried)
	}
	r, err := tablefile.Open(f, size, options)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	out := &feed.Looked{Columns: []string{}, Sample: [][]string{}, Examples: []json.RawMessage{}, Flaws: append([]tablefile.RowError{}, r.Warnings()...)}
	var sample feed.Sample
	first, err := sampled(r, &sample, out)
	if err != nil {
		return nil, err
	}
	out.Mapping, out.Rows = tried, sample.Rows
	if len(out.Columns) == 0 && len(out.Flaws) > 0 {
		out.Problem = fmt.Sprintf("none of its first %d rows can be read: %v", sampleRows, &out.Flaws[len(out.Flaws)-1])
	}
	if tried == nil {
		of := u.Kind
		if of == "" {
			of = feed.KindOf(u.Name)
		}
		out.Mapping = sample.Suggest(of)
		out.Mapping.Encoding, out.Mapping.Sheet = u.Encoding, u.Sheet
	}
	if err := out.Mapping.Check(); err != nil {
		out.Problem = cmp.Or(out.Problem, err.Error())
		return out, nil
	}
	// Only a suggestion can be in doubt: whoever wrote a mapping has said it.
	if tried == nil && sample.Doubt != "" {
		out.Problem = sample.Doubt
		return out, nil
	}
	become(out, first)
	return out, nil
}

// become tells what the first rows would be.
func become(out *feed.Looked, first []tablefile.Row) {
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
	if record := plan.Rest(); record != nil {
		out.Examples = append(out.Examples, record.Body)
	}
}

// sampled reads some rows; the first of them are given.
func sampled(r tablefile.Reader, sample *feed.Sample, out *feed.Looked) (first []tablefile.Row, err error) {
	var row tablefile.Row
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
			if sample.Rows == 0 && len(row.Columns) > 0 { // a feed of a day without news
				sample.Head(row.Columns)
				out.Columns = row.Columns
			}
			break
		}
		sample.Add(&row)
		out.Columns = row.Columns
		if len(first) < examples {
			first = append(first, clone(&row))
			out.Sample = append(out.Sample, cellsOf(&row))
		}
	}
	return first, nil
}

// cellsOf are the cells of a row as people read them.
func cellsOf(row *tablefile.Row) []string {
	out := make([]string, 0, len(row.Cells))
	for _, c := range row.Cells {
		out = append(out, tablefile.Show(c.Text))
	}
	return out
}

// clone keeps a row beyond the next.
func clone(row *tablefile.Row) tablefile.Row {
	out := tablefile.Row{Number: row.Number, Columns: row.Columns}
	for _, c := range row.Cells {
		out.Cells = append(out.Cells, tablefile.Cell{Kind: c.Kind, Text: bytes.Clone(c.Text)})
	}
	return out
}
