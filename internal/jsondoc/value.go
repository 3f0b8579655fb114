package jsondoc

// Kind is the JSON type of a value; None is a value that is not there.
type Kind uint8

// The kinds.
const (
	None Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// Value is one place in a document; the zero Value is "not there", and asking
// it anything gives the zero answer. It is small and passed by value.
type Value struct {
	doc *Doc
	at  int32
}

// Exists tells whether the value is there (null is there).
func (v Value) Exists() bool { return v.doc != nil }
