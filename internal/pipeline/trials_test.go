package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
	"rapport/internal/trial"
)

const trialDocument = `{"name":"x","state":"running","variants":[{"key":"a"},{"key":"b"}],"metrics":[
	{"key":"bought","event":"Order Completed","window":"2d"},
	{"key":"revenue","type":"sum","event":{"name":"Order Completed","property":"total"},"lookback":"1d"},
	{"key":"homes","type":"count","event":{"name":"Home","type":"page"},"window":"10d"},
	{"key":"basket","type":"ratio","event":{"name":"Order Completed","property":"total"},"denominator":"Order Completed"},
	{"key":"spread","type":"quantile","event":{"name":"Order Completed","property":"total"},"quantile":0.9}]}`

func defineTrial(t testing.TB, p *Pipeline, document string) {
	t.Helper()
	_, err := p.Define(context.Background(), definition.Command{
		Kind: definition.Experiment, Key: "x", Status: definition.Live, Document: []byte(document), ContentType: "application/json", Author: "key_1", Time: worldStart,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exposed adds to a world that people were shown variants of an experiment.
func exposed(w *world) {
	r := rand.New(rand.NewPCG(w.seed, 99))
	for n := range len(w.facts) / 6 {
		of := w.facts[r.IntN(len(w.facts))]
		var doc map[string]any
		if err := json.Unmarshal([]byte(of.body), &doc); err != nil {
			panic(err)
		}
		at := of.received.Add(time.Duration(r.IntN(600)) * time.Second)
		body := map[string]any{
			"type": "track", "event": event.ExposureName, "messageId": fmt.Sprintf("x%d-%d", w.seed, n), "timestamp": at.String(),
			"properties": map[string]any{"experiment_id": "x", "variation_id": []string{"a", "b"}[r.IntN(2)], "phase": 1 + r.IntN(2), "propensity": 5000},
		}
		for _, k := range []string{"anonymousId", "userId"} {
			if doc[k] != nil {
				body[k] = doc[k]
			}
		}
		text, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		w.facts = append(w.facts, fact{received: at, body: string(text), kind: event.Track, source: event.ExposureSource})
	}
}

// tallied is the canonical form of what an experiment counted.
func tallied(t testing.TB, p *Pipeline) string {
	t.Helper()
	x, err := p.Tally(context.Background(), "x")
	if err != nil || x == nil {
		t.Fatalf("tally: %v", err)
	}
	if x.Waiting != 0 || x.Book.Stale != 0 {
		t.Fatalf("%d wait, %d are stale", x.Waiting, x.Book.Stale)
	}
	var out strings.Builder
	x.Book.Each(func(at trial.Place, c *trial.Cell) {
		fmt.Fprintf(&out, "%+v %d", at, c.People)
		for i := range c.Metrics {
			m := &c.Metrics[i]
			fmt.Fprintf(&out, " | %d", m.N)
			for j := range 4 {
				fmt.Fprintf(&out, " %.6f", m.Sum(j))
				for k := range j + 1 {
					fmt.Fprintf(&out, " %.12f", m.Product(j, k))
				}
			}
		}
		fmt.Fprintln(&out)
	})
	return out.String()
}

func TestTrials_AreTheSameInAnyOrderAndAfterARebuild(t *testing.T) {
	t.Parallel()
	many := uint64(soak.Worlds(40))
	for seed := range many {
		w := newWorld(7000+seed, 60+int(seed%3)*60)
		exposed(w)
		disk := memory.NewDisk()
		p := open(t, memory.Open(disk), 3, 16)
		defineTrial(t, p, trialDocument)
		play(t, p, w.facts, 9)
		want := tallied(t, p)
		if got := naiveTrials(t, p, w); got != summed(t, p) {
			t.Fatalf("seed %d: counted\n%s\nthe timelines say\n%s", seed, summed(t, p), got)
		}
		closeNow(t, p)
		p = open(t, memory.Open(disk), 2, 16)
		if got := tallied(t, p); got != want {
			t.Fatalf("seed %d after a restart:\n%s", seed, diff(got, want))
		}
		closeNow(t, p)
		if err := Rebuild(context.Background(), config(memory.Open(disk), 1+int(seed%4), 7), nil); err != nil {
			t.Fatal(err)
		}
		p = open(t, memory.Open(disk), 2, 16)
		if got := tallied(t, p); got != want {
			t.Fatalf("seed %d rebuilt:\n%s", seed, diff(got, want))
		}
		closeNow(t, p)
		r := rand.New(rand.NewPCG(seed, 5))
		p = open(t, memory.New(), 1+r.IntN(6), []int{1, 7, 1000}[r.IntN(3)])
		shuffled := w.shuffled(r)
		// The experiment is defined after some of what it counts.
		play(t, p, shuffled[:len(shuffled)/2], 1+r.IntN(40))
		defineTrial(t, p, strings.Replace(trialDocument, `"2d"`, `"1h"`, 1))
		play(t, p, shuffled[len(shuffled)/2:], 1+r.IntN(40))
		tallied(t, p)
		defineTrial(t, p, trialDocument)
		if got := tallied(t, p); got != want {
			t.Fatalf("seed %d shuffled:\n%s", seed, diff(got, want))
		}
		closeNow(t, p)
	}
	t.Logf("worlds 0 to %d", many-1)
}

// summed is what was counted, by variant and whether people saw both.
func summed(t testing.TB, p *Pipeline) string {
	t.Helper()
	x, err := p.Tally(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, variant := range []string{"a", "b"} {
		for _, several := range []bool{false, true} {
			c := x.Book.Sum(5, func(at trial.Place) bool { return at.Variant == variant && at.Several == several })
			fmt.Fprintf(&out, "%s %v: %d people, %.0f bought, %.2f and %.2f before, %.0f homes, %.0f orders\n", variant, several, c.People,
				c.Metrics[0].Sum(0), c.Metrics[1].Sum(0), c.Metrics[1].Sum(2), c.Metrics[2].Sum(0), c.Metrics[3].Sum(1))
		}
	}
	return out.String()
}

// naiveTrials says the same from profiles and timelines alone.
func naiveTrials(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	type sums struct {
		people, bought, homes, orders int
		revenue, before               float64
	}
	got := map[string]*sums{}
	seen := map[string]bool{}
	for _, i := range w.ids {
		v, err := p.Profile(context.Background(), i.String(), ProfileOptions{})
		if err != nil || seen[v.ID] {
			continue
		}
		seen[v.ID] = true
		page, err := p.Timeline(context.Background(), i.String(), TimelineQuery{Limit: 10_000, Ascending: true})
		if err != nil {
			t.Fatal(err)
		}
		var first clock.Instant
		var firstMark string
		variants := map[string]bool{}
		property := func(raw any, name string) any {
			text, err := json.Marshal(raw)
			if err != nil {
				t.Fatal(err)
			}
			var m map[string]any
			if err := json.Unmarshal(text, &m); err != nil {
				t.Fatal(err)
			}
			return m[name]
		}
		for _, item := range page.Items {
			if item.Name != event.ExposureName {
				continue
			}
			variant := property(item.Properties, "variation_id").(string)
			variants[variant] = true
			if mark := fmt.Sprint(property(item.Properties, "phase"), variant); first == 0 || item.Time == first && mark < firstMark {
				first, firstMark = item.Time, mark
			}
		}
		if first == 0 {
			continue
		}
		key := fmt.Sprint(firstMark[1:], " ", len(variants) > 1)
		s := got[key]
		if s == nil {
			s = &sums{}
			got[key] = s
		}
		s.people++
		bought := false
		for _, item := range page.Items {
			since := item.Time.Sub(first)
			switch {
			case item.Name == "Order Completed" && since >= 0:
				s.revenue += property(item.Properties, "total").(float64)
				s.orders++
				bought = bought || since < 48*time.Hour
			case item.Name == "Order Completed" && -since <= 24*time.Hour:
				s.before += property(item.Properties, "total").(float64)
			case item.Name == "Home" && item.Type == "page" && since >= 0 && since < 240*time.Hour:
				s.homes++
			}
		}
		if bought {
			s.bought++
		}
	}
	var out strings.Builder
	for _, key := range []string{"a false", "a true", "b false", "b true"} {
		s := got[key]
		if s == nil {
			s = &sums{}
		}
		fmt.Fprintf(&out, "%s: %d people, %d bought, %.2f and %.2f before, %d homes, %d orders\n", key, s.people, s.bought, s.revenue, s.before, s.homes, s.orders)
	}
	return out.String()
}

func TestShown_FollowsThePersonWhenItBecomesKnown(t *testing.T) {
	t.Parallel()
	p := open(t, memory.New(), 3, 4)
	defer closeNow(t, p)
	defineTrial(t, p, trialDocument)
	ctx := context.Background()
	at := func(n int) clock.Instant { return worldStart.Add(time.Duration(n) * time.Minute) }
	say := func(n int, source, rest string) fact {
		return fact{received: at(n), source: source, body: fmt.Sprintf(`{"type":"track","messageId":"m%d","timestamp":%q,%s}`, n, at(n), rest)}
	}
	show := func(n int, who, variant string) fact {
		return say(n, event.ExposureSource, fmt.Sprintf(`%s,"event":%q,"properties":{"experiment_id":"x","variation_id":%q,"phase":1}`, who, event.ExposureName, variant))
	}
	shown := func(idents ...event.Identifier) experiment.Register {
		r, err := p.Shown(ctx, idents)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	phone, laptop, user := event.Identifier{Namespace: event.AnonymousID, Value: "phone"}, event.Identifier{Namespace: event.AnonymousID, Value: "laptop"}, event.Identifier{Namespace: event.UserID, Value: "ada"}
	play(t, p, []fact{show(1, `"anonymousId":"phone"`, "b"), show(2, `"anonymousId":"laptop"`, "a")}, 1)
	if r := shown(user); len(r) != 0 {
		t.Fatalf("nobody was shown %+v", r)
	}
	play(t, p, []fact{say(3, "", `"event":"Login","anonymousId":"laptop","userId":"ada"`)}, 1)
	if first, several := shown(user).First("x"); first == nil || first.Variant != "a" || several {
		t.Fatalf("known by the laptop: %+v", first)
	}
	play(t, p, []fact{say(4, "", `"event":"Login","anonymousId":"phone","userId":"ada"`), say(5, "", `"event":"Order Completed","userId":"ada","properties":{"total":12.5}`)}, 1)
	for _, i := range []event.Identifier{phone, laptop, user} {
		first, several := shown(i).First("x")
		if first == nil || first.Variant != "b" || first.First != at(1) || !several {
			t.Errorf("%s: %+v %v", i, first, several)
		}
	}
	if got := summed(t, p); !strings.Contains(got, "b true: 1 people, 1 bought, 12.50") || !strings.Contains(got, "a false: 0 people") {
		t.Errorf("one person is counted as\n%s", got)
	}
	if r := shown(slices.Concat([]event.Identifier{phone}, []event.Identifier{laptop})...); len(r) != 2 {
		t.Errorf("two identifiers of one person: %+v", r)
	}
}
