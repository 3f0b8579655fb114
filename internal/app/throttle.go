package app

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"rapport/internal/dialect/segment"
)

// throttle bounds what tracking requests may hold in memory at once. Above it
// they are answered 429, which every client takes as "send again".
type throttle struct {
	// full tells that the queues have no room for what comes, beside bodies of so
	// many bytes that are being read; nil: they always have. turn tells who brings
	// so many bytes when to come again.
	full        func(inside int64) bool
	turn        func(body int64) time.Duration
	maxRequests int64
	maxBytes    int64
	requests    atomic.Int64
	bytes       atomic.Int64
	refused     atomic.Uint64
	retried     atomic.Uint64
}

// Of a body at most this much is counted, so that one large request always
// passes, and for one that does not tell its length or is packed this much is
// assumed.
const (
	mostCounted    = segment.MaxWire
	assumedLength  = 64 << 10
	expectedExpand = 4
)

// before lets requests through to a door or answers 429. Where the queues are full
// the body is not even read: to parse it only to refuse it would take the time that
// emptying them needs. A browser's question beforehand costs nothing and passes.
func (t *throttle) before(door http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.serve(w, r, door, t.full) })
}

// answering is before for a door that is asked and is brought no events: full queues
// do not hold its requests up.
func (t *throttle) answering(door http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.serve(w, r, door, nil) })
}

func (t *throttle) serve(w http.ResponseWriter, r *http.Request, door http.Handler, full func(int64) bool) {
	if r.Method == http.MethodOptions {
		door.ServeHTTP(w, r)
		return
	}
	if again(r.Header) {
		t.retried.Add(1)
	}
	weight := bodyWeight(r)
	requests, bytes := t.requests.Add(1), t.bytes.Add(weight)
	defer func() {
		t.requests.Add(-1)
		t.bytes.Add(-weight)
	}()
	if requests > t.maxRequests || bytes > max(t.maxBytes, mostCounted) || full != nil && full(bytes) {
		t.refused.Add(1)
		after := time.Second
		if t.turn != nil {
			after = t.turn(weight)
		}
		segment.Busy(w, after)
		return
	}
	door.ServeHTTP(w, r)
}

// again tells whether the client says that it sends this once more.
func again(h http.Header) bool {
	count := h.Get("X-Retry-Count")
	if count == "" {
		return false // most; an error is not for nothing
	}
	n, err := strconv.Atoi(count)
	return err == nil && n > 0
}

func bodyWeight(r *http.Request) int64 {
	n := r.ContentLength
	switch {
	case n < 0:
		n = assumedLength
	case n == 0:
		return 0
	}
	if r.Header.Get("Content-Encoding") != "" {
		n *= expectedExpand
	}
	return min(n, mostCounted)
}
