package wording_test

import (
	"testing"

	"rapport/internal/wording"
)

func TestRetold_KnowsASentenceByItsForm(t *testing.T) {
	t.Parallel()
	r := wording.Catalog{
		"%s waits.":                       "%s wartet.",
		"The destination %s waits.":       "Das Ziel %s wartet.",
		"%d of %s: %s":                    "Von %[2]s sind es %[1]d: %[3]s",
		"%.1f%% of the disk %q are free.": "%.1f %% der Platte %q sind frei.",
		"the disk is full":                "die Platte ist voll",
	}.Retold()
	for english, want := range map[string]string{
		"The destination crm waits.":         "Das Ziel crm wartet.",
		"He waits.":                          "He wartet.",
		"3 of us: the disk is full":          "Von us sind es 3: die Platte ist voll",
		"3 of us: nobody knows %d why":       "Von us sind es 3: nobody knows %d why",
		`9.5% of the disk "a \"b" are free.`: `9,5 % der Platte "a \"b" sind frei.`,
	} {
		if got, ok := r.Say(wording.German, english); !ok || got != want {
			t.Errorf("%q becomes %q, want %q", english, got, want)
		}
	}
	for _, other := range []string{"x of us: y", "", "waits"} {
		if got, ok := r.Say(wording.German, other); ok || got != other {
			t.Errorf("%q becomes %q", other, got)
		}
	}
	if got, ok := r.Say(wording.English, "He waits."); !ok || got != "He waits." {
		t.Errorf("English becomes %q", got)
	}
}
