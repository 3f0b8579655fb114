package predict_test

import (
	"math"
	"strings"
	"testing"

	"rapport/internal/predict"
)

const head = `<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><DataDictionary>
<DataField name="department" optype="categorical" dataType="string"/>
<DataField name="age" optype="continuous" dataType="integer"><Interval closure="closedClosed" leftMargin="0" rightMargin="130"/></DataField>
<DataField name="income" optype="continuous" dataType="double"><Value value="-999" property="missing"/></DataField>
<DataField name="member" optype="categorical" dataType="boolean"/>
<DataField name="color" optype="categorical" dataType="string"><Value value="red"/><Value value="dark blue"/></DataField>
</DataDictionary>`

const fields = `<MiningSchema><MiningField name="department"/><MiningField name="age" invalidValueTreatment="asMissing"/>
<MiningField name="income" outliers="asExtremeValues" lowValue="0" highValue="10000" missingValueReplacement="500"/>
<MiningField name="member"/><MiningField name="color" invalidValueTreatment="asIs"/></MiningSchema>`

// card is built as the scorecard in the standard: partial scores, an
// attribute for missing values, reason codes of both levels.
const card = head + `<Scorecard functionName="regression" initialScore="10" reasonCodeAlgorithm="pointsBelow" baselineScore="20">` + fields + `
<Output><OutputField name="r1" feature="reasonCode" rank="1" dataType="string"/><OutputField name="r2" feature="reasonCode" rank="2" dataType="string"/>
<OutputField name="final" feature="predictedValue" dataType="double"/><OutputField name="twice" feature="transformedValue" dataType="double"><Apply function="*"><FieldRef field="final"/><Constant>2</Constant></Apply></OutputField></Output>
<Characteristics>
<Characteristic name="d" reasonCode="RD"><Attribute partialScore="19"><SimplePredicate field="department" operator="equal" value="marketing"/></Attribute><Attribute partialScore="3"><True/></Attribute></Characteristic>
<Characteristic name="a" reasonCode="RA" baselineScore="18"><Attribute partialScore="-1"><SimplePredicate field="age" operator="isMissing"/></Attribute>
<Attribute partialScore="-3" reasonCode="RA1"><SimplePredicate field="age" operator="lessOrEqual" value="18"/></Attribute>
<Attribute partialScore="12"><CompoundPredicate booleanOperator="and"><SimplePredicate field="age" operator="greaterThan" value="18"/><SimplePredicate field="age" operator="lessOrEqual" value="29"/></CompoundPredicate></Attribute>
<Attribute partialScore="18"><SimplePredicate field="age" operator="greaterThan" value="29"/></Attribute></Characteristic>
<Characteristic name="i" reasonCode="RI"><Attribute><SimplePredicate field="income" operator="greaterOrEqual" value="0"/><ComplexPartialScore><Apply function="/"><FieldRef field="income"/><Constant>1000</Constant></Apply></ComplexPartialScore></Attribute></Characteristic>
</Characteristics></Scorecard></PMML>`

func regression(inside string) string {
	return head + `<TransformationDictionary>` + inside + `</TransformationDictionary><RegressionModel functionName="regression">` + fields +
		`<RegressionTable intercept="0"><NumericPredictor name="t" coefficient="1"/></RegressionTable></RegressionModel></PMML>`
}

func derived(expression string) string {
	return regression(`<DerivedField name="t" optype="continuous" dataType="double">` + expression + `</DerivedField>`)
}

func tree(attributes, nodes string) string {
	return `<TreeModel functionName="classification" ` + attributes + `>` + fields + `<Node score="no" recordCount="10"><True/><ScoreDistribution value="yes" recordCount="4"/><ScoreDistribution value="no" recordCount="6"/>` + nodes + `</Node></TreeModel>`
}

const split = `<Node id="a" score="yes"><SimplePredicate field="age" operator="lessThan" value="30"/><ScoreDistribution value="yes" recordCount="3"/><ScoreDistribution value="no" recordCount="1"/></Node>
<Node id="b" score="no"><SimplePredicate field="age" operator="greaterThan" value="40"/><ScoreDistribution value="yes" recordCount="1"/><ScoreDistribution value="no" recordCount="5"/></Node>`

func ensemble(method string) string {
	return head + `<MiningModel functionName="classification">` + fields + `<Segmentation multipleModelMethod="` + method + `">
<Segment weight="1"><True/>` + tree("", split) + `</Segment><Segment weight="3"><True/>` + tree("", strings.ReplaceAll(split, "lessThan", "greaterOrEqual")) + `</Segment>
<Segment weight="1"><SimplePredicate field="member" operator="equal" value="true"/>` + tree("", split) + `</Segment></Segmentation></MiningModel></PMML>`
}

func TestPMML_DoesWhatTheStandardSays(t *testing.T) {
	t.Parallel()
	none := predict.Value{}
	row := func(department string, age, income float64) []predict.Value {
		return []predict.Value{predict.Text(department), predict.Number(age), predict.Number(income), predict.Bool(true), predict.Text("red")}
	}
	for name, c := range map[string]struct {
		model  string
		row    []predict.Value
		output string
		want   predict.Value
	}{
		"scorecard":                {card, row("marketing", 25, 2000), "score", predict.Number(10 + 19 + 12 + 2)},
		"scorecard, first reason":  {card, row("marketing", 25, 2000), "r1", predict.Text("RI")},
		"scorecard, second reason": {card, row("marketing", 25, 2000), "r2", predict.Text("RA")},
		"scorecard, own reason":    {card, row("marketing", 10, 9000), "r1", predict.Text("RA1")},
		"scorecard, transformed":   {card, row("sales", 50, 0), "twice", predict.Number(2 * (10 + 3 + 18 + 0))},
		"missing by value":         {card, row("sales", 50, -999), "score", predict.Number(10 + 3 + 18 + 0.5)},
		"outliers":                 {card, row("sales", 50, 1e9), "score", predict.Number(10 + 3 + 18 + 10)},
		"invalid as missing":       {card, row("sales", 200, 0), "score", predict.Number(10 + 3 - 1 + 0)},
		"invalid returns nothing":  {strings.Replace(card, ` invalidValueTreatment="asMissing"`, "", 1), row("sales", 200, 0), "score", none},

		"norm continuous": {derived(`<NormContinuous field="income"><LinearNorm orig="0" norm="0"/><LinearNorm orig="100" norm="1"/><LinearNorm orig="300" norm="5"/></NormContinuous>`), row("x", 1, 200), "score", predict.Number(3)},
		"norm beyond":     {derived(`<NormContinuous field="income" outliers="asExtremeValues"><LinearNorm orig="0" norm="0"/><LinearNorm orig="100" norm="1"/></NormContinuous>`), row("x", 1, 200), "score", predict.Number(1)},
		"norm discrete":   {derived(`<NormDiscrete field="color" value="red"/>`), row("x", 1, 200), "score", predict.Number(1)},
		"discretize":      {derived(`<Discretize field="age" defaultValue="9" dataType="double"><DiscretizeBin binValue="1"><Interval closure="closedOpen" leftMargin="0" rightMargin="30"/></DiscretizeBin><DiscretizeBin binValue="2"><Interval closure="closedOpen" leftMargin="30"/></DiscretizeBin></Discretize>`), row("x", 30, 0), "score", predict.Number(2)},
		"map values":      {derived(`<MapValues outputColumn="o" defaultValue="7" dataType="double"><FieldColumnPair field="color" column="c"/><FieldColumnPair field="member" column="m"/><InlineTable><row><c>red</c><m>false</m><o>1</o></row><row><c>red</c><m>true</m><o>2</o></row></InlineTable></MapValues>`), row("x", 1, 200), "score", predict.Number(2)},
		"map, missing":    {derived(`<MapValues outputColumn="o" mapMissingTo="8" dataType="double"><FieldColumnPair field="color" column="c"/><InlineTable><row><c>red</c><o>1</o></row></InlineTable></MapValues>`), []predict.Value{none, none, none, none, none}, "score", predict.Number(8)},
		"if and in":       {derived(`<Apply function="if"><Apply function="isIn"><FieldRef field="department"/><Constant>a</Constant><Constant>x</Constant></Apply><Apply function="max"><FieldRef field="age"/><Constant>5</Constant></Apply><Constant>0</Constant></Apply>`), row("x", 3, 0), "score", predict.Number(5)},
		"own function":    {regression(`<DefineFunction name="sq" dataType="double"><ParameterField name="p"/><Apply function="*"><FieldRef field="p"/><FieldRef field="p"/></Apply></DefineFunction><DerivedField name="t" dataType="double"><Apply function="sq"><Apply function="sq"><FieldRef field="age"/></Apply></Apply></DerivedField>`), row("x", 3, 0), "score", predict.Number(81)},
		"default value":   {derived(`<Apply function="ln" defaultValue="-1"><FieldRef field="age"/></Apply>`), []predict.Value{none, none, none, none, none}, "score", predict.Number(-1)},

		"tree":                   {head + tree("", split) + `</PMML>`, row("x", 25, 0), "probability_yes", predict.Number(0.75)},
		"tree, class":            {head + tree("", split) + `</PMML>`, row("x", 50, 0), "class", predict.Text("no")},
		"no true child":          {head + tree("", split) + `</PMML>`, row("x", 35, 0), "class", none},
		"no true child, last":    {head + tree(`noTrueChildStrategy="returnLastPrediction"`, split) + `</PMML>`, row("x", 35, 0), "probability_yes", predict.Number(0.4)},
		"missing, last":          {head + tree(`missingValueStrategy="lastPrediction"`, split) + `</PMML>`, row("x", 999, 0), "probability_no", predict.Number(0.6)},
		"missing, null":          {head + tree(`missingValueStrategy="nullPrediction" noTrueChildStrategy="returnLastPrediction"`, split) + `</PMML>`, row("x", 999, 0), "class", none},
		"missing, default child": {strings.Replace(head+tree(`missingValueStrategy="defaultChild"`, split)+`</PMML>`, `<Node score="no" recordCount`, `<Node defaultChild="b" score="no" recordCount`, 1), row("x", 999, 0), "class", predict.Text("no")},
		"set predicate":          {head + tree(`noTrueChildStrategy="returnLastPrediction"`, `<Node score="yes"><SimpleSetPredicate field="color" booleanOperator="isIn"><Array type="string" n="2">"dark blue" red</Array></SimpleSetPredicate></Node>`) + `</PMML>`, row("x", 1, 0), "class", predict.Text("yes")},
		"surrogate":              {head + tree(`noTrueChildStrategy="returnLastPrediction"`, `<Node score="yes"><CompoundPredicate booleanOperator="surrogate"><SimplePredicate field="age" operator="lessThan" value="3"/><SimplePredicate field="member" operator="equal" value="true"/></CompoundPredicate></Node>`) + `</PMML>`, row("x", 999, 0), "class", predict.Text("yes")},

		"majority vote":    {ensemble("majorityVote"), row("x", 45, 0), "probability_no", predict.Number(2.0 / 3)},
		"weighted vote":    {ensemble("weightedMajorityVote"), row("x", 45, 0), "class", predict.Text("yes")},
		"average":          {ensemble("average"), row("x", 45, 0), "probability_yes", predict.Number((1.0/6 + 0.75 + 1.0/6) / 3)},
		"weighted average": {ensemble("weightedAverage"), row("x", 45, 0), "probability_yes", predict.Number((1.0/6 + 3*0.75 + 1.0/6) / 5)},
		"select first":     {ensemble("selectFirst"), row("x", 45, 0), "probability_no", predict.Number(5.0 / 6)},
	} {
		m, err := predict.Load(predict.Spec{Name: "m"}, []byte(c.model))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		run := m.NewRun()
		if _, err := m.BindAll().Score(run, c.row); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := false
		for i, o := range m.Outputs() {
			if o.Name != c.output {
				continue
			}
			found = true
			got := run.Output(i)
			a, _ := got.Number()
			b, _ := c.want.Number()
			if got != c.want && (apart(a, b) > 1e-12 || got.Missing() != c.want.Missing() || a == 0) {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		}
		if !found {
			t.Errorf("%s: no output %s", name, c.output)
		}
	}
}

func TestBind_SaysWhichInputIsWrong(t *testing.T) {
	t.Parallel()
	m, _ := open(t, "xgboost_pandas")
	if _, err := m.Bind("age", "town"); err == nil || !strings.Contains(err.Error(), `no input "town"; it has age, city, spend`) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := m.Bind("age", "age"); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("twice: %v", err)
	}
	bound, err := m.Bind("city", "age")
	if err != nil {
		t.Fatal(err)
	}
	run := m.NewRun()
	for want, args := range map[string][]predict.Value{
		`is "Rom", want one of Graz, Linz, Wels, Wien`: {predict.Text("Rom"), predict.Number(1)},
		`is a text, want a number`:                     {predict.Text("Graz"), predict.Text("1")},
		`is "7", want one of`:                          {predict.Number(7), predict.Number(1)},
	} {
		if _, err := bound.Score(run, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	linear, _ := open(t, "linear_logistic")
	if _, err := linear.Bind("x0"); err == nil || !strings.Contains(err.Error(), `needs the input "x1"`) {
		t.Errorf("missing: %v", err)
	}
	raw := file(t, "lightgbm_categorical.txt")
	declared, err := predict.Load(predict.Spec{Declared: []predict.Input{{Name: "Column_5", Categories: []string{"a", "b", "c", "d"}, Open: true}}}, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	both := declared.NewRun()
	for text, code := range map[string]float64{"c": 2, "never seen": -1} {
		if err := both.SetText(5, text); err != nil {
			t.Fatal(err)
		}
		out, _ := both.Score()
		got := out[0]
		row := []float64{nan(), nan(), nan(), nan(), nan(), code}
		if want, _ := declared.NewRun().ScoreRow(row); want[0] != got {
			t.Errorf("%s scores %v, its code %v", text, got, want[0])
		}
	}
	if len(m.Checksum()) != 64 || m.Format() != predict.XGBoost || m.Version() != "1" {
		t.Errorf("the model is %s %s %s", m.Checksum(), m.Format(), m.Version())
	}
}

func nan() float64 { return math.NaN() }
