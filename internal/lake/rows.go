package lake

import (
	"encoding/json"
	"strconv"

	"rapport/internal/catalog"
	"rapport/internal/decision/kept"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/store"
)

// engagement is the category of all events.
const engagement = "Engagement"

// customerNamespace names customers where it is among the identity rules;
// otherwise the user id does.
const customerNamespace = "customer_id"

// maker makes rows of records.
type maker struct {
	ownID   func(id.Key) string
	mapping func(source string) *catalog.Mapping
	drafts  map[string]*draft
	events  map[string]*eventAt
	items   map[string]*itemAt
}

// eventAt is where an object has the columns of events.
type eventAt struct {
	id, time, kind, category, device, session, site, interaction, channel, locale, url, referrer, page, email, customer, position int
}

type itemAt struct{ id, parent, line, time, device, object, objectType, price, quantity, position int }

func newMaker(objects map[string]*object, ownID func(id.Key) string, mapping func(string) *catalog.Mapping) *maker {
	m := &maker{ownID: ownID, mapping: mapping, drafts: map[string]*draft{}, events: map[string]*eventAt{}, items: map[string]*itemAt{}}
	for name, o := range objects {
		if name == usersName {
			continue
		}
		m.drafts[name] = newDraft(o)
		switch name {
		case baseName, catalogName, cartName, orderName:
			m.events[name] = &eventAt{
				o.at("eventId"), o.at("dateTime"), o.at("eventType"), o.at("category"), o.at("deviceId"), o.at("sessionId"), o.at("siteId"),
				o.at("interactionName"), o.at("sourceChannel"), o.at("sourceLocale"), o.at("sourceUrl"), o.at("sourceUrlReferrer"),
				o.at("sourcePageType"), o.at("emailAddress"), o.at("customerId"), o.at(position),
			}
		case cartItemName, orderItemName:
			parent := "cartEventId"
			if name == orderItemName {
				parent = "orderEventId"
			}
			m.items[name] = &itemAt{
				o.at("eventId"), o.at(parent), o.at("lineItemId"), o.at("dateTime"), o.at("deviceId"), o.at("catalogObjectId"),
				o.at("catalogObjectType"), o.at("price"), o.at("quantity"), o.at(position),
			}
		}
	}
	return m
}

// make gives the rows of a record; a row is valid until emit returns.
func (m *maker) make(r *store.Record, e *event.Event, emit func(*draft)) {
	switch {
	case e != nil:
		m.event(r, e, emit)
	case r.Kind == store.KindDecision:
		m.decision(r, emit)
	case r.Kind == store.KindEffect:
		m.delivery(r, emit)
	}
}

// event tells base, catalog, cart and order events apart by the mapping of the
// event's source. What only says who somebody is, is no event.
func (m *maker) event(r *store.Record, e *event.Event, emit func(*draft)) {
	if e.Type != event.Track && e.Type != event.Page && e.Type != event.Screen {
		return
	}
	action, known := m.mapping(e.Source).Classify(e)
	if e.Fed && action.Class != catalog.ClassOrder {
		return
	}
	name, interaction := baseName, e.Name
	if known {
		interaction = action.Name
		name = [...]string{catalog.ClassBase: baseName, catalog.ClassCatalog: catalogName, catalog.ClassCart: cartName, catalog.ClassOrder: orderName}[action.Class]
	}
	d, device := m.drafts[name], m.ownID(r.Anchor)
	d.clear()
	m.head(d, m.events[name], r, e)
	d.text(m.events[name].device, device)
	d.text(m.events[name].interaction, interaction)
	switch action.Class {
	case catalog.ClassCatalog:
		kind, item := catalog.ItemOf(e.Properties)
		d.text(d.of.at("itemType"), kind)
		d.text(d.of.at("itemId"), item)
	case catalog.ClassCart:
		d.text(d.of.at("cartId"), scalar(e.Properties, "cart_id", "cartId"))
		d.text(d.of.at("currency"), scalar(e.Properties, "currency"))
	case catalog.ClassOrder:
		m.order(d, e)
	default:
		d.text(d.of.at("action"), e.Name)
		d.text(d.of.at("properties"), bare(e.Properties))
	}
	emit(d)
	switch name {
	case cartName:
		m.lines(m.drafts[cartItemName], r, e, device, emit)
	case orderName:
		m.lines(m.drafts[orderItemName], r, e, device, emit)
	}
}

// head fills what all events have.
func (m *maker) head(d *draft, at *eventAt, r *store.Record, e *event.Event) {
	d.text(at.id, e.MessageID)
	d.time(at.time, e.Time)
	d.text(at.kind, e.Type.String())
	if s := e.Properties.Get("event_type").Text(); s != "" {
		d.text(at.kind, s)
	}
	d.text(at.category, engagement)
	d.text(at.session, sessionOf(e))
	d.text(at.site, e.Source)
	d.text(at.channel, e.Channel)
	d.text(at.locale, e.About("locale").Text())
	m.page(d, at, e)
	user := ""
	for i := range e.Identifiers {
		switch e.Identifiers[i].Namespace {
		case event.Email:
			d.text(at.email, e.Identifiers[i].Value)
		case customerNamespace:
			d.text(at.customer, e.Identifiers[i].Value)
		case event.UserID:
			user = e.Identifiers[i].Value
		}
	}
	if !d.cells[at.email].set {
		d.text(at.email, e.Traits.Get("email").Text())
	}
	if !d.cells[at.customer].set {
		d.text(at.customer, user)
	}
	d.int(at.position, int64(r.Position))
}

// order fills what an event says of an order, by the rules of the catalog.
func (m *maker) order(d *draft, e *event.Event) {
	id := scalar(e.Properties, "order_id", "orderId")
	total, currency := m.mapping(e.Source).TotalOf(e)
	if id == "" {
		id = e.MessageID
	}
	d.text(d.of.at("orderId"), id)
	d.text(d.of.at("totalValue"), total)
	d.text(d.of.at("currency"), currency)
}

// lines gives a row for each line of a cart or an order; no draft: nobody asks.
func (m *maker) lines(d *draft, r *store.Record, e *event.Event, device string, emit func(*draft)) {
	if d == nil {
		return
	}
	at, n := m.items[d.of.name], 0
	catalog.EachLine(e.Properties, func(l catalog.Line) {
		n++
		d.clear()
		d.text(at.id, e.MessageID+":"+strconv.Itoa(n))
		d.text(at.parent, e.MessageID)
		d.text(at.line, l.ID)
		d.time(at.time, e.Time)
		d.text(at.device, device)
		d.text(at.object, l.Product)
		d.text(at.objectType, l.Type)
		d.text(at.price, l.Price)
		d.text(at.quantity, l.Quantity)
		d.int(at.position, int64(r.Position))
		emit(d)
	})
}

// decision is a decision that was made. What cannot be read is left out: the
// lanes say so.
func (m *maker) decision(r *store.Record, emit func(*draft)) {
	x, err := kept.Decode(r.Payload)
	if err != nil || x == nil {
		return
	}
	outputs := make(map[string]any, len(x.Values))
	for _, v := range x.Values {
		outputs[v.Key] = v.Value.Go()
	}
	text, err := json.Marshal(outputs)
	if err != nil {
		text = nil
	}
	d := m.drafts[decisionsName]
	d.clear()
	d.text(d.of.at("decisionId"), x.ID.String())
	d.text(d.of.at("deviceId"), m.ownID(r.Anchor))
	d.text(d.of.at("model"), x.Model)
	d.int(d.of.at("modelVersion"), int64(x.Version))
	d.text(d.of.at("modelStatus"), string(x.Status))
	d.time(d.of.at("dateTime"), x.Time)
	d.text(d.of.at("outputs"), string(text))
	d.int(d.of.at(position), int64(r.Position))
	emit(d)
}

// delivery is what came of a message, or why there was none.
func (m *maker) delivery(r *store.Record, emit func(*draft)) {
	f, err := effect.ReadFact(r.Payload)
	if err != nil || f.ID == "" {
		return
	}
	switch f.Op {
	case effect.OpSkip:
		f.Outcome = effect.NotSent
	case effect.OpDiscard:
		f.Outcome = effect.Discarded
	case effect.OpAgain:
		f.Outcome = effect.Waiting
	case effect.OpResult:
	default:
		return
	}
	head := f.Head()
	d := m.drafts[deliveriesName]
	d.clear()
	d.text(d.of.at("deliveryId"), head.ID)
	d.text(d.of.at("deviceId"), m.ownID(r.Anchor))
	d.text(d.of.at("destination"), head.Destination)
	d.text(d.of.at("kind"), string(head.Kind))
	d.text(d.of.at("segment"), head.Segment)
	d.text(d.of.at("outcome"), string(head.Outcome))
	d.text(d.of.at("reason"), head.Reason)
	d.int(d.of.at("attempt"), int64(head.Attempts))
	d.int(d.of.at("status"), int64(head.Status))
	d.int(d.of.at("tookMicros"), head.Took)
	d.time(d.of.at("causedAt"), head.Time)
	d.time(d.of.at("dateTime"), head.Changed)
	d.int(d.of.at(position), int64(r.Position))
	emit(d)
}

// page fills what an event says of the page that it happened on.
func (m *maker) page(d *draft, at *eventAt, e *event.Event) {
	d.text(at.page, e.Properties.Get("page_type").Text())
	for _, context := range [...]jsondoc.Value{e.Context, e.Shared, e.Derived} {
		if page := context.Get("page"); page.Exists() {
			d.fill(at.url, page.Get("url"))
			d.fill(at.referrer, page.Get("referrer"))
			d.fill(at.page, page.Get("type"))
		}
	}
	d.fill(at.url, e.Properties.Get("url"))
	d.fill(at.referrer, e.Properties.Get("referrer"))
}

// sessionOf is the session that an event says it is of.
func sessionOf(e *event.Event) string {
	for _, path := range [...][]string{{"sessionId"}, {"session", "id"}, {"session_id"}} {
		if s := e.About(path...).Text(); s != "" {
			return s
		}
	}
	return e.Properties.Get("session_id").Text()
}

func scalar(v jsondoc.Value, names ...string) string {
	for _, n := range names {
		x := v.Get(n)
		if s := x.Text(); s != "" {
			return s
		}
		if s := x.Number(); s != "" {
			return s
		}
	}
	return ""
}

// bare is an object as it was sent, empty where it says nothing.
func bare(v jsondoc.Value) string {
	if v.Kind() != jsondoc.Object || v.Len() == 0 {
		return ""
	}
	return string(v.Raw())
}
