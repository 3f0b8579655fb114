package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/event/observed"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/retention"
	"rapport/internal/segment/condition"
)

// fake is a spine that remembers what it was asked and answers what a test
// gave it.
type fake struct {
	commands []pipeline.Command
	timeline pipeline.TimelineQuery
	ref      string
	err      error // of every call
	late     bool  // WaitApplied runs into its deadline
	waited   int
	replayed []string
	index    *definition.Index
	defined  map[string][]byte          // documents by kind, key and version
	disputed *profile.Partial           // what Conflicts and SamplePeople speak of
	broken   bool                       // Timeline gives what is no JSON
	traits   map[string]json.RawMessage // of whoever Profile is asked for
	found    []pipeline.ProfileSummary  // by Search
}

// fakeBackups has one.
type fakeBackups struct{}

func (fakeBackups) Plan() BackupPlan {
	return BackupPlan{Possible: true, Place: "/backups", Every: "24h0m0s"}
}

func (fakeBackups) List() ([]BackupView, error) {
	return []BackupView{{ID: "dl_1", Place: "/backups", Made: 1, Expires: 2, ErasedSince: 1}}, nil
}

// fakeTracker takes every second body.
type fakeTracker struct{}

func (fakeTracker) Track(_ context.Context, _ string, bodies [][]byte) ([]error, pipeline.Receipt, error) {
	failed := make([]error, len(bodies))
	for i := 1; i < len(bodies); i += 2 {
		failed[i] = fault.Errorf(fault.Invalid, "missing_identifier", "nobody")
	}
	return failed, pipeline.Receipt{}, nil
}

func (fakeTracker) Read(string, []byte) (*pipeline.Arrival, error) { return &pipeline.Arrival{}, nil }

// fakeWebhooks keeps definitions as they are and takes one event of each body.
type fakeWebhooks struct{}

func (fakeWebhooks) Check(document, _ []byte) ([]byte, error) { return document, nil }
func (fakeWebhooks) Show(document []byte) ([]byte, error)     { return document, nil }
func (fakeWebhooks) Try([]byte, []byte, clock.Instant) ([]map[string]any, error) {
	return []map[string]any{{"type": "track"}}, nil
}

func (fakeWebhooks) There(context.Context, string) error { return nil }

func (fakeWebhooks) Receive(r *http.Request, _ string, _ []byte) (WebhookTaken, pipeline.Receipt, error) {
	if r.Header.Get("X-Bad") != "" {
		return WebhookTaken{}, pipeline.Receipt{}, fault.Errorf(fault.Unauthenticated, "invalid_signature", "no")
	}
	return WebhookTaken{Events: 1}, pipeline.Receipt{}, nil
}

// fakeSnippets know how a page loads the library.
type fakeSnippets struct{}

func (fakeSnippets) Snippet(writeKey, base string) (*WebSnippet, error) {
	return &WebSnippet{WriteKey: writeKey, URL: base + "rapport.js"}, nil
}

// fakeSeen saw one event of the default source.
type fakeSeen struct{}

func (fakeSeen) Seen(source string) *observed.Source {
	if source != access.DefaultSource {
		return nil
	}
	doc, err := jsondoc.Parse([]byte(`{"total":12.5,"note":"x"}`), jsondoc.DefaultLimits())
	if err != nil {
		panic(err)
	}
	o := &observed.Source{}
	o.Take(1)
	o.LastGood = 1
	o.Named(observed.Name{Type: "track", Name: "Order Completed"}).See(doc.Root(), 1, "", id.Key{})
	return o
}

// Preview finds one of four people.
func (f *fake) PreviewCount(context.Context, string, time.Duration) (*pipeline.PreviewCount, error) {
	return &pipeline.PreviewCount{}, nil
}

func (f *fake) Preview(context.Context, *condition.Node, pipeline.PreviewOptions) (*pipeline.Preview, error) {
	return &pipeline.Preview{
		Total: 1, People: 4, Share: 0.25, Exact: true, Interval: [2]int{1, 1}, Coverage: 1,
		Steps: []pipeline.PreviewStep{}, Samples: []pipeline.ProfileSummary{}, Overlap: []pipeline.PreviewOverlap{},
	}, f.err
}

// disputed says the trait city twice as Ulm on the web and once, later, as
// Bonn in the shop.
func disputed() *profile.Partial {
	p := profile.New()
	for i, said := range [][2]string{{"web", "Ulm"}, {"web", "Ulm"}, {"shop", "Bonn"}} {
		doc, err := jsondoc.Parse(fmt.Appendf(nil, `{"city":%q,"email":"ada@example.org"}`, said[1]), jsondoc.DefaultLimits())
		if err != nil {
			panic(err)
		}
		at := clock.Instant(1_700_000_000_000_000 + i)
		p.Fold(&event.Event{
			Type: event.Identify, MessageID: fmt.Sprint(i), Time: at, ReceivedAt: at, Source: said[0],
			Identifiers: []event.Identifier{{Namespace: event.UserID, Value: "1"}}, Traits: doc.Root(),
		}, profile.Input{Short: uint64(i)})
	}
	return p
}

const fakeModel = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Fake" namespace="urn:fake">` +
	`<decision id="d" name="Answer"><variable name="Answer" typeRef="number"/><literalExpression><text>42</text></literalExpression></decision></definitions>`

// Definitions has a model under the key of the default source: a draft and a
// live version.
func (f *fake) Floors() []retention.Floor {
	return []retention.Floor{{Policy: "pages", Types: []string{"page"}, Before: clock.Instant(1)}}
}

func (f *fake) Definitions() *definition.Index {
	if f.index == nil {
		f.index, f.defined = &definition.Index{}, map[string][]byte{}
		for _, status := range []definition.Status{definition.Draft, definition.Live} {
			if _, err := f.Define(context.Background(), definition.Command{
				Kind: definition.DecisionModel, Key: access.DefaultSource, Status: status, Document: []byte(fakeModel),
			}); err != nil {
				panic(err)
			}
		}
		for _, kind := range []definition.Kind{definition.Segment, definition.ComputedTrait, definition.Affinity} {
			for _, status := range []definition.Status{definition.Draft, definition.Live} {
				if _, err := f.Define(context.Background(), definition.Command{
					Kind: kind, Key: access.DefaultSource, Status: status, Document: []byte(`{"name":"x"}`),
				}); err != nil {
					panic(err)
				}
			}
		}
		if _, err := f.Define(context.Background(), definition.Command{
			Kind: definition.DataConnection, Key: access.DefaultSource, Status: definition.Live, Document: []byte(`{"url":"https://example.com/"}`),
		}); err != nil {
			panic(err)
		}
		if _, err := f.Define(context.Background(), definition.Command{
			Kind: definition.ImportPull, Key: access.DefaultSource, Status: definition.Live, Document: []byte(`{"every":"1h","folder":{"path":"/in"}}`),
		}); err != nil {
			panic(err)
		}
		if _, err := f.Define(context.Background(), definition.Command{
			Kind: definition.ImportMapping, Key: access.DefaultSource, Status: definition.Live, Document: []byte(`{"kind":"user","columns":[{"column":"Nr","to":"user_id"}]}`),
		}); err != nil {
			panic(err)
		}
	}
	return f.index
}

func (f *fake) Definition(_ context.Context, kind definition.Kind, key string, version int) (definition.Definition, error) {
	v := f.Definitions().Get(kind, key).At(version)
	if v == nil {
		return definition.Definition{}, fault.Errorf(fault.NotFound, "version_not_found", "no version")
	}
	return definition.Definition{Version: *v, Document: f.defined[fmt.Sprint(kind, key, version)]}, f.err
}

func (f *fake) Define(_ context.Context, c definition.Command) (pipeline.Defined, error) {
	fact, err := f.Definitions().Get(c.Kind, c.Key).Decide(c)
	if err != nil {
		return pipeline.Defined{}, err
	}
	if fact.RollbackOf != 0 {
		fact.Document = f.defined[fmt.Sprint(c.Kind, c.Key, fact.RollbackOf)]
	}
	s, _, err := f.index.Get(c.Kind, c.Key).Apply(&fact)
	if err != nil {
		return pipeline.Defined{}, err
	}
	f.index = f.index.With(s)
	if fact.Document != nil {
		f.defined[fmt.Sprint(c.Kind, c.Key, fact.Version)] = fact.Document
	}
	return pipeline.Defined{Version: *s.At(fact.Version)}, f.err
}

func (f *fake) People(context.Context, string, int) (pipeline.Page[string], error) {
	return pipeline.Page[string]{Items: []string{"p1"}}, f.err
}

func (f *fake) Keep(context.Context, []pipeline.Keepsake) (pipeline.Receipt, error) {
	return pipeline.Receipt{}, f.err
}

func (f *fake) Decision(context.Context, string) (*kept.Decision, error) {
	return &kept.Decision{Head: kept.Head{Model: access.DefaultSource, Version: 2}, Values: []feel.Entry{{Key: "Answer", Value: feel.Int(42)}}}, f.err
}

func (f *fake) Decisions(_ context.Context, q pipeline.DecisionQuery) (pipeline.Page[kept.Head], error) {
	f.ref = fmt.Sprintf("%+v", q)
	return pipeline.Page[kept.Head]{Items: []kept.Head{{Model: "m", Version: 2}}}, f.err
}

func (f *fake) EachDecision(ctx context.Context, _ pipeline.DecisionQuery, visit func(*kept.Decision) error) error {
	d, err := f.Decision(ctx, "")
	if err != nil {
		return err
	}
	return visit(d)
}

func (f *fake) PurgeDecisions(context.Context) (int, error) { return 0, f.err }

func (f *fake) Profile(_ context.Context, ref string, _ pipeline.ProfileOptions) (*profile.View, error) {
	f.ref = ref
	return &profile.View{Traits: f.traits}, f.err
}

func (f *fake) ProfileRules(context.Context) (*profile.Rules, error) { return nil, f.err }

// SamplePeople visits one person: of two sources that disagree, the one said
// more, the other said it last.
func (f *fake) SamplePeople(_ context.Context, _ int, visit func(id string, partials []*profile.Partial)) (bool, error) {
	visit("p_1", []*profile.Partial{f.disputed})
	return true, f.err
}

func (f *fake) Conflicts(_ context.Context, ref string, all bool) ([]profile.Conflict, error) {
	f.ref = ref
	return profile.Conflicts([]*profile.Partial{f.disputed}, profile.Options{}, all), f.err
}

func (f *fake) Timeline(_ context.Context, ref string, q pipeline.TimelineQuery) (pipeline.Page[profile.Item], error) {
	f.ref, f.timeline = ref, q
	if f.broken {
		return pipeline.Page[profile.Item]{Items: []profile.Item{{Properties: json.RawMessage(`{"a":`)}}}, f.err
	}
	return pipeline.Page[profile.Item]{Items: []profile.Item{{MessageID: "m1", Type: "track", Properties: json.RawMessage(`{"a":1}`)}}, Next: "c2"}, f.err
}

func (f *fake) Identity(_ context.Context, ref string) (*pipeline.IdentityView, error) {
	f.ref = ref
	return &pipeline.IdentityView{}, f.err
}

func (f *fake) Search(_ context.Context, q pipeline.SearchQuery) (pipeline.Found, error) {
	f.ref = q.Query
	return pipeline.Found{Page: pipeline.Page[pipeline.ProfileSummary]{Items: f.found}, Coverage: 0.75}, f.err
}

type thing struct {
	ID string `json:"id"`
}

func (f *fake) Entity(_ context.Context, _ catalog.Kind, id string) (pipeline.Stored, error) {
	return pipeline.Stored{View: thing{id}, ETag: `"e1"`}, f.err
}

func (f *fake) Objects(context.Context, string, string, int) (pipeline.Page[pipeline.Stored], error) {
	return pipeline.Page[pipeline.Stored]{Items: []pipeline.Stored{{View: &catalog.ObjectView{ID: "1", Type: "ticket", Fields: map[string]json.RawMessage{}}, ETag: `"e1"`}}}, f.err
}

func (f *fake) Entities(context.Context, catalog.Kind, string, int) (pipeline.Page[pipeline.Stored], error) {
	return pipeline.Page[pipeline.Stored]{Items: []pipeline.Stored{{View: thing{"a"}}, {View: thing{"b"}}}, Next: "more"}, f.err
}

func (f *fake) Change(_ context.Context, c pipeline.Command) (pipeline.Outcome, error) {
	f.commands = append(f.commands, c)
	return pipeline.Outcome{Stored: pipeline.Stored{View: thing{c.ID}, ETag: `"e2"`}, Created: c.Op == catalog.Put}, f.err
}

func (f *fake) DeadLetters(_ context.Context, q pipeline.DeadLetterQuery) (pipeline.Page[pipeline.DeadLetterView], error) {
	return pipeline.Page[pipeline.DeadLetterView]{Items: []pipeline.DeadLetterView{{ID: "dl_1", Reason: q.Reason}, {ID: "dl_2"}}}, f.err
}

func (f *fake) DeadLetter(_ context.Context, id string) (pipeline.DeadLetterView, error) {
	return pipeline.DeadLetterView{ID: id, Body: "{"}, f.err
}

func (f *fake) ReplayDeadLetter(_ context.Context, id string) (pipeline.Receipt, error) {
	if id == "dl_2" {
		return pipeline.Receipt{}, fault.Errorf(fault.Conflict, "still_invalid", "still broken")
	}
	f.replayed = append(f.replayed, id)
	return pipeline.Receipt{Position: 7}, f.err
}

func (f *fake) DiscardDeadLetter(context.Context, string) (pipeline.Receipt, error) {
	return pipeline.Receipt{}, f.err
}

func (f *fake) Accounting(context.Context) (pipeline.Accounting, error) {
	return pipeline.Accounting{Received: 3, Stored: 2, Rejected: 1, Reasons: map[string]uint64{"invalid": 1}}, f.err
}

func (f *fake) WaitApplied(ctx context.Context, _ pipeline.Receipt) error {
	f.waited++
	if f.late {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (f *fake) RequestPrivacy(_ context.Context, c pipeline.PrivacyCommand) (pipeline.PrivacyRequest, error) {
	return pipeline.PrivacyRequest{ID: "pr_1", Type: c.Type, State: "queued", Author: c.Author, Identifiers: len(c.Refs)}, f.err
}

func (f *fake) Permit(context.Context, string, []pipeline.Use, clock.Instant) (*pipeline.Permission, error) {
	return &pipeline.Permission{Allowed: true, Reason: consent.ReasonGranted}, f.err
}

func (f *fake) SuppressionLists() []pipeline.SuppressionView {
	return []pipeline.SuppressionView{{SuppressionList: consent.SuppressionList{Key: access.DefaultSource, Name: "x"}}}
}

func (f *fake) PutSuppressionList(context.Context, consent.SuppressionList) (bool, pipeline.Receipt, error) {
	return false, pipeline.Receipt{}, f.err
}

func (f *fake) DropSuppressionList(context.Context, string) (pipeline.Receipt, error) {
	return pipeline.Receipt{}, f.err
}

func (f *fake) Suppress(context.Context, string, pipeline.SuppressionOp, []byte) (pipeline.SuppressionResult, pipeline.Receipt, error) {
	return pipeline.SuppressionResult{Refused: []pipeline.RefusedContact{}}, pipeline.Receipt{}, f.err
}

func (f *fake) Suppressions(string, string, int) (pipeline.Page[pipeline.SuppressionEntry], error) {
	return pipeline.Page[pipeline.SuppressionEntry]{}, f.err
}

func (f *fake) SuppressedOn(context.Context, string, *consent.SuppressedContact) ([]pipeline.SuppressedOn, error) {
	return []pipeline.SuppressedOn{}, f.err
}

func (f *fake) Privacy(_ context.Context, id string) (pipeline.PrivacyRequest, error) {
	return pipeline.PrivacyRequest{ID: id, Type: "access", State: "done"}, f.err
}

func (f *fake) PrivacyRequests(context.Context, string, int) (pipeline.Page[pipeline.PrivacyRequest], error) {
	return pipeline.Page[pipeline.PrivacyRequest]{Items: []pipeline.PrivacyRequest{{ID: "pr_1"}}}, f.err
}

func (f *fake) ExportPrivacy(_ context.Context, _ string, give pipeline.Exported) error {
	if f.err != nil {
		return f.err
	}
	return give("profiles.jsonl", map[string]string{"id": "p"})
}

func (f *fake) ForgetPrivacy(context.Context, string) error { return f.err }

func (f *fake) Consent(context.Context, string) (pipeline.Consent, error) {
	return pipeline.Consent{Now: []pipeline.ConsentWord{}, History: []pipeline.ConsentWord{}}, f.err
}

func (f *fake) SetConsent(context.Context, pipeline.ConsentCommand) (pipeline.Receipt, error) {
	return pipeline.Receipt{}, f.err
}

func (f *fake) SegmentCheck(definition.Kind, string, []byte) error { return f.err }

func (f *fake) SegmentState(definition.Kind, string) pipeline.SegmentState {
	return pipeline.SegmentState{Progress: 1}
}

func (f *fake) SegmentUsers(definition.Kind, string) []string { return nil }

func (f *fake) SegmentProfiles(context.Context, string, string, int, bool) (pipeline.Page[pipeline.MemberProfile], error) {
	return pipeline.Page[pipeline.MemberProfile]{}, f.err
}

func (f *fake) SegmentMembers(context.Context, string, string, int) (pipeline.Page[pipeline.SegmentMember], error) {
	return pipeline.Page[pipeline.SegmentMember]{}, f.err
}

func (f *fake) SegmentHistory(context.Context, string, pipeline.SizeSpan) ([]pipeline.SegmentSize, error) {
	return nil, f.err
}

func (f *fake) PersonSegments(_ context.Context, ref, _ string) (*pipeline.PersonSegments, error) {
	return &pipeline.PersonSegments{ID: ref, Items: []pipeline.Standing{}, Others: []pipeline.Standing{}, History: []pipeline.Passage{}}, f.err
}

func (f *fake) SayIdentity(_ context.Context, c pipeline.FactCommand) (identity.Fact, pipeline.Receipt, error) {
	return identity.Fact{ID: "f1", Op: c.Op, A: c.A, B: c.B, Actor: c.Actor, Note: c.Note}, pipeline.Receipt{}, f.err
}

func (f *fake) WithdrawFact(_ context.Context, id, actor string) (identity.Fact, pipeline.Receipt, error) {
	return identity.Fact{ID: id, Actor: actor, Withdrawn: true}, pipeline.Receipt{}, f.err
}

func (f *fake) IdentityFacts() []identity.Fact { return []identity.Fact{{ID: "f1", Time: 1}} }

func (f *fake) IdentityAudit(context.Context, string, int) (pipeline.Page[pipeline.AuditEntry], error) {
	return pipeline.Page[pipeline.AuditEntry]{Items: []pipeline.AuditEntry{{ID: "a1"}}}, f.err
}

func (f *fake) IdentityState() pipeline.IdentityState { return pipeline.IdentityState{Applied: true} }

func (f *fake) PreviewRules(context.Context, *identity.Rules) (*graph.IdentityPreview, error) {
	return &graph.IdentityPreview{}, f.err
}

// fakeLake is an empty lake, set up or not yet.
type fakeLake struct{ unwritten bool }

func (fakeLake) State() LakeState {
	return LakeState{Target: "/lake", Objects: []LakeObject{}}
}

func (f fakeLake) Readable() bool { return !f.unwritten }

func (fakeLake) Views() string { return "SELECT 1;" }

// Rules, Results, Taken and GiveBack: of what is offered there is nothing.
func (f *fake) Rules() *identity.Rules {
	rules := identity.DefaultRules()
	return &rules
}

func (f *fake) Results(context.Context, string) ([]pipeline.Result, error) { return nil, nil }

func (f *fake) Taken(context.Context, string) (int64, error) { return 0, nil }

func (f *fake) GiveBack(context.Context, string, int64, string) (pipeline.Receipt, error) {
	return pipeline.Receipt{}, nil
}
