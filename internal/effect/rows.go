package effect

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
)

// The rows of what becomes of plans. They name places in the log and nobody.
//
//	'p' position, anchor, destination, zero, kind, segment   time, cause: a plan
//	'e' destination, zero, position, id                      place: to be sent
//	'x' destination, zero, position, id                      place: a dead letter
//	'd' destination, zero, position backwards, id            two places, head: a delivery
//	't' destination, zero, segment, zero, person             what it knows
//	'r' destination, zero, response, id                      nothing: what a recipient did
const (
	sendTag     = 'e'
	deadTag     = 'x'
	deliveryTag = 'd'
	toldTag     = 't'
	responseTag = 'r'
)

var errRow = errors.New("row of an effect is damaged")

func tagged(tag byte, destination string) []byte {
	return append(append([]byte{tag}, destination...), 0)
}

// SendPrefix is what the rows of what is to be sent begin with.
func SendPrefix(destination string) []byte { return tagged(sendTag, destination) }

// DeadPrefix is what the rows of dead letters begin with.
func DeadPrefix(destination string) []byte { return tagged(deadTag, destination) }

// DeliveryPrefix is what the rows of deliveries begin with, newest cause first.
func DeliveryPrefix(destination string) []byte { return tagged(deliveryTag, destination) }

// sort is what orders the messages of a destination: the position of the cause,
// then the id.
func (f *Fact) sort(backwards bool) []byte {
	at := f.Position
	if backwards {
		at = ^at
	}
	return append(binary.BigEndian.AppendUint64(nil, at), f.Bytes()...)
}

// Bytes are the id without its text form.
func (f *Fact) Bytes() []byte {
	b, err := hex.DecodeString(f.ID)
	if err != nil || len(b) != 16 {
		return make([]byte, 16)
	}
	return b
}

// SetID puts an id in from its bytes.
func (f *Fact) SetID(b [16]byte) { f.ID = hex.EncodeToString(b[:]) }

// SendKey is the row of what is to be sent.
func (f *Fact) SendKey() []byte { return append(SendPrefix(f.Destination), f.sort(false)...) }

// DeadKey is the row of a dead letter.
func (f *Fact) DeadKey() []byte { return append(DeadPrefix(f.Destination), f.sort(false)...) }

// DeliveryKey is the row of a delivery.
func (f *Fact) DeliveryKey() []byte { return append(DeliveryPrefix(f.Destination), f.sort(true)...) }

// PlanKey is the row of the plan that a record settles; nil where it was made
// without one.
func (f *Fact) PlanKey(anchor [16]byte) []byte {
	if f.Kind == "" {
		return nil
	}
	p := Plan{Position: f.Position, Anchor: anchor, Destination: f.Destination, Kind: f.Kind, Segment: f.Segment}
	key, _ := p.Row()
	return key
}

// ToldKey is the row of what a destination knows of a person.
func ToldKey(destination, segment, person string) []byte {
	return append(append(append(tagged(toldTag, destination), segment...), 0), person...)
}

// ToldPerson gives of the key of a row of what a destination knows whom it is
// about; ok is false for other rows.
func ToldPerson(key []byte) (person string, ok bool) {
	i := bytes.LastIndexByte(key, 0)
	if len(key) == 0 || key[0] != toldTag || i < 0 {
		return "", false
	}
	return string(key[i+1:]), true
}

// Place is where a message stands in the order of a destination.
type Place struct {
	Position uint64
	ID       [16]byte
}

// ReadPlace reads the end of a row's key behind its prefix.
func ReadPlace(rest []byte, backwards bool) (p Place, err error) {
	if len(rest) != 24 {
		return p, errRow
	}
	p.Position = binary.BigEndian.Uint64(rest)
	if backwards {
		p.Position = ^p.Position
	}
	copy(p.ID[:], rest[8:])
	return p, nil
}

// Append is the end of a row's key.
func (p Place) Append(b []byte, backwards bool) []byte {
	at := p.Position
	if backwards {
		at = ^at
	}
	return append(binary.BigEndian.AppendUint64(b, at), p.ID[:]...)
}

// Compare orders places as destinations are told.
func (p Place) Compare(q Place) int {
	if p.Position != q.Position {
		if p.Position < q.Position {
			return -1
		}
		return 1
	}
	return bytes.Compare(p.ID[:], q.ID[:])
}

// DeliveryValue is the value of a delivery's row: where the log has what was
// sent and what came of it, and the head.
func DeliveryValue(sent, result uint64, h DeliveryHead) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint64(nil, sent)
	return append(binary.BigEndian.AppendUint64(b, result), text...), nil
}

// Places are where the log has what was sent and what came of it.
type Places struct{ Sent, Result uint64 }

// ReadDelivery reads the value of a delivery's row.
func ReadDelivery(value []byte) (at Places, h DeliveryHead, err error) {
	if len(value) < 16 {
		return at, h, errRow
	}
	err = json.Unmarshal(value[16:], &h)
	return Places{binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])}, h, err
}
