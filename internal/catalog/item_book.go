package catalog

import (
	"encoding/binary"
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

// itemVersion is what an item was from a position on: of each value the number of
// its name, its length and its JSON, in one text. With a large catalog it is the
// pieces that take the memory.
type itemVersion struct {
	at   uint64
	said string
}

// versionBytes is about what a version takes beside what it says: itself, and its
// part of the map of items.
const versionBytes = 112

func (v *itemVersion) size(item string) int { return versionBytes + len(item) + len(v.said) }

// ItemBook is what the catalog says of items, as of any place in the log. It
// belongs to one worker at a time.
type ItemBook struct {
	items   map[string][]itemVersion // by position
	numbers map[string]uint64        // of names
	names   []string
	last    uint64
	bytes   int
}

// NewItemBook is a book without items.
func NewItemBook() *ItemBook {
	return &ItemBook{items: map[string][]itemVersion{}, numbers: map[string]uint64{}}
}

// Bytes is about how much memory the book takes.
func (b *ItemBook) Bytes() int { return b.bytes }

// Learn takes a fact at a position. Learning it again changes nothing.
func (b *ItemBook) Learn(at uint64, f *ItemFact) {
	b.last = max(b.last, at)
	list := b.items[f.Item]
	i, known := slices.BinarySearchFunc(list, at, func(v itemVersion, at uint64) int { return int(int64(v.at) - int64(at)) })
	if known {
		return
	}
	v := itemVersion{at, b.said(f.Values)}
	b.bytes += v.size(f.Item)
	b.items[f.Item] = slices.Insert(list, i, v)
}

// said gives values as a version has them.
func (b *ItemBook) said(values []ItemValue) string {
	var out []byte
	for _, v := range values {
		n, ok := b.numbers[v.Name]
		if !ok {
			n = uint64(len(b.names))
			b.names = append(b.names, strings.Clone(v.Name))
			b.numbers[b.names[n]] = n
		}
		out = binary.AppendUvarint(binary.AppendUvarint(out, n), uint64(len(v.JSON)))
		out = append(out, v.JSON...)
	}
	return string(out)
}

// first cuts off the first value that a version says.
func (b *ItemBook) first(said string) (v ItemValue, rest string) {
	name, rest := cutUvarint(said)
	long, rest := cutUvarint(rest)
	return ItemValue{b.names[name], rest[:long]}, rest[long:]
}

// cutUvarint reads a number at the beginning of a text.
func cutUvarint(s string) (n uint64, rest string) {
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		n |= uint64(s[i]&0x7f) << shift
		if s[i] < 0x80 {
			return n, s[i+1:]
		}
	}
}

// Values visits the JSON of an item's attribute, else of its dimension, as of a
// position. A dimension is also found by another case.
func (b *ItemBook) Values(at uint64, item, attribute string, visit func(json string)) {
	found := ""
	for said := asOf(b.items[item], at); said != ""; {
		var v ItemValue
		v, said = b.first(said)
		dimension, is := strings.CutPrefix(v.Name, DimensionPrefix)
		switch field, ok := strings.CutPrefix(v.Name, FieldPrefix); {
		case ok && field == attribute:
			visit(v.JSON)
			return
		case !is:
		case dimension == attribute, found == "" && strings.EqualFold(dimension, attribute):
			found = v.JSON
		}
	}
	if found != "" {
		visit(found)
	}
}

// asOf finds what the newest version says that is not behind a position.
func asOf(list []itemVersion, at uint64) string {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].at <= at {
			return list[i].said
		}
	}
	return ""
}

// Says tells whether the newest version of an item is what an entity says.
func (b *ItemBook) Says(item string, e *Entity) bool {
	said, same := asOf(b.items[item], b.last), true
	if e != nil && e.Exists() {
		e.EachField(func(name, value string) bool {
			if len(value) > MaxItemValue {
				return true
			}
			if same = said != ""; same {
				var v ItemValue
				v, said = b.first(said)
				same = v == ItemValue{name, value}
			}
			return same
		})
	}
	return same && said == ""
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
		b.bytes -= list[0].size(item)
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
		b.bytes -= v.size(item)
	}
	delete(b.items, item)
	return gone
}

// Len is how many items are known.
func (b *ItemBook) Len() int {
	return len(b.items)
}
