package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/outbox"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// Outbox is what the API asks of those who deliver.
type Outbox interface {
	destinations
	deliveries
}

type destinations interface {
	Kinds() []destination.Type
	Store(ctx context.Context, document, before []byte) ([]byte, error)
	Shown(d effect.Destination) effect.Destination
	State(key string) outbox.DestinationState
	Command(ctx context.Context, key, what, author string, release time.Duration) error
	Try(ctx context.Context, key string, document []byte, ask *outbox.DestinationTrial) (*outbox.DestinationTried, error)
	SyncAudience(key string) error
	CheckExperience(ctx context.Context, x *experience.Ready) error
	TryExperience(ctx context.Context, x *experience.Ready, ask *outbox.ExperienceTrial) (*outbox.ExperienceTried, error)
}

type deliveries interface {
	Deliveries(ctx context.Context, q pipeline.DeliveryQuery) (pipeline.Page[pipeline.Delivery], error)
	Delivery(ctx context.Context, key, id string) (*outbox.DeliveryDetail, error)
	Again(ctx context.Context, key, id string, discard bool) error
	AgainAll(ctx context.Context, key string, discard bool) (int, error)
}

const destinationsPath = "/destinations"

// DestinationView is one version of a destination.
type DestinationView struct {
	Key     string                  `json:"key"`
	Version int                     `json:"version" doc:"Counted from 1"`
	Status  definition.Status       `json:"status" enum:"draft,test,live,archived"`
	Live    *int                    `json:"live_version" doc:"The version that counts, null where none does"`
	Changes []definition.Change     `json:"changes" doc:"What became of the version, oldest first"`
	State   outbox.DestinationState `json:"state"`
	effect.Destination
}

// DestinationKey names a destination in a path.
type DestinationKey struct {
	Key string `path:"key" maxLength:"128" doc:"Letters, digits, dots, hyphens, underscores"`
}

// DestinationType is a kind of destination.
type DestinationType struct {
	Name   string          `json:"name"`
	Title  string          `json:"title"`
	About  string          `json:"about,omitempty"`
	Schema json.RawMessage `json:"schema" doc:"JSON Schema of its settings; writeOnly marks secrets"`
	// Content is what a broadcast writes.
	Content []string `json:"content,omitempty" doc:"The settings that a broadcast writes itself"`
}

func (a *API) destinationRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: destinationsPath + path, tag: "destinations", summary: summary, scope: scope, status: http.StatusOK}
	}
	types := at("list-destination-types", http.MethodGet, "", "What kinds of destinations there are, with the schemas of their settings", access.ScopeRead)
	types.path = "/destination-types"
	register(a, types, a.destinationTypes)
	put := at("put-destination", http.MethodPut, "/{key}", "Add a version, live at once unless status says draft", access.ScopeWrite)
	put.body, put.also = effect.Destination{}, []int{http.StatusCreated}
	register(a, put, a.putDestination)
	register(a, at("list-destinations", http.MethodGet, "", "All destinations, with their newest versions and how they are", access.ScopeRead), a.listDestinations)
	register(a, at("get-destination", http.MethodGet, "/{key}", "One version of a destination; its secrets are masked", access.ScopeRead), a.getDestination)
	register(a, at("list-destination-versions", http.MethodGet, "/{key}/versions", "The versions, newest first", access.ScopeRead), a.destinationVersions)
	status := at("set-destination-status", http.MethodPost, "/{key}/status", "Take a version from draft to live or archived; where none is live nothing is sent any more", access.ScopeWrite)
	status.body = StatusBody{}
	register(a, status, a.setDestinationStatus)
	test := at("test-destination", http.MethodPost, "/{key}/test", "Make a message about a real person, show it and, where asked to, send it once, past the queue", access.ScopeWrite)
	test.body = outbox.DestinationTrial{}
	register(a, test, a.testDestination)
	a.destinationCommands(at)
}

func (a *API) destinationCommands(at func(id, method, path, summary, scope string) spec) {
	for _, c := range [...]struct{ what, summary string }{
		{"pause", "Let messages wait"},
		{"resume", "Send what waits, and what comes"},
		{"drain", "Send what waits, and take nothing new"},
	} {
		what, summary := c.what, c.summary
		register(a, at(what+"-destination", http.MethodPost, "/{key}/"+what, summary, access.ScopeWrite), func(ctx context.Context, in *DestinationKey) (*stored[DestinationView], error) {
			return a.commandDestination(ctx, in.Key, what, 0)
		})
	}
	register(a, at("release-destination", http.MethodPost, "/{key}/release", "Let a destination send that stopped because it was told more in a minute than stop_at allows", access.ScopeWrite), a.releaseDestination)
	sync := at("sync-destination", http.MethodPost, "/{key}/sync", "Tell a destination of its whole audience, in the background", access.ScopeWrite)
	sync.status = http.StatusAccepted
	register(a, sync, a.syncDestination)
}

func (a *API) destinationTypes(context.Context, *struct{}) (*body[List[DestinationType]], error) {
	var out []DestinationType
	for _, t := range a.Outbox.Kinds() {
		out = append(out, DestinationType{t.Name, t.Title, t.About, t.Schema, t.Content})
	}
	slices.SortFunc(out, func(x, y DestinationType) int { return strings.Compare(x.Name, y.Name) })
	return &body[List[DestinationType]]{listOf(pipeline.Page[DestinationType]{Items: out})}, nil
}

func (a *API) listDestinations(ctx context.Context, in *Paging) (*body[List[DestinationView]], error) {
	page, err := pageOf(a.Spine.Definitions().List(definition.Destination), func(s *definition.Series) string { return s.Key }, *in)
	if err != nil {
		return nil, err
	}
	out := pipeline.Page[DestinationView]{Next: page.Next}
	for _, s := range page.Items {
		v, d, err := a.destinationVersion(ctx, s.Key, 0)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, a.viewDestination(ctx, v, d))
	}
	return &body[List[DestinationView]]{listOf(out)}, nil
}

// destinationVersion finds a version with its document; 0 is the newest.
func (a *API) destinationVersion(ctx context.Context, key string, version int) (*definition.Version, []byte, error) {
	s := a.Spine.Definitions().Get(definition.Destination, key)
	if s.Newest() == nil {
		return nil, nil, fault.Errorf(fault.NotFound, "destination_not_found", "there is no destination %q: PUT %s%s/%s makes one", key, prefix[:len(prefix)-1], destinationsPath, key)
	}
	v, err := s.Pick(version)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.Spine.Definition(ctx, v.Kind, key, v.Version)
	return v, d.Document, err
}

func (a *API) viewDestination(ctx context.Context, v *definition.Version, document []byte) DestinationView {
	view := DestinationView{
		Key: v.Key, Version: v.Version, Status: v.Status(), Live: liveOf(a.Spine.Definitions().Get(v.Kind, v.Key)), Changes: v.Changes,
		State: a.Outbox.State(v.Key),
	}
	view.State.Problem = told(ctx, view.State.Problem)
	if t, err := effect.Read(document); err == nil {
		view.Destination = a.Outbox.Shown(t.Destination)
	}
	return view
}

func (a *API) getDestination(ctx context.Context, in *struct {
	DestinationKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
},
) (*stored[DestinationView], error) {
	v, d, err := a.destinationVersion(ctx, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	return &stored[DestinationView]{Status: http.StatusOK, ETag: v.ETag(), Body: a.viewDestination(ctx, v, d)}, nil
}

func (a *API) putDestination(ctx context.Context, in *struct {
	DestinationKey
	DefinitionPut
	RawBody []byte
},
) (*stored[DestinationView], error) {
	var before []byte
	if a.Spine.Definitions().Get(definition.Destination, in.Key).Newest() != nil {
		var err error
		if _, before, err = a.destinationVersion(ctx, in.Key, 0); err != nil {
			return nil, err
		}
	}
	document, err := a.Outbox.Store(ctx, in.RawBody, before)
	if err != nil {
		return nil, err
	}
	if err := a.checkDestination(document); err != nil {
		return nil, err
	}
	return a.defineDestination(ctx, in.Waiting, document, in.command(in.Key, document, "application/json"))
}

// checkDestination refuses what a document names and nobody knows.
func (a *API) checkDestination(document []byte) error {
	t, err := effect.Read(document)
	if err != nil {
		return err
	}
	index := a.Spine.Definitions()
	segments := make([]string, 0, len(t.Segments)+1)
	for _, s := range t.Segments {
		segments = append(segments, s.Key)
	}
	if t.Audience != nil {
		segments = append(segments, t.Audience.Segment)
	}
	for _, key := range segments {
		if index.Get(definition.Segment, key).Live() == nil {
			return fault.Errorf(fault.Invalid, "unknown_segment", "there is no live segment %q: define it first", key)
		}
	}
	if t.Decision != "" && index.Get(definition.DecisionModel, t.Decision).Live() == nil {
		return fault.Errorf(fault.Invalid, "unknown_model", "there is no live decision model %q: define it first", t.Decision).At("/decision")
	}
	return nil
}

func (a *API) setDestinationStatus(ctx context.Context, in *struct {
	DestinationKey
	DefinitionChange
	RawBody []byte
},
) (*stored[DestinationView], error) {
	var b StatusBody
	if err := strictly(in.RawBody, &b); err != nil {
		return nil, err
	}
	v, d, err := a.destinationVersion(ctx, in.Key, b.Version)
	if err != nil {
		return nil, err
	}
	return a.defineDestination(ctx, in.Waiting, d, definition.Command{
		Key: in.Key, Status: definition.Status(b.Status), Version: v.Version, Note: b.Note, IfMatch: in.IfMatch,
	})
}

func (a *API) defineDestination(ctx context.Context, w Waiting, document []byte, cmd definition.Command) (*stored[DestinationView], error) {
	cmd.Kind = definition.Destination
	return define(ctx, a, w, destinationsPath+"/"+cmd.Key, cmd, func(v *definition.Version) (DestinationView, error) {
		return a.viewDestination(ctx, v, document), nil
	})
}

func (a *API) destinationVersions(ctx context.Context, in *struct {
	DestinationKey
	Paging
},
) (*body[List[VersionView]], error) {
	if _, _, err := a.destinationVersion(ctx, in.Key, 0); err != nil {
		return nil, err
	}
	return versionsOf(a.Spine.Definitions().Get(definition.Destination, in.Key), in.Paging)
}

func (a *API) testDestination(ctx context.Context, in *struct {
	DestinationKey
	Version int `query:"version" minimum:"1" doc:"Left out: the newest"`
	RawBody []byte
},
) (*body[outbox.DestinationTried], error) {
	var ask outbox.DestinationTrial
	if err := strictly(in.RawBody, &ask); err != nil {
		return nil, err
	}
	_, d, err := a.destinationVersion(ctx, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	t, err := a.Outbox.Try(ctx, in.Key, d, &ask)
	if err != nil {
		return nil, err
	}
	t.Reason = told(ctx, t.Reason)
	return &body[outbox.DestinationTried]{*t}, nil
}

func (a *API) commandDestination(ctx context.Context, key, what string, release time.Duration) (*stored[DestinationView], error) {
	v, d, err := a.destinationVersion(ctx, key, 0)
	if err != nil {
		return nil, err
	}
	if err := a.Outbox.Command(ctx, key, what, author(ctx), release); err != nil {
		return nil, err
	}
	return &stored[DestinationView]{Status: http.StatusOK, ETag: v.ETag(), Body: a.viewDestination(ctx, v, d)}, nil
}

const (
	defaultRelease = time.Hour
	maxRelease     = 7 * 24 * time.Hour
)

func (a *API) releaseDestination(ctx context.Context, in *struct {
	DestinationKey
	For string `query:"for" maxLength:"20" doc:"How long the brake is off; left out: 1h, at most 168h"`
},
) (*stored[DestinationView], error) {
	span := defaultRelease
	if in.For != "" {
		var err error
		if span, err = time.ParseDuration(in.For); err != nil || span <= 0 || span > maxRelease {
			return nil, fault.Errorf(fault.Invalid, "invalid_span", "for %q: give a time span of at most %v, such as 1h", in.For, maxRelease).At("for")
		}
	}
	return a.commandDestination(ctx, in.Key, "release", span)
}

func (a *API) syncDestination(ctx context.Context, in *DestinationKey) (*startedJob, error) {
	if err := a.Outbox.SyncAudience(in.Key); err != nil {
		return nil, err
	}
	j, err := a.Jobs.Submit(ctx, schedule.Request{Kind: outbox.JobSync, Subject: in.Key, Author: author(ctx)})
	if err != nil {
		return nil, err
	}
	return started(j), nil
}
