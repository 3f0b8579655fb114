package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// Jobs is what the API asks of the background jobs.
type Jobs interface {
	List(ctx context.Context, q schedule.Query) (items []schedule.Job, next string, err error)
	Get(ctx context.Context, id string) (schedule.Job, error)
	Cancel(ctx context.Context, id string) (schedule.Job, error)
	Submit(ctx context.Context, q schedule.Request) (schedule.Job, error)
}

// JobID names a background job in a path.
type JobID struct {
	ID string `path:"id" maxLength:"128" doc:"The job's id"`
}

// startedJob is the answer where a job was made: it is followed under Location.
type startedJob struct {
	Location string `header:"Location"`
	Body     schedule.Job
}

func started(j schedule.Job) *startedJob {
	return &startedJob{Location: prefix + "jobs/" + j.ID, Body: j}
}

func (a *API) jobRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: "/jobs" + path, tag: "process", summary: summary, scope: scope, status: http.StatusOK, data: personal}
	}
	register(a, at("list-jobs", http.MethodGet, "", "Background jobs, newest first", access.ScopeRead), a.listJobs)
	register(a, at("get-job", http.MethodGet, "/{id}", "One of them, with what was asked for", access.ScopeRead), a.getJob)
	register(a, at("cancel-job", http.MethodPost, "/{id}/cancel", "Stop it; what it did stays", access.ScopeWrite), a.cancelJob)
}

func (a *API) listJobs(ctx context.Context, in *struct {
	Kind    string `query:"kind" maxLength:"100" doc:"Only jobs of this kind"`
	Subject string `query:"subject" maxLength:"200" doc:"Only jobs about this, such as the key of a model"`
	State   string `query:"state" enum:"queued,running,waiting,done,failed,cancelled" doc:"Only jobs in this state"`
	Paging
},
) (*body[List[schedule.Job]], error) {
	items, next, err := a.Jobs.List(ctx, schedule.Query{
		Kind: in.Kind, Subject: in.Subject, State: schedule.State(in.State), After: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	for i := range items {
		items[i].Error = told(ctx, items[i].Error)
	}
	return &body[List[schedule.Job]]{listOf(pipeline.Page[schedule.Job]{Items: items, Next: next})}, nil
}

func (a *API) getJob(ctx context.Context, in *JobID) (*body[schedule.Job], error) {
	j, err := a.Jobs.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	j.Error = told(ctx, j.Error)
	return &body[schedule.Job]{j}, nil
}

func (a *API) cancelJob(ctx context.Context, in *JobID) (*body[schedule.Job], error) {
	j, err := a.Jobs.Cancel(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[schedule.Job]{j}, nil
}
