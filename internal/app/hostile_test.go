package app_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestDecisions_WhateverIsPutTheServerAnswersAndGoesOn sends what breaks
// engines: each must be answered, within its budget, and the next question too.
func TestDecisions_WhateverIsPutTheServerAnswersAndGoesOn(t *testing.T) {
	t.Parallel()
	a := asker{t, open(t, settings(t, t.TempDir()))}
	a.api("PUT", menu, dish("Stew"), 201, asXML...)
	const head = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="M" namespace="urn:m">`
	bomb := `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>`
	for name, document := range map[string]string{
		"entities":           bomb + head + `<decision name="&c;"/></definitions>`,
		"external entity":    `<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + head + `<decision name="&x;"/></definitions>`,
		"deep elements":      head + strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000) + `</definitions>`,
		"deep brackets":      simple(strings.Repeat("(", 50_000) + "1" + strings.Repeat(")", 50_000)),
		"deep lists":         simple(strings.Repeat("[", 50_000)),
		"no name":            head + `<decision id="d"><literalExpression><text>1</text></literalExpression></decision></definitions>`,
		"nothing":            head + `</definitions>`,
		"requires nothing":   head + `<decision id="d" name="A"><informationRequirement><requiredInput href="#none"/></informationRequirement><literalExpression><text>1</text></literalExpression></decision></definitions>`,
		"circle":             head + `<decision id="a" name="A"><informationRequirement><requiredDecision href="#a"/></informationRequirement><literalExpression><text>A</text></literalExpression></decision></definitions>`,
		"imports itself":     head + `<import name="m" namespace="urn:m2" locationURI="bad"/><decision id="a" name="A"><literalExpression><text>1</text></literalExpression></decision></definitions>`,
		"not XML":            "\x00\x01\x02",
		"cut off":            dish("Stew")[:900],
		"unknown collection": head + `<decision name="A"><decisionTable hitPolicy="NEVER"><output/></decisionTable></decision></definitions>`,
	} {
		got, _ := a.api("PUT", "/decision-models/bad", document, 400, asXML...)
		if got["code"] != "invalid_model" || got["detail"] == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, logic := range map[string]string{
		"endless recursion": `{f: function(n) f(n + 1), r: f(1)}.r`,
		"huge list":         `count(for i in 1..1000, j in 1..1000, k in 1..1000 return i)`,
		"huge text":         `{grow: function(s, n) if n = 0 then s else grow(s + s, n - 1), r: string length(grow("aaaaaaaaaa", 40))}.r`,
		"regex bomb":        `matches("` + strings.Repeat("a", 40) + `!", "^(a+)+$")`,
		"huge power":        `10 ** 999999999 ** 9`,
		"sort of a lot":     `sort(for i in 1..100000 return 100000 - i, function(a, b) a < b)[1]`,
	} {
		a.api("PUT", "/decision-models/heavy?status=draft", simple(logic), map[bool]int{true: 200, false: 201}[a.has("heavy")], asXML...)
		newest, _ := a.api("GET", "/decision-models/heavy", "", 200)
		got, _ := a.api("POST", fmt.Sprintf("/decision-models/heavy/evaluate?version=%v", newest["version"]), `{}`, 200)
		if got["took_us"].(float64) > 5e6 {
			t.Errorf("%s took %v µs", name, got["took_us"])
		}
	}
	deep := strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000)
	a.api("POST", menu+"/evaluate", `{"inputs":{"Guest Count":`+deep+`}}`, 400)
	a.api("POST", menu+"/evaluate", `{"inputs":{"Guest Count":1e999999999}}`, 400)
	a.api("POST", menu+"/evaluate", `{"context":[]}`, 200) // nobody reads it
	got, _ := a.api("POST", menu+"/evaluate", `{"inputs":{"Guest Count":12}}`, 200)
	if got["outputs"].(map[string]any)["Dish"] != "Stew" {
		t.Errorf("afterwards %v", got)
	}
}

func (a asker) has(key string) bool {
	a.Helper()
	list, _ := a.api("GET", "/decision-models", "", 200)
	return strings.Contains(fmt.Sprint(list["items"]), "key:"+key+" ")
}
