package segment

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// AffinityDefinition says how much a person likes the values of a dimension of
// the catalog, such as category or brand.
type AffinityDefinition struct {
	Key       string
	Dimension string // of items in the catalog
	// Said is the property in which events say the dimension themselves, for
	// items that the catalog does not know. Empty: the dimension's name in
	// lower case.
	Said string
	// HalfLife is the time in which an interest halves. Default 30 days.
	HalfLife time.Duration
	Weights  []Weight // default: DefaultWeights
}

// Weight is what an event is worth. The first that matches counts.
type Weight struct {
	Match  condition.Match // by name, action or type, with filters
	Points int64           // of each item
	// Seconds names a property that holds a time looked at; each second, up to
	// MaxSeconds, adds Points instead of the event as a whole.
	Seconds string
}

// MaxSeconds is how much of one view counts.
const MaxSeconds = 600

// DefaultWeights value a purchase most, then the cart, a click and a view.
func DefaultWeights() []Weight {
	return []Weight{
		{Match: condition.Match{Action: "Purchase"}, Points: 100},
		{Match: condition.Match{Action: "Add To Cart"}, Points: 50},
		{Match: condition.Match{Action: "Favorite"}, Points: 30},
		{Match: condition.Match{Action: "Click Through"}, Points: 20},
		{Match: condition.Match{Action: "View Item", Filters: []condition.Filter{{
			Field: condition.Property, Path: "view_seconds", Test: condition.Test{Op: condition.Exists},
		}}}, Points: 1, Seconds: "view_seconds"},
		{Match: condition.Match{Action: "View Item"}, Points: 10},
		{Match: condition.Match{Action: "View Item Detail"}, Points: 10},
	}
}

// affinity is a definition made ready.
type affinity struct {
	key       string
	dimension string
	said      string
	half      time.Duration
	weights   []Weight
	source    int32
	identity  string
}

func (c *compiler) affinity(d *AffinityDefinition) error {
	a := affinity{key: d.Key, dimension: d.Dimension, said: d.Said, half: d.HalfLife, weights: d.Weights}
	if a.said == "" {
		a.said = strings.ToLower(a.dimension)
	}
	const month = 30 * 24 * time.Hour
	if a.half == 0 {
		a.half = month
	}
	if a.weights == nil {
		a.weights = DefaultWeights()
	}
	if _, twice := c.affinities[d.Key]; twice || d.Key == "" || d.Dimension == "" || a.half < time.Hour || a.half > condition.MaxWindow {
		return fault.Errorf(fault.Invalid, "invalid_affinity",
			"the affinity %q needs a key of its own, a dimension and a half-life from an hour to %d days", d.Key, condition.MaxWindow/(24*time.Hour))
	}
	var id strings.Builder
	id.WriteString("affinity " + a.said)
	for _, w := range a.weights {
		if w.Points < 0 || w.Points > 1_000_000 {
			return fault.Errorf(fault.Invalid, "invalid_affinity", "the affinity %q has %d points: give 0 to 1,000,000", d.Key, w.Points)
		}
		q := condition.Question{What: condition.Event, Match: w.Match, Agg: condition.Count, Test: condition.Test{Op: condition.Exists}}
		id.WriteString("|" + q.Canonical() + strconv.FormatInt(w.Points, 10) + w.Seconds)
	}
	a.identity = id.String()
	at := len(c.set.affinities)
	s := source{
		what: condition.Event, record: keepPoints, liking: &a,
		bounds: bounds{roll: rollDays, byValue: true, lossy: true, cells: c.set.limits.Cells, half: a.half, horizon: maxHalfLives * a.half},
	}
	a.source = c.source(s)
	c.set.affinities = append(c.set.affinities, a)
	c.affinities[d.Key] = int32(at)
	return nil
}

// maxHalfLives is when an interest is over: it is below 10^-12 of a new one.
const maxHalfLives = 40

// names are the events that an affinity looks at; "" where it looks at all.
func (a *affinity) names() []string {
	var out []string
	for i := range a.weights {
		out = append(out, a.weights[i].Match.Name)
	}
	if slices.Contains(out, "") {
		return []string{""}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// like adds what an event is worth to the items that it is about.
func (f *fold) like(s *source) {
	a := s.liking
	points, ok := f.points(a)
	if !ok {
		return
	}
	n := grown(points, f.e.Time, a.half)
	said := ""
	if c := f.read(condition.Property, a.said); len(c) > 0 && c[0].Kind == Text {
		said = string(c[0].Text)
	}
	ids := f.read(itemID, "")
	changed := false
	for i := range max(len(ids), 1) {
		item := ""
		if i < len(ids) {
			item = string(ids[i].Text)
		} else if said == "" {
			break
		}
		key := item + separator + said
		if len(key) > 2*condition.MaxText {
			continue
		}
		e := entry{at: f.e.Time, kind: Text, num: n, text: key}
		changed = f.st.open(s.id).put(e, &s.bounds) || changed
	}
	if changed {
		f.t.source(s)
	}
}

// separator parts an item's id from what its event said of the dimension.
const separator = "\x00"

// points is what the event is worth by the first weight that matches.
func (f *fold) points(a *affinity) (int64, bool) {
	for i := range a.weights {
		w := &a.weights[i]
		m := source{match: w.Match}
		m.typ = event.TypeOf(w.Match.Type)
		if w.Match.Name != "" && w.Match.Name != f.e.Name || !f.matches(&m) {
			continue
		}
		if w.Seconds == "" {
			return w.Points, w.Points > 0
		}
		c := f.read(condition.Property, w.Seconds)
		if len(c) == 0 || c[0].Kind != Number {
			return 0, false
		}
		limit := decimal.Of(MaxSeconds)
		n := c[0].Num
		if n.Cmp(limit) > 0 {
			n = limit
		}
		seconds, _ := n.Sub(n.Fraction()).Whole()
		return w.Points * seconds, seconds > 0 && w.Points > 0
	}
	return 0, false
}

// growth are 2^(1/2), 2^(1/4), … in units of 2^-62.
var growth = roots()

func roots() (out [16]uint64) {
	x := new(big.Int).Lsh(big.NewInt(2), 124) // 2, in units of 2^-124
	for i := range out {
		x.Sqrt(x) // in units of 2^-62
		out[i] = x.Uint64()
		x.Lsh(x, 62)
	}
	return out
}

// grown is points times 2^(how much of its half-life had passed at an instant),
// in units of 2^-32 before the decimal's own: with the number of the half-life
// beside it, it is what they are worth against a fixed epoch.
func grown(points int64, at clock.Instant, half time.Duration) decimal.Num {
	micros := int64(half / time.Microsecond)
	part := int64(at) - floorDiv(int64(at), micros)*micros
	f := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(part), 16), big.NewInt(micros)).Uint64()
	v := new(big.Int).Lsh(big.NewInt(points), 32)
	for i, g := range growth {
		if f&(1<<(15-i)) != 0 {
			v.Mul(v, new(big.Int).SetUint64(g)).Rsh(v, 62)
		}
	}
	return decimal.Num{v.Uint64(), new(big.Int).Rsh(v, 64).Uint64(), 0}
}

// Share is what part of a person's interest in a dimension a value has.
type Share struct {
	Value string
	// Share is in hundredths of a percent; those of all values add up to
	// exactly 10,000.
	Share int
}

// whole is all of the shares together.
const whole = 10_000

// Affinity is a person's interest in the values of a dimension, the greatest
// first, of equals the first by name.
type Affinity struct {
	Key       string
	Shares    []Share
	Truncated bool
}

// Affinities are what the person likes. It does not change by time alone:
// every interest decays at the same pace.
func (e *Evaluator) Affinities(p Person, states []*State) []Affinity {
	e.begin(p, states, never)
	out := make([]Affinity, 0, len(e.set.affinities))
	for i := range e.set.affinities {
		s := e.shares(int32(i))
		out = append(out, Affinity{Key: e.set.affinities[i].key, Shares: s.shares, Truncated: s.truncated})
	}
	slices.SortFunc(out, func(a, b Affinity) int { return strings.Compare(a.Key, b.Key) })
	return out
}

type scored struct {
	shares    []Share
	truncated bool
}

// shares projects the items through the present catalog.
func (e *Evaluator) shares(i int32) scored {
	if s, ok := e.scores[i]; ok {
		return s
	}
	var out scored
	a := &e.set.affinities[i]
	if s := e.source(a.source); s != nil {
		out.truncated = s.lost != 0
		out.shares = apportion(e.worth(a, s))
	}
	if e.scores == nil {
		e.scores = map[int32]scored{}
	}
	e.scores[i] = out
	return out
}

// worth adds up what every value of the dimension is worth, in units of the
// oldest half-life.
func (e *Evaluator) worth(a *affinity, s *series) map[string]*big.Int {
	values := map[string]*big.Int{}
	if len(s.sums) == 0 {
		return values
	}
	oldest := s.sums[0].day
	for i := range s.sums {
		x := &s.sums[i]
		n := new(big.Int).SetUint64(x.total[1])
		n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(x.total[0])).Lsh(n, uint(x.day-oldest))
		for _, v := range e.dimension(a, x.text) {
			if values[v] == nil {
				values[v] = new(big.Int)
			}
			values[v].Add(values[v], n)
		}
	}
	return values
}

// dimension is what the catalog says of an item now, else what the event said.
func (e *Evaluator) dimension(a *affinity, key string) []string {
	item, said, _ := strings.Cut(key, separator)
	var out []string
	if item != "" {
		e.attrs.Reset()
		e.catalog.Values(&e.attrs, item, a.dimension)
		for k := range e.attrs.List {
			if c := &e.attrs.List[k]; c.Kind == Text {
				out = append(out, string(c.Text))
			}
		}
	}
	if out == nil && said != "" {
		out = []string{said}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// apportion makes parts that add up to the whole: each its own rounded down,
// and what is left to those that lost most by it.
func apportion(values map[string]*big.Int) []Share {
	total := new(big.Int)
	for _, v := range values {
		total.Add(total, v)
	}
	if total.Sign() == 0 {
		return nil
	}
	type part struct {
		Share
		value, rest *big.Int
	}
	parts, left := make([]part, 0, len(values)), whole
	for name, v := range values {
		q, r := new(big.Int).QuoRem(new(big.Int).Mul(v, big.NewInt(whole)), total, new(big.Int))
		n := int(q.Int64())
		left -= n
		parts = append(parts, part{Share{name, n}, v, r})
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(b.rest.Cmp(a.rest), strings.Compare(a.Value, b.Value))
	})
	for i := range left {
		parts[i].Share.Share++
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(b.value.Cmp(a.value), strings.Compare(a.Value, b.Value))
	})
	out := make([]Share, len(parts))
	for i := range parts {
		out[i] = parts[i].Share
	}
	return out
}

// likes answers for a leaf that asks for an affinity.
func (e *Evaluator) likes(l *leaf) bool {
	want := l.node.Affinity
	s := e.shares(l.affinity)
	i := slices.IndexFunc(s.shares, func(x Share) bool { return x.Value == want.Value })
	if i < 0 {
		return want.Share != nil && want.Top == 0 && e.shareHolds(want, 0)
	}
	return (want.Top == 0 || i < want.Top) && (want.Share == nil || e.shareHolds(want, s.shares[i].Share))
}

func (e *Evaluator) shareHolds(want *condition.Liking, hundredths int) bool {
	const hundred = 100
	n := decimal.Of(int64(hundredths)).Quo(hundred)
	yes, _ := holds(want.Share, e.present(Cell{Kind: Number, Num: n}), e.now)
	return yes
}

// JSON is the share for a profile: {"value": …, "share": percent}.
func (s Share) JSON() string {
	b := jsondoc.AppendString([]byte(`{"value":`), s.Value)
	return string(b) + `,"share":` + s.Percent() + "}"
}

// Percent is the share in percent, as a JSON number.
func (s Share) Percent() string {
	const hundred = 100
	return decimal.Of(int64(s.Share)).Quo(hundred).Text()
}
