package sitecore

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// record is one line and what becomes of it.
type record struct {
	line    []byte
	number  int64
	ref     string
	schema  string
	mode    string
	value   jsondoc.Value
	arrival pipeline.Arrival // of a guest
	known   *profile.View    // who is known by its identifiers; nil for nobody
	order   []byte           // of an order: the document
	code    int
	message string
	delta   outcome
}

// outcome is what a record changes.
type outcome uint8

const (
	fails outcome = iota
	changes
	leaves
	deletes
	orders
)

// prepare reads the records and maps them.
func (w *work) prepare() {
	rules := w.Book.Current()
	spread(w.records, func(r *record) {
		if r.code == 0 {
			r.read(w, rules)
		}
	})
}

func (r *record) fail(code int, message string) { r.code, r.message, r.delta = code, message, fails }

// read reads a line: {"ref","schema","mode","value"}.
func (r *record) read(w *work, rules *identity.Rules) {
	doc, err := jsondoc.Parse(bytes.TrimSpace(r.line), jsondoc.Limits{Depth: 34})
	if err != nil {
		r.fail(codeInvalid, fmt.Sprintf("line %d is not JSON: %v", r.number, err))
		return
	}
	root := doc.Root()
	r.ref, r.schema, r.mode, r.value = root.Get("ref").Text(), root.Get("schema").Text(), root.Get("mode").Text(), root.Get("value")
	if r.mode == "" {
		r.mode = map[string]string{"order": "insert"}[r.schema]
		if r.mode == "" {
			r.mode = "upsert"
		}
	}
	if flaw, ok := root.Flaw(); ok {
		r.fail(codeInvalid, fmt.Sprintf("line %d, byte %d: %s", r.number, flaw.Offset, flaw.Msg))
		return
	}
	if r.value.Kind() != jsondoc.Object {
		r.fail(codeInvalid, fmt.Sprintf("line %d has no value; send an object", r.number))
		return
	}
	switch r.schema {
	case "guest":
		r.readGuest(w, rules)
	case "order":
		r.readOrder(w, rules)
	default:
		r.fail(codeInvalid, fmt.Sprintf("line %d has the schema %.40q; send guest or order", r.number, r.schema))
	}
}

// readGuest maps a guest. Its message id follows from the batch and the line,
// so that a line that is done again is a copy.
func (r *record) readGuest(w *work, rules *identity.Rules) {
	switch r.mode {
	case "insert", "create", "upsert", "merge", "patch", "delete", "gdpr_delete":
	default:
		r.fail(codeUnsupported, fmt.Sprintf("the mode %.40q is not possible for a guest", r.mode))
		return
	}
	env := event.Envelope{
		Dialect: Dialect, Source: w.batch.Source, Verified: true, Historical: w.batch.Historical, Rules: rules.Version,
		// Of two lines on one guest the later counts.
		Received:  w.cursor.At + clock.Instant(r.number),
		MessageID: w.batch.Ref + "-" + fmt.Sprint(r.number), Shared: guestOnly,
	}
	e := new(event.Event)
	if err := (&mapper{rules}).fill(e, &env, r.value); err != nil {
		_, message := said(err)
		r.fail(codeInvalid, message)
		return
	}
	r.arrival = pipeline.Arrival{Envelope: env, Event: e}
}

var guestOnly = (&guestShared{}).encode()

// distinct is how many of the records speak of different guests and orders, and of
// which.
func distinct(records []record) (n int, about map[id.Key]bool) {
	seen := make(map[id.Key]bool, len(records))
	var keys []id.Key
	for i := range records {
		keys = records[i].about(keys[:0])
		if slices.ContainsFunc(keys, func(k id.Key) bool { return seen[k] }) {
			return i, seen
		}
		for _, k := range keys {
			seen[k] = true
		}
	}
	return len(records), seen
}

// about adds the keys of what a record speaks of.
func (r *record) about(keys []id.Key) []id.Key {
	if r.delta == orders {
		keys = append(keys, catalog.Key(catalog.Order, r.value.Get("referenceId").Text()))
	}
	if r.arrival.Event != nil {
		for _, who := range r.arrival.Event.Identifiers {
			keys = append(keys, who.Key())
		}
	}
	return keys
}

// deleted tells that a line before this one deletes its guest.
func (w *work) deleted(r *record) bool {
	gone := func(i event.Identifier) bool { return w.gone[i.Key()] }
	if len(w.gone) == 0 {
		return false
	}
	if r.known != nil && slices.ContainsFunc(r.known.Identifiers, func(i profile.IdentifierSeen) bool { return gone(i.Identifier) }) {
		return true
	}
	return slices.ContainsFunc(r.arrival.Event.Identifiers, gone)
}

// forget notes whom the records delete. What comes behind it about one of them would
// be deleted with the rest, as that takes its time: it is not taken, and is told so.
func (w *work) forget(records []record) {
	for i := range records {
		switch r := &records[i]; {
		case r.delta == deletes && r.known != nil:
			for _, who := range r.known.Identifiers {
				w.gone[who.Key()] = true
			}
		case r.arrival.Event != nil && r.delta != fails && w.deleted(r):
			r.fail(codeForbidden, "action not allowed: a line before deletes the guest; send it again in a later batch")
		}
	}
}

// decide tells what a record changes.
func (w *work) decide(r *record) error {
	if r.arrival.Event == nil || r.code != 0 && r.delta != orders {
		return nil
	}
	v := r.known
	if r.delta == orders { // it is the contact of an order
		if v != nil && v.Knows(r.arrival.Event) {
			r.arrival = pipeline.Arrival{}
		}
		return nil
	}
	r.code, r.message, r.delta = codeOK, "ok", changes
	switch r.mode {
	case "insert", "create":
		if v != nil {
			r.fail(codeExists, "a guest with this identity exists already")
		}
	case "merge", "patch":
		if v == nil {
			r.fail(codeMissing, "guest not found")
		}
	case "delete", "gdpr_delete":
		r.delta = deletes
		if v == nil || w.deleted(r) {
			r.fail(codeMissing, "guest not found")
			return nil
		}
		return w.People.Erase(w.ctx, v.ID, w.batch.Author)
	}
	if r.delta == changes && v != nil && v.Knows(r.arrival.Event) {
		r.message, r.delta = "unchanged", leaves
		return nil
	}
	if r.delta == changes && v != nil {
		if err := overfull(v.Traits, nil, r.value); err != nil {
			_, message := said(err)
			r.fail(codeInvalid, message)
		}
	}
	return nil
}

// askAtOnce is for how many records it is asked at a time who they are about.
const askAtOnce = 500

// meet asks who is known by the identifiers of the records. Of those of a guest
// the first that is known counts: the strongest comes first.
func (w *work) meet(records []record) error {
	var parts [][]record
	for some := range slices.Chunk(records, askAtOnce) {
		parts = append(parts, some)
	}
	var failed atomic.Pointer[error]
	spread(parts, func(some *[]record) {
		if err := w.meetSome(*some); err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (w *work) meetSome(some []record) error {
	idents := make([][]event.Identifier, len(some))
	for i := range some {
		if e := some[i].arrival.Event; e != nil {
			idents[i] = e.Identifiers
		}
	}
	views, err := w.People.Known(w.ctx, idents)
	for i := range views {
		if at := slices.IndexFunc(views[i], func(v *profile.View) bool { return v != nil }); at >= 0 {
			some[i].known = views[i][at]
		}
	}
	return err
}
