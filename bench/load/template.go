package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// template is one event of which only a few bytes change from copy to copy.
// The places are found once by their marks.
type template struct {
	text    []byte
	persons []int // eight digits
	ids     []int // sixteen hexadecimal digits
	times   []int // 24 characters
	weight  int
}

// The marks, as long as what replaces them.
const (
	markPerson = "PPPPPPPP"
	markID     = "MMMMMMMMMMMMMMMM"
	markTime   = "TTTTTTTTTTTTTTTTTTTTTTTT"
)

func newTemplate(weight int, text string) template {
	t := template{text: []byte(text), weight: weight}
	for mark, at := range map[string]*[]int{markPerson: &t.persons, markID: &t.ids, markTime: &t.times} {
		for from := 0; ; {
			i := bytes.Index(t.text[from:], []byte(mark))
			if i < 0 {
				break
			}
			*at = append(*at, from+i)
			from += i + len(mark)
		}
	}
	return t
}

const surroundings = `"context":{"channel":"web","locale":"en-IE","timezone":"Europe/Dublin",` +
	`"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",` +
	`"screen":{"width":1920,"height":1080,"density":2},` +
	`"campaign":{"name":"spring-sale","source":"google","medium":"cpc"},` +
	`"page":{"path":"/p/%[1]s","url":"https://shop.example.com/p/%[1]s","title":"%[1]s","referrer":"https://www.google.com/"}}`

// event makes the template of one event of about 700 bytes. Known people send
// their user id beside the device's.
func event(known bool, weight int, head, properties string, product int) template {
	user := ""
	if known {
		user = `"userId":"u-` + markPerson + `",`
	}
	text := fmt.Sprintf(`{%[2]s,"messageId":"load-%[3]s","anonymousId":"device-%[4]s",%[5]s"timestamp":"%[6]s",`+surroundings+`,"properties":{%[7]s}}`,
		fmt.Sprintf("sku-%04d", product), head, markID, markPerson, user, markTime, properties)
	return newTemplate(weight, text)
}

// products make the events of one kind differ.
const products = 20

// shopEvents are the templates of a shop's traffic. Half of the people are
// known by a user id.
func shopEvents(known bool) []template {
	var all []template
	for n := range products {
		item := fmt.Sprintf(`"product_id":"sku-%04d","name":"Nordlys Vintage Desk Lamp %d","category":"lighting",`+
			`"brand":"Nordlys","variant":"vintage","price":%d.95,"quantity":1,"currency":"EUR"`, n, n, 19+n)
		track := func(weight int, name, properties string) {
			all = append(all, event(known, weight, `"type":"track","event":"`+name+`"`, properties, n))
		}
		all = append(all, event(known, 30, `"type":"page","name":"Product"`, item, n))
		track(44, "Product Viewed", item)
		track(9, "Products Searched", `"query":"desk lamp","results":24,"sorting":"price","filters":{"brand":"Nordlys","max_price":80,"in_stock":true}`)
		track(8, "Product List Viewed", `"list_id":"lighting","category":"lighting","results":24,"sorting":"popularity","layout":"grid"`)
		track(7, "Product Added", item+`,"cart_id":"cart-`+markPerson+`"`)
		track(1, "Checkout Started", `"value":19.95,"cart_id":"cart-`+markPerson+`","products":[{`+item+`}]`)
		track(1, "Order Completed", `"order_id":"order-`+markID+`","total":19.95,"currency":"EUR","products":[{`+item+`}]`)
	}
	return all
}

// profiles are identify calls that give a person about 2 KB of traits, on the
// device that its later events come from.
func profiles() []template {
	r := rand.New(rand.NewPCG(2, 0))
	var all []template
	for range products {
		var traits strings.Builder
		fmt.Fprintf(&traits, `"plan":"business"`)
		for n := range 24 {
			fmt.Fprintf(&traits, `,"attribute_%02d":"%016x%016x%016x"`, n, r.Uint64(), r.Uint64(), r.Uint64())
		}
		all = append(all, newTemplate(1, fmt.Sprintf(
			`{"type":"identify","messageId":"load-%s","userId":"u-%s","anonymousId":"device-%s","timestamp":"%s","traits":{%s}}`,
			markID, markPerson, markPerson, markTime, traits.String())))
	}
	return all
}
