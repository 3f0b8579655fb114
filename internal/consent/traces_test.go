package consent_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/consent"
	"rapport/internal/event"
)

func traces(living ...string) *consent.Traces {
	t := consent.NewMentions([]event.Identifier{
		{Namespace: "user_id", Value: "customer-1"}, {Namespace: "email", Value: "ada@example.com"},
	}).Traces()
	for _, words := range living {
		t.Learn([]byte(words))
	}
	return t
}

func TestTraces_KnowsLongerWordsThatLiveOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		living, file string
		want         consent.Finding
	}{
		{"", "nobody", consent.Nothing},
		{"", "xcustomer-12", consent.Trace}, // nobody is known by a longer word
		{`{"id":"customer-12"}`, `b"customer-12"`, consent.InLonger},
		{`{"id":"Customer-12"}`, "customer-12 customer-12", consent.InLonger},
		{`{"id":"customer-12"}`, "\x0acustomer-1\x05", consent.Doubtful},
		{`{"id":"customer-12"}`, "bcustomer-1\"", consent.Doubtful}, // the b may be a length
		{`{"id":"customer-12"}`, "customer-13", consent.Doubtful},   // who was customer-13?
		{`{"id":"customer-12"}`, "customer-12 customer-1", consent.Doubtful},
		{`{"id":"mycustomer-1"}`, "mycustomer-1", consent.InLonger},
		{`{"id":"customer-12"}`, "customer-12 xada@example.com", consent.Trace},
		{`{"id":"customer-1 and others"}`, "customer-1", consent.Trace},
	} {
		if got := traces(c.living).In([]byte(c.file), true, true); got != c.want {
			t.Errorf("%q in %q: %d, want %d", c.living, c.file, got, c.want)
		}
	}
}

// What is found does not depend on where a file is cut into pieces.
func TestTraces_PiecesFindWhatTheWholeHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"customer-1", "customer-12", "ada@example.com", "xada@example.com", "\x00", "b", " "})
		file := []byte(strings.Join(rapid.SliceOfN(word, 0, 8).Draw(t, "file"), ""))
		look := traces(rapid.SampledFrom([]string{"", "customer-12", "xada@example.com customer-12"}).Draw(t, "living"))
		want := look.In(file, true, true)
		size := look.Longest() + 2 + rapid.IntRange(0, 5).Draw(t, "size")
		got := consent.Nothing
		for at := 0; ; {
			end := min(at+size, len(file))
			got = max(got, look.In(file[at:end], at == 0, end == len(file)))
			if end == len(file) {
				break
			}
			at = end - look.Longest() - 1
		}
		if got != want {
			t.Fatalf("pieces of %d: %d, whole: %d", size, got, want)
		}
	})
}

func TestTraces_EntriesHaveBounds(t *testing.T) {
	t.Parallel()
	look := traces("customer-12")
	if look.Entry([]byte("\x0bcustomer-12")) || !look.Entry(bytes.Join([][]byte{{0}, []byte("customer-1"), {0}}, nil)) {
		t.Error("an entry that has the value by itself is a trace, and no other")
	}
}
