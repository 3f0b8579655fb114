package profile_test

import (
	"encoding/json"
	"testing"

	"rapport/internal/profile"
)

// TestItemOf_WhatTheRequestSaysForAllCountsWhereTheEventIsSilent: some clients
// name their library, and more, beside the batch only.
func TestItemOf_WhatTheRequestSaysForAllCountsWhereTheEventIsSilent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ own, shared, want string }{
		"neither":       {"", "", ""},
		"the event's":   {`{"b":1,"a":2}`, "", `{"a":2,"b":1}`},
		"the request's": {"", `{"library":{"name":"go"}}`, `{"library":{"name":"go"}}`},
		"both":          {`{"ip":"::1","app":{"name":"shop"}}`, `{"app":{"name":"other","build":7},"os":[1]}`, `{"app":{"build":7,"name":"shop"},"ip":"::1","os":[1]}`},
		"null is a word": {
			`{"app":null,"os":"x"}`, `{"app":{"name":"other"},"os":{"name":"y"}}`, `{"app":null,"os":"x"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := said{Type: "track", MessageID: "m", Time: 1}.event(t)
			e.Context, e.Shared = value(t, json.RawMessage(c.own)), value(t, json.RawMessage(c.shared))
			if got := string(profile.ItemOf(e, nil).Context); got != c.want {
				t.Errorf("the context is %s, want %s", got, c.want)
			}
		})
	}
}
