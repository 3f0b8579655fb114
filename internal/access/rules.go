package access

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/clock"
)

// Rules are what becomes of a source's events on their way in, and what the
// source says of all of them.
type Rules struct {
	// Paused counts what comes and keeps nothing of it. The answer is that of
	// success, so that clients do not hold it back and send it all later.
	Paused bool `yaml:"paused,omitempty" json:"paused"`
	// Limits bound the events that come, of all keys together; nil: nothing does.
	Limits *Limits `yaml:"limits,omitempty" json:"limits,omitempty"`
	// TrackingPlan is the key of the plan that events are held against; empty:
	// none.
	TrackingPlan string `yaml:"tracking_plan,omitempty" json:"tracking_plan,omitempty"`
	// Sample is the share of people whose events are taken, in millionths; nil:
	// everybody's.
	Sample *int `yaml:"sample_millionths,omitempty" json:"-"`
	// Robots is what becomes of events of robots that say so; empty: refuse.
	Robots string `yaml:"bots,omitempty" json:"bots,omitempty"`
	// Enrichment lists what is looked for in events; nil: everything.
	Enrichment []string `yaml:"enrichment,omitempty" json:"enrichment,omitempty"`
	// What the source says of all its events where they do not say it.
	PointOfSale string `yaml:"point_of_sale,omitempty" json:"point_of_sale,omitempty"`
	// SessionTimeout is the silence that closes a session of a Sitecore client, in
	// minutes; 0: 20.
	SessionTimeout int `yaml:"session_timeout_minutes,omitempty" json:"session_timeout_minutes,omitempty"`
	// PointsOfSale are those where it is another.
	PointsOfSale []PointOfSale `yaml:"points_of_sale,omitempty" json:"points_of_sale,omitempty"`
	TimeZone     string        `yaml:"time_zone,omitempty" json:"time_zone,omitempty"`
	Currency     string        `yaml:"currency,omitempty" json:"currency,omitempty"`
	// ThirdParty says that others' data comes from it; nil: it is our own.
	ThirdParty *ThirdParty `yaml:"third_party,omitempty" json:"third_party,omitempty"`
	// Web is what its pages' library is set to; nil: as the library is.
	Web *WebLibrary `yaml:"web,omitempty" json:"web,omitempty"`
}

// ThirdParty is where data of others comes from and how long it may be used.
type ThirdParty struct {
	Provider string `yaml:"provider" json:"provider"`
	Licence  string `yaml:"licence,omitempty" json:"licence,omitempty"`
	// Expires is when the licence ends, RFC 3339: from then on events are
	// refused. Empty: never.
	Expires string `yaml:"expires_at,omitempty" json:"expires_at,omitempty"`
}

// Until is when the licence ends; zero: never.
func (t *ThirdParty) Until() clock.Instant {
	var at clock.Instant
	if t == nil || t.Expires == "" || at.UnmarshalText([]byte(t.Expires)) != nil {
		return 0
	}
	return at
}

// What may become of events of robots.
const (
	RobotsRefuse = "refuse" // counted as bot
	RobotsMark   = "mark"   // taken, with context.bot
	RobotsKeep   = "keep"   // taken like any other
)

// What is looked for in events.
const (
	EnrichUserAgent = "user_agent"
	EnrichCampaign  = "campaign"
	EnrichLocale    = "locale"
	EnrichGeo       = "geo"
	enrichNone      = "none"
)

// Enrichments lists them.
func Enrichments() []string {
	return []string{EnrichUserAgent, EnrichCampaign, EnrichLocale, EnrichGeo, enrichNone}
}

// Enriches tells whether something is looked for.
func (r *Rules) Enriches(what string) bool {
	return r.Enrichment == nil || slices.Contains(r.Enrichment, what)
}

var (
	currencyShape = regexp.MustCompile(`^[A-Z]{3}$`)
	zoneShape     = regexp.MustCompile(`^[A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}$`)
)

func (r *Rules) validate(source string) error {
	switch {
	case r.Sample != nil && (*r.Sample < 0 || *r.Sample > 1_000_000):
		return invalid("/sample_rate", "source %q: the share of people is not between 0 and 1", source)
	case r.Robots != "" && !slices.Contains([]string{RobotsRefuse, RobotsMark, RobotsKeep}, r.Robots):
		return invalid("/bots", "source %q: bots is %q: give refuse, mark or keep", source, r.Robots)
	case r.Currency != "" && !currencyShape.MatchString(r.Currency):
		return invalid("/currency", "source %q: %q is no currency: give three capital letters of ISO 4217", source, r.Currency)
	case r.TrackingPlan != "" && !keyShape.MatchString(r.TrackingPlan):
		return invalid("/tracking_plan", "source %q: %q is no key of a tracking plan", source, r.TrackingPlan)
	}
	if r.TimeZone != "" && !zoneShape.MatchString(r.TimeZone) {
		return invalid("/time_zone", "source %q: %q is no time zone: give one such as Europe/Berlin", source, r.TimeZone)
	}
	for _, e := range r.Enrichment {
		if !slices.Contains(Enrichments(), e) {
			return invalid("/enrichment", "source %q: unknown enrichment %q: give some of %s", source, e, strings.Join(Enrichments(), ", "))
		}
	}
	if err := r.validatePointsOfSale(source); err != nil {
		return err
	}
	if err := r.Limits.validate("source " + strconv.Quote(source)); err != nil {
		return err
	}
	if err := r.Web.validate(source); err != nil {
		return err
	}
	return r.ThirdParty.validate(source)
}

func (t *ThirdParty) validate(source string) error {
	switch {
	case t == nil:
		return nil
	case t.Provider == "" || len(t.Provider) > 200 || len(t.Licence) > 2000:
		return invalid("/third_party/provider", "source %q: name the provider of third-party data in 1 to 200 bytes, and the licence in at most 2000", source)
	case t.Expires != "" && t.Until() == 0:
		return invalid("/third_party/expires_at", "source %q: %q is no time: give RFC 3339, such as 2027-01-01T00:00:00Z", source, t.Expires)
	}
	return nil
}

const maxOrigins = 100

// checkOrigins tells the first that is none.
func checkOrigins(origins []string) error {
	if len(origins) > maxOrigins {
		return invalid("/origins", "%d origins are too many: give at most %d, or one with a * in front", len(origins), maxOrigins)
	}
	for _, o := range origins {
		u, err := url.Parse(strings.Replace(o, "://*.", "://wildcard.", 1))
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || strings.Contains(u.Host, "*") || len(o) > 300 {
			return invalid("/origins", "%q is no origin: give scheme and host, such as https://shop.example.com or https://*.example.com", o)
		}
	}
	return nil
}

// FromOrigin tells whether a page of an origin may send with the key.
func (k *WriteKey) FromOrigin(origin string) bool {
	if len(k.Origins) == 0 || origin == "" {
		return true
	}
	for _, o := range k.Origins {
		if strings.EqualFold(o, origin) {
			return true
		}
		scheme, host, wild := strings.Cut(o, "://*.")
		if !wild {
			continue
		}
		s, h, ok := strings.Cut(strings.ToLower(origin), "://")
		if ok && s == strings.ToLower(scheme) && strings.HasSuffix(h, "."+strings.ToLower(host)) {
			return true
		}
	}
	return false
}
