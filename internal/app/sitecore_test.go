package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/app"
)

// guestAPI asks the Interactive API of an instance.
type guestAPI struct {
	*testing.T
	*app.App
}

func (g guestAPI) ask(method, path, body string, want int) map[string]any {
	g.T.Helper()
	status, _, text := call(g.T, method, g.URL()+path, body, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(writeKey+":"+secretKey)))
	if status != want {
		g.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, text)
	}
	out := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			g.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	if status >= 400 && (out["status"] != float64(want) || out["message"] == "" || out["developerMessage"] == "") {
		g.Errorf("%s %s: no error as documented: %s", method, path, text)
	}
	return out
}

func (g guestAPI) stream(body string) {
	g.T.Helper()
	if status, h, text := call(g.T, "POST", g.URL()+"/v1.2/events?wait=applied&sitecoreContextId="+writeKey, body); status != 201 || h.Get("Rapport-Applied") != "yes" {
		g.Fatalf("%s: %d %v %s", body, status, h, text)
	}
}

// has checks members of an answer.
func (g guestAPI) has(got map[string]any, want string) {
	g.T.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(want), &members); err != nil {
		g.Fatal(err)
	}
	for name, value := range members {
		if a, b := fmt.Sprint(got[name]), fmt.Sprint(value); a != b {
			g.Errorf("%s is %s, want %s", name, a, b)
		}
	}
}

func TestSitecore_GuestsAreMadeFoundChangedAndErased(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	made := g.ask("POST", "/v2.1/guests", `{"email":"Ann@Example.com","firstName":"Ann","street":["A 1"],"identifiers":[{"provider":"CRM","id":"C-1"}],"extensions":[{"name":"ext","key":"default","tier":"gold","visits":3}]}`, 201)
	ref := made["ref"].(string)
	g.has(made, `{"guestType":"customer","firstName":"Ann","street":["A 1"],"email":"Ann@Example.com"}`)
	if !strings.HasSuffix(made["href"].(string), "/v2.1/guests/"+ref) || len(ref) != 36 {
		t.Errorf("made %v", made)
	}
	for _, path := range []string{"?email=ann@example.com", "?identifiers.provider=crm&identifiers.id=C-1", "?firstName=ann", "?lastName=&expand=true&sort=createdAt::DESC"} {
		list := g.ask("GET", "/v2/guests"+path, "", 200)
		items := list["items"].([]any)
		if len(items) != 1 || list["limit"] != 10.0 || !strings.HasSuffix(items[0].(map[string]any)["href"].(string), "/v2/guests/"+ref) {
			t.Errorf("%s: %v", path, list)
		}
	}
	if list := g.ask("GET", "/v2/guests?email=nobody@example.com", "", 200); len(list["items"].([]any)) != 0 {
		t.Errorf("nobody is found: %v", list)
	}
	g.has(g.ask("POST", "/v2/guests/"+ref, `{"lastName":"Low","city":"Graz"}`, 200), `{"firstName":"Ann","lastName":"Low","city":"Graz"}`)
	g.has(g.ask("PATCH", "/v2.1/guests/"+ref, `{"city":null}`, 200), `{"lastName":"Low","city":null}`)
	g.has(g.ask("PUT", "/v2.1/guests/"+ref, `{"email":"ann@example.com","firstName":"Anna"}`, 200), `{"firstName":"Anna","lastName":null,"street":null}`)
	g.has(g.ask("GET", "/v2.1/guests/"+ref+"/extensions/ext", "", 200), `{"name":"ext","key":"default","tier":"gold","visits":3}`)
	g.has(g.ask("PATCH", "/v2.1/guests/"+ref+"/extensions/ext", `{"visits":4}`, 200), `{"tier":"gold","visits":4}`)
	g.has(g.ask("PUT", "/v2.1/guests/"+ref+"/extensions/ext", `{"visits":5}`, 200), `{"tier":null,"visits":5}`)
	g.ask("POST", "/v2/guests/"+ref+"/extLoyalty", `{"key":"default","points":7}`, 201)
	if list := g.ask("GET", "/v2.1/guests/"+ref+"/extensions?expand=true", "", 200); len(list["items"].([]any)) != 2 {
		t.Errorf("extensions %v", list)
	}
	g.ask("DELETE", "/v2.1/guests/"+ref+"/extensions/ext", "", 204)
	g.ask("GET", "/v2.1/guests/"+ref+"/extensions/ext", "", 404)

	nameless := g.ask("POST", "/v2/guests", `{"firstName":"Ben"}`, 201)
	g.has(g.ask("GET", nameless["href"].(string)[len(g.URL()):], "", 200), `{"firstName":"Ben","identifiers":[]}`)

	g.ask("DELETE", "/v2/guests/"+ref, "", 204)
	waitFor(t, func() bool {
		status, _, _ := call(t, "GET", g.URL()+"/api/v1/profiles/email:ann@example.com", "", bearer()...)
		return status == 404 || status == 410
	})
	g.ask("GET", "/v2/guests/"+ref, "", 404)
}

func TestSitecore_RefusesAsDocumented(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v2/guests/11111111-1111-4111-8111-111111111111", "", 404},
		{"GET", "/v2/guests/x", "", 404},
		{"GET", "/v2/guests?limit=0", "", 400},
		{"GET", "/v2/guests?limit=101", "", 400},
		{"GET", "/v2/guests?offset=-1", "", 400},
		{"GET", "/v2/guests?sort=a::UP", "", 400},
		{"GET", "/v2/guests?identifiers.id=1", "", 400},
		{"POST", "/v2/guests", `{"email":1}`, 400},
		{"POST", "/v2/guests", `{"identifiers":{}}`, 400},
		{"POST", "/v2/guests", `{"extensions":[{"name":"other","a":1}]}`, 400},
		{"POST", "/v2/guests", `{"extensions":[{"name":"ext","a":{}}]}`, 400},
		{"POST", "/v2/guests", `[]`, 400},
		{"POST", "/v2/guests", `{`, 400},
		{"GET", "/v2/orders", "", 400},
		{"GET", "/v2/orders/none", "", 404},
		{"DELETE", "/v2/orders/none", "", 404},
		{"POST", "/v2/orders", `{}`, 400},
		{"POST", "/v2/orders", `{"referenceId":"o","status":"NEW"}`, 400},
		{"POST", "/v2/orders", `{"referenceId":"o","price":"free"}`, 400},
		{"GET", "/v2/orderItems/none", "", 404},
		{"GET", "/v2/guestContexts", "", 400},
		{"GET", "/v2/guestContexts?browserRef=none", "", 404},
		{"PUT", "/v2/guests", `{}`, 405},
		{"GET", "/v2/nothing", "", 404},
	} {
		g.ask(c.method, c.path, c.body, c.status)
	}
	for name, header := range map[string]string{
		"none": "", "bearer": "Bearer " + secretKey, "swapped": "Basic " + base64.StdEncoding.EncodeToString([]byte(secretKey+":"+writeKey)),
		"write key twice": "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":"+writeKey)),
	} {
		if status, h, text := call(t, "GET", g.URL()+"/v2/guests", "", "Authorization", header); status != 401 || h.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, _, text := call(t, "POST", g.URL()+"/v2/guests", "<a/>", "Content-Type", "text/xml", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(writeKey+":"+secretKey))); status != 415 {
		t.Errorf("XML: %d %s", status, text)
	}
}

func TestSitecore_OrdersSessionsAndTheContextOfAGuest(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	const browser = "22222222-2222-4222-8222-222222222222"
	day := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	event := func(minute int, rest string) {
		at := day.Add(time.Duration(minute) * time.Minute).UTC().Format(time.RFC3339)
		g.stream(`{"browser_id":"` + browser + `","channel":"WEB","language":"EN","currency":"EUR","pos":"spain","requested_at":"` + at + `",` + rest + `}`)
	}
	event(0, `"type":"VIEW","page":"home"`)
	event(5, `"type":"ADD","product":{"item_id":"i1","productId":"p1","price":9.5,"quantity":2}`)
	event(60, `"type":"VIEW","page":"cart"`)
	event(61, `"type":"CHECKOUT","reference_id":"web-1","status":"CONFIRMED"`)
	event(62, `"type":"FORCE_CLOSE"`)
	event(63, `"type":"IDENTITY","email":"eve@example.com"`)
	all := g.ask("GET", "/v2/guestContexts?browserRef="+browser, "", 200)
	ref := all["ref"].(string)
	g.has(all, `{"guestType":"customer","email":"eve@example.com"}`)
	var got []string
	for _, s := range all["sessions"].([]any) {
		m := s.(map[string]any)
		got = append(got, fmt.Sprintf("%v %v %v %d %v", m["cartType"], m["status"], m["duration"], len(m["events"].([]any)), m["firstPageURI"]))
	}
	if want := "BROWSED CLOSED 0 1 <nil>, CONVERTED CLOSED 120 3 cart, ABANDONED CLOSED 300 2 home"; strings.Join(got, ", ") != want {
		t.Errorf("sessions %v, want %s", got, want)
	}
	orders := all["orders"].([]any)
	if len(orders) != 1 {
		t.Fatalf("orders %v", orders)
	}
	g.has(orders[0].(map[string]any), `{"ref":"web-1","referenceId":"web-1","status":"CONFIRMED","price":19,"currencyCode":"EUR"}`)

	order := g.ask("POST", "/v2/orders?guestRef="+ref, `{"referenceId":"pos/7","orderedAt":"2024-10-01T09:00:00Z","pointOfSale":"spain","channel":"BRANCH","status":"PURCHASED","currencyCode":"EUR","price":30,"paymentType":"Cash","orderItems":[{"type":"HAT","productId":"h1","name":"Hat","price":30,"quantity":1}]}`, 201)
	g.has(order, `{"ref":"pos/7","orderedAt":"2024-10-01T09:00:00.000Z","channel":"BRANCH","status":"PURCHASED","price":30,"paymentType":"Cash"}`)
	path := order["href"].(string)[len(g.URL()):]
	g.ask("POST", "/v2/orders?guestRef="+ref, `{"referenceId":"pos/7"}`, 409)
	g.has(g.ask("POST", path, `{"cardType":"none","price":31}`, 200), `{"price":31,"cardType":"none","paymentType":"Cash"}`)
	g.ask("POST", path, `{"referenceId":"other"}`, 400)
	made := g.ask("POST", path+"/orderItems", `{"productId":"s1","name":"Scarf","price":5,"quantity":2}`, 201)
	one := made["href"].(string)[len(g.URL()):]
	g.has(g.ask("GET", one, "", 200), `{"productId":"s1","name":"Scarf","quantity":2}`)
	g.has(g.ask("POST", one, `{"quantity":3}`, 200), `{"productId":"s1","quantity":3}`)
	if list := g.ask("GET", path+"/orderItems?limit=1", "", 200); len(list["items"].([]any)) != 1 || list["next"] == nil {
		t.Errorf("items %v", list)
	}
	g.ask("DELETE", one, "", 204)
	g.ask("GET", one, "", 404)
	if list := g.ask("GET", "/v2/orders?guestRef="+ref+"&sort=orderedAt::ASC&expand=true", "", 200); len(list["items"].([]any)) != 2 || list["items"].([]any)[0].(map[string]any)["ref"] != "pos/7" {
		t.Errorf("orders %v", list)
	}
	linked := g.ask("POST", path+"/contacts", `{"email":"max@example.com","firstName":"Max"}`, 201)
	guest := linked["guest"].(map[string]any)["href"].(string)[len(g.URL()):]
	g.has(g.ask("GET", guest, "", 200), `{"firstName":"Max"}`)
	g.ask("DELETE", path, "", 204)
	g.ask("GET", path, "", 404)
	list := g.ask("GET", "/v2.1/guests/"+ref+"/sessions?limit=2", "", 200)
	if len(list["items"].([]any)) != 2 {
		t.Errorf("sessions %v", list)
	}
	first := list["items"].([]any)[0].(map[string]any)["href"].(string)[len(g.URL()):]
	g.has(g.ask("GET", first, "", 200), `{"cartType":"BROWSED","guestRef":"`+ref+`"}`)
}

// waitFor asks until it is so; no result depends on how long that takes.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to be")
		}
	}
}
