package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
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
	for _, f := range p.graph.facts.All(false) {
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
	for _, f := range p.graph.facts.All(true) {
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
	return p.graph.facts.All(false)
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
	s := p.graph.sweeping
	out := IdentityState{
		RulesVersion: p.graph.rules.Version, Applied: s.Done || s.Since == 0, Progress: 1, Changed: RulesChanges{s.Merges, s.Splits},
		Identifiers: sum.Identifiers, Merges: sum.Merges, Splits: sum.Splits, Oversized: sum.Oversized, Dropped: map[string]uint64{},
	}
	maps.Copy(out.Dropped, sum.Dropped)
	if !out.Applied {
		out.Progress = 0
		if len(s.Cursor) > 1 { // keys are hashes: they lie evenly
			out.Progress = float64(int(s.Cursor[0])<<8|int(s.Cursor[1])) / 65536
		}
	}
	return out
}

// IdentityPreview is what other rules would change.
type IdentityPreview struct {
	Identifiers int           `json:"identifiers" doc:"How many were looked at"`
	Complete    bool          `json:"complete" doc:"All there are were looked at; else some"`
	People      PeopleCounts  `json:"people"`
	Split       int           `json:"split" doc:"People who would be more than one"`
	Merged      int           `json:"merged" doc:"People whom the rules would make of more than one"`
	Samples     []RulesSample `json:"samples" nullable:"false"`
}

// PeopleCounts is how many people there are and would be.
type PeopleCounts struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

// RulesSample is a group of identifiers by who they are and would be.
type RulesSample struct {
	Before [][]event.Identifier `json:"before" nullable:"false"`
	After  [][]event.Identifier `json:"after" nullable:"false"`
}

// rulesNodes bounds what a preview looks at.
const (
	rulesNodes   = 300_000
	rulesSamples = 20
	rulesMembers = 50
)

// PreviewRules tells what other rules would change, without changing anything.
func (p *Pipeline) PreviewRules(ctx context.Context, rules *identity.Rules) (*IdentityPreview, error) {
	if err := p.graphLane.commit(ctx); err != nil {
		return nil, err
	}
	var facts identity.Facts
	for _, f := range p.allFacts() {
		facts.Apply(f)
	}
	c, complete, err := p.wholeGraph(ctx)
	if err != nil {
		return nil, err
	}
	now, then := p.Rules().Resolve(c, &facts), rules.Resolve(c, &facts)
	out := &IdentityPreview{Identifiers: len(c.Nodes), Complete: complete, People: PeopleCounts{len(now.People), len(then.People)}, Samples: []RulesSample{}}
	out.compare(&c, now.People, then.People)
	return out, nil
}

func (p *Pipeline) allFacts() []identity.Fact {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	return p.graph.facts.All(true)
}

// wholeGraph reads the nodes of the graph and the edges between them.
func (p *Pipeline) wholeGraph(ctx context.Context) (c identity.Component, complete bool, err error) {
	at := map[id.Key]int{}
	var nodes []*node
	var bad error
	complete = true
	err = p.store.State().Scan(ctx, store.Range{Table: store.TableNodes, Bucket: id.CommonBucket}, func(key []byte, parts [][]byte) bool {
		if len(nodes) == rulesNodes {
			complete = false
			return false
		}
		var n *node
		if n, bad = readNode(id.Key(key), parts); bad != nil {
			return false
		}
		at[n.key] = len(nodes)
		nodes = append(nodes, n)
		c.Nodes = append(c.Nodes, identity.Node{Identifier: n.ident, Key: n.key})
		return ctx.Err() == nil
	})
	if err = cmp.Or(err, bad, ctx.Err()); err != nil {
		return c, false, err
	}
	for i, n := range nodes {
		for j := range n.edges {
			e := &n.edges[j]
			o, ok := at[e.to]
			// Of a hub not all edges lie in its row; those of the other end do.
			if ok && (i < o || nodes[o].spilled && nodes[o].edge(n.key) == nil) {
				c.Edges = append(c.Edges, identity.Edge{U: i, V: o, First: e.first, Last: e.last})
			}
		}
	}
	return c, complete, nil
}

// compare counts who would be more and who would be one.
func (r *IdentityPreview) compare(c *identity.Component, before, after [][]int) {
	was, is := placesOf(before, len(c.Nodes)), placesOf(after, len(c.Nodes))
	for _, p := range before {
		if parts := distinctPlaces(p, is); len(parts) > 1 {
			r.Split++
			r.sample(c, [][]int{p}, pick(after, parts))
		}
	}
	for _, p := range after {
		if parts := distinctPlaces(p, was); len(parts) > 1 {
			r.Merged++
			r.sample(c, pick(before, parts), [][]int{p})
		}
	}
}

func (r *IdentityPreview) sample(c *identity.Component, before, after [][]int) {
	if len(r.Samples) == rulesSamples {
		return
	}
	names := func(groups [][]int) [][]event.Identifier {
		out := [][]event.Identifier{}
		for _, g := range groups[:min(len(groups), rulesMembers)] {
			var one []event.Identifier
			for _, n := range g[:min(len(g), rulesMembers)] {
				one = append(one, c.Nodes[n].Identifier)
			}
			out = append(out, one)
		}
		return out
	}
	r.Samples = append(r.Samples, RulesSample{names(before), names(after)})
}

func placesOf(people [][]int, n int) []int {
	out := make([]int, n)
	for i, p := range people {
		for _, x := range p {
			out[x] = i
		}
	}
	return out
}

func distinctPlaces(nodes, place []int) []int {
	var out []int
	for _, n := range nodes {
		out = append(out, place[n])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func pick(people [][]int, which []int) [][]int {
	out := make([][]int, len(which))
	for i, w := range which {
		out[i] = people[w]
	}
	return out
}
