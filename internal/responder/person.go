package responder

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"rapport/internal/catalog"
	"rapport/internal/decision/offer"
	"rapport/internal/event"
	"rapport/internal/feel"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
)

// guest is who asks, as far as the caller may be treated by it.
type guest struct {
	*pipeline.Visitor
	ident event.Identifier // by whom the visitor is known
	// writes is under whom a decision is written down; empty: under nobody. Of
	// a caller who only claims to be somebody that is its own browser: nothing
	// is written about people on a claim.
	writes event.Identifier
	known  *profile.View // what may be used; never nil
	seen   *shown.State  // what may be used of what was offered
	person *offer.Person
	// claims says that the caller only claims to be the person, and that more is
	// known of it than the caller did itself.
	claims bool
}

// meet finds out who asks. A caller who is not trusted is first of all the
// browser that it is: whoever that may have said to be counts by public data.
// What is computed of a person is left out where nothing asks for it.
func (r *Responder) meet(ctx context.Context, q *Request, s *shelf, bare bool) (*guest, error) {
	g := &guest{Visitor: &pipeline.Visitor{Alone: true}}
	list := slices.Clone(q.Identifiers)
	if !q.Trusted {
		slices.SortStableFunc(list, func(a, b event.Identifier) int { return rank(a) - rank(b) })
	}
	for i, ident := range list {
		if i == 0 {
			g.ident = ident
		}
		v, err := r.Spine.Visitor(ctx, ident, bare)
		if err != nil {
			return nil, err
		}
		if v.View != nil {
			g.Visitor, g.ident = v, ident
			break
		}
	}
	g.claims = !q.Trusted && !(g.Alone && g.ident.Namespace == event.AnonymousID)
	g.known = g.View
	if g.View == nil {
		g.known = &profile.View{Anonymous: true, Traits: map[string]json.RawMessage{}, Segments: []string{}, Consent: map[string]json.RawMessage{}}
	} else if g.claims {
		g.known = publicView(g.Visitor, g.ident, s.public)
	}
	g.treat(list)
	g.person = &offer.Person{Shown: g.seen, In: g.inside(s.public)}
	if g.View != nil && !g.claims {
		g.person.Agreed = r.agreed(ctx, g.ident, r.Clock.Now())
	}
	var err error
	g.person.Value, err = valueOf(g.known, s.computed)
	return g, err
}

// treat says by what was offered the visitor is treated, and under whom the
// decision is written down. Who claims to be somebody gets neither of that
// person: what a person agreed to or took up must not show in an answer.
func (g *guest) treat(list []event.Identifier) {
	if !g.claims {
		g.seen, g.writes = g.Shown, g.ident
		return
	}
	if g.ident.Namespace == event.AnonymousID {
		g.seen = g.OwnShown
	}
	if i := slices.IndexFunc(list, func(i event.Identifier) bool { return i.Namespace == event.AnonymousID }); i >= 0 {
		g.writes = list[i]
	}
	if g.ident.Namespace == event.AnonymousID {
		g.writes = g.ident
	}
}

// rank puts devices first: a browser's own id is not guessed, others are.
func rank(i event.Identifier) int {
	if i.Namespace == event.AnonymousID {
		return 0
	}
	return 1
}

// publicView is what of a person a caller may be treated by who only claims to
// be it: what its own browser did, and what is public.
func publicView(v *pipeline.Visitor, ident event.Identifier, public *offer.PublicData) *profile.View {
	out := &profile.View{Anonymous: true, Traits: map[string]json.RawMessage{}, Segments: []string{}, Consent: map[string]json.RawMessage{}}
	if v.Own != nil && ident.Namespace == event.AnonymousID {
		own := *v.Own
		own.Segments = []string{}
		own.Traits = maps.Clone(v.Own.Traits)
		out = &own
	}
	for _, name := range public.Traits {
		if text, ok := v.View.Traits[name]; ok {
			out.Traits[name] = text
		}
	}
	for _, key := range v.View.Segments {
		if slices.Contains(public.Segments, key) {
			out.Segments = append(out.Segments, key)
		}
	}
	out.ID, out.Identifiers = "", nil
	return out
}

func (g *guest) inside(public *offer.PublicData) func(string) (bool, bool) {
	segments := map[string]bool{}
	for _, key := range g.known.Segments {
		segments[key] = true
	}
	return func(key string) (in, visible bool) {
		return segments[key], !g.claims || slices.Contains(public.Segments, key)
	}
}

func (r *Responder) agreed(ctx context.Context, ident event.Identifier, now instant) func(purpose, channel string) bool {
	return func(purpose, channel string) bool {
		p, err := r.Spine.Permit(ctx, ident.String(), []pipeline.Use{{Purpose: purpose, Channel: channel}}, now)
		return err == nil && p.Allowed
	}
}

// valueOf is what formulas see of a person.
func valueOf(v *profile.View, computed bool) (feel.Value, error) {
	traits := feel.NewContextBuilder(len(v.Traits))
	for name, text := range v.Traits {
		x, err := plain(text)
		if err != nil {
			return feel.Null, err
		}
		traits.Put(name, x)
	}
	segments := make([]feel.Value, len(v.Segments))
	for i, key := range v.Segments {
		segments[i] = feel.String(key)
	}
	b := feel.NewContextBuilder(6)
	b.Put("anonymous", feel.Bool(v.Anonymous))
	b.Put("traits", traits.Value())
	b.Put("segments", feel.ListOf(segments...))
	if !computed {
		return b.Value(), nil
	}
	for name, part := range map[string]any{"computed": v.Computed, "affinities": v.Affinities} {
		text, err := json.Marshal(part)
		if err != nil {
			return feel.Null, err
		}
		x, err := offer.ValueOf(text)
		if err != nil {
			return feel.Null, err
		}
		b.Put(name, x)
	}
	return b.Value(), nil
}

// plain reads a value of JSON, most of which are short texts and numbers.
func plain(text json.RawMessage) (feel.Value, error) {
	if n := len(text); n >= 2 && text[0] == '"' && !slices.Contains(text, '\\') {
		return feel.String(string(text[1 : n-1])), nil
	}
	if len(text) > 0 && len(text) < 16 && (text[0] >= '0' && text[0] <= '9' || text[0] == '-') {
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return feel.Int(n), nil
		}
	}
	return offer.ValueOf(text)
}

// item gives a catalog item as formulas see it.
func (r *Responder) item(ctx context.Context) func(id string) (feel.Value, bool) {
	return func(id string) (feel.Value, bool) {
		stored, err := r.Spine.Entity(ctx, catalog.Item, id)
		if err != nil {
			return feel.Null, false
		}
		view, ok := stored.View.(*catalog.ItemView)
		if !ok {
			return feel.Null, false
		}
		b := feel.NewContextBuilder(len(view.Attributes) + len(view.Dimensions) + 1)
		b.Put("id", feel.String(view.ID))
		for _, part := range []map[string]json.RawMessage{view.Dimensions, view.Attributes} {
			for name, text := range part {
				if x, err := plain(text); err == nil {
					b.Put(name, x)
				}
			}
		}
		return b.Value(), true
	}
}
