package consent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/identity"
)

func normalise(i event.Identifier) (event.Identifier, string) {
	rules := identity.DefaultRules()
	return rules.Normalise(i)
}

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestSuppression_FindsAContactHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	h := consent.NewSuppressionHasher([16]byte{3})
	mail, _ := normalise(event.Identifier{Namespace: event.Email, Value: "Ada@Example.org"})
	number, _ := normalise(event.Identifier{Namespace: event.Phone, Value: "+43 660 1234567"})
	for _, x := range []struct {
		c    consent.SuppressedContact
		want []consent.Subject
	}{
		{consent.SuppressedContact{Email: " ADA@example.org "}, h.Of(mail)},
		{consent.SuppressedContact{EmailSHA256: hashed("ada@example.org")}, h.Of(mail)},
		{consent.SuppressedContact{EmailSHA256: strings.ToUpper(hashed("ada@example.org"))}, h.Of(mail)},
		{consent.SuppressedContact{Phone: "0043 660 123 45 67"}, h.Of(number)[:1]},
		{consent.SuppressedContact{PhoneSHA256: hashed("+436601234567")}, h.Of(number)[:1]},
		{consent.SuppressedContact{PhoneSHA256: hashed("436601234567")}, h.Of(number)[1:]},
	} {
		if got, reason := h.Subject(&x.c, normalise); reason != "" || got != x.want[0] {
			t.Errorf("%+v: %s, %q, want %s", x.c, got, reason, x.want[0])
		}
	}
	if other := consent.NewSuppressionHasher([16]byte{4}); other.Of(mail)[0] == h.Of(mail)[0] {
		t.Error("two instances hash alike")
	}
	for want, c := range map[string]consent.SuppressedContact{
		consent.ReasonNoContact: {Email: "a@b.org", Phone: "+43"}, consent.ReasonNotHash: {EmailSHA256: "abc"}, identity.ReasonNotEmail: {Email: "nobody"},
	} {
		if _, reason := h.Subject(&c, normalise); reason != want {
			t.Errorf("%+v: %q, want %q", c, reason, want)
		}
	}
}

func TestReadContacts_TakesLinesAndColumns(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                                     "",
		"a@b.org\nc@d.org\n":                   "1:a@b.org 2:c@d.org",
		"\xef\xbb\xbfEmail;x\na@b.org":         "1:Email;x 2:a@b.org",
		"name,EMAIL,phone\nAda,a@b.org,\n,,+4": "2:a@b.org 3:+4",
		"email\n\"a@b.org\"\n":                 "2:a@b.org",
		"email_sha256\nff\n":                   "2:ff",
		`{"email":"a@b.org"}` + "\n\n" + `{"phone":"+4"}`:          "1:a@b.org 3:+4",
		`{"email":"a"}` + "\n" + `{"mail":"a"}` + "\n" + `{"email`: "1:a 2! 3!",
		`{"email":"a"}{"email":"b"}`:                               "1!",
	} {
		var got []string
		err := consent.ReadContacts([]byte(body), func(line int, c *consent.SuppressedContact, err error) {
			if err != nil {
				got = append(got, fmt.Sprintf("%d!", line))
				return
			}
			got = append(got, fmt.Sprintf("%d:%s", line, c.Email+c.Phone+c.EmailSHA256+c.PhoneSHA256))
		})
		if text := strings.Join(got, " "); err != nil || text != want {
			t.Errorf("%q: %s, %v, want %s", body, text, err, want)
		}
	}
	if err := consent.ReadContacts([]byte(strings.Repeat("a@b.org\n", consent.MaxContacts+1)), func(int, *consent.SuppressedContact, error) {}); err == nil {
		t.Error("there is no bound")
	}
}

func FuzzReadContacts(f *testing.F) {
	f.Add([]byte("email,phone\na@b.org,+1\n\"x\ny\",z"))
	f.Add([]byte(`{"email":"a@b.org"}`))
	h := consent.NewSuppressionHasher([16]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		last := 0
		_ = consent.ReadContacts(b, func(line int, c *consent.SuppressedContact, err error) {
			if line < last {
				t.Errorf("line %d after %d of %q", line, last, b)
			}
			last = line
			if err == nil {
				h.Subject(c, normalise)
			}
		})
	})
}
