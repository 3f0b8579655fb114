package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"rapport/internal/definition"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
	"rapport/internal/store"
)

// library has the documents of criteria, read once, and what they compile to.
// A version's document never changes, so it does not matter when a lane asks.
type library struct {
	mu     sync.Mutex
	docs   map[edition]*document
	lenses []*lens // those of late, the newest last
}

// edition names one version of a definition.
type edition struct {
	kind    definition.Kind
	key     string
	version int
}

// document is what a version says, or why it cannot be read.
type document struct {
	condition *condition.Node
	trait     *segment.TraitDefinition
	affinity  *segment.AffinityDefinition
	rules     []byte // of profiles
	refs      []reference
	items     bool // it depends on what the catalog says of items
	err       error
}

// reference is another criterion that one names.
type reference struct {
	kind definition.Kind
	key  string // "": any
}

// lens is what criteria compile to. It is never changed; lanes share it.
type lens struct {
	criteria []criterion
	set      *segment.Set
	ids      []uint64       // of the evaluations, by the segment's number in the set
	numbers  map[uint64]int // and back
	rules    *profile.Rules // by which conditions see a person
	computes bool           // there are computed traits or affinities
}

const lensesKept = 8

func newLibrary() *library { return &library{docs: map[edition]*document{}} }

// evaluated tells whether versions of a kind come into force once everybody was
// evaluated: the kinds of conditions, and the rules by which these see a person.
func evaluated(k definition.Kind) bool { return asked(k) || ruling(k) }

// asked tells the kinds of which there is an answer for each person.
func asked(k definition.Kind) bool {
	return k == definition.Segment || k == definition.ComputedTrait || k == definition.Affinity
}

// ruling tells the kinds of the rules on which the values of traits depend.
func ruling(k definition.Kind) bool {
	return k == definition.Reconciliation || k == definition.TraitSchema
}

// learn takes the document of a definition that came into the log.
func (b *library) learn(r *store.Record) {
	if r.Kind != store.KindDefinition || r.Payload == nil {
		return
	}
	var f definition.Fact
	if err := json.Unmarshal(r.Payload, &f); err != nil || !evaluated(f.Kind) || len(f.Document) == 0 {
		return
	}
	b.add(edition{f.Kind, f.Key, f.Version}, f.Document)
}

func (b *library) add(e edition, doc []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.docs[e] == nil {
		b.docs[e] = readDocument(e.kind, e.key, doc)
	}
}

// readDocument reads what a criterion says.
func readDocument(kind definition.Kind, key string, doc []byte) *document {
	d := &document{}
	switch kind {
	case definition.Segment:
		var body *segment.Document
		if body, d.err = segment.ReadDocument(doc); d.err == nil {
			d.condition = body.Condition
			d.refer(d.condition)
		}
	case definition.ComputedTrait:
		if d.trait, d.err = segment.ReadTrait(key, doc); d.err == nil {
			d.refer(d.trait.Value)
		}
	case definition.Affinity:
		d.affinity, d.err = segment.ReadAffinity(key, doc)
		d.items = true
	case definition.Reconciliation:
		d.rules = doc
		_, d.err = profile.Compile(profile.Documents{Golden: doc})
	case definition.TraitSchema:
		d.rules = doc
		_, d.err = profile.Compile(profile.Documents{Schema: doc})
	}
	return d
}

// refer notes what a condition names. An expression may name anything.
func (d *document) refer(n *condition.Node) {
	switch n.Kind {
	case condition.Segment:
		d.refs = append(d.refs, reference{definition.Segment, n.Ref})
	case condition.Computed:
		d.refs = append(d.refs, reference{definition.ComputedTrait, n.Field.Name})
	case condition.Affinity:
		d.refs = append(d.refs, reference{definition.Affinity, n.Affinity.Key})
	case condition.Trait:
		for _, r := range [...]reference{{definition.Reconciliation, definition.DefaultKey}, {definition.TraitSchema, definition.DefaultKey}} {
			if !slices.Contains(d.refs, r) {
				d.refs = append(d.refs, r)
			}
		}
	case condition.Expression:
		d.refs = append(d.refs, reference{})
	case condition.Events:
		d.items = d.items || n.Events.Attr != ""
	}
	for _, k := range n.Nodes {
		d.refer(k)
	}
}

// get gives the documents of criteria.
func (b *library) get(list []criterion) ([]*document, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*document, len(list))
	for i, c := range list {
		d := b.docs[edition{c.Kind, c.Key, c.Version}]
		if d == nil {
			return nil, fmt.Errorf("%s %q has no version %d", c.Kind, c.Key, c.Version)
		}
		if d.err != nil {
			return nil, fmt.Errorf("version %d of %s %q: %w", c.Version, c.Kind, c.Key, d.err)
		}
		out[i] = d
	}
	return out, nil
}

// lens compiles criteria, or finds what they compiled to before; nil where
// there are none.
func (b *library) lens(list []criterion) (*lens, error) {
	if !slices.ContainsFunc(list, func(c criterion) bool { return asked(c.Kind) }) {
		return nil, nil
	}
	b.mu.Lock()
	for _, l := range b.lenses {
		if slices.Equal(l.criteria, list) {
			b.mu.Unlock()
			return l, nil
		}
	}
	b.mu.Unlock()
	docs, err := b.get(list)
	if err != nil {
		return nil, err
	}
	l, err := compileLens(list, docs)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lenses) == lensesKept {
		b.lenses = slices.Delete(b.lenses, 0, 1)
	}
	b.lenses = append(b.lenses, l)
	return l, nil
}

// rules compiles the rules among criteria; nil where there are none.
func (b *library) rules(list []criterion) (*profile.Rules, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(c criterion) bool { return !ruling(c.Kind) })
	docs, err := b.get(list)
	if err != nil {
		return nil, err
	}
	return compileRules(list, docs)
}

func compileRules(list []criterion, docs []*document) (*profile.Rules, error) {
	var said profile.Documents
	for i, c := range list {
		switch c.Kind {
		case definition.Reconciliation:
			said.Golden = docs[i].rules
		case definition.TraitSchema:
			said.Schema = docs[i].rules
		}
	}
	if said.Golden == nil && said.Schema == nil {
		return nil, nil
	}
	return profile.Compile(said)
}

func compileLens(list []criterion, docs []*document) (*lens, error) {
	var defs segment.Definitions
	for i, c := range list {
		switch c.Kind {
		case definition.Segment:
			defs.Segments = append(defs.Segments, segment.Definition{ID: c.ID, Key: c.Key, Condition: docs[i].condition})
		case definition.ComputedTrait:
			defs.Traits = append(defs.Traits, *docs[i].trait)
		case definition.Affinity:
			defs.Affinities = append(defs.Affinities, *docs[i].affinity)
		}
	}
	set, err := segment.Compile(defs)
	if err != nil {
		return nil, err
	}
	rules, err := compileRules(list, docs)
	if err != nil {
		return nil, err
	}
	l := &lens{criteria: slices.Clone(list), set: set, rules: rules, numbers: map[uint64]int{}, computes: len(defs.Traits)+len(defs.Affinities) > 0}
	for n := range set.Len() {
		l.ids = append(l.ids, set.ID(n))
		l.numbers[set.ID(n)] = n
	}
	return l, nil
}

// dependents adds to what changes what names it, however indirectly.
func (b *library) dependents(changed, all []criterion) ([]criterion, error) {
	docs, err := b.get(all)
	if err != nil {
		return nil, err
	}
	moved := map[reference]bool{{}: len(changed) > 0}
	for _, c := range changed {
		moved[reference{c.Kind, c.Key}] = true
	}
	out := slices.Clone(changed)
	for again := true; again; {
		again = false
		for i := range all {
			me := reference{all[i].Kind, all[i].Key}
			if moved[me] || !slices.ContainsFunc(docs[i].refs, func(r reference) bool { return moved[r] }) {
				continue
			}
			moved[me], again = true, true
			out = append(out, all[i])
		}
	}
	slices.SortFunc(out, func(x, y criterion) int { return strings.Compare(string(x.Kind)+x.Key, string(y.Kind)+y.Key) })
	return out, nil
}
