package sitecore

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// The ref of an order item is that of its order, ~, and its own, or its place
// where a stream brought it without one.

func (d *Door) itemRoutes() {
	for _, v := range [...]string{"/v2", "/v2.1"} {
		d.mux.Handle("GET "+v+"/orders/{ref}/orderItems", d.serve(false, (*call).listItems))
		d.mux.Handle("POST "+v+"/orders/{ref}/orderItems", d.serve(true, (*call).createItem))
		d.mux.Handle("GET "+v+"/orderItems/{item}", d.serve(false, (*call).getItem))
		d.mux.Handle("DELETE "+v+"/orderItems/{item}", d.serve(true, (*call).deleteItem))
	}
	d.mux.Handle("POST /v2/orderItems/{item}", d.serve(true, (*call).patchItem))
	d.mux.Handle("PATCH /v2.1/orderItems/{item}", d.serve(true, (*call).patchItem))
	d.mux.Handle("PUT /v2.1/orderItems/{item}", d.serve(true, (*call).putItem))
}

// lineRef is the member that holds the ref of a line.
const lineRef = "item_ref"

// appendRefLines lays order items out as lines, each with a ref.
func appendRefLines(b []byte, v jsondoc.Value, newID func() string) []byte {
	b = append(b, '[')
	n := 0
	v.Items(func(_ int, line jsondoc.Value) bool {
		if line.Kind() != jsondoc.Object {
			return true
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = appendLine(b, line)
		if !line.Get(lineRef).Exists() {
			w := writer{b[:len(b)-1]}
			w.text(lineRef, newID())
			b = append(w.b, '}')
		}
		return true
	})
	return append(b, ']')
}

// itemOf shows a line of an order.
func (c *call) itemOf(order string, lines []map[string]json.RawMessage, i int) item {
	out := item{}
	for name, value := range lines[i] {
		switch name {
		case "product_id":
			out["productId"] = value
		case "currency":
			out["currencyCode"] = value
		case lineRef:
		default:
			out[name] = value
		}
	}
	own := strings.Trim(string(lines[i][lineRef]), `"`)
	if own == "" {
		own = strconv.Itoa(i)
	}
	ref := order + "~" + own
	out["ref"], out["href"] = ref, c.href("/"+c.version()+"/orderItems/"+url.PathEscape(ref))
	return out
}

func (c *call) listItems() (reply, error) {
	p, err := c.paging()
	if err != nil {
		return reply{}, err
	}
	v, _, err := c.order(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	lines, err := linesOf(v)
	if err != nil {
		return reply{}, fmt.Errorf("lines of an order: %w", err)
	}
	items := make([]item, 0, len(lines))
	for i := range lines {
		items = append(items, c.itemOf(v.ID, lines, i))
	}
	return reply{http.StatusOK, c.page(items, p)}, nil
}

// lines is an order with its lines as they are while it is changed.
type lines struct {
	order *catalog.OrderView
	tag   string
	list  []map[string]json.RawMessage
	at    int // the one that is asked for
}

// find finds the order and the line that the address names.
func (c *call) find() (*lines, error) {
	full := c.PathValue("item")
	cut := strings.LastIndexByte(full, '~')
	missing := fault.Errorf(fault.NotFound, "order_item_not_found", "there is no order item %.100q", full)
	if cut < 0 {
		return nil, missing
	}
	l := &lines{at: -1}
	var err error
	if l.order, l.tag, err = c.order(c.Context(), full[:cut]); err != nil {
		return nil, err
	}
	if l.list, err = linesOf(l.order); err != nil {
		return nil, fmt.Errorf("lines of an order: %w", err)
	}
	for i, line := range l.list {
		own := strings.Trim(string(line[lineRef]), `"`)
		if own == full[cut+1:] || own == "" && strconv.Itoa(i) == full[cut+1:] {
			l.at = i
			return l, nil
		}
	}
	return nil, missing
}

func (c *call) getItem() (reply, error) {
	l, err := c.find()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.itemOf(l.order.ID, l.list, l.at)}, nil
}

// line is the body as a line.
func (c *call) line() (map[string]json.RawMessage, error) {
	var line map[string]json.RawMessage
	if err := json.Unmarshal(appendLine(nil, c.body), &line); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_order_item", "the order item cannot be read: %w", err)
	}
	delete(line, "ref")
	delete(line, "href")
	return line, nil
}

func (c *call) createItem() (reply, error) {
	v, tag, err := c.order(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	l := &lines{order: v, tag: tag}
	if l.list, err = linesOf(v); err != nil {
		return reply{}, fmt.Errorf("lines of an order: %w", err)
	}
	line, err := c.line()
	if err != nil {
		return reply{}, err
	}
	line[lineRef] = jsondoc.AppendString(nil, c.door.newID())
	l.list, l.at = append(l.list, line), len(l.list)
	return c.keepLines(http.StatusCreated, l)
}

func (c *call) patchItem() (reply, error) { return c.updateItem(false) }
func (c *call) putItem() (reply, error)   { return c.updateItem(true) }

func (c *call) updateItem(whole bool) (reply, error) {
	l, err := c.find()
	if err != nil {
		return reply{}, err
	}
	line, err := c.line()
	if err != nil {
		return reply{}, err
	}
	old := l.list[l.at]
	if !whole {
		for name, value := range old {
			if _, said := line[name]; !said {
				line[name] = value
			}
		}
	}
	if own, ok := old[lineRef]; ok {
		line[lineRef] = own
	}
	l.list[l.at] = line
	return c.keepLines(http.StatusOK, l)
}

func (c *call) deleteItem() (reply, error) {
	l, err := c.find()
	if err != nil {
		return reply{}, err
	}
	l.list = append(l.list[:l.at], l.list[l.at+1:]...)
	return c.keepLines(http.StatusNoContent, l)
}

// keepLines changes the lines of an order, if nobody else changed it meanwhile.
func (c *call) keepLines(status int, l *lines) (reply, error) {
	body, err := json.Marshal(map[string]any{"lines": l.list})
	if err != nil {
		return reply{}, fmt.Errorf("lines of an order: %w", err)
	}
	out, err := c.change(status, pipeline.Command{ID: l.order.ID, Op: catalog.Merge, Body: body, IfMatch: l.tag})
	if err != nil || status == http.StatusNoContent {
		return out, err
	}
	return reply{status, c.itemOf(l.order.ID, l.list, l.at)}, nil
}
