package wording

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Retold says in another language what was said in English before: sentences that
// are kept, cross a boundary as text, or are a library's. A sentence is known by
// the form that it was made with.
type Retold struct{ forms []form }

type form struct {
	english *regexp.Regexp
	german  string
	kinds   []byte // of what is filled in
	certain int    // bytes of the form that are not
}

var (
	verb     = regexp.MustCompile(`%(?:%|(?:\[\d+\])?[-+#.0-9]*[a-zA-Z])`)
	kind     = regexp.MustCompile(`[-+#.0-9]*[a-zA-Z]$`)
	anything = map[byte]string{'d': `(-?[0-9]+)`, 'f': `(-?[0-9.]+)`, 'q': `("(?:[^"\\]|\\.)*"?)`}
)

// Retold makes a reader of the catalog's sentences.
func (c Catalog) Retold() *Retold {
	r := &Retold{}
	for english, german := range c {
		var form form
		var b strings.Builder
		end := 0
		literal := func(text string) {
			text = strings.ReplaceAll(text, "%%", "%")
			form.certain += len(text)
			b.WriteString(regexp.QuoteMeta(text))
		}
		for _, at := range verb.FindAllStringIndex(english, -1) {
			of := english[at[1]-1]
			if of == '%' {
				continue
			}
			literal(english[end:at[0]])
			form.kinds = append(form.kinds, of)
			b.WriteString(cmp.Or(anything[of], `(.*?)`))
			end = at[1]
		}
		literal(english[end:])
		form.english = regexp.MustCompile(`(?s)^` + b.String() + `$`)
		form.german = verb.ReplaceAllStringFunc(german, func(v string) string {
			if v == "%%" {
				return v
			}
			return kind.ReplaceAllString(v, "s")
		})
		r.forms = append(r.forms, form)
	}
	// Of two forms that fit, the one that says more itself is meant.
	slices.SortFunc(r.forms, func(x, y form) int {
		return cmp.Or(cmp.Compare(y.certain, x.certain), strings.Compare(x.english.String(), y.english.String()))
	})
	return r
}

// Say says a sentence in a language. It is false, and the sentence as it was,
// where no form of the catalog fits. Sentences within it are retold, too.
func (r *Retold) Say(in Language, text string) (said string, ok bool) {
	if in != German || text == "" {
		return text, in == English
	}
	for i := range r.forms {
		f := &r.forms[i]
		found := f.english.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		filled := make([]any, len(found)-1)
		for i, part := range found[1:] {
			switch {
			case f.kinds[i] == 'f':
				part = in.Number(part)
			case strings.Contains(part, " ") && len(part) < len(text):
				part, _ = r.Say(in, part)
			}
			filled[i] = part
		}
		return fmt.Sprintf(f.german, filled...), true
	}
	return text, false
}
