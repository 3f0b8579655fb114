package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// Webhooks take what other services report.
type Webhooks interface {
	// Check reads a definition and gives what is kept of it: the secret is sealed.
	Check(document, before []byte) ([]byte, error)
	// Show gives what is shown of a definition.
	Show(document []byte) ([]byte, error)
	// There tells by a fault that a webhook is not there.
	There(ctx context.Context, key string) error
	// Receive takes one request.
	Receive(r *http.Request, key string, body []byte) (WebhookTaken, pipeline.Receipt, error)
	// Try says which events a definition would make of a body.
	Try(document []byte, body []byte, now clock.Instant) ([]map[string]any, error)
}

// WebhookTaken is what became of a request.
type WebhookTaken struct {
	Events  int `json:"events" doc:"Events that the body became; copies of ones that were sent before among them"`
	Failed  int `json:"failed" doc:"Bodies, or reports, of which not every event could be understood: they are dead letters now"`
	Ignored int `json:"ignored" doc:"Reports of kinds that are not taken"`
}

// WebhookBody is whatever a service sends.
type WebhookBody struct{}

type webhookCall struct {
	ModelKey
	Waiting
	RawBody []byte
	request *http.Request
}

// Resolve notes the request itself: signatures stand in headers of any name.
func (c *webhookCall) Resolve(ctx huma.Context) []error {
	c.request, _ = humago.Unwrap(ctx)
	return nil
}

type webhookAnswer struct {
	Applied
	Body WebhookTaken
}

const maxWebhook = 1 << 20

func (a *API) webhookRoutes() {
	register(a, spec{
		id: "receive-webhook", method: http.MethodPost, path: "/webhooks/{key}", outside: true, foreign: true, tag: "sources", status: http.StatusOK,
		summary: "Take what another service reports, as the webhook says; its signature is checked",
		body:    WebhookBody{}, accepts: []string{formType, "text/plain"}, returns: WebhookTaken{}, maxBody: maxWebhook,
	}, a.receiveWebhook)
	register(a, spec{
		id: "look-for-webhook", method: http.MethodGet, path: "/webhooks/{key}", outside: true, foreign: true, tag: "sources", status: http.StatusOK,
		summary: "Tell whether a webhook is there: some services ask before they send",
	}, a.lookForWebhook)
	try := spec{
		id: "test-webhook", method: http.MethodPost, path: "/webhooks/{key}/test", tag: "sources", status: http.StatusOK,
		summary: "Which events the newest version would make of a body; nothing is taken and no signature is asked for", scope: access.ScopeRead,
		body: WebhookBody{}, maxBody: maxWebhook,
	}
	register(a, try, a.testWebhook)
}

func (a *API) lookForWebhook(ctx context.Context, in *ModelKey) (*struct{}, error) {
	return nil, a.Webhooks.There(ctx, in.Key)
}

func (a *API) receiveWebhook(ctx context.Context, in *webhookCall) (*webhookAnswer, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	taken, receipt, err := a.Webhooks.Receive(in.request, in.Key, append([]byte(nil), in.RawBody...))
	if err != nil {
		return nil, err
	}
	out := &webhookAnswer{Body: taken}
	out.Applied, err = a.await(ctx, in.Waiting, receipt)
	return out, err
}

// WebhookTrial is what a body would become.
type WebhookTrial struct {
	Events []map[string]any `json:"events" nullable:"false" doc:"Events of the tracking protocol"`
}

func (a *API) testWebhook(ctx context.Context, in *struct {
	ModelKey
	RawBody []byte
},
) (*body[WebhookTrial], error) {
	v := a.Spine.Definitions().Get(definition.Webhook, in.Key).Newest()
	if v == nil {
		return nil, fault.Errorf(fault.NotFound, "webhook_not_found", "there is no webhook %q: PUT %swebhooks/%s makes one", in.Key, prefix, in.Key)
	}
	d, err := a.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	events, err := a.Webhooks.Try(d.Document, in.RawBody, a.Clock.Now())
	if err != nil {
		return nil, err
	}
	if events == nil {
		events = []map[string]any{}
	}
	return &body[WebhookTrial]{WebhookTrial{events}}, nil
}
