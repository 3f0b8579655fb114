package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Whoever keeps an audience of people has to hear that one of them is erased, by
// the identifiers that are being forgotten. The message is made while the person
// is known, kept with the request, and sent when nothing about the person can
// follow it any more. From then on it is sealed under a key of its own, which is
// destroyed when the message has come to its end, at the latest at its time.

// Audiences are those that destinations keep.
type Audiences interface {
	// Farewells makes the messages that take somebody out of audiences: of the
	// person's anchors, each with the profile id that the person may be known by.
	Farewells(ctx context.Context, anchors []id.Key, people []string) ([]effect.Fact, error)
	// Part sends them.
	Part(ctx context.Context, list []effect.Fact) error
}

// Farewell is a message that takes an erased person out of an audience.
type Farewell struct {
	Destination string         `json:"destination"`
	Segment     string         `json:"segment" doc:"The audience"`
	Delivery    string         `json:"delivery" doc:"The id of the message"`
	Outcome     effect.Outcome `json:"outcome,omitempty" enum:"waiting,retrying,delivered,dead,suppressed,discarded" doc:"What came of it so far; left out where deliveries of then are not listed any more"`
	Until       clock.Instant  `json:"until" doc:"When the message is forgotten at the latest, delivered or not"`
	Position    uint64         `json:"position" doc:"Where in the log the erasure is"`
}

// FarewellAnchor is what a farewell is sealed under, by its id.
func FarewellAnchor(messageID string) id.Key { return id.KeyOf("farewell", messageID) }

// farewells makes them of a person who is known still.
func (e *eraser) farewells(ctx context.Context) ([]effect.Fact, error) {
	if e.p.audiences == nil || len(e.idents) == 0 {
		return nil, nil
	}
	anchors, people := make([]id.Key, len(e.idents)), make([]string, len(e.idents))
	for i, ident := range e.idents {
		anchors[i], people[i] = ident.Key(), e.p.cipher.id(ident.Key())
	}
	list, err := e.p.audiences.Farewells(ctx, anchors, people)
	if err != nil {
		return nil, fmt.Errorf("tell audiences: %w", err)
	}
	return list, nil
}

// part tells audiences to take the person out. By now nothing about the person
// can be sent behind it, and files that were written before are searched.
func (e *eraser) part(ctx context.Context) error {
	e.plan.Proof.Audiences = []Farewell{}
	list, err := e.p.farewellsOf(ctx, &e.row)
	if err != nil || len(list) == 0 || e.p.audiences == nil {
		return err
	}
	if e.plan.Parted == 0 {
		e.plan.Parted = e.p.clock.Now()
		if err := e.save(ctx); err != nil {
			return err
		}
	}
	for i := range list {
		f := &list[i]
		f.Position, f.Time, f.When = uint64(e.plan.Fact), e.plan.Parted, e.plan.Parted
		e.plan.Proof.Audiences = append(e.plan.Proof.Audiences, Farewell{
			Destination: f.Destination, Segment: f.Segment, Delivery: f.ID, Until: f.When.Add(effect.FarewellKept), Position: f.Position,
		})
	}
	return e.p.audiences.Part(ctx, list)
}

// farewellsOf reads what was made for a request when its person was known.
func (p *Pipeline) farewellsOf(ctx context.Context, row *requestRow) ([]effect.Fact, error) {
	if len(row.Positions) == 0 {
		return nil, nil
	}
	rec, err := p.store.Log().At(ctx, row.Positions[len(row.Positions)-1])
	if err != nil {
		return nil, fmt.Errorf("privacy request %s: %w", row.ID, err)
	}
	var f privacyFact
	if err := json.Unmarshal(rec.Payload, &f); err != nil {
		return nil, fmt.Errorf("privacy request %s: %w", row.ID, err)
	}
	return f.Farewells, nil
}

// ForgetFarewells destroys what farewells said and what was answered, by their
// ids.
func (p *Pipeline) ForgetFarewells(ctx context.Context, ids ...string) error {
	keys := make([]id.Key, len(ids))
	for i := range ids {
		keys[i] = FarewellAnchor(ids[i])
	}
	return p.store.Log().Erase(ctx, keys...)
}

// ExpireFarewells forgets those whose time is over and that still wait, and tells
// how many they were.
func (p *Pipeline) ExpireFarewells(ctx context.Context) (int, error) {
	var over []string
	for cursor := ""; ; {
		page, err := p.PrivacyRequests(ctx, cursor, requestsAtOnce)
		if err != nil {
			return 0, err
		}
		for i := range page.Items {
			r := &page.Items[i]
			if r.Proof == nil || len(r.Proof.Audiences) == 0 || r.Finished == nil || p.clock.Now() <= r.Proof.Audiences[0].Until {
				continue
			}
			if err := p.tellOutcomes(ctx, r); err != nil {
				return 0, err
			}
			for _, f := range r.Proof.Audiences {
				if f.Outcome != "" && !f.Outcome.Final() {
					over = append(over, f.Delivery)
				}
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(over) == 0 {
		return 0, nil
	}
	return len(over), p.ForgetFarewells(ctx, over...)
}

// requestsAtOnce is how many privacy requests are looked at in one go.
const requestsAtOnce = 500

// tellOutcomes says what came of the farewells of a request.
func (p *Pipeline) tellOutcomes(ctx context.Context, r *PrivacyRequest) error {
	if r.Proof == nil || len(r.Proof.Audiences) == 0 {
		return nil
	}
	if err := p.commitPeople(ctx); err != nil {
		return err
	}
	keys := make([]store.RowKey, len(r.Proof.Audiences))
	for i, a := range r.Proof.Audiences {
		f := effect.Fact{Destination: a.Destination, Position: a.Position, ID: a.Delivery}
		keys[i] = store.RowKey{Table: store.TableOutbox, Bucket: FarewellAnchor(a.Delivery).Bucket(), Key: f.DeliveryKey()}
	}
	rows, err := p.store.State().Load(ctx, keys)
	if err != nil {
		return err
	}
	for i, parts := range rows {
		if len(parts) == 0 {
			continue
		}
		_, head, err := effect.ReadDelivery(parts[len(parts)-1])
		if err != nil {
			return fmt.Errorf("privacy request %s, delivery %s: %w", r.ID, r.Proof.Audiences[i].Delivery, err)
		}
		r.Proof.Audiences[i].Outcome = head.Outcome
	}
	return nil
}
