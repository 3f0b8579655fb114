package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"

	"github.com/govalues/decimal"
	"golang.org/x/sync/errgroup"
)

// maxEvent is what the tracking protocol lets one event weigh, less some room
// for what the server adds.
const maxEvent = 31_000

// currency of the file: the shop was British.
const retailCurrency = "GBP"

// Retail plays a file of order lines into an empty server: the goods into the
// catalog, each invoice as Order Completed, each C… invoice as Order Refunded.
// Lines without a customer are purchases of an anonymous person per invoice.
// What could not be played is in the report, line by line.
func Retail(ctx context.Context, to Target, file io.Reader, out io.Writer) (RetailReport, error) {
	g, err := gather(file)
	if err != nil {
		return RetailReport{}, err
	}
	if err := g.putItems(ctx, to); err != nil {
		return g.report, err
	}
	c := hire(ctx, to, 0)
	for i, v := range g.invoices {
		m, err := g.message(v)
		if err == nil {
			err = c.take(m)
		}
		if err != nil {
			return g.report, fmt.Errorf("playing invoice %s: %w", v.id, err)
		}
		if (i+1)%5000 == 0 {
			fmt.Fprintf(out, "%d of %d invoices\n", i+1, len(g.invoices))
		}
	}
	if err := c.empty(); err != nil {
		return g.report, fmt.Errorf("playing invoices: %w", err)
	}
	g.report.print(out)
	g.note()
	if len(g.invoices) == 0 {
		return g.report, nil
	}
	return g.report, settle(ctx, to, g.invoices[len(g.invoices)-1].time)
}

// message makes the event of an invoice. Where its lines do not fit into one
// event their names are left out, which the catalog has; then lines of one
// item at one price are joined; then the order goes without lines.
func (g *retail) message(v *invoice) (message, error) {
	sum, err := v.total()
	if err != nil {
		return message{}, err
	}
	m := message{
		Type: "track", Event: "Order Completed", MessageID: "retail-" + v.id, Timestamp: stamp{v.time},
		Context: map[string]any{"channel": "store", "location": map[string]any{"country": v.country}},
	}
	properties := map[string]any{"order_id": v.id, "currency": retailCurrency, "total": amount(sum)}
	if v.refund {
		m.Event, properties["refund_id"] = "Order Refunded", v.id
		g.report.Returns++
	} else {
		g.report.Orders++
	}
	if m.UserID = v.customer; m.UserID == "" {
		m.AnonymousID = "invoice-" + v.id
		g.report.Unnamed++
	}
	for _, lines := range [...]func(*invoice) []any{fullLines, shortLines, joinedLines, nil} {
		m.Properties = maps.Clone(properties)
		if lines == nil {
			m.Properties["line_count"] = len(v.lines)
			g.report.Bare = append(g.report.Bare, v.id)
			break
		}
		m.Properties["products"] = lines(v)
		raw, err := json.Marshal(m)
		if err != nil || len(raw) <= maxEvent {
			return m, err
		}
	}
	return m, nil
}

// putItems makes an item of every stock code that was sold, as its last line
// names and prices it.
func (g *retail) putItems(ctx context.Context, to Target) error {
	last := map[string]saleLine{}
	for _, v := range g.invoices {
		for _, l := range v.lines {
			if old, ok := last[l.item]; !v.refund && (!ok || !l.time.Before(old.time)) {
				last[l.item] = l
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * senders)
	for id, l := range last {
		group.Go(func() error {
			return to.put(ctx, "/api/v1/catalog/items/"+url.PathEscape(id), item{
				Attributes: attributes{Name: l.description, Price: amount(l.price), Currency: retailCurrency},
			})
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("filling the catalog: %w", err)
	}
	return nil
}

// amount writes an exact decimal as a JSON number.
func amount(d decimal.Decimal) json.Number { return json.Number(d.Trim(0).String()) }

// shortLine names the item by the shorter of the two fields that do.
type shortLine struct {
	ID       string      `json:"sku"`
	Quantity int64       `json:"quantity"`
	Price    json.Number `json:"price"`
}

type fullLine struct {
	ID       string      `json:"product_id"`
	Name     string      `json:"name,omitempty"`
	Quantity int64       `json:"quantity"`
	Price    json.Number `json:"price"`
}

func short(l saleLine) shortLine {
	return shortLine{l.item, max(l.quantity, -l.quantity), amount(l.price)}
}

func fullLines(v *invoice) []any {
	out := make([]any, len(v.lines))
	for i, l := range v.lines {
		s := short(l)
		out[i] = fullLine{s.ID, l.description, s.Quantity, s.Price}
	}
	return out
}

func shortLines(v *invoice) []any {
	out := make([]any, len(v.lines))
	for i, l := range v.lines {
		out[i] = short(l)
	}
	return out
}

func joinedLines(v *invoice) []any {
	type key struct {
		item  string
		price json.Number
	}
	at := map[key]int{}
	var out []shortLine
	for _, l := range v.lines {
		s := short(l)
		k := key{s.ID, s.Price}
		if i, ok := at[k]; ok {
			out[i].Quantity += s.Quantity
			continue
		}
		at[k] = len(out)
		out = append(out, s)
	}
	boxed := make([]any, len(out))
	for i, s := range out {
		boxed[i] = s
	}
	return boxed
}

// Looks are the places to begin after a file was played: the customer with the
// most invoices, money back counting twice.
func (r RetailReport) Looks() []Look {
	looks := []Look{sums}
	if r.Customer != "" {
		looks = append(looks,
			Look{Title: "the customer who came most often", Path: profilePath("user_id", r.Customer)},
			Look{Title: "what the customer did, latest first", Path: profilePath("user_id", r.Customer) + "/timeline?limit=5"},
			Look{Title: "only the money that went back", Path: profilePath("user_id", r.Customer) + "/timeline?name=Order+Refunded"},
			Look{Title: "the segments the customer is in or not, and why", Path: profilePath("user_id", r.Customer) + "/segments"},
			offerFor("user_id:"+r.Customer), decided)
	}
	if r.Order != "" {
		looks = append(looks, Look{Title: "one of the orders", Path: "/api/v1/orders/" + url.PathEscape(r.Order)})
	}
	return looks
}

// note remembers what is worth a look.
func (g *retail) note() {
	worth := map[string]int{}
	for _, v := range g.invoices {
		worth[v.customer]++
		if v.refund {
			worth[v.customer]++
		}
		if v.customer != "" && worth[v.customer] > worth[g.report.Customer] || g.report.Customer == "" {
			g.report.Customer = v.customer
		}
	}
	for _, v := range g.invoices {
		if v.customer == g.report.Customer && !v.refund {
			g.report.Order = v.id
		}
	}
}

// print says what became of the lines.
func (r RetailReport) print(out io.Writer) {
	fmt.Fprintf(out, "%d lines: %d of orders, %d gifts among orders, %d of refunds, %d adjustments (A…) and %d stock corrections set aside, %d rejected\n",
		r.Lines, r.Sales, r.Gifts, r.Refunds, r.Adjustments, r.Stock, len(r.Rejected))
	fmt.Fprintf(out, "%d orders and %d refunds, %d of them without a customer\n", r.Orders, r.Returns, r.Unnamed)
	for _, id := range r.Bare {
		fmt.Fprintf(out, "invoice %s: its lines do not fit into one event, sent with its total only\n", id)
	}
	for _, l := range slices.SortedFunc(slices.Values(r.Rejected), func(a, b Rejected) int { return a.Line - b.Line }) {
		fmt.Fprintf(out, "line %d rejected: %s\n", l.Line, l.Reason)
	}
}
