package profile

import (
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// contactKind is a way to reach a person. The numbers are on disk: append only.
type contactKind byte

const (
	contactEmail   contactKind = 'e'
	contactPhone   contactKind = 'p'
	contactAddress contactKind = 'a' // the value is canonical JSON
	contactPush    contactKind = 't' // a push token
	contactSocial  contactKind = 's' // provider:handle
)

// contactKinds are the kinds with their names, in the order of their bytes.
var contactKinds = [...]struct {
	kind contactKind
	name string
}{
	{contactAddress, "address"},
	{contactEmail, event.Email},
	{contactPhone, event.Phone},
	{contactSocial, "social"},
	{contactPush, "push_token"},
}

func (k contactKind) String() string {
	for _, c := range contactKinds {
		if c.kind == k {
			return c.name
		}
	}
	return ""
}

// contact is a contact point that events named. Contact points are a set: none
// of them replaces another.
type contact struct {
	value       string
	source      string // of the latest sighting
	first, last clock.Instant
	verified    clock.Instant // the first that a secret key or signature vouched for; 0: merely claimed
	count       uint32
	kind        contactKind
	dirty       bool
}

// add takes other sightings of the same contact point.
func (c *contact) add(o *contact) {
	c.count += o.count
	c.first = min(c.first, o.first)
	if o.last > c.last || o.last == c.last && o.source > c.source {
		c.last, c.source = o.last, o.source
	}
	c.verified = earliest(c.verified, o.verified)
	c.dirty = true
}

func (p *Partial) findContact(kind contactKind, value string) (int, bool) {
	from, to := 0, len(p.contacts)
	for from < to {
		mid := (from + to) / 2
		if c := &p.contacts[mid]; c.kind < kind || c.kind == kind && c.value < value {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return from, from < len(p.contacts) && p.contacts[from].kind == kind && p.contacts[from].value == value
}

// addContact adds sightings. Of each kind the first values in byte order stay.
func (p *Partial) addContact(c contact) {
	i, found := p.findContact(c.kind, c.value)
	if found {
		p.contacts[i].add(&c)
		return
	}
	c.dirty = true
	p.contacts = slices.Insert(p.contacts, i, c)
	from, _ := p.findContact(c.kind, "")
	if to, _ := p.findContact(c.kind+1, ""); to-from > MaxContacts {
		p.contacts = slices.Delete(p.contacts, to-1, to)
		p.truncated |= inContacts
	}
}

// contact notes a contact point of an event.
func (p *Partial) contact(kind contactKind, value string, e *event.Event, names *Names) {
	if value == "" || len(value) > catalog.MaxID {
		return
	}
	c := contact{value: value, kind: kind, source: e.Source, first: e.Time, last: e.Time, count: 1}
	if e.Verified {
		c.verified = e.Time
	}
	if i, found := p.findContact(kind, value); found {
		known := &p.contacts[i]
		if c.source = known.source; c.source != e.Source {
			c.source = names.OfText(e.Source)
		}
		known.add(&c)
		return
	}
	c.value, c.source = strings.Clone(value), names.OfText(e.Source)
	p.addContact(c)
}

// foldContacts notes the contact points among the identifiers.
func (p *Partial) foldContacts(e *event.Event, names *Names) {
	for i := range e.Identifiers {
		switch id := &e.Identifiers[i]; id.Namespace {
		case event.AnonymousID, event.UserID:
		case event.Email:
			p.contact(contactEmail, id.Value, e, names)
		case event.Phone:
			p.contact(contactPhone, id.Value, e, names)
		default:
			if social(id.Namespace) {
				p.contact(contactSocial, id.Namespace+":"+handle(id.Value), e, names)
			}
		}
	}
}

// traitContact notes the contact point that a trait is.
func (p *Partial) traitContact(key []byte, v jsondoc.Value, e *event.Event, names *Names) {
	switch string(key) {
	case "email":
		if s, ok := v.Str(); ok {
			p.contact(contactEmail, strings.ToLower(strings.TrimSpace(s)), e, names)
		}
	case "phone":
		if s, ok := v.Str(); ok {
			p.contact(contactPhone, phoneOf(s), e, names)
		}
	case "push_token", "pushToken", "device_token", "deviceToken":
		if s, ok := v.Str(); ok {
			p.contact(contactPush, s, e, names)
		}
	case "address", "shipping_address", "shippingAddress", "billing_address", "billingAddress":
		if v.Kind() == jsondoc.Object && v.Len() > 0 || v.Kind() == jsondoc.String && len(v.Raw()) > len(`""`) {
			p.contact(contactAddress, catalog.Canonical(v), e, names)
		}
	case "social":
		v.EachBytes(func(provider []byte, h jsondoc.Value) bool {
			p.socialContact(string(provider), h, e, names)
			return true
		})
	default:
		if social(string(key)) {
			p.socialContact(string(key), v, e, names)
		}
	}
}

func (p *Partial) socialContact(provider string, v jsondoc.Value, e *event.Event, names *Names) {
	if s, ok := v.Str(); ok && handle(s) != "" {
		p.contact(contactSocial, strings.ToLower(provider)+":"+handle(s), e, names)
	}
}

// social tells the names of providers under which traits hold handles.
func social(name string) bool {
	switch name {
	case "twitter", "x", "facebook", "instagram", "linkedin", "tiktok", "youtube", "github", "mastodon", "bluesky",
		"threads", "pinterest", "snapchat", "reddit", "discord", "telegram", "whatsapp", "wechat", "xing":
		return true
	}
	return false
}

// handle is a social handle without its decoration; most providers do not tell
// cases apart.
func handle(s string) string { return strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), "@")) }

// phoneOf is an international number without what only helps the eye, which is
// the form of the identifier; another text stays as it is.
func phoneOf(s string) string {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "+") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -./()", r) {
			return -1
		}
		return r
	}, s)
}
