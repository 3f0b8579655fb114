package httpapi

import "rapport/internal/event"

// The bodies say in the OpenAPI what may be written of an entity. The domain
// reads and checks what comes in itself, and says better what is wrong.

// OrderBody is what is written of an order.
type OrderBody struct {
	ID        string            `json:"id,omitempty" doc:"If given, that of the address"`
	Customer  *event.Identifier `json:"customer,omitempty" doc:"Whose order it is"`
	Status    string            `json:"status,omitempty" doc:"Left out at a put: purchased"`
	Currency  string            `json:"currency,omitempty" doc:"ISO 4217"`
	Time      string            `json:"time,omitempty" format:"date-time" doc:"When it was placed; left out at a put: now"`
	Purchased bool              `json:"purchased,omitempty" doc:"Whether it was placed; left out at a put: yes"`
	Cart      string            `json:"cart,omitempty" doc:"The cart it took"`
	Lines     []LineBody        `json:"lines,omitempty"`
	Total     float64           `json:"total,omitempty" doc:"Left out: the sum of the lines"`
	Refunds   []RefundBody      `json:"refunds,omitempty" doc:"Added to those that are there, by their ids"`
	Fields    map[string]any    `json:"fields,omitempty" doc:"Whatever else is to be kept"`
}

// LineBody is one line of an order or a cart; more members are kept.
type LineBody struct {
	ProductID string  `json:"product_id" doc:"The catalog item"`
	Quantity  float64 `json:"quantity,omitempty" doc:"Left out: 1"`
	Price     float64 `json:"price,omitempty" doc:"Of one piece"`
}

// CartBody is what is written of a cart.
type CartBody struct {
	ID       string            `json:"id,omitempty" doc:"If given, that of the address"`
	Customer *event.Identifier `json:"customer,omitempty" doc:"Whose cart it is"`
	Currency string            `json:"currency,omitempty" doc:"ISO 4217"`
	Lines    []LineBody        `json:"lines,omitempty" doc:"All lines of the cart"`
	Fields   map[string]any    `json:"fields,omitempty" doc:"Whatever else is to be kept"`
}

// ItemBody is what is written of a catalog item.
type ItemBody struct {
	ID         string         `json:"id,omitempty" doc:"If given, that of the address"`
	Attributes map[string]any `json:"attributes,omitempty" doc:"Name, price, address of a picture, …"`
	Dimensions map[string]any `json:"dimensions,omitempty" doc:"Category, Brand, …: a string or an array of strings each"`
}

// AccountBody is what is written of an account.
type AccountBody struct {
	ID     string         `json:"id,omitempty" doc:"If given, that of the address"`
	Traits map[string]any `json:"traits,omitempty"`
}
