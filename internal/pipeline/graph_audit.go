package pipeline

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
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

// auditRow is a merge or a split: the homes of those who were there before and
// of those who are there after. For a plain join, after is left out: it is the
// stronger of the two.
type auditRow struct {
	at            []byte // its place in the audit
	kind          byte
	received      clock.Instant
	rules         int
	a, b          event.Identifier
	event         store.Position
	rule          string
	fact          string
	actor         string
	before, after []event.Identifier
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
func (g *graph) auditJoin(why ground, a, b *node, homes ...event.Identifier) {
	row := auditRow{
		received: why.received, rules: g.rules.Version, a: why.a, b: why.b, event: why.event, kind: causeLink, rule: ruleSeen, before: homes,
	}
	ends := [...]*arc{a.edge(b.key), b.edge(a.key)}
	if ends[0] == nil || ends[1] == nil {
		g.keepAudit(why, &row, row.parties())
		return
	}
	parties := slices.DeleteFunc(row.parties(), func(i event.Identifier) bool { return i == a.ident || i == b.ident })
	ref := g.keepAudit(why, &row, parties)
	for _, e := range ends {
		e.audit, e.changed = ref, true
	}
	g.touchNode(a)
	g.touchNode(b)
}

func (g *graph) audit(why ground, rule string, before, after [][]event.Identifier) {
	row := auditRow{received: why.received, rules: g.rules.Version, a: why.a, b: why.b, event: why.event, kind: causeLink, rule: rule}
	switch {
	case why.fact != nil:
		row.kind, row.fact, row.actor, row.rule = causeFact, why.fact.ID, why.fact.Actor, string(why.fact.Op)
		row.a = why.fact.A
		if why.fact.B != nil {
			row.b = *why.fact.B
		}
	case why.sweep:
		row.kind = causeRules
	case why.inTurn:
		row.kind = causeTurn
	}
	for _, p := range before {
		row.before = append(row.before, p[0])
	}
	for _, p := range after {
		row.after = append(row.after, p[0])
	}
	g.keepAudit(why, &row, row.parties())
}

// keepAudit writes an entry, and for some of those who took part a row that
// leads there.
func (g *graph) keepAudit(why ground, row *auditRow, parties []event.Identifier) auditRef {
	if len(row.after) <= 1 {
		g.count.Merges++
	} else {
		g.count.Splits++
	}
	g.sweeping.count(why, len(row.after) <= 1)
	if g.told.audited != why.at {
		g.told.audited, g.told.audits = why.at, 0
	}
	g.told.audits++
	key := auditKey(why.at, g.told.audits)
	g.more.put(store.TableAudit, key, row.append(make([]byte, 0, 256)))
	for _, i := range parties {
		g.more.put(store.TableAudit, auditPersonKey(i.Key(), key), []byte{})
	}
	return auditRef{why.at, g.told.audits}
}

// parties are all whom an entry names.
func (a *auditRow) parties() []event.Identifier {
	var out []event.Identifier
	for _, i := range slices.Concat(a.before, a.after, []event.Identifier{a.a, a.b}) {
		if i.Value != "" && !slices.Contains(out, i) {
			out = append(out, i)
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

func (a *auditRow) append(b []byte) []byte {
	b = appendInstants(append(b, a.kind), a.received)
	b = binary.AppendUvarint(b, uint64(a.rules))
	b = appendIdentifier(appendIdentifier(b, a.a), a.b)
	b = binary.AppendUvarint(b, uint64(a.event))
	b = appendBytes(appendBytes(appendBytes(b, []byte(a.rule)), []byte(a.fact)), []byte(a.actor))
	return appendIdentifiers(appendIdentifiers(b, a.before), a.after)
}

func readAudit(b []byte) (a auditRow, err error) {
	r := cursor{b: b}
	a.kind, a.received, a.rules = r.byte(), clock.Instant(r.varint()), int(r.uvarint())
	a.a, a.b, a.event = r.identifier(), r.identifier(), store.Position(r.uvarint())
	a.rule, a.fact, a.actor = string(r.bytes()), string(r.bytes()), string(r.bytes())
	a.before, a.after = r.identifiers(), r.identifiers()
	if r.bad || len(r.b) > 0 {
		return auditRow{}, errGraph
	}
	return a, nil
}

var causeNames = [...]string{causeLink: "link", causeFact: "fact", causeRules: "rules", causeTurn: "turn"}

// Cause names what caused it: link, fact, rules or turn.
func (a *auditRow) cause() string {
	if int(a.kind) < len(causeNames) {
		return causeNames[a.kind]
	}
	return ""
}

// ReadAudit gives entries of the audit, oldest first: those after a place, and
// whether there are more. It reads what is committed.
func readAudits(ctx context.Context, st store.State, after []byte, limit int) (rows []auditRow, more bool, err error) {
	at := store.Range{Table: store.TableAudit, Bucket: id.CommonBucket, Prefix: []byte{auditEntry}}
	if after != nil {
		at.After = append([]byte{auditEntry}, after...)
	}
	var bad error
	err = st.Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		if more = len(rows) == limit; more {
			return false
		}
		var row auditRow
		if row, bad = readAudit(parts[len(parts)-1]); bad != nil {
			return false
		}
		row.at = slices.Clone(key[1:])
		rows = append(rows, row)
		return true
	})
	return rows, more, cmp.Or(err, bad)
}

// AuditOf gives the newest entries that name one of some identifiers, oldest
// first, of what is committed.
func (g *graph) auditOf(ctx context.Context, keys []id.Key, most int) (rows []auditRow, err error) {
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

func (g *graph) auditEntries(ctx context.Context, entries [][]byte) (rows []auditRow, err error) {
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
		row, err := readAudit(parts[len(parts)-1])
		if err != nil {
			return nil, err
		}
		row.at = entries[i][1:]
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
