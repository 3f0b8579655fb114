package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/app"
)

// keyed makes a secret key and gives the headers with which it is shown.
func keyed(t *testing.T, a *app.App, scopes string) []string {
	t.Helper()
	made := api(t, a, "POST", "/keys", `{"name":"of a test","scopes":[`+scopes+`]}`, 201)
	return []string{"Authorization", "Bearer " + made["secret"].(string)}
}

// signedIn invites somebody and gives the headers of their session.
func signedIn(t *testing.T, a *app.App, role string) []string {
	t.Helper()
	made := api(t, a, "POST", "/members", fmt.Sprintf(`{"name":%q,"email":"%s@example.org","roles":[%q]}`, role, role, role), 201)
	_, token, _ := strings.Cut(made["link"].(string), "#")
	status, head, text := call(t, "POST", a.URL()+"/api/v1/session/first", fmt.Sprintf(`{"token":%q,"name":%q,"email":"%s@example.org","password":"a few good words"}`, token, role, role))
	if status != 200 {
		t.Fatalf("%s signs in: %d %s", role, status, text)
	}
	cookie, _, _ := strings.Cut(head.Get("Set-Cookie"), ";")
	return []string{"Cookie", cookie, "X-Rapport-Console", "1"}
}

// refused wants a broadcast's command to be answered by a status and a code.
func refused(t *testing.T, a *app.App, what string, status int, code string, as ...string) {
	t.Helper()
	got, _, text := call(t, "POST", a.URL()+"/api/v1/broadcasts/"+what, "", as...)
	var p struct{ Code, Detail string }
	if err := json.Unmarshal([]byte(text), &p); err != nil || got != status || p.Code != code || p.Detail == "" {
		t.Errorf("%s: %d %s, want %d %s", what, got, text, status, code)
	}
}

// Where approval is asked for, a version goes out only after somebody else than
// its author, who may write, approved this very version.
func TestBroadcast_IsApprovedBySomebodyElse(t *testing.T) {
	t.Parallel()
	a, box := mailed(t)
	join(t, a, "ada", `,"email":"ada@example.org"`)
	ann, bob, reader := keyed(t, a, `"read","write"`), keyed(t, a, `"write"`), keyed(t, a, `"read"`)
	viewer, marketer := signedIn(t, a, "viewer"), signedIn(t, a, "marketer")
	write := func(as []string, subject string, want int) {
		t.Helper()
		doc := `{"name":"Spring","segment":"members","destination":"mail","content":{"subject":"` + subject + `","html":"<p>Hi <a href=\"{{ unsubscribe_url }}\">leave</a></p>"}}`
		if status, _, text := call(t, "PUT", a.URL()+"/api/v1/broadcasts/spring?wait=applied", doc, as...); status != want {
			t.Fatalf("writing it: %d %s", status, text)
		}
	}
	if status, _, text := call(t, "PUT", a.URL()+"/api/v1/broadcast-rules?wait=applied", `{"approval":true}`, ann...); status != 403 {
		t.Errorf("who is no admin writes the rules: %d %s", status, text)
	}
	api(t, a, "PUT", "/broadcast-rules?wait=applied", `{"approval":true}`, 201)
	refused(t, a, "spring/approve", 404, "broadcast_not_found", bob...)
	write(ann, "First", 201)
	for _, x := range []struct {
		who  string
		what string
		as   []string
		want int
		code string
	}{
		{"nobody", "spring/approve", nil, 401, "no_key"},
		{"a key that reads", "spring/approve", reader, 403, "missing_scope"},
		{"a viewer", "spring/approve", viewer, 403, "missing_right"},
		{"a viewer", "spring/send", viewer, 403, "missing_right"},
		{"the author", "spring/approve", ann, 403, "own_broadcast"},
		{"the author", "spring/send", ann, 409, "not_approved"},
		{"another", "spring/send", bob, 409, "not_approved"},
		{"another", "spring/approve?version=7", bob, 404, "version_not_found"},
		{"another", "spring/approve?version=x", bob, 400, "invalid_request"},
		{"another", "spring/applaud", bob, 404, "no_route"},
	} {
		t.Run(x.who+" "+x.what, func(t *testing.T) { refused(t, a, x.what, x.want, x.code, x.as...) })
	}
	approve := func(as []string) map[string]any {
		t.Helper()
		status, _, text := call(t, "POST", a.URL()+"/api/v1/broadcasts/spring/approve", "", as...)
		var out map[string]any
		if err := json.Unmarshal([]byte(text), &out); err != nil || status != 200 {
			t.Fatalf("approving: %d %s", status, text)
		}
		return out["standing"].(map[string]any)
	}
	if by, _ := approve(bob)["approved"].(map[string]any); by["version"] != 1.0 || by["by"] == "" || by["at"] == "" {
		t.Errorf("it is approved as %v", by)
	}
	// Another version is another message: the approval of the one before is none.
	write(bob, "Second", 200)
	refused(t, a, "spring/send", 409, "not_approved", ann...)
	refused(t, a, "spring/approve", 403, "own_broadcast", bob...)
	approve(marketer)
	if status, _, text := call(t, "POST", a.URL()+"/api/v1/broadcasts/spring/send", "", ann...); status != 200 {
		t.Fatalf("sending: %d %s", status, text)
	}
	if head, _ := box.next(t); head.Get("Subject") != "Second" {
		t.Errorf("mail %v", head)
	}
	until(t, "sent", func() bool { return report(t, a, "spring")["state"] == "sent" })
	refused(t, a, "spring/approve", 409, "broadcast_state", ann...)
	t.Run("keys of a member", func(t *testing.T) { keysOfAMember(t, a) })
}

// A key that a member made counts as the member, and so does one made with it or in
// its place, also when it is gone.
func keysOfAMember(t *testing.T, a *app.App) {
	admin, other := signedIn(t, a, "admin"), signedIn(t, a, "developer")
	made := func(path, body string, as []string) (id string, head []string) {
		t.Helper()
		status, _, text := call(t, "POST", a.URL()+"/api/v1/keys"+path, body, as...)
		var k struct{ ID, Secret string }
		if err := json.Unmarshal([]byte(text), &k); err != nil || status != 201 {
			t.Fatalf("making a key: %d %s", status, text)
		}
		return k.ID, []string{"Authorization", "Bearer " + k.Secret}
	}
	first, one := made("", `{"name":"one","scopes":["admin"]}`, admin)
	second, two := made("", `{"name":"two","scopes":["admin"]}`, one)
	_, anew := made("/"+second+"/rotate", `{"overlap":"1h"}`, one)
	foreign := keyed(t, a, `"write"`)
	doc := `{"name":"Own","segment":"members","destination":"mail","content":{"subject":"x","html":"<p><a href=\"{{ unsubscribe_url }}\">leave</a></p>"}}`
	if status, _, text := call(t, "PUT", a.URL()+"/api/v1/broadcasts/own?wait=applied", doc, one...); status != 201 {
		t.Fatalf("writing it: %d %s", status, text)
	}
	for who, as := range map[string][]string{"the member": admin, "the key": one, "a key made with it": two, "one in its place": anew} {
		t.Run(who, func(t *testing.T) { refused(t, a, "own/approve", 403, "own_broadcast", as...) })
	}
	if status, _, text := call(t, "DELETE", a.URL()+"/api/v1/keys/"+first, "", admin...); status != 204 {
		t.Fatalf("revoking it: %d %s", status, text)
	}
	refused(t, a, "own/approve", 403, "own_broadcast", admin...)
	refused(t, a, "own/approve", 403, "missing_right", other...)
	if status, _, text := call(t, "POST", a.URL()+"/api/v1/broadcasts/own/approve", "", foreign...); status != 200 {
		t.Errorf("somebody else approves: %d %s", status, text)
	}
}
