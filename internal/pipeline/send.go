package pipeline

import (
	"errors"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// portionHead is the table and the key of the row that a portion is for. The
// identifier of an anchor follows, empty for an entity, and then the portion.
const portionHead = 1 + len(id.Key{})

func readPortion(payload []byte) (who event.Identifier, p catalog.Portion, err error) {
	if len(payload) < portionHead {
		return who, p, errPortion
	}
	r := rows.Cursor{B: payload[portionHead:]}
	who.Namespace, who.Value = string(r.Bytes()), string(r.Bytes())
	if r.Bad {
		return who, p, errPortion
	}
	p, err = catalog.ReadPortion(r.B)
	return who, p, err
}

var errPortion = errors.New("portion is damaged or erased")

// portion tells an entity what an event of an anchor says of it. The record is
// sealed under the anchor: what it says is erased with the person.
func (w *people) portion(anchor id.Key, p *catalog.Portion) {
	w.send(anchor, target{store.TableEntities, p.Key()}, event.Identifier{}, p)
}

// tell gives a customer's anchor what a command said of an order.
func (w *people) tell(p *catalog.Portion) {
	k := p.Customer.Key()
	w.send(k, target{store.TableAnchors, k}, p.Customer, p)
}

func (w *people) send(sealedBy id.Key, to target, who event.Identifier, p *catalog.Portion) {
	b := append(make([]byte, 0, 256), byte(to.table))
	b = append(b, to.key[:]...)
	b = rows.AppendBytes(b, []byte(who.Namespace))
	b = rows.AppendBytes(b, []byte(who.Value))
	w.derived = append(w.derived, store.Record{
		Kind: store.KindPortion, Bucket: to.key.Bucket(), Anchor: sealedBy,
		Received: p.Stamp.Time, Payload: p.AppendBinary(b),
	})
}

func portionTarget(r *store.Record) (k id.Key, t store.Table, ok bool) {
	if r.Kind == store.KindChange {
		return r.Anchor, store.TableEntities, r.Payload != nil
	}
	if len(r.Payload) < portionHead {
		return k, t, false
	}
	return id.Key(r.Payload[1:portionHead]), store.Table(r.Payload[0]), true
}

// announce makes an identifier that names a person known to the graph, once.
// Devices become known when they meet one.
func (w *people) announce(a *anchor) {
	if !a.linked && a.ident.Namespace != event.AnonymousID {
		w.link(a, nil)
	}
	a.linked = true
}

// link tells the graph that an anchor exists, or that it met a weaker
// identifier.
func (w *people) link(a *anchor, e *edge) {
	l := graph.Link{Strong: a.ident, Event: w.position}
	if e != nil {
		l.Weak, l.First, l.Received = e.ident, e.first, e.received
	}
	w.derived = append(w.derived, store.Record{
		Kind: store.KindLink, Bucket: id.CommonBucket, Anchor: a.key, Received: l.Received,
		Payload: l.Append(nil),
	})
}

// answerGraph takes the graph's question: from now on each sighting of an anchor on
// an identifier is said, and those there are at once.
func (w *people) answerGraph(r *store.Record) {
	q, ok := graph.ReadSighting(r.Payload)
	if !ok {
		return // erased since
	}
	a, ok := w.anchors.Get(q.Strong.Key())
	if !ok {
		return
	}
	e := a.edge(q.Weak)
	if e == nil || e.watched {
		return
	}
	e.watched, e.changed = true, true
	w.touch(a)
	w.sighting(a, e, e.seen)
}

// sighting tells the graph when an anchor was seen with an identifier.
func (w *people) sighting(a *anchor, e *edge, seen []clock.Instant) {
	s := graph.Sighting{Strong: a.ident, Weak: e.ident, Seen: seen}
	w.derived = append(w.derived, store.Record{
		Kind: store.KindSighting, Bucket: id.CommonBucket, Anchor: a.key, Received: e.received, Payload: s.Append(nil),
	})
}

// saySightings says what the graph wants to hear and has not heard yet.
func (w *people) saySightings(a *anchor) {
	for i := range a.edges {
		if e := &a.edges[i]; len(e.unsaid) > 0 {
			w.sighting(a, e, e.unsaid)
			e.unsaid = nil
		}
	}
}
