package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/consent"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
	judging "rapport/internal/segment/naive"
	"rapport/internal/segment/segmenttest"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
	"rapport/internal/store/postgres/pgtest"
)

// agreement is a random world in which whatever answers a condition has to give
// the same answer: the memberships kept from event to event, the columns, the
// look at people one by one, and the naive interpreter.
type agreement struct {
	t      *testing.T
	m      *segmenttest.Maker
	seed   uint64
	disk   engine
	files  vfs.FS
	p      *Pipeline
	now    atomic.Int64
	random atomic.Int64
	ids    []event.Identifier
	said   int // facts so far
	keys   []string
	defs   judging.Definitions
	items  map[string]map[string]any // the catalog as it was told
	counts agreed
}

// agreed counts what was compared, so that a world in which nothing happens
// does not pass for one in which all is right.
type agreed struct{ checks, in, merged, restarts, rebuilds, unknown, steps int }

func (a *agreed) add(b agreed) {
	a.checks, a.in, a.merged = a.checks+b.checks, a.in+b.in, a.merged+b.merged
	a.restarts, a.rebuilds, a.unknown, a.steps = a.restarts+b.restarts, a.rebuilds+b.rebuilds, a.unknown+b.unknown, a.steps+b.steps
}

func (w *agreement) at() clock.Instant { return clock.Instant(w.now.Load()) }

func (w *agreement) config() Config {
	st, err := w.disk.open(w.t.Context())
	w.must(err)
	c := config(st, 1+w.m.IntN(4), 1+w.m.IntN(20))
	c.Clock = func() time.Time { return w.at().Time() }
	c.Mappers[consent.Dialect] = consent.NewMapper(identity.DefaultRules())
	c.Random = func(b []byte) {
		clear(b)
		copy(b, fmt.Sprint(w.random.Add(1)))
	}
	if w.m.IntN(3) == 0 {
		c.HotBytes, c.CommitEvery, c.CommitRows = 1, time.Nanosecond, 1
	}
	return c
}

func (w *agreement) open() {
	w.t.Helper()
	c := w.config()
	folder, err := columns.OpenFolder(w.files, "columns")
	w.must(err)
	c.Columns = IndexOptions{Index: columns.New(0), Files: folder}
	w.p, err = Open(w.t.Context(), c, nil)
	w.must(err)
}

func (w *agreement) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("seed %d: %v", w.seed, err)
	}
}

// define makes what is asked for: an affinity, computed traits, segments that
// name them and one another.
func (w *agreement) define() {
	w.t.Helper()
	doc := fmt.Sprintf(`{"dimension":"category","property":"cat","half_life":"%dh","weights":[{"when":{"event":"Order Completed"},"points":50},{"when":{"event":"B"},"points":1,"seconds":"price"},{"when":{"event":"*"},"points":3}]}`, 1+w.m.IntN(400))
	defineKind(w.t, w.p, definition.Affinity, "likes", doc)
	likes, err := segment.ReadAffinity("likes", []byte(doc))
	w.must(err)
	judge := &judging.Affinity{Dimension: likes.Dimension, Said: likes.Said, HalfLife: likes.HalfLife}
	for _, x := range likes.Weights {
		judge.Weights = append(judge.Weights, judging.Weight(x))
	}
	w.defs.Affinities["likes"], w.m.Affinities = judge, []string{"likes"}
	for i := range 3 {
		w.trait(fmt.Sprint("t", i))
	}
	for i := range 6 {
		w.segment(fmt.Sprint("s", i))
	}
	cultivated(w.t, w.p)
}

func (w *agreement) trait(key string) {
	w.t.Helper()
	doc := `{"value":` + w.m.TraitDoc() + `}`
	defineKind(w.t, w.p, definition.ComputedTrait, key, doc)
	d, err := segment.ReadTrait(key, []byte(doc))
	w.must(err)
	if w.defs.Traits[key] == nil {
		w.m.Traits = append(w.m.Traits, key)
	}
	w.defs.Traits[key] = d.Value
}

// segment makes one, or another version of one. It names segments before it
// alone, so that none names itself.
func (w *agreement) segment(key string) {
	w.t.Helper()
	w.m.Segments = nil
	for _, k := range w.keys {
		if k < key {
			w.m.Segments = append(w.m.Segments, k)
		}
	}
	text := w.m.Condition(3)
	define(w.t, w.p, key, text)
	n, err := condition.Read([]byte(text))
	w.must(err)
	if w.defs.Segments[key] == nil {
		w.keys = append(w.keys, key)
	}
	w.defs.Segments[key] = n
}

func (w *agreement) know(namespace, value string) string {
	i := event.Identifier{Namespace: namespace, Value: value}
	if !slices.Contains(w.ids, i) {
		w.ids = append(w.ids, i)
	}
	return value
}

// say hands over what happens: by people known and unknown, on devices that
// they share, now or in the past.
func (w *agreement) say() {
	w.t.Helper()
	m, now := w.m, w.at()
	var facts []fact
	for range 1 + m.IntN(4) {
		w.said++
		at := now - clock.Instant(m.Int64N(int64(time.Hour/time.Microsecond))) + 60e6
		if m.IntN(2) == 0 {
			at = min(at, clock.From(segmenttest.Spring)+clock.Instant(m.Int64N(int64(segmenttest.Stretch/time.Microsecond))))
		}
		doc := map[string]any{"messageId": fmt.Sprint("m", w.said), "timestamp": at.String(), "type": "track"}
		if m.IntN(3) > 0 {
			doc["anonymousId"] = w.know(event.AnonymousID, fmt.Sprint("dev", m.IntN(5)))
		}
		if doc["anonymousId"] == nil || m.IntN(3) == 0 {
			doc["userId"] = w.know(event.UserID, fmt.Sprint("user", m.IntN(4)))
		}
		if m.IntN(3) == 0 {
			doc["context"] = json.RawMessage(segmenttest.Pick(m.Rand, `{"device":{"type":"mobile"},"locale":"de-DE"}`,
				`{"campaign":{"source":"ads"}}`, `{"location":{"country":"DE"},"device":{"type":"desktop"}}`))
		}
		if m.IntN(4) == 0 {
			traits := m.UserTraits()
			if m.IntN(3) == 0 && doc["userId"] != nil {
				email := w.know(event.Email, fmt.Sprintf("p%d@example.org", m.IntN(4)))
				traits = strings.Replace(traits, "{", `{"email":"`+email+`",`, 1)
				traits = strings.Replace(traits, ",}", "}", 1)
			}
			doc["type"], doc["traits"] = "identify", json.RawMessage(traits)
		} else {
			name := segmenttest.Pick(m.Rand, "A", "A", "B", "C", "Order Completed", "Order Cancelled")
			doc["event"], doc["properties"] = name, json.RawMessage(m.Properties(name, w.orderOf(doc["userId"])))
		}
		body, err := json.Marshal(doc)
		w.must(err)
		f := fact{received: now, body: string(body), kind: event.TypeOf(doc["type"].(string))}
		if facts = append(facts, f); m.IntN(8) == 0 {
			facts = append(facts, f) // a copy
		}
	}
	play(w.t, w.p, facts, 1+m.IntN(5))
}

// orderOf numbers orders: users tell of theirs again and again, and of what
// nobody is named for once. Orders that several people tell of are tested with
// the entities.
func (w *agreement) orderOf(user any) int {
	const each = 3
	for i := range each + 1 {
		if user == fmt.Sprint("user", i) {
			return each*i + w.m.IntN(each)
		}
	}
	return 1000 + w.said
}

func (w *agreement) item() {
	w.t.Helper()
	sku := fmt.Sprint("i", 1+w.m.IntN(4))
	if w.m.IntN(6) == 0 {
		if w.items[sku] != nil {
			item(w.t, w.p, w.at(), sku, "")
		}
		delete(w.items, sku)
		return
	}
	attributes := segmenttest.Pick(w.m.Rand, `{"category":"Shoes","size":41}`, `{"category":["Hats","Shoes"],"size":39}`, `{"category":"Hats"}`, `{"size":44}`)
	item(w.t, w.p, w.at(), sku, `{"attributes":`+attributes+`}`)
	d := json.NewDecoder(strings.NewReader(attributes))
	d.UseNumber()
	if w.items[sku] == nil {
		w.items[sku] = map[string]any{}
	}
	said := map[string]any{}
	w.must(d.Decode(&said))
	w.items[sku] = said
}

func (w *agreement) consent() {
	w.t.Helper()
	if len(w.ids) == 0 {
		return
	}
	r, err := w.p.SetConsent(w.t.Context(), ConsentCommand{
		Ref: segmenttest.Pick(w.m.Rand, w.ids...).String(), Source: "api",
		Purposes: []ConsentWord{{Purpose: segmenttest.Pick(w.m.Rand, "ads", "mail"), Status: segmenttest.Pick(w.m.Rand, consent.Granted, consent.Denied)}},
	})
	w.must(err)
	w.must(w.p.WaitApplied(w.t.Context(), r))
}

// unmerge takes people apart, or forbids that they are joined.
func (w *agreement) unmerge() {
	w.t.Helper()
	if len(w.ids) < 2 {
		return
	}
	a, b := segmenttest.Pick(w.m.Rand, w.ids...), segmenttest.Pick(w.m.Rand, w.ids...)
	if a == b {
		return
	}
	_, r, err := w.p.SayIdentity(w.t.Context(), FactCommand{Op: segmenttest.Pick(w.m.Rand, identity.Ignore, identity.CannotLink, identity.MustLink), A: a, B: &b, Actor: "test"})
	if fault.KindOf(err) == fault.Conflict || fault.KindOf(err) == fault.Invalid {
		return
	}
	w.must(err)
	w.must(w.p.WaitApplied(w.t.Context(), r))
}

func (w *agreement) step() {
	w.t.Helper()
	switch n := w.m.IntN(100); {
	case n < 50:
		w.say()
	case n < 70:
		w.now.Add(w.m.Int64N(int64(segmenttest.Pick(w.m.Rand, time.Hour, 30*time.Hour, 9*24*time.Hour) / time.Microsecond)))
		if w.m.IntN(2) == 0 {
			w.must(w.p.Tick(w.t.Context()))
		}
	case n < 77:
		w.item()
	case n < 83:
		w.consent()
	case n < 86:
		w.unmerge()
	case n < 88:
		w.segment(segmenttest.Pick(w.m.Rand, w.keys...))
		cultivated(w.t, w.p)
	case n < 90:
		w.trait(segmenttest.Pick(w.m.Rand, w.m.Traits...))
		cultivated(w.t, w.p)
	case n < 94:
		w.restart()
	default:
		w.check("on the way")
	}
}

func (w *agreement) restart() {
	w.t.Helper()
	w.counts.restarts++
	if w.m.IntN(2) == 0 {
		closeNow(w.t, w.p)
		w.disk.close()
	} else {
		w.p.abandon()
		w.disk.crash(w.m.Rand)
	}
	if w.m.IntN(4) == 0 {
		w.files = vfs.NewMem() // the images are lost
	}
	w.open()
	if w.m.IntN(2) == 0 {
		w.check("after a restart")
	}
}

func (w *agreement) rebuild() {
	w.t.Helper()
	w.counts.rebuilds++
	closeNow(w.t, w.p)
	w.disk.close()
	w.must(Rebuild(w.t.Context(), w.config(), nil))
	w.disk.close()
	w.open()
}

// someone is a person as the judge is told of it.
type someone struct {
	home  id.Key
	facts *judging.Facts
	view  *profile.View
}

// everyone gives all people with all that is known of them, put together from
// the log.
func (w *agreement) everyone() []someone {
	w.t.Helper()
	var out []someone
	seen := map[string]bool{}
	for _, i := range w.ids {
		v, err := w.p.Profile(w.t.Context(), i.String(), ProfileOptions{})
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		w.must(err)
		if seen[v.ID] {
			continue
		}
		seen[v.ID] = true
		members, err := w.p.members(w.t.Context(), i.Key())
		w.must(err)
		x := someone{home: i.Key(), view: v, facts: w.facts(i.String(), v)}
		if len(members) > 0 {
			x.home = members[0].Key()
		}
		if len(members) > 1 {
			w.counts.merged++
		}
		out = append(out, x)
	}
	return out
}

func (w *agreement) facts(ref string, v *profile.View) *judging.Facts {
	w.t.Helper()
	ctx := w.t.Context()
	f := &judging.Facts{
		View: v, Consent: map[string]string{}, Mapping: func(string) *catalog.Mapping { return testMapping },
		Item: func(id, attribute string) any { return w.items[id][attribute] },
	}
	said, err := w.p.Consent(ctx, ref)
	w.must(err)
	for _, x := range said.Now {
		if x.Channel == "" {
			f.Consent[x.Purpose] = map[bool]string{true: "granted", false: "denied"}[x.Status == consent.Granted]
		}
	}
	who, err := w.p.gather(ctx, ref)
	w.must(err)
	entries, err := w.p.entries(ctx, who)
	w.must(err)
	orders := map[string]*catalog.Entity{}
	for i := range entries {
		rec, err := w.p.store.Log().At(ctx, store.Position(entries[i].Position))
		w.must(err)
		e, err := w.p.decode(rec.Payload)
		w.must(err)
		// What was decoded lives as long as the next.
		e.Properties, e.Context, e.Traits = w.own(e.Properties), w.own(e.Context), w.own(e.Traits)
		f.Events = append(f.Events, e)
		portions := testMapping.PortionsOf(e, catalog.Stamp{Time: e.Time, Priority: 1, Short: entries[i].Short})
		for k := range portions {
			p := &portions[k]
			if p.Kind != catalog.Order {
				continue
			}
			if orders[p.ID] == nil {
				orders[p.ID] = catalog.NewEntity(catalog.Order, p.ID)
			}
			orders[p.ID].Apply(p)
		}
	}
	for _, o := range orders {
		x := w.order(o)
		// What was bought on a device that others use too is nobody's order.
		x.Cancelled = x.Cancelled || !slices.ContainsFunc(v.Identifiers, func(i profile.IdentifierSeen) bool { return i.Identifier == o.Customer() })
		f.Orders = append(f.Orders, x)
	}
	return f
}

func (w *agreement) own(v jsondoc.Value) jsondoc.Value {
	if !v.Exists() {
		return v
	}
	d, err := jsondoc.Parse(slices.Clone(v.Raw()), jsondoc.Limits{})
	w.must(err)
	return d.Root()
}

func (w *agreement) order(o *catalog.Entity) judging.Order {
	v := o.View(nil).(*catalog.OrderView)
	money := o.Money(nil)
	out := judging.Order{ID: o.ID, Status: v.Status, Currency: v.Currency, Total: v.Total.String(), Cancelled: !money.Counts(), Time: money.Time}
	d := json.NewDecoder(strings.NewReader(string(v.Lines)))
	d.UseNumber()
	if len(v.Lines) > 0 {
		w.must(d.Decode(&out.Lines))
	}
	return out
}

// check holds all answers against one another, once nothing is due.
func (w *agreement) check(when string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(w.p.TellItems(ctx))
	nothingDue(w.t, w.p)
	w.must(w.p.tendIndex(ctx, func(time.Duration) {}))
	people := w.everyone()
	sizes, now := w.p.SegmentSizes(), w.at()
	for _, key := range w.keys {
		var want []id.Key
		for _, x := range people {
			w.counts.checks++
			holds := judging.Holds(w.defs.Segments[key], &w.defs, x.facts, now)
			if holds {
				want = append(want, x.home)
				w.counts.in++
			}
			if in := slices.Contains(x.view.Segments, key); in != holds {
				w.fail(when, key, fmt.Sprintf("%s is in: %t, and should be: %t", x.view.ID, in, holds), &x)
			}
		}
		if sizes[key] != int64(len(want)) {
			w.fail(when, key, fmt.Sprintf("its size is %d, want %d", sizes[key], len(want)), nil)
		}
		w.counted(when, key, want, people)
	}
}

// counted holds the columns, and the look at people one by one, against who is
// in a segment.
func (w *agreement) counted(when, key string, want []id.Key, people []someone) {
	w.t.Helper()
	n := w.defs.Segments[key]
	var yes, unknown []id.Key
	x, _ := w.p.Columns()
	plan := w.p.columnPlan(n, w.at())
	w.must(x.Matches(w.t.Context(), plan, func(y, u []id.Key) error {
		yes, unknown = append(yes, y...), append(unknown, u...)
		return nil
	}))
	w.counts.unknown += len(unknown)
	for _, k := range yes {
		if !slices.Contains(want, k) {
			w.fail(when, key, fmt.Sprintf("the columns have %s in it", k), nil)
		}
	}
	for _, k := range want {
		if !slices.Contains(yes, k) && !slices.Contains(unknown, k) {
			w.fail(when, key, fmt.Sprintf("the columns do not have %s in it", k), nil)
		}
	}
	v, err := w.p.Preview(w.t.Context(), n, PreviewOptions{Exact: true})
	w.must(err)
	if v.Total != len(want) || v.People != len(people) || !v.Exact || v.Coverage != 1 {
		w.fail(when, key, fmt.Sprintf("the preview says %d of %d (exact %t), want %d of %d", v.Total, v.People, v.Exact, len(want), len(people)), nil)
	}
	w.stepped(when, key, v, people)
	if when != "at the end" && when != "after a rebuild" {
		return
	}
	w.exported(when, key, len(want))
	c, err := w.p.PreviewCount(w.t.Context(), w.p.counts.ask(n).ID, time.Minute)
	w.must(err)
	if c.State != countDone || *c.Total != len(want) || c.People != len(people) || c.Position != c.UpTo {
		w.fail(when, key, fmt.Sprintf("the count in the background is %+v, want %d of %d", c, len(want), len(people)), nil)
	}
}

// stepped holds the waterfall and the overlaps of a preview against the naive
// interpreter.
func (w *agreement) stepped(when, key string, v *Preview, people []someone) {
	w.t.Helper()
	n := w.defs.Segments[key]
	for i, s := range v.Steps {
		left := 0
		for _, x := range people {
			if !slices.ContainsFunc(n.Nodes[:i+1], func(part *condition.Node) bool {
				return !judging.Holds(part, &w.defs, x.facts, w.at())
			}) {
				left++
			}
		}
		w.counts.steps++
		if s.Total != left || !s.Exact || s.AtLeast > left || s.AtMost < left {
			w.fail(when, key, fmt.Sprintf("step %d of the preview is %+v, want %d", i, s, left), nil)
		}
	}
	if n.Kind == condition.All && len(v.Steps) != len(n.Nodes) {
		w.fail(when, key, fmt.Sprintf("the preview has %d steps, want %d", len(v.Steps), len(n.Nodes)), nil)
	}
	for _, o := range v.Overlap {
		both := 0
		for _, x := range people {
			if slices.Contains(x.view.Segments, key) && slices.Contains(x.view.Segments, o.Segment) {
				both++
			}
		}
		if o.Total != both || !o.Exact {
			w.fail(when, key, fmt.Sprintf("the overlap is %+v, want %d", o, both), nil)
		}
	}
}

// exported holds what an export has of the members of a segment against their
// profiles as they are read one by one.
func (w *agreement) exported(when, key string, want int) {
	w.t.Helper()
	seen := 0
	for cursor, more := "", true; more; {
		page, err := w.p.SegmentProfiles(w.t.Context(), key, cursor, 2, true)
		w.must(err)
		for i := range page.Items {
			m := &page.Items[i]
			v, err := w.p.Profile(w.t.Context(), m.ID, ProfileOptions{})
			w.must(err)
			v.Segments = m.Profile.Segments
			got, err := json.Marshal(m.Profile)
			w.must(err)
			one, err := json.Marshal(v)
			w.must(err)
			if string(got) != string(one) {
				w.fail(when, key, "the export of "+m.ID+" has\n"+diff(string(got), string(one)), nil)
			}
			seen++
		}
		cursor, more = page.Next, page.Next != ""
	}
	if seen != want {
		w.fail(when, key, fmt.Sprintf("the export has %d people, want %d", seen, want), nil)
	}
}

func (w *agreement) fail(when, key, what string, x *someone) {
	w.t.Helper()
	text := ""
	if x != nil {
		for _, e := range x.facts.Events {
			text += fmt.Sprintf("%s %v received %v %s %s %s %s traits %s\n", e.Anchor(), e.Time, e.ReceivedAt, e.Type, e.Name, e.Channel, e.Properties.Raw(), e.Traits.Raw())
		}
		s, err := w.p.PersonSegments(w.t.Context(), x.view.ID, key)
		why, _ := json.Marshal(s) // told for a person to read
		text += fmt.Sprintf("%s %v\n", why, err)
		known, _ := json.Marshal(x.view)
		members, shared, _ := w.p.graphPerson(w.t.Context(), x.home)
		text += fmt.Sprintf("%s\nmembers %v, shared %v\n", known, members, shared)
	}
	for key, n := range w.defs.Traits {
		text += key + " " + n.Canonical() + "\n"
	}
	w.t.Fatalf("seed %d, %s, at %v: %s: %s\n%s\n%s", w.seed, when, w.at(), key, what, w.defs.Segments[key].Canonical(), text)
}

// Whatever comes, in whatever order, whoever is joined and taken apart, however
// time passes: who is in a segment is whom the naive interpreter finds, whom the
// columns count and whom a look at everybody finds, before and after restarts,
// crashes and a rebuild. RAPPORT_SEED repeats one world.
func TestSegments_AgreeHoweverTheyAreAnswered(t *testing.T) {
	t.Parallel()
	agree(t, 1, 8, func(*testing.T) engine { return memoryEngine{memory.NewDisk()} })
}

func TestSegments_AgreeOnEmbedded(t *testing.T) {
	t.Parallel()
	agree(t, 3, 2, func(*testing.T) engine { return &embeddedEngine{fs: vfs.NewCrashableMem()} })
}

func TestSegments_AgreeOnPostgres(t *testing.T) {
	t.Parallel()
	server := pgtest.For(t)
	agree(t, 7, 1, func(t *testing.T) engine { return &postgresEngine{address: server.Address(t)} })
}

// agree plays worlds on an engine, from a seed on; in a soak more.
func agree(t *testing.T, first uint64, everyday int, on func(*testing.T) engine) {
	t.Helper()
	var all agreed
	n := soak.Worlds(everyday)
	if s, err := strconv.ParseUint(os.Getenv("RAPPORT_SEED"), 10, 64); err == nil {
		first, n = s, 1
	}
	for seed := first; seed < first+uint64(n); seed++ {
		w := newAgreement(t, seed, on(t))
		w.open()
		early := w.m.IntN(2) == 0
		if early {
			w.define()
		}
		for range 10 + w.m.IntN(20) {
			w.say()
		}
		if !early {
			w.define()
		}
		for range 40 {
			w.step()
		}
		w.check("at the end")
		w.rebuild()
		w.check("after a rebuild")
		closeNow(t, w.p)
		w.disk.close()
		all.add(w.counts)
	}
	t.Logf("seeds %d to %d: %+v", first, first+uint64(n)-1, all)
	if soak.Raced && !soak.Long() {
		return // one world may be quiet
	}
	if all.in < 20*n || all.merged < n || all.restarts < n/2 || all.in > all.checks*3/4 {
		t.Errorf("the worlds are too quiet: %+v", all)
	}
}

func newAgreement(t *testing.T, seed uint64, on engine) *agreement {
	t.Helper()
	w := &agreement{
		t: t, m: segmenttest.New(seed), seed: seed, disk: on, files: vfs.NewMem(), items: map[string]map[string]any{},
		defs: judging.Definitions{Segments: map[string]*condition.Node{}, Traits: map[string]*condition.Node{}, Affinities: map[string]*judging.Affinity{}},
	}
	w.now.Store(int64(clock.From(segmenttest.Spring).Add(time.Duration(w.m.Int64N(int64(segmenttest.Stretch / 2))))))
	return w
}
