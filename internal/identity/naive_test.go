package identity_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/identity"
)

// naive is the graph the plain way: sets and loops, every limit counted anew
// from the members at every step, no part treated apart.
type naive struct {
	rules *identity.Rules
	facts map[string]identity.Fact
	edges map[[2]event.Identifier]*times
	nodes map[event.Identifier]bool

	hubs, replays int
}

type times struct{ first, last clock.Instant }

func newNaive(rules *identity.Rules) *naive {
	return &naive{rules: rules, facts: map[string]identity.Fact{}, edges: map[[2]event.Identifier]*times{}, nodes: map[event.Identifier]bool{}}
}

func (n *naive) see(o observation) {
	for _, i := range o.ids {
		n.nodes[i] = true
	}
	for _, weak := range o.ids[1:] {
		k := [2]event.Identifier{o.ids[0], weak}
		t := n.edges[k]
		if t == nil {
			n.edges[k] = &times{o.at, o.at}
			continue
		}
		t.first, t.last = min(t.first, o.at), max(t.last, o.at)
	}
}

func pairName(a, b event.Identifier) string {
	x := []string{a.String(), b.String()}
	sort.Strings(x)
	return strings.Join(x, "|")
}

func (n *naive) say(f identity.Fact) {
	key := f.A.String()
	if f.B != nil {
		key = pairName(f.A, *f.B)
	}
	old, ok := n.facts[key]
	if !ok || f.Time > old.Time || f.Time == old.Time && f.ID > old.ID {
		n.facts[key] = f
	}
}

func (n *naive) said(op identity.Op, ids ...event.Identifier) bool {
	key := ids[0].String()
	if len(ids) == 2 {
		key = pairName(ids[0], ids[1])
	}
	f, ok := n.facts[key]
	return ok && !f.Withdrawn && f.Op == op
}

func (n *naive) blocked(i event.Identifier) bool {
	return n.said(identity.Blocked, i) || n.rules.Blocks(i)
}

// musts are pairs that must be one, of identifiers that are there.
func (n *naive) musts() []identity.Fact {
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

func (n *naive) hub(i event.Identifier) bool {
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

// people gives who is who, each person as a sorted list.
func (n *naive) people() [][]string {
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
			n.hubs++
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
		n.replays++
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

func (n *naive) torn(all []event.Identifier) bool {
	for i, a := range all {
		for _, b := range all[i+1:] {
			if n.said(identity.CannotLink, a, b) {
				return true
			}
		}
	}
	return false
}

func (n *naive) fits(all []event.Identifier, one func(a, b event.Identifier) bool, first map[event.Identifier]clock.Instant) bool {
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

// observation is what one event says: the strongest identifier first.
type observation struct {
	at  clock.Instant
	ids []event.Identifier
}

// graphWorld is observations and facts about people who share devices and
// mailboxes, made of a seed alone.
type graphWorld struct {
	seen  []observation
	said  []identity.Fact
	rules identity.Rules
}

func newGraphWorld(seed uint64) *graphWorld {
	r := rand.New(rand.NewPCG(seed, 41))
	w := &graphWorld{rules: randomRules(r)}
	people, devices, mails := 6+r.IntN(10), 12+r.IntN(14), 8+r.IntN(8)
	start := clock.Instant(1_767_000_000_000_000)
	pick := func(ns string, n int) event.Identifier { return id(ns, fmt.Sprintf("%s-%d", ns[:1], n)) }
	for range 200 + r.IntN(60) {
		p := r.IntN(people)
		all := []event.Identifier{}
		if r.IntN(3) > 0 {
			all = append(all, pick(event.UserID, p))
		}
		if r.IntN(3) == 0 {
			all = append(all, pick(event.Email, (p+r.IntN(2))%mails))
		}
		if r.IntN(6) == 0 {
			all = append(all, pick("loyalty", p/2))
		}
		if d := r.IntN(2 * devices); len(all) == 0 || d < devices {
			// A device is mostly one person's; the first few are everybody's.
			n := (p*3 + r.IntN(3)) % devices
			if r.IntN(12) == 0 {
				n = r.IntN(3)
			}
			all = append(all, pick(event.AnonymousID, n))
		}
		if r.IntN(60) == 0 {
			all = append(all, pick(event.UserID, r.IntN(people)))
		}
		kept, _ := w.rules.Choose(all)
		w.seen = append(w.seen, observation{start + clock.Instant(r.Int64N(400*24*3600))*1_000_000, kept})
	}
	var ids []event.Identifier
	for _, o := range w.seen {
		ids = append(ids, o.ids...)
	}
	for n := range r.IntN(12) {
		f := identity.Fact{ID: fmt.Sprint("f", n), Time: start + clock.Instant(r.IntN(5)), A: ids[r.IntN(len(ids))]}
		b := ids[r.IntN(len(ids))]
		if o := w.seen[r.IntN(len(w.seen))]; len(o.ids) > 1 && r.IntN(2) == 0 {
			f.A, b = o.ids[0], o.ids[1]
		}
		f.Op = []identity.Op{identity.Ignore, identity.CannotLink, identity.MustLink, identity.Blocked, identity.Shared}[r.IntN(5)]
		if f.Op != identity.Blocked && f.Op != identity.Shared {
			if f.A == b {
				continue
			}
			f.B = &b
		}
		w.said = append(w.said, f)
		if r.IntN(3) == 0 {
			f.ID, f.Withdrawn, f.Time = f.ID+"x", true, f.Time+clock.Instant(r.IntN(3))-1
			w.said = append(w.said, f)
		}
	}
	return w
}

func randomRules(r *rand.Rand) identity.Rules {
	rules := identity.DefaultRules()
	rules.Namespaces = slices.Insert(rules.Namespaces, 2, identity.Namespace{Name: "loyalty", Limit: identity.Limit{Count: 1}})
	for i := range rules.Namespaces {
		n := &rules.Namespaces[i]
		n.Form = ""
		if i > 0 {
			n.SharedAbove = []int{0, 2, 3}[r.IntN(3)]
			n.Limit = []identity.Limit{{}, {Count: 1}, {Count: 2}, {Count: 3, Days: 30}}[r.IntN(4)]
		}
		n.Keep = []identity.Policy{"", identity.KeepFirst, identity.KeepLast}[r.IntN(3)]
	}
	return rules
}
