package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	model = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="urn:s" name="s">
<decision id="d" name="D"><literalExpression><text>1 + 1</text></literalExpression></decision></definitions>`
	cases = `<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<modelName>m.dmn</modelName><testCase id="1"><resultNode name="D"><expected><value xsi:type="xsd:decimal">WANT</value></expected></resultNode></testCase></testCases>`
)

func suite(t *testing.T, dir, want string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"m.dmn": model, "m-test-01.xml": strings.ReplaceAll(cases, "WANT", want)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRun_CountsAndExitCodes(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	suite(t, filepath.Join(root, "level", "good"), "2")
	suite(t, filepath.Join(root, "level", "wrong"), "3")
	check := func(code int, last string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(args, &out, &errs); got != code {
			t.Errorf("%v exits with %d: %s%s", args, got, &out, &errs)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if lines[len(lines)-1] != last {
			t.Errorf("%v prints\n%s", args, &out)
		}
	}
	check(1, "1 passed, 1 failed", root)
	check(1, "1 passed, 1 failed", filepath.Join(root, "level"))
	check(0, "1 passed, 0 failed", filepath.Join(root, "level", "good"))
	check(1, "0 passed, 1 failed", "-v", filepath.Join(root, "level", "wrong"))
	check(2, "", filepath.Join(root, "nowhere"))
	check(2, "")
	check(2, "", t.TempDir())
}
