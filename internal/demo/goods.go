package demo

import (
	"math/rand/v2"
	"strings"
)

// good is one item of the shop's catalog.
type good struct {
	id, name, category, brand, style string
	price                            cents
	stock                            int
}

// kinds of goods with the cheapest and the dearest price in cents.
var kinds = []struct {
	category    string
	names       []string
	low, spread int
}{
	{"shirts", []string{"Oxford Shirt", "Linen Shirt", "T-Shirt", "Polo Shirt"}, 1900, 6000},
	{"shoes", []string{"Sneaker", "Chelsea Boot", "Loafer", "Running Shoe"}, 4900, 14000},
	{"bags", []string{"Backpack", "Tote", "Weekender", "Laptop Sleeve"}, 2900, 15000},
	{"kitchen", []string{"Mug", "Chef's Knife", "Cast Iron Pan", "Teapot"}, 900, 9000},
	{"lighting", []string{"Desk Lamp", "Lantern", "Floor Lamp", "Fairy Lights"}, 1500, 18000},
	{"outdoor", []string{"Tent", "Sleeping Bag", "Camping Stove", "Water Bottle"}, 1200, 25000},
}

var (
	brands = []string{"Nordlys", "Cadence", "Halden", "Fjell & Co", "Marlow", "Ostara", "Kestrel"}
	styles = []string{"classic", "urban", "vintage", "minimal", "sport"}
)

// goodsPerKind is how many versions of each named thing the shop sells.
const goodsPerKind = 10

// stockRoom makes the catalog: every named thing in several brands and styles.
// All ids begin with the prefix.
func stockRoom(r *rand.Rand, prefix string) []good {
	var all []good
	for _, k := range kinds {
		for _, name := range k.names {
			for range goodsPerKind {
				brand, style := pick(r, brands), pick(r, styles)
				price := (k.low+r.IntN(k.spread))/100*100 + 95
				all = append(all, good{
					id:       number(prefix+"sku-", 1001+len(all), 4),
					name:     brand + " " + strings.ToUpper(style[:1]) + style[1:] + " " + name,
					category: k.category, brand: brand, style: style,
					price: cents(price), stock: r.IntN(400),
				})
			}
		}
	}
	// What sells best is not what was listed first.
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// line is a good in a cart or an order.
type line struct {
	good     *good
	quantity int
}

// properties are the fields of one product in the commerce events.
func (l line) properties() map[string]any {
	return map[string]any{
		"product_id": l.good.id, "name": l.good.name, "category": l.good.category,
		"brand": l.good.brand, "variant": l.good.style, "price": l.good.price, "quantity": l.quantity,
	}
}

func products(lines []line) []map[string]any {
	out := make([]map[string]any, len(lines))
	for i, l := range lines {
		out[i] = l.properties()
	}
	return out
}

func total(lines []line) cents {
	sum := cents(0)
	for _, l := range lines {
		sum += l.good.price * cents(l.quantity)
	}
	return sum
}
