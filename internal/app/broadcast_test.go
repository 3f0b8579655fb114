package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rapport/internal/app"
)

// mailed is an instance with an SMTP server beside it, a consent policy, a
// segment of everybody with the trait member, and a destination for broadcasts.
func mailed(t *testing.T) (*app.App, postbox) {
	t.Helper()
	box, port := newPostbox(t)
	c := settings(t, t.TempDir())
	c.Egress.Allow, c.HTTP.PublicURL = "127.0.0.1", "https://cdp.example.com"
	a := open(t, c)
	api(t, a, "PUT", "/consent-policy?wait=applied", `{"purposes":[{"key":"marketing","name":"Offers","basis":"opt_out"},{"key":"research","name":"Surveys"}]}`, 201)
	api(t, a, "PUT", "/segments/members?wait=applied", `{"name":"Members","condition":{"trait":"member","op":"=","value":true}}`, 201)
	api(t, a, "PUT", "/destinations/mail?wait=applied", fmt.Sprintf(`{"type":"email","settings":{"host":"127.0.0.1","port":%d,"security":"none","from":"Shop <news@shop.example>",
		"to":"{{ identifiers.email }}"},"broadcasts":true,"consent":{"purpose":"marketing","channel":"email"}}`, port), 201)
	return a, box
}

func join(t *testing.T, a *app.App, user, traits string) {
	t.Helper()
	send(t, a, "identify", fmt.Sprintf(`{"userId":%q,"messageId":"join-%s","traits":{"member":true%s}}`, user, user, traits))
}

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	every, limit := time.NewTicker(20*time.Millisecond), time.NewTimer(30*time.Second)
	defer every.Stop()
	defer limit.Stop()
	for !so() {
		select {
		case <-every.C:
		case <-limit.C:
			t.Fatal("it never comes about: " + what)
		}
	}
}

func report(t *testing.T, a *app.App, key string) map[string]any {
	t.Helper()
	return api(t, a, "GET", "/broadcasts/"+key+"/report", "", 200)
}

func TestBroadcast_ReachesWhomItMayAndSaysWhyOthersNot(t *testing.T) {
	t.Parallel()
	a, box := mailed(t)
	join(t, a, "ada", `,"email":"ada@example.org","first_name":"Ada"`)
	join(t, a, "bob", `,"email":"bob@example.org"`)                                                                    // the message names what he has not
	join(t, a, "cat", `,"first_name":"Cat"`)                                                                           // no address
	join(t, a, "dan", `,"email":"dan@example.org","first_name":"Dan"`)                                                 // said no
	send(t, a, "identify", `{"userId":"eve","messageId":"e","traits":{"email":"eve@example.org","first_name":"Eve"}}`) // no member
	if status, _, text := call(t, "PUT", a.URL()+"/api/v1/profiles/user_id:dan/consent?wait=applied", `{"purposes":[{"purpose":"marketing","channel":"email","status":"denied"}]}`, bearer()...); status != 204 {
		t.Fatalf("%d %s", status, text)
	}
	made := api(t, a, "PUT", "/broadcasts/spring?wait=applied", `{"name":"Spring","segment":"members","destination":"mail","traits":["first_name"],
		"content":{"subject":"Hello {{ person.traits.first_name }}","html":"<p>Hi <a href=\"https://shop.example/\">shop</a> <a href=\"{{ unsubscribe_url }}\">leave</a></p>","track_opens":true,"track_clicks":true}}`, 201)
	if s := made["standing"].(map[string]any)["state"]; s != "draft" {
		t.Errorf("state %v", s)
	}
	seen := api(t, a, "GET", "/broadcasts/spring/audience", "", 200)
	if got := fmt.Sprint(seen["will_get_it"], seen["will_not"], seen["complete"]); got != "1 map[denied:1 failed:1 no_address:1] true" {
		t.Errorf("audience %v", got)
	}
	if text := fmt.Sprint(seen["problems"]); !strings.Contains(text, "person.traits.first_name") {
		t.Errorf("problems %v", text)
	}
	shown := api(t, a, "POST", "/broadcasts/spring/preview", `{"profile":"user_id:ada"}`, 200)
	if shown["gets_it"] != true || shown["address"] != "ada@example.org" || shown["message"].(map[string]any)["subject"] != "Hello Ada" {
		t.Errorf("preview %v", shown)
	}
	tried := api(t, a, "POST", "/broadcasts/spring/test", `{"profile":"user_id:dan","to":"me@shop.example"}`, 200)
	if tried["sent"].(map[string]any)["outcome"] != "delivered" {
		t.Errorf("test %v", tried)
	}
	if head, _ := box.next(t); head.Get("To") != "<me@shop.example>" || head.Get("Subject") != "Hello Dan" {
		t.Errorf("test mail %v", head)
	}
	api(t, a, "POST", "/broadcasts/spring/send", "", 200)
	until(t, "sent", func() bool { return report(t, a, "spring")["state"] == "sent" })
	head, html := box.next(t)
	if head.Get("To") != "<ada@example.org>" || len(box.mails) != 0 {
		t.Errorf("mail %v, %d more", head, len(box.mails))
	}
	open, click := cut(html, `<img src="`), cut(html, `<a href="`)
	follow(t, a, "GET", open)
	follow(t, a, "GET", open)
	follow(t, a, "GET", click)
	follow(t, a, "POST", strings.Trim(head.Get("List-Unsubscribe"), "<>"))
	until(t, "responses", func() bool { return report(t, a, "spring")["unsubscribed"].(float64) == 1 })
	r := report(t, a, "spring")
	if got := fmt.Sprint(r["messages"], r["delivered"], r["opened"], r["clicked"], r["bounced"], r["not_sent"]); got != "1 1 1 1 0 map[denied:1 failed:1 no_address:1]" {
		t.Errorf("report %v", got)
	}
	// What was sent is sent, and is not changed any more.
	api(t, a, "PUT", "/broadcasts/spring", `{"segment":"members","destination":"mail"}`, 409)
	api(t, a, "POST", "/broadcasts/spring/send", "", 409)
	if list := delivered(t, a, "broadcast:spring", "outcome=suppressed", 3); fmt.Sprint(list[0]["kind"]) != "broadcast" {
		t.Errorf("%v", list)
	}
}

// cut is what stands between a beginning and the next quotation mark.
func cut(s, before string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, `"`)
	return s
}

// follow follows a link of this server's.
func follow(t *testing.T, a *app.App, method, address string) {
	t.Helper()
	path, ok := strings.CutPrefix(address, "https://cdp.example.com")
	if !ok {
		t.Fatalf("%q is no link of this server", address)
	}
	q, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(url.Values{"List-Unsubscribe": {"One-Click"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close() // only the head is of interest
	if r.StatusCode != 200 && r.StatusCode != 302 {
		t.Errorf("%s %s: %d", method, path, r.StatusCode)
	}
}
