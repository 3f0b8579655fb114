package segment_test

import (
	"regexp"
	"testing"

	"rapport/internal/dialect/dialecttest"
)

func TestReference_NamesEveryCode(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`"((?:invalid|missing|unknown|unsupported|too|batch|body|context|event|number|string|duplicate|nul|control|lone|bundle|method|rate)_[a-z0-9_]+)"`)
	// The codes of OAuth and the answers to /token are in its own standard.
	standard := []string{"invalid_request", "invalid_scope", "invalid_client", "unsupported_grant_type"}
	dialecttest.ReferenceNames(t, "../../../docs/reference/tracking.md", code, standard, "../../jsondoc/flaw.go")
}
