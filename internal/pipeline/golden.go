package pipeline

import (
	"context"
	"fmt"

	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/profile"
)

// ruleKinds are the definitions that say how profiles are put together. Each
// has one key.
var ruleKinds = [...]definition.Kind{definition.Reconciliation, definition.TraitSchema, definition.RFMBoundaries}

// compiledRules are the rules of certain versions; 0 is none.
type compiledRules struct {
	versions [len(ruleKinds)]int
	rules    *profile.Rules
}

// ProfileRules are the rules that are live. Reading them again costs nothing
// until another version is.
func (p *Pipeline) ProfileRules(ctx context.Context) (*profile.Rules, error) {
	var now compiledRules
	index := p.Definitions()
	for i, kind := range ruleKinds {
		if v := index.Get(kind, definition.DefaultKey).Live(); v != nil {
			now.versions[i] = v.Version
		}
	}
	if held := p.compiled.Load(); held != nil && held.versions == now.versions {
		return held.rules, nil
	}
	var documents [len(ruleKinds)][]byte
	for i, kind := range ruleKinds {
		if now.versions[i] == 0 {
			continue
		}
		d, err := p.Definition(ctx, kind, definition.DefaultKey, now.versions[i])
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", kind, err)
		}
		documents[i] = d.Document
	}
	var err error
	now.rules, err = profile.Compile(profile.Documents{Golden: documents[0], Schema: documents[1], RFM: documents[2]})
	if err != nil {
		return nil, fmt.Errorf("profile rules of the versions %v: %w", now.versions, err)
	}
	p.compiled.Store(&now)
	return now.rules, nil
}

// Conflicts lists the fields of a person of which different things were said,
// or all of them.
func (p *Pipeline) Conflicts(ctx context.Context, ref string, all bool) ([]profile.Conflict, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	opts, err := p.showing(ctx, who, true)
	if err != nil {
		return nil, err
	}
	return profile.Conflicts(who.partials(), opts, all), nil
}

// SamplePeople visits up to so many people, each once.
// Who is among them depends on the hashes of their identifiers, so it is a
// fair sample; all says that it was everybody.
func (p *Pipeline) SamplePeople(ctx context.Context, limit int, visit func(id string, partials []*profile.Partial)) (all bool, err error) {
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return false, err
		}
	}
	seen := 0
	for at, more := (bucketPlace{}), true; more; {
		keys, err := p.anchorKeys(ctx, at, limit+1)
		if err != nil {
			return false, err
		}
		if more = len(keys) > limit; more {
			last := keys[limit]
			at = bucketPlace{last.Bucket(), last[:]}
		}
		for _, k := range keys {
			who, err := p.personAt(ctx, k)
			if err != nil {
				return false, err
			}
			if who == nil {
				continue
			}
			if seen == limit {
				return false, nil
			}
			seen++
			visit(who.id, who.partials())
		}
	}
	return true, nil
}

// personAt gives the person whose strongest identifier with a state of its own
// is the one of the key; nil where it is another's.
func (p *Pipeline) personAt(ctx context.Context, k id.Key) (*person, error) {
	who, err := p.gatherKey(ctx, k)
	if err != nil || who == nil || who.anchors[0].key != k {
		return nil, err
	}
	return who, nil
}
