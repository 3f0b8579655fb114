package kept_test

import (
	"fmt"
	"strings"
	"testing"

	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/feel"
)

func decision() *kept.Decision {
	beside := kept.ID{Bucket: 7, Time: 1, Tail: 2}
	date, _ := feel.DateOf(2026, 2, 28)
	return &kept.Decision{
		Head: kept.Head{
			ID: kept.ID{Bucket: 4095, Time: 1_770_000_000_000_000, Tail: 1 << 63}, Model: "m", Version: 3, Status: definition.Test,
			Time: 1_770_000_000_000_000, Expires: 1_780_000_000_000_000, Job: "job_1", Beside: &beside, Differs: []string{"B"},
		},
		Profile: "p", Author: "key_1", Pins: []kept.Pin{{Kind: definition.PredictiveModel, Key: "churn", Version: 2}},
		Decisions: []string{"A", "B"}, Seed: 1 << 60,
		Read:        []model.Read{{Name: "when", From: "trait", Value: date}, {Name: "n", From: "request", Value: feel.Decimal(120, 2)}},
		Values:      []feel.Entry{{Key: "A", Value: feel.Null}, {Key: "B", Value: feel.ListOf(feel.Int(1))}},
		Diagnostics: []model.Diagnostic{{Node: "A", Code: "x", Message: "why"}}, Took: kept.Took{Own: 1.5, TookElsewhere: kept.TookElsewhere{ForConnections: 20}},
	}
}

func TestDecision_ComesBackWhole(t *testing.T) {
	t.Parallel()
	d := decision()
	payload, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := kept.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%+v %+v", *back, *back.Beside), fmt.Sprintf("%+v %+v", *d, *d.Beside); strip(got) != strip(want) {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	h, _, err := kept.ReadHead(payload)
	if err != nil || h.ID != d.ID || h.Differs[0] != "B" {
		t.Errorf("head %+v %v", h, err)
	}
	id, ok := kept.FromSortKey(d.ID.Bucket, d.ID.SortKey())
	if parsed, isID := kept.ParseID(d.ID.String()); !ok || !isID || id != d.ID || parsed != d.ID {
		t.Errorf("ids %v %v", id, parsed)
	}
	for _, bad := range []string{"", "dec_", "dec_zz", "dec_ffff" + strings.Repeat("0", 32), d.ID.String() + "00"} {
		if _, ok := kept.ParseID(bad); ok {
			t.Errorf("%q is an id", bad)
		}
	}
}

// strip takes out the address of the pointer.
func strip(s string) string {
	a, b, _ := strings.Cut(s, "Beside:")
	_, c, _ := strings.Cut(b, " ")
	return a + c
}

func TestDecision_TooLargeIsKeptWithoutItsValues(t *testing.T) {
	t.Parallel()
	d := decision()
	d.Read[0].Value = feel.String(strings.Repeat("x", kept.MaxValues))
	payload, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := kept.Decode(payload)
	if err != nil || !back.Cut || back.Read != nil || len(back.Values) != 2 || len(payload) > 2000 {
		t.Errorf("%+v %v", back, err)
	}
}

func TestDiffers_NamesWhatIsNotTheSame(t *testing.T) {
	t.Parallel()
	e := func(key string, v feel.Value) feel.Entry { return feel.Entry{Key: key, Value: v} }
	for want, pair := range map[string][2][]feel.Entry{
		"[]":    {{e("a", feel.Int(1)), e("b", feel.Null)}, {e("b", feel.Null), e("a", feel.Int(1))}},
		"[a]":   {{e("a", feel.Int(1))}, {e("a", feel.String("1"))}},
		"[b]":   {{e("b", feel.Null)}, {e("b", feel.False)}},
		"[c d]": {{e("c", feel.Int(1))}, {e("d", feel.Int(1))}},
	} {
		if got := fmt.Sprint(kept.Differs(pair[0], pair[1])); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestPurge_ComesBack(t *testing.T) {
	t.Parallel()
	want := []kept.Gone{{ID: decision().ID, Model: "m", Job: "j", Anchor: []byte("0123456789abcdef")}}
	b, err := kept.EncodePurge(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := kept.ReadPurge(b)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v %v", got, err)
	}
	if h, _, err := kept.ReadHead(b); h != nil || err != nil {
		t.Errorf("a purge has a head: %v %v", h, err)
	}
}

func FuzzDecode(f *testing.F) {
	payload, err := decision().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte{1, 255, 255, 255})
	f.Add([]byte("\x02[]"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := kept.ReadPurge(b); err != nil {
			return
		}
		d, err := kept.Decode(b)
		if err != nil {
			return
		}
		if _, err := d.Encode(); err != nil {
			t.Fatal(err)
		}
	})
}
