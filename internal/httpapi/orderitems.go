package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// ItemOfOrder is one line of an order: what was said of it, and its id.
type ItemOfOrder map[string]json.RawMessage

// OrderItems are the lines of an order.
type OrderItems struct {
	Items []ItemOfOrder `json:"items" nullable:"false" doc:"Each with line_id: the id that it was given, else its place, counted from 1"`
}

// ItemID names a line of an order in a path.
type ItemID struct {
	EntityID
	Item string `path:"item" maxLength:"512" doc:"line_id of the line: the id that it was given, else its place, counted from 1"`
}

type itemChange struct {
	ItemID
	Conditions
	Waiting
	RawBody []byte
}

type itemAnswer struct {
	Status   int
	ETag     string `header:"ETag" doc:"Of the order"`
	Location string `header:"Location"`
	Applied
	Body ItemOfOrder
}

const itemsPath = "/orders/{id}/items"

func (a *API) orderItemRoutes() {
	at := func(id, method, path, summary string) spec {
		s := spec{id: id, method: method, path: itemsPath + path, tag: "entities", summary: summary, scope: access.ScopeWrite, status: http.StatusOK}
		if method == http.MethodGet {
			s.scope = access.ScopeRead
		}
		return s
	}
	register(a, at("list-order-items", http.MethodGet, "", "The lines of an order"), a.listOrderItems)
	register(a, at("get-order-item", http.MethodGet, "/{item}", "One line of an order"), a.getOrderItem)

	add := at("add-order-item", http.MethodPost, "", "Add a line to an order")
	add.status, add.body, add.returns = http.StatusCreated, LineBody{}, ItemOfOrder{}
	register(a, add, func(ctx context.Context, in *entityChange) (*itemAnswer, error) {
		return a.changeItem(ctx, http.MethodPost, &itemChange{ItemID{in.EntityID, ""}, in.Conditions, in.Waiting, in.RawBody})
	})
	for _, s := range []spec{
		at("put-order-item", http.MethodPut, "/{item}", "Replace a line of an order"),
		at("patch-order-item", http.MethodPatch, "/{item}", "Change members of a line of an order; null takes one away"),
	} {
		s.body, s.returns = LineBody{}, ItemOfOrder{}
		register(a, s, func(ctx context.Context, in *itemChange) (*itemAnswer, error) { return a.changeItem(ctx, s.method, in) })
	}
	remove := at("delete-order-item", http.MethodDelete, "/{item}", "Take a line out of an order")
	remove.status = http.StatusNoContent
	register(a, remove, func(ctx context.Context, in *struct {
		ItemID
		Conditions
		Waiting
	},
	) (*removed, error) {
		out, err := a.changeItem(ctx, http.MethodDelete, &itemChange{in.ItemID, in.Conditions, in.Waiting, nil})
		if err != nil {
			return nil, err
		}
		return &removed{out.Applied}, nil
	})
}

// orderLines are the lines of an order as they are, with the order's tag.
func (a *API) orderLines(ctx context.Context, id string) ([]ItemOfOrder, string, error) {
	stored, err := a.Spine.Entity(ctx, catalog.Order, id)
	if err != nil {
		return nil, "", err
	}
	v, ok := stored.View.(*catalog.OrderView)
	if !ok {
		return nil, "", errors.New("the order has no view")
	}
	lines := []ItemOfOrder{}
	if err := json.Unmarshal(v.Lines, &lines); err != nil {
		return nil, "", err
	}
	return lines, stored.ETag, nil
}

// lineIDs are the members that name a line; ref is that of the Sitecore clients.
func lineIDs() []string { return []string{"line_id", "ref"} }

// lineID is the id of a line: the one that it was given, else its place.
func lineID(line ItemOfOrder, place int) string {
	for _, name := range lineIDs() {
		var id string
		if json.Unmarshal(line[name], &id) == nil && id != "" {
			return id
		}
	}
	return strconv.Itoa(place + 1)
}

// named is a line with its id.
func named(line ItemOfOrder, place int) ItemOfOrder {
	out := ItemOfOrder{"line_id": quoted(lineID(line, place))}
	for name, v := range line {
		if name != "line_id" {
			out[name] = v
		}
	}
	return out
}

func quoted(s string) json.RawMessage {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is a string
	}
	return text
}

func pick(lines []ItemOfOrder, order, id string) (int, error) {
	for i, line := range lines {
		if lineID(line, i) == id {
			return i, nil
		}
	}
	return 0, fault.Errorf(fault.NotFound, "order_item_not_found", "the order %q has no line %q", order, id)
}

func (a *API) listOrderItems(ctx context.Context, in *EntityID) (*struct {
	ETag string `header:"ETag" doc:"Of the order"`
	Body OrderItems
}, error,
) {
	lines, tag, err := a.orderLines(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	for i := range lines {
		lines[i] = named(lines[i], i)
	}
	out := &struct {
		ETag string `header:"ETag" doc:"Of the order"`
		Body OrderItems
	}{tag, OrderItems{lines}}
	return out, nil
}

func (a *API) getOrderItem(ctx context.Context, in *ItemID) (*itemAnswer, error) {
	lines, tag, err := a.orderLines(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	i, err := pick(lines, in.ID, in.Item)
	if err != nil {
		return nil, err
	}
	return &itemAnswer{Status: http.StatusOK, ETag: tag, Body: named(lines[i], i)}, nil
}

// itemTries bounds how often a change of a line is made anew because the order
// was changed meanwhile.
const itemTries = 10

// noTag is the tag of no order.
const noTag = `"-"`

// changeItem changes one line of an order: the order with its other lines is
// what is written, if it is still what was read.
func (a *API) changeItem(ctx context.Context, method string, in *itemChange) (*itemAnswer, error) {
	for try := 1; ; try++ {
		out, err := a.tryItem(ctx, method, in)
		if fault.KindOf(err) == fault.Precondition && in.IfMatch == "" && try < itemTries {
			continue
		}
		return out, err
	}
}

func (a *API) tryItem(ctx context.Context, method string, in *itemChange) (*itemAnswer, error) {
	lines, tag, err := a.orderLines(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.IfMatch != "" && in.IfMatch != "*" {
		tag = in.IfMatch
	}
	id, lines, wrong := a.edit(method, in, lines)
	if wrong != nil && (in.IdempotencyKey == "" || fault.KindOf(wrong) == fault.Invalid) {
		return nil, wrong
	}
	if wrong != nil {
		tag = noTag // it may be so by this very request, sent before: only then is it answered
	}
	patch, err := json.Marshal(map[string]any{"lines": lines})
	if err != nil {
		return nil, err
	}
	out, err := a.command(ctx, nouns()[0], in.Waiting, pipeline.Command{
		Kind: catalog.Order, ID: in.ID, Op: catalog.Merge, Body: patch, IfMatch: tag, IdempotencyKey: in.IdempotencyKey,
		Sent: slices.Concat([]byte(method+" "+in.Item+"\n"), in.RawBody),
	})
	if err != nil && wrong != nil {
		return nil, wrong
	}
	if err != nil {
		return nil, ofLine(err)
	}
	return itemWritten(method, in.ID, out, id)
}

// edit makes the change among the lines, and gives the id of the line.
func (a *API) edit(method string, in *itemChange, lines []ItemOfOrder) (string, []ItemOfOrder, error) {
	var line ItemOfOrder
	if method != http.MethodDelete {
		if err := json.Unmarshal(in.RawBody, &line); err != nil || line == nil {
			return "", nil, fault.Errorf(fault.Invalid, "invalid_json", `the body is no JSON object: send one such as {"product_id": "p1", "quantity": 2}`)
		}
	}
	if method == http.MethodPost {
		return a.addLine(in, lines, line)
	}
	i, err := pick(lines, in.ID, in.Item)
	if err != nil {
		return in.Item, lines, err
	}
	switch method {
	case http.MethodDelete:
		return in.Item, slices.Delete(lines, i, i+1), nil
	case http.MethodPut:
		for _, name := range lineIDs() { // its id stays
			if v, had := lines[i][name]; had {
				line[name] = v
			}
		}
		lines[i] = line
	default:
		mergeLine(lines[i], line)
	}
	return in.Item, lines, nil
}

func (a *API) addLine(in *itemChange, lines []ItemOfOrder, line ItemOfOrder) (string, []ItemOfOrder, error) {
	if _, given := line["line_id"]; !given {
		line["line_id"] = quoted(a.newLineID(in.IdempotencyKey))
	}
	id := lineID(line, len(lines))
	if _, err := pick(lines, in.ID, id); err == nil {
		return id, lines, fault.Errorf(fault.Conflict, "already_exists", "the order %q has a line %q already: PUT replaces it", in.ID, id)
	}
	return id, append(lines, line), nil
}

// mergeLine takes the members of a patch; the line's id stays.
func mergeLine(line, patch ItemOfOrder) {
	for name, v := range patch {
		switch {
		case slices.Contains(lineIDs(), name):
		case string(v) == "null":
			delete(line, name)
		default:
			line[name] = v
		}
	}
}

// newLineID makes the id of a line that brings none: the same for the same
// idempotency key.
func (a *API) newLineID(idempotencyKey string) string {
	if idempotencyKey == "" {
		return "li_" + a.NewID()
	}
	sum := sha256.Sum256([]byte("line\x00" + idempotencyKey))
	return "li_" + hex.EncodeToString(sum[:12])
}

func itemWritten(method, order string, out *written, id string) (*itemAnswer, error) {
	answer := &itemAnswer{Status: http.StatusOK, ETag: out.ETag, Applied: out.Applied}
	if method == http.MethodDelete {
		answer.Status = http.StatusNoContent
		return answer, nil
	}
	v, ok := out.Body.(*catalog.OrderView)
	if !ok {
		return nil, errors.New("the order has no view")
	}
	var lines []ItemOfOrder
	if err := json.Unmarshal(v.Lines, &lines); err != nil {
		return nil, err
	}
	i, err := pick(lines, order, id)
	if err != nil {
		return nil, err
	}
	answer.Body = named(lines[i], i)
	if method == http.MethodPost {
		answer.Status = http.StatusCreated
		answer.Location = prefix[:len(prefix)-1] + "/orders/" + url.PathEscape(order) + "/items/" + url.PathEscape(id)
	}
	return answer, nil
}

// ofLine names members as the caller sent them, not as the order has them.
func ofLine(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Code != "invalid_order" {
		return err
	}
	return fault.Errorf(f.Kind, "invalid_order_item", "%s", f.Message).At(f.Field)
}
