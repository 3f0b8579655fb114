package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// errDropped says that an event was taken out of the log and is in a base.
type errDropped struct{ event.Dropped }

func (errDropped) Error() string { return "the event is kept no longer" }

// base is what the events of one anchor and source came to that the anchor no
// longer has: the payload of KindBase, sealed like the events were. A later base
// of the same anchor and source holds what the earlier one held.
type base struct {
	ident    event.Identifier
	source   string
	events   uint64 // that it stands for, and copies of these
	copies   uint64
	last     clock.Instant // when the newest of them happened
	received clock.Instant // the first time the door took one
	// took are the messages that this record takes from the timeline, doubles the
	// copies of them in the log; replaces is the base before it.
	took     []took
	doubles  []store.Position
	replaces store.Position
	edges    []edge
	partial  *profile.Partial
	leaves   *segment.State // nil where nothing was evaluated
}

type took struct {
	short uint64
	at    store.Position
}

const baseVersion = 1

var errBase = errors.New("base record is damaged")

func (b *base) append(out []byte) []byte {
	out = append(out, baseVersion)
	out = rows.AppendBytes(out, []byte(b.ident.Namespace))
	out = rows.AppendBytes(out, []byte(b.ident.Value))
	out = rows.AppendBytes(out, []byte(b.source))
	out = binary.AppendUvarint(binary.AppendUvarint(out, b.events), b.copies)
	out = rows.AppendInstants(out, b.last, b.received)
	out = binary.AppendUvarint(binary.AppendUvarint(out, uint64(b.replaces)), uint64(len(b.took)))
	for _, t := range b.took {
		out = binary.AppendUvarint(binary.BigEndian.AppendUint64(out, t.short), uint64(t.at))
	}
	out = binary.AppendUvarint(out, uint64(len(b.doubles)))
	for _, at := range b.doubles {
		out = binary.AppendUvarint(out, uint64(at))
	}
	met := anchor{edges: b.edges}
	out = rows.AppendBytes(out, met.appendEdges(nil, true))
	out = rows.AppendBytes(out, b.partial.AppendFull(nil))
	if b.leaves != nil {
		out = rows.AppendBytes(out, b.leaves.AppendFull(nil))
	}
	return out
}

func readBase(payload []byte, names *profile.Names) (b base, err error) {
	r := rows.Cursor{B: payload}
	if r.Byte() != baseVersion || r.Bad {
		return b, errBase
	}
	b.ident = event.Identifier{Namespace: string(r.Bytes()), Value: string(r.Bytes())}
	b.source = string(r.Bytes())
	b.events, b.copies = r.Uvarint(), r.Uvarint()
	b.last, b.received = clock.Instant(r.Varint()), clock.Instant(r.Varint())
	b.replaces = store.Position(r.Uvarint())
	for n := r.Count(); n > 0 && !r.Bad; n-- {
		var t took
		if short := r.Take(8); short != nil {
			t.short = binary.BigEndian.Uint64(short)
		}
		t.at = store.Position(r.Uvarint())
		b.took = append(b.took, t)
	}
	for n := r.Count(); n > 0 && !r.Bad; n-- {
		b.doubles = append(b.doubles, store.Position(r.Uvarint()))
	}
	var met anchor
	met.readEdges(r.Bytes(), false)
	b.edges = met.edges
	partial := r.Bytes()
	if r.Bad {
		return b, errBase
	}
	if b.partial, err = profile.Decode([][]byte{partial}, names); err != nil {
		return b, fmt.Errorf("base record: %w", err)
	}
	if len(r.B) > 0 {
		leaves := r.Bytes()
		if r.Bad || len(r.B) > 0 {
			return b, errBase
		}
		if b.leaves, err = segment.DecodeState([][]byte{leaves}); err != nil {
			return b, fmt.Errorf("base record: %w", err)
		}
	}
	return b, nil
}

// Expired gives the places in the log of the events that a record of KindBase takes
// from the timeline of its anchor, and of copies of them.
func Expired(r *store.Record) ([]store.Position, error) {
	b, err := readBase(r.Payload, nil)
	if err != nil {
		return nil, err
	}
	out := b.doubles
	for _, t := range b.took {
		out = append(out, t.at)
	}
	return out, nil
}

// baseRef is what the row of an anchor has of a base.
type baseRef struct {
	source         string
	at             store.Position
	events, copies uint64
	last           clock.Instant
	taken          bool // its events are out of the timeline
}

func (a *anchor) appendBases(b []byte) []byte {
	for i := range a.bases {
		x := &a.bases[i]
		b = append(rows.AppendBytes(b, []byte(x.source)), rows.Flag(x.taken))
		for _, n := range [...]uint64{uint64(x.at), x.events, x.copies} {
			b = binary.AppendUvarint(b, n)
		}
		b = rows.AppendInstants(b, x.last)
	}
	return b
}

func (a *anchor) readBases(b []byte) bool {
	a.bases = nil
	r := rows.Cursor{B: b}
	for len(r.B) > 0 && !r.Bad {
		x := baseRef{source: string(r.Bytes()), taken: r.Byte() == 1}
		x.at, x.events, x.copies = store.Position(r.Uvarint()), r.Uvarint(), r.Uvarint()
		x.last = clock.Instant(r.Varint())
		a.bases = append(a.bases, x)
	}
	return !r.Bad
}

// gone is how many events, or copies of them, the anchor's bases stand for.
func (a *anchor) gone(copies bool) (n uint64) {
	for i := range a.bases {
		if copies {
			n += a.bases[i].copies
		} else {
			n += a.bases[i].events
		}
	}
	return n
}

// baseAt reads a base again; nil where it was erased since.
func (s *setting) baseAt(ctx context.Context, at store.Position, names *profile.Names) (*base, error) {
	rec, err := s.store.Log().At(ctx, at)
	if errors.Is(err, store.ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("base at %d: %w", at, err)
	}
	b, err := readBase(rec.Payload, names)
	if err != nil {
		return nil, fmt.Errorf("base at %d: %w", at, err)
	}
	return &b, nil
}

// basesWithin visits the bases of an anchor that lie in some times. Of a base
// only the newest moment is known well enough to say whose it is.
func (s *setting) basesWithin(ctx context.Context, a *anchor, owned []graph.Interval, visit func(*base)) error {
	for i := range a.bases {
		if !within(owned, a.bases[i].last) {
			continue
		}
		b, err := s.baseAt(ctx, a.bases[i].at, nil)
		if err != nil {
			return err
		}
		if b != nil {
			visit(b)
		}
	}
	return nil
}

// recordOf is the record of a base.
func (b *base) record(k id.Key, now clock.Instant) store.Record {
	return store.Record{Kind: store.KindBase, Bucket: k.Bucket(), Anchor: k, Received: now, Payload: b.append(nil)}
}
