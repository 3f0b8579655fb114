package profile

import (
	"slices"
	"sort"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/consent"
	"rapport/internal/event"
)

// Merged is one partial of several anchors, which it leaves as they are. Of
// one it is that one itself.
func Merged(partials []*Partial) *Partial {
	if len(partials) == 1 {
		return partials[0]
	}
	return merged(partials)
}

// TraitValue is what Assemble shows of one trait, as canonical JSON; "" where
// it shows nothing.
func (p *Partial) TraitValue(name string, r *Rules) string {
	if strings.HasPrefix(name, consent.RegisterPrefix) {
		return "" // a consent is no trait
	}
	i := sort.Search(len(p.traits), func(i int) bool { return p.traits[i].name >= name })
	k := i
	for k < len(p.traits) && p.traits[k].name == name {
		k++
	}
	if i == k {
		return ""
	}
	if r.golden() == nil && r.schema() == nil {
		best := &p.traits[i]
		for j := i + 1; j < k; j++ {
			if p.traits[j].compare(best) > 0 {
				best = &p.traits[j]
			}
		}
		return orNothing(best.value)
	}
	one := Partial{traits: p.traits[i:k]}
	for j := range p.past {
		if p.past[j].name == name {
			one.past = append(one.past, p.past[j])
		}
	}
	fields := one.fields(r)
	return orNothing(fields[0].finding.Value)
}

func orNothing(value string) string {
	if value == null {
		return ""
	}
	return value
}

// EachTrait visits every trait that Assemble shows until visit says false.
func (p *Partial) EachTrait(r *Rules, visit func(name, value string) bool) {
	for i := 0; i < len(p.traits); {
		name := p.traits[i].name
		for i < len(p.traits) && p.traits[i].name == name {
			i++
		}
		if v := p.TraitValue(name, r); v != "" && !visit(name, v) {
			return
		}
	}
}

// Aspect is the first or the latest that is known of a part of the context, as
// canonical JSON; "" where nothing is.
func (p *Partial) Aspect(name string, first bool) string {
	for i := range p.about {
		if a := &p.about[i]; aspectNames[a.aspect] == name {
			if first {
				return a.first.text
			}
			return a.latest.text
		}
	}
	return ""
}

// EventCount is how many events there were.
func (p *Partial) EventCount() uint64 { return p.events }

// SessionCount is how many sessions there were.
func (p *Partial) SessionCount() int {
	n, _ := p.sessions()
	return n
}

// EachChannel visits the channels by the names that events gave them. One may
// be visited twice.
func (p *Partial) EachChannel(visit func(name string)) {
	for i := range p.channels {
		visit(strings.TrimSuffix(p.channels[i].key, sentMark))
	}
}

// EachAccount visits the accounts that events named.
func (p *Partial) EachAccount(visit func(id string)) {
	for i := range p.groups {
		visit(p.groups[i].key)
	}
}

// OrderFact is what is known of one of a person's orders.
type OrderFact struct {
	ID     string
	Status string
	Money  catalog.Money
	// Counts tells that it was placed, not cancelled, and is the person's own.
	Counts bool
}

// EachOrder visits the orders that the partial knows.
func (p *Partial) EachOrder(ids []IdentifierSeen, visit func(*OrderFact)) {
	for _, o := range p.orders {
		f := OrderFact{ID: o.ID, Status: o.Status(), Money: o.Money(p.cartOf(o))}
		f.Counts = f.Money.Counts() && owns(ids, o)
		visit(&f)
	}
}

// Anonymous tells whether nothing but anonymous ids is known.
func Anonymous(ids []IdentifierSeen) bool {
	return !slices.ContainsFunc(ids, func(i IdentifierSeen) bool { return i.Namespace != event.AnonymousID })
}
