package access_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/fault"
)

func TestViews_AreTheirOwnersAndEverybodysWhereShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, _, err := access.Open(vfs.Default, dir, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := access.OpenViews(r)
	member := func(name string, role access.Role) *access.Member {
		t.Helper()
		m, _, err := r.PutMember("test", access.Member{Name: name, Email: name + "@example.com", Roles: []access.Role{role}})
		if err != nil {
			t.Fatal(err)
		}
		return &m
	}
	root, ann, bob := member("root", access.Admin), member("ann", access.Viewer), member("bob", access.Viewer)
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
	if got := names(ann.ID, "people") + names(bob.ID, "people") + names(ann.ID, "live"); got != "All; Mine; All; Bob's; " {
		t.Errorf("seen are %s", got)
	}
	if err := v.Drop(bob, own.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("somebody else's own view: %v", err)
	}
	shared.Name = "Ours"
	if _, err := v.Put(bob, shared); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a view that somebody else shares: %v", err)
	}
	if out := put(root, shared); out.Owner != ann.ID || out.Created == "" {
		t.Errorf("an admin's change: %+v", out)
	}
	if err := r.DropMember("test", ann.ID); err != nil {
		t.Fatal(err)
	}
	if err := v.Sweep(); err != nil {
		t.Fatal(err)
	}
	if got := names(ann.ID, "people"); got != "Ours; " {
		t.Errorf("after she left: %s", got)
	}
	// Taken away from the command line, or where the server failed in between.
	if err := r.DropMember("test", bob.ID); err != nil {
		t.Fatal(err)
	}
	put(root, access.View{Name: "New", Screen: "people", Search: map[string]string{"segment": "gold"}})
	if got := names(bob.ID, "people"); got != "Ours; " {
		t.Errorf("after he left too: %s", got)
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
