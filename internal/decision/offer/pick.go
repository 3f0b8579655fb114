package offer

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/feel"
)

// compare tells which of two comes first.
func (x *scored) compare(y *scored, seed uint64, explored bool) int {
	if !explored {
		if x.score != y.score {
			return cmp.Compare(y.score, x.score)
		}
		if x.Priority != y.Priority {
			return cmp.Compare(y.Priority, x.Priority)
		}
	}
	return cmp.Or(cmp.Compare(mix(seed, x.Key), mix(seed, y.Key)), strings.Compare(x.Key, y.Key))
}

// first brings the one that comes first of a list to its front.
func first(list []scored, seed uint64, explored bool) {
	best := 0
	for i := 1; i < len(list); i++ {
		if list[i].compare(&list[best], seed, explored) < 0 {
			best = i
		}
	}
	list[0], list[best] = list[best], list[0]
}

// searched is how many are looked for one by one before all are sorted.
const searched = 8

// pick takes the first that can be given.
func (s *Set) pick(q *Query, d *Decision, list []scored) {
	groups := map[string]int{}
	for i := range list {
		if d.Candidates == nil {
			switch {
			case len(d.Chosen) == s.place.Count:
				return
			case i < searched:
				first(list[i:], q.Seed, d.Explored)
			case i == searched:
				slices.SortFunc(list[i:], func(a, b scored) int { return a.compare(&b, q.Seed, d.Explored) })
			}
		}
		x := &list[i]
		if len(d.Chosen) == s.place.Count {
			d.drop(x.at, Drop{StageRank, "others come first"})
			continue
		}
		if why := s.fits(q, d, x, groups); why.Stage != "" {
			d.drop(x.at, why)
			continue
		}
		for _, g := range x.Groups {
			groups[g]++
		}
		d.Chosen = append(d.Chosen, Chosen{Ready: x.Ready, Content: s.content(q, x.at), Score: x.score, Propensity: x.propensity})
		if d.Candidates != nil {
			d.Candidates[x.at].Chosen = true
		}
	}
}

// content is what an offer of the set shows in the language of the question.
func (s *Set) content(q *Query, at int) json.RawMessage {
	if plain := s.plain[at]; plain != nil {
		return plain
	}
	text, _ := s.offers[at].Content.For(s.place.Key, q.Language)
	return text
}

// fits tells whether an offer can stand beside those that were chosen, and
// takes one of it where there are only so many.
func (s *Set) fits(q *Query, d *Decision, x *scored, groups map[string]int) Drop {
	if slices.Contains(q.Without, x.Key) {
		return Drop{StageExcluded, "it is shown elsewhere on the page"}
	}
	for i := range d.Chosen {
		c := d.Chosen[i].Ready
		if slices.Contains(c.Excludes, x.Key) || slices.Contains(x.Excludes, c.Key) {
			return Drop{StageExcluded, "not beside " + c.Key}
		}
	}
	if most := s.place.MaxPerGroup; most > 0 {
		for _, g := range x.Groups {
			if groups[g] >= most {
				return Drop{StageGroup, "enough of group " + g}
			}
		}
	}
	if x.Stock != nil {
		if v := stockOf(q.item(x.Item), x.Stock.Attribute); math.IsNaN(v) || v < x.Stock.Min {
			return Drop{StageStock, "item " + x.Item + " has not enough " + x.Stock.Attribute}
		}
	}
	if x.Inventory == nil {
		return Drop{}
	}
	if q.Left != nil && q.Left(x.Ready) <= 0 || q.Take != nil && !q.Take(x.Ready) {
		return Drop{StageInventory, "none of " + strconv.FormatInt(x.Inventory.Total, 10) + " is left"}
	}
	return Drop{}
}

func stockOf(item feel.Value, attribute string) float64 {
	c, ok := item.AsContext()
	if !ok {
		return math.NaN()
	}
	v, ok := c.Get(attribute)
	if !ok {
		return math.NaN()
	}
	if b, ok := v.AsBool(); ok && b {
		return math.Inf(1)
	}
	if n, ok := v.AsFloat(); ok {
		return n
	}
	return math.NaN()
}
