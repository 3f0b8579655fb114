package pipeline

import (
	"context"

	"rapport/internal/store"
	"rapport/internal/trace"
)

// traced notes with a frame what it is appended for, where somebody traces that.
func traced(ctx context.Context, frame *store.Frame) {
	if s := trace.Of(ctx); s.On() {
		frame.Attached = s
	}
}

// following is a span whose records are in a lane's queue up to a position.
type following struct {
	upTo store.Position
	span trace.Span
}

// mostFollowed is how many spans wait in a lane at most, and of how many one batch
// says that it serves them.
const mostFollowed = 64

// followTrace tells the lanes of a frame's records who traces them.
func (p *Pipeline) followTrace(f *store.Frame) {
	s, ok := f.Attached.(trace.Span)
	if !ok {
		return
	}
	last := make(map[*lane]store.Position)
	for i := range f.Records {
		last[p.lanes[p.laneIndex(f.Records[i].Bucket)]] = f.Records[i].Position
	}
	for l, at := range last {
		l.queueMu.Lock()
		if len(l.followed) < mostFollowed {
			l.followed = append(l.followed, following{at, s})
		}
		l.queueMu.Unlock()
	}
}

// followedBy gives the spans whose last records are applied with a batch that ends
// at a position.
func (l *lane) followedBy(end store.Position) []trace.Span {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	var out []trace.Span
	for len(l.followed) > 0 && l.followed[0].upTo <= end {
		out = append(out, l.followed[0].span)
		l.followed = l.followed[1:]
	}
	return out
}

// loadAll brings into memory what folding a batch asks for.
func (w *people) loadAll(ctx context.Context, tasks []task) error {
	ctx, step := trace.Start(ctx, "load")
	defer step.End()
	for _, load := range [...]func(context.Context, []task) error{w.load, w.loadTheirCuts, w.loadParts, w.findCopies, w.loadStocks} {
		if err := load(ctx, tasks); err != nil {
			return err
		}
	}
	return nil
}
