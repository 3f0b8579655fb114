// Package wording says the server's own sentences in the language of who reads
// them. English is written where a sentence is made; a catalog has it in German. It
// never touches what people wrote themselves.
package wording

import (
	"fmt"
	"strconv"
	"strings"
)

// Language is one in which sentences can be said.
type Language string

// The languages.
const (
	English Language = "en"
	German  Language = "de"
)

// Catalog gives a sentence's German by its English, both as fmt writes them.
type Catalog map[string]string

// Say says a sentence. One that the catalog lacks is said in English.
func (c Catalog) Say(in Language, format string, args ...any) string {
	if german, ok := c[format]; ok && in == German {
		format = german
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// Number writes a formatted number with the language's decimal sign.
func (l Language) Number(text string) string {
	if l == German {
		return strings.Replace(text, ".", ",", 1)
	}
	return text
}

// Preferred reads a header Accept-Language (RFC 9110, 12.5.4): the language that
// the reader likes best of those there are.
func Preferred(header string) Language {
	best, most := English, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(value, 64); err != nil {
				q = 0
			}
		}
		if l := Language(tag); (l == English || l == German) && q > most {
			best, most = l, q
		}
	}
	return best
}
