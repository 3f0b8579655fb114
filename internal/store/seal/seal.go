// Package seal makes the payloads of a log small and unreadable without their
// key: compression with a dictionary of what events look like, and AES-128-GCM
// under a random data key per anchor. It never stores a key: the engine that
// uses a Keyring makes its keys durable.
package seal

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
)

// Overhead is by how many bytes a sealed text is longer than the plain one.
const Overhead = 16

// MaxPayload is the longest payload that can be sealed.
const MaxPayload = 1 << 30

// ErrDamaged says that sealed bytes are not what was sealed under that key.
var ErrDamaged = errors.New("sealed payload is damaged")

// The dictionary is part of the format of every log: it must never change. A
// better one gets a new version and a new Form.
//
//go:embed dictionary.v1.txt
var dictionaryV1 []byte

// dictionary is made once; its tables are made on first use and then shared.
var dictionary = sync.OnceValue(func() *s2.Dict { return s2.MakeDict(dictionaryV1, nil) })

// Form is how a payload was made small. The numbers are on disk.
type Form uint8

// The forms.
const (
	Plain Form = iota // as it came: compression would have made it longer
	Dict1             // one s2 block with dictionary 1
	forms             // how many there are
)

// worthwhile is the shortest payload that is compressed.
const worthwhile = 24

// Compress appends the smaller form of a payload to dst.
func Compress(dst, payload []byte) ([]byte, Form) {
	if len(payload) < worthwhile {
		return append(dst, payload...), Plain
	}
	at, bound := len(dst), s2.MaxEncodedLen(len(payload))
	if bound < 0 {
		return append(dst, payload...), Plain
	}
	dst = grow(dst, bound)
	out := dst[at : at : at+bound]
	if len(payload) <= mostEncoded {
		out = encode(out, payload)
	} else {
		out = dictionary().Encode(out, payload)
	}
	if len(out) >= len(payload) {
		return append(dst[:at], payload...), Plain
	}
	return dst[:at+len(out)], Dict1
}

// Expand appends the payload of a compressed form to dst.
func Expand(dst, small []byte, form Form) ([]byte, error) {
	if form == Plain {
		return append(dst, small...), nil
	}
	if form >= forms {
		return dst, fmt.Errorf("payload form %d is not known to this version", form)
	}
	n, k := binary.Uvarint(small)
	if k <= 0 || n > MaxPayload || n > uint64(len(small))*expansion {
		return dst, ErrDamaged
	}
	at := len(dst)
	dst = grow(dst, int(n))
	out, err := dictionary().Decode(dst[at:at+int(n)], small)
	if err != nil || len(out) != int(n) {
		return dst[:at], ErrDamaged
	}
	return dst[:at+len(out)], nil
}

// expansion bounds what a damaged length can make Expand reserve: no s2 block
// of n bytes holds more than about 2^24 per copy of 5 bytes, and no payload of
// a log compresses as well as this.
const expansion = 1 << 22

// grow makes room for n more bytes without changing the length.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	out := make([]byte, len(b), max(2*cap(b), len(b)+n))
	copy(out, b)
	return out
}
