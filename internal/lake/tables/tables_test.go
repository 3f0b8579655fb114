package tables_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/lake/tables"
	"rapport/internal/pipeline"
	"rapport/internal/retention"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
	"rapport/internal/store/postgres/pgtest"
)

var server *pgtest.Server

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, &server)) }

var mapping = catalog.DefaultMapping()

// house is a pipeline with tables beside it, and a clock that a test moves.
type house struct {
	t      testing.TB
	now    *atomic.Int64
	store  store.Store
	schema string
	conn   *pgx.Conn
	tables *tables.Tables
	spine  *pipeline.Pipeline
	source string // of what is sent
}

func newHouse(t testing.TB) *house {
	t.Helper()
	if server == nil {
		t.Skip(pgtest.ErrNone)
	}
	h := &house{t: t, now: &atomic.Int64{}, store: memory.New(), schema: server.Schema(t), source: "shop"}
	h.now.Store(int64(clock.From(time.Date(2026, 3, 30, 23, 50, 0, 0, time.UTC))))
	var err error
	if h.conn, err = pgx.Connect(context.Background(), server.DSN); err != nil {
		t.Fatal(err)
	}
	if _, err := h.conn.Exec(context.Background(), "SET search_path = "+h.schema+"; SET timezone = UTC"); err != nil {
		t.Fatal(err)
	}
	h.open(1)
	t.Cleanup(func() {
		h.tables.Kill()
		_ = h.spine.Close(context.Background())
		_ = h.conn.Close(context.Background())
	})
	return h
}

// open opens the pipeline and its tables on what is stored.
func (h *house) open(instance byte) {
	h.t.Helper()
	h.tables = tables.New(tables.Options{
		DSN: server.DSN, Schema: h.schema, Mapping: func(string) *catalog.Mapping { return mapping }, Now: h.clock, Log: slog.New(slog.DiscardHandler),
		Flush: time.Minute, Most: 1 << 20,
	})
	c := h.config(instance)
	c.Follower, c.Delist = h.tables.Follower(), h.tables.Erase
	var err error
	if h.spine, err = pipeline.Open(context.Background(), c, nil); err != nil {
		h.t.Fatal(err)
	}
	h.tables.Attach(h.spine)
}

func (h *house) config(instance byte) pipeline.Config {
	return pipeline.Config{
		Store: h.store, Mappers: map[string]event.Mapper{"test": mapper}, Clock: h.clock, Log: slog.New(slog.DiscardHandler),
		Sources: func(string) pipeline.SourceInfo { return pipeline.SourceInfo{Priority: 1, Mapping: mapping} },
		Rules:   identity.DefaultRules(), Random: func(b []byte) { clear(b) }, InstanceKey: [16]byte{instance}, Lanes: 3, CommitEvery: time.Hour,
	}
}

// crash ends both without a word and begins again on what was stored.
func (h *house) crash() {
	h.t.Helper()
	h.tables.Kill()
	if err := h.spine.Close(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	h.open(1)
}

func (h *house) clock() time.Time { return clock.Instant(h.now.Load()).Time() }

func (h *house) pass(d time.Duration) { h.now.Add(d.Microseconds()) }

// step waits until everything is applied and writes it down.
func (h *house) step() {
	h.t.Helper()
	for range 3 { // what is derived comes a moment later
		if err := h.spine.Applied(context.Background(), h.spine.LogEnd()); err != nil {
			h.t.Fatal(err)
		}
	}
	for range 2 { // whoever lost an identifier is looked at once more
		if err := h.tables.Step(context.Background()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// settle steps until nothing is written any more: what follows from events is in the
// log a moment after them. That it comes to rest says that nothing is written twice.
func (h *house) settle() {
	h.t.Helper()
	last := ""
	for range 30 {
		h.step()
		turn := strings.Join(h.rows(`turn) FROM progress`), "")
		if turn == last {
			return
		}
		last = turn
	}
	h.t.Fatal("rows are written again and again")
}

// mapper understands the tracking dialect in small.
func mapper(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
	rules := identity.DefaultRules()
	text := func(path ...string) string { return body.Path(path...).Text() }
	ids, _ := rules.Choose([]event.Identifier{
		{Namespace: event.UserID, Value: text("userId")},
		{Namespace: event.AnonymousID, Value: text("anonymousId")},
		{Namespace: event.Email, Value: text("traits", "email")},
	})
	return &event.Event{
		Type: event.TypeOf(text("type")), Name: text("event"), MessageID: text("messageId"), Time: env.Received, ReceivedAt: env.Received,
		Source: env.Source, Channel: "web", Identifiers: ids, Traits: body.Get("traits"), Properties: body.Get("properties"),
		Context: body.Get("context"), Body: body,
	}, nil
}

// send hands bodies over as a door does.
func (h *house) send(bodies ...string) {
	h.t.Helper()
	env := event.Envelope{Dialect: "test", Source: h.source, Received: clock.Instant(h.now.Load())}
	s := &pipeline.Submission{Received: env.Received}
	for _, b := range bodies {
		doc, err := jsondoc.Parse([]byte(b), jsondoc.Limits{})
		if err != nil {
			h.t.Fatal(err)
		}
		e, err := mapper(&env, doc.Root())
		if err != nil {
			h.t.Fatal(err)
		}
		s.Events = append(s.Events, pipeline.Arrival{Envelope: env, Event: e})
	}
	if _, err := h.spine.Accept(context.Background(), s); err != nil {
		h.t.Fatal(err)
	}
}

// ask gives the rows of a query, their columns with a bar between, and checks them.
func (h *house) ask(sql string, want ...string) {
	h.t.Helper()
	if got := h.rows(sql); strings.Join(got, "\n") != strings.Join(want, "\n") {
		h.t.Errorf("%s\ngives\n%s\nnot\n%s", sql, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (h *house) rows(sql string) []string {
	h.t.Helper()
	rows, err := h.conn.Query(context.Background(), "SELECT concat_ws('|', "+sql)
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func (h *house) own(namespace, value string) string {
	return h.spine.OwnID(event.Identifier{Namespace: namespace, Value: value}.Key())
}

// TestTables_SayWhoDidWhat follows a visitor who becomes known and buys: the events
// from before go to the person, and the former id leads there.
func TestTables_SayWhoDidWhat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.spine.Define(t.Context(), definition.Command{
		Kind: definition.Segment, Key: "buyers", Status: definition.Live, Author: "test", Time: clock.Instant(h.now.Load()),
		Document: []byte(`{"name":"Buyers","condition":{"event":"Order Completed"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.spine.Cultivate(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.send(`{"type":"track","messageId":"1","anonymousId":"anon-1","event":"Looked","properties":{"page_type":"Home","n":1}}`)
	h.pass(time.Minute)
	h.send(`{"type":"track","messageId":"2","userId":"ada","event":"Signed In"}`)
	h.step()
	ada, anon := h.own(event.UserID, "ada"), h.own(event.AnonymousID, "anon-1")
	h.ask(`name, kind, profile_id, page_type, properties->>'n') FROM events ORDER BY position`, "Looked|base|"+anon+"|Home|1", "Signed In|base|"+ada)
	h.pass(48 * time.Hour) // another month
	h.send(
		`{"type":"identify","messageId":"3","userId":"ada","anonymousId":"anon-1","traits":{"email":"ada@example.com","plan":"pro"}}`,
		`{"type":"track","messageId":"4","userId":"ada","event":"Order Completed","properties":{"order_id":"o1","revenue":30,"currency":"EUR","products":[{"product_id":"sku-1","price":10,"quantity":3}]}}`,
	)
	h.settle()
	h.ask(`profile_id, anonymous, traits->>'plan', event_count, order_count, segments) FROM profiles`, anon+"|f|pro|4|1|{buyers}")
	h.ask(`count(*), count(DISTINCT profile_id), max(profile_id)) FROM events`, "3|1|"+anon)
	h.ask(`tableoid::regclass::text, count(*)) FROM events GROUP BY tableoid ORDER BY 1`, "events_2026_03|2", "events_2026_04|1")
	h.ask(`namespace, value) FROM identifiers WHERE profile_id = '`+anon+`' ORDER BY 1`, "anonymous_id|anon-1", "email|ada@example.com", "user_id|ada")
	h.ask(`profile_id) FROM former_ids WHERE former_id = '`+ada+`'`, anon)
	h.ask(`p.traits->>'email', o.order_id, o.net, l.item_id, l.price, l.quantity) FROM orders o JOIN order_lines l USING (profile_id, order_id) JOIN profiles p USING (profile_id)`,
		"ada@example.com|o1|30|sku-1|10|3")
	h.ask(`segment, since) FROM memberships`, "buyers|2026-04-01 23:51:00+00")
	// What somebody else does to an order reaches whose it is, also when nobody heard.
	h.send(`{"type":"track","messageId":"5","userId":"clerk","event":"Order Refunded","properties":{"order_id":"o1","refund_id":"r1","total":5,"currency":"EUR"}}`)
	if err := h.spine.Applied(t.Context(), h.spine.LogEnd()); err != nil {
		t.Fatal(err)
	}
	h.crash()
	h.settle()
	h.ask(`refunded, net) FROM orders WHERE profile_id = '`+anon+`'`, "5|25")
}

// TestTables_ForgetWhoIsErased leaves a person in every table, named in another's
// row, erases, and looks everywhere.
func TestTables_ForgetWhoIsErased(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.send(
		`{"type":"identify","messageId":"1","userId":"ada-lovelace","anonymousId":"anon-1","traits":{"email":"ada@example.com"}}`,
		`{"type":"track","messageId":"2","userId":"ada-lovelace","event":"Order Completed","properties":{"order_id":"o1","revenue":30,"products":[{"product_id":"sku-1"}]}}`,
		`{"type":"track","messageId":"3","userId":"bob","event":"Invited","properties":{"who":"ADA@example.com","n":7}}`,
		`{"type":"track","messageId":"4","userId":"bob","event":"Looked"}`,
	)
	h.step()
	h.ask(`count(*)) FROM events`, "3")
	r, err := h.spine.RequestPrivacy(t.Context(), pipeline.PrivacyCommand{Type: pipeline.ErasureRequest, Refs: []string{"email:ada@example.com"}, Author: "test"})
	if err != nil {
		t.Fatal(err)
	}
	// As long as the database does not answer, the erasure is not done.
	server.Exec(t, "ALTER TABLE "+h.schema+".orders RENAME TO away")
	if err := h.spine.RunPrivacy(t.Context(), r.ID, pipeline.ErasePlan{}, nil); err == nil {
		t.Fatal("the person is said to be erased, and the tables were out of reach")
	}
	server.Exec(t, "ALTER TABLE "+h.schema+".away RENAME TO orders")
	if err := h.spine.RunPrivacy(t.Context(), r.ID, pipeline.ErasePlan{}, nil); err != nil {
		t.Fatal(err)
	}
	if r, err = h.spine.Privacy(t.Context(), r.ID); err != nil || r.Proof == nil {
		t.Fatal(r, err)
	}
	if p := r.Proof.Tables; p.Rows < 7 || p.Cells < 1 {
		t.Errorf("the proof says of the tables %+v", p)
	}
	gone := func(when string) {
		t.Helper()
		for _, table := range []string{"profiles", "identifiers", "memberships", "orders", "order_lines", "events"} {
			for _, row := range h.rows(`x::text) FROM ` + table + ` x`) {
				for _, value := range []string{"ada", h.own(event.AnonymousID, "anon-1"), "anon-1", "o1"} {
					if strings.Contains(strings.ToLower(row), value) {
						t.Errorf("%s: %s is in %s: %s", when, value, table, row)
					}
				}
			}
		}
		h.ask(`name, properties->>'n') FROM events ORDER BY position`, "Invited|7", "Looked")
	}
	gone("after erasing")
	h.step()
	gone("after the next step")
	h.crash()
	h.step()
	gone("after a restart")
}

// TestTables_HaveEachEventOnceWhateverHappens kills, lets go of what waits, sends
// copies and merges people at random moments.
func TestTables_HaveEachEventOnceWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(3)) {
		h, r := newHouse(t), rand.New(rand.NewPCG(seed, 9))
		var sent []string
		for n := range 60 {
			h.pass(time.Duration(r.IntN(40)) * time.Hour)
			who := fmt.Sprintf(`"userId":"u%d"`, r.IntN(5))
			if r.IntN(2) == 0 {
				who = fmt.Sprintf(`"anonymousId":"a%d"`, r.IntN(8))
			}
			switch k := r.IntN(12); {
			case k < 6:
				body := fmt.Sprintf(`{"type":"track","messageId":"m%d",%s,"event":"e"}`, n, who)
				sent = append(sent, body)
				h.send(body)
			case k < 7 && len(sent) > 0:
				h.send(sent[r.IntN(len(sent))])
			case k < 8:
				h.send(fmt.Sprintf(`{"type":"identify","messageId":"i%d","userId":"u%d","anonymousId":"a%d"}`, n, r.IntN(5), r.IntN(8)))
			case k < 10:
				h.step()
			case k < 11:
				h.tables.Drop()
			default:
				h.crash()
			}
		}
		h.settle()
		h.ask(`count(*), count(DISTINCT event_id)) FROM events`, fmt.Sprintf("%d|%d", len(sent), len(sent)))
		// Each event is with whom its identifier belongs to, and everybody is as the
		// pipeline has them.
		h.ask(`count(*)) FROM events e JOIN identifiers i USING (identifier_id) WHERE e.profile_id <> i.profile_id`, "0")
		people, err := h.spine.People(t.Context(), "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		h.ask(`count(*)) FROM profiles`, fmt.Sprint(len(people.Items)))
		for _, person := range people.Items {
			v, err := h.spine.Profile(t.Context(), person, pipeline.ProfileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			h.ask(`event_count, (SELECT count(*) FROM identifiers i WHERE i.profile_id = p.profile_id)) FROM profiles p WHERE profile_id = '`+v.ID+`'`,
				fmt.Sprintf("%d|%d", v.Computed.EventCount, len(v.Identifiers)))
		}
	}
}

// What retention takes out of the log goes from the tables, whether the lanes tell of
// it or the log: also copies that were written down in the place of the message.
func TestTables_ForgetWhatRetentionTakesOut(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(h *house){
		"told by lanes": func(h *house) {}, "more than may wait": func(h *house) { h.tables.Drop() }, "told by the log": (*house).crash,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.send(
				`{"type":"track","messageId":"1","anonymousId":"a","event":"old"}`, `{"type":"track","messageId":"2","userId":"bob","event":"old"}`,
				`{"type":"identify","messageId":"3","userId":"ada","anonymousId":"a"}`,
			)
			h.step()
			h.pass(-time.Minute)
			h.send(`{"type":"track","messageId":"2","userId":"bob","event":"old"}`)
			h.settle()
			h.ask(`count(*)) FROM events WHERE name = 'old'`, "2")
			floor := retention.Floor{Policy: "all", Before: clock.Instant(h.now.Load()).Add(10 * 24 * time.Hour)}
			h.pass(30 * 24 * time.Hour)
			h.send(`{"type":"track","messageId":"4","anonymousId":"a","event":"new"}`)
			h.step()
			var at pipeline.Expiring
			if err := h.spine.Expire(t.Context(), []retention.Floor{floor}, false, &at, func(context.Context) error { return nil }); err != nil || at.Events < 3 || at.Copies != 1 {
				t.Fatalf("taken out: %+v, %v", at.ExpiryData, err)
			}
			after(h)
			h.settle()
			h.ask(`name, event_id) FROM events`, "new|4")
			h.ask(`event_count) FROM profiles ORDER BY 1`, "1", "3")
		})
	}
}

// Of a source that is removed nothing is left: neither events nor people whom nobody
// else knows, and of the others what others said.
func TestTables_ForgetARemovedSource(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.send(`{"type":"track","messageId":"1","userId":"ada","event":"kept"}`, `{"type":"track","messageId":"2","userId":"bob","event":"kept"}`)
	h.source = "demo"
	h.send(
		`{"type":"track","messageId":"3","userId":"ada","event":"gone"}`, `{"type":"track","messageId":"4","userId":"eve","event":"gone"}`,
		`{"type":"identify","messageId":"5","userId":"ada","anonymousId":"phone","traits":{"email":"ada@example.com","plan":"pro"}}`,
	)
	h.settle()
	h.ask(`(SELECT count(*) FROM events), (SELECT count(*) FROM profiles), count(*)) FROM identifiers`, "4|3|5")
	if err := h.spine.RemoveSource(t.Context(), "demo", pipeline.Removed{}, func(pipeline.Removed, store.Position) error { return nil }); err != nil {
		t.Fatal(err)
	}
	h.tables.Kill()
	if err := h.spine.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pipeline.Rebuild(t.Context(), h.config(1), nil); err != nil {
		t.Fatal(err)
	}
	h.open(1)
	h.step()
	h.ask(`count(*)) FROM events WHERE source = 'demo'`, "2")
	for range 2 {
		if err := h.tables.RemoveSource(t.Context(), "demo"); err != nil {
			t.Fatal(err)
		}
	}
	h.settle()
	h.ask(`name, source) FROM events ORDER BY position`, "kept|shop", "kept|shop")
	h.ask(`namespace, value, traits, event_count) FROM profiles JOIN identifiers USING (profile_id) ORDER BY value`, "user_id|ada|{}|1", "user_id|bob|{}|1")
}

// What jsonb or text has no place for costs nobody else a row.
func TestTables_TakeWhateverComes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, properties := range []string{
		`{"x":"a\u0000b"}`, `{"x":"\ud800"}`, `{"x":1e999999}`, `{"x":` + strings.Repeat("9", 200_000) + `}`, `{"x":"` + strings.Repeat("y", 100_000) + `"}`,
		`{"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
	} {
		h.send(fmt.Sprintf(`{"type":"track","messageId":"odd%d","userId":"u%d","event":"%s","properties":%s}`, i, i, strings.Repeat("n", 3000), properties))
	}
	h.send(`{"type":"track","messageId":"plain","userId":"u","event":"e","properties":{"x":1}}`)
	h.step()
	h.ask(`event_id) FROM events WHERE event_id <> 'odd5' ORDER BY position`, "odd0", "odd1", "odd2", "odd3", "odd4", "plain")
	h.ask(`properties->>'x') FROM events WHERE event_id IN ('odd0', 'odd2') ORDER BY position`, "ab", "1e999999")
}

// What is in the schema is not touched where it is of other data.
func TestTables_RefuseOtherData(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.send(`{"type":"track","messageId":"1","userId":"ada","event":"e"}`)
	h.step()
	for name, other := range map[string]struct {
		instance byte
		says     string
	}{"another instance": {2, "another instance"}, "an older backup": {1, "older backup"}} {
		o := &house{t: t, now: h.now, store: memory.New(), schema: h.schema}
		o.open(other.instance)
		if err := o.tables.Step(t.Context()); err == nil || !strings.Contains(err.Error(), other.says) {
			t.Errorf("%s: %v", name, err)
		}
		if s := o.tables.State(); !strings.Contains(s.Error, other.says) {
			t.Errorf("%s: the state says %q", name, s.Error)
		}
		o.tables.Kill()
		if err := o.spine.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.ask(`count(*)) FROM events`, "1")
}

// TestSchema_CanBeSpreadOverMachines reads from the catalog what Citus asks of tables
// that are distributed by profile_id.
func TestSchema_CanBeSpreadOverMachines(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.step()
	h.ask(`c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema AND i.indisunique AND c.relname <> 'progress'
		AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND a.attname = 'profile_id')`)
	h.ask(`conname) FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = current_schema AND contype = 'f'`)
	h.ask(`tgname) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema`)
	h.ask(`count(*)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema AND relkind IN ('r', 'p')`, "7")
}
