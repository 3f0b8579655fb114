package pipeline

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/profile"
	"rapport/internal/store"
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
		view := SharedView{Identifier: s.ident, Owned: []OwnedView{}}
		for _, i := range s.owned {
			view.Owned = append(view.Owned, i.view())
		}
		v.Shared = append(v.Shared, view)
	}
	l, g := p.graphLane, p.graph
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := make([]id.Key, len(who.members))
	said := map[string]bool{}
	for i, m := range who.members {
		keys[i] = m.Key()
		for _, f := range g.facts.About(keys[i]) {
			if !said[f.ID] {
				said[f.ID] = true
				v.Facts = append(v.Facts, *f)
			}
		}
	}
	return g.refusals(ctx, keys)
}

func (i interval) view() (v OwnedView) {
	if i.from != identity.Beginning {
		v.From = &i.from
	}
	if i.to != identity.End {
		v.To = &i.to
	}
	return v
}

// refusals says why the edges of a person do not link, those that do not.
func (g *graph) refusals(ctx context.Context, keys []id.Key) (map[identity.Pair]identity.Reason, error) {
	out := map[identity.Pair]identity.Reason{}
	if err := g.loadWhole(ctx, keys); err != nil {
		return nil, err
	}
	edges := 0
	for _, k := range keys {
		n, ok := g.nodes.get(k)
		if !ok {
			continue
		}
		if c := g.find(n.component); c != nil {
			edges = max(edges, c.edges)
		}
		if err := g.deadEdges(ctx, n, out); err != nil {
			return nil, err
		}
	}
	if edges > g.large {
		return out, nil // too many to replay for a question
	}
	r, err := g.region(ctx, keys)
	if err != nil || len(r.nodes) == 0 {
		return out, err
	}
	r.connect()
	o := g.rules.Resolve(r.edges, &g.facts)
	for _, x := range o.Refused {
		e := r.edges.Edges[x.Edge]
		out[identity.PairOf(r.nodes[e.U].key, r.nodes[e.V].key)] = x.Reason
	}
	return out, nil
}

// deadEdges notes which edges of a node cannot link whatever else there is.
func (g *graph) deadEdges(ctx context.Context, n *node, out map[identity.Pair]identity.Reason) error {
	others := make([]id.Key, len(n.edges))
	for i := range n.edges {
		others[i] = n.edges[i].to
	}
	if err := g.loadNodes(ctx, others); err != nil {
		return err
	}
	for _, k := range others {
		o, ok := g.nodes.get(k)
		if !ok {
			continue
		}
		if reason := g.deadEdge(n, o); reason != "" {
			out[identity.PairOf(n.key, o.key)] = reason
		}
	}
	return nil
}

// deadEdge says why two nodes cannot link whatever else there is.
func (g *graph) deadEdge(a, b *node) identity.Reason {
	switch said := g.facts.Between(a.key, b.key); {
	case said == identity.Ignore:
		return identity.ReasonIgnored
	case a.role == identity.NamesNobody || b.role == identity.NamesNobody:
		return identity.ReasonBlockedNode
	case said == identity.CannotLink:
		return identity.ReasonCannotLink
	case said != identity.MustLink && (a.role == identity.Hub || b.role == identity.Hub):
		return identity.ReasonHub
	}
	return ""
}

// auditedEdges visits the entries that edges of a person name.
func (g *graph) auditedEdges(ctx context.Context, l *lane, who *person, visit func(auditRef)) error {
	keys := make([]id.Key, len(who.members))
	for i, m := range who.members {
		keys[i] = m.Key()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := g.loadNodes(ctx, keys); err != nil {
		return err
	}
	for _, k := range keys {
		if n, ok := g.nodes.get(k); ok {
			n.audited(visit)
		}
	}
	return nil
}

// audited visits the entries that edges of a node name.
func (n *node) audited(visit func(auditRef)) {
	for i := range n.edges {
		if r := n.edges[i].audit; r.at != 0 {
			visit(r)
		}
	}
}

// auditOf adds the newest entries of the audit that name an identifier of the
// person.
func (p *Pipeline) auditOf(ctx context.Context, who *person, v *IdentityView) error {
	if err := p.graphLane.commit(ctx); err != nil {
		return err
	}
	var entries [][]byte
	if err := p.graph.auditedEdges(ctx, p.graphLane, who, func(r auditRef) { entries = append(entries, auditKey(r.at, r.number)) }); err != nil {
		return err
	}
	for _, m := range who.members {
		k := m.Key()
		prefix := append([]byte{auditPerson}, k[:]...)
		err := p.store.State().Scan(ctx, store.Range{Table: store.TableAudit, Bucket: id.CommonBucket, Prefix: prefix}, func(key []byte, _ [][]byte) bool {
			entries = append(entries, append([]byte{auditEntry}, key[len(prefix):]...))
			return true
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(entries, slices.Compare[[]byte])
	entries = slices.CompactFunc(entries, slices.Equal[[]byte])
	entries = entries[max(0, len(entries)-maxAudit):]
	keys := make([]store.RowKey, len(entries))
	for i, e := range entries {
		keys[i] = store.RowKey{Table: store.TableAudit, Bucket: id.CommonBucket, Key: e}
	}
	rows, err := p.store.State().Load(ctx, keys)
	if err != nil {
		return err
	}
	for i, parts := range rows {
		if len(parts) == 0 {
			continue
		}
		row, err := readAudit(parts[len(parts)-1])
		if err != nil {
			return err
		}
		v.Audit = append(v.Audit, p.showAudit(ctx, entries[i], &row, p.Rules()))
	}
	return nil
}
