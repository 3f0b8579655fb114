package httpapi

import (
	"context"
	"net/http"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/fault"
	"rapport/internal/outbox"
	"rapport/internal/pipeline"
)

// DeliveryKey names a delivery in a path.
type DeliveryKey struct {
	Destination string `path:"destination" maxLength:"128" doc:"Key of the destination, or broadcast: and the key of a broadcast"`
	ID          string `path:"id" maxLength:"64" doc:"Id of the message"`
}

// Replayed says with how many dead letters something was done.
type Replayed struct {
	Messages int `json:"messages"`
}

func (a *API) deliveryRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: "/deliveries" + path, tag: "destinations", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-deliveries", http.MethodGet, "", "What a destination was told and what it was not, newest cause first", access.ScopeRead), a.listDeliveries)
	register(a, at("get-delivery", http.MethodGet, "/{destination}/{id}", "One delivery, with what was sent and what was answered; secrets are masked", access.ScopeRead), a.getDelivery)
	register(a, at("replay-delivery", http.MethodPost, "/{destination}/{id}/replay", "Send a dead letter again", access.ScopeWrite), func(ctx context.Context, in *DeliveryKey) (*body[outbox.DeliveryDetail], error) {
		return a.againDelivery(ctx, in, false)
	})
	register(a, at("discard-delivery", http.MethodPost, "/{destination}/{id}/discard", "Give a dead letter up", access.ScopeWrite), func(ctx context.Context, in *DeliveryKey) (*body[outbox.DeliveryDetail], error) {
		return a.againDelivery(ctx, in, true)
	})
	for _, c := range [...]struct{ what, summary string }{
		{"replay", "Send all dead letters of a destination again"},
		{"discard", "Give all dead letters of a destination up"},
	} {
		what, summary := c.what, c.summary
		all := at(what+"-dead-messages", http.MethodPost, "", summary, access.ScopeWrite)
		all.path = destinationsPath + "/{key}/dead-letters/" + what
		register(a, all, func(ctx context.Context, in *DestinationKey) (*body[Replayed], error) {
			if err := a.knownDestination(in.Key); err != nil {
				return nil, err
			}
			n, err := a.Outbox.AgainAll(ctx, in.Key, what == "discard")
			return &body[Replayed]{Replayed{n}}, err
		})
	}
}

func (a *API) knownDestination(key string) error {
	if name, is := effect.OfBroadcast(key); is && a.Spine.Definitions().Get(definition.BroadcastProgress, name).Newest() != nil {
		return nil
	}
	if a.Spine.Definitions().Get(definition.Destination, key).Newest() == nil {
		return fault.Errorf(fault.NotFound, "destination_not_found", "there is no destination %q", key)
	}
	return nil
}

func (a *API) listDeliveries(ctx context.Context, in *struct {
	Destination string    `query:"destination" required:"true" maxLength:"128" doc:"Key of the destination, or broadcast: and the key of a broadcast"`
	Outcome     string    `query:"outcome" enum:"waiting,retrying,delivered,dead,suppressed,discarded" doc:"Only those that came to this"`
	Reason      string    `query:"reason" maxLength:"100" doc:"Only those that were not sent for this reason"`
	From        time.Time `query:"from" doc:"Only causes at or after this time"`
	To          time.Time `query:"to" doc:"Only causes before this time"`
	Paging
},
) (*body[List[effect.DeliveryHead]], error) {
	if err := a.knownDestination(in.Destination); err != nil {
		return nil, err
	}
	page, err := a.Outbox.Deliveries(ctx, pipeline.DeliveryQuery{
		Destination: in.Destination, Outcome: effect.Outcome(in.Outcome), Reason: in.Reason, From: clock.From(in.From), To: clock.From(in.To),
		Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := pipeline.Page[effect.DeliveryHead]{Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, page.Items[i].DeliveryHead)
	}
	return &body[List[effect.DeliveryHead]]{listOf(out)}, nil
}

func (a *API) getDelivery(ctx context.Context, in *DeliveryKey) (*body[outbox.DeliveryDetail], error) {
	d, err := a.Outbox.Delivery(ctx, in.Destination, in.ID)
	if err != nil {
		return nil, err
	}
	d.Text = told(ctx, d.Text)
	return &body[outbox.DeliveryDetail]{*d}, nil
}

func (a *API) againDelivery(ctx context.Context, in *DeliveryKey, discard bool) (*body[outbox.DeliveryDetail], error) {
	if err := a.Outbox.Again(ctx, in.Destination, in.ID, discard); err != nil {
		return nil, err
	}
	return a.getDelivery(ctx, in)
}
