package sitecore_test

import (
	"regexp"
	"testing"

	"rapport/internal/dialect/dialecttest"
)

func TestReference_NamesEveryCode(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`fault\.[A-Z][A-Za-z]+, "([a-z0-9_]*[a-z0-9])"`)
	dialecttest.ReferenceNames(t, "../../../docs/reference/sitecore.md", code, nil)
}
