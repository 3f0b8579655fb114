package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"rapport/internal/consent"
	"rapport/internal/dialect/links"
	"rapport/internal/dialect/segment"
	"rapport/internal/message/link"
	"rapport/internal/pipeline"
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
		Leave: a.leave, Now: a.parts.Clock, Random: a.parts.fill, Log: a.parts.Log,
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
