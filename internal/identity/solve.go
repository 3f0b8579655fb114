package identity

import (
	"cmp"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/id"
)

// solver holds the work on one component.
type solver struct {
	*Rules
	facts   *Facts
	c       Component
	role    []Role
	prio    []int
	edges   []link // live ones, in the order in which a replay takes them
	must    []link
	cannot  [][2]int
	raw     forest // connected by anything live
	class   forest // counts as one value
	first   []clock.Instant
	person  forest
	counts  map[int]*holding // by root of person
	refused []Refusal
	broken  bool
}

// link is an edge on its way through a replay; edge is -1 for a must_link.
type link struct {
	u, v, edge int
	tier       int
	at         clock.Instant // smaller comes first
}

func newSolver(r *Rules, facts *Facts, c Component) *solver {
	n := len(c.Nodes)
	s := &solver{Rules: r, facts: facts, c: c, role: make([]Role, n), prio: make([]int, n), first: make([]clock.Instant, n)}
	s.raw, s.class, s.person = newForest(n), newForest(n), newForest(n)
	for i := range c.Nodes {
		s.prio[i] = r.Priority(c.Nodes[i].Identifier.Namespace)
	}
	return s
}

// roles finds the hubs and those that name nobody.
func (s *solver) roles() {
	if s.c.Roles != nil {
		s.role = s.c.Roles
		return
	}
	next := make([][]int, len(s.c.Nodes))
	for _, e := range s.c.Edges {
		next[e.U], next[e.V] = append(next[e.U], e.V), append(next[e.V], e.U)
	}
	for i := range s.c.Nodes {
		s.role[i] = s.Role(s.c.Nodes[i], s.facts, func(yield func(Node) bool) {
			for _, o := range next[i] {
				if !yield(s.c.Nodes[o]) {
					return
				}
			}
		})
	}
}

// sort puts live edges in the order of a replay: by the weaker end's strength,
// then by when they were seen, first or last as its namespace keeps them.
func (s *solver) sort() {
	for i, e := range s.c.Edges {
		if reason := s.dead(e); reason != "" {
			s.refused = append(s.refused, Refusal{i, reason})
			continue
		}
		l := s.linkOf(e, i)
		s.edges = append(s.edges, l)
	}
	slices.SortFunc(s.edges, s.compare)
	if s.facts != nil {
		s.constraints()
	}
}

func (s *solver) linkOf(e Edge, i int) link {
	u, v := e.U, e.V
	if s.Compare(s.c.Nodes[u].Identifier, s.c.Nodes[v].Identifier) > 0 {
		u, v = v, u
	}
	l := link{u: u, v: v, edge: i, tier: s.prio[v], at: e.First}
	if s.Of(s.c.Nodes[v].Identifier.Namespace).Keep == KeepLast {
		l.at = -e.Last
	}
	return l
}

func (s *solver) compare(a, b link) int {
	return cmp.Or(
		cmp.Compare(a.tier, b.tier), cmp.Compare(a.at, b.at),
		s.Compare(s.c.Nodes[a.u].Identifier, s.c.Nodes[b.u].Identifier),
		s.Compare(s.c.Nodes[a.v].Identifier, s.c.Nodes[b.v].Identifier),
	)
}

// dead says why an edge cannot link whatever else there is.
func (s *solver) dead(e Edge) Reason {
	u, v := &s.c.Nodes[e.U], &s.c.Nodes[e.V]
	said := s.facts.Between(u.Key, v.Key)
	switch {
	case said == Ignore:
		return ReasonIgnored
	case s.role[e.U] == NamesNobody || s.role[e.V] == NamesNobody:
		return ReasonBlockedNode
	case said == CannotLink:
		return ReasonCannotLink
	case s.role[e.U] == Hub || s.role[e.V] == Hub:
		return ReasonHub
	}
	return ""
}

// constraints finds the facts on two nodes of the component.
func (s *solver) constraints() {
	if len(s.facts.last) == 0 {
		return
	}
	at := make(map[id.Key]int, len(s.c.Nodes))
	for i := range s.c.Nodes {
		at[s.c.Nodes[i].Key] = i
	}
	var musts []*Fact
	for i := range s.c.Nodes {
		for _, x := range s.facts.About(s.c.Nodes[i].Key) {
			if x.B == nil {
				continue
			}
			p := x.Pair()
			u, known := at[p.A]
			v, both := at[p.B]
			if !known || !both || u != i && v != i || min(u, v) != i {
				continue // not here, or found from the other end
			}
			switch {
			case x.Op == CannotLink:
				s.cannot = append(s.cannot, [2]int{u, v})
			case x.Op == MustLink && s.role[u] != NamesNobody && s.role[v] != NamesNobody:
				musts = append(musts, x)
				s.must = append(s.must, link{u: u, v: v, edge: -1})
			}
		}
	}
	order := make([]int, len(musts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(musts[a].Time, musts[b].Time), cmp.Compare(musts[a].ID, musts[b].ID))
	})
	sorted := make([]link, len(order))
	for i, o := range order {
		sorted[i] = s.must[o]
	}
	s.must = sorted
}

// connect finds the parts that are connected at all, when each node was first
// seen in its part, and which values count as one: those an operator links,
// and two of one namespace that were on one event, as an alias says.
func (s *solver) connect() {
	for _, l := range s.must {
		s.raw.union(l.u, l.v)
	}
	for _, l := range s.edges {
		s.raw.union(l.u, l.v)
		e := &s.c.Edges[l.edge]
		for _, n := range [...]int{l.u, l.v} {
			if s.first[n] == 0 || e.First < s.first[n] {
				s.first[n] = e.First
			}
		}
		if s.c.Nodes[l.u].Identifier.Namespace == s.c.Nodes[l.v].Identifier.Namespace {
			s.class.union(l.u, l.v)
		}
	}
	stands := map[id.Key]int{}
	for i := range s.c.Nodes {
		if s.facts == nil || len(s.facts.last) == 0 {
			break
		}
		k := s.facts.stand(s.c.Nodes[i].Key)
		if j, ok := stands[k]; ok {
			s.class.union(i, j)
		} else {
			stands[k] = i
		}
	}
}

// decide joins the parts in which nothing is broken, and replays the others.
func (s *solver) decide() {
	members := map[int][]int{}
	for i := range s.c.Nodes {
		root := s.raw.find(i)
		members[root] = append(members[root], i)
	}
	s.counts = map[int]*holding{}
	whole := map[int]bool{}
	for root, all := range members {
		h := s.hold(all)
		whole[root] = h.fits(s.Rules) && !s.torn(root)
	}
	for _, l := range s.must {
		if whole[s.raw.find(l.u)] {
			s.person.union(l.u, l.v)
		} else {
			s.try(l)
		}
	}
	for _, l := range s.edges {
		if whole[s.raw.find(l.u)] {
			s.person.union(l.u, l.v)
			continue
		}
		s.broken = true
		if reason := s.try(l); reason != "" {
			s.refused = append(s.refused, Refusal{l.edge, reason})
		}
	}
}

// torn tells that two of a part may not be one person.
func (s *solver) torn(root int) bool {
	for _, p := range s.cannot {
		if s.raw.find(p[0]) == root && s.raw.find(p[1]) == root {
			return true
		}
	}
	return false
}

// try accepts a link if the person it makes keeps all limits, and says why not.
func (s *solver) try(l link) Reason {
	a, b := s.person.find(l.u), s.person.find(l.v)
	if a == b {
		return ""
	}
	for _, p := range s.cannot {
		x, y := s.person.find(p[0]), s.person.find(p[1])
		if x == a && y == b || x == b && y == a {
			return ReasonCannotLink
		}
	}
	ha, hb := s.holdingOf(a), s.holdingOf(b)
	if l.edge >= 0 {
		if n := ha.exceeds(s.Rules, hb); n != "" {
			return ReasonLimit + Reason(n)
		}
	}
	root := s.person.union(a, b)
	delete(s.counts, a)
	delete(s.counts, b)
	ha.add(hb)
	s.counts[root] = ha
	return ""
}

func (s *solver) holdingOf(root int) *holding {
	h := s.counts[root]
	if h == nil {
		h = s.hold([]int{root})
		s.counts[root] = h
	}
	return h
}

func (s *solver) outcome() Outcome {
	byRoot := map[int][]int{}
	for i := range s.c.Nodes {
		root := s.person.find(i)
		byRoot[root] = append(byRoot[root], i)
	}
	o := Outcome{Refused: s.refused, Replayed: s.broken, Parts: make([]int, len(s.c.Nodes))}
	for i := range s.c.Nodes {
		o.Parts[i] = s.raw.find(i)
	}
	strength := func(a, b int) int { return s.Compare(s.c.Nodes[a].Identifier, s.c.Nodes[b].Identifier) }
	for _, nodes := range byRoot {
		slices.SortFunc(nodes, strength)
		o.People = append(o.People, nodes)
	}
	slices.SortFunc(o.People, func(a, b []int) int { return strength(a[0], b[0]) })
	slices.SortFunc(o.Refused, func(a, b Refusal) int { return cmp.Compare(a.Edge, b.Edge) })
	return o
}
