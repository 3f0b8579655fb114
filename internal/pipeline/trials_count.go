package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/clock"
	"rapport/internal/experiment"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/store"
	"rapport/internal/trial"
)

// trialsRest is how many people are counted before live work goes first.
const trialsRest = 64

// countDoubtful counts everybody anew who is in doubt when it is called.
func (p *Pipeline) countDoubtful(ctx context.Context, rest func(took time.Duration)) error {
	t := p.trials
	if !t.known.Load() && t.version.Load() == p.Definitions() {
		return nil
	}
	t.looking.Lock()
	defer t.looking.Unlock()
	if err := p.readMeters(ctx); err != nil {
		return err
	}
	begun := p.clock()
	for i, k := range t.doubtful() {
		if p.stopping() {
			return nil
		}
		if err := p.countAnew(ctx, k); err != nil {
			return err
		}
		if i%trialsRest == trialsRest-1 {
			rest(p.clock().Sub(begun))
			begun = p.clock()
		}
	}
	return nil
}

// countAnew brings one home's part in the sums up to date. Where something of
// the person changes meanwhile it stays in doubt.
func (p *Pipeline) countAnew(ctx context.Context, k id.Key) error {
	number := p.trials.numberOf(k)
	list, err := p.count(ctx, k)
	if err != nil {
		return err
	}
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	before, err := w.trialsOf(ctx, k)
	if err != nil {
		return err
	}
	was, err := trial.Read(before)
	if err != nil {
		return fmt.Errorf("trials of %s: %w", k, err)
	}
	t := p.trials
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.doubts[k] != number {
		return nil
	}
	delete(t.doubts, k)
	for i := range was {
		t.add(&was[i], -1)
	}
	for i := range list {
		t.add(&list[i], 1)
	}
	w.position = max(w.position, l.applied)
	var row []byte
	if len(list) > 0 {
		row = trial.Append(nil, list)
	}
	w.ledger.count(k, row, len(was) > 0)
	return nil
}

// count says what the person of a home counts for; nothing where there is none.
func (p *Pipeline) count(ctx context.Context, k id.Key) ([]trial.Trial, error) {
	home, err := p.isHome(ctx, k)
	if err != nil || !home {
		return nil, err
	}
	who, _, err := p.gatherRows(ctx, k, (*anchor).counted)
	if err != nil || who == nil {
		return nil, err
	}
	shown := who.shown()
	if len(shown) == 0 {
		return nil, nil
	}
	entries, err := p.entries(ctx, who)
	if err != nil {
		return nil, err
	}
	var out []trial.Trial
	for _, key := range shown.Experiments() {
		first, several := shown.First(key)
		p.trials.mu.Lock()
		m := p.trials.meters[key].Meter
		p.trials.mu.Unlock()
		if m == nil {
			out = append(out, trial.Trial{Experiment: key, Phase: first.Phase, Variant: first.Variant, First: first.First, Several: several})
			continue
		}
		hits, err := p.hitsOf(ctx, m, first, entries)
		if err != nil {
			return nil, err
		}
		x := m.Of(first, several, hits)
		if m.Learns() {
			if err := p.propensity(ctx, &x, entries); err != nil {
				return nil, err
			}
		}
		out = append(out, x)
	}
	trial.Sort(out)
	return out, nil
}

// isHome tells whether an anchor is the home of a person.
func (p *Pipeline) isHome(ctx context.Context, k id.Key) (bool, error) {
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.isSwept(k) {
		return false, nil
	}
	if a, ok := w.anchors.Get(k); ok {
		return !a.elsewhere() && a.ident.Value != "", nil
	}
	a, err := w.copyAnchor(ctx, k)
	return a != nil && !a.elsewhere(), err
}

// shown is what a person was shown of experiments.
func (who *person) shown() experiment.Register {
	var out experiment.Register
	for _, a := range who.anchors {
		out = out.Merge(shownBy(a.partial))
	}
	return out
}

func shownBy(p *profile.Partial) (out experiment.Register) {
	p.EachVariant(func(mark string, first clock.Instant) {
		if e, ok := experiment.ReadMark(mark, first); ok {
			out = append(out, e)
		}
	})
	return out
}

// hitsOf reads what of a person's events counts.
func (p *Pipeline) hitsOf(ctx context.Context, m *trial.Meter, first *experiment.Exposure, entries []profile.Entry) ([]trial.Hit, error) {
	var hits []trial.Hit
	from := first.First.Add(-m.Reach())
	for i := range entries {
		e := &entries[i]
		wants, body := m.Wants(e)
		if !wants || e.Time < from {
			continue
		}
		if !body {
			hits = m.Read(hits, e, jsondoc.Value{})
			continue
		}
		at := hitKey{e.Position, m.Signature()}
		found, ok := p.trials.hits[at]
		if !ok {
			properties, err := p.propertiesAt(ctx, e)
			if err != nil {
				return nil, err
			}
			found = m.Read(nil, e, properties)
			p.trials.hits.put(at, found)
		}
		hits = append(hits, found...)
	}
	return hits, nil
}

// propertiesAt reads those of an event; nothing where it was erased.
func (p *Pipeline) propertiesAt(ctx context.Context, e *profile.Entry) (jsondoc.Value, error) {
	rec, err := p.store.Log().At(ctx, store.Position(e.Position))
	if errors.Is(err, store.ErrErased) {
		return jsondoc.Value{}, nil
	}
	if err != nil {
		return jsondoc.Value{}, err
	}
	ev, err := p.decode(rec.Payload)
	switch {
	case err == nil:
		return ev.Properties, nil
	case fault.KindOf(err) == fault.Invalid:
		err = nil // today's mapping does not understand it: it counts for nothing
	}
	return jsondoc.Value{}, err
}

// hitKey names what an event counted for by a meter.
type hitKey struct {
	position  uint64
	signature uint64
}

// hitCache spares reading events again that were counted already.
type hitCache map[hitKey][]trial.Hit

const maxHits = 1 << 16

func (c hitCache) put(k hitKey, hits []trial.Hit) {
	if len(c) >= maxHits {
		clear(c)
	}
	c[k] = hits
}
