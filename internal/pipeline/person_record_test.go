package pipeline

import (
	"bytes"
	"testing"

	"rapport/internal/event"
	"rapport/internal/id"
)

func samplePersons() []personRecord {
	home := event.Identifier{Namespace: event.UserID, Value: "u"}
	device := event.Identifier{Namespace: event.AnonymousID, Value: "d"}
	return []personRecord{
		{to: device.Key(), version: 7, home: home},
		{to: home.Key(), version: 1 << 40, home: home, members: []event.Identifier{home}},
		{
			to: home.Key(), version: 9, home: home, members: []event.Identifier{home, device},
			shared: []sharedIdentifier{{ident: device, owned: []interval{{1, 5}, {9, 1 << 50}}}},
		},
	}
}

func TestPersonRecord_ComesBack(t *testing.T) {
	t.Parallel()
	for _, p := range samplePersons() {
		b := p.encode()
		got, err := readPerson(b)
		if err != nil || !bytes.Equal(got.encode(), b) || got.home != p.home || len(got.members) != len(p.members) {
			t.Errorf("%+v came back as %+v, %v", p, got, err)
		}
		for n := range b {
			if _, err := readPerson(b[:n]); err == nil {
				t.Errorf("%+v: the first %d bytes count as a record", p, n)
			}
		}
	}
}

func FuzzReadPerson(f *testing.F) {
	for _, p := range samplePersons() {
		f.Add(p.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPerson(b)
		if err != nil {
			return
		}
		again, err := readPerson(p.encode())
		if err != nil || !bytes.Equal(again.encode(), p.encode()) {
			t.Fatalf("%+v came back as %+v, %v", p, again, err)
		}
	})
}

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
