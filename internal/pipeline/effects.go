package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/effect"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// foldEffect takes what was said of an effect into its rows.
func (w *people) foldEffect(r *store.Record) {
	f, err := effect.ReadFact(r.Payload)
	if err != nil {
		if r.Payload != nil {
			w.log.Error("effect cannot be read", "position", r.Position, "error", err)
		}
		return // erased: who was to be told of is nobody any more
	}
	out := func(key []byte, op store.Op, value []byte) {
		if key != nil {
			w.rows = append(w.rows, store.Change{RowKey: store.RowKey{Table: store.TableOutbox, Bucket: r.Bucket, Key: key}, Op: op, Value: value})
		}
	}
	count := func(what string, n int64) { w.tally.effect(f.Destination, what, n) }
	place := binary.BigEndian.AppendUint64(nil, uint64(r.Position))
	switch f.Op {
	case effect.OpSend:
		out(f.PlanKey(r.Anchor), store.Delete, nil)
		out(f.SendKey(), store.Put, place)
		f.Outcome, f.Sent = effect.Waiting, uint64(r.Position)
		count(string(effect.Waiting), 1)
	case effect.OpSkip:
		out(f.PlanKey(r.Anchor), store.Delete, nil)
		count(f.Reason, 1)
		if f.ID == "" {
			return
		}
		f.Outcome = effect.NotSent
	case effect.OpTold:
		out(effect.ToldKey(f.Destination, f.Segment, f.Person), store.Put, []byte(f.Known))
		return
	case effect.OpResult:
		w.foldResult(f, out)
	case effect.OpAgain, effect.OpDiscard:
		w.foldVerdict(f, out)
	case effect.OpPurge:
		for _, key := range f.Rows {
			out(key, store.Delete, nil)
		}
		return
	}
	value, err := effect.DeliveryValue(f.Sent, uint64(r.Position), f.Head())
	if err != nil {
		w.log.Error("delivery cannot be listed", "position", r.Position, "error", err)
		return
	}
	out(f.DeliveryKey(), store.Put, value)
}

// foldVerdict takes what was said of a dead letter into its rows.
func (w *people) foldVerdict(f *effect.Fact, out func(key []byte, op store.Op, value []byte)) {
	out(f.DeadKey(), store.Delete, nil)
	f.Outcome = effect.Discarded
	if f.Op == effect.OpAgain {
		out(f.SendKey(), store.Put, binary.BigEndian.AppendUint64(nil, f.Sent))
		f.Outcome = effect.Waiting
	}
	w.tally.effect(f.Destination, string(effect.Dead), -1)
	w.tally.effect(f.Destination, string(f.Outcome), 1)
}

// foldResult takes what came of a message into its rows.
func (w *people) foldResult(f *effect.Fact, out func(key []byte, op store.Op, value []byte)) {
	if f.Outcome.Final() {
		out(f.SendKey(), store.Delete, nil)
		w.tally.effect(f.Destination, string(effect.Waiting), -1)
		what := string(f.Outcome)
		if f.Outcome == effect.NotSent {
			what = f.Reason
		}
		w.tally.effect(f.Destination, what, 1)
	}
	if f.Outcome != effect.Dead {
		return
	}
	out(f.DeadKey(), store.Put, binary.BigEndian.AppendUint64(nil, f.Sent))
	if _, is := effect.OfBroadcast(f.Destination); is && f.Status/100 == 5 {
		// The server of mail said at once what others send back later.
		out(effect.ResponseKey(f.Destination, effect.Bounced, f.Bytes()), store.Put, nil)
	}
}

// Effect is a fact with the anchor under which it is sealed.
type Effect struct {
	Anchor id.Key
	effect.Fact
}

// KeepEffects appends what is sent or not, and what came of it, all in one
// step, and gives the places in the log. What was reserved for it is taken in the
// same step: there is no moment at which one is written down and not the other.
func (p *Pipeline) KeepEffects(ctx context.Context, list []Effect, reserved ...*Reservation) ([]store.Position, error) {
	frame := &store.Frame{Records: make([]store.Record, len(list), len(list)+len(reserved))}
	now := p.clock.Now()
	for i := range list {
		payload, err := list[i].Encode()
		if err != nil {
			return nil, fmt.Errorf("encode effect: %w", err)
		}
		k := list[i].Anchor
		frame.Records[i] = store.Record{Kind: store.KindEffect, Bucket: k.Bucket(), Anchor: k, Received: now, Payload: payload}
	}
	for _, r := range reserved {
		record, err := r.record(now, r.mark)
		if err != nil {
			return nil, fmt.Errorf("encode what is taken of offer %q: %w", r.Offer, err)
		}
		frame.Records = append(frame.Records, record)
	}
	if _, err := p.append(ctx, frame); err != nil {
		return nil, err
	}
	out := make([]store.Position, len(list))
	for i := range out {
		out[i] = frame.Records[i].Position
	}
	return out, nil
}

// Applied waits until the records up to a position are applied, with what
// follows from them; definitions that come into force are not waited for.
func (p *Pipeline) Applied(ctx context.Context, at store.Position) error {
	return p.waitRecords(ctx, Receipt{Position: at})
}

// Told gives what destinations know of people, in the order of the questions:
// empty where they know nothing.
func (p *Pipeline) Told(ctx context.Context, asked []effect.Fact) ([]string, error) {
	keys := make([]store.RowKey, len(asked))
	for i := range asked {
		keys[i] = store.RowKey{Table: store.TableOutbox, Bucket: ToldAnchor(&asked[i]).Bucket(), Key: effect.ToldKey(asked[i].Destination, asked[i].Segment, asked[i].Person)}
	}
	rows, err := p.store.State().Load(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(asked))
	for i, parts := range rows {
		if len(parts) > 0 {
			out[i] = string(parts[len(parts)-1])
		}
	}
	return out, nil
}

// ToldNow is Told with all that was said before the call.
func (p *Pipeline) ToldNow(ctx context.Context, asked []effect.Fact) ([]string, error) {
	if err := p.commitPeople(ctx); err != nil {
		return nil, err
	}
	return p.Told(ctx, asked)
}

// commitPeople lets rows have what the lanes of people know.
func (p *Pipeline) commitPeople(ctx context.Context) error {
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Responses are what recipients did with what a destination was told, and what
// became of it on its way.
func (p *Pipeline) Responses(ctx context.Context, destination string) (*effect.Responses, error) {
	if err := p.commitPeople(ctx); err != nil {
		return nil, err
	}
	out, prefix := &effect.Responses{}, effect.ResponsePrefix(destination)
	err := p.store.State().ScanSpan(ctx, store.SpanRange{Table: store.TableOutbox, Span: allPeople(), Prefix: prefix}, func(_ id.Bucket, key []byte, _ [][]byte) store.Step {
		out.Add(key[len(prefix):])
		return store.NextRow
	})
	return out, err
}

// ToldAnchor is where what a destination knows of a person is kept: not with an
// identifier of the person, which another person may have tomorrow.
func ToldAnchor(f *effect.Fact) id.Key { return id.KeyOf("told", f.Destination+"\x00"+f.Person) }

// Subject is a person whom something is to be sent about.
type Subject struct {
	View       *profile.View
	Permission *Permission // nil where no use was named
}

// Subject finds the person of an anchor and asks for the permission of some
// uses. It is nil where nobody is known by the anchor, or not any more.
func (p *Pipeline) Subject(ctx context.Context, k id.Key, whole bool, uses []Use) (*Subject, error) {
	who, err := p.gatherKey(ctx, k)
	if err != nil || who == nil {
		return nil, err
	}
	opts, err := p.showing(ctx, who, false)
	if err != nil {
		return nil, err
	}
	s := &Subject{View: profile.Assemble(who.members, who.partials(), opts)}
	if whole {
		if err := p.evaluate(ctx, who, s.View, false); err != nil {
			return nil, err
		}
	}
	if len(uses) > 0 {
		s.Permission, err = p.permit(ctx, who, uses, p.clock.Now())
	}
	return s, err
}

// AnchorOf gives the anchor of a person that a reference names.
func (p *Pipeline) AnchorOf(ctx context.Context, ref string) (id.Key, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return id.Key{}, err
	}
	return who.anchors[0].key, nil
}

// EffectAt gives what the log says of an effect; store.ErrErased where the
// person was erased.
func (p *Pipeline) EffectAt(ctx context.Context, at store.Position) (Effect, error) {
	r, err := p.store.Log().At(ctx, at)
	if err != nil {
		return Effect{}, err
	}
	if r.Payload == nil {
		return Effect{}, store.ErrErased
	}
	f, err := effect.ReadFact(r.Payload)
	if err != nil {
		return Effect{}, err
	}
	return Effect{r.Anchor, *f}, nil
}

// Message is what waits to be sent.
type Message struct {
	Place  effect.Place
	Sent   store.Position // where the log has it
	Anchor id.Key         // one that lies in the same bucket
}

// AnchorIn is a key that lies in a bucket, for what is said of nobody there.
func AnchorIn(b id.Bucket) id.Key {
	var k id.Key
	binary.BigEndian.PutUint16(k[:], uint16(b)<<4)
	return k
}

// sendWindow is how many rows of a bucket are read at once.
const sendWindow = 8

// ToSend gives messages of a destination that wait, behind a place and in their
// order; more tells that others follow. Dead letters where dead is true.
func (p *Pipeline) ToSend(ctx context.Context, destination string, after effect.Place, dead bool) (out []Message, more bool, err error) {
	if err := p.commitPeople(ctx); err != nil {
		return nil, false, err
	}
	prefix := effect.SendPrefix(destination)
	if dead {
		prefix = effect.DeadPrefix(destination)
	}
	var bound *effect.Place
	at, n := id.CommonBucket, 0
	var bad error
	err = p.store.State().ScanSpan(ctx, store.SpanRange{
		Table: store.TableOutbox, Span: allPeople(), Prefix: prefix, After: after.Append(slices.Clone(prefix), false),
	}, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		if b != at {
			at, n = b, 0
		}
		m := Message{Anchor: AnchorIn(b)}
		if m.Place, bad = effect.ReadPlace(key[len(prefix):], false); bad != nil {
			return store.Stop
		}
		if bound != nil && m.Place.Compare(*bound) > 0 {
			return store.NextBucket
		}
		m.Sent = store.Position(binary.BigEndian.Uint64(parts[0]))
		out = append(out, m)
		if n++; n < sendWindow {
			return store.NextRow
		}
		bound, more = &m.Place, true
		return store.NextBucket
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, false, err
	}
	if bound != nil {
		out = slices.DeleteFunc(out, func(m Message) bool { return m.Place.Compare(*bound) > 0 })
	}
	slices.SortFunc(out, func(a, b Message) int { return a.Place.Compare(b.Place) })
	return out, more, nil
}

// EffectCounts are the messages of destinations: what became of them, or why
// there are none.
func (p *Pipeline) EffectCounts() map[string]map[string]int64 {
	sum := tally{}
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		sum.add(&tally{Effects: w.tally.Effects})
		p.lanes[i].mu.Unlock()
	}
	return sum.Effects
}
