package columns

import (
	"encoding/binary"

	"rapport/internal/id"
)

// ordinals gives every person of a part a dense number. Numbers of people who
// left are given again.
type ordinals struct {
	keys  []id.Key // by ordinal; zero where nobody is
	table []uint32 // open addressing: ordinal + 1, or zero
	free  []uint32
}

func hashKey(k *id.Key) uint64 { return binary.LittleEndian.Uint64(k[8:]) }

func (o *ordinals) people() int { return len(o.keys) - len(o.free) }

// find gives the place of a key in the table, and its ordinal where it is there.
func (o *ordinals) find(k id.Key) (at uint64, ordinal uint32, ok bool) {
	if len(o.table) == 0 {
		return 0, 0, false
	}
	mask := uint64(len(o.table) - 1)
	for at = hashKey(&k) & mask; o.table[at] != 0; at = (at + 1) & mask {
		if n := o.table[at] - 1; o.keys[n] == k {
			return at, n, true
		}
	}
	return at, 0, false
}

// take gives a key its ordinal.
func (o *ordinals) take(k id.Key) (ordinal uint32, fresh bool) {
	at, n, ok := o.find(k)
	if ok {
		return n, false
	}
	if (o.people()+1)*4 > len(o.table)*3 {
		o.grow(max(64, 2*len(o.table)))
		at, _, _ = o.find(k)
	}
	if last := len(o.free) - 1; last >= 0 {
		n, o.free = o.free[last], o.free[:last]
		o.keys[n] = k
	} else {
		n = uint32(len(o.keys))
		o.keys = append(o.keys, k)
	}
	o.table[at] = n + 1
	return n, true
}

// drop frees the ordinal of a key.
func (o *ordinals) drop(k id.Key) (ordinal uint32, ok bool) {
	at, n, ok := o.find(k)
	if !ok {
		return 0, false
	}
	o.keys[n] = id.Key{}
	o.free = append(o.free, n)
	// What follows in the table moves up where it may, so that no hole cuts a
	// key off from its place.
	mask := uint64(len(o.table) - 1)
	hole := at
	for i := (at + 1) & mask; o.table[i] != 0; i = (i + 1) & mask {
		home := hashKey(&o.keys[o.table[i]-1]) & mask
		if (i-home)&mask >= (i-hole)&mask {
			o.table[hole], hole = o.table[i], i
		}
	}
	o.table[hole] = 0
	return n, true
}

func (o *ordinals) grow(size int) {
	o.table = make([]uint32, size)
	mask := uint64(size - 1)
	for n := range o.keys {
		if o.keys[n].IsZero() {
			continue
		}
		at := hashKey(&o.keys[n]) & mask
		for o.table[at] != 0 {
			at = (at + 1) & mask
		}
		o.table[at] = uint32(n) + 1
	}
}

func (o *ordinals) size() int { return 16*cap(o.keys) + 4*(cap(o.table)+cap(o.free)) }
