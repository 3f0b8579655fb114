package pipeline

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/segment"
	"rapport/internal/wording"
)

// SegmentState says how far a segment is: the version in force, and the one
// that is on its way.
type SegmentState struct {
	// Version is the one in force; 0 where none is.
	Version int            `json:"version"`
	Since   *clock.Instant `json:"since"`
	Size    int64          `json:"size" doc:"How many people are in it"`
	// Building is the version that is evaluated for everybody at present.
	Building int     `json:"building,omitempty"`
	Progress float64 `json:"progress" doc:"Of the version on its way; 1 where none is"`
}

// SegmentState gives the state of a segment, a computed trait or an affinity.
func (p *Pipeline) SegmentState(kind definition.Kind, key string) SegmentState {
	s := SegmentState{Progress: 1}
	if c := p.common.force.Load().find(kind, key); c != nil {
		s.Version, s.Since, s.Size = c.Version, &c.since, p.size(c.ID)
	}
	v := p.Definitions().Get(kind, key).Live()
	if v == nil || v.Version == s.Version {
		return s
	}
	s.Building, s.Progress = v.Version, 0
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		if w.job != nil && slices.ContainsFunc(w.job.Enter, func(c criterion) bool {
			return c.Kind == kind && c.Key == key && c.Version == v.Version
		}) {
			s.Progress += w.progress() / float64(len(p.people))
		}
		p.lanes[i].mu.Unlock()
	}
	return s
}

// SegmentSizes gives how many people are in each segment in force.
func (p *Pipeline) SegmentSizes() map[string]int64 {
	now := p.common.force.Load()
	out := map[string]int64{}
	for i := range now.active {
		if c := &now.active[i]; c.Kind == definition.Segment {
			out[c.Key] = p.size(c.ID)
		}
	}
	return out
}

func (p *Pipeline) size(evaluation uint64) int64 {
	n := int64(0)
	for _, l := range p.lanes {
		l.mu.Lock()
		n += p.tallies[l].Members[evaluation]
		l.mu.Unlock()
	}
	return n
}

// SegmentCheck tells whether a segment, a computed trait or an affinity can be
// what a document says, beside everything that is live now. The fault names the
// node that is wrong and the mend.
func (p *Pipeline) SegmentCheck(kind definition.Kind, key string, doc []byte) error {
	d := readDocument(kind, key, doc)
	if d.err != nil {
		return d.err
	}
	list := []criterion{{Kind: kind, Key: key}}
	docs := []*document{d}
	others, err := p.library.get(p.live(kind, key))
	if err != nil {
		return err
	}
	list, docs = append(list, p.live(kind, key)...), append(docs, others...)
	_, err = compileLens(list, docs)
	return err
}

// SegmentSentence says a document in words, as far as it has a condition.
func SegmentSentence(l wording.Language, kind definition.Kind, doc []byte) string {
	d := readDocument(kind, "", doc)
	switch {
	case d.err != nil:
		return ""
	case d.condition != nil:
		return d.condition.SentenceIn(l)
	case d.trait != nil:
		return d.trait.Value.ValueSentenceIn(l)
	}
	return ""
}

// SegmentUsers gives the live criteria that name one: without it they could not
// be evaluated.
func (p *Pipeline) SegmentUsers(kind definition.Kind, key string) []string {
	var out []string
	for _, c := range p.live(kind, key) {
		docs, err := p.library.get([]criterion{c})
		if err == nil && slices.Contains(docs[0].refs, reference{kind, key}) {
			out = append(out, c.Key)
		}
	}
	return out
}

// live are the live versions of all criteria but one.
func (p *Pipeline) live(kind definition.Kind, key string) []criterion {
	var out []criterion
	for _, k := range [...]definition.Kind{definition.Affinity, definition.ComputedTrait, definition.Segment} {
		for _, s := range p.Definitions().List(k) {
			if v := s.Live(); v != nil && (k != kind || s.Key != key) {
				out = append(out, criterion{Kind: k, Key: s.Key, Version: v.Version})
			}
		}
	}
	return out
}

// Standing is how a person stands to a segment.
type Standing struct {
	Key     string         `json:"key"`
	Version int            `json:"version"`
	Member  bool           `json:"member"`
	Since   *clock.Instant `json:"since" doc:"When the person came in; null where it is not in"`
	// Until is when time alone changes it.
	Until *clock.Instant       `json:"until"`
	Why   *segment.Explanation `json:"why"`
}

// Passage is an entry into a segment or an exit from it.
type Passage struct {
	Segment string               `json:"segment"`
	Version int                  `json:"version"`
	Change  string               `json:"change" enum:"entered,left"`
	At      clock.Instant        `json:"at"`
	Cause   Cause                `json:"cause"`
	Why     *segment.Explanation `json:"why,omitempty" doc:"The condition as it was answered then"`
}

// Cause is what led to an entry or an exit.
type Cause struct {
	Kind      string         `json:"kind" enum:"event,order,time,merge,definition,correction,catalog"`
	MessageID string         `json:"message_id,omitempty"`
	Name      string         `json:"name,omitempty" doc:"Of the event"`
	Time      *clock.Instant `json:"time,omitempty" doc:"Of the event"`
}

// PersonSegments is how a person stands to the segments in force, with the
// entries and exits so far, newest first.
type PersonSegments struct {
	ID      string     `json:"id"`
	Items   []Standing `json:"items" doc:"The segments that the person is in"`
	Others  []Standing `json:"others" doc:"Those that it is not in, with the reason"`
	History []Passage  `json:"history" doc:"Entries and exits, newest first"`
}

// PersonSegments explains the memberships of a person: of one segment, or with
// an empty key of all.
func (p *Pipeline) PersonSegments(ctx context.Context, ref, key string) (*PersonSegments, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	out := &PersonSegments{ID: who.id, Items: []Standing{}, Others: []Standing{}, History: []Passage{}}
	if home := who.home(p); home != nil {
		if err := p.settleHome(ctx, home.key); err != nil {
			return nil, err
		}
		err := p.atHome(ctx, home.key, func(w *people, a *anchor) {
			for _, s := range w.standings(Language(ctx), a, key) {
				if s.Member {
					out.Items = append(out.Items, s)
				} else {
					out.Others = append(out.Others, s)
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for _, m := range who.members {
		if out.History, err = p.history(ctx, out.History, m.Key(), key); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out.History, func(a, b Passage) int { return int(b.At - a.At) })
	return out, nil
}

// standings explains how a person stands to what is in force.
func (w *people) standings(l wording.Language, a *anchor, key string) []Standing {
	out := []Standing{}
	if w.glass == nil {
		return out
	}
	m, now := a.membershipsOf(), w.present(a)
	for i := range w.force.active {
		c := &w.force.active[i]
		if c.Kind != definition.Segment || key != "" && c.Key != key {
			continue
		}
		x := m.get(c.ID)
		s := Standing{Key: c.Key, Version: c.Version, Member: x.member, Since: instant(x.since), Until: instant(x.next)}
		if x.member && x.shadow {
			s.Since = &c.since // it came into force since
		}
		who := w.subject(a)
		if why, err := w.glass.eval.ExplainIn(l, who.person, who.states, c.Key, now); err == nil {
			s.Why = why
		}
		if n, ok := w.glass.numbers[c.ID]; ok && x.next != 0 {
			// The timer may be set too early.
			for _, ans := range w.glass.eval.EvaluateSegments(nil, who.person, who.states, []int{n}, now) {
				s.Until = instant(ans.Next)
			}
		}
		out = append(out, s)
	}
	return out
}

// instant is one for JSON, null where it is not known.
func instant(i clock.Instant) *clock.Instant {
	if i == 0 {
		return nil
	}
	return &i
}
