// Package jsondoc reads a JSON document once, strictly, into a flat tape that
// points back into the bytes. It never copies a value that needs no unescaping
// and never builds maps.
package jsondoc

import (
	"cmp"
	"slices"
	"strconv"
)

// The limits that hold for every document.
const (
	// MaxBytes is the longest document; a longer one is a SyntaxError.
	MaxBytes = 32 << 20
	// MaxDepth is the nesting beyond which a document is a SyntaxError.
	MaxDepth = 10_000
)

// Limits say what a value may be before it is flawed. A zero field takes the
// default of DefaultLimits.
type Limits struct {
	Depth       int // containers inside one another
	Keys        int // members of one object
	StringBytes int // bytes of one string or key as received, without its quotes
}

// DefaultLimits are 32 levels, 1,000 keys per object and 64 KiB per string.
func DefaultLimits() Limits { return Limits{Depth: 32, Keys: 1_000, StringBytes: 64 << 10} }

func (l Limits) filled() Limits {
	d := DefaultLimits()
	return Limits{
		Depth:       cmp.Or(l.Depth, d.Depth),
		Keys:        cmp.Or(l.Keys, d.Keys),
		StringBytes: cmp.Or(l.StringBytes, d.StringBytes),
	}
}

// SyntaxError says that a document is no JSON, or none that is read here:
// nothing can be cut out of it.
type SyntaxError struct {
	Offset int // byte at which reading stopped
	Msg    string
}

// Error gives the message and the place.
func (e *SyntaxError) Error() string {
	return e.Msg + " at byte " + strconv.Itoa(e.Offset)
}

// word is one value or key on the tape: its kind, whether it has escapes,
// where it begins and how long it is, quotes included. A container has a
// second word: the tape index after what is in it, and how many are inside.
// There is no pointer in it, so the collector never looks into a tape.
type word uint64

const (
	kindMask    = 0x0f
	escapedFlag = 0x10
	startShift  = 8
	lengthShift = 34
	startMask   = 1<<(lengthShift-startShift) - 1
	countShift  = 32
)

func wordOf(kind Kind, start, end int) word {
	return word(kind) | word(start)<<startShift | word(end-start)<<lengthShift
}

func (w word) kind() Kind    { return Kind(w & kindMask) }
func (w word) escaped() bool { return w&escapedFlag != 0 }
func (w word) start() int    { return int(w >> startShift & startMask) }
func (w word) length() int   { return int(w >> lengthShift) }
func (w word) end() int      { return w.start() + w.length() }

// after is the tape index after a value and what is in it.
func after(tape []word, at int32) int32 {
	if tape[at].kind() >= Array {
		return int32(uint32(tape[at+1]))
	}
	return at + 1
}

// Doc is a document that was read. It is immutable and points into the bytes
// it was made of, which must not change while it is used.
type Doc struct {
	raw   []byte
	tape  []word
	flaws []Flaw // by offset
}

// Parse reads a whole document. It gives a *SyntaxError where the bytes are no
// JSON; what is wrong inside a document that can still be cut into its values
// is a Flaw of those.
func Parse(raw []byte, limits Limits) (*Doc, error) {
	d := new(Doc)
	if err := d.Reset(raw, limits); err != nil {
		return nil, err
	}
	return d, nil
}

// Reset reads another document into the same Doc and keeps its memory. Values
// of the former document are void.
func (d *Doc) Reset(raw []byte, limits Limits) error {
	if len(raw) > MaxBytes {
		return &SyntaxError{Offset: MaxBytes, Msg: "document longer than 32 MiB"}
	}
	if need := len(raw)/8 + 4; cap(d.tape) < need {
		d.tape = make([]word, 0, need)
	}
	p := parser{raw: raw, tape: d.tape[:0], flaws: d.flaws[:0], limits: limits.filled(), open: -1}
	err := p.document()
	d.raw, d.tape, d.flaws = raw, p.tape, p.flaws
	if err != nil {
		d.tape = d.tape[:0]
		return err
	}
	if len(d.flaws) > 1 {
		slices.SortFunc(d.flaws, func(a, b Flaw) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return nil
}

// Root is the document's value.
func (d *Doc) Root() Value {
	if d == nil || len(d.tape) == 0 {
		return Value{}
	}
	return Value{doc: d}
}
