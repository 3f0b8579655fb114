package catalog

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"rapport/internal/jsondoc"
)

// MaxItemValue is how long the JSON of one value may be: what is longer is
// not known to conditions.
const MaxItemValue = 4 << 10

// ItemValue is one attribute or dimension of an item, with its prefix, and its
// canonical JSON.
type ItemValue struct {
	Name string `json:"name"`
	JSON string `json:"value"`
}

// ItemFact says what an item is from a place in the log on. Without values there
// is nothing to be said of it any more.
type ItemFact struct {
	Item   string      `json:"item"`
	Values []ItemValue `json:"values,omitempty"`
}

// ReadItemFact reads a fact.
func ReadItemFact(b []byte) (ItemFact, error) {
	var f ItemFact
	err := json.Unmarshal(b, &f)
	if len(f.Values) == 0 {
		f.Values = nil
	}
	if err == nil && f.Item == "" {
		err = errors.New("a fact of an item that names none")
	}
	if err == nil && !slices.IsSortedFunc(f.Values, compareItemValues) {
		slices.SortFunc(f.Values, compareItemValues)
	}
	return f, err
}

func compareItemValues(a, b ItemValue) int { return strings.Compare(a.Name, b.Name) }

// Append is the stored form of a fact, as ReadItemFact reads it.
func (f *ItemFact) Append(b []byte) []byte {
	b = jsondoc.AppendString(append(b, `{"item":`...), f.Item)
	for i, v := range f.Values {
		if i == 0 {
			b = append(b, `,"values":[`...)
		} else {
			b = append(b, ',')
		}
		b = jsondoc.AppendString(append(b, `{"name":`...), v.Name)
		b = append(jsondoc.AppendString(append(b, `,"value":`...), v.JSON), '}')
	}
	if len(f.Values) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// ItemFactOf is what an entity says of an item at present; nil says nothing.
func ItemFactOf(item string, e *Entity) ItemFact {
	f := ItemFact{Item: item}
	if e == nil || !e.Exists() {
		return f
	}
	e.EachField(func(name, value string) bool {
		if len(value) <= MaxItemValue {
			f.Values = append(f.Values, ItemValue{name, value})
		}
		return true
	})
	return f
}

// itemVersion is what an item was from a position on.
type itemVersion struct {
	at     uint64
	values []ItemValue
}

// ItemBook is what the catalog says of items, as of any place in the log. It
// belongs to one worker at a time.
type ItemBook struct {
	items map[string][]itemVersion // by position
	names map[string]string        // each name once
	last  uint64
}

// NewItemBook is a book without items.
func NewItemBook() *ItemBook {
	return &ItemBook{items: map[string][]itemVersion{}, names: map[string]string{}}
}

// Learn takes a fact at a position. Learning it again changes nothing.
func (b *ItemBook) Learn(at uint64, f *ItemFact) {
	values := make([]ItemValue, len(f.Values))
	for i, v := range f.Values {
		name, ok := b.names[v.Name]
		if !ok {
			name = strings.Clone(v.Name)
			b.names[name] = name
		}
		values[i] = ItemValue{name, v.JSON}
	}
	b.last = max(b.last, at)
	list := b.items[f.Item]
	i, known := slices.BinarySearchFunc(list, at, func(v itemVersion, at uint64) int { return int(int64(v.at) - int64(at)) })
	if known {
		return
	}
	b.items[f.Item] = slices.Insert(list, i, itemVersion{at, values})
}

// Values visits the JSON of an item's attribute, else of its dimension, as of a
// position. A dimension is also found by another case.
func (b *ItemBook) Values(at uint64, item, attribute string, visit func(json string)) {
	v := asOf(b.items[item], at)
	if v == nil {
		return
	}
	found := -1
	for i := range v.values {
		switch name := v.values[i].Name; {
		case strings.HasPrefix(name, FieldPrefix) && name[len(FieldPrefix):] == attribute:
			visit(v.values[i].JSON)
			return
		case !strings.HasPrefix(name, DimensionPrefix):
		case name[len(DimensionPrefix):] == attribute, found < 0 && strings.EqualFold(name[len(DimensionPrefix):], attribute):
			found = i
		}
	}
	if found >= 0 {
		visit(v.values[found].JSON)
	}
}

// asOf finds the newest version that is not behind a position.
func asOf(list []itemVersion, at uint64) *itemVersion {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].at <= at {
			return &list[i]
		}
	}
	return nil
}

// Says tells whether the newest version of an item is what an entity says.
func (b *ItemBook) Says(item string, e *Entity) bool {
	list := b.items[item]
	var known []ItemValue
	if len(list) > 0 {
		known = list[len(list)-1].values
	}
	if e == nil || !e.Exists() {
		return len(known) == 0
	}
	n, same := 0, true
	e.EachField(func(name, value string) bool {
		if len(value) > MaxItemValue {
			return true
		}
		same = n < len(known) && known[n].Name == name && known[n].JSON == value
		n++
		return same
	})
	return same && n == len(known)
}

// Last is the position of the newest version.
func (b *ItemBook) Last() uint64 {
	return b.last
}

// Changed are the items with a version behind one position and not behind
// another.
func (b *ItemBook) Changed(after, upTo uint64) map[string]bool {
	out := map[string]bool{}
	for item, list := range b.items {
		if slices.ContainsFunc(list, func(v itemVersion) bool { return v.at > after && v.at <= upTo }) {
			out[item] = true
		}
	}
	return out
}

// Prune drops the versions of an item that nobody asks for who asks as of a
// position or later, and gives their positions.
func (b *ItemBook) Prune(item string, safe uint64) (gone []uint64) {
	list := b.items[item]
	for len(list) > 1 && list[1].at <= safe {
		gone = append(gone, list[0].at)
		list = list[1:]
	}
	if len(gone) > 0 {
		b.items[item] = slices.Clone(list)
	}
	return gone
}

// Drop forgets an item, and gives the positions of its versions.
func (b *ItemBook) Drop(item string) (gone []uint64) {
	for _, v := range b.items[item] {
		gone = append(gone, v.at)
	}
	delete(b.items, item)
	return gone
}

// Len is how many items are known.
func (b *ItemBook) Len() int {
	return len(b.items)
}
