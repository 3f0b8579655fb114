package dialecttest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// atLeast is how many codes a dialect has, so that a pattern that finds none
// does not pass.
const atLeast = 30

// ReferenceNames reads the codes out of the source of the dialect in whose
// folder the test runs, of what dialects share and of more files: whatever a
// door can answer is on the page, in code quotes. The pattern's first group is
// the code; known ones are in a standard of their own.
func ReferenceNames(t *testing.T, page string, code *regexp.Regexp, known []string, more ...string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	files := more
	for _, pattern := range [...]string{"*.go", "../*.go"} {
		list, err := filepath.Glob(pattern)
		if err != nil || len(list) == 0 {
			t.Fatal(pattern, list, err)
		}
		files = append(files, list...)
	}
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
			if !slices.Contains(known, m[1]) && !strings.Contains(string(text), "`"+m[1]+"`") {
				t.Errorf("%s can answer %s; %s does not say so", f, m[1], filepath.Base(page))
			}
		}
	}
	if found < atLeast {
		t.Errorf("found only %d codes", found)
	}
}
