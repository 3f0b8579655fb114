package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/policy"
)

func parse(t *testing.T, document string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParse_SaysWhatCannotBe(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{`:                                        "invalid_policy ",
		`{"purposes":[]}`:                          "invalid_policy /purposes",
		`{"purposes":[{"key":""}]}`:                "invalid_policy /purposes",
		`{"purposes":[{"key":"a"}],"x":1}`:         "invalid_policy ",
		`{"purposes":[{"key":"a"},{"key":"a"}]}`:   "invalid_policy /purposes",
		`{"purposes":[{"key":"a","basis":"law"}]}`: "invalid_policy /purposes",
		`{"purposes":[{"key":"a"}],"sources":[{"source":"s","purpose":"b","mode":"keep"}]}`:                               "unknown_purpose /sources",
		`{"purposes":[{"key":"a"}],"sources":[{"source":"s","purpose":"a","mode":"drop"}]}`:                               "invalid_policy /sources",
		`{"purposes":[{"key":"a"}],"sources":[{"source":"","purpose":"a","mode":"keep"}]}`:                                "invalid_policy /sources",
		`{"purposes":[{"key":"a"}],"signals":{"gpc":["b"]}}`:                                                              "unknown_purpose /signals/gpc",
		`{"purposes":[{"key":"a"}],"sources":[{"source":"s","purpose":"a","mode":"keep"},{"source":"s","purpose":"a"}]} `: "invalid_policy /sources",
	} {
		_, err := policy.Parse([]byte(document))
		f, ok := err.(*fault.Fault) //nolint:errorlint // it is one, not wraps one
		if !ok || f.Code+" "+f.Field != want {
			t.Errorf("%s: %v, want %s", document, err, want)
		}
	}
}

func TestOf_FindsTheRuleOfASource(t *testing.T) {
	t.Parallel()
	p := parse(t, `{"purposes":[{"key":"a"}],"sources":[{"source":"shop","purpose":"a","mode":"refuse"},{"source":"crm","purpose":"a","mode":"keep"},{"source":"*","purpose":"a","mode":"anonymous"}]}`)
	for source, want := range map[string]policy.Mode{"shop": policy.Refuse, "crm": "", "app": policy.Anonymous} {
		got := policy.Mode("")
		if r := p.Of(source); r != nil {
			got = r.Mode
		}
		if got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
	if (*policy.Policy)(nil).Of("shop") != nil {
		t.Error("no policy asks for something")
	}
}

func TestJudge_TakesTheWordOfTheChannelFirst(t *testing.T) {
	t.Parallel()
	rule := &policy.SourceRule{Purpose: "a", Channel: "web"}
	yes := func(purpose, channel string) consent.Entry {
		return consent.Entry{Purpose: purpose, Channel: channel, Status: consent.Granted}
	}
	no := func(purpose, channel string) consent.Entry {
		return consent.Entry{Purpose: purpose, Channel: channel, Status: consent.Withdrawn}
	}
	for name, x := range map[string]struct {
		words []consent.Entry
		want  policy.Verdict
	}{
		"nothing":          {nil, policy.Silent},
		"another purpose":  {[]consent.Entry{yes("b", "")}, policy.Silent},
		"another channel":  {[]consent.Entry{no("a", "email")}, policy.Silent},
		"all channels":     {[]consent.Entry{yes("a", "")}, policy.Granted},
		"the channel":      {[]consent.Entry{no("a", ""), yes("a", "web")}, policy.Granted},
		"not this channel": {[]consent.Entry{yes("a", ""), no("a", "web")}, policy.Denied},
	} {
		if got := rule.Judge(x.words); got != x.want {
			t.Errorf("%s: %d, want %d", name, got, x.want)
		}
	}
}

func mapped(t *testing.T, v *event.Event, body string) *event.Event {
	t.Helper()
	doc, err := jsondoc.Parse([]byte(body), jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v.Body, v.Properties, v.Context = doc.Root(), doc.Root().Get("properties"), doc.Root().Get("context")
	return v
}

func TestStrip_LeavesNothingThatSaysWho(t *testing.T) {
	t.Parallel()
	p, names := parse(t, `{"purposes":[{"key":"a"}]}`), policy.NewPseudonyms([16]byte{7})
	v := mapped(t, &event.Event{
		Type: event.Track, Name: "Order Completed", MessageID: "m-ada", Time: 7, ReceivedAt: 9, Source: "shop", Channel: "web", GroupID: "acme",
		Identifiers: []event.Identifier{{Namespace: event.UserID, Value: "ada-lovelace"}, {Namespace: event.AnonymousID, Value: "device-1"}},
	}, `{"properties":{"order_id":"o-1","orderId":"o-1","total":12.50,"paid":true,"valid":"yes","email":"ada@example.org","userEmail":"x","coupon":"ADA-LOVELACE",
		"comment":"write to ada@example.org or +49 170 123 45 67","day":"2026-03-10","ref":"https://shop.example/thanks?user=ada#top",
		"products":[{"product_id":"4006381333931","id":"4006381333932","sku":"111222333444","price":1.10,"name":"Chair","engraving":{"first_name":"Ada"}}],
		"session_id":"s","id":"x","uid":"y","paid_by":{"customer":{"n":1}}},
		"context":{"ip":"203.0.113.9","userAgent":"UA","device":{"id":"d"},"traits":{"a":1},"locale":"de","campaign":{"name":"spring"},
		"page":{"url":"https://shop.example/a?x=1","path":"/a","referrer":"https://mail.example/inbox/ada@example.org"},"groupId":"acme"}}`)
	env, body, ok := p.Strip(names, v)
	if !ok {
		t.Fatal("refused")
	}
	for _, gone := range []string{"ada", "Ada", "o-1", "203.0.113.9", "UA", "170", "user=", "acme", "session", "\"uid\"", "x=1", "device-1", "customer"} {
		if strings.Contains(string(body), gone) {
			t.Errorf("%q stands in %s", gone, body)
		}
	}
	for _, kept := range []string{"12.50", "4006381333931", "4006381333932", "111222333444", "Chair", "2026-03-10", "spring", `"paid":true`, `"valid":"yes"`, "https://shop.example/a", "1.10"} {
		if !strings.Contains(string(body), kept) {
			t.Errorf("%q is not left of %s", kept, body)
		}
	}
	if env.IP+env.UserAgent+string(env.Shared) != "" || env.Verified || env.Source != "shop" || env.Received != 9 {
		t.Errorf("envelope %+v", env)
	}
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := policy.NewMapper()(&env, doc.Root())
	if err != nil || again.Time != 7 || again.Name != "Order Completed" || len(again.Identifiers) != 1 || again.Identifiers[0] != names.Of(v.Identifiers[1]) {
		t.Errorf("read again as %+v, %v", again, err)
	}
	if other := policy.NewPseudonyms([16]byte{8}); other.Of(v.Identifiers[1]) == again.Identifiers[0] {
		t.Error("another instance gives the same pseudonym")
	}
	for _, typ := range []event.Type{event.Identify, event.Group, event.Alias} {
		v.Type = typ
		if _, _, ok := p.Strip(names, v); ok {
			t.Errorf("%s was kept", typ)
		}
	}
}

func TestResolve_WritesWhatASignalMeans(t *testing.T) {
	t.Parallel()
	p := parse(t, `{"purposes":[{"key":"a"},{"key":"b"}],"signals":{"gpc":["a","b"]}}`)
	for context, want := range map[string]string{
		`{"gpc":true}`:  "a b",
		`{"dnt":true}`:  "",
		`{"gpc":false}`: "",
		`{"gpc":true,"consent":{"categoryPreferences":{"a":true}}}`: "b",
	} {
		v := mapped(t, &event.Event{}, `{"context":`+context+`}`)
		out, stored, err := p.Resolve(v, []byte(`{"context":{"x":[1]},"integrations":{"y":2}}`))
		if err != nil {
			t.Fatal(err)
		}
		if out == nil {
			if stored != nil || want != "" {
				t.Errorf("%s: nothing to say, but stored %s, want no to %q", context, stored, want)
			}
			continue
		}
		var denied []string
		for _, e := range consent.Read(out) {
			if e.Status == consent.Denied {
				denied = append(denied, e.Purpose)
			}
		}
		if got := strings.Join(denied, " "); got != want {
			t.Errorf("%s: no to %q, want %q", context, got, want)
		}
		var shared map[string]map[string]any
		if err := json.Unmarshal(stored, &shared); err != nil || shared["integrations"]["y"] != 2.0 || shared["context"]["x"] == nil {
			t.Errorf("stored %s, %v", stored, err)
		}
	}
	v := mapped(t, &event.Event{}, `{"context":{"gpc":true}}`)
	if e := consent.Read(v); len(e) != 1 || e[0].Purpose != "advertising" {
		t.Errorf("without a policy: %v", e)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"purposes":[{"key":"a","basis":"opt_out"}],"sources":[{"source":"*","purpose":"a","mode":"refuse"}],"signals":{"gpc":["a"]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := policy.Parse(b)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		if r := p.Of("any source"); r != nil && !p.Knows(r.Purpose) {
			t.Errorf("%q needs what it does not know", b)
		}
	})
}

// FuzzStrip strips whatever properties and maps them again: the result parses,
// and the identifiers are not in it.
func FuzzStrip(f *testing.F) {
	f.Add(`{"a":["ada-lovelace",{"b":"x ada-lovelace y"}],"email":"ada@example.org"}`)
	f.Add(`{"ADA-LOVELACE":1}`)
	p, err := policy.Parse([]byte(`{"purposes":[{"key":"a"}]}`))
	if err != nil {
		f.Fatal(err)
	}
	who := []event.Identifier{{Namespace: event.UserID, Value: "ada-lovelace"}}
	f.Fuzz(func(t *testing.T, properties string) {
		doc, err := jsondoc.Parse([]byte(properties), jsondoc.Limits{})
		if err != nil {
			return
		}
		if _, flawed := doc.Root().Flaw(); flawed || doc.Root().Kind() != jsondoc.Object {
			return
		}
		v := &event.Event{Type: event.Track, Name: "x", MessageID: "m", Time: 1, Identifiers: who, Properties: doc.Root()}
		env, body, ok := p.Strip(policy.NewPseudonyms([16]byte{1}), v)
		if !ok {
			return
		}
		if consent.NewMentions(who).In(body) {
			t.Errorf("%q is told by %q", properties, body)
		}
		again, err := jsondoc.Parse(body, jsondoc.Limits{Depth: 40})
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if _, err := policy.NewMapper()(&env, again.Root()); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	})
}
