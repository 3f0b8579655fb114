package pipeline

import (
	"context"
	"maps"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// knownAtOnce is for how many records the graph and the lanes are held up at a
// time.
const knownAtOnce = 256

// Known gives for each identifier of some records who is known by it, with no more
// than identifiers, traits and consent; nil for nobody. A record has its identifiers
// strongest first; those of one person may share one answer. What it reads it reads
// for all together: who loads a table asks for thousands.
func (p *Pipeline) Known(ctx context.Context, records [][]event.Identifier) ([][]*profile.View, error) {
	out := make([][]*profile.View, 0, len(records))
	for some := range slices.Chunk(records, knownAtOnce) {
		views, err := p.knownSome(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, idents := range some {
			n := len(idents)
			out, views = append(out, views[:n:n]), views[n:]
		}
	}
	return out, nil
}

// Have tells of each event whether its message is stored already.
func (p *Pipeline) Have(ctx context.Context, events []*event.Event) ([]bool, error) {
	out, lanes := make([]bool, len(events)), map[int][]int{}
	for i, e := range events {
		at := p.laneIndex(e.Anchor().Key().Bucket())
		lanes[at] = append(lanes[at], i)
	}
	for at, some := range lanes {
		if err := p.people[at].have(ctx, p.lanes[at], events, some, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (w *people) have(ctx context.Context, l *lane, events []*event.Event, some []int, out []bool) error {
	of, anchors := make([]id.Key, len(some)), make(map[id.Key]*anchor, len(some))
	for i, at := range some {
		of[i] = events[at].Anchor().Key()
		anchors[of[i]] = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := w.see(ctx, slices.Collect(maps.Keys(anchors)), func(k id.Key, a *anchor) { anchors[k] = a }); err != nil {
		return err
	}
	tasks := make([]task, len(some))
	for i, at := range some {
		if a := anchors[of[i]]; a != nil {
			tasks[i] = task{event: events[at], short: id.Message(events[at].MessageID), anchor: a}
		}
	}
	if err := w.findCopies(ctx, tasks); err != nil {
		return err
	}
	for i, at := range some {
		if t := &tasks[i]; t.anchor != nil {
			_, open := t.anchor.seen(t.short)
			out[at] = open || t.copy != nil
		}
	}
	return nil
}

// whom is what is wanted of some identifiers of one person.
type whom struct {
	members []event.Identifier // strongest first; none: the identifier stands for itself
	keys    []id.Key
	apart   bool // some of it is shared: it is gathered by itself
	unknown bool // the graph has not heard of it
	who     *person
	done    bool
}

// knownSome gives the answers for all identifiers in a row.
func (p *Pipeline) knownSome(ctx context.Context, records [][]event.Identifier) ([]*profile.View, error) {
	asked, err := p.askGraphOf(ctx, records)
	if err != nil {
		return nil, err
	}
	people, err := p.gatherAll(ctx, asked, (*anchor).acquainted)
	if err != nil {
		return nil, err
	}
	opts, err := p.showing(ctx, &person{}, false)
	if err != nil {
		return nil, err
	}
	opts.Bare = true
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
	asked, err := p.askGraph(ctx, keys)
	if err != nil {
		return nil, err
	}
	return p.gatherAll(ctx, asked, (*anchor).clone)
}

func (p *Pipeline) gatherAll(ctx context.Context, asked []*whom, copied func(*anchor) *anchor) ([]*person, error) {
	anchors, err := p.copyAnchors(ctx, asked, copied)
	if err != nil {
		return nil, err
	}
	out := make([]*person, len(asked))
	for i, a := range asked {
		if !a.done {
			if err := p.answer(ctx, a, anchors, copied); err != nil {
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
	return p.askWhose(ctx, keys, map[id.Key]*whom{})
}

// askGraphOf says of each identifier of some records who it belongs to. Most records
// name somebody as they are known: then the strongest identifier tells of all. In a
// table of new people none does, and nothing is looked for by it.
func (p *Pipeline) askGraphOf(ctx context.Context, records [][]event.Identifier) ([]*whom, error) {
	var first, rest []id.Key
	for _, idents := range records {
		if len(idents) > 0 {
			first = append(first, idents[0].Key())
		}
	}
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	if !p.strangers {
		if err := p.graph.Recall(ctx, first); err != nil {
			return nil, err
		}
	}
	whole := map[id.Key]*whom{}
	strongest, err := p.askWhose(ctx, first, whole)
	if err != nil {
		return nil, err
	}
	p.strangers = !slices.ContainsFunc(strongest, func(a *whom) bool { return !a.unknown })
	var out []*whom
	for _, idents := range records {
		for i := range idents {
			switch {
			case i == 0:
				out, strongest = append(out, strongest[0]), strongest[1:]
			case slices.Contains(out[len(out)-i].members, idents[i]):
				out = append(out, out[len(out)-i])
			default:
				out, rest = append(out, nil), append(rest, idents[i].Key())
			}
		}
	}
	others, err := p.askWhose(ctx, rest, whole)
	if err != nil {
		return nil, err
	}
	at := 0
	for _, idents := range records {
		for i := range idents {
			if out[at] == nil {
				out[at], others = others[0], others[1:]
			}
			// All but devices are known to the graph from their first event on.
			out[at].done = out[at].unknown && idents[i].Namespace != event.AnonymousID
			at++
		}
	}
	return out, nil
}

// askWhose asks with the graph locked. whole has the people that were found before,
// by the key of the strongest identifier.
func (p *Pipeline) askWhose(ctx context.Context, keys []id.Key, whole map[id.Key]*whom) ([]*whom, error) {
	found, err := p.graph.People(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]*whom, len(keys))
	for i, k := range keys {
		members := found[i].Members
		a := &whom{keys: []id.Key{k}, apart: len(members) > 0 && !found[i].Alone, unknown: !found[i].Known}
		out[i] = a
		if len(members) == 0 || a.apart {
			continue
		}
		home := members[0].Key()
		if same := whole[home]; same != nil {
			out[i] = same
			continue
		}
		whole[home] = a
		a.members, a.keys = members, a.keys[:0]
		for _, m := range members {
			a.keys = append(a.keys, m.Key())
		}
	}
	return out, nil
}

// copyAnchors copies the rows of everybody, lane by lane. What a home has heard of
// spares the others: an anchor that it never heard from has nothing to say.
func (p *Pipeline) copyAnchors(ctx context.Context, people []*whom, copied func(*anchor) *anchor) (map[id.Key]*anchor, error) {
	out := map[id.Key]*anchor{}
	if err := p.copyInLanes(ctx, out, copied, func(want func(id.Key)) {
		for _, a := range people {
			if !a.apart && !a.done {
				want(a.keys[0])
			}
		}
	}); err != nil {
		return nil, err
	}
	return out, p.copyInLanes(ctx, out, copied, func(want func(id.Key)) {
		for _, a := range people {
			if a.apart || a.done || len(a.keys) == 1 {
				continue
			}
			home := out[a.keys[0]]
			for _, k := range a.keys[1:] {
				if home == nil || !home.knowsAll(a.members) || home.home.findForeign(k) >= 0 {
					want(k)
				}
			}
		}
	})
}

// knowsAll tells that the anchor is a home and has heard of all members.
func (a *anchor) knowsAll(members []event.Identifier) bool {
	return a.home != nil && !a.elsewhere() && slices.Equal(a.home.members, members)
}

// copyInLanes copies the wanted rows that were not wanted before.
func (p *Pipeline) copyInLanes(ctx context.Context, out map[id.Key]*anchor, copied func(*anchor) *anchor, each func(want func(id.Key))) error {
	lanes := map[int][]id.Key{}
	each(func(k id.Key) {
		if _, again := out[k]; !again {
			out[k] = nil
			i := p.laneIndex(k.Bucket())
			lanes[i] = append(lanes[i], k)
		}
	})
	for i, keys := range lanes {
		if err := p.people[i].copyAnchors(ctx, p.lanes[i], keys, copied, out); err != nil {
			return err
		}
	}
	return nil
}

func (w *people) copyAnchors(ctx context.Context, l *lane, keys []id.Key, copied func(*anchor) *anchor, into map[id.Key]*anchor) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.see(ctx, keys, func(k id.Key, a *anchor) { into[k] = copied(a) })
}

// see shows the rows of some keys for as long as the lane is held; of nobody none.
// What is not in memory is read for all together and not kept.
func (w *people) see(ctx context.Context, keys []id.Key, show func(id.Key, *anchor)) error {
	var missing []store.RowKey
	for i, k := range keys {
		if a, ok := w.anchors.Get(k); ok {
			show(k, a)
			continue
		}
		if w.blank[k] || w.absent[target{store.TableAnchors, k}] {
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
			w.noteAbsent(store.TableAnchors, k)
			continue
		}
		a, err := w.whole(k, parts, nil)
		if err != nil {
			return err
		}
		show(k, a)
	}
	return nil
}

// answer makes a person of the rows.
func (p *Pipeline) answer(ctx context.Context, a *whom, anchors map[id.Key]*anchor, copied func(*anchor) *anchor) (err error) {
	a.done = true
	if a.apart {
		a.who, err = p.gatherBy(ctx, a.keys[0], copied)
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
