package event

import (
	"encoding/binary"
	"errors"

	"rapport/internal/clock"
	"rapport/internal/jsondoc"
)

// Envelope is what the door knows of an event beside its body. It is stored
// with the body, so that the event can be mapped again.
type Envelope struct {
	Dialect    string        // who understands the body: segment, …
	Source     string        // key of the source
	Type       Type          // where the address said it; zero: the body says it
	MessageID  string        // made by the door where the body has none
	Received   clock.Instant // when the door took the request
	SentAt     clock.Instant // the request's own, by the client's clock; zero: unknown
	IP         string        // of the client, where the call came from one
	UserAgent  string
	Shared     []byte // JSON: what the request says for all of its events
	Derived    []byte // what follows from how the event came, as package enrich writes it
	Verified   bool   // a secret key or a signature vouches for the identifiers
	Historical bool   // the source loads the past
	Fed        bool   // a row of a table brought it, not somebody who did something
	Rules      int    // version of the identity rules by which it is mapped, for ever; 0: those of a new instance
}

// Mapper turns a body in one dialect into an event. It is pure: the same
// envelope and body give the same event for ever. A fault of kind Invalid says
// why a body is no event.
type Mapper func(env *Envelope, body jsondoc.Value) (*Event, error)

const (
	envelopeVersion = 1
	flagVerified    = 1
	flagHistorical  = 2
	flagRules       = 4 // the version of the rules follows the flags
	flagDerived     = 8 // what was derived follows what is shared
	flagFed         = 16
)

var errEnvelope = errors.New("event envelope is damaged")

// AppendPayload appends the stored form: the envelope and then the body as
// it was received.
func (e *Envelope) AppendPayload(b, body []byte) []byte {
	flags := byte(0)
	if e.Verified {
		flags |= flagVerified
	}
	if e.Historical {
		flags |= flagHistorical
	}
	if e.Fed {
		flags |= flagFed
	}
	if e.Rules != 0 {
		flags |= flagRules
	}
	if len(e.Derived) > 0 {
		flags |= flagDerived
	}
	b = append(b, envelopeVersion, byte(e.Type), flags)
	if e.Rules != 0 {
		b = binary.AppendUvarint(b, uint64(e.Rules))
	}
	b = binary.AppendVarint(b, int64(e.Received))
	b = binary.AppendVarint(b, int64(e.SentAt))
	for _, s := range [...]string{e.Dialect, e.Source, e.MessageID, e.IP, e.UserAgent} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Shared)))
	b = append(b, e.Shared...)
	if len(e.Derived) > 0 {
		b = binary.AppendUvarint(b, uint64(len(e.Derived)))
		b = append(b, e.Derived...)
	}
	return append(b, body...)
}

// ReadPayload reads the stored form. Shared, Derived and the body point into b.
func ReadPayload(b []byte) (Envelope, []byte, error) {
	var e Envelope
	if len(b) < 3 || b[0] != envelopeVersion {
		return e, nil, errEnvelope
	}
	e.Type, e.Verified, e.Historical = Type(b[1]), b[2]&flagVerified != 0, b[2]&flagHistorical != 0
	e.Fed = b[2]&flagFed != 0
	r := reader{b: b[3:]}
	if b[2]&flagRules != 0 {
		v, n := binary.Uvarint(r.b)
		if n <= 0 || v == 0 || v > 1<<31 {
			return e, nil, errEnvelope
		}
		e.Rules, r.b = int(v), r.b[n:]
	}
	e.Received, e.SentAt = clock.Instant(r.varint()), clock.Instant(r.varint())
	for _, s := range [...]*string{&e.Dialect, &e.Source, &e.MessageID, &e.IP, &e.UserAgent} {
		*s = string(r.bytes())
	}
	e.Shared = r.bytes()
	if b[2]&flagDerived != 0 {
		e.Derived = r.bytes()
	}
	if r.bad {
		return e, nil, errEnvelope
	}
	return e, r.b, nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n, k := binary.Uvarint(r.b)
	if k <= 0 || n > uint64(len(r.b)-k) {
		r.bad = true
		return nil
	}
	out := r.b[k : k+int(n)]
	r.b = r.b[k+int(n):]
	return out
}
