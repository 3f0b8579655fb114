package pipeline

import (
	"bytes"
	"testing"

	"rapport/internal/event"
	"rapport/internal/id"
)

func FuzzReadShare(f *testing.F) {
	a := newAnchor(event.Identifier{Namespace: event.AnonymousID, Value: "d"})
	s := shareRecord{home: id.KeyOf("user_id", "u"), from: a.key, version: 12, row: a.shareRow()}
	f.Add(s.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readShare(b)
		if err != nil {
			return
		}
		row, err := readAnchor(s.from, [][]byte{s.row}, nil)
		if err != nil {
			return
		}
		once := row.shareRow()
		again, err := readAnchor(s.from, [][]byte{once}, nil)
		if err != nil || !bytes.Equal(again.shareRow(), once) {
			t.Fatalf("a share does not come back: %v", err)
		}
	})
}

func FuzzReadAnchor(f *testing.F) {
	a := newAnchor(event.Identifier{Namespace: event.UserID, Value: "u"})
	a.meet([]event.Identifier{{Namespace: event.AnonymousID, Value: "d"}}, 5, 6)
	a.home = &home{version: 3, members: []event.Identifier{a.ident, {Namespace: event.AnonymousID, Value: "d"}}, foreign: []foreign{{key: id.KeyOf("a", "b"), version: 2}}, changed: true}
	part, _ := a.part(nil)
	f.Add(part)
	f.Add(appendHome(nil, &home{version: 4, at: a.ident}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAnchor(id.KeyOf("user_id", "u"), [][]byte{b}, nil)
		if err != nil {
			return
		}
		a.fresh = true
		once, _ := a.part(nil)
		again, err := readAnchor(a.key, [][]byte{once}, nil)
		if err != nil {
			t.Fatal(err)
		}
		again.fresh = true
		if twice, _ := again.part(nil); !bytes.Equal(twice, once) {
			t.Fatalf("a row does not come back")
		}
	})
}
