package offer

import (
	"encoding/json"
	"strings"
)

// For gives the content for a place and a language: what is said of the place
// before what is said of any, the language before its family before any.
func (c Content) For(placement, language string) (json.RawMessage, bool) {
	for _, place := range [...]string{placement, "*"} {
		if languages := c[place]; languages != nil {
			if text, ok := ForLanguage(languages, language); ok {
				return text, true
			}
		}
	}
	return nil, false
}

// ForLanguage gives the content for a language.
func ForLanguage(languages map[string]json.RawMessage, language string) (json.RawMessage, bool) {
	language = strings.ReplaceAll(language, "_", "-")
	for name := language; name != ""; {
		for key, text := range languages {
			if strings.EqualFold(key, name) {
				return text, true
			}
		}
		i := strings.LastIndexByte(name, '-')
		if i < 0 {
			break
		}
		name = name[:i]
	}
	text, ok := languages["*"]
	return text, ok
}

// plain is the content for a place where it is the same in every language.
func (c Content) plain(placement string) json.RawMessage {
	languages := c[placement]
	if languages == nil {
		languages = c["*"]
	}
	if len(languages) != 1 {
		return nil
	}
	return languages["*"]
}
