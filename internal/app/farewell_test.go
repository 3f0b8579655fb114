package app_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Destinations that keep an audience are told to take out who is erased, by what
// they know the person by; one that is down hears of it when it is back, and
// then nothing of the person is left here. Rows of files go by themselves.
func TestErasure_TellsAudiencesToTakeThePersonOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := settings(t, dir)
	c.Egress.Allow = "127.0.0.1"
	a := open(t, c)
	var down atomic.Bool
	up, away, other := listen(t, nil), listen(t, func(int) int {
		if down.Load() {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}), listen(t, nil)
	api(t, a, "PUT", "/segments/gold?wait=applied", `{"name":"Gold","condition":{"trait":"plan","op":"=","value":"gold"}}`, 201)
	api(t, a, "PUT", "/segments/tin?wait=applied", `{"name":"Tin","condition":{"trait":"plan","op":"=","value":"tin"}}`, 201)
	put := func(key, document string) { api(t, a, "PUT", "/destinations/"+key+"?wait=applied", document, 201) }
	hook := func(key, segment string, box *listener) {
		put(key, `{"type":"webhook","settings":{"url":"`+box.URL+`","secrets":["`+webhookSecret+`"]},"audience":{"segment":"`+segment+`"},"traits":["email"],
			"mapping":"{mail: person.traits.email, who: person.id, change: audience.change}"}`)
	}
	hook("up", "gold", up)
	hook("away", "gold", away)
	hook("other", "tin", other)
	put("ads", `{"type":"files","settings":{"audience":"meta","gather_seconds":1,"folder":"ads"},"audience":{"segment":"gold"}}`)
	put("lines", `{"type":"files","settings":{"gather_seconds":1,"folder":"lines"},"audience":{"segment":"gold"}}`)
	const ada, bob = "ada.lovelace@example.com", "bob.other@example.com"
	hashed := fmt.Sprintf("%x", sha256.Sum256([]byte(ada)))
	batch(t, a,
		`{"type":"identify","userId":"ada-lovelace","messageId":"i1","traits":{"email":"`+ada+`","plan":"gold"}}`,
		`{"type":"identify","userId":"bob-the-other","messageId":"i2","traits":{"email":"`+bob+`","plan":"gold"}}`)
	up.wait(t, 2)
	away.wait(t, 2)
	files := filepath.Join(dir, "delivered")
	until(t, "files", func() bool { return len(standing(t, files, ada, bob, hashed)) == 3 })

	down.Store(true)
	asked := privacy(t, a, "erasure", "user_id:ada-lovelace")
	last := up.wait(t, 3)[2]
	before := up.wait(t, 3)[0]
	if before["mail"] != ada {
		before = up.wait(t, 3)[1]
	}
	if last["mail"] != ada || last["change"] != "removed" || last["who"] != before["who"] {
		t.Errorf("the audience is told %v of %v", last, before)
	}
	outcomes := func() string {
		r := api(t, a, "GET", "/privacy/requests/"+asked["id"].(string), "", 200)
		var out []string
		for _, x := range r["proof"].(map[string]any)["audiences"].([]any) {
			f := x.(map[string]any)
			out = append(out, fmt.Sprint(f["destination"], " ", f["segment"], " ", f["outcome"]))
		}
		return strings.Join(out, ", ")
	}
	until(t, "an attempt", func() bool { return outcomes() == "ads gold delivered, away gold retrying, up gold delivered" })
	if left := standing(t, dir, ada, "ada-lovelace"); len(left) > 0 {
		t.Errorf("%v are left while a message waits", left)
	}
	if left := standing(t, filepath.Join(files, "ads", "remove"), hashed); len(left) != 1 {
		t.Error("the platform is not told")
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = open(t, c) // what waits outlives it
	down.Store(false)
	until(t, "the rest", func() bool { return outcomes() == "ads gold delivered, away gold delivered, up gold delivered" })
	if all := fmt.Sprint(away.wait(t, 3)[2:]); !strings.Contains(all, ada) || !strings.Contains(all, "removed") {
		t.Errorf("who was down is told %s", all)
	}
	for _, key := range []string{"up", "away"} {
		for _, x := range delivered(t, a, key, "", 3) {
			d := api(t, a, "GET", "/deliveries/"+key+"/"+x["id"].(string), "", 200)
			if text := fmt.Sprint(d); strings.Contains(text, "lovelace") {
				t.Errorf("a delivery of %s says %s", key, text)
			}
		}
	}
	if len(other.wait(t, 0)) > 0 {
		t.Error("an audience is told of somebody who never was in it")
	}
	if proof := privacy(t, a, "erasure", "user_id:ada-lovelace")["proof"].(map[string]any); fmt.Sprint(proof["audiences"]) != "[]" || proof["scan"].(map[string]any)["log_hits"] != 0.0 {
		t.Errorf("a second search finds %v", proof)
	}
}
