package app_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/app"
)

// TestEvergage_ABrowserIsKnownAgainAlsoAfterARebuild lets a visitor name
// herself, come back with what the browser keeps of her, buy, and reads the
// same person after a rebuild.
func TestEvergage_ABrowserIsKnownAgainAlsoAfterARebuild(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	a := open(t, c)
	at := a.URL() + "/api2/event/" + writeKey + "?wait=applied"
	plain := []string{"Content-Type", "application/x-www-form-urlencoded", "User-Agent", "Mozilla/5.0"}
	status, h, text := call(t, "POST", at, "event="+url.QueryEscape(`{"action":"Sign In","source":{"channel":"Web"},`+
		`"user":{"anonId":"0123456789abcdef","identities":{"emailAddress":"jane@x.example"}}}`), plain...)
	var reply struct{ PersistedUserID struct{ EntityID string } }
	if err := json.Unmarshal([]byte(text), &reply); err != nil || status != 200 || h.Get("Rapport-Applied") != "yes" || reply.PersistedUserID.EntityID == "" {
		t.Fatalf("%d %v %s: %v", status, h, text, err)
	}
	back := `{"interaction":{"name":"Purchase","order":{"id":"O1","totalValue":5,"currency":"EUR"}},"user":{"anonId":"fedcba9876543210","encryptedId":"` + reply.PersistedUserID.EntityID + `"}}`
	if status, _, text := call(t, "GET", at+"&event="+url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(back))), "", plain...); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	ping := a.URL() + "/pr?wait=applied&.top=900&_ds=" + writeKey + "&.anonId=0123456789abcdef"
	if status, _, text := call(t, "POST", ping, "", plain...); status != 200 || text != "" {
		t.Fatalf("%d %q", status, text)
	}
	person := func(a *app.App) string {
		status, _, text := call(t, "GET", a.URL()+"/api/v1/profiles/anonymous_id:fedcba9876543210", "", bearer()...)
		if status != 200 || !strings.Contains(text, `"event_count":3`) || !strings.Contains(text, `"value":"jane@x.example"`) || !strings.Contains(text, `"order_total":{"EUR":5}`) {
			t.Fatalf("%d %s", status, text)
		}
		return text
	}
	want := person(a)
	if got := sums(t, a); got["received"] != 3 || got["stored"] != 3 {
		t.Errorf("the sums are %v", got)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := app.Rebuild(t.Context(), c, app.Parts{}, nil); err != nil {
		t.Fatal(err)
	}
	if got := person(open(t, c)); got != want {
		t.Errorf("after a rebuild\n%s\nbefore\n%s", got, want)
	}
}

// TestEvergage_APublicKeyLearnsNothingOfAProfile claims to be somebody else by
// every name that the dialect knows: the answers hold nothing of that person.
func TestEvergage_APublicKeyLearnsNothingOfAProfile(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	const private = "very-private"
	batch(t, a, `{"type":"identify","userId":"jane","messageId":"m1","traits":{"email":"jane@x.example","note":"`+private+`"}}`)
	for _, user := range []string{
		`{"id":"jane"}`, `{"identities":{"emailAddress":"jane@x.example"}}`, `{"identities":{"customerId":"jane"},"anonId":"a"}`,
		`{"attributes":{"emailAddress":"jane@x.example"},"anonId":"a"}`,
	} {
		status, _, text := call(t, "POST", a.URL()+"/api2/event/"+writeKey+"?wait=applied", `{"action":"x","user":`+user+`}`)
		if status != 200 || strings.Contains(text, private) {
			t.Errorf("%s: %d %s", user, status, text)
		}
	}
	for _, path := range []string{"/api2/authevent/" + writeKey, "/api/v1/ingest/sources/" + writeKey + "/Orders"} {
		for _, key := range [][]string{nil, {"Authorization", "Bearer " + writeKey}, {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":"+writeKey))}} {
			if status, _, text := call(t, "POST", a.URL()+path, `{"action":"x","user":{"id":"jane"}}`, key...); status != 401 {
				t.Errorf("%s with %v: %d %s", path, key, status, text)
			}
		}
	}
}
