package evergage

import (
	"strings"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// webEvent maps one event of the Data Cloud schemas, of a site or of an app:
// flat, with its kind in eventType. Lines of carts and orders are events of
// their own there; those that came in the same request stand in the envelope
// of the cart or order they belong to.
func (g *mapping) webEvent() error {
	v, e := g.body, g.e
	kind := v.Get("eventType").Text()
	name := v.Get("interactionName").Text()
	if kind == "" {
		return fault.Errorf(fault.Invalid, "missing_event_type", "eventType is missing; say what the event is").At("/eventType")
	}
	if err := g.head(v, "dateTime", "eventId"); err != nil {
		return err
	}
	e.Channel = channelOf(first(v, "sourceChannel", "channel").Text())
	if e.Channel == "" {
		e.Channel = web
	}
	e.Type, e.Name = event.Track, name
	if e.Name == "" {
		e.Name = kind
	}
	g.add(event.AnonymousID, scalar(first(v, "deviceId", "guestId")))
	g.add(event.UserID, scalar(first(v, "customerId", "customerNo")))
	g.add(event.Email, scalar(v.Get("emailAddress")))
	m := g.out.open("p", '{')
	switch kind {
	case "identity", "contactPointEmail", "contactPointPhone", "contactPointAddress", "partyIdentification":
		g.out.close(m)
		e.Name, e.Type = "", event.Identify
		g.party(kind, v)
	default:
		g.engagement(kind, name, v)
		g.out.close(m)
	}
	m = g.out.open("c", '{')
	g.deviceContext(kind, v)
	g.out.close(m)
	return nil
}

// head reads the time and the id of a flat event.
func (g *mapping) head(v jsondoc.Value, timeName, idName string) (err error) {
	if g.e.Time, err = eventTime(v.Get(timeName), g.env.Received, timeName); err != nil {
		return err
	}
	if message := scalar(v.Get(idName)); message != "" {
		g.e.MessageID, err = limited(message, idName, "invalid_event_id", maxMessageID)
	}
	return err
}

// envelopeNames are the members that all events have; they are no attributes.
func envelopeName(key string) bool {
	switch key {
	case "eventId", "dateTime", "eventType", "category", "deviceId", "guestId", "sessionId", "siteId", "webStoreId", "channel",
		"customerId", "customerNo", "interactionName",
		"sourceChannel", "sourceLocale", "sourceUrl", "sourceUrlReferrer", "sourcePageTitle",
		"deviceType", "osName", "osVersion", "deviceModel", "deviceManufacturer", "advertiserId", "pushToken", "deviceToken",
		"softwareApplicationName", "appName", "appVersion", "latitude", "longitude", "locale", "timeZone":
		return true
	}
	return false
}

// party maps what says who somebody is.
func (g *mapping) party(kind string, v jsondoc.Value) {
	w := &g.out
	m := w.open("t", '{')
	switch kind {
	case "contactPointEmail":
		g.add(event.Email, scalar(first(v, "email", "emailAddress")))
		w.value("email", text(v.Get("email")))
	case "contactPointPhone":
		g.add(event.Phone, scalar(first(v, "phoneNumber", "phone")))
		w.value("phone", text(v.Get("phoneNumber")))
	case "contactPointAddress":
		inner := w.open("address", '{')
		for _, p := range [...][2]string{
			{"street", "addressLine1"}, {"street2", "addressLine2"}, {"city", "city"}, {"postal_code", "postalCode"}, {"state", "stateProvince"}, {"country", "country"},
		} {
			w.value(p[0], text(v.Get(p[1])))
		}
		w.close(inner)
	case "partyIdentification":
		g.identified(scalar(first(v, "IDName", "IDType")), scalar(v.Get("userId")))
	default:
		g.attributes(v)
	}
	w.close(m)
}

// identified adds the id of another system by the name that the system gives it.
func (g *mapping) identified(name, value string) {
	switch n := folded(name); {
	case n == "ccregisteredcustomerid" || n == "ccregisteredguestid" || n == "cccustomerid" || strings.HasSuffix(n, "registeredcustomerid"):
		g.add(event.UserID, value)
	case n == "ccusid" || n == "usid":
		g.add(event.AnonymousID, value)
	default:
		g.identity(name, value, "")
	}
}

// attributes writes the attributes of a profile event as traits.
func (g *mapping) attributes(v jsondoc.Value) {
	v.EachBytes(func(key []byte, x jsondoc.Value) bool {
		name := string(key)
		if !envelopeName(name) && x.Kind() != jsondoc.Null && scalarOr(x) != notTracked {
			g.out.value(name, x)
		}
		return true
	})
	if s := first(v, "emailAddress", "email"); s.Exists() {
		g.add(event.Email, scalar(s))
	}
}

// scalarOr is a text, and nothing for all other kinds.
func scalarOr(v jsondoc.Value) string { return v.Text() }

// engagement maps what somebody did.
func (g *mapping) engagement(kind, name string, v jsondoc.Value) {
	w, e := &g.out, g.e
	switch kind {
	case "catalog":
		e.ItemAction = catalogAction(name)
		w.itemID(v.Get("type").Text(), either(v.Get("id"), v.Get("catalogObjectId")))
		w.value("category", v.Get("categoryId"))
	case "cart":
		e.ItemAction = cartVerb(name)
		w.value("cart_id", v.Get("id"))
		// Commerce sites take a line out whole; what its quantity was does not matter.
		w.whole = e.ItemAction == removeFromCart && e.ItemAction != name
		g.lineEvents()
	case "order":
		e.ItemAction = orderVerb(name)
		w.value("order_id", either(v.Get("id"), v.Get("orderId")))
		w.value("total", first(v, "netOrderAmount", "adjustedTotalProductAmount", "totalProductAmount", "totalValue"))
		w.value("cart_id", v.Get("cartId"))
		g.lineEvents()
	case "consentLog", "consent":
		e.Name = "Consent Changed"
	case "appEvents":
		if screen := v.Get("screenName").Text(); screen != "" {
			e.Type, e.Name = event.Screen, screen
		} else if b := v.Get("behaviorType").Text(); b != "" {
			e.Name = b
		}
	case "userEngagement":
		if folded(name) == "pageview" || folded(name) == "viewpage" {
			e.Type = event.Page
		}
	}
	w.value("page_type", text(v.Get("sourcePageType")))
	w.value("session_id", text(v.Get("sessionId")))
	w.value("site_id", text(first(v, "siteId", "webStoreId")))
	v.EachBytes(func(key []byte, x jsondoc.Value) bool {
		switch name := string(key); {
		case envelopeName(name), name == "emailAddress", name == "sourcePageType", name == "form", name == "products", name == "product_id",
			name == "cart_id" || name == "order_id" || name == "total" || name == "page_type" || name == "item_type" || name == "_id":
		case kind == "catalog" && (name == "id" || name == "type" || name == "catalogObjectId" || name == "categoryId"),
			(kind == "cart" || kind == "order") && name == "id", kind == "order" && name == "cartId":
		default:
			w.value(name, x)
		}
		return true
	})
	g.form(v.Get("form"))
}

// lineEvents writes the lines that came as events of their own.
func (g *mapping) lineEvents() {
	if g.shared.items.Kind() == jsondoc.Array {
		g.out.flat = true
		g.out.lines("", g.shared.items)
		g.out.flat = false
	}
}

// catalogAction gives the names that commerce sites send the name of the item
// action they are. Others stay as they are.
func catalogAction(name string) string {
	switch folded(name) {
	case "catalogobjectviewstart", "productviewstart":
		return "View Catalog Object"
	case "catalogobjectviewstop", "productviewstop":
		return "Stop Quick View Catalog Object"
	case "catalogobjectclick", "clickproduct":
		return "Click Through"
	}
	return name
}

// cartVerb tells what an interaction does to the cart. What the SDK calls Add
// To Cart adds a quantity; commerce sites write names with hyphens and send the
// quantity that there is after it.
func cartVerb(name string) string {
	if reserved[folded(name)] && strings.Contains(name, " ") {
		return name
	}
	n := folded(name)
	switch {
	case strings.Contains(n, "remove"):
		return removeFromCart
	case strings.Contains(n, "view"), strings.Contains(n, "replace"):
		return replaceCart
	}
	return updateCart
}

// orderVerb tells what happened to the order: it was placed, unless the name is
// that of another step.
func orderVerb(name string) string {
	if reserved[folded(name)] && !cartAction(name) {
		return name
	}
	return "Purchase"
}

// deviceContext writes what a flat event says of the page, the app and the device.
func (g *mapping) deviceContext(kind string, v jsondoc.Value) {
	w := &g.out
	m := w.open("page", '{')
	w.value("url", text(v.Get("sourceUrl")))
	w.value("referrer", text(v.Get("sourceUrlReferrer")))
	w.value("title", text(v.Get("sourcePageTitle")))
	w.close(m)
	w.campaign(v.Get("sourceUrl"))
	w.value("locale", text(first(v, "sourceLocale", "locale")))
	w.value("timezone", text(v.Get("timeZone")))
	m = w.open("app", '{')
	w.value("name", text(first(v, "softwareApplicationName", "appName")))
	w.value("version", text(v.Get("appVersion")))
	w.close(m)
	m = w.open("os", '{')
	w.value("name", text(v.Get("osName")))
	w.value("version", text(v.Get("osVersion")))
	w.close(m)
	m = w.open("device", '{')
	w.value("type", text(v.Get("deviceType")))
	w.value("model", text(v.Get("deviceModel")))
	w.value("manufacturer", text(v.Get("deviceManufacturer")))
	w.value("advertising_id", text(v.Get("advertiserId")))
	w.value("token", text(first(v, "pushToken", "deviceToken")))
	w.close(m)
	if kind != "contactPointAddress" { // there it is where the address lies
		m = w.open("location", '{')
		w.value("latitude", v.Get("latitude"))
		w.value("longitude", v.Get("longitude"))
		w.close(m)
	}
	if kind == "consentLog" || kind == "consent" {
		outer := w.open("consent", '{')
		inner := w.open("purposes", '[')
		w.consent(v.Get("purpose"), v.Get("provider"), first(v, "status", "consentStatus"))
		w.close(inner)
		w.close(outer)
	}
	g.agent()
}

// row maps a row of an object that was ingested: its columns are what happened,
// or who somebody is where the object is one of people.
func (g *mapping) row() error {
	v, e := g.body, g.e
	timeName := "dateTime"
	for _, n := range [...]string{"dateTime", "eventDateTime", "EventDateTime", "event_time", "timestamp", "created_at", "createdDate", "CreatedDate"} {
		if x := v.Get(n); x.Exists() && !x.IsNull() {
			timeName = n
			break
		}
	}
	idName := "eventId"
	if v.Get("event_id").Exists() {
		idName = "event_id"
	}
	if err := g.head(v, timeName, idName); err != nil {
		return err
	}
	e.Channel = server
	v.Each(func(name string, x jsondoc.Value) bool {
		if identifies(name) {
			g.identity(name, scalar(x), "")
		}
		return true
	})
	if ofPeople(g.shared.object) {
		e.Type, e.Traits = event.Identify, v
	} else {
		e.Type, e.Name, e.Properties = event.Track, g.shared.object, v
	}
	m := g.out.open("c", '{')
	g.agent()
	g.out.close(m)
	return nil
}

// identifies tells that a column of a row says who it is about.
func identifies(column string) bool {
	switch folded(column) {
	case "emailaddress", "email", "phone", "phonenumber", "mobilephone", "customerid", "userid", "nameduserid", "deviceid", "anonymousid", "anonid",
		"sfmccontactkey", "contactkey", "subscriberkey", "sfcrmcontactid", "sfcrmleadid":
		return true
	}
	return false
}

// ofPeople tells that the rows of an object say who somebody is, and not what
// happened.
func ofPeople(object string) bool {
	switch folded(object) {
	case "individual", "individuals", "contact", "contacts", "customer", "customers", "user", "users", "profile", "profiles", "person", "people":
		return true
	}
	return false
}
