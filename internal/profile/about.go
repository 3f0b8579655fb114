package profile

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// aspect is a part of the context that is remembered. The numbers are on disk:
// append only.
type aspect uint8

const (
	aboutDevice aspect = 1 + iota
	aboutOS
	aboutBrowser
	aboutUserAgent
	aboutLocale
	aboutTimezone
	aboutLocation
	aboutApp
	aboutReferrer
	aboutCampaign
	aboutClickIDs
	aspects
)

var aspectNames = [...]string{
	"", "device", "os", "browser", "user_agent", "locale", "timezone", "location", "app", "referrer", "campaign",
	"click_ids",
}

// usualAspects is how many of them most events speak of.
const usualAspects = 7

// about is the first and the latest that events said of an aspect.
type about struct {
	first, latest value
	aspect        aspect
	dirty         touch
}

// value is a value with its place in the order of what is said.
type value struct {
	text  string // canonical JSON
	stamp catalog.Stamp
}

func (v *value) compare(o *value) int {
	return cmp.Or(v.stamp.Compare(o.stamp), strings.Compare(v.text, o.text))
}

// walk goes through the context of an event, and remembers which aspects it
// spoke of: those come before the context of the whole request.
type walk struct {
	p     *Partial
	event *event.Event
	names *Names
	stamp catalog.Stamp
	said  uint16
}

func (p *Partial) foldContext(e *event.Event, stamp catalog.Stamp, names *Names) {
	c := walk{p: p, event: e, names: names, stamp: stamp}
	own := c.said
	read := func(key []byte, v jsondoc.Value) bool {
		if a := aspectOf(key); a != 0 && own&(1<<a) == 0 {
			c.take(a, v)
		} else if string(key) == "page" && own&(1<<aboutReferrer) == 0 {
			c.referrer(v)
		}
		return true
	}
	e.Context.EachBytes(read)
	if e.Shared.Exists() {
		own = c.said
		e.Shared.EachBytes(read)
	}
	if e.Derived.Exists() {
		own = c.said
		e.Derived.EachBytes(read)
	}
}

func aspectOf(key []byte) aspect {
	switch string(key) {
	case "device":
		return aboutDevice
	case "os":
		return aboutOS
	case "browser", "userAgentData":
		return aboutBrowser
	case "userAgent":
		return aboutUserAgent
	case "locale":
		return aboutLocale
	case "timezone":
		return aboutTimezone
	case "location":
		return aboutLocation
	case "app":
		return aboutApp
	case "referrer":
		return aboutReferrer
	case "campaign":
		return aboutCampaign
	case "click_ids":
		return aboutClickIDs
	}
	return 0
}

// referrer is a page's, where it leads to another site: going from page to
// page is no arrival.
func (c *walk) referrer(page jsondoc.Value) {
	r := page.Get("referrer")
	from, ok := r.StrBytes()
	if !ok || len(from) == 0 || c.said&(1<<aboutReferrer) != 0 {
		return
	}
	url, _ := page.Get("url").StrBytes()
	if bytes.Equal(host(from), host(url)) {
		return
	}
	c.take(aboutReferrer, r)
}

func host(url []byte) []byte {
	if _, rest, ok := bytes.Cut(url, []byte("://")); ok {
		url = rest
	}
	if i := bytes.IndexAny(url, "/?#"); i >= 0 {
		url = url[:i]
	}
	return url
}

// take remembers a value. Nothing that says nothing is remembered.
func (c *walk) take(a aspect, v jsondoc.Value) {
	raw := v.Raw()
	switch v.Kind() {
	case jsondoc.Object:
		if v.Len() == 0 {
			return
		}
	case jsondoc.String:
		if len(raw) == 2 {
			return
		}
	default:
		return
	}
	if len(raw) > MaxValueBytes || c.said&(1<<a) != 0 && a != aboutReferrer {
		return
	}
	c.said |= 1 << a
	if a == aboutDevice {
		if token, ok := v.Get("token").Str(); ok {
			c.p.contact(contactPush, token, c.event, c.names)
		}
	}
	c.p.remember(a, v, c.stamp, c.names)
}

func (p *Partial) remember(a aspect, v jsondoc.Value, stamp catalog.Stamp, names *Names) {
	i := p.findAbout(a)
	if i == len(p.about) || p.about[i].aspect != a {
		x := value{text: sharedText(v, names), stamp: stamp}
		if p.about == nil {
			p.about = make([]about, 0, usualAspects)
		}
		p.about = slices.Insert(p.about, i, about{
			aspect: a, first: x, latest: x, dirty: touchedFirst | touchedStamp | touchedValue,
		})
		return
	}
	x := &p.about[i]
	if later := stamp.Compare(x.latest.stamp); later >= 0 {
		x.newer(v, stamp, names, later == 0)
	}
	if earlier := stamp.Compare(x.first.stamp); earlier <= 0 {
		text := sharedText(v, names)
		if earlier < 0 || text < x.first.text {
			x.first = value{text: text, stamp: stamp}
			x.dirty |= touchedFirst
		}
	}
}

// newer takes a value that is not older than the latest.
func (x *about) newer(v jsondoc.Value, stamp catalog.Stamp, names *Names, tie bool) {
	x.dirty |= touchedStamp
	if string(v.Raw()) != x.latest.text {
		text := sharedText(v, names)
		if tie && text < x.latest.text {
			return
		}
		if text != x.latest.text {
			x.latest.text = text
			x.dirty |= touchedValue
		}
	}
	x.latest.stamp = stamp
}

// sharedText is the canonical form of a value, which many partials share.
func sharedText(v jsondoc.Value, names *Names) string {
	raw := v.Raw()
	if catalog.IsCanonical(v) {
		return names.Of(raw)
	}
	if form, ok := names.Form(raw); ok {
		return form
	}
	return names.SetForm(raw, func(b []byte) []byte { return jsondoc.AppendCanonical(b, v) })
}

func (p *Partial) findAbout(a aspect) int {
	i := 0
	for i < len(p.about) && p.about[i].aspect < a {
		i++
	}
	return i
}

// mergeAbout takes an aspect of another partial.
func (p *Partial) mergeAbout(o about) {
	o.dirty = touchedFirst | touchedStamp | touchedValue
	i := p.findAbout(o.aspect)
	if i == len(p.about) || p.about[i].aspect != o.aspect {
		p.about = slices.Insert(p.about, i, o)
		return
	}
	x := &p.about[i]
	if o.latest.compare(&x.latest) > 0 {
		x.latest = o.latest
	}
	if o.first.compare(&x.first) < 0 {
		x.first = o.first
	}
	x.dirty = o.dirty
}
