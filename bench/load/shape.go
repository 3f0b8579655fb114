package load

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Shape is how a protocol sends one event alone.
type Shape struct {
	Name   string
	Path   string // with the query; KEY is the write key
	Kind   string // content type
	Status int    // of an answer of success
	text   string // of the event, with marks
	wrap   func(event []byte) []byte
}

// eventBytes is how long the event of each shape is, before it is packed.
const eventBytes = 760

// browser is what all shapes are sent by.
const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

const (
	plainJSON = "application/json"
	aForm     = "application/x-www-form-urlencoded"
)

// Shapes are those of the doors for foreign clients, each of the same size and,
// as far as its protocol goes, of the same content: somebody looks at a product.
// The first is the one that the others are held against.
func Shapes() []Shape {
	asForm := func(b []byte) []byte { return []byte("event=" + url.QueryEscape(string(b))) }
	asBase64 := func(b []byte) []byte {
		return []byte("event=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b)))
	}
	return []Shape{
		{"segment /v1/track", "/v1/track", plainJSON, 200, segmentEvent, nil},
		{"segment /v1/batch of one", "/v1/batch", plainJSON, 200, segmentEvent, func(b []byte) []byte { return fmt.Appendf(nil, `{"batch":[%s]}`, b) }},
		{"sitecore stream, edge", "/v1/events/v1.2/events?sitecoreContextId=KEY&siteId=main", plainJSON, 201, sitecoreEvent, nil},
		{"sitecore stream, direct", "/v1.2/events?client_key=KEY", plainJSON, 201, sitecoreEvent, nil},
		{"evergage event, JSON", "/api2/event/KEY", plainJSON, 200, evergageEvent, nil},
		{"evergage event, form", "/api2/event/KEY", aForm, 200, evergageEvent, asForm},
		{"evergage event, base64", "/api2/event/KEY", aForm, 200, evergageEvent, asBase64},
		{"data cloud web event", "/web/events/KEY", plainJSON, 200, dataCloudEvent, func(b []byte) []byte { return fmt.Appendf(nil, `{"events":[%s]}`, b) }},
	}
}

// Each has a member PAD that is filled up to the common size.
const (
	segmentEvent = `{"type":"track","event":"Product Viewed","messageId":"node-next-` + markID + `","timestamp":"` + markTime + `","userId":"u-` + markPerson + `","anonymousId":"device-` + markPerson + `",` +
		`"properties":{"product_id":"sku-10482","name":"Waxed canvas bag","category":"bags/day","price":129.90,"currency":"EUR","quantity":1,"position":3,"in_stock":true,"note":"PAD"},` +
		`"context":{"locale":"de-AT","page":{"path":"/p/10482","url":"https://shop.example/p/10482?utm_source=mail&utm_campaign=winter","referrer":"https://shop.example/"},"library":{"name":"analytics.js","version":"next-1.84.1"}}}`
	sitecoreEvent = `{"browser_id":"0ff5b7c8-5d3e-4a6f-9c63-0000` + markPerson + `","channel":"WEB","client_key":"","currency":"EUR","language":"EN","page":"/p/10482","pos":"shop.example","requested_at":"` + markTime + `","type":"PRODUCT_VIEWED",` +
		`"utm_source":"mail","utm_campaign":"winter","referrer":"https://shop.example/",` +
		`"ext":{"product_id":"sku-10482","name":"Waxed canvas bag","category":"bags/day","price":129.90,"quantity":1,"position":3,"in_stock":true,"note":"PAD","run":"` + markID + `"}}`
	evergageEvent = `{"action":"Product Page","itemAction":"View Item","flags":{"pageView":true},` +
		`"source":{"channel":"Web","pageType":"product","url":"https://shop.example/p/10482?utm_source=mail&utm_campaign=winter","urlReferrer":"https://shop.example/","locale":"de_AT"},` +
		`"user":{"anonId":"device-` + markPerson + `","id":"u-` + markPerson + `"},"attributes":{"note":"PAD","run":"` + markID + `"},` +
		`"catalog":{"Product":{"_id":"sku-10482","name":"Waxed canvas bag","price":129.90,"currency":"EUR","categories":[{"type":"c","_id":"BAGS|DAY"}]}}}`
	dataCloudEvent = `{"dateTime":"` + markTime + `","category":"Engagement","deviceId":"device-` + markPerson + `","customerId":"u-` + markPerson + `","sessionId":"s-` + markPerson + `","siteId":"RefArch","eventId":"` + markID + `",` +
		`"eventType":"catalog","interactionName":"catalog-object-view-start","id":"sku-10482","type":"Product","categoryId":"bags","sourceUrl":"https://shop.example/p/10482?utm_source=mail&utm_campaign=winter","sourceUrlReferrer":"https://shop.example/",` +
		`"sourceLocale":"de_AT","name":"Waxed canvas bag","price":129.90,"quantity":1,"note":"PAD"}`
)

// Alone sends events of a shape, each in a request of its own.
func Alone(ctx context.Context, job Job, s Shape) (Result, error) {
	text := strings.Replace(s.text, "PAD", strings.Repeat("-", max(0, eventBytes-len(s.text)+len("PAD"))), 1)
	job.Batch, job.shape, job.alone = 1, &s, newTemplate(1, text)
	return Run(ctx, job)
}

// head is the request line of a shape and the headers that it needs.
func (s *Shape) head(job *Job) string {
	return "POST " + strings.ReplaceAll(s.Path, "KEY", job.WriteKey) + " HTTP/1.1\r\nUser-Agent: " + browser + "\r\nContent-Type: " + s.Kind + "\r\n"
}

// append makes the next body of a shape.
func (s *Shape) append(b *Bodies, t *template, out []byte, now time.Time) []byte {
	if s.wrap == nil {
		return b.fill(out, t, b.people.Next(), now)
	}
	return append(out, s.wrap(b.fill(nil, t, b.people.Next(), now))...)
}
