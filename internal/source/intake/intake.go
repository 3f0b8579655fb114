// Package intake holds what comes in against the rules of its source, before it
// gets into the log: whether the source is paused, its licence over, a robot at
// work, the person in the sample, the event in the tracking plan. What follows
// from how an event came is worked out here, once. It sums up what came, in
// memory and a file. It never stores an event and never reads a profile. START
// READING at Take.
package intake

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/enrich"
	"rapport/internal/event"
	"rapport/internal/event/observed"
	"rapport/internal/event/plan"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/policy"
	"rapport/internal/store"
)

// The reasons why an event is not taken.
const (
	ReasonPaused  = "source_paused"
	ReasonExpired = "licence_expired"
	ReasonBot     = "bot"
	ReasonSampled = "sampled"
)

// Config is what an intake needs.
type Config struct {
	Sources *access.Register
	Clock   clock.Clock
	// Plan gives the live version of a tracking plan; nil where there is none.
	Plan func(key string) *plan.Plan
	// Locate finds the place of an address; nil: none is looked for.
	Locate func(netip.Addr) (enrich.Place, bool)
	// Refused hears of each event that is not taken; nil: nobody does.
	Refused func(ctx context.Context, e *event.Event, reason string)
}

// Intake is safe for concurrent use.
type Intake struct {
	Config
	finder enrich.Finder
	rules  atomic.Pointer[ruleSet]

	mu      sync.Mutex
	seen    map[string]*observed.Source
	changed bool
}

// New makes an intake that has seen nothing.
func New(c Config) *Intake { return &Intake{Config: c, seen: map[string]*observed.Source{}} }

// ruleSet is the rules of all sources, compiled from one version of the access
// document.
type ruleSet struct {
	of       *access.Index
	bySource map[string]*rule
}

// rule is what becomes of the events of a source.
type rule struct {
	key     string
	refuse  string        // the reason why nothing is taken; empty: it is
	until   clock.Instant // end of a licence; zero: none
	sample  uint64        // share of people in millionths
	robots  string
	options enrich.Options
	plan    string
}

// everybody is the whole of a sample.
const everybody = 1_000_000

func (in *Intake) compiled() *ruleSet {
	index := in.Sources.Index()
	if r := in.rules.Load(); r != nil && r.of == index {
		return r
	}
	r := &ruleSet{of: index, bySource: map[string]*rule{}}
	for i := range index.Document().Sources {
		s := &index.Document().Sources[i]
		r.bySource[s.Key] = in.compile(s)
	}
	in.rules.Store(r)
	return r
}

func (in *Intake) compile(s *access.Source) *rule {
	r := &rule{key: s.Key, until: s.ThirdParty.Until(), sample: everybody, robots: s.Robots, plan: s.TrackingPlan}
	if s.Paused {
		r.refuse = ReasonPaused
	}
	if s.Sample != nil {
		r.sample = uint64(*s.Sample)
	}
	if r.robots == "" {
		r.robots = access.RobotsRefuse
	}
	r.options = enrich.Options{
		UserAgent: s.Enriches(access.EnrichUserAgent), Campaign: s.Enriches(access.EnrichCampaign), Locale: s.Enriches(access.EnrichLocale),
		PointOfSale: s.PointOfSale, Currency: s.Currency,
	}
	if s.Enriches(access.EnrichGeo) {
		r.options.Locate = in.Locate
	}
	return r
}

// Take decides on each event of a submission. What is not taken is counted in
// it as rejected; beside what is taken stands what was derived.
func (in *Intake) Take(ctx context.Context, s *pipeline.Submission) error {
	t := taking{Intake: in, rules: in.compiled(), languages: languagesOf(ctx), at: s.Received}
	if t.at == 0 {
		t.at = in.Clock.Now()
	}
	said := make([]outcome, len(s.Events))
	for i := range s.Events {
		said[i] = t.decide(&s.Events[i])
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	kept := s.Events[:0]
	for i := range s.Events {
		a := &s.Events[i]
		t.count(a, &said[i])
		if said[i].reason == "" {
			kept = append(kept, *a)
		} else if in.Refused != nil {
			in.Refused(ctx, a.Event, said[i].reason)
		}
	}
	s.Events = kept
	t.letters(s)
	s.Rejected = append(s.Rejected, t.rejected...)
	return nil
}

// letters lets those bodies be kept that a source may send.
func (t *taking) letters(s *pipeline.Submission) {
	dead := s.Dead[:0]
	for i := range s.Dead {
		d := &s.Dead[i]
		r := t.rule(d.Envelope.Source)
		if r == nil {
			dead = append(dead, *d)
			continue
		}
		seen := t.of(r.key)
		seen.Take(t.at)
		if reason := t.refusal(r); reason != "" {
			t.reject(seen, reason)
			continue
		}
		seen.LastBad = t.at
		seen.Bury(d.Reason)
		dead = append(dead, *d)
	}
	s.Dead = dead
}

// outcome is what becomes of an event.
type outcome struct {
	rule    *rule  // nil: none
	reason  string // why it is not taken; empty: it is
	verdict plan.Verdict
	judged  bool // there is something to say of the verdict
}

// taking is one call of Take.
type taking struct {
	*Intake
	rules     *ruleSet
	last      *rule // of the event before: mostly all are of one source
	source    *observed.Source
	languages string
	at        clock.Instant
	rejected  []store.Count
}

func (t *taking) rule(source string) *rule {
	if t.last == nil || t.last.key != source {
		t.last = t.rules.bySource[source]
	}
	return t.last
}

// refusal is why a source's bodies are not taken at all; empty: they are.
func (t *taking) refusal(r *rule) string {
	switch {
	case r.refuse != "":
		return r.refuse
	case r.until != 0 && t.at >= r.until:
		return ReasonExpired
	}
	return ""
}

// decide looks at one event, and writes beside it what is derived.
func (t *taking) decide(a *pipeline.Arrival) (out outcome) {
	r := t.rule(a.Envelope.Source)
	if r == nil || a.Envelope.Dialect == consent.Dialect || a.Envelope.Dialect == policy.Dialect {
		return out // not of a source of ours: a word of the API, or made at the door
	}
	out.rule = r
	if out.reason = t.refusal(r); out.reason != "" {
		return out
	}
	if r.sample < everybody && draw(a.Event) >= r.sample {
		out.reason = ReasonSampled
		return out
	}
	found, robot := t.finder.Find(a.Event, &a.Envelope, &r.options, t.languages)
	if robot && r.robots == access.RobotsRefuse && !a.Envelope.Historical {
		out.reason = ReasonBot
		return out
	}
	if r.plan != "" {
		out.judge(t.Plan(r.plan), a.Event)
	}
	if out.reason == "" && (!robot || r.robots == access.RobotsMark) {
		a.Envelope.Derived, a.Event.Derived = found.Record, found.Context
	}
	return out
}

// judge holds an event against a plan, of which perhaps no version is live.
func (o *outcome) judge(p *plan.Plan, e *event.Event) {
	if p == nil {
		return
	}
	o.verdict = p.Judge(e.Type.String(), e.Name, membersOf(e).Raw())
	o.judged = !o.verdict.Fits() && o.verdict.Mode != plan.Allow
	if o.judged && o.verdict.Mode == plan.Block {
		o.reason = plan.Reason
	}
}

// count notes what became of an event.
func (t *taking) count(a *pipeline.Arrival, o *outcome) {
	if o.rule == nil {
		return
	}
	seen := t.of(o.rule.key)
	seen.Take(t.at)
	if o.judged {
		seen.Violate(nameOf(a.Event), o.verdict.Rules, o.reason != "", t.at)
	}
	if o.reason != "" {
		t.reject(seen, o.reason)
		return
	}
	seen.LastGood = t.at
	if e := seen.Named(nameOf(a.Event)); e != nil {
		e.See(membersOf(a.Event), t.at, a.Event.MessageID, a.Event.Anchor().Key())
	} else {
		seen.Beyond++
	}
}

// draw is a person's place among a million, the same for each of its events.
func draw(e *event.Event) uint64 {
	k := e.Anchor().Key()
	// Behind the bytes that choose the bucket.
	n := uint64(k[8])<<24 | uint64(k[9])<<16 | uint64(k[10])<<8 | uint64(k[11])
	return n % everybody
}

// of gives what was seen of a source, and says that it changes.
func (t *taking) of(source string) *observed.Source {
	t.changed = true
	if t.source != nil && t.seen[source] == t.source {
		return t.source
	}
	s := t.seen[source]
	if s == nil {
		s = &observed.Source{}
		t.seen[source] = s
	}
	t.source = s
	return s
}

func nameOf(e *event.Event) observed.Name { return observed.Name{Type: e.Type.String(), Name: e.Name} }

// membersOf are the members that a schema of the event speaks of.
func membersOf(e *event.Event) jsondoc.Value {
	if e.Type == event.Identify || e.Type == event.Group {
		return e.Traits
	}
	return e.Properties
}

func (t *taking) reject(seen *observed.Source, reason string) {
	seen.Reject(reason, 1)
	for i := range t.rejected {
		if t.rejected[i].Reason == reason {
			t.rejected[i].N++
			return
		}
	}
	t.rejected = append(t.rejected, store.Count{Reason: reason, N: 1})
}

type languagesKey struct{}

// WithLanguages notes what a request says of the languages of its reader, the
// header Accept-Language.
func WithLanguages(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, languagesKey{}, header)
}

func languagesOf(ctx context.Context) string {
	s, _ := ctx.Value(languagesKey{}).(string)
	return s
}
