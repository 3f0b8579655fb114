package evergage

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// What people type into forms is captured so that it can be read without
// giving them away: personal data is masked in what is shown and counted, and
// secrets (passwords, card numbers) never reach the log.

const (
	masked = "***"
	// maxAnswer is how much of a free text is kept, in bytes.
	maxAnswer = 2_000
)

// Names of fields, folded. A name counts that contains one of them.
var (
	secretNames = [...]string{
		"password", "passwd", "passphrase", "pwd", "cvv", "cvc", "cardnumber", "creditcard", "iban", "accountnumber",
		"ssn", "socialsecurity", "taxid", "passport", "nationalid", "secret", "token", "pin",
	}
	personalNames = [...]string{"firstname", "lastname", "fullname", "surname", "givenname", "familyname", "street", "address", "birth", "zip", "postalcode", "postcode"}
	phoneNames    = [...]string{"phone", "mobile", "tel", "fax"}
)

var (
	emailShape  = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	digitsShape = regexp.MustCompile(`\+?\d[\d \-./()]{5,24}\d`)
)

// contains tells whether a folded name has one of the words in it; short words
// must be the whole name, or every "shipping" would have a "pin".
func contains(name string, words []string) bool {
	for _, w := range words {
		if name == w || len(w) > 3 && strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// eachField visits the fields of a form: an object of names and values, or a
// list of objects with both.
func eachField(form jsondoc.Value, visit func(name string, v jsondoc.Value)) {
	fields := form.Get("fields")
	fields.Each(func(name string, v jsondoc.Value) bool {
		visit(name, v)
		return true
	})
	fields.Items(func(_ int, v jsondoc.Value) bool {
		visit(scalar(first(v, "name", "id")), v.Get("value"))
		return true
	})
}

// form writes a form with its answers, masked. Who agreed to it is known by
// the address and the number that the form asked for.
func (g *mapping) form(v jsondoc.Value) {
	if v.Kind() != jsondoc.Object {
		return
	}
	w := &g.out
	w.value("form_id", first(v, "id", "formId"))
	w.value("form_name", first(v, "name", "formName"))
	agreed, _ := v.Get("consent").Bool()
	m := w.open("form", '{')
	eachField(v, func(name string, x jsondoc.Value) {
		answer := scalar(x)
		if name == "" || answer == "" {
			if b, ok := x.Bool(); ok && b && name != "" {
				w.yes(name)
			}
			return
		}
		w.text(name, mask(name, answer))
		if agreed {
			g.answered(name, answer)
		}
	})
	w.close(m)
}

func (g *mapping) answered(name, answer string) {
	switch n := folded(name); {
	case n == "email" || n == "emailaddress":
		g.add(event.Email, answer)
	case contains(n, phoneNames[:]):
		g.add(event.Phone, answer)
	}
}

// mask hides what would name a person in the answer to a field.
func mask(name, answer string) string {
	n := folded(name)
	answer = strings.TrimSpace(answer)
	switch {
	case secret(n, answer):
		return masked
	case contains(n, phoneNames[:]):
		return maskNumber(answer)
	case contains(n, personalNames[:]) || n == "name":
		return initial(answer) + masked
	}
	if len(answer) > maxAnswer {
		answer = strings.ToValidUTF8(answer[:maxAnswer], "")
	}
	answer = emailShape.ReplaceAllStringFunc(answer, maskEmail)
	return digitsShape.ReplaceAllStringFunc(answer, func(s string) string {
		if countDigits(s) < 7 {
			return s
		}
		return maskNumber(s)
	})
}

// secret tells what must not be kept at all.
func secret(foldedName, answer string) bool {
	return contains(foldedName, secretNames[:]) || cardNumber(answer)
}

func initial(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return ""
	}
	return s[:n]
}

func maskEmail(s string) string {
	_, host, _ := strings.Cut(s, "@")
	return initial(s) + masked + "@" + host
}

// maskNumber leaves the last two digits.
func maskNumber(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	if len(digits) < 4 {
		return masked
	}
	return masked + digits[len(digits)-2:]
}

func countDigits(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n
}

// cardNumber tells a text that is the number of a payment card by its length
// and its check digit.
func cardNumber(s string) bool {
	sum, n := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		switch {
		case c == ' ' || c == '-':
			continue
		case c < '0' || c > '9':
			return false
		}
		d := int(c - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return n >= 13 && n <= 19 && sum%10 == 0
}

// scrub takes the secrets out of the forms in a body before it is kept. It
// gives nothing where there are none.
func scrub(body jsondoc.Value) []byte {
	raw := body.Raw()
	var found []jsondoc.Value
	look := func(name string, v jsondoc.Value) {
		if answer := scalar(v); answer != "" && answer != masked && secret(folded(name), answer) {
			found = append(found, v)
		}
	}
	for _, form := range [...]jsondoc.Value{body.Get("form"), body.Path("interaction", "form")} {
		eachField(form, look)
	}
	if len(found) == 0 {
		return nil
	}
	out := bytes.NewBuffer(make([]byte, 0, len(raw)))
	at := 0
	for _, v := range found {
		from := v.Offset() - body.Offset()
		if from < at {
			continue // the same value, reached by two ways
		}
		out.Write(raw[at:from])
		out.WriteString(`"` + masked + `"`)
		at = from + len(v.Raw())
	}
	out.Write(raw[at:])
	return out.Bytes()
}
