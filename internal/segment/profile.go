package segment

import (
	"cmp"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/profile"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// ProfilePerson answers for a person from its merged partial, without making
// a view of it. It is used again and again: Set turns it to a person.
type ProfilePerson struct {
	partial *profile.Partial
	ids     []profile.IdentifierSeen
	rules   *profile.Rules
	consent func(purpose string) string
	orders  []Order
	known   bool
}

// Set turns to a person: the merge of its partials and its identifiers. The
// rules are those of the instance. consent gives "granted", "denied" or "";
// nil is nothing.
func (p *ProfilePerson) Set(partial *profile.Partial, ids []profile.IdentifierSeen, rules *profile.Rules, consent func(purpose string) string) {
	*p = ProfilePerson{partial: partial, ids: ids, rules: rules, consent: consent, orders: p.orders[:0]}
}

// Under turns to other rules, of the same person.
func (p *ProfilePerson) Under(rules *profile.Rules) { p.rules = rules }

// Values gives the values of a field.
func (p *ProfilePerson) Values(c *Cells, kind condition.Kind, f *condition.Field) {
	switch kind {
	case condition.Trait:
		p.trait(c, f.Name)
	case condition.Identifier:
		for i := range p.ids {
			if p.ids[i].Namespace == f.Name {
				c.AddText(p.ids[i].Value)
			}
		}
	case condition.Consent:
		if p.consent == nil {
			return
		}
		if s := p.consent(f.Name); s != "" {
			c.AddText(s)
		}
	case condition.Context:
		aspect, rest, _ := strings.Cut(f.Name, ".")
		if v := p.partial.Aspect(aspect, f.First); v != "" {
			c.AddJSON(v, rest)
		}
	case condition.Profile:
		p.field(c, f.Name)
	}
}

// trait finds a trait by its name, else a part of one by a path.
func (p *ProfilePerson) trait(c *Cells, path string) {
	if v := p.partial.TraitValue(path, p.rules); v != "" {
		c.AddJSON(v, "")
		return
	}
	if name, rest, deep := strings.Cut(path, "."); deep {
		if v := p.partial.TraitValue(name, p.rules); v != "" {
			c.AddJSON(v, rest)
		}
	}
}

func (p *ProfilePerson) field(c *Cells, name string) {
	first, last := p.partial.Seen()
	switch name {
	case "first_seen":
		c.AddTime(first)
	case "last_seen":
		c.AddTime(last)
	case "event_count":
		c.AddNumber(int64(p.partial.EventCount()))
	case "session_count":
		c.AddNumber(int64(p.partial.SessionCount()))
	case "anonymous":
		c.AddBool(profile.Anonymous(p.ids))
	case "channel":
		p.partial.EachChannel(c.AddText)
	case "account":
		p.partial.EachAccount(c.AddText)
	default:
		if kind, field, ok := condition.EntityField(name); ok {
			p.entityField(c, kind, field)
			return
		}
		p.orderField(c, name)
	}
}

// entityField answers for the entities of a type: of each the value of a field,
// or what is at a path within it. "id" is the entity's own id unless a field has
// that name.
func (p *ProfilePerson) entityField(c *Cells, kind, path string) {
	p.partial.EachObject(p.ids, func(o *catalog.Entity) {
		of, own := catalog.SplitObject(o.ID)
		if of != kind {
			return
		}
		if v := o.Field(path); v != "" {
			c.AddJSON(v, "")
		} else if name, rest, deep := strings.Cut(path, "."); deep {
			c.AddJSON(cmp.Or(o.Field(name), "null"), rest)
		} else if path == "id" {
			c.AddText(own)
		}
	})
}

// orderField answers for what the orders that count come to.
func (p *ProfilePerson) orderField(c *Cells, name string) {
	var n int64
	var first, last clock.Instant
	for _, o := range p.Orders() {
		if o.Cancelled {
			continue
		}
		n++
		first, last = sooner(first, o.Time), max(last, o.Time)
	}
	switch name {
	case "order_count":
		c.AddNumber(n)
	case "first_order_at":
		c.AddTime(first)
	case "last_order_at":
		c.AddTime(last)
	}
}

// Traits visits every trait.
func (p *ProfilePerson) Traits(visit func(name, value string) bool) {
	p.partial.EachTrait(p.rules, visit)
}

// Orders are the person's orders.
func (p *ProfilePerson) Orders() []Order {
	if !p.known {
		p.known = true
		p.orders = p.orders[:0]
		p.partial.EachOrder(p.ids, func(f *profile.OrderFact) {
			total, _ := decimal.Parse(f.Money.Total.Text())
			p.orders = append(p.orders, Order{
				ID: f.ID, Time: f.Money.Time, Status: f.Status, Currency: f.Money.Currency, Total: total, Cancelled: !f.Counts,
			})
		})
	}
	return p.orders
}
