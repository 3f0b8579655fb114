package condition

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/wording"
)

func TestSentenceIn_SaysConditionsInGerman(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`{"trait":"plan","op":"=","value":"gold"}`:                                              `das Merkmal plan ist "gold"`,
		`{"trait":"plan","exists":false}`:                                                       `das Merkmal plan ist nicht bekannt`,
		`{"trait":"n","op":"starts with","value":"ab"}`:                                         `das Merkmal n beginnt mit "ab"`,
		`{"trait":"age","min":18,"max":30.50}`:                                                  `das Merkmal age ist zwischen 18 und 30.5`,
		`{"last_seen":{"within":"30 days"}}`:                                                    `der letzte Besuch ist in den letzten 30 Tagen`,
		`{"trait":"renewal","within_next":"7d"}`:                                                `das Merkmal renewal ist in den nächsten 7 Tagen`,
		`{"event":"Order Completed","count":{"min":2},"within":"30d"}`:                          `die Anzahl von Events "Order Completed" in den letzten 30 Tagen ist mindestens 2`,
		`{"event":"X","where":{"size":["M","L"]},"sum":{"property":"total","max":9}}`:           `die Summe von total bei Events "X" (size ist "L" oder "M") ist höchstens 9`,
		`{"page":"Home","times":3,"window":{"this":"month","zone":"Europe/Berlin"}}`:            `die Anzahl von Seiten "Home" in diesem Monat (Europe/Berlin) ist 3`,
		`{"event":"A","not_followed_by":{"event":"B"},"within":"1d"}`:                           `Events "A" und danach keines von Events "B" innerhalb von 24 Stunden`,
		`{"affinity":"category","value":"Shoes","top":3}`:                                       `die Neigung category zu "Shoes" ist unter den ersten 3`,
		`{"all":[{"segment":"vip"},{"any":[{"feel":"traits.x > 3"},{"not":{"always":true}}]}]}`: `ist im Segment "vip" und (der Ausdruck traits.x > 3 gilt oder nicht (alle))`,
		`{"order":{},"sum":{"currency":"eur","min":100},"window":"90d"}`:                        `die Summe von total in EUR bei Bestellungen in den letzten 90 Tagen ist mindestens 100`,
	} {
		n, err := Read([]byte(doc))
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if got := n.SentenceIn(wording.German); got != want {
			t.Errorf("%s\nsays %s\nwant %s", doc, got, want)
		}
	}
}

// TestGerman_HasEverySentence reads what is said in this folder: words that the
// catalog lacks would stand in English between German ones.
func TestGerman_HasEverySentence(t *testing.T) {
	t.Parallel()
	var text string
	for _, name := range []string{"sentence.go", "sentence_events.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	var said []string
	for _, form := range []string{`\b(?:say|limit)\([^)\n]*?("(?:[^"\\]|\\.)*"(?:, "(?:[^"\\]|\\.)*")*)[,)]`, `format, text = ("[^"]*")`, `: ("(?:the|does|is)[^"]* %[qs][^"]*")`} {
		for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(text, -1) {
			said = append(said, regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).FindAllString(m[1], -1)...)
		}
	}
	for _, u := range units {
		said = append(said, strconv.Quote("1 "+u.long), strconv.Quote("%d "+u.long+"s"))
	}
	for u := Day; u <= Year; u++ {
		said = append(said, strconv.Quote("in this "+u.String()), strconv.Quote("in the previous "+u.String()),
			strconv.Quote("in the last %d "+u.String()+"s of the calendar, this one included,"), strconv.Quote("in the %d "+u.String()+"s of the calendar up to %d before this one,"))
	}
	if len(said) < 90 {
		t.Fatalf("found %d sentences", len(said))
	}
	verbs := regexp.MustCompile(`%[-+.0-9]*[a-z%]`)
	pieces := []string{"1 ", "%d ", "the ", "the %s of the ", "in this ", "in the previous ", "in the last %d ", "in the %d ", "_", " ", "s", "s of the calendar, this one included,", "s of the calendar up to %d before this one,"} // joined with a unit or an aggregate
	for _, quoted := range said {
		english, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		joined := false
		for _, p := range pieces {
			joined = joined || english == p
		}
		found, ok := german[english]
		if !ok && !joined {
			t.Errorf("no German for %q", english)
		}
		if a, b := verbs.FindAllString(english, -1), verbs.FindAllString(found, -1); ok && strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("%q fills in %v, its German %v", english, a, b)
		}
	}
}
