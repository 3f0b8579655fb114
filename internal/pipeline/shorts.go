package pipeline

// knownChunks is of how many finished chunks of an anchor the messages are known
// in memory, read from the chunks themselves whenever the anchor comes back to
// memory. Each message of a later one has a row, for which the store is asked: an
// anchor with so many is seldom out of memory, or reading them all would cost more
// than the rows.
const knownChunks = 16

// shorts is a set of message ids in their short form, for anchors whose
// timeline has outgrown memory: whoever is not in it is new, without asking the
// store. The nil set knows nothing.
type shorts struct {
	table []uint64 // open addressing; zero is a free place
	n     int
	zero  bool
}

func newShorts(size int) *shorts {
	n := 256
	for n < 2*size {
		n *= 2
	}
	return &shorts{table: make([]uint64, n)}
}

// has tells whether a message is in the set.
func (s *shorts) has(short uint64) bool {
	if short == 0 {
		return s.zero
	}
	mask := uint64(len(s.table) - 1)
	for i := short & mask; ; i = (i + 1) & mask {
		switch s.table[i] {
		case short:
			return true
		case 0:
			return false
		}
	}
}

// add takes a message in.
func (s *shorts) add(short uint64) {
	if short == 0 {
		s.zero = true
		return
	}
	if 4*(s.n+1) > 3*len(s.table) {
		old := s.table
		s.table, s.n = make([]uint64, 2*len(old)), 0
		for _, x := range old {
			if x != 0 {
				s.add(x)
			}
		}
	}
	mask := uint64(len(s.table) - 1)
	i := short & mask
	for s.table[i] != 0 {
		if s.table[i] == short {
			return
		}
		i = (i + 1) & mask
	}
	s.table[i] = short
	s.n++
}

// size is the bytes it takes.
func (s *shorts) size() int {
	if s == nil {
		return 0
	}
	return 8 * len(s.table)
}
