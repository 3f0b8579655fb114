package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/access"
)

func TestSession_FromTheFirstLinkToSignOut(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	anon := []string{"Authorization", ""}
	res, text := d.ask(t, "POST", "/api/v1/session/first", `{"token":"`+d.welcome+`","name":"Ada","email":"ada@example.org","password":"a few good words"}`, anon...)
	if res.StatusCode != http.StatusOK || !strings.Contains(text, `"access":"admin"`) {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	res, text = d.ask(t, "POST", "/api/v1/session", `{"email":"ada@example.org","password":"wrong words here"}`, anon...)
	if p := d.problem(t, res, text); res.StatusCode != http.StatusUnauthorized || p.Code != "wrong_sign_in" {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	res, text = d.ask(t, "POST", "/api/v1/session", `{"email":"ada@example.org","password":"a few good words"}`, anon...)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	cookie := res.Header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Strict", "Path=/api/v1/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie lacks %s: %s", part, cookie)
		}
	}
	in := []string{"Authorization", "", "Cookie", strings.SplitN(cookie, ";", 2)[0], consoleHeader, "1"}
	res, text = d.ask(t, "GET", "/api/v1/session", "", in...)
	var v SessionView
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.Member.Email != "ada@example.org" || !v.MayUnmask || v.ExpiresAt == "" {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "DELETE", "/api/v1/session", "", in...); res.StatusCode != http.StatusNoContent || !strings.Contains(res.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %s %s", res.StatusCode, text, res.Header.Get("Set-Cookie"))
	}
	if res, _ := d.ask(t, "GET", "/api/v1/session", "", in...); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", res.StatusCode)
	}
	_, text = d.ask(t, "GET", "/api/v1/audit", "")
	for _, op := range []string{"enter-by-link", "refused-sign-in", "sign-in", "sign-out"} {
		if !strings.Contains(text, `"operation":"`+op+`"`) {
			t.Errorf("the audit lacks %s: %s", op, text)
		}
	}
}

func TestSession_MembersAreManagedOverTheAPI(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.member(t, access.Admin)
	res, text := d.ask(t, "POST", "/api/v1/members", `{"name":"Bob","email":"bob@example.org","roles":["viewer"]}`)
	var v MemberView
	if err := json.Unmarshal([]byte(text), &v); err != nil || res.StatusCode != http.StatusCreated || v.Status != "invited" || !strings.HasPrefix(v.Link, "/console/start#") {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	res, text = d.ask(t, "PUT", "/api/v1/members/"+v.ID, `{"name":"Bob","email":"bob@example.org","roles":["owner"]}`)
	if p := d.problem(t, res, text); res.StatusCode != http.StatusBadRequest || !strings.Contains(p.Detail, "analyst") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "DELETE", "/api/v1/members/"+v.ID, ""); res.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, _ := d.ask(t, "GET", "/api/v1/members/"+v.ID, ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("dropped and still there: %d", res.StatusCode)
	}
}

func TestMask_HidesWhatIsPersonalAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	in := `{"id":"prf_1","identifiers":[{"namespace":"email","value":"ada@example.org"},{"namespace":"phone","value":"+49 151 1234567"},{"namespace":"user_id","value":"u-42"}],` +
		`"traits":{"name":"Ada Lovelace","plan":"gold","visits":7,"first_name":"Ada","address":{"city":"London","n":3},"note":"call ada@example.org","score":1.50,"secret_flag":true,"first_name_known":true},` +
		`"items":[{"name":"Order Completed","context":{"ip":"192.0.2.1"},"raw":"{\"email\":\"a@b.org\",\"x\":1}","list":"[{\"traits\":{\"plan\":\"gold\"}}]","ref":"phone:+491511234567"}],"from":"2001:db8::1","empty":null}`
	want := `{"id":"prf_1","identifiers":[{"namespace":"email","value":"a•••@e•••.org"},{"namespace":"phone","value":"+49•••67"},{"namespace":"user_id","value":"u-42"}],` +
		`"traits":{"name":"•••","plan":"•••","visits":7,"first_name":"•••","address":{"city":"•••","n":"•••"},"note":"call a•••@e•••.org","score":1.50,"secret_flag":true,"first_name_known":"•••"},` +
		`"items":[{"name":"Order Completed","context":{"ip":"•••"},"raw":"{\"email\":\"a•••@b•••.org\",\"x\":1}","list":"[{\"traits\":{\"plan\":\"•••\"}}]","ref":"phone:+49•••67"}],"from":"•••","empty":null}` + "\n"
	got, err := sight{masked: true, hidden: []string{"plan"}}.mask([]byte(in))
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s\n%v", got, want, err)
	}
	got, err = sight{hidden: []string{"plan"}}.mask([]byte(in))
	if err != nil || !strings.Contains(string(got), `"plan":"•••"`) || strings.Contains(string(got), "gold") || !strings.Contains(string(got), "ada@example.org") {
		t.Errorf("unmasked, one trait hidden: %s, %v", got, err)
	}
}

func TestMask_MembersSeePeopleMaskedUntilTheySayWhy(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	get := func(role access.Role, headers ...string) (reply, string) {
		_, cookie := d.member(t, role)
		return d.ask(t, "GET", "/api/v1/profiles/user_id:1", "", append([]string{"Authorization", "", "Cookie", cookie, consoleHeader, "1"}, headers...)...)
	}
	d.traits = map[string]json.RawMessage{"email": json.RawMessage(`"ada@example.org"`)}
	_, plain := d.ask(t, "GET", "/api/v1/profiles/user_id:1", "")
	if !strings.Contains(plain, "ada@example.org") {
		t.Fatalf("the profile of the test has no address: %s", plain)
	}
	if _, text := get(access.Marketer); strings.Contains(text, "ada@example.org") || !strings.Contains(text, maskSign) {
		t.Errorf("masked by default: %s", text)
	}
	why := url.PathEscape("Anruf der Kundin, Fall 7 – Rückfrage")
	if _, text := get(access.Marketer, unmaskHeader, why); !strings.Contains(text, "ada@example.org") {
		t.Errorf("unmasked: %s", text)
	}
	if res, text := get(access.Viewer, unmaskHeader, why); res.StatusCode != http.StatusForbidden || !strings.Contains(text, "unmask_refused") {
		t.Errorf("a viewer: %d %s", res.StatusCode, text)
	}
	if res, text := get(access.Marketer, unmaskHeader, "x"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("no reason worth the name: %d %s", res.StatusCode, text)
	}
	_, text := d.ask(t, "GET", "/api/v1/audit?about=user_id:1", "")
	if !strings.Contains(text, "Anruf der Kundin, Fall 7 – Rückfrage") || strings.Contains(text, "user_id:1") {
		t.Errorf("the look is not noted, or names the person: %s", text)
	}
}

func TestMask_WhatWasMaskedIsNotWrittenBack(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, cookie := d.member(t, access.Admin)
	for _, kind := range []string{"application/json", "", "application/yaml"} {
		res, text := d.ask(t, "PUT", "/api/v1/segments/x", `{"name":"a•••@e•••.org","condition":{}}`, "Authorization", "", "Cookie", cookie, consoleHeader, "1", "Content-Type", kind)
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(text, "masked_value") {
			t.Errorf("%q: %d %s", kind, res.StatusCode, text)
		}
	}
}
