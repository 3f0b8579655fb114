package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// lists shows all lists with the first letters of what is on them.
func lists(t testing.TB, p *Pipeline) string {
	t.Helper()
	var out []string
	for _, l := range p.SuppressionLists() {
		page, err := p.Suppressions(l.Key, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != l.Entries {
			t.Errorf("%s has %d entries and lists %d", l.Key, l.Entries, len(page.Items))
		}
		out = append(out, fmt.Sprintf("%+v %v", l, page.Items))
	}
	return strings.Join(out, "\n")
}

func TestSuppress_KeepsListsAndARebuildFindsThem(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p, c, disk := openConsent(t)
	suppress := func(list string, op SuppressionOp, body string) SuppressionResult {
		t.Helper()
		out, _, err := p.Suppress(ctx, list, op, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if _, _, err := p.Suppress(ctx, "mail", SuppressAdd, []byte("a@b.org")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a list that is not there: %v", err)
	}
	for _, l := range []consent.SuppressionList{{Key: "mail", Name: "No mail", Channel: "email"}, {Key: "all", Name: "Nothing"}, {Key: "gone", Name: "x"}} {
		if made, _, err := p.PutSuppressionList(ctx, l); err != nil || !made {
			t.Fatal(made, err)
		}
	}
	if made, _, err := p.PutSuppressionList(ctx, consent.SuppressionList{Key: "all", Name: "Nothing at all"}); err != nil || made {
		t.Error(made, err)
	}
	if _, _, err := p.PutSuppressionList(ctx, consent.SuppressionList{Key: "a/b", Name: "x"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a strange key: %v", err)
	}
	if out := suppress("mail", SuppressAdd, "Ada@Example.org\nnobody\nada@example.org\nbob@example.org"); out.Changed != 2 || out.Known != 1 || out.Failed != 1 || out.Refused[0].Line != 2 {
		t.Errorf("added %+v", out)
	}
	sum := sha256.Sum256([]byte("cay@example.org"))
	if out := suppress("mail", SuppressAdd, `{"email_sha256":"`+hex.EncodeToString(sum[:])+`"}`+"\n"+`{"email":"bob@example.org"}`); out.Changed != 1 || out.Known != 1 {
		t.Errorf("added %+v", out)
	}
	var many strings.Builder
	for n := range 2 * suppressionChunk {
		fmt.Fprintf(&many, "n%d@example.org\n", n)
	}
	if out := suppress("gone", SuppressAdd, many.String()); out.Changed != 2*suppressionChunk {
		t.Errorf("added %+v", out)
	}
	if _, err := p.DropSuppressionList(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	if out := suppress("mail", SuppressRemove, "bob@example.org\ndan@example.org"); out.Changed != 1 || out.Known != 1 {
		t.Errorf("removed %+v", out)
	}
	if on, err := p.SuppressedOn(ctx, "", &consent.SuppressedContact{Email: "CAY@example.org"}); err != nil || len(on) != 1 || on[0].List != "mail" {
		t.Errorf("cay is on %v, %v", on, err)
	}
	before := lists(t, p)
	for step, again := range []func(context.Context, Config) error{
		func(context.Context, Config) error { return nil },
		func(ctx context.Context, c Config) error { return Rebuild(ctx, c, nil) },
	} {
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		if err := again(ctx, c); err != nil {
			t.Fatal(err)
		}
		c.Store = memory.Open(disk)
		var err error
		if p, err = Open(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
		if after := lists(t, p); after != before {
			t.Errorf("%d: the lists were\n%s\nand are\n%s", step, before, after)
		}
	}
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestPermit_AsksThePersonThePolicyAndTheLists(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p, _, _ := openConsent(t)
	send(t, p, "open",
		strings.Replace(did(1, "u:ada", "1", words(`"advertising":true`)), `"context"`, `"traits":{"email":"ada@example.org"},"context"`, 1),
		did(2, "u:bob", "2", words(`"advertising":false`)), did(3, "u:cay", "3", `{}`))
	for _, l := range []consent.SuppressionList{{Key: "mail", Name: "No mail", Channel: "email"}} {
		if _, _, err := p.PutSuppressionList(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := p.Suppress(ctx, "mail", SuppressAdd, []byte("ada@example.org")); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		who  string
		uses []Use
		want string
	}{
		{"ada", []Use{{"advertising", "web"}}, "granted"},
		{"ada", []Use{{"advertising", "email"}}, "suppressed"},
		{"ada", []Use{{"service", ""}}, "not_asked"},
		{"ada", []Use{{"advertising", "web"}, {"analytics", "web"}}, "no_consent"},
		{"bob", []Use{{"advertising", "email"}}, "denied"},
		{"cay", []Use{{"advertising", ""}}, "no_consent"},
	} {
		may, err := p.Permit(ctx, "user_id:"+x.who, x.uses, p.clock.Now())
		if err != nil || may.Reason != x.want || may.Allowed != (x.want == "granted" || x.want == "not_asked") {
			t.Errorf("%s, %v: %+v, %v, want %s", x.who, x.uses, may, err, x.want)
		}
		if may != nil && may.Anchor != (event.Identifier{Namespace: event.UserID, Value: x.who}).Key() {
			t.Errorf("%s is sealed under another", x.who)
		}
	}
	if _, err := p.Permit(ctx, "user_id:ada", []Use{{"spying", ""}}, 1); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown purpose: %v", err)
	}
}

func TestErase_KeepsAHashWhereItIsAskedTo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p, _, _ := openConsent(t)
	for _, key := range []string{"kept", "left"} {
		if _, _, err := p.PutSuppressionList(ctx, consent.SuppressionList{Key: key, Name: key}); err != nil {
			t.Fatal(err)
		}
	}
	send(t, p, "open", strings.Replace(did(1, "u:ada-lovelace", "1", `{}`), `"context"`, `"traits":{"email":"ada@example.org"},"context"`, 1))
	if _, _, err := p.Suppress(ctx, "left", SuppressAdd, []byte("ada@example.org\nbob@example.org")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []PrivacyCommand{{Type: ErasureRequest, Suppress: []string{"nowhere"}}, {Type: AccessRequest, Suppress: []string{"kept"}}} {
		c.Refs = []string{"user_id:ada-lovelace"}
		if _, err := p.RequestPrivacy(ctx, c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	r, err := p.RequestPrivacy(ctx, PrivacyCommand{Type: ErasureRequest, Refs: []string{"user_id:ada-lovelace"}, Suppress: []string{"kept"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RunPrivacy(ctx, r.ID, ErasePlan{}, nil); err != nil {
		t.Fatal(err)
	}
	for mail, want := range map[string]string{"ada@example.org": "kept", "bob@example.org": "left"} {
		on, err := p.SuppressedOn(ctx, "", &consent.SuppressedContact{Email: mail})
		if err != nil || len(on) != 1 || on[0].List != want {
			t.Errorf("%s is on %v, %v, want %s", mail, on, err, want)
		}
	}
	err = p.store.Log().Read(ctx, 0, func(r *store.Record) error {
		if strings.Contains(string(r.Payload), "ada@example.org") {
			t.Errorf("a record of kind %d at %d has the address", r.Kind, r.Position)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is on suppression lists comes out of the memory that rows of people have.
func TestSuppress_ListsTakeOfTheMemoryOfPeople(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p, c, disk := openConsent(t)
	change := func(op SuppressionOp, from, to int) {
		t.Helper()
		var some strings.Builder
		for n := from; n < to; n++ {
			fmt.Fprintf(&some, "n%d@example.org\n", n)
		}
		if _, _, err := p.Suppress(ctx, "mail", op, []byte(some.String())); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(p *Pipeline) int {
		w := p.people[0]
		p.lanes[0].mu.Lock()
		defer p.lanes[0].mu.Unlock()
		w.trim()
		return w.anchors.Limit
	}
	before := rows(p)
	if _, _, err := p.PutSuppressionList(ctx, consent.SuppressionList{Key: "mail", Name: "No mail"}); err != nil {
		t.Fatal(err)
	}
	change(SuppressAdd, 0, 5000)
	change(SuppressAdd, 4000, 5000) // known
	change(SuppressRemove, 3000, 4000)
	change(SuppressRemove, 3000, 3500) // gone
	share := p.SuppressedBytes() / int64(len(p.people))
	if p.SuppressedBytes() != 4000*suppressedBytes || int64(before-rows(p)) != share {
		t.Errorf("4,000 contacts take %d bytes, %d of the first lane's rows, want %d", p.SuppressedBytes(), before-rows(p), share)
	}
	closeNow(t, p)
	c.Store = memory.Open(disk)
	p, err := Open(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, p)
	if p.SuppressedBytes() != 4000*suppressedBytes {
		t.Errorf("after a start they take %d bytes", p.SuppressedBytes())
	}
	if _, err := p.DropSuppressionList(ctx, "mail"); err != nil {
		t.Fatal(err)
	}
	if p.SuppressedBytes() != 0 {
		t.Errorf("after the list is gone they take %d bytes", p.SuppressedBytes())
	}
}
