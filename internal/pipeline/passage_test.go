package pipeline

import (
	"bytes"
	"testing"
)

func samplePassages() []passage {
	return []passage{
		{segment: "vip", version: 3, entered: true, cause: cause{kind: causeEvent, messageID: "m1", name: "Visit", time: 12}, reasons: []byte{1, 2, 3}},
		{segment: "x", version: 1, cause: cause{kind: causeDefinition}},
	}
}

func TestReadPassage_RefusesWhatIsDamaged(t *testing.T) {
	t.Parallel()
	whole := samplePassages()[0].append(nil)
	for name, b := range map[string][]byte{
		"nothing": nil, "cut off": whole[:5], "another version": append([]byte{9}, whole[1:]...),
		"an unknown cause": append([]byte{whole[0], 1, byte(causeKinds)}, whole[3:]...),
	} {
		if p, err := readPassage(b); err == nil {
			t.Errorf("%s: became %+v", name, p)
		}
	}
}

func TestReadPassage_ReadsTheVersionWithoutPositions(t *testing.T) {
	t.Parallel()
	want := samplePassages()[0]
	b := want.append(nil)
	place := len(b) - len(want.reasons) - 1
	b = append(append([]byte{1}, b[1:place]...), want.reasons...)
	got, err := readPassage(b)
	if err != nil || got.segment != want.segment || got.cause != want.cause || got.position != 0 || !bytes.Equal(got.reasons, want.reasons) {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzReadPassage(f *testing.F) {
	for _, p := range samplePassages() {
		f.Add(p.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPassage(b)
		if err != nil {
			return
		}
		once := p.append(nil)
		again, err := readPassage(once)
		if err != nil || !bytes.Equal(again.append(nil), once) || again.segment != p.segment || again.cause != p.cause {
			t.Fatalf("%+v came back as %+v, %v", p, again, err)
		}
	})
}
