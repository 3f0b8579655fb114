package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/store/memory"
)

// item says what an item of the catalog is, by the API.
func item(t testing.TB, p *Pipeline, at clock.Instant, sku, body string) {
	t.Helper()
	c := Command{Kind: catalog.Item, ID: sku, Op: catalog.Put, Source: "api", Received: at, Body: []byte(body)}
	if body == "" {
		c.Op, c.Body = catalog.Delete, nil
	}
	out, err := p.Change(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.waitRecords(context.Background(), out.Receipt); err != nil {
		t.Fatal(err)
	}
}

func tellItemsNow(t testing.TB, p *Pipeline) {
	t.Helper()
	if err := p.TellItems(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func viewAt(at clock.Instant, user, sku, id string) fact {
	return fact{received: at, body: fmt.Sprintf(
		`{"type":"track","event":"Product Viewed","userId":%q,"messageId":%q,"timestamp":%q,"properties":{"product_id":%q}}`, user, id, at, sku)}
}

func defineKind(t testing.TB, p *Pipeline, kind definition.Kind, key, doc string) {
	t.Helper()
	if err := p.SegmentCheck(kind, key, []byte(doc)); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	if _, err := p.Define(context.Background(), definition.Command{
		Kind: kind, Key: key, Status: definition.Live, Document: []byte(doc), ContentType: "application/json",
	}); err != nil {
		t.Fatal(err)
	}
}

// What conditions see of items takes room from the rows, and gives it back.
func TestItems_TakeRoomFromTheRows(t *testing.T) {
	t.Parallel()
	disk, now := memory.NewDisk(), worldStart
	c := config(memory.Open(disk), 2, 16)
	p, err := Open(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	room := func() int {
		w := p.people[0]
		p.lanes[0].mu.Lock()
		defer p.lanes[0].mu.Unlock()
		w.trim()
		return w.anchors.Limit
	}
	before := room()
	const color = 2_000 // letters
	p.telling.Lock()    // the upkeep tells nobody meanwhile
	for n := range 20 {
		item(t, p, now, fmt.Sprint("s", n), fmt.Sprintf(`{"attributes":{"color":%q}}`, strings.Repeat("x", color)))
	}
	untold := before - room()
	p.telling.Unlock()
	if untold < untoldBytes || untold > 20*untoldBytes {
		t.Errorf("what is to be told takes %d bytes of a lane", untold)
	}
	tellItemsNow(t, p)
	bytes := p.items.bytes()
	if bytes < 20*color || int64(before-room()) != bytes/2 {
		t.Errorf("20 items of %d letters take %d bytes, %d of a lane's rows", color, bytes, before-room())
	}
	closeNow(t, p)
	c.Store = memory.Open(disk)
	if p, err = Open(context.Background(), c, nil); err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	if p.items.bytes() != bytes {
		t.Errorf("after a start they take %d bytes, want %d", p.items.bytes(), bytes)
	}
}

// What the catalog says of an item counts from when it says so, also for those
// who looked at the item before.
func TestItems_ChangesReachThePeopleTheyConcern(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disk := memory.NewDisk()
	now := worldStart
	reopen := func() *Pipeline {
		c := config(memory.Open(disk), 3, 16)
		c.Clock = reading(&now)
		p, err := Open(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := reopen()
	item(t, p, now, "s1", `{"attributes":{"color":"red","price":20},"dimensions":{"Category":["Shoes","Sale"],"Brand":"Acme"}}`)
	item(t, p, now, "s2", `{"attributes":{"color":"blue"},"dimensions":{"Category":"Hats"}}`)
	tellItemsNow(t, p)
	defineKind(t, p, definition.Affinity, "category", `{"dimension":"Category"}`)
	define(t, p, "red", `{"item":{"attribute":"color","value":"red"},"action":"View Item"}`)
	define(t, p, "dear", `{"item":{"attribute":"price","min":50},"action":"View Item"}`)
	define(t, p, "shoes", `{"affinity":"category","value":"Shoes","top":1}`)
	cultivated(t, p)
	var facts []fact
	for i := range 3 {
		facts = append(facts, viewAt(now, "ann", "s1", fmt.Sprint("a", i)))
	}
	facts = append(facts, viewAt(now, "ann", "s2", "a4"), viewAt(now, "bob", "s2", "b1"))
	play(t, p, facts, 2)
	is := func(ref, want string) {
		t.Helper()
		if got := strings.Join(segmentsOf(t, p, "user_id:"+ref), " "); got != want {
			t.Errorf("%s is in %q, want %q", ref, got, want)
		}
	}
	is("ann", "red")
	is("bob", "")
	// Both categories of s1 weigh the same: of equals the first by name leads.
	if v, err := p.Profile(ctx, "user_id:ann", ProfileOptions{}); err != nil || shares(t, v.Affinities["category"]) != "Sale 42.86 Shoes 42.86 Hats 14.28" && shares(t, v.Affinities["category"]) != "Sale 42.86 Shoes 42.85 Hats 14.29" {
		t.Errorf("ann likes %s, %v", shares(t, v.Affinities["category"]), err)
	}
	setClock(&now, now.Add(time.Hour))
	item(t, p, now, "s1", `{"attributes":{"color":"green","price":60},"dimensions":{"Category":"Shoes"}}`)
	item(t, p, now, "s2", `{"attributes":{"color":"red"},"dimensions":{"Category":"Hats"}}`)
	tellItemsNow(t, p)
	is("ann", "dear red shoes")
	is("bob", "red")
	closeNow(t, p)
	p = reopen()
	is("ann", "dear red shoes")
	setClock(&now, now.Add(time.Hour))
	item(t, p, now, "s1", "")
	tellItemsNow(t, p)
	is("ann", "red")
	s, err := p.PersonSegments(ctx, "user_id:ann", "dear")
	if err != nil || len(s.History) != 2 || s.History[0].Cause.Kind != causeCatalog.String() || s.History[0].Change != changeLeft {
		t.Errorf("the history is %+v, %v", s, err)
	}
	want := memberHistory(t, p, "ann", "bob")
	closeNow(t, p)
	if err := Rebuild(ctx, config(memory.Open(disk), 2, 7), nil); err != nil {
		t.Fatal(err)
	}
	p = reopen()
	is("ann", "red")
	if got := memberHistory(t, p, "ann", "bob"); got != want {
		t.Errorf("after a rebuild the history is\n%s", diff(got, want))
	}
	closeNow(t, p)
}

func shares(t testing.TB, list any) string {
	t.Helper()
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var parts []struct {
		Value string
		Share json.Number
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	var out []string
	for _, x := range parts {
		out = append(out, x.Value+" "+x.Share.String())
	}
	return strings.Join(out, " ")
}

func memberHistory(t testing.TB, p *Pipeline, people ...string) string {
	t.Helper()
	var out strings.Builder
	for _, who := range people {
		s, err := p.PersonSegments(context.Background(), "user_id:"+who, "")
		if err != nil {
			t.Fatal(err)
		}
		for k := range s.History {
			b, err := json.Marshal(s.History[k])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s %s\n", who, b)
		}
	}
	return out.String()
}

// However records are cut into batches, and whatever was committed before a
// crash, the same log gives the same memberships and the same history, changes
// of the catalog among the events included.
func TestItems_HistoryIsAFunctionOfTheLog(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	caused := 0
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 77))
		now := worldStart
		disk := memory.NewDisk()
		reopen := func(lanes, batch int) *Pipeline {
			c := config(memory.Open(disk), lanes, batch)
			c.Clock = reading(&now)
			p, err := Open(ctx, c, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := reopen(2, 5)
		defineKind(t, p, definition.Affinity, "category", `{"dimension":"category"}`)
		define(t, p, "red", `{"item":{"attribute":"color","value":"red"},"action":"View Item","within":"3h"}`)
		define(t, p, "shoes", `{"affinity":"category","value":"c1","top":1}`)
		cultivated(t, p)
		people := []string{"u0", "u1", "u2", "u3", "u4"}
		for n := range 80 {
			setClock(&now, now.Add(time.Duration(r.IntN(900))*time.Second))
			switch sku := fmt.Sprint("s", r.IntN(6)); r.IntN(4) {
			case 0:
				item(t, p, now, sku, fmt.Sprintf(`{"attributes":{"color":%q},"dimensions":{"Category":"c%d"}}`, []string{"red", "blue"}[r.IntN(2)], r.IntN(3)))
				if r.IntN(2) == 0 {
					tellItemsNow(t, p)
				}
			case 1:
				if err := p.Tick(ctx); err != nil {
					t.Fatal(err)
				}
			default:
				play(t, p, []fact{viewAt(now, people[r.IntN(len(people))], sku, fmt.Sprint("m", n))}, 1)
			}
			if n == 40 { // one that comes while the catalog changes
				define(t, p, "blue", `{"item":{"attribute":"color","value":"blue"},"action":"View Item","count":{"min":2}}`)
				cultivated(t, p)
			}
		}
		tellItemsNow(t, p)
		cultivated(t, p)
		nothingDue(t, p)
		known := people[:0:0]
		for _, who := range people {
			if _, err := p.Profile(ctx, "user_id:"+who, ProfileOptions{}); err == nil {
				known = append(known, who)
			}
		}
		want := memberHistory(t, p, known...)
		caused += strings.Count(want, `"kind":"catalog"`)
		judged := naiveItems(t, p, known)
		for _, batch := range []int{1, 7, 1000} {
			p.abandon()
			disk.Crash(0)
			p = reopen(2, batch)
			if err := p.settleAll(ctx); err != nil {
				t.Fatal(err)
			}
			if got := memberHistory(t, p, known...); got != want {
				t.Fatalf("seed %d, batches of %d: history\n%s", seed, batch, diff(got, want))
			}
			if got := naiveItems(t, p, known); got != judged {
				t.Fatalf("seed %d, batches of %d: memberships %s, were %s", seed, batch, got, judged)
			}
		}
		closeNow(t, p)
	}
	if caused < 20 {
		t.Errorf("only %d entries and exits came of the catalog", caused)
	}
	t.Logf("seeds 0 to 5, %d entries and exits that came of the catalog", caused)
}

// naiveItems lists the memberships of people, after holding each against what
// the person's whole state says when it is evaluated anew with the catalog as it
// is.
func naiveItems(t testing.TB, p *Pipeline, people []string) string {
	t.Helper()
	var out strings.Builder
	for _, who := range people {
		s, err := p.PersonSegments(context.Background(), "user_id:"+who, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range append(s.Items, s.Others...) {
			if x.Why == nil || x.Why.Holds != x.Member {
				t.Errorf("%s in %q is %t, and evaluated anew %+v", who, x.Key, x.Member, x.Why)
			}
			fmt.Fprintf(&out, "%s %s %t, ", who, x.Key, x.Member)
		}
	}
	return out.String()
}
