package segment_test

import (
	"fmt"
	"strings"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// took sends a request and gives the one event it was.
func took(t *testing.T, c call) pipeline.Arrival {
	t.Helper()
	l := &dialecttest.Ledger{Dialect: segment.Dialect}
	if c.header == nil {
		c.header = map[string]string{}
	}
	if c.header["Authorization"] == "" {
		c.header["Authorization"] = basic("wk:")
	}
	if w := send(segment.New(config(l)), c); w.Code != 200 {
		t.Fatalf("%s: %d %s", c.body, w.Code, w.Body)
	}
	a := l.Only(t)
	if err := replays(a); err != nil {
		t.Errorf("%s: %v", c.body, err)
	}
	return a
}

// replays checks that the stored form of an arrival maps to the same event.
func replays(a pipeline.Arrival) error {
	env, body, err := event.ReadPayload(a.Envelope.AppendPayload(nil, a.Event.Body.Raw()))
	if err != nil {
		return err
	}
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if err != nil {
		return err
	}
	again, err := segment.NewMapper(identity.DefaultRules())(&env, doc.Root())
	if err != nil {
		return err
	}
	if got, want := describe(again), describe(a.Event); got != want {
		return fmt.Errorf("mapped again it is\n%s\nand was\n%s", got, want)
	}
	return nil
}

func describe(e *event.Event) string {
	return fmt.Sprint(e.Type, "|", e.Name, "|", e.MessageID, "|", e.Time, "|", e.ReceivedAt, "|", e.Source, "|", e.Channel, "|", e.Identifiers,
		e.Verified, e.Historical, "|", e.GroupID, "|", e.ItemAction, "|", string(e.Traits.Raw()), "|", string(e.Properties.Raw()), "|",
		string(e.Context.Raw()), "|", string(e.Shared.Raw()), "|", string(e.Body.Raw()))
}

func TestMap_FindsTheIdentifiers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, body, want string }{
		"both":          {"track", `"userId":"u1","anonymousId":"a1"`, "user_id:u1 anonymous_id:a1"},
		"numbers":       {"track", `"userId":42,"anonymousId":9007199254740993`, "user_id:42 anonymous_id:9007199254740993"},
		"whole numbers": {"track", `"userId":42.0`, "user_id:42"},
		"escapes":       {"track", `"userId":"\u0075\"1"`, `user_id:u"1`},
		"null is none":  {"track", `"userId":null,"anonymousId":"a1"`, "anonymous_id:a1"},
		"nobody":        {"track", `"userId":"null","anonymousId":"a1"`, "anonymous_id:a1"},
		"identify's traits": {
			"identify", `"userId":"u","traits":{"email":"Jane@Example.org","phone":"+4366012345"}`, "user_id:u email:jane@example.org phone:+4366012345",
		},
		"context's traits": {"track", `"anonymousId":"a","context":{"traits":{"email":"j@x.org"}}`, "email:j@x.org anonymous_id:a"},
		"properties":       {"track", `"anonymousId":"a","properties":{"email":"j@x.org"}`, "email:j@x.org anonymous_id:a"},
		"no address":       {"track", `"anonymousId":"a","properties":{"email":"nobody"}`, "anonymous_id:a"},
		"only an address":  {"track", `"properties":{"email":"j@x.org"}`, "email:j@x.org"},
		"a group's address is not a person's": {
			"group", `"userId":"u","groupId":"g","traits":{"email":"office@x.org"}`, "user_id:u",
		},
		"external ids": {
			"track", `"userId":"u","context":{"externalIds":[{"type":"ga_client_id","id":"7.8"},{"type":"user_id","id":"u2","collection":"users"},` +
				`{"type":"group_id","id":"g","collection":"accounts"},{"type":"","id":"x"},{"type":"a:b","id":"x"},{"id":1},5]}`,
			"user_id:u user_id:u2 ga_client_id:7.8",
		},
		"alias": {"alias", `"userId":"u","previousId":"p"`, "user_id:p user_id:u anonymous_id:p"},
		"twice": {"identify", `"userId":"u","anonymousId":"a","traits":{"email":"j@x.org"},"context":{"traits":{"email":"J@X.org"}}`, "user_id:u email:j@x.org anonymous_id:a"},
	} {
		a := took(t, call{path: "/v1/" + c.path, body: `{"event":"x",` + c.body + `}`})
		var got []string
		for _, i := range a.Event.Identifiers {
			got = append(got, i.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestMap_TakesNamespacesOfTheInstanceFromTraits(t *testing.T) {
	t.Parallel()
	rules := identity.DefaultRules()
	rules.Namespaces = append(rules.Namespaces, identity.Namespace{Name: "loyalty_card"})
	for _, key := range []string{"loyalty_card", "loyaltyCard"} {
		doc, err := jsondoc.Parse([]byte(`{"userId":"u","traits":{"`+key+`":4711}}`), jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := segment.NewMapper(rules)(&event.Envelope{Type: event.Identify, Received: 1}, doc.Root())
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(e.Identifiers); got != "[user_id:u loyalty_card:4711]" {
			t.Errorf("%s: %s", key, got)
		}
	}
}

func TestMap_CorrectsTheClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, header, want string
		skewed             bool
	}{
		"right clock":            {`"originalTimestamp":"2026-03-01T11:59:58Z","sentAt":"2026-03-01T12:00:00Z"`, "", "2026-03-01T11:59:58.000Z", false},
		"an hour fast":           {`"originalTimestamp":"2026-03-01T12:59:58Z","sentAt":"2026-03-01T13:00:00Z"`, "", "2026-03-01T11:59:58.000Z", false},
		"a year slow":            {`"originalTimestamp":"2025-03-01T11:00:00Z","sentAt":"2025-03-01T12:00:00Z"`, "", "2026-03-01T11:00:00.000Z", false},
		"timestamp for original": {`"timestamp":"2026-03-01T12:59:58Z","sentAt":"2026-03-01T13:00:00Z"`, "", "2026-03-01T11:59:58.000Z", false},
		"original counts first":  {`"timestamp":"2020-01-01T00:00:00Z","originalTimestamp":"2026-03-01T11:00:00Z"`, "", "2026-03-01T11:00:00.000Z", false},
		"header for sentAt":      {`"timestamp":"2026-03-01T12:59:58Z"`, "2026-03-01T13:00:00Z", "2026-03-01T11:59:58.000Z", false},
		"no times":               {`"x":1`, "", now, false},
		"only sentAt":            {`"sentAt":"2020-03-01T13:00:00Z"`, "", now, false},
		"not sent":               {`"timestamp":"2026-02-01T10:00:00+02:00"`, "", "2026-02-01T08:00:00.000Z", false},
		"a little ahead":         {`"timestamp":"2026-03-01T12:05:00Z"`, "", "2026-03-01T12:05:00.000Z", false},
		"too far ahead":          {`"timestamp":"2026-03-01T12:05:00.001Z"`, "", now, true},
		"far future":             {`"timestamp":"9999-12-31T23:59:59Z"`, "", now, true},
		"long ago":               {`"timestamp":"1971-01-01T00:00:00Z"`, "", "1971-01-01T00:00:00.000Z", false},
		"before 1970":            {`"timestamp":"1969-12-31T23:59:59Z"`, "", now, true},
		"year one is no time":    {`"timestamp":"0001-01-01T00:00:00Z"`, "", now, false},
		"broken sentAt":          {`"timestamp":"2026-03-01T11:00:00Z","sentAt":"soon"`, "", "2026-03-01T11:00:00.000Z", false},
		"sent before it was":     {`"timestamp":"2026-03-01T13:00:00Z","sentAt":"2026-03-01T11:00:00Z"`, "", now, true},
		"seconds":                {`"timestamp":1772366398`, "", "2026-03-01T11:59:58.000Z", false},
		"milliseconds":           {`"timestamp":1772366398250`, "", "2026-03-01T11:59:58.250Z", false},
		"a fraction":             {`"timestamp":1772366398.5`, "", "2026-03-01T11:59:58.500Z", false},
		"empty":                  {`"timestamp":""`, "", now, false},
	} {
		a := took(t, call{path: "/v1/track", body: `{"event":"x","userId":"u",` + c.body + `}`, header: map[string]string{"SentAt": c.header}})
		if a.Event.Time.String() != c.want || a.Event.ReceivedAt != dialecttest.At(now) || segment.Skewed(&a.Envelope, a.Event.Body) != c.skewed {
			t.Errorf("%s: %s, skewed %t", name, a.Event.Time, !c.skewed)
		}
	}
}

func TestMap_ReadsTimesAsClientsWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2025-06-30T23:59:59.123Z": "2025-06-30T23:59:59.123Z", "2025-06-30T23:59:59.123456789Z": "2025-06-30T23:59:59.123456Z",
		"2025-06-30T23:59:59+00:00": "2025-06-30T23:59:59.000Z", "2025-06-30T23:59:59.5-0730": "2025-07-01T07:29:59.500Z",
		"2025-06-30 23:59:59": "2025-06-30T23:59:59.000Z", "2025-06-30": "2025-06-30T00:00:00.000Z", "2024-02-29T00:00Z": "2024-02-29T00:00:00.000Z",
		"2025-06-30t23:59:59z": "2025-06-30T23:59:59.000Z", "2025-06-30T23:59:59+02": "2025-06-30T21:59:59.000Z", "2016-12-31T23:59:60Z": "2016-12-31T23:59:59.000Z",
	} {
		a := took(t, call{path: "/v1/track", body: `{"event":"x","userId":"u","timestamp":"` + text + `"}`})
		if a.Event.Time.String() != want {
			t.Errorf("%s: %s, want %s", text, a.Event.Time, want)
		}
	}
	for _, text := range []string{
		"2025", "2025-13-01", "2025-02-29", "2025-06-30T", "2025-06-30T24:00:00Z", "2025-06-30T10", "2025-06-30T10:00:00X", "2025-06-30T10:00:00.Z",
		"2025-06-30T10:00:00ZZ", "25-06-30", "Mon Jun 30 2025", "2025-06-30T10:00:00+2", "2025-06-30X10:00:00", "-2025-06-30",
	} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		send(segment.New(config(l)), call{path: "/v1/track", body: `{"event":"x","userId":"u","timestamp":"` + text + `"}`, header: auth("wk")})
		if l.Sums() != "0, dead invalid_timestamp" {
			t.Errorf("%s: took %s", text, l.Sums())
		}
	}
}

func TestMap_MergesTheContextOfTheBatch(t *testing.T) {
	t.Parallel()
	a := took(t, call{path: "/v1/batch", body: `{"batch":[{"type":"track","event":"x","userId":"u","context":{"locale":"de"}}],` +
		`"context":{"locale":"en","library":{"name":"analytics-go","version":"3"},"traits":{"email":"j@x.org"},"groupId":"g1"},` +
		`"integrations":{"All":false},"sentAt":"2026-03-01T12:00:00Z"}`})
	e := a.Event
	if e.About("locale").Text() != "de" || e.About("library", "name").Text() != "analytics-go" || e.Channel != "server" || e.GroupID != "g1" {
		t.Errorf("about: %q %q %q %q", e.About("locale").Text(), e.About("library", "name").Text(), e.Channel, e.GroupID)
	}
	if fmt.Sprint(e.Identifiers) != "[user_id:u email:j@x.org]" || e.Traits.Get("email").Text() != "j@x.org" {
		t.Errorf("identifiers %v, traits %s", e.Identifiers, e.Traits.Raw())
	}
	if want := `,"integrations":{"All":false}}`; !strings.HasSuffix(string(a.Envelope.Shared), want) || a.Envelope.SentAt != dialecttest.At(now) {
		t.Errorf("envelope keeps %s, sent %s", a.Envelope.Shared, a.Envelope.SentAt)
	}
}

func TestMap_FillsTheRestOfTheEvent(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path, body string
		want       func(e *event.Event) bool
	}{
		"track": {"track", `"event":"Seen","properties":{"a":1,"item_action":"View"}`, func(e *event.Event) bool {
			return e.Name == "Seen" && e.Properties.Len() == 2 && e.ItemAction == "View" && !e.Traits.Exists()
		}},
		"page":               {"page", `"name":"Home","properties":{"a":1}`, func(e *event.Event) bool { return e.Name == "Home" && e.ItemAction == "" }},
		"page without name":  {"page", `"x":1`, func(e *event.Event) bool { return e.Name == "" && e.Type == event.Page }},
		"group":              {"group", `"groupId":7,"traits":{"name":"ACME"}`, func(e *event.Event) bool { return e.GroupID == "7" && e.Traits.Get("name").Text() == "ACME" }},
		"identify":           {"identify", `"traits":{"a":1},"context":{"traits":{"b":1}}`, func(e *event.Event) bool { return e.Traits.Get("a").Exists() }},
		"identify by Rudder": {"identify", `"context":{"traits":{"b":1}}`, func(e *event.Event) bool { return e.Traits.Get("b").Exists() }},
		"traits of a track":  {"track", `"event":"x","traits":{"a":1},"context":{"traits":{"b":1}}`, func(e *event.Event) bool { return e.Traits.Get("b").Exists() }},
		"path before body":   {"track", `"event":"x","type":"identify"`, func(e *event.Event) bool { return e.Type == event.Track }},
		"message id":         {"track", `"event":"x","messageId":"m"`, func(e *event.Event) bool { return e.MessageID == "m" }},
		"no message id":      {"track", `"event":"x","messageId":""`, func(e *event.Event) bool { return e.MessageID == "30313233-3435-4637-b839-616263646566" }},
		"nulls are nothing":  {"track", `"event":"x","properties":null,"context":null,"traits":null,"messageId":null,"timestamp":null`, func(e *event.Event) bool { return !e.Properties.Exists() && !e.Context.Exists() }},
	}
	for name, c := range cases {
		a := took(t, call{path: "/v1/" + c.path, body: `{"userId":"u",` + c.body + `}`})
		if !c.want(a.Event) {
			t.Errorf("%s: %s", name, describe(a.Event))
		}
	}
}

func TestMap_TellsTheChannel(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`"context":{"library":{"name":"analytics.js"}}`: "web", `"context":{"library":{"name":"analytics-kotlin"}}`: "mobile",
		`"context":{"library":{"name":"analytics-swift"}}`: "mobile", `"context":{"library":{"name":"analytics-node"}}`: "server",
		`"channel":"mobile"`: "mobile", `"context":{"channel":"email"}`: "email", `"context":{"device":{"type":"android"}}`: "mobile",
		`"context":{"userAgent":"Mozilla/5.0"}`: "web", `"x":1`: "server", `"channel":"web","context":{"library":{"name":"analytics-go"}}`: "web",
		`"context":{"library":{"name":"homemade"}}`: "server",
	} {
		if a := took(t, call{path: "/v1/track", body: `{"userId":"u","event":"x",` + body + `}`}); a.Event.Channel != want {
			t.Errorf("%s: %s, want %s", body, a.Event.Channel, want)
		}
	}
	if a := took(t, call{path: "/v1/track", body: `{"userId":"u","event":"x"}`, header: map[string]string{"User-Agent": "Mozilla/5.0"}}); a.Event.Channel != "web" {
		t.Errorf("a browser: %s", a.Event.Channel)
	}
}

func TestEnvelope_SaysWhatTheDoorKnows(t *testing.T) {
	t.Parallel()
	body := `{"userId":"u","event":"x"}`
	for name, c := range map[string]struct {
		path, body string
		header     map[string]string
		ip         string
	}{
		"server":       {"/v1/track", body, map[string]string{"User-Agent": "analytics-go"}, ""},
		"browser":      {"/v1/track", body, map[string]string{"User-Agent": "Mozilla/5.0"}, "203.0.113.9"},
		"page":         {"/v1/track", body, map[string]string{"Origin": "https://shop.example"}, "203.0.113.9"},
		"analytics.js": {"/v1/t", body, nil, "203.0.113.9"},
		"direct":       {"/v1/track", `{"userId":"u","event":"x","context":{"direct":true}}`, nil, "203.0.113.9"},
		"not direct":   {"/v1/track", `{"userId":"u","event":"x","context":{"direct":false}}`, nil, ""},
		"direct batch": {"/v1/batch", `{"batch":[{"type":"page","userId":"u"}],"context":{"direct":true}}`, nil, "203.0.113.9"},
		"app":          {"/v1/b", `{"batch":[{"type":"page","userId":"u"}]}`, nil, "203.0.113.9"},
	} {
		if a := took(t, call{path: c.path, body: c.body, header: c.header}); a.Envelope.IP != c.ip || a.Envelope.UserAgent != c.header["User-Agent"] {
			t.Errorf("%s: %+v", name, a.Envelope)
		}
	}
	long := strings.Repeat("x", 511) + "\xff" + strings.Repeat("y", 500)
	if a := took(t, call{path: "/v1/track", body: body, header: map[string]string{"User-Agent": long}}); a.Envelope.UserAgent != long[:511] {
		t.Errorf("a user agent of %d bytes was kept", len(a.Envelope.UserAgent))
	}
	a := took(t, call{path: "/v1/track", body: body, header: auth("sk")})
	if !a.Envelope.Verified || !a.Event.Verified || a.Envelope.Historical {
		t.Errorf("secret key: %+v", a.Envelope)
	}
	if a = took(t, call{path: "/v1/track", body: body, header: auth("old")}); !a.Envelope.Historical || !a.Event.Historical {
		t.Errorf("historical source: %+v", a.Envelope)
	}
	if a.Envelope.Dialect != segment.Dialect || a.Envelope.Received != dialecttest.At(now) || a.Envelope.Type != event.Track || a.Envelope.Source != "crm" {
		t.Errorf("envelope %+v", a.Envelope)
	}
}

func TestMapper_RefusesADamagedSharedContext(t *testing.T) {
	t.Parallel()
	doc, err := jsondoc.Parse([]byte(visit), jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	env := event.Envelope{Received: clock.Instant(1), Shared: []byte("{")}
	if _, err := segment.NewMapper(identity.DefaultRules())(&env, doc.Root()); err == nil {
		t.Error("mapped")
	}
}
