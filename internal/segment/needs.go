package segment

import (
	"slices"

	"rapport/internal/profile"
	"rapport/internal/segment/condition"
)

// Sources is a set of sources; nil stands for all.
type Sources map[SourceID]bool

// Sources are what the set asks of events.
func (s *Set) Sources() Sources {
	out := make(Sources, len(s.sources))
	for i := range s.sources {
		out[s.sources[i].id] = true
	}
	return out
}

// SourcesOf are what one segment asks of events, what it refers to included.
func (s *Set) SourcesOf(segment int) Sources {
	out := Sources{}
	s.reached(s.segments[segment].root, out)
	return out
}

// reached adds what a node and those below it ask of events.
func (s *Set) reached(n int32, out Sources) {
	x := &s.nodes[n]
	for _, k := range x.kids {
		s.reached(k, out)
	}
	if x.leaf < 0 {
		return
	}
	l := &s.leaves[x.leaf]
	for _, i := range l.sources {
		out[s.sources[i].id] = true
	}
	if l.affinity >= 0 {
		out[s.sources[s.affinities[l.affinity].source].id] = true
	}
	switch {
	case l.program != nil, l.trait >= 0 && s.traits[l.trait].program != nil:
		s.named(out)
	case l.trait >= 0:
		s.add(out, s.traits[l.trait].source)
	}
}

// named adds what a formula may name: every computed trait and affinity.
func (s *Set) named(out Sources) {
	for i := range s.traits {
		s.add(out, s.traits[i].source)
	}
	for i := range s.affinities {
		s.add(out, s.affinities[i].source)
	}
}

// add adds a source; negative is none.
func (s *Set) add(out Sources, i int32) {
	if i >= 0 {
		out[s.sources[i].id] = true
	}
}

// Fresh are the sources that this set asks for and the other did not: what has
// to be folded from history before this set can answer. A nil set asked for
// nothing.
func (s *Set) Fresh(old *Set) Sources {
	out := Sources{}
	for i := range s.sources {
		known := false
		if old != nil {
			_, known = old.sourceOf(s.sources[i].id)
		}
		if !known {
			out[s.sources[i].id] = true
		}
	}
	return out
}

// Forget drops what a state holds for some sources, so that they can be folded
// anew.
func (st *State) Forget(only Sources) {
	st.series = slices.DeleteFunc(st.series, func(x series) bool { return only[x.id] })
	st.orders = slices.DeleteFunc(st.orders, func(o ordered) bool { return only[o.source] })
}

// Needs says which events of a timeline sources want to see.
type Needs struct {
	// None says that no event is wanted: nothing of history counts.
	None bool
	// Every says that any event may be wanted.
	Every bool
	// Names and Actions are profile.HashName of the names and the item actions
	// of which an event has to have one.
	Names, Actions map[uint32]bool
	// Bare says that the entry of the timeline is enough: FoldEntry takes it.
	Bare bool
	// Lines says that portions of orders are wanted.
	Lines bool
}

// Needs are what the sources want of a timeline; nil stands for all.
func (s *Set) Needs(only Sources) Needs {
	n := Needs{Names: map[uint32]bool{}, Actions: map[uint32]bool{}, Bare: true, None: true}
	for i := range s.sources {
		src := &s.sources[i]
		if only != nil && !only[src.id] {
			continue
		}
		n.None = false
		if src.what == condition.OrderLine {
			n.Lines, n.Bare, n.Every = true, false, true
			continue
		}
		n.Bare = n.Bare && src.bare()
		for _, m := range src.matches() {
			switch {
			case m.Name != "":
				n.Names[profile.HashName(m.Name)] = true
			case m.Action != "":
				n.Actions[profile.HashName(m.Action)] = true
			default:
				n.Every = true
			}
		}
	}
	return n
}

func (s *source) matches() []condition.Match {
	if s.liking == nil {
		return []condition.Match{s.match}
	}
	var out []condition.Match
	for i := range s.liking.weights {
		out = append(out, s.liking.weights[i].Match)
	}
	return out
}

// bare tells a source that asks for nothing that an entry does not say.
func (s *source) bare() bool {
	return s.what == condition.Event && s.liking == nil && s.record == keepTime && s.item == nil && len(s.match.Filters) == 0
}

// Wants tells whether an entry of a timeline has to be folded. It may want one
// that changes nothing, and never misses one that counts.
func (n *Needs) Wants(e *profile.Entry) bool {
	return !n.None && (n.Every || n.Names[e.Name] || n.Actions[e.Action])
}

// FoldEntry is FoldOnly for sources that are bare: it takes what an entry of
// the timeline says. Names that share a hash are one here, so that it is only
// for names that the caller knows to be different.
func (s *Set) FoldEntry(st *State, n *profile.Entry, only Sources) {
	for i := range s.sources {
		src := &s.sources[i]
		if only != nil && !only[src.id] || !src.bare() {
			continue
		}
		if src.match.Name != "" && profile.HashName(src.match.Name) != n.Name ||
			src.match.Action != "" && profile.HashName(src.match.Action) != n.Action ||
			src.typ != 0 && src.typ != n.Type ||
			src.from != 0 && n.Time < src.from || src.to != 0 && n.Time >= src.to {
			continue
		}
		st.open(src.id).put(entry{at: n.Time, short: n.Short}, &src.bounds)
	}
}
