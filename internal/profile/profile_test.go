package profile_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
)

func track(t *testing.T, message, when string) said {
	t.Helper()
	return said{Type: "track", Name: "Clicked", MessageID: message, Time: at(t, when)}
}

func computed(t fataler, partials ...*profile.Partial) profile.Computed {
	t.Helper()
	return profile.Assemble(nil, partials, profile.Options{}).Computed
}

func TestSessions_AreBridgedByALateEvent(t *testing.T) {
	t.Parallel()
	a, b := track(t, "1", "2024-05-01T10:10:00Z"), track(t, "2", "2024-05-01T10:55:00Z")
	c := computed(t, fold(t, a, b))
	if c.SessionCount != 2 || c.LastSession.Events != 1 {
		t.Fatalf("got %d sessions, the last %+v", c.SessionCount, c.LastSession)
	}
	late := track(t, "3", "2024-05-01T10:30:00Z")
	want := profile.Session{Start: a.Time, End: b.Time, Events: 3}
	for _, partials := range [][]*profile.Partial{
		{fold(t, a, b, late)}, {fold(t, late, b, a)}, {fold(t, a, b), fold(t, late)}, {fold(t, b), fold(t, late), fold(t, a)},
	} {
		if c = computed(t, partials...); c.SessionCount != 1 || *c.LastSession != want {
			t.Fatalf("got %d sessions, the last %+v, want %+v", c.SessionCount, c.LastSession, want)
		}
	}
}

func TestSessions_EndAfterMoreThanHalfAnHour(t *testing.T) {
	t.Parallel()
	a := track(t, "1", "2024-05-01T10:00:00Z")
	for _, v := range []struct {
		gap  time.Duration
		want int
	}{{profile.SessionGap, 1}, {profile.SessionGap + time.Microsecond, 2}} {
		b := a
		b.MessageID, b.Time = "2", a.Time.Add(v.gap)
		if got := computed(t, fold(t, a, b)).SessionCount; got != v.want {
			t.Errorf("%v of silence: %d sessions, want %d", v.gap, got, v.want)
		}
	}
}

func TestTick_EndsTheActiveSession(t *testing.T) {
	t.Parallel()
	a := track(t, "1", "2024-05-01T10:00:00Z")
	p := fold(t, a)
	if !computed(t, p).ActiveSession {
		t.Fatal("no session is active after an event")
	}
	due := p.Due()
	if due <= a.Time.Add(profile.SessionGap) {
		t.Fatalf("due at %s", due)
	}
	if p.Tick(due-1) || !computed(t, p).ActiveSession || p.Due() != due {
		t.Fatal("the session ended too soon")
	}
	p.AppendFull(nil)
	if !p.Tick(due) || !p.Changed() || computed(t, p).ActiveSession || p.Due() != 0 {
		t.Fatal("the session did not end")
	}
	if p.Tick(due) || p.Tick(due-5) {
		t.Fatal("the same tick changed something again")
	}
	// The end of the session stays after writing and reading.
	q := decode(t, [][]byte{fold(t, a).AppendFull(nil), p.AppendChanges(nil)}, nil)
	if computed(t, q).ActiveSession {
		t.Fatal("the session is active again")
	}
}

func TestTick_IsNotNeededForThePast(t *testing.T) {
	t.Parallel()
	if profile.New().Due() != 0 {
		t.Fatal("nothing is due where nothing happened")
	}
	old := track(t, "1", "2024-05-01T10:00:00Z")
	old.Received = at(t, "2026-05-01T10:00:00Z")
	if p := fold(t, old); p.Due() != 0 || computed(t, p).ActiveSession {
		t.Fatal("an event of long ago has an active session")
	}
}

func TestFold_RemembersTheFirstAndLatestContext(t *testing.T) {
	t.Parallel()
	with := func(message, when, context string) said {
		s := track(t, message, when)
		s.Context = raw("%s", context)
		return s
	}
	first := with("1", "2024-05-01T10:00:00Z", `{"locale":"de","campaign":{"source":"mail","name":"x"},"page":{"url":"https://shop/a","referrer":"https://news/1"}}`)
	second := with("2", "2024-05-01T10:01:00Z", `{"locale":"en","campaign":{ "name":"x", "source":"mail" },"page":{"url":"https://shop/b","referrer":"https://shop/a"},"device":{}}`)
	for _, p := range []*profile.Partial{fold(t, first, second), fold(t, second, first)} {
		c := computed(t, p)
		want := map[string]json.RawMessage{
			"locale": raw(`"de"`), "campaign": raw(`{"name":"x","source":"mail"}`), "referrer": raw(`"https://news/1"`),
		}
		if !reflect.DeepEqual(c.First, want) {
			t.Errorf("first %s, want %s", c.First, want)
		}
		want["locale"] = raw(`"en"`)
		if !reflect.DeepEqual(c.Latest, want) {
			t.Errorf("latest %s, want %s", c.Latest, want)
		}
	}
}

// Message hashes may be shared; what is said decides then, not what came first.
func TestFold_DecidesEqualStampsByTheValue(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"web", "app"} {
		a := said{Type: "identify", MessageID: "m", Time: 5_000_000, Traits: raw(`{"x":"1"}`), Context: raw(`{"locale":"de"}`)}
		b := said{Type: "identify", MessageID: "m", Time: 5_000_000, Traits: raw(`{"x":"2"}`), Context: raw(`{"locale":"en"}`), Source: source}
		want := shown(t, fold(t, a, b))
		for _, got := range []string{shown(t, fold(t, b, a)), shown(t, fold(t, a), fold(t, b)), shown(t, fold(t, b), fold(t, a))} {
			if got != want {
				t.Fatalf("got  %s\nwant %s", got, want)
			}
		}
	}
}

func TestFold_PrefersTheEventsOwnContext(t *testing.T) {
	t.Parallel()
	e := track(t, "1", "2024-05-01T10:00:00Z").event(t)
	e.Context = value(t, raw(`{"locale":"de"}`))
	e.Shared = value(t, raw(`{"locale":"en","timezone":"Europe/Berlin"}`))
	p := profile.New()
	p.Fold(e, input(e))
	want := map[string]json.RawMessage{"locale": raw(`"de"`), "timezone": raw(`"Europe/Berlin"`)}
	if got := computed(t, p).Latest; !reflect.DeepEqual(got, want) {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestFold_CollectsContactPointsAndAccounts(t *testing.T) {
	t.Parallel()
	i := said{Type: "identify", MessageID: "1", Time: 5_000_000, GroupID: "acme", Traits: raw(`{"email":" Ada@X.io ","phone":"+49 1"}`)}
	j := said{Type: "identify", MessageID: "2", Time: 9_000_000, Traits: raw(`{"email":"ada@x.io"}`)}
	c := computed(t, fold(t, j, i))
	want := []profile.ContactPoint{
		{Type: "email", Value: "ada@x.io", FirstSeen: 5_000_000, LastSeen: 9_000_000, Count: 2, Source: "web"},
		{Type: "phone", Value: "+491", FirstSeen: 5_000_000, LastSeen: 5_000_000, Count: 1, Source: "web"},
	}
	if !reflect.DeepEqual(c.ContactPoints, want) {
		t.Errorf("got %+v", c.ContactPoints)
	}
	if accounts := []profile.Sighting{{ID: "acme", FirstSeen: 5_000_000, LastSeen: 5_000_000}}; !reflect.DeepEqual(c.Accounts, accounts) {
		t.Errorf("got %+v", c.Accounts)
	}
}

func TestFold_GivesPortionsForEntitiesThatHaveABucket(t *testing.T) {
	t.Parallel()
	kinds := func(s said) string {
		e := s.event(t)
		p := profile.New()
		var out []string
		for _, c := range p.Fold(e, input(e)) {
			out = append(out, c.Kind.String()+" "+c.ID)
		}
		return strings.Join(out, ", ")
	}
	s := track(t, "1", "2024-05-01T10:00:00Z")
	if got := kinds(s); got != "" {
		t.Errorf("a plain event: %s", got)
	}
	s.Name, s.Properties = "Order Completed", raw(`{"order_id":"o","total":1}`)
	if got := kinds(s); got != "order o" {
		t.Errorf("an order: %s", got)
	}
	s.Properties = raw(`{"order_id":"o","cart_id":"c"}`)
	if got := kinds(s); got != "order o, cart c" {
		t.Errorf("an order of a cart: %s", got)
	}
	s.Name = "Product Added"
	s.Properties = raw(`{"product_id":"p"}`)
	if got := kinds(s); got != "" {
		t.Errorf("the cart nobody named: %s", got)
	}
	if got := kinds(said{Type: "group", MessageID: "1", Time: 5, GroupID: "acme"}); got != "account acme" {
		t.Errorf("a group call: %s", got)
	}
}

func TestAssemble_CountsAnOrderForItsCustomerOnly(t *testing.T) {
	t.Parallel()
	s := track(t, "1", "2024-05-01T10:00:00Z")
	s.Name, s.Properties, s.Anchor = "Order Completed", raw(`{"order_id":"o","total":10,"currency":"EUR"}`), "a"
	p := fold(t, s)
	count := func(anchor string) int {
		return profile.Assemble(seenAs(anchor), []*profile.Partial{p}, profile.Options{}).Computed.OrderCount
	}
	if count("a") != 1 || count("b") != 0 {
		t.Fatalf("a has %d orders, b %d", count("a"), count("b"))
	}
	change := catalog.Change{
		Kind: catalog.Order, ID: "o", Op: catalog.Merge, Time: s.Time + 1, ChangeID: "c", Document: []byte(`{"customer":"user_id:b"}`),
	}
	portion, err := change.Portion()
	if err != nil {
		t.Fatal(err)
	}
	p.ApplyPortion(&portion)
	if count("a") != 0 || count("b") != 1 {
		t.Fatalf("after the order moved, a has %d orders, b %d", count("a"), count("b"))
	}
}

func TestAssemble_ShowsTheDocumentedShape(t *testing.T) {
	t.Parallel()
	s := track(t, "m1", "2024-05-01T10:00:00Z")
	s.Channel = "web"
	i := said{Type: "identify", MessageID: "m2", Time: s.Time, Traits: raw(`{"plan":"pro"}`)}
	ids := []profile.IdentifierSeen{
		{Identifier: event.Identifier{Namespace: "user_id", Value: "a"}, FirstSeen: s.Time, LastSeen: s.Time},
		{Identifier: event.Identifier{Namespace: "anonymous_id", Value: "x"}, FirstSeen: s.Time, LastSeen: s.Time},
	}
	v := profile.Assemble(ids, []*profile.Partial{fold(t, s, i)}, profile.Options{
		ID: "p1", Lineage: true,
		MessageID: func(short uint64, source string, at clock.Instant) string {
			if short == id.Message("m2") && source == "web" && at == s.Time {
				return "m2"
			}
			return ""
		},
	})
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		ID          string              `json:"id"`
		Anonymous   bool                `json:"anonymous"`
		Identifiers []map[string]string `json:"identifiers"`
		Traits      map[string]string   `json:"traits"`
		Computed    map[string]any      `json:"computed"`
		Segments    []string            `json:"segments"`
		Consent     map[string]any      `json:"consent"`
		Lineage     struct {
			Traits map[string]map[string]any `json:"traits"`
		} `json:"lineage"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	at := s.Time.String()
	if got.ID != "p1" || got.Anonymous || len(got.Identifiers) != 2 || got.Identifiers[0]["namespace"] != "anonymous_id" ||
		got.Identifiers[1]["first_seen"] != at || got.Traits["plan"] != "pro" || got.Segments == nil || got.Consent == nil {
		t.Errorf("got %s", b)
	}
	if l := got.Lineage.Traits["plan"]; l["message_id"] != "m2" || l["source"] != "web" || l["time"] != at {
		t.Errorf("lineage %v", l)
	}
	if got.Computed["event_count"] != 2.0 || got.Computed["first_seen"] != at || got.Computed["order_count"] != 0.0 {
		t.Errorf("computed %v", got.Computed)
	}
	if v = profile.Assemble(ids[1:], nil, profile.Options{}); !v.Anonymous {
		t.Error("a person of whom only an anonymous id is known is not anonymous")
	}
}

func TestAppendChanges_IsSmallAfterAPlainEvent(t *testing.T) {
	t.Parallel()
	p, e, in := tenEvents(t, nil)
	p.AppendFull(nil)
	if p.Changed() {
		t.Fatal("changes are left after writing all")
	}
	next(e, &in, 99)
	p.Fold(e, in)
	if n := len(p.AppendChanges(nil)); n > 250 {
		t.Fatalf("a plain event changes %d bytes", n)
	}
}

//nolint:paralleltest // what other tests allocate would count
func TestFold_OfAKnownEventAllocatesNothing(t *testing.T) {
	e := plainEvent(t)
	in := profile.Input{Mapping: mapping, Names: profile.NewNames()}
	p := profile.New()
	p.Fold(e, in)
	// Within one half hour, so that no session begins.
	if n := testing.AllocsPerRun(100, func() { e.Time++; in.Short++; p.Fold(e, in) }); n > 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestPartial_KeepsTheNewestTraits(t *testing.T) {
	t.Parallel()
	var events []said
	for i := range profile.MaxTraits + 20 {
		events = append(events, said{
			Type: "identify", MessageID: fmt.Sprint(i), Time: clock.Instant(i+1) * 1_000, Traits: raw(`{"t%04d":1}`, (i*7)%(profile.MaxTraits+20)),
		})
	}
	p := fold(t, events...)
	v := profile.Assemble(nil, []*profile.Partial{p}, profile.Options{})
	if len(v.Traits) != profile.MaxTraits || !reflect.DeepEqual(v.Computed.Truncated, []string{"traits"}) {
		t.Fatalf("%d traits, truncated %v", len(v.Traits), v.Computed.Truncated)
	}
	if got := shown(t, fold(t, events[500:]...), fold(t, events[:500]...)); got != shown(t, p) {
		t.Fatal("another division gives other traits")
	}
	if got := decode(t, [][]byte{p.AppendFull(nil)}, nil); shown(t, got) != shown(t, p) {
		t.Fatal("reading gives other traits")
	}
}
