package alert

import (
	"strings"
	"testing"

	"rapport/internal/wording"
	"rapport/internal/wording/wordingtest"
)

func TestGerman_HasWhatIsSaid(t *testing.T) {
	t.Parallel()
	said := wordingtest.Sentences(t, "judge.go")
	if len(said) < 15 {
		t.Fatalf("found %d sentences", len(said))
	}
	wordingtest.Holds(t, german(), said)
	for _, line := range wordingtest.Sentences(t, "book.go") {
		if strings.HasSuffix(line, ".") && german()[line] == "" {
			t.Errorf("no German for %q", line)
		}
	}
}

func TestIn_SaysWhatWasKeptInEnglish(t *testing.T) {
	t.Parallel()
	s := SaidAlert{Title: "Our shop", Message: "The destination crm is failing: no answer (3 messages wait).", Mend: "Look at its dead letters."}
	if got := s.In(wording.German); got.Title != s.Title || got.Message != "Das Ziel crm fällt aus: no answer (3 Nachrichten warten)." || got.Mend != "Sehen Sie ihr Unzustellbares an." {
		t.Errorf("%+v", got)
	}
	if got := (StandingAlert{Message: "Nobody knows this."}).In(wording.German); got.Message != "Nobody knows this." {
		t.Errorf("%+v", got)
	}
}
