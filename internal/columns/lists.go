package columns

import "slices"

// lists is a column of several items per person, of few who have any: hashes
// of identifiers, cells of events.
type lists[T uint32 | uint64] struct {
	blocks []*listBlock[T] // by block; nil where nobody has an item
	people int
	seen   uint64 // the update that last gave items
}

// listBlock keeps the items of all people of a block one after another.
type listBlock[T uint32 | uint64] struct {
	rows  []uint16 // those who have items, in order
	ends  []uint32 // where in items those of a row end
	items []T
}

func (b *listBlock[T]) at(i int) []T {
	start := uint32(0)
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.items[start:b.ends[i]:b.ends[i]]
}

// block gives the block of an ordinal, nil where it has none.
func (l *lists[T]) block(n int) *listBlock[T] {
	if n >= len(l.blocks) {
		return nil
	}
	return l.blocks[n]
}

// set replaces the items of a person.
func (l *lists[T]) set(ordinal uint32, items []T) {
	n, row := int(ordinal/blockRows), uint16(ordinal%blockRows)
	b := l.block(n)
	if b == nil {
		if len(items) == 0 {
			return
		}
		l.blocks = grown(l.blocks, n+1)
		b = &listBlock[T]{}
		l.blocks[n] = b
	}
	i, found := slices.BinarySearch(b.rows, row)
	switch {
	case found && len(items) == 0:
		b.replace(i, nil)
		b.rows, b.ends = slices.Delete(b.rows, i, i+1), slices.Delete(b.ends, i, i+1)
		l.people--
		if len(b.rows) == 0 {
			l.blocks[n] = nil
		}
	case found:
		b.replace(i, items)
	case len(items) > 0:
		start := uint32(0)
		if i > 0 {
			start = b.ends[i-1]
		}
		b.rows, b.ends = slices.Insert(b.rows, i, row), slices.Insert(b.ends, i, start)
		b.replace(i, items)
		l.people++
	}
}

// replace puts items in the place of those at an index.
func (b *listBlock[T]) replace(i int, items []T) {
	was := b.at(i)
	if slices.Equal(was, items) {
		return
	}
	end := int(b.ends[i])
	start := end - len(was)
	if len(items) == len(was) {
		copy(b.items[start:end], items)
		return
	}
	b.items = slices.Replace(b.items, start, end, items...)
	more := uint32(len(items) - len(was)) // wraps around where there are fewer
	for k := i; k < len(b.ends); k++ {
		b.ends[k] += more
	}
}

func (l *lists[T]) size() int {
	n := 8 * cap(l.blocks)
	var item T
	width := 4
	if any(item) == any(uint64(0)) {
		width = 8
	}
	for _, b := range l.blocks {
		if b != nil {
			n += 72 + 2*cap(b.rows) + 4*cap(b.ends) + width*cap(b.items)
		}
	}
	return n
}

// grown gives a list of at least n, new places zero.
func grown[T any](list []T, n int) []T {
	if n <= len(list) {
		return list
	}
	return append(list, make([]T, n-len(list))...)
}
