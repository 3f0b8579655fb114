package imports

import (
	"bytes"
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

// spread does something with every record, on several goroutines at once.
func spread(records []*record, width int, do func(*record)) {
	var wait sync.WaitGroup
	var at atomic.Int64
	for range min(width, len(records)) {
		wait.Go(func() {
			for {
				i := int(at.Add(1)) - 1
				if i >= len(records) {
					return
				}
				do(records[i])
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
		Dialect: w.Dialect, Source: w.of.Source, Verified: true, Historical: w.of.Historical, Rules: rules,
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
	r.arrival = pipeline.Arrival{Envelope: env, Event: e}
}

// distinct is how many of the records speak of different things.
func distinct(records []*record) int {
	seen := make(map[id.Key]bool, len(records))
	for i, r := range records {
		var keys []id.Key
		switch {
		case r.delta == failed:
		case r.Item != "":
			keys = append(keys, catalog.Key(catalog.Item, r.Item))
		case r.arrival.Event != nil:
			for _, who := range r.arrival.Event.Identifiers {
				keys = append(keys, who.Key())
			}
		}
		for _, k := range keys {
			if seen[k] {
				return i
			}
		}
		for _, k := range keys {
			seen[k] = true
		}
	}
	return len(records)
}

// itemWriters is how many commands wait for the disk at once: they share it.
const itemWriters = 64

// apply compares records with what is known, and hands over what changes it.
func (w *work) apply(records []*record) error {
	var broken atomic.Pointer[error]
	width, do := runtime.GOMAXPROCS(0), w.decide
	if w.items {
		width, do = itemWriters, w.item
	}
	spread(records, width, func(r *record) {
		if r.delta != undecided || broken.Load() != nil {
			return
		}
		if err := do(r); err != nil {
			broken.CompareAndSwap(nil, &err)
		}
	})
	if err := broken.Load(); err != nil {
		return *err
	}
	sub := &pipeline.Submission{Received: w.cursor.At}
	for _, r := range records {
		if r.arrival.Event != nil && (r.delta == inserted || r.delta == updated || r.delta == conflict) {
			sub.Events = append(sub.Events, r.arrival)
		}
	}
	if len(sub.Events) > 0 {
		if err := w.accept(sub); err != nil {
			return err
		}
	}
	return context.Cause(w.ctx)
}

// decide tells what an event changes.
func (w *work) decide(r *record) error {
	e := r.arrival.Event
	v, err := w.known(e.Identifiers[0])
	if err != nil {
		return err
	}
	for i := 1; i < len(e.Identifiers); i++ {
		if v != nil && has(v, e.Identifiers[i]) {
			continue
		}
		other, err := w.known(e.Identifiers[i])
		switch {
		case err != nil:
			return err
		case v == nil:
			v = other
		case other != nil && other.ID != v.ID:
			r.delta = conflict
			r.bad = &tablefile.RowError{
				Line: r.Line, Value: tablefile.Show([]byte(e.Identifiers[i].String())), Code: "conflict",
				Reason: "its identifiers belonged to different people; it was taken, and the identity rules decide who they are",
				Mend:   "look at GET /api/v1/profiles/" + e.Identifiers[i].String() + "/identity, and mend the row where it is wrong",
			}
			return nil
		}
	}
	switch {
	case e.Type != event.Identify || r.Timed:
		return w.happened(r, v)
	case v == nil:
		r.delta = inserted
	case same(e, v):
		r.delta = unchanged
	default:
		r.delta = updated
	}
	return nil
}

// happened tells whether an event that says its time is known already. An order
// that is known with something else is one that is updated.
func (w *work) happened(r *record, v *profile.View) error {
	e := r.arrival.Event
	if r.delta = inserted; v == nil {
		return nil
	}
	page, err := w.Spine.Timeline(w.ctx, e.Anchor().String(), pipeline.TimelineQuery{
		Filter: profile.Filter{From: e.Time, To: e.Time + 1}, Limit: 200,
	})
	if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Gone {
		return err
	}
	for i := range page.Items {
		if page.Items[i].MessageID == e.MessageID {
			r.delta = unchanged
			return nil
		}
	}
	if r.Order == "" {
		return nil
	}
	switch _, err := w.Spine.Entity(w.ctx, catalog.Order, r.Order); fault.KindOf(err) {
	case fault.NotFound:
	default:
		if err != nil {
			return err
		}
		r.delta = updated
	}
	return nil
}

// known gives who is known by an identifier; nil for nobody.
func (w *work) known(i event.Identifier) (*profile.View, error) {
	v, err := w.Spine.Profile(w.ctx, i.String(), pipeline.ProfileOptions{Bare: true})
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Gone) {
		return nil, nil
	}
	return v, err
}

func has(v *profile.View, i event.Identifier) bool {
	for j := range v.Identifiers {
		if v.Identifiers[j].Identifier == i {
			return true
		}
	}
	return false
}

// same tells that an event says nothing of a person that is not so already.
func same(e *event.Event, v *profile.View) bool {
	for _, i := range e.Identifiers {
		if !has(v, i) {
			return false
		}
	}
	equal := true
	var buf []byte
	e.Traits.EachBytes(func(key []byte, value jsondoc.Value) bool {
		now, ok := v.Traits[string(key)]
		if value.IsNull() {
			equal = !ok
			return equal
		}
		buf = jsondoc.AppendCanonical(buf[:0], value)
		equal = ok && bytes.Equal(buf, now)
		return equal
	})
	return equal
}

// item compares an item with what is known, and writes what changes it.
func (w *work) item(r *record) error {
	stored, err := w.Spine.Entity(w.ctx, catalog.Item, r.Item)
	c := pipeline.Command{
		Kind: catalog.Item, ID: r.Item, Op: catalog.Merge, Body: r.Body, Source: w.of.Source, Received: w.Now.Now(),
		IdempotencyKey: "import-" + w.of.ID + "-" + strconv.FormatInt(r.Line, 10),
	}
	switch kind := fault.KindOf(err); {
	case err == nil:
		if v, ok := stored.View.(*catalog.ItemView); ok && sameItem(r, v) {
			r.delta = unchanged
			return nil
		}
		r.delta = updated
	case kind == fault.NotFound:
		c.Op, c.Body, r.delta = catalog.Put, withoutNulls(r), inserted
	default:
		if kind == fault.Invalid {
			r.failBy(err)
			return nil
		}
		return err
	}
	switch _, err = w.Spine.Change(w.ctx, c); fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.TooLarge:
		r.failBy(err)
		return nil
	}
	return err
}

// groups are the members of an item.
var groups = [...]string{"attributes", "dimensions"}

// sameItem tells that a patch says nothing of an item that is not so already.
func sameItem(r *record, v *catalog.ItemView) bool {
	if r.doc.Reset(r.Body, jsondoc.DefaultLimits()) != nil {
		return false
	}
	equal := true
	for i, now := range [...]map[string][]byte{raw(v.Attributes), raw(v.Dimensions)} {
		r.doc.Root().Get(groups[i]).Each(func(name string, said jsondoc.Value) bool {
			have, ok := now[name]
			if said.IsNull() {
				equal = equal && !ok
			} else {
				equal = equal && ok && oneOrList(have) == oneOrList(jsondoc.AppendCanonical(nil, said))
			}
			return equal
		})
	}
	return equal
}

func raw[T ~[]byte](m map[string]T) map[string][]byte {
	out := make(map[string][]byte, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// oneOrList takes a list of one for what is in it: the catalog does, too.
func oneOrList(v []byte) string {
	if doc, err := jsondoc.Parse(v, jsondoc.DefaultLimits()); err == nil && doc.Root().Kind() == jsondoc.Array && doc.Root().Len() == 1 {
		doc.Root().Items(func(_ int, only jsondoc.Value) bool {
			v = jsondoc.AppendCanonical(nil, only)
			return false
		})
	}
	return string(v)
}

// withoutNulls is the patch of an item that is not there yet.
func withoutNulls(r *record) []byte {
	if r.doc.Reset(r.Body, jsondoc.DefaultLimits()) != nil {
		return r.Body
	}
	out := []byte("{")
	for i, group := range groups {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), group...), `":{`...)
		r.doc.Root().Get(group).Each(func(name string, v jsondoc.Value) bool {
			if v.IsNull() {
				return true
			}
			if out[len(out)-1] != '{' {
				out = append(out, ',')
			}
			out = append(jsondoc.AppendString(out, name), ':')
			out = append(out, v.Raw()...)
			return true
		})
		out = append(out, '}')
	}
	return append(out, '}')
}
