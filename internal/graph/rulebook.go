package graph

import (
	"encoding/json"
	"maps"
	"sync"
	"sync/atomic"

	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/store"
)

// Rulebook holds every version of the identity rules. An event is mapped for
// ever by the version that its envelope names, so that replay is exact; a new
// one by the version of today. Reading takes no lock; one writer at a time.
type Rulebook struct{ page atomic.Pointer[page] }

type page struct {
	versions map[int]*identity.Rules
	current  *identity.Rules
}

// NewRulebook makes a book with the rules of a new instance, version 0.
func NewRulebook(initial identity.Rules) *Rulebook {
	initial.Version = 0
	b := &Rulebook{}
	b.page.Store(&page{versions: map[int]*identity.Rules{0: &initial}, current: &initial})
	return b
}

// Current is the version of today.
func (b *Rulebook) Current() *identity.Rules { return b.page.Load().current }

// At is a version; one that is not known is that of today.
func (b *Rulebook) At(version int) *identity.Rules {
	p := b.page.Load()
	if r := p.versions[version]; r != nil {
		return r
	}
	return p.current
}

// learn adds a version without using it for what is new.
func (b *Rulebook) learn(r *identity.Rules) {
	old := b.page.Load()
	if old.versions[r.Version] != nil {
		return
	}
	p := &page{versions: maps.Clone(old.versions), current: old.current}
	p.versions[r.Version] = r
	b.page.Store(p)
}

// use makes a version that of today.
func (b *Rulebook) use(version int) {
	old := b.page.Load()
	if r := old.versions[version]; r != nil {
		b.page.Store(&page{versions: old.versions, current: r})
	}
}

// Mapper makes a mapper that maps each event by the rules its envelope names.
func (b *Rulebook) Mapper(by func(identity.Rules) event.Mapper) event.Mapper {
	var made sync.Map // version to mapper
	return func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
		if m, ok := made.Load(env.Rules); ok {
			return m.(event.Mapper)(env, body)
		}
		rules := b.At(env.Rules)
		m := by(*rules)
		if rules.Version == env.Rules {
			made.Store(env.Rules, m)
		}
		return m(env, body)
	}
}

// Foresee learns the rules that a record defines before any later record is
// read: it may have been mapped by them.
func (b *Rulebook) Foresee(r *store.Record) {
	var f definition.Fact
	if json.Unmarshal(r.Payload, &f) == nil {
		b.Study(f.Kind, f.Version, f.Document)
	}
}

// Study learns rules from a document, if it is one.
func (b *Rulebook) Study(kind definition.Kind, version int, document []byte) {
	if kind != definition.IdentityRules || len(document) == 0 {
		return
	}
	if rules, err := identity.Parse(document); err == nil {
		rules.Version = version
		b.learn(rules)
	}
}
