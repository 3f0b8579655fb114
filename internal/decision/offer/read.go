package offer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
)

// The names that formulas see, in the order of their slots.
const (
	slotPerson = iota
	slotContext
	slotOffer
	slotItem
	slotPropensity
	slots
)

func names() []string { return []string{"person", "context", "offer", "item", "propensity"} }

func invalid(kind, field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_"+kind, format, args...).At("/" + field)
}

// compile compiles a formula over what formulas see. Where it asks something of
// the offer it is run for many of them: what it asks of the person and of the
// request is the same for all.
func compile(kind, field, src string) (*feel.Program, error) {
	o := feel.CompileOptions{Strict: true, MaxSource: 8 << 10}
	p, err := feel.Compile(src, scope(), o)
	if err == nil && asksOfOffer(p) {
		o.Fixed = []int{slotPerson, slotContext}
		p, err = feel.Compile(src, scope(), o)
	}
	if err != nil {
		return nil, invalid(kind, field, "it is no FEEL over %s: %v", strings.Join(names(), ", "), err)
	}
	return p, nil
}

func scope() *feel.Scope {
	vars := make([]feel.Var, 0, slots)
	for _, n := range names() {
		vars = append(vars, feel.Var{Name: n})
	}
	return feel.NewScope(vars...)
}

// decode reads a document and nothing else.
func decode(kind string, document []byte, into any) error {
	if err := jsondoc.Strict(document, into); err != nil {
		return invalid(kind, "", "the document cannot be read: %v", err)
	}
	return nil
}

// Ready is an offer that was checked. It is immutable.
type Ready struct {
	Offer
	Key     string
	Version int
	rule    *Check
	caps    []limit
	rests   []rest
	value   feel.Value
}

// ReadOffer checks an offer.
func ReadOffer(key string, version int, document []byte) (*Ready, error) {
	o := &Ready{Key: key, Version: version}
	const kind = "offer"
	if err := decode(kind, document, &o.Offer); err != nil {
		return nil, err
	}
	if len(o.Content) == 0 {
		return nil, invalid(kind, "content", "the offer has no content: give {\"*\": {\"*\": …}} or one per placement and language")
	}
	for place, languages := range o.Content {
		if len(languages) == 0 {
			return nil, invalid(kind, "content/"+place, "no language has content: give * for any")
		}
	}
	if o.To != 0 && o.To <= o.From {
		return nil, invalid(kind, "to", "to is not after from")
	}
	if o.Value == 0 {
		o.Value = 1
	}
	if o.Lever == 0 {
		o.Lever = 1
	}
	if o.Value < 0 || o.Lever < 0 {
		return nil, invalid(kind, "value", "value and lever cannot be negative")
	}
	var err error
	if o.rule, err = o.Eligibility.Ready(kind, "eligibility"); err != nil {
		return nil, err
	}
	if o.caps, err = readCaps(kind, o.Caps); err != nil {
		return nil, err
	}
	if o.rests, err = readRests(o.Suppress); err != nil {
		return nil, err
	}
	switch {
	case o.Inventory != nil && o.Inventory.Total < 1:
		return nil, invalid(kind, "inventory/total", "total %d: give 1 or more", o.Inventory.Total)
	case o.Stock != nil && o.Item == "":
		return nil, invalid(kind, "stock", "stock needs an item: give its id")
	}
	if o.Stock != nil {
		o.Stock.fill()
	}
	return o, o.describe()
}

func (s *StockRule) fill() {
	if s.Attribute == "" {
		s.Attribute = "stock"
	}
	if s.Min == 0 {
		s.Min = 1
	}
}

// describe makes what formulas see of the offer.
func (o *Ready) describe() error {
	attributes := feel.NewContextBuilder(len(o.Attributes))
	for _, name := range sorted(o.Attributes) {
		v, err := ValueOf(o.Attributes[name])
		if err != nil {
			return invalid("offer", "attributes/"+name, "the attribute cannot be read: %v", err)
		}
		attributes.Put(name, v)
	}
	strings := func(list []string) feel.Value {
		out := make([]feel.Value, len(list))
		for i, s := range list {
			out[i] = feel.String(s)
		}
		return feel.ListOf(out...)
	}
	o.value = seen.Of([]feel.Value{
		feel.Float(o.Priority), feel.Float(o.Value), feel.Float(o.Lever), attributes.Value(), feel.String(o.Key), feel.String(o.Name),
		strings(o.Tags), strings(o.Groups),
	})
	return nil
}

// seen are the names of what formulas see of every offer, what they ask for most
// first: one list for all of them, which stays in the processor's cache while
// hundreds are scored.
var seen = feel.NewShape("priority", "value", "lever", "attributes", "key", "name", "tags", "groups")

// ValueOf reads JSON as a value of FEEL.
func ValueOf(text []byte) (feel.Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return feel.Null, err
	}
	return feel.FromGo(x)
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Place is a placement that was checked. It is immutable.
type Place struct {
	Placement
	Key     string
	Version int
	rule    *Check
	where   *feel.Program
	formula *feel.Program
	inputs  []input
	caps    []limit
}

// input is a value of a model that a formula gives.
type input struct {
	name    string
	program *feel.Program
}

// ReadPlacement checks a placement.
func ReadPlacement(key string, version int, document []byte) (*Place, error) {
	p := &Place{Key: key, Version: version}
	const kind = "placement"
	if err := decode(kind, document, &p.Placement); err != nil {
		return nil, err
	}
	if p.Count == 0 {
		p.Count = 1
	}
	if p.BudgetMS == 0 {
		p.BudgetMS = defaultBudget
	}
	if p.ContentType == "" {
		p.ContentType = "json"
	}
	if p.ValidFor == nil {
		span := defaultValidFor
		p.ValidFor = &span
	}
	switch {
	case !slices.Contains([]string{"json", "html", "form", "notification"}, p.ContentType):
		return nil, invalid(kind, "content_type", "%q: give json, html, form or notification", p.ContentType)
	case p.Count < 1 || p.Count > 50:
		return nil, invalid(kind, "count", "count %d: give 1 to 50", p.Count)
	case *p.ValidFor > maxValidFor:
		return nil, invalid(kind, "valid_for", "a decision holds at most 90d")
	case p.BudgetMS < 0 || p.BudgetMS > 10_000:
		return nil, invalid(kind, "budget_ms", "budget_ms %d: give 0 to 10000", p.BudgetMS)
	}
	var err error
	if p.rule, err = p.Rule.Ready(kind, "rule"); err != nil {
		return nil, err
	}
	if p.caps, err = readCaps(kind, p.Caps); err != nil {
		return nil, err
	}
	if p.Offers != nil && p.Offers.Where != "" {
		if p.where, err = compile(kind, "offers/where", p.Offers.Where); err != nil {
			return nil, err
		}
	}
	return p, p.readRanking()
}

func (p *Place) readRanking() (err error) {
	const kind = "placement"
	r := p.Ranking
	if r == nil {
		p.Ranking = &Ranking{By: "priority"}
		return nil
	}
	if r.By == "" {
		switch {
		case r.Formula != "":
			r.By = "formula"
		case r.Model != "":
			r.By = "model"
		default:
			r.By = "priority"
		}
	}
	switch {
	case !slices.Contains([]string{"priority", "formula", "model"}, r.By):
		return invalid(kind, "ranking/by", "%q: give priority, formula or model", r.By)
	case r.By == "formula" && r.Formula == "":
		return invalid(kind, "ranking/formula", "ranking by formula needs one")
	case r.By == "model" && r.Model == "":
		return invalid(kind, "ranking/model", "ranking by model needs the key of a predictive model")
	case r.Explore < 0 || r.Explore > 1:
		return invalid(kind, "ranking/explore", "explore %v: give 0 to 1", r.Explore)
	}
	if r.Formula != "" {
		if p.formula, err = compile(kind, "ranking/formula", r.Formula); err != nil {
			return err
		}
	}
	for _, name := range sorted(r.Inputs) {
		program, err := compile(kind, "ranking/inputs/"+name, r.Inputs[name])
		if err != nil {
			return err
		}
		p.inputs = append(p.inputs, input{name, program})
	}
	return nil
}

// Takes tells whether an offer competes in the place.
func (p *Place) Takes(o *Ready) bool {
	c := p.Offers
	if c == nil {
		return o.Content[p.Key] != nil || o.Content["*"] != nil
	}
	any := func(want, have []string) bool {
		return len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return slices.Contains(have, w) })
	}
	if len(c.Keys) > 0 && !slices.Contains(c.Keys, o.Key) || !any(c.Tags, o.Tags) || !any(c.Groups, o.Groups) {
		return false
	}
	if p.where == nil {
		return true
	}
	v, _ := p.where.Eval(feel.Options{NoDiagnostics: true}, feel.Null, feel.Null, o.value)
	return v.IsTrue()
}

// ReadPublicData checks what is public of people.
func ReadPublicData(document []byte) (*PublicData, error) {
	p := &PublicData{}
	return p, decode("public_data", document, p)
}

// String is how the content's place is named in messages.
func (p *Place) String() string { return fmt.Sprintf("placement %q", p.Key) }
