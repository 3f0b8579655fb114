package columns

import "math/bits"

// blockRows is how many people make a block: few enough that the selection of
// a block stays in the first cache, many enough that a loop over it pays.
const (
	blockRows = 4096
	words     = blockRows / 64
)

// set is a selection of the people of a block.
type set [words]uint64

func (s *set) has(row uint16) bool { return s[row>>6]>>(row&63)&1 != 0 }
func (s *set) add(row uint16)      { s[row>>6] |= 1 << (row & 63) }
func (s *set) remove(row uint16)   { s[row>>6] &^= 1 << (row & 63) }

func (s *set) put(row uint16, in bool) {
	if in {
		s.add(row)
	} else {
		s.remove(row)
	}
}

func (s *set) empty() bool {
	var any uint64
	for _, w := range s {
		any |= w
	}
	return any == 0
}

func (s *set) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// and keeps what is in o too.
func (s *set) and(o *set) {
	for i := range s {
		s[i] &= o[i]
	}
}

// or adds what is in o.
func (s *set) or(o *set) {
	for i := range s {
		s[i] |= o[i]
	}
}

// less takes out what is in o.
func (s *set) less(o *set) {
	for i := range s {
		s[i] &^= o[i]
	}
}

// each visits the rows in their order until visit says false.
func (s *set) each(visit func(row uint16) bool) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			if !visit(uint16(i<<6 | bits.TrailingZeros64(w))) {
				return
			}
		}
	}
}
