package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/consent"
	"rapport/internal/decision/kept"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// runAccess finds the whole person and says that the export can be fetched. It
// is put together when it is fetched, so that no copy of it lies about.
func (p *Pipeline) runAccess(ctx context.Context, row *requestRow) error {
	named, whole, err := p.identifiersOf(ctx, row)
	if isErased(err) { // with the person, before anybody looked: there is nothing to tell
		done := row.PrivacyRequest
		done.State, done.Done, done.Identifiers = requestDone, 1, 0
		return p.finishPrivacy(ctx, row, done)
	}
	if err != nil || whole {
		return err
	}
	all := slices.Clone(named)
	for _, ident := range named {
		more, err := p.wholePerson(ctx, ident.String())
		if k := fault.KindOf(err); k == fault.NotFound || k == fault.Gone {
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range more {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	now := p.clock.Now()
	request := row.PrivacyRequest
	request.State, request.Done, request.Finished, request.Identifiers, request.Step = requestDone, 1, &now, len(all), ""
	_, err = p.keepPrivacy(ctx, privacyFact{Op: opResolved, Request: request, Identifiers: all})
	return err
}

// ForgetPrivacy ends a request for access: its export cannot be fetched any more.
func (p *Pipeline) ForgetPrivacy(ctx context.Context, requestID string) error {
	row, err := p.request(ctx, requestID)
	if err != nil {
		return err
	}
	if row.Type != AccessRequest || row.State != requestDone {
		return fault.Errorf(fault.Conflict, "request_not_done", "privacy request %s is a request for %s that is %s: only a finished request for access can be closed", row.ID, row.Type, row.State)
	}
	if len(row.Positions) == 0 {
		return nil
	}
	return p.finishPrivacy(ctx, &row, row.PrivacyRequest)
}

// Exported is one piece of what is known of a person: a file of the export and
// what stands in it.
type Exported func(file string, item any) error

// ExportPrivacy gives everything that is known of the person that a request for
// access is about, piece by piece.
func (p *Pipeline) ExportPrivacy(ctx context.Context, requestID string, give Exported) error {
	row, err := p.request(ctx, requestID)
	if err != nil {
		return err
	}
	if row.Type != AccessRequest {
		return fault.Errorf(fault.Conflict, "not_an_access_request", "privacy request %s is for %s: there is nothing to export", row.ID, row.Type)
	}
	if row.State != requestDone {
		return fault.Errorf(fault.Conflict, "request_not_done", "privacy request %s is %s: ask again when it is done", row.ID, row.State)
	}
	idents, _, err := p.identifiersOf(ctx, &row)
	if isErased(err) || err == nil && len(idents) == 0 {
		return fault.Errorf(fault.Gone, "export_gone", "the export of request %s was closed, or its person was erased", row.ID)
	}
	if err != nil {
		return err
	}
	x := exporter{p: p, give: give, idents: idents, entities: map[id.Key]bool{}, people: map[string]bool{}}
	if err := give("request.json", map[string]any{"request": row.PrivacyRequest, "identifiers": idents}); err != nil {
		return err
	}
	for _, ident := range idents {
		if err := x.person(ctx, ident); err != nil {
			return err
		}
	}
	return x.log(ctx)
}

// exporter is one call of ExportPrivacy.
type exporter struct {
	p        *Pipeline
	give     Exported
	idents   []event.Identifier
	people   map[string]bool
	entities map[id.Key]bool
}

// person gives the profile, the identity and the timeline, once.
func (x *exporter) person(ctx context.Context, ident event.Identifier) error {
	view, err := x.p.Profile(ctx, ident.String(), ProfileOptions{Lineage: true})
	if k := fault.KindOf(err); k == fault.NotFound || k == fault.Gone {
		return nil
	}
	if err != nil || x.people[view.ID] {
		return err
	}
	x.people[view.ID] = true
	identity, err := x.p.Identity(ctx, ident.String())
	if err != nil {
		return err
	}
	if err := errors.Join(x.give("profiles.jsonl", view), x.give("identity.jsonl", identity)); err != nil {
		return err
	}
	for q := (TimelineQuery{Limit: 1000, Ascending: true}); ; {
		page, err := x.p.Timeline(ctx, ident.String(), q)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if err := x.give("timeline.jsonl", &page.Items[i]); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if err := x.beside(ctx, ident); err != nil {
		return err
	}
	return x.owned(ctx, ident)
}

// beside gives what is known of the person beside the profile: every word on
// consent, the segments with entries and exits, what was decided about it, and
// on which suppression lists it is.
func (x *exporter) beside(ctx context.Context, ident event.Identifier) error {
	said, err := x.p.Consent(ctx, ident.String())
	if err != nil {
		return err
	}
	segments, err := x.p.PersonSegments(ctx, ident.String(), "")
	if err != nil {
		return err
	}
	lists, err := x.p.SuppressedOn(ctx, ident.String(), nil)
	if err != nil {
		return err
	}
	if err := errors.Join(x.give("consents.jsonl", said), x.give("segments.jsonl", segments)); err != nil {
		return err
	}
	for i := range lists {
		if err := x.give("suppressions.jsonl", &lists[i]); err != nil {
			return err
		}
	}
	return x.p.EachDecision(ctx, DecisionQuery{Profile: ident.String()}, func(d *kept.Decision) error {
		return x.give("decisions.jsonl", decisionItem(d))
	})
}

// decisionItem is a kept decision with what it read and came to.
func decisionItem(d *kept.Decision) any {
	read, came := map[string]any{}, map[string]any{}
	for _, r := range d.Read {
		read[r.Name] = r.Value.Go()
	}
	for _, v := range d.Values {
		came[v.Key] = v.Value.Go()
	}
	return map[string]any{"decision": d.Head, "profile_id": d.Profile, "inputs": read, "outputs": came, "consent": d.Consent}
}

// owned gives the entities that the person has to do with.
func (x *exporter) owned(ctx context.Context, ident event.Identifier) error {
	who, err := x.p.gather(ctx, ident.String())
	if err != nil {
		return err
	}
	for _, a := range who.anchors {
		var failed error
		a.partial.Entities(func(kind catalog.Kind, entityID string) {
			k := catalog.Key(kind, entityID)
			if x.entities[k] || failed != nil {
				return
			}
			x.entities[k] = true
			e, err := x.p.Entity(ctx, kind, entityID)
			if fault.KindOf(err) == fault.NotFound {
				return
			}
			if err == nil {
				err = x.give("entities.jsonl", map[string]any{"kind": kind.String(), "entity": e.View})
			}
			failed = err
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// log gives what the log has beside the timeline: dead letters that name the
// person, and the facts of others.
func (x *exporter) log(ctx context.Context) error {
	mentions := consent.NewMentions(x.idents)
	keys := map[id.Key]bool{}
	for _, i := range x.idents {
		keys[i.Key()] = true
	}
	err := x.p.store.Log().Read(ctx, 0, func(r *store.Record) error {
		if r.Payload == nil || !keys[r.Anchor] && !mentions.In(r.Payload) {
			return nil
		}
		switch r.Kind {
		case store.KindDeadLetter:
			d, err := readDeadLetter(r.Payload)
			if err != nil {
				return nil //nolint:nilerr // counted when it was applied
			}
			return x.give("dead_letters.jsonl", DeadLetterView{
				ID: deadLetterID(r.Position), Received: r.Received, Source: d.Envelope.Source, Dialect: d.Envelope.Dialect,
				Reason: d.Reason, Message: d.Message, Body: string(d.Body),
			})
		case store.KindChange:
			return x.give("changes.jsonl", changeItem(r))
		case store.KindEvent, store.KindReplay:
			if keys[r.Anchor] {
				return nil // in the timeline
			}
			ev, err := x.p.decode(r.Payload)
			if err != nil {
				return nil //nolint:nilerr // counted when it was folded
			}
			return x.give("mentions.jsonl", profile.ItemOf(ev, x.p.sources(ev.Source).Mapping))
		case store.KindVerdict, store.KindDecision:
			return x.give("facts.jsonl", map[string]any{"kind": r.Kind, "received_at": r.Received, "fact": rawOr(r.Payload)})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("export the log: %w", err)
	}
	return nil
}

func changeItem(r *store.Record) any {
	c, err := readChange(r.Payload)
	if err != nil {
		return map[string]any{"received_at": r.Received}
	}
	return map[string]any{
		"kind": c.Kind.String(), "id": c.ID, "time": c.Time, "source": c.Source, "document": rawOr(c.Document),
	}
}

// rawOr shows bytes as the JSON they are, or as text.
func rawOr(b []byte) any {
	if json.Valid(b) {
		return json.RawMessage(bytes.Clone(b))
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}
