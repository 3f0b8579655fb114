package app_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/app"
)

// secretOfJane is what must never be in an answer to a public key.
const secretOfJane = "very-private-note"

// prepareClaims makes a person of whom nearly nothing is public, and what of it
// decides about places, experiences and experiments. It gives the ids of
// browsers that Sitecore's dialect made: a stranger's.
func prepareClaims(t *testing.T, a *app.App) (browser string) {
	t.Helper()
	api := func(path, body string) {
		t.Helper()
		if status, _, text := call(t, "PUT", a.URL()+"/api/v1"+path+"?wait=applied", body, bearer()...); status != 201 {
			t.Fatalf("PUT %s: %d %s", path, status, text)
		}
	}
	api("/placements/hero", `{"public":true,"fallback":{"title":"public-fallback"}}`)
	api("/placements/inside", `{"fallback":{"title":"`+secretOfJane+`"}}`)
	api("/offers/rich", `{"content":{"hero":{"*":{"title":"`+secretOfJane+`"}}},"eligibility":{"when":"person.traits.income > 100"}}`)
	api("/experiences/greeting", `{"type":"interactive","public":true,"fallback":{"title":"public-fallback"},"variants":[{"key":"a","response":"{\"note\": \"{{ person.traits.note }}\", \"city\": \"{{ person.traits.city }}\"}"}]}`)
	api("/experiences/private", `{"type":"interactive","variants":[{"key":"a","content":{"*":{"title":"`+secretOfJane+`"}}}]}`)
	api("/public-data/default", `{"traits":["city"]}`)
	api("/experiments/shown", `{"name":"shown","state":"running","public":true,"variants":[{"key":"a","value":"public-a"},{"key":"b","value":"public-b"}],"audience":{"condition":"profile.traits.income > 100"},"default":"public-default"}`)
	api("/experiments/private", `{"name":"private","state":"running","variants":[{"key":"a","value":"`+secretOfJane+`"},{"key":"b","value":"`+secretOfJane+`"}]}`)
	batch(t, a, `{"type":"identify","userId":"jane","anonymousId":"jane-phone","messageId":"m1","traits":{"email":"jane@x.example","note":"`+secretOfJane+`","city":"Graz","income":90017}}`)
	status, _, text := call(t, "GET", a.URL()+"/v1.2/browser/create.json?client_key="+writeKey, "")
	_, rest, _ := strings.Cut(text, `"ref":"`)
	if browser, _, _ = strings.Cut(rest, `"`); status != 201 && status != 200 || browser == "" {
		t.Fatalf("%d %s", status, text)
	}
	return browser
}

// TestClaims_APublicKeyLearnsNothingInAnyDialect asks every door that answers
// decisions in the name of somebody else, with ids that were made up, with too
// much, and for what is not there: each time the answer is a fallback or what
// everybody gets, and nothing of a profile.
func TestClaims_APublicKeyLearnsNothingInAnyDialect(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	browser := prepareClaims(t, a)
	large := strings.Repeat("x", 20<<10)
	flows := a.URL() + "/v1/personalize?sitecoreContextId=" + writeKey
	flags := a.URL() + "/ofrep/v1/evaluate/flags"
	beacon := a.URL() + "/api2/event/" + writeKey
	key := []string{"Authorization", "Bearer " + writeKey}
	type try struct {
		url, body string
		status    int
		want      string // is in the answer or its reason
	}
	tries := map[string]try{
		"decide: forged browser":      {a.URL() + "/v1/decide", `{"anonymousId":"made-up","placements":["hero"],"experiences":["greeting"]}`, 200, "public-fallback"},
		"decide: forged user":         {a.URL() + "/v1/decide", `{"userId":"made-up","placements":["hero"]}`, 200, "public-fallback"},
		"decide: unknown place":       {a.URL() + "/v1/decide", `{"userId":"jane","placements":["nowhere"],"experiences":["nothing"]}`, 200, "unknown_placement"},
		"decide: private place":       {a.URL() + "/v1/decide", `{"userId":"jane","placements":["inside"]}`, 200, "unknown_placement"},
		"decide: private experience":  {a.URL() + "/v1/decide", `{"userId":"jane","experiences":["private"]}`, 200, "unknown_experience"},
		"decide: large context":       {a.URL() + "/v1/decide", `{"userId":"jane","placements":["hero"],"context":{"x":"` + large + `"}}`, 200, "context_too_large"},
		"decide: large params":        {a.URL() + "/v1/decide", `{"userId":"jane","placements":["hero"],"params":{"x":"` + large + `"}}`, 200, "context_too_large"},
		"decide: large body":          {a.URL() + "/v1/decide", `{"userId":"jane","x":"` + strings.Repeat(large, 15) + `"}`, 200, "context_too_large"},
		"decide: nobody":              {a.URL() + "/v1/decide", `{"placements":["hero"]}`, 200, "unidentified"},
		"decide: expression":          {a.URL() + "/v1/decide", `{"userId":"jane","placements":["hero"],"params":{"name":"{{ person.traits.note }}"}}`, 200, "public-fallback"},
		"decide: private experiment":  {a.URL() + "/v1/decide", `{"userId":"jane","experiments":["private"]}`, 200, "unknown_experiment"},
		"decide: audience":            {a.URL() + "/v1/decide", `{"userId":"jane","experiments":["shown"]}`, 200, "not_in_audience"},
		"ofrep: jane":                 {flags + "/shown", `{"context":{"targetingKey":"jane"}}`, 200, "public-default"},
		"ofrep: jane by her e-mail":   {flags + "/shown", `{"context":{"targetingKey":"email:jane@x.example"}}`, 200, "public-default"},
		"ofrep: private":              {flags + "/private", `{"context":{"targetingKey":"jane"}}`, 404, "FLAG_NOT_FOUND"},
		"ofrep: unknown":              {flags + "/nothing", `{"context":{"targetingKey":"jane"}}`, 404, "FLAG_NOT_FOUND"},
		"ofrep: nobody":               {flags + "/shown", `{"context":{}}`, 400, "TARGETING_KEY_MISSING"},
		"ofrep: large context":        {flags + "/shown", `{"context":{"targetingKey":"jane","x":"` + strings.Repeat(large, 4) + `"}}`, 400, "PARSE_ERROR"},
		"ofrep: all":                  {flags, `{"context":{"targetingKey":"jane"}}`, 200, "public-default"},
		"sitecore: e-mail":            {flows, `{"friendlyId":"greeting","email":"jane@x.example","channel":"WEB"}`, 200, `"city": "Graz"`},
		"sitecore: provider":          {flows, `{"friendlyId":"greeting","identifiers":{"id":"jane","provider":"user_id"},"channel":"WEB"}`, 200, `"city": "Graz"`},
		"sitecore: a browser":         {flows, `{"friendlyId":"greeting","browserId":"` + browser + `","channel":"WEB"}`, 200, `"city": `},
		"sitecore: a forged browser":  {flows, `{"friendlyId":"greeting","browserId":"jane-phone","channel":"WEB"}`, 200, "unidentified"},
		"sitecore: private":           {flows, `{"friendlyId":"private","email":"jane@x.example","channel":"WEB"}`, 200, "unknown_experience"},
		"sitecore: unknown":           {flows, `{"friendlyId":"nothing","email":"jane@x.example","channel":"WEB"}`, 200, "unknown_experience"},
		"sitecore: large params":      {flows, `{"friendlyId":"greeting","email":"jane@x.example","params":{"x":"` + large + `"}}`, 200, "context_too_large"},
		"sitecore: large body":        {flows, `{"friendlyId":"greeting","x":"` + strings.Repeat(large, 4) + `"}`, 200, ""},
		"evergage: jane":              {beacon, `{"action":"x","user":{"id":"jane"}}`, 200, `"campaignResponses":[]`},
		"evergage: jane by an e-mail": {beacon, `{"action":"x","user":{"identities":{"emailAddress":"jane@x.example"},"anonId":"0123456789abcdef"}}`, 200, `"campaignResponses":[]`},
		"evergage: forged id":         {beacon, `{"action":"x","user":{"encryptedId":"AAAAAAAAAAAAAAAAAAAAAAAA"}}`, 400, "missing_identifier"},
	}
	for _, who := range []string{
		`"userId":"jane"`, `"email":"jane@x.example"`, `"userId":"jane","anonymousId":"thief"`, `"anonymousId":"jane-phone"`,
		`"identifiers":[{"namespace":"user_id","value":"jane"}]`,
	} {
		tries["decide: "+who] = try{a.URL() + "/v1/decide", "{" + who + `,"placements":["hero"],"experiences":["greeting"],"experiments":["shown"]}`, 200, "public-fallback"}
	}
	for name, c := range tries {
		status, h, text := call(t, "POST", c.url, c.body, key...)
		if all := text + h.Get("Rapport-Reason"); status != c.status || !strings.Contains(all, c.want) {
			t.Errorf("%s: %d %s %s, want %d with %s", name, status, h.Get("Rapport-Reason"), text, c.status, c.want)
		}
		for _, private := range []string{secretOfJane, "90017", "jane@x.example", "income", "public-a", "public-b"} {
			if strings.Contains(text, private) && !strings.Contains(c.body, private) { // what it said itself comes back
				t.Errorf("%s: the answer has %q: %s", name, private, text)
			}
		}
	}
	// By beacon, as browsers send it.
	status, h, text := call(t, "GET", flows+"&message="+url.QueryEscape(`{"friendlyId":"greeting","email":"jane@x.example"}`), "")
	if status != 200 || strings.Contains(text, secretOfJane) {
		t.Errorf("sitecore, GET: %d %v %s", status, h, text)
	}
	// A server of the company sees what these do not: the test could fail.
	status, _, text = call(t, "POST", a.URL()+"/v1/decide", `{"userId":"jane","placements":["hero"],"experiences":["greeting"],"experiments":["shown"]}`, bearer()...)
	if status != 200 || strings.Count(text, secretOfJane) != 2 || !strings.Contains(text, "public-a") && !strings.Contains(text, "public-b") {
		t.Error(fmt.Sprint("by a secret key: ", status, " ", text))
	}
}
