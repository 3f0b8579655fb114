package enrich

import (
	"net/netip"
	"strconv"
	"strings"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// Place is what a geo database knows of an address. Empty members are not
// known.
type Place struct {
	Country, Region, City, PostalCode, TimeZone string
	Latitude, Longitude                         float64
	Located                                     bool // the coordinates are known
}

// Options are what is looked for in the events of a source.
type Options struct {
	UserAgent, Campaign, Locale bool
	// Locate finds the place of an address; nil: none is looked for.
	Locate func(netip.Addr) (Place, bool)
	// What the source says of all its events.
	PointOfSale, Currency string
}

// Finder finds what follows from events, and remembers what records stand for.
// It is safe for concurrent use; what it gives may be shared.
type Finder struct {
	agents   cache[agent]
	contexts cache[jsondoc.Value]
}

// Found is what was found: the record that is kept with the event and the
// context it stands for. Both are empty where there is nothing to say.
type Found struct {
	Record  []byte
	Context jsondoc.Value
}

// said are the parts of a context that an event says itself.
type said struct {
	userAgent, ip, url, search                                          jsondoc.Value
	browser, os, device, campaign, clickIDs, locale, location, timezone bool
	pointOfSale, currency                                               bool
}

func (s *said) read(context jsondoc.Value) {
	context.EachBytes(func(key []byte, v jsondoc.Value) bool {
		switch string(key) {
		case "userAgent":
			first(&s.userAgent, v)
		case "ip":
			first(&s.ip, v)
		case "page":
			v.EachBytes(s.page)
		case "browser", "userAgentData":
			s.browser = true
		case "os":
			s.os = true
		case "device":
			s.device = true
		case "campaign":
			s.campaign = v.Len() > 0
		case "click_ids":
			s.clickIDs = true
		case "locale":
			s.locale = true
		case "location":
			s.location = true
		case "timezone":
			s.timezone = true
		case "point_of_sale":
			s.pointOfSale = true
		case "currency":
			s.currency = true
		}
		return true
	})
}

func (s *said) page(key []byte, v jsondoc.Value) bool {
	switch string(key) {
	case "url":
		first(&s.url, v)
	case "search":
		first(&s.search, v)
	}
	return true
}

func first(have *jsondoc.Value, v jsondoc.Value) {
	if !have.Exists() && v.Kind() == jsondoc.String {
		*have = v
	}
}

// Find looks for what follows from an event. languages is what the request says
// of the languages of its reader, empty where it says nothing.
func (f *Finder) Find(e *event.Event, env *event.Envelope, o *Options, languages string) (found Found, robot bool) {
	var s said
	s.read(e.Context)
	s.read(e.Shared)
	a := f.agentOf(&s, env)
	var l list
	if o.UserAgent && s.silent() && (a.record != nil || a.bot) && !f.more(e, env, o, &s, languages) {
		return Found{a.record, a.context}, a.bot // what is said of nearly all events
	}
	l.b = make([]byte, 0, 128)
	f.collect(&l, e, env, o, &s, a, languages)
	if len(l.b) == 0 {
		return Found{}, a.bot
	}
	context, err := f.Context(l.b)
	if err != nil {
		return Found{}, a.bot // cannot be: it was made here
	}
	return Found{l.b, context}, a.bot
}

// silent tells that an event says nothing of what a user agent tells.
func (s *said) silent() bool { return !s.browser && !s.os && !s.device }

// more tells whether there may be more to find than the user agent.
func (f *Finder) more(e *event.Event, env *event.Envelope, o *Options, s *said, languages string) bool {
	return o.PointOfSale != "" && !s.pointOfSale || o.Currency != "" && !s.currency ||
		o.Locale && languages != "" && !s.locale ||
		o.Campaign && len(query(e, s)) > 0 ||
		o.Locate != nil && !s.location && (env.IP != "" || s.ip.Exists())
}

// collect adds the facts in their order.
func (f *Finder) collect(l *list, e *event.Event, env *event.Envelope, o *Options, s *said, a *agent, languages string) {
	ua := a
	if !o.UserAgent {
		ua = &agent{}
	}
	if ua.bot {
		l.add(botFact, "1")
	}
	if !s.browser {
		l.add(browserName, ua.browser)
		l.add(browserVersion, ua.browserVersion)
	}
	if o.Campaign {
		query(e, s).tell(l, !s.campaign, !s.clickIDs)
	}
	if !s.currency {
		l.add(currency, o.Currency)
	}
	if !s.device {
		l.add(deviceModel, ua.model)
		l.add(deviceType, ua.kind)
	}
	if o.Locale && !s.locale {
		l.add(locale, preferred(languages))
	}
	zone := ""
	if o.Locate != nil && !s.location {
		if p, ok := locate(env, o, s); ok {
			p.add(l)
			zone = p.TimeZone
		}
	}
	if !s.os {
		l.add(osName, ua.os)
		l.add(osVersion, ua.osVersion)
	}
	if !s.pointOfSale {
		l.add(pointOfSale, o.PointOfSale)
	}
	if !s.timezone {
		l.add(timezone, zone)
	}
}

func locate(env *event.Envelope, o *Options, s *said) (Place, bool) {
	text := s.ip.Text()
	if text == "" {
		text = env.IP
	}
	ip, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return Place{}, false
	}
	return o.Locate(ip.Unmap())
}

// add adds the facts of a place. Coordinates have four digits behind the point:
// databases know no more.
func (p *Place) add(l *list) {
	l.add(city, p.City)
	l.add(country, p.Country)
	if p.Located {
		l.add(latitude, strconv.FormatFloat(p.Latitude, 'f', 4, 64))
		l.add(longitude, strconv.FormatFloat(p.Longitude, 'f', 4, 64))
	}
	l.add(postalCode, p.PostalCode)
	l.add(region, p.Region)
}

// Context gives the context that a record stands for.
func (f *Finder) Context(record []byte) (jsondoc.Value, error) {
	if h, ok := f.contexts.get(record); ok {
		return h.value, nil
	}
	text, err := Expand(record)
	if err != nil {
		return jsondoc.Value{}, err
	}
	doc, err := jsondoc.Parse(text, jsondoc.DefaultLimits())
	if err != nil {
		return jsondoc.Value{}, err
	}
	return f.contexts.put(record, doc.Root()).value, nil
}
