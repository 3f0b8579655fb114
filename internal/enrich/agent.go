package enrich

import (
	"strings"

	"github.com/mileusna/useragent"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// agent is what a user agent says.
type agent struct {
	browser, browserVersion, os, osVersion, model, kind string
	bot                                                 bool
	record                                              []byte // of these alone
	context                                             jsondoc.Value
}

// maxAgent bounds what is read of a user agent, in bytes.
const maxAgent = 512

// agentOf finds what is known of an event's user agent: the one it names, else
// that of the request where a browser sent it.
func (f *Finder) agentOf(s *said, env *event.Envelope) *agent {
	if b, ok := s.userAgent.StrBytes(); ok && len(b) > 0 {
		return f.agent(b)
	}
	if strings.HasPrefix(env.UserAgent, "Mozilla/") {
		if a, ok := f.agents.named(env.UserAgent); ok {
			return &a.value
		}
		return f.agent([]byte(env.UserAgent))
	}
	return &nobody
}

var nobody agent

func (f *Finder) agent(text []byte) *agent {
	text = text[:min(len(text), maxAgent)]
	if a, ok := f.agents.get(text); ok {
		return &a.value
	}
	a := parseAgent(string(text))
	var l list
	f.collect(&l, &event.Event{}, &event.Envelope{}, &Options{UserAgent: true}, &said{}, &a, "")
	if a.record = l.b; len(l.b) > 0 {
		a.context, _ = f.Context(l.b) // made here: it can be read
	}
	return &f.agents.put(text, a).value
}

func parseAgent(text string) agent {
	u := useragent.Parse(text)
	a := agent{bot: u.Bot && u.Name != useragent.HeadlessChrome || declared(text)}
	if a.bot {
		a.browser, a.kind = u.Name, "bot"
		return a
	}
	a.browser, a.browserVersion, a.os, a.osVersion = u.Name, u.Version, u.OS, u.OSVersion
	if u.OS == "" && !u.Mobile && !u.Tablet && !u.Desktop {
		return agent{} // a library or a program: it says nothing of a person's device
	}
	if a.os == useragent.Linux {
		a.osVersion = "" // the processor's name stands there
	}
	if a.browser == "Mozilla" {
		a.browser, a.browserVersion = "", ""
	}
	switch {
	case u.Tablet:
		a.kind = "tablet"
	case u.Mobile:
		a.kind = "mobile"
	case u.Desktop:
		a.kind = "desktop"
	}
	if u.Mobile || u.Tablet {
		a.model = u.Device
	}
	return a
}

// declared tells the robots that say so by words which the library does not
// look for. A browser without a screen is none: tests drive those.
func declared(text string) bool {
	lower := strings.ToLower(text)
	for _, word := range [...]string{
		"bot/", "bot;", "bot)", "spider", "crawler", "slurp", "bingpreview", "lighthouse", "pingdom", "uptimerobot",
		"facebookexternalhit", "whatsapp/", "google-inspectiontool", "statuscake", "site24x7", "gtmetrix", "ptst/",
	} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}
