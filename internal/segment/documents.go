package segment

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"rapport/internal/fault"
	"rapport/internal/segment/condition"
)

// Document is a segment as it is written: a name and a condition.
type Document struct {
	Name        string
	Description string
	Condition   *condition.Node
}

// ReadDocument reads the document of a segment, JSON or YAML. Faults are
// Invalid and name the node.
func ReadDocument(doc []byte) (*Document, error) {
	m, err := membersOf(doc, "name", "description", "condition")
	if err != nil {
		return nil, err
	}
	out := &Document{}
	if out.Name, err = m.text("name", condition.MaxText); err != nil {
		return nil, err
	}
	if out.Description, err = m.text("description", condition.MaxExpr); err != nil {
		return nil, err
	}
	out.Condition, err = m.condition("condition")
	return out, err
}

// ReadTrait reads the document of a computed trait: a name and, as its value,
// an aggregate or {"feel": …}.
func ReadTrait(key string, doc []byte) (*TraitDefinition, error) {
	m, err := membersOf(doc, "name", "description", "value")
	if err != nil {
		return nil, err
	}
	value, err := m.condition("value")
	if err != nil {
		return nil, err
	}
	if value.Kind != condition.Events && value.Kind != condition.Expression {
		return nil, fault.Errorf(fault.Invalid, "invalid_trait", `/value: a computed trait is made of events or orders, as {"event": "Order Completed", "sum": {"property": "total"}}, or is a formula, as {"feel": "…"}`).At("/value")
	}
	return &TraitDefinition{Key: key, Value: value}, nil
}

// ReadAffinity reads the document of an affinity: a dimension of the catalog,
// a half-life and what events are worth. Only the dimension is needed.
func ReadAffinity(key string, doc []byte) (*AffinityDefinition, error) {
	m, err := membersOf(doc, "name", "description", "dimension", "property", "half_life", "weights")
	if err != nil {
		return nil, err
	}
	out := &AffinityDefinition{Key: key}
	if out.Dimension, err = m.text("dimension", condition.MaxText); err != nil {
		return nil, err
	}
	if out.Dimension == "" {
		return nil, fault.Errorf(fault.Invalid, "invalid_affinity", "/dimension: name the dimension of the catalog, such as category or brand").At("/dimension")
	}
	if out.Said, err = m.text("property", condition.MaxText); err != nil {
		return nil, err
	}
	half, err := m.text("half_life", condition.MaxText)
	if err != nil {
		return nil, err
	}
	if half != "" {
		var ok bool
		if out.HalfLife, ok = days(half); !ok {
			return nil, fault.Errorf(fault.Invalid, "invalid_affinity", "/half_life: %q is no time: give days or hours, as 30d or 12h", half).At("/half_life")
		}
	}
	out.Weights, err = m.weights()
	return out, err
}

// days reads "30d" or "12h".
func days(s string) (time.Duration, bool) {
	unit := time.Hour
	n, ok := strings.CutSuffix(s, "h")
	if !ok {
		if n, ok = strings.CutSuffix(s, "d"); !ok {
			return 0, false
		}
		unit *= 24
	}
	k, err := strconv.Atoi(n)
	if err != nil || k <= 0 || time.Duration(k) > condition.MaxWindow/unit {
		return 0, false
	}
	return time.Duration(k) * unit, true
}

// members are those of an object, each as a document of its own.
type members map[string][]byte

func membersOf(doc []byte, known ...string) (members, error) {
	if len(doc) > condition.MaxBytes {
		return nil, fault.Errorf(fault.Invalid, "condition_too_large", "the document has %d bytes: at most %d are read", len(doc), condition.MaxBytes)
	}
	m := members{}
	if trimmed := bytes.TrimSpace(doc); len(trimmed) > 0 && trimmed[0] == '{' {
		parts := map[string]json.RawMessage{}
		if err := json.Unmarshal(doc, &parts); err != nil {
			return nil, unreadable(err)
		}
		for k, v := range parts {
			m[k] = v
		}
	} else {
		parts := map[string]yaml.Node{}
		if err := yaml.Unmarshal(doc, &parts); err != nil {
			return nil, unreadable(err)
		}
		for k := range parts {
			node := parts[k]
			b, err := yaml.Marshal(&node)
			if err != nil {
				return nil, unreadable(err)
			}
			m[k] = b
		}
	}
	for k := range m {
		if !slices.Contains(known, k) {
			return nil, fault.Errorf(fault.Invalid, "unknown_member", "/%s: there is no member %q here: it takes %s", k, k, strings.Join(known, ", ")).At("/" + k)
		}
	}
	return m, nil
}

func unreadable(err error) error {
	return fault.Errorf(fault.Invalid, "invalid_condition", "the document is neither JSON nor YAML of one object (%v): correct it there", err)
}

func (m members) text(name string, limit int) (string, error) {
	if m[name] == nil {
		return "", nil
	}
	var v any
	err := yaml.Unmarshal(m[name], &v)
	s, ok := v.(string)
	if err != nil || !ok && v != nil || len(s) > limit {
		return "", fault.Errorf(fault.Invalid, "type_mismatch", "/%s: give a text of at most %d bytes", name, limit).At("/" + name)
	}
	return s, nil
}

// condition reads a member that is a condition; faults name their place in the
// whole document.
func (m members) condition(name string) (*condition.Node, error) {
	if m[name] == nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_condition", "/%s is missing: give the document a %s", name, name).At("/" + name)
	}
	return condition.ReadAt(m[name], "/"+name)
}

// weights reads what events are worth; nil where nothing is said.
func (m members) weights() ([]Weight, error) {
	if m["weights"] == nil {
		return nil, nil
	}
	var list []yaml.Node
	if err := yaml.Unmarshal(m["weights"], &list); err != nil || len(list) == 0 || len(list) > condition.MaxFilters {
		return nil, badWeights("/weights", `give a list of 1 to 50 weights, as [{"when": {"event": "Order Completed"}, "points": 20}]`)
	}
	out := make([]Weight, len(list))
	for i := range list {
		var err error
		if out[i], err = weight(&list[i], "/weights/"+strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func weight(doc *yaml.Node, at string) (Weight, error) {
	var w struct {
		When    yaml.Node `yaml:"when"`
		Points  int64     `yaml:"points"`
		Seconds string    `yaml:"seconds"`
	}
	if err := doc.Decode(&w); err != nil || w.Points <= 0 || stranger(doc, "when", "points", "seconds") != "" {
		return Weight{}, badWeights(at, `give "when", a condition on an event, "points", from 1 on, and perhaps "seconds", a property that holds the time looked at; nothing else`)
	}
	if k := stranger(&w.When, "event", "page", "screen", "action", "type", "where"); k != "" {
		return Weight{}, badWeights(at+"/when/"+k, `a weight is for one event: say which by "event", "page", "screen", "action", "type" and "where" alone`)
	}
	b, err := yaml.Marshal(&w.When)
	if err != nil {
		return Weight{}, badWeights(at+"/when", "it cannot be read")
	}
	n, err := condition.ReadAt(b, at+"/when")
	if err != nil {
		return Weight{}, err
	}
	return Weight{Match: n.Events.Match, Points: w.Points, Seconds: w.Seconds}, nil
}

// stranger is a member of an object that is not among those known, or "".
func stranger(object *yaml.Node, known ...string) string {
	for i := 0; object.Kind == yaml.MappingNode && i < len(object.Content); i += 2 {
		if k := object.Content[i].Value; !slices.Contains(known, k) {
			return k
		}
	}
	return ""
}

func badWeights(at, mend string) error {
	return fault.Errorf(fault.Invalid, "invalid_affinity", "%s: %s", at, mend).At(at)
}
