package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/decider"
	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/graph"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/predict"
	"rapport/internal/profile"
	"rapport/internal/retention"
	"rapport/internal/segment/condition"
)

// Spine is what the API asks of the pipeline. Errors are faults where the
// caller can do something about them.
type Spine interface {
	everybody
	entities
	post
	accounts
	defined
	decisions
	rights
}

// defined is what people define, and what follows from it for everybody.
type defined interface {
	definitions
	segments
	previewer
	offered
}

// rights are what people may ask for about themselves.
type rights interface {
	privacy
	consents
	identities
	suppressions
	Floors() []retention.Floor
}

// suppressions are who must not be contacted.
type suppressions interface {
	SuppressionLists() []pipeline.SuppressionView
	PutSuppressionList(ctx context.Context, l consent.SuppressionList) (made bool, r pipeline.Receipt, err error)
	DropSuppressionList(ctx context.Context, key string) (pipeline.Receipt, error)
	Suppress(ctx context.Context, list string, op pipeline.SuppressionOp, body []byte) (pipeline.SuppressionResult, pipeline.Receipt, error)
	Suppressions(list, cursor string, limit int) (pipeline.Page[pipeline.SuppressionEntry], error)
	SuppressedOn(ctx context.Context, ref string, c *consent.SuppressedContact) ([]pipeline.SuppressedOn, error)
}

// identities are what operators say of who is who, and how the rules stand.
type identities interface {
	SayIdentity(ctx context.Context, c pipeline.FactCommand) (identity.Fact, pipeline.Receipt, error)
	WithdrawFact(ctx context.Context, id, actor string) (identity.Fact, pipeline.Receipt, error)
	IdentityFacts() []identity.Fact
	IdentityAudit(ctx context.Context, cursor string, limit int) (pipeline.Page[pipeline.AuditEntry], error)
	IdentityState() pipeline.IdentityState
	PreviewRules(ctx context.Context, rules *identity.Rules) (*graph.IdentityPreview, error)
}

type consents interface {
	Consent(ctx context.Context, ref string) (pipeline.Consent, error)
	SetConsent(ctx context.Context, c pipeline.ConsentCommand) (pipeline.Receipt, error)
}

// segments are evaluated for everybody, and so are computed traits and
// affinities.
type segments interface {
	SegmentCheck(kind definition.Kind, key string, doc []byte) error
	SegmentState(kind definition.Kind, key string) pipeline.SegmentState
	SegmentUsers(kind definition.Kind, key string) []string
	SegmentProfiles(ctx context.Context, key, cursor string, limit int, computed bool) (pipeline.Page[pipeline.MemberProfile], error)
	SegmentMembers(ctx context.Context, key, cursor string, limit int) (pipeline.Page[pipeline.SegmentMember], error)
	SegmentHistory(ctx context.Context, key string, s pipeline.SizeSpan) ([]pipeline.SegmentSize, error)
	PersonSegments(ctx context.Context, ref, key string) (*pipeline.PersonSegments, error)
}

type previewer interface {
	Preview(ctx context.Context, n *condition.Node, o pipeline.PreviewOptions) (*pipeline.Preview, error)
	PreviewCount(ctx context.Context, countID string, patience time.Duration) (*pipeline.PreviewCount, error)
}

// accounts say what is in, and when it can be read.
type accounts interface {
	ledger
	barrier
}

type privacy interface {
	RequestPrivacy(ctx context.Context, c pipeline.PrivacyCommand) (pipeline.PrivacyRequest, error)
	Privacy(ctx context.Context, id string) (pipeline.PrivacyRequest, error)
	PrivacyRequests(ctx context.Context, cursor string, limit int) (pipeline.Page[pipeline.PrivacyRequest], error)
	ExportPrivacy(ctx context.Context, id string, give pipeline.Exported) error
	ForgetPrivacy(ctx context.Context, id string) error
}

// everybody is who is known.
type everybody interface {
	people
	finder
}

// post is what was not understood, and what people say of it.
type post interface {
	letters
	verdicts
}

// definitions are read without their documents at no cost.
type definitions interface {
	Definitions() *definition.Index
	Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error)
	Define(ctx context.Context, c definition.Command) (pipeline.Defined, error)
}

type people interface {
	Profile(ctx context.Context, ref string, o pipeline.ProfileOptions) (*profile.View, error)
	Timeline(ctx context.Context, ref string, q pipeline.TimelineQuery) (pipeline.Page[profile.Item], error)
	Identity(ctx context.Context, ref string) (*pipeline.IdentityView, error)
	Conflicts(ctx context.Context, ref string, all bool) ([]profile.Conflict, error)
	ProfileRules(ctx context.Context) (*profile.Rules, error)
	SamplePeople(ctx context.Context, limit int, visit func(id string, partials []*profile.Partial)) (all bool, err error)
}

type finder interface {
	Search(ctx context.Context, q pipeline.SearchQuery) (pipeline.Found, error)
}

type entities interface {
	Entity(ctx context.Context, kind catalog.Kind, id string) (pipeline.Stored, error)
	Entities(ctx context.Context, kind catalog.Kind, cursor string, limit int) (pipeline.Page[pipeline.Stored], error)
	Objects(ctx context.Context, kind, cursor string, limit int) (pipeline.Page[pipeline.Stored], error)
	Change(ctx context.Context, c pipeline.Command) (pipeline.Outcome, error)
}

type letters interface {
	DeadLetters(ctx context.Context, q pipeline.DeadLetterQuery) (pipeline.Page[pipeline.DeadLetterView], error)
	DeadLetter(ctx context.Context, id string) (pipeline.DeadLetterView, error)
}

type verdicts interface {
	ReplayDeadLetter(ctx context.Context, id string) (pipeline.Receipt, error)
	DiscardDeadLetter(ctx context.Context, id string) (pipeline.Receipt, error)
}

type ledger interface {
	Accounting(ctx context.Context) (pipeline.Accounting, error)
}

type barrier interface {
	WaitApplied(ctx context.Context, r pipeline.Receipt) error
}

// Decider is what the API asks of those who answer decision models.
type Decider interface {
	models
	pastDecisions
	TryConnection(ctx context.Context, at decider.Source, params map[string]json.RawMessage) (*decider.Tried, error)
}

type models interface {
	Compile(ctx context.Context, key string, document []byte) (*model.Model, []model.Problem)
	Model(ctx context.Context, key string, version int) (*model.Model, error)
	Predictive(ctx context.Context, key string, version int) (*predict.Model, error)
	Evaluate(ctx context.Context, ask *decider.Ask) (*decider.Outcome, error)
}

type pastDecisions interface {
	Trace(ctx context.Context, id string) (*decider.Traced, error)
	Compare(ctx context.Context, key string, version int, from clock.Instant) (*decider.Comparison, error)
	Counts() decider.Kept
}

// decisions are those that were kept.
type decisions interface {
	Decision(ctx context.Context, id string) (*kept.Decision, error)
	Decisions(ctx context.Context, q pipeline.DecisionQuery) (pipeline.Page[kept.Head], error)
	EachDecision(ctx context.Context, q pipeline.DecisionQuery, visit func(*kept.Decision) error) error
}
