package pipeline

import (
	"cmp"
	"context"
	"encoding/base64"
	"math"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/profile"
)

// Page is one page of a list; Next is empty on the last.
type Page[T any] struct {
	Items []T
	Next  string
}

// ProfileOptions say what of a profile is wanted.
type ProfileOptions struct {
	Lineage bool
	// Bare leaves out what takes the longest: segments and computed traits.
	Bare bool
}

// person is what is gathered of one person: a copy of each anchor, so that
// nothing is locked while the answer is made.
type person struct {
	id      string
	members []profile.IdentifierSeen
	anchors []*anchor
	shared  []graph.Shared // of which only a part is the person's
	// whole says when each of these was seen at all, by anybody.
	whole []profile.IdentifierSeen
}

// Profile gives a person by profile id or by namespace:value.
func (p *Pipeline) Profile(ctx context.Context, ref string, o ProfileOptions) (*profile.View, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	opts, err := p.showing(ctx, who, o.Lineage)
	if err != nil {
		return nil, err
	}
	v := profile.Assemble(who.members, who.partials(), opts)
	if o.Bare {
		return v, nil
	}
	return v, p.evaluate(ctx, who, v, false)
}

// showing says how a person is shown by the rules that are live.
func (p *Pipeline) showing(ctx context.Context, who *person, lineage bool) (profile.Options, error) {
	rules, err := p.ProfileRules(ctx)
	opts := profile.Options{ID: who.id, Lineage: lineage, Rules: rules, Now: p.clock.Now()}
	if lineage {
		opts.MessageID = p.messageIDs(ctx, who)
	}
	return opts, err
}

func (who *person) partials() []*profile.Partial {
	out := make([]*profile.Partial, len(who.anchors))
	for i, a := range who.anchors {
		out[i] = a.partial
	}
	return out
}

// gather finds the person that a reference names and copies what is known.
func (p *Pipeline) gather(ctx context.Context, ref string) (*person, error) {
	k, ident, err := p.refer(ref)
	if err != nil {
		return nil, err
	}
	who, err := p.gatherKey(ctx, k)
	if err == nil && who == nil {
		err = fault.Errorf(fault.NotFound, "profile_not_found", "nobody is known by %q", cmp.Or(ident.String(), ref))
	}
	return who, err
}

// gatherKey gives the person of an identifier's key; nil where there is none.
func (p *Pipeline) gatherKey(ctx context.Context, k id.Key) (*person, error) {
	return p.gatherBy(ctx, k, (*anchor).clone)
}

// gatherSurface is gatherKey with no more than identifiers and traits.
func (p *Pipeline) gatherSurface(ctx context.Context, k id.Key) (*person, error) {
	return p.gatherBy(ctx, k, (*anchor).surface)
}

func (p *Pipeline) gatherBy(ctx context.Context, k id.Key, copied func(*anchor) *anchor) (*person, error) {
	who, members, err := p.gatherRows(ctx, k, copied)
	if who != nil {
		p.name(who, members)
	}
	return who, err
}

// gatherRows is gatherBy without the names and the id of the person.
func (p *Pipeline) gatherRows(ctx context.Context, k id.Key, copied func(*anchor) *anchor) (*person, []event.Identifier, error) {
	members, shared, err := p.graphPerson(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	keys := []id.Key{k}
	if len(members) > 0 {
		keys = keys[:0]
		for _, m := range members {
			keys = append(keys, m.Key())
		}
	}
	who := &person{shared: shared}
	for _, k := range keys {
		if slices.ContainsFunc(shared, func(s graph.Shared) bool { return s.Identifier.Key() == k }) {
			continue
		}
		a, err := p.copyAnchorBy(ctx, k, copied)
		if err != nil {
			return nil, nil, err
		}
		if a != nil {
			who.anchors = append(who.anchors, a)
		}
	}
	if err := p.gatherShared(ctx, who); err != nil {
		return nil, nil, err
	}
	if !who.known() {
		return nil, nil, nil
	}
	return who, members, nil
}

// gatherShared adds what of shared identifiers is the person's.
func (p *Pipeline) gatherShared(ctx context.Context, who *person) error {
	for i := range who.shared {
		s := &who.shared[i]
		a, err := p.copyAnchor(ctx, s.Identifier.Key())
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		cut, err := p.cutOf(ctx, a, s)
		if err != nil {
			return err
		}
		who.anchors = append(who.anchors, cut)
		first, last := a.partial.Seen()
		who.whole = append(who.whole, profile.IdentifierSeen{Identifier: a.ident, FirstSeen: first, LastSeen: last})
	}
	return nil
}

// refer reads a reference: a profile id has no colon, an identifier has one.
func (p *Pipeline) refer(ref string) (id.Key, event.Identifier, error) {
	namespace, value, ok := strings.Cut(ref, ":")
	if !ok {
		k, gone, ok := p.cipher.key(ref)
		if !ok {
			return k, event.Identifier{}, fault.Errorf(fault.NotFound, "profile_not_found",
				"%q is neither a profile id (32 hexadecimal digits) nor namespace:value", ref)
		}
		if gone {
			return k, event.Identifier{}, fault.Errorf(fault.Gone, "profile_erased", "the person with the id %s was erased", ref)
		}
		return k, event.Identifier{Value: ref}, nil
	}
	ident, reason := p.Rules().Normalise(event.Identifier{Namespace: namespace, Value: value})
	if reason != "" {
		return id.Key{}, ident, fault.Errorf(fault.NotFound, "profile_not_found", "%q names nobody: %s", ref, reason)
	}
	return ident.Key(), ident, nil
}

// members gives the identifiers of a person from the graph, strongest first.
func (p *Pipeline) members(ctx context.Context, k id.Key) ([]event.Identifier, error) {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	return p.graph.Person(ctx, k)
}

// name lists the identifiers with when they were seen, and makes the id: that
// of the identifier that the door took first. What is loaded later was taken
// later, so history does not change the ids of people who are there.
// An identifier that was met and is not the person's is left out: it is
// shared, or a limit refused it. No members: the graph knows nothing of them.
func (p *Pipeline) name(who *person, members []event.Identifier) {
	met := sightings{}
	ignored := p.ignored(members)
	for _, a := range who.anchors {
		if !a.blank() || len(who.anchors) == 1 {
			first, last := who.seen(a)
			met.note(members, edge{ident: a.ident, first: first, last: last, received: a.received})
		}
		for _, e := range a.edges {
			if !ignored[identity.PairOf(a.key, e.key)] {
				met.note(members, e)
			}
		}
	}
	if len(met) == 0 { // of what they share nothing is theirs
		for _, a := range who.anchors {
			// There may be a row of one that was a home for a while, or not.
			if first, last := who.seen(a); first != 0 || len(who.anchors) == 1 {
				met.note(members, edge{ident: a.ident, first: first, last: last, received: a.received})
			}
		}
	}
	var earliest edge
	for _, s := range met {
		who.members = append(who.members, profile.IdentifierSeen{Identifier: s.ident, FirstSeen: s.first, LastSeen: s.last})
		if before := cmp.Compare(s.received, earliest.received); earliest.ident.Value == "" ||
			cmp.Or(before, p.Rules().Compare(s.ident, earliest.ident)) < 0 {
			earliest = *s
		}
	}
	slices.SortFunc(who.members, func(a, b profile.IdentifierSeen) int { return p.Rules().Compare(a.Identifier, b.Identifier) })
	who.id = p.cipher.id(earliest.ident.Key())
}

// ignored are the edges among a person's identifiers that are as if they had
// never been seen.
func (p *Pipeline) ignored(members []event.Identifier) map[identity.Pair]bool {
	var out map[identity.Pair]bool
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	p.graph.About(members, func(f *identity.Fact) {
		if f.Op == identity.Ignore {
			if out == nil {
				out = map[identity.Pair]bool{}
			}
			out[f.Pair()] = true
		}
	})
	return out
}

// sightings are when a person's identifiers were seen, by identifier.
type sightings map[event.Identifier]*edge

// note adds a sighting of a member; no members: of anybody.
func (m sightings) note(members []event.Identifier, e edge) {
	if len(members) > 0 && !slices.Contains(members, e.ident) {
		return
	}
	if e.received == 0 { // only commands spoke of it
		e.received = math.MaxInt64
	}
	s := m[e.ident]
	if s == nil {
		m[e.ident] = &e
		return
	}
	if e.first != 0 && (s.first == 0 || e.first < s.first) {
		s.first = e.first
	}
	s.last = max(s.last, e.last)
	s.received = min(s.received, e.received)
}

// seen gives when the person used an anchor's identifier. Of a shared one, of
// which nothing is the person's, there is only to say when anybody did.
func (who *person) seen(a *anchor) (first, last clock.Instant) {
	if a.blank() {
		for _, s := range who.whole {
			if s.Identifier == a.ident {
				return s.FirstSeen, s.LastSeen
			}
		}
	}
	return a.partial.Seen()
}

// blank tells that nothing is known of an anchor, or of its cut.
func (a *anchor) blank() bool {
	first, _ := a.partial.Seen()
	return first == 0 && len(a.told) == 0
}

// writeCursor makes the opaque place at which a list goes on.
func writeCursor(after []byte) string { return base64.RawURLEncoding.EncodeToString(after) }

func readCursor(c string) ([]byte, error) {
	if c == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c)
	if err != nil || len(b) == 0 {
		return nil, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is not one that this list gave; leave it out to begin at the start").At("cursor")
	}
	return b, nil
}
