package pipeline

import (
	"context"
	"errors"
	"fmt"

	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Accept takes what a request brought into the log: when it returns without an
// error, all of it is on disk and counted. Where too much waits to be applied
// it refuses with fault.Limited, and nothing of the request is kept.
func (p *Pipeline) Accept(ctx context.Context, s *Submission) (Receipt, error) {
	frame := p.frame(s)
	bytes := frameBytes(frame)
	if p.waiting.Add(int64(bytes)) > p.queueBytes && bytes > 0 {
		p.waiting.Add(-int64(bytes))
		return Receipt{}, fault.Errorf(fault.Limited, "busy", "more events wait than the memory limit allows; send this request again after a second")
	}
	receipt, err := p.append(ctx, frame)
	if err != nil {
		p.waiting.Add(-int64(bytes))
	}
	return receipt, err
}

// frame makes the records of a submission. An event's bucket and the key it is
// sealed under are those of its anchor, for ever.
func (p *Pipeline) frame(s *Submission) *store.Frame {
	frame := &store.Frame{Records: make([]store.Record, 0, len(s.Events)+len(s.Dead)), Rejected: s.Rejected}
	size := 0
	for i := range s.Events {
		size += len(s.Events[i].Event.Body.Raw()) + len(s.Events[i].Envelope.Shared) + 160
	}
	buf := make([]byte, 0, size)
	for i := range s.Events {
		a := &s.Events[i]
		k := a.Event.Anchor().Key()
		at := len(buf)
		buf = a.Envelope.AppendPayload(buf, a.Event.Body.Raw())
		frame.Records = append(frame.Records, store.Record{
			Kind: store.KindEvent, Bucket: k.Bucket(), Anchor: k,
			Received: a.Event.ReceivedAt, Payload: buf[at:len(buf):len(buf)], Attached: a.Event,
		})
	}
	for i := range s.Dead {
		d := &s.Dead[i]
		frame.Records = append(frame.Records, store.Record{
			Kind: store.KindDeadLetter, Bucket: id.CommonBucket, Anchor: id.KeyOf("source", d.Envelope.Source),
			Received: s.Received, Payload: d.append(nil),
		})
	}
	frame.Received = uint64(len(s.Events) + len(s.Dead))
	for _, r := range s.Rejected {
		frame.Received += r.N
	}
	return frame
}

// append seals a frame and waits until it is durable and handed to the lanes.
func (p *Pipeline) append(ctx context.Context, frame *store.Frame) (Receipt, error) {
	if err := p.store.Log().Seal(ctx, frame); err != nil {
		return Receipt{}, unavailable(err)
	}
	t, err := p.seq.submit(frame, frameBytes(frame), false)
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

// recordBytes is about the memory that a record takes while it waits: its
// payload, and the decoded event that travels along.
func recordBytes(r *store.Record) int { return 2*len(r.Payload) + 512 }

func frameBytes(f *store.Frame) int {
	n := 0
	for i := range f.Records {
		n += recordBytes(&f.Records[i])
	}
	return n
}

// deliver hands appended frames to the lanes, in the order of the log.
func (p *Pipeline) deliver(frames []*store.Frame, end store.Position) {
	parts := make([][]*store.Record, len(p.lanes))
	for _, f := range frames {
		for i := range f.Records {
			n := p.laneIndex(f.Records[i].Bucket)
			parts[n] = append(parts[n], &f.Records[i])
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
		if _, replayed := r.Attached.(unlimited); replayed {
			continue
		}
		if r.Kind == store.KindEvent || r.Kind == store.KindDeadLetter {
			n += recordBytes(r)
		}
	}
	p.waiting.Add(-int64(n))
}
