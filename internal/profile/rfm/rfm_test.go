package rfm_test

import (
	"encoding/json"
	"os"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/profile/rfm"
)

func TestScore_FollowsTheVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../spec/vectors/rfm.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name       string                 `json:"name"`
			Boundaries json.RawMessage        `json:"boundaries"`
			Orders     int                    `json:"orders"`
			Last       clock.Instant          `json:"last"`
			Net        map[string]json.Number `json:"net"`
			Now        clock.Instant          `json:"now"`
			Score      string                 `json:"score"`
			Days       *int                   `json:"recency_days"`
			R          int                    `json:"r"`
			F          int                    `json:"f"`
			M          int                    `json:"m"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(file.Cases), err)
	}
	for _, c := range file.Cases {
		b, err := rfm.Parse(c.Boundaries)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		x := rfm.Bought{Orders: c.Orders, Last: c.Last}
		for currency, n := range c.Net {
			var sum catalog.Sum
			a, _ := catalog.ParseAmount(n.String())
			sum.Add(a)
			catalog.AddMoney(&x.Net, currency, &sum)
		}
		got := b.Score(x, c.Now)
		if got == nil {
			got = &rfm.Score{}
		}
		if got.RFM != c.Score || got.R != c.R || got.F != c.F || got.M != c.M ||
			(got.RecencyDays == nil) != (c.Days == nil) || c.Days != nil && *got.RecencyDays != *c.Days {
			t.Errorf("%s: got %+v", c.Name, got)
		}
	}
}

// The better anything is, the better or equal its score.
func TestScore_NeverFallsWhereSomethingIsBetter(t *testing.T) {
	t.Parallel()
	b := rfm.Default()
	const now, day = clock.Instant(1_800_000_000_000_000), clock.Instant(86_400_000_000)
	was := rfm.Score{}
	for step := range 600 {
		var sum catalog.Sum
		a, _ := catalog.ParseAmount(json.Number([]byte{byte('0' + step/100), byte('0' + step/10%10), byte('0' + step%10)}).String())
		sum.AddProduct(a, a)
		got := b.Score(rfm.Bought{
			Orders: 1 + step/40, Last: now - day*clock.Instant(600-step), Net: []catalog.CurrencySum{{Currency: "EUR", Sum: sum}},
		}, now)
		if got.R < was.R || got.F < was.F || got.M < was.M {
			t.Fatalf("step %d: %+v after %+v", step, got, was)
		}
		was = *got
	}
	if was.RFM != "5-5-5" {
		t.Errorf("the best is %s", was.RFM)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"recency_days":[1],"frequency":[1],"monetary":{"*":[1.5,2e3]}}`, `{"window_days":-1}`,
		`{"recency_days":[],"frequency":[1],"monetary":{}}`, `{"monetary":{"*":["x"]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		b, err := rfm.Parse(document)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%s: %v", document, err)
			}
			return
		}
		b.From(5)
		if s := b.Score(rfm.Bought{Orders: 3, Last: 9}, 5); s.R < 1 || s.F < 1 || s.M < 1 {
			t.Fatalf("score %+v", s)
		}
	})
}
