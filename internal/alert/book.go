package alert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/health"
)

// State is what is said of an alert.
type State string

// The states.
const (
	Fired     State = "fired"     // it is so
	Repeated  State = "repeated"  // it is still so
	Recovered State = "recovered" // it is over
	Ended     State = "ended"     // the alert was changed or taken away meanwhile; nobody is told
	Tested    State = "test"      // somebody tried whether they are told
)

// Outcomes of a sending.
const (
	Waiting   = "waiting"
	Delivered = "delivered"
	Refused   = "refused" // it will never be taken as it is
	GivenUp   = "given_up"
)

// How sendings are tried again, and how much is remembered.
const (
	firstPause   = 10 * time.Second
	longestPause = 10 * time.Minute
	giveUpAfter  = 24 * time.Hour
	historyKept  = 1000
)

// SaidAlert is something that was said of an alert: one entry of the history.
type SaidAlert struct {
	ID      string        `json:"id" doc:"The same for every attempt: what receivers know a copy by"`
	Alert   string        `json:"alert" doc:"Key of the alert"`
	State   State         `json:"state" enum:"fired,repeated,recovered,ended,test"`
	Title   string        `json:"title"`
	About   string        `json:"about" doc:"What it is about, such as source:shop"`
	Message string        `json:"message" doc:"What is wrong, or was"`
	Mend    string        `json:"mend" doc:"What to do about it; empty of a test"`
	Since   clock.Instant `json:"since" doc:"When it began"`
	Time    clock.Instant `json:"time" doc:"When it was said"`
	Told    []ToldAlert   `json:"told" nullable:"false" doc:"Whom, and what came of it"`
}

// ToldAlert is what came of telling one destination.
type ToldAlert struct {
	Destination string        `json:"destination"`
	Outcome     string        `json:"outcome" enum:"waiting,delivered,refused,given_up"`
	Attempts    int           `json:"attempts"`
	Time        clock.Instant `json:"time,omitzero" doc:"Of the last attempt"`
	Next        clock.Instant `json:"next,omitzero" doc:"Of the next one"`
	Reason      string        `json:"reason,omitempty" doc:"Why it was not taken"`
}

// StandingAlert is an alert that is so now.
type StandingAlert struct {
	Alert   string        `json:"alert"`
	Title   string        `json:"title"`
	About   string        `json:"about,omitempty"`
	Message string        `json:"message"`
	Mend    string        `json:"mend"`
	Since   clock.Instant `json:"since"`
	Said    clock.Instant `json:"said_at,omitzero" doc:"When it was said; left out: it does not last long enough yet"`

	// Gone is since when it is over, while it is not certain.
	Gone clock.Instant `json:"gone_at,omitzero" doc:"Since when it seems to be over"`
	Last clock.Instant `json:"last_said_at,omitzero"`
}

// Book is what was said and what stands. It is used by one goroutine at a time.
type Book struct {
	kept    kept
	dead    map[string][]Mark
	changed bool
}

// kept outlasts a restart.
type kept struct {
	Standing map[string]*StandingAlert `json:"standing"`
	Said     []SaidAlert               `json:"said"` // oldest first
	Hours    map[string][]Mark         `json:"hours"`
}

// New makes a book in which nothing stands.
func New() *Book {
	b := &Book{dead: map[string][]Mark{}}
	b.kept.fill()
	return b
}

func (k *kept) fill() {
	if k.Standing == nil {
		k.Standing = map[string]*StandingAlert{}
	}
	if k.Hours == nil {
		k.Hours = map[string][]Mark{}
	}
}

// Remember takes over what Keep gave.
func (b *Book) Remember(text []byte) error {
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("reading what alerts said: %w", err)
	}
	k.fill()
	b.kept = k
	return nil
}

// Keep gives what a later start must know; nil where nothing changed.
func (b *Book) Keep() ([]byte, error) {
	if !b.changed {
		return nil, nil
	}
	text, err := json.Marshal(b.kept)
	if err == nil {
		b.changed = false
	}
	return text, err
}

// Look holds a report against the rules and adds to the history what is to be
// said.
func (b *Book) Look(rules []*Rule, h *health.HealthReport) {
	b.remember(h)
	now, seen, known := h.CheckedAt, map[string]bool{}, map[string]*Rule{}
	for _, r := range rules {
		known[r.Key] = r
		for _, p := range b.judge(r, h) {
			key := r.Key + " " + p.about
			seen[key] = true
			b.stand(key, r, &p, now)
		}
	}
	for key, s := range b.kept.Standing {
		r := known[s.Alert]
		switch {
		case r == nil:
			b.drop(key, s, now)
		case !seen[key]:
			b.lift(key, s, r, now)
		}
	}
}

// stand notes that something is so.
func (b *Book) stand(key string, r *Rule, p *problem, now clock.Instant) {
	s := b.kept.Standing[key]
	if s == nil {
		s = &StandingAlert{Alert: r.Key, About: p.about, Since: now}
		b.kept.Standing[key] = s
		b.changed = true
	}
	s.Title, s.Message, s.Mend, s.Gone = r.Name, p.message, p.mend, 0
	switch {
	case s.Said == 0 && now.Sub(s.Since) >= r.lasts:
		s.Said, s.Last = now, now
		b.say(s, r, Fired, now)
	case s.Said != 0 && r.repeat > 0 && now.Sub(s.Last) >= r.repeat:
		s.Last = now
		b.say(s, r, Repeated, now)
	}
}

// lift notes that something is not so any more.
func (b *Book) lift(key string, s *StandingAlert, r *Rule, now clock.Instant) {
	if s.Said == 0 {
		delete(b.kept.Standing, key)
		b.changed = true
		return
	}
	if s.Gone == 0 {
		s.Gone = now
		b.changed = true
	}
	if now.Sub(s.Gone) >= r.lasts {
		delete(b.kept.Standing, key)
		b.say(s, r, Recovered, now)
	}
}

// drop forgets what stood of an alert that is not there any more.
func (b *Book) drop(key string, s *StandingAlert, now clock.Instant) {
	delete(b.kept.Standing, key)
	b.changed = true
	if s.Said != 0 {
		b.say(s, &Rule{Key: s.Alert}, Ended, now)
	}
}

func (b *Book) say(s *StandingAlert, r *Rule, state State, now clock.Instant) {
	b.add(SaidAlert{
		Alert: s.Alert, State: state, Title: s.Title, About: s.About, Message: s.Message, Mend: s.Mend, Since: s.Since, Time: now,
	}, r.SendTo)
}

// Test says that somebody tries whether they are told.
func (b *Book) Test(r *Rule, now clock.Instant) SaidAlert {
	return b.add(SaidAlert{
		Alert: r.Key, State: Tested, Title: r.Name, Message: "This is a test: somebody tried whether you are told. Nothing is wrong.", Since: now, Time: now,
	}, r.SendTo)
}

func (b *Book) add(s SaidAlert, to []string) SaidAlert {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.About)) // it never fails
	s.ID = fmt.Sprintf("alert-%s-%x-%d-%s-%d", s.Alert, h.Sum64(), int64(s.Since), s.State, int64(s.Time))
	s.Told = make([]ToldAlert, 0, len(to))
	for _, key := range to {
		if !slices.ContainsFunc(s.Told, func(t ToldAlert) bool { return t.Destination == key }) {
			s.Told = append(s.Told, ToldAlert{Destination: key, Outcome: Waiting, Next: s.Time})
		}
	}
	b.kept.Said = append(b.kept.Said, s)
	if over := len(b.kept.Said) - historyKept; over > 0 {
		b.kept.Said = slices.Clone(b.kept.Said[over:])
	}
	b.changed = true
	return s
}

// Sending is something to be sent to one destination.
type Sending struct {
	SaidAlert
	Destination string
}

// Due is what is to be sent now, the oldest first. To one destination only the
// first that waits is given, so that it hears in order.
func (b *Book) Due(now clock.Instant) (out []Sending) {
	busy := map[string]bool{}
	for i := range b.kept.Said {
		s := &b.kept.Said[i]
		for _, t := range s.Told {
			if t.Outcome != Waiting || busy[t.Destination] {
				continue
			}
			busy[t.Destination] = true
			if t.Next <= now {
				out = append(out, Sending{*s, t.Destination})
			}
		}
	}
	return out
}

// Result is what came of one attempt. One that is to be made again is Waiting.
type Result struct {
	Outcome string
	Reason  string        // why it was not taken
	After   time.Duration // what the other side asked for; zero: it did not
}

// Done notes what came of a sending.
func (b *Book) Done(id, destination string, r Result, now clock.Instant) {
	at := slices.IndexFunc(b.kept.Said, func(s SaidAlert) bool { return s.ID == id })
	if at < 0 {
		return // so much was said meanwhile that it is forgotten
	}
	said := &b.kept.Said[at]
	// What was handed out must not change under whoever has it.
	said.Told = slices.Clone(said.Told)
	for i := range said.Told {
		t := &said.Told[i]
		if t.Destination != destination || t.Outcome != Waiting {
			continue
		}
		t.Attempts++
		t.Outcome, t.Reason, t.Time, t.Next = r.Outcome, r.Reason, now, 0
		if r.Outcome != Waiting {
			continue
		}
		if now.Sub(said.Time) >= giveUpAfter {
			t.Outcome = GivenUp
			continue
		}
		pause := min(firstPause<<min(t.Attempts-1, 10), longestPause)
		t.Next = now.Add(max(pause, min(r.After, longestPause)))
	}
	b.changed = true
}

// Key tells what stands apart.
func (s StandingAlert) Key() string { return s.Alert + " " + s.About }

// Standing is what is so now, by its keys.
func (b *Book) Standing() []StandingAlert {
	out := make([]StandingAlert, 0, len(b.kept.Standing))
	for _, s := range b.kept.Standing {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(x, y StandingAlert) int { return strings.Compare(x.Key(), y.Key()) })
	return out
}

// Said is the history, the newest first; what was said at one time by its ids.
func (b *Book) Said() []SaidAlert {
	out := slices.Clone(b.kept.Said)
	slices.SortFunc(out, func(x, y SaidAlert) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), strings.Compare(x.ID, y.ID))
	})
	return out
}
