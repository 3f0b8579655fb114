package pipeline

import (
	"context"

	"rapport/internal/id"
)

// Feeder hands over what a background job makes of a table, part by part. While one
// part is applied the job reads the next and compares it with what is known, as far
// as it is about others.
type Feeder struct {
	To interface {
		accepting
		WaitApplied(ctx context.Context, r Receipt) error
	}
	receipt Receipt
	about   map[id.Key]bool // what the part is about that is perhaps not applied yet; nil: none is under way
}

// Await waits until nothing is under way about any of these: what is compared with
// them must be as the rows before it left it.
func (f *Feeder) Await(ctx context.Context, about map[id.Key]bool) error {
	for k := range f.about {
		if about[k] {
			return f.Applied(ctx)
		}
	}
	return nil
}

// Hand hands over a part and what it is about, once the part before it is applied;
// where there is no room it waits for some. The part is in the log then.
func (f *Feeder) Hand(ctx context.Context, s *Submission, about map[id.Key]bool) error {
	if err := f.Applied(ctx); err != nil {
		return err
	}
	return f.HandBy(ctx, about, func() (Receipt, error) { return Deliver(ctx, f.To, s) })
}

// HandBy hands over a part that comes into the log another way: by give, which
// decides while the part before is applied. It returns when that one is.
func (f *Feeder) HandBy(ctx context.Context, about map[id.Key]bool, give func() (Receipt, error)) error {
	receipt, err := give()
	if err == nil {
		err = f.Applied(ctx)
	}
	if err == nil {
		f.receipt, f.about = receipt, about
	}
	return err
}

// Applied waits until all that was handed over is applied.
func (f *Feeder) Applied(ctx context.Context) error {
	if f.about == nil {
		return nil
	}
	err := f.To.WaitApplied(ctx, f.receipt)
	if err == nil {
		f.about = nil
	}
	return err
}
