package pipeline

import (
	"context"
	"slices"

	"rapport/internal/id"
)

// Feeder hands over what a background job makes of a table, part by part. While
// parts are applied the job reads the next and compares it with what is known, as far
// as it is about others. Two are under way, so that the lanes have the second before
// the last of them is done with the first.
type Feeder struct {
	To interface {
		accepting
		WaitApplied(ctx context.Context, r Receipt) error
	}
	underway []fed // oldest first
}

// fed is a part that is perhaps not applied yet, and what it is about.
type fed struct {
	receipt Receipt
	about   map[id.Key]bool
}

// Await waits until nothing is under way about any of these: what is compared with
// them must be as the rows before it left it.
func (f *Feeder) Await(ctx context.Context, about map[id.Key]bool) error {
	for n := len(f.underway); n > 0; n-- {
		for k := range f.underway[n-1].about {
			if about[k] {
				return f.leave(ctx, len(f.underway)-n)
			}
		}
	}
	return nil
}

// Hand hands over a part and what it is about, once the part before the last is
// applied; where there is no room it waits for some. The part is in the log then.
func (f *Feeder) Hand(ctx context.Context, s *Submission, about map[id.Key]bool) error {
	if err := f.leave(ctx, 1); err != nil {
		return err
	}
	return f.HandBy(ctx, about, func() (Receipt, error) { return Deliver(ctx, f.To, s) })
}

// HandBy hands over a part that comes into the log another way: by give, which
// decides while the parts before are applied. It returns when the one before the last
// is.
func (f *Feeder) HandBy(ctx context.Context, about map[id.Key]bool, give func() (Receipt, error)) error {
	receipt, err := give()
	if err != nil {
		return err
	}
	f.underway = append(f.underway, fed{receipt, about})
	return f.leave(ctx, 2)
}

// Applied waits until all that was handed over is applied.
func (f *Feeder) Applied(ctx context.Context) error { return f.leave(ctx, 0) }

// leave waits until no more than the newest n are under way.
func (f *Feeder) leave(ctx context.Context, n int) error {
	gone := len(f.underway) - n
	if gone <= 0 {
		return nil
	}
	err := f.To.WaitApplied(ctx, f.underway[gone-1].receipt)
	if err == nil {
		f.underway = slices.Delete(f.underway, 0, gone)
	}
	return err
}
