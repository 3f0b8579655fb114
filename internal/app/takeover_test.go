package app_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/app"
)

// claim is one way to say with a public key that one is somebody else, and to
// ask for what is known.
type claim struct {
	method, path, body string
	headers            []string
	status             int
}

// claims are those of every dialect, by its name. A %s in a path stands for a
// browser id of the attacker's own.
func claims() map[string][]claim {
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "User-Agent", "Mozilla/5.0"}
	key := "?wait=applied&client_key=" + writeKey
	secret := []string{"Authorization", "Bearer " + writeKey}
	basic := []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":"+writeKey))}
	asked := "event=" + url.QueryEscape(`{"action":"x","user":{"anonId":"cccccccccccccccc","identities":{"emailAddress":"jane@shop.example"}}}`)
	coded := base64.StdEncoding.EncodeToString([]byte(`{"userId":"jane","anonymousId":"dev-8","event":"Looked","messageId":"t8","writeKey":"` + writeKey + `"}`))
	return map[string][]claim{
		"segment": {
			{"POST", "/v1/identify?wait=applied", `{"userId":"jane","anonymousId":"dev-1","messageId":"t1","writeKey":"` + writeKey + `"}`, nil, 200},
			{"POST", "/v1/identify?wait=applied", `{"anonymousId":"dev-2","traits":{"email":"jane@shop.example"},"messageId":"t2","writeKey":"` + writeKey + `"}`, nil, 200},
			{"POST", "/v1/alias?wait=applied", `{"userId":"mallory","previousId":"jane","messageId":"t3","writeKey":"` + writeKey + `"}`, nil, 200},
			{"POST", "/v1/batch?wait=applied", `{"batch":[{"type":"track","event":"x","anonymousId":"dev-3","messageId":"t4","context":{"externalIds":[{"type":"user_id","id":"jane","collection":"users"}]}}],"writeKey":"` + writeKey + `"}`, nil, 200},
			{"GET", "/v1/pixel/track?data=" + url.QueryEscape(coded), "", nil, 200},
			{"GET", "/v1/projects/" + writeKey + "/settings", "", nil, 200},
		},
		"sitecore": {
			{"GET", "/v1.2/browser/create.json" + key, "", nil, 201},
			{"POST", "/v1.2/events?wait=applied&sitecoreContextId=" + writeKey, `{"type":"IDENTITY","browser_id":"%s","email":"jane@shop.example","identifiers":[{"provider":"user_id","id":"jane"}]}`, nil, 201},
			{"GET", "/v1.2/browser/%s/show.json" + key, "", nil, 200},
			{"GET", "/v1.2/event/create.json" + key + "&message=" + url.QueryEscape(`{"type":"IDENTITY","browser_id":"%s","email":"jane@shop.example"}`), "", nil, 201},
			{"GET", "/v2/guests" + key + "&email=jane@shop.example", "", nil, 401},
			{"GET", "/v2/guests" + key + "&email=jane@shop.example", "", basic, 401},
			{"GET", "/v2/guestContexts" + key + "&browserRef=%s", "", basic, 401},
		},
		"evergage": {
			{"POST", "/api2/event/" + writeKey + "?wait=applied", `{"action":"x","user":{"id":"jane"}}`, nil, 200},
			{"POST", "/api2/event/" + writeKey + "?wait=applied", `{"action":"x","user":{"anonId":"aaaaaaaaaaaaaaaa","attributes":{"emailAddress":"jane@shop.example"}}}`, nil, 200},
			{"POST", "/api2/event/" + writeKey + "?wait=applied", asked, form, 200},
			{"GET", "/pr?.top=9&_ds=" + writeKey + "&userId=jane&.anonId=bbbbbbbbbbbbbbbb&wait=applied", "", nil, 200},
			{"POST", "/api2/authevent/" + writeKey, `{"action":"x","user":{"id":"jane"}}`, basic, 401},
			{"GET", "/api/dataset/" + writeKey + "/user/jane", "", basic, 401},
		},
		"data cloud": {
			{"POST", "/web/events/" + writeKey + "?wait=applied", `{"events":[{"eventType":"identity","category":"Profile","deviceId":"d1","userId":"jane","email":"jane@shop.example","eventId":"w1","dateTime":"2026-03-01T08:00:00Z","sessionId":"s1"}]}`, nil, 200},
			{"POST", "/api/v1/ingest/sources/" + writeKey + "/Orders", `{"data":[{"id":"jane"}]}`, secret, 401},
		},
		"own": {
			{"GET", "/api/v1/profiles/user_id:jane", "", secret, 401},
			{"GET", "/api/v1/profiles/email:jane@shop.example/timeline", "", secret, 401},
			{"GET", "/api/v1/profiles/user_id:jane/identity?write_key=" + writeKey, "", basic, 401},
			{"POST", "/api/v1/decision-models/risk/evaluate", `{"profile":"user_id:jane"}`, secret, 401},
			{"POST", "/api/v1/decision-models/risk/evaluate?write_key=" + writeKey, `{"profile":"anonymous_id:dev-1"}`, nil, 401},
			{"POST", "/api/v1/privacy/requests", `{"type":"access","identifiers":["user_id:jane"]}`, secret, 401},
		},
	}
}

// TestTakeOver_NobodyIsShownWhatSomebodyElseIs claims, in every dialect and with
// nothing but the public key, a user id and an e-mail address of somebody else.
// The claims link, for analytics; no answer holds any of 20 private values, nor
// the person's id.
func TestTakeOver_NobodyIsShownWhatSomebodyElseIs(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	private, profile := victim(t, a)
	_, _, text := call(t, "GET", a.URL()+"/v1.2/browser/create.json?client_key="+writeKey, "")
	var browser struct{ Ref string }
	if err := json.Unmarshal([]byte(text), &browser); err != nil || browser.Ref == "" {
		t.Fatalf("%s: %v", text, err)
	}
	tried, shown := 0, 0
	for dialect, list := range claims() {
		for _, c := range list {
			path := strings.ReplaceAll(strings.ReplaceAll(c.path, "%s", browser.Ref), "%25s", browser.Ref)
			status, header, text := call(t, c.method, a.URL()+path, strings.ReplaceAll(c.body, "%s", browser.Ref), c.headers...)
			if tried++; status != c.status {
				t.Errorf("%s: %s %s: %d, want %d: %s", dialect, c.method, path, status, c.status, text)
			}
			head, err := json.Marshal(header)
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range append(private, profile) {
				if strings.Contains(text, value) || strings.Contains(string(head), value) {
					shown++
					t.Errorf("%s: %s %s shows %s: %s", dialect, c.method, path, value, text)
				}
			}
		}
	}
	// They linked: it was not for want of a claim that nothing was shown.
	for _, ref := range []string{"anonymous_id:dev-1", "anonymous_id:dev-2", "anonymous_id:aaaaaaaaaaaaaaaa"} {
		if status, _, text := call(t, "GET", a.URL()+"/api/v1/profiles/"+ref, "", bearer()...); status != 200 || !strings.Contains(text, `"value":"jane"`) {
			t.Errorf("%s is not linked to whom it claimed to be: %d %s", ref, status, text)
		}
	}
	t.Logf("%d claims in %d dialects, %d private values shown", tried, len(claims()), shown)
}

// victim makes somebody with 20 private values, and gives these and the id.
func victim(t *testing.T, a *app.App) (private []string, id string) {
	t.Helper()
	var traits []string
	for n := range 20 {
		value := "private-" + string(rune('a'+n)) + "-9k3"
		private = append(private, value)
		traits = append(traits, `"secret_`+string(rune('a'+n))+`":"`+value+`"`)
	}
	batch(t, a, `{"type":"identify","userId":"jane","messageId":"v1","traits":{"email":"jane@shop.example",`+strings.Join(traits[:19], ",")+`}}`,
		`{"type":"track","userId":"jane","messageId":"v2","event":"Bought","properties":{`+traits[19]+`}}`)
	asker{t, a}.api("PUT", "/segments/known", `{"name":"Known","condition":{"identifier":"email"}}`, 201)
	_, _, text := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:jane", "", bearer()...)
	var p struct{ ID string }
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.ID == "" {
		t.Fatalf("%s: %v", text, err)
	}
	return private, p.ID
}
