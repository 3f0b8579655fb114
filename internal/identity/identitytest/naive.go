// Package identitytest holds what tests of the identity graph share: the graph
// the plain way, and random worlds of people who share devices and mailboxes. It
// is never part of the product.
package identitytest

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/identity"
)

// Naive is the graph the plain way: sets and loops, every limit counted anew
// from the members at every step, no part treated apart.
type Naive struct {
	rules *identity.Rules
	facts map[string]identity.Fact
	edges map[[2]event.Identifier]*times
	nodes map[event.Identifier]bool

	// Hubs and Replays count what People met: shared identifiers, and times that
	// something broke a limit or a constraint.
	Hubs, Replays int
}

type times struct{ first, last clock.Instant }

// NewNaive makes a graph that has seen nothing.
func NewNaive(rules *identity.Rules) *Naive {
	return &Naive{rules: rules, facts: map[string]identity.Fact{}, edges: map[[2]event.Identifier]*times{}, nodes: map[event.Identifier]bool{}}
}

// See takes what an event says.
func (n *Naive) See(o Observation) {
	for _, i := range o.IDs {
		n.nodes[i] = true
	}
	for _, weak := range o.IDs[1:] {
		k := [2]event.Identifier{o.IDs[0], weak}
		t := n.edges[k]
		if t == nil {
			n.edges[k] = &times{o.At, o.At}
			continue
		}
		t.first, t.last = min(t.first, o.At), max(t.last, o.At)
	}
}

func pairName(a, b event.Identifier) string {
	x := []string{a.String(), b.String()}
	sort.Strings(x)
	return strings.Join(x, "|")
}

// Say takes an operator's word.
func (n *Naive) Say(f identity.Fact) {
	key := f.A.String()
	if f.B != nil {
		key = pairName(f.A, *f.B)
	}
	old, ok := n.facts[key]
	if !ok || f.Time > old.Time || f.Time == old.Time && f.ID > old.ID {
		n.facts[key] = f
	}
}

func (n *Naive) said(op identity.Op, ids ...event.Identifier) bool {
	key := ids[0].String()
	if len(ids) == 2 {
		key = pairName(ids[0], ids[1])
	}
	f, ok := n.facts[key]
	return ok && !f.Withdrawn && f.Op == op
}

func (n *Naive) blocked(i event.Identifier) bool {
	return n.said(identity.Blocked, i) || n.rules.Blocks(i)
}

// musts are pairs that must be one, of identifiers that are there.
func (n *Naive) musts() []identity.Fact {
	var out []identity.Fact
	for _, f := range n.facts {
		if f.Op == identity.MustLink && !f.Withdrawn && !n.blocked(f.A) && !n.blocked(*f.B) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b identity.Fact) int { return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID)) })
	return out
}

// groups are sets of identifiers that pairs connect.
func groups(pairs [][2]event.Identifier) func(a, b event.Identifier) bool {
	name := map[event.Identifier]int{}
	for i, p := range pairs {
		for _, x := range p {
			if _, ok := name[x]; !ok {
				name[x] = -1 - i*2 - len(name)*100_000
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, p := range pairs {
			a, b := name[p[0]], name[p[1]]
			if a != b {
				name[p[0]], name[p[1]], changed = min(a, b), min(a, b), true
			}
		}
	}
	return func(a, b event.Identifier) bool { return a == b || name[a] != 0 && name[a] == name[b] }
}

func (n *Naive) hub(i event.Identifier) bool {
	if n.said(identity.Shared, i) {
		return true
	}
	above := n.rules.Of(i.Namespace).SharedAbove
	if above == 0 {
		return false
	}
	var same [][2]event.Identifier
	for _, f := range n.facts {
		if f.Op == identity.MustLink && !f.Withdrawn && !n.said(identity.Blocked, f.A) && !n.said(identity.Blocked, *f.B) {
			same = append(same, [2]event.Identifier{f.A, *f.B})
		}
	}
	one := groups(same)
	var distinct []event.Identifier
	for k := range n.edges {
		for _, p := range [...][2]event.Identifier{k, {k[1], k[0]}} {
			o := p[1]
			if p[0] != i || n.rules.Priority(o.Namespace) >= n.rules.Priority(i.Namespace) || !n.rules.Of(o.Namespace).Limit.Unique() {
				continue
			}
			if n.said(identity.Ignore, i, o) || n.said(identity.CannotLink, i, o) || n.blocked(o) {
				continue
			}
			if !slices.ContainsFunc(distinct, func(d event.Identifier) bool { return one(d, o) }) {
				distinct = append(distinct, o)
			}
		}
	}
	return len(distinct) > above
}

// People gives who is who, each person as a sorted list.
func (n *Naive) People() [][]string { //nolint:gocognit,funlen // the plain way: one thing after the other
	type step struct {
		a, b event.Identifier
		must bool
		tier int
		at   clock.Instant
	}
	var steps []step
	var live, alias [][2]event.Identifier
	first := map[event.Identifier]clock.Instant{}
	isHub := map[event.Identifier]bool{}
	for i := range n.nodes {
		isHub[i] = !n.blocked(i) && n.hub(i)
		if isHub[i] {
			n.Hubs++
		}
	}
	for _, f := range n.musts() {
		if n.nodes[f.A] && n.nodes[*f.B] {
			steps = append(steps, step{a: f.A, b: *f.B, must: true})
			alias = append(alias, [2]event.Identifier{f.A, *f.B})
		}
	}
	musts := len(steps)
	for k, t := range n.edges {
		if n.blocked(k[0]) || n.blocked(k[1]) || isHub[k[0]] || isHub[k[1]] || n.said(identity.Ignore, k[0], k[1]) || n.said(identity.CannotLink, k[0], k[1]) {
			continue
		}
		a, b := k[0], k[1]
		if n.rules.Compare(a, b) > 0 {
			a, b = b, a
		}
		at := t.first
		if n.rules.Of(b.Namespace).Keep == identity.KeepLast {
			at = -t.last
		}
		steps = append(steps, step{a: a, b: b, tier: n.rules.Priority(b.Namespace), at: at})
		live = append(live, k)
		if a.Namespace == b.Namespace {
			alias = append(alias, k)
		}
		for _, i := range k {
			if first[i] == 0 || t.first < first[i] {
				first[i] = t.first
			}
		}
	}
	slices.SortFunc(steps[musts:], func(x, y step) int {
		return cmp.Or(cmp.Compare(x.tier, y.tier), cmp.Compare(x.at, y.at), n.rules.Compare(x.a, y.a), n.rules.Compare(x.b, y.b))
	})
	// Facts on identifiers that were never seen also say what counts as one.
	for _, f := range n.facts {
		if f.Op == identity.MustLink && !f.Withdrawn && !n.said(identity.Blocked, f.A) && !n.said(identity.Blocked, *f.B) {
			alias = append(alias, [2]event.Identifier{f.A, *f.B})
		}
	}
	one := groups(alias)
	_ = live
	person := map[event.Identifier][]event.Identifier{}
	for i := range n.nodes {
		person[i] = []event.Identifier{i}
	}
	refused := false
	for _, s := range steps {
		a, b := person[s.a], person[s.b]
		if slices.Contains(a, s.b) {
			continue
		}
		both := append(slices.Clone(a), b...)
		if n.torn(both) || !s.must && !n.fits(both, one, first) {
			refused = true
			continue
		}
		for _, i := range both {
			person[i] = both
		}
	}
	if refused {
		n.Replays++
	}
	done := map[event.Identifier]bool{}
	var out [][]string
	for i := range n.nodes {
		if done[i] {
			continue
		}
		var p []string
		for _, m := range person[i] {
			done[m] = true
			p = append(p, m.String())
		}
		sort.Strings(p)
		out = append(out, p)
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return out
}

func (n *Naive) torn(all []event.Identifier) bool {
	for i, a := range all {
		for _, b := range all[i+1:] {
			if n.said(identity.CannotLink, a, b) {
				return true
			}
		}
	}
	return false
}

func (n *Naive) fits(all []event.Identifier, one func(a, b event.Identifier) bool, first map[event.Identifier]clock.Instant) bool { //nolint:gocognit // the plain way
	for _, ns := range n.rules.Namespaces {
		if ns.Limit.Count == 0 {
			continue
		}
		var firsts []clock.Instant
		var seen []event.Identifier
		for _, i := range all {
			if i.Namespace != ns.Name || slices.ContainsFunc(seen, func(s event.Identifier) bool { return one(s, i) }) {
				continue
			}
			seen = append(seen, i)
			at := clock.Instant(0)
			for o, t := range first { // when any value that counts as this one was first seen
				if one(o, i) && t != 0 && (at == 0 || t < at) {
					at = t
				}
			}
			firsts = append(firsts, at)
		}
		slices.Sort(firsts)
		for j := range firsts {
			k := j
			for k < len(firsts) && (ns.Limit.Days == 0 || firsts[k]-firsts[j] < clock.Instant(ns.Limit.Days)*24*3600*1_000_000) {
				k++
			}
			if k-j > ns.Limit.Count {
				return false
			}
		}
	}
	return true
}

// Unhubbed tells that a fact of a world makes a shared identifier link again.
func (w *World) Unhubbed(with *Naive) bool {
	without := NewNaive(&w.Rules)
	for _, o := range w.Seen {
		without.See(o)
	}
	for i := range with.nodes {
		if without.hub(i) && !with.hub(i) && !with.blocked(i) {
			return true
		}
	}
	return false
}
