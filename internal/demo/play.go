package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Plan is what to play.
type Plan struct {
	Seed   uint64
	Events int       // about so many in all
	People int       // who may come; at least 1
	Until  time.Time // where history ends
	Days   int       // how long it is; at least 1
	// Prefix begins the ids of people, goods, carts, orders and accounts, so that
	// they are nobody else's.
	Prefix string
	// Progress is told how many events were sent, again and again, and may end the
	// play; nil: nobody is told.
	Progress func(sent int) error
}

// Played is the state of the shop after its history; Live goes on from there.
type Played struct {
	plan  Plan
	to    Target
	shop  *shop
	Goods int
	Sent  int // events, with those sent twice
	Late  int
	Twice int
}

// History fills an empty server: first the catalog, then weeks of visits. It
// returns when everything is applied.
func History(ctx context.Context, to Target, plan Plan, out io.Writer) (*Played, error) {
	if plan.People < 1 || plan.Days < 1 || plan.Events < 0 {
		return nil, fmt.Errorf("a plan needs at least one person and one day, and no negative number of events")
	}
	p := &Played{plan: plan, to: to, shop: newShop(&plan)}
	if err := p.putGoods(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "catalog: %d items\n", p.Goods)
	c := hire(ctx, to, plan.Seed)
	c.progress = plan.Progress
	if err := p.playDays(c, out); err != nil {
		return nil, err
	}
	if err := c.empty(); err != nil {
		return nil, fmt.Errorf("playing history: %w", err)
	}
	p.Sent, p.Late, p.Twice = int(c.sent.Load()), c.late, c.twice
	fmt.Fprintf(out, "history: %d days, %d visits, %d orders; %d events sent, %d of them late and %d twice\n",
		plan.Days, p.shop.visits, p.shop.orders, p.Sent, p.Late, p.Twice)
	return p, settle(ctx, to, plan.Until)
}

// settle waits until everything before is applied, by one event that says so.
func settle(ctx context.Context, to Target, at time.Time) error {
	done := message{
		Type: "track", MessageID: "demo-history-played", AnonymousID: "demo-shop", Event: "History Played",
		Timestamp: stamp{at}, Context: map[string]any{"channel": "server"},
	}
	bag, err := encode([]message{done})
	if err != nil {
		return err
	}
	return to.post(ctx, batch{Batch: bag, Context: library()}, true)
}

// playDays hands day after day to the courier: a day's share of what is left
// follows the rhythm of the week, and the shop grows a little.
func (p *Played) playDays(c *courier, out io.Writer) error {
	// Whole days, the last of them over: nobody is left in the shop at the end.
	first := p.plan.Until.UTC().Add(-time.Hour).Truncate(24*time.Hour).AddDate(0, 0, -p.plan.Days)
	weights := make([]float64, p.plan.Days)
	rest := 0.0
	for i := range weights {
		weights[i] = busy[first.AddDate(0, 0, i).Weekday()] * (1 + float64(i)/float64(p.plan.Days))
		rest += weights[i]
	}
	for i, w := range weights {
		day := first.AddDate(0, 0, i)
		left := max(0, p.plan.Events-p.shop.agenda.made)
		p.shop.day(day, int(float64(left)*w/rest))
		rest -= w
		end := day.AddDate(0, 0, 1)
		if i == len(weights)-1 {
			end = p.plan.Until
		}
		for _, m := range p.shop.agenda.until(end) {
			if err := c.take(m); err != nil {
				return fmt.Errorf("playing %s: %w", day.Format(time.DateOnly), err)
			}
		}
		if (i+1)%7 == 0 || i == len(weights)-1 {
			fmt.Fprintf(out, "%s: %d events sent\n", day.Format(time.DateOnly), c.sent.Load())
		}
	}
	return nil
}

// item is a catalog item as the API takes it.
type item struct {
	Attributes attributes        `json:"attributes"`
	Dimensions map[string]string `json:"dimensions,omitempty"`
}

type attributes struct {
	Name     string      `json:"name,omitempty"`
	Price    json.Number `json:"price"`
	Currency string      `json:"currency"`
	Stock    *int        `json:"stock,omitempty"`
}

func (p *Played) putGoods(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * senders)
	for g := range slices.Values(p.shop.goods) {
		group.Go(func() error {
			return p.to.put(ctx, "/api/v1/catalog/items/"+g.id, item{
				Attributes: attributes{g.name, json.Number(g.price.String()), "EUR", &g.stock},
				Dimensions: map[string]string{"category": g.category, "brand": g.brand, "style": g.style},
			})
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("filling the catalog: %w", err)
	}
	p.Goods = len(p.shop.goods)
	return nil
}
