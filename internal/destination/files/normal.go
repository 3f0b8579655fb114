package files

import (
	"strings"
	"time"
	"unicode"
)

// The rules by which platforms write a value before it is hashed. Each gives
// nothing for what cannot be such a value.

// lower is a text without what stands around it.
func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func upper(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

// solid is a text in small letters without any blanks.
func solid(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }

// gmail is an address as Google reads it: at its own domains dots before the @
// mean nothing.
func gmail(s string) string {
	s = solid(s)
	name, domain, ok := strings.Cut(s, "@")
	if ok && (domain == "gmail.com" || domain == "googlemail.com") {
		return strings.ReplaceAll(name, ".", "") + "@" + domain
	}
	return s
}

// e164 is a phone number with a plus sign and its country.
func e164(s string) string {
	if n := digits(s); n != "" {
		return "+" + n
	}
	return ""
}

// digits is a phone number with its country, as digits. One that does not say
// its country is none.
func digits(s string) string {
	s = strings.TrimSpace(s)
	var b strings.Builder
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			b.WriteRune(c)
		case unicode.IsLetter(c):
			return ""
		}
	}
	n := b.String()
	international := strings.HasPrefix(s, "+") || strings.HasPrefix(n, "00")
	n = strings.TrimLeft(n, "0")
	if !international && strings.HasPrefix(b.String(), "0") || len(n) < 7 || len(n) > 15 {
		return ""
	}
	return n
}

// letters is a name without punctuation, in small letters of any script.
func letters(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsPunct(c) || unicode.IsSymbol(c) || unicode.IsControl(c) {
			return -1
		}
		return c
	}, strings.ToLower(s)))
}

// joined is a place without punctuation and blanks.
func joined(s string) string { return strings.Join(strings.Fields(letters(s)), "") }

// zip is a postal code without blanks; of an American one the first five digits.
func zip(s string) string {
	s = solid(s)
	if first, rest, ok := strings.Cut(s, "-"); ok && len(first) == 5 && len(rest) == 4 && strings.Trim(first+rest, "0123456789") == "" {
		return first
	}
	return strings.ReplaceAll(s, "-", "")
}

// day is a date as digits: year, month, day.
func day(s string) string {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.DateOnly, "20060102", time.RFC3339Nano, "1/2/2006", "2006/01/02", "2.1.2006"} {
		if at, err := time.Parse(layout, s); err == nil && at.Year() >= 1900 {
			return at.Format("20060102")
		}
	}
	return ""
}

// initial is f or m.
func initial(s string) string {
	switch s = lower(s); {
	case strings.HasPrefix(s, "f"), s == "w":
		return "f"
	case strings.HasPrefix(s, "m"):
		return "m"
	}
	return ""
}
