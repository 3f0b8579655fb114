package pipeline

import (
	"context"

	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
	"rapport/internal/trial"
)

// propensity takes from a bandit's exposure with what chance it came, and by
// what was known of the person then.
func (p *Pipeline) propensity(ctx context.Context, x *trial.Trial, entries []profile.Entry) error {
	name := profile.HashName(event.ExposureName)
	for i := range entries {
		e := &entries[i]
		if e.Name != name || e.Time != x.First || e.Type != event.Track {
			continue
		}
		v, err := p.propertiesAt(ctx, e)
		if err != nil {
			return err
		}
		phase, _ := v.Get(event.ExposurePhase).Int()
		if v.Get(event.ExposureExperiment).Text() != x.Experiment || v.Get(event.ExposureVariant).Text() != x.Variant || int(phase) != x.Phase {
			continue
		}
		n, _ := v.Get(event.ExposurePropensity).Int()
		x.Propensity, x.Policy = int(n), v.Get(event.ExposurePolicy).Text()
		for f := range v.Get(event.ExposureFeatures).Elements() {
			n, _ := f.Int()
			x.Features = append(x.Features, n)
		}
		return nil
	}
	return nil
}

// Tallied is what an experiment has counted.
type Tallied struct {
	*trial.Meter
	Version int // of the definition
	Book    *trial.Book
	Waiting int // people who changed since and are not counted anew yet, of all experiments
}

// Tally gives what an experiment has counted, of everything that is applied; nil
// where it has no live definition.
func (p *Pipeline) Tally(ctx context.Context, key string) (*Tallied, error) {
	if err := p.countDoubtful(ctx, p.giveWay); err != nil {
		return nil, err
	}
	t := p.trials
	t.mu.Lock()
	defer t.mu.Unlock()
	m, b := t.meters[key], t.books[key]
	if m.Meter == nil || b == nil {
		return nil, nil
	}
	return &Tallied{m.Meter, m.version, b.Clone(), len(t.doubts)}, nil
}

// EachTrial visits what everybody counts for in an experiment, in no order that
// means anything, but always the same.
func (p *Pipeline) EachTrial(ctx context.Context, key string, visit func(*trial.Trial) error) error {
	if err := p.countDoubtful(ctx, p.giveWay); err != nil {
		return err
	}
	return p.eachTrial(ctx, func(_ id.Key, list []trial.Trial) error {
		for i := range list {
			if list[i].Experiment == key {
				return visit(&list[i])
			}
		}
		return nil
	})
}

// Shown gives what was shown to whom identifiers name, of experiments.
func (p *Pipeline) Shown(ctx context.Context, idents []event.Identifier) (experiment.Register, error) {
	var out experiment.Register
	if !p.trials.known.Load() {
		return out, nil
	}
	keys := make([]id.Key, len(idents))
	for i := range idents {
		keys[i] = idents[i].Key()
	}
	people, err := p.askGraph(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, who := range people {
		if i > 0 && who == people[i-1] {
			continue
		}
		if who.apart {
			person, err := p.gatherKey(ctx, who.keys[0])
			if err != nil {
				return nil, err
			}
			if person != nil {
				out = out.Merge(person.shown())
			}
			continue
		}
		for _, k := range who.keys {
			shown, err := p.shownTo(ctx, k)
			if err != nil {
				return nil, err
			}
			out = out.Merge(shown)
		}
	}
	return out, nil
}

// shownTo gives what was shown to one anchor.
func (p *Pipeline) shownTo(ctx context.Context, k id.Key) (experiment.Register, error) {
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, ok := w.anchors.Get(k); ok {
		return shownBy(a.partial), nil
	}
	if w.isSwept(k) {
		return nil, nil
	}
	if w.heads.has(k) || w.cold[k] != nil || w.blank[k] {
		return nil, nil // of whom no more than a head is in memory was never shown anything
	}
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableAnchors, Bucket: k.Bucket(), Key: k[:]}})
	if err != nil {
		return nil, err
	}
	if rows[0] == nil {
		w.noteBlank(k)
		return nil, nil
	}
	a, err := readAnchor(k, rows[0], nil)
	if err != nil {
		return nil, err
	}
	return shownBy(a.partial), nil
}
