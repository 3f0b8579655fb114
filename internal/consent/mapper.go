package consent

import (
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

// Dialect is the name under which consents that were written through the own API
// stand in the log.
const Dialect = "consent"

// EventName is the name of the event that a written consent is.
const EventName = "Consent Changed"

// NewMapper makes the mapper of the dialect: a body names a person by identifier
// and has context.consent.purposes, as Read takes it.
func NewMapper(rules identity.Rules) event.Mapper {
	return func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
		ident, reason := rules.Normalise(event.Identifier{
			Namespace: body.Path("identifier", "namespace").Text(), Value: body.Path("identifier", "value").Text(),
		})
		if reason != "" || ident.Value == "" {
			return nil, fault.Errorf(fault.Invalid, "invalid_identifier", "the identifier %s names nobody: %s", ident, reason)
		}
		e := &event.Event{
			Type: event.Track, Name: EventName, MessageID: env.MessageID, Time: env.Received, ReceivedAt: env.Received,
			Source: env.Source, Identifiers: []event.Identifier{ident}, Verified: env.Verified, Historical: env.Historical,
			Context: body.Get("context"), Body: body,
		}
		if at := body.Get("time"); at.Exists() {
			if err := e.Time.UnmarshalText([]byte(at.Text())); err != nil {
				return nil, fault.Errorf(fault.Invalid, "invalid_time", "time %q is no time: %v", at.Text(), err).At("/time")
			}
			e.Time = min(e.Time, env.Received)
		}
		return e, nil
	}
}
