package destination

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// Mask stands where a secret was.
const Mask = "********"

// MaxShown is how many bytes of a request and of an answer a result keeps.
const MaxShown = 2 << 10

// shortest is how long a secret must be to be looked for: what is shorter would
// mask the text around it and hides nothing.
const shortest = 4

// Masker takes secrets out of what is shown, in the forms in which they travel.
type Masker struct{ forms [][]byte }

// NewMasker makes a masker of secrets; empty ones are left out.
func NewMasker(secrets ...string) *Masker {
	m := &Masker{}
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		for _, form := range []string{
			s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(quoted(s), `"`),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		} {
			m.forms = append(m.forms, []byte(form))
		}
	}
	// The longest first: a secret may hold another.
	slices.SortFunc(m.forms, func(a, b []byte) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return bytes.Compare(a, b)
	})
	m.forms = slices.CompactFunc(m.forms, bytes.Equal)
	return m
}

// Show gives a masked copy of at most MaxShown bytes.
func (m *Masker) Show(text []byte) []byte {
	// A secret that the end cuts must be masked too: look at more than is shown.
	longest := 0
	if m != nil && len(m.forms) > 0 {
		longest = len(m.forms[0])
	}
	out := bytes.Clone(text[:min(len(text), 2*MaxShown+longest)])
	if m != nil {
		for _, form := range m.forms {
			out = bytes.ReplaceAll(out, form, []byte(Mask))
		}
	}
	if len(out) > MaxShown {
		out = append(bytes.ToValidUTF8(out[:MaxShown-len(" …")], nil), " …"...)
	}
	return out
}

// Text masks a text that is shown.
func (m *Masker) Text(s string) string { return string(m.Show([]byte(s))) }
