package httpapi

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/decider"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// BatchBody asks a model about many people. One of profiles, segment and
// everyone says about whom.
type BatchBody struct {
	Profiles  []string       `json:"profiles,omitempty" doc:"Up to 10,000 references: namespace:value or profile ids"`
	Everyone  bool           `json:"everyone,omitempty" doc:"true: all people"`
	Segment   string         `json:"segment,omitempty" doc:"Key of a segment: those who are in it as the batch goes through it"`
	Inputs    map[string]any `json:"inputs,omitempty" doc:"As in evaluate, the same for everybody"`
	Context   map[string]any `json:"context,omitempty" doc:"As in evaluate"`
	Item      string         `json:"item,omitempty" doc:"As in evaluate"`
	Decisions []string       `json:"decisions,omitempty" doc:"Names of decisions; left out: all"`
	Service   string         `json:"service,omitempty" doc:"Name of a decision service instead"`
	Purpose   string         `json:"purpose,omitempty" maxLength:"100" doc:"As in evaluate: of those who did not agree nothing is read"`
	Channel   string         `json:"channel,omitempty" maxLength:"100" doc:"As in evaluate"`
}

type batchAsked struct {
	Profiles  []string                   `json:"profiles"`
	Everyone  bool                       `json:"everyone"`
	Segment   string                     `json:"segment"`
	Inputs    map[string]json.RawMessage `json:"inputs"`
	Context   json.RawMessage            `json:"context"`
	Item      string                     `json:"item"`
	Decisions []string                   `json:"decisions"`
	Service   string                     `json:"service"`
	Purpose   string                     `json:"purpose"`
	Channel   string                     `json:"channel"`
}

// ReplayBody asks what another version would have decided.
type ReplayBody struct {
	Version int `json:"version,omitempty" minimum:"1" doc:"Which; left out: the newest"`
	Sample  int `json:"sample,omitempty" minimum:"1" maximum:"100000" doc:"How many of the newest kept live decisions; left out: 1000"`
}

const maxBatchProfiles = 10_000

func (a *API) modelJobRoutes() {
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: modelsPath + "/{key}" + path, tag: "decisions", summary: summary, scope: scope, status: status}
	}
	batch := at("batch-decision-model", http.MethodPost, "/batch", "Decide about many people, in the background", access.ScopeWrite, http.StatusAccepted)
	batch.body = BatchBody{}
	register(a, batch, a.batchModel)
	results := at("get-batch-results", http.MethodGet, "/batch/{id}/results", "What a batch decided so far, one line for each person", access.ScopeRead, http.StatusOK)
	results.gives = []string{"application/x-ndjson", "text/csv"}
	register(a, results, a.batchResults)
	replay := at("replay-decision-model", http.MethodPost, "/replay", "Make past decisions again with another version and tell what would change, in the background", access.ScopeRead, http.StatusAccepted)
	replay.body = ReplayBody{}
	register(a, replay, a.replayModel)
	register(a, at("compare-decision-model", http.MethodGet, "/comparison", "How a version in test differed from the live one that it ran beside", access.ScopeRead, http.StatusOK), a.compareModel)
}

func (a *API) batchModel(ctx context.Context, in *struct {
	ModelKey
	Version string `query:"version" maxLength:"20" default:"live" doc:"A number; left out: the live version"`
	RawBody []byte
},
) (*startedJob, error) {
	v, err := a.pick(in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	var b batchAsked
	if err := strictly(in.RawBody, &b); err != nil {
		return nil, err
	}
	switch about := [...]bool{b.Everyone, b.Segment != "", len(b.Profiles) > 0}; {
	case about != [...]bool{true, false, false} && about != [...]bool{false, true, false} && about != [...]bool{false, false, true}:
		return nil, fault.Errorf(fault.Invalid, "invalid_batch", "say about whom: give one of profiles, a list of references, segment, a key, or everyone: true").At("/profiles")
	case b.Segment != "" && a.Spine.Definitions().Get(definition.Segment, b.Segment).Live() == nil:
		return nil, fault.Errorf(fault.NotFound, "segment_not_found", "there is no live segment %q", b.Segment).At("/segment")
	case len(b.Profiles) > maxBatchProfiles:
		return nil, fault.Errorf(fault.TooLarge, "too_many_profiles", "%d profiles, %d are possible: make several batches, or one with everyone", len(b.Profiles), maxBatchProfiles).At("/profiles")
	}
	if _, err := a.Decider.Model(ctx, in.Key, v.Version); err != nil {
		return nil, err
	}
	wanted, err := uses(b.Purpose, b.Channel)
	if err != nil {
		return nil, err
	}
	j, err := a.Jobs.Submit(ctx, schedule.Request{Kind: decider.JobBatch, Subject: in.Key, Author: author(ctx), Params: decider.BatchParams{
		Version: v.Version, Time: a.Clock.Now(), Profiles: b.Profiles, Everyone: b.Everyone, Segment: b.Segment, Inputs: b.Inputs, Context: b.Context,
		Item: b.Item, Decisions: b.Decisions, Service: b.Service, Uses: wanted,
	}})
	if err != nil {
		return nil, err
	}
	return started(j), nil
}

func (a *API) replayModel(ctx context.Context, in *struct {
	ModelKey
	RawBody []byte
},
) (*startedJob, error) {
	var b ReplayBody
	if err := strictly(in.RawBody, &b); err != nil {
		return nil, err
	}
	if b.Sample < 0 || b.Sample > 100_000 {
		return nil, fault.Errorf(fault.Invalid, "invalid_sample", "sample %d: give 1 to 100000", b.Sample).At("/sample")
	}
	if b.Sample == 0 {
		b.Sample = 1000
	}
	v, err := a.pick(in.Key, number(b.Version))
	if err != nil {
		return nil, err
	}
	if _, err := a.Decider.Model(ctx, in.Key, v.Version); err != nil {
		return nil, err
	}
	j, err := a.Jobs.Submit(ctx, schedule.Request{
		Kind: decider.JobReplay, Subject: in.Key, Author: author(ctx), Params: decider.ReplayParams{Version: v.Version, Sample: b.Sample},
	})
	if err != nil {
		return nil, err
	}
	return started(j), nil
}

func (a *API) compareModel(ctx context.Context, in *struct {
	ModelKey
	Version int    `query:"version" minimum:"1" doc:"Left out: the newest"`
	From    string `query:"from" doc:"RFC 3339: only decisions that are not older"`
},
) (*body[decider.Comparison], error) {
	v, err := a.pick(in.Key, number(in.Version))
	if err != nil {
		return nil, err
	}
	var from clock.Instant
	if err := from.UnmarshalText([]byte(in.From)); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_time", "from %q is no time: give 2026-01-31T08:00:00Z", in.From).At("from")
	}
	c, err := a.Decider.Compare(ctx, in.Key, v.Version, from)
	if err != nil {
		return nil, err
	}
	return &body[decider.Comparison]{*c}, nil
}

// BatchLine is what a batch decided about one person.
type BatchLine struct {
	Decision kept.ID        `json:"decision_id"`
	Profile  string         `json:"profile_id"`
	Outputs  map[string]any `json:"outputs"`
}

func (a *API) batchResults(ctx context.Context, in *struct {
	ModelKey
	JobID
	Format string `query:"format" enum:"jsonl,csv" default:"jsonl" doc:"JSON lines, or CSV with a column for each output"`
},
) (*modelAnswer, error) {
	j, err := a.Jobs.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if j.Kind != decider.JobBatch || j.Subject != in.Key {
		return nil, fault.Errorf(fault.NotFound, "job_not_found", "there is no batch %q of the model %q: GET /api/v1/jobs?kind=%s lists them", in.ID, in.Key, decider.JobBatch)
	}
	var p decider.BatchParams
	if err := json.Unmarshal(j.Params, &p); err != nil {
		return nil, err
	}
	m, err := a.Decider.Model(ctx, in.Key, p.Version)
	if err != nil {
		return nil, err
	}
	columns := p.Decisions
	if p.Service != "" {
		columns = []string{p.Service}
	}
	if len(columns) == 0 {
		for _, d := range m.Decisions() {
			columns = append(columns, d.Name)
		}
	}
	out := &modelAnswer{Body: func(c huma.Context) {
		kind, name, write := "application/x-ndjson", in.ID+".jsonl", jsonLines
		if in.Format == "csv" {
			kind, name, write = "text/csv; charset=utf-8", in.ID+".csv", csvLines
		}
		c.SetHeader("Content-Type", kind)
		c.SetHeader("Content-Disposition", "attachment; filename="+strconv.Quote(name))
		line, flush := write(c.BodyWriter(), columns)
		err := a.Spine.EachDecision(ctx, pipeline.DecisionQuery{Job: in.ID}, line)
		flush()
		if err != nil {
			// The status is sent: a list that breaks off must not look whole.
			a.Log.Error("the results of a batch broke off", "job", in.ID, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}
	return out, nil
}

func jsonLines(w io.Writer, _ []string) (line func(*kept.Decision) error, flush func()) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return func(d *kept.Decision) error {
		return e.Encode(BatchLine{d.ID, d.Profile, viewDecision(d).Outputs})
	}, func() {}
}

// csvLines writes a column for each output: text as it is, all else as JSON.
func csvLines(w io.Writer, columns []string) (line func(*kept.Decision) error, flush func()) {
	c := csv.NewWriter(w)
	err := c.Write(slices.Concat([]string{"decision_id", "profile_id"}, columns))
	return func(d *kept.Decision) error {
		if err != nil {
			return err
		}
		outputs := viewDecision(d).Outputs
		row := []string{d.ID.String(), d.Profile}
		for _, name := range columns {
			text, isText := outputs[name].(string)
			if !isText && outputs[name] != nil {
				b, err := json.Marshal(outputs[name])
				if err != nil {
					return err
				}
				text = string(b)
			}
			row = append(row, text)
		}
		return c.Write(row)
	}, c.Flush
}
