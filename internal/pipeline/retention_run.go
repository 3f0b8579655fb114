package pipeline

import (
	"context"
	"maps"
	"math"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/retention"
	"rapport/internal/store"
)

// ExpiryData counts what a run found.
type ExpiryData struct {
	Events      int    `json:"events" doc:"Events that are older than their policy keeps them, copies not counted"`
	Copies      int    `json:"copies" doc:"Copies of these in the log; a dry run does not look for them"`
	Bytes       uint64 `json:"bytes" doc:"What these events say, before it is compressed"`
	Identifiers int    `json:"identifiers" doc:"Strongest identifiers that they are of: each keeps one base record per source"`
	// Policies are events by the key of the policy that asks for it first.
	Policies map[string]int `json:"policies" doc:"Events by policy"`
	// Kept are events that stay all the same, by reason.
	Kept   map[string]int `json:"kept" doc:"Events that are old enough and stay, by reason: needed (of orders, carts, accounts, consent, experiments or offers), shared_identifier (of a device that several people use), replayed (a dead letter once)"`
	Oldest clock.Instant  `json:"oldest,omitzero" doc:"When the oldest of them happened"`
}

// The reasons for which an event stays.
const (
	keptNeeded   = "needed"
	keptShared   = "shared_identifier"
	keptReplayed = "replayed"
)

// Expiring is how far a run has come. It is kept as the cursor of its job.
type Expiring struct {
	Next id.Bucket `json:"next"` // the first bucket that is not done
	ExpiryData
}

// The size of a step: what is gathered before something is written, and how many
// messages one base takes at a time.
const (
	expiryAnchors  = 20_000
	expiryMessages = 200_000
	baseMessages   = 20_000
)

// Expire takes the events out that lie below some floors, bucket by bucket, or
// counts them. at is where to begin and how far it came; keep makes it durable.
// What a run left undone before, the next one does first.
func (p *Pipeline) Expire(ctx context.Context, list []retention.Floor, dry bool, at *Expiring, keep func(context.Context) error) error {
	if at.Policies == nil {
		at.Policies, at.Kept = map[string]int{}, map[string]int{}
	}
	if !dry {
		if err := p.prepareExpiry(ctx, list); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.persist(ctx); err != nil {
		return err
	}
	seen := &copies{}
	for at.Next < id.CommonBucket && len(list) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		x := &expiry{p: p, floors: list, dry: dry, data: at.ExpiryData.clone(), copies: seen}
		next, err := x.step(ctx, at.Next)
		if err != nil {
			return err
		}
		at.Next, at.ExpiryData = next, x.data
		if err := keep(ctx); err != nil {
			return err
		}
	}
	at.Next = id.CommonBucket
	return keep(ctx)
}

func (d ExpiryData) clone() ExpiryData {
	d.Policies, d.Kept = maps.Clone(d.Policies), maps.Clone(d.Kept)
	return d
}

// prepareExpiry raises the floors, and ends what an earlier run began.
func (p *Pipeline) prepareExpiry(ctx context.Context, list []retention.Floor) error {
	p.privacy.one.Lock() // one at a time changes the log
	defer p.privacy.one.Unlock()
	now := *p.floors.Load()
	raised, changed := retention.Raise(now.Floors, list)
	if changed {
		now.Floors = raised
		if err := p.sayFloors(ctx, now); err != nil {
			return err
		}
	}
	return p.closeExpiry(ctx)
}

// expiry is one step of a run.
type expiry struct {
	p      *Pipeline
	floors []retention.Floor
	dry    bool // it counts, and gathers nothing
	data   ExpiryData
	drops  []drop
	copies *copies // of all steps of the run
	// gathered is how many messages are in drops.
	gathered int
	more     bool // these buckets have more than one step takes
}

// drop is what is to be taken from an anchor.
type drop struct {
	key     id.Key
	copied  bool                       // it had copies
	sources map[string][]profile.Entry // by source
	doubles map[uint64][]store.Position
}

// step does the next buckets and gives the first that is not done.
func (x *expiry) step(ctx context.Context, from id.Bucket) (id.Bucket, error) {
	if !x.dry {
		x.p.privacy.one.Lock()
		defer x.p.privacy.one.Unlock()
	}
	kept := maps.Clone(x.data.Kept)
	keys, next, err := x.p.anchorsFrom(ctx, from, nil)
	if err != nil {
		return from, err
	}
	for i, k := range keys {
		n, err := x.look(ctx, k)
		if err != nil {
			return from, err
		}
		if n >= expiryMessages && i < len(keys)-1 {
			x.more = true // the same buckets once more, without those that are done
			break
		}
	}
	if len(x.drops) == 0 {
		return next, nil
	}
	if err := x.findDoubles(ctx, from); err != nil {
		return from, err
	}
	// From here on it goes to its end, so that the log is not left behind.
	ctx = context.WithoutCancel(ctx)
	now := *x.p.floors.Load()
	now.Open = max(x.p.store.Log().End(), 1)
	if err := x.p.sayFloors(ctx, now); err != nil {
		return from, err
	}
	wrote, err := x.write(ctx)
	if err != nil {
		return from, err
	}
	if err := x.p.closeExpiry(ctx); err != nil {
		return from, err
	}
	if x.more && wrote {
		x.data.Kept = kept // what stays is counted by the last look at these buckets
		return from, nil
	}
	return next, nil
}

// anchorsFrom gives the anchors of the next buckets, whole buckets at a time: those
// whose rows are wanted, nil: all.
func (p *Pipeline) anchorsFrom(ctx context.Context, from id.Bucket, wanted func(parts [][]byte) bool) (keys []id.Key, next id.Bucket, err error) {
	next = id.CommonBucket
	at := store.SpanRange{Table: store.TableAnchors, Span: store.Span{First: from, Last: id.CommonBucket - 1}}
	err = p.store.State().ScanSpan(ctx, at, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		if len(keys) >= p.expirySlice && b != keys[len(keys)-1].Bucket() {
			next = b
			return store.Stop
		}
		if len(key) == len(id.Key{}) && (wanted == nil || wanted(parts)) {
			keys = append(keys, id.Key(key))
		}
		return store.NextRow
	})
	return keys, next, err
}

// look finds what is to be taken from an anchor, and gives how many messages
// are gathered so far.
func (x *expiry) look(ctx context.Context, k id.Key) (int, error) {
	a, err := x.p.copyAnchor(ctx, k)
	if err != nil {
		return x.gathered, err
	}
	entries, err := x.old(ctx, a)
	if err != nil || len(entries) == 0 {
		return x.gathered, err
	}
	d := drop{key: k, copied: a.copies > 0, sources: map[string][]profile.Entry{}}
	at := make([]store.Position, len(entries))
	for i := range entries {
		at[i] = store.Position(entries[i].Position)
	}
	found := 0
	if err := x.p.each(ctx, at, func(i int, r *store.Record) {
		if found >= baseMessages && !x.dry {
			x.more = true
			return
		}
		source, ok := x.takes(r, a.isCut)
		if !ok {
			return
		}
		found++
		if !x.dry {
			d.sources[source] = append(d.sources[source], entries[i])
		}
	}); err != nil {
		return x.gathered, err
	}
	if found > 0 {
		x.data.Identifiers++
	}
	if found > 0 && !x.dry {
		x.drops = append(x.drops, d)
		x.gathered += found
	}
	return x.gathered, nil
}

// old gives the events of an anchor that may lie below a floor.
func (x *expiry) old(ctx context.Context, a *anchor) ([]profile.Entry, error) {
	if a == nil || a.ident.Value == "" {
		return nil, nil
	}
	if first, _ := a.partial.Seen(); first >= x.highest() {
		return nil, nil
	}
	entries, err := x.p.finished(ctx, a.key, a.chunks, a.pending)
	return slices.DeleteFunc(append(entries, a.open...), func(e profile.Entry) bool { return !x.maybe(&e) }), err
}

// highest is the instant from which on nothing is taken.
func (x *expiry) highest() clock.Instant {
	top := clock.Instant(math.MinInt64)
	for i := range x.floors {
		top = max(top, x.floors[i].Before)
	}
	return top
}

// maybe tells from the entry alone whether an event may lie below a floor.
func (x *expiry) maybe(e *profile.Entry) bool {
	for i := range x.floors {
		f := &x.floors[i]
		if e.Time < f.Before.Add(-retention.Slack) && (len(f.Types) == 0 || slices.Contains(f.Types, e.Type.String())) &&
			(len(f.Names) == 0 || slices.ContainsFunc(f.Names, func(name string) bool { return profile.HashName(name) == e.Name })) {
			return true
		}
	}
	return false
}

// takes decides on one event, and gives from where it came.
func (x *expiry) takes(r *store.Record, shared bool) (source string, ok bool) {
	e, err := x.p.decode(r.Payload)
	if err != nil {
		return "", false // erased, or not understood today
	}
	i := slices.IndexFunc(x.floors, func(f retention.Floor) bool { return f.Drops(e) })
	if i < 0 {
		return "", false
	}
	switch {
	case r.Kind != store.KindEvent:
		x.data.Kept[keptReplayed]++
	case !x.p.droppable(e):
		x.data.Kept[keptNeeded]++
	case shared:
		x.data.Kept[keptShared]++
	default:
		x.data.Events++
		x.data.Bytes += uint64(len(r.Payload))
		x.data.Policies[x.floors[i].Policy]++
		if x.data.Oldest == 0 || e.Time < x.data.Oldest {
			x.data.Oldest = e.Time
		}
		return e.Source, true
	}
	return "", false
}
