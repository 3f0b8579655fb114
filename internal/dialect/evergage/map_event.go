package evergage

import (
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// fields are the members of an event of the Event API that mean something,
// found in one walk. What is null is not there.
type fields struct {
	action, itemAction, flags, source, user, account   jsondoc.Value
	catalog, cart, order, interaction, form            jsondoc.Value
	stats, consents, application, device, os, location jsondoc.Value
	pushToken, attributes                              jsondoc.Value
}

func (f *fields) read(body jsondoc.Value) {
	body.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if into := f.of(string(key)); into != nil && !v.IsNull() {
			*into = v
		}
		return true
	})
}

func (f *fields) of(key string) *jsondoc.Value {
	switch key {
	case "action":
		return &f.action
	case "itemAction":
		return &f.itemAction
	case "flags":
		return &f.flags
	case "source":
		return &f.source
	case "user":
		return &f.user
	case "account":
		return &f.account
	case "catalog":
		return &f.catalog
	case "cart":
		return &f.cart
	case "order":
		return &f.order
	case "interaction":
		return &f.interaction
	case "form":
		return &f.form
	case "campaignStats":
		return &f.stats
	case "consents":
		return &f.consents
	case "application":
		return &f.application
	case "device":
		return &f.device
	case "os":
		return &f.os
	case "location":
		return &f.location
	case "pushToken", "deviceToken":
		return &f.pushToken
	case "attributes":
		return &f.attributes
	}
	return nil
}

// about are the members of the source of an event.
type about struct {
	channel, application, pageType, url, referrer, locale jsondoc.Value
	zones, config, beacon, time, title                    jsondoc.Value
	device, os, location                                  jsondoc.Value
}

func (a *about) read(source jsondoc.Value) {
	source.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if v.IsNull() {
			return true
		}
		switch string(key) {
		case "channel":
			a.channel = v
		case "application":
			a.application = v
		case "pageType":
			a.pageType = v
		case "url":
			a.url = v
		case "urlReferrer":
			a.referrer = v
		case "locale":
			a.locale = v
		case "contentZones":
			a.zones = v
		case "configVersion":
			a.config = v
		case "beaconVersion":
			a.beacon = v
		case "time":
			a.time = v
		case "title":
			a.title = v
		case "device":
			a.device = v
		case "os":
			a.os = v
		case "location":
			a.location = v
		}
		return true
	})
}

// event maps a body of the Event API, with the classic members or with an
// interaction.
func (g *mapping) event() error {
	var f fields
	f.read(g.body)
	var a about
	a.read(f.source)
	if err := f.kinds(); err != nil {
		return err
	}
	g.e.Channel = channelOf(a.channel.Text())
	var err error
	if g.e.Time, err = eventTime(a.time, g.env.Received, "source.time"); err != nil {
		return err
	}
	g.user(f.user)
	if id := scalar(first(f.account, "id", "domain")); len(id) <= maxGroupID {
		g.e.GroupID = id
	}
	if attributes := f.user.Get("attributes"); attributes.Kind() == jsondoc.Object {
		g.e.Traits = attributes
	}
	if err := g.what(&f); err != nil {
		return err
	}
	m := g.out.open("p", '{')
	g.properties(&f, &a)
	g.out.close(m)
	m = g.out.open("c", '{')
	g.context(&f, &a)
	g.out.close(m)
	return nil
}

// kinds refuses members of the wrong kind, which would be lost unseen.
func (f *fields) kinds() error {
	for _, x := range [...]struct {
		v    jsondoc.Value
		name string
	}{
		{f.flags, "flags"},
		{f.source, "source"},
		{f.user, "user"},
		{f.catalog, "catalog"},
		{f.cart, "cart"},
		{f.order, "order"},
		{f.interaction, "interaction"},
	} {
		if x.v.Exists() && x.v.Kind() != jsondoc.Object {
			return fault.Errorf(fault.Invalid, "invalid_"+snake(x.name), "%s is of the kind %s; send an object", x.name, x.v.Kind()).At("/" + x.name)
		}
	}
	return nil
}

// what finds the type, the name and the item action.
func (g *mapping) what(f *fields) error {
	e := g.e
	e.Type = event.Track
	e.Name, e.ItemAction = f.action.Text(), f.itemAction.Text()
	if f.interaction.Exists() {
		name := f.interaction.Get("name").Text()
		if e.Name == "" {
			e.Name = name
		}
		if e.ItemAction == "" && (reserved[folded(name)] || aboutItems(f.interaction)) {
			e.ItemAction = name
		}
	}
	if e.Name == "" {
		e.Name = e.ItemAction
	}
	if f.cart.Get("complete").Kind() == jsondoc.Object && cartAction(e.ItemAction) {
		e.ItemAction = replaceCart // the whole cart is there: adding it to the cart would double it
	}
	view, _ := f.flags.Get("pageView").Bool()
	switch {
	case view && e.Channel == mobile:
		e.Type = event.Screen
	case view:
		e.Type = event.Page
	case e.Name != "":
	case f.form.Kind() == jsondoc.Object:
		e.Name = "Form Submitted"
	case f.consents.Len() > 0:
		e.Name = "Consent Changed"
	case f.stats.Len() > 0:
		e.Name = "Campaign Statistics"
	case f.user.Get("attributes").Len() > 0 || f.user.Get("identities").Len() > 0:
		e.Type = event.Identify
	default:
		return fault.Errorf(fault.Invalid, "missing_action",
			"action, itemAction and interaction are missing; say what happened, or send user.attributes").At("/action")
	}
	return nil
}

const (
	replaceCart    = "Replace Cart"
	updateCart     = "Update Cart"
	removeFromCart = "Remove From Cart"
)

// reserved are the names of interactions that are item actions even where the
// interaction names no item, as an emptied cart does. Nothing writes to it.
var reserved = func() map[string]bool {
	out := map[string]bool{}
	for _, n := range [...]string{
		"View Catalog Object", "View Catalog Object Detail", "Quick View Catalog Object", "Stop Quick View Catalog Object",
		"Share Catalog Object", "Review Catalog Object", "Comment Catalog Object", "Favorite Catalog Object",
		"Add To Cart", removeFromCart, replaceCart, "Update Line Item", updateCart,
		"Purchase", "Preorder", "Cancel", "Ship", "Deliver", "Return", "Exchange",
	} {
		out[folded(n)] = true
	}
	return out
}()

func cartAction(name string) bool {
	switch folded(name) {
	case "addtocart", "removefromcart", "updatelineitem", "updatecart", "viewcart", "replacecart":
		return true
	}
	return false
}

// aboutItems tells that an interaction names an item, a line or an order.
func aboutItems(interaction jsondoc.Value) bool {
	return first(interaction, "catalogObject", "lineItem", "lineItems", "order").Exists()
}

// context writes what is known about the event.
func (g *mapping) context(f *fields, a *about) {
	w := &g.out
	m := w.open("page", '{')
	w.value("url", text(a.url))
	w.value("referrer", text(a.referrer))
	w.value("title", text(a.title))
	w.close(m)
	w.value("locale", text(a.locale))
	w.campaign(a.url)
	if a.beacon.Exists() {
		m = w.open("library", '{')
		w.text("name", "evergage")
		w.text("version", scalar(a.beacon))
		w.close(m)
	}
	w.named("app", either(a.application, f.application))
	g.device(either(a.device, f.device), f.pushToken)
	w.named("os", either(a.os, f.os))
	w.value("location", object(either(a.location, f.location)))
	w.consents(f.consents)
	g.agent()
}

func either(a, b jsondoc.Value) jsondoc.Value {
	if a.Exists() {
		return a
	}
	return b
}

// text lets a text through and nothing but it.
func text(v jsondoc.Value) jsondoc.Value {
	if v.Kind() == jsondoc.String && len(v.Raw()) > len(`""`) {
		return v
	}
	return jsondoc.Value{}
}

func object(v jsondoc.Value) jsondoc.Value {
	if v.Kind() == jsondoc.Object && v.Len() > 0 {
		return v
	}
	return jsondoc.Value{}
}

// named writes something that is an object or only has a name.
func (w *writer) named(key string, v jsondoc.Value) {
	if s := text(v); s.Exists() {
		m := w.open(key, '{')
		w.value("name", s)
		w.close(m)
		return
	}
	w.value(key, object(v))
}

// device writes the device with the token of its push messages.
func (g *mapping) device(v, token jsondoc.Value) {
	w := &g.out
	m := w.open("device", '{')
	if s := text(v); s.Exists() {
		w.value("model", s)
	}
	v.EachBytes(func(key []byte, x jsondoc.Value) bool {
		switch string(key) {
		case "token", "pushToken", "deviceToken":
			token = either(text(token), text(x))
		default:
			w.value(string(key), x)
		}
		return true
	})
	w.value("token", text(token))
	w.close(m)
}

// consents writes what the person said, in the form in which consents are read.
func (w *writer) consents(list jsondoc.Value) {
	if list.Len() == 0 {
		return
	}
	outer := w.open("consent", '{')
	inner := w.open("purposes", '[')
	list.Items(func(_ int, v jsondoc.Value) bool {
		if c := v.Get("consent"); c.Kind() == jsondoc.Object {
			v = c
		}
		w.consent(v.Get("purpose"), v.Get("provider"), v.Get("status"))
		return true
	})
	w.close(inner)
	w.close(outer)
}

// consent writes one entry; one whose status is not known says nothing.
func (w *writer) consent(purpose, provider, status jsondoc.Value) {
	granted := ""
	switch folded(status.Text()) {
	case "optin":
		granted = "granted"
	case "optout":
		granted = "denied"
	}
	if granted == "" || !text(purpose).Exists() {
		return
	}
	m := w.open("", '{')
	w.value("purpose", purpose)
	w.text("status", granted)
	w.value("provider", text(provider))
	w.close(m)
}
