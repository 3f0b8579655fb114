package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/trace"
)

// Accept takes what a request brought into the log: when it returns without an
// error, all of it is on disk and counted. Where too much waits to be applied
// it refuses with fault.Limited, and nothing of the request is kept.
func (p *Pipeline) Accept(ctx context.Context, s *Submission) (Receipt, error) {
	if err := p.takeIn(ctx, s); err != nil {
		return Receipt{}, err
	}
	p.refuseErased(s)
	if err := p.admit(ctx, s); err != nil {
		return Receipt{}, err
	}
	// What passes by a floor is in the log before the floor is said to be raised.
	p.floors.passing.RLock()
	defer p.floors.passing.RUnlock()
	p.refuseExpired(s)
	buf := p.payloads.Get().(*[]byte)
	// The payloads lie in buf until they are in the log; lanes do not read them.
	defer p.payloads.Put(buf)
	frame, bytes := p.frame(s, buf)
	if err := p.takeWith(frame, s); err != nil {
		return Receipt{}, err
	}
	if frame.Received == 0 {
		return Receipt{Position: p.store.Log().End()}, nil // nothing came: what is there counts
	}
	if waiting := p.waiting.Add(int64(bytes)); waiting > p.room.most && bytes > 0 {
		waiting = p.waiting.Add(-int64(bytes))
		return Receipt{}, fault.Errorf(fault.Limited, "busy", "more events wait than the memory limit allows; send this request again later: %w",
			&turnError{p.room.line(int64(bytes), waiting, time.Now())})
	}
	ctx, step := trace.Start(ctx, "append")
	defer step.End()
	step.Number("events", len(s.Events))
	receipt, err := p.append(ctx, frame)
	if err != nil {
		step.Failed(fault.Of(err).Code)
		p.waiting.Add(-int64(bytes))
	}
	return receipt, err
}

// roomPause is how long a background job waits until it asks for room again.
const roomPause = 100 * time.Millisecond

// accepting is who takes a submission: a pipeline, or what stands before one.
type accepting interface {
	Accept(ctx context.Context, s *Submission) (Receipt, error)
}

// Deliver hands over what a background job made; where there is no room it waits
// for some. Its error is that of Accept, or why the context ended.
func Deliver(ctx context.Context, a accepting, s *Submission) (Receipt, error) {
	for {
		receipt, err := a.Accept(ctx, s)
		if fault.KindOf(err) != fault.Limited {
			return receipt, err
		}
		select {
		case <-ctx.Done():
			return receipt, context.Cause(ctx)
		case <-time.After(roomPause):
		}
	}
}

// takeIn lets the sources' own rules decide on each event, and what follows from
// how it came be written beside it.
func (p *Pipeline) takeIn(ctx context.Context, s *Submission) error {
	if p.intake == nil {
		return nil
	}
	return p.intake(ctx, s)
}

// live travels with a record that the door took: its decoded event, which
// spares the lane the decoding, and the room it takes while it waits. A record
// without it was replayed.
type live struct {
	event *event.Event // nil for a dead letter
	bytes int
}

// frame makes the records of a submission, and tells how much room they take
// until they are applied. An event's bucket and the key it is sealed under are
// those of its anchor, for ever.
func (p *Pipeline) frame(s *Submission, payloads *[]byte) (frame *store.Frame, bytes int) {
	frame = &store.Frame{Records: make([]store.Record, 0, len(s.Events)+len(s.Dead)), Rejected: s.Rejected}
	size := 0
	for i := range s.Events {
		size += len(s.Events[i].Event.Body.Raw()) + len(s.Events[i].Envelope.Shared) + len(s.Events[i].Envelope.Derived) + 160
	}
	buf := slices.Grow((*payloads)[:0], size)
	*payloads = buf
	arrived := make([]live, len(s.Events)+len(s.Dead))
	for i := range s.Events {
		a := &s.Events[i]
		k := a.Event.Anchor().Key()
		at := len(buf)
		buf = a.Envelope.AppendPayload(buf, a.Event.Body.Raw())
		arrived[i] = live{a.Event, 2*(len(buf)-at) + recordOverhead}
		bytes += arrived[i].bytes
		frame.Records = append(frame.Records, store.Record{
			Kind: store.KindEvent, Bucket: k.Bucket(), Anchor: k,
			Received: a.Event.ReceivedAt, Payload: buf[at:len(buf):len(buf)], Attached: &arrived[i],
		})
	}
	for i := range s.Dead {
		d := &s.Dead[i]
		l := &arrived[len(s.Events)+i]
		l.bytes = 2*len(d.Body) + recordOverhead
		bytes += l.bytes
		frame.Records = append(frame.Records, store.Record{
			Kind: store.KindDeadLetter, Bucket: id.CommonBucket, Anchor: id.KeyOf("source", d.Envelope.Source),
			Received: s.Received, Payload: d.append(nil), Attached: l,
		})
	}
	frame.Received = uint64(len(s.Events) + len(s.Dead))
	for _, r := range s.Rejected {
		frame.Received += r.N
	}
	return frame, bytes
}

// append seals a frame and waits until it is durable and handed to the lanes.
func (p *Pipeline) append(ctx context.Context, frame *store.Frame) (Receipt, error) {
	if err := p.store.Log().Seal(ctx, frame); err != nil {
		return Receipt{}, unavailable(err)
	}
	traced(ctx, frame)
	t, err := p.seq.submit(frame, payloadBytes(frame.Records), false)
	if err != nil {
		return Receipt{}, unavailable(err)
	}
	// Once queued the frame goes into the log whatever the client does, so the
	// answer waits for it even if nobody waits for the answer.
	<-t.done
	if t.err != nil {
		return Receipt{}, unavailable(t.err)
	}
	if n := len(frame.Records); n > 0 {
		return Receipt{Position: frame.Records[n-1].Position}, nil
	}
	return Receipt{Position: p.store.Log().End()}, nil
}

func unavailable(err error) error {
	switch {
	case errors.Is(err, store.ErrFull):
		return fault.Errorf(fault.Unavailable, "disk_full", "the disk is full, nothing of this request was kept; free space, then send it again: %w", err)
	case errors.Is(err, store.ErrClosed):
		return fault.Errorf(fault.Unavailable, "stopping", "the server is stopping; send the request again: %w", err)
	}
	return fault.Errorf(fault.Unavailable, "log_unavailable", "the log cannot be written, nothing of this request was kept: %w", fmt.Errorf("append: %w", err))
}

// recordOverhead is about what a waiting record takes beside its payload and
// its decoded event, which is about as large again.
const recordOverhead = 512

func payloadBytes(records []store.Record) int {
	n := 0
	for i := range records {
		n += len(records[i].Payload)
	}
	return n
}

// broadcast tells whether records of a kind go to every lane.
func broadcast(k store.Kind) bool { return k == store.KindActivation }

// deliver hands appended frames to the lanes, in the order of the log.
// During a replay they are read from the log in their turn.
func (p *Pipeline) deliver(frames []*store.Frame, end store.Position) {
	if p.replaying.Load() {
		return
	}
	parts := make([][]*store.Record, len(p.lanes))
	for _, f := range frames {
		p.followTrace(f)
		for i := range f.Records {
			r := &f.Records[i]
			p.foresee(r)
			if l, ok := r.Attached.(*live); ok && l.event != nil {
				r.Payload = nil // its buffer goes back to the door
			}
			p.library.learn(r)
			p.learnItem(r)
			p.plans.learn(r)
			p.learnExperience(r)
			n := p.laneIndex(r.Bucket)
			parts[n] = append(parts[n], r)
			if broadcast(r.Kind) {
				for n := range p.people {
					parts[n] = append(parts[n], r)
				}
			}
		}
	}
	for n, l := range p.lanes {
		l.push(parts[n], end)
	}
}

// free gives back the room that the door's records took in the queues.
func (p *Pipeline) free(records []*store.Record) {
	n := 0
	for _, r := range records {
		if l, ok := r.Attached.(*live); ok {
			n += l.bytes
		}
	}
	p.room.free(int64(n), p.waiting.Add(-int64(n)), time.Now())
}
