package sitecore

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
)

// The kinds of cart that a session comes to.
const (
	cartBrowsed   = "BROWSED"
	cartAbandoned = "ABANDONED"
	cartConverted = "CONVERTED"
)

// session is what one browser did in one channel at one point of sale without
// a pause. It follows from the events and from nothing else.
type session struct {
	browser, channel, pos string
	items                 []*profile.Item // oldest first
	started, ended        clock.Instant
	timeout               time.Duration // the silence that closes it
	forced                bool          // an event ended it
	closed                bool
}

// timeouts gives the silence that closes a session at a point of sale of a
// source.
type timeouts func(source, pos string) time.Duration

// cutting cuts events, oldest first, into sessions.
type cutting struct {
	timeouts
	all    []*session
	open   map[[3]string]*session // by browser, channel and point of sale
	latest map[string]*session    // of a browser
}

// sessionsOf cuts a person's events into sessions, newest first. now decides
// only whether the last of a browser is still open.
func sessionsOf(items []profile.Item, now clock.Instant, after timeouts) []*session {
	order := make([]*profile.Item, 0, len(items))
	for i := range items {
		order = append(order, &items[i])
	}
	slices.SortFunc(order, func(a, b *profile.Item) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(closes(a), closes(b)), strings.Compare(a.MessageID, b.MessageID))
	})
	c := cutting{timeouts: after, open: map[[3]string]*session{}, latest: map[string]*session{}}
	for _, it := range order {
		if browser := memberText(it.Context, "browser_id"); browser != "" {
			c.latest[browser] = c.take(browser, it)
		}
	}
	for _, s := range c.all {
		s.closed = s.forced || now > s.closedAt()
	}
	slices.SortStableFunc(c.all, func(a, b *session) int { return cmp.Compare(b.started, a.started) })
	return c.all
}

// take adds an event to its session. One that leaves the point of sale out is of
// the session that goes on in its channel, else at the point of sale that the
// source says of all its events.
func (c *cutting) take(browser string, it *profile.Item) *session {
	pos := memberText(it.Properties, "pos")
	var s *session
	if last := c.latest[browser]; pos == "" && last != nil && last.channel == it.Channel && last.goesOn(it.Time) {
		s = last
	}
	if pos == "" {
		pos = memberText(it.Context, "point_of_sale")
	}
	key := [3]string{browser, it.Channel, pos}
	if open := c.open[key]; s == nil && open != nil && open.goesOn(it.Time) {
		s = open
	}
	if s == nil {
		s = &session{browser: browser, channel: it.Channel, pos: pos, started: it.Time, timeout: c.timeouts(it.Source, pos)}
		c.all, c.open[key] = append(c.all, s), s
	}
	s.items = append(s.items, it)
	s.ended = max(s.ended, it.Time)
	s.forced = s.forced || closes(it) == 1
	return s
}

// goesOn tells whether an event of a later time still belongs to the session.
func (s *session) goesOn(at clock.Instant) bool { return !s.forced && at <= s.ended.Add(s.timeout) }

// closes is 1 for an event that ends its session, else 0: of what happened in one
// instant the end is last.
func closes(it *profile.Item) int {
	if it.Name == typeForceClose || it.Name == typeSessionClose {
		return 1
	}
	return 0
}

// closedAt is when the session closes, if nothing more happens in it: with the
// event that ends it, or after the silence.
func (s *session) closedAt() clock.Instant {
	if s.forced {
		return s.ended
	}
	return s.ended.Add(s.timeout)
}

// memberText is a text member of a JSON object.
func memberText(object []byte, name string) string {
	if len(object) == 0 {
		return ""
	}
	doc, err := jsondoc.Parse(object, jsondoc.Limits{Depth: 40, Keys: 8_000})
	if err != nil {
		return ""
	}
	return doc.Root().Get(name).Text()
}

// ref is the same however often and in whatever order the events came, as long
// as the session begins with the same one.
func (s *session) ref() string { return s.refOf("") }

// refOf is the ref of something of the session's own; "" is the session.
func (s *session) refOf(part string) string {
	name := s.browser + "\x00" + s.channel + "\x00" + s.pos + "\x00" + s.items[0].MessageID
	if part != "" {
		name += "\x00" + part
	}
	sum := sha256.Sum256([]byte(name))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return uuid([16]byte(sum[:16]))
}

// counts are how often each kind of event happened.
func (s *session) counts() (n map[string]int, cart string) {
	n = map[string]int{"views": 0, "adds": 0, "searches": 0, "confirms": 0, "checkouts": 0, "payments": 0}
	cart = cartBrowsed
	for _, it := range s.items {
		switch {
		case it.Type == "page":
			n["views"]++
		case it.Name == typeAdd:
			n["adds"]++
		case it.Name == typeSearch:
			n["searches"]++
		case it.Name == typeConfirm:
			n["confirms"]++
		case it.Name == typeCheckout || it.Name == typeOrderCheckout:
			n["checkouts"]++
		case it.Name == "PAYMENT":
			n["payments"]++
		}
	}
	switch {
	case n["checkouts"] > 0:
		cart = cartConverted
	case n["adds"] > 0:
		cart = cartAbandoned
	}
	return n, cart
}

// view shows a session as a guest context does.
func (s *session) view(guest string) item {
	n, cart := s.counts()
	out := item{
		"ref": s.ref(), "guestRef": guest, "browserRef": s.browser, "status": "OPEN", "sessionType": strings.ToUpper(s.channel),
		"cartType": cart, "startedAt": s.started, "endedAt": nil, "duration": int64(s.ended.Sub(s.started) / time.Second),
		"channel": strings.ToUpper(s.channel), "pointOfSale": s.pos, "events": s.events(cart),
		"dataExtensions": []item{{"name": "SessionStatistics", "key": "SessionStatistics", "values": n}},
	}
	if s.closed {
		out["status"], out["endedAt"] = "CLOSED", s.ended
	}
	first := s.items[0]
	for name, from := range map[string]string{"language": "locale", "referer": "referrer", "userAgent": "userAgent"} {
		if text := memberText(first.Context, from); text != "" {
			out[name] = text
		}
	}
	if lang, ok := out["language"].(string); ok {
		out["language"] = strings.ToUpper(lang)
	}
	for _, it := range s.items {
		if it.Type != "page" {
			continue
		}
		if _, known := out["firstPageURI"]; !known {
			out["firstPageURI"] = it.Name
		}
		out["lastPageURI"] = it.Name
	}
	for _, it := range s.items {
		if c := memberText(it.Properties, "currency"); c != "" {
			out["currency"] = c
		}
	}
	return out
}

// events shows what happened in a session, and that it was closed. The close is
// no event of the log: a late event may still move it.
func (s *session) events(cart string) []item {
	out := make([]item, 0, len(s.items))
	ref := s.ref()
	for _, it := range s.items {
		out = append(out, item{
			"ref": it.MessageID, "type": typeOfItem(it), "status": "PROCESSED", "channel": strings.ToUpper(s.channel), "pointOfSale": s.pos,
			"browserRef": s.browser, "sessionRef": ref, "createdAt": it.Time, "arbitraryData": it.Properties,
		})
	}
	if !s.closed || s.items[len(s.items)-1].Name == typeSessionClose {
		return out
	}
	reason := "TIMEOUT"
	if s.forced {
		reason = typeForceClose
	}
	return append(out, item{
		"ref": s.refOf("close"), "type": typeSessionClose, "status": "PROCESSED", "channel": strings.ToUpper(s.channel), "pointOfSale": s.pos,
		"browserRef": s.browser, "sessionRef": ref, "createdAt": s.closedAt(), "arbitraryData": item{"cartType": cart, "reason": reason},
	})
}

// typeOfItem is the type that the client sent.
func typeOfItem(it *profile.Item) string {
	switch it.Type {
	case "page":
		return typeView
	case "identify":
		return typeIdentity
	}
	return it.Name
}
