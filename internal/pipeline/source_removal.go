package pipeline

import (
	"context"
	"errors"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/fault"
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
	take     bool // what is found is taken out; else it is counted only
	found    SourceData
	changes  []store.Redaction
	letters  []store.Position
	anchors  map[id.Key]bool
	entities map[id.Key]bool
}

// SourceData counts what there is of a source, and removes it where remove says
// so: from the log, for good. What the state knows stays as it is until it is
// rebuilt, and a lake keeps what it has of the source. progress is told how much
// of the log was read.
func (p *Pipeline) SourceData(ctx context.Context, source string, remove bool, progress func(done, end store.Position) error) (SourceData, error) {
	s := &sourceSearch{source: source, take: remove, anchors: map[id.Key]bool{}, entities: map[id.Key]bool{}}
	if err := p.settle(ctx); err != nil {
		return s.found, err
	}
	end, n := p.store.Log().End(), 0
	err := p.store.Log().Read(ctx, 0, func(r *store.Record) error {
		s.look(r)
		if n++; n%removalStep == 0 {
			return progress(r.Position, end)
		}
		return nil
	})
	s.found.Identifiers, s.found.Entities = len(s.anchors), len(s.entities)
	if err != nil || !remove {
		return s.found, err
	}
	p.privacy.one.Lock() // one at a time changes the log
	defer p.privacy.one.Unlock()
	if err := p.giveUp(ctx, s.letters); err != nil {
		return s.found, err
	}
	if err := p.persist(ctx); err != nil {
		return s.found, err
	}
	for at := 0; at < len(s.changes); at += removalStep {
		if _, err := p.store.Log().Redact(ctx, s.changes[at:min(at+removalStep, len(s.changes))]); err != nil {
			return s.found, err
		}
		if err := progress(end, end); err != nil {
			return s.found, err
		}
	}
	return s.found, nil
}

// removalStep is how many records are looked at, or taken out, at a time.
const removalStep = 20_000

func (s *sourceSearch) remove(r *store.Record, payload []byte) {
	if !s.take {
		return
	}
	s.changes = append(s.changes, store.Redaction{At: r.Position, Payload: payload})
}

func (s *sourceSearch) look(r *store.Record) {
	if r.Payload == nil {
		return
	}
	switch r.Kind {
	case store.KindBase:
		if b, err := readBase(r.Payload, nil); err == nil && b.source == s.source {
			s.anchors[r.Anchor] = true
			s.remove(r, nil)
		}
	case store.KindEvent, store.KindReplay:
		if d, ok := event.ReadDropped(r.Payload); ok {
			if d.Source == s.source {
				s.found.Events++
				s.anchors[r.Anchor] = true
				s.remove(r, nil)
			}
			return
		}
		if env, _, err := event.ReadPayload(r.Payload); err == nil && env.Source == s.source {
			s.found.Events++
			s.anchors[r.Anchor] = true
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
		if !r.Kind.Fact() && s.anchors[r.Anchor] { // made of the events, and made again of those that stay
			s.found.Derived++
			s.remove(r, nil)
		}
	}
}

// letter leaves of a dead letter why it was one.
func (s *sourceSearch) letter(r *store.Record) {
	d, err := readDeadLetter(r.Payload)
	if err != nil || d.Envelope.Source != s.source || len(d.Body) == 0 {
		return
	}
	s.found.DeadLetters++
	if !s.take {
		return
	}
	s.letters = append(s.letters, r.Position)
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
