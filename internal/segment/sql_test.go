package segment_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of PostgreSQL
	_ "modernc.org/sqlite"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/segment"
	"rapport/internal/segment/segmenttest"
	"rapport/internal/store/postgres/pgtest"
)

// asked are conditions with the SQL that a person would write for them, for
// PostgreSQL and SQLite. :now is in microseconds.
var asked = []struct{ condition, query string }{
	{`{"trait":"plan","op":"=","value":"gold"}`, `SELECT person FROM people WHERE plan = 'gold'`},
	{`{"trait":"plan","op":"!=","value":"gold"}`, `SELECT person FROM people WHERE plan IS NULL OR plan <> 'gold'`},
	{`{"trait":"age","min":18,"max":40}`, `SELECT person FROM people WHERE age BETWEEN 18 AND 40`},
	{`{"trait":"plan","in":["gold","silver"]}`, `SELECT person FROM people WHERE plan IN ('gold', 'silver')`},
	{`{"trait":"plan","op":"like","value":"_o%"}`, `SELECT person FROM people WHERE plan LIKE '_o%'`},
	{`{"trait":"age","op":"missing"}`, `SELECT person FROM people WHERE age IS NULL`},
	{
		`{"event":"A","count":{"min":2},"within":"10d"}`,
		`SELECT person FROM events WHERE name = 'A' AND at > :now - 864000000000 GROUP BY person HAVING count(*) >= 2`,
	},
	{
		`{"event":"A","count":{"max":1}}`,
		`SELECT person FROM people WHERE (SELECT count(*) FROM events e WHERE e.person = people.person AND name = 'A') <= 1`,
	},
	{
		`{"event":"B","where":{"cat":"x","price":{"min":20}},"sum":{"property":"price","min":60}}`,
		`SELECT person FROM events WHERE name = 'B' AND cat = 'x' AND price >= 20 GROUP BY person HAVING sum(price) >= 60`,
	},
	{
		`{"event":"A","avg":{"property":"price","op":">","value":30}}`,
		`SELECT person FROM events WHERE name = 'A' GROUP BY person HAVING avg(price) > 30`,
	},
	{
		`{"event":"*","unique":{"property":"cat","min":3},"within":"20d"}`,
		`SELECT person FROM events WHERE at > :now - 1728000000000 GROUP BY person HAVING count(DISTINCT cat) >= 3`,
	},
	{
		`{"event":"A","window":{"from":"2026-03-15","to":"2026-03-25"}}`,
		`SELECT DISTINCT person FROM events WHERE name = 'A' AND at >= 1773532800000000 AND at < 1774396800000000`,
	},
	{
		`{"event":"A","last":{"property":"cat","op":"=","value":"y"}}`,
		`SELECT person FROM events e WHERE name = 'A' AND cat IS NOT NULL GROUP BY person
			HAVING (SELECT cat FROM events l WHERE l.person = e.person AND name = 'A' AND cat IS NOT NULL ORDER BY at DESC LIMIT 1) = 'y'`,
	},
	{
		`{"event":"A","followed_by":{"event":"B"},"within":"2d"}`,
		`SELECT DISTINCT a.person FROM events a JOIN events b ON a.person = b.person
			WHERE a.name = 'A' AND b.name = 'B' AND b.at > a.at AND b.at <= a.at + 172800000000`,
	},
	{
		`{"event":"A","not_followed_by":{"event":"B"},"within":"2d"}`,
		`SELECT DISTINCT person FROM events a WHERE name = 'A' AND a.at + 172800000000 < :now AND NOT EXISTS
			(SELECT 1 FROM events b WHERE b.person = a.person AND b.name = 'B' AND b.at > a.at AND b.at <= a.at + 172800000000)`,
	},
	{
		`{"order":{},"sum":{"currency":"EUR","min":100},"within":"30d"}`,
		`SELECT person FROM orders WHERE currency = 'EUR' AND at > :now - 2592000000000 GROUP BY person HAVING sum(total) >= 100`,
	},
	{
		`{"order":{},"count":{"min":2},"where":{"total":{"op":">","value":25.5}}}`,
		`SELECT person FROM orders WHERE total > 25.5 GROUP BY person HAVING count(*) >= 2`,
	},
	{
		`{"order_item":{},"item":"i1","sum":{"property":"quantity","min":3}}`,
		`SELECT person FROM lines WHERE item = 'i1' GROUP BY person HAVING sum(quantity) >= 3`,
	},
	{
		`{"order_item":{},"item":{"attribute":"category","value":"Shoes"}}`,
		`SELECT DISTINCT person FROM lines JOIN items USING (item) WHERE category = 'Shoes'`,
	},
	{
		`{"all":[{"trait":"plan","value":"gold"},{"any":[{"event":"A","within":"5d"},{"not":{"event":"C"}}]}]}`,
		`SELECT person FROM people p WHERE plan = 'gold' AND (EXISTS (SELECT 1 FROM events e WHERE e.person = p.person AND name = 'A' AND at > :now - 432000000000)
			OR NOT EXISTS (SELECT 1 FROM events e WHERE e.person = p.person AND name = 'C'))`,
	},
	{
		`{"last_seen":{"within":"3d"}}`,
		`SELECT person FROM events GROUP BY person HAVING max(at) > :now - 259200000000`,
	},
}

// books holds in tables what people did.
type books struct {
	*testing.T
	db   *sql.Conn
	mark func(int) string // a parameter, by its number
}

func (b *books) exec(query string, args ...any) {
	b.Helper()
	var text strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			text.WriteRune(r)
			continue
		}
		n++
		text.WriteString(b.mark(n))
	}
	if _, err := b.db.ExecContext(b.Context(), text.String(), args...); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
}

func openBooks(t *testing.T, driver, address string, mark func(int) string) *books {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	b := &books{t, conn, mark}
	b.exec(`CREATE TABLE people (person INT PRIMARY KEY, plan TEXT, age INT)`)
	b.exec(`CREATE TABLE events (person INT, name TEXT, at BIGINT, price INT, cat TEXT)`)
	b.exec(`CREATE TABLE orders (person INT, id TEXT, at BIGINT, currency TEXT, total NUMERIC)`)
	b.exec(`CREATE TABLE lines (person INT, item TEXT, quantity INT)`)
	b.exec(`CREATE TABLE items (item TEXT, category TEXT)`)
	b.exec(`INSERT INTO items VALUES ('i1', 'Shoes'), ('i2', 'Hats'), ('i2', 'Shoes'), ('i3', 'Hats')`)
	b.exec(`CREATE INDEX of ON events (person, name)`)
	return b
}

// live makes a person's life, in the books and as events.
func (b *books) live(m *segmenttest.Maker, h *human, person int, now clock.Instant) {
	plan, age := segmenttest.Pick(m.Rand, "gold", "silver", "bold", ""), m.IntN(60)
	traits := "{"
	var planCell, ageCell any
	if plan != "" {
		traits += fmt.Sprintf(`"plan":%q`, plan)
		planCell = plan
	}
	if age > 10 && plan != "" {
		traits += fmt.Sprintf(`,"age":%d`, age)
		ageCell = age
	}
	b.exec(`INSERT INTO people VALUES (?, ?, ?)`, person, planCell, ageCell)
	at := func() clock.Instant { return now - clock.Instant(m.Int64N(int64(40*24*time.Hour/time.Microsecond))) }
	event := func(n int, name, props, traits string) clock.Instant {
		e := h.plain(fmt.Sprint("p", person, "n", n), name, at(), props, traits)
		h.fold(e)
		return e.Time
	}
	t := event(0, "", "", traits+"}")
	b.exec(`INSERT INTO events VALUES (?, '', ?, NULL, NULL)`, person, t)
	for n := range m.IntN(12) {
		name, price, cat := segmenttest.Pick(m.Rand, "A", "B", "C"), m.IntN(60), segmenttest.Pick(m.Rand, "x", "y", "z")
		t := event(1+n, name, fmt.Sprintf(`{"price":%d,"cat":%q}`, price, cat), "")
		b.exec(`INSERT INTO events VALUES (?, ?, ?, ?, ?)`, person, name, t, price, cat)
	}
	for n := range m.IntN(4) {
		id, total, item, quantity := fmt.Sprint("o", person, "x", n), m.IntN(90), fmt.Sprint("i", 1+m.IntN(3)), 1+m.IntN(3)
		t := event(100+n, "Order Completed", fmt.Sprintf(
			`{"order_id":%q,"total":%d.5,"currency":"EUR","products":[{"product_id":%q,"quantity":%d}]}`, id, total, item, quantity), "")
		b.exec(`INSERT INTO events VALUES (?, 'Order Completed', ?, NULL, NULL)`, person, t)
		b.exec(`INSERT INTO orders VALUES (?, ?, ?, 'EUR', CAST(? AS NUMERIC))`, person, id, t, fmt.Sprintf("%d.5", total))
		b.exec(`INSERT INTO lines VALUES (?, ?, ?)`, person, item, quantity)
	}
}

// plain is an event of the first anchor.
func (h *human) plain(message, name string, at clock.Instant, props, traits string) *event.Event {
	e := &event.Event{
		Type: event.Track, Name: name, MessageID: message, Time: at, ReceivedAt: at, Source: "s1",
		Identifiers: []event.Identifier{h.anchors[0].ident},
	}
	if props != "" {
		e.Properties = doc(h.t, props)
	}
	if traits != "" {
		e.Type, e.Traits = event.Identify, doc(h.t, traits)
	}
	return e
}

func TestEvaluate_AgreesWithSQLite(t *testing.T) {
	t.Parallel()
	agreesWith(t, openBooks(t, "sqlite", ":memory:", func(int) string { return "?" }))
}

func TestEvaluate_AgreesWithPostgres(t *testing.T) {
	t.Parallel()
	server := pgtest.For(t)
	agreesWith(t, openBooks(t, "pgx", server.Address(t), func(n int) string { return "$" + strconv.Itoa(n) }))
}

func agreesWith(t *testing.T, b *books) {
	t.Helper()
	const seed, people = 77, 400
	m := segmenttest.New(seed)
	var defs []segment.Definition
	for i, a := range asked {
		defs = append(defs, segment.Definition{Key: fmt.Sprintf("s%02d", i), Condition: read(t, a.condition)})
	}
	set := compile(t, defs...)
	now := clock.From(segmenttest.Spring.Add(segmenttest.Stretch))
	members := make([][]int, len(asked))
	b.exec("BEGIN")
	for person := range people {
		h := newHuman(t, set, 1)
		b.live(m, h, person, now)
		h.touched.Reset(set)
		h.touched.All()
		for _, a := range h.ev.Evaluate(nil, h.person(), h.states(), &h.touched, now) {
			if a.Member {
				members[a.Segment] = append(members[a.Segment], person)
			}
		}
	}
	b.exec("COMMIT")
	for i, a := range asked {
		want := b.people(a.query, now)
		if !slices.Equal(want, members[i]) {
			t.Errorf("%s: %d people, SQL says %d", a.condition, len(members[i]), len(want))
		}
		if len(want) == 0 || len(want) == people {
			t.Errorf("%s holds for %d of %d: it proves nothing", a.condition, len(want), people)
		}
	}
	t.Logf("seed %d: %d conditions, %d people", seed, len(asked), people)
}

func (b *books) people(query string, now clock.Instant) []int {
	b.Helper()
	rows, err := b.db.QueryContext(b.Context(), strings.ReplaceAll(query, ":now", strconv.FormatInt(int64(now), 10)))
	if err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var out []int
	for rows.Next() {
		var p int
		if err := rows.Scan(&p); err != nil {
			b.Fatal(err)
		}
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	slices.Sort(out)
	return out
}
