package jsondoc

import "iter"

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

var kindNames = [...]string{"nothing", "null", "boolean", "boolean", "number", "string", "array", "object"}

// String is the kind in words, for messages.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Value is one place in a document; the zero Value is "not there", and asking
// it anything gives the zero answer. It is small and passed by value.
type Value struct {
	doc *Doc
	at  int32
}

// Exists tells whether the value is there (null is there).
func (v Value) Exists() bool { return v.doc != nil }

// word must not be asked of a value that is not there.
func (v Value) word() word { return v.doc.tape[v.at] }

// Kind is the value's JSON type.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return None
	}
	return v.word().kind()
}

// IsNull tells a null that was written; a value that is not there is none.
func (v Value) IsNull() bool { return v.Kind() == Null }

// Offset is where in the document the value begins, in bytes.
func (v Value) Offset() int {
	if v.doc == nil {
		return 0
	}
	return v.word().start()
}

// Raw is the value exactly as received. It points into the document and must
// not be changed.
func (v Value) Raw() []byte {
	if v.doc == nil {
		return nil
	}
	w := v.word()
	return v.doc.raw[w.start():w.end():w.end()]
}

// Len is how many members an object or elements an array has; 0 for the rest.
func (v Value) Len() int {
	if v.Kind() < Array {
		return 0
	}
	return int(v.doc.tape[v.at+1] >> countShift)
}

// Get is the member of an object, not there where it has none of that key. Of
// double keys, which are a flaw, the last counts.
func (v Value) Get(key string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	tape := v.doc.tape
	found := int32(0)
	end := after(tape, v.at)
	for k := v.at + 2; k < end; k = after(tape, k+1) {
		w := tape[k]
		switch {
		case w.escaped():
			if string(v.doc.text(w)) == key {
				found = k + 1
			}
		case w.length() == len(key)+2 && string(v.doc.raw[w.start()+1:w.end()-1]) == key:
			found = k + 1
		}
	}
	if found == 0 {
		return Value{}
	}
	return Value{doc: v.doc, at: found}
}

// Path follows one key after another.
func (v Value) Path(keys ...string) Value {
	for _, k := range keys {
		v = v.Get(k)
	}
	return v
}

// Index is the element of an array; it walks there.
func (v Value) Index(i int) Value {
	if v.Kind() != Array || i < 0 || i >= v.Len() {
		return Value{}
	}
	at := v.at + 2
	for ; i > 0; i-- {
		at = after(v.doc.tape, at)
	}
	return Value{doc: v.doc, at: at}
}

// EachBytes visits the members of an object in their order until f says
// false. The key is unescaped; it may point into the document and is valid
// only during the call. Nothing else is visited of a value of another kind.
func (v Value) EachBytes(f func(key []byte, v Value) bool) {
	if v.Kind() != Object {
		return
	}
	tape := v.doc.tape
	end := after(tape, v.at)
	for k := v.at + 2; k < end; k = after(tape, k+1) {
		if !f(v.doc.text(tape[k]), Value{doc: v.doc, at: k + 1}) {
			return
		}
	}
}

// Each visits the members of an object in their order until f says false. The
// key is a copy that may be kept.
func (v Value) Each(f func(key string, v Value) bool) {
	v.EachBytes(func(key []byte, m Value) bool { return f(string(key), m) })
}

// Members ranges over the members of an object, like Each.
func (v Value) Members() iter.Seq2[string, Value] { return v.Each }

// Items visits the elements of an array until f says false.
func (v Value) Items(f func(i int, v Value) bool) {
	if v.Kind() != Array {
		return
	}
	tape := v.doc.tape
	end := after(tape, v.at)
	for i, at := 0, v.at+2; at < end; i, at = i+1, after(tape, at) {
		if !f(i, Value{doc: v.doc, at: at}) {
			return
		}
	}
}

// Elements ranges over the elements of an array.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		v.Items(func(_ int, e Value) bool { return yield(e) })
	}
}

// text is what a string or key says; it points into the document where it has
// no escapes.
func (d *Doc) text(w word) []byte {
	b := d.raw[w.start()+1 : w.end()-1 : w.end()-1]
	if w.escaped() {
		return appendUnescaped(make([]byte, 0, len(b)), b)
	}
	return b
}
