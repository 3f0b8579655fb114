package experience

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rapport/internal/decision/offer"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
)

func invalid(field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_experience", format, args...).At("/" + field)
}

// Ready is an experience that was checked. It is immutable.
type Ready struct {
	Experience
	Key     string
	Version int

	rule    *offer.Check
	limits  []limit
	include []page
	exclude []page
	where   *feel.Program // of the trigger, over event
	cancel  *feel.Program // over person
}

type page struct {
	PageMatch
	pattern *regexp.Regexp
}

// What is taken where nothing is said.
const (
	defaultValid  = offer.Span(15 * time.Minute)
	defaultWithin = offer.Span(7 * 24 * time.Hour)
	defaultIdle   = offer.Span(30 * time.Minute)
	defaultCart   = offer.Span(time.Hour)
	defaultAgain  = offer.Span(24 * time.Hour)
	maxDelay      = offer.Span(90 * 24 * time.Hour)
)

// Read checks a document.
func Read(key string, version int, document []byte) (*Ready, error) {
	r := &Ready{Key: key, Version: version}
	if err := jsondoc.Strict(document, &r.Experience); err != nil {
		return nil, invalid("", "the experience cannot be read: %v", err)
	}
	for _, check := range []func() error{r.checkType, r.checkTimes, r.checkVariants, r.checkGoals, r.checkPages, r.checkTrigger, r.checkCancel, r.checkCaps} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	var err error
	r.rule, err = r.Audience.Ready("experience", "audience")
	return r, err
}

func (r *Ready) checkType() error {
	switch r.Type {
	case Web:
		if r.Placement == "" {
			return invalid("placement", "a web experience fills a placement: give its key")
		}
	case Interactive:
	case Triggered:
		if r.Trigger == nil || r.Destination == "" {
			return invalid("trigger", "a triggered experience needs a trigger and the key of a destination")
		}
	default:
		return invalid("type", "%q: give web, interactive or triggered", r.Type)
	}
	if r.Type != Interactive && len(r.OnEvents) > 0 {
		return invalid("on_events", "only an interactive experience is given on events")
	}
	if r.Type != Triggered && (r.Trigger != nil || r.Destination != "" || r.Delay != 0 || r.Cancel != nil) {
		return invalid("trigger", "only a triggered experience has a trigger, a destination, a delay or a cancellation")
	}
	return nil
}

func (r *Ready) checkTimes() error {
	if r.ValidFor == nil {
		span := defaultValid
		r.ValidFor = &span
	}
	if r.AgainAfter == nil {
		span := defaultAgain
		r.AgainAfter = &span
	}
	switch {
	case r.To != 0 && r.To <= r.From:
		return invalid("to", "to is not after from")
	case *r.ValidFor > maxDelay:
		return invalid("valid_for", "a decision holds at most 90d")
	case r.Delay > maxDelay:
		return invalid("delay", "a delay is at most 90d")
	case r.Traffic != nil && (*r.Traffic < 0 || *r.Traffic > 100):
		return invalid("traffic", "traffic %v: give 0 to 100 percent", *r.Traffic)
	case r.Display != nil && !slices.Contains([]string{"load", "delay", "scroll", "exit"}, r.Display.On):
		return invalid("display/on", "%q: give load, delay, scroll or exit", r.Display.On)
	}
	return nil
}

func (r *Ready) checkVariants() error {
	if len(r.Variants) == 0 {
		return invalid("variants", "give at least one variant")
	}
	seen, sum := map[string]bool{}, 0.0
	for i := range r.Variants {
		v := &r.Variants[i]
		at := fmt.Sprintf("variants/%d", i)
		switch {
		case v.Key == "" || seen[v.Key] || len(v.Key) > 128:
			return invalid(at+"/key", "each variant needs a key of its own")
		case v.Weight != nil && *v.Weight < 0:
			return invalid(at+"/weight", "a weight cannot be negative")
		case v.Response != "" && len(v.Content) > 0:
			return invalid(at, "give content or a response, not both")
		case v.Model != nil && v.Model.Key == "":
			return invalid(at+"/model/key", "give the key of a decision model")
		}
		seen[v.Key] = true
		sum += v.weight()
		if err := r.checkContent(at, v); err != nil {
			return err
		}
	}
	if sum == 0 {
		return invalid("variants", "all weights are 0: nobody would get any")
	}
	return nil
}

// checkContent keeps scripts out where the site does not allow them.
func (r *Ready) checkContent(at string, v *VariantDocument) error {
	if r.Scripts {
		return nil
	}
	for _, language := range sortedKeys(v.Content) {
		var text map[string]json.RawMessage
		if json.Unmarshal(v.Content[language], &text) != nil {
			continue // content that is no object has no parts that run
		}
		for _, part := range [...]string{"js", "script"} {
			if text[part] != nil {
				return invalid(at+"/content/"+language+"/"+part, "content brings a script: say scripts: true where the site allows that")
			}
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (r *Ready) checkGoals() error {
	seen := map[string]bool{}
	for i := range r.Goals {
		g := &r.Goals[i]
		at := fmt.Sprintf("goals/%d", i)
		switch {
		case g.Key == "" || seen[g.Key] || len(g.Key) > 128:
			return invalid(at+"/key", "each goal needs a key of its own")
		case (g.Event == "") == !g.Orders:
			return invalid(at, "a goal is an event or orders: give one of both")
		}
		seen[g.Key] = true
		if g.Within == 0 {
			g.Within = defaultWithin
		}
	}
	return nil
}

func (r *Ready) checkPages() (err error) {
	if r.Pages == nil {
		return nil
	}
	if r.include, err = pages("include", r.Pages.Include); err != nil {
		return err
	}
	r.exclude, err = pages("exclude", r.Pages.Exclude)
	return err
}

func pages(list string, matches []PageMatch) ([]page, error) {
	var out []page
	for i, m := range matches {
		at := fmt.Sprintf("pages/%s/%d", list, i)
		p := page{PageMatch: m}
		if m.Value == "" {
			return nil, invalid(at+"/value", "give what to compare with")
		}
		switch m.Match {
		case "equals", "contains", "prefix":
		case "regex":
			var err error
			if p.pattern, err = regexp.Compile(m.Value); err != nil {
				return nil, invalid(at+"/value", "it is no regular expression: %v", err)
			}
		default:
			return nil, invalid(at+"/match", "%q: give equals, contains, prefix or regex", m.Match)
		}
		out = append(out, p)
	}
	return out, nil
}

// OnPage tells whether it is shown on a page. Without an address it is, unless
// some pages must be.
func (r *Ready) OnPage(address string) bool {
	if len(r.include)+len(r.exclude) == 0 {
		return true
	}
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return len(r.include) == 0
	}
	whole, path := u.Scheme+"://"+u.Host+u.EscapedPath(), u.EscapedPath()
	hit := func(p page) bool { return p.hits(address, whole, path) }
	return (len(r.include) == 0 || slices.ContainsFunc(r.include, hit)) && !slices.ContainsFunc(r.exclude, hit)
}

// hits compares: what begins with a slash with the path, other texts with the
// address without its query, patterns and parts with all of it.
func (p *page) hits(address, whole, path string) bool {
	with := whole
	if strings.HasPrefix(p.Value, "/") {
		with = path
	}
	switch p.Match {
	case "equals":
		return strings.TrimSuffix(with, "/") == strings.TrimSuffix(p.Value, "/") || address == p.Value
	case "prefix":
		return strings.HasPrefix(with, p.Value)
	case "contains":
		return strings.Contains(address, p.Value)
	}
	return p.pattern.MatchString(address)
}

func (r *Ready) checkTrigger() error {
	t := r.Trigger
	if t == nil {
		return nil
	}
	n := 0
	for _, there := range [...]bool{t.Event != nil, t.Segment != nil, t.Session != nil, t.Cart != nil, t.Date != nil} {
		if there {
			n++
		}
	}
	if n != 1 {
		return invalid("trigger", "give one of event, segment, session, cart and date")
	}
	switch {
	case t.Event != nil:
		return r.checkEvent(t.Event)
	case t.Segment != nil:
		if t.Segment.On == "" {
			t.Segment.On = "entered"
		}
		if t.Segment.Key == "" || t.Segment.On != "entered" && t.Segment.On != "left" {
			return invalid("trigger/segment", "give the key of a segment, and entered or left")
		}
	case t.Session != nil:
		return t.Session.check()
	case t.Cart != nil && t.Cart.Idle == 0:
		t.Cart.Idle = defaultCart
	case t.Date != nil && (t.Date.Trait == "" || t.Date.Before != 0 && t.Date.After != 0):
		return invalid("trigger/date", "give a trait, and before or after, not both")
	}
	return nil
}

func (r *Ready) checkEvent(t *EventTrigger) (err error) {
	if len(t.Names) == 0 {
		return invalid("trigger/event/names", "give names of events")
	}
	if t.Where == "" {
		return nil
	}
	if r.where, err = compile(t.Where, "event"); err != nil {
		return invalid("trigger/event/where", "it is no FEEL over event: %v", err)
	}
	return nil
}

func (t *SessionTrigger) check() error {
	if t.Idle == 0 {
		t.Idle = defaultIdle
	}
	switch t.Cart {
	case "", browsed, abandoned, converted:
		return nil
	}
	return invalid("trigger/session/cart", "%q is nothing that a session comes to: give browsed, abandoned or converted, or leave it out", t.Cart)
}

func (r *Ready) checkCancel() error {
	if r.Cancel == nil || r.Cancel.When == "" {
		return nil
	}
	var err error
	if r.cancel, err = compile(r.Cancel.When, "person"); err != nil {
		return invalid("cancel/when", "it is no FEEL over person: %v", err)
	}
	return nil
}

func compile(src, name string) (*feel.Program, error) {
	return feel.Compile(src, feel.NewScope(feel.Var{Name: name}), feel.CompileOptions{Strict: true, MaxSource: 8 << 10})
}
