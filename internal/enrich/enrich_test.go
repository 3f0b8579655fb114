package enrich_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"rapport/internal/enrich"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
	pixel   = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
	edge    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"
	google  = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	ahrefs  = "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"
	hidden  = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36"
)

func all() *enrich.Options {
	return &enrich.Options{UserAgent: true, Campaign: true, Locale: true}
}

func value(t testing.TB, text string) jsondoc.Value {
	t.Helper()
	doc, err := jsondoc.Parse([]byte(text), jsondoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

func TestFind_TellsWhatUserAgentsSay(t *testing.T) {
	t.Parallel()
	var f enrich.Finder
	for agent, want := range map[string]string{
		firefox:                `{"browser":{"name":"Firefox","version":"140.0"},"device":{"type":"desktop"},"os":{"name":"Linux"}}`,
		iphone:                 `{"browser":{"name":"Safari","version":"17.5"},"device":{"model":"iPhone","type":"mobile"},"os":{"name":"iOS","version":"17.5"}}`,
		pixel:                  `{"browser":{"name":"Chrome","version":"126.0.0.0"},"device":{"model":"Pixel 8","type":"mobile"},"os":{"name":"Android","version":"14"}}`,
		edge:                   `{"browser":{"name":"Edge","version":"126.0.0.0"},"device":{"type":"desktop"},"os":{"name":"Windows","version":"10.0"}}`,
		"analytics-python/2.3": ``,
		"Go-http-client/1.1":   ``,
		"":                     ``,
	} {
		e := event.Event{Context: value(t, fmt.Sprintf(`{"userAgent":%q}`, agent))}
		found, robot := f.Find(&e, &event.Envelope{}, all(), "")
		if got := string(found.Context.Raw()); got != want || robot {
			t.Errorf("%s: %s (robot %v), want %s", agent, got, robot, want)
		}
	}
}

func TestFind_KnowsRobotsThatSaySo(t *testing.T) {
	t.Parallel()
	var f enrich.Finder
	for agent, want := range map[string]bool{
		google: true, ahrefs: true, firefox: false, hidden: false, "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)": true,
		"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)": true, "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36": false,
	} {
		_, robot := f.Find(&event.Event{Context: value(t, fmt.Sprintf(`{"userAgent":%q}`, agent))}, &event.Envelope{}, all(), "")
		if robot != want {
			t.Errorf("%s: robot %v", agent, robot)
		}
	}
	// The request's own counts only where a browser made it.
	if _, robot := f.Find(&event.Event{}, &event.Envelope{UserAgent: google}, all(), ""); !robot {
		t.Error("a crawler that runs the page's code is not known")
	}
	if found, _ := f.Find(&event.Event{}, &event.Envelope{UserAgent: "curl/8.5"}, all(), ""); found.Record != nil {
		t.Error("a program is taken for a person's browser")
	}
}

func TestFind_NeverSaysAgainWhatTheEventSays(t *testing.T) {
	t.Parallel()
	var f enrich.Finder
	e := event.Event{
		Context: value(t, `{"userAgent":"`+iphone+`","os":{"name":"iPadOS"},"campaign":{"name":"spring"},"locale":"de-AT",
			"page":{"url":"https://shop.example.com/?utm_source=mail&gclid=abc"}}`),
		Shared: value(t, `{"device":{"type":"tablet"}}`),
	}
	found, _ := f.Find(&e, &event.Envelope{}, all(), "en-GB,en;q=0.9")
	want := `{"browser":{"name":"Safari","version":"17.5"},"click_ids":{"gclid":"abc"}}`
	if got := string(found.Context.Raw()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFind_ReadsCampaignsClicksAndLanguages(t *testing.T) {
	t.Parallel()
	var f enrich.Finder
	for _, c := range []struct{ context, properties, languages, want string }{
		{
			`{"page":{"url":"https://s.example/?utm_source=news%20letter&utm_medium=email&utm_campaign=s%C3%B8mmer&utm_term=a+b&fbclid=x1&x=1#frag"}}`, "", "",
			`{"campaign":{"medium":"email","name":"sømmer","source":"news letter","term":"a b"},"click_ids":{"fbclid":"x1"}}`,
		},
		{`{"page":{"search":"?GCLID=Y&msclkid=z"}}`, "", "", `{"click_ids":{"gclid":"Y","msclkid":"z"}}`},
		{"", `{"url":"https://s.example/a?utm_id=7"}`, "", `{"campaign":{"id":"7"}}`},
		{`{"page":{"url":"https://s.example/?GCLID=&gclid=2&UTM_Term=%zz&utm_source=a&utm_source=b&yclid=9&epik=4"}}`, "", "",
			`{"campaign":{"source":"a"},"click_ids":{"epik":"4","yclid":"9"}}`},
		{`{"page":{"url":"https://s.example/?product_id=1&class=2"}}`, "", "", ""},
		{`{"page":{"url":"https://s.example/?utm_source=%zz"}}`, "", "", ""},
		{"{}", "", "de-CH,de;q=0.9,en;q=0.8", `{"locale":"de-CH"}`},
		{"{}", "", "*", ""},
		{"{}", "", "<script>", ""},
	} {
		e := event.Event{Type: event.Page}
		if c.context != "" {
			e.Context = value(t, c.context)
		}
		if c.properties != "" {
			e.Properties = value(t, c.properties)
		}
		found, _ := f.Find(&e, &event.Envelope{}, all(), c.languages)
		if got := string(found.Context.Raw()); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.context, c.languages, got, c.want)
		}
	}
}

func TestFind_PlacesAddressesAndSaysWhatTheSourceSays(t *testing.T) {
	t.Parallel()
	var f enrich.Finder
	o := all()
	o.PointOfSale, o.Currency = "shop-de", "EUR"
	o.Locate = func(ip netip.Addr) (enrich.Place, bool) {
		return enrich.Place{Country: "DE", City: "Ulm", Region: "Baden-Württemberg", TimeZone: "Europe/Berlin", Latitude: 48.4, Longitude: 9.98764, Located: true},
			ip == netip.MustParseAddr("192.0.2.7")
	}
	const want = `{"currency":"EUR","location":{"city":"Ulm","country":"DE","latitude":48.4000,"longitude":9.9876,"region":"Baden-Württemberg"},"point_of_sale":"shop-de","timezone":"Europe/Berlin"}`
	for _, e := range []struct {
		context string
		env     event.Envelope
		found   bool
	}{
		{`{}`, event.Envelope{IP: "192.0.2.7"}, true},
		{`{"ip":"::ffff:192.0.2.7"}`, event.Envelope{IP: "198.51.100.1"}, true},
		{`{"ip":"not an address"}`, event.Envelope{IP: "192.0.2.7"}, false},
		{`{}`, event.Envelope{IP: "198.51.100.1"}, false},
	} {
		found, _ := f.Find(&event.Event{Context: value(t, e.context)}, &e.env, o, "")
		if got := string(found.Context.Raw()); (got == want) != e.found {
			t.Errorf("%s %s: %s", e.context, e.env.IP, got)
		}
	}
}

func TestContext_IsTheSameFromTheRecordAlone(t *testing.T) {
	t.Parallel()
	var door, later enrich.Finder
	for _, agent := range []string{firefox, iphone, pixel, edge, google} {
		e := event.Event{Context: value(t, fmt.Sprintf(`{"userAgent":%q,"page":{"url":"https://s/?utm_source=a%%22b&gclid=1&ttclid=2"}}`, agent))}
		found, _ := door.Find(&e, &event.Envelope{}, all(), "en")
		again, err := later.Context(bytes.Clone(found.Record))
		if err != nil || string(again.Raw()) != string(found.Context.Raw()) {
			t.Errorf("%s: %s, %v; at the door it was %s", agent, again.Raw(), err, found.Context.Raw())
		}
		if canonical := jsondoc.AppendCanonical(nil, again); string(canonical) != string(again.Raw()) {
			t.Errorf("not canonical: %s", again.Raw())
		}
	}
}

func TestFind_BoundsWhatItRemembers(t *testing.T) {
	t.Parallel()
	var f enrich.Finder
	r := rand.New(rand.NewPCG(1, 2))
	for range 30_000 {
		e := event.Event{Context: value(t, fmt.Sprintf(`{"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/%d.%d"}`, r.Uint32(), r.Uint32()))}
		if found, _ := f.Find(&e, &event.Envelope{}, all(), ""); len(found.Record) == 0 {
			t.Fatal("nothing was found")
		}
	}
	if n := enrich.Remembered(&f); n > 2*4096 {
		t.Errorf("%d texts are remembered", n)
	}
}

func FuzzExpand(f *testing.F) {
	var finder enrich.Finder
	for _, agent := range []string{firefox, iphone, google} {
		found, _ := finder.Find(&event.Event{Context: value(f, fmt.Sprintf(`{"userAgent":%q,"page":{"url":"/?gclid=1&utm_source=x"}}`, agent))}, &event.Envelope{}, all(), "en")
		f.Add(found.Record)
	}
	f.Add([]byte{10, 3, 'a', 0, 'b'})
	f.Add([]byte{17, 2, '1', '.'})
	f.Fuzz(func(t *testing.T, record []byte) {
		text, err := enrich.Expand(record)
		if err != nil {
			return
		}
		if _, err := jsondoc.Parse(text, jsondoc.DefaultLimits()); err != nil {
			t.Fatalf("%q became %s: %v", record, text, err)
		}
	})
}

func FuzzFind(f *testing.F) {
	f.Add(firefox, "https://s/?utm_source=a&gclid=%20", "de,en", "192.0.2.1")
	f.Add("", "?", "", "")
	f.Fuzz(func(t *testing.T, agent, url, languages, ip string) {
		text := append(jsondoc.AppendString([]byte(`{"userAgent":`), agent), `,"page":{"url":`...)
		text = append(jsondoc.AppendString(text, url), `}}`...)
		doc, err := jsondoc.Parse(text, jsondoc.DefaultLimits())
		if err != nil {
			return
		}
		var finder enrich.Finder
		found, _ := finder.Find(&event.Event{Context: doc.Root()}, &event.Envelope{IP: ip}, all(), languages)
		if len(found.Record) == 0 {
			return
		}
		if again, err := enrich.Expand(found.Record); err != nil || string(again) != string(found.Context.Raw()) {
			t.Fatalf("%q: %s, %v", found.Record, again, err)
		}
	})
}

// The event of bench ingest.
func BenchmarkFind(b *testing.B) {
	var f enrich.Finder
	e := event.Event{Context: value(b, `{"channel":"web","locale":"en-IE","timezone":"Europe/Dublin","userAgent":"`+firefox+`","screen":{"width":1920,"height":1080,"density":2},`+
		`"campaign":{"name":"spring-sale","source":"google","medium":"cpc"},"page":{"path":"/p/1","url":"https://shop.example.com/p/1","title":"1","referrer":"https://www.google.com/"}}`)}
	env, o := event.Envelope{}, all()
	b.ReportAllocs()
	for b.Loop() {
		f.Find(&e, &env, o, "")
	}
}
