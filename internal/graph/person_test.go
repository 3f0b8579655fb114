package graph

import (
	"bytes"
	"testing"

	"rapport/internal/event"
)

func samplePeople() []Person {
	home := event.Identifier{Namespace: event.UserID, Value: "u"}
	device := event.Identifier{Namespace: event.AnonymousID, Value: "d"}
	return []Person{
		{To: device.Key(), Version: 7, Home: home},
		{To: home.Key(), Version: 1 << 40, Home: home, Members: []event.Identifier{home}},
		{
			To: home.Key(), Version: 9, Home: home, Members: []event.Identifier{home, device},
			Shared: []Shared{{Identifier: device, Owned: []Interval{{1, 5}, {9, 1 << 50}}}},
		},
	}
}

func TestPersonRecord_ComesBack(t *testing.T) {
	t.Parallel()
	for _, p := range samplePeople() {
		b := p.encode()
		got, err := ReadPerson(b)
		if err != nil || !bytes.Equal(got.encode(), b) || got.Home != p.Home || len(got.Members) != len(p.Members) {
			t.Errorf("%+v came back as %+v, %v", p, got, err)
		}
		for n := range b {
			if _, err := ReadPerson(b[:n]); err == nil {
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
		p, err := ReadPerson(b)
		if err != nil {
			return
		}
		again, err := ReadPerson(p.encode())
		if err != nil || !bytes.Equal(again.encode(), p.encode()) {
			t.Fatalf("%+v came back as %+v, %v", p, again, err)
		}
	})
}
