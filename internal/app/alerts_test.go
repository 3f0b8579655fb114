package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
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
