package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
	"time"

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

// TestEvergage_ExportsAndErasesUsers reads a person as Personalization exports
// it, by each of its names, and erases it by a list.
func TestEvergage_ExportsAndErasesUsers(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	asker{t, a}.api("PUT", "/segments/known", `{"name":"Known","condition":{"identifier":"email"}}`, 201)
	for _, body := range []string{
		`{"action":"Home","source":{"channel":"Web","url":"https://s.example/?utm_source=mail&utm_medium=email","urlReferrer":"https://www.g.example/x","locale":"de_AT"},"user":{"id":"jane","anonId":"0123456789abcdef","attributes":{"age":41,"emailAddress":"jane@x.example"}}}`,
		`{"itemAction":"Purchase","order":{"Product":{"orderId":"O1","totalValue":5,"currency":"EUR"}},"user":{"id":"jane"}}`,
		`{"action":"Home","user":{"anonId":"ffffffffffffffff"}}`,
	} {
		if status, _, text := call(t, "POST", a.URL()+"/api2/event/"+writeKey+"?wait=applied", body); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	at := a.URL() + "/api/dataset/" + writeKey
	first := ""
	for _, name := range []string{"jane", "0123456789abcdef", "jane@x.example"} {
		status, _, text := call(t, "GET", at+"/user/"+url.PathEscape(name), "", bearer()...)
		if first == "" {
			first = text
		}
		if status != 200 || text != first {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	var user struct {
		UserSummary struct {
			ID string `json:"_id"`
		}
		Anonymous   bool
		NamedUserID string
		AnonAliases []string
		Attributes  []struct {
			Name    string
			Value   any
			Updated int64
		}
		OrderHistory []struct {
			ID, Currency string
			Total        float64
		}
		VisitHistory []struct {
			Start, LastEventTime int64
			VisitIndex           int
		}
		PageLocale                  string
		OriginatingReferrer         map[string]string
		FirstActivity, LastActivity int64
	}
	if err := json.Unmarshal([]byte(first), &user); err != nil {
		t.Fatal(err)
	}
	if user.UserSummary.ID == "" || user.Anonymous || user.NamedUserID != "jane" || len(user.AnonAliases) != 1 || len(user.Attributes) != 2 ||
		user.Attributes[0].Name != "age" || user.Attributes[0].Updated == 0 || len(user.OrderHistory) != 1 || user.OrderHistory[0].ID != "O1" || user.OrderHistory[0].Total != 5 ||
		len(user.VisitHistory) != 1 || user.VisitHistory[0].VisitIndex != 1 || user.PageLocale != "de_AT" ||
		user.OriginatingReferrer["domain"] != "g.example" || user.OriginatingReferrer["source"] != "mail" || user.FirstActivity == 0 || user.LastActivity < user.FirstActivity {
		t.Errorf("exported %s", first)
	}
	for path, want := range map[string]int{"/user/nobody": 404, "/users.json": 400, "/users.json?filter=none": 404, "/users.json?filter=known&page=-1": 400} {
		if status, _, text := call(t, "GET", at+path, "", bearer()...); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for _, path := range []string{"/user/jane", "/users.json?filter=known"} {
		if status, _, text := call(t, "GET", at+path, ""); status != 401 || strings.Contains(text, "jane") {
			t.Errorf("without a key: %d %s", status, text)
		}
	}
	for csv, want := range map[string]struct {
		status int
		text   string
	}{
		"user\nx\n":                              {400, "missing_column"},
		"\"name\nx":                              {400, "invalid_csv"},
		"":                                       {400, "invalid_csv"},
		"\ufeffname,x\r\njane,1\r\nnobody,2\r\n": {200, "Deleted 1 users (2 requested)"},
	} {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		file, err := w.CreateFormFile("file", "users.csv")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = file.Write([]byte(csv))
		_ = w.Close()
		status, h, text := call(t, "POST", at+"/users/delete", form.String(), append(bearer(), "Content-Type", w.FormDataContentType())...)
		if status != want.status || !strings.Contains(text, want.text) {
			t.Errorf("%q: %d %s", csv, status, text)
		}
		if status == 200 {
			erased(t, a, h.Get("Rapport-Privacy-Requests"))
		}
	}
	if status, _, text := call(t, "GET", at+"/user/jane", "", bearer()...); status != 404 {
		t.Errorf("after she was erased: %d %s", status, text)
	}
	if status, _, text := call(t, "GET", at+"/user/ffffffffffffffff", "", bearer()...); status != 200 || !strings.Contains(text, `"anonymous":true`) {
		t.Errorf("somebody else: %d %s", status, text)
	}
}

// erased waits until a privacy request is done.
func erased(t *testing.T, a *app.App, request string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for range again.C {
		out, _ := asker{t, a}.api("GET", "/privacy/requests/"+request, "", 200)
		if out["state"] == "done" {
			return
		}
		if out["state"] == "failed" || t.Context().Err() != nil {
			t.Fatalf("the request ended as %v", out)
		}
	}
}
