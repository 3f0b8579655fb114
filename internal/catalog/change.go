package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

// Change is the outcome of a command on an entity: a fact that holds whatever
// else the log says. Op Merge is a patch.
type Change struct {
	Kind     Kind
	ID       string
	Op       Op
	Time     clock.Instant // when it was decided
	ChangeID string        // the command's own id, as a message id
	Source   string
	Priority uint8
	Document []byte // of a put or patch: canonical JSON, complete in itself
}

// Decide checks a command against the present state and gives the change that
// is its outcome. The document of c is the body as sent; a patch is a merge
// patch of RFC 7396 and is resolved against current, which may be nil. The
// change is never older than what current knows, so that it is seen at once.
// Faults of kind Invalid name the member that is wrong.
func Decide(c Change, current *Entity, rules *identity.Rules) (Change, error) {
	if err := checkID(c.ID); err != nil {
		return c, err
	}
	if current != nil {
		if newest := current.newest(); newest.Time >= c.Time {
			c.Time = newest.Time.Add(time.Microsecond)
		}
	}
	if c.Op == Delete {
		c.Document = nil
		return c, nil
	}
	root, err := document(c.Kind, c.Document)
	if err != nil {
		return c, err
	}
	if err := Validate(c.Kind, root); err != nil {
		return c, err
	}
	members, err := c.resolve(root, current, rules)
	if err != nil {
		return c, err
	}
	c.Document = appendObject(nil, members)
	return c, nil
}

func checkID(s string) error {
	switch {
	case s == "":
		return fault.Errorf(fault.Invalid, "invalid_id", "id: it is empty: name the entity").At("id")
	case len(s) > MaxID:
		return fault.Errorf(fault.Invalid, "invalid_id", "id: %d bytes are too many: use at most %d", len(s), MaxID).At("id")
	case strings.ToValidUTF8(s, "") != s || strings.IndexByte(s, 0) >= 0:
		return fault.Errorf(fault.Invalid, "invalid_id", "id: it is no text: use UTF-8 without NUL").At("id")
	}
	return nil
}

func document(k Kind, body []byte) (jsondoc.Value, error) {
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if err != nil {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, "invalid_json", "body: %s", err.Error())
	}
	if flaw, bad := doc.Root().Flaw(); bad {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, "invalid_json", "body: %s at byte %d", flaw.Msg, flaw.Offset)
	}
	if doc.Root().Kind() != jsondoc.Object {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, "invalid_"+k.String(), "body: it is %s: send an object", doc.Root().Kind())
	}
	return doc.Root(), nil
}

// groups are the members whose own members are fields, with the prefix that
// these have.
var groups = map[string]string{
	"fields": FieldPrefix, "attributes": FieldPrefix, "traits": FieldPrefix, "dimensions": DimensionPrefix,
}

// resolve gives the members of the document as the fact holds them: the
// customer normalised, nested objects of a patch merged into what is there.
func (c *Change) resolve(root jsondoc.Value, current *Entity, rules *identity.Rules) ([]member, error) {
	var members []member
	var failed error
	root.Each(func(key string, v jsondoc.Value) bool {
		raw := Canonical(v)
		switch _, group := groups[key]; {
		case group && c.Op == Merge:
			raw, failed = resolveGroup(key, v, current)
		case key == "customer" && !v.IsNull():
			var customer event.Identifier
			if customer, failed = readCustomer(v, rules); failed != nil {
				return false
			}
			raw = identifierText(customer)
		}
		members = setMember(members, key, raw)
		return failed == nil
	})
	return members, failed
}

// resolveGroup merges fields into those that are there. One that grows too long is
// refused: a portion would leave it out without a word.
func resolveGroup(group string, v jsondoc.Value, current *Entity) (string, error) {
	var members []member
	c := checker{}
	v.Each(func(name string, patch jsondoc.Value) bool {
		known := ""
		if current != nil {
			known = current.raw(groups[group] + name)
		}
		merged := MergePatch(known, patch)
		c.fieldBytes("/"+group+"/"+name, len(merged))
		members = setMember(members, name, merged)
		return c.err == nil
	})
	return string(appendObject(nil, members)), c.err
}

// Knows tells that the fields of a merge patch say nothing of the entity that is not
// so already. A list of one is what is in it.
func (e *Entity) Knows(patch jsondoc.Value) bool {
	knows := true
	for group, prefix := range groups {
		patch.Get(group).Each(func(name string, v jsondoc.Value) bool {
			known := e.raw(prefix + name)
			merged := MergePatch(known, v)
			known = cmp.Or(known, "null")
			knows = knows && (known == merged || oneOrList(known) == oneOrList(merged))
			return knows
		})
	}
	return knows
}

// oneOrList is what is in a list of one, and any other value itself.
func oneOrList(v string) string {
	if v[0] != '[' {
		return v
	}
	if doc, err := jsondoc.Parse([]byte(v), jsondoc.Limits{}); err == nil && doc.Root().Len() == 1 {
		doc.Root().Items(func(_ int, only jsondoc.Value) bool {
			v = Canonical(only)
			return false
		})
	}
	return v
}

// MergePatch is RFC 7396 on a canonical value, "" for none. A null stays: it
// takes the field out of view.
func MergePatch(target string, patch jsondoc.Value) string {
	if patch.Kind() != jsondoc.Object {
		return Canonical(patch)
	}
	var members []member
	if doc, err := jsondoc.Parse([]byte(target), jsondoc.Limits{}); err == nil {
		doc.Root().Each(func(key string, v jsondoc.Value) bool {
			members = append(members, member{key, Canonical(v)})
			return true
		})
	}
	patch.Each(func(key string, v jsondoc.Value) bool {
		known := ""
		for i := range members {
			if members[i].key == key {
				known = members[i].raw
				members = append(members[:i], members[i+1:]...)
				break
			}
		}
		if !v.IsNull() {
			members = setMember(members, key, MergePatch(known, v))
		}
		return true
	})
	return string(appendObject(nil, members))
}

// readCustomer reads "namespace:value" or {"namespace","value"}.
func readCustomer(v jsondoc.Value, rules *identity.Rules) (event.Identifier, error) {
	var c event.Identifier
	if s, ok := v.Str(); ok {
		c.Namespace, c.Value, _ = strings.Cut(s, ":")
	} else {
		c.Namespace, c.Value = v.Get("namespace").Text(), v.Get("value").Text()
	}
	if c.Namespace == "" || c.Value == "" {
		return c, fault.Errorf(fault.Invalid, "invalid_customer",
			`customer: it names nobody: send "namespace:value" or {"namespace","value"}`).At("/customer")
	}
	if rules != nil {
		normal, reason := rules.Normalise(c)
		if reason != "" {
			return c, fault.Errorf(fault.Invalid, "invalid_customer", "customer: %s cannot name a person (%s)", c, reason).At("/customer")
		}
		c = normal
	}
	return c, nil
}

// changeJSON is how ReadChange reads it.
type changeJSON struct {
	Kind     string          `json:"kind"`
	ID       string          `json:"id"`
	Op       string          `json:"op"`
	Time     clock.Instant   `json:"time"`
	ChangeID string          `json:"change_id"`
	Source   string          `json:"source"`
	Priority uint8           `json:"priority,omitempty"`
	Document json.RawMessage `json:"document,omitempty"`
}

var opNames = [...]string{Merge: "patch", Put: "put", Delete: "delete"}

// AppendJSON appends the change as the log keeps it: a changeJSON.
func (c *Change) AppendJSON(b []byte) []byte {
	b = jsondoc.AppendString(append(b, `{"kind":`...), c.Kind.String())
	b = jsondoc.AppendString(append(b, `,"id":`...), c.ID)
	b = jsondoc.AppendString(append(b, `,"op":`...), opNames[c.Op])
	b = jsondoc.AppendString(append(b, `,"time":`...), c.Time.String())
	b = jsondoc.AppendString(append(b, `,"change_id":`...), c.ChangeID)
	b = jsondoc.AppendString(append(b, `,"source":`...), c.Source)
	if c.Priority > 0 {
		b = strconv.AppendUint(append(b, `,"priority":`...), uint64(c.Priority), 10)
	}
	if len(c.Document) > 0 {
		b = append(append(b, `,"document":`...), c.Document...)
	}
	return append(b, '}')
}

// ReadChange reads what AppendJSON wrote.
func ReadChange(b []byte) (Change, error) {
	var in changeJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return Change{}, fmt.Errorf("reading change: %w", err)
	}
	c := Change{
		Kind: KindOf(in.Kind), ID: in.ID, Time: in.Time, ChangeID: in.ChangeID,
		Source: in.Source, Priority: in.Priority, Document: in.Document,
	}
	for op, name := range opNames {
		if name == in.Op {
			c.Op = Op(op)
			if c.Kind == 0 || checkID(c.ID) != nil {
				break
			}
			if _, err := c.Portion(); err != nil {
				return Change{}, err
			}
			return c, nil
		}
	}
	return Change{}, fmt.Errorf("reading change: unknown kind %q, op %q or id", in.Kind, in.Op)
}

func (c *Change) stamp() Stamp {
	return Stamp{Time: c.Time, Priority: c.Priority, Short: id.Message(c.ChangeID)}
}
