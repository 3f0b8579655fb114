package destination

import (
	"time"

	"rapport/internal/message"
)

// Vars are what templates see of a message: what is in its payload by name, and
// under message the id, kind, person and time. A payload that is no object is
// the variable payload.
func Vars(m *Message) (map[string]any, error) {
	vars, err := message.Vars(m.Payload)
	if err != nil || vars == nil {
		if vars, err = message.Vars(append(append([]byte(`{"payload":`), m.Payload...), '}')); err != nil {
			return nil, err
		}
	}
	vars["message"] = map[string]any{
		"id": m.ID, "kind": string(m.Kind), "person": m.Person, "time": m.Time.UTC().Format(time.RFC3339Nano),
	}
	return vars, nil
}

// Template checks the template of a setting.
func Template(at, source string, f message.Format) (*message.Template, error) {
	t, err := message.Compile(source, f)
	if err != nil {
		return nil, Invalid(at, "%s: %v", at, err)
	}
	return t, nil
}

// BadTemplate is the result of a message that cannot be written.
func BadTemplate(what string, err error) Result {
	return Result{Outcome: Refused, Reason: "the " + what + " cannot be written: " + err.Error()}
}
