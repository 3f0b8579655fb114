package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
)

// OrderView is an order as the API shows it.
type OrderView struct {
	ID        string                     `json:"id"`
	Customer  *event.Identifier          `json:"customer" doc:"Whose order it is; null where nobody said"`
	Status    string                     `json:"status"`
	Currency  string                     `json:"currency" doc:"ISO 4217; XXX where nobody said"`
	Time      *clock.Instant             `json:"time" doc:"When it was placed; null where only its refund or status is known"`
	Purchased bool                       `json:"purchased" doc:"Whether it was placed; an order known by a refund alone was not"`
	Lines     json.RawMessage            `json:"lines" doc:"The lines as sent, or those of the cart the order took"`
	Total     json.Number                `json:"total" doc:"What it came to, else the sum of its lines"`
	Gross     json.Number                `json:"gross" doc:"The total, 0 while not placed or when cancelled"`
	Refunded  json.Number                `json:"refunded" doc:"Sum of the refunds in the order's currency; one in another is in refunds, and is not converted"`
	Net       json.Number                `json:"net" doc:"gross less refunded; a refund in another currency lowers its customer's net in that currency"`
	Refunds   []RefundView               `json:"refunds"`
	Cart      string                     `json:"cart,omitempty"`
	Fields    map[string]json.RawMessage `json:"fields"`
	UpdatedAt clock.Instant              `json:"updated_at" doc:"Event time of the newest thing said"`
	Truncated bool                       `json:"truncated,omitempty"`
}

// RefundView is one refund; amount is null where it is what the order had left.
type RefundView struct {
	ID       string          `json:"id"`
	Amount   *json.Number    `json:"amount"`
	Currency string          `json:"currency,omitempty"`
	Lines    json.RawMessage `json:"lines,omitempty"`
	Time     clock.Instant   `json:"time"`
}

// CartView is a cart as the API shows it.
type CartView struct {
	ID        string                     `json:"id"`
	Customer  *event.Identifier          `json:"customer"`
	Currency  string                     `json:"currency"`
	Lines     json.RawMessage            `json:"lines"`
	Total     json.Number                `json:"total" doc:"Sum of quantity times price over the lines that have a price"`
	Orders    []string                   `json:"orders" doc:"The orders that took the cart"`
	Fields    map[string]json.RawMessage `json:"fields"`
	UpdatedAt clock.Instant              `json:"updated_at"`
	Truncated bool                       `json:"truncated,omitempty" doc:"Older steps of the cart are gone"`
}

// ItemView is a catalog item as the API shows it.
type ItemView struct {
	ID         string                     `json:"id"`
	Attributes map[string]json.RawMessage `json:"attributes"`
	Dimensions map[string]json.RawMessage `json:"dimensions" doc:"Category, Brand, …: a string or an array of strings each"`
	UpdatedAt  clock.Instant              `json:"updated_at"`
	Truncated  bool                       `json:"truncated,omitempty"`
}

// AccountView is an account as the API shows it.
type AccountView struct {
	ID        string                     `json:"id"`
	Traits    map[string]json.RawMessage `json:"traits"`
	Members   []event.Identifier         `json:"members"`
	UpdatedAt clock.Instant              `json:"updated_at"`
	Truncated bool                       `json:"truncated,omitempty"`
}

// View is the entity as the API shows it: *OrderView, *CartView, *ItemView,
// *AccountView or *ObjectView, nil where it does not exist. cart is the one of CartID.
func (e *Entity) View(cart *Entity) any {
	if !e.Exists() {
		return nil
	}
	switch e.Kind {
	case Order:
		return e.orderView(cart)
	case Cart:
		return e.CartView()
	case Item:
		return &ItemView{
			ID: e.ID, Attributes: e.under(FieldPrefix), Dimensions: e.under(DimensionPrefix),
			UpdatedAt: e.updated(), Truncated: e.Truncated(),
		}
	case Account:
		return &AccountView{
			ID: e.ID, Traits: e.under(FieldPrefix), Members: e.members(),
			UpdatedAt: e.updated(), Truncated: e.Truncated(),
		}
	case Object:
		return e.ObjectView()
	}
	return nil
}

func (e *Entity) orderView(cart *Entity) *OrderView {
	m := e.Money(cart)
	v := &OrderView{
		ID: e.ID, Customer: e.customerView(), Status: e.text("status"), Currency: m.Currency, Purchased: m.Purchased,
		Lines: json.RawMessage("[]"), Total: m.Total.Number(), Cart: e.text("cart"),
		Refunds: []RefundView{}, Fields: e.under(FieldPrefix), UpdatedAt: e.updated(), Truncated: e.Truncated(),
	}
	if m.Time != 0 {
		v.Time = &m.Time
	}
	if lines := e.lines(cart); lines != nil {
		v.Lines = json.RawMessage(linesText(lines))
	}
	var gross, refunded Sum
	if m.Counts() {
		gross.AddSum(&m.Total)
	}
	for i := range m.Refunds {
		if m.Refunds[i].Currency == m.Currency {
			refunded.AddSum(&m.Refunds[i].Sum)
		}
	}
	net := difference(&gross, &refunded)
	v.Gross, v.Refunded, v.Net = gross.Number(), refunded.Number(), net.Number()
	for i := range e.refunds {
		r := &e.refunds[i]
		rv := RefundView{ID: r.ID, Currency: r.Currency, Time: r.Stamp.Time}
		if r.Amount != "" {
			n := json.Number(r.Amount)
			rv.Amount = &n
		}
		if r.Lines != "" {
			rv.Lines = json.RawMessage(r.Lines)
		}
		v.Refunds = append(v.Refunds, rv)
	}
	return v
}

// CartView is the cart as it is after all of its steps.
func (e *Entity) CartView() *CartView {
	lines := e.contents(len(e.ops))
	sum, _ := linesSum(lines)
	v := &CartView{
		ID: e.ID, Customer: e.customerView(), Currency: e.currency(), Lines: json.RawMessage(linesText(lines)),
		Total: sum.Number(), Orders: []string{}, Fields: e.under(FieldPrefix),
		UpdatedAt: e.updated(), Truncated: e.Truncated(),
	}
	for i := range e.ops {
		if e.ops[i].Verb == CartPurchase {
			v.Orders = append(v.Orders, e.ops[i].Order)
		}
	}
	return v
}

func (e *Entity) customerView() *event.Identifier {
	if c := e.Customer(); c.Value != "" {
		return &c
	}
	return nil
}

// under gives the fields after a prefix that are not null.
func (e *Entity) under(prefix string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for i := range e.fields {
		if name, ok := strings.CutPrefix(e.fields[i].name, prefix); ok && e.fields[i].value != "null" {
			out[name] = json.RawMessage(e.fields[i].value)
		}
	}
	return out
}

func (e *Entity) members() []event.Identifier {
	out := []event.Identifier{}
	for i := range e.fields {
		if text, ok := strings.CutPrefix(e.fields[i].name, memberPrefix); ok && e.fields[i].value != "null" {
			namespace, value, _ := strings.Cut(text, ":")
			out = append(out, event.Identifier{Namespace: namespace, Value: value})
		}
	}
	return out
}

// updated is the time of the newest thing said.
func (e *Entity) updated() clock.Instant {
	newest := e.newest()
	return newest.Time
}

func (e *Entity) newest() Stamp {
	newest := e.floor
	for i := range e.fields {
		if !e.fields[i].party() {
			newest = later(newest, e.fields[i].stamp)
		}
	}
	for i := range e.refunds {
		newest = later(newest, e.refunds[i].Stamp)
	}
	if n := len(e.ops); n > 0 {
		newest = later(newest, e.ops[n-1].Stamp)
	}
	return newest
}

// ETag is the strong entity tag of the entity as View shows it without a cart;
// "" where it does not exist.
func (e *Entity) ETag() string {
	v := e.View(nil)
	if v == nil {
		return ""
	}
	return ETagOf(v)
}

// ETagOf is the strong, quoted entity tag of a view: equal views have equal
// tags and no others do. It is "" for what cannot be shown as JSON.
func ETagOf(view any) string {
	b, err := json.Marshal(view)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}
