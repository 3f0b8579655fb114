package evergage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/responder"
)

// showing decides one thing for everybody and remembers what it was asked.
type showing struct {
	asked []*responder.Request
	show  []responder.ShownDecision
	fails bool // Decide
	lost  bool // OnEvent
}

func (s *showing) OnEvent(_ context.Context, name string) ([]string, error) {
	if s.lost {
		return nil, errors.New("no definitions")
	}
	if name == "Home" {
		return []string{"best"}, nil
	}
	return nil, nil
}

func (s *showing) Decide(_ context.Context, q *responder.Request) (*responder.WhatToShow, error) {
	s.asked = append(s.asked, q)
	if s.fails {
		return nil, errors.New("the store is away")
	}
	return &responder.WhatToShow{Decisions: s.show}, nil
}

func TestEventAPI_AnswersWithWhatIsShown(t *testing.T) {
	t.Parallel()
	track := &responder.OutcomeProperties{DecisionID: "d1", Experience: "best", Version: 3, Variant: "a", Channel: "web"}
	content := func(text string) responder.ShownDecision {
		return responder.ShownDecision{Experience: "best", Variant: "a", Track: track, Content: json.RawMessage(text)}
	}
	control := content("")
	control.Control = true
	fallback := content(`{"x":1}`)
	fallback.Fallback = true
	const home = `{"action":"Home",` + anon + `}`
	for name, c := range map[string]struct {
		body  string
		show  responder.ShownDecision
		fails bool
		asks  int
		want  string // part of the answer
	}{
		"an object":          {home, content(`{"x":1}`), false, 1, `"experienceName":"a","state":"Published","userGroup":"Default","templateNames":[],"payload":{"x":1}}]`},
		"a text":             {home, content(`"<b>x</b>"`), false, 1, `"payload":{"content":"`},
		"null":               {home, content(`null`), false, 1, `"payload":{}`},
		"a control":          {home, control, false, 1, `"userGroup":"Control","templateNames":[],"payload":{}}`},
		"a fallback":         {home, fallback, false, 1, `"campaignResponses":[],`},
		"a failure":          {home, content(`{}`), true, 1, `"campaignResponses":[],"compiledCampaignTemplates":[],"campaignExplanations":[],"errorCode":0,`},
		"a zone":             {`{"action":"x","source":{"channel":"Web","locale":"de_AT","url":"https://x.example/a?b","contentZones":["hero",""]},` + anon + `}`, content(`{}`), false, 1, `"campaignResponses":[{`},
		"nothing to show":    {`{"action":"x",` + anon + `}`, content(`{}`), false, 0, `"campaignResponses":[],`},
		"no campaigns":       {`{"action":"Home","flags":{"noCampaigns":true},` + anon + `}`, content(`{}`), false, 0, `"campaignResponses":[],`},
		"not to be tracked":  {`{"action":"Home","flags":{"doNotTrack":true},` + anon + `}`, content(`{}`), false, 0, `"campaignResponses":[],`},
		"an event that fell": {`{"action":"Home"}`, content(`{}`), false, 0, `"error":"missing_identifier"`},
	} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect, Applied: true}
		s := &showing{show: []responder.ShownDecision{c.show}, fails: c.fails}
		conf := config(l)
		conf.Decide = s
		w := send(evergage.New(conf), call{path: "/api2/event/engage", body: c.body})
		if !strings.Contains(w.Body.String(), c.want) || len(s.asked) != c.asks || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s, asked %d times", name, w.Code, w.Body, len(s.asked))
			continue
		}
		if name == "a zone" {
			if q := s.asked[0]; q.Language != "de-AT" || q.Page.Path != "/a" || strings.Join(q.Placements, " ") != "hero" || q.Trusted || q.Explain || q.Channel != "web" {
				t.Errorf("asked %+v", q)
			}
		}
	}
}

// An answer that shows nothing because of a failure says so in the log, and not
// where the client went away.
func TestEventAPI_SaysWhyNothingIsShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s    showing
		gone bool
		want string
	}{
		"deciding":  {showing{fails: true}, false, "the store is away"},
		"listing":   {showing{lost: true}, false, "no definitions"},
		"gone":      {showing{fails: true}, true, ""},
		"no reason": {showing{}, false, ""},
	} {
		var log bytes.Buffer
		conf := config(&dialecttest.Ledger{Dialect: evergage.Dialect, Applied: true})
		conf.Decide, conf.Log = &c.s, slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := context.WithCancel(t.Context())
		if c.gone {
			cancel()
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api2/event/engage", strings.NewReader(`{"action":"Home",`+anon+`}`))
		w := httptest.NewRecorder()
		evergage.New(conf).ServeHTTP(w, r)
		cancel()
		if text := log.String(); w.Code != 200 || (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d, logged %q", name, w.Code, text)
		}
	}
}

func TestEventAPI_DecidesAlsoWhereTheEventIsNotSettled(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	s := &showing{}
	conf := config(l)
	conf.Decide = s
	if w := send(evergage.New(conf), call{path: "/api2/event/engage", body: `{"action":"Home",` + anon + `}`}); w.Code != 200 || len(s.asked) != 1 || l.Sums() != "1" {
		t.Errorf("%d %s, asked %d times, took %s", w.Code, w.Body, len(s.asked), l.Sums())
	}
}

func TestEventAPI_KeepsAnEventBesideABadStatistic(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	w := send(evergage.New(config(l)), call{path: "/api2/event/engage", body: `{"action":"x","campaignStats":[{"stat":"Click","experienceId":"r~d~hero~~0~~web","catalog":{"Offer":["a","b"]}},{"stat":"Jump"},7],` + anon + `}`})
	if w.Code != 200 || l.Sums() != "3, dead invalid_stat, dead invalid_stat" {
		t.Fatalf("%d %s, took %s", w.Code, w.Body, l.Sums())
	}
	for i, want := range []string{
		`track "x"`, `track "Offer Clicked" anonymous_id:0123456789abcdef p={"channel":"web","decision_id":"d","offer":"a","placement":"hero"}`,
		`track "Offer Clicked" anonymous_id:0123456789abcdef p={"channel":"web","decision_id":"d","offer":"b","placement":"hero"}`,
	} {
		a := l.Arrivals()[i]
		if again, err := replayed(a); err != nil || described(again) != described(a.Event) || !strings.HasPrefix(described(again), want) {
			t.Errorf("%s, out of the log %v %v, want %s", described(a.Event), again, err, want)
		}
	}
}
