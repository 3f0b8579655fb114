package trial

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestGerman_HasEverySentence reads what is said in this folder: a sentence that
// the catalog lacks would stand in English between German ones.
func TestGerman_HasEverySentence(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("verdict.go")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`\bsay\(("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(string(text), -1)
	if len(said) < 20 {
		t.Fatalf("found %d sentences", len(said))
	}
	verbs := regexp.MustCompile(`%[-+.0-9]*[a-z%]`)
	for _, s := range said {
		english, err := strconv.Unquote(s[1])
		if err != nil {
			t.Fatal(err)
		}
		found, ok := german[english]
		if !ok {
			t.Errorf("no German for %q", english)
			continue
		}
		if a, b := verbs.FindAllString(english, -1), verbs.FindAllString(found, -1); strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("%q fills in %v, its German %v", english, a, b)
		}
	}
}
