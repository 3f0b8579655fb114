package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// The audit is one row for each merge and split, by the position of what caused
// it, and for each of those who took part a row that leads there. It says what
// happened here, in the order in which it happened here.
const (
	auditEntry  = 0
	auditPerson = 1
)

// The causes of merges and splits. The numbers are on disk.
const (
	causeLink  = 1
	causeFact  = 2
	causeRules = 3
	causeTurn  = 4
)

// AuditEntry is a merge or a split: the homes of those who were there before and
// of those who are there after. For a plain join, after is left out: it is the
// stronger of the two.
type AuditEntry struct {
	At            []byte // its place in the audit
	kind          byte
	Received      clock.Instant
	Rules         int
	A, B          event.Identifier
	Event         store.Position
	Rule          string
	Fact          string
	Actor         string
	Before, After []event.Identifier
}

// auditRef names an entry: the position of what caused it, and which of those
// of one batch it is.
type auditRef struct {
	at     store.Position
	number uint32
}

// auditJoin writes a merge that an edge alone made. The edge has the entry's
// name at both of its ends, so that there is one row more to write and not
// three.
func (g *Graph) auditJoin(why ground, a, b *node, homes ...event.Identifier) {
	row := g.joinEntry(why, homes...)
	ends := [...]*arc{a.edge(b.key), b.edge(a.key)}
	if ends[0] == nil || ends[1] == nil {
		g.keepAudit(why, &row, row.parties())
		return
	}
	ref := g.keepAudit(why, &row, row.others(a.ident, b.ident))
	for _, e := range ends {
		e.audit, e.changed = ref, true
	}
	g.touchNode(a)
	g.touchNode(b)
}

// joinEntry is the entry of a merge that an edge alone made.
func (g *Graph) joinEntry(why ground, homes ...event.Identifier) AuditEntry {
	return AuditEntry{
		Received: why.received, Rules: g.rules.Version, A: why.a, B: why.b, Event: why.event, kind: causeLink, Rule: ruleSeen, Before: homes,
	}
}

func (g *Graph) audit(why ground, rule string, before, after [][]event.Identifier) {
	row := AuditEntry{Received: why.received, Rules: g.rules.Version, A: why.a, B: why.b, Event: why.event, kind: causeLink, Rule: rule}
	switch {
	case why.fact != nil:
		row.kind, row.Fact, row.Actor, row.Rule = causeFact, why.fact.ID, why.fact.Actor, string(why.fact.Op)
		row.A = why.fact.A
		if why.fact.B != nil {
			row.B = *why.fact.B
		}
	case why.sweep:
		row.kind = causeRules
	case why.inTurn:
		row.kind = causeTurn
	}
	for _, p := range before {
		row.Before = append(row.Before, p[0])
	}
	for _, p := range after {
		row.After = append(row.After, p[0])
	}
	g.keepAudit(why, &row, row.parties())
}

// keepAudit writes an entry, and for some of those who took part a row that
// leads there.
func (g *Graph) keepAudit(why ground, row *AuditEntry, parties []event.Identifier) auditRef {
	if len(row.After) <= 1 {
		g.count.Merges++
	} else {
		g.count.Splits++
	}
	g.sweeping.count(why, len(row.After) <= 1)
	if g.told.audited != why.at {
		g.told.audited, g.told.audits = why.at, 0
	}
	g.told.audits++
	key := auditKey(why.at, g.told.audits)
	var room [256]byte
	g.more.Put(store.TableAudit, key, bytes.Clone(row.append(room[:0])))
	for _, i := range parties {
		g.more.Put(store.TableAudit, auditPersonKey(i.Key(), key), []byte{})
	}
	return auditRef{why.at, g.told.audits}
}

// parties are all whom an entry names.
func (a *AuditEntry) parties() []event.Identifier {
	return a.others(event.Identifier{}, event.Identifier{})
}

// others are the parties but for the two ends of an edge, which names the entry.
func (a *AuditEntry) others(u, v event.Identifier) (out []event.Identifier) {
	for _, list := range [...][]event.Identifier{a.Before, a.After, {a.A, a.B}} {
		for _, i := range list {
			if i.Value != "" && i != u && i != v && !slices.Contains(out, i) {
				out = append(out, i)
			}
		}
	}
	return out
}

// auditKey is the row of an entry: a position and, for several of one batch, a
// number.
func auditKey(at store.Position, number uint32) []byte {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 13), auditEntry), uint64(at))
	return binary.BigEndian.AppendUint32(b, number)
}

func auditPersonKey(k id.Key, entry []byte) []byte {
	return append(append([]byte{auditPerson}, k[:]...), entry[1:]...)
}

func (a *AuditEntry) append(b []byte) []byte {
	b = rows.AppendInstants(append(b, a.kind), a.Received)
	b = binary.AppendUvarint(b, uint64(a.Rules))
	b = rows.AppendIdentifier(rows.AppendIdentifier(b, a.A), a.B)
	b = binary.AppendUvarint(b, uint64(a.Event))
	b = rows.AppendBytes(rows.AppendBytes(rows.AppendBytes(b, []byte(a.Rule)), []byte(a.Fact)), []byte(a.Actor))
	return rows.AppendIdentifiers(rows.AppendIdentifiers(b, a.Before), a.After)
}

func decodeAudit(b []byte) (a AuditEntry, err error) {
	r := rows.Cursor{B: b}
	a.kind, a.Received, a.Rules = r.Byte(), clock.Instant(r.Varint()), int(r.Uvarint())
	a.A, a.B, a.Event = r.Identifier(), r.Identifier(), store.Position(r.Uvarint())
	a.Rule, a.Fact, a.Actor = string(r.Bytes()), string(r.Bytes()), string(r.Bytes())
	a.Before, a.After = r.Identifiers(), r.Identifiers()
	if r.Bad || len(r.B) > 0 {
		return AuditEntry{}, errGraph
	}
	return a, nil
}

var causeNames = [...]string{causeLink: "link", causeFact: "fact", causeRules: "rules", causeTurn: "turn"}

// Cause names what caused it: link, fact, rules or turn.
func (a *AuditEntry) Cause() string {
	if int(a.kind) < len(causeNames) {
		return causeNames[a.kind]
	}
	return ""
}

// ReadAudit gives entries of the audit, oldest first: those after a place, and
// whether there are more. It reads what is committed.
func ReadAudit(ctx context.Context, st store.State, after []byte, limit int) (rows []AuditEntry, more bool, err error) {
	at := store.Range{Table: store.TableAudit, Bucket: id.CommonBucket, Prefix: []byte{auditEntry}}
	if after != nil {
		at.After = append([]byte{auditEntry}, after...)
	}
	var bad error
	err = st.Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		if more = len(rows) == limit; more {
			return false
		}
		var row AuditEntry
		if row, bad = decodeAudit(parts[len(parts)-1]); bad != nil {
			return false
		}
		row.At = slices.Clone(key[1:])
		rows = append(rows, row)
		return true
	})
	return rows, more, cmp.Or(err, bad)
}

// AuditOf gives the newest entries that name one of some identifiers, oldest
// first, of what is committed.
func (g *Graph) AuditOf(ctx context.Context, keys []id.Key, most int) (rows []AuditEntry, err error) {
	if err := g.loadNodes(ctx, keys); err != nil {
		return nil, err
	}
	var entries [][]byte
	for _, k := range keys {
		if n, ok := g.nodes.Get(k); ok {
			n.audited(func(r auditRef) { entries = append(entries, auditKey(r.at, r.number)) })
		}
		prefix := append([]byte{auditPerson}, k[:]...)
		err := g.state.Scan(ctx, store.Range{Table: store.TableAudit, Bucket: id.CommonBucket, Prefix: prefix}, func(key []byte, _ [][]byte) bool {
			entries = append(entries, append([]byte{auditEntry}, key[len(prefix):]...))
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(entries, slices.Compare[[]byte])
	entries = slices.CompactFunc(entries, slices.Equal[[]byte])
	entries = entries[max(0, len(entries)-most):]
	return g.auditEntries(ctx, entries)
}

func (g *Graph) auditEntries(ctx context.Context, entries [][]byte) (rows []AuditEntry, err error) {
	keys := make([]store.RowKey, len(entries))
	for i, e := range entries {
		keys[i] = store.RowKey{Table: store.TableAudit, Bucket: id.CommonBucket, Key: e}
	}
	found, err := g.state.Load(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, parts := range found {
		if len(parts) == 0 {
			continue
		}
		row, err := decodeAudit(parts[len(parts)-1])
		if err != nil {
			return nil, err
		}
		row.At = entries[i][1:]
		rows = append(rows, row)
	}
	return rows, nil
}

// audited visits the entries that edges of a node name.
func (n *node) audited(visit func(auditRef)) {
	for i := range n.edges {
		if r := n.edges[i].audit; r.at != 0 {
			visit(r)
		}
	}
}
