package demo

import (
	"maps"
	"math/rand/v2"
	"time"
)

// visit is one stay of a person on one device: what it does, step by step.
type visit struct {
	shop   *shop
	rand   *rand.Rand
	who    *person
	device *device
	at     time.Time
	camp   map[string]any
	from   map[string]any
	start  string
}

// campaigns bring visits; each has a medium that says by which road.
var campaigns = []struct{ name, source, medium, referrer string }{
	{"spring-sale", "google", "cpc", "https://www.google.com/"},
	{"new-arrivals", "newsletter", "email", "https://mail.example.com/"},
	{"outdoor-week", "instagram", "social", "https://www.instagram.com/"},
	{"brand", "bing", "cpc", "https://www.bing.com/"},
	{"gift-guide", "partner", "affiliate", "https://gifts.example.org/"},
}

// run plays the visit into the shop's agenda.
func (v *visit) run() {
	v.enter()
	if v.who.habit == member && v.who.signedUp && !v.device.signedIn && v.rand.IntN(4) == 0 {
		v.signIn()
	}
	for range 2 + v.rand.IntN(7) {
		v.browse()
	}
	if len(v.who.cart) > 0 && v.who.habit != looker && v.rand.IntN(5) < 2 {
		v.checkOut()
	}
}

// enter opens the first page, three times in ten by a campaign.
func (v *visit) enter() {
	v.start = "https://shop.example.com/"
	if c := pick(v.rand, campaigns); v.rand.IntN(10) < 3 {
		v.camp = map[string]any{"name": c.name, "source": c.source, "medium": c.medium}
		v.from = map[string]any{"url": c.referrer, "type": c.medium}
		v.start += "?utm_campaign=" + c.name + "&utm_source=" + c.source + "&utm_medium=" + c.medium
	}
	v.page("Home", "/", nil)
}

// browse is one look at something.
func (v *visit) browse() {
	category := v.who.taste
	if v.rand.IntN(3) == 0 {
		category = pick(v.rand, kinds).category
	}
	switch x := v.rand.IntN(20); {
	case x < 3:
		v.page("Category", "/c/"+category, map[string]any{"category": category})
	case x < 5:
		v.track("Products Searched", map[string]any{"query": category})
	case x < 7:
		v.track("Product List Viewed", map[string]any{"list_id": category, "category": category})
	default:
		v.look(v.shop.popular(v.rand, category))
	}
}

// look opens a product, and one time in five puts it into the cart.
func (v *visit) look(g *good) {
	if v.rand.IntN(3) == 0 {
		v.page("Product", "/p/"+g.id, map[string]any{"product_id": g.id})
	}
	l := line{good: g, quantity: 1 + v.rand.IntN(12)/8 + v.rand.IntN(20)/19*3}
	viewed := l.properties()
	viewed["quantity"], viewed["currency"] = 1, v.who.home.currency
	v.track("Product Viewed", viewed)
	switch {
	case v.rand.IntN(5) == 0:
		v.add(l)
	case len(v.who.cart) > 1 && v.rand.IntN(12) == 0:
		gone := v.who.cart[0]
		v.who.cart = v.who.cart[1:]
		removed := gone.properties()
		removed["cart_id"], removed["currency"] = v.who.cartID, v.who.home.currency
		v.track("Product Removed", removed)
	}
}

func (v *visit) add(l line) {
	for _, in := range v.who.cart {
		if in.good == l.good {
			return
		}
	}
	if len(v.who.cart) == 0 {
		v.shop.carts++
		v.who.cartID = number(v.shop.prefix+"cart-", v.shop.carts, 6)
	}
	v.who.cart = append(v.who.cart, l)
	added := l.properties()
	added["cart_id"], added["currency"] = v.who.cartID, v.who.home.currency
	v.track("Product Added", added)
}

// checkOut looks at the cart, says who it is and buys, four times in five.
func (v *visit) checkOut() {
	p := v.who
	inCart := map[string]any{"cart_id": p.cartID, "currency": p.home.currency, "products": products(p.cart)}
	v.track("Cart Viewed", inCart)
	v.shop.orders++
	orderID := number(v.shop.prefix+"order-", v.shop.orders, 6)
	v.track("Checkout Started", map[string]any{
		"order_id": orderID, "cart_id": p.cartID, "currency": p.home.currency,
		"value": total(p.cart), "products": products(p.cart),
	})
	if v.rand.IntN(5) == 0 {
		return // left at the till: the cart stays
	}
	switch {
	case p.habit == guest:
		v.identify(map[string]any{"email": p.email, "first_name": p.first, "last_name": p.last})
	case !p.signedUp:
		v.signUp()
	case !v.device.signedIn:
		v.signIn()
	}
	v.buy(orderID)
}

func (v *visit) buy(orderID string) {
	p := v.who
	sum := total(p.cart)
	order := map[string]any{
		"order_id": orderID, "cart_id": p.cartID, "currency": p.home.currency,
		"total": sum, "revenue": sum, "products": products(p.cart),
	}
	if v.camp != nil {
		order["coupon"] = v.camp["name"]
	}
	v.track("Order Completed", order)
	v.page("Thank You", "/thank-you", map[string]any{"order_id": orderID})
	p.orders = append(p.orders, orderID)
	v.shop.afterwards(v.rand, p, v.device, order, v.at)
	p.cart, p.cartID = nil, ""
}

func (v *visit) signUp() {
	p := v.who
	p.signedUp, v.device.signedIn = true, true
	traits := map[string]any{
		"email": p.email, "first_name": p.first, "last_name": p.last, "phone": p.phone,
		"country": p.home.country, "city": p.home.city, "newsletter": v.rand.IntN(3) > 0,
		"created_at": stamp{v.at},
	}
	v.identify(traits)
	v.track("Signed Up", map[string]any{"method": pick(v.rand, []string{"form", "google", "apple"})})
	if a := p.account; a != nil {
		v.send(message{Type: "group", GroupID: a.id, Traits: map[string]any{
			"name": a.name, "industry": a.industry, "employees": a.employees, "plan": a.plan,
		}})
	}
}

func (v *visit) signIn() {
	v.device.signedIn = true
	v.identify(map[string]any{"email": v.who.email})
	v.track("Signed In", map[string]any{})
}

func (v *visit) identify(traits map[string]any) { v.send(message{Type: "identify", Traits: traits}) }

func (v *visit) track(name string, properties map[string]any) {
	v.send(message{Type: "track", Event: name, Properties: properties})
}

func (v *visit) page(name, path string, more map[string]any) {
	properties := map[string]any{"path": path, "url": "https://shop.example.com" + path, "title": name}
	maps.Copy(properties, more)
	v.send(message{Type: "page", Name: name, Properties: properties})
}

// send gives the message the sender's ids and surroundings, and lets time pass.
func (v *visit) send(m message) {
	m.AnonymousID = v.device.anonymousID
	if v.device.signedIn {
		m.UserID = v.who.userID
	}
	m.Context = v.surroundings()
	m.Timestamp = stamp{v.at}
	v.shop.agenda.add(v.rand, m)
	v.at = v.at.Add(3*time.Second + time.Duration(v.rand.ExpFloat64()*20_000)*time.Millisecond)
}

// surroundings is the context that a browser or an app sends along.
func (v *visit) surroundings() map[string]any {
	d, home := v.device, v.who.home
	c := map[string]any{
		"channel": d.channel, "userAgent": d.userAgent, "locale": home.code, "timezone": home.zone,
		"device": map[string]any{"type": d.kind}, "screen": map[string]any{"width": d.width, "height": d.height},
		"location": map[string]any{"country": home.country, "city": home.city},
		"page":     map[string]any{"url": v.start},
	}
	if v.camp != nil {
		c["campaign"], c["referrer"] = v.camp, v.from
	}
	return c
}
