package offer

import (
	"encoding/json"
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
	marks  []uint64          // stand for each with its version
	rules  []*Check          // that ask nothing of the offer, each once
	rule   []int             // of each offer, its place among them; -1: it asks of the offer, or there is none
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
			s.marks = append(s.marks, markOf(all[key]))
		}
	}
	s.share()
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

// share finds the rules that offers have in common: they are checked once for
// all of them.
func (s *Set) share() {
	seen := map[string]int{}
	for _, o := range s.offers {
		at := -1
		if text, ok := o.rule.shared(); ok {
			k, known := seen[text]
			if at = k; !known {
				at = len(s.rules)
				seen[text] = at
				s.rules = append(s.rules, o.rule)
			}
		}
		s.rule = append(s.rule, at)
	}
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
}

// Chosen is an offer that is shown.
type Chosen struct {
	*Ready
	Content    json.RawMessage
	Score      float64 // NaN: it was scored when the decision that holds was made
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
	score      float64
	propensity float64
	at         int // among the offers of the set
}

// Decide chooses.
func (s *Set) Decide(q *Query) *Decision {
	d := &Decision{}
	list := s.eligible(q, d)
	d.Basis = s.basisOf(list)
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
	d.Basis = s.basisOf(s.eligible(q, d))
	d.Candidates = nil
	return d
}

// basisOf stands for offers: the same offers give the same basis. Which caps are
// reached may differ while a decision holds.
func (s *Set) basisOf(list []scored) uint64 {
	h := uint64(fnvOffset)
	for i := range list {
		h = (h ^ s.marks[list[i].at]) * fnvPrime
		h ^= h >> 32 // else the upper bits of marks never reach the lower ones
	}
	return h
}

// The numbers of FNV-1a with 64 bits.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

// markOf stands for a version of an offer.
func markOf(o *Ready) uint64 { return mix(uint64(o.Version), o.Key) }

// Keep gives the offers of a decision that holds, with their content, where
// each may still be shown; else false.
func (s *Set) Keep(q *Query, held *shown.Held) ([]Chosen, bool) {
	out := make([]Chosen, 0, len(held.Items))
	for _, i := range held.Items {
		o := s.all[i.Offer]
		if o == nil || o.Version != i.Version || slices.Contains(q.Without, i.Offer) {
			return nil, false
		}
		if s.admit(q, o, nil).Stage != "" || o.rule.Holds(q.Situation, o).Stage != "" {
			return nil, false
		}
		content, _ := o.Content.For(s.place.Key, q.Language)
		out = append(out, Chosen{Ready: o, Content: content, Score: math.NaN(), Propensity: math.NaN()})
	}
	return out, len(out) > 0
}

func (d *Decision) drop(at int, why Drop) {
	if d.Candidates != nil {
		d.Candidates[at].Stage, d.Candidates[at].Reason = why.Stage, why.Reason
	}
}

// admit tells whether an offer may be shown at all, whoever asks. plain is its
// content where the language does not matter.
func (s *Set) admit(q *Query, o *Ready, plain json.RawMessage) Drop {
	switch {
	case o.From != 0 && q.Now < o.From:
		return Drop{StageValidity, "not before " + o.From.String()}
	case o.To != 0 && q.Now >= o.To:
		return Drop{StageValidity, "over since " + o.To.String()}
	case len(o.Channels) > 0 && !slices.Contains(o.Channels, q.Channel):
		return Drop{StageChannel, "not for channel " + strconv.Quote(q.Channel)}
	}
	if plain == nil {
		if _, ok := o.Content.For(s.place.Key, q.Language); !ok {
			return Drop{StageContent, "no content for language " + strconv.Quote(q.Language)}
		}
	}
	return Drop{}
}

func (s *Set) eligible(q *Query, d *Decision) []scored {
	list := q.Room.list(len(s.offers), q.Explain)
	checked := q.Room.checked(len(s.rules))
	if q.Explain {
		d.Candidates = make([]CandidateOffer, 0, len(s.offers))
	}
	for i, o := range s.offers {
		if q.Explain {
			d.Candidates = append(d.Candidates, CandidateOffer{Offer: o.Key, Version: o.Version, Priority: o.Priority, Value: o.Value, Lever: o.Lever})
		}
		drop := s.admit(q, o, s.plain[i])
		if drop.Stage == "" {
			drop = s.holds(q, i, checked)
		}
		if drop.Stage != "" {
			d.drop(i, drop)
			continue
		}
		list = append(list, scored{Ready: o, at: i, propensity: math.NaN()})
	}
	return list
}

// holds tells whether the rule of an offer holds; one that others have too is
// checked once for all of them.
func (s *Set) holds(q *Query, at int, checked []*Drop) Drop {
	k := s.rule[at]
	if k < 0 {
		return s.offers[at].rule.Holds(q.Situation, s.offers[at])
	}
	if checked[k] == nil {
		drop := s.rules[k].Holds(q.Situation, nil)
		checked[k] = &drop
	}
	return *checked[k]
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
	if d.Candidates == nil {
		return // those that come first are found one by one
	}
	slices.SortFunc(list, func(a, b scored) int { return a.compare(&b, q.Seed, d.Explored) })
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
