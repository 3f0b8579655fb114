// Package httpapi is Rapport's own HTTP API: profiles, entities, decision
// models, accounting, dead letters, sources and keys, described by an OpenAPI document and with
// one shape of error. It never decides what may be stored and never knows an
// engine or a foreign dialect.
package httpapi

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/assistant"
	"rapport/internal/clock"
	"rapport/internal/event/observed"
	"rapport/internal/pipeline"
	"rapport/internal/quota"
	"rapport/internal/telemetry"
	"rapport/internal/wording"
)

// Deps is what the API is made of.
type Deps struct {
	Spine  Spine
	Live   Live
	Jobs   Jobs
	Health Health
	// Alerts tell people of what is wrong.
	Alerts  Alerts
	Decider Decider
	// Responder says what to show to whom.
	Responder Responder
	Imports   Imports
	Outbox    Outbox
	Lake      Lake // nil: none is written
	// Broadcasts are sent by those who deliver.
	Broadcasts Broadcasts
	// Seal makes of a secret what can be stored.
	Seal   func(secret []byte) ([]byte, error)
	Access *access.Register
	// Sessions are the members who signed in, Audit what is noted of everybody.
	Sessions *access.Sessions
	Audit    *access.Audit
	// Views are lists as members looked at them.
	Views *access.Views
	// Tickets are of those who are signing in, OpenID the provider at which they
	// do; nil: there is none.
	Tickets *access.Tickets
	OpenID  *OpenID
	// PublicURL is how browsers reach the instance; empty: as each request says.
	PublicURL string
	Seen      Seen
	// Quota bounds what comes with keys that have limits.
	Quota *quota.Gate
	// Tracker takes what is said of people, Webhooks what services report.
	Tracker  Tracker
	Webhooks Webhooks
	// Experiments are what they counted.
	Experiments Experiments
	// Snippets say how pages load the web library.
	Snippets Snippets
	Metrics  *telemetry.Metrics
	Log      *slog.Logger
	Clock    clock.Clock
	// Ready tells why the instance cannot serve yet; nil once it can.
	Ready   func() error
	NewID   func() string // a new id that nothing else has
	Version string
	// BackupURL is where backups go; empty: nowhere. Backups are those there are.
	BackupURL string
	Backups   Backups
	// ReadOnly refuses whatever would change something.
	ReadOnly bool
	Limits   Limits
	// Role says which part this node has where there may be several; nil: there
	// is one node.
	Role func() string
	// CheckMapping says what is wrong with an item-action mapping.
	CheckMapping func(document []byte) error
}

// Seen sums up what came from sources.
type Seen interface {
	Seen(source string) *observed.Source // nil: nothing did
}

// Limits bound a request.
type Limits struct {
	Body        int64 // bytes
	ReadTimeout time.Duration
	Wait        time.Duration // of ?wait=applied, where the request does not say
	MaxWait     time.Duration
}

// API answers requests under /api/v1/, /healthz, /readyz and /metrics.
type API struct {
	Deps
	mux    *http.ServeMux
	huma   huma.API
	routes []string
	// demo is over what becomes of the demo shop: one at a time asks for it.
	demo sync.Mutex
	// open are the paths for which no key is asked.
	open map[string]bool
	// assistants speak the Model Context Protocol; inside is the API as it answers
	// them.
	assistants *assistant.Server
	inside     http.Handler
}

// New makes the API.
func New(d Deps) *API {
	a := &API{Deps: d, mux: http.NewServeMux(), open: map[string]bool{}}
	config := huma.Config{
		OpenAPI:                      describe(d.Version),
		Formats:                      map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{a.transform},
	}
	a.huma = humago.New(recorder{a}, config)
	a.huma.UseMiddleware(oneStatus, a.authorise, a.checkContentType)
	a.profileRoutes()
	a.traitRoutes()
	a.ruleRoutes()
	a.previewRoutes()
	a.entityRoutes()
	a.orderRoutes()
	a.orderItemRoutes()
	a.objectRoutes()
	a.segmentRoutes()
	a.modelRoutes()
	a.modelJobRoutes()
	a.settingsRoutes()
	a.decisionRoutes()
	a.connectionRoutes()
	a.destinationRoutes()
	a.deliveryRoutes()
	a.lakeRoutes()
	a.broadcastRoutes()
	a.predictiveRoutes()
	a.importRoutes()
	a.mappingRoutes()
	a.pullRoutes()
	a.ledgerRoutes()
	a.liveRoutes()
	a.letterRoutes()
	a.privacyRoutes()
	a.consentRoutes()
	a.suppressionRoutes()
	a.identityRoutes()
	a.sourceRoutes()
	a.shelfRoutes()
	a.retentionRoutes()
	a.processingRoutes()
	a.offerRoutes()
	a.experimentRoutes()
	a.webhookRoutes()
	a.bulkRoutes()
	a.oauthRoutes()
	a.keyRoutes()
	a.sessionRoutes()
	a.openIDRoutes()
	a.viewRoutes()
	a.passkeyRoutes()
	a.memberRoutes()
	a.auditRoutes()
	a.jobRoutes()
	a.backupRoutes()
	a.demoRoutes()
	a.healthRoutes()
	a.alertRoutes()
	a.processRoutes()
	a.assistantRoutes()
	admitNulls(a.huma.OpenAPI().Components.Schemas)
	a.sayPersonal()
	return a
}

// Routes lists the patterns that are served, such as "GET /healthz".
func (a *API) Routes() []string { return a.routes }

// OpenAPI is the document that describes the API.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// Handler serves the API. What it has no route for is answered with a problem.
func (a *API) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What is answered here may be about a person: nobody else keeps it.
		w.Header()["Cache-Control"] = []string{"private, no-cache"}
		w.Header()["X-Content-Type-Options"] = []string{"nosniff"}
		w.Header()["Vary"] = []string{"Accept-Language"}
		spoken := r.WithContext(pipeline.InLanguage(r.Context(), wording.Preferred(r.Header.Get("Accept-Language"))))
		if a.refuseStranger(w, spoken) {
			return
		}
		if _, pattern := a.mux.Handler(spoken); pattern == "" {
			a.noRoute(w, spoken)
			return
		}
		// Who counts and traces requests asks the one that came for its route.
		defer func() { r.Pattern = spoken.Pattern }()
		a.mux.ServeHTTP(w, spoken)
	})
}

// recorder is the mux as huma sees it; it notes every pattern.
type recorder struct{ a *API }

func (m recorder) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	m.a.routes = append(m.a.routes, pattern)
	m.a.mux.HandleFunc(pattern, handler)
}

func (m recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.a.mux.ServeHTTP(w, r) }
