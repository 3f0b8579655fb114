package app

import (
	"context"
	"io"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/demo"
	"rapport/internal/fault"
	"rapport/internal/httpapi"
	"rapport/internal/schedule"
)

// How much of a shop is loaded beside data of somebody's own: enough to see
// something on every screen, and done in less than a minute.
const (
	demoDays        = 42
	demoEventsEach  = 25 // about so many events for each who comes
	demoFewestComes = 50
)

// doDemo loads the demo shop, or removes it.
func (a *App) doDemo(ctx context.Context, t *schedule.Task) error {
	var order httpapi.DemoOrder
	if err := t.Params(&order); err != nil {
		return err
	}
	if order.Remove {
		return a.removeDemo(ctx, t)
	}
	err := a.loadDemo(ctx, t, &order)
	if err != nil && ctx.Err() == nil && fault.KindOf(err) == fault.Internal {
		// Tried again: what was sent already is known by its id.
		err = fault.Errorf(fault.Unavailable, "demo_not_loaded", "loading the demo shop: %v", err)
	}
	return err
}

func (a *App) loadDemo(ctx context.Context, t *schedule.Task, order *httpapi.DemoOrder) error {
	p := httpapi.DemoProgress{Definitions: []string{}, Kept: []string{}}
	if _, err := t.Result(&p); err != nil {
		return err
	}
	p.Events, p.Begun = 0, p.Begun+1
	tell := func(sent int) error {
		p.Events = sent
		if err := t.SetResult(p); err != nil {
			return err
		}
		return t.Advance(ctx, int64(sent), nil)
	}
	t.SetTotal(int64(order.Events))
	if err := t.SetResult(p); err != nil {
		return err
	}
	// That it was begun is known before anything of it is there.
	if err := t.Keep(ctx, 0, nil); err != nil {
		return err
	}
	source, err := a.demoSource(t.Author())
	if err != nil {
		return err
	}
	played, err := demo.History(ctx, a.demoTarget(source, t.Author()), demo.Plan{
		Seed: uint64(order.Until), Events: order.Events, People: max(demoFewestComes, order.Events/demoEventsEach), //nolint:gosec // any number is a seed
		Until: order.Until.Time(), Days: demoDays, Prefix: "demo-", Progress: tell,
	}, io.Discard)
	if err != nil {
		return err
	}
	p.Items = played.Goods
	if err := tell(played.Sent); err != nil {
		return err
	}
	defined, err := played.DefineBeside(ctx)
	p.Definitions, p.Kept = append([]string{}, defined.Made...), append([]string{}, defined.Kept...)
	if err := t.SetResult(p); err != nil {
		return err
	}
	return err
}

// demoSource gives the source of the shop, as it must be: it loads the past, so
// that nothing of it is told to the outside.
func (a *App) demoSource(author string) (access.Source, error) {
	s, _, err := a.access.PutSource(author, access.Source{
		Key: httpapi.DemoSource, Name: "Demo shop", Kind: "import", Priority: 1, Historical: true,
	})
	if err == nil && len(s.WriteKeys) == 0 {
		err = fault.Errorf(fault.Conflict, "demo_source_without_key", "the source %q has no write key any more: remove the demo shop and load it again", s.Key)
	}
	return s, err
}

// removeDemo takes the definitions back, then all data as for any source, and
// the source at last. Each step may be done again after a restart.
func (a *App) removeDemo(ctx context.Context, t *schedule.Task) error {
	_, err := a.access.EditSource(t.Author(), httpapi.DemoSource, func(s *access.Source) { s.Paused = true })
	if err != nil && fault.KindOf(err) != fault.NotFound { // somebody took it away, and its data are there
		return err
	}
	if err := demo.Withdraw(ctx, a.demoTarget(access.Source{Key: httpapi.DemoSource}, t.Author())); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fault.Errorf(fault.Conflict, "demo_in_use", "no data are removed yet: %v", err)
	}
	if err := a.removeSource(ctx, t); err != nil {
		return err
	}
	if err := a.access.DropSource(t.Author(), httpapi.DemoSource); err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	return nil
}

// demoTarget is this instance as the demo's client sees it, without a network.
func (a *App) demoTarget(s access.Source, author string) demo.Target {
	to := demo.Target{URL: "http://instance", HTTP: &http.Client{Transport: httpapi.Inside(a.answer, author, s.Key)}}
	if len(s.WriteKeys) > 0 {
		to.WriteKey = s.WriteKeys[0].Key
	}
	return to
}
