package offer

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	"rapport/internal/fault"
	"rapport/internal/predict"
	"rapport/internal/profile/shown"
)

// The stages, in the order in which offers fall.
const (
	StageValidity   = "validity"   // before or after its time
	StageChannel    = "channel"    // not for this channel
	StageContent    = "content"    // nothing to show here in this language
	StageSegment    = "segment"    // who is in or out
	StageConsent    = "consent"    // not agreed
	StageCondition  = "condition"  // the formula is not true
	StageSuppressed = "suppressed" // something came of it a short while ago
	StageCap        = "cap"        // often enough
	StageScore      = "score"      // there is no score
	StageExcluded   = "excluded"   // another that was chosen excludes it
	StageGroup      = "group"      // enough of its group
	StageStock      = "stock"      // its item is not in stock
	StageInventory  = "inventory"  // none left
	StageRank       = "rank"       // others come first
)

// Set is the offers that compete in a place. It is immutable and safe for
// concurrent use.
type Set struct {
	place  *Place
	offers []*Ready          // that compete, by key
	plain  []json.RawMessage // content of each where the language does not matter
	all    map[string]*Ready
	model  *predict.Model
	output int
	broken error // why the model gives no propensity
}

// NewSet makes the set of a place of all offers there are. model is that of the
// ranking, nil where there is none.
func NewSet(p *Place, all map[string]*Ready, model *predict.Model) *Set {
	s := &Set{place: p, all: all, model: model, output: -1}
	for _, key := range sorted(all) {
		if p.Takes(all[key]) {
			s.offers = append(s.offers, all[key])
			s.plain = append(s.plain, all[key].Content.plain(p.Key))
		}
	}
	if p.Ranking.Model == "" {
		return s
	}
	if model == nil {
		s.broken = fault.Errorf(fault.Conflict, "model_missing", "there is no live predictive model %q", p.Ranking.Model)
		return s
	}
	for i, o := range model.Outputs() {
		if o.Name == p.Ranking.Output || p.Ranking.Output == "" && len(o.Categories) == 0 {
			s.output = i
		}
	}
	if s.output < 0 {
		s.broken = fault.Errorf(fault.Conflict, "model_output_missing", "the model %q has no output %q that is a number", p.Ranking.Model, p.Ranking.Output)
	}
	return s
}

// Place is the place of the set.
func (s *Set) Place() *Place { return s.place }

// Offer finds an offer, whether it competes or not; nil: there is none.
func (s *Set) Offer(key string) *Ready { return s.all[key] }

// Query is one question to a set.
type Query struct {
	*Situation
	Language string
	Explain  bool
	// Without are offers that must not be chosen: they stand elsewhere on the page.
	Without []string
	// Take takes one of what there is of an offer, and tells whether there was
	// one left; nil only looks at Left.
	Take func(o *Ready) bool
	// Left is how many there are; nil: enough.
	Left func(o *Ready) int64
	// Room is used again for the next question; nil: each makes its own.
	Room *Room
}

// Room is where the offers of a question stand while it is answered. It serves
// one question at a time; nothing of an answer points into it.
type Room struct{ offers []scored }

// list gives an empty list for so many. An answer that is explained points into
// its list, which is its own then.
func (r *Room) list(n int, explained bool) []scored {
	if r == nil || explained {
		return make([]scored, 0, n)
	}
	if cap(r.offers) < n {
		r.offers = make([]scored, 0, n)
	}
	return r.offers[:0]
}

// Chosen is an offer that is shown.
type Chosen struct {
	*Ready
	Content    json.RawMessage
	Score      float64
	Propensity float64 // NaN: no model was asked
}

// CandidateOffer is what became of an offer.
type CandidateOffer struct {
	Offer      string   `json:"offer"`
	Version    int      `json:"version"`
	Chosen     bool     `json:"chosen"`
	Rank       int      `json:"rank,omitempty" doc:"From 1, among those that were ranked"`
	Stage      string   `json:"stage,omitempty" doc:"At which stage it fell"`
	Reason     string   `json:"reason,omitempty" doc:"Why it fell"`
	Score      *float64 `json:"score,omitempty"`
	Propensity *float64 `json:"propensity,omitempty"`
	Priority   float64  `json:"priority"`
	Value      float64  `json:"value"`
	Lever      float64  `json:"lever"`
}

// Decision is what a set answers.
type Decision struct {
	Chosen []Chosen
	// Basis stands for what could have been chosen before caps and scores.
	Basis      uint64
	Dropped    Drop             // why nothing at all is shown here
	Explored   bool             // the order was left to chance
	Candidates []CandidateOffer // where Explain is set: all offers of the set
}

// scored is an offer in the running.
type scored struct {
	*Ready
	content    json.RawMessage
	score      float64
	propensity float64
	tie        uint64
	at         int // among the candidates
}

// Decide chooses.
func (s *Set) Decide(q *Query) *Decision {
	d := &Decision{}
	list := s.eligible(q, d)
	d.Basis = basisOf(list)
	if d.Dropped = s.place.rule.Holds(q.Situation, nil); d.Dropped.Stage == "" {
		d.Dropped = q.reached(s.place.caps, counted{placement: s.place.Key, set: s})
	}
	if d.Dropped.Stage != "" {
		for i := range list {
			d.drop(list[i].at, d.Dropped)
		}
		return d
	}
	list = s.uncapped(q, d, list)
	list = s.score(q, d, list)
	s.order(q, d, list)
	s.pick(q, d, list)
	return d
}

// Could tells what could be chosen, before caps and scores: only the basis.
func (s *Set) Could(q *Query) *Decision {
	d := &Decision{}
	d.Basis = basisOf(s.eligible(q, d))
	d.Candidates = nil
	return d
}

// basisOf stands for offers: the same offers give the same basis. Which caps are
// reached may differ while a decision holds.
func basisOf(list []scored) uint64 {
	h := fnv.New64a()
	var line []byte
	for i := range list {
		line = append(append(line[:0], list[i].Key...), '@')
		line = append(strconv.AppendInt(line, int64(list[i].Version), 10), 0)
		_, _ = h.Write(line) // it never fails
	}
	return h.Sum64()
}

// Keep gives the offers of a decision that holds, with their content, where
// each may still be shown; else false.
func (s *Set) Keep(q *Query, held *shown.Held) ([]Chosen, bool) {
	out := make([]Chosen, 0, len(held.Items))
	for _, i := range held.Items {
		o := s.all[i.Offer]
		if o == nil || o.Version != i.Version || slices.Contains(q.Without, i.Offer) {
			return nil, false
		}
		content, drop := s.admit(q, o, nil)
		if drop.Stage != "" {
			return nil, false
		}
		out = append(out, Chosen{Ready: o, Content: content, Propensity: math.NaN()})
	}
	return out, len(out) > 0
}

func (d *Decision) drop(at int, why Drop) {
	if d.Candidates != nil {
		d.Candidates[at].Stage, d.Candidates[at].Reason = why.Stage, why.Reason
	}
}

// admit tells whether an offer may be shown at all.
func (s *Set) admit(q *Query, o *Ready, plain json.RawMessage) (json.RawMessage, Drop) {
	switch {
	case o.From != 0 && q.Now < o.From:
		return nil, Drop{StageValidity, "not before " + o.From.String()}
	case o.To != 0 && q.Now >= o.To:
		return nil, Drop{StageValidity, "over since " + o.To.String()}
	case len(o.Channels) > 0 && !slices.Contains(o.Channels, q.Channel):
		return nil, Drop{StageChannel, "not for channel " + strconv.Quote(q.Channel)}
	}
	content, ok := plain, plain != nil
	if !ok {
		content, ok = o.Content.For(s.place.Key, q.Language)
	}
	if !ok {
		return nil, Drop{StageContent, "no content for language " + strconv.Quote(q.Language)}
	}
	return content, o.rule.Holds(q.Situation, o)
}

func (s *Set) eligible(q *Query, d *Decision) []scored {
	list := q.Room.list(len(s.offers), q.Explain)
	if q.Explain {
		d.Candidates = make([]CandidateOffer, 0, len(s.offers))
	}
	for i, o := range s.offers {
		if q.Explain {
			d.Candidates = append(d.Candidates, CandidateOffer{Offer: o.Key, Version: o.Version, Priority: o.Priority, Value: o.Value, Lever: o.Lever})
		}
		content, drop := s.admit(q, o, s.plain[i])
		if drop.Stage != "" {
			d.drop(i, drop)
			continue
		}
		list = append(list, scored{Ready: o, content: content, at: i, propensity: math.NaN()})
	}
	return list
}

func (s *Set) uncapped(q *Query, d *Decision, list []scored) []scored {
	if q.Shown == nil {
		return list
	}
	return slices.DeleteFunc(list, func(x scored) bool {
		drop := q.resting(x.Ready)
		if drop.Stage == "" {
			drop = q.reached(x.caps, counted{offer: x.Ready, placement: s.place.Key, set: s})
		}
		if drop.Stage != "" {
			d.drop(x.at, drop)
		}
		return drop.Stage != ""
	})
}

// order sorts: the larger score first, then the larger priority, then by chance
// that is the same for a person each time, then by key.
func (s *Set) order(q *Query, d *Decision, list []scored) {
	d.Explored = s.place.Ranking.Explore > 0 && float64(mix(q.Seed, "explore")>>11)/(1<<53) < s.place.Ranking.Explore
	for i := range list {
		list[i].tie = mix(q.Seed, list[i].Key)
	}
	if d.Candidates == nil {
		return // those that come first are found one by one
	}
	slices.SortFunc(list, func(a, b scored) int { return a.compare(&b, d.Explored) })
	for i := range list {
		c := &d.Candidates[list[i].at]
		c.Rank, c.Score = i+1, &list[i].score
		if !math.IsNaN(list[i].propensity) {
			c.Propensity = &list[i].propensity
		}
	}
}

// mix draws from a seed for a name.
func mix(seed uint64, name string) uint64 {
	x := seed ^ 0x9e3779b97f4a7c15
	for i := range len(name) {
		x = (x ^ uint64(name[i])) * 0x100000001b3
	}
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
