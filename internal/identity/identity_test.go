package identity_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rapport/internal/event"
	"rapport/internal/identity"
)

func id(namespace, value string) event.Identifier {
	return event.Identifier{Namespace: namespace, Value: value}
}

func TestChoose_PutsTheStrongestFirstWhateverTheOrder(t *testing.T) {
	t.Parallel()
	rules := identity.DefaultRules()
	all := []event.Identifier{
		id("anonymous_id", "d2"), id("email", " Ann@Example.ORG "), id("loyalty", "L1"), id("user_id", "ann"),
		id("anonymous_id", "d1"), id("email", "ann@example.org"),
	}
	want := []event.Identifier{
		id("user_id", "ann"), id("email", "ann@example.org"), id("anonymous_id", "d1"), id("anonymous_id", "d2"), id("loyalty", "L1"),
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got, dropped := rules.Choose(all)
		if !slices.Equal(got, want) || len(dropped) != 0 {
			t.Fatalf("of %v got %v and dropped %v", all, got, dropped)
		}
	}
}

func TestNormalise_DropsWhatNamesNobody(t *testing.T) {
	t.Parallel()
	rules := identity.DefaultRules()
	for value, reason := range map[string]string{
		"":                       "empty",
		"   ":                    "empty",
		"0":                      "blocked",
		"00000000-0000":          "blocked",
		"---":                    "blocked",
		"-1":                     "blocked",
		"NULL":                   "blocked",
		`"null"`:                 "blocked",
		"Undefined":              "blocked",
		"[object Object]":        "blocked",
		"anonymous":              "blocked",
		strings.Repeat("x", 513): "too_long",
		"ann":                    "",
		"0815":                   "",
		"nullable":               "",
		strings.Repeat("x", 512): "",
	} {
		if _, got := rules.Normalise(id("user_id", value)); got != reason {
			t.Errorf("%.20q is %q, want %q", value, got, reason)
		}
	}
	for value, reason := range map[string]string{
		"test@test.com": "blocked", "ann": "not_an_email", "a b@example.org": "not_an_email", "ann@example": "not_an_email",
		"Ann@Example.org": "",
	} {
		if _, got := rules.Normalise(id("email", value)); got != reason {
			t.Errorf("e-mail %q is %q, want %q", value, got, reason)
		}
	}
}

func TestChoose_CountsWhatExceedsTheLimit(t *testing.T) {
	t.Parallel()
	rules := identity.DefaultRules()
	var all []event.Identifier
	for n := range identity.MaxPerEvent + 5 {
		all = append(all, id("user_id", "u"+strings.Repeat("x", n)))
	}
	kept, dropped := rules.Choose(all)
	if len(kept) != identity.MaxPerEvent || len(dropped) != 5 || dropped[0].Reason != "too_many" {
		t.Errorf("kept %d, dropped %v", len(kept), dropped)
	}
}
