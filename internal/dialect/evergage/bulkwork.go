package evergage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
	"rapport/internal/tablefile"
)

// How much of a bulk job is handed over at once.
const (
	bulkRows  = 1_000
	bulkBytes = 4 << 20
)

type bulkParams struct {
	ID string `json:"id"`
}

// bulkCursor is how far a job is. Rows after it are done again, which changes
// nothing that was done: each has a message id of its own.
type bulkCursor struct {
	File int           `json:"file"` // files that are done
	Line int64         `json:"line"` // of the next file, up to which its rows are done
	At   clock.Instant `json:"at"`   // when it began: the time of rows that say none
	Read int           `json:"read"` // files of which something could be read
	Sums bulkSums      `json:"sums"`
}

// bulkWork is a job while it is worked through.
type bulkWork struct {
	*Door
	ctx    context.Context //nolint:containedctx // it is that of the background job, for its length
	task   *schedule.Task
	job    bulkJob
	cursor bulkCursor
	kept   bulkSums // those of what was handed over
	// What the next chunk holds.
	in    *intake
	keys  []bulkKey
	rows  int
	bytes int
	line  int64
}

// bulkKey is a row of a job that deletes: whom.
type bulkKey struct {
	line int64
	name string
}

// Work is the worker of JobBulk.
func (d *Door) Work(ctx context.Context, t *schedule.Task) error {
	var params bulkParams
	if err := t.Params(&params); err != nil {
		return err
	}
	w := &bulkWork{Door: d, ctx: ctx, task: t}
	var err error
	if w.job, err = d.bulk(params.ID); err != nil || w.job.End != "" {
		return err
	}
	if _, err := t.Cursor(&w.cursor); err != nil {
		return err
	}
	w.kept = w.cursor.Sums
	if w.cursor.At == 0 {
		w.cursor.At = d.Now.Now()
		if err := t.Keep(ctx, 0, w.cursor); err != nil { // a row that is done again must say the same
			return err
		}
	}
	return w.end(w.through())
}

// end notes what became of the job, unless it is taken up again.
func (w *bulkWork) end(err error) error {
	if cause := context.Cause(w.ctx); cause != nil {
		err = cause
	}
	kind := fault.KindOf(err)
	if errors.Is(err, schedule.ErrStopping) || err != nil && w.ctx.Err() == nil && (kind == fault.Unavailable || kind == fault.Limited) {
		return err
	}
	_, kept := w.changeBulk(w.job.ID, func(j *bulkJob) error {
		j.Sums, j.Took = &w.kept, w.Now.Now().Sub(w.cursor.At).Milliseconds()
		switch {
		case j.End != "":
		case err == nil && w.cursor.Read > 0:
			j.End = bulkComplete
		case err == nil:
			j.End, j.Error = bulkFailed, "none of the files could be read: errors says why"
		case w.ctx.Err() != nil:
			j.End = bulkAborted
		default:
			j.End, j.Error = bulkFailed, "an error of the server: its log says which"
		}
		return nil
	})
	if fault.KindOf(kept) == fault.NotFound { // it was deleted meanwhile
		kept = nil
	}
	if kept == nil {
		// What people gave is in the log of the instance now, and can be erased there.
		w.dropFiles(&w.job)
	}
	return errors.Join(err, kept)
}

// through goes through the files.
func (w *bulkWork) through() error {
	for w.cursor.File < len(w.job.Files) {
		err := w.file(w.bulkFile(w.job.ID, w.cursor.File+1))
		bad, ok := errors.AsType[*fault.Fault](err)
		if ok && bad.Kind == fault.Invalid { // the file itself is to blame
			w.flaw(w.line, bad.Code, bad.Message)
			err = nil
		}
		if err == nil {
			err = w.chunk()
		}
		if err != nil {
			return err
		}
		w.cursor.File, w.cursor.Line, w.line = w.cursor.File+1, 0, 0
		if err := w.keepPlace(); err != nil {
			return err
		}
	}
	return nil
}

// file goes through the rows of a file. A fault of the kind Invalid says what is
// wrong with the file; the rows before that are taken.
func (w *bulkWork) file(path string) error {
	f, err := w.Files.Open(path)
	if err != nil {
		return fmt.Errorf("open a file of a bulk job: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open a file of a bulk job: %w", err)
	}
	deletes := w.job.Operation == bulkDelete
	table, err := tablefile.Open(f, info.Size(), tablefile.Options{
		Format: tablefile.CSV, Delimiter: ',', Headless: deletes, Limits: tablefile.Limits{Row: MaxEvent, Unpacked: MaxBulkFile},
	})
	if err != nil {
		return err
	}
	defer table.Close() //nolint:errcheck // it was only read
	if w.cursor.Line == 0 {
		w.cursor.Read++
		for _, warning := range table.Warnings() {
			w.flaw(warning.Line, warning.Code, warning.Reason+"; "+warning.Mend)
		}
	}
	if deletes {
		return w.each(table, w.delete)
	}
	return w.each(table, w.upsert)
}

// each gives the rows of a file that are not done yet, and hands them over in
// chunks.
func (w *bulkWork) each(table tablefile.Reader, take func(*tablefile.Row)) error {
	var row tablefile.Row
	for {
		err := table.Next(&row)
		bad := new(tablefile.RowError)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err == nil:
			if row.Number > w.cursor.Line {
				take(&row)
			}
		case errors.As(err, &bad):
			if bad.Line > w.cursor.Line {
				w.count(bad.Line, 0)
				w.fail(bad.Line, bad.Code, bad.Reason+"; "+bad.Mend)
				w.intake().reject(bad.Code, 1)
			}
		default:
			return err
		}
		if w.rows >= bulkRows || w.bytes >= bulkBytes {
			if err := w.chunk(); err != nil {
				return err
			}
		}
	}
}

// count counts a row of the chunk. Its number among all rows of the job is the
// same whenever it is done.
func (w *bulkWork) count(line int64, bytes int) {
	w.line = line
	w.rows++
	w.bytes += bytes
	w.cursor.Sums.Rows++
}

// fail counts a row that is not taken.
func (w *bulkWork) fail(line int64, code, message string) {
	w.cursor.Sums.Failed++
	w.flaw(line, code, message)
}

func (w *bulkWork) flaw(line int64, code, message string) {
	if s := &w.cursor.Sums; len(s.Flaws) < maxBulkFlaws {
		s.Flaws = append(s.Flaws, bulkFlaw{File: w.cursor.File + 1, Line: line, Code: code, Message: message})
	}
}

// intake is that of the chunk.
func (w *bulkWork) intake() *intake {
	if w.in == nil {
		in := &intake{door: w.Door, mapper: w.today(), via: viaIngest, sub: &pipeline.Submission{Received: w.cursor.At}}
		in.base = event.Envelope{
			Dialect: Dialect, Source: w.job.Source, Received: w.cursor.At, Verified: true, Historical: w.job.Historical, Rules: in.mapper.rules.Version,
		}
		in.base.Shared = in.sharedWith(w.job.Object, nil)
		w.in = in
	}
	return w.in
}

// upsert takes a row as the streaming ingestion takes it.
func (w *bulkWork) upsert(row *tablefile.Row) {
	raw := appendRow(nil, row)
	w.count(row.Number, len(raw))
	in := w.intake()
	env := in.base
	env.Received += clock.Instant(w.cursor.Sums.Rows) // of two rows on one person the later counts
	env.MessageID = w.job.ID + "-" + strconv.Itoa(w.cursor.File+1) + "-" + strconv.FormatInt(row.Number, 10)
	body, err := parse(raw)
	if err != nil { // more columns than an event may have
		w.fail(row.Number, dialect.Code(err), dialect.Message(err))
		in.reject(dialect.Code(err), 1)
		return
	}
	if in.take(body, env) == nil {
		dead := &in.sub.Dead[len(in.sub.Dead)-1]
		w.fail(row.Number, dead.Reason, "it is among the dead letters of the source, which say what is wrong with it")
	}
}

// delete takes the key of somebody, and the time of the deletion that Data Cloud
// compares with that of the row: here people are erased whatever is known of them.
func (w *bulkWork) delete(row *tablefile.Row) {
	name := string(row.Cells[0].Text)
	w.count(row.Number, len(name))
	switch {
	case len(row.Cells) > 2:
		w.fail(row.Number, "ragged_row", "it has more than two cells; send the key, and where you like the time of the deletion")
	case name == "":
		w.fail(row.Number, "missing_identifier", "it names nobody; its first cell is the key")
	default:
		w.keys = append(w.keys, bulkKey{row.Number, name})
	}
}

// chunk hands over what was read and keeps how far it is. What was handed over
// is noted though the instance stops: it is not handed over again.
func (w *bulkWork) chunk() error {
	if w.rows == 0 {
		return context.Cause(w.ctx)
	}
	if err := w.erase(); err != nil {
		return err
	}
	var receipt pipeline.Receipt
	in := w.in
	if in != nil {
		var err error
		if receipt, err = pipeline.Deliver(w.ctx, w.Accept, in.sub); err != nil {
			return err
		}
	}
	w.cursor.Line = w.line
	w.in, w.rows, w.bytes = nil, 0, 0
	if err := w.keepPlace(); err != nil {
		return err
	}
	if in != nil {
		return w.Accept.WaitApplied(w.ctx, receipt)
	}
	return context.Cause(w.ctx)
}

func (w *bulkWork) keepPlace() error {
	w.kept = w.cursor.Sums
	if err := w.task.SetResult(w.kept); err != nil {
		return err
	}
	return w.task.Keep(context.WithoutCancel(w.ctx), w.cursor.Sums.Rows, w.cursor)
}

// erase asks for the people of the chunk to be erased. One who is erased already
// needs no more.
func (w *bulkWork) erase() error {
	keys := w.keys
	w.keys = nil
	var refs []string
	for _, k := range keys {
		v, err := w.find(w.ctx, k.name, pipeline.ProfileOptions{})
		switch {
		case err == nil && !slices.Contains(refs, v.ID):
			refs = append(refs, v.ID)
		case err == nil, fault.KindOf(err) == fault.Gone:
		case fault.KindOf(err) == fault.NotFound:
			w.fail(k.line, "unknown_user", "its key names nobody: send a user id, an anonymous id or an e-mail address")
		default:
			return err
		}
	}
	for part := range slices.Chunk(refs, maxErased) {
		request, err := w.People.Erase(w.ctx, part, w.job.Author)
		if err != nil {
			return err
		}
		e := &w.cursor.Sums.Erased
		e.People += int64(len(part))
		if len(e.Requests) < maxBulkRequests {
			e.Requests = append(e.Requests, request)
		}
	}
	return nil
}
