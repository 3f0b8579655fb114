package sitecore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// How a batch is worked through.
const (
	batchLines = 5_000   // at once
	maxLine    = 1 << 20 // of one record, in bytes
)

type batchParams struct {
	Ref string `json:"ref"`
}

// batchCursor is how far a batch is: what is after it is done again, which
// changes nothing that was done.
type batchCursor struct {
	Line int64         `json:"line"`
	Log  int64         `json:"log"` // bytes of the log
	At   clock.Instant `json:"at"`  // when it began: the time of what it says
	Sums batchSums     `json:"sums"`
}

// batchSums count the records by what became of them.
type batchSums struct {
	Lines     int64 `json:"lines"`
	Changed   int64 `json:"changed"`
	Unchanged int64 `json:"unchanged"`
	Deleted   int64 `json:"deleted"`
	Failed    int64 `json:"failed"`
}

// The codes of the log.
const (
	codeOK          = 200
	codeInvalid     = 400
	codeUnsupported = 402
	codeForbidden   = 403
	codeMissing     = 404
	codeExists      = 409
	codeInternal    = 500
)

// work is a batch while it is worked through.
type work struct {
	*Door
	ctx     context.Context //nolint:containedctx // it is that of the job, for the length of the job
	batch   announced
	cursor  batchCursor
	log     *disk.Tail
	zip     *gzip.Writer
	records []record
	feeder  pipeline.Feeder
	gone    map[id.Key]bool // what the guests were known by whom the batch deletes
}

// Work is the worker of JobBatch.
func (d *Door) Work(ctx context.Context, t *schedule.Task) error {
	var params batchParams
	if err := t.Params(&params); err != nil {
		return err
	}
	w := &work{Door: d, ctx: ctx, feeder: pipeline.Feeder{To: d.Accept}, gone: map[id.Key]bool{}}
	var err error
	if w.batch, err = d.batch(params.Ref); err != nil {
		return err
	}
	if _, err := t.Cursor(&w.cursor); err != nil {
		return err
	}
	if w.cursor.At == 0 {
		w.cursor.At = d.Now.Now()
	}
	if err := w.openLog(); err != nil {
		return err
	}
	err = w.read(t)
	if still := w.feeder.Applied(ctx); err == nil {
		err = still
	}
	if fault.KindOf(err) == fault.Invalid { // the file itself is to blame
		_, message := said(err)
		w.records = append(w.records[:0], record{code: codeInvalid, message: message})
		err = errors.Join(err, w.note())
	}
	err = errors.Join(err, w.log.Close())
	if err == nil {
		// What people gave is in the log of the instance now, and can be erased there.
		_ = d.Files.Remove(d.file(w.batch.Ref, ".gz"))
	}
	return err
}

// openLog opens the log where the cursor is: what was written after it is
// written again.
func (w *work) openLog() (err error) {
	if w.log, err = disk.OpenTail(w.Files, w.file(w.batch.Ref, ".log.gz"), w.cursor.Log); err != nil {
		return fmt.Errorf("log of a batch: %w", err)
	}
	w.zip, err = gzip.NewWriterLevel(w.log, gzip.BestSpeed)
	return err
}

// read goes through the file.
func (w *work) read(t *schedule.Task) error {
	f, err := w.Files.Open(w.file(w.batch.Ref, ".gz"))
	if err != nil {
		return fmt.Errorf("file of a batch: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	unzip, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return fault.Errorf(fault.Invalid, "invalid_gzip", "the file is not gzip: %w", err)
	}
	limit := &io.LimitedReader{R: unzip, N: maxUnpacked}
	lines := bufio.NewReaderSize(limit, 1<<16)
	for number := int64(0); ; {
		line, long, err := nextLine(lines)
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			if err := w.chunk(t, number); err != nil {
				return err
			}
			return fault.Errorf(fault.Invalid, "invalid_gzip", "the file is damaged after line %d: %w", number, err)
		}
		if !ended || len(line) > 0 {
			number++
			w.add(line, long, number)
		}
		if len(w.records) == batchLines || ended {
			if err := w.chunk(t, number); err != nil {
				return err
			}
		}
		if ended && limit.N == 0 {
			return fault.Errorf(fault.Invalid, "file_too_large", "the file unpacks to more than %d bytes; what is after line %d was left out", int64(maxUnpacked), number)
		}
		if ended {
			return nil
		}
	}
}

// add takes a line that was not done yet; an empty one is none.
func (w *work) add(line []byte, long bool, number int64) {
	if number <= w.cursor.Line || len(bytes.TrimSpace(line)) == 0 {
		return
	}
	r := record{line: line, number: number}
	if long {
		r.line = nil
		r.fail(codeInvalid, fmt.Sprintf("line %d has more than %d bytes", number, maxLine))
	}
	w.records = append(w.records, r)
}

// nextLine reads a line; of one that is too long only the end is looked for.
func nextLine(r *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			long = true
		}
		if !long {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

// chunk works through some records and keeps how far it is.
func (w *work) chunk(t *schedule.Task, number int64) error {
	w.prepare()
	// A guest or an order that comes twice must be seen as the first one left it.
	for rest := w.records; len(rest) > 0; {
		n, about := distinct(rest)
		if err := w.apply(rest[:n], about); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if err := w.note(); err != nil {
		return err
	}
	w.cursor.Line = number
	w.records = w.records[:0]
	if err := t.SetResult(w.cursor.Sums); err != nil {
		return err
	}
	return t.Advance(w.ctx, number, w.cursor)
}

// spread does something with each of all, on all processors.
func spread[T any](all []T, do func(*T)) {
	var wait sync.WaitGroup
	var at atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		wait.Go(func() {
			for {
				i := int(at.Add(1)) - 1
				if i >= len(all) {
					return
				}
				do(&all[i])
			}
		})
	}
	wait.Wait()
}

// apply compares records with what is known, and hands over what changes it.
func (w *work) apply(records []record, about map[id.Key]bool) error {
	if err := w.feeder.Await(w.ctx, about); err != nil {
		return err
	}
	if err := w.meet(records); err != nil {
		return err
	}
	var failed atomic.Pointer[error]
	spread(records, func(r *record) {
		if err := w.decide(r); err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	w.forget(records)
	if err := w.hand(records, about); err != nil {
		return err
	}
	return context.Cause(w.ctx)
}

// hand hands over what changes something. Orders are kept when their contacts are
// known.
func (w *work) hand(records []record, about map[id.Key]bool) error {
	sub := &pipeline.Submission{Received: w.cursor.At}
	ordered := false
	for i := range records {
		r := &records[i]
		ordered = ordered || r.delta == orders
		if r.arrival.Event != nil && (r.delta == changes || r.delta == orders) {
			sub.Events = append(sub.Events, r.arrival)
		}
	}
	if len(sub.Events) > 0 {
		before := len(sub.Events)
		if err := w.feeder.Hand(w.ctx, sub, about); err != nil {
			return err
		}
		if len(sub.Events) < before {
			leftOut(records, sub.Events)
		}
	}
	if !ordered {
		return nil
	}
	if err := w.feeder.Applied(w.ctx); err != nil {
		return err
	}
	spread(records, func(r *record) {
		if r.delta == orders {
			w.keepOrder(r)
		}
	})
	return nil
}

// leftOut says of the records whose events were left out at the door that they were.
func leftOut(records []record, taken []pipeline.Arrival) {
	in := make(map[string]bool, len(taken))
	for i := range taken {
		in[taken[i].Event.MessageID] = true
	}
	for i := range records {
		r := &records[i]
		if r.arrival.Event != nil && (r.delta == changes || r.delta == orders) && !in[r.arrival.Event.MessageID] {
			r.fail(codeForbidden, "action not allowed: the guest was deleted a moment ago, or the rules of the source leave it out; send it again later")
		}
	}
}

// note writes the log of a chunk, durably, as a part of its own.
func (w *work) note() error {
	w.zip.Reset(w.log)
	for i := range w.records {
		r := &w.records[i]
		w.cursor.Sums.Lines++
		switch r.delta {
		case changes, orders:
			w.cursor.Sums.Changed++
		case leaves:
			w.cursor.Sums.Unchanged++
		case deletes:
			w.cursor.Sums.Deleted++
		case fails:
			w.cursor.Sums.Failed++
		}
		line, err := json.Marshal(struct {
			Ref     string `json:"ref"`
			Code    int    `json:"code"`
			Message string `json:"message"`
		}{r.ref, r.code, r.message})
		if err != nil {
			return err
		}
		if _, err := w.zip.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("log of a batch: %w", err)
		}
	}
	if err := errors.Join(w.zip.Close(), w.log.Sync()); err != nil {
		return fmt.Errorf("log of a batch: %w", err)
	}
	w.cursor.Log = w.log.Size()
	return nil
}
