package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/outbox"
	"rapport/internal/pipeline"
)

// fakeOutbox knows one type, seals nothing and delivers nothing.
type fakeOutbox struct{ said []string }

func (*fakeOutbox) Kinds() []destination.Type {
	return []destination.Type{{Name: "webhook", Title: "Webhook", Schema: json.RawMessage(`{"type":"object"}`)}}
}

func (*fakeOutbox) Store(_ context.Context, document, _ []byte) ([]byte, error) {
	_, err := effect.Read(document)
	return document, err
}

func (*fakeOutbox) Shown(d effect.Destination) effect.Destination { return d }

func (*fakeOutbox) State(string) outbox.DestinationState {
	return outbox.DestinationState{State: "active", Counts: map[string]int64{}}
}

func (f *fakeOutbox) Command(_ context.Context, key, what, _ string, release time.Duration) error {
	f.said = append(f.said, what+" "+key+" "+release.String())
	return nil
}

func (*fakeOutbox) Try(context.Context, string, []byte, *outbox.DestinationTrial) (*outbox.DestinationTried, error) {
	return &outbox.DestinationTried{Outcome: "delivered"}, nil
}

func (*fakeOutbox) SyncAudience(string) error { return nil }

func (*fakeOutbox) Deliveries(context.Context, pipeline.DeliveryQuery) (pipeline.Page[pipeline.Delivery], error) {
	return pipeline.Page[pipeline.Delivery]{Items: []pipeline.Delivery{{DeliveryHead: effect.DeliveryHead{ID: "1", Outcome: effect.Dead}}}}, nil
}

func (*fakeOutbox) Delivery(_ context.Context, _, id string) (*outbox.DeliveryDetail, error) {
	if id == "none" {
		return nil, fault.Errorf(fault.NotFound, "delivery_not_found", "none")
	}
	return &outbox.DeliveryDetail{}, nil
}

func (f *fakeOutbox) Again(_ context.Context, key, id string, discard bool) error {
	if discard {
		id = "not " + id
	}
	f.said = append(f.said, key+" "+id)
	return nil
}

func (*fakeOutbox) AgainAll(context.Context, string, bool) (int, error) { return 3, nil }

func TestDestinations_ProblemsNameTheMend(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook"}`, 400, "is told nothing"},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","events":{"filter":"event.x >"}}`, 400, "/events/filter"},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","events":{},"mapping":"nobody + 1"}`, 400, "/mapping"},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","segments":[{"key":"no-such"}]}`, 400, "define it first"},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","events":{},"decision":"no-such"}`, 400, "no live decision model"},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","events":{},"freshness":"9000h"}`, 400, "/freshness"},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","events":{},"stop":1}`, 400, "unknown field"},
		{"GET", "/api/v1/destinations/crm", "", 404, "PUT"},
		{"GET", "/api/v1/deliveries?destination=crm", "", 404, "no destination"},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","events":{}}`, 201, `"freshness":"1h0m0s"`},
		{"PUT", "/api/v1/destinations/crm", `{"type":"webhook","events":{},"audience":{"segment":"default"}}`, 200, `"version":2`},
		{"POST", "/api/v1/destinations/crm/pause", "", 200, `"state":"active"`},
		{"POST", "/api/v1/destinations/crm/release?for=30m", "", 200, ""},
		{"POST", "/api/v1/destinations/crm/release?for=900h", "", 400, "at most"},
		{"GET", "/api/v1/deliveries?destination=crm", "", 200, `"outcome":"dead"`},
		{"POST", "/api/v1/deliveries/crm/1/replay", "", 200, ""},
		{"POST", "/api/v1/deliveries/crm/1/discard", "", 200, ""},
		{"GET", "/api/v1/deliveries/crm/none", "", 404, ""},
		{"POST", "/api/v1/destinations/crm/dead-letters/replay", "", 200, `"messages":3`},
	} {
		res, text := d.ask(t, c.method, c.path, c.body)
		if res.StatusCode != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, res.StatusCode, text)
		}
	}
	if got, want := strings.Join(d.outbox.said, ", "), "pause crm 0s, release crm 30m0s, crm 1, crm not 1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func (*fakeOutbox) CheckExperience(context.Context, *experience.Ready) error { return nil }

func (*fakeOutbox) TryExperience(_ context.Context, x *experience.Ready, _ *outbox.ExperienceTrial) (*outbox.ExperienceTried, error) {
	return &outbox.ExperienceTried{Destination: x.Destination}, nil
}
