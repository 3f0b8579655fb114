package httpapi

import (
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event/observed"
	"rapport/internal/event/plan"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/pipeline"
	"rapport/internal/quota"
)

// SourceRules are what becomes of a source's events on their way in.
type SourceRules struct {
	Paused         bool                 `json:"paused,omitempty" doc:"What comes is answered with success, counted as source_paused, and not kept"`
	Limits         *access.Limits       `json:"limits,omitempty" doc:"How many events may come, of all its write keys together; each has at least its even part. More are answered 429 and not received. Left out: any"`
	TrackingPlan   string               `json:"tracking_plan,omitempty" maxLength:"64" doc:"Key of the tracking plan that events are held against"`
	SampleRate     *float64             `json:"sample_rate,omitempty" minimum:"0" maximum:"1" doc:"Share of people whose events are taken; the others' are counted as sampled. Left out: 1"`
	Bots           string               `json:"bots,omitempty" enum:"refuse,mark,keep" doc:"What becomes of events of robots that say so in their user agent: refused and counted as bot (left out: this), taken with context.bot, or taken like others"`
	Enrichment     []string             `json:"enrichment,omitempty" enum:"user_agent,campaign,locale,geo,none" doc:"What is looked for in events that do not say it; left out: all of it"`
	PointOfSale    string               `json:"point_of_sale,omitempty" maxLength:"200" doc:"Of events that name none"`
	SessionTimeout int                  `json:"session_timeout_minutes,omitempty" minimum:"1" maximum:"1440" doc:"Minutes of silence that close a session of a Sitecore client; left out: 20"`
	PointsOfSale   []access.PointOfSale `json:"points_of_sale,omitempty" maxItems:"200" doc:"Those of its points of sale where it is another"`
	TimeZone       string               `json:"time_zone,omitempty" maxLength:"100" doc:"Of local times that the source sends without one, such as Europe/Berlin"`
	Currency       string               `json:"currency,omitempty" pattern:"^[A-Z]{3}$" doc:"Of events and orders that name none, ISO 4217"`
	ThirdParty     *ThirdPartyBody      `json:"third_party,omitempty" doc:"Others' data comes from the source; left out: it is your own"`
	// Web is what the library on its pages is set to.
	Web *access.WebLibrary `json:"web,omitempty" doc:"What the web library is set to on the source's pages; left out: as the library is"`
}

// ThirdPartyBody is whose data a source brings.
type ThirdPartyBody struct {
	Provider  string `json:"provider" minLength:"1" maxLength:"200"`
	Licence   string `json:"licence,omitempty" maxLength:"2000"`
	ExpiresAt string `json:"expires_at,omitempty" format:"date-time" doc:"End of the licence: from then on events are refused and counted as licence_expired"`
}

const million = 1_000_000

func rulesOf(s *access.Source) SourceRules {
	r := SourceRules{
		Paused: s.Paused, Limits: s.Limits, TrackingPlan: s.TrackingPlan, Bots: s.Robots, Enrichment: s.Enrichment,
		PointOfSale: s.PointOfSale, SessionTimeout: s.SessionTimeout, PointsOfSale: s.PointsOfSale, TimeZone: s.TimeZone, Currency: s.Currency, Web: s.Web,
	}
	if s.Sample != nil {
		rate := float64(*s.Sample) / million
		r.SampleRate = &rate
	}
	if t := s.ThirdParty; t != nil {
		r.ThirdParty = &ThirdPartyBody{t.Provider, t.Licence, t.Expires}
	}
	return r
}

// readRules makes rules of what was sent.
func (a *API) readRules(b *SourceRules) (access.Rules, error) {
	r := access.Rules{
		Paused: b.Paused, Limits: b.Limits, TrackingPlan: b.TrackingPlan, Robots: b.Bots, Enrichment: b.Enrichment,
		PointOfSale: b.PointOfSale, SessionTimeout: b.SessionTimeout, PointsOfSale: b.PointsOfSale, TimeZone: b.TimeZone, Currency: b.Currency, Web: b.Web,
	}
	if b.SampleRate != nil {
		n := int(math.Round(*b.SampleRate * million))
		r.Sample = &n
	}
	if t := b.ThirdParty; t != nil {
		r.ThirdParty = &access.ThirdParty{Provider: t.Provider, Licence: t.Licence, Expires: t.ExpiresAt}
	}
	if b.TimeZone != "" {
		if _, ok := feel.NamedZone(b.TimeZone); !ok {
			return r, fault.Errorf(fault.Invalid, "invalid_access", "time_zone: %q is no time zone: give one such as Europe/Berlin", b.TimeZone).At("/time_zone")
		}
	}
	if b.TrackingPlan != "" && a.Spine.Definitions().Get(definition.TrackingPlan, b.TrackingPlan) == nil {
		return r, fault.Errorf(fault.Invalid, "unknown_plan", "tracking_plan: there is no plan %q: PUT %stracking-plans/%s makes one", b.TrackingPlan, prefix, b.TrackingPlan).At("/tracking_plan")
	}
	return r, nil
}

func (a *API) sourceRuleRoutes(at func(id, method, path, summary, scope string) spec) {
	drop := at("delete-source", http.MethodDelete, "/{key}", "Take a source and its keys away; what it sent stays", access.ScopeAdmin)
	drop.status = http.StatusNoContent
	register(a, drop, a.deleteSource)
	register(a, at("pause-source", http.MethodPost, "/{key}/pause", "Keep nothing of what comes from now on, or go on", access.ScopeAdmin), a.pauseSource)
	register(a, at("list-source-versions", http.MethodGet, "/{key}/versions", "What the source was, newest first", access.ScopeRead), a.sourceVersions)
	register(a, at("rollback-source", http.MethodPost, "/{key}/rollback", "Make the source what it was in a former version; its keys stay", access.ScopeAdmin), a.rollbackSource)
	register(a, at("get-web-snippet", http.MethodGet, "/{key}/web-snippet", "How pages load the web library, with the hash of its bytes", access.ScopeRead), a.webSnippet)
	register(a, at("get-source-health", http.MethodGet, "/{key}/health", "Whether events come, when the last came, and what became of them", access.ScopeRead), a.sourceHealth)
	register(a, at("list-source-events", http.MethodGet, "/{key}/events", "Which events come, with the types and fill rates of their members and the JSON Schema that follows", access.ScopeRead), a.sourceEvents)
	register(a, at("get-source-plan-report", http.MethodGet, "/{key}/plan-report", "What came held against the tracking plan", access.ScopeRead), a.planReport)
}

func (a *API) deleteSource(ctx context.Context, in *struct {
	SourceKey
	Waiting
},
) (*decided, error) {
	return &decided{in.done()}, a.Access.DropSource(author(ctx), in.Key)
}

func (a *API) pauseSource(ctx context.Context, in *struct {
	SourceKey
	Waiting
	Body struct {
		Paused bool `json:"paused"`
	}
},
) (*sourceAnswer, error) {
	s, err := a.Access.EditSource(author(ctx), in.Key, func(s *access.Source) { s.Paused = in.Body.Paused })
	if err != nil {
		return nil, err
	}
	out, err := answerSource(&s, http.StatusOK)
	out.Applied = in.done()
	return out, err
}

// SourceVersionView is a source as it was.
type SourceVersionView struct {
	Version int        `json:"version"`
	Author  string     `json:"author" doc:"Id of the key that changed it"`
	Source  SourceView `json:"source"`
}

func (a *API) sourceVersions(_ context.Context, in *struct {
	SourceKey
	Paging
},
) (*body[List[SourceVersionView]], error) {
	all, err := a.Access.SourceVersions(in.Key)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(all, func(v access.SourceVersion) string { return descending(v.Version) }, in.Paging)
	if err != nil {
		return nil, err
	}
	views := pipeline.Page[SourceVersionView]{Next: page.Next}
	for i := range page.Items {
		v, err := viewOf(&page.Items[i].Source)
		if err != nil {
			return nil, err
		}
		views.Items = append(views.Items, SourceVersionView{v.Version, page.Items[i].Author, v})
	}
	return &body[List[SourceVersionView]]{listOf(views)}, nil
}

func (a *API) rollbackSource(ctx context.Context, in *struct {
	SourceKey
	Waiting
	Body struct {
		Version int `json:"version" minimum:"1"`
	}
},
) (*sourceAnswer, error) {
	s, err := a.Access.RollBackSource(author(ctx), in.Key, in.Body.Version)
	if err != nil {
		return nil, err
	}
	out, err := answerSource(&s, http.StatusOK)
	out.Applied = in.done()
	return out, err
}

// SourceHealth is how a source does.
type SourceHealth struct {
	Status      string            `json:"status" enum:"disabled,paused,expired,silent,failing,quiet,healthy" doc:"silent: nothing ever came; failing: what came last was not understood; quiet: nothing came for a day"`
	Received    uint64            `json:"received" doc:"Events and bodies that came"`
	Rejected    map[string]uint64 `json:"rejected" doc:"Of them not taken, by reason"`
	DeadLetters map[string]uint64 `json:"dead_letters" doc:"Of them not understood, by reason"`
	First       *clock.Instant    `json:"first_received_at"`
	Last        *clock.Instant    `json:"last_received_at" doc:"The last sync"`
	LastTaken   *clock.Instant    `json:"last_accepted_at"`
	// Limits are there where the source or one of its write keys has some.
	Limits     *SourceLimits  `json:"limits,omitempty" doc:"How much of its limits is used; left out: it has none"`
	LastFailed *clock.Instant `json:"last_failed_at" doc:"When something last was not understood"`
}

func (a *API) seen(key string) (*access.Source, *observed.Source, error) {
	s := a.Access.Index().Source(key)
	if s == nil {
		return nil, nil, noSource(key)
	}
	o := a.Seen.Seen(key)
	if o == nil {
		o = &observed.Source{}
	}
	return s, o, nil
}

func (a *API) sourceHealth(_ context.Context, in *SourceKey) (*body[SourceHealth], error) {
	s, o, err := a.seen(in.Key)
	if err != nil {
		return nil, err
	}
	now := a.Clock.Now()
	at := func(t clock.Instant) *clock.Instant {
		if t == 0 {
			return nil
		}
		return &t
	}
	h := SourceHealth{
		Received: o.Received, Rejected: o.Rejected, DeadLetters: o.Dead,
		First: at(o.First), Last: at(o.Last), LastTaken: at(o.LastGood), LastFailed: at(o.LastBad),
	}
	if h.Rejected == nil {
		h.Rejected = map[string]uint64{}
	}
	if h.DeadLetters == nil {
		h.DeadLetters = map[string]uint64{}
	}
	h.Status, h.Limits = SourceStatus(s, o, now), a.sourceLimits(s)
	return &body[SourceHealth]{h}, nil
}

// SourceLimits is how much of its limits a source has used.
type SourceLimits struct {
	Source *quota.LimitUse `json:"source,omitempty" doc:"Of the source's own; left out: it has none"`
	Keys   []KeyLimits     `json:"write_keys" nullable:"false" doc:"Of the keys that have some or share the source's"`
}

// KeyLimits is how much a write key has used.
type KeyLimits struct {
	Key string `json:"key"`
	quota.LimitUse
}

func (a *API) sourceLimits(s *access.Source) *SourceLimits {
	out := &SourceLimits{Keys: []KeyLimits{}}
	if use, ok := a.Quota.Source(s.Key); ok {
		out.Source = &use
	}
	for _, k := range s.WriteKeys {
		if use, ok := a.Quota.Key(k.Key, s.Key); ok {
			out.Keys = append(out.Keys, KeyLimits{k.Key, use})
		}
	}
	if out.Source == nil && len(out.Keys) == 0 {
		return nil
	}
	return out
}

// SourceStatus says in a word how a source does; o may be nil: nothing came.
func SourceStatus(s *access.Source, o *observed.Source, now clock.Instant) string {
	until := s.ThirdParty.Until()
	switch {
	case s.Disabled:
		return "disabled"
	case s.Paused:
		return "paused"
	case until != 0 && now >= until:
		return "expired"
	case o == nil || o.Last == 0:
		return "silent"
	case o.LastBad > o.LastGood:
		return "failing"
	case now.Sub(o.Last) > 24*time.Hour:
		return "quiet"
	}
	return "healthy"
}

func (a *API) sourceEvents(_ context.Context, in *struct {
	SourceKey
	Paging
},
) (*body[List[observed.EventView]], error) {
	_, o, err := a.seen(in.Key)
	if err != nil {
		return nil, err
	}
	key := func(v observed.EventView) string { return observed.Name{Type: v.Type, Name: v.Name}.Key() }
	page, err := pageOf(o.View(), key, in.Paging)
	if err != nil {
		return nil, err
	}
	return &body[List[observed.EventView]]{listOf(page)}, nil
}

// PlanReport holds what came against the plan.
type PlanReport struct {
	Plan    string           `json:"plan"`
	Version int              `json:"version" doc:"The live version; 0: none is live, and nothing is asked"`
	Events  []PlanReportItem `json:"events" nullable:"false"`
}

// PlanReportItem is one kind of event.
type PlanReportItem struct {
	Type       string            `json:"type"`
	Name       string            `json:"name,omitempty"`
	Planned    bool              `json:"planned"`
	Observed   uint64            `json:"observed" doc:"How many were taken; 0: planned and never seen"`
	Violations uint64            `json:"violations" doc:"How many did not fit, taken or not"`
	Blocked    uint64            `json:"blocked" doc:"How many were refused for it"`
	Rules      map[string]uint64 `json:"rules" doc:"What they broke: where, and the keyword of JSON Schema"`
	Unplanned  []string          `json:"unplanned_members" nullable:"false" doc:"Members that came and the schema does not speak of"`
	Unseen     []string          `json:"unseen_members" nullable:"false" doc:"Members of the schema that never came"`
}

func (a *API) planReport(ctx context.Context, in *SourceKey) (*body[PlanReport], error) {
	s, o, err := a.seen(in.Key)
	if err != nil {
		return nil, err
	}
	if s.TrackingPlan == "" {
		return nil, fault.Errorf(fault.NotFound, "no_plan", "source %q has no tracking plan: name one in its tracking_plan", in.Key)
	}
	out := PlanReport{Plan: s.TrackingPlan, Events: []PlanReportItem{}}
	p := &plan.Plan{}
	if v := a.Spine.Definitions().Get(definition.TrackingPlan, s.TrackingPlan).Live(); v != nil {
		d, err := a.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
		if err != nil {
			return nil, err
		}
		if p, err = plan.Parse(d.Document); err != nil {
			return nil, err
		}
		out.Version = v.Version
	}
	names := map[observed.Name]bool{}
	p.Names(func(kind, name string) { names[observed.Name{Type: kind, Name: name}] = true })
	for _, e := range o.Events {
		names[e.Name] = true
	}
	for _, v := range o.Violations {
		names[v.Name] = true
	}
	for n := range names {
		out.Events = append(out.Events, reportOf(p, o, n))
	}
	slices.SortFunc(out.Events, func(x, y PlanReportItem) int { return compareText(x.Type+" "+x.Name, y.Type+" "+y.Name) })
	return &body[PlanReport]{out}, nil
}

func reportOf(p *plan.Plan, o *observed.Source, n observed.Name) PlanReportItem {
	item := PlanReportItem{Type: n.Type, Name: n.Name, Planned: p.Knows(n.Type, n.Name), Rules: map[string]uint64{}, Unplanned: []string{}, Unseen: []string{}}
	if v := o.Violations[n.Key()]; v != nil {
		item.Violations, item.Blocked = v.Count, v.Blocked
		for rule, count := range v.Rules {
			item.Rules[rule] = count
		}
	}
	e := o.Events[n.Key()]
	if e != nil {
		item.Observed = e.Count
	}
	members, ok := p.Members(n.Type, n.Name)
	if !ok || e == nil {
		return item
	}
	for path := range e.Fields {
		if topLevel(path) && !slices.Contains(members, path) {
			item.Unplanned = append(item.Unplanned, path)
		}
	}
	for _, m := range members {
		if e.Fields[m] == nil {
			item.Unseen = append(item.Unseen, m)
		}
	}
	slices.Sort(item.Unplanned)
	return item
}
