package identitytest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/identity"
)

// Observation is what one event says: the strongest identifier first.
type Observation struct {
	At  clock.Instant
	IDs []event.Identifier
}

// World is observations and facts about people who share devices and
// mailboxes, made of a seed alone.
type World struct {
	Seen  []Observation
	Said  []identity.Fact
	Rules identity.Rules
}

// NewWorld makes the world of a seed: 200 observations and more.
func NewWorld(seed uint64) *World { //nolint:gocognit // one draw after the other
	r := rand.New(rand.NewPCG(seed, 41))
	w := &World{Rules: randomRules(r)}
	people, devices, mails := 6+r.IntN(10), 12+r.IntN(14), 8+r.IntN(8)
	start := clock.Instant(1_767_000_000_000_000)
	pick := func(ns string, n int) event.Identifier {
		return event.Identifier{Namespace: ns, Value: fmt.Sprintf("%s-%d", ns[:1], n)}
	}
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
		kept, _ := w.Rules.Choose(all)
		w.Seen = append(w.Seen, Observation{start + clock.Instant(r.Int64N(400*24*3600))*1_000_000, kept})
	}
	var ids []event.Identifier
	for _, o := range w.Seen {
		ids = append(ids, o.IDs...)
	}
	for n := range r.IntN(12) {
		f := identity.Fact{ID: fmt.Sprint("f", n), Time: start + clock.Instant(r.IntN(5)), A: ids[r.IntN(len(ids))]}
		b := ids[r.IntN(len(ids))]
		if o := w.Seen[r.IntN(len(w.Seen))]; len(o.IDs) > 1 && r.IntN(2) == 0 {
			f.A, b = o.IDs[0], o.IDs[1]
		}
		f.Op = []identity.Op{identity.Ignore, identity.CannotLink, identity.MustLink, identity.Blocked, identity.Shared}[r.IntN(5)]
		if f.Op != identity.Blocked && f.Op != identity.Shared {
			if f.A == b {
				continue
			}
			f.B = &b
		}
		w.Said = append(w.Said, f)
		if r.IntN(3) == 0 {
			f.ID, f.Withdrawn, f.Time = f.ID+"x", true, f.Time+clock.Instant(r.IntN(3))-1
			w.Said = append(w.Said, f)
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
