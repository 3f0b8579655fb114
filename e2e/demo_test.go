package e2e_test

import (
	"encoding/json"
	"io"
	"testing"
	"time"

	"rapport/internal/demo"
	"rapport/internal/soak"
)

// TestDemo_WhatItSaysToLookAtIsThere plays the made-up shop through the HTTP
// door and asks for everything that the demo prints.
func TestDemo_WhatItSaysToLookAtIsThere(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	to := openRetail(t)
	plan := demo.Plan{Seed: 1, Events: 8_000, People: 400, Until: time.Now(), Days: 21}
	played, err := demo.History(t.Context(), to, plan, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := played.Define(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, look := range played.Looks() {
		// What a decision read is written down beside its answer, a moment later.
		var answer map[string]json.RawMessage
		empty := func() bool { return string(answer["items"]) == "[]" }
		for limit := time.Now().Add(patience); ; wait(20 * time.Millisecond) {
			clear(answer)
			if err := ask(t.Context(), to, look.Path, look.Body, &answer); err != nil {
				t.Errorf("%s: %v", look.Title, err)
				break
			}
			if !empty() {
				break
			}
			if time.Now().After(limit) {
				t.Errorf("%s: %s is empty", look.Title, look.Path)
				break
			}
		}
	}
	// Every message once, and the one that ends the history.
	checkEquation(t, to, played.Sent-played.Twice+1)
}
