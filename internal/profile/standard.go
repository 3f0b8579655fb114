package profile

import (
	"encoding/json"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
)

// CampaignSeen is a campaign and when it brought the person.
type CampaignSeen struct {
	Campaign json.RawMessage `json:"campaign" doc:"As events named it: name, source, medium, …"`
	Time     clock.Instant   `json:"time"`
}

// LoyaltyView is what is known of a person in a loyalty programme.
type LoyaltyView struct {
	Tier     json.RawMessage `json:"tier" doc:"Null where nobody said"`
	Points   *json.Number    `json:"points" doc:"What the programme says, else what events earned less what they spent"`
	JoinedAt *string         `json:"joined_at" doc:"A day or an instant"`
	// From says where each of the three came from: a trait or events.
	From map[string]string `json:"from"`
}

// standard computes what every instance shows.
func (p *Partial) standard(fields []field, c *Computed, now clock.Instant) {
	c.Touchpoints, c.PreferredChannel = p.touchpoints()
	m := meaningsOf(fields)
	name, zone := p.zone(&m)
	c.Activity = p.activity(name, zone)
	c.MostActiveDays, c.MostActiveHours = c.Activity.most()
	if i := p.findAbout(aboutCampaign); i < len(p.about) && p.about[i].aspect == aboutCampaign {
		a := &p.about[i]
		c.FirstCampaign = &CampaignSeen{json.RawMessage(a.first.text), a.first.stamp.Time}
		c.LastCampaign = &CampaignSeen{json.RawMessage(a.latest.text), a.latest.stamp.Time}
	}
	c.Loyalty = p.loyaltyView(&m)
	c.Derived = p.derived(&m, now, zone)
}

// zone is the person's time zone: that of its latest device, else the one a
// trait names, else UTC.
func (p *Partial) zone(m *meanings) (name string, zone *time.Location) {
	for _, text := range [...]string{plainText(p.latest(aboutTimezone)), m[asZone].text()} {
		if z, ok := feel.NamedZone(text); ok && text != "" {
			return z.Name(), z.Location()
		}
	}
	return "UTC", time.UTC
}

// latest is the latest value of an aspect; "" where there is none.
func (p *Partial) latest(a aspect) string {
	if i := p.findAbout(a); i < len(p.about) && p.about[i].aspect == a {
		return p.about[i].latest.text
	}
	return ""
}

// plainText is the text that a canonical value is; "" where it is none.
func plainText(canonical string) string {
	if len(canonical) < 2 || canonical[0] != '"' {
		return ""
	}
	if !strings.Contains(canonical, `\`) {
		return strings.TrimSpace(canonical[1 : len(canonical)-1])
	}
	return strings.TrimSpace(member(canonical).Text())
}

// member is a member of a canonical value, or the value itself.
func member(canonical string, path ...string) jsondoc.Value {
	doc, err := jsondoc.Parse([]byte(canonical), jsondoc.DefaultLimits())
	if err != nil {
		return jsondoc.Value{}
	}
	return doc.Root().Path(path...)
}

// loyaltyView joins what traits and events say; a trait is what the programme
// says itself.
func (p *Partial) loyaltyView(m *meanings) *LoyaltyView {
	const events = "events"
	v := &LoyaltyView{From: map[string]string{}}
	said := p.loyalty
	if said == nil {
		said = &loyalty{}
	}
	if tier := &m[asTier]; tier.value != "" {
		v.Tier, v.From["tier"] = json.RawMessage(tier.value), tier.from
	} else if said.tier.text != "" {
		v.Tier, v.From["tier"] = json.RawMessage(said.tier.text), events
	}
	if points := &m[asPoints]; points.value != "" {
		v.Points, v.From["points"] = (*json.Number)(&points.value), points.from
	} else if said.counted() {
		sum := said.points()
		v.Points, v.From["points"] = (*json.Number)(&sum), events
	}
	if text := m[asJoined].text(); text != "" {
		v.JoinedAt, v.From["joined_at"] = &text, m[asJoined].from
	} else if said.joined != 0 {
		text := said.joined.String()
		v.JoinedAt, v.From["joined_at"] = &text, events
	}
	if len(v.From) == 0 {
		return nil
	}
	return v
}
