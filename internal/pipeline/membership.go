package pipeline

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"slices"
	"sort"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/store"
)

// membership is what is known of a person and one evaluation of a segment.
// There is none where the person is not in it and time alone will not change
// that.
type membership struct {
	id     uint64
	since  clock.Instant // of the present spell; zero where the person is not in
	next   clock.Instant // when time alone changes it; zero: never
	member bool
	shadow bool // not in force yet: nobody has been told
	dirty  bool
}

// memberships are those of a home, by id.
type memberships struct {
	list    []membership
	dropped []uint64 // since the last part
	due     clock.Instant
	settled store.Position // what they follow: a fact that changed what is in force
	judged  bool           // the person was evaluated at least once
}

func (m *memberships) place(n uint64) (int, bool) {
	i := sort.Search(len(m.list), func(i int) bool { return m.list[i].id >= n })
	return i, i < len(m.list) && m.list[i].id == n
}

func (m *memberships) get(n uint64) membership {
	i, ok := m.place(n)
	if !ok {
		return membership{id: n}
	}
	return m.list[i]
}

// put sets a membership, or removes one that says nothing.
func (m *memberships) put(x membership) {
	i, ok := m.place(x.id)
	empty := !x.member && x.next == 0
	x.dirty = true
	switch {
	case ok && empty:
		m.list = slices.Delete(m.list, i, i+1)
		m.dropped = append(m.dropped, x.id)
	case ok:
		m.list[i] = x
	case !empty:
		m.list = slices.Insert(m.list, i, x)
	}
}

// soonest finds the next instant at which time alone changes one of them.
func (m *memberships) soonest() {
	m.due = 0
	for i := range m.list {
		if n := m.list[i].next; n != 0 && (m.due == 0 || n < m.due) {
			m.due = n
		}
	}
}

func (m *memberships) size() int { return 40 * cap(m.list) }

// The flags of a membership on disk.
const (
	flagMember  = 1
	flagShadow  = 2
	flagDropped = 4
)

// append encodes all of them, or those that changed, and forgets that.
func (m *memberships) append(b []byte, all bool) []byte {
	if !all {
		for _, n := range m.dropped {
			b = binary.AppendUvarint(append(b, flagDropped), n)
		}
	}
	m.dropped = nil
	for i := range m.list {
		x := &m.list[i]
		if !all && !x.dirty {
			continue
		}
		x.dirty = false
		flags := byte(0)
		if x.member {
			flags |= flagMember
		}
		if x.shadow {
			flags |= flagShadow
		}
		b = binary.AppendUvarint(append(b, flags), x.id)
		b = appendInstants(b, x.since, x.next)
	}
	return b
}

func (m *memberships) changed() bool {
	return len(m.dropped) > 0 || slices.ContainsFunc(m.list, func(x membership) bool { return x.dirty })
}

func (m *memberships) read(b []byte) bool {
	r := cursor{b: b}
	for len(r.b) > 0 && !r.bad {
		flags, n := r.byte(), r.uvarint()
		if flags&flagDropped != 0 {
			m.put(membership{id: n})
			continue
		}
		x := membership{id: n, member: flags&flagMember != 0, shadow: flags&flagShadow != 0}
		x.since, x.next = clock.Instant(r.varint()), clock.Instant(r.varint())
		if !x.member && x.next == 0 {
			return false
		}
		m.put(x)
	}
	m.dropped = nil
	for i := range m.list {
		m.list[i].dirty = false
	}
	m.soonest()
	return !r.bad
}

// memberKey is the row that lists a home among the members of a segment.
func memberKey(n uint64, home id.Key) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 24), n), home[:]...)
}

// passage is an entry into a segment or an exit from it, as it is kept.
type passage struct {
	Segment string          `json:"segment"`
	Version int             `json:"version"`
	Change  string          `json:"change"` // entered, left
	Cause   cause           `json:"cause"`
	Why     json.RawMessage `json:"why,omitempty"`
}

// cause is what led to a passage.
type cause struct {
	// Kind is event, order, time, merge, definition, correction or catalog.
	Kind      string        `json:"kind"`
	MessageID string        `json:"message_id,omitempty"`
	Name      string        `json:"name,omitempty"` // of the event
	Time      clock.Instant `json:"time,omitzero"`  // of the event
}

const (
	causeEvent      = "event"
	causeOrder      = "order"
	causeTime       = "time"
	causeMerge      = "merge"
	causeDefinition = "definition"
	causeCorrection = "correction"
	causeCatalog    = "catalog"

	changeEntered = "entered"
	changeLeft    = "left"
)

// historyKey is the row of a passage: those of an anchor stand in the order of
// their instants.
func historyKey(a id.Key, at clock.Instant, n uint64, entered bool) []byte {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 33), a[:]...), uint64(at))
	b = binary.BigEndian.AppendUint64(b, n)
	if entered {
		return append(b, 1)
	}
	return append(b, 0)
}

// enroll notes that a home is in a segment or is not any more, in the list of
// members and in their number.
func (w *people) enroll(a *anchor, n uint64, member bool) {
	op, count := store.Put, int64(1)
	if !member {
		op, count = store.Delete, -1
	}
	w.rows = append(w.rows, w.row(store.TableMembers, a.key, memberKey(n, a.key), op, nil))
	w.tally.enroll(n, count)
}

// pass keeps an entry or an exit.
func (w *people) pass(a *anchor, c *criterion, at clock.Instant, member bool, why cause) {
	p := passage{Segment: c.Key, Version: c.Version, Change: changeLeft, Cause: why}
	if member {
		p.Change = changeEntered
	}
	if why.Kind != causeDefinition {
		p.Why = w.explain(a, c.Key, at)
	}
	value, err := json.Marshal(p)
	if err != nil {
		w.log.Error("passage cannot be kept", "error", err)
		return
	}
	w.rows = append(w.rows, w.row(store.TableHistory, a.key, historyKey(a.key, at, c.ID, member), store.Put, value))
}

// settle lets the memberships of a home follow what is in force. It is done
// before anything else happens to the home, so it does not matter when.
func (w *people) settle(a *anchor) {
	m := a.members
	if m.settled >= w.force.position {
		return
	}
	m.settled = w.force.position
	steps := w.succession(m)
	for _, s := range steps {
		w.succeed(a, s)
	}
	for _, x := range slices.Clone(m.list) {
		switch _, active := w.force.ids[x.id]; {
		case active && x.shadow:
			x.shadow = false
			m.put(x)
		case !active && !w.job.has(x.id):
			if x.member {
				w.enroll(a, x.id, false)
			}
			m.put(membership{id: x.id})
		default:
			continue
		}
		w.touch(a)
	}
	m.soonest()
}

// succession is one evaluation taking the place of another, as it concerns one
// person.
type succession struct {
	from, to uint64 // 0: none
	at       clock.Instant
}

// succession gives the steps that memberships have not followed yet, in their
// order.
func (w *people) succession(m *memberships) []succession {
	var out []succession
	add := func(s succession) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for i := range m.list {
		x := &m.list[i]
		if n, active := w.force.ids[x.id]; active {
			if x.shadow {
				add(succession{w.force.before[x.id], x.id, w.force.active[n].since})
			}
			continue
		}
		r, known := w.force.retired[x.id]
		if !known {
			continue // of an evaluation that was given up
		}
		add(succession{x.id, r.by, r.ended})
		if x.shadow {
			add(succession{w.force.before[x.id], x.id, r.since})
		}
	}
	slices.SortFunc(out, func(a, b succession) int { return cmp.Compare(a.at, b.at) })
	return out
}

// succeed tells of one step: who was in the version before and is in the one
// after stays in.
func (w *people) succeed(a *anchor, s succession) {
	before := a.members.get(s.from)
	after := a.members.get(s.to)
	switch {
	case before.member && after.member:
		after.since = before.since
		a.members.put(after)
	case after.member:
		after.since = s.at
		a.members.put(after)
		w.pass(a, w.force.criterion(s.to), s.at, true, cause{Kind: causeDefinition})
	case before.member:
		w.pass(a, w.force.criterion(s.from), s.at, false, cause{Kind: causeDefinition})
	}
}

// keys are the segments that a home is in, as far as they are in force.
func (w *people) keys(a *anchor) []string {
	if a.members == nil || a.elsewhere() {
		return nil
	}
	var out []string
	for i := range a.members.list {
		x := &a.members.list[i]
		if !x.member {
			continue
		}
		if n, ok := w.force.ids[x.id]; ok && w.force.active[n].Kind == definition.Segment {
			out = append(out, w.force.active[n].Key)
		}
	}
	slices.Sort(out)
	return out
}
