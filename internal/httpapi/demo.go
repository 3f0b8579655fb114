package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// JobDemo loads the demo shop, or removes it: one after the other.
const JobDemo = "demo_shop"

// DemoSource is the source of whatever is of the demo shop.
const DemoSource = "demo-shop"

// DemoOrder says what such a job is to do.
type DemoOrder struct {
	Remove bool          `json:"remove,omitempty"`
	Events int           `json:"events,omitempty"`
	Until  clock.Instant `json:"until,omitzero"`  // when the history ends; the play is made from it
	Loaded DemoProgress  `json:"loaded,omitzero"` // what is to be removed
}

// DemoProgress is what came of loading the shop so far.
type DemoProgress struct {
	Events      int      `json:"events" doc:"Sent, with those sent twice as over any network"`
	Items       int      `json:"items" doc:"Of the catalog"`
	Definitions []string `json:"definitions" nullable:"false" doc:"Segments and other definitions that were made, by their paths; archived when the shop is removed"`
	Kept        []string `json:"kept" nullable:"false" doc:"Definitions of the same keys that somebody else has: they stay as they are"`
	Begun       int      `json:"begun" doc:"How often the loading was begun: more than 1 after a restart or a failure, and all is sent again: what was there is known by its id and counts once"`
}

// The states of the demo shop.
const (
	demoAbsent   = "absent"
	demoLoading  = "loading"
	demoPresent  = "present"
	demoRemoving = "removing"
)

// DemoView is how the demo shop stands.
type DemoView struct {
	State    string `json:"state" enum:"absent,loading,present,removing"`
	Source   string `json:"source" doc:"Where all of it comes from"`
	Complete bool   `json:"complete" doc:"All of it is loaded; false with present: the loading was given up, and what came stays until it is removed"`
	Planned  int    `json:"planned_events" doc:"About so many events are loaded"`
	DemoProgress
	Job   string `json:"job,omitempty" doc:"The background job that did or does this"`
	Error string `json:"error,omitempty" doc:"Why loading or removing was given up, or waits to be tried again"`
}

func (a *API) demoRoutes() {
	at := func(id, method, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: "/demo", tag: "process", summary: summary, scope: scope, status: status, data: impersonal}
	}
	register(a, at("get-demo-shop", http.MethodGet, "How the demo shop stands", access.ScopeRead, http.StatusOK), a.getDemo)
	register(a, at("load-demo-shop", http.MethodPost, "Load weeks of a made-up shop's history in the background, as a source of its own that causes no effects", access.ScopeAdmin, http.StatusAccepted), a.loadDemo)
	register(a, at("remove-demo-shop", http.MethodDelete, "Remove the demo shop for good, with its source and the definitions it made; the state is folded again from what is left", access.ScopeAdmin, http.StatusAccepted), a.removeDemo)
}

func (a *API) getDemo(ctx context.Context, _ *struct{}) (*body[DemoView], error) {
	v, err := a.viewDemo(ctx)
	v.Error = told(ctx, v.Error)
	return &body[DemoView]{v}, err
}

func (a *API) loadDemo(ctx context.Context, in *struct {
	Events int `query:"events" minimum:"500" maximum:"100000" default:"20000" doc:"About so many events"`
},
) (*body[DemoView], error) {
	a.demo.Lock()
	defer a.demo.Unlock()
	v, err := a.viewDemo(ctx)
	switch {
	case err != nil:
		return nil, err
	case v.State == demoLoading:
		return nil, fault.Errorf(fault.Conflict, "demo_loading", "the demo shop is being loaded: GET %sdemo says how far it is", prefix)
	case v.State == demoRemoving:
		return nil, fault.Errorf(fault.Conflict, "demo_removing", "the demo shop is being removed: load it again once GET %sdemo says absent", prefix)
	case v.State == demoPresent:
		return nil, fault.Errorf(fault.Conflict, "demo_present", "the demo shop is there: remove it first, with DELETE %sdemo", prefix)
	case a.Access.Index().Source(DemoSource) != nil:
		return nil, fault.Errorf(fault.Conflict, "demo_source_taken", "somebody else made a source %q, and removing the demo shop would remove what it sent: remove that source first", DemoSource)
	}
	return a.orderDemo(ctx, DemoOrder{Events: in.Events, Until: a.Clock.Now()})
}

func (a *API) removeDemo(ctx context.Context, _ *struct{}) (*body[DemoView], error) {
	a.demo.Lock()
	defer a.demo.Unlock()
	v, err := a.viewDemo(ctx)
	switch {
	case err != nil:
		return nil, err
	case v.State == demoAbsent:
		return nil, fault.Errorf(fault.NotFound, "no_demo", "there is no demo shop: POST %sdemo loads one", prefix)
	case v.State == demoRemoving:
		return nil, fault.Errorf(fault.Conflict, "demo_removing", "the demo shop is being removed already: GET %sdemo says how far it is", prefix)
	case v.State == demoLoading:
		// The jobs of a kind run one after the other: the removal waits for the end.
		if _, err := a.Jobs.Cancel(ctx, v.Job); err != nil && fault.KindOf(err) != fault.Conflict {
			return nil, err
		}
	}
	return a.orderDemo(ctx, DemoOrder{Remove: true, Events: v.Planned, Loaded: v.DemoProgress})
}

func (a *API) orderDemo(ctx context.Context, o DemoOrder) (*body[DemoView], error) {
	if _, err := a.Jobs.Submit(ctx, schedule.Request{Kind: JobDemo, Subject: DemoSource, Author: author(ctx), Params: o}); err != nil {
		return nil, err
	}
	v, err := a.viewDemo(ctx)
	return &body[DemoView]{v}, err
}

// viewDemo says what the newest job about the shop left.
func (a *API) viewDemo(ctx context.Context) (DemoView, error) {
	v := DemoView{State: demoAbsent, Source: DemoSource, DemoProgress: nothingLoaded()}
	newest, _, err := a.Jobs.List(ctx, schedule.Query{Kind: JobDemo, Limit: 1})
	if err != nil || len(newest) == 0 {
		return v, err
	}
	last, err := a.Jobs.Get(ctx, newest[0].ID)
	if err != nil {
		return v, err
	}
	var order DemoOrder
	if err := json.Unmarshal(last.Params, &order); err != nil {
		return v, err
	}
	v.Job, v.Error, v.Planned = last.ID, last.Error, order.Events
	if order.Remove {
		v.DemoProgress = order.Loaded
	} else if len(last.Result) > 0 {
		if err := json.Unmarshal(last.Result, &v.DemoProgress); err != nil {
			return v, err
		}
	}
	switch {
	case !last.State.Final() && order.Remove:
		v.State = demoRemoving
	case !last.State.Final():
		v.State = demoLoading
	case order.Remove && last.State == schedule.Done, !order.Remove && v.Begun == 0:
		return DemoView{State: demoAbsent, Source: DemoSource, DemoProgress: nothingLoaded(), Job: last.ID, Error: last.Error}, nil
	default:
		v.State, v.Complete = demoPresent, !order.Remove && last.State == schedule.Done
	}
	return v, nil
}

func nothingLoaded() DemoProgress { return DemoProgress{Definitions: []string{}, Kept: []string{}} }
