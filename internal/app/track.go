package app

import (
	"context"
	"net/http"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/dialect"
	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/event/hook"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/httpapi"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/source/webhook"
	"rapport/internal/store"
)

// tracker takes events of the tracking protocol that come by other ways than
// its door.
type tracker struct {
	*App
	mapper event.Mapper
}

// Track takes events whose identifiers a secret key vouches for.
func (t *tracker) Track(ctx context.Context, source string, bodies [][]byte) ([]error, pipeline.Receipt, error) {
	now := t.parts.Clock.Now()
	s := &pipeline.Submission{Received: now}
	failed := make([]error, len(bodies))
	historical := false
	if of := t.access.Index().Source(source); of != nil {
		historical = of.Historical
	}
	refused := map[string]uint64{}
	for i, body := range bodies {
		var random [16]byte
		t.parts.fill(random[:])
		env := event.Envelope{
			Dialect: segment.Dialect, Source: source, MessageID: id.UUID(random), Received: now, Verified: true, Historical: historical,
			Rules: t.pipeline.Rules().Version,
		}
		e, err := t.read(&env, body)
		if err != nil {
			failed[i] = err
			refused[dialect.Code(err)]++
			continue
		}
		s.Events = append(s.Events, pipeline.Arrival{Envelope: env, Event: e})
	}
	for reason, n := range refused {
		s.Rejected = append(s.Rejected, store.Count{Reason: reason, N: n})
	}
	receipt, err := t.pipeline.Accept(ctx, s)
	return failed, receipt, err
}

// Read makes an event of a body and takes it nowhere.
func (t *tracker) Read(source string, body []byte) (*pipeline.Arrival, error) {
	var random [16]byte
	t.parts.fill(random[:])
	env := event.Envelope{
		Dialect: segment.Dialect, Source: source, MessageID: id.UUID(random), Received: t.parts.Clock.Now(), Verified: true,
		Rules: t.pipeline.Rules().Version,
	}
	e, err := t.read(&env, body)
	if err != nil {
		return nil, err
	}
	return &pipeline.Arrival{Envelope: env, Event: e}, nil
}

func (t *tracker) read(env *event.Envelope, body []byte) (*event.Event, error) {
	doc, err := jsondoc.Parse(body, jsondoc.DefaultLimits())
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_json", "it is not JSON: %v", err)
	}
	return t.mapper(env, doc.Root())
}

// hooks are the inbound webhooks, opened once for each version.
type hooks struct {
	*App
	door *webhook.Door
	mu   sync.Mutex
	of   map[string]readyHook
}

type readyHook struct {
	version int
	hook    *hook.Hook
}

func (a *App) openWebhooks(mapper event.Mapper) {
	a.tracked = mapper
	h := &hooks{App: a, of: map[string]readyHook{}}
	h.door = &webhook.Door{Config: webhook.Config{
		Accept: a.gated(), Hook: h.live, Source: h.source, Map: mapper, Dialect: segment.Dialect,
		Rules: func() int { return a.pipeline.Rules().Version }, Now: a.parts.Clock, Log: a.parts.Log,
	}}
	a.webhooks = h
}

// remakes make events of bodies that webhooks did not understand.
func (a *App) remakes() map[string]pipeline.Remake {
	return map[string]pipeline.Remake{
		webhook.Dialect: func(ctx context.Context, env *event.Envelope, body []byte) ([]pipeline.Arrival, error) {
			return a.webhooks.door.Again(ctx, env, body) // they are open before anything is replayed
		},
	}
}

func (h *hooks) source(key string) (webhook.Source, bool) {
	s := h.access.Index().Source(key)
	if s == nil || s.Disabled {
		return webhook.Source{}, false
	}
	out := webhook.Source{Key: s.Key, Historical: s.Historical, Zone: time.UTC}
	if z, ok := feel.NamedZone(s.TimeZone); ok && s.TimeZone != "" {
		out.Zone = z.Location()
	}
	return out, true
}

func (h *hooks) live(ctx context.Context, key string) (*hook.Hook, error) {
	v := h.pipeline.Definitions().Get(definition.Webhook, key).Live()
	if v == nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if ready := h.of[key]; ready.hook != nil && ready.version == v.Version {
		return ready.hook, nil
	}
	d, err := h.pipeline.Definition(ctx, v.Kind, key, v.Version)
	if err != nil {
		return nil, err
	}
	opened, err := hook.Open(d.Document, h.openSecret)
	if err != nil {
		return nil, err
	}
	h.of[key] = readyHook{v.Version, opened}
	return opened, nil
}

// Check reads a definition and gives what is kept of it.
func (h *hooks) Check(document, before []byte) ([]byte, error) {
	read, err := hook.Read(document)
	if err != nil {
		return nil, err
	}
	if h.access.Index().Source(read.Definition.Source) == nil {
		return nil, fault.Errorf(fault.Invalid, "unknown_source", "source: no source %q: GET /api/v1/sources lists them", read.Definition.Source).At("/source")
	}
	var old *hook.Hook
	if before != nil {
		if old, err = hook.Read(before); err != nil {
			old = nil // what was kept then cannot be read any more: the secret is given anew
		}
	}
	return read.Store(h.sealSecret, old)
}

// Show gives what is shown of a definition.
func (h *hooks) Show(document []byte) ([]byte, error) {
	read, err := hook.Read(document)
	if err != nil {
		return nil, err
	}
	return read.Shown()
}

// There tells by a fault that a webhook is not there.
func (h *hooks) There(ctx context.Context, key string) error { return h.door.There(ctx, key) }

// Receive takes one request.
func (h *hooks) Receive(r *http.Request, key string, body []byte) (httpapi.WebhookTaken, pipeline.Receipt, error) {
	t, receipt, err := h.door.Receive(r, key, body)
	return httpapi.WebhookTaken(t), receipt, err
}

// Try says which events a definition would make of a body.
func (h *hooks) Try(document, body []byte, now clock.Instant) ([]map[string]any, error) {
	read, err := hook.Read(document)
	if err != nil {
		return nil, err
	}
	return webhook.Try(read, body, now)
}
