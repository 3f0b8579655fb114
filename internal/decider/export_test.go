package decider

import (
	"context"
	"time"

	"rapport/internal/schedule"
)

// Nightly gives the jobs that are due.
func Nightly(d *Decider, ctx context.Context, now time.Time) []schedule.Request { //nolint:revive // a method made a function
	return d.nightly(ctx, now)
}
