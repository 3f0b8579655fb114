package load

import (
	"bytes"
	"math/rand/v2"
	"time"
)

// Kind is what a source of bodies sends.
type Kind uint8

// The kinds.
const (
	Shop     Kind = iota // a shop's traffic, half of it by known people
	Known                // the same, all by known people
	Profiles             // identify calls with 2 KB of traits, person after person
	Tracks               // a shop's track calls only, which fit on /v1/track
)

// Bodies makes request bodies, one after the other. It is for one goroutine.
type Bodies struct {
	kind    Kind
	people  *People
	next    uint32 // Profiles: the next person
	step    uint32
	sets    [2][]template // unknown, known
	turn    [2][]uint16   // templates by weight, to draw from
	rand    *rand.Rand
	id      uint64
	minute  int64
	stamp   [24]byte
	Largest int // bytes of the longest event made so far
}

// NewBodies makes a source. Number tells sources of one run apart: their
// message ids and, for Profiles, their people differ. Of says how many there are.
func NewBodies(kind Kind, people *People, run, number, of int) *Bodies {
	b := &Bodies{
		kind: kind, people: people, next: uint32(number), step: uint32(of),
		rand: rand.New(rand.NewPCG(uint64(run), uint64(number))), id: uint64(run)<<48 | uint64(number)<<36,
	}
	b.sets = [2][]template{shopEvents(false), shopEvents(true)}
	if kind == Profiles {
		b.sets[1] = profiles()
	}
	for i, set := range b.sets {
		for n, t := range set {
			if kind == Tracks && !bytes.HasPrefix(t.text, []byte(`{"type":"track"`)) {
				continue
			}
			for range t.weight {
				b.turn[i] = append(b.turn[i], uint16(n))
			}
		}
	}
	return b
}

// AppendBatch appends the body of POST /v1/batch with n events.
func (b *Bodies) AppendBatch(out []byte, n int, now time.Time) []byte {
	out = append(out, `{"sentAt":"`...)
	out = append(out, b.time(now)...)
	out = append(out, `","context":{"library":{"name":"rapport-load","version":"1"}},"batch":[`...)
	for i := range n {
		if i > 0 {
			out = append(out, ',')
		}
		out = b.AppendEvent(out, now.Add(time.Duration(i-n)*time.Millisecond))
	}
	return append(out, "]}"...)
}

// AppendEvent appends one event.
func (b *Bodies) AppendEvent(out []byte, now time.Time) []byte {
	person, set := b.next, 1
	if b.kind == Profiles {
		b.next += b.step
	} else {
		person = b.people.Next()
		set = int(person & 1)
		if b.kind == Known {
			set = 1
		}
	}
	return b.fill(out, &b.sets[set][b.turn[set][b.rand.Uint32N(uint32(len(b.turn[set])))]], person, now)
}

// fill appends a template with the marks of one event.
func (b *Bodies) fill(out []byte, t *template, person uint32, now time.Time) []byte {
	from := len(out)
	out = append(out, t.text...)
	copied := out[from:]
	b.Largest = max(b.Largest, len(copied))
	for _, at := range t.persons {
		decimals(copied[at:at+8], uint64(person))
	}
	b.id++
	for _, at := range t.ids {
		hexadecimals(copied[at:at+16], b.id)
	}
	for _, at := range t.times {
		copy(copied[at:], b.time(now))
	}
	return out
}

// time writes RFC 3339 with milliseconds; all but seconds is made once a minute.
func (b *Bodies) time(now time.Time) []byte {
	ms := now.UnixMilli()
	if m := ms / 60_000; m != b.minute {
		b.minute = m
		copy(b.stamp[:], now.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	decimals(b.stamp[17:19], uint64(ms/1000%60))
	decimals(b.stamp[20:23], uint64(ms%1000))
	return b.stamp[:]
}

func decimals(out []byte, n uint64) {
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = byte('0' + n%10)
		n /= 10
	}
}

func hexadecimals(out []byte, n uint64) {
	const digits = "0123456789abcdef"
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = digits[n&15]
		n >>= 4
	}
}
