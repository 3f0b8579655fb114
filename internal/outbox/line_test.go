package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// spine is a log and its rows in memory: what lines need of a pipeline.
type spine struct {
	mu      sync.Mutex
	log     []pipeline.Effect
	rows    map[effect.Place]store.Position
	unread  map[effect.Place]store.Position // rows that are not there yet: lanes come to them in their own time
	results map[string][]effect.Outcome
	denied  atomic.Bool
	index   atomic.Pointer[definition.Index]
	docs    map[string][]byte
	planned chan []effect.Plan
	news    chan struct{}
	purged  []string       // destinations, each with the instant before which deliveries are forgotten
	erased  string         // nobody knows anything of this person any more
	passed  store.Position // of the last entry or exit of anybody
	reading func()         // is called when somebody is read; nil: nobody waits for it
	noting  func()         // is called before results are in the log; nil: nobody waits for it
}

func newSpine() *spine {
	s := &spine{
		rows: map[effect.Place]store.Position{}, unread: map[effect.Place]store.Position{}, results: map[string][]effect.Outcome{}, docs: map[string][]byte{},
		planned: make(chan []effect.Plan, 1), news: make(chan struct{}, 1),
	}
	s.index.Store(&definition.Index{})
	return s
}

func (s *spine) Planned(ctx context.Context) ([]effect.Plan, error) {
	select {
	case p := <-s.planned:
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *spine) KeepEffects(_ context.Context, list []pipeline.Effect, _ ...*pipeline.Reservation) ([]store.Position, error) {
	if s.noting != nil && list[0].Op == effect.OpResult {
		s.noting()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]store.Position, len(list))
	for i, e := range list {
		s.log = append(s.log, e)
		out[i] = store.Position(len(s.log))
		m := message{Effect: e}
		switch {
		case e.Op == effect.OpSend:
			s.unread[m.place()] = out[i]
		case e.Op == effect.OpResult && e.Outcome.Final():
			delete(s.rows, m.place())
			delete(s.unread, m.place())
			fallthrough
		case e.Op == effect.OpResult:
			s.results[e.ID] = append(s.results[e.ID], e.Outcome)
		}
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
	return out, nil
}

func (s *spine) Release(*pipeline.Reservation) {}

func (s *spine) ForgetFarewells(_ context.Context, ids ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.log {
		if slices.Contains(ids, s.log[i].ID) {
			s.log[i] = pipeline.Effect{Fact: effect.Fact{Op: s.log[i].Op, Person: "forgotten"}}
		}
	}
	return nil
}

func (s *spine) ExpireFarewells(context.Context) (int, error) { return 0, nil }

func (s *spine) ToSend(_ context.Context, key string, after effect.Place, _ bool) ([]pipeline.Message, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, at := range s.unread {
		if rand.IntN(2) == 0 {
			s.rows[p] = at
			delete(s.unread, p)
		}
	}
	var out []pipeline.Message
	for p, at := range s.rows {
		if p.Compare(after) > 0 && s.log[at-1].Destination == key {
			out = append(out, pipeline.Message{Place: p, Sent: at})
		}
	}
	slices.SortFunc(out, func(a, b pipeline.Message) int { return a.Place.Compare(b.Place) })
	if len(out) > 700 {
		return out[:700], true, nil
	}
	return out, false, nil
}

func (s *spine) EffectAt(_ context.Context, at store.Position) (pipeline.Effect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.log[at-1]; s.erased == "" || e.Person != s.erased {
		return e, nil
	}
	return pipeline.Effect{}, store.ErrErased
}

func (s *spine) Subject(context.Context, id.Key, bool, []pipeline.Use) (*pipeline.Subject, error) {
	if s.reading != nil {
		s.reading()
	}
	return &pipeline.Subject{View: &profile.View{ID: "p"}, Permission: &pipeline.Permission{Allowed: !s.denied.Load(), Reason: "denied"}}, nil
}

func (s *spine) Told(_ context.Context, asked []effect.Fact) ([]string, error) {
	return make([]string, len(asked)), nil
}

func (s *spine) PassedSince(_ context.Context, _ id.Key, _ string, at store.Position) (bool, error) {
	return at < s.passed, nil
}

func (s *spine) EventAt(context.Context, store.Position) (*event.Event, error) {
	return nil, store.ErrErased
}

func (s *spine) ToldNow(ctx context.Context, asked []effect.Fact) ([]string, error) {
	return s.Told(ctx, asked)
}

func (s *spine) ProfileIDOf(event.Identifier) string { return "" }

func (s *spine) SegmentState(definition.Kind, string) pipeline.SegmentState {
	return pipeline.SegmentState{Version: 1}
}

func (s *spine) Responses(context.Context, string) (*effect.Responses, error) {
	return &effect.Responses{}, nil
}

func (s *spine) EffectCounts() map[string]map[string]int64 { return nil }

func (s *spine) Deliveries(context.Context, pipeline.DeliveryQuery) (pipeline.Page[pipeline.Delivery], error) {
	return pipeline.Page[pipeline.Delivery]{}, nil
}

func (s *spine) Delivery(context.Context, string, string) (pipeline.Delivery, error) {
	return pipeline.Delivery{}, fault.Errorf(fault.NotFound, "none", "none")
}

func (s *spine) PurgeDeliveries(_ context.Context, key string, before clock.Instant) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purged = append(s.purged, fmt.Sprint(key, " ", before))
	return len(s.purged), nil
}

func (s *spine) Applied(_ context.Context, upTo store.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, at := range s.unread {
		if at <= upTo {
			s.rows[p] = at
			delete(s.unread, p)
		}
	}
	return nil
}

func (s *spine) Definitions() *definition.Index { return s.index.Load() }

func (s *spine) Definition(_ context.Context, kind definition.Kind, key string, _ int) (definition.Definition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return definition.Definition{Document: s.docs[string(kind)+key]}, nil
}

func (s *spine) Define(_ context.Context, c definition.Command) (pipeline.Defined, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Time = 1
	f, err := s.index.Load().Get(c.Kind, c.Key).Decide(c)
	if err != nil {
		return pipeline.Defined{}, err
	}
	series, _, err := s.index.Load().Get(c.Kind, c.Key).Apply(&f)
	s.docs[string(c.Kind)+c.Key] = c.Document
	s.index.Store(s.index.Load().With(series))
	return pipeline.Defined{}, err
}

func (s *spine) AnchorOf(context.Context, string) (id.Key, error) { return id.Key{}, nil }

func (s *spine) End() store.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return store.Position(len(s.log))
}

func (s *spine) SegmentMembers(context.Context, string, string, int) (pipeline.Page[pipeline.SegmentMember], error) {
	return pipeline.Page[pipeline.SegmentMember]{}, nil
}

func (s *spine) ToldPeople(context.Context, string, string, string, func(string) error) error {
	return nil
}

// sink answers as a test says.
type sink struct {
	limits destination.Limits
	answer func(ctx context.Context, batch []destination.Message) []destination.Result
}

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	return s.answer(ctx, batch)
}
func (s *sink) Limits() destination.Limits { return s.limits }
func (s *sink) Close() error               { return nil }

// rig is an outbox over a spine in memory, with one sink for each destination.
type rig struct {
	*Outbox
	*spine
	sinks map[string]*sink
}

func newRig(t *testing.T, sinks map[string]*sink) *rig {
	t.Helper()
	r := &rig{spine: newSpine(), sinks: sinks}
	var seq atomic.Int64
	r.Outbox = New(Deps{
		Spine: r.spine, Clock: time.Now, Random: func(b []byte) { clear(b) },
		Types: map[string]destination.Type{"test": {Name: "test", Open: func(_ context.Context, settings json.RawMessage, _ destination.Env) (destination.Sink, error) {
			var s struct{ Name string }
			if err := json.Unmarshal(settings, &s); err != nil {
				return nil, err
			}
			return r.sinks[s.Name], nil
		}}},
		Env:  func(string) destination.Env { seq.Add(1); return destination.Env{} },
		Pace: Pace{First: time.Millisecond, Longest: 4 * time.Millisecond, Look: 5 * time.Millisecond, Grace: time.Second},
	})
	return r
}

func (r *rig) define(t *testing.T, key, more string) {
	t.Helper()
	doc := fmt.Sprintf(`{"type":"test","events":{},"settings":{"Name":%q}%s}`, key, more)
	if _, err := effect.Read([]byte(doc)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Define(t.Context(), definition.Command{Kind: definition.Destination, Key: key, Status: definition.Live, Document: []byte(doc)}); err != nil {
		t.Fatal(err)
	}
	r.look()
}

// send puts messages into the log and hands them to their line.
func (r *rig) send(t *testing.T, key string, from, n, people int) {
	t.Helper()
	l := r.line(key)
	for i := from; i < from+n; i++ {
		f := effect.Fact{Op: effect.OpSend, Destination: key, Position: uint64(i + 1), Person: fmt.Sprint("p", i%people), As: effect.Event, When: clock.From(time.Now()), Payload: json.RawMessage(`{}`)}
		f.SetID([16]byte{byte(i >> 16), byte(i >> 8), byte(i)})
		at, err := r.KeepEffects(t.Context(), []pipeline.Effect{{Fact: f}})
		if err != nil {
			t.Fatal(err)
		}
		l.push(&message{Effect: pipeline.Effect{Fact: f}, sent: at[0], checked: f.When})
	}
}

// until waits until something is so.
func (r *rig) until(t *testing.T, what string, so func() bool) {
	t.Helper()
	every, limit := time.NewTicker(time.Millisecond), time.NewTimer(30*time.Second)
	defer every.Stop()
	defer limit.Stop()
	for !so() {
		select {
		case <-every.C:
		case <-r.news:
		case <-limit.C:
			t.Fatal("waited too long: " + what)
		}
	}
}

// sendsIn counts the messages in the log.
func (r *rig) sendsIn() (n int) {
	r.spine.mu.Lock()
	defer r.spine.mu.Unlock()
	for _, e := range r.log {
		if e.Op == effect.OpSend {
			n++
		}
	}
	return n
}

func (r *rig) finals() (n int) {
	r.spine.mu.Lock()
	defer r.spine.mu.Unlock()
	for _, list := range r.results {
		for _, o := range list {
			if o.Final() {
				n++
			}
		}
	}
	return n
}

// A sink that gathers is called once for what comes close together, and at once
// where enough is there.
func TestLine_GathersWhatComesCloseTogether(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sizes []int
	s := &sink{limits: destination.Limits{Batch: 50, Concurrency: 1, Gather: 300 * time.Millisecond}}
	s.answer = func(_ context.Context, batch []destination.Message) []destination.Result {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(batch))
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}
	r := newRig(t, map[string]*sink{"a": s})
	r.define(t, "a", "")
	r.Start()
	defer r.Close()
	r.send(t, "a", 0, 1, 1000) // the line begins
	r.until(t, "the first", func() bool { return r.finals() == 1 })
	r.send(t, "a", 1, 120, 1000)
	r.until(t, "all", func() bool { return r.finals() == 121 })
	mu.Lock()
	defer mu.Unlock()
	if len(sizes) > 6 {
		t.Errorf("121 messages took calls of %v", sizes)
	}
}

// TestLine_DeliversEachOnceInTheOrderOfItsPerson lets a sink answer at random,
// with far more messages than fit into memory.
func TestLine_DeliversEachOnceInTheOrderOfItsPerson(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		const n, people = 2*queueMessages + 300, 97
		rnd := rand.New(rand.NewPCG(seed, 7))
		var mu sync.Mutex
		last, flying := map[string]int{}, map[string]bool{}
		delivered := 0
		s := &sink{limits: destination.Limits{Batch: 1 + int(seed)*3, Concurrency: 6}}
		s.answer = func(_ context.Context, batch []destination.Message) []destination.Result {
			out := make([]destination.Result, len(batch))
			mu.Lock()
			defer mu.Unlock()
			for i, m := range batch {
				if flying[m.Person] {
					t.Errorf("seed %d: two messages of %s are on their way", seed, m.Person)
				}
				flying[m.Person] = true
				switch rnd.IntN(12) {
				case 0:
					out[i] = destination.Result{Outcome: destination.Retry, Reason: "busy"}
				default:
					out[i] = destination.Result{Outcome: destination.Delivered}
					at := positionOf(m.ID)
					if at <= last[m.Person] && last[m.Person] != 0 {
						t.Errorf("seed %d: %s is told of %d after %d", seed, m.Person, at, last[m.Person])
					}
					last[m.Person] = at
					delivered++
				}
			}
			for _, m := range batch {
				delete(flying, m.Person)
			}
			return out
		}
		r := newRig(t, map[string]*sink{"crm": s})
		r.define(t, "crm", `,"stop_at":100000000`)
		r.Start()
		r.send(t, "crm", 0, n, people)
		r.until(t, "all are delivered", func() bool { return r.finals() >= n })
		r.Close()
		mu.Lock()
		if delivered != n || len(r.rows)+len(r.unread) != 0 {
			t.Errorf("seed %d: %d delivered, %d left, want %d", seed, delivered, len(r.rows), n)
		}
		mu.Unlock()
		for key, list := range r.results {
			if list[len(list)-1] != effect.Delivered || slices.ContainsFunc(list[:len(list)-1], effect.Outcome.Final) {
				t.Errorf("seed %d: %s came to %v", seed, key, list)
			}
		}
	}
}

func positionOf(messageID string) int {
	var a, b, c int
	_, _ = fmt.Sscanf(messageID, "%02x%02x%02x", &a, &b, &c)
	return a<<16 | b<<8 | c + 1
}

// A destination that hangs takes nothing from another.
func TestLine_AHangingDestinationDelaysNobody(t *testing.T) {
	t.Parallel()
	hang := &sink{limits: destination.Limits{Timeout: time.Hour}, answer: func(ctx context.Context, batch []destination.Message) []destination.Result {
		<-ctx.Done()
		return destination.Same(len(batch), destination.Result{Outcome: destination.Retry})
	}}
	good := &sink{answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}}
	r := newRig(t, map[string]*sink{"hangs": hang, "good": good})
	r.define(t, "hangs", `,"stop_at":100000000`)
	r.define(t, "good", `,"stop_at":100000000`)
	r.Start()
	r.send(t, "hangs", 0, queueMessages+500, 1000)
	r.send(t, "good", 1<<17, 1000, 50)
	r.until(t, "the good one has all", func() bool { return r.finals() == 1000 })
	r.Pace.Grace = time.Millisecond
	r.Close()
	if len(r.rows)+len(r.unread) != queueMessages+500 {
		t.Errorf("%d wait for the one that hangs", len(r.rows))
	}
}

func TestLine_LeavesAloneWhoDoesNotAnswerAndComesBack(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var calls atomic.Int64
	down.Store(true)
	s := &sink{answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		calls.Add(1)
		if down.Load() {
			return destination.Same(len(batch), destination.Result{Outcome: destination.Retry, Reason: "503"})
		}
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}}
	r := newRig(t, map[string]*sink{"crm": s})
	r.define(t, "crm", "")
	r.Start()
	r.send(t, "crm", 0, 50, 50)
	r.until(t, "it is left alone", func() bool { return r.State("crm").State == "failing" })
	if st := r.State("crm"); st.Problem != "503" {
		t.Errorf("%+v", st)
	}
	before := calls.Load()
	r.until(t, "it is tried", func() bool { return calls.Load() > before+2 })
	down.Store(false)
	r.until(t, "all are delivered", func() bool { return r.finals() == 50 })
	if st := r.State("crm"); st.State != "active" {
		t.Errorf("%+v", st)
	}
	r.Close()
}

func TestLine_StopsAtTheBrakeUntilAPersonReleasesIt(t *testing.T) {
	t.Parallel()
	s := &sink{answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}}
	r := newRig(t, map[string]*sink{"crm": s})
	r.define(t, "crm", `,"stop_at":20`)
	r.Start()
	r.send(t, "crm", 0, 100, 100)
	r.until(t, "it stops", func() bool { return r.State("crm").State == string(Stopped) })
	r.until(t, "twenty are noted", func() bool { return r.finals() == 20 })
	r.until(t, "the stop is kept", func() bool {
		return r.Definitions().Get(definition.DestinationControl, "crm").Newest() != nil
	})
	if err := r.Command(t.Context(), "crm", "resume", "ada", 0); fault.KindOf(err) != fault.Conflict {
		t.Errorf("resuming lets go of the brake: %v", err)
	}
	if err := r.Command(t.Context(), "crm", "release", "ada", time.Hour); err != nil {
		t.Fatal(err)
	}
	r.until(t, "all are delivered", func() bool { return r.finals() == 100 })
	r.Close()
}

func TestLine_PausesDrainsAndAsksForConsentAgain(t *testing.T) {
	t.Parallel()
	s := &sink{answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}}
	r := newRig(t, map[string]*sink{"crm": s})
	r.define(t, "crm", `,"consent":{"purpose":"news"}`)
	r.Start()
	if err := r.Command(t.Context(), "crm", "pause", "ada", 0); err != nil {
		t.Fatal(err)
	}
	r.send(t, "crm", 0, 10, 10)
	if st := r.State("crm"); st.State != string(Paused) || r.finals() != 0 {
		t.Errorf("%+v, %d delivered", st, r.finals())
	}
	// Who withdraws while messages wait is not told.
	r.denied.Store(true)
	l := r.line("crm")
	l.mu.Lock()
	for _, m := range l.queue.ready {
		m.checked = 1
	}
	l.mu.Unlock()
	if err := r.Command(t.Context(), "crm", "resume", "ada", 0); err != nil {
		t.Fatal(err)
	}
	r.until(t, "all are settled", func() bool { return r.finals() == 10 })
	for key, list := range r.results {
		if list[0] != effect.NotSent {
			t.Errorf("%s came to %v", key, list)
		}
	}
	r.denied.Store(false)
	if err := r.Command(t.Context(), "crm", "drain", "ada", 0); err != nil {
		t.Fatal(err)
	}
	r.send(t, "crm", 100, 5, 5)
	r.until(t, "what waits is sent", func() bool { return r.finals() == 15 })
	if !l.drains(clock.From(time.Now())) {
		t.Error("it takes new messages while it drains")
	}
	r.Close()
}

func TestLine_RefusedAndGivenUpBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	s := &sink{answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		if cmp.Compare(positionOf(batch[0].ID), 1) == 0 {
			return destination.Same(1, destination.Result{Outcome: destination.Refused, Status: 400, Reason: "no"})
		}
		return destination.Same(1, destination.Result{Outcome: destination.Retry, Reason: "later"})
	}}
	r := newRig(t, map[string]*sink{"crm": s})
	r.define(t, "crm", `,"give_up":"20ms"`)
	r.Start()
	r.send(t, "crm", 0, 2, 2)
	r.until(t, "both are dead", func() bool { return r.finals() == 2 })
	r.Close()
	for key, list := range r.results {
		if list[len(list)-1] != effect.Dead {
			t.Errorf("%s came to %v", key, list)
		}
	}
}

func TestLine_SettlesWhatIsLeftOfADeletedDestination(t *testing.T) {
	t.Parallel()
	s := &sink{answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Retry})
	}}
	r := newRig(t, map[string]*sink{"crm": s})
	r.define(t, "crm", "")
	r.Start()
	r.send(t, "crm", 0, 30, 7)
	if _, err := r.Define(t.Context(), definition.Command{Kind: definition.Destination, Key: "crm", Status: definition.Archived}); err != nil {
		t.Fatal(err)
	}
	r.until(t, "all are settled", func() bool { return r.finals() == 30 })
	r.Close()
}

func TestBucket_LetsThroughWhatTheRateAllows(t *testing.T) {
	t.Parallel()
	var k bucket
	now, got := time.Unix(0, 0), 0
	for range 1000 { // ten seconds
		n, _ := k.take(50, 200, now)
		got += n
		now = now.Add(10 * time.Millisecond)
	}
	if got < 1950 || got > 2050 {
		t.Errorf("%d messages in ten seconds at 200 a second", got)
	}
	if n, _ := (&bucket{}).take(7, 0, now); n != 7 {
		t.Errorf("no rate lets %d through", n)
	}
}

func TestPurge_IsDueOnceADayWhereSomebodyIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]*sink{"a": {}, "b": {}})
	day := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	if got := r.daily(t.Context(), day); len(got) != 0 {
		t.Errorf("without a destination %v is due", got)
	}
	r.define(t, "a", "")
	r.define(t, "b", "")
	t.Cleanup(r.Close)
	first, later, next := r.daily(t.Context(), day), r.daily(t.Context(), day.Add(time.Hour)), r.daily(t.Context(), day.AddDate(0, 0, 1))
	if len(first) != 1 || first[0].Kind != JobPurge || first[0].Key != later[0].Key || first[0].Key == next[0].Key {
		t.Errorf("due are %v, %v, %v", first, later, next)
	}
	n, err := r.forget(t.Context(), 7)
	if want := fmt.Sprint([]string{fmt.Sprint("a ", clock.Instant(7)), fmt.Sprint("b ", clock.Instant(7))}); err != nil || n != 3 || fmt.Sprint(r.purged) != want {
		t.Errorf("forgot %d of %v: %v, want %s", n, r.purged, err, want)
	}
}
