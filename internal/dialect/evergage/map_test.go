package evergage_test

import (
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/event"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

// mapped maps one body of the Event API.
func mapped(body string, env event.Envelope) (*event.Event, error) {
	doc, err := jsondoc.Parse([]byte(body), jsondoc.DefaultLimits())
	if err != nil {
		return nil, err
	}
	env.Dialect, env.Source, env.Received, env.MessageID = evergage.Dialect, "shop", dialecttest.At(now), "m1"
	return evergage.NewMapper(identity.DefaultRules(), browserKey)(&env, doc.Root())
}

const anon = `"user":{"anonId":"0123456789abcdef"}`

const isAnon = ` anonymous_id:0123456789abcdef`

func TestMapper_ReadsTheClassicEvent(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"action":"Search",` + anon + `}`:                                    `track "Search"` + isAnon,
		`{"action":"Home Page Visit","flags":{"pageView":true},` + anon + `}`: `page "Home Page Visit"` + isAnon,
		`{"itemAction":"View Item","catalog":{"Product":{"_id":"P1","name":"Bag","price":12.5,"sku":{"_id":"S1"},"imageUrl":"u"}},` + anon + `}`: `track "View Item" does "View Item"` + isAnon +
			` p={"image_url":"u","item_type":"Product","name":"Bag","price":12.5,"product_id":"P1","sku":"S1"}`,
		`{"action":"See","itemAction":"View Category","catalog":{"Category":{"_id":"shoes"}},` + anon + `}`: `track "See" does "View Category"` + isAnon +
			` p={"_id":"shoes","category":"shoes","item_type":"Category"}`,
		`{"action":"x","itemAction":"View Item","catalog":{"Blog":{"_id":7},"Product":{"_id":"P","categories":[{"type":"c","_id":"A"},"B"],"dimensions":{"Brand":["Acme"]}}},` + anon + `}`: `track "x" does "View Item"` + isAnon +
			` p={"also":[{"_id":"7","item_type":"Blog"}],"brand":"Acme","categories":["A","B"],"category":"A","dimensions":{"Brand":["Acme"]},"item_type":"Product","product_id":"P"}`,
		`{"action":"Add","itemAction":"Add To Cart","cart":{"singleLine":{"Product":{"_id":"P1","price":2,"quantity":3}}},` + anon + `}`: `track "Add" does "Add To Cart"` + isAnon +
			` p={"item_type":"Product","price":2,"product_id":"P1","quantity":3}`,
		`{"itemAction":"View Cart","cart":{"complete":{"Product":[]}},` + anon + `}`: `track "View Cart" does "Replace Cart"` + isAnon + ` p={"products":[]}`,
		`{"itemAction":"Add To Cart","cart":{"complete":{"Product":[{"_id":"P1","quantity":1}]}},` + anon + `}`: `track "Add To Cart" does "Replace Cart"` + isAnon +
			` p={"products":[{"item_type":"Product","product_id":"P1","quantity":1}]}`,
		`{"action":"Thanks","itemAction":"Purchase","order":{"Product":{"orderId":"O1","totalValue":9.5,"currency":"EUR","lineItems":[{"_id":"P1","price":9.5,"quantity":1},{"item":{"_id":"P2","name":"x"}}]}},` + anon + `}`: `track "Thanks" does "Purchase"` + isAnon +
			` p={"currency":"EUR","item_type":"Product","order_id":"O1","products":[{"item_type":"Product","price":9.5,"product_id":"P1","quantity":1},{"item_type":"Product","name":"x","product_id":"P2"}],"total":9.5}`,
		`{"user":{"anonId":"0123456789abcdef","attributes":{"age":3}}}`: `identify ""` + isAnon + ` t={"age":3}`,
		`{"consents":[{"purpose":"tracking","provider":"OneTrust","status":"Opt In"},{"consent":{"purpose":"ads","status":"Opt Out"}},{"purpose":"x","status":"?"}],` + anon + `}`: `track "Consent Changed"` + isAnon +
			` c={"consent":{"purposes":[{"provider":"OneTrust","purpose":"tracking","status":"granted"},{"purpose":"ads","status":"denied"}]}}`,
		`{"campaignStats":[{"experienceId":"e","stat":"Click"}],` + anon + `}`: `track "Campaign Statistics"` + isAnon + ` p={"campaign_stats":[{"experienceId":"e","stat":"Click"}]}`,
	} {
		e, err := mapped(body, event.Envelope{})
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if got := described(e); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", body, got, want)
		}
		if !e.NameOnly || e.MessageID != "m1" || e.Time != dialecttest.At(now) || e.Source != "shop" {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

func TestMapper_ReadsInteractions(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"interaction":{"name":"View Catalog Object","catalogObject":{"type":"Product","id":"P1","attributes":{"name":"Bag","price":3},"relatedCatalogObjects":{"Category":["A"]}}},` + anon + `}`: `track "View Catalog Object" does "View Catalog Object"` + isAnon +
			` p={"category":"A","dimensions":{"Category":["A"]},"item_type":"Product","name":"Bag","price":3,"product_id":"P1"}`,
		`{"interaction":{"name":"Add To Cart","eventType":"cart","lineItem":{"catalogObjectType":"Product","catalogObjectId":"P1","quantity":2,"price":3,"currency":"EUR","attributes":{"color":"red"}}},` + anon + `}`: `track "Add To Cart" does "Add To Cart"` + isAnon +
			` p={"color":"red","currency":"EUR","event_type":"cart","item_type":"Product","price":3,"product_id":"P1","quantity":2}`,
		`{"interaction":{"name":"Replace Cart","lineItems":[]},` + anon + `}`: `track "Replace Cart" does "Replace Cart"` + isAnon + ` p={"products":[]}`,
		`{"interaction":{"name":"Purchase","order":{"id":"O1","totalValue":5,"lineItems":[{"catalogObjectType":"Product","catalogObjectId":"P1","quantity":1,"price":5}]}},` + anon + `}`: `track "Purchase" does "Purchase"` + isAnon +
			` p={"order_id":"O1","products":[{"item_type":"Product","price":5,"product_id":"P1","quantity":1}],"total":5}`,
		`{"interaction":{"name":"Cancel","order":{"id":"O1"}},` + anon + `}`: `track "Cancel" does "Cancel"` + isAnon + ` p={"order_id":"O1"}`,
		`{"interaction":{"name":"Newsletter"},` + anon + `}`:                 `track "Newsletter"` + isAnon,
	} {
		e, err := mapped(body, event.Envelope{})
		if err != nil {
			t.Errorf("%s: %v", body, err)
		} else if got := described(e); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", body, got, want)
		}
	}
}

func TestMapper_ClassesFollowTheItemActionAndNeverTheName(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]catalog.Class{
		`"action":"Purchase"`:                               catalog.ClassBase,
		`"action":"View Item"`:                              catalog.ClassBase,
		`"action":"Product Added"`:                          catalog.ClassBase,
		`"action":"Search"`:                                 catalog.ClassBase,
		`"action":"x","itemAction":"View Item"`:             catalog.ClassCatalog,
		`"action":"x","itemAction":"View Item Detail"`:      catalog.ClassCatalog,
		`"action":"x","itemAction":"Favorite"`:              catalog.ClassCatalog,
		`"action":"x","itemAction":"Add To Cart"`:           catalog.ClassCart,
		`"action":"x","itemAction":"View Cart"`:             catalog.ClassCart,
		`"action":"x","itemAction":"Update Line Item"`:      catalog.ClassCart,
		`"action":"x","itemAction":"Purchase"`:              catalog.ClassOrder,
		`"action":"x","itemAction":"Home Page Visit"`:       catalog.ClassBase,
		`"action":"x","itemAction":"View Bandit Items"`:     catalog.ClassBase,
		`"interaction":{"name":"Share Catalog Object"}`:     catalog.ClassCatalog,
		`"interaction":{"name":"Ship","order":{"id":"O1"}}`: catalog.ClassOrder,
		`"interaction":{"name":"Email Signup"}`:             catalog.ClassBase,
	} {
		e, err := mapped(`{`+body+`,`+anon+`}`, event.Envelope{})
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if got, _ := catalog.DefaultMapping().Classify(e); got.Class != want {
			t.Errorf("%s is of class %s, want %s", body, got.Class, want)
		}
	}
}

func TestMapper_FindsEveryIdentifier(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		`{"id":"jane","anonId":"0123456789abcdef"}`:                                                                            `user_id:jane` + isAnon,
		`{"anonymousId":"a1","identities":{"emailAddress":" J@X.example "}}`:                                                   `email:j@x.example anonymous_id:a1`,
		`{"identities":{"customerId":"C1","sfmcContactKey":"K","sfcrmContactId":"003","sfcrmLeadId":"00Q","loyaltyCard":"L"}}`: `user_id:C1 loyalty_card:L sfcrm_contact_id:003 sfcrm_lead_id:00Q sfmc_contact_key:K`,
		`{"id":"jane","attributes":{"customerId":"C1","emailAddress":"j@x.example","phone":"+43 660 1234567"}}`:                `user_id:jane email:j@x.example phone:+436601234567 customer_id:C1`,
		`{"id":"C1","identities":{"customerId":"C1"}}`:                                                                         `user_id:C1`,
		`{"identities":[{"type":"emailAddress","value":"j@x.example"}],"anonId":"a"}`:                                          `email:j@x.example anonymous_id:a`,
		`{"id":"null","anonId":"a","identities":{"emailAddress":"no mail","other":""}}`:                                        `anonymous_id:a`,
		`{"id":4711}`: `user_id:4711`,
	} {
		e, err := mapped(`{"action":"x","user":`+user+`}`, event.Envelope{})
		if err != nil {
			t.Errorf("%s: %v", user, err)
			continue
		}
		var got []string
		for _, i := range e.Identifiers {
			got = append(got, i.String())
		}
		if strings.Join(got, " ") != strings.TrimSpace(want) {
			t.Errorf("%s\ngot  %s\nwant %s", user, strings.Join(got, " "), want)
		}
	}
}

func TestMapper_ReadsContextOfPagesAndApps(t *testing.T) {
	t.Parallel()
	env := event.Envelope{UserAgent: chromium, Shared: []byte(`{"context":{"gpc":true}}`)}
	e, err := mapped(`{"action":"x",`+anon+`,"account":{"id":"acme"},"source":{"channel":"Web","url":"https://s.example/?utm_source=mail&utm_campaign=a%20b#c","urlReferrer":"https://g.example/",
		"locale":"de_AT","pageType":"home","contentZones":["top"],"beaconVersion":16,"time":1772366300000}}`, env)
	if err != nil {
		t.Fatal(err)
	}
	want := `track "x"` + isAnon + ` p={"content_zones":["top"],"page_type":"home"} c={"campaign":{"name":"a b","source":"mail"},` +
		`"library":{"name":"evergage","version":"16"},"locale":"de_AT","page":{"referrer":"https://g.example/","url":"https://s.example/?utm_source=mail&utm_campaign=a%20b#c"},"userAgent":"` + chromium + `"}`
	if got := described(e); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if gpc, _ := e.About("gpc").Bool(); !gpc || e.Channel != "web" || e.GroupID != "acme" || e.Time != dialecttest.At("2026-03-01T11:58:20Z") {
		t.Errorf("channel %s, group %s, time %s", e.Channel, e.GroupID, e.Time)
	}
	e, err = mapped(`{"action":"Open",`+anon+`,"flags":{"pageView":true},"source":{"channel":"MobileApp","application":"Shop","device":{"model":"Pixel","pushToken":"tok"},
		"os":{"name":"Android","version":"16"},"location":{"latitude":48.2,"longitude":16.4},"time":"2026-03-01T11:00:00Z"}}`, event.Envelope{})
	if err != nil {
		t.Fatal(err)
	}
	want = `screen "Open"` + isAnon + ` c={"app":{"name":"Shop"},"device":{"model":"Pixel","token":"tok"},"location":{"latitude":48.2,"longitude":16.4},"os":{"name":"Android","version":"16"}}`
	if got := described(e); got != want || e.Channel != "mobile" || e.Time != dialecttest.At("2026-03-01T11:00:00Z") {
		t.Errorf("got  %s\nwant %s\n%s %s", got, want, e.Channel, e.Time)
	}
}

func TestMapper_TimeIsNeverInTheFuture(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		`0`: now, `-5`: "", `"soon"`: "", `99999999999999`: now, `1772366700000`: "2026-03-01T12:05:00Z", `1772366700001`: now,
		`1772000000`: "2026-02-25T06:13:20Z", `"1969-12-31"`: now, `"2026-02-01"`: "2026-02-01T00:00:00Z", `null`: now,
	} {
		e, err := mapped(`{"action":"x",`+anon+`,"source":{"time":`+said+`}}`, event.Envelope{})
		switch {
		case want == "" && err == nil:
			t.Errorf("%s: took %s", said, e.Time)
		case want != "" && (err != nil || e.Time != dialecttest.At(want)):
			t.Errorf("%s: %v %v, want %s", said, e, err, want)
		}
	}
}

func TestMapper_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for body, code := range map[string]string{
		`5`:                                   "invalid_event",
		`{}`:                                  "missing_action",
		`{"interaction":null,` + anon + `}`:   "missing_action",
		`{"action":"x"}`:                      "missing_identifier",
		`{"action":"x","user":{"id":"null"}}`: "missing_identifier",
		`{"action":"x","user":[]}`:            "invalid_user",
		`{"action":"x","catalog":"Product",` + anon + `}`:             "invalid_catalog",
		`{"action":"x","action":"y",` + anon + `}`:                    "duplicate_key",
		`{"action":"` + strings.Repeat("x", 1001) + `",` + anon + `}`: "invalid_action",
	} {
		_, err := mapped(body, event.Envelope{})
		if err == nil || codeOf(err) != code {
			t.Errorf("%.80s: %v, want %s", body, err, code)
		}
	}
}
