package consent

import "bytes"

// Traces finds what is left of a person's values in the bytes of files. There a value
// has no bounds that could be trusted: what stands beside it may be a length or a
// number. So each place where a value stands counts, but where it is known from
// what lives on that the value is a part of longer words: of customer-12, which stays,
// customer-1 is no trace.
type Traces struct {
	mentions *Mentions
	beside   []beside // by value
	room     []byte
}

// beside is what stands before and behind a value in the longer words of which it
// is a part.
type beside struct {
	longer        bool
	before, after [256]bool
}

// Traces looks for the values; nothing is known yet of longer words.
func (m *Mentions) Traces() *Traces {
	return &Traces{mentions: m, beside: make([]beside, len(m.values))}
}

// Longest is the length of the longest value, in bytes.
func (t *Traces) Longest() int {
	longest := 0
	for _, v := range t.mentions.values {
		longest = max(longest, len(v))
	}
	return longest
}

// Learn notes where values are parts of longer words in what lives on. It is not
// to be called twice at a time.
func (t *Traces) Learn(b []byte) {
	t.room = appendLower(t.room[:0], b)
	for i, v := range t.mentions.values {
		for at := 0; ; {
			k := bytes.Index(t.room[at:], v)
			if k < 0 {
				break
			}
			from, to := at+k, at+k+len(v)
			if from > 0 && word(t.room[from-1]) && word(v[0]) {
				t.beside[i].longer, t.beside[i].before[t.room[from-1]] = true, true
			}
			if to < len(t.room) && word(t.room[to]) && word(v[len(v)-1]) {
				t.beside[i].longer, t.beside[i].after[t.room[to]] = true, true
			}
			at = from + 1
		}
	}
}

// Finding is what was found in bytes.
type Finding uint8

// The findings, each with more in it than the one before.
const (
	Nothing  Finding = iota
	InLonger         // a value, each time as it stands in longer words that live on
	Doubtful         // a value that stands in longer words too, and here perhaps by itself
	Trace            // a value that stands in no longer word
)

// In tells what is in a piece of a file, in lower case. First and last say whether
// the piece begins and ends where the file does: at its other ends a value waits for
// the piece that holds its neighbour too, so pieces overlap by two bytes more than
// the longest value, less one.
func (t *Traces) In(piece []byte, first, last bool) Finding {
	found := Nothing
	for i, v := range t.mentions.values {
		for at := 0; ; {
			k := bytes.Index(piece[at:], v)
			if k < 0 {
				break
			}
			from, to := at+k, at+k+len(v)
			at = from + 1
			if from == 0 && !first || to == len(piece) && !last {
				continue
			}
			if !t.beside[i].longer {
				return Trace
			}
			if from > 0 && t.beside[i].before[piece[from-1]] || to < len(piece) && t.beside[i].after[piece[to]] {
				found = max(found, InLonger)
			} else {
				found = max(found, Doubtful)
			}
		}
	}
	return found
}

// Entry tells whether a value stands in bytes with bounds of their own, such as a
// key or the value of a row.
func (t *Traces) Entry(b []byte) bool { return t.mentions.In(b) }
