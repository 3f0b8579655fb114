package columns

import "hash/maphash"

// dict numbers the different texts of a column. A number nobody uses any more
// is given again. Number zero means no text, number one a text that is too
// long to keep.
type dict struct {
	entries []entry  // by code
	bytes   []byte   // the texts, with what was let go of among them
	garbage int      // so many bytes of them
	lists   int      // so many texts in use are JSON lists
	table   []uint32 // open addressing by hash: code, or zero
	free    []uint32
	seed    maphash.Seed
}

type entry struct {
	start, length, people uint32
}

const (
	noText   = 0
	longText = 1
	maxText  = 512
	keepRoom = 4096 // bytes of garbage that are not worth tidying
)

func newDict() *dict {
	return &dict{entries: make([]entry, 2), seed: maphash.MakeSeed()}
}

func (d *dict) text(code uint32) []byte {
	e := &d.entries[code]
	return d.bytes[e.start : e.start+e.length : e.start+e.length]
}

func (d *dict) find(s string) (at uint64, code uint32) {
	if len(d.table) == 0 {
		return 0, noText
	}
	mask := uint64(len(d.table) - 1)
	for at = maphash.String(d.seed, s) & mask; d.table[at] != 0; at = (at + 1) & mask {
		if c := d.table[at]; string(d.text(c)) == s {
			return at, c
		}
	}
	return at, noText
}

// use gives the code of a text and counts one more who has it.
func (d *dict) use(s string) uint32 {
	if len(s) > maxText {
		d.entries[longText].people++
		return longText
	}
	at, code := d.find(s)
	if code == noText {
		if (len(d.entries)+1)*4 > len(d.table)*3 {
			d.grow(max(16, 2*len(d.table)))
			at, _ = d.find(s)
		}
		code = d.add(s)
		d.table[at] = code
	}
	d.entries[code].people++
	return code
}

func (d *dict) add(s string) uint32 {
	e := entry{start: uint32(len(d.bytes)), length: uint32(len(s))}
	if isList(s) {
		d.lists++
	}
	d.bytes = append(d.bytes, s...)
	if last := len(d.free) - 1; last >= 0 {
		code := d.free[last]
		d.free = d.free[:last]
		d.entries[code] = e
		return code
	}
	d.entries = append(d.entries, e)
	return uint32(len(d.entries) - 1)
}

// leave counts one less who has a text.
func (d *dict) leave(code uint32) {
	e := &d.entries[code]
	e.people--
	if e.people > 0 || code == longText {
		return
	}
	if isList(string(d.text(code))) {
		d.lists--
	}
	at, _ := d.find(string(d.text(code)))
	d.unlink(at)
	d.garbage += int(e.length)
	*e = entry{}
	d.free = append(d.free, code)
	if d.garbage > keepRoom && d.garbage > len(d.bytes)/2 {
		d.tidy()
	}
}

func (d *dict) unlink(at uint64) {
	mask := uint64(len(d.table) - 1)
	hole := at
	for i := (at + 1) & mask; d.table[i] != 0; i = (i + 1) & mask {
		home := maphash.Bytes(d.seed, d.text(d.table[i])) & mask
		if (i-home)&mask >= (i-hole)&mask {
			d.table[hole], hole = d.table[i], i
		}
	}
	d.table[hole] = noText
}

// tidy drops the texts that were let go of.
func (d *dict) tidy() {
	bytes := make([]byte, 0, len(d.bytes)-d.garbage)
	for code := longText + 1; code < len(d.entries); code++ {
		e := &d.entries[code]
		start := uint32(len(bytes))
		bytes = append(bytes, d.text(uint32(code))...)
		e.start = start
	}
	d.bytes, d.garbage = bytes, 0
}

func (d *dict) grow(size int) {
	d.table = make([]uint32, size)
	mask := uint64(size - 1)
	for code := longText + 1; code < len(d.entries); code++ {
		if d.entries[code].people == 0 {
			continue
		}
		at := maphash.Bytes(d.seed, d.text(uint32(code))) & mask
		for d.table[at] != 0 {
			at = (at + 1) & mask
		}
		d.table[at] = uint32(code)
	}
}

// isList tells whether a canonical text is a list.
func isList(s string) bool { return s != "" && s[0] == '[' }

func (d *dict) size() int {
	return 12*cap(d.entries) + cap(d.bytes) + 4*(cap(d.table)+cap(d.free))
}
