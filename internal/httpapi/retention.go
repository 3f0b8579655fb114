package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/retention"
	"rapport/internal/schedule"
)

// JobRetention takes events out that are older than policies keep them, or counts
// them.
const JobRetention = "retention"

// RetentionRun asks for it.
type RetentionRun struct {
	DryRun bool                `json:"dry_run,omitempty" doc:"Count what would go and who looks further back, and take nothing out"`
	Policy *retention.Document `json:"policy,omitempty" doc:"Of a dry run: a policy that need not be kept yet, alone. Left out: all policies that are live"`
}

// RetentionResult is the result of such a job, as far as it has come.
type RetentionResult struct {
	pipeline.ExpiryData
	DryRun    bool        `json:"dry_run"`
	LooksBack []LooksBack `json:"looks_back" nullable:"false" doc:"What asks for events that happened before, so that from then on it finds fewer"`
}

// LooksBack is a definition that asks for events which go.
type LooksBack struct {
	Kind string `json:"kind" enum:"segment,computed_trait,affinity,experiment"`
	Key  string `json:"key"`
	// Policy is the first that takes some of them.
	Policy string `json:"policy" doc:"Key of the policy that takes them"`
	Effect string `json:"effect" enum:"new_versions,results" doc:"new_versions: what is in force keeps counting what is gone, a version that asks for something else begins with what is kept; results: people are counted anew by the events that are kept"`
}

// RetentionState is up to when events were taken out.
type RetentionState struct {
	Floors []retention.Floor `json:"floors" nullable:"false" doc:"Events that happened before are refused, counted as expired: a copy of one that is gone could not be told from a new one. A floor never falls"`
}

// retentionShelf is the policies.
func (a *API) retentionShelf() shelf {
	return shelf{
		API: a, kind: definition.Retention, path: "/retention-policies", one: "retention-policy", plural: "retention-policies", many: "retention policies", tag: "privacy",
		body: retention.Document{}, scope: access.ScopeAdmin, data: impersonal,
		read: func(_ string, document, _ []byte) ([]byte, error) {
			_, err := retention.Parse(document)
			return document, err
		},
	}
}

func (a *API) retentionRoutes() {
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: "/retention" + path, tag: "privacy", summary: summary, scope: scope, status: status, data: impersonal}
	}
	register(a, at("get-retention", http.MethodGet, "", "Up to when events are no longer there", access.ScopeRead, http.StatusOK), a.getRetention)
	register(a, at("run-retention", http.MethodPost, "/runs", "Take out what is older than policies keep it, or count it; the calendar does so every night", access.ScopeAdmin, http.StatusAccepted), a.runRetention)
	register(a, at("cancel-retention-run", http.MethodPost, "/runs/{id}/cancel", "Stop a run; what it took out is gone", access.ScopeAdmin, http.StatusOK), a.cancelRetention)
}

func (a *API) getRetention(context.Context, *struct{}) (*body[RetentionState], error) {
	floors := a.Spine.Floors()
	if floors == nil {
		floors = []retention.Floor{}
	}
	return &body[RetentionState]{RetentionState{floors}}, nil
}

// cancelRetention stops a run for those who answer for privacy: other jobs are not
// theirs to stop.
func (a *API) cancelRetention(ctx context.Context, in *JobID) (*body[schedule.Job], error) {
	j, err := a.Jobs.Get(ctx, in.ID)
	if err == nil && j.Kind != JobRetention {
		err = fault.Errorf(fault.NotFound, "job_not_found", "the job %q is no run of retention: POST %sjobs/%s/cancel stops others", in.ID, prefix, in.ID)
	}
	if err != nil {
		return nil, err
	}
	return a.cancelJob(ctx, in)
}

func (a *API) runRetention(ctx context.Context, in *struct{ Body RetentionRun }) (*startedJob, error) {
	if in.Body.Policy != nil {
		if !in.Body.DryRun {
			return nil, retention.NotKept()
		}
		if err := in.Body.Policy.Check(); err != nil {
			return nil, err
		}
	}
	j, err := a.Jobs.Submit(ctx, schedule.Request{Kind: JobRetention, Author: author(ctx), Params: in.Body})
	if err != nil {
		return nil, err
	}
	return started(j), nil
}
