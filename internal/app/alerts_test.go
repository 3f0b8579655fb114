package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/app"
)

// Whoever an alert names hears of trouble once and that it is tried, by webhook
// and by mail; the history says what came of it.
func TestAlerts_AreSentByTheDestinationsThatThereAre(t *testing.T) {
	t.Parallel()
	box, port := newPostbox(t)
	hook := listen(t, func(n int) int { return map[bool]int{true: 400, false: 200}[n == 0] })
	c := settings(t, t.TempDir())
	c.Egress.Allow = "127.0.0.1"
	a := open(t, c)
	mail := fmt.Sprintf(`{"type":"email","settings":{"host":"127.0.0.1","port":%d,"security":"none","from":"Rapport <rapport@ops.example>","to":"ops@ops.example","unsubscribe":"no"}`, port)
	api(t, a, "PUT", "/destinations/ops-mail?wait=applied", mail+`,"events":{"names":["Nothing"]}}`, 400) // it has no subject
	api(t, a, "PUT", "/destinations/ops-mail?wait=applied", mail+`,"alerts":true}`, 201)
	api(t, a, "PUT", "/destinations/ops-hook?wait=applied", fmt.Sprintf(`{"type":"webhook","settings":{"url":%q,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},"alerts":true}`, hook.URL), 201)
	api(t, a, "PUT", "/destinations/crm?wait=applied", fmt.Sprintf(`{"type":"webhook","settings":{"url":%q,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},"events":{}}`, hook.URL), 201)

	alert := func(to string) string {
		return `{"name":"No backups","for":"0s","when":{"finding":{"codes":["no_backup"],"severity":"notice"}},"send_to":["ops-mail",` + to + `]}`
	}
	for to, code := range map[string]string{`"nobody"`: "unknown_destination", `"crm"`: "no_alerts"} {
		if text := fmt.Sprint(api(t, a, "PUT", "/alerts/backups", alert(to), 400)); !strings.Contains(text, code) {
			t.Errorf("to %s: %s", to, text)
		}
	}
	api(t, a, "PUT", "/alerts/backups?wait=applied", alert(`"ops-hook"`), 201)

	for range 3 {
		standing := api(t, a, "GET", "/alert-standing", "", 200)["items"].([]any)
		if len(standing) != 1 || !strings.Contains(fmt.Sprint(standing[0]), "no_backup") {
			t.Fatalf("standing: %v", standing)
		}
	}
	read := func() string {
		select {
		case raw := <-box.mails:
			return string(raw)
		case <-time.After(20 * time.Second):
			t.Fatalf("no mail comes: %v", api(t, a, "GET", "/alert-history", "", 200))
			return ""
		}
	}
	if m := read(); !strings.Contains(m, "Subject: [fired] No backups") || !strings.Contains(m, "To: <ops@ops.example>") || !strings.Contains(m, "Alert: backups (fired)") {
		t.Errorf("mail:\n%s", m)
	}
	// The webhook refused the first for good, and hears the next.
	<-hook.news
	api(t, a, "POST", "/alerts/backups/test", "", 202)
	got := hook.wait(t, 1)
	said, _ := got[0]["alert"].(map[string]any)
	if got[0]["kind"] != "alert" || said["state"] != "test" || said["alert"] != "backups" || said["told"] != nil {
		t.Errorf("webhook: %v", got)
	}
	if m := read(); !strings.Contains(m, "Subject: [test] No backups") {
		t.Errorf("mail:\n%s", m)
	}
	every, limit := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer every.Stop()
	defer limit.Stop()
	for {
		text := fmt.Sprint(api(t, a, "GET", "/alert-history?alert=backups", "", 200)["items"])
		if strings.Count(text, "outcome:delivered") == 3 && strings.Count(text, "outcome:refused") == 1 && strings.Count(text, "state:") == 2 {
			return
		}
		select {
		case <-every.C:
		case <-limit.C:
			t.Fatalf("history: %s", text)
		}
	}
}

// What alerts look for is what a running instance measures: each kind is found when
// it is so, and not before.
func TestAlerts_FindOnARunningInstanceWhatIsWrong(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(away.Close)
	var passed atomic.Int64
	begin := time.Date(2026, 3, 1, 12, 5, 0, 0, time.UTC)
	c := settings(t, t.TempDir())
	c.Egress.Allow = "127.0.0.1"
	a := openWith(t, c, app.Parts{Version: "test", Clock: func() time.Time { return begin.Add(time.Duration(passed.Load())) }})
	secrets := `"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}`
	api(t, a, "PUT", "/destinations/ops?wait=applied", fmt.Sprintf(`{"type":"webhook","settings":{"url":%q,%s,"alerts":true}`, away.URL, secrets), 201)
	api(t, a, "PUT", "/destinations/crm?wait=applied", fmt.Sprintf(`{"type":"webhook","settings":{"url":%q,%s,"events":{"names":["Told"]}}`, away.URL, secrets), 201)
	for key, when := range map[string]string{
		"silent": `{"source_silent":{"after":"90m"}}`, "volume": `{"volume_anomaly":{"at_least":5}}`, "failing": `{"destination_failing":{}}`,
		"dead": `{"dead_letters":{"rise":5}}`, "disk": `{"disk":{"free_below":0.999999}}`, "roomy": `{"disk":{"free_below":0.0000001,"full_in":"1h"}}`, "lag": `{"lag":{}}`, "certificate": `{"certificate":{}}`,
	} {
		api(t, a, "PUT", "/alerts/"+key+"?wait=applied", `{"name":"x","for":"0s","when":`+when+`,"send_to":["ops"]}`, 201)
	}
	stands := func(key string) bool {
		t.Helper()
		return strings.Contains(fmt.Sprint(api(t, a, "GET", "/alert-standing", "", 200)["items"]), "alert:"+key+" ")
	}
	expect := func(key string, want bool, when string) {
		t.Helper()
		if got := stands(key); got != want {
			t.Errorf("%s, %s: stands is %v", key, when, got)
		}
	}
	send := func(n int, body string) {
		t.Helper()
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(body, fmt.Sprint(passed.Load(), "-", i)))
		}
		if status, _, text := call(t, "POST", a.URL()+"/v1/batch?wait=applied", `{"writeKey":"`+writeKey+`","batch":[`+strings.Join(all, ",")+`]}`); status != 200 {
			t.Fatal(text)
		}
	}
	const seen = `{"type":"track","event":"Seen","userId":"u","messageId":"%s"}`
	hour := func(n int) {
		t.Helper()
		stands("") // counts are noted when somebody looks
		send(n, seen)
		passed.Add(int64(time.Hour))
		stands("")
	}
	for range 3 { // as much in this hour of three days
		hour(20)
		expect("volume", false, "as usual")
		passed.Add(int64(23 * time.Hour))
	}
	expect("silent", true, "23 hours after the last event")
	hour(2)
	expect("volume", true, "a tenth of what is usual")
	expect("silent", false, "an hour after the last event")
	expect("dead", false, "nothing is a dead letter")
	send(6, `{"type":"track","event":"Seen","messageId":"%s"}`) // nobody's
	passed.Add(int64(time.Minute))
	expect("dead", true, "six events of nobody")
	expect("failing", false, "nothing was told yet")
	send(1, strings.Replace(seen, "Seen", "Told", 1))
	every, limit := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer every.Stop()
	defer limit.Stop()
	for !stands("failing") {
		passed.Add(int64(2 * time.Second)) // a report a second old is given again
		select {
		case <-every.C:
		case <-limit.C:
			t.Fatal("a destination that takes nothing is not found")
		}
	}
	expect("disk", true, "less is free than nearly all")
	for _, key := range []string{"roomy", "lag", "certificate"} {
		expect(key, false, "all is well")
	}
}
