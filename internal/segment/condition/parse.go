package condition

import (
	"slices"
	"strings"

	"rapport/internal/jsondoc"
)

// Read reads a condition from JSON or YAML. Its faults are of kind Invalid and
// name the node by its JSON pointer, and the mend.
func Read(doc []byte) (*Node, error) { return ReadAt(doc, "") }

// ReadAt is Read for a condition that is a part of a document: at is the JSON
// pointer to it, with which the pointers to its nodes begin.
func ReadAt(doc []byte, at string) (*Node, error) {
	r, err := readRaw(doc, at)
	if err != nil {
		return nil, err
	}
	p := parser{}
	return p.node(r, 1)
}

// parser counts the nodes on the way.
type parser struct{ nodes int }

// The members that tell the kinds of node apart. The first that is there
// counts, the others are then read as its details.
var (
	groupKeys    = []string{"all", "and", "any", "or", "none", "not"}
	aspectKeys   = []string{"device", "os", "browser", "geo", "location", "campaign", "app", "referrer"}
	fieldKeys    = append([]string{"trait", "identifier", "consent", "context", "profile", "computed", "first_seen", "last_seen"}, aspectKeys...)
	questionKeys = []string{"event", "action", "page", "screen", "order", "order_item", "item"}
	otherKeys    = []string{"sequence", "segment", "feel", "affinity", "always"}
	nodeKeys     = slices.Concat(groupKeys, otherKeys, fieldKeys, questionKeys)
)

func (p *parser) node(r *raw, depth int) (*Node, error) {
	p.nodes++
	switch {
	case p.nodes > MaxNodes:
		return nil, bad(r.at, "condition_too_large", "this is node %d: a condition has at most %d nodes; put long lists of values into one \"in\", or parts into segments of their own", p.nodes, MaxNodes)
	case depth > MaxDepth:
		return nil, bad(r.at, "condition_too_large", "this lies %d levels deep: at most %d are read; join nested groups of one kind", depth, MaxDepth)
	case r.kind != jsondoc.Object:
		return nil, bad(r.at, "invalid_condition", "a condition is an object such as {\"trait\": \"plan\", \"op\": \"=\", \"value\": \"gold\"}, not %s", r.describe())
	}
	i := slices.IndexFunc(nodeKeys, r.has)
	if i < 0 {
		return nil, noKind(r)
	}
	switch key := nodeKeys[i]; {
	case slices.Contains(groupKeys, key):
		return p.group(r, key, depth)
	case key == "sequence":
		return p.sequence(r)
	case slices.Contains(fieldKeys, key):
		return p.field(r, key)
	case slices.Contains(questionKeys, key):
		return p.question(r)
	default:
		return p.other(r, key)
	}
}

func noKind(r *raw) error {
	for _, k := range r.keys {
		if m := meant(k, nodeKeys); strings.HasPrefix(m, ": did") {
			return bad(r.at+"/"+pointer(k), "unknown_member", "%q is not known here%s", clip(k), m)
		}
	}
	return bad(r.at, "invalid_condition", "nothing says what is asked: name one of %s", strings.Join(nodeKeys, ", "))
}

// group reads and, or and not. A group of one is that one; groups inside a
// group of the same kind stay, so that every node keeps its place.
func (p *parser) group(r *raw, key string, depth int) (*Node, error) {
	if err := r.known([]string{key}); err != nil {
		return nil, err
	}
	v := r.get(key)
	n := &Node{At: r.at}
	switch key {
	case "all", "and":
		n.Kind = All
	case "any", "or":
		n.Kind = Any
	case "not":
		n.Kind = Not
		kid, err := p.negated(v, depth)
		n.Nodes = []*Node{kid}
		return n, err
	default: // none
		p.nodes++
		kid, err := p.members(&Node{Kind: Any, At: v.at}, v, depth)
		return &Node{Kind: Not, At: r.at, Nodes: []*Node{kid}}, err
	}
	return p.members(n, v, depth)
}

// negated reads what stands behind not; of a list, none may hold.
func (p *parser) negated(v *raw, depth int) (*Node, error) {
	if v.kind != jsondoc.Array {
		return p.node(v, depth+1)
	}
	p.nodes++
	return p.members(&Node{Kind: Any, At: v.at}, v, depth)
}

func (p *parser) members(n *Node, v *raw, depth int) (*Node, error) {
	if v.kind != jsondoc.Array || len(v.kids) == 0 {
		return nil, bad(v.at, "invalid_condition", "a group is a list of at least one condition, not %s", v.describe())
	}
	for _, k := range v.kids {
		kid, err := p.node(k, depth+1)
		if err != nil {
			return nil, err
		}
		n.Nodes = append(n.Nodes, kid)
	}
	return n, nil
}

func (p *parser) other(r *raw, key string) (*Node, error) {
	v := r.get(key)
	n := &Node{At: r.at}
	var err error
	switch key {
	case "segment":
		n.Kind = Segment
		if err = r.known([]string{key}); err == nil {
			n.Ref, err = v.name("a segment's key")
		}
	case "feel":
		n.Kind = Expression
		if err = r.known([]string{key}); err == nil {
			n.Ref, err = v.expression()
		}
	case "affinity":
		n.Kind = Affinity
		n.Affinity, err = liking(r)
	default:
		n.Kind = Always
		if err = r.known([]string{key}); err == nil && (v.kind != jsondoc.True || !v.is) {
			err = bad(v.at, "invalid_condition", "always is true or not there: for nobody write {\"not\": {\"always\": true}}")
		}
	}
	return n, err
}

func (r *raw) expression() (string, error) {
	if r.kind != jsondoc.String || strings.TrimSpace(r.text) == "" || len(r.text) > MaxExpr {
		return "", bad(r.at, "invalid_condition", "an expression is a text of 1 to %d bytes, not %s", MaxExpr, r.describe())
	}
	return r.text, nil
}

// name reads a name: a text that says something.
func (r *raw) name(what string) (string, error) {
	if r.kind != jsondoc.String || strings.TrimSpace(r.text) == "" || len(r.text) > MaxText {
		return "", bad(r.at, "invalid_condition", "this is %s: a text of 1 to %d bytes, not %s", what, MaxText, r.describe())
	}
	return r.text, nil
}

func liking(r *raw) (*Liking, error) {
	if err := r.known([]string{"affinity", "value", "top", "share"}); err != nil {
		return nil, err
	}
	l := &Liking{}
	var err error
	if l.Key, err = r.get("affinity").name("an affinity's key"); err != nil {
		return nil, err
	}
	v := r.get("value")
	if v == nil {
		return nil, bad(r.at, "invalid_condition", "an affinity is asked for one value: add \"value\", such as \"Shoes\"")
	}
	if l.Value, err = v.name("a value of the dimension"); err != nil {
		return nil, err
	}
	if t := r.get("top"); t != nil {
		if l.Top, err = t.whole(1, MaxFilters); err != nil {
			return nil, err
		}
	}
	if s := r.get("share"); s != nil {
		t, err := s.nested(numbers, nil)
		if err != nil {
			return nil, err
		}
		l.Share = &t
	}
	return l, nil
}

// profileFields are the fields of Profile and what they hold.
var profileFields = map[string]expectation{
	"first_seen": dates, "last_seen": dates, "first_order_at": dates, "last_order_at": dates,
	"event_count": numbers, "session_count": numbers, "order_count": numbers,
	"anonymous": booleans, "channel": texts, "account": texts,
}

// entityPrefix begins the names of Profile that ask for entities of a declared
// type, such as entity.ticket.status: of each that is the person's, the field.
const entityPrefix = "entity."

// EntityField takes the name of such a field apart: the type of entity and the
// field, a path within it included.
func EntityField(name string) (kind, field string, ok bool) {
	rest, ok := strings.CutPrefix(name, entityPrefix)
	if !ok {
		return "", "", false
	}
	kind, field, _ = strings.Cut(rest, ".")
	return kind, field, kind != "" && field != ""
}

// ProfileFields are the names that Profile knows, sorted.
func ProfileFields() []string {
	var out []string
	for k := range profileFields {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (p *parser) field(r *raw, key string) (*Node, error) {
	if key == "first_seen" || key == "last_seen" {
		return seenField(r, key)
	}
	name, err := r.get(key).name("the name behind " + key)
	if err != nil {
		return nil, err
	}
	n := &Node{At: r.at, Field: &Field{Name: name}}
	own := []string{key}
	want := anything
	switch key {
	case "trait":
		n.Kind = Trait
	case "identifier":
		n.Kind, want = Identifier, texts
	case "computed":
		n.Kind = Computed
	case "profile":
		n.Kind = Profile
		var ok bool
		if want, ok = profileFields[name]; !ok {
			if _, _, entity := EntityField(name); entity {
				want = anything
				break
			}
			return nil, bad(r.get(key).at, "unknown_field", "%q is no field of the profile%s", name, meant(name, ProfileFields()))
		}
	case "consent":
		return consentField(r, n)
	default:
		n.Kind = Context
		if own, err = contextField(r, key, n.Field); err != nil {
			return nil, err
		}
	}
	n.Field.Test, err = r.test(want, own)
	return n, err
}

func seenField(r *raw, key string) (*Node, error) {
	if err := r.known([]string{key}); err != nil {
		return nil, err
	}
	t, err := r.get(key).nested(dates, nil)
	return &Node{Kind: Profile, At: r.at, Field: &Field{Name: key, Test: t}}, err
}

// consentField reads a purpose; without a test it asks whether it was granted.
func consentField(r *raw, n *Node) (*Node, error) {
	n.Kind = Consent
	if len(r.keys) == 1 {
		n.Field.Test = Test{Op: In, Values: []Value{{Kind: String, Text: "granted"}}}
		return n, nil
	}
	var err error
	n.Field.Test, err = r.test(texts, []string{"consent"})
	return n, err
}

// aspects are the parts of the context that a profile keeps.
var aspects = []string{"app", "browser", "campaign", "device", "locale", "location", "os", "referrer", "timezone", "user_agent"}

func contextField(r *raw, key string, f *Field) (own []string, err error) {
	switch key {
	case "context":
	case "geo":
		f.Name = "location." + f.Name
	default:
		f.Name = key + "." + f.Name
	}
	first, _, _ := strings.Cut(f.Name, ".")
	if !slices.Contains(aspects, first) {
		return nil, bad(r.get(key).at, "unknown_field", "%q is not kept of the context%s", first, meant(first, aspects))
	}
	if s := r.get("seen"); s != nil {
		switch s.text {
		case "first":
			f.First = true
		case "latest":
		default:
			return nil, bad(s.at, "invalid_condition", "seen is \"first\" or \"latest\", not %s", s.describe())
		}
	}
	return []string{key, "seen"}, nil
}
