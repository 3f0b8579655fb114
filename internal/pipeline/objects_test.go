package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/store/memory"
)

// A ticket is written for one person and another, while events make people one.
func TestObjects_AreTheSameAfterARebuild(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 11))
		w := newWorld(7300+seed, 120)
		disk := memory.NewDisk()
		p := open(t, memory.Open(disk), 3, 5)
		told := 0
		for i, f := range w.facts {
			if i%3 == 0 {
				told += writeTicket(t, p, r, w, i)
			}
			play(t, p, []fact{f}, 1)
		}
		want := dump(t, p, w)
		if !strings.Contains(want, `"ticket"`) || told == 0 {
			t.Fatalf("seed %d: no ticket in a profile, %d told", seed, told)
		}
		closeNow(t, p)
		for _, batch := range []int{1, 1000} {
			if err := Rebuild(t.Context(), config(memory.Open(disk), 1+batch%5, batch), nil); err != nil {
				t.Fatal(err)
			}
			p = open(t, memory.Open(disk), 2, batch)
			if got := dump(t, p, w); got != want {
				t.Fatalf("seed %d rebuilt at %d:\n%s", seed, batch, diff(got, want))
			}
			closeNow(t, p)
		}
	}
}

// writeTicket changes one of a few tickets, and tells how many were told of it.
func writeTicket(t *testing.T, p *Pipeline, r *rand.Rand, w *world, i int) (told int) {
	t.Helper()
	who := w.ids[r.IntN(len(w.ids))]
	c := Command{
		Kind: catalog.Object, ID: catalog.ObjectID("ticket", fmt.Sprint("t", r.IntN(5))), Op: catalog.Op(r.IntN(3)), Source: "api",
		Received: w.facts[i].received, Body: fmt.Appendf(nil, `{"customer":%q,"fields":{"status":%q,"n":%d}}`, who.String(), []string{"open", "solved"}[r.IntN(2)], i),
		Tell: func(n Told) (*Arrival, error) {
			if n.After == nil {
				return nil, nil
			}
			told = 1
			ids := map[string]string{"user_id": "userId", "anonymous_id": "anonymousId"}
			naming := fmt.Sprintf(`%q:%q`, ids[who.Namespace], who.Value)
			if ids[who.Namespace] == "" {
				naming = fmt.Sprintf(`"traits":{"email":%q}`, who.Value)
			}
			body := fmt.Sprintf(`{"type":"track","event":"Ticket Updated","messageId":"e%d","timestamp":%q,%s,"properties":{"n":%d}}`, i, w.facts[i].received, naming, i)
			return &submission(t, fact{body: body, received: w.facts[i].received}).Events[0], nil
		},
	}
	if c.Op == catalog.Delete {
		c.Body = nil
	}
	if _, err := p.Change(t.Context(), c); err != nil && fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	return told
}
