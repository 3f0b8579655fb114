package pipeline

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/profile"
)

// IdentityView says why the identifiers of a person are one person, and why
// others are not.
type IdentityView struct {
	ID           string                   `json:"id"`
	RulesVersion int                      `json:"rules_version" doc:"0: the rules of a new instance"`
	Identifiers  []profile.IdentifierSeen `json:"identifiers" nullable:"false"`
	Links        []LinkView               `json:"links" nullable:"false"`
	Refused      []LinkView               `json:"refused" nullable:"false" doc:"Identifiers that were seen with the person's and do not link"`
	Shared       []SharedView             `json:"shared" nullable:"false" doc:"Identifiers that others use too"`
	// FormerIDs are the ids that also lead here: one for each identifier.
	FormerIDs []string        `json:"former_ids" nullable:"false"`
	Facts     []identity.Fact `json:"facts" nullable:"false" doc:"What operators said of these identifiers"`
	Audit     []AuditEntry    `json:"audit" nullable:"false" doc:"The newest merges and splits that concern the person, oldest first"`
}

// LinkView is two identifiers that were on the same event.
type LinkView struct {
	Strong        event.Identifier `json:"strong"`
	Weak          event.Identifier `json:"weak"`
	FirstSeen     clock.Instant    `json:"first_seen"`
	LastSeen      clock.Instant    `json:"last_seen"`
	FirstReceived clock.Instant    `json:"first_received"`
	// Sightings counts the quarters of an hour in which they were seen together.
	Sightings int `json:"sightings"`
	// Rule is why it links: seen_together. Empty where it does not.
	Rule string `json:"rule,omitempty"`
	// Reason is why it does not link.
	Reason identity.Reason `json:"reason,omitempty" doc:"ignored, cannot_link, blocked, shared, limit:<namespace>, not_resolved"`
}

// SharedView is an identifier that more than one person uses, with the times
// in which it is this person's.
type SharedView struct {
	Identifier event.Identifier `json:"identifier"`
	Owned      []OwnedView      `json:"owned" nullable:"false"`
}

// OwnedView is a time: from is in it, to is not; null has no end.
type OwnedView struct {
	From *clock.Instant `json:"from"`
	To   *clock.Instant `json:"to"`
}

// maxAudit is how many entries of the audit a person's view has.
const maxAudit = 100

// Identity explains a person's links.
func (p *Pipeline) Identity(ctx context.Context, ref string) (*IdentityView, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	v := &IdentityView{
		ID: who.id, RulesVersion: p.Rules().Version, Identifiers: who.members, Links: []LinkView{}, Refused: []LinkView{}, Shared: []SharedView{},
		FormerIDs: []string{}, Facts: []identity.Fact{}, Audit: []AuditEntry{},
	}
	refused, err := p.explainGraph(ctx, who, v)
	if err != nil {
		return nil, err
	}
	for _, a := range who.anchors {
		for _, e := range a.edges {
			l := LinkView{Strong: a.ident, Weak: e.ident, FirstSeen: e.first, LastSeen: e.last, FirstReceived: e.received, Sightings: len(e.seen)}
			if l.Reason = refused[identity.PairOf(a.key, e.key)]; l.Reason != "" {
				v.Refused = append(v.Refused, l)
			} else {
				l.Rule = "seen_together"
				v.Links = append(v.Links, l)
			}
		}
	}
	for _, f := range v.Facts {
		if f.Op == identity.MustLink {
			v.Links = append(v.Links, LinkView{Strong: f.A, Weak: *f.B, FirstSeen: f.Time, LastSeen: f.Time, FirstReceived: f.Time, Rule: "must_link"})
		}
	}
	v.sort(p.Rules())
	for _, m := range who.members {
		if other := p.cipher.id(m.Key()); other != who.id {
			v.FormerIDs = append(v.FormerIDs, other)
		}
	}
	slices.Sort(v.FormerIDs)
	return v, p.auditOf(ctx, who, v)
}

func (v *IdentityView) sort(rules *identity.Rules) {
	for _, list := range [...][]LinkView{v.Links, v.Refused} {
		slices.SortFunc(list, func(a, b LinkView) int {
			if c := rules.Compare(a.Strong, b.Strong); c != 0 {
				return c
			}
			return rules.Compare(a.Weak, b.Weak)
		})
	}
}

// explainGraph adds what the graph knows of a person: shared identifiers, what
// operators said, and why edges do not link.
func (p *Pipeline) explainGraph(ctx context.Context, who *person, v *IdentityView) (map[identity.Pair]identity.Reason, error) {
	for _, s := range who.shared {
		view := SharedView{Identifier: s.Identifier, Owned: []OwnedView{}}
		for _, i := range s.Owned {
			view.Owned = append(view.Owned, viewOf(i))
		}
		v.Shared = append(v.Shared, view)
	}
	l, g := p.graphLane, p.graph
	l.mu.Lock()
	defer l.mu.Unlock()
	keys, members := make([]id.Key, len(who.members)), make([]event.Identifier, len(who.members))
	for i, m := range who.members {
		keys[i], members[i] = m.Key(), m.Identifier
	}
	g.About(members, func(f *identity.Fact) { v.Facts = append(v.Facts, *f) })
	return g.Refusals(ctx, keys)
}

func viewOf(i graph.Interval) (v OwnedView) {
	if i.From != identity.Beginning {
		v.From = &i.From
	}
	if i.To != identity.End {
		v.To = &i.To
	}
	return v
}

// auditOf adds the newest entries of the audit that name an identifier of the
// person.
func (p *Pipeline) auditOf(ctx context.Context, who *person, v *IdentityView) error {
	if err := p.graphLane.commit(ctx); err != nil {
		return err
	}
	keys := make([]id.Key, len(who.members))
	for i, m := range who.members {
		keys[i] = m.Key()
	}
	p.graphLane.mu.Lock()
	rows, err := p.graph.AuditOf(ctx, keys, maxAudit)
	p.graphLane.mu.Unlock()
	for i := range rows {
		v.Audit = append(v.Audit, p.showAudit(ctx, &rows[i], p.Rules()))
	}
	return err
}
