package graph

import (
	"cmp"
	"context"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/store"
)

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

// PreviewQuery is what a preview compares: the rules of today with others, with
// what operators said.
type PreviewQuery struct {
	State     store.State
	Facts     []identity.Fact
	Now, Then *identity.Rules
}

// Preview tells what other rules would change, without changing anything. It
// reads what is committed.
func Preview(ctx context.Context, q PreviewQuery) (*IdentityPreview, error) {
	var facts identity.Facts
	for _, f := range q.Facts {
		facts.Apply(f)
	}
	c, complete, err := wholeGraph(ctx, q.State)
	if err != nil {
		return nil, err
	}
	now, then := q.Now.Resolve(c, &facts), q.Then.Resolve(c, &facts)
	out := &IdentityPreview{Identifiers: len(c.Nodes), Complete: complete, People: PeopleCounts{len(now.People), len(then.People)}, Samples: []RulesSample{}}
	out.compare(&c, now.People, then.People)
	return out, nil
}

// wholeGraph reads the nodes of the graph and the edges between them.
func wholeGraph(ctx context.Context, st store.State) (c identity.Component, complete bool, err error) {
	at := map[id.Key]int{}
	var nodes []*node
	var bad error
	complete = true
	err = st.Scan(ctx, store.Range{Table: store.TableNodes, Bucket: id.CommonBucket}, func(key []byte, parts [][]byte) bool {
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
