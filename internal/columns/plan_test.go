package columns_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/naive"
	"rapport/internal/soak"
)

// citizen is a person with events, as the oracle and as the index see it.
type citizen struct {
	key     id.Key
	ids     []profile.IdentifierSeen
	events  []*event.Event
	partial *profile.Partial
	consent map[string]string
	members []uint64
}

func (c *citizen) facts() *naive.Facts {
	return &naive.Facts{
		View: profile.Assemble(c.ids, []*profile.Partial{c.partial}, profile.Options{}), Events: c.events, Consent: c.consent,
		Mapping: func(string) *catalog.Mapping { return nil },
	}
}

// country makes citizens and conditions on them.
type country struct {
	*rand.Rand
	t   testing.TB
	now clock.Instant
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func (c *country) value(text string) jsondoc.Value {
	c.t.Helper()
	doc, err := jsondoc.Parse([]byte(text), jsondoc.Limits{})
	if err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return doc.Root()
}

func (c *country) traits() string {
	parts := []string{
		`"plan":` + pick(c.Rand, `"gold"`, `"free"`, `"pro"`, `null`),
		`"age":` + pick(c.Rand, `17`, `18`, `18.5`, `"18"`, `65`, `-3`, `12345678901234567890`, `12345678901234567891`, `1e3`),
		`"tags":` + pick(c.Rand, `["a","b"]`, `["gold"]`, `[]`, `"a"`, `[3,"x"]`, `[null]`),
		`"address":` + pick(c.Rand, `{"city":"Bonn"}`, `{"city":"Köln","zip":50667}`, `[{"city":"Bonn"},{"city":"Ulm"}]`, `"Bonn"`),
		`"renewal":` + pick(c.Rand, `"2024-10-01"`, `"2024-09-20T10:00:00Z"`, `"soon"`, `1727000000000000`),
		`"vip":` + pick(c.Rand, `true`, `false`, `"true"`),
	}
	if c.IntN(5) == 0 {
		parts = append(parts, `"address.city":"Bonn"`)
	}
	c.Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
	return "{" + strings.Join(parts[:c.IntN(len(parts)+1)], ",") + "}"
}

func (c *country) citizen(n int) *citizen {
	p := &citizen{key: id.KeyOf("user_id", fmt.Sprint(n)), partial: profile.New(), consent: map[string]string{}}
	namespaces := []string{event.UserID, event.AnonymousID, event.Email}
	c.Shuffle(len(namespaces), func(i, k int) { namespaces[i], namespaces[k] = namespaces[k], namespaces[i] })
	for _, ns := range namespaces[:1+c.IntN(3)] {
		p.ids = append(p.ids, profile.IdentifierSeen{Identifier: event.Identifier{Namespace: ns, Value: fmt.Sprint(c.IntN(300))}})
	}
	if c.IntN(2) == 0 {
		p.consent["ads"] = pick(c.Rand, "granted", "denied")
	}
	for m := range uint64(3) {
		if c.IntN(3) == 0 {
			p.members = append(p.members, m)
		}
	}
	at := c.now
	for i := range c.IntN(12) {
		at -= clock.Instant(c.Int64N(int64(8 * day)))
		e := &event.Event{
			Type: event.Track, Name: pick(c.Rand, "A", "A", "B", "Order Completed"), MessageID: fmt.Sprint(n, "-", i),
			Time: at, ReceivedAt: at + 1000, Source: pick(c.Rand, "s1", "s2"), Channel: pick(c.Rand, "web", "app", ""),
			Identifiers: []event.Identifier{{Namespace: event.UserID, Value: "x"}}, GroupID: pick(c.Rand, "", "", "acme"),
		}
		if c.IntN(3) == 0 {
			e.Type, e.Name, e.Traits = event.Identify, "", c.value(c.traits())
		}
		if c.IntN(3) == 0 {
			e.Context = c.value(pick(c.Rand, `{"device":{"type":"mobile","id":"d1"},"locale":"de-DE"}`, `{"campaign":{"source":"ads"}}`,
				`{"location":{"country":"DE"},"device":{"type":"desktop"}}`))
		}
		p.events = append(p.events, e)
	}
	c.Shuffle(len(p.events), func(i, k int) { p.events[i], p.events[k] = p.events[k], p.events[i] })
	for _, e := range p.events {
		p.partial.Fold(e, profile.Input{Short: id.Message(e.MessageID)})
	}
	return p
}

func (c *country) test() string {
	return pick(c.Rand, `"op":"exists"`, `"value":"gold"`, `"op":"!=","value":"gold"`, `"in":["gold","a","Bonn"]`, `"op":"like","value":"%o%"`,
		`"min":18`, `"max":18`, `"op":">","value":18`, `"op":"<","value":18.5`, `"value":18`, `"in":[17,18,65]`, `"value":true`, `"in":[1,2,3,4,5,6,7,8,9,18]`,
		`"op":"exists","not":true`, `"value":12345678901234567890`, `"op":">","value":12345678901234567890`, `"min":17.25,"max":1000`,
		`"within":"10d"`, `"before":"now-10d"`, `"after":"2024-09-25"`, `"before":"2024-09-30"`)
}

func (c *country) leaf() string {
	switch c.IntN(10) {
	case 0, 1, 2:
		return `{"trait":"` + pick(c.Rand, "plan", "age", "tags", "address.city", "address", "renewal", "vip", "none") + `",` + c.test() + `}`
	case 3:
		return pick(c.Rand, `{"identifier":"email"}`, `{"identifier":"user_id","value":"`+fmt.Sprint(c.IntN(300))+`"}`,
			`{"identifier":"anonymous_id","op":"!=","value":"7"}`, `{"identifier":"email","op":"like","value":"1%"}`)
	case 4:
		return pick(c.Rand, `{"consent":"ads"}`, `{"consent":"mail"}`, `{"consent":"ads","value":"denied"}`)
	case 5:
		return pick(c.Rand, `{"device":"type","value":"mobile"}`, `{"campaign":"source","seen":"first","value":"ads"}`,
			`{"context":"locale","op":"like","value":"de%"}`, `{"geo":"country","op":"!=","value":"DE"}`, `{"device":"id","value":"d1"}`)
	case 6:
		return pick(c.Rand, `{"last_seen":{"within":"3d"}}`, `{"first_seen":{"before":"now-10d"}}`, `{"profile":"event_count","min":4}`,
			`{"profile":"session_count","max":3}`, `{"profile":"anonymous","value":false}`, `{"profile":"channel","in":["web","app"]}`,
			`{"profile":"account","value":"acme"}`, `{"profile":"order_count","max":0}`)
	case 7:
		return `{"segment":"` + pick(c.Rand, "0", "1", "2") + `"}`
	}
	window := pick(c.Rand, "", `,"within":"10d"`, `,"within":"30d"`, `,"within":"36h"`, `,"window":{"from":"2024-09-10","to":"2024-09-25"}`,
		`,"window":{"this":"week"}`, `,"window":{"previous":"month"}`)
	return `{"event":"` + pick(c.Rand, "A", "B", "C", "Order Completed") + `","count":{` +
		pick(c.Rand, `"min":1`, `"min":2`, `"max":0`, `"min":1,"max":2`, `"value":3`, `"op":"!=","value":1`, `"op":">","value":1`, `"in":[0,2]`) + `}` + window + `}`
}

func (c *country) condition(depth int) string {
	if depth == 0 || c.IntN(3) == 0 {
		return c.leaf()
	}
	a, b := c.condition(depth-1), c.condition(depth-1)
	return pick(c.Rand, `{"not":`+a+`}`, `{"any":[`+a+`,`+b+`]}`, `{"all":[`+a+`,`+b+`]}`, `{"all":[`+a+`,`+b+`]}`)
}

// What the index says for sure is what the oracle says, and what it may not
// know is little.
func TestPlan_AgreesWithTheNaiveInterpreter(t *testing.T) {
	soak.Unraced(t)
	t.Parallel()
	w := newWorld(t, 21)
	c := &country{Rand: w.Rand, t: t, now: today + 12345678901}
	x, maker := columns.New(0), columns.RowMaker{}
	all := map[id.Key]*citizen{}
	for n := range 400 {
		p := c.citizen(n)
		all[p.key] = p
		x.Update(maker.Row(&columns.Person{
			Home: p.key, Partial: p.partial, Identifiers: p.ids, Members: p.members,
			Consent: func(visit func(purpose, state string)) {
				for purpose, state := range p.consent {
					visit(purpose, state)
				}
			},
		}))
	}
	facts := map[id.Key]*naive.Facts{}
	for k, p := range all {
		facts[k] = p.facts()
	}
	refused, asked, unknown, positive := 0, 0, 0, 0
	for range 400 {
		doc := c.condition(2)
		n, err := condition.Read([]byte(doc))
		if err != nil {
			refused++
			continue
		}
		l := columns.Language{Now: c.now, Evaluation: func(key string) (uint64, bool) { return uint64(key[0] - '0'), true }}
		told := map[id.Key]columns.Verdict{}
		err = x.Matches(context.Background(), columns.Plan(n, l), func(yes, doubtful []id.Key) error {
			for _, k := range yes {
				told[k] = columns.Yes
			}
			for _, k := range doubtful {
				told[k] = columns.Unknown
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range all {
			asked++
			if told[k] == columns.Unknown {
				unknown++
				continue
			}
			want := naive.Holds(n, members(p.members), facts[k], c.now)
			if want != (told[k] == columns.Yes) {
				t.Fatalf("%s\nperson %s: the index says %v, the oracle %v", doc, p.ids, told[k], want)
			}
			if want {
				positive++
			}
		}
	}
	t.Logf("%d answers, %d of them yes, %d unknown; %d of 400 conditions refused", asked, positive, unknown, refused)
	if refused > 150 || unknown > asked/5 || positive < asked/10 {
		t.Error("the conditions prove too little")
	}
}

// members are segments that hold for a person or do not, as the index is told.
func members(of []uint64) *naive.Definitions {
	always, _ := condition.Read([]byte(`{"always":true}`))
	never, _ := condition.Read([]byte(`{"not":{"always":true}}`))
	d := &naive.Definitions{Segments: map[string]*condition.Node{"0": never, "1": never, "2": never}}
	for _, m := range of {
		d.Segments[fmt.Sprint(m)] = always
	}
	return d
}
