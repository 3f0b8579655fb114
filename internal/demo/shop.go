package demo

import (
	"math"
	"math/rand/v2"
	"time"
)

// shop is the world that is played: goods, people, and what they will do.
type shop struct {
	rand     *rand.Rand
	prefix   string // of all ids but those of messages and devices
	goods    []good
	byKind   map[string][]*good
	people   []*person
	whoComes *rand.Zipf
	agenda   agenda
	visits   int
	carts    int
	orders   int
}

// newShop makes a shop; equal plans make equal shops.
func newShop(plan *Plan) *shop {
	r, people := rand.New(rand.NewPCG(plan.Seed, 0x5290)), plan.People
	s := &shop{rand: r, prefix: plan.Prefix, goods: stockRoom(r, plan.Prefix), byKind: map[string][]*good{}, people: crowd(r, people, plan.Prefix)}
	for i := range s.goods {
		g := &s.goods[i]
		s.byKind[g.category] = append(s.byKind[g.category], g)
	}
	// A few come all the time, most a few times, as in any shop.
	s.whoComes = rand.NewZipf(r, 1.15, 12, uint64(people-1))
	return s
}

// popular draws a good of a category: the first of them sell most.
func (s *shop) popular(r *rand.Rand, category string) *good {
	of := s.byKind[category]
	i := int(float64(len(of)) * math.Pow(r.Float64(), 3))
	return of[min(i, len(of)-1)]
}

// open lets one person come in at an instant.
func (s *shop) open(at time.Time) {
	s.visits++
	p := s.people[s.whoComes.Uint64()]
	v := visit{shop: s, rand: s.rand, who: p, device: pick(s.rand, p.devices), at: at}
	v.run()
}

// afterwards is what an order brings about: e-mails and, now and then, money back.
func (s *shop) afterwards(r *rand.Rand, p *person, d *device, order map[string]any, at time.Time) {
	ids := message{AnonymousID: d.anonymousID}
	if d.signedIn {
		ids = message{UserID: p.userID}
	}
	s.mail(r, ids, p, "order-confirmation", at.Add(40*time.Second))
	if r.IntN(2) == 0 {
		s.mail(r, ids, p, "how-was-it", at.Add(9*24*time.Hour+time.Duration(r.IntN(600))*time.Minute))
	}
	if r.IntN(14) > 0 {
		return
	}
	back := p.cart // the whole order
	if len(back) > 1 && r.IntN(2) == 0 {
		back = back[:1]
	}
	m := ids
	m.Type, m.Event = "track", "Order Refunded"
	p.moneyBack = at.Add(time.Duration(48+r.IntN(240)) * time.Hour)
	m.Timestamp = stamp{p.moneyBack}
	m.Context = map[string]any{"channel": "server"}
	m.Properties = map[string]any{
		"order_id": order["order_id"], "refund_id": "refund-" + order["order_id"].(string),
		"currency": order["currency"], "total": total(back), "products": products(back),
	}
	s.agenda.add(r, m)
}

// mail is one e-mail: delivered, perhaps opened, perhaps clicked.
func (s *shop) mail(r *rand.Rand, ids message, p *person, campaign string, at time.Time) {
	steps := []struct {
		name string
		odds float64
		wait time.Duration
	}{
		{"Email Delivered", 1, 0},
		{"Email Opened", 0.5, time.Duration(r.ExpFloat64()*90) * time.Minute},
		{"Email Link Clicked", 0.35, time.Duration(10+r.IntN(120)) * time.Second},
	}
	for _, step := range steps {
		if r.Float64() > step.odds {
			return
		}
		at = at.Add(step.wait)
		m := ids
		m.Type, m.Event, m.Timestamp = "track", step.name, stamp{at}
		m.Context = map[string]any{"channel": "email", "campaign": map[string]any{"name": campaign, "medium": "email"}}
		m.Properties = map[string]any{"campaign_name": campaign, "email_id": number("mail-", s.agenda.made, 7), "email": p.email}
		s.agenda.add(r, m)
	}
}

// day plays the visits of one day, about so many events, and the newsletter.
func (s *shop) day(start time.Time, events int) {
	if start.Weekday() == time.Tuesday {
		s.newsletter(start.Add(10 * time.Hour))
	}
	for made := s.agenda.made + events; s.agenda.made < made; {
		s.open(start.Add(hourOfDay(s.rand)))
	}
}

// newsletter goes to members, the busiest first, as long as it is worth it.
func (s *shop) newsletter(at time.Time) {
	for _, p := range s.people[:len(s.people)/8] {
		if p.signedUp && s.rand.IntN(2) == 0 {
			wait := time.Duration(s.rand.IntN(3600)) * time.Second
			s.mail(s.rand, message{UserID: p.userID}, p, "weekly", at.Add(wait))
		}
	}
}

// busy is how much of a week's traffic falls on each day, Sunday first.
var busy = [7]float64{1.25, 0.95, 0.9, 0.9, 0.95, 1.0, 1.3}

// hours is how many of a day's visits begin in each hour, in percent.
var hours = [24]int{2, 1, 1, 0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 5, 4, 4, 4, 5, 7, 9, 10, 9, 6, 3}

// hourOfDay draws the time of a day when a visit begins.
func hourOfDay(r *rand.Rand) time.Duration {
	n := r.IntN(100)
	for h, share := range hours {
		if n < share {
			return time.Duration(h)*time.Hour + time.Duration(r.IntN(3600_000))*time.Millisecond
		}
		n -= share
	}
	return 20 * time.Hour
}
