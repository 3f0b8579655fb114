package ofrep

import (
	"encoding/json"
	"strconv"

	"rapport/internal/experiment"
	"rapport/internal/jsondoc"
)

// success is the answer for one flag.
type success struct {
	Key      string          `json:"key"`
	Value    json.RawMessage `json:"value"`
	Reason   string          `json:"reason"`
	Variant  string          `json:"variant,omitempty"`
	Metadata *metadata       `json:"metadata,omitempty"`
}

// metadata are flat: clients drop what is nested.
type metadata struct {
	Reason string `json:"assignment"`
	Phase  int    `json:"phase,omitempty"`
}

// append writes what encoding/json would: it is asked for with every page.
func (s *success) append(b []byte) []byte {
	b = jsondoc.AppendString(append(b, `{"key":`...), s.Key)
	b = append(b, `,"value":`...)
	if len(s.Value) > 0 {
		b = append(b, s.Value...)
	} else {
		b = append(b, "null"...)
	}
	b = jsondoc.AppendString(append(b, `,"reason":`...), s.Reason)
	if s.Variant != "" {
		b = jsondoc.AppendString(append(b, `,"variant":`...), s.Variant)
	}
	if m := s.Metadata; m != nil {
		b = jsondoc.AppendString(append(b, `,"metadata":{"assignment":`...), m.Reason)
		if m.Phase != 0 {
			b = strconv.AppendInt(append(b, `,"phase":`...), int64(m.Phase), 10)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// successOf shows an assignment. Who does not take part gets what the control
// gets: some clients fail without a value.
func successOf(x *experiment.Assignment, control json.RawMessage) *success {
	out := &success{Key: x.Experiment, Value: x.Value, Variant: x.Variant, Reason: reasonOf(x.Reason), Metadata: &metadata{string(x.Reason), x.Phase}}
	if len(out.Value) == 0 {
		out.Value = control
	}
	return out
}

// reasonOf is a reason in the words of the protocol.
func reasonOf(r experiment.Reason) string {
	switch r {
	case experiment.Assigned, experiment.Sticky:
		return "SPLIT"
	case experiment.Forced:
		return "TARGETING_MATCH"
	case experiment.Concluded:
		return "STATIC"
	case experiment.NotRunning:
		return "DISABLED"
	}
	return "UNKNOWN"
}
