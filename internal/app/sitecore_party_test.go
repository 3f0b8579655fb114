package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestSitecore_AnOrderHasContactsAndConsumers(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	own := func(v any) string { return v.(map[string]any)["href"].(string)[len(g.URL()):] }
	g.ask("POST", "/v2/orders", `{"referenceId":"trip","status":"PURCHASED","consumers":[{"firstName":"Early"}]}`, 201)
	for _, version := range []string{"/v2", "/v2.1"} {
		at := version + "/orders/trip"
		contact := g.ask("POST", at+"/contacts", `{"email":"payer@example.com","firstName":"Pay"}`, 201)
		g.has(contact, `{"firstName":"Pay","email":"payer@example.com"}`)
		if got := g.ask("GET", at, "", 200)["guest"]; fmt.Sprint(got) != fmt.Sprint(contact["guest"]) {
			t.Errorf("the order is for %v, its contact is %v", got, contact["guest"])
		}
		known := g.ask("POST", at+"/consumers", `{"firstName":"Kim","identifiers":[{"provider":"crm","id":"kim`+version[2:]+`"}]}`, 201)
		g.has(g.ask("GET", own(known["guest"]), "", 200), `{"firstName":"Kim"}`)
		g.has(g.ask("GET", own(any(known)), "", 200), `{"firstName":"Kim"}`)
		// What a consumer says of itself later is shown, and the order has no copy.
		g.ask("POST", "/v2/guests/"+known["guest"].(map[string]any)["ref"].(string), `{"firstName":"Kimberly"}`, 200)
		g.has(g.ask("GET", own(any(known)), "", 200), `{"firstName":"Kimberly"}`)
		g.has(g.ask("POST", at+"/consumers", `{"firstName":"Somebody","seat":"4C"}`, 201), `{"firstName":"Somebody","seat":"4C","guest":null}`)
	}
	list := g.ask("GET", "/v2.1/orders/trip/consumers?expand=true&sort=firstName::DESC&limit=3", "", 200)
	var names []string
	for _, one := range list["items"].([]any) {
		names = append(names, fmt.Sprint(one.(map[string]any)["firstName"]))
	}
	if strings.Join(names, " ") != "Somebody Somebody Kimberly" || list["next"] == nil {
		t.Errorf("consumers %v", list)
	}
	g.has(g.ask("GET", "/v2/orders/trip/consumers/0", "", 200), `{"firstName":"Early","ref":"0"}`)
	g.ask("GET", "/v2/orders/trip/consumers/none", "", 404)
	g.ask("GET", "/v2/orders/none/consumers", "", 404)
	g.ask("POST", "/v2/orders/trip/contacts", `{"firstName":"Nobody"}`, 400)
	g.ask("POST", "/v2/orders/trip/consumers", `[]`, 400)
	g.ask("PUT", "/v2.1/orders/trip/consumers", `{}`, 405)
}

func TestSitecore_ListsSortNumbersAsNumbers(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	ref := g.ask("POST", "/v2/guests", `{"email":"sort@example.com"}`, 201)["ref"].(string)
	for name, price := range map[string]string{"a": "9", "b": "10", "c": "-2.5", "d": ""} {
		if price != "" {
			price = `,"price":` + price
		}
		if name == "b" {
			price += `,"paymentType":"card"`
		}
		g.ask("POST", "/v2/orders?guestRef="+ref, `{"referenceId":"`+name+`"`+price+`}`, 201)
	}
	for sort, want := range map[string]string{"price::ASC": "cdab", "price::DESC": "badc", "price": "cdab", "paymentType::ASC|price::ASC": "bcda", "none::DESC|referenceId::DESC": "dcba"} {
		got := ""
		for _, one := range g.ask("GET", "/v2/orders?expand=true&guestRef="+ref+"&sort="+url.QueryEscape(sort), "", 200)["items"].([]any) {
			got += one.(map[string]any)["ref"].(string)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", sort, got, want)
		}
	}
}

// A guest has at most 6 extensions with 100 values each, however they came.
func TestSitecore_ExtensionsEndAtTheirLimits(t *testing.T) {
	t.Parallel()
	g := guestAPI{t, open(t, settings(t, t.TempDir()))}
	made := g.ask("POST", "/v2.1/guests", `{"email":"ext@example.com","extensions":[{"name":"ext"`+manyValues(99)+`}]}`, 201)
	at := "/v2.1/guests/" + made["ref"].(string)
	g.ask("PATCH", at+"/extensions/ext", `{"last":1}`, 200)
	g.ask("PATCH", at+"/extensions/ext", `{"k1":"another"}`, 200)
	refused := g.ask("PATCH", at+"/extensions/ext", `{"more":1}`, 400)
	if !strings.HasPrefix(fmt.Sprint(refused["developerMessage"]), "invalid_extension") {
		t.Errorf("%v", refused)
	}
	g.ask("PATCH", at, `{"extensions":[{"name":"ext","more":1}]}`, 400)
	g.ask("POST", "/v2.1/guests", `{"email":"ext@example.com","extensions":[{"name":"ext","more":1}]}`, 400)
	g.ask("PATCH", at+"/extensions/ext", `{"k1":null,"more":1}`, 200)
	g.ask("PUT", at+"/extensions/ext", `{"only":1}`, 200)
	for i := range 5 {
		g.ask("PATCH", fmt.Sprintf("%s/extensions/ext%d", at, i+1), `{"v":1}`, 200)
	}
	full := g.ask("PATCH", at+"/extensions/ext6", `{"v":1}`, 400)
	if !strings.HasPrefix(fmt.Sprint(full["developerMessage"]), "too_many_extensions") {
		t.Errorf("%v", full)
	}
	_, log := g.batch("11111111-0000-4000-8000-00000000ee01",
		`{"ref":"r1","schema":"guest","mode":"upsert","value":{"email":"ext@example.com","extensions":[{"name":"ext6","v":1}]}}`,
		`{"ref":"r2","schema":"guest","mode":"upsert","value":{"email":"ext@example.com","extensions":[{"name":"ext","v":1}]}}`)
	if len(log) != 2 || !strings.HasPrefix(log[0], "r1 400 the guest would have 7 extensions") || log[1] != "r2 200 ok" {
		t.Errorf("log %q", log)
	}
}

// An access token opens the Interactive and Batch APIs with what it may, and ends
// with its key.
func TestSitecore_TakesAccessTokens(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	made := api(t, a, "POST", "/keys", `{"name":"a client","scopes":["read","write"]}`, 201)
	id, secret := made["id"].(string), made["secret"].(string)
	token := func(path, scope string) string {
		status, _, text := call(t, "POST", a.URL()+path, "grant_type=client_credentials&scope="+url.QueryEscape(scope), "Content-Type", "application/x-www-form-urlencoded",
			"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
		var v struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		return v.Token
	}
	whole, reads := token("/v2/oauth/token", "read write"), token("/services/oauth2/token", "read")
	for _, c := range []struct {
		name, header, method, path, body string
		want                             int
	}{
		{"good", "Bearer " + whole, "POST", "/v2/guests", `{"email":"token@example.com"}`, 201},
		{"good", "Bearer " + whole, "POST", "/v2.1/orders", `{"referenceId":"by-token"}`, 201},
		{"good", "Bearer " + whole, "PUT", "/v2/batches/22222222-0000-4000-8000-000000000001", `{"checksum":"d41d8cd98f00b204e9800998ecf8427e","size":5}`, 200},
		{"in small letters", "bearer " + whole, "GET", "/v2/guests?email=token@example.com", "", 200},
		{"in the place of the API token", "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":"+whole)), "GET", "/v2/guests", "", 200},
		{"that may read", "Bearer " + reads, "GET", "/v2/orders/by-token", "", 200},
		{"that may only read", "Bearer " + reads, "POST", "/v2/guests", `{"email":"other@example.com"}`, 403},
		{"that may only read", "Bearer " + reads, "DELETE", "/v2.1/orders/by-token", "", 403},
		{"forged", "Bearer " + whole + "x", "GET", "/v2/guests", "", 401},
		{"empty", "Bearer ", "GET", "/v2/guests", "", 401},
	} {
		if status, _, text := call(t, c.method, a.URL()+c.path, c.body, "Authorization", c.header, "Content-Type", "application/json"); status != c.want {
			t.Errorf("a token %s, %s %s: %d %s", c.name, c.method, c.path, status, text)
		}
	}
	if status, _, text := call(t, "DELETE", a.URL()+"/api/v1/keys/"+id, "", bearer()...); status != 204 {
		t.Fatalf("%d %s", status, text)
	}
	if status, _, text := call(t, "GET", a.URL()+"/v2/guests", "", "Authorization", "Bearer "+whole); status != 401 {
		t.Errorf("of a revoked key: %d %s", status, text)
	}
}
