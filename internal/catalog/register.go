package catalog

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
)

// register is a last-writer-wins value: of all that was ever said of a name,
// the one with the greatest stamp, then the greatest bytes.
type register struct {
	name   string
	value  string // canonical JSON
	source string
	stamp  Stamp
	dirty  bool
}

func (r *register) compare(o *register) int {
	return cmp.Or(r.stamp.Compare(o.stamp), strings.Compare(r.value, o.value), strings.Compare(r.source, o.source))
}

// put says a value of a name; registers stay sorted by name.
func put(list []register, r register) ([]register, bool) {
	i, found := slices.BinarySearchFunc(list, r.name, func(x register, n string) int { return strings.Compare(x.name, n) })
	if !found {
		return slices.Insert(list, i, r), true
	}
	if r.compare(&list[i]) <= 0 {
		return list, false
	}
	r.name = list[i].name
	list[i] = r
	return list, true
}

func find(list []register, name string) *register {
	i, found := slices.BinarySearchFunc(list, name, func(x register, n string) int { return strings.Compare(x.name, n) })
	if !found {
		return nil
	}
	return &list[i]
}

// bound keeps the newest of a map of last-writer-wins elements. That is exact
// in any order of arrival: an element that was dropped comes back only with a
// newer stamp, and then nothing older of it counts. It gives the greatest
// stamp it dropped.
func bound[T any](list []T, limit int, order func(a, b *T) int, stamp func(*T) Stamp) ([]T, Stamp) {
	var cut Stamp
	for len(list) > limit {
		oldest := 0
		for i := 1; i < len(list); i++ {
			if order(&list[i], &list[oldest]) < 0 {
				oldest = i
			}
		}
		cut = stamp(&list[oldest])
		list = slices.Delete(list, oldest, oldest+1)
	}
	return list, cut
}

func later(a, b Stamp) Stamp {
	if a.Compare(b) >= 0 {
		return a
	}
	return b
}

// toMark and fromMark turn stamps into their written form.
func toMark(s Stamp, source string) wire.Mark {
	return wire.Mark{Time: int64(s.Time), Short: s.Short, Priority: s.Priority, Source: source}
}

func fromMark(m wire.Mark) (Stamp, string) {
	return Stamp{Time: clock.Instant(m.Time), Short: m.Short, Priority: m.Priority}, m.Source
}
