package feel_test

import (
	"testing"

	"rapport/internal/feel"
)

var testNow, _ = feel.ParseTemporal("2026-01-02T03:04:05+01:00")

// run evaluates an expression that needs no names.
func run(t *testing.T, src string) (feel.Value, []feel.Diagnostic) {
	t.Helper()
	prog, err := feel.Compile(src, nil, feel.CompileOptions{})
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return prog.Eval(feel.Options{Now: testNow})
}

// check compares results as FEEL source, given in pairs of source and result.
func check(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		got, why := run(t, pairs[i])
		if got.Literal() != pairs[i+1] {
			t.Errorf("%s\n\tgot  %s\n\twant %s\n\t%v", pairs[i], got.Literal(), pairs[i+1], why)
		}
	}
}

// checkNull wants null with a diagnostic of the code.
func checkNull(t *testing.T, code feel.Code, sources ...string) {
	t.Helper()
	for _, src := range sources {
		got, why := run(t, src)
		if !got.IsNull() || len(why) == 0 || why[0].Code != code {
			t.Errorf("%s: got %s with %v, want null because of %q", src, got.Literal(), why, code)
		}
	}
}
