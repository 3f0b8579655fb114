package app

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/consent"
	"rapport/internal/dialect/links"
	"rapport/internal/dialect/segment"
	"rapport/internal/fault"
	"rapport/internal/message/link"
	"rapport/internal/pipeline"
	"rapport/internal/policy"
)

// openLinks makes what makes the links of messages. Without the address under
// which people reach this server there are none.
func (a *App) openLinks() error {
	if a.config.HTTP.PublicURL == "" {
		return nil
	}
	key, err := hkdf.Key(sha256.New, a.instanceKey[:], nil, "links in messages", 32)
	if err != nil {
		return fmt.Errorf("deriving the key of links: %w", err)
	}
	a.links, err = link.New(a.config.HTTP.PublicURL, key)
	return err
}

// linkDoor answers the links of messages.
func (a *App) linkDoor() *links.Door {
	return links.New(links.Config{
		Links: a.links, Accept: a.pipeline, Rules: today{a.pipeline}, Dialect: segment.Dialect, Mapper: segment.NewMapper,
		Leave: a.leave, Standing: a.standing, Choose: a.choose, Now: a.parts.Clock, Random: a.parts.fill, Log: a.parts.Log,
	})
}

// leave notes that somebody wants no more messages: what the destination asks
// for is withdrawn, so that nothing of it is sent any more.
func (a *App) leave(ctx context.Context, l link.Link) error {
	r, err := a.pipeline.SetConsent(ctx, pipeline.ConsentCommand{
		Ref: l.Namespace + ":" + l.Identifier, Source: links.Source,
		Purposes: []pipeline.ConsentWord{{Purpose: l.Purpose, Channel: l.Channel, Status: consent.Withdrawn, Proof: "unsubscribed by the link of message " + l.Message}},
	})
	if err != nil {
		return err
	}
	return a.pipeline.WaitApplied(ctx, r)
}

// standing is what a recipient gets and may get: each purpose of the consent
// policy on each channel on which a destination or a broadcast uses it.
func (a *App) standing(ctx context.Context, l link.Link) (*links.Standing, error) {
	rules, err := a.pipeline.ConsentPolicy(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := a.outbox.Uses(ctx)
	if err != nil {
		return nil, err
	}
	if l.Purpose != "" {
		uses = append(uses, pipeline.Use{Purpose: l.Purpose, Channel: l.Channel})
	}
	out := &links.Standing{}
	for _, p := range rules.Purposes() {
		used := false
		for _, u := range uses {
			used = used || u.Purpose == p.Key
		}
		if !used {
			uses = append(uses, pipeline.Use{Purpose: p.Key})
		}
	}
	slices.SortFunc(uses, func(x, y pipeline.Use) int {
		return cmp.Or(strings.Compare(x.Purpose, y.Purpose), strings.Compare(x.Channel, y.Channel))
	})
	for _, u := range slices.Compact(uses) {
		c := links.Choice{Purpose: u.Purpose, Channel: u.Channel}
		for _, p := range rules.Purposes() {
			if p.Key == u.Purpose {
				c.Name, c.Names = p.Name, p.Names
			}
		}
		if c.On, err = a.gets(ctx, l, u, rules); err != nil {
			return nil, err
		}
		out.Choices = append(out.Choices, c)
	}
	if v, err := a.pipeline.Profile(ctx, l.Namespace+":"+l.Identifier, pipeline.ProfileOptions{}); err == nil {
		_ = json.Unmarshal(v.Computed.Derived["language"].Value, &out.Language) // none is as good as one that cannot be read
	}
	return out, nil
}

// gets tells whether a recipient agreed to something. Who is not known did not
// say anything.
func (a *App) gets(ctx context.Context, l link.Link, u pipeline.Use, rules *policy.Policy) (bool, error) {
	if rules != nil && !rules.Knows(u.Purpose) {
		return false, nil
	}
	p, err := a.pipeline.Permit(ctx, l.Namespace+":"+l.Identifier, []pipeline.Use{u}, a.parts.Clock.Now())
	switch kind := fault.KindOf(err); {
	case err == nil:
		return p.Allowed, nil
	case kind == fault.NotFound || kind == fault.Gone:
		return slices.Contains(rules.Rules().WithoutConsent, u.Purpose), nil
	}
	return false, err
}

// choose notes what a recipient wants.
func (a *App) choose(ctx context.Context, l link.Link, choices []links.Choice) error {
	c := pipeline.ConsentCommand{Ref: l.Namespace + ":" + l.Identifier, Source: links.Source}
	for _, x := range choices {
		w := pipeline.ConsentWord{Purpose: x.Purpose, Channel: x.Channel, Status: consent.Withdrawn, Proof: "chosen on the page of message " + l.Message}
		if x.On {
			w.Status = consent.Granted
		}
		c.Purposes = append(c.Purposes, w)
	}
	r, err := a.pipeline.SetConsent(ctx, c)
	if err != nil {
		return err
	}
	return a.pipeline.WaitApplied(ctx, r)
}
