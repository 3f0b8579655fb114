package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/decider"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/destination/natives"
	"rapport/internal/fault"
	"rapport/internal/outbox"
)

// The folders of destinations below the data folder: what each has to remember,
// and files that are delivered to the machine itself.
const (
	destinationsFolder = "destinations"
	deliveredFolder    = "delivered"
)

// openOutbox lets destinations be told.
func (a *App) openOutbox() {
	types := map[string]destination.Type{}
	for _, t := range natives.All() {
		types[t.Name] = t
	}
	client := a.egress.Client()
	a.outbox = outbox.New(outbox.Deps{
		Spine: a.pipeline, Types: types, Decide: a.instruct, Give: a.responder.Give, Item: a.item, Seal: a.sealSecret, Open: a.openSecret,
		Clock: a.parts.Clock, Random: a.parts.fill, Log: a.parts.Log, Tracer: a.tracer(),
		Person: func(author string) string { return a.access.Index().Person(author) },
		Env: func(key string) destination.Env {
			return destination.Env{
				Key: key, Links: a.links, HTTP: client, Dial: a.egress.Dial, Now: a.parts.Clock,
				Folder: a.config.Path(destinationsFolder + "/" + url.PathEscape(key)), Files: a.config.Path(deliveredFolder),
			}
		},
	})
	a.outbox.Start()
	a.outbox.Register(a.jobs)
}

// instruct asks a decision model about a person, for what goes along with a
// message.
func (a *App) instruct(ctx context.Context, model, person string) (json.RawMessage, error) {
	live := a.pipeline.Definitions().Get(definition.DecisionModel, model).Live()
	if live == nil {
		return nil, fault.Errorf(fault.NotFound, "model_not_found", "there is no live decision model %q", model)
	}
	ctx, cancel := context.WithTimeout(ctx, instructTimeout)
	defer cancel()
	out, err := a.decider.Evaluate(ctx, &decider.Ask{Model: model, Version: live.Version, Status: definition.Live, Profile: person, Author: "outbox"})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(out.Outputs)
	if err != nil {
		return nil, fmt.Errorf("encode instructions: %w", err)
	}
	return text, nil
}

// item gives an item of the catalog as templates see it; nil where there is none.
func (a *App) item(ctx context.Context, id string) (json.RawMessage, error) {
	e, err := a.pipeline.Entity(ctx, catalog.Item, id)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(e.View)
}

const instructTimeout = 10 * time.Second
