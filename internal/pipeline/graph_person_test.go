package pipeline

import (
	"bytes"
	"testing"

	"rapport/internal/event"
)

func samplePeople() []personRecord {
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
	for _, p := range samplePeople() {
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
	for _, p := range samplePeople() {
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
