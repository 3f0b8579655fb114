package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// resolve says what each record of a batch is. A live record brings its event
// along; a replayed one is mapped again, by the mapping of today.
func (w *people) resolve(batch []*store.Record) []task {
	w.tasks = slices.Grow(w.tasks[:0], len(batch))[:len(batch)]
	tasks := w.tasks
	clear(tasks)
	for i, r := range batch {
		tasks[i].rec = r
		if r.Kind != store.KindEvent && r.Kind != store.KindReplay {
			continue
		}
		if l, ok := r.Attached.(*live); ok {
			tasks[i].event = l.event
		} else if d, ok := event.ReadDropped(r.Payload); ok {
			tasks[i].err = errDropped{d}
		} else {
			tasks[i].event, tasks[i].err = w.decode(r.Payload)
		}
		if e := tasks[i].event; e != nil {
			tasks[i].short = id.Message(e.MessageID)
		}
	}
	return tasks
}

// decode maps a stored event again.
func (s *setting) decode(payload []byte) (*event.Event, error) {
	if payload == nil {
		return nil, store.ErrErased
	}
	if _, dropped := event.ReadDropped(payload); dropped {
		return nil, store.ErrErased // its base is all there is of it
	}
	env, body, err := event.ReadPayload(payload)
	if err != nil {
		return nil, err
	}
	mapper := s.mappers[env.Dialect]
	if mapper == nil {
		return nil, fmt.Errorf("no mapper for dialect %q", env.Dialect)
	}
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if err != nil {
		return nil, err
	}
	e, err := mapper(&env, doc.Root())
	if err != nil {
		return e, err
	}
	if e.Fed = env.Fed; len(env.Derived) == 0 {
		return e, nil
	}
	e.Derived, err = s.derived.Context(env.Derived)
	return e, err
}

// rowOf gives the row of an event's anchor where all of it is in memory.
func (w *people) rowOf(t *task) *anchor {
	if t.anchor == nil {
		t.anchor, _ = w.anchors.Get(t.rec.Anchor)
	}
	if t.anchor == nil || t.anchor.cold != nil {
		return nil
	}
	return t.anchor
}

// counts tells which of two copies of a message counts: the one with the
// smaller received time, then source, then hash of the body.
func (w *people) counts(ctx context.Context, t *task, other profile.Entry) (bool, error) {
	if c := cmp.Compare(t.event.ReceivedAt, other.Received); c != 0 {
		return c < 0, nil
	}
	rec, err := w.store.Log().At(ctx, store.Position(other.Position))
	if err != nil {
		return false, err
	}
	first, err := w.decode(rec.Payload)
	if err != nil {
		return false, err
	}
	if c := cmp.Compare(t.event.Source, first.Source); c != 0 {
		return c < 0, nil
	}
	mine, its := sha256.Sum256(t.event.Body.Raw()), sha256.Sum256(first.Body.Raw())
	return bytes.Compare(mine[:], its[:]) < 0, nil
}
