package seal

import (
	"fmt"
	"sync"

	"rapport/internal/store"
)

// Sealer turns frames into their stored form. It never writes: the engine makes
// what it gives durable, the fresh keys first. Any number of calls may run at
// once.
type Sealer struct {
	Ring *Keyring

	frames  sync.Pool // *Sealed
	scratch sync.Pool // *scratch
}

// scratch is the room of one call.
type scratch struct {
	small  []byte
	leases []Lease
}

// Sealed is a frame in its stored form.
type Sealed struct {
	Bytes  []byte // the records, one behind the other
	Starts []int  // where each begins

	epoch uint64 // of the keyring when sealing began
	fresh []Key  // keys that may not be durable yet
}

// Seal encodes, compresses and encrypts the records of a frame and puts the
// result into frame.Sealed.
func (s *Sealer) Seal(frame *store.Frame) error {
	out, _ := s.frames.Get().(*Sealed)
	if out == nil {
		out = &Sealed{}
	}
	out.epoch = s.Ring.Epoch() // before any lease
	out.Bytes, out.Starts, out.fresh = out.Bytes[:0], out.Starts[:0], out.fresh[:0]
	need := 0
	for i := range frame.Records {
		need += len(frame.Records[i].Payload)/2 + 128
	}
	if cap(out.Bytes) < need {
		out.Bytes = make([]byte, 0, need)
	}
	room, _ := s.scratch.Get().(*scratch)
	if room == nil {
		room = new(scratch)
	}
	defer s.scratch.Put(room)
	var err error
	if room.leases, err = s.Ring.LeaseAll(room.leases[:0], frame.Records); err != nil {
		return err
	}
	for i := range frame.Records {
		rec := &frame.Records[i]
		if len(rec.Payload) > MaxPayload/2 {
			return fmt.Errorf("%w: payload of %d bytes", store.ErrMisuse, len(rec.Payload))
		}
		var form Form
		room.small, form = Compress(room.small[:0], rec.Payload)
		if err := s.sealRecord(out, rec, &room.leases[i], room.small, form); err != nil {
			return err
		}
	}
	frame.Sealed = out
	return nil
}

func (s *Sealer) sealRecord(out *Sealed, rec *store.Record, lease *Lease, small []byte, form Form) error {
	aead, err := s.Ring.Cipher(&lease.Key)
	if err != nil {
		return err
	}
	out.note(lease)
	h := Head{
		Form: form, Kind: rec.Kind, Anchor: rec.Anchor, Bucket: rec.Bucket, Received: rec.Received,
		Key: lease.ID, Nonce: lease.Nonce, Sealed: len(small) + Overhead,
	}
	start := len(out.Bytes)
	out.Starts = append(out.Starts, start)
	out.Bytes = h.Append(out.Bytes)
	nonce := Nonce(lease.Nonce)
	out.Bytes = aead.Seal(out.Bytes, nonce[:], small, out.Bytes[start:])
	return nil
}

// noteWithin is how many keys back a key is looked for that was noted before:
// records of one anchor stand close together, and a frame of a table has
// thousands of anchors.
const noteWithin = 64

// note remembers a key that may have to be written with the frame, perhaps more
// than once.
func (s *Sealed) note(lease *Lease) {
	if lease.Durable {
		return
	}
	near := s.fresh[max(0, len(s.fresh)-noteWithin):]
	for i := range near {
		if near[i].ID == lease.ID {
			return
		}
	}
	s.fresh = append(s.fresh, lease.Key)
}

// Ready checks that the frames are sealed, seals those again whose keys may
// have been erased meanwhile, and gives the keys to make durable before them,
// some perhaps more than once.
func (s *Sealer) Ready(frames []*store.Frame) ([]Key, error) {
	var fresh []Key
	for _, f := range frames {
		out, ok := f.Sealed.(*Sealed)
		if !ok || len(out.Starts) != len(f.Records) {
			return nil, fmt.Errorf("%w: frame was not sealed", store.ErrMisuse)
		}
		if out.epoch != s.Ring.Epoch() {
			if err := s.Seal(f); err != nil {
				return nil, err
			}
			out = f.Sealed.(*Sealed)
		}
		fresh = append(fresh, out.fresh...)
	}
	return fresh, nil
}

// Release takes back the stored form of a frame that was appended, for its room.
func (s *Sealer) Release(frame *store.Frame) {
	if out, ok := frame.Sealed.(*Sealed); ok {
		frame.Sealed = nil
		s.frames.Put(out)
	}
}
