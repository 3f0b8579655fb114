package outbox

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/fault"
)

// What is written of an alert where the settings of a destination say nothing.
func alertTexts() map[string]string {
	const text = "{{ alert.message }}\n\n{{ alert.mend }}\n\nAlert: {{ alert.alert }} ({{ alert.state }}), since {{ alert.since }}"
	return map[string]string{"subject": "[{{ alert.state }}] {{ alert.title }}", "title": "[{{ alert.state }}] {{ alert.title }}", "text": text}
}

// CheckAlertTo tells why no alert can be sent to a destination; nil: one can.
func (o *Outbox) CheckAlertTo(ctx context.Context, key string) error {
	_, err := o.alertTarget(ctx, key)
	return err
}

func (o *Outbox) alertTarget(ctx context.Context, key string) (*effect.Target, error) {
	v := o.Spine.Definitions().Get(definition.Destination, key).Live()
	if v == nil {
		return nil, fault.Errorf(fault.Invalid, "unknown_destination", "there is no live destination %q: PUT /api/v1/destinations/%s makes one", key, key)
	}
	d, err := o.Spine.Definition(ctx, v.Kind, key, v.Version)
	if err != nil {
		return nil, err
	}
	t, err := effect.Read(d.Document)
	if err == nil && !t.Alerts {
		err = fault.Errorf(fault.Invalid, "no_alerts", "the destination %q takes no alerts: PUT it with alerts true", key)
	}
	return t, err
}

// SendAlert hands an alert to a destination, once and past the queues: it is about
// no person, and whoever looks after the instance hears of it whatever waits
// there. What it gives holds no secret.
func (o *Outbox) SendAlert(ctx context.Context, key, id string, at time.Time, said json.RawMessage) destination.Result {
	failed := func(outcome destination.Outcome, err error) destination.Result {
		return destination.Result{Outcome: outcome, Reason: err.Error()}
	}
	t, err := o.alertTarget(ctx, key)
	if err != nil {
		return failed(destination.Retry, err) // it may be defined again
	}
	kind, err := o.kind(t.Type)
	if err != nil {
		return failed(destination.Refused, err)
	}
	d := t.Destination
	if d.Settings, err = withTexts(d.Settings, kind.Content); err != nil {
		return failed(destination.Refused, err)
	}
	payload, err := json.Marshal(map[string]any{"id": id, "kind": destination.Alert, "time": at, "destination": key, "alert": said})
	if err != nil {
		return failed(destination.Refused, err)
	}
	r, _, err := o.sendOne(ctx, kind, key, &d, destination.Message{ID: id, Kind: destination.Alert, Time: at, Payload: payload})
	if err != nil {
		return failed(destination.Retry, err)
	}
	return r
}

// withTexts fills in what the settings leave out of that which says something.
func withTexts(document json.RawMessage, content []string) (json.RawMessage, error) {
	var settings map[string]any
	if err := json.Unmarshal(document, &settings); err != nil {
		return nil, err
	}
	for name, template := range alertTexts() {
		if _, there := settings[name]; !there && slices.Contains(content, name) && settings["html"] == nil && settings["blocks"] == nil {
			settings[name] = template
		}
	}
	return json.Marshal(settings)
}
