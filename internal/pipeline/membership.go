package pipeline

import (
	"cmp"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/rows"
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
	stale   bool           // due may be too early
	settled store.Position // what they follow: a fact that changed what is in force
	judged  bool           // the person was evaluated at least once

	// inside says of which segments the person is a member, by their numbers as
	// insideOf has them; it is void where insideOf is another or nil.
	inside   []uint64
	insideOf *lens
}

// mark notes in inside that a person is in a segment, or is not.
func (m *memberships) mark(segment int, member bool) {
	if bit := uint64(1) << (segment % insideBits); member {
		m.inside[segment/insideBits] |= bit
	} else {
		m.inside[segment/insideBits] &^= bit
	}
}

const insideBits = 64

// insideNow gives a bit for every segment in force that the person is in.
func (m *memberships) insideNow(l *lens) []uint64 {
	if m.insideOf == l {
		return m.inside
	}
	n := len(l.ids)/insideBits + 1
	m.inside, m.insideOf = slices.Grow(m.inside[:0], n)[:n], l
	clear(m.inside)
	for i := range m.list {
		if n, ok := l.numbers[m.list[i].id]; ok && m.list[i].member && !m.list[i].shadow {
			m.mark(n, true)
		}
	}
	return m.inside
}

func (m *memberships) place(n uint64) (int, bool) {
	lo, hi := 0, len(m.list)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if m.list[mid].id < n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(m.list) && m.list[lo].id == n
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
	if ok && m.list[i].member != x.member || ok && m.list[i].shadow != x.shadow || !ok && x.member {
		m.insideOf = nil
	}
	m.stale = m.stale || ok && m.due != 0 && m.list[i].next == m.due && x.next != m.due
	if x.next != 0 && (m.due == 0 || x.next < m.due) {
		m.due = x.next
	}
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
	if !m.stale {
		return
	}
	m.due, m.stale = 0, false
	for i := range m.list {
		if n := m.list[i].next; n != 0 && (m.due == 0 || n < m.due) {
			m.due = n
		}
	}
}

func (m *memberships) size() int { return 40*cap(m.list) + 8*cap(m.inside) }

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
		b = rows.AppendInstants(b, x.since, x.next)
	}
	return b
}

func (m *memberships) changed() bool {
	return len(m.dropped) > 0 || slices.ContainsFunc(m.list, func(x membership) bool { return x.dirty })
}

func (m *memberships) read(b []byte) bool {
	r := rows.Cursor{B: b}
	for len(r.B) > 0 && !r.Bad {
		flags, n := r.Byte(), r.Uvarint()
		if flags&flagDropped != 0 {
			m.put(membership{id: n})
			continue
		}
		x := membership{id: n, member: flags&flagMember != 0, shadow: flags&flagShadow != 0}
		x.since, x.next = clock.Instant(r.Varint()), clock.Instant(r.Varint())
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
	return !r.Bad
}

// memberKey is the row that lists a home among the members of a segment.
func memberKey(n uint64, home id.Key) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 24), n), home[:]...)
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
		w.pass(a, w.force.criterion(s.to), s.at, passage{entered: true, cause: cause{kind: causeDefinition}})
	case before.member:
		w.pass(a, w.force.criterion(s.from), s.at, passage{cause: cause{kind: causeDefinition}})
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
