package segment

import (
	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/condition"
)

// watch notes the values of fields before something happens.
type watch struct {
	fields []int32
	spans  []span
	before Cells
	after  Cells
	spoke  bool // the event says traits
}

// Watch notes what an event can change of a person's fields, before it is
// folded. Compare says afterwards which leaves that concerns.
func (e *Evaluator) Watch(p Person, ev *event.Event) {
	w := &e.watched
	w.fields, w.spans = w.fields[:0], w.spans[:0]
	w.before.Reset()
	w.spoke = ev.Traits.Len() > 0
	for i := range e.set.fields {
		if f := &e.set.fields[i]; f.concerns(ev) {
			at := len(w.before.List)
			p.Values(&w.before, f.kind, &f.ref)
			w.fields = append(w.fields, int32(i))
			w.spans = append(w.spans, span{from: at, to: len(w.before.List)})
		}
	}
}

// concerns tells whether an event can change a field.
func (f *field) concerns(ev *event.Event) bool {
	switch f.kind {
	case condition.Trait:
		return ev.Traits.Len() > 0 && says(ev.Traits, f.ref.Name)
	case condition.Context:
		return ev.Context.Exists() || ev.Shared.Exists() || ev.Derived.Exists()
	}
	return true
}

// says tells whether an object has a member that a path goes through.
func says(v jsondoc.Value, path string) bool {
	if v.Get(path).Exists() {
		return true
	}
	for i := range len(path) {
		if path[i] == '.' {
			return v.Get(path[:i]).Exists()
		}
	}
	return false
}

// Compare touches the leaves that ask for a field whose values are others than
// they were at Watch, and those that an event always concerns.
func (e *Evaluator) Compare(p Person, t *Touched) {
	if t.set != e.set {
		t.Reset(e.set)
	}
	w := &e.watched
	w.after.Reset()
	for k, i := range w.fields {
		f := &e.set.fields[i]
		at := len(w.after.List)
		p.Values(&w.after, f.kind, &f.ref)
		old, now := w.before.List[w.spans[k].from:w.spans[k].to], w.after.List[at:]
		if sameCells(old, now) {
			continue
		}
		t.list(f.others)
		for i := range old {
			t.list(f.equal.of(&old[i]))
		}
		for i := range now {
			t.list(f.equal.of(&now[i]))
		}
	}
	if w.spoke {
		t.list(e.set.speaking)
	}
	t.list(e.set.restless)
}

func sameCells(a, b []Cell) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].same(&b[i]) {
			return false
		}
	}
	return true
}

// Event touches what an event can change of a person's fields, without looking
// at the person: more than Watch and Compare find.
func (t *Touched) Event(s *Set, ev *event.Event) {
	if t.set != s {
		t.Reset(s)
	}
	for i := range s.fields {
		if f := &s.fields[i]; f.concerns(ev) {
			t.list(f.leaves)
		}
	}
	if ev.Traits.Len() > 0 {
		t.list(s.speaking)
	}
	t.list(s.restless)
}

// Items touches what reads attributes of items: the catalog changed.
func (t *Touched) Items(s *Set) {
	if t.set != s {
		t.Reset(s)
	}
	for i := range s.sources {
		if src := &s.sources[i]; src.record == keepItem || src.record == keepPoints || src.what == condition.OrderLine {
			t.source(src)
		}
	}
	for i := range s.leaves {
		l := &s.leaves[i]
		if l.affinity >= 0 || l.node.Kind == condition.Events && l.node.Events.Attr != "" {
			t.leaf(int32(i))
		}
		if l.trait >= 0 && s.traits[l.trait].node.Kind == condition.Events && s.traits[l.trait].node.Events.Attr != "" {
			t.leaf(int32(i))
		}
	}
}
