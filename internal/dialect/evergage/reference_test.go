package evergage_test

import (
	"regexp"
	"testing"

	"rapport/internal/dialect/dialecttest"
)

func TestReference_NamesEveryCode(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`(?:fault\.[A-Z][A-Za-z]+, |http\.Status[A-Za-z]+, |reject\(|invalid\()"([a-z0-9_]*[a-z0-9])"`)
	dialecttest.ReferenceNames(t, "../../../docs/reference/salesforce.md", code, nil)
}
