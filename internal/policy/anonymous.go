package policy

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
)

// Dialect is the name under which events that were made anonymous stand in the
// log.
const Dialect = "anonymous"

// prefix begins the pseudonym of a device, which is a device's identifier like
// any other: it names nobody. No event carries one beside another identifier, so
// nothing joins it.
const prefix = "anonymous~"

// Pseudonyms gives devices other names, from which they cannot be told without
// the key of the instance.
type Pseudonyms struct{ names *consent.Hasher }

// NewPseudonyms derives the key of pseudonyms from that of the instance.
func NewPseudonyms(instanceKey [16]byte) *Pseudonyms {
	return &Pseudonyms{consent.NewHasherFor(instanceKey, "unlinkable names")}
}

// Of is the pseudonym of an identifier.
func (p *Pseudonyms) Of(i event.Identifier) event.Identifier {
	return event.Identifier{Namespace: event.AnonymousID, Value: prefix + p.names.Subject(i.Key()).String()}
}

// message is another name for a message of a device, by which copies of it are
// still known.
func (p *Pseudonyms) message(i event.Identifier, messageID string) string {
	return p.names.Subject(id.KeyOf("message", i.String()+"\x00"+messageID)).String()
}

// anonymous is the body of an event of the dialect.
type anonymous struct {
	Type       string                     `json:"type"`
	Name       string                     `json:"name,omitempty"`
	Message    string                     `json:"message"`
	Time       clock.Instant              `json:"time"`
	Device     string                     `json:"device"`
	Channel    string                     `json:"channel,omitempty"`
	ItemAction string                     `json:"item_action,omitempty"`
	NameOnly   bool                       `json:"name_only,omitempty"`
	Properties json.RawMessage            `json:"properties,omitempty"`
	Context    map[string]json.RawMessage `json:"context,omitempty"`
	Policy     int                        `json:"policy"` // the version that said so
}

// Strip makes the anonymous form of an event: what happened, when, where on the
// site and to which items, under the device's pseudonym. It has no identifier,
// address, user agent, trait, account, number of an order or cart, nor anything
// in its properties that is one of the person's identifiers or looks like one.
// There is none of calls that only speak of the person: identify, group, alias.
func (p *Policy) Strip(names *Pseudonyms, v *event.Event) (env event.Envelope, body []byte, ok bool) {
	if v.Type != event.Track && v.Type != event.Page && v.Type != event.Screen {
		return env, nil, false
	}
	device := v.Anchor()
	if i := slices.IndexFunc(v.Identifiers, func(i event.Identifier) bool { return i.Namespace == event.AnonymousID }); i >= 0 {
		device = v.Identifiers[i]
	}
	c := cleaner{consent.NewMentions(v.Identifiers)}
	a := anonymous{
		Type: v.Type.String(), Name: c.text(v.Name), Message: names.message(device, v.MessageID), Time: v.Time,
		Device: names.Of(device).Value, Channel: v.Channel, ItemAction: v.ItemAction, NameOnly: v.NameOnly, Policy: p.Version,
		Properties: c.document(v.Properties.Raw()), Context: c.context(v),
	}
	if a.Name == "" && v.Type == event.Track {
		return env, nil, false // the name was about the person
	}
	body, err := json.Marshal(a)
	if err != nil {
		return env, nil, false
	}
	return event.Envelope{
		Dialect: Dialect, Source: v.Source, Type: v.Type, MessageID: a.Message, Received: v.ReceivedAt, Historical: v.Historical,
	}, body, true
}

// NewMapper makes the mapper of the dialect.
func NewMapper() event.Mapper {
	return func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
		e := &event.Event{
			Type: event.TypeOf(body.Get("type").Text()), Name: body.Get("name").Text(), MessageID: body.Get("message").Text(),
			ReceivedAt: env.Received, Source: env.Source, Historical: env.Historical, Channel: body.Get("channel").Text(),
			ItemAction: body.Get("item_action").Text(), Properties: body.Get("properties"), Context: body.Get("context"), Body: body,
			Identifiers: []event.Identifier{{Namespace: event.AnonymousID, Value: body.Get("device").Text()}},
		}
		e.NameOnly, _ = body.Get("name_only").Bool()
		if e.Type == 0 || e.MessageID == "" || !strings.HasPrefix(e.Identifiers[0].Value, prefix) {
			return nil, fault.Errorf(fault.Invalid, "invalid_event", "the anonymous event has no type, message or device")
		}
		if err := e.Time.UnmarshalText([]byte(body.Get("time").Text())); err != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_time", "the anonymous event has no time: %v", err).At("/time")
		}
		return e, nil
	}
}

// cleaner takes out of documents what says whose they are.
type cleaner struct{ mentions *consent.Mentions }

// context keeps of an event's context where on the site it was, by which
// campaign, in which language.
func (c cleaner) context(v *event.Event) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, name := range []string{"locale", "campaign", "library"} {
		if raw := c.document(v.About(name).Raw()); raw != nil {
			out[name] = raw
		}
	}
	page := map[string]string{}
	for _, name := range []string{"path", "title", "url", "referrer"} {
		if text, ok := v.About("page", name).Str(); ok {
			page[name] = c.text(bare(text))
		}
	}
	if len(page) > 0 {
		if raw, err := json.Marshal(page); err == nil {
			out["page"] = raw
		}
	}
	return out
}

// bare is an address without what follows the path: forms put names there.
func bare(url string) string {
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		return url[:i]
	}
	return url
}

// document gives a JSON value without members and texts that say who it is
// about; nil where nothing can be kept.
func (c cleaner) document(raw []byte) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	out, err := json.Marshal(c.value("", v))
	if err != nil || c.mentions.In(out) {
		return nil // what is spread over several members is not kept either
	}
	return out
}

func (c cleaner) value(in string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		for name, member := range x {
			if personal(in, name) || c.text(name) != name {
				delete(x, name)
				continue
			}
			x[name] = c.value(name, member)
		}
	case []any:
		for i := range x {
			x[i] = c.value(in, x[i])
		}
	case string:
		if strings.Contains(x, "://") {
			x = bare(x)
		}
		if named(in) { // a number that names goods is long as well
			return c.words(x)
		}
		return c.text(x)
	case json.Number:
		if c.mentions.In([]byte(x)) {
			return nil
		}
	}
	return v
}

// address is what an e-mail address looks like, and longNumber a number of a
// phone, an account or a card.
var (
	address    = regexp.MustCompile(`[^\s@<>"',;:/]+@[^\s@<>"',;:/]+`)
	longNumber = regexp.MustCompile(`\+?\d[\d\s().-]{7,}\d`)
)

// date is a long number that names nobody.
var date = regexp.MustCompile(`^\d{4}-\d\d-\d\d`)

// text is a text without the person's identifiers, addresses and long numbers.
func (c cleaner) text(s string) string {
	return c.words(longNumber.ReplaceAllStringFunc(s, func(found string) string {
		if date.MatchString(found) {
			return found
		}
		return ""
	}))
}

// words is a text without the person's identifiers and addresses.
func (c cleaner) words(s string) string {
	s = address.ReplaceAllString(s, "")
	if c.mentions.In([]byte(s)) {
		return ""
	}
	return s
}

// named tells whether a member of this name holds the id of goods.
func named(name string) bool {
	plain := fold(name)
	return plain == "id" || slices.Contains(codes, plain) || slices.Contains(goods, plain)
}

// codes are other names of members that hold the id of goods.
var codes = []string{"sku", "gtin", "ean", "upc", "isbn", "variant", "productids", "skus"}

// goods are names of members that end like identifiers and name what is sold or
// shown, and never a person or what a person did.
var goods = []string{
	"productid", "itemid", "variantid", "categoryid", "promotionid", "bannerid", "listid", "brandid", "offerid", "experienceid", "campaignid", "collectionid", "storeid",
}

// people are names of members that speak of somebody, wherever they stand.
var people = []string{
	"email", "mail", "phone", "telephone", "mobile", "firstname", "lastname", "fullname", "username", "surname", "birthday", "birthdate", "dateofbirth", "gender",
	"address", "street", "zip", "postcode", "postalcode", "traits", "user", "customer", "ip", "ipaddress", "useragent", "useragentdata", "device", "identifier",
	"identifiers", "externalids", "session", "token", "account", "iban", "latitude", "longitude", "location",
}

// personal tells whether a member of a document says who it is about: what is
// named like a person's, and every id but those of goods.
func personal(in, name string) bool {
	plain := fold(name)
	if slices.Contains(people, plain) || strings.Contains(plain, "email") || strings.Contains(plain, "phone") {
		return true
	}
	if plain == "id" {
		return in != "products" && in != "items" && in != "product" && in != "item"
	}
	return strings.HasSuffix(plain, "id") && !slices.Contains(goods, plain) && identifying(name, plain)
}

func fold(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune("_- .", r) {
			return -1
		}
		return r
	}, name))
}

// identifying tells whether a name that ends in id is that of an identifier,
// rather than a word such as paid.
func identifying(name, plain string) bool {
	if strings.HasSuffix(name, "ID") || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "-id") || strings.HasSuffix(name, " id") {
		return true
	}
	return slices.Contains([]string{"userid", "orderid", "cartid", "checkoutid", "customerid", "sessionid", "memberid", "visitorid", "anonymousid", "deviceid", "guid", "uuid", "uid"}, plain)
}
