package sitecore

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// order is one key of a sort.
type order struct {
	name       string
	descending bool
}

// sortItems sorts by members: numbers by what they are, before texts, and those byte
// by byte, so that times of ISO 8601 stand as they follow. What has no value comes
// last in either direction.
func sortItems(items []item, by []order) {
	type row struct {
		item item
		keys []sortKey
	}
	rows := make([]row, len(items))
	for i, it := range items {
		rows[i] = row{it, make([]sortKey, len(by))}
		for k, o := range by {
			rows[i].keys[k] = sortKeyOf(it[o.name])
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		for k, o := range by {
			if c := a.keys[k].compare(&b.keys[k], o.descending); c != 0 {
				return c
			}
		}
		return 0
	})
	for i := range rows {
		items[i] = rows[i].item
	}
}

// sortKey is a value as it is sorted by.
type sortKey struct {
	kind   uint8
	number float64
	text   string
}

const (
	sortNumber uint8 = iota
	sortText
	sortNothing
)

func sortKeyOf(v any) sortKey {
	var text string
	switch v := v.(type) {
	case nil:
		return sortKey{kind: sortNothing}
	case json.RawMessage:
		if len(v) == 0 || bytes.Equal(v, []byte("null")) {
			return sortKey{kind: sortNothing}
		}
		if v[0] != '"' {
			text = string(v)
			if n, err := strconv.ParseFloat(text, 64); err == nil {
				return sortKey{kind: sortNumber, number: n}
			}
			break
		}
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
	case json.Number:
		text = v.String()
		if n, err := v.Float64(); err == nil {
			return sortKey{kind: sortNumber, number: n}
		}
	case int:
		return sortKey{kind: sortNumber, number: float64(v)}
	case float64:
		return sortKey{kind: sortNumber, number: v}
	default:
		text = fmt.Sprint(v)
	}
	if text == "" {
		return sortKey{kind: sortNothing}
	}
	return sortKey{kind: sortText, text: text}
}

func (a *sortKey) compare(b *sortKey, descending bool) int {
	if a.kind == sortNothing || b.kind == sortNothing {
		return cmp.Compare(a.kind/sortNothing, b.kind/sortNothing)
	}
	c := cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number), cmp.Compare(a.text, b.text))
	if descending {
		return -c
	}
	return c
}
