package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// Consent is what a person agreed to: the latest words, and all of them.
type Consent struct {
	Now     []ConsentWord `json:"consent" nullable:"false" doc:"The latest word on each purpose and channel"`
	History []ConsentWord `json:"history" nullable:"false" doc:"Every word, the newest first"`
}

// ConsentWord is one word on one purpose.
type ConsentWord struct {
	Purpose string         `json:"purpose"`
	Channel string         `json:"channel,omitempty" doc:"Left out: all channels"`
	Status  consent.Status `json:"status" enum:"granted,denied,withdrawn"`
	Time    clock.Instant  `json:"time"`
	Source  string         `json:"source"`
	Proof   string         `json:"proof,omitempty" doc:"The words that the person agreed to, or the signal that said no"`
	Version string         `json:"version,omitempty" doc:"Of these words"`
}

func wordOf(x *consent.Said) ConsentWord {
	return ConsentWord{x.Purpose, x.Channel, x.Status, x.Time, x.Source, x.Proof, x.Version}
}

// ConsentState is what Allowed is asked of.
func (p *Pipeline) ConsentState(ctx context.Context, ref string) (consent.State, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	return profile.ConsentsOf(who.partials()), nil
}

// Consent gives a person's consents. The history is read from the events
// themselves: they are the ledger.
func (p *Pipeline) Consent(ctx context.Context, ref string) (Consent, error) {
	out := Consent{Now: []ConsentWord{}, History: []ConsentWord{}}
	who, err := p.gather(ctx, ref)
	if err != nil {
		return out, err
	}
	for _, x := range profile.ConsentsOf(who.partials()) {
		out.Now = append(out.Now, wordOf(&x))
	}
	if len(out.Now) == 0 {
		return out, nil
	}
	entries, err := p.entries(ctx, who)
	if err != nil {
		return out, err
	}
	slices.SortFunc(entries, func(a, b profile.Entry) int { return placeOf(&b).compare(placeOf(&a)) })
	for i := range entries {
		rec, err := p.store.Log().At(ctx, store.Position(entries[i].Position))
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err != nil {
			return out, err
		}
		ev, err := p.decode(rec.Payload)
		if err != nil {
			continue // counted when it was folded
		}
		for _, x := range profile.ConsentHistory(ev) {
			out.History = append(out.History, wordOf(&x))
		}
	}
	return out, nil
}

// ConsentCommand is what is written of a person's consents.
type ConsentCommand struct {
	Ref      string
	Purposes []ConsentWord
	Time     clock.Instant // when it was said; zero: now
	Source   string
}

// SetConsent notes what a person said, as an event of that person.
func (p *Pipeline) SetConsent(ctx context.Context, c ConsentCommand) (Receipt, error) {
	idents, err := p.named(ctx, c.Ref)
	if err != nil {
		return Receipt{}, err
	}
	if len(c.Purposes) == 0 || len(c.Purposes) > consent.MaxEntries {
		return Receipt{}, fault.Errorf(fault.Invalid, "invalid_purposes", "purposes has %d entries; send 1 to %d", len(c.Purposes), consent.MaxEntries).At("/purposes")
	}
	received := p.clock.Now()
	if c.Time == 0 {
		c.Time = received
	}
	body, err := json.Marshal(map[string]any{
		"identifier": idents[0], "time": c.Time, "context": map[string]any{"consent": map[string]any{"purposes": c.Purposes}},
	})
	if err != nil {
		return Receipt{}, err
	}
	var random [16]byte
	p.random(random[:])
	env := event.Envelope{Dialect: consent.Dialect, Source: c.Source, MessageID: id.UUID(random), Received: received, Verified: true, Rules: p.Rules().Version}
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if err != nil {
		return Receipt{}, err
	}
	ev, err := consent.NewMapper(*p.Rules())(&env, doc.Root())
	if err != nil {
		return Receipt{}, err
	}
	if got := len(consent.Read(ev)); got != len(c.Purposes) {
		return Receipt{}, fault.Errorf(fault.Invalid, "invalid_purposes", "%d of %d purposes cannot be kept: each needs a purpose and a status, names have at most %d bytes, a proof at most %d, and none comes twice",
			len(c.Purposes)-got, len(c.Purposes), consent.MaxName, consent.MaxProof).At("/purposes")
	}
	return p.Accept(ctx, &Submission{Received: received, Events: []Arrival{{Envelope: env, Event: ev}}})
}
