package sitecore

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// The parties of an order are its contacts, who buy it, and its consumers, for whom
// it is. Of one who can be told from others the order keeps a ref of the guest
// alone, so that what is said of the person stands in one place and ends with it.

// party is one kind of them: the member of the order in which they stand.
type party string

const (
	contactParty  party = "contacts"
	consumerParty party = "consumers"
)

func (d *Door) partyRoutes() {
	for _, v := range [...]string{"/v2", "/v2.1"} {
		for _, p := range [...]party{contactParty, consumerParty} {
			list := v + "/orders/{ref}/" + string(p)
			d.mux.Handle("GET "+list, d.serve(false, p.list))
			d.mux.Handle("POST "+list, d.serve(true, p.add))
			d.mux.Handle("GET "+list+"/{party}", d.serve(false, p.get))
		}
	}
}

// partiesOf are the parties of an order; what is not one is not among them.
func (p party) partiesOf(v *catalog.OrderView) (list []map[string]json.RawMessage) {
	var all []json.RawMessage
	if json.Unmarshal(v.Fields[string(p)], &all) != nil {
		return nil
	}
	for _, raw := range all {
		var one map[string]json.RawMessage
		if json.Unmarshal(raw, &one) == nil && one != nil {
			list = append(list, one)
		}
	}
	return list
}

// refAt is the ref of one of the parties: its own, or its place where an order came
// with it and without one.
func refAt(list []map[string]json.RawMessage, i int) string {
	var own string
	if json.Unmarshal(list[i]["ref"], &own) != nil || own == "" {
		return strconv.Itoa(i)
	}
	return own
}

func (p party) list(c *call) (reply, error) {
	page, err := c.paging()
	if err != nil {
		return reply{}, err
	}
	v, _, err := c.order(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	list := p.partiesOf(v)
	items := make([]item, 0, len(list))
	for i := range list {
		one, err := p.shown(c, v.ID, list, i)
		if err != nil {
			return reply{}, err
		}
		items = append(items, one)
	}
	return reply{http.StatusOK, c.page(items, page)}, nil
}

func (p party) get(c *call) (reply, error) {
	v, _, err := c.order(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	list := p.partiesOf(v)
	for i := range list {
		if refAt(list, i) == c.PathValue("party") {
			one, err := p.shown(c, v.ID, list, i)
			return reply{http.StatusOK, one}, err
		}
	}
	return reply{}, fault.Errorf(fault.NotFound, "party_not_found", "the order has no %s %.60q", p[:len(p)-1], c.PathValue("party"))
}

// shown is one party, with what its guest says of itself today.
func (p party) shown(c *call, order string, list []map[string]json.RawMessage, i int) (item, error) {
	out := item{}
	for name, value := range list[i] {
		out[name] = value
	}
	at := "/" + c.version() + "/orders/" + url.PathEscape(order)
	ref := refAt(list, i)
	out["ref"], out["href"], out["order"] = ref, c.href(at+"/"+string(p)+"/"+url.PathEscape(ref)), item{"href": c.href(at)}
	var guest string
	if json.Unmarshal(list[i]["guestRef"], &guest) != nil || guest == "" {
		return out, nil
	}
	out["guest"] = item{"ref": guest, "href": c.href("/" + c.version() + "/guests/" + guest)}
	v, err := c.person(c.Context(), guest)
	if fault.KindOf(err) == fault.NotFound || fault.KindOf(err) == fault.Gone {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for name, value := range v.Traits {
		if _, own := guestNames[name]; own {
			out[name] = value
		}
	}
	return out, nil
}

// add adds a party to an order. A contact is whom the order is for: it must say who
// it is. A consumer that says so is a guest too.
func (p party) add(c *call) (reply, error) {
	v, tag, err := c.order(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	at := event.Event{Time: c.door.Now.Now()}
	kept, _ := c.door.Book.Current().Choose(identifiersOf(c.body, &at))
	if len(kept) == 0 && p == contactParty {
		return reply{}, fault.Errorf(fault.Invalid, "missing_identity", "the contact has neither an e-mail address nor identifiers: nobody can be linked to the order")
	}
	one := map[string]json.RawMessage{}
	if len(kept) > 0 {
		if err := c.write(c.body, &guestShared{}); err != nil {
			return reply{}, err
		}
		one["guestRef"] = jsondoc.AppendString(nil, refOf(c.door.Ref(kept[0])))
	} else if err := json.Unmarshal(c.body.Raw(), &one); err != nil {
		return reply{}, fault.Errorf(fault.Invalid, "invalid_json", "the %s cannot be read: %w", p[:len(p)-1], err)
	}
	one["ref"] = jsondoc.AppendString(nil, c.door.newID())
	list := append(p.partiesOf(v), one)
	change := map[string]any{"fields": map[string]any{string(p): list}}
	if p == contactParty {
		change["customer"] = map[string]string{"namespace": kept[0].Namespace, "value": kept[0].Value}
	}
	body, err := json.Marshal(change)
	if err != nil {
		return reply{}, fmt.Errorf("the %s of an order: %w", p, err)
	}
	if _, err := c.change(http.StatusCreated, pipeline.Command{ID: v.ID, Op: catalog.Merge, Body: slices.Clip(body), IfMatch: tag}); err != nil {
		return reply{}, err
	}
	shown, err := p.shown(c, v.ID, list, len(list)-1)
	return reply{http.StatusCreated, shown}, err
}
