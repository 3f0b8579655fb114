package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/fault"
)

// kind finds the type of a destination.
func (o *Outbox) kind(name string) (destination.Type, error) {
	t, ok := o.Types[name]
	if !ok {
		names := make([]string, 0, len(o.Types))
		for n := range o.Types {
			names = append(names, n)
		}
		slices.Sort(names)
		return t, fault.Errorf(fault.Invalid, "unknown_destination_type", "there is no type %q: give one of %s", name, strings.Join(names, ", ")).At("/type")
	}
	return t, nil
}

// Store makes of a document what is kept: its secrets sealed. Where a secret is
// masked, that of the version before stays. It opens the settings once, so that
// what cannot work is refused here.
func (o *Outbox) Store(ctx context.Context, document, before []byte) ([]byte, error) {
	t, err := effect.Read(document)
	if err != nil {
		return nil, err
	}
	if t.Sealed != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_destination", "sealed is not yours to give: put secrets where the settings have them").At("/sealed")
	}
	kind, err := o.kind(t.Type)
	if err != nil {
		return nil, err
	}
	var old effect.Destination
	if before != nil {
		if err := json.Unmarshal(before, &old); err != nil {
			return nil, err
		}
	}
	if old.Type != t.Type {
		old.Sealed = nil
	}
	var settings map[string]any
	if err := json.Unmarshal(t.Settings, &settings); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_settings", "the settings are no object: %v", err).At("/settings")
	}
	out := t.Destination
	if out.Sealed, err = o.sealed(kind, settings, old.Sealed); err != nil {
		return nil, err
	}
	if out.Settings, err = json.Marshal(settings); err != nil {
		return nil, err
	}
	s, err := o.opened(ctx, kind, "", bare(t, kind, out))
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// sealed takes the secrets out of settings and gives them sealed, by place.
func (o *Outbox) sealed(kind destination.Type, settings map[string]any, old map[string][]byte) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, path := range destination.Secrets(kind.Schema) {
		at, place := settings, strings.Join(path, "/")
		for _, name := range path[:len(path)-1] {
			at, _ = at[name].(map[string]any)
		}
		name := path[len(path)-1]
		value, there := at[name]
		if !there {
			continue
		}
		delete(at, name)
		if value == destination.Mask {
			kept, known := old[place]
			if !known {
				return nil, fault.Errorf(fault.Invalid, "no_secret", "%s is masked and there is no secret before it: give the secret", place).At("/settings/" + place)
			}
			out[place] = kept
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if out[place], err = o.Seal(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Shown is a document as it may be shown: its secrets masked.
func (o *Outbox) Shown(d effect.Destination) effect.Destination {
	var settings map[string]any
	if json.Unmarshal(d.Settings, &settings) == nil {
		for place := range d.Sealed {
			put(settings, place, destination.Mask)
		}
		if text, err := json.Marshal(settings); err == nil {
			d.Settings = text
		}
	}
	d.Sealed = nil
	return d
}

// put sets a value at a place, making the objects that lead to it.
func put(settings map[string]any, place string, value any) {
	path := strings.Split(place, "/")
	for _, name := range path[:len(path)-1] {
		next, ok := settings[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			settings[name] = next
		}
		settings = next
	}
	settings[path[len(path)-1]] = value
}

// texts are the texts in a value, however deep.
func texts(value any) (out []string) {
	switch x := value.(type) {
	case string:
		return []string{x}
	case []any:
		for _, v := range x {
			out = append(out, texts(v)...)
		}
	case map[string]any:
		for _, v := range x {
			out = append(out, texts(v)...)
		}
	}
	return out
}

// makeSink opens the sink of a line.
func (l *line) makeSink(ctx context.Context, t *effect.Target) (*opened, error) {
	kind, err := l.kind(t.Type)
	if err != nil {
		return nil, err
	}
	if l.base != "" {
		return l.opened(ctx, kind, l.key, &t.Destination)
	}
	return l.opened(ctx, kind, l.key, bare(t, kind, t.Destination))
}

// bare is a destination that only broadcasts go through as it can be opened by
// itself: with something in place of what each of them writes.
func bare(t *effect.Target, kind destination.Type, d effect.Destination) *effect.Destination {
	if !t.Bare() {
		return &d
	}
	var settings map[string]any
	if json.Unmarshal(d.Settings, &settings) != nil {
		return &d
	}
	for _, name := range []string{"subject", "text"} {
		if _, there := settings[name]; !there && slices.Contains(kind.Content, name) {
			settings[name] = "-"
		}
	}
	if text, err := json.Marshal(settings); err == nil {
		d.Settings = text
	}
	return &d
}

// Unsealed gives the type of a destination as it is stored and its settings, with
// the secrets in the clear: for whoever cleans up after it.
func (o *Outbox) Unsealed(document []byte) (kind string, settings json.RawMessage, err error) {
	var d effect.Destination
	if err := json.Unmarshal(document, &d); err != nil {
		return "", nil, err
	}
	settings, _, err = o.unsealed(&d)
	return d.Type, settings, err
}

// unsealed puts the secrets back into settings, and gives them beside.
func (o *Outbox) unsealed(d *effect.Destination) (text json.RawMessage, secrets []string, err error) {
	var settings map[string]any
	if err := json.Unmarshal(d.Settings, &settings); err != nil {
		return nil, nil, fmt.Errorf("the settings cannot be read: %w", err)
	}
	for place, sealed := range d.Sealed {
		text, err := o.Open(sealed)
		if err != nil {
			return nil, nil, fault.Errorf(fault.Invalid, "no_secret", "its secret %s cannot be read: PUT the destination with the secret again", place)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, nil, err
		}
		secrets = append(secrets, texts(value)...)
		put(settings, place, value)
	}
	text, err = json.Marshal(settings)
	return text, secrets, err
}

// opened puts the secrets back into the settings and opens a sink with them.
func (o *Outbox) opened(ctx context.Context, kind destination.Type, key string, d *effect.Destination) (*opened, error) {
	text, secrets, err := o.unsealed(d)
	if err != nil {
		return nil, err
	}
	masker := destination.NewMasker(secrets...)
	env := o.Env(key)
	if d.Consent != nil {
		env.Purpose, env.Channel = d.Consent.Purpose, d.Consent.Channel
	}
	sink, err := kind.Open(ctx, text, env)
	if err != nil {
		return nil, err
	}
	return &opened{Sink: sink, limits: sink.Limits(), masker: masker}, nil
}
