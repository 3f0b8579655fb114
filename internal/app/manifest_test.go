package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/manifest"
)

// everyKind writes one definition of each kind.
func everyKind(t *testing.T, a asker) {
	t.Helper()
	for _, d := range [][2]string{
		{"/trait-schema", `{"traits":{"plan":{"type":"string"}}}`},
		{"/reconciliation", `{"default":{"rule":"most_frequent"}}`},
		{"/rfm", `{"recency_days":[10,20,30,40],"frequency":[2,3,5,10],"monetary":{"*":[50,150,400,1000]}}`},
		{"/consent-policy", `{"purposes":[{"key":"marketing","name":"Offers"}]}`},
		{"/broadcast-rules", `{"approval":true}`},
		{"/entity-types/loyalty_card", `{"name":"Loyalty card","fields":{"points":{"type":"integer"}}}`},
		{"/tracking-plans/shop", `{"unplanned":"warn","events":[{"name":"Order Completed"}]}`},
		{"/processing-statement", `{"controller":{"name":"Shop Ltd","contact":"privacy@example.org"},"people":["Customers"]}`},
		{"/retention-policies/pages", `{"types":["page"],"keep_days":90,"purpose":"Measuring the shop"}`},
		{"/sources/web", `{"name":"Web","kind":"web","tracking_plan":"shop","sample_rate":0.5}`},
		{"/suppressions/no-mail", `{"name":"No e-mail","channel":"email"}`},
		{"/webhooks/desk", `{"source":"web","mapping":"{type: \"track\", event: \"Ticket Opened\", userId: body.customer}","verify":{"kind":"hmac","header":"X-Sign","secret":"shared-secret-of-desk"}}`},
		{"/import-mappings/crm", `{"kind":"user","columns":[{"column":"Nr","to":"user_id"}]}`},
		{"/import-pulls/crm", `{"every":"24h","paused":true,"mapping":"crm","http":{"url":"https://crm.example/x.csv","auth":"bearer"},"secret":"token-of-crm"}`},
		{"/computed-traits/spent", `{"value":{"order":{},"sum":{"currency":"EUR"},"within":"365d"}}`},
		{"/affinities/category", `{"dimension":"category","half_life":"30d","weights":[{"when":{"event":"Product Viewed"},"points":1}]}`},
		{"/segments/zz-base", `{"name":"Base","condition":{"event":"Order Completed"}}`},
		{"/segments/above", `{"name":"Above","condition":{"segment":"zz-base"}}`},
		{"/connections/weather", `{"url":"https://weather.example/w?city={city}","parameters":["city"],"auth":{"kind":"key","header":"X-Key","secret":"key-of-weather"},"fallback":{"degrees":0}}`},
		{"/predictive-models/churn?options=" + `%7B%22inputs%22:%5B%7B%22name%22:%22plan%22,%22open%22:true%7D%5D%7D`, churn},
		{"/placements/hero", `{"count":2,"public":true,"fallback":{"title":"Welcome"}}`},
		{"/offers/basic", `{"priority":1,"content":{"*":{"*":{"title":"For\neverybody: 12 "}}}}`},
		{"/experiences/hello", `{"type":"interactive","public":true,"fallback":{"text":"hello"},"variants":[{"key":"a","content":{"*":{"text":"yes"}}}]}`},
		{"/public-data/default", `{"segments":["above"],"traits":[]}`},
		{"/experiments/checkout", `{"name":"One page","state":"running","variants":[{"key":"control"},{"key":"treatment","value":{"steps":1.50}}],"metrics":[{"key":"bought","event":"Order Completed","window":"7d","lookback":"14d"}]}`},
		{"/destinations/mail", `{"type":"email","broadcasts":true,"alerts":true,"settings":{"host":"mail.example","port":587,"user":"u","password":"password-of-mail","from":"Shop <news@shop.example>","to":"{{ identifiers.email }}"},"consent":{"purpose":"marketing","channel":"email"}}`},
		{"/alerts/silent", `{"name":"The shop is silent","when":{"source_silent":{"sources":["default"]}},"send_to":["mail"]}`},
		{"/broadcasts/spring", `{"name":"Spring","segment":"above","destination":"mail","content":{"subject":"Spring","text":"Look {{ unsubscribe_url }}"}}`},
	} {
		status, _, text := call(t, "PUT", a.URL()+"/api/v1"+d[0], d[1], bearer()...)
		if status/100 != 2 {
			t.Errorf("PUT %s: %d %s", d[0], status, text)
		}
	}
	a.api("PUT", "/decision-models/about", about, 201, asXML...)
	a.api("PUT", "/decision-models/about/settings", `{"keep":{},"consent":{"purpose":"marketing"}}`, 200)
	a.api("PUT", "/decision-models/about/test-cases", `{"cases":[{"name":"gold","inputs":{"plan":"gold"},"expected":{"Offer":"x"}}]}`, 200)
	rules, _ := a.api("GET", "/identity/rules", "", 200)
	if rules["document"] == nil {
		t.Fatal("no identity rules")
	}
	_, _, text := call(t, "GET", a.URL()+"/api/v1/identity/rules", "", bearer()...)
	_, document, _ := strings.Cut(text, `"document":`)
	if status, _, text := call(t, "PUT", a.URL()+"/api/v1/identity/rules", strings.TrimSuffix(strings.TrimSpace(document), "}"), bearer()...); status != 201 {
		t.Fatalf("identity rules: %d %s", status, text)
	}
}

var secretsOfKinds = []string{"shared-secret-of-desk", "token-of-crm", "key-of-weather", "password-of-mail"}

// reachable are settings with which mails can have links that lead back.
func reachable(t *testing.T) config.Config {
	c := settings(t, t.TempDir())
	c.HTTP.PublicURL = "https://shop.example"
	return c
}

func clientOf(a *app.App) *manifest.Client {
	return &manifest.Client{Base: a.URL(), Key: secretKey, HTTP: http.DefaultClient}
}

// compared tells what it takes to make the instance as the folder says.
func compared(t *testing.T, c *manifest.Client, folder string, o manifest.Options) ([]manifest.Change, []string) {
	t.Helper()
	is, err := c.Fetch(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := manifest.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	changes := manifest.Compare(is, want, o)
	var words []string
	for _, ch := range changes {
		words = append(words, fmt.Sprint(ch.Verb, " ", ch.Object.Name(), " ", ch.Lines))
	}
	return changes, words
}

func TestManifest_EveryKindGoesRound(t *testing.T) {
	first := open(t, reachable(t))
	everyKind(t, asker{t, first})
	folder := t.TempDir()
	all, err := clientOf(first).Fetch(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	written, _, err := manifest.Save(folder, all, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range manifest.KindNames() {
		if !slices.ContainsFunc(written, func(name string) bool { return strings.HasPrefix(name, kind) }) {
			t.Errorf("the kind %s is not carried: %v", kind, written)
		}
	}
	for _, name := range written {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secretsOfKinds {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has a secret in it", name)
			}
		}
	}
	if _, words := compared(t, clientOf(first), folder, manifest.Options{}); len(words) > 0 {
		t.Fatalf("after export: %s", strings.Join(words, "\n"))
	}
	if again, _, err := manifest.Save(folder, all, nil); err != nil || len(again) > 0 {
		t.Errorf("a second export writes %v, %v", again, err)
	}
	// Into an instance that has nothing, with the secrets from the environment.
	for i, file := range []string{"webhooks/desk.yaml", "import-pulls/crm.yaml", "connections/weather.yaml", "destinations/mail.yaml"} {
		t.Setenv(fmt.Sprint("MANIFEST_SECRET_", i), secretsOfKinds[i])
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.ReplaceAll(string(text), "'"+manifest.Mask+"'", manifest.Mask))
		text = []byte(strings.ReplaceAll(string(text), `"`+manifest.Mask+`"`, manifest.Mask))
		if err := os.WriteFile(filepath.Join(folder, file), []byte(strings.ReplaceAll(string(text), manifest.Mask, fmt.Sprintf("${env:MANIFEST_SECRET_%d}", i))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	second := open(t, reachable(t))
	changes, _ := compared(t, clientOf(second), folder, manifest.Options{})
	if err := clientOf(second).Apply(t.Context(), changes, "moved", func(manifest.Change) {}); err != nil {
		t.Fatal(err)
	}
	if _, words := compared(t, clientOf(second), folder, manifest.Options{}); len(words) > 0 {
		t.Fatalf("after apply: %s", strings.Join(words, "\n"))
	}
	all, err = clientOf(second).Fetch(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := manifest.Save(folder, all, nil); err != nil || len(again) > 0 {
		t.Errorf("an export of the second writes %v, %v", again, err)
	}
	reconcile(t, second, folder)
}

// reconcile changes, takes away and adds in the folder.
func reconcile(t *testing.T, a *app.App, folder string) {
	t.Helper()
	edit := func(name, from, to string) {
		path := filepath.Join(folder, name)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), from) {
			t.Fatalf("%v: %s", err, text)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("segments/zz-base.yaml", "Order Completed", "Cart Viewed")
	edit("offers/basic.yaml", "status: live", "status: draft")
	for _, gone := range []string{"segments/above.yaml", "public-data/default.yaml", "suppressions/no-mail.yaml", "rfm.yaml", "broadcasts/spring.yaml"} {
		if err := os.Remove(filepath.Join(folder, gone)); err != nil {
			t.Fatal(err)
		}
	}
	_, words := compared(t, clientOf(a), folder, manifest.Options{})
	if !slices.Contains(words, `update segments/zz-base [/condition/event: "Order Completed" → "Cart Viewed"]`) || !slices.Contains(words, "keep segments/above []") {
		t.Errorf("%s", strings.Join(words, "\n"))
	}
	changes, _ := compared(t, clientOf(a), folder, manifest.Options{Delete: true})
	if err := clientOf(a).Apply(t.Context(), changes, "", func(manifest.Change) {}); err != nil {
		t.Fatal(err)
	}
	if _, words = compared(t, clientOf(a), folder, manifest.Options{Delete: true}); !slices.Equal(words, []string{"keep broadcasts/spring []"}) {
		t.Errorf("what is left: %s", strings.Join(words, "\n"))
	}
}
