package shown

import (
	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
)

// codecVersion begins the encoded form.
const codecVersion = 1

// Append encodes all of a state.
func (s *State) Append(enc *wire.Encoder) {
	enc.Byte(codecVersion)
	truncated := byte(0)
	if s.truncated {
		truncated = 1
	}
	enc.Byte(truncated)
	enc.Uint(uint64(len(s.entries)))
	for i := range s.entries {
		s.entries[i].append(enc)
	}
	enc.Uint(uint64(len(s.held)))
	for i := range s.held {
		h := &s.held[i]
		for _, text := range [...]string{h.Place, h.ID, h.Experience, h.Variant} {
			enc.Str(text)
		}
		enc.Int(int64(h.Time))
		enc.Int(int64(h.Until))
		enc.Fixed(h.Basis)
		enc.Uint(uint64(h.Version))
		enc.Uint(uint64(len(h.Items)))
		for _, item := range h.Items {
			enc.Str(item.Offer)
			enc.Uint(uint64(item.Version))
		}
	}
}

func (e *Entry) append(enc *wire.Encoder) {
	for _, text := range [...]string{e.Placement, e.Experience, e.Variant, e.Offer, e.Channel} {
		enc.Str(text)
	}
	enc.Uint(uint64(e.Version))
	enc.Uint(uint64(len(e.Days)))
	for _, d := range e.Days {
		enc.Uint(uint64(d.Number))
		for _, n := range d.N {
			enc.Uint(uint64(n))
		}
	}
	for o := range e.Times {
		enc.Int(int64(e.First[o]))
		enc.Uint(uint64(len(e.Times[o])))
		before := clock.Instant(0)
		for _, at := range e.Times[o] {
			enc.Int(int64(at - before))
			before = at
		}
	}
}

// Read decodes a state. What is damaged makes the decoder bad.
func Read(dec *wire.Decoder) *State {
	s := &State{}
	if dec.Byte() != codecVersion {
		dec.Fail()
		return s
	}
	s.truncated = dec.Byte() == 1
	for n := dec.Count(); n > 0 && !dec.Bad(); n-- {
		e := readEntry(dec)
		at, ok := s.find(&e.Subject)
		if ok || at != len(s.entries) || at >= MaxSubjects {
			dec.Fail()
			return s
		}
		s.entries = append(s.entries, e)
	}
	for n := dec.Count(); n > 0 && !dec.Bad(); n-- {
		h := Held{Place: dec.Str(), ID: dec.Str(), Experience: dec.Name(), Variant: dec.Name()}
		h.Time, h.Until = clock.Instant(dec.Int()), clock.Instant(dec.Int())
		h.Basis, h.Version = dec.Fixed(), int(dec.Uint())
		for k := dec.Count(); k > 0 && !dec.Bad(); k-- {
			h.Items = append(h.Items, HeldItem{dec.Name(), int(dec.Uint())})
		}
		at, ok := s.findHeld(h.Place)
		if ok || at != len(s.held) || at >= MaxHeld {
			dec.Fail()
			return s
		}
		s.held = append(s.held, h)
	}
	return s
}

func readEntry(dec *wire.Decoder) (e Entry) {
	e.Placement, e.Experience, e.Variant, e.Offer, e.Channel = dec.Name(), dec.Name(), dec.Name(), dec.Name(), dec.Name()
	e.Version = int(dec.Uint())
	for n := dec.Count(); n > 0 && !dec.Bad(); n-- {
		d := Day{Number: uint32(dec.Uint())}
		for o := range d.N {
			d.N[o] = uint32(dec.Uint())
		}
		if k := len(e.Days); k >= MaxDays || k > 0 && e.Days[k-1].Number >= d.Number {
			dec.Fail()
			return e
		}
		e.Days = append(e.Days, d)
	}
	for o := range e.Times {
		e.First[o] = clock.Instant(dec.Int())
		at := clock.Instant(0)
		for n := dec.Count(); n > 0 && !dec.Bad(); n-- {
			step := clock.Instant(dec.Int())
			if k := len(e.Times[o]); k >= MaxTimes || k > 0 && step < 0 {
				dec.Fail()
				return e
			}
			at += step
			e.Times[o] = append(e.Times[o], at)
		}
	}
	return e
}
