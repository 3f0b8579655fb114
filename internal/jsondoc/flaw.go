package jsondoc

import (
	"cmp"
	"slices"
)

// FlawKind is what is wrong with a value that could be cut out.
type FlawKind uint8

// The kinds of flaw.
const (
	InvalidUTF8 FlawKind = 1 + iota
	NulCharacter
	ControlCharacter
	LoneSurrogate
	DuplicateKey
	TooDeep
	TooManyKeys
	StringTooLong
	NumberOutOfRange
)

var flawNames = [...]string{
	"", "invalid_utf8", "nul_character", "control_character", "lone_surrogate", "duplicate_key",
	"too_deep", "too_many_keys", "string_too_long", "number_out_of_range",
}

// String is a stable code in snake_case.
func (k FlawKind) String() string {
	if int(k) < len(flawNames) {
		return flawNames[k]
	}
	return ""
}

// Flaw is something wrong inside a value that leaves the document readable.
type Flaw struct {
	Kind   FlawKind
	Offset int // byte of the document
	Msg    string
}

// Flaw gives the first flaw inside the value, if there is one. What is wrong
// elsewhere in the document is not its concern.
func (v Value) Flaw() (Flaw, bool) {
	if v.doc == nil || len(v.doc.flaws) == 0 {
		return Flaw{}, false
	}
	w := v.word()
	flaws := v.doc.flaws
	i, _ := slices.BinarySearchFunc(flaws, w.start(), func(f Flaw, at int) int { return cmp.Compare(f.Offset, at) })
	if i < len(flaws) && flaws[i].Offset < w.end() {
		return flaws[i], true
	}
	return Flaw{}, false
}

func (p *parser) flaw(kind FlawKind, offset int, msg string) {
	p.flaws = append(p.flaws, Flaw{Kind: kind, Offset: offset, Msg: msg})
}
