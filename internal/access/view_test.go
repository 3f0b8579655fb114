package access_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"rapport/internal/access"
	"rapport/internal/fault"
)

func TestViews_AreTheirOwnersAndEverybodysWhereShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, _, err := access.Open(dir, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := access.OpenViews(r)
	ann, bob, root := &access.Member{ID: "ann"}, &access.Member{ID: "bob"}, &access.Member{ID: "root", Roles: []access.Role{access.Admin}}
	put := func(m *access.Member, w access.View) access.View {
		t.Helper()
		out, err := v.Put(m, w)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	own := put(ann, access.View{Name: " Mine ", Screen: "people", Search: map[string]string{"segment": "gold"}})
	shared := put(ann, access.View{Name: "All", Screen: "people", Search: map[string]string{"segment": "silver"}, Shared: true})
	put(bob, access.View{Name: "Bob's", Screen: "people", Search: map[string]string{"segment": "gold"}})
	names := func(member, screen string) (out string) {
		t.Helper()
		// Another node reads the same folder.
		all, err := access.OpenViews(r).Of(member, screen)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range all {
			out += w.Name + "; "
		}
		return out
	}
	if got := names("ann", "people") + names("bob", "people") + names("ann", "live"); got != "All; Mine; All; Bob's; " {
		t.Errorf("seen are %s", got)
	}
	if err := v.Drop(bob, own.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("somebody else's own view: %v", err)
	}
	shared.Name = "Ours"
	if _, err := v.Put(bob, shared); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a view that somebody else shares: %v", err)
	}
	if out := put(root, shared); out.Owner != "ann" || out.Created == "" {
		t.Errorf("an admin's change: %+v", out)
	}
	if err := v.Forget("ann"); err != nil {
		t.Fatal(err)
	}
	if got := names("ann", "people"); got != "Ours; " {
		t.Errorf("after she left: %s", got)
	}
	for at, w := range map[string]access.View{
		"/name":          {Screen: "people", Search: map[string]string{"segment": "gold"}},
		"/screen":        {Name: "x", Screen: "members", Search: map[string]string{"q": "a"}},
		"/search":        {Name: "x", Screen: "people"},
		"/search/q":      {Name: "x", Screen: "people", Search: map[string]string{"q": "ada@example.com"}},
		"/search/source": {Name: "x", Screen: "live", Search: map[string]string{"source": "a b"}},
	} {
		_, err := v.Put(ann, w)
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Kind != fault.Invalid || f.Field != at {
			t.Errorf("%s: %v", at, err)
		}
	}
}
