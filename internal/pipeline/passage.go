package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
	"rapport/internal/store"
	"rapport/internal/wording"
)

// passage is an entry into a segment or an exit from it, as it is kept.
type passage struct {
	segment string
	version int
	entered bool
	cause   cause
	// position is of the record with which it was told: entries and exits of one
	// person are told in this order. 0: told by a version that did not keep it.
	position store.Position
	reasons  []byte // segment.AppendReasons; empty where a definition changed
}

// cause is what led to a passage.
type cause struct {
	kind      causeKind
	messageID string
	name      string        // of the event
	time      clock.Instant // of the event
}

// causeKind says what led to a passage. The numbers are on disk: append only.
type causeKind uint8

const (
	causeEvent causeKind = iota
	causeOrder
	causeTime
	causeMerge
	causeDefinition
	causeCorrection
	causeCatalog
	causeKinds // how many there are
)

func (c causeKind) String() string {
	return [causeKinds]string{"event", "order", "time", "merge", "definition", "correction", "catalog"}[c]
}

const (
	changeEntered = "entered"
	changeLeft    = "left"
)

// maxReasons bounds what is kept of the reasons of one entry or exit, in bytes.
const maxReasons = 4096

// passageVersion begins the row of a passage. A row of the one before has no
// position; one of another is refused.
const passageVersion = 2

var errPassage = errors.New("history row is damaged")

func (p *passage) append(b []byte) []byte {
	enc := wire.Encoder{B: append(b, passageVersion, rows.Flag(p.entered), byte(p.cause.kind))}
	enc.Uint(uint64(p.version))
	enc.Str(p.segment)
	enc.Str(p.cause.messageID)
	enc.Str(p.cause.name)
	enc.Int(int64(p.cause.time))
	enc.Uint(uint64(p.position))
	return append(enc.B, p.reasons...)
}

func readPassage(b []byte) (p passage, err error) {
	d := wire.NewDecoder(b, nil)
	version, entered, kind := d.Byte(), d.Byte(), d.Byte()
	p.version = int(d.Uint())
	p.segment, p.cause.messageID, p.cause.name = d.Str(), d.Str(), d.Str()
	p.cause.time = clock.Instant(d.Int())
	if version == passageVersion {
		p.position = store.Position(d.Uint())
	}
	if d.Bad() || version < 1 || version > passageVersion || entered > 1 || kind >= byte(causeKinds) {
		return passage{}, errPassage
	}
	p.entered, p.cause.kind, p.reasons = entered == 1, causeKind(kind), b[len(b)-d.Len():]
	return p, nil
}

// historyKey is the row of a passage: those of an anchor stand in the order of
// their instants.
func historyKey(a id.Key, at clock.Instant, n uint64, entered bool) []byte {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 33), a[:]...), uint64(at))
	b = binary.BigEndian.AppendUint64(b, n)
	if entered {
		return append(b, 1)
	}
	return append(b, 0)
}

// historyKeyLen is the length of such a key.
const historyKeyLen = len(id.Key{}) + 8 + 8 + 1

// pass is an entry or an exit. A rebuild tells none: they were told.
func (w *people) pass(a *anchor, c *criterion, at clock.Instant, p passage) {
	p.segment, p.version = c.Key, c.Version
	w.planPassage(a, c, at, &p)
	if !w.retelling.Load() {
		w.keepPassage(a, c, at, &p)
	}
}

// keepPassage keeps an entry or an exit.
func (w *people) keepPassage(a *anchor, c *criterion, at clock.Instant, p *passage) {
	p.segment, p.version = c.Key, c.Version
	p.position = w.position
	w.counted(c, at, p.entered)
	key := historyKey(a.key, at, c.ID, p.entered)
	w.rows = append(w.rows, w.row(store.TableHistory, a.key, key, store.Put, p.append(make([]byte, 0, 64))))
	w.tellFollower(a, key)
}

// reasons are why the person of the last evaluation is in a segment or not. They
// are valid until the next call.
func (g *glass) reasons(segment int) []byte {
	if g.said = g.eval.AppendReasons(g.said[:0], segment); len(g.said) > maxReasons {
		return nil
	}
	return g.said
}

// history adds the entries and exits that were kept of an anchor.
func (p *Pipeline) history(ctx context.Context, into []Passage, k id.Key, key string) ([]Passage, error) {
	err := p.eachPassage(ctx, k, func(at clock.Instant, x *passage) bool {
		if key == "" || x.segment == key {
			into = append(into, p.tellPassage(Language(ctx), x, at))
		}
		return true
	})
	return into, err
}

// PassedSince tells whether a person entered or left a segment by a record behind a
// position, all that is applied by now included.
func (p *Pipeline) PassedSince(ctx context.Context, k id.Key, segment string, at store.Position) (found bool, err error) {
	who, err := p.gatherKey(ctx, k)
	if err != nil || who == nil {
		return false, err
	}
	for _, m := range who.members {
		err := p.eachPassage(ctx, m.Key(), func(_ clock.Instant, x *passage) bool {
			found = x.segment == segment && x.position > at
			return !found
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// eachPassage visits the entries and exits that were kept of an anchor, the oldest
// first.
func (p *Pipeline) eachPassage(ctx context.Context, k id.Key, visit func(clock.Instant, *passage) bool) error {
	if err := p.lanes[p.laneIndex(k.Bucket())].commit(ctx); err != nil {
		return err
	}
	var bad error
	at := store.Range{Table: store.TableHistory, Bucket: k.Bucket(), Prefix: k[:]}
	err := p.store.State().Scan(ctx, at, func(row []byte, parts [][]byte) bool {
		var x passage
		if x, bad = readPassage(parts[0]); bad != nil {
			return false
		}
		return visit(clock.Instant(binary.BigEndian.Uint64(row[len(k):])), &x)
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("history of %s: %w", k, err)
	}
	return nil
}

// tellPassage gives a passage its words.
func (p *Pipeline) tellPassage(l wording.Language, x *passage, at clock.Instant) Passage {
	out := Passage{
		Segment: x.segment, Version: x.version, Change: changeLeft, At: at,
		Cause: Cause{x.cause.kind.String(), x.cause.messageID, x.cause.name, instant(x.cause.time)},
	}
	if x.entered {
		out.Change = changeEntered
	}
	of := func(c *criterion) *condition.Node {
		docs, err := p.library.get([]criterion{*c})
		if err != nil {
			return nil
		}
		return docs[0].condition
	}
	n := of(&criterion{Kind: definition.Segment, Key: x.segment, Version: x.version})
	if len(x.reasons) == 0 || n == nil {
		return out
	}
	force := p.common.force.Load()
	why, err := segment.RenderIn(l, slices.Clone(x.reasons), n, func(_ string, n uint64) *condition.Node { return of(force.criterion(n)) })
	if err != nil {
		p.log.Warn("reasons of a passage cannot be told", "segment", x.segment, "version", x.version, "error", err)
		return out
	}
	out.Why = why
	return out
}
