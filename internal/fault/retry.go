package fault

import (
	"errors"
	"math"
	"time"
)

// longestRetry is what clients cap Retry-After at, in seconds.
const longestRetry = 300

// RetryAfter is how many whole seconds a caller should wait, from the error
// where it knows.
func RetryAfter(err error) int {
	wait := time.Second
	if hint, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		wait = hint.RetryAfter()
	}
	return min(max(int(math.Ceil(wait.Seconds())), 1), longestRetry)
}
