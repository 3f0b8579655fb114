package access_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

const password = "a few good words"

// house is a register with sessions on a clock that tests move.
type house struct {
	*access.Register
	dir      string
	now      time.Time
	sessions *access.Sessions
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{dir: t.TempDir(), now: start}
	var err error
	if h.Register, _, err = access.Open(vfs.Default, h.dir, func() time.Time { return h.now }, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if h.sessions, err = access.OpenSessions(h.Register); err != nil {
		t.Fatal(err)
	}
	return h
}

// admin signs the first member up.
func (h *house) admin(t *testing.T) access.Member {
	t.Helper()
	token, err := h.Welcome()
	if err != nil || token == "" {
		t.Fatalf("welcome %q: %v", token, err)
	}
	m, err := h.Enter(token, "Ada", "Ada@Example.org", password)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWelcome_LetsExactlyOneAdminIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, err := h.Prepare("", "")
	if err != nil || s.Welcome == "" {
		t.Fatalf("no welcome: %v", err)
	}
	again, err := h.Prepare("", "")
	if err != nil || again.Welcome != s.Welcome {
		t.Errorf("another start made another link: %v", err)
	}
	m, err := h.Enter(s.Welcome, "Ada", "Ada@Example.org", password)
	if err != nil || m.Email != "ada@example.org" || len(m.Roles) != 1 || m.Roles[0] != access.Admin {
		t.Fatalf("entered %+v: %v", m, err)
	}
	if _, err := h.Enter(s.Welcome, "Eve", "eve@example.org", password); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("the link was good twice: %v", err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "console-link")); !os.IsNotExist(err) {
		t.Errorf("the link's file is still there: %v", err)
	}
	if token, err := h.Welcome(); err != nil || token != "" {
		t.Errorf("a welcome although there is an admin: %q, %v", token, err)
	}
	text, _ := os.ReadFile(filepath.Join(h.dir, "access.yaml"))
	if strings.Contains(string(text), password) || strings.Contains(string(text), s.Welcome) {
		t.Error("the document holds a password or a link")
	}
}

func TestWelcome_EndsAfterADay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, err := h.Welcome()
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(access.LinkLife)
	if _, err := h.Enter(token, "Ada", "ada@example.org", password); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("an old link lets in: %v", err)
	}
}

func TestMembers_InvitationAndWayBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.admin(t)
	bob, link, err := h.PutMember("ada", access.Member{Name: "Bob", Email: "bob@example.org", Roles: []access.Role{access.Viewer}})
	if err != nil || link == "" || bob.CanSignIn() {
		t.Fatalf("invited %+v: %v", bob, err)
	}
	if _, _, err := h.sessions.SignIn("bob@example.org", ""); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("in without a password: %v", err)
	}
	if _, err := h.Enter(link, "", "", "short"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a short password: %v", err)
	}
	if _, err := h.Enter(link, "", "", password); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.sessions.SignIn("BOB@example.org", password); err != nil {
		t.Errorf("bob cannot sign in: %v", err)
	}
	back, _, err := h.MemberLink("ada", "bob@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Enter(back, "", "", "another few words"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.sessions.SignIn("bob@example.org", password); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("the old password is still good: %v", err)
	}
}

func TestMembers_TheLastAdminStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.admin(t)
	for name, change := range map[string]func() error{
		"dropped": func() error { return h.DropMember("x", ada.ID) },
		"demoted": func() error {
			m := ada
			m.Roles = []access.Role{access.Viewer}
			_, _, err := h.PutMember("x", m)
			return err
		},
		"disabled": func() error { m := ada; m.Disabled = true; _, _, err := h.PutMember("x", m); return err },
	} {
		if err := change(); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMembers_BadOnesAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.admin(t)
	roles := []access.Role{access.Viewer}
	for name, m := range map[string]access.Member{
		"no address":   {Name: "x", Email: "x", Roles: roles},
		"a name in it": {Name: "x", Email: "Bob <bob@example.org>", Roles: roles},
		"no name":      {Email: "bob@example.org", Roles: roles},
		"no roles":     {Name: "x", Email: "bob@example.org"},
		"unknown role": {Name: "x", Email: "bob@example.org", Roles: []access.Role{"owner"}},
		"there twice":  {Name: "x", Email: "ADA@example.org", Roles: roles},
	} {
		if _, _, err := h.PutMember("x", m); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(h.Index().Document().Members); n != 1 {
		t.Errorf("%d members", n)
	}
}

func TestSessions_EndByTimeByHandAndWithTheMember(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.admin(t)
	bob, link, err := h.PutMember("x", access.Member{Name: "Bob", Email: "bob@example.org", Roles: []access.Role{access.Admin}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Enter(link, "", "", password); err != nil {
		t.Fatal(err)
	}
	in := func() string {
		t.Helper()
		token, m, err := h.sessions.SignIn("bob@example.org", password)
		if err != nil || m.ID != bob.ID {
			t.Fatalf("sign in: %+v, %v", m, err)
		}
		return token
	}
	is := func(token string, want bool, when string) {
		t.Helper()
		if m, _ := h.sessions.Of(token); (m != nil) != want {
			t.Errorf("%s: signed in %t", when, m != nil)
		}
	}
	a, b := in(), in()
	is(a, true, "at first")
	is("", false, "no token")
	is("x"+a, false, "forged")
	if err := h.sessions.End(a, false); err != nil {
		t.Fatal(err)
	}
	is(a, false, "ended")
	is(b, true, "the other")
	again, err := access.OpenSessions(h.Register)
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := again.Of(b); m == nil {
		t.Error("a restart signs out")
	}
	h.now = h.now.Add(access.SessionLife)
	is(b, false, "after its life")
	c := in()
	m := bob
	m.Disabled = true
	if _, _, err := h.PutMember("x", m); err != nil {
		t.Fatal(err)
	}
	is(c, false, "disabled")
}

func TestSessions_WrongPasswordsWaitAndOnlyThatAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.admin(t)
	for range 10 {
		if _, _, err := h.sessions.SignIn("ada@example.org", "wrong password"); fault.KindOf(err) != fault.Unauthenticated {
			t.Fatal(err)
		}
	}
	if _, _, err := h.sessions.SignIn("ada@example.org", password); fault.KindOf(err) != fault.Limited {
		t.Errorf("after ten tries: %v", err)
	}
	if _, _, err := h.sessions.SignIn("nobody@example.org", password); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("another account: %v", err)
	}
	h.now = h.now.Add(15 * time.Minute)
	if _, _, err := h.sessions.SignIn("ada@example.org", password); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestSessions_AnotherSpellingOrManyAtOnceGiveNoMoreTries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.admin(t)
	if _, _, err := h.sessions.SignIn(ada.ID, password); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("signed in by id: %v", err)
	}
	var refused, limited atomic.Int32
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			email := []string{"ada@example.org", "ADA@example.org", " Ada@Example.org "}[i%3]
			switch _, _, err := h.sessions.SignIn(email, "wrong password"); fault.KindOf(err) {
			case fault.Unauthenticated:
				refused.Add(1)
			case fault.Limited:
				limited.Add(1)
			}
		})
	}
	all.Wait()
	if refused.Load() != 10 || limited.Load() != 20 {
		t.Errorf("%d passwords were tried, %d tries were turned away", refused.Load(), limited.Load())
	}
}

func TestRoles_EachAddsAndNoneReachesKeysButAdmin(t *testing.T) {
	t.Parallel()
	for _, role := range access.Roles() {
		p := access.OfMember(&access.Member{Roles: []access.Role{role}})
		if got := p.May(access.Access, access.ScopeRead); got != (role == access.Admin) {
			t.Errorf("%s reads keys: %t", role, got)
		}
		if !p.May(access.Profiles, access.ScopeRead) || !p.May(access.Self, access.ScopeWrite) || !p.Masked() {
			t.Errorf("%s does not read profiles masked", role)
		}
		if got := p.May(access.PrivacyDesk, access.ScopeAdmin); got != (role == access.Admin || role == access.Privacy) {
			t.Errorf("%s erases: %t", role, got)
		}
	}
	both := access.OfMember(&access.Member{Roles: []access.Role{access.Analyst, access.Developer}})
	if !both.May(access.Segments, access.ScopeWrite) || !both.May(access.Sources, access.ScopeAdmin) || both.MayUnmask() {
		t.Error("two roles do not add up")
	}
}

func TestSecretKeys_EndAndKeepToTheirNetworks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, err := h.CreateSecretKey("x", "", access.KeyTerms{
		Name: "n", Scopes: access.Scopes(), Expires: clock.From(h.now.Add(time.Hour)), Networks: []string{"192.0.2.0/24", "2001:db8::1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for from, kind := range map[string]fault.Kind{
		"192.0.2.7:1234": fault.Internal, "[2001:db8::1]:9": fault.Internal, "[::ffff:192.0.2.8]:1": fault.Internal,
		"198.51.100.1:1": fault.Forbidden, "[2001:db8::2]:1": fault.Forbidden, "": fault.Forbidden,
	} {
		got, err := h.Admit(k.Secret, from)
		if kind == fault.Internal && (err != nil || got == nil) || kind != fault.Internal && fault.KindOf(err) != kind {
			t.Errorf("from %q: %v, %v", from, got, err)
		}
	}
	if h.LastUse(k.ID) == 0 {
		t.Error("no use noted")
	}
	if err := h.KeepUses(); err != nil {
		t.Fatal(err)
	}
	if open(t, h.dir).LastUse(k.ID) == 0 {
		t.Error("the use is forgotten at a restart")
	}
	passing, err := h.MachineKey("a command")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Admit(passing.Secret, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.RevokeSecretKey("x", passing.ID), h.KeepUses()); err != nil {
		t.Fatal(err)
	}
	if again := open(t, h.dir); again.LastUse(passing.ID) != 0 || again.LastUse(k.ID) == 0 {
		t.Error("uses are kept of the keys that are there, and of no others")
	}
	h.now = h.now.Add(time.Hour)
	if _, err := h.Admit(k.Secret, "192.0.2.7:1"); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("after its end: %v", err)
	}
	if _, err := h.CreateSecretKey("x", "", access.KeyTerms{Scopes: access.Scopes(), Networks: []string{"everywhere"}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a network that is none: %v", err)
	}
}

func TestSecretKeys_RotateWithOverlap(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, err := h.CreateSecretKey("x", "", access.KeyTerms{Name: "shop", Scopes: []string{access.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := h.RotateSecretKey("x", old.ID, time.Hour)
	if err != nil || fresh.Name != "shop" || len(fresh.Scopes) != 1 || fresh.Secret == old.Secret {
		t.Fatalf("rotated to %+v: %v", fresh, err)
	}
	good := func(k access.NewKey) bool {
		got, err := h.Admit(k.Secret, "192.0.2.1:1")
		return got != nil && err == nil
	}
	if !good(old) || !good(fresh) {
		t.Error("one of the two is refused during the overlap")
	}
	h.now = h.now.Add(time.Hour)
	if good(old) || !good(fresh) {
		t.Error("after the overlap the old one is good, or the new one is not")
	}
	// One that ends gives way to one that lasts as long as it was made for.
	ends, err := h.CreateSecretKey("x", "", access.KeyTerms{Name: "n", Scopes: access.Scopes(), Expires: clock.From(h.now.Add(48 * time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(24 * time.Hour)
	if fresh, err = h.RotateSecretKey("x", ends.ID, time.Hour); err != nil || fresh.Expires != clock.From(h.now.Add(48*time.Hour)).String() {
		t.Errorf("rotated to one that ends %q: %v", fresh.Expires, err)
	}
}

func TestAudit_PagesFiltersAndSurvivesATornLine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, err := access.OpenAudit(h.Register)
	if err != nil {
		t.Fatal(err)
	}
	note := func(actor, operation string, at time.Time) {
		t.Helper()
		if err := a.Note(access.Entry{At: clock.From(at), Actor: actor, Operation: operation, About: a.Mark(actor)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		note("a", "put-segment", start.AddDate(0, 0, i*10)) // over two months
		note("b", "get-profile", start.AddDate(0, 0, i*10))
	}
	a.Close()
	files, _ := filepath.Glob(filepath.Join(h.dir, "audit", "*.jsonl"))
	if len(files) != 2 {
		t.Fatalf("files %v", files)
	}
	f, err := os.OpenFile(files[1], os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"at":"2026-04`) //nolint:errcheck // a torn line
	f.Close()                       //nolint:errcheck // see above
	if a, err = access.OpenAudit(h.Register); err != nil {
		t.Fatal(err)
	}
	note("c", "after-a-crash", start.AddDate(0, 0, 42))
	if after, _, err := a.List(access.AuditQuery{Actor: "c", Limit: 9}); err != nil || len(after) != 1 {
		t.Errorf("after a torn line: %v, %v", after, err)
	}
	a.Close()
	// What the disk does not take waits in memory and is written in its order.
	blocked := filepath.Join(h.dir, "audit", "2027-01.jsonl")
	if err := os.Mkdir(blocked, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := a.Note(access.Entry{At: clock.From(start.AddDate(0, 10, n)), Actor: "d", Operation: fmt.Sprint("late-", n)}); err == nil {
			t.Error("an entry is written down where nothing can be written")
		}
	}
	if err := errors.Join(os.Remove(blocked), a.Catch()); err != nil {
		t.Fatal(err)
	}
	if late, _, err := a.List(access.AuditQuery{Actor: "d", Limit: 9}); err != nil || len(late) != 3 || late[0].Operation != "late-2" {
		t.Errorf("once there is room: %v, %v", late, err)
	}
	a.Close()
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	var got []access.Entry
	q := access.AuditQuery{Actor: "a", Limit: 2}
	for pages := 0; ; pages++ {
		page, next, err := a.List(q)
		if err != nil || pages > 5 {
			t.Fatalf("page %d: %v", pages, err)
		}
		got = append(got, page...)
		if next == "" {
			break
		}
		q.Cursor = next
	}
	if len(got) != 5 || got[0].At <= got[4].At {
		t.Errorf("entries %+v", got)
	}
	about, _, err := a.List(access.AuditQuery{About: a.Mark("b"), From: clock.From(start.AddDate(0, 0, 15)), Limit: 100})
	if err != nil || len(about) != 3 {
		t.Errorf("about b since: %d, %v", len(about), err)
	}
	if _, _, err := a.List(access.AuditQuery{Cursor: "?", Limit: 1}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a bad cursor: %v", err)
	}
}

// TestSessions_AreKnownWhileOneIsShared asks who a session is of while another
// one is brought to a database that takes its time.
func TestSessions_AreKnownWhileOneIsShared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.admin(t)
	token, err := h.sessions.Begin(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	h.Share(func(string) error {
		asked++
		if who, _ := h.sessions.Of(token); who == nil || who.ID != m.ID {
			t.Errorf("the session is of %v", who)
		}
		return nil
	})
	second, err := h.sessions.Begin(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.sessions.End(second, false); err != nil || asked != 2 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	h.Share(func(string) error {
		who, _ := h.sessions.Of(token)
		if asked++; who != nil {
			t.Errorf("the session is still of %v", who)
		}
		return nil
	})
	if err := h.sessions.EndMember(m.ID); err != nil || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}
