package columns_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/id"
)

// people is the index as one would write it to check it by reading.
type people map[id.Key]*columns.Row

const longest = 512 // bytes of a text that the index keeps

// holds decides on one person without columns.
func holds(n columns.Node, r *columns.Row) columns.Verdict {
	switch n := n.(type) {
	case columns.All:
		return combine(n, r, columns.Yes, columns.No)
	case columns.Any:
		return combine(n, r, columns.No, columns.Yes)
	case columns.Not:
		switch holds(n.Node, r) {
		case columns.Yes:
			return columns.No
		case columns.No:
			return columns.Yes
		}
		return columns.Unknown
	case columns.Everybody:
		return columns.Verdict(n)
	case columns.Member:
		return verdict(slices.Contains(r.Members, uint64(n)))
	case columns.HasIdentifier:
		return verdict(slices.ContainsFunc(r.Identifiers, func(i columns.Identifier) bool {
			return i.Namespace == n.Namespace && (n.Values == nil || slices.Contains(n.Values, i.Value))
		}))
	case columns.Scalar:
		return scalar(n, r)
	case columns.Did:
		return did(n, r)
	}
	panic(fmt.Sprintf("no rule for %T", n))
}

// combine is Kleene's and or or: one part of the decisive verdict decides.
func combine(parts []columns.Node, r *columns.Row, neutral, decisive columns.Verdict) columns.Verdict {
	out := neutral
	for _, p := range parts {
		switch holds(p, r) {
		case decisive:
			return decisive
		case columns.Unknown:
			out = columns.Unknown
		}
	}
	return out
}

func verdict(b bool) columns.Verdict {
	if b {
		return columns.Yes
	}
	return columns.No
}

func scalar(n columns.Scalar, r *columns.Row) columns.Verdict {
	i := slices.IndexFunc(r.Values, func(v columns.Value) bool { return v.Field == n.Field })
	if i < 0 {
		return n.Absent
	}
	v := r.Values[i]
	switch {
	case v.IsNumber:
		for _, x := range n.Ranges {
			if x.From <= v.Number && v.Number <= x.To {
				return columns.Yes
			}
		}
		if n.Number != nil {
			return n.Number(v.Number)
		}
		return columns.No
	case len(v.Text) > longest:
		return columns.Unknown
	case n.Only != nil && (n.Text == nil || v.Text[0] != '[' || slices.Contains(n.Only, v.Text)):
		return verdict(slices.Contains(n.Only, v.Text))
	case n.Text != nil:
		return n.Text(v.Text)
	}
	return columns.No
}

// did counts over the quarter hours as intervals: what lies wholly inside
// counts, what lies wholly outside does not.
func did(n columns.Did, r *columns.Row) columns.Verdict {
	var sure, perhaps uint64
	i := slices.IndexFunc(r.Events, func(e columns.Events) bool { return e.Name == n.Name && len(e.Cells) > 0 })
	from, to := n.From, n.To
	if to == 0 {
		to = 1 << 62
	}
	if i < 0 && r.Incomplete && n.From < to && n.Min <= n.Max {
		return columns.Unknown
	}
	var cells []uint32
	if i >= 0 {
		cells = r.Events[i].Cells
	}
	seen := lastSeen(r)
	first := clock.Instant(1 << 62)
	for _, c := range cells {
		if c>>10 != 0 {
			first = columns.SlotStart(c >> 10)
			break
		}
	}
	for _, c := range cells {
		begin, end := columns.SlotStart(c>>10), columns.SlotStart(c>>10+1) // end is not included
		if c>>10 == 0 {
			begin, end = -1<<62, first
		}
		if c>>10 != 0 && seen != 0 && seen < end {
			end = max(begin+1, seen+1)
		}
		if n.From <= 0 {
			from = -1 << 62
		}
		switch {
		case begin >= from && end <= to:
			sure += uint64(c & 1023)
		case end > from && begin < to:
			perhaps += uint64(c & 1023)
		}
	}
	switch {
	case n.To != 0 && n.To <= n.From:
		return verdict(n.Min == 0)
	case n.Min > n.Max:
		return columns.No
	case sure >= n.Min && sure+perhaps <= n.Max:
		return columns.Yes
	case sure+perhaps < n.Min || sure > n.Max:
		return columns.No
	}
	return columns.Unknown
}

func lastSeen(r *columns.Row) clock.Instant {
	for _, v := range r.Values {
		if v.Field == (columns.Field{Kind: columns.Computed, Name: "last_seen"}) && v.IsNumber {
			return clock.Instant(v.Number)
		}
	}
	return 0
}

// world makes people and conditions of few values, so that they meet.
type world struct{ *rand.Rand }

const (
	day   = clock.Instant(24 * 3600 * 1_000_000)
	today = 20_000 * day
)

func (w world) key(n int) id.Key { return id.KeyOf("user_id", strconv.Itoa(n)) }

func (w world) field() columns.Field {
	return columns.Field{Kind: columns.Trait, Name: "t" + strconv.Itoa(w.IntN(4))}
}

func (w world) text() string {
	switch w.IntN(10) {
	case 0:
		return strconv.Quote(string(make([]byte, longest))) // too long to keep
	case 1:
		return "true"
	case 3:
		return fmt.Sprintf("[%d]", w.IntN(6))
	case 2:
		return strconv.Quote("rare" + strconv.Itoa(w.IntN(2000)))
	}
	return strconv.Quote(string(rune('a' + w.IntN(8))))
}

func (w world) row(n int) *columns.Row {
	r := &columns.Row{Key: w.key(n), Incomplete: w.IntN(20) == 0}
	has := map[columns.Field]bool{}
	for range w.IntN(5) {
		v := columns.Value{Field: w.field()}
		if has[v.Field] {
			continue
		}
		has[v.Field] = true
		if w.IntN(2) == 0 {
			v.Number, v.IsNumber = float64(w.IntN(20)-5)/2, true
		} else {
			v.Text = w.text()
		}
		r.Values = append(r.Values, v)
	}
	last := clock.Instant(0)
	for i := range 3 {
		if w.IntN(2) == 0 {
			r.Identifiers = append(r.Identifiers, columns.Identifier{Namespace: "n" + strconv.Itoa(w.IntN(3)), Value: strconv.Itoa(w.IntN(30))})
		}
		if w.IntN(3) == 0 {
			r.Members = append(r.Members, uint64(i))
		}
		if w.IntN(2) == 0 {
			e := columns.Events{Name: "e" + strconv.Itoa(i)}
			at := today - clock.Instant(w.IntN(40))*day
			if w.IntN(5) == 0 {
				e.Cells = columns.AppendCell(e.Cells, 0, uint64(1+w.IntN(3)))
			}
			for range w.IntN(6) {
				slot := columns.SlotOf(at)
				e.Cells = columns.AppendCell(e.Cells, slot, uint64(1+w.IntN(3)*w.IntN(800)))
				last = max(last, columns.SlotStart(slot)+clock.Instant(w.IntN(15*60))*1_000_000)
				at += clock.Instant(1+w.IntN(10)) * day / 5
			}
			r.Events = append(r.Events, e)
		}
	}
	if last != 0 {
		r.Values = append(r.Values, columns.Value{
			Field: columns.Field{Kind: columns.Computed, Name: "last_seen"}, Number: float64(last), IsNumber: true,
		})
	}
	return r
}

func (w world) instant() clock.Instant {
	at := today - clock.Instant(w.IntN(45)-2)*day
	if w.IntN(2) == 0 {
		at += clock.Instant(w.IntN(24*3600)) * 1_000_000
	}
	return at
}

func (w world) node(depth int) columns.Node {
	if depth > 0 && w.IntN(2) == 0 {
		var parts []columns.Node
		for range w.IntN(4) {
			parts = append(parts, w.node(depth-1))
		}
		switch w.IntN(3) {
		case 0:
			return columns.All(parts)
		case 1:
			return columns.Any(parts)
		}
		return columns.Not{Node: w.node(depth - 1)}
	}
	switch w.IntN(8) {
	case 0:
		return columns.Member(w.IntN(4))
	case 1:
		h := columns.HasIdentifier{Namespace: "n" + strconv.Itoa(w.IntN(4))}
		for range w.IntN(3) {
			h.Values = append(h.Values, strconv.Itoa(w.IntN(30)))
		}
		return h
	case 2, 3:
		return w.did()
	case 4:
		return columns.Everybody(w.IntN(3))
	}
	return w.scalar()
}

func (w world) did() columns.Did {
	d := columns.Did{Name: "e" + strconv.Itoa(w.IntN(4)), Max: columns.Often}
	if w.IntN(4) > 0 {
		d.From = w.instant()
	}
	if w.IntN(3) == 0 {
		d.To = w.instant()
	}
	d.Min = uint64(w.IntN(4) * w.IntN(4))
	if w.IntN(3) == 0 {
		d.Max = uint64(w.IntN(10))
	}
	return d
}

func (w world) scalar() columns.Scalar {
	s := columns.Scalar{Field: w.field(), Test: columns.Test{Absent: columns.Verdict(w.IntN(3))}}
	pick := uint64(w.IntN(1000))
	switch w.IntN(4) {
	case 0:
		s.Only = []string{w.text()}
	case 1:
		for range w.IntN(4) {
			s.Only = append(s.Only, w.text())
		}
		fallthrough
	default:
		s.Text = func(json string) columns.Verdict {
			sum := pick
			for i := range len(json) {
				sum = sum*31 + uint64(json[i])
			}
			return columns.Verdict(sum % 3)
		}
	}
	for range w.IntN(3) {
		from := float64(w.IntN(20)-5) / 2
		s.Ranges = append(s.Ranges, columns.Range{From: from, To: from + float64(w.IntN(6))})
	}
	if w.IntN(4) == 0 {
		s.Number = func(f float64) columns.Verdict { return columns.Verdict(uint64(f*2+100) * pick % 3) }
	}
	return s
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }
