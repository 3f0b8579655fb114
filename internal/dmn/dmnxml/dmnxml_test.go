package dmnxml_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/dmn/dmnxml"
)

func readFixture(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("testdata/dish13.dmn")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestDecode_ReadsEveryPart(t *testing.T) {
	t.Parallel()
	d, err := dmnxml.Decode(readFixture(t))
	if err != nil {
		t.Fatal(err)
	}
	if d.Version != dmnxml.DMN13 || d.Name != "Dish" || d.Prefix != "sem" || len(d.Problems) != 0 {
		t.Fatalf("header read as %q %v %q %v", d.Name, d.Version, d.Prefix, d.Problems)
	}
	table, ok := d.Decisions[0].Logic.(*dmnxml.Table)
	if !ok {
		t.Fatalf("logic is %T", d.Decisions[0].Logic)
	}
	if len(table.Rules) != 2 || table.Rules[0].Annotations[0] != "cold" || table.Annotations[0] != "Why" {
		t.Errorf("rules read as %+v", table.Rules)
	}
	if got := table.Rules[0].Outputs[0].Source; !strings.Contains(got, "1 < 2\nthen") {
		t.Errorf("text read as %q", got)
	}
	if got := table.Rules[0].Inputs[0].Pos; got.Line != 17 || got.Column != 52 {
		t.Errorf("the text of the cell starts at %v", got)
	}
	if d.ItemDefinitions[0].Allowed.Text != `"Winter","Summer"` {
		t.Errorf("allowed values read as %q", d.ItemDefinitions[0].Allowed.Text)
	}
}

func TestEncode_KeepsLayoutAndExtensionsByteForByte(t *testing.T) {
	t.Parallel()
	src := readFixture(t)
	d, err := dmnxml.Decode(src)
	if err != nil {
		t.Fatal(err)
	}
	out := dmnxml.Encode(d)
	from, to := bytes.Index(src, []byte("<dmndi:DMNDI>")), bytes.Index(src, []byte("</dmndi:DMNDI>"))
	for _, want := range [][]byte{
		src[from : to+len("</dmndi:DMNDI>")],
		[]byte(`<sem:extensionElements><acme:note at="1">keep  me</acme:note></sem:extensionElements>`),
		[]byte(`<sem:textAnnotation id="ta1"><sem:text>a  note</sem:text></sem:textAnnotation>`),
		[]byte(`acme:width="300"`), []byte(`acme:owner="kitchen"`),
		[]byte(`xmlns:sem="https://www.omg.org/spec/DMN/20230324/MODEL/"`),
		[]byte(`xmlns:dmndi="https://www.omg.org/spec/DMN/20230324/DMNDI/"`),
	} {
		if !bytes.Contains(out, want) {
			t.Errorf("output lacks %s", want)
		}
	}
	again, err := dmnxml.Decode(out)
	if err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if again.Version != dmnxml.DMN15 {
		t.Errorf("written as %v", again.Version)
	}
	if second := dmnxml.Encode(again); !bytes.Equal(out, second) {
		t.Errorf("a second round trip changes\n%s\nto\n%s", out, second)
	}
}

func TestRewrite_ChangesNamespacesOnly(t *testing.T) {
	t.Parallel()
	src := readFixture(t)
	up, err := dmnxml.Rewrite(src, dmnxml.DMN15)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(up, src) || !bytes.Contains(up, []byte("20230324/MODEL/")) || bytes.Contains(up, []byte("20191111")) {
		t.Errorf("namespaces stay in\n%s", up)
	}
	down, err := dmnxml.Rewrite(up, dmnxml.DMN13)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(down, src) {
		t.Errorf("there and back gives\n%s", down)
	}
}

func TestDecode_SaysWhereAFileIsWrong(t *testing.T) {
	t.Parallel()
	const ns = `xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/"`
	cases := []struct{ name, src, want string }{
		{"empty", "", "no XML element"},
		{"text", "hello", "outside of the root"},
		{"truncated", "<definitions " + ns + "><decision>", "ends inside <decision>"},
		{"crossed", "<definitions " + ns + "><a></b></definitions>", "</b> where </a> is expected"},
		{"doctype", "<!DOCTYPE lolz [<!ENTITY lol \"lol\">]>\n<definitions " + ns + "/>", "document type"},
		{"external entity", "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><definitions " + ns + "/>", "document type"},
		{"entity", "<definitions " + ns + ">&xxe;</definitions>", "line 1"},
		{"other root", "<html/>", "root element is <html>"},
		{"other edition", `<definitions xmlns="urn:x"/>`, "no edition"},
		{"prefix", "<a:definitions/>", "prefix \"a\""},
		{"deep", "<definitions " + ns + ">" + strings.Repeat("<a>", 300), "deeper than 256"},
		{"twice", `<definitions a="1" a="2"/>`, "appears twice"},
		{"two roots", "<definitions " + ns + "/><definitions/>", "second root"},
		{"bytes", "<definitions " + ns + " name=\"\xff\"/>", "not valid UTF-8"},
		{"encoding", `<?xml version="1.0" encoding="EBCDIC"?><definitions/>`, "not supported"},
	}
	for _, c := range cases {
		_, err := dmnxml.Decode([]byte(c.src))
		if _, ok := errors.AsType[*dmnxml.SyntaxError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestDecode_LivesWithMissingParts(t *testing.T) {
	t.Parallel()
	src := `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/">
		<decision name="D"><informationRequirement/><bogus/>
		<literalExpression><text>1</text></literalExpression><literalExpression><text>2</text></literalExpression></decision>
		<decision><decisionTable><input/><output/><rule/></decisionTable></decision>
		<businessKnowledgeModel/><decisionService/><inputData/><itemDefinition/></definitions>`
	d, err := dmnxml.Decode([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Problems) < 4 {
		t.Errorf("problems: %v", d.Problems)
	}
	if got := d.Decisions[0].Logic.(*dmnxml.Literal).Source; got != "1" {
		t.Errorf("the first expression is %q", got)
	}
}

func TestDecode_ReadsOtherEncodings(t *testing.T) {
	t.Parallel()
	body := `<definitions xmlns="http://www.omg.org/spec/DMN/20151101/dmn.xsd" name="Käse"/>`
	latin := []byte(`<?xml version="1.0" encoding="ISO-8859-1"?>` + strings.ReplaceAll(body, "ä", "\xe4"))
	wide := []byte{0xFE, 0xFF}
	for _, r := range body {
		wide = append(wide, byte(r>>8), byte(r))
	}
	for _, src := range [][]byte{latin, wide, append([]byte{0xEF, 0xBB, 0xBF}, body...)} {
		d, err := dmnxml.Decode(src)
		if err != nil {
			t.Fatal(err)
		}
		if d.Name != "Käse" || d.Version != dmnxml.DMN11 {
			t.Errorf("read %q %v", d.Name, d.Version)
		}
	}
}

func TestEncode_BringsTheFirstEditionToTheLast(t *testing.T) {
	t.Parallel()
	src := `<d:definitions xmlns:d="http://www.omg.org/spec/DMN/20151101/dmn.xsd" xmlns:feel="http://www.omg.org/spec/FEEL/20140401" xmlns:lib="urn:lib" xmlns:me="urn:me" namespace="urn:me" name="m">
<d:import name="Lib" namespace="urn:lib" importType="http://www.omg.org/spec/DMN/20151101/dmn.xsd"/>
<d:inputData name="a"><d:variable name="a" typeRef="feel:number"/></d:inputData><d:inputData name="b"><d:variable name="b" typeRef="lib:tB"/></d:inputData>
<d:inputData name="c"><d:variable name="c"><d:typeRef>me:tC</d:typeRef></d:variable></d:inputData>
<d:knowledgeSource name="k" locationURI="urn:k"><d:type>law</d:type><d:owner href="#o"/><d:authorityRequirement><d:requiredInput href="#a"/></d:authorityRequirement></d:knowledgeSource></d:definitions>`
	d, err := dmnxml.Decode([]byte(src))
	if err != nil || d.Version.String() != "1.1" {
		t.Fatal(err, d)
	}
	out := string(dmnxml.Encode(d))
	for _, want := range []string{
		`typeRef="number"`, `typeRef="Lib.tB"`, `typeRef="tC"`, `importType="` + dmnxml.DMN15.ModelNamespace() + `"`,
		`<d:type>law</d:type>`, `<d:owner href="#o"/>`, `<d:requiredInput href="#a"/>`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %s:\n%s", want, out)
		}
	}
}

// models calls f with every model of the TCK.
func models(t testing.TB, f func(name string, src []byte)) {
	t.Helper()
	root := os.Getenv("RAPPORT_TESTDATA")
	if root == "" {
		t.Skip("RAPPORT_TESTDATA is not set: the models of the DMN TCK are not here")
	}
	err := filepath.WalkDir(filepath.Join(root, "dmn-tck"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".dmn" {
			return err
		}
		src, err := os.ReadFile(path)
		if err == nil {
			f(path, src)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip_OfAllModelsOfTheTCK(t *testing.T) {
	t.Parallel()
	models(t, func(name string, src []byte) {
		d, err := dmnxml.Decode(src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if d.Diagram != nil && !bytes.Contains(src, d.Diagram) {
			t.Errorf("%s: the layout is not the file's", name)
		}
		out := dmnxml.Encode(d)
		again, err := dmnxml.Decode(out)
		if err != nil {
			t.Errorf("%s: written as\n%s\nwhich is %v", name, out, err)
			return
		}
		if !bytes.Equal(d.Diagram, again.Diagram) {
			t.Errorf("%s: the layout changed", name)
		}
		if !bytes.Equal(out, dmnxml.Encode(again)) {
			t.Errorf("%s: a second round trip changes the file", name)
		}
		there, err := dmnxml.Rewrite(src, dmnxml.DMN13)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if back, _ := dmnxml.Rewrite(there, dmnxml.DMN15); !bytes.Equal(back, src) {
			t.Errorf("%s: rewriting there and back changes the file", name)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(readFixture(f))
	f.Add([]byte(`<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/"><decision id='a'><context><contextEntry><list/></contextEntry></context></decision></definitions>`))
	f.Add([]byte("<a:definitions xmlns:a=\"https://www.omg.org/spec/DMN/20230324/MODEL/\"><!-- --><a:import/>&#10;<![CDATA[x]]></a:definitions>"))
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := dmnxml.Decode(src)
		if err != nil {
			return
		}
		out := dmnxml.Encode(d)
		again, err := dmnxml.Decode(out)
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if d.Diagram != nil && !bytes.Equal(d.Diagram, again.Diagram) {
			t.Fatal("the layout changed")
		}
	})
}
