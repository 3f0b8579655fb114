// Package segmenttest makes random conditions, computed traits, affinities and
// what events say, for the tests that hold one evaluation against another. It
// is never used to serve anybody.
package segmenttest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Maker makes random conditions as documents, so that the reading of them is
// tried as well. It belongs to one goroutine.
type Maker struct {
	*rand.Rand
	Segments   []string // keys that can be referred to
	Traits     []string
	Affinities []string
	Kept       bool // no condition asks for what is added up at once: affinities
}

// New gives the maker of a seed.
func New(seed uint64) *Maker { return &Maker{Rand: rand.New(rand.NewPCG(seed, 0x5e9))} }

// Pick gives one of some.
func Pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// Condition makes a condition of groups within groups, so deep at most.
func (m *Maker) Condition(depth int) string {
	if depth > 0 && m.IntN(3) > 0 {
		switch m.IntN(4) {
		case 0:
			return `{"not":` + m.Condition(depth-1) + `}`
		case 1:
			return `{"any":[` + m.list(depth-1) + `]}`
		default:
			return `{"all":[` + m.list(depth-1) + `]}`
		}
	}
	return m.leaf()
}

func (m *Maker) list(depth int) string {
	var parts []string
	for range 1 + m.IntN(3) {
		parts = append(parts, m.Condition(depth))
	}
	return strings.Join(parts, ",")
}

func (m *Maker) leaf() string {
	switch m.IntN(17) {
	case 0, 1:
		return `{"trait":"` + Pick(m.Rand, "plan", "age", "tags", "address.city", "renewal", "vip", "none") + `",` + m.Test(true) + `}`
	case 2:
		return `{"identifier":"` + Pick(m.Rand, "email", "user_id", "anonymous_id") + `"}`
	case 3:
		return `{"consent":"` + Pick(m.Rand, "ads", "mail") + `"}`
	case 4:
		return Pick(m.Rand, `{"device":"type","value":"mobile"}`, `{"campaign":"source","seen":"first","value":"ads"}`,
			`{"context":"locale","op":"like","value":"de%"}`, `{"geo":"country","op":"!=","value":"DE"}`)
	case 5:
		return Pick(m.Rand, `{"last_seen":{"within":"3d"}}`, `{"first_seen":{"before":"now-10d"}}`, `{"profile":"event_count","min":4}`,
			`{"profile":"order_count","op":">=","value":1}`, `{"profile":"session_count","max":3}`, `{"profile":"anonymous","value":false}`,
			`{"profile":"channel","in":["web","app"]}`, `{"profile":"last_order_at","within":"9d"}`)
	case 6:
		if len(m.Segments) > 0 {
			return `{"segment":"` + Pick(m.Rand, m.Segments...) + `"}`
		}
		return `{"always":true}`
	case 7:
		if len(m.Traits) > 0 {
			return `{"computed":"` + Pick(m.Rand, m.Traits...) + `",` + m.Test(false) + `}`
		}
		return `{"trait":"plan"}`
	case 8:
		return m.sequence()
	case 9:
		return `{"order":{}` + Pick(m.Rand, "", `,"where":{"total":{"min":30}}`, `,"where":{"status":"purchased"}`) +
			Pick(m.Rand, `,"count":{"min":2}`, `,"sum":{"currency":"EUR","min":50}`, `,"last":{"within":"5d"}`, `,"max":{"currency":"USD","max":60}`, "") +
			m.window() + `}`
	case 10:
		return `{"order_item":{}` + m.item() + Pick(m.Rand, "", `,"where":{"price":{"min":10}}`) +
			Pick(m.Rand, `,"count":{"min":2}`, `,"sum":{"property":"quantity","min":3}`, `,"unique":{"property":"product_id","min":2}`, "") + m.window() + `}`
	case 11:
		return `{"event":"` + m.event() + `"` + m.item() + Pick(m.Rand, "", `,"count":{"max":2}`, `,"last":{"within":"4d"}`) + m.window() + `}`
	case 12:
		return Pick(m.Rand, `{"feel":"traits.age > 30"}`, `{"feel":"profile.event_count > 3 and traits.plan = \"gold\""}`,
			`{"feel":"traits.vip = true or profile.order_count >= 1"}`)
	case 13:
		if len(m.Affinities) > 0 && !m.Kept {
			return `{"affinity":"` + Pick(m.Rand, m.Affinities...) + `","value":"` + Pick(m.Rand, "Shoes", "Hats", "x", "none") + `"` +
				Pick(m.Rand, `,"top":1`, `,"top":2`, `,"share":{"min":50}`, `,"share":{"max":33.33}`, "") + `}`
		}
		return `{"always":true}`
	}
	return m.question()
}

func (m *Maker) event() string { return Pick(m.Rand, "A", "B", "C", "Order Completed", "*") }

func (m *Maker) item() string {
	return Pick(m.Rand, "", `,"item":"i1"`, `,"item":["i2","i3"]`, `,"item":{"attribute":"category","value":"Shoes"}`,
		`,"item":{"attribute":"size","min":40}`, `,"item":{"attribute":"category","op":"!=","value":"Hats"}`)
}

func (m *Maker) where() string {
	return Pick(m.Rand, "", "", `,"where":{"cat":"x"}`, `,"where":{"price":{"min":20}}`, `,"where":{"price":{"op":">","value":35}}`, `,"where":{"price":{"op":"<","value":9}}`, `,"where":{"price":{"max":40},"cat":["x","y"]}`,
		`,"where":[{"property":"tags","op":"=","value":"t1"}]`, `,"where":[{"channel":"web"}]`,
		`,"where":[{"context":"device.type","op":"=","value":"mobile"}]`, `,"where":[{"property":"when","op":">","value":"now-2d"}]`,
		`,"where":[{"property":"cat","op":"missing"}]`, `,"where":[{"source":{"op":"!=","value":"s1"}}]`)
}

func (m *Maker) window() string {
	return Pick(m.Rand, "", "", `,"within":"5d"`, `,"within":"36h"`, `,"window":{"last":"20d"}`, `,"window":{"this":"day","zone":"Europe/Berlin"}`,
		`,"window":{"this":"week"}`, `,"window":{"previous":"week","zone":"America/New_York"}`, `,"window":{"calendar":"day","periods":4}`,
		`,"window":{"calendar":"month","periods":2,"zone":"Asia/Kolkata"}`, `,"window":{"from":"now-12d","to":"now-3d"}`, `,"window":{"to":"now-6d"}`,
		`,"window":{"from":"2026-03-20","to":"2026-04-05T12:00:00Z"}`, `,"window":{"from":"2026-03-28"}`)
}

func (m *Maker) aggregate() string {
	return Pick(m.Rand, "", `,"count":{"min":2}`, `,"count":{"min":1,"max":3}`, `,"count":0`, `,"count":{"op":"!=","value":2}`, `,"count":{"in":[1,4]}`,
		`,"sum":{"property":"price","min":60}`, `,"sum":{"property":"price","max":45.5}`, `,"avg":{"property":"price","op":">","value":25}`,
		`,"min":{"property":"price","op":"<","value":15}`, `,"max":{"property":"price","min":45}`, `,"unique":{"property":"cat","min":2}`,
		`,"first":{"op":">","value":"now-8d"}`, `,"last":{"within":"2d"}`, `,"last":{"property":"cat","op":"=","value":"x"}`,
		`,"first":{"property":"price","min":20}`, `,"most_frequent":{"property":"cat","op":"=","value":"y"}`,
		`,"last":{"property":"when","op":"<","value":"now-1d"}`, `,"unique":{"property":"price","max":2}`)
}

func (m *Maker) question() string {
	return `{"event":"` + m.event() + `"` + m.where() + m.aggregate() + m.window() + `}`
}

func (m *Maker) sequence() string {
	step := func() string { return `{"event":"` + Pick(m.Rand, "A", "B", "C") + `"` + m.where() + `}` }
	within := Pick(m.Rand, "", `,"within":"2d"`, `,"within":"6h"`)
	if m.IntN(2) == 0 {
		return `{"event":"A","not_followed_by":` + step() + within + window2(m.window()) + `}`
	}
	steps := []string{step(), step()}
	if m.IntN(3) == 0 {
		steps = append(steps, step())
	}
	return `{"sequence":[` + strings.Join(steps, ",") + `]` + within + window2(m.window()) + `}`
}

// window2 is a window that is not written in short.
func window2(w string) string {
	if rest, short := strings.CutPrefix(w, `,"within":`); short {
		return `,"window":` + rest
	}
	return w
}

// Test makes what a value is compared with, instants too where dates are asked for.
func (m *Maker) Test(dates bool) string {
	tests := []string{
		`"op":"=","value":"gold"`, `"op":"!=","value":"gold"`, `"in":["gold","t1","Berlin"]`, `"op":"exists"`, `"op":"missing"`,
		`"op":">","value":30`, `"min":18,"max":40`, `"op":"not between","value":[20,30]`, `"value":true`, `"like":"%o_d"`, `"contains":"er"`,
		`"op":"=","value":25.5`, `"max":2`,
	}
	if dates {
		tests = append(tests, `"within":"10d"`, `"within_next":"7d"`, `"before":"2026-04-01"`, `"op":">=","value":"now-3d"`, `"op":"between","value":["now-5d","now+5d"]`)
	}
	return Pick(m.Rand, tests...)
}

// TraitDoc makes the document of a computed trait.
func (m *Maker) TraitDoc() string {
	switch m.IntN(4) {
	case 0:
		return Pick(m.Rand, `{"feel":"if traits.age > 30 then 35 else 2"}`, `{"feel":"profile.event_count * 2"}`)
	case 1:
		return `{"order":{},"sum":{"currency":"EUR"}` + m.window() + `}`
	}
	return `{"event":"` + m.event() + `"` + m.where() + Pick(m.Rand, `,"count":{}`, `,"sum":{"property":"price"}`, `,"avg":{"property":"price"}`,
		`,"unique":{"property":"cat"}`, `,"most_frequent":{"property":"cat"}`, `,"last":{"property":"price"}`, `,"max":{"property":"price"}`) + m.window() + `}`
}

// Spring begins a stretch of time with changes of summer time in it.
var Spring = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// Stretch is how long that is.
const Stretch = 40 * 24 * time.Hour

// Properties makes those of a random event.
func (m *Maker) Properties(name string, order int) string {
	if name == "Order Completed" {
		var lines []string
		for range m.IntN(3) {
			lines = append(lines, fmt.Sprintf(`{"product_id":"i%d","quantity":%d,"price":%d.5}`, 1+m.IntN(4), 1+m.IntN(3), m.IntN(30)))
		}
		return fmt.Sprintf(`{"order_id":"o%d","total":%d.25,"currency":"%s","price":%d,"products":[%s]}`,
			order, m.IntN(80), Pick(m.Rand, "EUR", "EUR", "USD"), m.IntN(60), strings.Join(lines, ","))
	}
	var out []string
	add := func(chance int, s string) {
		if m.IntN(chance) == 0 {
			out = append(out, s)
		}
	}
	add(2, fmt.Sprintf(`"price":%d`, m.IntN(60)))
	add(4, `"cat":`+Pick(m.Rand, `"x"`, `"y"`, `"z"`, `null`, `["x","y"]`, `7`))
	if len(out) < 2 {
		add(2, fmt.Sprintf(`"product_id":"i%d"`, 1+m.IntN(4)))
	}
	add(3, `"tags":`+Pick(m.Rand, `["t1","t2"]`, `[]`, `"t1"`))
	add(3, `"when":"`+Spring.Add(time.Duration(m.Int64N(int64(Stretch)))).Format(time.RFC3339)+`"`)
	return "{" + strings.Join(out, ",") + "}"
}

// UserTraits makes the traits that an event says of a person.
func (m *Maker) UserTraits() string {
	var out []string
	add := func(s string) {
		if m.IntN(2) == 0 {
			out = append(out, s)
		}
	}
	add(`"plan":` + Pick(m.Rand, `"gold"`, `"silver"`, `null`, `["gold","x"]`))
	add(fmt.Sprintf(`"age":%d.5`, 15+m.IntN(30)))
	add(`"tags":` + Pick(m.Rand, `["t1"]`, `[]`, `{"a":1}`))
	add(`"address":{"city":"` + Pick(m.Rand, "Berlin", "Rome") + `"}`)
	add(`"renewal":"` + Spring.Add(time.Duration(m.Int64N(int64(2*Stretch)))).Format(Pick(m.Rand, time.DateOnly, time.RFC3339)) + `"`)
	add(`"vip":` + Pick(m.Rand, "true", "false"))
	return "{" + strings.Join(out, ",") + "}"
}
