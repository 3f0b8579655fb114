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
	"rapport/internal/store"
)

// Follower hears what the lanes of people apply, as they apply it: lake and tables
// write it down. It is called by one goroutine of each lane, holds up the lane
// while it runs, and keeps neither the record nor the event.
type Follower interface {
	// Take hears of a record in the order of the lane: of an event that counts
	// (not of its copies), of a decision, of what came of an effect and of a base,
	// which Expired reads. The event is nil for the others.
	Take(lane int, r *store.Record, e *event.Event)
	// Stir hears that something changed at the home of a person. cause is the
	// position of what caused it: the same when a replay makes it happen again.
	// at is that of the record which is applied.
	Stir(lane int, home id.Key, cause, at store.Position, received clock.Instant)
	// Touched hears that anything changed at the home of a person, whatever it is:
	// an event, an order, a segment that time alone ended. It may come several times
	// for one record.
	Touched(lane int, home id.Key)
	// Reached hears that a lane has applied everything up to a position, before anybody
	// goes on who waits for that.
	Reached(lane int, at store.Position)
}

// follow tells the follower of the record that is folded now.
func (w *people) follow(r *store.Record, e *event.Event, a *anchor) {
	if w.follower == nil {
		return
	}
	w.follower.Take(w.number, r, e)
	if a != nil && !a.elsewhere() {
		w.follower.Stir(w.number, a.key, r.Position, r.Position, r.Received)
	}
}

// stir tells the follower that something changed at a home.
func (w *people) stir(a *anchor, cause store.Position, received clock.Instant) {
	if w.follower != nil {
		w.follower.Stir(w.number, a.key, cause, w.position, received)
	}
}

// displace keeps, of a copy that took the place of one that was folded before
// it, where the log has that one: whoever wrote that one down needs not write
// down the copy. It is kept also while nobody follows: a lake that is switched on
// again has the one from before, and reads of the copy in the log.
func (w *people) displace(a *anchor, better, other profile.Entry) {
	first := binary.BigEndian.AppendUint64(nil, other.Position)
	w.rows = append(w.rows, w.row(store.TableDisplaced, a.key, positionKey(store.Position(better.Position)), store.Put, first))
}

// Followed is what a reading of the log gives to whom a Follower would hear.
type Followed struct {
	Record *store.Record
	Event  *event.Event // of an event; nil for all others
	// Home and Cause are of what would be told by Stir; Cause is zero where
	// nothing would.
	Home  id.Key
	Cause store.Position
}

// FollowAgain visits what a Follower heard between two places of the log,
// after the first and up to the second. written is up to where its visitor has
// written events down before.
func (p *Pipeline) FollowAgain(ctx context.Context, from, to, written store.Position, visit func(f *Followed) error) error {
	if err := p.lanesAt(ctx, to); err != nil {
		return err
	}
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return err
		}
	}
	places, err := p.placement(ctx, written)
	if err != nil {
		return err
	}
	err = p.store.Log().Read(ctx, from, func(r *store.Record) error {
		if r.Position > to {
			return errPastEnd
		}
		f := Followed{Record: r}
		if r.Payload == nil {
			return ctx.Err()
		}
		heard, err := p.followed(ctx, &f, places)
		if err != nil {
			return fmt.Errorf("record %d: %w", r.Position, err)
		}
		if !heard {
			return ctx.Err()
		}
		return visit(&f)
	})
	if errors.Is(err, errPastEnd) {
		return nil
	}
	return err
}

// followed tells whether a Follower would have heard of a record, and what. An
// error means that it cannot be told at present.
func (p *Pipeline) followed(ctx context.Context, f *Followed, places *placement) (bool, error) {
	r := f.Record
	switch r.Kind {
	case store.KindEvent, store.KindReplay:
		e, err := p.decode(r.Payload)
		if err != nil || p.erased.Load().Refuses(e) {
			return false, nil
		}
		p.erased.Load().Strip(e)
		f.Event, f.Home, f.Cause = e, r.Anchor, r.Position
		return p.countsAt(ctx, r, e, places)
	case store.KindDecision, store.KindEffect, store.KindBase:
		return true, nil
	case store.KindShare:
		s, err := readShare(r.Payload)
		f.Home, f.Cause = s.home, s.version
		return err == nil, nil
	case store.KindPerson:
		person, err := graph.ReadPerson(r.Payload)
		f.Home, f.Cause = person.To, person.Version
		return err == nil && person.Members != nil, nil
	}
	return false, nil
}

// placement is where messages stand: which copies took the place of others, and of
// anchors that came lately all that is known. Both are asked for every event of a
// reading, and a reading from the state each time costs more than all the rest.
type placement struct {
	first   map[store.Position]store.Position // of a copy: where the other one is
	written store.Position                    // up to here events were written down before
	anchors map[id.Key]map[uint64]store.Position
	known   int // messages in anchors
}

// mostPlaces bounds the messages that are known at a time.
const mostPlaces = 200_000

func (p *Pipeline) placement(ctx context.Context, written store.Position) (*placement, error) {
	d := &placement{first: map[store.Position]store.Position{}, written: written, anchors: map[id.Key]map[uint64]store.Position{}}
	at := store.SpanRange{Table: store.TableDisplaced, Span: store.AllBuckets()}
	err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
		if len(key) == 8 && len(parts) > 0 && len(parts[0]) == 8 {
			d.first[store.Position(binary.BigEndian.Uint64(key))] = store.Position(binary.BigEndian.Uint64(parts[0]))
		}
		return store.NextRow
	})
	return d, err
}

// placeOf finds where the message of a record stands that the log has there, or a copy
// of it. 0: it does not. Its lane is locked only for what is not known yet.
func (w *people) placeOf(ctx context.Context, l *lane, known *placement, r *store.Record, e *event.Event) (store.Position, error) {
	k, short := r.Anchor, id.Message(e.MessageID)
	places, ok := known.anchors[k]
	if place, found := places[short]; found {
		return place, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok {
		var err error
		if places, err = w.placesOf(ctx, k); err != nil {
			return 0, err
		}
		known.keep(k, places)
		if place, found := places[short]; found {
			return place, nil
		}
	}
	entry, err := w.entryOf(ctx, k, short, r.Position)
	if err != nil || entry == nil {
		return 0, err
	}
	return store.Position(entry.Position), nil
}

func (d *placement) keep(k id.Key, places map[uint64]store.Position) {
	if d.known += len(places); d.known > mostPlaces {
		clear(d.anchors)
		d.known = len(places)
	}
	d.anchors[k] = places
}

// placesOf gives the places of the messages that an anchor has in its row and in its
// first chunks.
func (w *people) placesOf(ctx context.Context, k id.Key) (map[uint64]store.Position, error) {
	a, err := w.peek(ctx, k)
	if a == nil || err != nil {
		return nil, err
	}
	list, err := w.firstChunks(ctx, a)
	if err != nil {
		return nil, err
	}
	out := make(map[uint64]store.Position, len(list)+len(a.open))
	for _, entries := range [][]profile.Entry{list, a.open} {
		for i := range entries {
			out[entries[i].Short] = store.Position(entries[i].Position)
		}
	}
	return out, nil
}

// tookWritten tells whether an event took the place of one that was written down
// before, itself or by others.
func (d *placement) tookWritten(at store.Position) bool {
	for {
		first, ok := d.first[at]
		if !ok {
			return false
		}
		if at = first; at <= d.written {
			return true
		}
	}
}

// countsAt tells whether the event of a record is the one of its message that a
// Follower writes down: the one that the timeline has, unless this took the
// place of another one that was written down before.
func (p *Pipeline) countsAt(ctx context.Context, r *store.Record, e *event.Event, places *placement) (bool, error) {
	l, w := p.lanes[p.laneIndex(r.Anchor.Bucket())], p.people[p.laneIndex(r.Anchor.Bucket())]
	place, err := w.placeOf(ctx, l, places, r, e)
	if err != nil || place != r.Position {
		return false, err
	}
	return !places.tookWritten(r.Position), nil
}

// Whole gives the person whose home an anchor is, with the identifiers in the
// order of their strength. It is nil where nobody is known by the anchor, or
// the person's home is another.
func (p *Pipeline) Whole(ctx context.Context, k id.Key) (*profile.View, error) {
	who, err := p.gatherSurface(ctx, k)
	if err != nil || who == nil || len(who.members) == 0 || who.members[0].Key() != k {
		return nil, err
	}
	opts, err := p.showing(ctx, who, false)
	if err != nil {
		return nil, err
	}
	opts.Bare = true
	v := profile.Assemble(who.members, who.partials(), opts)
	v.Identifiers = who.members
	return v, nil
}

// LogEnd is where the log ends.
func (p *Pipeline) LogEnd() store.Position { return p.store.Log().End() }

// OwnID is the id that an identifier has as a person of its own, by its key. It
// leads to whoever the identifier belongs to, now and later.
func (p *Pipeline) OwnID(k id.Key) string { return p.cipher.id(k) }

// KeyOf finds the identifier of such an id; ok is false where it is none, or of
// somebody who was erased.
func (p *Pipeline) KeyOf(ownID string) (k id.Key, ok bool) {
	k, gone, ok := p.cipher.key(ownID)
	return k, ok && !gone
}
