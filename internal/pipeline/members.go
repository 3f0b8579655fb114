package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// SegmentMember is a line of the list of a segment's members.
type SegmentMember struct {
	ID          string                   `json:"id"`
	Since       clock.Instant            `json:"since"`
	Identifiers []profile.IdentifierSeen `json:"identifiers"`
}

// MemberProfile is a member of a segment with the profile, which says nothing of
// segments.
type MemberProfile struct {
	SegmentMember
	Profile *profile.View
}

// SegmentMembers lists who is in a segment, in an order that stays the same and
// says nothing.
func (p *Pipeline) SegmentMembers(ctx context.Context, key, cursor string, limit int) (Page[SegmentMember], error) {
	people, next, err := p.membersOf(ctx, key, cursor, limit)
	page := Page[SegmentMember]{Next: next}
	for _, m := range people {
		page.Items = append(page.Items, m.told())
	}
	return page, err
}

// SegmentProfiles is SegmentMembers with the profiles, for an export; computed
// says whether computed traits and affinities are wanted, which takes longer.
// What it reads it reads for many together.
func (p *Pipeline) SegmentProfiles(ctx context.Context, key, cursor string, limit int, computed bool) (Page[MemberProfile], error) {
	people, next, err := p.membersOf(ctx, key, cursor, limit)
	page := Page[MemberProfile]{Next: next}
	if err != nil || len(people) == 0 {
		return page, err
	}
	opts, err := p.showing(ctx, people[0].who, false)
	if err != nil {
		return page, err
	}
	for _, m := range people {
		opts.ID = m.who.id
		page.Items = append(page.Items, MemberProfile{m.told(), profile.Assemble(m.who.members, m.who.partials(), opts)})
	}
	if computed {
		err = p.computeFor(ctx, people, page.Items)
	}
	return page, err
}

// member is somebody who is in a segment, and the home that says so.
type member struct {
	who   *person
	home  id.Key
	since clock.Instant
}

func (m *member) told() SegmentMember {
	return SegmentMember{ID: m.who.id, Since: m.since, Identifiers: m.who.members}
}

// membersOf reads a page of the members of a segment.
func (p *Pipeline) membersOf(ctx context.Context, key, cursor string, limit int) (out []member, next string, err error) {
	after, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	c := p.common.force.Load().find(definition.Segment, key)
	if c == nil {
		return nil, "", nil // not in force yet: nobody is in it
	}
	keys, err := p.memberKeys(ctx, c.ID, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(keys) > limit {
		keys = keys[:limit]
		next = writeCursor(keys[limit-1][:])
	}
	for some := range slices.Chunk(keys, knownAtOnce) {
		people, err := p.whoAre(ctx, some)
		if err != nil {
			return nil, "", err
		}
		for i, who := range people {
			if who == nil {
				continue
			}
			at, err := p.membershipsAt(ctx, who, some[i])
			if err != nil {
				return nil, "", err
			}
			m := member{who: who, home: some[i]}
			if at != nil {
				m.since = at.get(c.ID).since
			}
			out = append(out, m)
		}
	}
	return out, next, nil
}

// membershipsAt are those of a person at its home. Where the home is an identifier
// that several share, what was gathered is cut out of it and says nothing of them.
func (p *Pipeline) membershipsAt(ctx context.Context, who *person, home id.Key) (*memberships, error) {
	i := slices.IndexFunc(who.anchors, func(a *anchor) bool { return a.key == home && a.members != nil })
	if i >= 0 {
		return who.anchors[i].members, nil
	}
	a, err := p.copyAnchor(ctx, home)
	if err != nil || a == nil {
		return nil, err
	}
	return a.members, nil
}

// computedAtOnce is for how many people a lane does nothing else while their
// computed traits are worked out.
const computedAtOnce = 32

// computeFor adds computed traits and affinities to the profiles of members.
func (p *Pipeline) computeFor(ctx context.Context, list []member, views []MemberProfile) error {
	lanes := make([][]int, len(p.people)) // places in list
	for i := range list {
		l := p.laneIndex(list[i].home.Bucket())
		lanes[l] = append(lanes[l], i)
	}
	for l, places := range lanes {
		for some := range slices.Chunk(places, computedAtOnce) {
			keys := make([]id.Key, len(some))
			for i, at := range some {
				keys[i] = list[at].home
			}
			err := p.atHomes(ctx, l, keys, func(w *people, i int, a *anchor) {
				w.showComputed(a, views[some[i]].Profile, max(w.present(a), p.clock.Now()))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// atHomes looks at homes of one lane with all their parts, while it does nothing
// else. Those who are gone are passed over.
func (p *Pipeline) atHomes(ctx context.Context, lane int, keys []id.Key, visit func(w *people, i int, a *anchor)) error {
	l, w := p.lanes[lane], p.people[lane]
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.glass == nil || !w.glass.computes {
		return nil
	}
	list := make([]*anchor, len(keys))
	var missing []store.RowKey
	var places []int
	for i, k := range keys {
		if a, ok := w.anchors.Get(k); ok {
			list[i] = a
			continue
		}
		missing = append(missing, store.RowKey{Table: store.TableAnchors, Bucket: k.Bucket(), Key: bytes.Clone(k[:])})
		places = append(places, i)
	}
	rows, err := w.store.State().Load(ctx, missing)
	if err != nil {
		return fmt.Errorf("load %d people: %w", len(missing), err)
	}
	for n, parts := range rows {
		if i := places[n]; parts != nil {
			if list[i], err = w.whole(keys[i], parts, nil); err != nil {
				return err
			}
		}
	}
	if err := w.loadForeign(ctx, slices.DeleteFunc(slices.Clone(list), func(a *anchor) bool { return a == nil })); err != nil {
		return err
	}
	w.position = max(w.position, l.applied)
	for i, a := range list {
		if a != nil {
			visit(w, i, a)
		}
	}
	return nil
}

// memberKeys reads the homes listed as members of an evaluation, behind a key.
func (p *Pipeline) memberKeys(ctx context.Context, evaluation uint64, after []byte, limit int) ([]id.Key, error) {
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return nil, err
		}
	}
	prefix := binary.BigEndian.AppendUint64(nil, evaluation)
	from := id.Bucket(0)
	if len(after) == len(id.Key{}) {
		from = id.Key(after).Bucket()
		after = append(bytes.Clone(prefix), after...)
	} else {
		after = nil
	}
	var keys []id.Key
	// A key begins with its bucket: one of a later bucket is behind after.
	at := store.SpanRange{Table: store.TableMembers, Span: store.Span{First: from, Last: id.Buckets - 1}, Prefix: prefix, After: after}
	err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, _ [][]byte) store.Step {
		if len(keys) == limit {
			return store.Stop
		}
		keys = append(keys, id.Key(key[len(prefix):]))
		return store.NextRow
	})
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return keys, nil
}
