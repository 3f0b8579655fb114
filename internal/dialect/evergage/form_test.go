package evergage_test

import (
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
)

func TestForms_MaskPersonalDataAndKeepNoSecrets(t *testing.T) {
	t.Parallel()
	fields := map[string][2]string{
		"email":       {`jane.doe@x.example`, `j***@x.example`},
		"First Name":  {`Zoë`, `Z***`},
		"phone":       {`+43 660 123 45 67`, `***67`},
		"password":    {`hunter2-of-jane`, `***`},
		"card_number": {`4111 1111`, `***`},
		"note":        {`4111 1111 1111 1111`, `***`},
		"comment":     {`call 0660/1234567 or jane@x.example, order 12345`, `call ***67 or j***@x.example, order 12345`},
		"shipping":    {`express`, `express`},
		"age":         {`41`, `41`},
	}
	for name, f := range fields {
		for _, body := range []string{
			`{"action":"Sent","form":{"id":"f1","name":"Contact","fields":{"` + name + `":"` + f[0] + `"}},` + anon + `}`,
			`{"interaction":{"name":"SubmitForm","form":{"id":"f1","fields":[{"name":"` + name + `","value":"` + f[0] + `"}]}},` + anon + `}`,
		} {
			l := &dialecttest.Ledger{Dialect: evergage.Dialect}
			if w := send(evergage.New(config(l)), call{path: "/api2/event/engage", body: body}); w.Code != 200 {
				t.Fatalf("%s: %d %s", body, w.Code, w.Body)
			}
			a := l.Only(t)
			if got := a.Event.Properties.Path("form", name).Text(); got != f[1] || a.Event.Properties.Get("form_id").Text() != "f1" {
				t.Errorf("%s %q became %q, want %q", name, f[0], got, f[1])
			}
			kept := string(a.Event.Body.Raw())
			if f[1] == "***" && strings.Contains(kept, f[0]) {
				t.Errorf("%s reached the log: %s", name, kept)
			}
			if len(a.Event.Identifiers) != 1 {
				t.Errorf("%s named the person without its consent: %v", name, a.Event.Identifiers)
			}
			if again, err := replayed(a); err != nil || described(again) != described(a.Event) {
				t.Errorf("%s: out of the log it is %v %v", name, again, err)
			}
		}
	}
}

func TestForms_NameThePersonWhoAgreed(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	body := `{"action":"Sent","form":{"id":"f1","consent":true,"fields":{"email":"jane@x.example","mobile":"+436601234567","newsletter":true}},` + anon + `}`
	send(evergage.New(config(l)), call{path: "/api2/event/engage", body: body})
	want := `track "Sent" email:jane@x.example phone:+436601234567` + isAnon + ` p={"form":{"email":"j***@x.example","mobile":"***67","newsletter":true},"form_id":"f1"}`
	if got := described(l.Only(t).Event); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
