package segment_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// maker makes random conditions as documents, so that the reading of them is
// tried as well.
type maker struct {
	*rand.Rand
	segments []string // keys that can be referred to
	traits   []string
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func (m *maker) condition(depth int) string {
	if depth > 0 && m.IntN(3) > 0 {
		switch m.IntN(4) {
		case 0:
			return `{"not":` + m.condition(depth-1) + `}`
		case 1:
			return `{"any":[` + m.list(depth-1) + `]}`
		default:
			return `{"all":[` + m.list(depth-1) + `]}`
		}
	}
	return m.leaf()
}

func (m *maker) list(depth int) string {
	var parts []string
	for range 1 + m.IntN(3) {
		parts = append(parts, m.condition(depth))
	}
	return strings.Join(parts, ",")
}

func (m *maker) leaf() string {
	switch m.IntN(16) {
	case 0, 1:
		return `{"trait":"` + pick(m.Rand, "plan", "age", "tags", "address.city", "renewal", "vip", "none") + `",` + m.test(true) + `}`
	case 2:
		return `{"identifier":"` + pick(m.Rand, "email", "user_id", "anonymous_id") + `"}`
	case 3:
		return `{"consent":"` + pick(m.Rand, "ads", "mail") + `"}`
	case 4:
		return pick(m.Rand, `{"device":"type","value":"mobile"}`, `{"campaign":"source","seen":"first","value":"ads"}`,
			`{"context":"locale","op":"like","value":"de%"}`, `{"geo":"country","op":"!=","value":"DE"}`)
	case 5:
		return pick(m.Rand, `{"last_seen":{"within":"3d"}}`, `{"first_seen":{"before":"now-10d"}}`, `{"profile":"event_count","min":4}`,
			`{"profile":"order_count","op":">=","value":1}`, `{"profile":"session_count","max":3}`, `{"profile":"anonymous","value":false}`,
			`{"profile":"channel","in":["web","app"]}`, `{"profile":"last_order_at","within":"9d"}`)
	case 6:
		if len(m.segments) > 0 {
			return `{"segment":"` + pick(m.Rand, m.segments...) + `"}`
		}
		return `{"always":true}`
	case 7:
		if len(m.traits) > 0 {
			return `{"computed":"` + pick(m.Rand, m.traits...) + `",` + m.test(false) + `}`
		}
		return `{"trait":"plan"}`
	case 8:
		return m.sequence()
	case 9:
		return `{"order":{}` + pick(m.Rand, "", `,"where":{"total":{"min":30}}`, `,"where":{"status":"purchased"}`) +
			pick(m.Rand, `,"count":{"min":2}`, `,"sum":{"currency":"EUR","min":50}`, `,"last":{"within":"5d"}`, `,"max":{"currency":"USD","max":60}`, "") +
			m.window() + `}`
	case 10:
		return `{"order_item":{}` + m.item() + pick(m.Rand, "", `,"where":{"price":{"min":10}}`) +
			pick(m.Rand, `,"count":{"min":2}`, `,"sum":{"property":"quantity","min":3}`, `,"unique":{"property":"product_id","min":2}`, "") + m.window() + `}`
	case 11:
		return `{"event":"` + m.event() + `"` + m.item() + pick(m.Rand, "", `,"count":{"max":2}`, `,"last":{"within":"4d"}`) + m.window() + `}`
	case 12:
		return pick(m.Rand, `{"feel":"traits.age > 30"}`, `{"feel":"profile.event_count > 3 and traits.plan = \"gold\""}`,
			`{"feel":"traits.vip = true or profile.order_count >= 1"}`)
	}
	return m.question()
}

func (m *maker) event() string { return pick(m.Rand, "A", "B", "C", "Order Completed", "*") }

func (m *maker) item() string {
	return pick(m.Rand, "", `,"item":"i1"`, `,"item":["i2","i3"]`, `,"item":{"attribute":"category","value":"Shoes"}`,
		`,"item":{"attribute":"size","min":40}`, `,"item":{"attribute":"category","op":"!=","value":"Hats"}`)
}

func (m *maker) where() string {
	return pick(m.Rand, "", "", `,"where":{"cat":"x"}`, `,"where":{"price":{"min":20}}`, `,"where":{"price":{"op":">","value":35}}`, `,"where":{"price":{"op":"<","value":9}}`, `,"where":{"price":{"max":40},"cat":["x","y"]}`,
		`,"where":[{"property":"tags","op":"=","value":"t1"}]`, `,"where":[{"channel":"web"}]`,
		`,"where":[{"context":"device.type","op":"=","value":"mobile"}]`, `,"where":[{"property":"when","op":">","value":"now-2d"}]`,
		`,"where":[{"property":"cat","op":"missing"}]`, `,"where":[{"source":{"op":"!=","value":"s1"}}]`)
}

func (m *maker) window() string {
	return pick(m.Rand, "", "", `,"within":"5d"`, `,"within":"36h"`, `,"window":{"last":"20d"}`, `,"window":{"this":"day","zone":"Europe/Berlin"}`,
		`,"window":{"this":"week"}`, `,"window":{"previous":"week","zone":"America/New_York"}`, `,"window":{"calendar":"day","periods":4}`,
		`,"window":{"calendar":"month","periods":2,"zone":"Asia/Kolkata"}`, `,"window":{"from":"now-12d","to":"now-3d"}`, `,"window":{"to":"now-6d"}`,
		`,"window":{"from":"2026-03-20","to":"2026-04-05T12:00:00Z"}`, `,"window":{"from":"2026-03-28"}`)
}

func (m *maker) aggregate() string {
	return pick(m.Rand, "", `,"count":{"min":2}`, `,"count":{"min":1,"max":3}`, `,"count":0`, `,"count":{"op":"!=","value":2}`, `,"count":{"in":[1,4]}`,
		`,"sum":{"property":"price","min":60}`, `,"sum":{"property":"price","max":45.5}`, `,"avg":{"property":"price","op":">","value":25}`,
		`,"min":{"property":"price","op":"<","value":15}`, `,"max":{"property":"price","min":45}`, `,"unique":{"property":"cat","min":2}`,
		`,"first":{"op":">","value":"now-8d"}`, `,"last":{"within":"2d"}`, `,"last":{"property":"cat","op":"=","value":"x"}`,
		`,"first":{"property":"price","min":20}`, `,"most_frequent":{"property":"cat","op":"=","value":"y"}`,
		`,"last":{"property":"when","op":"<","value":"now-1d"}`, `,"unique":{"property":"price","max":2}`)
}

func (m *maker) question() string {
	return `{"event":"` + m.event() + `"` + m.where() + m.aggregate() + m.window() + `}`
}

func (m *maker) sequence() string {
	step := func() string { return `{"event":"` + pick(m.Rand, "A", "B", "C") + `"` + m.where() + `}` }
	within := pick(m.Rand, "", `,"within":"2d"`, `,"within":"6h"`)
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

func (m *maker) test(dates bool) string {
	tests := []string{
		`"op":"=","value":"gold"`, `"op":"!=","value":"gold"`, `"in":["gold","t1","Berlin"]`, `"op":"exists"`, `"op":"missing"`,
		`"op":">","value":30`, `"min":18,"max":40`, `"op":"not between","value":[20,30]`, `"value":true`, `"like":"%o_d"`, `"contains":"er"`,
		`"op":"=","value":25.5`, `"max":2`,
	}
	if dates {
		tests = append(tests, `"within":"10d"`, `"within_next":"7d"`, `"before":"2026-04-01"`, `"op":">=","value":"now-3d"`, `"op":"between","value":["now-5d","now+5d"]`)
	}
	return pick(m.Rand, tests...)
}

// traitDoc makes the document of a computed trait.
func (m *maker) traitDoc() string {
	switch m.IntN(4) {
	case 0:
		return pick(m.Rand, `{"feel":"if traits.age > 30 then 35 else 2"}`, `{"feel":"profile.event_count * 2"}`)
	case 1:
		return `{"order":{},"sum":{"currency":"EUR"}` + m.window() + `}`
	}
	return `{"event":"` + m.event() + `"` + m.where() + pick(m.Rand, `,"count":{}`, `,"sum":{"property":"price"}`, `,"avg":{"property":"price"}`,
		`,"unique":{"property":"cat"}`, `,"most_frequent":{"property":"cat"}`, `,"last":{"property":"price"}`, `,"max":{"property":"price"}`) + m.window() + `}`
}

// spring is a stretch of time with changes of summer time in it.
var spring = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

const stretch = 40 * 24 * time.Hour

// properties makes those of a random event.
func (m *maker) properties(name string, order int) string {
	if name == "Order Completed" {
		var lines []string
		for range m.IntN(3) {
			lines = append(lines, fmt.Sprintf(`{"product_id":"i%d","quantity":%d,"price":%d.5}`, 1+m.IntN(4), 1+m.IntN(3), m.IntN(30)))
		}
		return fmt.Sprintf(`{"order_id":"o%d","total":%d.25,"currency":"%s","price":%d,"products":[%s]}`,
			order, m.IntN(80), pick(m.Rand, "EUR", "EUR", "USD"), m.IntN(60), strings.Join(lines, ","))
	}
	var out []string
	add := func(chance int, s string) {
		if m.IntN(chance) == 0 {
			out = append(out, s)
		}
	}
	add(2, fmt.Sprintf(`"price":%d`, m.IntN(60)))
	add(4, `"cat":`+pick(m.Rand, `"x"`, `"y"`, `"z"`, `null`, `["x","y"]`, `7`))
	if len(out) < 2 {
		add(2, fmt.Sprintf(`"product_id":"i%d"`, 1+m.IntN(4)))
	}
	add(3, `"tags":`+pick(m.Rand, `["t1","t2"]`, `[]`, `"t1"`))
	add(3, `"when":"`+spring.Add(time.Duration(m.Int64N(int64(stretch)))).Format(time.RFC3339)+`"`)
	return "{" + strings.Join(out, ",") + "}"
}

func (m *maker) userTraits() string {
	var out []string
	add := func(s string) {
		if m.IntN(2) == 0 {
			out = append(out, s)
		}
	}
	add(`"plan":` + pick(m.Rand, `"gold"`, `"silver"`, `null`, `["gold","x"]`))
	add(fmt.Sprintf(`"age":%d.5`, 15+m.IntN(30)))
	add(`"tags":` + pick(m.Rand, `["t1"]`, `[]`, `{"a":1}`))
	add(`"address":{"city":"` + pick(m.Rand, "Berlin", "Rome") + `"}`)
	add(`"renewal":"` + spring.Add(time.Duration(m.Int64N(int64(2*stretch)))).Format(pick(m.Rand, time.DateOnly, time.RFC3339)) + `"`)
	add(`"vip":` + pick(m.Rand, "true", "false"))
	return "{" + strings.Join(out, ",") + "}"
}
