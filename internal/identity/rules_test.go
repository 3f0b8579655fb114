package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/identity/identitytest"
)

func TestNormalise_GivesEachFormOneSpelling(t *testing.T) {
	t.Parallel()
	rules := identity.DefaultRules()
	rules.DefaultRegion = "IE"
	rules.Namespaces = append(rules.Namespaces,
		identity.Namespace{Name: "social", Form: identity.FormSocial},
		identity.Namespace{Name: "card", Form: identity.FormLoyalty},
		identity.Namespace{Name: "nick", Form: identity.FormFolded})
	for _, c := range []struct{ namespace, value, want, reason string }{
		{"email", "Jane.Doe+news@GMail.com", "janedoe@gmail.com", ""},
		{"email", "jane.doe@googlemail.com", "janedoe@gmail.com", ""},
		{"email", "jane.doe+x@outlook.com", "jane.doe@outlook.com", ""},
		{"email", "jane-shop@yahoo.co.uk", "jane@yahoo.co.uk", ""},
		{"email", "Jane.Doe+x@example.org", "jane.doe+x@example.org", ""},
		{"email", "ｊane@example.org", "jane@example.org", ""},
		{"email", "jane@münchen.example", "jane@xn--mnchen-3ya.example", ""},
		{"email", "jаne@example.org", "", identity.ReasonMixedScript}, // a Cyrillic а
		{"email", "jane@exаmple.org", "", identity.ReasonMixedScript},
		{"email", "иван@пример.example", "иван@xn--e1afmkfd.example", ""},
		{"email", "no-reply@example.org", "", identity.ReasonNobodysMail},
		{"email", "TEST@test.com", "", identity.ReasonBlocked},
		{"email", strings.Repeat("x", 65) + "@example.org", "", identity.ReasonNotEmail},
		{"phone", "+353861234567", "+353861234567", ""},
		{"phone", "086 123 4567", "+353861234567", ""},
		{"phone", "00353 86 123-4567", "+353861234567", ""},
		{"phone", "+44 (0)20 7946 0958", "+442079460958", ""},
		{"phone", "call me", "", identity.ReasonNotPhone},
		{"phone", "000", "", identity.ReasonBlocked},
		{"social", "https://www.twitter.com/@Jane/", "x:jane", ""},
		{"social", "X:jane", "x:jane", ""},
		{"social", "Instagram/Jane.Doe", "instagram:jane.doe", ""},
		{"social", "@jane", "", identity.ReasonNoProvider},
		{"card", "1234-5678 ab", "12345678AB", ""},
		{"card", "0000", "", identity.ReasonBlocked},
		{"nick", "Ｊane", "jane", ""},
		{"user_id", "a\x00b", "", identity.ReasonNotText},
		{"user_id", "Ann", "Ann", ""},
		{"user_id", strings.Repeat("x", 5_000), "", identity.ReasonTooLong},
		{"unlisted", " As It Comes ", "As It Comes", ""},
	} {
		got, reason := rules.Normalise(id(c.namespace, c.value))
		if reason != c.reason || reason == "" && got.Value != c.want {
			t.Errorf("%s %q is %q, %q; want %q, %q", c.namespace, c.value, got.Value, reason, c.want, c.reason)
		}
	}
	rules.DefaultRegion = ""
	if _, reason := rules.Normalise(id("phone", "086 123 4567")); reason != identity.ReasonNoCountry {
		t.Errorf("without a region a number without a country is %q", reason)
	}
}

func TestParse_RefusalsNameThePlaceAndTheMend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ document, at string }{
		{`{`, ""},
		{`{"namespaces":[],"x":1}`, ""},
		{`{"namespaces":[]}`, "/namespaces"},
		{`{"namespaces":[{"name":"User"}]}`, "/namespaces/0/name"},
		{`{"namespaces":[{"name":"a"},{"name":"a"}]}`, "/namespaces/1/name"},
		{`{"namespaces":[{"name":"a","form":"x"}]}`, "/namespaces/0/form"},
		{`{"namespaces":[{"name":"a","keep":"x"}]}`, "/namespaces/0/keep"},
		{`{"namespaces":[{"name":"a","limit":{"days":3}}]}`, "/namespaces/0/limit"},
		{`{"namespaces":[{"name":"a","shared_above":-1}]}`, "/namespaces/0/shared_above"},
		{`{"namespaces":[{"name":"a","blocked":[{}]}]}`, "/namespaces/0/blocked/0"},
		{`{"namespaces":[{"name":"a"}],"blocked":[{"pattern":"(?=x)"}]}`, "/blocked/0/pattern"},
		{`{"namespaces":[{"name":"a"}],"blocked":[{"pattern":"` + strings.Repeat("x", 300) + `"}]}`, "/blocked/0/pattern"},
		{`{"namespaces":[{"name":"a"}],"default_region":"Eire"}`, "/default_region"},
		{`{"namespaces":[{"name":"a"}],"owner_before":"x"}`, "/owner_before"},
	} {
		_, err := identity.Parse([]byte(c.document))
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || f.Field != c.at {
			t.Errorf("%s: %v", c.document, err)
		}
	}
	r := identity.DefaultRules()
	again, err := identity.Parse(r.Document())
	if err != nil || string(again.Document()) != string(r.Document()) {
		t.Errorf("the rules of a new instance come back as %s, %v", again.Document(), err)
	}
}

func TestParse_BlocksValuesAndPatterns(t *testing.T) {
	t.Parallel()
	r, err := identity.Parse([]byte(`{"namespaces":[{"name":"user_id","blocked":[{"pattern":"^staff-"}]},{"name":"email","form":"email","blocked":[{"value":"desk@example.org"}]}],"blocked":[{"value":"demo"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"user_id:staff-1": true, "user_id:ann": false, "user_id:DEMO": true, "email:Desk@example.org": true, "email:staff-1@example.org": false, "device:demo": true,
	} {
		ns, value, _ := strings.Cut(name, ":")
		_, reason := r.Normalise(event.Identifier{Namespace: ns, Value: value})
		if (reason == identity.ReasonBlocked) != want {
			t.Errorf("%s: %q", name, reason)
		}
	}
}

// case of a vendor: events in their order, and who is who afterwards.
func TestResolve_VendorsCases(t *testing.T) {
	t.Parallel()
	day := identityInstant(24 * 3600 * 1_000_000)
	at := identityInstant(1_767_000_000_000_000)
	o := func(days int, all ...string) identitytest.Observation {
		var ids []event.Identifier
		for _, a := range all {
			ns, value, _ := strings.Cut(a, ":")
			ids = append(ids, id(ns, value))
		}
		return identitytest.Observation{At: at + identityInstant(days)*day, IDs: ids}
	}
	unique := func(change func(r *identity.Rules)) *identity.Rules {
		r := identity.DefaultRules()
		if change != nil {
			change(&r)
		}
		return &r
	}
	for name, c := range map[string]struct {
		rules *identity.Rules
		seen  []identitytest.Observation
		want  string
	}{
		"Segment: of two user ids on one address the second is somebody else": {
			unique(nil),
			[]identitytest.Observation{o(0, "user_id:abc123", "email:jane@example.com"), o(1, "user_id:abc456", "email:jane@example.com")},
			"[[email:jane@example.com user_id:abc123] [user_id:abc456]]",
		},
		"Segment: five devices within a week": {
			unique(func(r *identity.Rules) { r.Namespaces[3].Limit = identity.Limit{Count: 2, Days: 7} }),
			[]identitytest.Observation{o(0, "user_id:u", "anonymous_id:a"), o(1, "user_id:u", "anonymous_id:b"), o(2, "user_id:u", "anonymous_id:c"), o(9, "user_id:u", "anonymous_id:d")},
			"[[anonymous_id:a anonymous_id:b anonymous_id:d user_id:u] [anonymous_id:c]]",
		},
		"Adobe: the last who signed in has the device": {
			unique(func(r *identity.Rules) { r.Namespaces[3].Keep = identity.KeepLast }),
			[]identitytest.Observation{o(0, "user_id:Tom", "anonymous_id:111"), o(1, "user_id:Summer", "anonymous_id:111")},
			"[[anonymous_id:111 user_id:Summer] [user_id:Tom]]",
		},
		"Mixpanel: two user ids never merge": {
			unique(nil),
			[]identitytest.Observation{o(0, "user_id:a", "anonymous_id:d"), o(0, "user_id:b", "anonymous_id:e"), o(1, "user_id:a", "anonymous_id:e"), o(2, "user_id:b", "anonymous_id:d")},
			"[[anonymous_id:d user_id:a] [anonymous_id:e user_id:b]]",
		},
		"RudderStack: an address with too many user ids links nobody": {
			unique(nil),
			[]identitytest.Observation{o(0, "user_id:a", "email:f@example.org"), o(1, "user_id:b", "email:f@example.org"), o(2, "user_id:c", "email:f@example.org"), o(3, "user_id:d", "email:f@example.org")},
			"[[email:f@example.org] [user_id:a] [user_id:b] [user_id:c] [user_id:d]]",
		},
		"an alias makes two user ids one person": {
			unique(nil),
			[]identitytest.Observation{o(0, "user_id:ann", "user_id:old-ann"), o(1, "user_id:old-ann", "anonymous_id:d"), o(2, "user_id:ann", "anonymous_id:d")},
			"[[anonymous_id:d user_id:ann user_id:old-ann]]",
		},
	} {
		comp := gather(c.seen)
		if got := named(comp, c.rules.Resolve(comp, nil)); fmt.Sprint(got) != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, got, c.want)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	rules := identity.DefaultRules()
	rules.DefaultRegion = "IE"
	rules.Namespaces = append(rules.Namespaces, identity.Namespace{Name: "social", Form: identity.FormSocial}, identity.Namespace{Name: "card", Form: identity.FormLoyalty})
	for _, s := range []string{"Jane.Doe+x@gmail.com", "086 123 4567", "https://x.com/@jane", "12-34 AB", "jane@münchen.example", "null"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, n := range rules.Namespaces {
			got, reason := rules.Normalise(id(n.Name, value))
			if reason != "" {
				continue
			}
			if again, reason := rules.Normalise(got); reason != "" || again != got {
				t.Errorf("%s %q is %q, and that is %q (%s)", n.Name, value, got.Value, again.Value, reason)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	r := identity.DefaultRules()
	f.Add(r.Document())
	f.Add([]byte(`{"namespaces":[{"name":"a","blocked":[{"pattern":"^x"}]}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		r, err := identity.Parse(document)
		if err != nil {
			return
		}
		if _, err := identity.Parse(r.Document()); err != nil {
			t.Errorf("%s came back as %s: %v", document, r.Document(), err)
		}
	})
}
