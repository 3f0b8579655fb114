package model

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"rapport/internal/feel"
	"rapport/internal/profile"
)

// MaxEvents is how many of a person's last events a model can read.
const MaxEvents = 50

// Person is what is known of the person a question is about. It serves one
// question: what the model does not ask for is never converted.
type Person struct {
	view   *profile.View
	events []profile.Item
}

// NewPerson takes a profile and its last events, newest first, which may be
// left out where the model does not want them.
func NewPerson(v *profile.View, events []profile.Item) *Person {
	return &Person{view: v, events: events[:min(len(events), MaxEvents)]}
}

// ID is the profile's id.
func (p *Person) ID() string { return p.view.ID }

// instants are the members of a profile that are points in time: models
// compare them, so they are not text.
func instants() []string {
	return []string{"first_seen", "last_seen", "first_received", "first_order_at", "last_order_at", "start", "end", "time", "received_at"}
}

// value finds the value of an input by its name; from is empty where there is
// none.
func (p *Person) value(b *binding) (v feel.Value, from string, err error) {
	switch b.node.Name {
	case inputProfile:
		v, err = p.whole()
		return v, fromProfile, err
	case inputEvents:
		v, err = p.lastEvents()
		return v, fromProfile, err
	case inputSegments:
		v, err = feel.FromGo(p.view.Segments)
		return v, fromProfile, err
	case inputIdentifiers:
		v, err = timed(p.view.Identifiers)
		return v, fromProfile, err
	}
	if b.node.Name == inputSession {
		v, err = timed(p.view.Computed.LastSession)
		return v, fromProfile, err
	}
	if text, ok := p.view.Traits[b.node.Name]; ok {
		v, err = valueOf(text)
		return v, fromTrait, err
	}
	if v, ok, err := p.computed(b.node.Name); ok {
		return v, fromComputed, err
	}
	return p.alike(b)
}

// alike finds a value whose name differs in case, spaces, hyphens and
// underscores only; of several traits the first by name.
func (p *Person) alike(b *binding) (v feel.Value, from string, err error) {
	best := ""
	for name := range p.view.Traits {
		if fold(name) == b.folded && (best == "" || name < best) {
			best = name
		}
	}
	if best != "" {
		v, err = valueOf(p.view.Traits[best])
		return v, fromTrait, err
	}
	if v, ok, err := p.computed(b.folded); ok {
		return v, fromComputed, err
	}
	return feel.Null, "", nil
}

// computed gives a computed field by its name in the API, and converts no
// other: people with a long history have large ones.
func (p *Person) computed(name string) (v feel.Value, ok bool, err error) {
	all := reflect.ValueOf(&p.view.Computed).Elem()
	for i := range all.NumField() {
		tag, _, _ := strings.Cut(all.Type().Field(i).Tag.Get("json"), ",")
		if tag != name {
			continue
		}
		v, err := timed(map[string]any{name: all.Field(i).Interface()})
		if c, ok := v.AsContext(); ok {
			v, _ = c.Get(name)
		}
		return v, true, err
	}
	return feel.Null, false, nil
}

// whole gives the profile as the API shows it.
func (p *Person) whole() (feel.Value, error) {
	text, err := json.Marshal(p.view)
	if err != nil {
		return feel.Null, err
	}
	v, err := valueOf(text)
	if err != nil {
		return feel.Null, err
	}
	shown, _ := v.AsContext()
	b := feel.NewContextBuilder(shown.Len())
	for i := range shown.Len() {
		key, member := shown.At(i)
		if key == "computed" || key == "identifiers" {
			member = withTimes(member, 6)
		}
		b.Put(key, member)
	}
	return b.Value(), nil
}

func (p *Person) lastEvents() (feel.Value, error) {
	items := make([]feel.Value, len(p.events))
	for i := range p.events {
		text, err := json.Marshal(&p.events[i])
		if err != nil {
			return feel.Null, err
		}
		v, err := valueOf(text)
		if err != nil {
			return feel.Null, err
		}
		items[i] = withTimes(v, 1)
	}
	return feel.ListOf(items...), nil
}

// timed is a part of the profile as a value of FEEL.
func timed(part any) (feel.Value, error) {
	text, err := json.Marshal(part)
	if err != nil {
		return feel.Null, err
	}
	v, err := valueOf(text)
	return withTimes(v, 5), err
}

// withTimes makes points in time of the texts that are some, so many levels
// deep. Carts are as people wrote them and stay.
func withTimes(v feel.Value, depth int) feel.Value {
	if items, ok := v.AsList(); ok && depth > 0 {
		out := make([]feel.Value, len(items))
		for i, item := range items {
			out[i] = withTimes(item, depth-1)
		}
		return feel.ListOf(out...)
	}
	ctx, ok := v.AsContext()
	if !ok || depth == 0 {
		return v
	}
	b := feel.NewContextBuilder(ctx.Len())
	for i := range ctx.Len() {
		key, member := ctx.At(i)
		if text, ok := member.AsString(); ok && slices.Contains(instants(), key) {
			if at, ok := feel.ParseTemporal(text); ok {
				member = at
			}
		} else if key != "carts" {
			member = withTimes(member, depth-1)
		}
		b.Put(key, member)
	}
	return b.Value()
}
