package pipeline

import (
	"context"
	"encoding/json"
	"maps"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/store"
)

// FactCommand is an operator's word on identifiers, before it is a fact.
type FactCommand struct {
	Op    identity.Op
	A     event.Identifier
	B     *event.Identifier
	Note  string
	Actor string
}

// SayIdentity makes an operator's word a fact and waits until it counts. Its
// identifiers are normalised like those of events.
func (p *Pipeline) SayIdentity(ctx context.Context, c FactCommand) (identity.Fact, Receipt, error) {
	f := identity.Fact{Op: c.Op, A: c.A, B: c.B, Note: c.Note, Actor: c.Actor}
	var err error
	if f.A, err = p.normal("/a", f.A); err != nil {
		return f, Receipt{}, err
	}
	if f.B != nil {
		b, err := p.normal("/b", *f.B)
		if err != nil {
			return f, Receipt{}, err
		}
		f.B = &b
	}
	if err := f.Check(); err != nil {
		return f, Receipt{}, err
	}
	return p.say(ctx, f)
}

func (p *Pipeline) normal(at string, i event.Identifier) (event.Identifier, error) {
	if i.Namespace == "" || i.Value == "" {
		return i, fault.Errorf(fault.Invalid, "invalid_identity_fact", "an identifier is missing: give {\"namespace\", \"value\"}").At(at)
	}
	n, reason := p.Rules().Normalise(i)
	if reason == identity.ReasonBlocked {
		return n, nil // what the rules block may be spoken of
	}
	if reason != "" {
		return n, fault.Errorf(fault.Invalid, "invalid_identity_fact", "%s names nobody: %s", i, reason).At(at)
	}
	return n, nil
}

// WithdrawFact takes back what an operator said: a later fact on the same
// identifiers.
func (p *Pipeline) WithdrawFact(ctx context.Context, factID, actor string) (identity.Fact, Receipt, error) {
	var found *identity.Fact
	p.graphLane.mu.Lock()
	for _, f := range p.graph.Facts(false) {
		if f.ID == factID {
			found = &f
		}
	}
	p.graphLane.mu.Unlock()
	if found == nil {
		return identity.Fact{}, Receipt{}, fault.Errorf(fault.NotFound, "identity_fact_not_found", "no fact %q counts; it may have been withdrawn or overruled by a later one", factID)
	}
	f := *found
	f.Withdrawn, f.Actor, f.Note = true, actor, ""
	return p.say(ctx, f)
}

// say appends a fact. Another one on the same identifiers waits until it is
// applied, so that the later word has the later time.
func (p *Pipeline) say(ctx context.Context, f identity.Fact) (identity.Fact, Receipt, error) {
	pair := f.Pair()
	var random [16]byte
	p.random(random[:])
	f.ID = id.UUID(random)
	f.Time = p.after(pair)
	payload, err := json.Marshal(verdict{Identity: &f})
	if err != nil {
		return f, Receipt{}, err
	}
	r, err := p.append(ctx, &store.Frame{Records: []store.Record{{
		Kind: store.KindVerdict, Bucket: id.CommonBucket, Anchor: f.A.Key(), Received: f.Time, Payload: payload,
	}}})
	if err != nil {
		return f, r, err
	}
	return f, r, p.WaitApplied(ctx, r)
}

// after is the present, or a moment after the last word on the pair where the
// clock stands still.
func (p *Pipeline) after(pair identity.Pair) clock.Instant {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	now := p.clock.Now()
	for _, f := range p.graph.Facts(true) {
		if f.Pair() == pair {
			now = max(now, f.Time+1)
		}
	}
	return now
}

// IdentityFacts lists what operators said and what of it counts, in the order
// of time.
func (p *Pipeline) IdentityFacts() []identity.Fact {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	return p.graph.Facts(false)
}

// IdentityState is how far the identity rules are applied, and what the graph
// counts.
type IdentityState struct {
	RulesVersion int               `json:"rules_version" doc:"0: the rules of a new instance"`
	Applied      bool              `json:"applied" doc:"The rules are applied to all identifiers"`
	Progress     float64           `json:"progress" minimum:"0" maximum:"1"`
	Changed      RulesChanges      `json:"changed" doc:"What applying them has changed so far"`
	Identifiers  uint64            `json:"identifiers"`
	Merges       uint64            `json:"merges"`
	Splits       uint64            `json:"splits"`
	Oversized    uint64            `json:"oversized" doc:"How often a component was too large to be resolved at once"`
	Dropped      map[string]uint64 `json:"dropped" doc:"Identifiers of stored events that do not count, by reason"`
}

// RulesChanges is what other rules change.
type RulesChanges struct {
	Merges uint64 `json:"merges"`
	Splits uint64 `json:"splits"`
}

// IdentityState tells how far the identity rules are applied.
func (p *Pipeline) IdentityState() IdentityState {
	var sum tally
	for _, l := range p.lanes {
		l.mu.Lock()
		sum.add(p.tallies[l])
		l.mu.Unlock()
	}
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	rules, s := p.graph.Progress()
	out := IdentityState{
		RulesVersion: rules.Version, Applied: s.Done || s.Since == 0, Progress: 1, Changed: RulesChanges{s.Merges, s.Splits},
		Identifiers: sum.Identifiers, Merges: sum.Merges, Splits: sum.Splits, Oversized: sum.Oversized, Dropped: map[string]uint64{},
	}
	maps.Copy(out.Dropped, sum.Dropped)
	if !out.Applied {
		out.Progress = s.Share()
	}
	return out
}

// PreviewRules tells what other rules would change, without changing anything.
func (p *Pipeline) PreviewRules(ctx context.Context, rules *identity.Rules) (*graph.IdentityPreview, error) {
	if err := p.graphLane.commit(ctx); err != nil {
		return nil, err
	}
	return graph.Preview(ctx, graph.PreviewQuery{State: p.store.State(), Facts: p.allFacts(), Now: p.Rules(), Then: rules})
}

func (p *Pipeline) allFacts() []identity.Fact {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	return p.graph.Facts(true)
}
