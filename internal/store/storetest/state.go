package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

var everything = store.Span{First: 0, Last: id.CommonBucket}

func row(table store.Table, bucket id.Bucket, key string) store.RowKey {
	return store.RowKey{Table: table, Bucket: bucket, Key: []byte(key)}
}

func change(op store.Op, k store.RowKey, value string) store.Change {
	return store.Change{RowKey: k, Op: op, Value: []byte(value)}
}

func commit(t testing.TB, s store.Store, at store.Position, changes ...store.Change) {
	t.Helper()
	noError(t, s.State().Commit(ctx(t), store.Commit{Span: everything, Position: at, Changes: changes}))
}

// parts loads one row and spells it: "-" is no row, and each part is quoted.
func parts(t testing.TB, s store.Store, k store.RowKey) string {
	t.Helper()
	rows, err := s.State().Load(ctx(t), []store.RowKey{k})
	noError(t, err)
	if len(rows) != 1 {
		t.Fatalf("one key gave %d rows", len(rows))
	}
	return spell(rows[0])
}

func spell(row [][]byte) string {
	if row == nil {
		return "-"
	}
	return fmt.Sprintf("%q", row)
}

// scan gives the rows of a range, each as key=parts.
func scan(t testing.TB, s store.State, at store.Range) []string {
	t.Helper()
	var out []string
	noError(t, s.Scan(ctx(t), at, func(key []byte, parts [][]byte) bool {
		out = append(out, fmt.Sprintf("%q=%s", key, spell(parts)))
		return true
	}))
	return out
}

func testState(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, store.Store){
		"put, add and delete":                    stateOps,
		"keys of every shape, in bytewise order": stateKeys,
		"wrong keys and spans are misuse":        stateMisuse,
		"scans by prefix and after a key":        stateScan,
		"scans over buckets":                     stateSpanScan,
		"rows keep to their table and bucket":    stateApart,
		"loading many, twice and none":           stateLoad,
		"large values and many parts":            stateLarge,
		"buffers belong to their owners":         stateOwnership,
		"a scan sees one moment":                 stateMoment,
		"a commit is seen whole":                 stateWhole,
		"positions of changing spans":            stateSpans,
		"reset removes everything":               stateReset,
		"reset keeps tables":                     stateResetKeeping,
		"spans commit beside one another":        stateBeside,
		"a cancelled call keeps nothing":         stateCancelled,
		"flush changes nothing one can see":      stateFlush,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func stateOps(t *testing.T, s store.Store) {
	k := row('a', 7, "k")
	step := func(want string, changes ...store.Change) {
		t.Helper()
		commit(t, s, 1, changes...)
		if got := parts(t, s, k); got != want {
			t.Fatalf("row is %s, want %s", got, want)
		}
		var inScan []string
		if want != "-" {
			inScan = []string{`"k"=` + want}
		}
		if got := scan(t, s.State(), store.Range{Table: 'a', Bucket: 7}); !slices.Equal(got, inScan) {
			t.Fatalf("scan gives %s, want %s", got, inScan)
		}
	}
	step("-")
	step("-", change(store.Delete, k, ""))
	step(`["a"]`, change(store.Add, k, "a"))
	step(`["a" ""]`, change(store.Add, k, ""))
	step(`["a" "" "b" "c"]`, change(store.Add, k, "b"), change(store.Add, k, "c"))
	step(`[""]`, change(store.Put, k, ""))
	step(`["" "d"]`, change(store.Add, k, "d"))
	step(`["e" "f"]`, change(store.Delete, k, ""), change(store.Add, k, "e"), change(store.Add, k, "f"))
	noError(t, s.State().Flush(ctx(t)))
	step(`["e" "f" "g"]`, change(store.Add, k, "g"))
	step(`["i"]`, change(store.Add, k, "h"), change(store.Put, k, "i"))
	step("-", change(store.Put, k, "j"), change(store.Delete, k, ""))
	noError(t, s.State().Flush(ctx(t)))
	step(`["k"]`, change(store.Add, k, "k"))
	c := change(store.Put, k, "")
	c.Value = nil
	step(`[""]`, c)
	c.Op = store.Add
	step(`["" ""]`, c)
}

func stateKeys(t *testing.T, s store.Store) {
	keys := []string{
		"\x00", "\x00\x00", "\x00a", "\x01", "A", "Z", "a", "a\x00", "a\x00b", "aa", "ab", "z", "Ä", "ä", "\u0301a", "é", "e\u0301",
		"\x7f", "\x80", "\xff", "\xff\x00", "\xff\xff", strings.Repeat("k", store.MaxKey), strings.Repeat("\xff", store.MaxKey),
	}
	var changes []store.Change
	for _, k := range keys {
		changes = append(changes, change(store.Put, row('x', 3, k), k))
	}
	commit(t, s, 1, changes...)
	slices.Sort(keys)
	var got []string
	noError(t, s.State().Scan(ctx(t), store.Range{Table: 'x', Bucket: 3}, func(k []byte, parts [][]byte) bool {
		if len(parts) != 1 || !bytes.Equal(k, parts[0]) {
			t.Fatalf("row %q holds %q", k, parts)
		}
		got = append(got, string(k))
		return true
	}))
	if !slices.Equal(got, keys) {
		t.Fatalf("order is %q, want %q", got, keys)
	}
	for _, k := range keys {
		if got, want := parts(t, s, row('x', 3, k)), fmt.Sprintf("%q", []string{k}); got != want {
			t.Fatalf("row is %s, want %s", got, want)
		}
	}
}

func stateMisuse(t *testing.T, s store.Store) {
	good := change(store.Put, row('a', 5, "good"), "v")
	for name, bad := range map[string]store.Change{
		"empty key":        change(store.Put, row('a', 5, ""), "v"),
		"long key":         change(store.Put, row('a', 5, strings.Repeat("k", store.MaxKey+1)), "v"),
		"outside the span": change(store.Put, row('a', 4, "k"), "v"),
		"beyond the span":  change(store.Delete, row('a', 7, "k"), ""),
	} {
		err := s.State().Commit(ctx(t), store.Commit{Span: store.Span{First: 5, Last: 6}, Position: 9, Changes: []store.Change{good, bad}})
		if !errors.Is(err, store.ErrMisuse) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := parts(t, s, good.RowKey); got != "-" || s.State().Applied(5) != 0 {
		t.Fatalf("something was kept: %s, applied %d", got, s.State().Applied(5))
	}
}

func stateScan(t *testing.T, s store.Store) {
	var changes []store.Change
	for _, k := range []string{"a", "ab", "abc", "abd", "ac", "b", "b\xff", "b\xff\xff", "c"} {
		changes = append(changes, change(store.Put, row('t', 9, k), "v"))
	}
	commit(t, s, 1, changes...)
	for _, c := range []struct {
		prefix, after, want string
	}{
		{"", "", "a ab abc abd ac b b\xff b\xff\xff c"},
		{"ab", "", "ab abc abd"},
		{"ab", "abc", "abd"},
		{"ab", "a", "ab abc abd"},
		{"ab", "abd", ""},
		{"ab", "b", ""},
		{"", "abc", "abd ac b b\xff b\xff\xff c"},
		{"", "abcc", "abd ac b b\xff b\xff\xff c"},
		{"b\xff", "", "b\xff b\xff\xff"},
		{"b\xff\xff", "", "b\xff\xff"},
		{"b", "b\xff", "b\xff\xff"},
		{"d", "", ""},
		{"", "\xff", ""},
	} {
		at := store.Range{Table: 't', Bucket: 9, Prefix: []byte(c.prefix)}
		if c.after != "" {
			at.After = []byte(c.after)
		}
		var got []string
		noError(t, s.State().Scan(ctx(t), at, func(k []byte, _ [][]byte) bool {
			got = append(got, string(k))
			return true
		}))
		if strings.Join(got, " ") != c.want {
			t.Errorf("prefix %q after %q gives %q, want %q", c.prefix, c.after, got, c.want)
		}
	}
	n := 0
	noError(t, s.State().Scan(ctx(t), store.Range{Table: 't', Bucket: 9}, func([]byte, [][]byte) bool { n++; return n < 3 }))
	if n != 3 {
		t.Fatalf("a scan that was stopped at 3 visited %d", n)
	}
}

func stateApart(t *testing.T, s store.Store) {
	var changes []store.Change
	for _, table := range []store.Table{'a', 'b', 't'} {
		for _, bucket := range []id.Bucket{0, 1, 255, 256, 4095, id.CommonBucket} {
			for _, k := range []string{"\x00", "k", "\xff\xff\xff"} {
				changes = append(changes, change(store.Put, row(table, bucket, k), fmt.Sprint(table, bucket)))
			}
		}
	}
	commit(t, s, 1, changes...)
	for _, table := range []store.Table{'a', 'b', 't'} {
		for _, bucket := range []id.Bucket{0, 1, 255, 256, 4095, id.CommonBucket} {
			v := fmt.Sprintf("[%q]", fmt.Sprint(table, bucket))
			want := []string{`"\x00"=` + v, `"k"=` + v, `"\xff\xff\xff"=` + v}
			if got := scan(t, s.State(), store.Range{Table: table, Bucket: bucket}); !slices.Equal(got, want) {
				t.Fatalf("table %c bucket %d: %s", table, bucket, got)
			}
		}
	}
}

func stateLoad(t *testing.T, s store.Store) {
	var changes []store.Change
	var keys []store.RowKey
	for i := range 300 {
		k := row('a', id.Bucket(i*37%4097), fmt.Sprint(i))
		if i%3 != 0 {
			changes = append(changes, change(store.Put, k, fmt.Sprint("v", i)))
		}
		keys = append(keys, k)
	}
	commit(t, s, 1, changes...)
	keys = append(keys, keys[1], keys[0], keys[1])
	for range 2 {
		rows, err := s.State().Load(ctx(t), keys)
		noError(t, err)
		for i, k := range keys {
			want := "-"
			if n := fmt.Sprint("v", string(k.Key)); k.Key[0] != 0 && slices.ContainsFunc(changes, func(c store.Change) bool { return string(c.Value) == n }) {
				want = fmt.Sprintf("%q", []string{n})
			}
			if got := spell(rows[i]); got != want {
				t.Fatalf("row %d is %s, want %s", i, got, want)
			}
		}
		noError(t, s.State().Flush(ctx(t)))
	}
	rows, err := s.State().Load(ctx(t), nil)
	if err != nil || len(rows) != 0 {
		t.Fatalf("loading nothing gives %v, %v", rows, err)
	}
}

func stateLarge(t *testing.T, s store.Store) {
	big := row('e', 1, "big")
	commit(t, s, 1, change(store.Put, big, noise(3<<20)), change(store.Add, big, noise(5)))
	many := row('e', 1, "many")
	for i := range 300 {
		commit(t, s, 2, change(store.Add, many, fmt.Sprint(i)))
		if i%100 == 99 {
			noError(t, s.State().Flush(ctx(t)))
		}
	}
	rows, err := s.State().Load(ctx(t), []store.RowKey{many, big})
	noError(t, err)
	if len(rows[1]) != 2 || string(rows[1][0]) != noise(3<<20) || string(rows[1][1]) != noise(5) {
		t.Fatal("the large row is not what it was")
	}
	for i, part := range rows[0] {
		if string(part) != fmt.Sprint(i) {
			t.Fatalf("part %d is %q", i, part)
		}
	}
	if len(rows[0]) != 300 {
		t.Fatalf("%d parts, want 300", len(rows[0]))
	}
}

func stateOwnership(t *testing.T, s store.Store) {
	key, value := []byte("key"), []byte("value")
	c := store.Change{RowKey: store.RowKey{Table: 'a', Bucket: 1, Key: key}, Op: store.Put, Value: value}
	commit(t, s, 1, c)
	copy(key, "XXX")
	copy(value, "YYYYY")
	k := row('a', 1, "key")
	rows, err := s.State().Load(ctx(t), []store.RowKey{k})
	noError(t, err)
	if spell(rows[0]) != `["value"]` {
		t.Fatalf("row is %s", spell(rows[0]))
	}
	copy(rows[0][0], "ZZZZZ")
	_ = append(rows[0][0], "beyond"...)
	if got := parts(t, s, k); got != `["value"]` {
		t.Fatalf("row became %s", got)
	}
}
