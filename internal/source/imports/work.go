package imports

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
	"rapport/internal/tablefile"
)

// chunkRecords is how many records of an import are worked through at once.
const chunkRecords = 5_000

// reportSize is when a report says no more of single rows, in bytes: a packed file
// of some megabytes may hold hundreds of millions that are wrong.
const reportSize = 256 << 20

type params struct {
	ID string `json:"id"`
}

// cursor is how far an import is: what is after it is done again, which changes
// nothing that was done.
type cursor struct {
	Line   int64         `json:"line"`
	Report int64         `json:"report"` // bytes
	At     clock.Instant `json:"at"`     // when it began: the time of rows that say none
	Sums   Sums          `json:"sums"`
}

// Sums count the rows by what became of them.
type Sums struct {
	Rows      int64 `json:"rows"`
	Inserted  int64 `json:"inserted"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Conflict  int64 `json:"conflict"`
	Failed    int64 `json:"failed"`
}

// work is an import while it is worked through.
type work struct {
	*Door
	ctx     context.Context //nolint:containedctx // it is that of the job, for the length of the job
	task    *schedule.Task
	of      announced
	plan    *feed.Plan
	items   bool
	cursor  cursor
	read    atomic.Int64 // bytes of the file
	from    int64        // the line at which this run goes on
	file    vfs.File
	report  *disk.Tail
	csv     *csv.Writer
	journal *journal
	records []*record
	feeder  pipeline.Feeder
	said    bool // whether the report has grown
	begun   bool // whether a row was read
	full    bool // whether the report says no more of rows
}

// Work is the worker of Job.
func (d *Door) Work(ctx context.Context, t *schedule.Task) (err error) {
	var p params
	if err := t.Params(&p); err != nil {
		return err
	}
	w := &work{Door: d, ctx: ctx, task: t, feeder: pipeline.Feeder{To: d.Spine}}
	if w.of, err = d.announced(p.ID); err != nil {
		return err
	}
	if _, err := t.Cursor(&w.cursor); err != nil {
		return err
	}
	if w.cursor.At == 0 {
		w.cursor.At = d.Now.Now()
		if err := t.Keep(ctx, 0, w.cursor); err != nil { // a repeated row must say the same again
			return err
		}
	}
	w.from = w.cursor.Line
	t.SetTotal(w.of.Size)
	if err := w.open(); err != nil {
		return err
	}
	err = w.through()
	err = errors.Join(err, w.close())
	if err == nil || fault.KindOf(err) == fault.Invalid {
		// What people gave is in the log of the instance now, and can be erased there.
		_ = d.Files.Remove(d.file(w.of.ID, tableEnding))
		_ = d.Files.Remove(d.file(w.of.ID, journalEnding))
	}
	return err
}

func (w *work) close() error {
	return errors.Join(w.file.Close(), w.report.Close(), w.journal.file.Close())
}

// open opens the file, and the report where the cursor is.
func (w *work) open() (err error) {
	if w.file, err = w.Files.Open(w.Door.file(w.of.ID, tableEnding)); err != nil {
		return fmt.Errorf("open the file of an import: %w", err)
	}
	if w.journal, err = openJournal(w.Files, w.Door.file(w.of.ID, journalEnding), w.cursor.Line); err != nil {
		return errors.Join(err, w.file.Close())
	}
	if w.report, err = disk.OpenTail(w.Files, w.Door.file(w.of.ID, reportEnding), w.cursor.Report); err != nil {
		return errors.Join(fmt.Errorf("open the report of an import: %w", err), w.file.Close(), w.journal.file.Close())
	}
	w.csv = csv.NewWriter(w.report)
	if w.cursor.Report == 0 {
		w.said = true
		return w.csv.Write([]string{"line", "column", "value", "code", "reason", "mend"})
	}
	return nil
}

// Read reads the file, and notes how far.
func (w *work) Read(p []byte) (int, error) { return w.file.Read(p) }

// ReadAt reads the file, and notes how far.
func (w *work) ReadAt(p []byte, at int64) (int, error) {
	n, err := w.file.ReadAt(p, at)
	w.read.Add(int64(n))
	return n, err
}

// optionsOf is how a mapping says that its tables are read.
func optionsOf(m *feed.Mapping) tablefile.Options {
	o := tablefile.Options{Encoding: m.Encoding, Sheet: m.Sheet}
	if m.Delimiter != "" {
		o.Delimiter = m.Delimiter[0]
	}
	return o
}

// through goes through the file.
func (w *work) through() error {
	m, err := feed.Read(w.of.Mapping)
	if err != nil {
		return err
	}
	w.plan, w.items = m.Plan(), m.Kind.Items()
	table, err := tablefile.Open(w, w.of.Size, optionsOf(m))
	if err != nil {
		return w.broken(err)
	}
	defer table.Close() //nolint:errcheck // it was only read
	if w.cursor.Line == 0 {
		for _, warning := range table.Warnings() {
			w.tell(&warning)
		}
	}
	return w.rows(table)
}

// rows reads all rows and hands them over in chunks.
func (w *work) rows(table tablefile.Reader) error {
	var row tablefile.Row
	for {
		err := table.Next(&row)
		bad := new(tablefile.RowError)
		switch {
		case err == nil:
			w.row(&row)
		case errors.As(err, &bad):
			w.begun = true
			w.fail(bad)
		default:
			return w.end(err)
		}
		if len(w.records) >= chunkRecords {
			if err := w.chunk(); err != nil {
				return err
			}
		}
	}
}

// row takes what a row becomes.
func (w *work) row(row *tablefile.Row) {
	if !w.begun && w.cursor.Line == 0 {
		w.absent(row)
	}
	w.begun = true
	record, bad := w.plan.Map(row)
	if record != nil {
		w.add(record)
	}
	if bad != nil {
		w.fail(bad)
	}
}

// end takes the rest, and tells why the table ended where it did not come to its
// end.
func (w *work) end(why error) error {
	if record := w.plan.Rest(); record != nil {
		w.add(record)
	}
	if err := w.chunk(); err != nil {
		return err
	}
	if err := w.feeder.Applied(w.ctx); err != nil {
		return err
	}
	if !errors.Is(why, io.EOF) {
		return w.broken(why)
	}
	return w.keepPlace()
}

// absent says which columns of the mapping the table does not have.
func (w *work) absent(row *tablefile.Row) {
	for _, name := range w.plan.Absent(row.Columns) {
		w.tell(&tablefile.RowError{
			Column: name, Code: "absent_column", Reason: "the mapping names it and the first row does not have it", Mend: "name the column as it is in the file",
		})
	}
}

// add takes a record that was not done yet.
func (w *work) add(r *feed.Record) {
	if r.Line > w.from {
		w.records = append(w.records, &record{Record: *r})
	}
}

// fail names a row that is not taken. It keeps its place among the records.
func (w *work) fail(bad *tablefile.RowError) {
	if bad.Line > w.from {
		w.records = append(w.records, &record{Record: feed.Record{Line: bad.Line, Rows: 1}, bad: bad, delta: failed})
	}
}

// broken names what is wrong with the file as such.
func (w *work) broken(err error) error {
	if f := new(fault.Fault); errors.As(err, &f) && f.Kind == fault.Invalid {
		w.tell(&tablefile.RowError{Line: w.cursor.Line, Code: f.Code, Reason: f.Message, Mend: "the rows before it were taken; send the whole file again, what is known stays as it is"})
		return errors.Join(w.keepPlace(), err)
	}
	return err
}

// tell writes a line of the report.
func (w *work) tell(e *tablefile.RowError) {
	w.said = true
	_ = w.csv.Write([]string{strconv.FormatInt(e.Line, 10), harmless(e.Column), harmless(e.Value), e.Code, harmless(e.Reason), e.Mend}) // Flush says what went wrong
}

// harmless keeps a spreadsheet from taking a cell of somebody else's for a formula.
func harmless(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return "'" + s
	}
	return s
}

// ready takes the records that can be done. What lies behind the beginning of an
// order that goes on waits for its end, so that the cursor never passes over it.
func (w *work) ready() (out []*record) {
	open := w.plan.Open()
	if open == 0 {
		out, w.records = w.records, nil
		return out
	}
	var later []*record
	for _, r := range w.records {
		if r.Line < open {
			out = append(out, r)
		} else {
			later = append(later, r)
		}
	}
	w.records = later
	return out
}

// chunk works through some records and keeps how far it is.
func (w *work) chunk() error {
	records := w.ready()
	if len(records) == 0 {
		return context.Cause(w.ctx)
	}
	w.prepare(records)
	// A thing that comes twice must be seen as the first row left it.
	for rest := records; len(rest) > 0; {
		now, later, about := part(rest)
		behind, err := w.apply(now, about)
		if err != nil {
			return err
		}
		rest = append(behind, later...)
	}
	for _, r := range records {
		w.cursor.Line = max(w.cursor.Line, r.Line)
		w.count(r)
	}
	return w.keepPlace()
}

// count adds a record to the sums, and to the report where it has a flaw.
func (w *work) count(r *record) {
	s := &w.cursor.Sums
	s.Rows += r.Rows
	switch r.delta {
	case inserted:
		s.Inserted += r.Rows
	case updated:
		s.Updated += r.Rows
	case unchanged:
		s.Unchanged += r.Rows
	case conflict:
		s.Conflict += r.Rows
	case failed:
		s.Failed += r.Rows
	}
	if r.bad != nil {
		w.flaw(r.bad)
	}
}

// flaw tells of a row, as long as the report has room.
func (w *work) flaw(bad *tablefile.RowError) {
	switch {
	case w.cursor.Report < reportSize:
		w.tell(bad)
	case !w.full:
		w.full = true
		w.tell(&tablefile.RowError{
			Line: bad.Line, Code: "report_full", Reason: "the report is full; the rows that are wrong from here on are counted and not named",
			Mend: "mend those that are named and send the file again",
		})
	}
}

// keepPlace makes the report durable, and then the cursor.
func (w *work) keepPlace() error {
	if w.said {
		w.csv.Flush()
		if err := errors.Join(w.csv.Error(), w.report.Sync()); err != nil {
			return fmt.Errorf("write the report of an import: %w", err)
		}
		w.cursor.Report, w.said = w.report.Size(), false
	}
	if err := w.task.SetResult(w.cursor.Sums); err != nil {
		return err
	}
	done := min(w.read.Load(), w.of.Size)
	if w.journal.file.Size() < journalSize {
		return w.task.Advance(w.ctx, done, w.cursor)
	}
	if err := w.task.Keep(w.ctx, done, w.cursor); err != nil {
		return err
	}
	return w.journal.forget()
}
