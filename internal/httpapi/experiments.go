package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/experiment"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/trial"
)

// Experiments are what they counted, and links to their variants.
type Experiments interface {
	// Tally gives what an experiment has counted; nil where none of its versions
	// is live.
	Tally(ctx context.Context, key string) (*pipeline.Tallied, error)
	EachTrial(ctx context.Context, key string, visit func(*trial.Trial) error) error
	// QAToken signs a link.
	QAToken(l experiment.Link) string
}

// ExperimentSummary is an experiment in a list.
type ExperimentSummary struct {
	Key        string                 `json:"key"`
	Name       string                 `json:"name"`
	Kind       experiment.Kind        `json:"kind"`
	State      experiment.State       `json:"state"`
	Tags       []string               `json:"tags" nullable:"false"`
	Variants   []string               `json:"variants" nullable:"false"`
	Version    int                    `json:"version"`
	Phase      int                    `json:"phase"`
	Changed    clock.Instant          `json:"changed"`
	Conclusion *experiment.Conclusion `json:"conclusion,omitempty"`
	ClonedFrom string                 `json:"cloned_from,omitempty"`
	Document   json.RawMessage        `json:"document,omitempty" doc:"Of this version, with include=document"`
}

func (a *API) experimentShelf() shelf {
	return shelf{
		API: a, kind: definition.Experiment, path: "/experiments", one: "experiment", many: "experiments", tag: "experiments",
		body: ExperimentBody{}, scope: access.ScopeWrite, follows: inForce,
		read: func(key string, document, before []byte) ([]byte, error) {
			d, err := experiment.Read(key, document)
			if err != nil {
				return nil, err
			}
			var old *experiment.Definition
			if before != nil {
				if old, err = experiment.Read(key, before); err != nil {
					return nil, err
				}
			}
			if err := d.Revise(old, a.Clock.Now()); err != nil {
				return nil, err
			}
			return d.Document()
		},
	}
}

// inForce is the version that people get: the live one, and the newest where none
// is live. What an experiment is doing is what this one says; a draft beside it
// says what it might do.
func inForce(s *definition.Series) *definition.Version {
	if live := s.Live(); live != nil {
		return live
	}
	return s.Newest()
}

func (a *API) experimentRoutes() {
	s := a.experimentShelf()
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: s.path + path, tag: s.tag, summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-experiments", http.MethodGet, "", "Experiments, by words of their names, tags, descriptions and conclusions", access.ScopeRead), a.listExperiments)
	register(a, at("get-experiment", http.MethodGet, "/{key}", "One version of an experiment", access.ScopeRead), s.get)
	put := at("put-experiment", http.MethodPut, "/{key}", "Write an experiment. A change of who gets what begins a new phase", s.scope)
	put.body, put.also = s.body, []int{http.StatusCreated}
	register(a, put, s.put)
	register(a, at("list-versions-of-experiment", http.MethodGet, "/{key}/versions", "The versions of an experiment, newest first", access.ScopeRead), s.versions)
	register(a, at("set-state-of-experiment", http.MethodPost, "/{key}/state", "Start, pause, stop or archive an experiment: its live version, while a draft stays one; with none live its newest", s.scope), a.setExperimentState)
	clone := at("clone-experiment", http.MethodPost, "/{key}/clone", "Begin a draft with what an experiment is", s.scope)
	clone.status = http.StatusCreated
	register(a, clone, a.cloneExperiment)
	register(a, at("get-experiment-results", http.MethodGet, "/{key}/results", "What an experiment showed up to now", access.ScopeRead), a.experimentResults)
	register(a, at("judge-experiment-policy", http.MethodPost, "/{key}/off-policy", "What another way to choose would have brought, by a bandit's log", access.ScopeRead), a.experimentOffPolicy)
	register(a, at("make-experiment-link", http.MethodPost, "/{key}/qa", "Make a token that forces a variant", s.scope), a.experimentLink)
	register(a, at("plan-experiment", http.MethodPost, "/power", "How many people and days an experiment takes, before it starts", access.ScopeRead), a.planExperiment)
}

func (a *API) experiment(ctx context.Context, v *definition.Version) (*experiment.Definition, error) {
	d, err := a.Spine.Definition(ctx, definition.Experiment, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	return experiment.Read(v.Key, d.Document)
}

func (a *API) listExperiments(ctx context.Context, in *struct {
	Q     string `query:"q" maxLength:"200" doc:"Words that all must stand in the name, key, tags, description or conclusion"`
	State string `query:"state" enum:"draft,running,paused,stopped,archived"`
	Paging
	Including
},
) (*body[List[ExperimentSummary]], error) {
	var all []ExperimentSummary
	for _, series := range a.Spine.Definitions().List(definition.Experiment) {
		v := inForce(series)
		d, err := a.experiment(ctx, v)
		if err != nil {
			return nil, err
		}
		if in.State != "" && string(d.State) != in.State || !mentions(d, in.Q) {
			continue
		}
		s := ExperimentSummary{
			Key: v.Key, Name: d.Name, Kind: d.Kind, State: d.State, Tags: append([]string{}, d.Tags...), Variants: []string{}, Version: v.Version,
			Phase: d.Phase(), Changed: v.Last().Time, Conclusion: d.Conclusion, ClonedFrom: d.ClonedFrom,
		}
		for i := range d.Variants {
			s.Variants = append(s.Variants, d.Variants[i].Key)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y ExperimentSummary) int { return strings.Compare(x.Key, y.Key) })
	keyOf := func(s ExperimentSummary) string { return s.Key }
	out, err := pageOf(all, keyOf, in.Paging)
	if err != nil || in.Include == "" {
		return &body[List[ExperimentSummary]]{listOf(out)}, err
	}
	read, err := documents(len(out.Items), func(i int) (json.RawMessage, error) {
		d, err := a.Spine.Definition(ctx, definition.Experiment, out.Items[i].Key, out.Items[i].Version)
		return d.Document, err
	})
	if err != nil {
		return nil, err
	}
	if in.Limit = len(read); in.Limit < len(out.Items) {
		if out, err = pageOf(all, keyOf, in.Paging); err != nil {
			return nil, err
		}
	}
	for i, d := range read {
		out.Items[i].Document = d
	}
	return &body[List[ExperimentSummary]]{listOf(out)}, nil
}

func mentions(d *experiment.Definition, words string) bool {
	text := d.Key + " " + d.Name + " " + d.Description + " " + strings.Join(d.Tags, " ")
	if d.Conclusion != nil {
		text += " " + d.Conclusion.Text + " " + d.Conclusion.Winner
	}
	text = strings.ToLower(text)
	for w := range strings.FieldsSeq(strings.ToLower(words)) {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func (a *API) setExperimentState(ctx context.Context, in *struct {
	ModelKey
	DefinitionChange
	Body struct {
		State      experiment.State       `json:"state" enum:"draft,running,paused,stopped,archived"`
		Conclusion *experiment.Conclusion `json:"conclusion,omitempty" doc:"What was learned; its winner is what everybody gets once the experiment is stopped"`
		Note       string                 `json:"note,omitempty" maxLength:"2000"`
	}
},
) (*stored[DefinitionView], error) {
	s := a.experimentShelf()
	newest, err := s.version(in.Key, 0)
	if err != nil {
		return nil, err
	}
	before, err := a.experiment(ctx, inForce(a.Spine.Definitions().Get(s.kind, in.Key)))
	if err != nil {
		return nil, err
	}
	d := *before
	d.State = in.Body.State
	if in.Body.Conclusion != nil {
		d.Conclusion = in.Body.Conclusion
		if w := d.Conclusion.Winner; w != "" && d.Variant(w) == nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_experiment", "there is no variant %q to win", w).At("/conclusion/winner")
		}
	}
	if err := d.Revise(before, a.Clock.Now()); err != nil {
		return nil, err
	}
	document, err := d.Document()
	if err != nil {
		return nil, err
	}
	// Nobody may have changed it meanwhile, whether or not the caller asks.
	match := in.IfMatch
	if match == "" {
		match = newest.ETag()
	}
	return s.define(ctx, in.Waiting, definition.Command{
		Key: in.Key, Status: definition.Live, Document: document, ContentType: "application/json", Note: in.Body.Note, IfMatch: match,
	})
}

func (a *API) cloneExperiment(ctx context.Context, in *struct {
	ModelKey
	DefinitionChange
	Body struct {
		Key  string `json:"key" maxLength:"128" doc:"Of the new experiment"`
		Name string `json:"name,omitempty" maxLength:"200"`
	}
},
) (*stored[DefinitionView], error) {
	s := a.experimentShelf()
	v, err := s.version(in.Key, 0)
	if err != nil {
		return nil, err
	}
	d, err := a.experiment(ctx, v)
	if err != nil {
		return nil, err
	}
	if a.Spine.Definitions().Get(s.kind, in.Body.Key) != nil {
		return nil, fault.Errorf(fault.Conflict, "already_exists", "there is an experiment %q already: give the clone another key", in.Body.Key).At("/key")
	}
	c := d.Clone(in.Body.Key, in.Body.Name)
	document, err := c.Document()
	if err != nil {
		return nil, err
	}
	out, err := s.define(ctx, in.Waiting, definition.Command{
		Key: in.Body.Key, Status: definition.Live, Document: document, ContentType: "application/json", Note: "cloned from " + in.Key, IfNoneMatch: "*",
	})
	return out, err
}

// tallied gives what an experiment has counted.
func (a *API) tallied(ctx context.Context, key string) (*pipeline.Tallied, error) {
	if _, err := a.experimentShelf().version(key, 0); err != nil {
		return nil, err
	}
	t, err := a.Experiments.Tally(ctx, key)
	if err == nil && t == nil {
		err = fault.Errorf(fault.NotFound, "experiment_not_live", "no version of the experiment %q is live: PUT it with status=live", key)
	}
	return t, err
}

func (a *API) experimentResults(ctx context.Context, in *struct {
	ModelKey
	Once   bool `query:"once" doc:"Leave out people who were shown several variants"`
	Mature bool `query:"mature" doc:"Leave out people whose windows are not over yet"`
},
) (*body[*trial.Report], error) {
	t, err := a.tallied(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	return &body[*trial.Report]{Body: t.Report(t.Book, trial.Options{
		Now: a.Clock.Now(), Version: t.Version, Waiting: t.Waiting, Once: in.Once, Mature: in.Mature, Language: pipeline.Language(ctx),
	})}, nil
}

func (a *API) experimentOffPolicy(ctx context.Context, in *struct {
	ModelKey
	Waiting
	Body struct {
		Shares map[string]float64 `json:"shares,omitempty" doc:"By variant: how often the other way would choose it. Left out: always the one that is expected to be best"`
	}
},
) (*body[OffPolicyAnswer], error) {
	t, err := a.tallied(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	total := 0.0
	for key, s := range in.Body.Shares {
		if t.Variant(key) == nil || s < 0 {
			return nil, fault.Errorf(fault.Invalid, "invalid_shares", "shares/%s: give a number that is not negative for a variant that there is", key).At("/shares/" + key)
		}
		total += s
	}
	if in.Body.Shares != nil && total <= 0 {
		return nil, fault.Errorf(fault.Invalid, "invalid_shares", "the shares come to nothing: give at least one above zero").At("/shares")
	}
	j := trial.NewJudge(t.Meter, t.Book, trial.Other{Shares: in.Body.Shares})
	if j == nil {
		return nil, fault.Errorf(fault.Conflict, "no_primary_metric", "the experiment has no primary metric: nothing says what is better")
	}
	if err := a.Experiments.EachTrial(ctx, in.Key, func(x *trial.Trial) error {
		j.Add(x)
		return nil
	}); err != nil {
		return nil, err
	}
	return &body[OffPolicyAnswer]{Body: OffPolicyAnswer{Metric: t.Primary().Key, OffPolicy: j.Result()}}, nil
}

func (a *API) experimentLink(ctx context.Context, in *struct {
	ModelKey
	Waiting
	Body struct {
		Variant string `json:"variant"`
		Days    int    `json:"days,omitempty" minimum:"1" maximum:"90" doc:"How long it holds. Left out: 7"`
		URL     string `json:"url,omitempty" maxLength:"2000" doc:"Of the page; the answer has it with the token as rapport_qa"`
	}
},
) (*body[ExperimentLink], error) {
	v, err := a.experimentShelf().version(in.Key, 0)
	if err != nil {
		return nil, err
	}
	d, err := a.experiment(ctx, v)
	if err != nil {
		return nil, err
	}
	if d.Variant(in.Body.Variant) == nil {
		return nil, fault.Errorf(fault.Invalid, "unknown_variant", "there is no variant %q of %q", in.Body.Variant, in.Key).At("/variant")
	}
	days := in.Body.Days
	if days == 0 {
		days = 7
	}
	until := a.Clock.Now().Add(time.Duration(days) * 24 * time.Hour)
	out := ExperimentLink{Token: a.Experiments.QAToken(experiment.Link{Experiment: in.Key, Variant: in.Body.Variant, Until: until}), Until: until}
	if in.Body.URL != "" {
		if out.URL, err = withToken(in.Body.URL, out.Token); err != nil {
			return nil, err
		}
	}
	return &body[ExperimentLink]{Body: out}, nil
}
