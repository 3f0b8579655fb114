package pipeline

import (
	"context"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// knownAtOnce is for how many identifiers the graph and the lanes are held up at
// a time.
const knownAtOnce = 256

// Known gives for each identifier who is known by it, without segments and
// computed traits; nil for nobody. Identifiers of one person may share one
// answer. What it reads it reads for all together: who loads a table asks for
// thousands.
func (p *Pipeline) Known(ctx context.Context, idents []event.Identifier) ([]*profile.View, error) {
	out := make([]*profile.View, 0, len(idents))
	for some := range slices.Chunk(idents, knownAtOnce) {
		views, err := p.knownSome(ctx, some)
		if err != nil {
			return nil, err
		}
		out = append(out, views...)
	}
	return out, nil
}

// whom is what is wanted of some identifiers of one person.
type whom struct {
	members []event.Identifier // none: the identifier stands for itself
	keys    []id.Key
	apart   bool // some of it is shared: it is gathered by itself
	who     *person
	done    bool
}

func (p *Pipeline) knownSome(ctx context.Context, idents []event.Identifier) ([]*profile.View, error) {
	keys := make([]id.Key, len(idents))
	for i := range idents {
		keys[i] = idents[i].Key()
	}
	people, err := p.whoAre(ctx, keys)
	if err != nil {
		return nil, err
	}
	opts, err := p.showing(ctx, &person{}, false)
	if err != nil {
		return nil, err
	}
	out, seen := make([]*profile.View, len(people)), map[*person]*profile.View{}
	for i, who := range people {
		if who != nil && seen[who] == nil {
			opts.ID = who.id
			seen[who] = profile.Assemble(who.members, who.partials(), opts)
		}
		out[i] = seen[who]
	}
	return out, nil
}

// whoAre gathers the people of some identifiers' keys, nil for nobody. Keys of
// one person may share one answer.
func (p *Pipeline) whoAre(ctx context.Context, keys []id.Key) ([]*person, error) {
	people, err := p.askGraph(ctx, keys)
	if err != nil {
		return nil, err
	}
	anchors, err := p.copyAnchors(ctx, people)
	if err != nil {
		return nil, err
	}
	out := make([]*person, len(keys))
	for i, a := range people {
		if !a.done {
			if err := p.answer(ctx, a, anchors); err != nil {
				return nil, err
			}
		}
		out[i] = a.who
	}
	return out, nil
}

// askGraph says of each key who it belongs to.
func (p *Pipeline) askGraph(ctx context.Context, keys []id.Key) ([]*whom, error) {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	found, err := p.graph.People(ctx, keys)
	if err != nil {
		return nil, err
	}
	out, whole := make([]*whom, len(keys)), map[*event.Identifier]*whom{}
	for i, k := range keys {
		members := found[i].Members
		a := &whom{keys: []id.Key{k}, apart: len(members) > 0 && !found[i].Alone}
		out[i] = a
		if len(members) == 0 || a.apart {
			continue
		}
		if same := whole[&members[0]]; same != nil {
			out[i] = same
			continue
		}
		whole[&members[0]] = a
		a.members, a.keys = members, a.keys[:0]
		for _, m := range members {
			a.keys = append(a.keys, m.Key())
		}
	}
	return out, nil
}

// copyAnchors copies the rows of everybody, lane by lane.
func (p *Pipeline) copyAnchors(ctx context.Context, people []*whom) (map[id.Key]*anchor, error) {
	lanes := map[int][]id.Key{}
	out := map[id.Key]*anchor{}
	for _, a := range people {
		for _, k := range a.keys {
			if _, again := out[k]; again || a.apart {
				continue
			}
			out[k] = nil
			i := p.laneIndex(k.Bucket())
			lanes[i] = append(lanes[i], k)
		}
	}
	for i, keys := range lanes {
		if err := p.people[i].copyAnchors(ctx, p.lanes[i], keys, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (w *people) copyAnchors(ctx context.Context, l *lane, keys []id.Key, into map[id.Key]*anchor) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var missing []store.RowKey
	for i, k := range keys {
		if a, ok := w.anchors.Get(k); ok {
			into[k] = a.clone()
			continue
		}
		missing = append(missing, store.RowKey{Table: store.TableAnchors, Bucket: k.Bucket(), Key: keys[i][:]})
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := w.store.State().Load(ctx, missing)
	if err != nil {
		return err
	}
	for i, parts := range rows {
		k := id.Key(missing[i].Key)
		if parts == nil {
			continue
		}
		if into[k], err = w.whole(k, parts, nil); err != nil {
			return err
		}
	}
	return nil
}

// answer makes a person of the rows.
func (p *Pipeline) answer(ctx context.Context, a *whom, anchors map[id.Key]*anchor) (err error) {
	a.done = true
	if a.apart {
		a.who, err = p.gatherKey(ctx, a.keys[0])
		return err
	}
	who := &person{}
	for _, k := range a.keys {
		if x := anchors[k]; x != nil && x.ident.Value != "" { // else the row only says where the home is
			who.anchors = append(who.anchors, x)
		}
	}
	if who.known() {
		p.name(who, a.members)
		a.who = who
	}
	return nil
}

// known tells whether anything is: a home that never had an event of its own may
// have a row or not.
func (who *person) known() bool {
	return slices.ContainsFunc(who.anchors, func(a *anchor) bool { return a.received != 0 || len(a.told) > 0 || !a.blank() })
}
