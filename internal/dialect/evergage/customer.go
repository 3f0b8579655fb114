package evergage

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// How much of the past an export tells.
const (
	exportedEvents = 1_000
	exportedPage   = 200
	exportedOrders = 100
)

// customer is a unified customer profile as Personalization exports it.
type customer struct {
	UserSummary         summary        `json:"userSummary"`
	Anonymous           bool           `json:"anonymous"`
	NamedUserID         string         `json:"namedUserId,omitempty"`
	DisplayName         string         `json:"displayName,omitempty"`
	AnonAliases         []string       `json:"anonAliases"`
	AnonMergeTimes      []int64        `json:"anonMergeTimes"`
	Attributes          []attribute    `json:"attributes"`
	Engagement          engagement     `json:"engagement"`
	FirstActivity       int64          `json:"firstActivity"`
	LastActivity        int64          `json:"lastActivity"`
	Updated             int64          `json:"updated"`
	Location            map[string]any `json:"location"`
	PageLocale          string         `json:"pageLocale,omitempty"`
	OriginatingReferrer map[string]any `json:"originatingReferrer"`
	OrderHistory        []any          `json:"orderHistory"`
	SegmentMembership   []membership   `json:"segmentMembership"`
	VisitHistory        []visit        `json:"visitHistory"`
}

type summary struct {
	ID string `json:"_id"`
}

type attribute struct {
	Name    string          `json:"name"`
	Value   json.RawMessage `json:"value"`
	Updated int64           `json:"updated"`
}

// engagement is how much somebody did lately: the events of the last visit.
type engagement struct {
	Score uint64 `json:"score"`
	Date  int64  `json:"date"`
}

type membership struct {
	ID     string `json:"id"`
	Joined int64  `json:"joined"`
}

type visit struct {
	Start         int64 `json:"start"`
	LastEventTime int64 `json:"lastEventTime"`
	VisitIndex    int   `json:"visitIndex"`
}

// millis is a time as clients write it.
func millis(at clock.Instant) int64 { return int64(at) / 1_000 }

func known(at *clock.Instant) int64 {
	if at == nil {
		return 0
	}
	return millis(*at)
}

// customer puts together what is known of a person.
func (d *Door) customer(ctx context.Context, v *profile.View) (*customer, error) {
	c := &customer{
		UserSummary: summary{v.ID}, Anonymous: v.Anonymous, NamedUserID: named(v.Identifiers),
		AnonAliases: []string{}, AnonMergeTimes: []int64{}, Attributes: attributesOf(v),
		FirstActivity: known(v.Computed.FirstSeen), LastActivity: known(v.Computed.LastSeen), Updated: known(v.Computed.LastSeen),
		Location: location(v), PageLocale: plain(v.Computed.Latest["locale"]), OriginatingReferrer: referrer(v),
		OrderHistory: []any{}, SegmentMembership: []membership{}, VisitHistory: []visit{},
	}
	c.DisplayName = c.NamedUserID
	if name := v.Computed.Derived["full_name"]; len(name.Value) > 0 && plain(name.Value) != "" {
		c.DisplayName = plain(name.Value)
	}
	for _, i := range v.Identifiers {
		if i.Namespace == event.AnonymousID {
			c.AnonAliases = append(c.AnonAliases, i.Value)
			c.AnonMergeTimes = append(c.AnonMergeTimes, millis(i.FirstSeen))
		}
	}
	if s := v.Computed.LastSession; s != nil {
		c.Engagement = engagement{s.Events, millis(s.End)}
	}
	standing, err := d.People.PersonSegments(ctx, v.ID, "")
	if err != nil {
		return nil, err
	}
	for _, s := range standing.Items {
		c.SegmentMembership = append(c.SegmentMembership, membership{s.Key, known(s.Since)})
	}
	items, err := d.past(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	c.VisitHistory = visits(items, v.Computed.SessionCount)
	c.OrderHistory, err = d.orders(ctx, items)
	return c, err
}

func attributesOf(v *profile.View) []attribute {
	out := make([]attribute, 0, len(v.Traits))
	for _, name := range slices.Sorted(maps.Keys(v.Traits)) {
		a := attribute{Name: name, Value: v.Traits[name]}
		if v.Lineage != nil {
			a.Updated = millis(v.Lineage.Traits[name].Time)
		}
		out = append(out, a)
	}
	return out
}

// plain is the text that a JSON value is, "" where it is none.
func plain(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func location(v *profile.View) map[string]any {
	out := map[string]any{}
	if raw := v.Computed.Latest["location"]; len(raw) > 0 && json.Unmarshal(raw, &out) != nil {
		out = map[string]any{}
	}
	if zone := plain(v.Computed.Latest["timezone"]); zone != "" {
		out["timeZone"] = zone
	}
	return out
}

// referrer is where the person came from first.
func referrer(v *profile.View) map[string]any {
	out := map[string]any{}
	var campaign struct{ Source, Medium string }
	if raw := v.Computed.First["campaign"]; len(raw) > 0 && json.Unmarshal(raw, &campaign) == nil {
		for name, value := range map[string]string{"source": campaign.Source, "medium": campaign.Medium} {
			if value != "" {
				out[name] = value
			}
		}
	}
	if u, err := url.Parse(plain(v.Computed.First["referrer"])); err == nil && u.Hostname() != "" {
		out["domain"] = strings.TrimPrefix(u.Hostname(), "www.")
	}
	return out
}

// past is what happened to a person, newest first, as far as an export tells it.
func (d *Door) past(ctx context.Context, ref string) ([]profile.Item, error) {
	var out []profile.Item
	q := pipeline.TimelineQuery{Limit: exportedPage}
	for len(out) < exportedEvents {
		page, err := d.People.Timeline(ctx, ref, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	return out, nil
}

// visits cuts the past at silences of half an hour; the last visit has the
// number of all.
func visits(newestFirst []profile.Item, all int) []visit {
	out := []visit{}
	for _, i := range newestFirst {
		at := millis(i.Time)
		if n := len(out); n > 0 && out[n-1].Start-at <= profile.SessionGap.Milliseconds() {
			out[n-1].Start = at
			continue
		}
		out = append(out, visit{Start: at, LastEventTime: at, VisitIndex: max(all-len(out), 1)})
	}
	return out
}

// orders are those that the past speaks of, newest first.
func (d *Door) orders(ctx context.Context, items []profile.Item) ([]any, error) {
	out, seen := []any{}, map[string]bool{}
	for _, i := range items {
		if i.Class != catalog.ClassOrder.String() || len(out) == exportedOrders {
			continue
		}
		var said struct {
			Plain string `json:"order_id"`
			Camel string `json:"orderId"`
		}
		_ = json.Unmarshal(i.Properties, &said) // an id of another kind is none
		id := said.Plain
		if id == "" {
			id = said.Camel
		}
		if id == "" {
			id = i.MessageID // an order nobody named has its event's
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		o, err := d.People.Entity(ctx, catalog.Order, id)
		switch {
		case err == nil:
			out = append(out, o.View)
		case fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Gone:
			return nil, err
		}
	}
	return out, nil
}
