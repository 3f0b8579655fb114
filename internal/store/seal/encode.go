package seal

import (
	"encoding/binary"
	"math"
	"math/bits"
	"sync"
)

// encoder writes blocks that s2 reads, with dictionary 1. The library's own
// encoder clears a table of 64 KB for each payload, which costs more than
// looking for what repeats in the 700 bytes of an event.
type encoder struct {
	// near are places in payloads, by the hash of what begins there. Places count
	// on from one payload to the next: those of the payload before lie before
	// base, so nothing need be cleared.
	near [1 << nearBits]uint32
	base uint32
}

const (
	nearBits = 11
	farBits  = 13
	// mostEncoded is the longest payload an encoder takes: nothing is so far back
	// then that two bytes could not name it.
	mostEncoded = 32 << 10
	nearMatch   = 4 // bytes
	farMatch    = 6 // what is far takes three bytes to name
	lookahead   = 8 // bytes that are looked at in one go
)

// The elements of a block, by their two lowest bits.
const (
	literals  = 0
	shortCopy = 1 // four to eleven bytes, not far back; or the offset before again
	longCopy  = 2
	mostShort = 1 << 11 // the first offset that a short copy cannot name
	mostLong  = 64      // bytes of a long copy
	oneByte   = 5       // in the place of a length: it follows in one byte
	twoBytes  = 6
)

var encoders = sync.Pool{New: func() any { return &encoder{base: 1} }}

// far are places in the dictionary, by the hash of what begins there.
var far = sync.OnceValue(func() *[1 << farBits]uint16 {
	var places [1 << farBits]uint16
	for i := range len(dictionaryV1) - lookahead + 1 {
		places[hashOf(binary.LittleEndian.Uint64(dictionaryV1[i:]), farBits)] = uint16(i)
	}
	return &places
})

// hashOf is of the lowest five bytes.
func hashOf(v uint64, width int) uint32 {
	const prime = 889523592379
	return uint32((v << 24) * prime >> (64 - width))
}

// encode appends the block of a payload to dst.
func encode(dst, src []byte) []byte {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	if e.base > math.MaxInt32 {
		*e = encoder{base: 1}
	}
	places, dict := far(), dictionaryV1
	dst = binary.AppendUvarint(dst, uint64(len(src)))
	done, last := 0, 0 // what is written, and the offset of the last copy
	for s := 0; s+lookahead <= len(src); {
		v := binary.LittleEndian.Uint64(src[s:])
		place := &e.near[hashOf(v, nearBits)]
		at := int(*place) - int(e.base)
		*place = e.base + uint32(s)
		var from, to, offset int
		if at >= 0 && binary.LittleEndian.Uint32(src[at:]) == uint32(v) {
			from, to = reach(src, s, src, at, done)
			offset = s - at
		} else if at = int(places[hashOf(v, farBits)]); (binary.LittleEndian.Uint64(dict[at:])^v)<<(64-8*farMatch) == 0 {
			from, to = reach(src, s, dict, at, done)
			offset = s + len(dict) - at
		} else {
			s += 2 + (s-done)>>4 // the longer nothing repeats, the less is looked at
			continue
		}
		dst = appendCopy(appendLiterals(dst, src[done:from]), offset, to-from, offset == last)
		done, last, s = to, offset, to
	}
	e.base += uint32(len(src))
	return appendLiterals(dst, src[done:])
}

// reach tells how far what stands at s and at another place is the same: from
// done on at the earliest. The first four bytes are.
func reach(src []byte, s int, in []byte, at, done int) (from, to int) {
	from, to = s, s+nearMatch
	for b := at; from > done && b > 0 && src[from-1] == in[b-1]; b-- {
		from--
	}
	for at += nearMatch; to+lookahead <= len(src) && at+lookahead <= len(in); at += lookahead {
		if unlike := binary.LittleEndian.Uint64(src[to:]) ^ binary.LittleEndian.Uint64(in[at:]); unlike != 0 {
			return from, to + bits.TrailingZeros64(unlike)>>3
		}
		to += lookahead
	}
	for ; to < len(src) && at < len(in) && src[to] == in[at]; at++ {
		to++
	}
	return from, to
}

func appendLiterals(dst, text []byte) []byte {
	const inHead = 60 // longer ones say their length behind it
	switch n := len(text) - 1; {
	case n < 0:
		return dst
	case n < inHead:
		dst = append(dst, byte(n<<2|literals))
	case n < 1<<8:
		dst = append(dst, inHead<<2|literals, byte(n))
	default:
		dst = append(dst, (inHead+1)<<2|literals, byte(n), byte(n>>8))
	}
	return append(dst, text...)
}

// appendCopy appends a copy of n bytes, at least nearMatch; again tells that it
// has the offset of the copy before.
func appendCopy(dst []byte, offset, n int, again bool) []byte {
	if !again {
		first := n
		if n > mostLong {
			first = mostLong - nearMatch // enough is left for another
		}
		if first < nearMatch+8 && offset < mostShort {
			dst = append(dst, byte(offset>>8<<5|(first-nearMatch)<<2|shortCopy), byte(offset))
		} else {
			dst = append(dst, byte((first-1)<<2|longCopy), byte(offset), byte(offset>>8))
		}
		if n -= first; n == 0 {
			return dst
		}
	}
	switch n -= nearMatch; {
	case n < oneByte:
		return append(dst, byte(n<<2|shortCopy), 0)
	case n < nearMatch+1<<8:
		return append(dst, oneByte<<2|shortCopy, 0, byte(n-nearMatch))
	default:
		n -= 1 << 8
		return append(dst, twoBytes<<2|shortCopy, 0, byte(n), byte(n>>8))
	}
}
