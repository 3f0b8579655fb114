package profile

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/jsondoc"
)

// Touchpoint is what happened through one channel.
type Touchpoint struct {
	Count     uint64         `json:"count" doc:"Events, with what was sent to the person"`
	Own       uint64         `json:"own" doc:"What the person did by itself"`
	FirstSeen clock.Instant  `json:"first_seen"`
	LastSeen  clock.Instant  `json:"last_seen"`
	LastOwn   *clock.Instant `json:"last_own" doc:"When the person did something there last"`
}

// touchpointOf gives a channel its common name.
func touchpointOf(channel string) string {
	if known, ok := touchpointNames[channel]; ok {
		return known
	}
	lower := strings.ToLower(channel)
	folded := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' {
			return -1
		}
		return r
	}, lower)
	if known, ok := touchpointNames[folded]; ok {
		return known
	}
	return lower
}

const (
	touchWeb    = "web"
	touchApp    = "app"
	touchCentre = "call_centre"
	touchStore  = "store"
	touchServer = "server"
)

var touchpointNames = map[string]string{
	"web": touchWeb, "website": touchWeb, "browser": touchWeb, "mobileweb": touchWeb, "site": touchWeb,
	"app": touchApp, "mobile": touchApp, "mobileapp": touchApp, "ios": touchApp, "android": touchApp, "tablet": touchApp,
	"email": channelEmail, "mail": channelEmail, "sms": channelSMS, "text": channelSMS, "textmessage": channelSMS,
	"push": channelPush, "pushnotification": channelPush,
	"callcentre": touchCentre, "callcenter": touchCentre, "contactcentre": touchCentre, "contactcenter": touchCentre,
	"phone": touchCentre, "telephone": touchCentre,
	"store": touchStore, "instore": touchStore, "pos": touchStore, "pointofsale": touchStore, "branch": touchStore,
	"retail": touchStore, "shop": touchStore, "offline": touchStore,
	"server": touchServer, "api": touchServer, "backend": touchServer, "batch": touchServer,
}

// touchpoints joins the channels under their common names, and gives the one
// where the person did most: of equals the one used last. A server is none.
func (p *Partial) touchpoints() (all map[string]Touchpoint, preferred *string) {
	all = make(map[string]Touchpoint, len(p.channels))
	for i := range p.channels {
		s := &p.channels[i]
		name := touchpointOf(strings.TrimSuffix(s.key, sentMark))
		t := all[name]
		t.Count += uint64(s.count)
		t.FirstSeen, t.LastSeen = earliest(t.FirstSeen, s.first), max(t.LastSeen, s.last)
		if !outbound(s.key) {
			t.Own += uint64(s.count)
			last := s.last
			if t.LastOwn != nil {
				last = max(last, *t.LastOwn)
			}
			t.LastOwn = &last
		}
		all[name] = t
	}
	best := ""
	for name, t := range all {
		if name == touchServer || t.Own == 0 {
			continue
		}
		b := all[best]
		if best == "" || cmp.Or(cmp.Compare(t.Own, b.Own), cmp.Compare(*t.LastOwn, *b.LastOwn), strings.Compare(best, name)) > 0 {
			best = name
		}
	}
	if best != "" {
		preferred = &best
	}
	return all, preferred
}

// allChannels are the channels by the names that events gave them.
func (p *Partial) allChannels() map[string]Occurrence {
	out := make(map[string]Occurrence, len(p.channels))
	for i := range p.channels {
		s := &p.channels[i]
		key := strings.TrimSuffix(s.key, sentMark)
		o, both := out[key]
		if !both {
			o = Occurrence{FirstSeen: s.first, LastSeen: s.last}
		}
		o.Count += uint64(s.count)
		o.FirstSeen, o.LastSeen = min(o.FirstSeen, s.first), max(o.LastSeen, s.last)
		out[key] = o
	}
	return out
}

// view shows a contact point.
func (c *contact) view() ContactPoint {
	v := ContactPoint{
		Type: c.kind.String(), Value: c.value, FirstSeen: c.first, LastSeen: c.last, Count: uint64(c.count),
		Source: c.source, Verified: c.verified != 0, VerifiedAt: known(c.verified),
	}
	if c.kind == contactAddress {
		v.Address, v.Value = json.RawMessage(c.value), oneLine(c.value)
	}
	return v
}

// addressParts are the members of an address in the order of an envelope.
var addressParts = [...][]string{
	{"street", "street1", "line1", "address1"},
	{"street2", "line2", "address2"},
	{"postal_code", "postalCode", "postcode", "zip"},
	{"city", "town"},
	{"state", "region", "province"},
	{"country"},
}

// oneLine is an address in one line: the parts an envelope has, else all texts
// it holds.
func oneLine(canonical string) string {
	v := member(canonical)
	if v.Kind() == jsondoc.String {
		return v.Text()
	}
	var parts []string
	for _, names := range addressParts {
		i := slices.IndexFunc(names, func(n string) bool { return v.Get(n).Exists() })
		if i < 0 {
			continue
		}
		if text := strings.Trim(catalog.Canonical(v.Get(names[i])), `"`); text != "" && text != null {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return canonical
	}
	return strings.Join(parts, ", ")
}
