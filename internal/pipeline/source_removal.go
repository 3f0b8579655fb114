package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/store"
)

// What came from a source is in the log under many anchors. Removing it takes
// the records out of the log; the state is what the log folds into, so it is
// folded anew from what is left. That is exact where taking events out of sums,
// of the graph and of histories one by one could only be close.

// SourceData counts what the log holds of a source.
type SourceData struct {
	Events      int `json:"events" doc:"Events, copies included"`
	DeadLetters int `json:"dead_letters" doc:"Bodies that were not understood"`
	Changes     int `json:"changes" doc:"Outcomes of commands, such as items of a feed"`
	Identifiers int `json:"identifiers" doc:"Strongest identifiers that the events were about"`
	Entities    int `json:"entities" doc:"Orders, items and other entities that the changes were of"`
	Derived     int `json:"derived" doc:"Records that followed from them"`
}

// sourceSearch goes through the log.
type sourceSearch struct {
	source   string
	found    SourceData
	anchors  map[uint64]bool // of the events, by the beginning of their keys
	entities map[id.Key]bool
	// take hears of what is of the source; nil: it is counted only.
	take func(r *store.Record, payload []byte)
}

func newSourceSearch(source string) *sourceSearch {
	return &sourceSearch{source: source, anchors: map[uint64]bool{}, entities: map[id.Key]bool{}}
}

// CountSource counts what there is of a source. progress is told how much of the
// log was read.
func (p *Pipeline) CountSource(ctx context.Context, source string, progress func(done, end store.Position) error) (SourceData, error) {
	s := newSourceSearch(source)
	if err := p.settle(ctx); err != nil {
		return s.found, err
	}
	err := p.eachRecord(ctx, s.look, progress)
	s.found.Identifiers, s.found.Entities = len(s.anchors), len(s.entities)
	return s.found, err
}

// eachRecord reads the log, and tells now and then how far it is.
func (p *Pipeline) eachRecord(ctx context.Context, look func(*store.Record), progress func(done, end store.Position) error) error {
	end, n := p.store.Log().End(), 0
	return p.store.Log().Read(ctx, 0, func(r *store.Record) error {
		look(r)
		if n++; n%removalStep == 0 {
			return progress(r.Position, end)
		}
		return nil
	})
}

// Removed is how far the removal of a source has come. What lies behind a place
// in it may be gone already: doing it again changes nothing.
type Removed struct {
	// Derived is up to where what follows from the source's facts is gone.
	Derived store.Position `json:"derived,omitempty"`
	// Facts is up to where the facts are.
	Facts store.Position `json:"facts,omitempty"`
}

// RemoveSource takes out of the log, for good, what came from a source, slice by
// slice, and goes on from where an earlier call was. keep makes each place
// durable. Nothing waits for it: the instance goes on taking events. What the
// state knows stays as it is until it is rebuilt, then RemoveStale takes out what
// came to follow in between; a lake keeps what it has of the source.
func (p *Pipeline) RemoveSource(ctx context.Context, source string, from Removed, keep func(at Removed, end store.Position) error) error {
	if err := p.settle(ctx); err != nil {
		return err
	}
	if from.Derived == 0 {
		// The facts are there yet, to tell whose records follow from them.
		s, end := newSourceSearch(source), p.store.Log().End()
		if err := p.eachRecord(ctx, s.look, func(store.Position, store.Position) error { return keep(from, end) }); err != nil {
			return err
		}
		derived := func(r *store.Record, take func(payload []byte)) {
			if s.followed(r) { // made again of the events that stay
				take(nil)
			}
		}
		if err := p.redactSlices(ctx, span{0, end}, derived, func(store.Position) error { return keep(from, end) }); err != nil {
			return err
		}
		from.Derived = end
		if err := keep(from, end); err != nil {
			return err
		}
	}
	end := p.store.Log().End()
	s := newSourceSearch(source)
	facts := func(r *store.Record, take func(payload []byte)) {
		s.take = func(_ *store.Record, payload []byte) { take(payload) }
		s.look(r)
	}
	return p.redactSlices(ctx, span{from.Facts, end}, facts, func(at store.Position) error {
		clear(s.anchors)
		clear(s.entities)
		from.Facts = at
		return keep(from, end)
	})
}

// RemoveStale takes out of the log all that was derived between two places. It
// is for what came to follow from facts while they were taken out: of no use once
// the state was folded anew behind the second place, which made it again.
func (p *Pipeline) RemoveStale(ctx context.Context, from, to store.Position, keep func(at store.Position) error) error {
	return p.redactSlices(ctx, span{from, to}, func(r *store.Record, take func(payload []byte)) {
		if !r.Kind.Fact() {
			take(nil)
		}
	}, keep)
}

// span is a part of the log: what is behind the first place, up to the last.
type span struct{ from, to store.Position }

// removalStep is how many records are taken out at a time, removalRead how many
// are read for that at most.
const (
	removalStep = 20_000
	removalRead = 500_000
)

// errSlice ends the reading of a slice.
var errSlice = errors.New("the slice is full")

// redactSlices goes through a part of the log and takes out what look says, in
// slices. keep is told the end of each slice when that is done.
func (p *Pipeline) redactSlices(ctx context.Context, of span, look func(r *store.Record, take func(payload []byte)), keep func(store.Position) error) error {
	for of.from < of.to {
		at, err := p.redactSlice(ctx, of, look)
		if err != nil {
			return err
		}
		if err := keep(at); err != nil {
			return err
		}
		of.from = at
	}
	return nil
}

// redactSlice takes out what look says of the first records of a part, and gives
// the place behind them. Nothing else rewrites records meanwhile.
func (p *Pipeline) redactSlice(ctx context.Context, of span, look func(r *store.Record, take func(payload []byte))) (at store.Position, err error) {
	p.privacy.one.Lock()
	defer p.privacy.one.Unlock()
	var changes []store.Redaction
	var letters []store.Position
	read := 0
	err = p.store.Log().Read(ctx, of.from, func(r *store.Record) error {
		if r.Position > of.to || read == removalRead || len(changes) == p.removalSlice {
			return errSlice
		}
		read++
		at = r.Position
		if r.Payload == nil {
			return nil // gone already
		}
		look(r, func(payload []byte) {
			changes = append(changes, store.Redaction{At: r.Position, Payload: payload})
			if r.Kind == store.KindDeadLetter {
				letters = append(letters, r.Position)
			}
		})
		return nil
	})
	switch {
	case err == nil, errors.Is(err, errSlice) && at == 0: // nothing more is there
		at = of.to
	case !errors.Is(err, errSlice):
		return at, err
	}
	return at, p.takeOut(ctx, changes, letters)
}

// takeOut rewrites records, once nobody waits for the letters among them.
func (p *Pipeline) takeOut(ctx context.Context, changes []store.Redaction, letters []store.Position) error {
	if len(changes) == 0 {
		return nil
	}
	if err := p.giveUp(ctx, letters); err != nil {
		return err
	}
	if err := p.persist(ctx); err != nil {
		return err
	}
	_, err := p.store.Log().Redact(ctx, changes)
	return err
}

// short is the beginning of a key: two keys that share it are as one here, which
// takes out what is made again.
func short(k id.Key) uint64 { return binary.BigEndian.Uint64(k[:]) }

func (s *sourceSearch) remove(r *store.Record, payload []byte) {
	if s.take != nil {
		s.take(r, payload)
	}
}

func (s *sourceSearch) look(r *store.Record) {
	if r.Payload == nil {
		return
	}
	switch r.Kind {
	case store.KindBase:
		if b, err := readBase(r.Payload, nil); err == nil && b.source == s.source {
			s.anchors[short(r.Anchor)] = true
			s.remove(r, nil)
		}
	case store.KindEvent, store.KindReplay:
		if d, ok := event.ReadDropped(r.Payload); ok {
			if d.Source == s.source {
				s.found.Events++
				s.anchors[short(r.Anchor)] = true
				s.remove(r, nil)
			}
			return
		}
		if env, _, err := event.ReadPayload(r.Payload); err == nil && env.Source == s.source {
			s.found.Events++
			s.anchors[short(r.Anchor)] = true
			s.remove(r, nil)
		}
	case store.KindDeadLetter:
		s.letter(r)
	case store.KindChange:
		if c, err := readChange(r.Payload); err == nil && c.Source == s.source {
			s.found.Changes++
			s.entities[catalog.Key(c.Kind, c.ID)] = true
			s.remove(r, nil)
		}
	case store.KindPortion:
		if _, part, err := readPortion(r.Payload); err == nil && part.Source == s.source {
			s.found.Derived++
			s.remove(r, nil)
		}
	default:
		if s.followed(r) {
			s.found.Derived++
		}
	}
}

// followed tells whether a record follows from events of the source: one of
// somebody they are about, or one in which a home names such people as its own.
func (s *sourceSearch) followed(r *store.Record) bool {
	if r.Kind.Fact() || s.anchors[short(r.Anchor)] {
		return !r.Kind.Fact()
	}
	if r.Kind != store.KindPerson {
		return false
	}
	p, err := graph.ReadPerson(r.Payload)
	return err == nil && slices.ContainsFunc(p.Members, func(i event.Identifier) bool { return s.anchors[short(i.Key())] })
}

// letter leaves of a dead letter why it was one.
func (s *sourceSearch) letter(r *store.Record) {
	d, err := readDeadLetter(r.Payload)
	if err != nil || d.Envelope.Source != s.source || len(d.Body) == 0 {
		return
	}
	s.found.DeadLetters++
	bare := DeadLetter{Reason: d.Reason, Envelope: event.Envelope{Dialect: d.Envelope.Dialect, Source: d.Envelope.Source, Received: d.Envelope.Received}}
	s.remove(r, bare.append(nil))
}

// giveUp discards the dead letters that still wait.
func (p *Pipeline) giveUp(ctx context.Context, letters []store.Position) error {
	for _, at := range letters {
		_, err := p.buried(ctx, deadLetterID(at))
		if fault.KindOf(err) == fault.NotFound || errors.Is(err, store.ErrErased) {
			continue // decided before
		}
		if err != nil {
			return err
		}
		if _, err := p.rule(ctx, verdict{DeadLetter: at, Decision: "discarded"}); err != nil {
			return err
		}
	}
	return nil
}
