package pipeline

import (
	"sync/atomic"
	"time"

	"rapport/internal/clock"
)

// reading is a clock that a test sets while the pipeline reads it.
func reading(now *clock.Instant) func() time.Time {
	return func() time.Time { return clock.Instant(atomic.LoadInt64((*int64)(now))).Time() }
}

func setClock(now *clock.Instant, to clock.Instant) { atomic.StoreInt64((*int64)(now), int64(to)) }
