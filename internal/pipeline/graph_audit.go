package pipeline

import (
	"context"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
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
		g.tally.Merges++
	} else {
		g.tally.Splits++
	}
	g.tally.changed = true
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

// AuditEntry is a merge or a split, as the API shows it.
type AuditEntry struct {
	ID   string        `json:"id"`
	Time clock.Instant `json:"time" doc:"When what caused it was received"`
	// Kind is merge or split.
	Kind string `json:"kind" enum:"merge,split"`
	// Cause is link (two identifiers were seen together), fact (an operator),
	// rules (other rules), or turn (a very large component was resolved).
	Cause string        `json:"cause" enum:"link,fact,rules,turn"`
	Edge  *IdentityEdge `json:"edge,omitempty" doc:"The two identifiers that were seen together, or that an operator spoke of"`
	// Message is the id of the event that showed the edge, where it is still there.
	Message string `json:"message_id,omitempty"`
	Fact    string `json:"fact_id,omitempty"`
	// Rule is what decided: the op of a fact, or why the edge links or does not.
	Rule         string      `json:"rule" doc:"What decided: seen_together, or why two were held apart (limit:<namespace>, shared, blocked, cannot_link, ignored), or the op of the fact"`
	Actor        string      `json:"actor" doc:"Who said the fact or changed the rules; system where nobody did"`
	RulesVersion int         `json:"rules_version" doc:"0: the rules of a new instance"`
	Before       []PersonRef `json:"before" nullable:"false"`
	After        []PersonRef `json:"after" nullable:"false"`
}

// IdentityEdge is two identifiers, the stronger first.
type IdentityEdge struct {
	Strong event.Identifier `json:"strong"`
	Weak   event.Identifier `json:"weak"`
}

// PersonRef names a person by the strongest identifier and an id that leads to
// who has it now.
type PersonRef struct {
	ID   string           `json:"id"`
	Home event.Identifier `json:"home"`
}

var causeNames = [...]string{causeLink: "link", causeFact: "fact", causeRules: "rules", causeTurn: "turn"}

// show makes the entry of a row.
func (p *Pipeline) showAudit(ctx context.Context, key []byte, a *auditRow, rules *identity.Rules) AuditEntry {
	e := AuditEntry{ID: writeCursor(key[1:]), Time: a.received, Kind: "split", Actor: "system", RulesVersion: a.rules, Fact: a.fact, Rule: a.rule}
	if int(a.kind) < len(causeNames) {
		e.Cause = causeNames[a.kind]
	}
	switch {
	case a.actor != "":
		e.Actor = a.actor
	case a.kind == causeRules:
		e.Actor = p.authorOfRules(a.rules, a.received)
	}
	if a.a.Value != "" {
		e.Edge = &IdentityEdge{a.a, a.b}
	}
	if a.event != 0 {
		if rec, err := p.store.Log().At(ctx, a.event); err == nil {
			if ev, err := p.decode(rec.Payload); err == nil {
				e.Message = ev.MessageID
			}
		}
	}
	after := a.after
	if after == nil { // a plain join: the stronger is the home of both
		home := a.before[0]
		for _, i := range a.before[1:] {
			if rules.Compare(i, home) < 0 {
				home = i
			}
		}
		after = []event.Identifier{home}
	}
	if len(after) == 1 {
		e.Kind = "merge"
	}
	e.Before, e.After = p.refs(a.before), p.refs(after)
	return e
}

// authorOfRules is who made a version of the rules count, or, for version 0,
// who put away the one before it.
func (p *Pipeline) authorOfRules(version int, at clock.Instant) string {
	author, latest := "system", clock.Instant(0)
	s := p.Definitions().Get(definition.IdentityRules, definition.DefaultKey)
	if s == nil {
		return author
	}
	for _, v := range s.Versions {
		for _, c := range v.Changes {
			counts := v.Version == version && c.Status == definition.Live || version == 0 && c.Status != definition.Live
			if counts && c.Time <= at && c.Time >= latest {
				author, latest = c.Author, c.Time
			}
		}
	}
	return author
}

func (p *Pipeline) refs(list []event.Identifier) []PersonRef {
	out := make([]PersonRef, len(list))
	for i, x := range list {
		out[i] = PersonRef{p.cipher.id(x.Key()), x}
	}
	return out
}

// IdentityAudit lists merges and splits, oldest first.
func (p *Pipeline) IdentityAudit(ctx context.Context, cursor string, limit int) (Page[AuditEntry], error) {
	var page Page[AuditEntry]
	after, err := readCursor(cursor)
	if err != nil {
		return page, err
	}
	if after != nil {
		after = append([]byte{auditEntry}, after...)
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return page, err
	}
	type found struct {
		key []byte
		row auditRow
	}
	var rows []found
	var bad error
	at := store.Range{Table: store.TableAudit, Bucket: id.CommonBucket, Prefix: []byte{auditEntry}, After: after}
	err = p.store.State().Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		var row auditRow
		if row, bad = readAudit(parts[len(parts)-1]); bad != nil {
			return false
		}
		rows = append(rows, found{append([]byte(nil), key...), row})
		return len(rows) <= limit
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return page, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = writeCursor(rows[limit-1].key[1:])
	}
	for i := range rows {
		page.Items = append(page.Items, p.showAudit(ctx, rows[i].key, &rows[i].row, p.Rules()))
	}
	return page, nil
}
