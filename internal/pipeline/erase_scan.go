package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// hint finds, while the person's events can still be read, the entities that
// they changed: those whose present state holds something that the person said,
// or that are the person's.
func (e *eraser) hint(ctx context.Context) error {
	if e.plan.Hinted || e.plan.Fact != 0 {
		return nil
	}
	if e.plan.Entities == nil {
		e.plan.Entities = map[string]bool{}
	}
	said := map[catalog.Stamp]bool{}
	about := map[id.Key]bool{}
	for _, k := range e.list() {
		a, err := e.p.copyAnchor(ctx, k)
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		a.partial.Entities(func(kind catalog.Kind, entityID string) { about[catalog.Key(kind, entityID)] = true })
		if err := e.hintEvents(ctx, a, said, about); err != nil {
			return err
		}
	}
	for k := range about {
		row, err := e.p.copyEntity(ctx, k)
		if err != nil {
			return err
		}
		if row == nil {
			continue
		}
		own := e.keys[row.Customer().Key()]
		if own || row.Says(func(s catalog.Stamp) bool { return said[s] }) {
			e.plan.Entities[keyText(k)] = own
		}
	}
	e.plan.Hinted = true
	return e.save(ctx)
}

func (e *eraser) hintEvents(ctx context.Context, a *anchor, said map[catalog.Stamp]bool, about map[id.Key]bool) error {
	entries, err := e.p.finished(ctx, a.key, a.chunks, a.pending)
	if err != nil {
		return err
	}
	for _, entry := range append(entries, a.open...) {
		rec, err := e.p.store.Log().At(ctx, store.Position(entry.Position))
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err != nil {
			return err
		}
		ev, err := e.p.decode(rec.Payload)
		if err != nil {
			continue // counted when it was folded
		}
		source := e.p.sources(ev.Source)
		in := profile.Input{Short: entry.Short, Priority: source.Priority, Mapping: source.Mapping}
		for _, part := range profile.New().Fold(ev, in) {
			said[part.Stamp] = true
			about[part.Key()] = true
		}
	}
	return nil
}

// scan reads the log once and notes what has to be changed in it, and which
// rows that concerns. It is repeated where it found entities that it did not
// know of before.
func (e *eraser) scan(ctx context.Context) error {
	if err := e.p.settle(ctx); err != nil {
		return err
	}
	if e.plan.Others == nil {
		e.plan.Others = map[string][]store.Position{}
	}
	for {
		known := len(e.plan.Entities)
		e.changes, e.entities = nil, map[id.Key][]store.Position{}
		e.plan.Letters = nil
		others := e.plan.Others
		if !e.plan.Scanned {
			e.plan.Others = map[string][]store.Position{}
		}
		e.plan.Proof.Log = LogProof{}
		if err := e.p.store.Log().Read(ctx, 0, func(r *store.Record) error { return e.look(r) }); err != nil {
			return err
		}
		if e.plan.Scanned {
			for k, list := range others {
				e.plan.Others[k] = append(e.plan.Others[k], list...)
			}
		}
		if len(e.plan.Entities) == known {
			break
		}
	}
	e.plan.Scanned = true
	e.plan.Proof.Entities = len(e.plan.Entities)
	return e.save(ctx)
}

func (e *eraser) change(r *store.Record, payload []byte) {
	e.changes = append(e.changes, store.Redaction{At: r.Position, Payload: payload})
}

func (e *eraser) other(k id.Key, drop ...store.Position) {
	e.plan.Others[keyText(k)] = append(e.plan.Others[keyText(k)], drop...)
}

// look decides on one record. Records behind the fact are of whoever came back,
// but for events that happened before.
func (e *eraser) look(r *store.Record) error {
	own, old := e.keys[r.Anchor], r.Position <= e.plan.Fact
	proof := &e.plan.Proof.Log
	proof.Records++
	if r.Payload == nil {
		if own {
			e.change(r, nil)
			proof.Destroyed++
		}
		return nil
	}
	switch r.Kind {
	case store.KindEvent, store.KindReplay:
		e.lookEvent(r, own, old)
		return nil
	case store.KindChange:
		e.lookChange(r, old)
		return nil
	case store.KindPortion:
		e.lookPortion(r, own, old)
		return nil
	case store.KindPrivacy:
		if !ofErasure(r) && e.mentions.In(r.Payload) {
			e.change(r, nil) // a request for access to what is gone
			proof.Facts++
		}
		return nil
	}
	switch {
	case !old:
	case own && !r.Kind.Fact():
		e.change(r, nil)
		proof.Derived++
	case !e.mentioned(r):
	case r.Kind == store.KindDeadLetter:
		e.lookLetter(r)
	case r.Kind == store.KindPerson: // the home of somebody who shared something with the person
		e.change(r, nil)
		e.other(r.Anchor)
		proof.Derived++
	case r.Kind == store.KindBase: // sums from which the person cannot be taken out
		e.change(r, nil)
		e.other(r.Anchor)
		proof.Facts++
	case r.Kind == store.KindDefinition, r.Kind == store.KindJob:
		// What people wrote for everybody is theirs to change.
		proof.Attention++
	default:
		e.change(r, nil)
		if r.Kind.Fact() {
			proof.Facts++
		} else {
			proof.Derived++
		}
	}
	return nil
}

// mentioned tells whether a record speaks of the person.
func (e *eraser) mentioned(r *store.Record) bool {
	if e.mentions.In(r.Payload) {
		return true
	}
	if r.Kind != store.KindDeadLetter || len(e.short) == 0 {
		return false
	}
	d, err := readDeadLetter(r.Payload)
	if err != nil {
		return false
	}
	ev := e.p.mapAgain(&d.Envelope, d.Body)
	return ev != nil && e.identifies(ev)
}

func (p *Pipeline) mapAgain(env *event.Envelope, body []byte) *event.Event {
	mapper := p.mappers[env.Dialect]
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if mapper == nil || err != nil {
		return nil
	}
	ev, err := mapper(env, doc.Root())
	if err != nil {
		return nil
	}
	return ev
}

func (e *eraser) lookEvent(r *store.Record, own, old bool) {
	proof := &e.plan.Proof.Log
	said := e.mentions.In(r.Payload)
	if !own && !said && !e.maybeShort(r.Payload) {
		return
	}
	ev, err := e.p.decode(r.Payload)
	switch {
	case err != nil && (own || said) && old:
		e.change(r, nil)
		proof.Events++
	case err != nil:
	case e.identifies(ev):
		if ev.Time > e.plan.Time {
			return // of whoever came back
		}
		if !own {
			e.lookAside(r, ev)
			return
		}
		e.change(r, nil)
		proof.Events++
	case said && old:
		e.lookAside(r, ev)
	}
}

// lookAside takes the person's values out of another person's event. Where the
// event cannot go on without them, it goes.
func (e *eraser) lookAside(r *store.Record, ev *event.Event) {
	proof := &e.plan.Proof.Log
	env, body, err := event.ReadPayload(r.Payload)
	if err == nil && !e.mentions.In([]byte(ev.MessageID)) {
		env.Shared, _ = e.mentions.Redact(env.Shared)
		if e.mentions.In(env.Derived) {
			env.Derived = nil
		}
		clean, _ := e.mentions.Redact(body)
		for _, i := range ev.Identifiers {
			if e.keys[i.Key()] { // also one that is too short to be looked for everywhere
				clean = bytes.ReplaceAll(clean, []byte(strconv.Quote(i.Value)), []byte(`""`))
			}
		}
		payload := env.AppendPayload(nil, clean)
		if again, err := e.p.decode(payload); err == nil && !e.mentions.In(payload) && again.MessageID == ev.MessageID {
			e.change(r, payload)
			e.other(r.Anchor)
			proof.Redacted++
			return
		}
	}
	e.change(r, nil)
	e.other(r.Anchor, r.Position)
	proof.Events++
}

// lookLetter leaves of a dead letter why it was one.
func (e *eraser) lookLetter(r *store.Record) {
	d, err := readDeadLetter(r.Payload)
	if err != nil {
		e.change(r, nil)
	} else {
		bare := DeadLetter{Reason: d.Reason, Envelope: event.Envelope{Dialect: d.Envelope.Dialect, Source: d.Envelope.Source, Received: d.Envelope.Received}}
		e.change(r, bare.append(nil))
	}
	e.plan.Letters = append(e.plan.Letters, r.Position)
	e.plan.Proof.Log.DeadLetters++
}

// lookPortion removes what the person's events said of entities, and what they
// told others of entities that are folded again.
func (e *eraser) lookPortion(r *store.Record, own, old bool) {
	k, table, ok := portionTarget(r)
	if !ok {
		return
	}
	who, part, err := readPortion(r.Payload)
	about := k
	if table == store.TableAnchors && err == nil {
		about = part.Key()
	}
	_, affected := e.plan.Entities[keyText(about)]
	switch {
	case old && (own || e.mentions.In(r.Payload) || e.keys[part.Customer.Key()] || e.keys[who.Key()]),
		old && affected && table == store.TableAnchors:
		e.change(r, nil)
		e.plan.Proof.Log.Derived++
		if table == store.TableAnchors && !e.keys[k] {
			e.other(k)
		} else if table == store.TableEntities {
			e.affect(about, false)
		}
	case affected && table == store.TableEntities:
		e.entities[k] = append(e.entities[k], r.Position)
	}
}

func (e *eraser) affect(k id.Key, own bool) {
	if e.plan.Entities == nil {
		e.plan.Entities = map[string]bool{}
	}
	e.plan.Entities[keyText(k)] = own || e.plan.Entities[keyText(k)]
}

// lookChange takes the person out of the outcome of a command: of an order or
// cart that is the person's own only what a business has to keep stays.
func (e *eraser) lookChange(r *store.Record, old bool) {
	c, err := readChange(r.Payload)
	if err != nil {
		return
	}
	k := catalog.Key(c.Kind, c.ID)
	part, _ := c.Portion()
	own := e.keys[part.Customer.Key()]
	if own || e.plan.Entities[keyText(k)] {
		e.affect(k, true)
	}
	_, affected := e.plan.Entities[keyText(k)]
	own = own || e.plan.Entities[keyText(k)]
	if affected {
		e.entities[k] = append(e.entities[k], r.Position)
	}
	if !old || !own && !e.mentions.In(r.Payload) {
		return
	}
	e.affect(k, own)
	payload, ok := e.cleanChange(r.Payload, own)
	if !ok {
		e.change(r, nil)
		e.plan.Proof.Log.Facts++
		return
	}
	if string(payload) != string(r.Payload) {
		e.change(r, payload)
		e.plan.Proof.Log.Redacted++
	}
}

// personalMembers are the members of an order's or cart's document that are not
// needed to account for it.
func personalMembers() []string {
	return []string{"customer", "fields", "attributes", "traits", "dimensions"}
}

func (e *eraser) cleanChange(payload []byte, own bool) ([]byte, bool) {
	var o outcomeRecord
	var change map[string]json.RawMessage
	if json.Unmarshal(payload, &o) != nil || json.Unmarshal(o.Change, &change) != nil {
		return nil, false
	}
	if own && len(change["document"]) > 0 {
		var document map[string]json.RawMessage
		if json.Unmarshal(change["document"], &document) != nil {
			return nil, false
		}
		for _, name := range personalMembers() {
			delete(document, name)
		}
		text, err := json.Marshal(document)
		if err != nil {
			return nil, false
		}
		change["document"] = text
	}
	var err error
	if o.Change, err = json.Marshal(change); err != nil {
		return nil, false
	}
	o.IdempotencyKey, o.BodyHash = "", nil
	out, err := json.Marshal(o)
	if err != nil {
		return nil, false
	}
	out, _ = e.mentions.Redact(out)
	if _, err := readChange(out); err != nil || e.mentions.In(out) {
		return nil, false
	}
	return out, true
}
