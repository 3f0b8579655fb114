package broadcast

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
)

// Why somebody in the segment does not get a broadcast, beside the reasons of
// consent.
const (
	Told      = "already_told" // the person has it
	HeldOut   = "held_out"     // one of those to compare with
	NoAddress = "no_address"   // there is nothing to send it to
	TooOften  = "frequency"    // the person got as many broadcasts as one may
	Unwritten = "failed"       // the message cannot be written for the person
	Stopped   = "stopped"      // the broadcast was stopped
)

// Candidate is somebody in the segment, and what has to be known.
type Candidate struct {
	Person    string // profile id
	Told      bool   // has the message, perhaps under another id
	Refused   string // why consent does not allow it; empty: it does
	NoAddress bool
	Problem   string          // why it cannot be written; empty: it can
	Recent    []clock.Instant // when the person got broadcasts lately
}

// Verdict is why a person does not get it; empty: the person does.
func (b *Broadcast) Verdict(key string, c *Candidate, now clock.Instant) string {
	switch {
	case c.Told:
		return Told
	case b.holdsOut(key, c.Person):
		return HeldOut
	case c.Refused != "":
		return c.Refused
	case c.NoAddress:
		return NoAddress
	case b.Frequency.full(c.Recent, now):
		return TooOften
	case c.Problem != "":
		return Unwritten
	}
	return ""
}

// holdsOut draws by the key and the person: the same whenever it is asked, and
// another for each broadcast.
func (b *Broadcast) holdsOut(key, person string) bool {
	if b.HoldOut <= 0 {
		return false
	}
	sum := sha256.Sum256([]byte("hold out\x00" + key + "\x00" + person))
	return binary.BigEndian.Uint64(sum[:])%10_000 < uint64(b.HoldOut*100+0.5)
}

func (f *Frequency) full(recent []clock.Instant, now clock.Instant) bool {
	if f == nil {
		return false
	}
	n := 0
	for _, at := range recent {
		if now.Sub(at) < time.Duration(f.In) {
			n++
		}
	}
	return n >= f.Most
}

// Times are when a person got broadcasts, as they are kept: the newest.
func Times(list []clock.Instant) string {
	slices.Sort(list)
	list = slices.Compact(list)
	list = list[max(0, len(list)-remembered):]
	parts := make([]string, len(list))
	for i, at := range list {
		parts[i] = strconv.FormatInt(int64(at), 36)
	}
	return strings.Join(parts, ",")
}

// ReadTimes reads what Times wrote. What cannot be read is left out.
func ReadTimes(text string) (out []clock.Instant) {
	for part := range strings.SplitSeq(text, ",") {
		if n, err := strconv.ParseInt(part, 36, 64); err == nil {
			out = append(out, clock.Instant(n))
		}
	}
	return out
}
