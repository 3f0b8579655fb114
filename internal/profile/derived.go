package profile

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/jsondoc"
	"rapport/internal/profile/schema"
)

// Derived is a value that nobody said: it follows from another.
type Derived struct {
	Value json.RawMessage `json:"value"`
	From  string          `json:"from" doc:"What it follows from, such as traits.birthday or latest.locale"`
}

type derivation struct {
	out map[string]Derived
	*meanings
}

// derived computes what follows from traits and context.
func (p *Partial) derived(m *meanings, now clock.Instant, zone *time.Location) map[string]Derived {
	d := derivation{map[string]Derived{}, m}
	d.birthday(now, zone)
	locale := plainText(p.latest(aboutLocale))
	language, region := splitLocale(locale)
	if text, from := d.said(asCountry); text != "" {
		d.set("country", countryOf(text), from)
	} else if text := member(orNull(p.latest(aboutLocation)), "country").Text(); text != "" {
		d.set("country", countryOf(text), "latest.location")
	} else {
		d.set("country", region, "latest.locale")
	}
	if text, from := d.said(asLanguage); text != "" {
		l, _ := splitLocale(text)
		d.set("language", l, from)
	} else {
		d.set("language", language, "latest.locale")
	}
	d.set("timezone", plainText(p.latest(aboutTimezone)), "latest.timezone")
	d.gender()
	d.name()
	return d.out
}

func orNull(canonical string) string {
	if canonical == "" {
		return null
	}
	return canonical
}

// set takes a text that is not empty.
func (d *derivation) set(name, text, from string) {
	if text != "" {
		d.out[name] = Derived{jsondoc.AppendString(nil, text), from}
	}
}

// said is the text that traits give a meaning, and which of them does.
func (d *derivation) said(m meaning) (text, from string) {
	return d.meanings[m].text(), d.meanings[m].from
}

// birthday gives the day and the age: whole years on the person's calendar.
func (d *derivation) birthday(now clock.Instant, zone *time.Location) {
	text, from := d.said(asBirthday)
	born, ok := schema.ParseDate(text)
	if !ok {
		return
	}
	d.set("birthday", born.Format(time.DateOnly), from)
	if now == 0 {
		return
	}
	today := now.Time().In(zone)
	age := today.Year() - born.Year()
	if today.Month() < born.Month() || today.Month() == born.Month() && today.Day() < born.Day() {
		age--
	}
	const oldest = 130
	if age >= 0 && age <= oldest {
		d.out["age"] = Derived{strconv.AppendInt(nil, int64(age), 10), from}
	}
}

// splitLocale gives the language and the country of a locale such as de-DE,
// de_CH.UTF-8 or zh-Hans-CN; "" for what it does not say.
func splitLocale(locale string) (language, country string) {
	locale, _, _ = strings.Cut(locale, ".")
	parts := strings.FieldsFunc(locale, func(r rune) bool { return r == '-' || r == '_' })
	if len(parts) == 0 || len(parts[0]) < 2 || len(parts[0]) > 3 || !letters(parts[0]) {
		return "", ""
	}
	for _, part := range parts[1:] {
		if len(part) == 2 && letters(part) {
			return strings.ToLower(parts[0]), strings.ToUpper(part)
		}
	}
	return strings.ToLower(parts[0]), ""
}

func letters(s string) bool {
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == ""
}

// countryOf writes country codes in capitals and leaves names as they are.
func countryOf(text string) string {
	if len(text) == 2 && letters(text) {
		return strings.ToUpper(text)
	}
	return text
}

// gender gives one word for the many ways to write it, and reads it off a
// title where nobody said.
func (d *derivation) gender() {
	if text, from := d.said(asGender); text != "" {
		switch strings.ToLower(text) {
		case "m", "male", "man", "männlich", "masculin", "hombre":
			d.set("gender", "male", from)
		case "f", "w", "female", "woman", "weiblich", "féminin", "mujer":
			d.set("gender", "female", from)
		case "d", "x", "nb", "diverse", "divers", "non-binary", "nonbinary", "other":
			d.set("gender", "diverse", from)
		}
		return
	}
	text, from := d.said(asTitle)
	switch strings.TrimSuffix(strings.ToLower(text), ".") {
	case "mr", "herr", "monsieur", "señor", "sr", "mister":
		d.set("gender", "male", from)
	case "mrs", "ms", "miss", "frau", "madame", "mme", "señora", "sra":
		d.set("gender", "female", from)
	}
}

func (d *derivation) name() {
	if text, from := d.said(asName); text != "" {
		d.set("full_name", text, from)
		return
	}
	first, from := d.said(asFirst)
	last, lastFrom := d.said(asLast)
	if first != "" && last != "" {
		d.set("full_name", first+" "+last, from+", "+lastFrom)
	}
}
