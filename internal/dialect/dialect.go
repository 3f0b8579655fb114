// Package dialect is what the doors for foreign clients share: to whom they
// hand events over, how they read a request and what they say of a failure. It
// never speaks a protocol itself: each folder below it speaks one.
package dialect

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/identity"
	"rapport/internal/pipeline"
)

// How long ?wait=applied waits, unless ?timeout= says otherwise, and at most.
const (
	DefaultWait = 5 * time.Second
	LongestWait = 30 * time.Second
)

// Acceptor takes events over. Accept returns when they are safe, or a fault:
// Limited where there is no room, possibly with a method RetryAfter() of type
// time.Duration. WaitApplied returns when everything up to the receipt can be
// read, or with the context's error.
type Acceptor interface {
	Accept(ctx context.Context, s *pipeline.Submission) (pipeline.Receipt, error)
	WaitApplied(ctx context.Context, r pipeline.Receipt) error
}

// Rulebook knows the identity rules of today.
type Rulebook interface{ Current() *identity.Rules }

// Wait is how long the caller wants to wait until its events can be read; zero
// means not at all. ?timeout= is a number of seconds or a duration like 500ms;
// one that is neither leaves the default.
func Wait(r *http.Request) time.Duration {
	if !strings.Contains(r.URL.RawQuery, "wait=") {
		return 0
	}
	q := r.URL.Query()
	if q.Get("wait") != "applied" {
		return 0
	}
	wait := DefaultWait
	if text := q.Get("timeout"); text != "" {
		if d, err := time.ParseDuration(text); err == nil {
			wait = d
		} else if s, err := strconv.ParseFloat(text, 64); err == nil && s >= 0 && s <= LongestWait.Seconds() {
			wait = time.Duration(s * float64(time.Second))
		}
	}
	return min(max(wait, time.Millisecond), LongestWait)
}

// Await waits where the caller wants to read back what was accepted, and says
// in a header whether it can.
func Await(w http.ResponseWriter, r *http.Request, a Acceptor, receipt pipeline.Receipt) {
	wait := Wait(r)
	if wait == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	applied := "yes"
	if a.WaitApplied(ctx, receipt) != nil {
		applied = "no"
	}
	w.Header().Set("Rapport-Applied", applied)
}
