package outbox

import (
	"context"

	"rapport/internal/effect"
	"rapport/internal/id"
	"rapport/internal/pipeline"
)

// Farewells is of pipeline.Audiences. Consent is not asked: nobody may keep
// somebody because they said no.
func (o *Outbox) Farewells(ctx context.Context, anchors []id.Key, people []string) ([]effect.Fact, error) {
	o.look()
	var who *pipeline.Subject
	var at id.Key
	for i := 0; who == nil && i < len(anchors); i++ {
		var err error
		at = anchors[i]
		if who, err = o.Spine.Subject(ctx, at, true, nil); err != nil {
			return nil, err
		}
	}
	if who == nil {
		return nil, nil
	}
	var drafts []draft
	for _, key := range o.keys() {
		l := o.line(key)
		target, version := l.current()
		if target == nil || target.Audience == nil || l.base != "" {
			continue
		}
		if kind, err := o.kind(target.Type); err != nil || kind.Retaken != nil && kind.Retaken(target.Settings) {
			continue
		}
		for _, person := range people {
			view := *who.View
			view.ID = person
			d := draft{line: l, target: target, version: version, person: &pipeline.Subject{View: &view}, as: effect.Member, change: "removed"}
			d.Plan = effect.Plan{Anchor: at, Destination: key, Kind: effect.Member, Segment: target.Audience.Segment, Time: o.now()}
			d.Cause = effect.CauseOf(at, "erased "+person)
			drafts = append(drafts, d)
		}
	}
	known, err := o.recall(ctx, drafts)
	if err != nil {
		return nil, err
	}
	var out []effect.Fact
	for i := range drafts {
		d := &drafts[i]
		if known[d.told()] != knownIn {
			continue
		}
		o.fill(d)
		f := d.fact(d.Time)
		f.Kind, f.Text, f.Last = "", "", true // no plan is settled
		out = append(out, f)
	}
	return out, nil
}

// Part is of pipeline.Audiences.
func (o *Outbox) Part(ctx context.Context, list []effect.Fact) error {
	o.composing.RLock()
	defer o.composing.RUnlock()
	facts, era := make([]pipeline.Effect, len(list)), o.era.Load()
	for i, f := range list {
		facts[i] = pipeline.Effect{Anchor: pipeline.FarewellAnchor(f.ID), Fact: f}
	}
	places, err := o.Spine.KeepEffects(ctx, facts)
	if err != nil {
		return err
	}
	for i := range facts {
		if l := o.line(facts[i].Destination); l != nil && facts[i].Op == effect.OpSend {
			l.push(&message{Effect: facts[i], sent: places[i], era: era})
		}
	}
	return nil
}

// forgetFarewells destroys what was said of people who are erased, as soon as it
// came to its end: before that is written down, so that no crash leaves it.
func (o *Outbox) forgetFarewells(ctx context.Context, list []pipeline.Effect) error {
	var over []string
	for i := range list {
		if list[i].Last && list[i].Outcome.Final() {
			over = append(over, list[i].ID)
		}
	}
	if len(over) == 0 {
		return nil
	}
	return o.Spine.ForgetFarewells(ctx, over...)
}
