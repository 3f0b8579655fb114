package experience

import (
	"cmp"
	"errors"
	"slices"

	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
)

// Waiting is a triggered experience that was set off by something at an anchor
// and is not due yet. An anchor has one of each experience.
type Waiting struct {
	Experience string
	Set        clock.Instant // when it was set off
	Due        clock.Instant
	Origin     uint64   // where the log has the event; zero: no event of its own
	Cause      [16]byte // names what set it off
}

// Queue is what waits at an anchor.
type Queue []Waiting

// Take lets a signal change what waits, and tells what that was: whether the
// signal is what the experience waits for from now on.
func (q *Queue) Take(x Waiting, s *Signal) (waits bool) {
	i := slices.IndexFunc(*q, func(w Waiting) bool { return w.Experience == x.Experience })
	switch {
	case i >= 0 && (!s.Renews || x.Set < (*q)[i].Set):
		return false // it waits already, or for something later
	case s.Ends:
		if i >= 0 {
			*q = slices.Delete(*q, i, i+1)
		}
		return false
	case i >= 0:
		(*q)[i] = x
	default:
		*q = append(*q, x)
	}
	return true
}

// End calls off what waits of an experience, and tells whether there was any.
func (q *Queue) End(key string) bool {
	n := len(*q)
	*q = slices.DeleteFunc(*q, func(w Waiting) bool { return w.Experience == key })
	return len(*q) < n
}

// Close takes out what waits of an experience since then or longer: what it
// waits for came about otherwise.
func (q *Queue) Close(key string, at clock.Instant) (any bool) {
	n := len(*q)
	*q = slices.DeleteFunc(*q, func(w Waiting) bool { return w.Experience == key && w.Set <= at })
	return len(*q) < n
}

// Next is when the first is due; zero: nothing waits.
func (q Queue) Next() (due clock.Instant) {
	for i := range q {
		if due == 0 || q[i].Due < due {
			due = q[i].Due
		}
	}
	return due
}

// Pop takes out what is due up to an instant, in the order of the instants.
func (q *Queue) Pop(now clock.Instant) (out []Waiting) {
	if due := q.Next(); due == 0 || due > now {
		return nil
	}
	*q = slices.DeleteFunc(*q, func(w Waiting) bool {
		if w.Due <= now {
			out = append(out, w)
		}
		return w.Due <= now
	})
	slices.SortFunc(out, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Experience, b.Experience))
	})
	return out
}

// Size is about how many bytes of memory it takes.
func (q Queue) Size() int { return 96 * cap(q) }

// Append encodes what waits.
func (q Queue) Append(b []byte) []byte {
	for i := range q {
		w := &q[i]
		enc := wire.Encoder{B: b}
		enc.Str(w.Experience)
		enc.Int(int64(w.Set))
		enc.Int(int64(w.Due))
		enc.Uint(w.Origin)
		b = append(enc.B, w.Cause[:]...)
	}
	return b
}

var errWaiting = errors.New("what waits at an anchor is damaged")

// ReadQueue decodes what waits.
func ReadQueue(b []byte) (Queue, error) {
	var q Queue
	for d := wire.NewDecoder(b, nil); d.Len() > 0; {
		w := Waiting{Experience: d.Str(), Set: clock.Instant(d.Int()), Due: clock.Instant(d.Int()), Origin: d.Uint()}
		for i := range w.Cause {
			w.Cause[i] = d.Byte()
		}
		if d.Bad() || w.Experience == "" {
			return nil, errWaiting
		}
		q = append(q, w)
	}
	return q, nil
}
