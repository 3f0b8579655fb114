package lake_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/blob"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/lake"
	"rapport/internal/pipeline"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/memory"
)

const (
	// idle is over before sessions end: that is told as well, whenever the
	// pipeline's own clock looks.
	idle = 3 * time.Minute
	most = 1 << 20
)

var (
	start   = clock.From(time.Date(2026, 3, 1, 23, 50, 0, 0, time.UTC))
	mapping = catalog.DefaultMapping()
	events  = []string{"base_events", "catalog_events", "cart_events", "order_events"}
)

// house is a pipeline with a lake beside it, and a clock that a test moves.
type house struct {
	t      testing.TB
	now    *atomic.Int64
	target lake.Target
	lake   *lake.Lake
	spine  *pipeline.Pipeline
}

// open starts a house over a store and a target.
func open(t testing.TB, st store.Store, target lake.Target, now *atomic.Int64) *house {
	t.Helper()
	if now == nil {
		now = &atomic.Int64{}
		now.Store(int64(start))
	}
	h := &house{t: t, now: now, target: target}
	h.lake = lake.New(lake.Options{
		Target: target, Mapping: func(string) *catalog.Mapping { return mapping }, Now: h.clock, Log: slog.New(slog.DiscardHandler),
		Flush: time.Second, Idle: idle, Join: 3, Most: most,
	})
	var err error
	h.spine, err = pipeline.Open(context.Background(), pipeline.Config{
		Store: st, Mappers: map[string]event.Mapper{"test": mapper}, Clock: h.clock, Log: slog.New(slog.DiscardHandler),
		Sources: func(string) pipeline.SourceInfo { return pipeline.SourceInfo{Priority: 1, Mapping: mapping} },
		Rules:   identity.DefaultRules(), Random: func(b []byte) { clear(b) }, InstanceKey: [16]byte{1}, Lanes: 3, CommitEvery: time.Hour,
		Follower: h.lake.Follower(), Passages: true, Rewrite: h.lake.Erase,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.lake.Attach(h.spine)
	return h
}

func (h *house) clock() time.Time { return clock.Instant(h.now.Load()).Time() }

func (h *house) pass(d time.Duration) { h.now.Add(d.Microseconds()) }

func (h *house) close() {
	h.t.Helper()
	if err := h.spine.Close(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// step waits until everything is applied and writes it down.
func (h *house) step() {
	h.t.Helper()
	if err := h.spine.Applied(context.Background(), h.spine.LogEnd()); err != nil {
		h.t.Fatal(err)
	}
	if err := h.lake.Step(context.Background()); err != nil {
		h.t.Fatal(err)
	}
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
	if len(ids) == 0 {
		return nil, fault.Errorf(fault.Invalid, "missing_identifier", "nobody is named")
	}
	return &event.Event{
		Type: event.TypeOf(text("type")), Name: text("event"), MessageID: text("messageId"), Time: env.Received, ReceivedAt: env.Received,
		Source: env.Source, Channel: "web", Identifiers: ids, Traits: body.Get("traits"), Properties: body.Get("properties"),
		Context: body.Get("context"), Body: body, Fed: env.Fed,
	}, nil
}

// send hands bodies over as a door does.
func (h *house) send(bodies ...string) {
	h.t.Helper()
	h.sendAs(event.Envelope{}, bodies...)
}

func (h *house) sendAs(env event.Envelope, bodies ...string) {
	h.t.Helper()
	env.Dialect, env.Source, env.Received = "test", "shop", clock.Instant(h.now.Load())
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

// rows are those of an object that count.
func (h *house) rows(object string) []map[string]string {
	h.t.Helper()
	var out []map[string]string
	err := lake.EachRow(context.Background(), h.target, object, func(r map[string]string) { out = append(out, r) })
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// TestCrash_LeavesNoGapAndNoDouble cuts the power at random moments of a run in
// which events, copies, joins and people who are still come in any order. The
// log, the state and the lake lie on one disk; what was not synced is dropped or
// torn. In the end each acknowledged event is in the lake once.
func TestCrash_LeavesNoGapAndNoDouble(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(8)) {
		r := rand.New(rand.NewPCG(seed, 77))
		disk := vfs.NewCrashableMem()
		var sent []string
		now := &atomic.Int64{}
		now.Store(int64(start))
		begin := func() (*house, store.Store) {
			st, err := embedded.Open("data", embedded.Options{FS: disk, MemoryBudget: 1, SegmentBytes: 32 << 10})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return open(t, st, blob.NewFolder(disk, "lake", 0o755), now), st
		}
		h, st := begin()
		for n := range 150 {
			h.pass(time.Duration(r.IntN(40)) * time.Second)
			switch k := r.IntN(20); {
			case k < 11:
				for range 1 + r.IntN(4) {
					sent = append(sent, tell(h, r, n, len(sent)))
				}
			case k < 13 && len(sent) > 0:
				h.send(sent[r.IntN(len(sent))])
			case k < 17:
				h.step()
			case k < 18:
				if err := h.lake.JoinOnce(context.Background()); err != nil {
					t.Fatal(err)
				}
			case k < 19:
				h.lake.Drop()
			default:
				clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
				// What the old one still does is on a disk that nobody has any more.
				_ = h.spine.Close(context.Background())
				_ = st.Close()
				disk = clone
				h, st = begin()
			}
		}
		h.step()
		count := map[string]int{}
		for _, object := range events {
			for _, row := range h.rows(object) {
				count[row["eventId"]]++
			}
		}
		for _, body := range sent {
			doc, _ := jsondoc.Parse([]byte(body), jsondoc.Limits{})
			if id := doc.Root().Get("messageId").Text(); count[id] != 1 {
				t.Errorf("seed %d: event %s is in the lake %d times", seed, id, count[id])
			}
		}
		if len(count) != len(sent) {
			t.Errorf("seed %d: %d events were acknowledged, %d are in the lake", seed, len(sent), len(count))
		}
		h.pass(2 * idle)
		h.step()
		devices := map[string]bool{}
		for _, row := range h.rows("identity_links") {
			devices[row["deviceId"]] = true
		}
		for _, object := range events {
			for _, row := range h.rows(object) {
				if !devices[row["deviceId"]] {
					t.Errorf("seed %d: nobody is known by device %s of event %s", seed, row["deviceId"], row["eventId"])
				}
			}
		}
		h.close()
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// tell sends an event of some person and gives its body.
func tell(h *house, r *rand.Rand, round, n int) string {
	person := r.IntN(6)
	who := fmt.Sprintf(`"userId":"u%d"`, person)
	if r.IntN(2) == 0 {
		who = fmt.Sprintf(`"anonymousId":"d%d"`, person)
	}
	if r.IntN(6) == 0 {
		who = fmt.Sprintf(`"userId":"u%d","anonymousId":"d%d"`, person, person)
	}
	what := [...]string{
		`"event":"Thing"`, `"event":"Product Viewed","properties":{"product_id":"p"}`,
		`"event":"Product Added","properties":{"product_id":"p","price":2.5,"quantity":2}`,
		fmt.Sprintf(`"event":"Order Completed","properties":{"order_id":"o%d","products":[{"product_id":"p","price":1}]}`, n),
	}[r.IntN(4)]
	body := fmt.Sprintf(`{"type":"track","messageId":"m%d-%d",%s,%s}`, round, n, who, what)
	h.send(body)
	return body
}

// N updates within the time of stillness give one row, with all that is known,
// whether or not there was a restart in between.
func TestUsers_AreWrittenOnceWhenTheyAreStill(t *testing.T) {
	t.Parallel()
	files, disk := vfs.NewMem(), memory.NewDisk()
	h := open(t, memory.Open(disk), blob.NewFolder(files, "lake", 0o755), nil)
	again := func(end func()) {
		h.close()
		end()
		h = open(t, memory.Open(disk), blob.NewFolder(files, "lake", 0o755), h.now)
	}
	identify := func(traits string) {
		h.send(fmt.Sprintf(`{"type":"identify","messageId":"i%d","userId":"ada","anonymousId":"tablet","traits":%s}`, h.now.Load(), traits))
		h.step()
		h.pass(time.Minute)
	}
	users := func() []map[string]string { h.step(); return h.rows("users") }

	h.send(`{"type":"track","messageId":"t1","anonymousId":"tablet","event":"Looked"}`)
	for i := range 7 {
		identify(fmt.Sprintf(`{"step":%d}`, i))
		if i == 3 {
			again(func() {})
		}
	}
	identify(`{"plan":"gold","email":"ada@example.org"}`)
	if got := users(); len(got) != 0 {
		t.Fatalf("rows are written while she is there: %v", got)
	}
	again(func() {})
	h.pass(idle)
	got := users()
	if len(got) != 1 || got[0]["plan"] != "gold" || got[0]["step"] != "6" || got[0]["isAnonymous"] != "false" || got[0]["emailAddress"] != "ada@example.org" || got[0]["customerId"] != "ada" {
		t.Fatalf("rows %v", got)
	}
	again(func() {})
	h.pass(3 * idle)
	if got := users(); len(got) != 1 {
		t.Fatalf("a restart made rows of nothing: %v", got)
	}
	// Only one attribute comes; the row has all.
	identify(`{"plan":"silver"}`)
	h.pass(idle)
	got = users()
	if len(got) != 2 || got[1]["plan"] != "silver" || got[1]["step"] != "6" || got[1]["profileId"] != got[0]["profileId"] {
		t.Fatalf("rows %v", got)
	}
	h.send(`{"type":"track","messageId":"t2","anonymousId":"phone","event":"Looked"}`)
	h.step()
	h.pass(idle)
	if got = users(); len(got) != 3 || got[2]["isAnonymous"] != "true" {
		t.Fatalf("rows %v", got)
	}
	h.close()
}

func TestEvents_SayOnlyWhatTheySaid(t *testing.T) {
	t.Parallel()
	h := open(t, memory.New(), blob.NewFolder(vfs.NewMem(), "lake", 0o755), nil)
	h.send(`{"type":"identify","messageId":"1","userId":"ada","traits":{"email":"ada@example.org"}}`,
		`{"type":"track","messageId":"2","userId":"ada","event":"Search","properties":{"q":"boots"}}`,
		`{"type":"track","messageId":"3","anonymousId":"d","event":"Product Viewed","properties":{"item_type":"Category","_id":"shoes"}}`,
		`{"type":"track","messageId":"4","anonymousId":"d","event":"Product Added","properties":{"product_id":"p","price":"2.50","quantity":2,"cart_id":"c","currency":"EUR"}}`,
		`{"type":"track","messageId":"5","userId":"ada","traits":{"email":"ada@example.org"},"event":"Order Completed","properties":{"order_id":"o","products":[{"product_id":"p","price":0.1,"quantity":3},{"product_id":"q","price":1}]}}`,
		`{"type":"page","messageId":"6","userId":"ada","context":{"page":{"url":"https://x"}}}`)
	h.sendAs(event.Envelope{Fed: true}, `{"type":"track","messageId":"7","userId":"bea","event":"Fed"}`,
		`{"type":"track","messageId":"8","userId":"bea","event":"Order Completed","properties":{"order_id":"o2","total":5}}`)
	h.step()
	h.step()
	one := func(object, id string, want map[string]string) {
		t.Helper()
		var found []map[string]string
		for _, r := range h.rows(object) {
			if r["eventId"] == id {
				found = append(found, r)
			}
		}
		if len(found) != 1 {
			t.Fatalf("%s has %s %d times", object, id, len(found))
		}
		for name, v := range want {
			if found[0][name] != v {
				t.Errorf("%s %s: %s is %q, want %q", object, id, name, found[0][name], v)
			}
		}
	}
	one("base_events", "2", map[string]string{"action": "Search", "customerId": "ada", "emailAddress": "", "properties": `{"q":"boots"}`})
	one("base_events", "6", map[string]string{"sourceUrl": "https://x", "eventType": "page"})
	one("catalog_events", "3", map[string]string{"itemType": "Category", "itemId": "shoes", "customerId": ""})
	one("cart_events", "4", map[string]string{"cartId": "c", "currency": "EUR"})
	one("cart_item_events", "4:1", map[string]string{"cartEventId": "4", "catalogObjectId": "p", "price": string(lake.DecimalText("2.5"))})
	one("order_events", "5", map[string]string{"orderId": "o", "currency": "USD", "emailAddress": "ada@example.org", "totalValue": string(lake.DecimalText("1.3"))})
	one("order_item_events", "5:2", map[string]string{"orderEventId": "5", "catalogObjectId": "q"})
	one("order_events", "8", map[string]string{"orderId": "o2"})
	if n := len(h.rows("base_events")); n != 2 {
		t.Errorf("%d base events, want 2: what a table brings is none", n)
	}
	h.close()
}

// Attributes get columns as they come, and wider ones where a value asks for it;
// what was written before follows.
func TestUsers_ColumnsFollowTheAttributes(t *testing.T) {
	t.Parallel()
	h := open(t, memory.New(), blob.NewFolder(vfs.NewMem(), "lake", 0o755), nil)
	for i, traits := range []string{
		`{"size":42,"on":true,"Plan":"a"}`, `{"size":42.5,"plan":"b"}`, `{"size":"XL","on":"maybe","tags":["x"],"day":"monday"}`,
	} {
		h.send(fmt.Sprintf(`{"type":"identify","messageId":"m%d","userId":"u%d","traits":%s}`, i, i, traits))
		h.step()
		h.pass(idle)
		h.step()
	}
	if err := h.lake.JoinOnce(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, r := range h.rows("users") {
		got[r["customerId"]] = r
	}
	for who, want := range map[string]map[string]string{
		"u0": {"size": "42", "on": "true", "Plan": "a", "plan_2": ""},
		"u1": {"size": "42.5", "plan_2": "b", "Plan": ""},
		"u2": {"size": "XL", "on": "maybe", "tags": `["x"]`, "_day": "monday"},
	} {
		for name, v := range want {
			if got[who][name] != v {
				t.Errorf("%s: %s is %q, want %q, of %v", who, name, got[who][name], v, got[who])
			}
		}
	}
	h.close()
}

func TestOpen_RefusesALakeOfOtherData(t *testing.T) {
	t.Parallel()
	files := vfs.NewMem()
	h := open(t, memory.New(), blob.NewFolder(files, "lake", 0o755), nil)
	h.send(`{"type":"track","messageId":"1","userId":"ada","event":"x"}`)
	h.step()
	h.step()
	h.close()
	h = open(t, memory.New(), blob.NewFolder(files, "lake", 0o755), nil)
	if err := h.lake.Step(t.Context()); err == nil || !strings.Contains(err.Error(), "other data") {
		t.Errorf("error %v", err)
	}
	h.close()
}

// failing is a target that fails while it is told to.
type failing struct {
	lake.Target
	down atomic.Bool
}

func (f *failing) Put(ctx context.Context, name string, content []byte) error {
	if f.down.Load() {
		return fs.ErrPermission
	}
	return f.Target.Put(ctx, name, content)
}

func TestReadable_OnceThereIsAManifest(t *testing.T) {
	t.Parallel()
	st, target := memory.New(), &failing{Target: blob.NewFolder(vfs.NewMem(), "lake", 0o755)}
	h := open(t, st, target, nil)
	target.down.Store(true)
	if err := h.lake.Step(t.Context()); err == nil || h.lake.Readable() {
		t.Errorf("nothing could be written, yet it can be read: %v", err)
	}
	target.down.Store(false)
	h.step()
	if !h.lake.Readable() {
		t.Error("it was written, yet it cannot be read")
	}
	h.close()
	h = open(t, st, target, h.now)
	if h.lake.Readable() {
		t.Error("another lake knows before it looked")
	}
	target.down.Store(true)
	if err := h.lake.Step(t.Context()); err != nil || !h.lake.Readable() {
		t.Errorf("a manifest of before is there, yet it cannot be read: %v", err)
	}
	h.close()
}

func TestStep_LosesNothingWhileTheTargetIsDown(t *testing.T) {
	t.Parallel()
	target := &failing{Target: blob.NewFolder(vfs.NewMem(), "lake", 0o755)}
	h := open(t, memory.New(), target, nil)
	h.step()
	target.down.Store(true)
	for i := range 50 {
		h.send(fmt.Sprintf(`{"type":"track","messageId":"m%d","userId":"ada","event":"x"}`, i))
		if err := h.spine.Applied(t.Context(), h.spine.LogEnd()); err != nil {
			t.Fatal(err)
		}
		if err := h.lake.Step(t.Context()); err == nil {
			t.Fatal("it was written nowhere")
		}
		if n := h.lake.Carried(); n != 0 {
			t.Fatalf("%d bytes pile up", n)
		}
		if i == 25 {
			h.lake.Drop()
		}
	}
	target.down.Store(false)
	h.step()
	h.step()
	seen := map[string]int{}
	for _, r := range h.rows("base_events") {
		seen[r["eventId"]]++
	}
	if len(seen) != 50 || len(h.rows("base_events")) != 50 {
		t.Errorf("%d of 50 events, %d rows", len(seen), len(h.rows("base_events")))
	}
	h.close()
}
