package profile

import (
	"cmp"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// loyalty is what events of a loyalty programme say: sums of points that came
// and went, the latest tier and balance, the first joining. Most people have
// none.
type loyalty struct {
	earned, spent catalog.Sum
	tier, balance value // canonical JSON; empty: never said
	joined        clock.Instant
	dirty         bool
}

// loyaltyPrefix begins the names of the events that are read, such as
// "Loyalty Points Earned".
const loyaltyPrefix = "Loyalty "

// foldLoyalty reads an event of a loyalty programme.
func (p *Partial) foldLoyalty(e *event.Event, stamp catalog.Stamp) {
	if e.Type != event.Track || !strings.HasPrefix(e.Name, loyaltyPrefix) {
		return
	}
	var l loyalty
	points, _ := catalog.AmountOf(e.Properties.Get("points"))
	said := true
	switch e.Name[len(loyaltyPrefix):] {
	case "Joined", "Program Joined", "Programme Joined", "Enrolled":
		l.joined = e.Time
	case "Points Earned", "Points Awarded":
		l.earned.Add(points)
	case "Points Redeemed", "Points Spent", "Points Expired":
		l.spent.Add(points.Abs())
	default:
		said = false
	}
	if v := e.Properties.Get("tier"); short(v, jsondoc.String) {
		l.tier, said = value{catalog.Canonical(v), stamp}, true
	}
	if v := e.Properties.Get("points_balance"); short(v, jsondoc.Number) {
		l.balance, said = value{catalog.Canonical(v), stamp}, true
	}
	if !said {
		return
	}
	if p.loyalty == nil {
		p.loyalty = &loyalty{}
	}
	p.loyalty.add(&l)
}

func short(v jsondoc.Value, kind jsondoc.Kind) bool {
	return v.Kind() == kind && len(v.Raw()) <= MaxCountedBytes
}

func (l *loyalty) add(o *loyalty) {
	l.earned.AddSum(&o.earned)
	l.spent.AddSum(&o.spent)
	l.joined = earliest(l.joined, o.joined)
	if o.tier.compare(&l.tier) > 0 {
		l.tier = o.tier
	}
	if o.balance.compare(&l.balance) > 0 {
		l.balance = o.balance
	}
	l.dirty = true
}

// counted tells whether anything was said of points.
func (l *loyalty) counted() bool {
	return l.balance.text != "" || l.earned.Sign() != 0 || l.spent.Sign() != 0
}

// points is the balance: what the programme said last, else what was earned
// less what was spent.
func (l *loyalty) points() string {
	return cmp.Or(l.balance.text, l.left())
}

func (l *loyalty) left() string {
	var left catalog.Sum
	left.AddSum(&l.earned)
	left.Sub(&l.spent)
	return left.Text()
}
