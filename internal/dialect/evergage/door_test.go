package evergage_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/fault"
)

const visit = `{"action":"Home","source":{"channel":"Web"},"user":{"anonId":"0123456789abcdef"}}`

func TestDoor_AllWaysIntoTheEventAPIGiveTheSameStoredEvent(t *testing.T) {
	t.Parallel()
	first := ""
	for name, c := range map[string]call{
		"json":            {path: "/api2/event/engage", body: visit, header: map[string]string{"Content-Type": "application/json"}},
		"form":            {path: "/api2/event/engage", body: form(visit)},
		"form base64":     {path: "/api2/event/engage", body: form(b64(visit))},
		"form, plus left": {path: "/api2/event/engage", body: "x=1&event=" + b64(visit)},
		"get":             {method: http.MethodGet, path: "/api2/event/engage?event=" + url.QueryEscape(b64(visit))},
		"get raw":         {method: http.MethodGet, path: "/api2/event/engage?event=" + url.QueryEscape(visit)},
		"authenticated":   {path: "/api2/authevent/engage", body: visit, header: basic("key_1", "sk_write")},
	} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect}
		w := send(evergage.New(config(l)), c)
		if w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
			continue
		}
		a := l.Only(t)
		if string(a.Event.Body.Raw()) != visit || a.Envelope.Source != "shop" || a.Envelope.Dialect != evergage.Dialect || a.Envelope.MessageID == "" {
			t.Errorf("%s: kept %s of %+v", name, a.Event.Body.Raw(), a.Envelope)
		}
		if a.Event.Verified != (name == "authenticated") || a.Envelope.Verified != a.Event.Verified {
			t.Errorf("%s: verified %v", name, a.Event.Verified)
		}
		if got := described(a.Event); first == "" {
			first = got
		} else if got != first {
			t.Errorf("%s: %s, the others %s", name, got, first)
		}
		again, err := replayed(a)
		if err != nil || described(again) != described(a.Event) || again.Time != a.Event.Time {
			t.Errorf("%s: out of the log it is %v %v", name, again, err)
		}
	}
}

func TestDoor_Base64OfLatin1BecomesUTF8(t *testing.T) {
	t.Parallel()
	// btoa takes a text as its Latin-1 bytes.
	packed := b64(strings.Replace(visit, "Home", "Caf\xe9", 1))
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	w := send(evergage.New(config(l)), call{path: "/api2/event/engage", body: "event=" + packed})
	if w.Code != 200 || l.Only(t).Event.Name != "Café" {
		t.Errorf("%d %s %q", w.Code, w.Body, l.Only(t).Event.Name)
	}
}

func TestDoor_AnswersErrorsAndCountsThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call
		status int
		code   string
		sums   string
	}{
		"no such dataset":   {call{path: "/api2/event/nobody", body: visit}, 404, "unknown_dataset", "0"},
		"no such address":   {call{path: "/api2/event/engage/x", body: visit}, 404, "not_found", "0"},
		"wrong method":      {call{method: "PUT", path: "/api2/event/engage", body: visit}, 405, "method_not_allowed", "0"},
		"no json":           {call{path: "/api2/event/engage", body: "{"}, 400, "invalid_json", "0, rejected invalid_json 1"},
		"nothing":           {call{path: "/api2/event/engage"}, 400, "empty_body", "0, rejected empty_body 1"},
		"another form":      {call{path: "/api2/event/engage", body: "a=b"}, 400, "missing_event", "0, rejected missing_event 1"},
		"broken form":       {call{path: "/api2/event/engage", body: "event=%zz"}, 400, "invalid_form", "0, rejected invalid_form 1"},
		"no base64":         {call{path: "/api2/event/engage", body: "event=*"}, 400, "invalid_base64", "0, rejected invalid_base64 1"},
		"get of nothing":    {call{method: "GET", path: "/api2/event/engage"}, 400, "missing_event", "0, rejected missing_event 1"},
		"nobody":            {call{path: "/api2/event/engage", body: `{"action":"x"}`}, 400, "missing_identifier", "0, dead missing_identifier"},
		"no action":         {call{path: "/api2/event/engage", body: `{` + anon + `}`}, 400, "missing_action", "0, dead missing_action"},
		"gzip":              {call{path: "/api2/event/engage", body: visit, header: map[string]string{"Content-Encoding": "gzip"}}, 400, "invalid_gzip", "0, rejected invalid_gzip 1"},
		"brotli":            {call{path: "/api2/event/engage", body: visit, header: map[string]string{"Content-Encoding": "br"}}, 400, "unsupported_encoding", "0, rejected unsupported_encoding 1"},
		"too long":          {call{path: "/api2/event/engage", body: strings.Repeat(" ", evergage.MaxBody+1)}, 413, "body_too_large", "0"},
		"large event":       {call{path: "/api2/event/engage", body: `{"action":"` + strings.Repeat("x", evergage.MaxEvent) + `"}`}, 400, "event_too_large", "0, dead event_too_large"},
		"no key":            {call{path: "/api2/authevent/engage", body: visit}, 401, "no_key", "0"},
		"wrong key":         {call{path: "/api2/authevent/engage", body: visit, header: basic("key_1", "no")}, 401, "unknown_key", "0"},
		"another's id":      {call{path: "/api2/authevent/engage", body: visit, header: basic("key_2", "sk_write")}, 401, "unknown_key", "0"},
		"key without scope": {call{path: "/api2/authevent/engage", body: visit, header: basic("key_1", "sk_read")}, 403, "missing_scope", "0"},
		"ping of nobody":    {call{path: "/pr?_ds=engage&.top=1"}, 400, "missing_identifier", "0, dead missing_identifier"},
		"ping of nothing":   {call{path: "/pr?_ds=engage&.anonId=a"}, 400, "invalid_time_on_page", "0, dead invalid_time_on_page"},
		"ping of no one":    {call{path: "/pr?.top=1&.anonId=a"}, 404, "unknown_dataset", "0"},
		"stats of nothing":  {call{path: "/msreceiver?_ds=engage&.anonId=a"}, 400, "invalid_statistics", "0, rejected invalid_statistics 1"},
		"unknown stat":      {call{path: "/msreceiver?_ds=engage&.anonId=a&.cStat=%5B%7B%7D%5D"}, 400, "invalid_stat", "0, dead invalid_stat"},
		"broken query":      {call{path: "/er?_ds=engage&x=%25zz&y=%zz"}, 400, "invalid_query", "0, rejected invalid_query 1"},
		"web events":        {call{path: "/web/events/engage/", body: "event=" + b64(`{"event":[]}`)}, 400, "missing_events", "0, rejected missing_events 1"},
		"no event type":     {call{path: "/web/events/engage", body: `{"events":[{"deviceId":"d"}]}`}, 400, "missing_event_type", "0, dead missing_event_type"},
		"rows without key":  {call{path: "/api/v1/ingest/sources/crm/Orders", body: `{"data":[]}`}, 401, "no_key", "0"},
		"rows of nothing":   {call{path: "/api/v1/ingest/sources/crm/Orders", body: `{}`, header: basic("", "sk_write")}, 400, "missing_data", "0, rejected missing_data 1"},
	} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect}
		w := send(evergage.New(config(l)), c.call)
		var got struct {
			ErrorCode int    `json:"errorCode"`
			Error     string `json:"error"`
			Message   string `json:"message"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%s: %v in %s", name, err, w.Body)
		}
		if w.Code != c.status || got.Error != c.code || got.Message == "" || got.ErrorCode != 5 || l.Sums() != c.sums {
			t.Errorf("%s: %d %s, took %s; want %d %s, %s", name, w.Code, w.Body, l.Sums(), c.status, c.code, c.sums)
		}
		if w.Header().Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: a page could not read the answer", name)
		}
		if c.status == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", name)
		}
	}
}

func TestDoor_SaysWhenItIsBusy(t *testing.T) {
	t.Parallel()
	for kind, status := range map[fault.Kind]int{fault.Limited: 429, fault.Unavailable: 503} {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect, Err: fault.Errorf(kind, "why_not", "no room; free some")}
		for _, c := range []call{
			{path: "/api2/event/engage", body: visit},
			{path: "/pr?_ds=engage&.top=1&.anonId=a"},
			{path: "/api2/event/engage", body: "{"},
			{path: "/web/events/engage", body: `{"events":[]}`},
		} {
			w := send(evergage.New(config(l)), c)
			if w.Code != status || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"errorCode":3,"error":"why_not","message":"no room; free some"`) {
				t.Errorf("%s: %d %v %s", c.path, w.Code, w.Header(), w.Body)
			}
		}
	}
}

func TestDoor_DropsWhatMustNotBeTracked(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	d := evergage.New(config(l))
	w := send(d, call{path: "/api2/event/engage", body: `{"action":"x","flags":{"doNotTrack":true},` + anon + `}`})
	if w.Code != 200 || l.Sums() != "0, rejected do_not_track 1" {
		t.Errorf("%d %s", w.Code, l.Sums())
	}
	w = send(d, call{path: "/web/events/engage", body: `{"events":[{"eventType":"catalog","deviceId":"__DNT__"}]}`})
	if w.Code != 200 || l.Sums() != "0, rejected do_not_track 1, rejected do_not_track 1" {
		t.Errorf("%d %s", w.Code, l.Sums())
	}
}

func TestDoor_ReplyLetsTheBrowserKeepItsUser(t *testing.T) {
	t.Parallel()
	type reply struct {
		CampaignResponses         []any
		CompiledCampaignTemplates []any
		CampaignExplanations      []any
		ErrorCode                 int
		ResolvedUserID            string
		PersistedUserID           struct{ EntityID string }
	}
	ask := func(user string) (reply, *dialecttest.Ledger) {
		l := &dialecttest.Ledger{Dialect: evergage.Dialect}
		w := send(evergage.New(config(l)), call{path: "/api2/event/engage", body: `{"action":"x","user":` + user + `}`})
		var r reply
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != 200 || r.CampaignResponses == nil || r.CompiledCampaignTemplates == nil || r.CampaignExplanations == nil {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		return r, l
	}
	jane, _ := ask(`{"anonId":"a1","identities":{"emailAddress":"jane@x.example"}}`)
	if jane.ErrorCode != 0 || jane.ResolvedUserID != "jane@x.example" || jane.PersistedUserID.EntityID == "" || strings.Contains(jane.PersistedUserID.EntityID, "jane") {
		t.Errorf("first visit: %+v", jane)
	}
	again, l := ask(`{"anonId":"a2","encryptedId":"` + jane.PersistedUserID.EntityID + `"}`)
	e := l.Only(t).Event
	if e.Anchor().String() != "email:jane@x.example" || len(e.Identifiers) != 2 || again.PersistedUserID != jane.PersistedUserID {
		t.Errorf("second visit: %v %+v", e.Identifiers, again)
	}
	if again.ResolvedUserID != "a2" {
		t.Errorf("the reply tells %q, which the request did not say", again.ResolvedUserID)
	}
	other, l := ask(`{"id":"john","encryptedId":"` + jane.PersistedUserID.EntityID + `"}`)
	if e := l.Only(t).Event; len(e.Identifiers) != 1 || e.Anchor().String() != "user_id:john" || other.ErrorCode != 0 {
		t.Errorf("another user: %v %+v", e.Identifiers, other)
	}
	for _, forged := range []string{"x", strings.Repeat("A", 2000), jane.PersistedUserID.EntityID[1:], "B" + jane.PersistedUserID.EntityID[1:]} {
		wrong, l := ask(`{"anonId":"a3","encryptedId":"` + forged + `"}`)
		if e := l.Only(t).Event; wrong.ErrorCode != 2 || len(e.Identifiers) != 1 || e.Anchor().Value != "a3" {
			t.Errorf("forged %.20s: %+v %v", forged, wrong, e.Identifiers)
		}
	}
}

func TestDoor_TellsWhetherItWasApplied(t *testing.T) {
	t.Parallel()
	for applied, want := range map[bool]string{true: "yes", false: "no"} {
		w := send(evergage.New(config(&dialecttest.Ledger{Dialect: evergage.Dialect, Applied: applied})), call{path: "/api2/event/engage?wait=applied&timeout=1ms", body: visit})
		if w.Code != 200 || w.Header().Get("Rapport-Applied") != want {
			t.Errorf("applied %v: %d %v", applied, w.Code, w.Header())
		}
	}
}

func TestDoor_PagesOfAnyOriginMayAsk(t *testing.T) {
	t.Parallel()
	d := evergage.New(config(&dialecttest.Ledger{Dialect: evergage.Dialect}))
	w := send(d, call{method: http.MethodOptions, path: "/api2/event/engage", header: map[string]string{"Origin": "https://shop.example"}})
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "https://shop.example" || w.Header().Get("Access-Control-Allow-Credentials") != "true" ||
		!strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestDoor_RemembersTheBrowserAndItsSignals(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	send(evergage.New(config(l)), call{path: "/api2/event/engage", body: visit, header: map[string]string{
		"User-Agent": chromium + strings.Repeat("x", 600), "Sec-GPC": "1", "DNT": "1",
	}})
	a := l.Only(t)
	gpc, _ := a.Event.About("gpc").Bool()
	dnt, _ := a.Event.About("dnt").Bool()
	if a.Envelope.IP != "203.0.113.9" || len(a.Envelope.UserAgent) != 512 || !gpc || !dnt || a.Event.Context.Get("userAgent").Text() != a.Envelope.UserAgent {
		t.Errorf("%+v, gpc %v, dnt %v", a.Envelope, gpc, dnt)
	}
	l = &dialecttest.Ledger{Dialect: evergage.Dialect}
	send(evergage.New(config(l)), call{path: "/api2/event/engage", body: visit, header: map[string]string{"User-Agent": "python-requests"}})
	if a := l.Only(t); a.Envelope.IP != "" || a.Envelope.UserAgent != "" || a.Envelope.Shared != nil {
		t.Errorf("of a server: %+v", a.Envelope)
	}
}
