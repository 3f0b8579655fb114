package pipeline

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/identity"
)

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

// show makes the entry of a row.
func (p *Pipeline) showAudit(ctx context.Context, a *graph.AuditEntry, rules *identity.Rules) AuditEntry {
	e := AuditEntry{ID: writeCursor(a.At), Time: a.Received, Kind: "split", Actor: "system", RulesVersion: a.Rules, Fact: a.Fact, Rule: a.Rule}
	e.Cause = a.Cause()
	switch {
	case a.Actor != "":
		e.Actor = a.Actor
	case a.Cause() == "rules":
		e.Actor = p.authorOfRules(a.Rules, a.Received)
	}
	if a.A.Value != "" {
		e.Edge = &IdentityEdge{a.A, a.B}
	}
	if a.Event != 0 {
		if rec, err := p.store.Log().At(ctx, a.Event); err == nil {
			if ev, err := p.decode(rec.Payload); err == nil {
				e.Message = ev.MessageID
			}
		}
	}
	after := a.After
	if after == nil { // a plain join: the stronger is the home of both
		after = []event.Identifier{slices.MinFunc(a.Before, rules.Compare)}
	}
	if len(after) == 1 {
		e.Kind = "merge"
	}
	e.Before, e.After = p.refs(a.Before), p.refs(after)
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
	if err := p.graphLane.commit(ctx); err != nil {
		return page, err
	}
	rows, more, err := graph.ReadAudit(ctx, p.store.State(), after, limit)
	if err != nil {
		return page, err
	}
	if more {
		page.Next = writeCursor(rows[limit-1].At)
	}
	for i := range rows {
		page.Items = append(page.Items, p.showAudit(ctx, &rows[i], p.Rules()))
	}
	return page, nil
}
