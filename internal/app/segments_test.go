package app_test

import (
	"fmt"
	"strings"
	"testing"
)

// Segments go the whole way: written, counted for people who were there before,
// left again, explained, rolled back, refused where they are wrong.
func TestSegments_GoTheWholeWay(t *testing.T) {
	t.Parallel()
	a := asker{t, open(t, settings(t, t.TempDir()))}
	const event = `{"type":"track","event":"Order Completed","userId":"%","messageId":"m-%","properties":{"order_id":"o-%","total":20,"currency":"EUR"}}`
	for _, user := range []string{"ann", "bob"} {
		batch(t, a.App, strings.ReplaceAll(event, "%", user))
	}
	made, head := a.api("PUT", "/segments/buyers?wait=applied", `{"name":"Buyers","condition":{"event":"Order Completed","count":{"min":1},"within":"30d"}}`, 201)
	if head.Get("Rapport-Applied") != "yes" || made["sentence"] == "" {
		t.Errorf("made %v", made)
	}
	p, _ := a.api("GET", "/profiles/user_id:ann", "", 200)
	if list := p["segments"].([]any); len(list) != 1 || list[0] != "buyers" {
		t.Errorf("ann is in %v", list)
	}
	for query, words := range map[string]any{"": nil, "?include=document": made["sentence"]} {
		list, _ := a.api("GET", "/segments"+query, "", 200)
		if one := list["items"].([]any)[0].(map[string]any); one["sentence"] != words || (one["document"] != nil) != (words != nil) {
			t.Errorf("listed%s: %v", query, one)
		}
	}
	members, _ := a.api("GET", "/segments/buyers/members?limit=1", "", 200)
	if len(members["items"].([]any)) != 1 || members["next"] == nil {
		t.Errorf("members %v", members)
	}
	rest, _ := a.api("GET", "/segments/buyers/members?limit=5&cursor="+members["next"].(string), "", 200)
	if len(rest["items"].([]any)) != 1 || rest["next"] != nil {
		t.Errorf("rest %v", rest)
	}
	why, _ := a.api("GET", "/profiles/user_id:ann/segments", "", 200)
	if len(why["items"].([]any)) != 1 || len(why["history"].([]any)) != 1 {
		t.Errorf("why %v", why)
	}
	for _, bad := range []string{
		`{"name":"x","condition":{"segment":"nobody"}}`,
		`{"name":"x","condition":{"all":[{"trait":"age","op":"near","value":3}]}}`,
		`{"name":"x","condition":{"segment":"buyers"},"colour":1}`,
	} {
		key := "/segments/wrong"
		if problem, _ := a.api("PUT", key, bad, 400); !strings.Contains(problem["detail"].(string), ":") {
			t.Errorf("%s: %v", bad, problem)
		}
	}
	a.api("PUT", "/segments/buyers", `{"name":"x","condition":{"segment":"buyers"}}`, 400)
	a.api("PUT", "/segments/buyers?wait=applied", `{"name":"Nobody","condition":{"event":"Never","count":{"min":1}}}`, 200)
	if p, _ := a.api("GET", "/profiles/user_id:ann", "", 200); len(p["segments"].([]any)) != 0 {
		t.Errorf("ann is in %v", p["segments"])
	}
	a.api("POST", "/segments/buyers/rollback?wait=applied", `{"version":1}`, 200)
	a.api("PUT", "/segments/others?wait=applied", `{"name":"Others","condition":{"not":{"segment":"buyers"}}}`, 201)
	a.api("DELETE", "/segments/buyers", "", 409)
	a.api("DELETE", "/segments/others?wait=applied", "", 200)
	one, _ := a.api("GET", "/segments/buyers", "", 200)
	if state := one["state"].(map[string]any); state["size"] != 2.0 || state["version"] != 3.0 {
		t.Errorf("state %v", state)
	}
	a.api("PUT", "/computed-traits/spent?wait=applied", `{"name":"Spent","value":{"event":"Order Completed","sum":{"property":"total"}}}`, 201)
	p, _ = a.api("GET", "/profiles/user_id:bob", "", 200)
	if own, _ := p["computed"].(map[string]any)["traits"].(map[string]any); own["spent"] != 20.0 {
		t.Errorf("computed traits %v", p["computed"])
	}
	a.api("PUT", "/affinities/category?wait=applied", `{"dimension":"category","weights":[{"when":{"event":"Product Viewed"},"points":1}]}`, 201)
	for i, category := range []string{"shoes", "bags", "shoes", "shoes"} {
		batch(t, a.App, fmt.Sprintf(`{"type":"track","event":"Product Viewed","userId":"bob","messageId":"v-%d","properties":{"product_id":"p-%d","category":%q}}`, i, i, category))
	}
	p, _ = a.api("GET", "/profiles/user_id:bob", "", 200)
	if likes, _ := p["affinities"].(map[string]any)["category"].([]any); len(likes) != 2 || likes[0].(map[string]any)["share"] != 75.0 {
		t.Errorf("affinities %v", p["affinities"])
	}
}
