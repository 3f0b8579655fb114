package pipeline

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// A version of a segment that goes live is not in force at once: first it is
// evaluated for everybody, beside what is in force. Then a fact says that from
// its position on the new one counts. The fact goes to every lane, which so
// switches at one exact place in the log, and nobody sees half of a segment.

// criterion is one version of a segment, a computed trait or an affinity.
type criterion struct {
	Kind    definition.Kind `json:"kind"`
	Key     string          `json:"key"`
	Version int             `json:"version"`
	// ID numbers the evaluation: the same version has another one when it is
	// evaluated again because what it refers to has changed.
	ID uint64 `json:"id"`
}

func (c *criterion) compare(o *criterion) int {
	return cmp.Or(strings.Compare(string(c.Kind), string(o.Kind)), strings.Compare(c.Key, o.Key))
}

// same tells whether two criteria mean the same version.
func (c *criterion) same(o *criterion) bool {
	return c.Kind == o.Kind && c.Key == o.Key && c.Version == o.Version
}

// activation is the payload of KindActivation. What enters takes the place of
// what had its kind and key.
type activation struct {
	Time  clock.Instant `json:"time"`
	Enter []criterion   `json:"enter,omitempty"`
	Leave []criterion   `json:"leave,omitempty"`
}

// inForce is a criterion with the instant from which it counts.
type inForce struct {
	criterion
	since clock.Instant
	at    store.Position // of the fact that said so
}

// retirement is what became of a criterion that does not count any more.
type retirement struct {
	inForce
	ended clock.Instant
	until store.Position // the fact that ended it
	by    uint64         // what took its place, 0 where nothing did
}

// force is what counts at a position. It is never changed: apply gives another.
type force struct {
	position store.Position
	active   []inForce // by kind and key
	ids      map[uint64]int
	retired  map[uint64]retirement
	before   map[uint64]uint64 // whose place an evaluation took
}

func (f *force) find(kind definition.Kind, key string) *inForce {
	want := criterion{Kind: kind, Key: key}
	i, ok := slices.BinarySearchFunc(f.active, &want, func(a inForce, c *criterion) int { return a.compare(c) })
	if !ok {
		return nil
	}
	return &f.active[i]
}

// criterion finds what is or was in force by the number of its evaluation.
func (f *force) criterion(n uint64) *criterion {
	if i, ok := f.ids[n]; ok {
		return &f.active[i].criterion
	}
	r := f.retired[n]
	return &r.criterion
}

func (f *force) apply(a *activation, at store.Position) *force {
	out := &force{
		position: at, active: slices.Clone(f.active), ids: map[uint64]int{},
		retired: make(map[uint64]retirement, len(f.retired)+len(a.Enter)), before: make(map[uint64]uint64, len(f.before)),
	}
	maps.Copy(out.retired, f.retired)
	maps.Copy(out.before, f.before)
	drop := func(c *criterion, by uint64) {
		i := slices.IndexFunc(out.active, func(x inForce) bool { return x.Kind == c.Kind && x.Key == c.Key })
		if i < 0 {
			return
		}
		out.retired[out.active[i].ID] = retirement{out.active[i], a.Time, at, by}
		if by != 0 {
			out.before[by] = out.active[i].ID
		}
		out.active = slices.Delete(out.active, i, i+1)
	}
	for i := range a.Enter {
		drop(&a.Enter[i], a.Enter[i].ID)
		out.active = append(out.active, inForce{a.Enter[i], a.Time, at})
	}
	for i := range a.Leave {
		drop(&a.Leave[i], 0)
	}
	slices.SortFunc(out.active, func(x, y inForce) int { return x.compare(&y.criterion) })
	for i := range out.active {
		out.ids[out.active[i].ID] = i
	}
	return out
}

// criteria are those in force, without their instants.
func (f *force) criteria() []criterion {
	out := make([]criterion, len(f.active))
	for i := range f.active {
		out[i] = f.active[i].criterion
	}
	return out
}

var activationPrefix = []byte("activation\x00")

// activate notes what counts from a fact on. The rows let lanes find out what
// counted at their own position.
func (c *common) activate(r *store.Record) {
	a, err := readActivation(r)
	if err != nil {
		c.log.Error("activation cannot be read", "position", r.Position, "error", err)
		return
	}
	if now := c.force.Load(); now.position < r.Position {
		c.force.Store(now.apply(a, r.Position))
	}
	key := binary.BigEndian.AppendUint64(slices.Clone(activationPrefix), uint64(r.Position))
	c.rows = append(c.rows, rows.Common(store.TableMeta, key, store.Put, r.Payload))
}

func readActivation(r *store.Record) (*activation, error) {
	a := &activation{}
	if r.Payload == nil {
		return a, store.ErrErased
	}
	return a, json.Unmarshal(r.Payload, a)
}

// loadForce reads the activations that were committed and gives what counts
// after the last of them that is not behind a position.
func (s *setting) loadForce(ctx context.Context, upTo store.Position) (*force, error) {
	f := &force{}
	var bad error
	at := store.Range{Table: store.TableMeta, Bucket: id.CommonBucket, Prefix: activationPrefix}
	err := s.store.State().Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		position := store.Position(binary.BigEndian.Uint64(key[len(activationPrefix):]))
		if position > upTo {
			return false
		}
		a := &activation{}
		if bad = json.Unmarshal(parts[0], a); bad != nil {
			return false
		}
		f = f.apply(a, position)
		return true
	})
	if err = cmp.Or(err, bad); err != nil {
		return nil, fmt.Errorf("load activations: %w", err)
	}
	return f, nil
}
