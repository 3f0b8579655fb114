package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
		"rows keep to their table and bucket":    stateApart,
		"loading many, twice and none":           stateLoad,
		"large values and many parts":            stateLarge,
		"buffers belong to their owners":         stateOwnership,
		"a scan sees one moment":                 stateMoment,
		"a commit is seen whole":                 stateWhole,
		"positions of changing spans":            stateSpans,
		"reset removes everything":               stateReset,
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

func stateMoment(t *testing.T, s store.Store) {
	for i := range 10 {
		commit(t, s, 1, change(store.Put, row('a', 1, fmt.Sprint(i)), "old"))
	}
	n := 0
	noError(t, s.State().Scan(ctx(t), store.Range{Table: 'a', Bucket: 1}, func(k []byte, parts [][]byte) bool {
		if n++; spell(parts) != `["old"]` {
			t.Fatalf("row %q became %s under the scan", k, spell(parts))
		}
		for i := range 20 {
			commit(t, s, 2, change(store.Put, row('a', 1, fmt.Sprint(i)), "new"), change(store.Delete, row('a', 1, "9"), ""))
		}
		return true
	}))
	if n != 10 {
		t.Fatalf("visited %d rows, want 10", n)
	}
	if got := len(scan(t, s.State(), store.Range{Table: 'a', Bucket: 1})); got != 19 {
		t.Fatalf("then there are %d rows, want 19", got)
	}
}

func stateWhole(t *testing.T, s store.Store) {
	one, two := row('a', 1, "one"), row('z', 4000, "two")
	stop, cancel := context.WithCancel(ctx(t))
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for stop.Err() == nil {
			rows, err := s.State().Load(ctx(t), []store.RowKey{one, two})
			if err != nil || spell(rows[0]) != spell(rows[1]) {
				t.Errorf("rows of one commit are %s and %s, %v", spell(rows[0]), spell(rows[1]), err)
				return
			}
		}
	})
	for i := range 500 {
		v := fmt.Sprint(i)
		commit(t, s, store.Position(i), change(store.Put, two, v), change(store.Put, one, v))
		if got := parts(t, s, one); got != fmt.Sprintf("%q", []string{v}) {
			t.Fatalf("own write %s is not read: %s", v, got)
		}
	}
	cancel()
	wg.Wait()
}

func stateSpans(t *testing.T, s store.Store) {
	step := func(first, last id.Bucket, at store.Position, want map[id.Bucket]store.Position) {
		t.Helper()
		noError(t, s.State().Commit(ctx(t), store.Commit{Span: store.Span{First: first, Last: last}, Position: at}))
		for b, p := range want {
			if got := s.State().Applied(b); got != p {
				t.Fatalf("bucket %d has applied %d, want %d", b, got, p)
			}
		}
	}
	step(0, 99, 10, map[id.Bucket]store.Position{0: 10, 99: 10, 100: 0, id.CommonBucket: 0})
	step(100, 199, 5, map[id.Bucket]store.Position{0: 10, 99: 10, 100: 5, 199: 5, 200: 0})
	step(50, 149, 20, map[id.Bucket]store.Position{49: 10, 50: 20, 149: 20, 150: 5})
	step(0, 99, 15, map[id.Bucket]store.Position{49: 15, 50: 20})
	step(0, 99, 12, map[id.Bucket]store.Position{49: 15})
	step(0, id.CommonBucket, 30, map[id.Bucket]store.Position{0: 30, 50: 30, 4095: 30, id.CommonBucket: 30})
}

func stateReset(t *testing.T, s store.Store) {
	for range 2 {
		put(t, s, []store.Record{record("ada", "kept")})
		commit(t, s, 9, change(store.Put, row('a', 1, "k"), "v"), change(store.Put, row('m', id.CommonBucket, "\xff"), "v"))
		noError(t, s.State().Flush(ctx(t)))
		commit(t, s, 10, change(store.Add, row('a', 1, "k"), "w"))
		noError(t, s.State().Reset(ctx(t)))
		if got := parts(t, s, row('a', 1, "k")); got != "-" {
			t.Fatalf("row is %s", got)
		}
		if got := scan(t, s.State(), store.Range{Table: 'm', Bucket: id.CommonBucket}); len(got) != 0 || s.State().Applied(1) != 0 {
			t.Fatalf("there is %s, applied %d", got, s.State().Applied(1))
		}
		commit(t, s, 1, change(store.Add, row('a', 1, "k"), "x"))
		if got := parts(t, s, row('a', 1, "k")); got != `["x"]` || s.State().Applied(1) != 1 {
			t.Fatalf("row is %s, applied %d", got, s.State().Applied(1))
		}
	}
	if got := readAll(t, s.Log(), 0); len(got) != 2 {
		t.Fatalf("the log has %d records, want 2", len(got))
	}
}

func stateBeside(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for lane := range 8 {
		wg.Go(func() {
			span := store.Span{First: id.Bucket(lane * 512), Last: id.Bucket(lane*512 + 511)}
			for i := range 100 {
				err := s.State().Commit(ctx(t), store.Commit{Span: span, Position: store.Position(i + 1), Changes: []store.Change{
					change(store.Add, row('a', span.First, "k"), fmt.Sprint(i)),
				}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for lane := range 8 {
		rows, err := s.State().Load(ctx(t), []store.RowKey{row('a', id.Bucket(lane*512), "k")})
		noError(t, err)
		for i, part := range rows[0] {
			if string(part) != fmt.Sprint(i) {
				t.Fatalf("lane %d: part %d is %q", lane, i, part)
			}
		}
		if len(rows[0]) != 100 || s.State().Applied(id.Bucket(lane*512+511)) != 100 {
			t.Fatalf("lane %d: %d parts", lane, len(rows[0]))
		}
	}
}

func stateCancelled(t *testing.T, s store.Store) {
	gone, cancel := context.WithCancel(ctx(t))
	cancel()
	k := row('a', 1, "k")
	commit(t, s, 1, change(store.Put, k, "v"))
	for name, err := range map[string]error{
		"Commit": s.State().Commit(gone, store.Commit{Span: everything, Position: 2, Changes: []store.Change{change(store.Put, k, "w")}}),
		"Flush":  s.State().Flush(gone),
		"Reset":  s.State().Reset(gone),
		"Scan":   s.State().Scan(gone, store.Range{Table: 'a', Bucket: 1}, func([]byte, [][]byte) bool { return true }),
		"Load":   func() error { _, err := s.State().Load(gone, []store.RowKey{k}); return err }(),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := parts(t, s, k); got != `["v"]` || s.State().Applied(1) != 1 {
		t.Fatalf("row is %s, applied %d", got, s.State().Applied(1))
	}
}

func stateFlush(t *testing.T, s store.Store) {
	noError(t, s.State().Flush(ctx(t)))
	commit(t, s, 3, change(store.Add, row('a', 1, "k"), "v"))
	noError(t, s.State().Flush(ctx(t)))
	noError(t, s.State().Flush(ctx(t)))
	if got := parts(t, s, row('a', 1, "k")); got != `["v"]` || s.State().Applied(0) != 3 {
		t.Fatalf("row is %s, applied %d", got, s.State().Applied(0))
	}
}
