package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/tablefile"
)

// record is what rows became, and what becomes of it.
type record struct {
	feed.Record
	arrival pipeline.Arrival // of an event
	doc     jsondoc.Doc
	known   []*profile.View // by the identifiers of the event
	item    *catalog.Entity // as it is; nil: it is not there
	told    bool            // the person's timeline has its message
	next    *record         // the one that is decided as if this one was applied
	redone  bool            // a run before has decided it, and perhaps handed it over
	bad     *tablefile.RowError
	delta   delta
}

// delta is what a record changes.
type delta uint8

const (
	undecided delta = iota
	inserted
	updated
	unchanged
	conflict
	failed
)

func (r *record) fail(code, reason, mend string) {
	r.delta = failed
	r.bad = &tablefile.RowError{Line: r.Line, Code: code, Reason: reason, Mend: mend}
}

// failBy takes the words of a fault.
func (r *record) failBy(err error) {
	f := new(fault.Fault)
	if !errors.As(err, &f) {
		r.fail("refused", "it was refused", "send the row again later")
		return
	}
	r.fail(f.Code, f.Message, "mend the row and send it again")
	r.bad.Column = f.Field
}

// spread does something with each of all, on several goroutines at once.
func spread[T any](all []T, width int, do func(T)) {
	var wait sync.WaitGroup
	var at atomic.Int64
	for range min(width, len(all)) {
		wait.Go(func() {
			for {
				i := int(at.Add(1)) - 1
				if i >= len(all) {
					return
				}
				do(all[i])
			}
		})
	}
	wait.Wait()
}

// prepare makes events of the records.
func (w *work) prepare(records []*record) {
	rules := w.Documents.Rules().Version
	spread(records, runtime.GOMAXPROCS(0), func(r *record) {
		if r.delta == undecided && !w.items {
			w.event(r, rules)
		}
	})
}

// event maps a record. What says when it happened is the same event whenever it
// is sent; what does not is a new word at every import.
func (w *work) event(r *record, rules int) {
	if err := r.doc.Reset(r.Body, jsondoc.DefaultLimits()); err != nil {
		r.fail("invalid_event", err.Error(), "mend the row and send it again")
		return
	}
	env := event.Envelope{
		Dialect: w.Dialect, Source: w.of.Source, Verified: true, Historical: w.of.Historical, Fed: true, Rules: rules,
		Received: w.cursor.At + clock.Instant(r.Line), // of two rows on one person the later counts
	}
	switch {
	case r.Said:
	case r.Timed:
		h := sha256.New()
		h.Write([]byte(w.of.Source + "\x00")) // a hash never fails
		h.Write(r.Body)
		env.MessageID = "import-" + hex.EncodeToString(h.Sum(nil)[:16])
	default:
		env.MessageID = "import-" + w.of.ID + "-" + strconv.FormatInt(r.Line, 10)
	}
	e, err := w.Mapper(&env, r.doc.Root())
	if err != nil {
		r.failBy(err)
		return
	}
	e.Fed = true
	r.arrival = pipeline.Arrival{Envelope: env, Event: e}
}

// about adds the keys of what a record is compared with.
func (r *record) about(keys []id.Key) []id.Key {
	e := r.arrival.Event
	switch {
	case r.delta == failed:
	case r.Item != "":
		return append(keys, catalog.Key(catalog.Item, r.Item))
	case e == nil:
	case r.Order != "":
		return append(keys, catalog.Key(catalog.Order, r.Order))
	case r.Timed:
		return append(keys, id.KeyOf("message", e.MessageID))
	default:
		for _, who := range e.Identifiers {
			keys = append(keys, who.Key())
		}
	}
	return keys
}

// apply compares records with what is known, and hands over what changes it. Later
// are those that cannot be decided before the others are applied.
func (w *work) apply(records []*record, about map[id.Key]bool) (later []*record, err error) {
	if err := w.feeder.Await(w.ctx, about); err != nil {
		return nil, err
	}
	for _, r := range records {
		if v, before := w.journal.known[r.Line]; before && r.delta == undecided {
			r.delta, r.bad, r.redone = v.delta, v.bad, true
		}
	}
	do, meet := w.decide, w.meet
	if w.items {
		do, meet = w.decideItem, w.meetItems
	}
	if err := meet(records); err != nil {
		return nil, err
	}
	if err := tried(records, runtime.GOMAXPROCS(0), func(r *record) error {
		if r.delta != undecided {
			return nil
		}
		return do(r)
	}); err != nil {
		return nil, err
	}
	records, later = w.follow(records)
	if err := w.journal.write(records); err != nil {
		return nil, err
	}
	if err := w.hand(records, about); err != nil {
		return nil, err
	}
	return later, context.Cause(w.ctx)
}

// hand hands over what changes something.
func (w *work) hand(records []*record, about map[id.Key]bool) error {
	if w.items {
		return w.writeItems(records, about)
	}
	sub := &pipeline.Submission{Received: w.cursor.At}
	for _, r := range records {
		if r.arrival.Event != nil && (r.delta == inserted || r.delta == updated || r.delta == conflict) {
			sub.Events = append(sub.Events, r.arrival)
		}
	}
	if len(sub.Events) == 0 {
		return nil
	}
	return w.feeder.Hand(w.ctx, sub, about)
}

// tried is spread for what may fail; the first failure is told.
func tried[T any](all []T, width int, do func(T) error) error {
	var broken atomic.Pointer[error]
	spread(all, width, func(r T) {
		if broken.Load() != nil {
			return
		}
		if err := do(r); err != nil {
			broken.CompareAndSwap(nil, &err)
		}
	})
	if err := broken.Load(); err != nil {
		return *err
	}
	return nil
}
