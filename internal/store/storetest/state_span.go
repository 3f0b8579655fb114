package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// scanSpan gives the rows of several buckets, each as bucket/key=parts.
func scanSpan(t testing.TB, s store.State, at store.SpanRange) []string {
	t.Helper()
	var out []string
	noError(t, s.ScanSpan(ctx(t), at, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		out = append(out, fmt.Sprintf("%d/%q=%s", b, key, spell(parts)))
		return store.NextRow
	}))
	return out
}

// stateSpanScan holds scans over buckets against scans of each in memory, where buckets
// have nothing, few rows and many.
func stateSpanScan(t *testing.T, s store.Store) {
	var changes []store.Change
	fill := func(table store.Table, b id.Bucket, rows int) {
		for n := range rows {
			changes = append(changes, change(store.Put, row(table, b, fmt.Sprintf("%c%05d", 'a'+n%3, n)), fmt.Sprint(b)))
		}
	}
	for b, rows := range map[id.Bucket]int{0: 3, 1: 70, 2: 64, 9: 1, 255: 5, 256: 2500, 1000: 65, 4095: 4, id.CommonBucket: 7} {
		fill('t', b, rows)
	}
	for b := id.Bucket(2000); b < 2300; b++ {
		fill('t', b, 20)
	}
	fill('s', 8, 3)
	fill('u', 0, 3)
	oracle := memory.New()
	for some := range slices.Chunk(changes, 1000) {
		commit(t, s, 1, some...)
		commit(t, oracle, 1, some...)
	}
	for _, at := range []store.SpanRange{
		{Table: 't', Span: store.AllBuckets()},
		{Table: 't', Span: store.Span{First: 1, Last: 256}},
		{Table: 't', Span: store.Span{First: 256, Last: 256}},
		{Table: 't', Span: store.Span{First: 3, Last: 8}},
		{Table: 't', Span: store.Span{First: 9, Last: 8}},
		{Table: 't', Span: store.AllBuckets(), Prefix: []byte("b")},
		{Table: 't', Span: store.AllBuckets(), Prefix: []byte("b"), After: []byte("a")},
		{Table: 't', Span: store.AllBuckets(), Prefix: []byte("b"), After: []byte("b00061")},
		{Table: 't', Span: store.AllBuckets(), Prefix: []byte("b"), After: []byte("c")},
		{Table: 't', Span: store.AllBuckets(), After: []byte("b00004")},
		{Table: 'r', Span: store.AllBuckets()},
		{Table: 's', Span: store.AllBuckets()},
	} {
		var want []string
		for b := int(at.Span.First); b <= int(at.Span.Last); b++ {
			for _, r := range scan(t, oracle.State(), store.Range{Table: at.Table, Bucket: id.Bucket(b), Prefix: at.Prefix, After: at.After}) {
				want = append(want, fmt.Sprintf("%d/%s", b, r))
			}
		}
		if got := scanSpan(t, s.State(), at); !slices.Equal(got, want) {
			t.Fatalf("%c %v prefix %q after %q gives %d rows, want %d", at.Table, at.Span, at.Prefix, at.After, len(got), len(want))
		}
	}
	stateSpanSteps(t, s)
}

// stateSpanSteps leaves buckets early, and stops.
func stateSpanSteps(t *testing.T, s store.Store) {
	var got []string
	noError(t, s.State().ScanSpan(ctx(t), store.SpanRange{Table: 't', Span: store.AllBuckets()}, func(b id.Bucket, key []byte, _ [][]byte) store.Step {
		got = append(got, fmt.Sprintf("%d/%s", b, key))
		switch {
		case b == 1000:
			return store.Stop
		case len(got) > 1 && b != 1:
			return store.NextBucket
		}
		return store.NextRow
	}))
	if len(got) != 2+70+5 || got[0] != "0/a00000" || got[1] != "0/a00003" && got[1] != "0/b00001" || !strings.HasPrefix(got[len(got)-1], "1000/") {
		t.Fatalf("with steps %d rows are visited: %.200q", len(got), got)
	}
}
