package segment_test

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
	page, err := os.ReadFile("../../../docs/reference/tracking.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	files = append(files, "../../jsondoc/flaw.go")
	code := regexp.MustCompile(`"((?:invalid|missing|unknown|unsupported|too|batch|body|context|event|number|string|duplicate|nul|control|lone|bundle|method|rate)_[a-z0-9_]+)"`)
	// The codes of OAuth and the answers to /token are in its own standard.
	standard := map[string]bool{
		"invalid_request": true, "invalid_scope": true, "invalid_client": true, "unsupported_grant_type": true,
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
			if !standard[m[1]] && !strings.Contains(string(page), "`"+m[1]+"`") {
				t.Errorf("%s can answer %s; docs/reference/tracking.md does not say so", f, m[1])
			}
		}
	}
	if found < 30 {
		t.Errorf("found only %d codes", found)
	}
}
