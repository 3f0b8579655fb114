package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// JobSourceRemoval removes all of a source's data, or counts it.
const JobSourceRemoval = "source_removal"

// SourceRemoval asks for it.
type SourceRemoval struct {
	DryRun  bool   `json:"dry_run,omitempty" doc:"Count what there is, and remove nothing"`
	Confirm string `json:"confirm,omitempty" maxLength:"64" doc:"The key of the source, once more; not asked for a dry run"`
}

// SourceRemoved is the result of such a job.
type SourceRemoved struct {
	pipeline.SourceData
	DryRun  bool   `json:"dry_run"`
	Phase   string `json:"phase" enum:"counting,removing,rebuilding,cleaning,done" doc:"counting, removing: the instance goes on as ever; rebuilding: the state is folded again from what is left, and until then the instance answers 503; cleaning: what followed from the data meanwhile leaves the log"`
	Rebuilt bool   `json:"rebuilt" doc:"Profiles, segments and counts know nothing of it any more; the lake keeps the rows it has"`
}

func (a *API) sourceRemovalRoutes() {
	register(a, spec{
		id: "remove-source-data", method: http.MethodPost, path: "/sources/{key}/removal", tag: "sources", scope: access.ScopeAdmin, status: http.StatusAccepted,
		summary: "Remove all data that came from a source, for good, or count it; a lake keeps the rows it has of it",
	}, a.removeSource)
}

func (a *API) removeSource(ctx context.Context, in *struct {
	Key  string `path:"key" maxLength:"64"`
	Body SourceRemoval
},
) (*struct {
	Location string `header:"Location"`
	Body     schedule.Job
}, error,
) {
	s := a.Access.Index().Source(in.Key)
	switch {
	case s == nil:
		return nil, fault.Errorf(fault.NotFound, "source_not_found", "there is no source %q", in.Key)
	case !in.Body.DryRun && in.Body.Confirm != in.Key:
		return nil, fault.Errorf(fault.Invalid, "not_confirmed", "confirm: what is removed is gone for good: count it first with dry_run, then send the key of the source, %q", in.Key).At("/confirm")
	case !in.Body.DryRun && !s.Paused && !s.Disabled:
		return nil, fault.Errorf(fault.Conflict, "source_not_paused", "the source %q still takes events: pause it first, with POST %ssources/%s/pause", in.Key, prefix, in.Key)
	}
	job, err := a.Jobs.Submit(ctx, schedule.Request{Kind: JobSourceRemoval, Subject: in.Key, Author: author(ctx), Params: in.Body})
	if err != nil {
		return nil, err
	}
	out := &struct {
		Location string `header:"Location"`
		Body     schedule.Job
	}{prefix + "jobs/" + job.ID, job}
	return out, nil
}
