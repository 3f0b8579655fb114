package evergage

import (
	"net/url"
	"strconv"
	"strings"

	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/profile/shown"
	"rapport/internal/responder"
)

// offerType is the type under which answers name offers among promoted items.
const offerType = "Offer"

// maxOffers is how many offers of a statistic are read.
const maxOffers = 50

// ours begins the id of an experience that was given here.
const ours = "r~"

// experienceID is the id of a decision, which clients send back with what became
// of it. It says all that an outcome needs, because a client sends nothing else.
func experienceID(t *responder.OutcomeProperties) string {
	var b strings.Builder
	b.WriteString(ours)
	for i, part := range [...]string{t.DecisionID, t.Placement, t.Experience, strconv.Itoa(t.Version), t.Variant, t.Channel} {
		if i > 0 {
			b.WriteByte('~')
		}
		b.WriteString(strings.ReplaceAll(url.QueryEscape(part), "~", "%7E"))
	}
	return b.String()
}

// readExperienceID reads such an id. One from elsewhere is not ok.
func readExperienceID(text string) (t responder.OutcomeProperties, ok bool) {
	rest, ok := strings.CutPrefix(text, ours)
	parts := strings.Split(rest, "~")
	if !ok || len(parts) != 6 {
		return t, false
	}
	for i := range parts {
		plain, err := url.QueryUnescape(parts[i])
		if err != nil {
			return t, false
		}
		parts[i] = plain
	}
	version, err := strconv.Atoi(parts[3])
	if err != nil || parts[0] == "" || parts[1]+parts[2] == "" {
		return t, false
	}
	return responder.OutcomeProperties{
		DecisionID: parts[0], Placement: parts[1], Experience: parts[2], Version: version, Variant: parts[4], Channel: parts[5],
	}, true
}

// offersOf are the offers that a statistic is about, from either form: a list of
// items (piks) or the ids by type (catalog).
func offersOf(stat jsondoc.Value) (offers []string) {
	add := func(id string) {
		if id != "" && len(offers) < maxOffers {
			offers = append(offers, id)
		}
	}
	stat.Get("piks").Items(func(_ int, v jsondoc.Value) bool {
		if itemType(v) == offerType {
			add(v.Get("_id").Text())
		}
		return true
	})
	stat.Path("catalog", offerType).Items(func(_ int, v jsondoc.Value) bool {
		add(scalar(v))
		return true
	})
	return offers
}

// cut gives statistics one by one. One of something that was given here is cut into
// one for each of its offers: they are outcomes of their own. Any other stays whole.
// Beyond MaxEvents they are only counted.
func (in *intake) cut(list []jsondoc.Value, take func(jsondoc.Value)) {
	room, over := MaxEvents, 0
	for _, stat := range list {
		offers := offersOf(stat)
		if _, ok := readExperienceID(first(stat, "id", "experienceId").Text()); !ok || len(offers) < 2 {
			offers = nil
		}
		n := max(len(offers), 1)
		fit := min(n, room)
		room, over = room-fit, over+n-fit
		if offers == nil && fit > 0 {
			take(stat)
			continue
		}
		for _, offer := range offers[:min(fit, len(offers))] {
			if one, err := statOf(stat, offer); err == nil {
				take(one)
			}
		}
	}
	in.reject("too_many_events", over)
}

// statOf is a statistic as that of one offer.
func statOf(stat jsondoc.Value, offer string) (jsondoc.Value, error) {
	var w writer
	w.b = append(w.b, '{')
	stat.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if k := string(key); k != "piks" && k != "catalog" {
			w.value(k, v)
		}
		return true
	})
	list := w.open("piks", '[')
	item := w.open("", '{')
	w.text("_id", offer)
	w.text("type", offerType)
	w.close(item)
	w.close(list)
	return parse(append(w.b, '}'))
}

// listed are the members of a list.
func listed(list jsondoc.Value) (out []jsondoc.Value) {
	list.Items(func(_ int, v jsondoc.Value) bool {
		out = append(out, v)
		return true
	})
	return out
}

// statistics takes what an event says of campaigns as events of their own.
func (in *intake) statistics(body jsondoc.Value) {
	list := body.Get("campaignStats")
	if _, flawed := body.Flaw(); flawed || list.Len() == 0 {
		return
	}
	env := in.base
	env.Shared = in.sharedVia(viaStat, "", nil)
	in.cut(listed(list), func(stat jsondoc.Value) {
		var w writer
		w.b = append(w.b, '{')
		w.value("user", body.Get("user"))
		w.value("source", body.Get("source"))
		w.value("stat", stat)
		one, err := parse(append(w.b, '}'))
		if err != nil {
			in.reject(dialect.Code(err), 1)
			return
		}
		in.take(one, env)
	})
}

// campaignStat maps a statistic that came with an event.
func (g *mapping) campaignStat() error {
	var f fields
	f.read(g.body)
	var a about
	a.read(f.source)
	g.e.Type, g.e.Channel = event.Track, channelOf(a.channel.Text())
	var err error
	if g.e.Time, err = eventTime(a.time, g.env.Received, "source.time"); err != nil {
		return err
	}
	g.user(f.user)
	m := g.out.open("p", '{')
	err = g.stat(g.body.Get("stat"))
	g.out.close(m)
	if err != nil {
		return err
	}
	m = g.out.open("c", '{')
	g.context(&f, &a)
	g.out.close(m)
	return nil
}

// outcomes are what the statistics of something that was given here report.
var outcomes = map[string]shown.Outcome{
	"Campaign Impression": shown.Viewed, "Campaign Click": shown.Clicked, "Campaign Dismissal": shown.Dismissed,
}

// outcome writes what a statistic reports of something that was given here.
func (g *mapping) outcome(name string, t *responder.OutcomeProperties, stat jsondoc.Value) {
	w := &g.out
	offers := offersOf(stat)
	g.e.Name = shown.EventName(outcomes[name], len(offers) > 0)
	w.text("decision_id", t.DecisionID)
	w.text("placement", t.Placement)
	w.text("experience", t.Experience)
	if t.Version > 0 {
		w.number("experience_version", int64(t.Version))
	}
	w.text("variant", t.Variant)
	w.text("channel", t.Channel)
	if len(offers) > 0 {
		w.text("offer", offers[0])
	}
}
