package outbox

import (
	"time"
)

// breaker leaves a destination alone that does not answer: after some calls in a
// row of which nothing was delivered, for longer each time; then one call tries
// whether it is back.
type breaker struct {
	failures int
	until    time.Time
	trying   bool
	reason   string
}

// breakerFailures is how many calls in a row have to fail.
const breakerFailures = 5

func (b *breaker) open() bool { return b.failures >= breakerFailures }

// may tells whether a call may begin, and whether it is the one that tries.
func (b *breaker) may(now time.Time) (may, trial bool) {
	if !b.open() {
		return true, false
	}
	return !b.trying && !now.Before(b.until), true
}

// failed notes a call of which nothing was delivered.
func (b *breaker) failed(now time.Time, pause func(n int) time.Duration, reason string) {
	b.failures++
	b.trying, b.reason = false, reason
	if b.open() {
		b.until = now.Add(pause(b.failures - breakerFailures))
	}
}

// worked notes a call of which something was delivered, and tells whether the
// destination is back.
func (b *breaker) worked() (back bool) {
	back = b.open()
	*b = breaker{}
	return back
}

// bucket lets so many messages through in a second, in bursts of a tenth.
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes up to n, and tells how long to wait where there is none.
func (k *bucket) take(n int, perSecond float64, now time.Time) (int, time.Duration) {
	if perSecond <= 0 {
		return n, 0
	}
	most := max(perSecond/10, 1)
	if k.at.IsZero() {
		k.tokens = most
	} else {
		k.tokens = min(most, k.tokens+now.Sub(k.at).Seconds()*perSecond)
	}
	k.at = now
	got := min(n, int(k.tokens))
	k.tokens -= float64(got)
	if got < 1 {
		return 0, time.Duration((1 - k.tokens) / perSecond * float64(time.Second))
	}
	return got, 0
}

// give gives back what was not used.
func (k *bucket) give(n int) { k.tokens += float64(n) }

// brake counts what is sent in a minute.
type brake struct {
	minute time.Time
	sent   int
}

// room is how many more messages may be sent in this minute.
func (b *brake) room(now time.Time, most int) int {
	if now.Sub(b.minute) >= time.Minute || now.Before(b.minute) {
		b.minute, b.sent = now, 0
	}
	return most - b.sent
}

// gathers tells how long to wait for more messages to go with those that are
// ready. The caller holds the lock.
func (l *line) gathers(now time.Time) time.Duration {
	limits := &l.sink.limits
	if limits.Gather <= 0 || l.breaker.open() || l.queue.full() || len(l.queue.ready) >= limits.Batch || l.queue.bytes >= limits.Bytes && limits.Bytes > 0 {
		return 0
	}
	oldest := l.queue.ready[0]
	return max(oldest.When, oldest.After).Time().Add(limits.Gather).Sub(now)
}
