package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// maxDeltas is how many delta parts follow a full part before the row is
// written whole again.
const maxDeltas = 16

// The sections of a part. The numbers are on disk: append only.
const (
	sectionIdent      = 1
	sectionPartial    = 2
	sectionEdges      = 3  // edges that are new or changed
	sectionOpen       = 4  // the unfinished chunk, whole
	sectionMore       = 5  // entries added to it
	sectionMarks      = 6  // finished chunks, timer, first received
	sectionTold       = 7  // positions of portions of commands, all of them
	sectionCopies     = 15 // how many events were copies of others
	sectionHome       = 8  // where the person's home is; at the home, who belongs to the person
	sectionLeaves     = 9  // what conditions keep, whole
	sectionMoreLeaves = 10 // changes of it
	sectionMembers    = 11 // memberships that are new, changed or gone
	sectionMet        = 12 // edges that were met again: merged into those before
	sectionCut        = 13 // there are cuts: no more than the number
	sectionWaiting    = 16 // triggered experiences that are not due yet, all of them
	sectionBases      = 17 // bases of events that it no longer has, all of them
)

var errAnchor = errors.New("anchor row is damaged")

// part encodes what changed since the last part: everything, or the changes
// only. It forgets that they changed.
func (a *anchor) part(b []byte) (part []byte, full bool) {
	full = a.fresh || a.deltas >= maxDeltas
	if full {
		b = append(b, sectionIdent)
		b = rows.AppendBytes(b, []byte(a.ident.Namespace))
		b = rows.AppendBytes(b, []byte(a.ident.Value))
		b = appendSection(b, sectionPartial, a.partial.AppendFull)
	} else {
		b = appendSection(b, sectionPartial, a.partial.AppendChanges)
	}
	b = appendSection(b, sectionEdges, func(b []byte) []byte { return a.appendEdges(b, full) })
	if full || a.savedOpen < 0 {
		b = appendSection(b, sectionOpen, func(b []byte) []byte { return appendEntries(b, a.open) })
	} else if a.savedOpen < len(a.open) {
		b = appendSection(b, sectionMore, func(b []byte) []byte { return appendEntries(b, a.open[a.savedOpen:]) })
	}
	b = a.appendMarks(b)
	if a.copies > 0 {
		b = binary.AppendUvarint(append(b, sectionCopies), uint64(a.copies))
	}
	if len(a.told) > 0 {
		b = appendSection(b, sectionTold, a.appendTold)
	}
	if a.home != nil && (full || a.home.changed) {
		b = appendHome(b, a.home)
		a.home.changed = false
	}
	b = a.appendEvaluated(b, full)
	if a.isCut {
		b = append(b, sectionCut)
	}
	if a.rewait || full && len(a.waiting) > 0 {
		b = appendSection(b, sectionWaiting, a.waiting.Append)
		a.rewait = false
	}
	if a.rebase || full && len(a.bases) > 0 {
		b = appendSection(b, sectionBases, a.appendBases)
		a.rebase = false
	}
	a.savedOpen = len(a.open)
	if full {
		a.deltas = 0
	} else {
		a.deltas++
	}
	a.fresh = false
	return b, full
}

// appendEvaluated encodes what conditions keep, and what came of them.
func (a *anchor) appendEvaluated(b []byte, full bool) []byte {
	switch {
	case a.leaves == nil:
	case full || a.leavesWhole:
		b = appendSection(b, sectionLeaves, a.leaves.AppendFull)
	case a.leaves.Changed():
		b = appendSection(b, sectionMoreLeaves, a.leaves.AppendChanges)
	}
	a.leavesWhole = false
	if a.members != nil && (full || a.members.changed()) {
		b = appendSection(b, sectionMembers, func(b []byte) []byte { return a.members.append(b, full) })
	}
	return b
}

func (a *anchor) appendMarks(b []byte) []byte {
	b = binary.AppendUvarint(append(b, sectionMarks), uint64(a.chunks))
	return rows.AppendInstants(b, a.timer, a.received)
}

func (a *anchor) appendTold(b []byte) []byte {
	for _, p := range a.told {
		b = binary.AppendUvarint(b, uint64(p))
	}
	return b
}

func (a *anchor) appendEdges(b []byte, all bool) []byte {
	for i := range a.edges {
		e := &a.edges[i]
		if !all && !e.changed {
			continue
		}
		e.changed = false
		b = rows.AppendBytes(b, []byte(e.ident.Namespace))
		b = rows.AppendBytes(b, []byte(e.ident.Value))
		b = binary.AppendVarint(b, int64(e.first))
		b = binary.AppendVarint(b, int64(e.last))
		b = binary.AppendVarint(b, int64(e.received))
		b = binary.AppendUvarint(append(b, rows.Flag(e.watched)), uint64(len(e.seen)))
		before := clock.Instant(0)
		for _, at := range e.seen {
			b = binary.AppendVarint(b, int64(at-before))
			before = at
		}
	}
	return b
}

func appendEntries(b []byte, entries []profile.Entry) []byte {
	var before *profile.Entry
	for i := range entries {
		b = profile.AppendEntry(b, before, &entries[i])
		before = &entries[i]
	}
	return b
}

func readEntries(into []profile.Entry, b []byte) ([]profile.Entry, error) {
	err := profile.ReadEntries(b, func(e *profile.Entry) bool {
		into = append(into, *e)
		return true
	})
	return into, err
}

// appendSection writes a section behind a length of fixed width, so that its
// body is encoded in place.
func appendSection(b []byte, tag byte, body func([]byte) []byte) []byte {
	b = append(b, tag, 0, 0, 0, 0)
	at := len(b)
	b = body(b)
	binary.LittleEndian.PutUint32(b[at-4:], uint32(len(b)-at))
	return b
}

// readAnchor decodes a row: a full part and the deltas behind it.
func readAnchor(key id.Key, parts [][]byte, names *profile.Names) (*anchor, error) {
	read := anchorReader{a: &anchor{key: key, deltas: len(parts) - 1, linked: true}, partials: make([][]byte, 0, len(parts))}
	for _, p := range parts {
		for r := (rows.Cursor{B: p}); len(r.B) > 0; {
			if err := read.section(r.Byte(), &r); err != nil {
				return nil, fmt.Errorf("anchor %s: %w", key, err)
			}
			if r.Bad {
				return nil, fmt.Errorf("%w: %s", errAnchor, key)
			}
		}
	}
	if err := read.finish(names); err != nil {
		return nil, fmt.Errorf("anchor %s: %w", key, err)
	}
	return read.a, nil
}

// anchorReader is an anchor whose sections are being read, with those that are
// decoded together.
type anchorReader struct {
	a                *anchor
	partials, leaves [][]byte
	merged           bool // some part is an increment
}

// section reads what stands behind a tag.
func (d *anchorReader) section(tag byte, r *rows.Cursor) (err error) {
	a := d.a
	switch tag {
	case sectionIdent:
		a.ident = event.Identifier{Namespace: string(r.Bytes()), Value: string(r.Bytes())}
	case sectionPartial:
		d.partials = append(d.partials, r.Section())
	case sectionEdges:
		a.readEdges(r.Section(), false)
	case sectionMet:
		a.readEdges(r.Section(), true)
		d.merged = true
	case sectionOpen:
		a.open, err = readEntries(nil, r.Section())
	case sectionMore:
		a.open, err = readEntries(a.open, r.Section())
	case sectionMarks:
		a.chunks, a.timer, a.received = uint32(r.Uvarint()), clock.Instant(r.Varint()), clock.Instant(r.Varint())
	case sectionTold:
		a.told = a.told[:0]
		for t := (rows.Cursor{B: r.Section()}); len(t.B) > 0 && !t.Bad; {
			a.told = append(a.told, store.Position(t.Uvarint()))
		}
	case sectionCopies:
		a.copies = uint32(r.Uvarint())
	case sectionHome:
		r.Bad = r.Bad || !a.readHome(r.Section())
	case sectionLeaves:
		d.leaves = append(d.leaves[:0], r.Section())
	case sectionMoreLeaves:
		d.leaves = append(d.leaves, r.Section())
	case sectionMembers:
		r.Bad = r.Bad || !a.readMembers(r.Section())
	case sectionCut:
		a.isCut = true
	case sectionWaiting:
		a.waiting, err = experience.ReadQueue(r.Section())
	case sectionBases:
		r.Bad = r.Bad || !a.readBases(r.Section())
	default:
		r.Bad = true
	}
	return err
}

// skipSection goes past what stands behind a tag.
func skipSection(tag byte, r *rows.Cursor) {
	switch tag {
	case sectionIdent:
		r.Bytes()
		r.Bytes()
	case sectionMarks:
		r.Uvarint()
		r.Varint()
		r.Varint()
	case sectionCopies:
		r.Uvarint()
	case sectionCut: // its tag says all
	default:
		r.Section()
	}
}

// finish decodes what the parts say together.
func (d *anchorReader) finish(names *profile.Names) (err error) {
	a := d.a
	a.partial = profile.New()
	if len(d.partials) > 0 { // nothing but where the home is may be known
		if a.partial, err = profile.Decode(d.partials, names); err != nil {
			return err
		}
	}
	if len(d.leaves) > 0 {
		if a.leaves, err = segment.DecodeState(d.leaves); err != nil {
			return err
		}
	}
	if d.merged {
		a.deltas = maxDeltas // what was merged is marked as changed: write it whole
	}
	a.savedOpen = len(a.open)
	return nil
}

func (a *anchor) readMembers(b []byte) bool {
	if a.members == nil {
		a.members = &memberships{judged: true}
	}
	return a.members.read(b)
}

// readHome takes a part's word on the home; of two the later version counts.
func (a *anchor) readHome(b []byte) bool {
	h, ok := readHome(b)
	if ok && (a.home == nil || a.home.version <= h.version) {
		a.home = h
	}
	return ok
}

// readEdges takes the edges of a part: in the place of those before, or merged
// into them.
func (a *anchor) readEdges(b []byte, merge bool) {
	for r := (rows.Cursor{B: b}); len(r.B) > 0 && !r.Bad; {
		e := edge{ident: event.Identifier{Namespace: string(r.Bytes()), Value: string(r.Bytes())}}
		e.first, e.last, e.received = clock.Instant(r.Varint()), clock.Instant(r.Varint()), clock.Instant(r.Varint())
		e.watched = r.Byte() == 1
		n := r.Count()
		e.seen = make([]clock.Instant, 0, n)
		for before := clock.Instant(0); n > 0; n-- {
			before += clock.Instant(r.Varint())
			e.seen = append(e.seen, before)
		}
		e.key = e.ident.Key()
		i := 0
		for i < len(a.edges) && a.edges[i].key != e.key {
			i++
		}
		switch {
		case i == len(a.edges):
			a.edges = append(a.edges, e)
		case merge:
			a.edges[i].merge(&e)
		default:
			a.edges[i] = e
		}
	}
}
