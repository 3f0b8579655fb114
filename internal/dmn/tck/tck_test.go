package tck_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/dmn/tck"
	"rapport/internal/feel"
)

// kit gives the folder of the TCK.
func kit(t testing.TB) fs.FS {
	t.Helper()
	root := os.Getenv("RAPPORT_TESTDATA")
	if root == "" {
		t.Skip("RAPPORT_TESTDATA is not set: the suites of the DMN TCK are not here")
	}
	dir := filepath.Join(root, "dmn-tck")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the suites of the DMN TCK are not here: %v", err)
	}
	return os.DirFS(dir)
}

func options(t testing.TB) tck.Options {
	t.Helper()
	now, ok := feel.ParseTemporal("2026-03-01T12:30:00Z")
	if !ok {
		t.Fatal("the time of the test does not parse")
	}
	return tck.Options{Now: now}
}

func runKit(t testing.TB, fsys fs.FS) (cases, nodes, nonNull int) {
	t.Helper()
	suites, err := tck.Suites(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range suites {
		res, err := tck.Run(fsys, name, options(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range res.Cases {
			cases++
			for _, n := range c.Nodes {
				nodes++
				if !n.ExpectsNull {
					nonNull++
				}
				if !n.Passed {
					t.Errorf("%s %s, %s: expected %s, actual %s; %v", name, c.ID, n.Name, n.Expected, n.Actual, n.Reasons)
				}
			}
		}
	}
	return cases, nodes, nonNull
}

func TestTCK_EverySuitePasses(t *testing.T) {
	t.Parallel()
	cases, nodes, nonNull := runKit(t, kit(t))
	t.Logf("%d test cases with %d results, %d of them not null", cases, nodes, nonNull)
	if cases < 2900 {
		t.Errorf("only %d test cases were found", cases)
	}
}

// What is written by us must decide as what was read.
func TestTCK_EverySuitePassesAfterARoundTrip(t *testing.T) {
	t.Parallel()
	from := kit(t)
	to := fstest.MapFS{}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if filepath.Ext(name) == ".dmn" {
			defs, err := dmnxml.Decode(src)
			if err != nil {
				return err
			}
			src = dmnxml.Encode(defs)
		}
		to[name] = &fstest.MapFile{Data: src}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	runKit(t, to)
}

func TestTCK_EveryTableIsAnalysed(t *testing.T) {
	t.Parallel()
	fsys := kit(t)
	tables, gaps, overlaps := 0, 0, 0
	err := fs.WalkDir(fsys, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".dmn" {
			return err
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		defs, err := dmnxml.Decode(src)
		if err != nil {
			return err
		}
		m, err := dmn.Compile(defs, dmn.CompileOptions{})
		if err != nil {
			return err
		}
		for _, n := range m.Nodes() {
			for _, table := range n.Tables {
				a := table.Analyze()
				tables, gaps, overlaps = tables+1, gaps+len(a.Gaps), overlaps+len(a.Overlaps)
				if a.Truncated || len(a.Unreachable) > 0 {
					t.Errorf("%s, %s: %+v", name, table.Name, a)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d tables with %d gaps and %d overlaps", tables, gaps, overlaps)
}

const (
	smallModel = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="urn:s" name="s">
<inputData id="i" name="n"><variable name="n" typeRef="number"/></inputData>
<decision id="d" name="D"><variable name="D"/><informationRequirement><requiredInput href="#i"/></informationRequirement>
<literalExpression><text>{a: n, l: [n, "x"], d: @"2020-01-01"}</text></literalExpression></decision>
<businessKnowledgeModel id="b" name="twice"><encapsulatedLogic><formalParameter name="n"/><literalExpression><text>n * 2</text></literalExpression></encapsulatedLogic></businessKnowledgeModel></definitions>`
	smallCases = `<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<modelName>m.dmn</modelName>
<testCase id="ok"><inputNode name="n"><value xsi:type="xsd:decimal">1</value></inputNode><resultNode name="D" type="decision"><expected>
<component name="a"><value xsi:type="xsd:decimal">1.000000001</value></component>
<component name="l"><list><item><value xsi:type="xsd:decimal">1</value></item><item><value xsi:type="xsd:string">x</value></item></list></component>
<component name="d"><value xsi:type="xsd:date">2020-01-01</value></component></expected></resultNode></testCase>
<testCase id="short list"><inputNode name="n"><value xsi:nil="true"/></inputNode><resultNode name="D"><expected>
<component name="a"><value xsi:nil="true"/></component>
<component name="l"><list><value xsi:nil="true"/><value xsi:type="xsd:string">x</value></list></component>
<component name="d"><value xsi:type="xsd:date">2020-01-01</value></component></expected></resultNode></testCase>
<testCase id="call" type="bkm" invocableName="twice"><inputNode name="n"><value xsi:type="xsd:double">4</value></inputNode><resultNode name="twice"><expected><value xsi:type="xsd:decimal">8</value></expected></resultNode></testCase>
<testCase id="wrong"><resultNode name="D"><expected><value xsi:type="xsd:string">no</value></expected></resultNode></testCase>
<testCase id="half"><resultNode name="D" errorResult="true"><expected><value xsi:nil="true"/></expected></resultNode><resultNode name="Nothing"><expected><value xsi:nil="true"/></expected></resultNode></testCase>
</testCases>`
)

func TestRun_JudgesByTestCase(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"a/b/m.dmn": {Data: []byte(smallModel)}, "a/b/m-test-01.xml": {Data: []byte(smallCases)},
		"a/other.xml": {Data: []byte("<x/>")},
	}
	suites, err := tck.Suites(fsys, "a")
	if err != nil || len(suites) != 1 || suites[0] != "a/b" {
		t.Fatalf("suites: %v %v", suites, err)
	}
	res, err := tck.Run(fsys, "a/b", options(t))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"ok": true, "short list": true, "call": true, "wrong": false, "half": false}
	for _, c := range res.Cases {
		if c.Passed != want[c.ID] {
			t.Errorf("%s passed: %v; %+v", c.ID, c.Passed, c.Nodes)
		}
	}
	if passed, failed := res.Count(); passed != 3 || failed != 2 {
		t.Errorf("%d passed, %d failed", passed, failed)
	}
}

func TestRun_ABrokenModelFailsItsCases(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"m.dmn": {Data: []byte("<definitions")}, "m-test-01.xml": {Data: []byte(smallCases)}}
	res, err := tck.Run(fsys, ".", options(t))
	if err != nil {
		t.Fatal(err)
	}
	if passed, failed := res.Count(); passed != 0 || failed != 5 {
		t.Errorf("%d passed, %d failed", passed, failed)
	}
}

func BenchmarkTCK(b *testing.B) {
	fsys := kit(b)
	suites, err := tck.Suites(fsys, ".")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, name := range suites {
			if _, err := tck.Run(fsys, name, options(b)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzRun(f *testing.F) {
	f.Add([]byte(smallModel), []byte(smallCases))
	f.Fuzz(func(t *testing.T, model, cases []byte) {
		if len(model)+len(cases) > 1<<16 || !bytes.Contains(cases, []byte("testCases")) {
			return
		}
		fsys := fstest.MapFS{"m.dmn": {Data: model}, "m-test-01.xml": {Data: cases}}
		if _, err := tck.Run(fsys, ".", tck.Options{}); err != nil {
			t.Fatal(err)
		}
	})
}
