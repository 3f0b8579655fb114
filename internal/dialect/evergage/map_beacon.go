package evergage

import (
	"strconv"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// The receivers of the beacon. Their parameters are kept as an object of texts:
// {"receiver":"pr","query":{".top":"1234",…}}; statistics of several campaigns
// come in one call and are kept one by one, in "stat".
const (
	receiverAction = "twreceiver"
	receiverStats  = "msreceiver"
	receiverPing   = "pr"
	receiverErrors = "er"
)

// beacon maps a call to one of the receivers.
func (g *mapping) beacon() error {
	q := g.body.Get("query")
	e := g.e
	e.Type, e.Time = event.Track, g.env.Received
	e.Channel = channelOf(q.Get("channel").Text())
	if e.Channel == "" {
		e.Channel = web
	}
	g.add(event.UserID, q.Get("userId").Text())
	g.add(event.AnonymousID, first(q, ".anonId", "anonId").Text())
	g.kept(q.Get("_persistedUserId").Text())
	g.out.beacon = true
	m := g.out.open("p", '{')
	var err error
	switch g.body.Get("receiver").Text() {
	case receiverAction:
		err = g.legacy(q)
	case receiverStats:
		err = g.stat(g.body.Get("stat"))
	case receiverPing:
		err = g.ping(q)
	case receiverErrors:
		e.Name = "Beacon Error"
		g.out.text("message", q.Get(".em").Text())
		g.out.text("source", q.Get(".es").Text())
	default:
		err = fault.Errorf(fault.Invalid, "invalid_event", "there is no receiver %.40q", g.body.Get("receiver").Text()).At("/receiver")
	}
	g.out.close(m)
	if err != nil {
		return err
	}
	m = g.out.open("c", '{')
	page := g.out.open("page", '{')
	g.out.value("url", text(q.Get("url")))
	g.out.value("referrer", text(q.Get("urlref")))
	g.out.value("title", text(q.Get("title")))
	g.out.close(page)
	g.out.campaign(q.Get("url"))
	library := g.out.open("library", '{')
	g.out.text("name", "evergage")
	g.out.value("version", text(q.Get(".bv")))
	g.out.close(library)
	g.agent()
	g.out.close(m)
	return nil
}

// inner reads JSON that stands in a parameter.
func inner(q jsondoc.Value, name string) (jsondoc.Value, error) {
	s := q.Get(name).Text()
	if s == "" {
		return jsondoc.Value{}, nil
	}
	doc, err := jsondoc.Parse([]byte(s), jsondoc.DefaultLimits())
	if err != nil {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, "invalid_json", "the parameter %s is not JSON: %s", name, err.Error()).At("/query/" + name)
	}
	root := doc.Root()
	if flaw, bad := root.Flaw(); bad {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, flaw.Kind.String(), "the parameter %s: %s", name, flaw.Msg).At("/query/" + name)
	}
	return root, nil
}

// itemTypes are the letters by which the beacon names the types of items.
var itemTypes = map[string]string{"p": product, "a": "Article", "b": "Blog", "c": "Category", "P": "Promotion", "t": "Tag"}

func itemType(v jsondoc.Value) string {
	kind := v.Get("type").Text()
	if long, ok := itemTypes[kind]; ok {
		return long
	}
	if kind == "" {
		return product
	}
	return kind
}

// legacy maps a call to the old receiver, which has an item or an order.
func (g *mapping) legacy(q jsondoc.Value) error {
	e := g.e
	item, err := inner(q, ".item")
	if err != nil {
		return err
	}
	order, err := inner(q, ".order")
	if err != nil {
		return err
	}
	e.Name, e.ItemAction = q.Get("action").Text(), first(q, "itemAction", ".itemAction").Text()
	switch {
	case order.Kind() == jsondoc.Object:
		if e.ItemAction == "" {
			e.ItemAction = "Purchase"
		}
		g.out.order("", order)
	case item.Kind() == jsondoc.Object:
		if e.ItemAction == "" {
			e.ItemAction = "View Item"
		}
		g.out.item(itemType(item), item)
		g.out.value("quantity", q.Get("quantity"))
	}
	if e.Name == "" {
		e.Name = e.ItemAction
	}
	if e.Name == "" {
		return fault.Errorf(fault.Invalid, "missing_action", "the parameters action and itemAction are missing; say what happened").At("/query/action")
	}
	return nil
}

// statNames are what happened to a campaign.
var statNames = map[string]string{
	"impression": "Campaign Impression", "click": "Campaign Click", "clickthrough": "Campaign Click", "dismissal": "Campaign Dismissal", "dismiss": "Campaign Dismissal",
}

func (g *mapping) stat(v jsondoc.Value) error {
	name, ok := statNames[folded(v.Get("stat").Text())]
	if !ok {
		return fault.Errorf(fault.Invalid, "invalid_stat", "the statistic %.60s is unknown; send Impression, Click or Dismissal", v.Raw()).At("/stat/stat")
	}
	g.e.Name = name
	w := &g.out
	id := first(v, "id", "experienceId")
	if given, ok := readExperienceID(id.Text()); ok {
		g.outcome(name, &given, v)
		return nil
	}
	w.value("experience_id", id)
	if control, _ := v.Get("control").Bool(); control || v.Get("ug").Text() == "Control" {
		w.yes("control")
	}
	w.value("catalog", object(v.Get("catalog")))
	m := w.open("items", '[')
	v.Get("piks").Items(func(_ int, x jsondoc.Value) bool {
		inner := w.open("", '{')
		w.text("item_type", itemType(x))
		w.value("_id", x.Get("_id"))
		w.close(inner)
		return true
	})
	w.close(m)
	return nil
}

// maxTop is the longest time on a page that is believed: a day.
const maxTop = 24 * 60 * 60 * 1000

// ping maps the time that a page was looked at.
func (g *mapping) ping(q jsondoc.Value) error {
	ms, err := strconv.ParseInt(q.Get(".top").Text(), 10, 64)
	if err != nil || ms < 0 {
		return fault.Errorf(fault.Invalid, "invalid_time_on_page", "the parameter .top %.40q is no number of milliseconds", q.Get(".top").Text()).At("/query/.top")
	}
	g.e.Name = "View Time"
	item, err := inner(q, "item")
	if err != nil {
		return err
	}
	g.out.number("view_time_ms", min(ms, maxTop))
	if item.Kind() == jsondoc.Object {
		g.out.item(itemType(item), item)
	}
	g.out.value("action", text(q.Get("action")))
	return nil
}
