package destination

import (
	"encoding/json"
	"strings"
	"time"

	"rapport/internal/message"
)

// Vars are what templates see of a message: what is in its payload by name, and
// under message the id, kind, person and time. A payload that is no object is
// the variable payload. Where the payload says who the person is, profile is
// another name for it and identifiers has the first of each namespace; decision
// is another name for instructions.
func Vars(m *Message) (map[string]any, error) {
	vars, err := message.Vars(m.Payload)
	if err != nil || vars == nil {
		if vars, err = message.Vars(append(append([]byte(`{"payload":`), m.Payload...), '}')); err != nil {
			return nil, err
		}
	}
	alias(vars, "profile", "person")
	alias(vars, "decision", "instructions")
	if person, ok := vars["person"].(map[string]any); ok && vars["identifiers"] == nil {
		vars["identifiers"] = identifiers(person)
	}
	vars["message"] = map[string]any{
		"id": m.ID, "kind": string(m.Kind), "person": m.Person, "time": m.Time.UTC().Format(time.RFC3339Nano),
	}
	return vars, nil
}

func alias(vars map[string]any, name, of string) {
	if v, ok := vars[of]; ok && vars[name] == nil {
		vars[name] = v
	}
}

// identifiers are a person's identifiers by their namespace.
func identifiers(person map[string]any) map[string]any {
	out := map[string]any{}
	list, _ := person["identifiers"].([]any)
	for _, item := range list {
		i, _ := item.(map[string]any)
		if name, ok := i["namespace"].(string); ok && out[name] == nil {
			out[name] = i["value"]
		}
	}
	return out
}

// At gives what stands in variables at a path such as person.traits.email.
func At(vars map[string]any, path string) (any, bool) {
	var v any = vars
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[name]; !ok {
			return nil, false
		}
	}
	return v, true
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

// Leaves tells that a message takes its person out of a segment or an audience.
func Leaves(m *Message) bool {
	if m.Kind == Left {
		return true
	}
	if m.Kind != Member {
		return false
	}
	var p struct {
		Audience struct {
			Change string `json:"change"`
		} `json:"audience"`
		Change string `json:"change"` // of a mapping document
	}
	_ = json.Unmarshal(m.Payload, &p) // what cannot be read says nothing
	return p.Audience.Change == "removed" || p.Change == "removed"
}
