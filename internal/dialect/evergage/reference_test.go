package evergage_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReference_NamesEveryCode reads the codes out of the source: whatever the
// door can answer is in the reference.
func TestReference_NamesEveryCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/reference/salesforce.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	code := regexp.MustCompile(`(?:fault\.[A-Z][A-Za-z]+, |http\.Status[A-Za-z]+, |reject\(|invalid\()"([a-z0-9_]*[a-z0-9])"`)
	found := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(source), -1) {
			found++
			if !strings.Contains(string(page), "`"+m[1]+"`") {
				t.Errorf("%s can answer %s; docs/reference/salesforce.md does not say so", f, m[1])
			}
		}
	}
	if found < 30 {
		t.Errorf("found only %d codes", found)
	}
}
