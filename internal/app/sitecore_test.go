package app_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
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
	g.Helper()
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
	g.Helper()
	if status, h, text := call(g.T, "POST", g.URL()+"/v1.2/events?wait=applied&sitecoreContextId="+writeKey, body); status != 201 || h.Get("Rapport-Applied") != "yes" {
		g.Fatalf("%s: %d %v %s", body, status, h, text)
	}
}

// has checks members of an answer.
func (g guestAPI) has(got map[string]any, want string) {
	g.Helper()
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
		{"POST", "/v2/guests", `{"extensions":[{"name":"ext"` + manyValues(101) + `}]}`, 400},
		{"POST", "/v2/guests", `{"extensions":[{"name":"ext","key":"default"` + manyValues(100) + `}]}`, 201},
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
		"none": "", "bearer": "Bearer " + writeKey, "bearer of nobody": "Bearer rp_at_AAAA", "swapped": "Basic " + base64.StdEncoding.EncodeToString([]byte(secretKey+":"+writeKey)),
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

// manyValues are so many members of an object.
func manyValues(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	return b.String()
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
	// Each with its SESSION_CLOSE.
	if want := "BROWSED CLOSED 0 2 <nil>, CONVERTED CLOSED 120 4 cart, ABANDONED CLOSED 300 3 home"; strings.Join(got, ", ") != want {
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

// file announces, uploads and waits for a batch, and gives its last state and
// the codes and messages of its log.
func (g guestAPI) batch(ref string, lines ...string) (map[string]any, []string) {
	g.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write([]byte(strings.Join(lines, "\n")))
	_ = zip.Close()
	sum := md5.Sum(packed.Bytes())
	made := g.ask("PUT", "/v2/batches/"+ref, fmt.Sprintf(`{"checksum":"%x","size":%d}`, sum, packed.Len()), 200)
	g.has(made["status"].(map[string]any), `{"code":"uploading"}`)
	if status, _, text := call(g.T, "PUT", made["location"].(map[string]any)["href"].(string), packed.String(),
		"x-amz-server-side-encryption", "AES256", "Content-Md5", base64.StdEncoding.EncodeToString(sum[:])); status != 200 {
		g.Fatalf("upload: %d %s", status, text)
	}
	return g.finished(ref)
}

func (g guestAPI) finished(ref string) (map[string]any, []string) {
	g.Helper()
	var state map[string]any
	waitFor(g.T, func() bool {
		state = g.ask("GET", "/v2/batches/"+ref, "", 200)
		return state["status"].(map[string]any)["code"] != "processing"
	})
	var log []string
	if href, ok := state["status"].(map[string]any)["log"].(string); ok {
		_, _, text := call(g.T, "GET", href, "")
		unzip, err := gzip.NewReader(strings.NewReader(text))
		if err != nil {
			g.Fatal(err)
		}
		all, err := io.ReadAll(unzip)
		if err != nil {
			g.Fatal(err)
		}
		for line := range strings.Lines(string(all)) {
			var l struct {
				Ref, Message string
				Code         int
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				g.Fatal(err)
			}
			log = append(log, fmt.Sprint(l.Ref, " ", l.Code, " ", l.Message))
		}
	}
	return state, log
}

func TestSitecore_ABatchIsWorkedThroughAndLogged(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	guests := []string{
		`{"ref":"r1","schema":"guest","mode":"upsert","value":{"email":"a@example.com","firstName":"A","extensions":[{"name":"ext","key":"default","tier":"gold"}]}}`,
		`{"ref":"r2","schema":"guest","mode":"insert","value":{"identifiers":[{"provider":"CRM","id":"2"}],"lastName":"B"}}`,
		`{"ref":"r3","schema":"guest","mode":"upsert","value":{"email":"a@example.com","firstName":"A2"}}`,
		`{"ref":"r4","schema":"guest","mode":"insert","value":{"email":"a@example.com"}}`,
		`{"ref":"r5","schema":"guest","mode":"merge","value":{"email":"none@example.com"}}`,
		`{"ref":"r6","schema":"guest","mode":"delete","value":{"email":"none@example.com"}}`,
		`{"ref":"r7","schema":"guest","mode":"swap","value":{"email":"a@example.com"}}`,
		`{"ref":"r8","schema":"guest","mode":"upsert","value":{"firstName":"Nobody"}}`,
		`{"ref":"r9","schema":"flow","value":{}}`,
		`{"ref":"r10",`, ``,
		`{"ref":"r11","schema":"guest","value":{"email":"` + strings.Repeat("x", 1<<20) + `"}}`,
		`{"ref":"r12","schema":"order","mode":"insert","value":{"referenceId":"o1","orderedAt":"2025-05-01T10:00:00Z","status":"PURCHASED","currencyCode":"EUR","price":7.5,"contact":{"email":"a@example.com"},"orderItems":[{"productId":"p","price":7.5,"quantity":1}]}}`,
		`{"ref":"r13","schema":"order","mode":"insert","value":{"referenceId":"o2"}}`,
	}
	state, log := g.batch("11111111-0000-4000-8000-000000000001", guests...)
	g.has(state["status"].(map[string]any), `{"code":"success"}`)
	want := []string{
		"r1 200 ok", "r2 200 ok", "r3 200 ok", "r4 409 a guest with this identity exists already", "r5 404 guest not found", "r6 404 guest not found",
		"r7 402 the mode \"swap\" is not possible for a guest", "r8 400 no identifier names a person: there is none",
		"r9 400 line 9 has the schema \"flow\"; send guest or order", "", " 400 line 12 has more than 1048576 bytes", "r12 200 ok",
		"r13 400 identity information missing: the contact has neither an e-mail address nor identifiers",
	}
	if len(log) != len(want) {
		t.Fatalf("log %q", log)
	}
	for i := range want {
		if want[i] != "" && log[i] != want[i] {
			t.Errorf("line %d of the log: %s, want %s", i, log[i], want[i])
		}
	}
	g.has(state["result"].(map[string]any), `{"lines":13,"changed":4,"unchanged":0,"failed":9}`)
	found := g.ask("GET", "/v2/guests?email=a@example.com&expand=true", "", 200)["items"].([]any)
	g.has(found[0].(map[string]any), `{"firstName":"A2"}`)
	if orders := g.ask("GET", "/v2/orders?guestRef="+found[0].(map[string]any)["ref"].(string), "", 200)["items"].([]any); len(orders) != 1 {
		t.Errorf("orders %v", orders)
	}

	// The same again, all upserts: nothing changes, and the log says so.
	before := sums(t, g.App)
	again := []string{
		strings.ReplaceAll(guests[2], "A2", "A2"), strings.Replace(guests[1], "insert", "upsert", 1),
		strings.Replace(guests[12], "insert", "upsert", 1),
	}
	state, log = g.batch("11111111-0000-4000-8000-000000000002", again...)
	if fmt.Sprint(log) != "[r3 200 unchanged r2 200 unchanged r12 200 unchanged]" {
		t.Errorf("again %q", log)
	}
	g.has(state["result"].(map[string]any), `{"unchanged":3,"changed":0,"failed":0}`)
	if after := sums(t, g.App); after["received"] != before["received"] {
		t.Errorf("received %v, before %v", after, before)
	}
	// A guest that comes twice ends as the last line says, and deleting works.
	_, log = g.batch("11111111-0000-4000-8000-000000000003",
		`{"ref":"x","schema":"guest","value":{"email":"twice@example.com","firstName":"1"}}`, `{"ref":"y","schema":"guest","value":{"email":"twice@example.com","firstName":"2"}}`,
		`{"ref":"z","schema":"guest","mode":"delete","value":{"email":"a@example.com"}}`,
		`{"ref":"d","schema":"guest","mode":"delete","value":{"email":"a@example.com"}}`,
		`{"ref":"u","schema":"guest","mode":"upsert","value":{"email":"a@example.com","firstName":"A2"}}`)
	const later = "403 action not allowed: a line before deletes the guest; send it again in a later batch"
	if fmt.Sprint(log) != "[x 200 ok y 200 ok z 200 ok d 404 guest not found u "+later+"]" {
		t.Errorf("twice %q", log)
	}
	// Of an order the lines count in their order, also where they name no contact.
	var steps []string
	for i := range 40 {
		for _, step := range []string{`"insert","value":{"contact":{"email":"twice@example.com"},"price":1,`, `"patch","value":{"status":"CANCELLED",`, `"patch","value":{"status":"REFUNDED",`} {
			steps = append(steps, fmt.Sprintf(`{"ref":"s","schema":"order","mode":%s"referenceId":"step-%d"}}`, step, i))
		}
	}
	_, log = g.batch("11111111-0000-4000-8000-000000000004", steps...)
	if i := slices.IndexFunc(log, func(l string) bool { return l != "s 200 ok" }); i >= 0 {
		t.Errorf("step %d: %s", i, log[i])
	}
	twice := g.ask("GET", "/v2/guests?email=twice@example.com", "", 200)["items"].([]any)[0].(map[string]any)["href"].(string)
	for _, o := range g.ask("GET", "/v2/orders?expand=true&limit=100&guestRef="+twice[strings.LastIndex(twice, "/")+1:], "", 200)["items"].([]any) {
		g.has(o.(map[string]any), `{"status":"REFUNDED"}`)
	}
	found = g.ask("GET", "/v2/guests?email=twice@example.com&expand=true", "", 200)["items"].([]any)
	g.has(found[0].(map[string]any), `{"firstName":"2"}`)
	waitFor(t, func() bool {
		return len(g.ask("GET", "/v2/guests?email=a@example.com", "", 200)["items"].([]any)) == 0
	})
	g.has(g.ask("GET", "/v2/batches/inspect?status=success&limit=2", "", 200), `{"totalCount":4,"limit":2}`)
}

func TestSitecore_ABatchThatIsDamagedIsRefused(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	const ref = "22222222-0000-4000-8000-000000000001"
	sum := fmt.Sprintf("%x", md5.Sum([]byte("hello")))
	for _, body := range []string{`{}`, `{"checksum":"x","size":5}`, `{"checksum":"` + sum + `","size":0}`, `{"checksum":"` + sum + `","size":60000000}`} {
		g.ask("PUT", "/v2/batches/"+ref, body, 400)
	}
	g.ask("PUT", "/v2/batches/none", `{}`, 400)
	g.ask("GET", "/v2/batches/"+ref, "", 404)
	made := g.ask("PUT", "/v2/batches/"+ref, `{"checksum":"`+sum+`","size":5}`, 200)
	g.ask("PUT", "/v2/batches/"+ref, `{"checksum":"`+sum+`","size":5}`, 200)
	g.ask("PUT", "/v2/batches/"+ref, `{"checksum":"`+sum+`","size":6}`, 409)
	to := made["location"].(map[string]any)["href"].(string)
	if status, _, text := call(t, "PUT", to+"0", "hello"); status != 403 {
		t.Errorf("a forged address: %d %s", status, text)
	}
	if status, _, text := call(t, "PUT", to, "hello", "Content-Md5", "AAAA"); status != 400 {
		t.Errorf("a body that was damaged on its way: %d %s", status, text)
	}
	if status, _, text := call(t, "PUT", to, "jello"); status != 200 {
		t.Errorf("another file: %d %s", status, text)
	}
	g.has(g.ask("GET", "/v2/batches/"+ref, "", 200)["status"].(map[string]any), `{"code":"corrupted"}`)

	// A file that is no gzip, and one that ends too early.
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write([]byte(`{"ref":"r1","schema":"guest","value":{"email":"cut@example.com"}}` + "\n" + strings.Repeat("x", 100)))
	_ = zip.Close()
	for i, file := range []string{"hello", packed.String()[:packed.Len()-4]} {
		want := []string{"[ 400 the file is not gzip]", "[r1 200 ok  400 the file is damaged after line 1]"}[i]
		ref := fmt.Sprintf("22222222-0000-4000-8000-00000000001%d", i)
		made := g.ask("PUT", "/v2/batches/"+ref, fmt.Sprintf(`{"checksum":"%x","size":%d}`, md5.Sum([]byte(file)), len(file)), 200)
		if status, _, text := call(t, "PUT", made["location"].(map[string]any)["href"].(string), file); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		state, log := g.finished(ref)
		g.has(state["status"].(map[string]any), `{"code":"error"}`)
		if fmt.Sprint(log) != want {
			t.Errorf("log %q, want %s", log, want)
		}
	}
	if found := g.ask("GET", "/v2/guests?email=cut@example.com", "", 200)["items"].([]any); len(found) != 1 {
		t.Errorf("the guest before the damage: %v", found)
	}
}

func TestSitecore_ABatchGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	a := open(t, c)
	g := guestAPI{t, a}
	const ref, count = "33333333-0000-4000-8000-000000000001", 9_000
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	for i := range count {
		fmt.Fprintf(zip, `{"ref":"%d","schema":"guest","mode":"upsert","value":{"email":"g%d@example.com","firstName":"N%d"}}`+"\n", i, i, i)
	}
	_ = zip.Close()
	made := g.ask("PUT", "/v2/batches/"+ref, fmt.Sprintf(`{"checksum":"%x","size":%d}`, md5.Sum(packed.Bytes()), packed.Len()), 200)
	if status, _, text := call(t, "PUT", made["location"].(map[string]any)["href"].(string), packed.String()); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	waitFor(t, func() bool { return sums(t, a)["stored"] > 0 })
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.App = open(t, c)
	state, log := g.finished(ref)
	g.has(state["status"].(map[string]any), `{"code":"success"}`)
	if len(log) != count {
		t.Errorf("the log has %d lines, want %d", len(log), count)
	}
	if got := sums(t, g.App); got["stored"] != count {
		t.Errorf("sums %v, want %d stored", got, count)
	}
}

// TestSitecore_AClaimedIdentityIsShownNothing lets a stranger claim the e-mail
// address of somebody: what the public addresses answer is the same as before,
// and says nothing of that person.
func TestSitecore_AClaimedIdentityIsShownNothing(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	victim := g.ask("POST", "/v2/guests", `{"email":"victim@example.com","firstName":"Vic","identifiers":[{"provider":"crm","id":"V-1"}]}`, 201)
	get := func(path string) (int, string) {
		status, _, text := call(t, "GET", g.URL()+path+"client_key="+writeKey, "")
		return status, text
	}
	_, text := get("/v1.2/browser/create.json?")
	var made struct {
		Ref string `json:"ref"`
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	show := "/v1.2/browser/" + made.Ref + "/show.json?"
	_, before := get(show)
	g.stream(`{"type":"IDENTITY","browser_id":"` + made.Ref + `","email":"victim@example.com"}`)
	_, after := get(show)
	if before != after || strings.Contains(after, victim["ref"].(string)) {
		t.Errorf("show answers %s, before the claim %s", after, before)
	}
	for _, path := range []string{"/v2/guests?email=victim@example.com&", "/v2/guestContexts?browserRef=" + made.Ref + "&", "/v2/guests/" + victim["ref"].(string) + "?"} {
		if status, text := get(path); status != 401 || strings.Contains(text, "Vic") {
			t.Errorf("%s with the public key alone: %d %s", path, status, text)
		}
	}
}
