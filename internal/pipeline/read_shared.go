package pipeline

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/profile"
)

// graphPerson gives the identifiers of a person from the graph, strongest
// first, and what of shared identifiers is the person's; no members where the
// graph does not know the identifier, which then stands for itself.
func (p *Pipeline) graphPerson(ctx context.Context, k id.Key) (members []event.Identifier, shared []graph.Shared, err error) {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	return p.graph.Whole(ctx, k)
}

// passedIn is the last instant that a tick said has passed in a bucket.
func (p *Pipeline) passedIn(b id.Bucket) clock.Instant {
	i := p.laneIndex(b)
	p.lanes[i].mu.Lock()
	defer p.lanes[i].mu.Unlock()
	return p.people[i].passed[b]
}

// chunkTimes gives the times of the finished chunks that a copy of an anchor
// has; nil where they are not known. A chunk keeps its entries, except where a
// copy of a message takes an entry's place: then the times are forgotten.
func (p *Pipeline) chunkTimes(a *anchor) []graph.Interval {
	i := p.laneIndex(a.key.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	now, ok := w.anchors.Get(a.key)
	if !ok || now.cuts == nil || len(now.cuts.times) != int(now.chunks) || now.chunks < a.chunks {
		return nil
	}
	return slices.Clone(now.cuts.times[:a.chunks])
}

// cutOf makes of a shared identifier's anchor what of it is one person's: its
// events within the person's times, folded by themselves. It reads the chunks of
// the timeline that reach into these times, as far as the chunks' are known.
func (p *Pipeline) cutOf(ctx context.Context, a *anchor, s *graph.Shared) (*anchor, error) {
	var entries []profile.Entry
	var err error
	if times := p.chunkTimes(a); times != nil {
		entries, err = p.someChunks(ctx, a, times, s.Owned)
	} else {
		entries, err = p.finished(ctx, a.key, a.chunks, a.pending)
	}
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(append(entries, a.open...), func(e profile.Entry) bool { return !within(s.Owned, e.Time) })
	out := &anchor{key: a.key, ident: a.ident, received: a.received, timer: a.timer, linked: true, home: a.home}
	again := &refolding{partial: profile.New()}
	err = p.refoldEntries(ctx, mine, func(e *event.Event, in profile.Input, entry profile.Entry) {
		again.fold(e, in)
		out.open = append(out.open, entry)
	})
	if err != nil {
		return nil, err
	}
	if out.told, err = p.refoldTold(ctx, a, s.Owned, again.portion); err != nil {
		return nil, err
	}
	if err := p.basesWithin(ctx, a, s.Owned, again.base); err != nil {
		return nil, err
	}
	if due := again.partial.Due(); due != 0 && due <= p.passedIn(a.key.Bucket()) {
		again.partial.Tick(due)
	}
	out.partial = again.partial
	return out, nil
}
