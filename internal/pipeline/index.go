package pipeline

import (
	"context"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// The columnar index follows the homes: each commit marks the people it changed
// as behind in the index, and keeps in a row whom that was. Their columns are
// made in the background, once for however many commits, and of those in memory
// before a preview. A start reads the images of the index and doubts only the
// people of later commits. See index_keep.go.

// mirror is a lane's hand on the index.
type mirror struct {
	index   *columns.Index // nil: there is none
	maker   columns.RowMaker
	now     func() clock.Instant
	counts  *countBook
	members []uint64           // scratch
	own     []columns.OwnTrait // scratch
	behind  []id.Key           // scratch
	gone    []id.Key           // anchors that are no more, since the last commit
	kept    []store.RowKey     // rows that say whose columns changed
	done    store.Position     // those before it are not needed any more
}

// reflect says in the index whose columns are behind what changed, and who is
// no more.
func (w *people) reflect() {
	m := &w.mirror
	if m.index == nil {
		return
	}
	m.behind = m.behind[:0]
	for _, a := range w.changedAnchors {
		if a.elsewhere() || a.ident.Value == "" {
			m.index.Remove(a.key)
		} else {
			m.behind = append(m.behind, a.key)
		}
	}
	m.index.Suspect(m.behind)
	for _, k := range m.gone {
		m.index.Remove(k)
	}
	if len(m.behind)+len(m.gone) > 0 {
		m.counts.note(m.behind)
		m.counts.note(m.gone)
	}
}

// reflectOne brings the columns of one anchor's person up to date, where the
// anchor is the person's home.
func (w *people) reflectOne(a *anchor) {
	m := &w.mirror
	if a.elsewhere() || a.ident.Value == "" {
		m.index.Remove(a.key)
		return
	}
	if a.cold != nil {
		m.index.Suspect([]id.Key{a.key}) // looked at once its row is whole
		return
	}
	if err := w.loadCuts(context.Background(), a); err != nil {
		m.index.Suspect([]id.Key{a.key})
		return
	}
	partial, _ := w.mine(a)
	if a.home != nil && len(a.home.foreign) > 0 {
		if slices.ContainsFunc(a.home.foreign, func(f foreign) bool { return f.row == nil }) {
			m.index.Suspect([]id.Key{a.key})
			return
		}
		partial = a.home.whole(partial)
	}
	if a.nobody() {
		m.index.Remove(a.key)
		return
	}
	m.members = a.members.evaluations(m.members[:0])
	m.index.Update(m.maker.Row(&columns.Person{
		Home: a.key, Partial: partial, Identifiers: w.identifiers(a), Members: m.members, Own: w.ownTraits(a), Rules: w.rules,
		Consent: func(visit func(purpose, state string)) { consented(partial, visit) },
	}))
}

// consented visits what somebody agreed to, of whole purposes, as conditions
// see it.
func consented(partial *profile.Partial, visit func(purpose, state string)) {
	find, said := consentOf(partial), partial.Consents()
	for i := range said {
		if state := find(said[i].Purpose); said[i].Channel == "" && state != "" {
			visit(said[i].Purpose, state)
		}
	}
}

// evaluations are the numbers of those whose member the person is, in force
// already or not: what is not asked for yet does no harm.
func (m *memberships) evaluations(into []uint64) []uint64 {
	if m == nil {
		return into
	}
	for i := range m.list {
		if m.list[i].member {
			into = append(into, m.list[i].id)
		}
	}
	return into
}

// columnChanges keeps whose columns a commit changes, and lets go of what an
// image of the index holds. position is where the lane is.
func (w *people) columnChanges(out []store.Change, position store.Position) []store.Change {
	m := &w.mirror
	if m.index == nil {
		return out
	}
	w.reflect()
	for m.outdated() {
		out = append(out, store.Change{RowKey: m.kept[0], Op: store.Delete})
		m.kept = m.kept[1:]
	}
	var keys []byte
	for _, a := range w.changedAnchors {
		keys = append(keys, a.key[:]...)
	}
	for _, k := range m.gone {
		keys = append(keys, k[:]...)
	}
	m.gone = m.gone[:0]
	if len(keys) == 0 {
		return out
	}
	row := store.RowKey{Table: store.TableColumns, Bucket: w.span.First, Key: binary.BigEndian.AppendUint64(nil, uint64(position))}
	m.kept = append(m.kept, row)
	return append(out, store.Change{RowKey: row, Op: store.Add, Value: keys})
}

// outdated tells whether there are rows that nobody needs any more.
func (m *mirror) outdated() bool { return len(m.kept) > 0 && columnPosition(m.kept[0].Key) < m.done }

func columnPosition(key []byte) store.Position {
	if len(key) != 8 {
		return 0
	}
	return store.Position(binary.BigEndian.Uint64(key))
}

// forgetColumns notes that an anchor is no more.
func (w *people) forgetColumns(k id.Key) {
	if w.mirror.index != nil {
		w.mirror.gone = append(w.mirror.gone, k)
	}
}

// look brings the columns of people up to date who may be behind. The lane is
// locked; rows are read and not kept.
func (w *people) look(ctx context.Context, k id.Key) error {
	a, ok := w.anchors.Get(k)
	if !ok {
		var err error
		if a, err = w.copyAnchor(ctx, k); err != nil {
			return err
		}
		if a == nil {
			w.mirror.index.Remove(k)
			return nil
		}
	}
	if a.home != nil {
		if err := w.loadForeign(ctx, []*anchor{a}); err != nil {
			return err
		}
	}
	w.reflectOne(a)
	return nil
}

// ownTraits are a person's computed traits as of now.
func (w *people) ownTraits(a *anchor) []columns.OwnTrait {
	m := &w.mirror
	m.own = m.own[:0]
	if w.glass == nil || !w.glass.computes {
		return m.own
	}
	who := w.subject(a)
	for _, v := range w.glass.eval.Traits(who.person, who.states, max(w.present(a), m.now())) {
		c := w.force.find(definition.ComputedTrait, v.Key)
		if c == nil {
			continue
		}
		t := columns.OwnTrait{Evaluation: c.ID, JSON: v.JSON, None: v.Kind == segment.Null, Until: v.Next}
		if v.Kind == segment.Time {
			t.At = v.At
		}
		m.own = append(m.own, t)
	}
	return m.own
}

// glances is how many people a preview brings up to date itself, where they are
// in memory: some tens of milliseconds of them.
const glances = 8192

// Columns brings the index up to what is applied and gives it, with the
// position up to which everything is in it or known to be behind. It is nil
// where there is none.
func (p *Pipeline) Columns() (x *columns.Index, position store.Position) {
	if x, position = p.columnsNow(); x != nil {
		p.glance(x.Suspects(glances))
	}
	return x, position
}

// columnsNow is Columns that looks at nobody.
func (p *Pipeline) columnsNow() (x *columns.Index, position store.Position) {
	if p.index == nil {
		return nil, 0
	}
	for i, w := range p.people {
		l := p.lanes[i]
		l.mu.Lock()
		w.reflect()
		if i == 0 || l.applied < position {
			position = l.applied
		}
		l.mu.Unlock()
	}
	return p.index, position
}

// glance brings the columns of people up to date whose rows are in memory.
func (p *Pipeline) glance(keys []id.Key) {
	for len(keys) > 0 {
		i, n := p.laneIndex(keys[0].Bucket()), 1
		for n < len(keys) && n < indexLook && p.lanes[i].holds(keys[n].Bucket()) {
			n++
		}
		w := p.people[i]
		p.lanes[i].mu.Lock()
		w.position = max(w.position, p.lanes[i].applied)
		for _, k := range keys[:n] {
			if a, ok := w.anchors.Get(k); ok {
				w.reflectOne(a)
			}
		}
		p.lanes[i].mu.Unlock()
		keys = keys[n:]
	}
}

// ColumnStats measures the index.
func (p *Pipeline) ColumnStats() columns.Stats {
	if p.index == nil {
		return columns.Stats{}
	}
	return p.index.Stats()
}
