package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/store"
)

// world is a set of facts about people who share devices, sign up, buy and
// give back, with copies among them. It is made of a seed alone.
type world struct {
	seed  uint64
	facts []fact
	ids   []event.Identifier
}

// fact is one event as a door would hand it over.
type fact struct {
	received clock.Instant
	body     string
	kind     event.Type
	source   string
	copy     bool   // of an earlier fact's message
	own      string // the source, where the server itself made it
}

var worldStart = clock.From(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC))

func newWorld(seed uint64, events int) *world {
	r := rand.New(rand.NewPCG(seed, 17))
	w := &world{seed: seed}
	people := 3 + r.IntN(8)
	devices := people + r.IntN(2*people)
	known := map[event.Identifier]bool{}
	know := func(namespace, value string) string {
		i := event.Identifier{Namespace: namespace, Value: value}
		if !known[i] {
			known[i] = true
			w.ids = append(w.ids, i)
		}
		return value
	}
	at := worldStart
	for n := range events {
		at = at.Add(time.Duration(1+r.IntN(900)) * time.Second)
		person, device := r.IntN(people), r.IntN(devices)
		happened := at.Add(-time.Duration(r.IntN(3)) * time.Duration(r.IntN(7200)) * time.Second)
		doc := map[string]any{"messageId": fmt.Sprintf("m%d-%d", seed, n), "timestamp": happened.String(), "sentAt": at.String()}
		if r.IntN(3) > 0 {
			doc["anonymousId"] = know(event.AnonymousID, fmt.Sprintf("dev%d", device))
		}
		if doc["anonymousId"] == nil || r.IntN(3) == 0 {
			doc["userId"] = know(event.UserID, fmt.Sprintf("user%d", person))
		}
		kind := w.fill(r, doc, n, person, know)
		doc["type"] = kind.String()
		body, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		f := fact{received: at, body: string(body), kind: kind}
		w.facts = append(w.facts, f)
		if r.IntN(10) == 0 {
			f.received, f.copy = at.Add(time.Duration(r.IntN(72))*time.Hour), true
			w.facts = append(w.facts, f)
		}
	}
	return w
}

// fill makes the event say something.
func (w *world) fill(r *rand.Rand, doc map[string]any, n, person int, know func(string, string) string) event.Type {
	product := map[string]any{"product_id": fmt.Sprintf("sku%d", r.IntN(5)), "price": float64(r.IntN(9000)) / 100, "quantity": 1 + r.IntN(3)}
	switch r.IntN(9) {
	case 0:
		doc["traits"] = map[string]any{"plan": fmt.Sprint(r.IntN(4)), "age": r.IntN(90)}
		if r.IntN(2) == 0 && doc["userId"] != nil {
			doc["traits"].(map[string]any)["email"] = know(event.Email, fmt.Sprintf("p%d@example.org", person))
		}
		return event.Identify
	case 1:
		doc["name"] = "Home"
		doc["context"] = map[string]any{"campaign": map[string]any{"source": fmt.Sprint("c", r.IntN(3))}, "locale": "en-IE"}
		return event.Page
	case 2:
		doc["event"], doc["properties"] = "Product Added", product
	case 3:
		doc["event"], doc["properties"] = "Product Removed", map[string]any{"product_id": product["product_id"]}
	case 4:
		doc["event"] = "Order Completed"
		doc["properties"] = map[string]any{"order_id": fmt.Sprintf("o%d", n), "currency": "EUR", "total": float64(r.IntN(20000)) / 100, "products": []any{product}}
	case 5:
		doc["event"] = "Order Refunded"
		doc["properties"] = map[string]any{"order_id": fmt.Sprintf("o%d", r.IntN(n+1)), "currency": "EUR", "total": float64(r.IntN(500)) / 100}
	case 6:
		doc["groupId"], doc["traits"] = fmt.Sprintf("acc%d", r.IntN(3)), map[string]any{"seats": r.IntN(50)}
		return event.Group
	default:
		doc["event"], doc["properties"] = fmt.Sprint("Thing ", r.IntN(6)), map[string]any{"n": n}
	}
	return event.Track
}

// shuffled gives the facts in another order, each some times more.
func (w *world) shuffled(r *rand.Rand) []fact {
	out := slices.Clone(w.facts)
	for _, f := range w.facts {
		if r.IntN(4) == 0 {
			f.copy = true
			out = append(out, f)
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// mapper understands the bodies of a world: the tracking dialect in small.
func mapper() event.Mapper {
	rules := identity.DefaultRules()
	return func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
		text := func(path ...string) string { return body.Path(path...).Text() }
		var happened clock.Instant
		if err := happened.UnmarshalText([]byte(text("timestamp"))); err != nil {
			return nil, err
		}
		ids, _ := rules.Choose([]event.Identifier{
			{Namespace: event.UserID, Value: text("userId")},
			{Namespace: event.AnonymousID, Value: text("anonymousId")},
			{Namespace: event.Email, Value: text("traits", "email")},
		})
		if len(ids) == 0 {
			return nil, fault.Errorf(fault.Invalid, "missing_identifier", "nobody is named")
		}
		name := text("event")
		if name == "" {
			name = text("name")
		}
		return &event.Event{
			Type: event.TypeOf(text("type")), Name: name, MessageID: text("messageId"), Time: happened, ReceivedAt: env.Received,
			Source: env.Source, Verified: env.Verified, Channel: "web", Identifiers: ids, GroupID: text("groupId"), Traits: body.Get("traits"),
			Properties: body.Get("properties"), Context: body.Get("context"), Body: body,
		}, nil
	}
}

// submission maps facts as the door does.
func submission(t testing.TB, facts ...fact) *Submission {
	t.Helper()
	s := &Submission{}
	for _, f := range facts {
		env := event.Envelope{Dialect: "test", Source: cmp.Or(f.source, "shop"), Received: f.received, SentAt: f.received}
		if f.own != "" {
			env.Source, env.Verified = f.own, true
		}
		doc, err := jsondoc.Parse([]byte(f.body), jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := mapper()(&env, doc.Root())
		if err != nil {
			t.Fatalf("%s: %v", f.body, err)
		}
		s.Received = f.received
		s.Events = append(s.Events, Arrival{Envelope: env, Event: e})
	}
	return s
}

var testMapping = catalog.DefaultMapping()

// config is that of a test: small caches, no writing behind by itself.
func config(st store.Store, lanes, batch int) Config {
	return Config{
		Store: st, Mappers: map[string]event.Mapper{"test": mapper()},
		Sources: func(string) SourceInfo { return SourceInfo{Priority: 1, Mapping: testMapping} },
		Rules:   identity.DefaultRules(), Clock: worldStart.Time, Log: slog.New(slog.DiscardHandler),
		Random:      func(b []byte) { clear(b) },
		InstanceKey: [16]byte{1}, Lanes: lanes, BatchSize: batch,
	}
}

// dump is the canonical form of all that can be read: every profile, timeline,
// entity and the accounting, without positions.
func dump(t testing.TB, p *Pipeline, w *world) string {
	t.Helper()
	ctx := context.Background()
	var out strings.Builder
	show := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		out.WriteByte('\n')
	}
	for _, i := range w.ids {
		fmt.Fprintln(&out, i)
		v, err := p.Profile(ctx, i.String(), ProfileOptions{Lineage: true})
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		show(v)
		page, err := p.Timeline(ctx, i.String(), TimelineQuery{Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		show(page.Items)
	}
	for _, k := range []catalog.Kind{catalog.Order, catalog.Cart, catalog.Item, catalog.Account, catalog.Object} {
		page, err := p.Entities(ctx, k, "", 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Items {
			show(s)
		}
	}
	return out.String()
}

// play hands facts over in frames of some size and waits until all is applied.
func play(t testing.TB, p *Pipeline, facts []fact, size int) {
	t.Helper()
	ctx := context.Background()
	for chunk := range slices.Chunk(facts, size) {
		r, err := p.Accept(ctx, submission(t, chunk...))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.WaitApplied(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
}
