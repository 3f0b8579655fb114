package pipeline

import (
	"encoding/json"

	"rapport/internal/definition"
	"rapport/internal/identity"
	"rapport/internal/store"
)

// foresee learns what decides on later records before any of them is applied:
// lanes do not wait for one another.
func (p *Pipeline) foresee(r *store.Record) {
	switch r.Kind {
	case store.KindDefinition:
		p.book.Foresee(r)
	case store.KindPrivacy:
		var f privacyFact
		if r.Payload != nil && json.Unmarshal(r.Payload, &f) == nil && f.Op == opErased {
			p.erased.Add(f.Erasures...)
		}
	}
}

// Rules are the identity rules of today.
func (p *Pipeline) Rules() *identity.Rules { return p.book.Current() }

// rulesToday is the version of the identity rules that counts as of the last
// record applied, 0 where none were defined.
func (c *common) rulesToday() int {
	if v := c.definitions.Load().Get(definition.IdentityRules, definition.DefaultKey).Live(); v != nil {
		return v.Version
	}
	return 0
}
