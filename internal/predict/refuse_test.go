package predict_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/predict"
)

func file(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// swap changes the first place of a text and fails where there is none.
func swap(t testing.TB, s, from, to string) string {
	t.Helper()
	if !strings.Contains(s, from) {
		t.Fatalf("the model holds no %q", from)
	}
	return strings.Replace(s, from, to, 1)
}

func pmmlOf(inside string) string {
	return `<PMML version="4.4"><DataDictionary><DataField name="x" optype="continuous" dataType="double"/></DataDictionary>` + inside + `</PMML>`
}

const schemaX = `<MiningSchema><MiningField name="x"/></MiningSchema>`

func TestLoad_SaysWhatIsWrongWithAModel(t *testing.T) {
	t.Parallel()
	lgb, xgb, lin := file(t, "lightgbm_categorical.txt"), file(t, "xgboost_categorical.json"), file(t, "linear_logistic.json")
	deep := strings.Repeat(`<Node score="1"><True/>`, 600) + strings.Repeat(`</Node>`, 600)
	call := `<Apply function="f"><FieldRef field="x"/></Apply>`
	for name, c := range map[string]struct{ raw, want string }{
		"empty":               {"", "is not known"},
		"binary":              {"\x00\x01binf", "is not known"},
		"linear tree":         {file(t, "lightgbm_linear_tree.txt"), "linear trees are not supported"},
		"vector leaf":         {file(t, "xgboost_vector_leaf.json"), "several values"},
		"cut off":             {lgb[:strings.Index(lgb, "Tree=5")], "it was cut off"},
		"cut before a tree":   {lgb[:100], "ends before its first tree"},
		"lightgbm cycle":      {swap(t, lgb, "left_child=1 4", "left_child=1 0"), "two parents"},
		"lightgbm child":      {swap(t, lgb, "left_child=1 4", "left_child=1 400"), "split 400"},
		"lightgbm leaf":       {swap(t, lgb, "left_child=1 4 3 -2", "left_child=1 4 3 -200"), "leaf 199"},
		"lightgbm feature":    {swap(t, lgb, "split_feature=0 1", "split_feature=0 77"), "input 77 of 6"},
		"lightgbm nan":        {swap(t, lgb, "threshold=0.34", "threshold=nan 0.34"), "lists of the tree"},
		"lightgbm nan leaf":   {swap(t, lgb, "leaf_value=-0.42152697323390759", "leaf_value=nan"), "no finite number"},
		"lightgbm type":       {swap(t, lgb, "decision_type=8", "decision_type=12"), "decision type 12"},
		"lightgbm sets":       {swap(t, lgb, "cat_boundaries=0 2 4", "cat_boundaries=0 9 4"), "set 0 of categories"},
		"lightgbm objective":  {swap(t, lgb, "objective=binary", "objective=magic"), "magic"},
		"lightgbm version":    {swap(t, lgb, "version=v4", "version=v9"), "v9"},
		"lightgbm inputs":     {swap(t, lgb, "max_feature_idx=5", "max_feature_idx=99999999"), "max_feature_idx"},
		"xgboost no json":     {xgb[:len(xgb)/2], "no JSON"},
		"xgboost ubj":         {"{L\x00\x00", "save it as model.json"},
		"xgboost cycle":       {swap(t, xgb, `"left_children":[1,3`, `"left_children":[1,0`), "two parents"},
		"xgboost child":       {swap(t, xgb, `"left_children":[1,3`, `"left_children":[1,3000`), "children 3000"},
		"xgboost lengths":     {swap(t, xgb, `"left_children":[1,`, `"left_children":[`), "not of one length"},
		"xgboost text":        {swap(t, xgb, `"left_children":[1,`, `"left_children":["x",`), "no number"},
		"xgboost set":         {swap(t, xgb, `"categories_sizes":[`, `"categories_sizes":[9999,`), "sets of categories"},
		"xgboost objective":   {swap(t, xgb, `"binary:logistic"`, `"binary:magic"`), "binary:magic"},
		"xgboost base":        {swap(t, xgb, `"base_score":"[4.15E-1]"`, `"base_score":"[1.5]"`), "not between 0 and 1"},
		"xgboost features":    {swap(t, xgb, `"num_feature":"6","num_target"`, `"num_feature":"99999999","num_target"`), "num_feature"},
		"xgboost other":       {`{"a":1}`, "no \"learner\""},
		"linear weight":       {swap(t, lin, `"x0": `, `"y0": `), "is no input"},
		"linear typing error": {swap(t, lin, `"intercept"`, `"intercpt"`), "intercpt"},
		"linear link":         {swap(t, lin, `"logit"`, `"logot"`), "cloglog, identity"},
		"linear twice":        {swap(t, lin, `"x1"`, `"x0"`), "name of its own"},
		"xml bomb":            {`<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><PMML version="4.4">&b;</PMML>`, "document type"},
		"xml entity":          {`<PMML version="4.4">&b;</PMML>`, "well-formed"},
		"xml encoding":        {`<?xml version="1.0" encoding="latin1"?><PMML version="4.4"/>`, "save it as UTF-8"},
		"xml deep":            {pmmlOf(strings.Repeat("<Extension>", 1000) + strings.Repeat("</Extension>", 1000)), "inside one another"},
		"xml cut off":         {pmmlOf("")[:60], "well-formed"},
		"pmml version":        {`<PMML version="9"/>`, "4.0 to 4.4"},
		"pmml empty":          {pmmlOf(""), "no model"},
		"pmml other":          {pmmlOf(`<NeuralNetwork functionName="regression">` + schemaX + `</NeuralNetwork>`), "NeuralNetwork is not supported"},
		"pmml deep tree":      {pmmlOf(`<TreeModel functionName="regression">` + schemaX + deep + `</TreeModel>`), "inside one another"},
		"pmml field":          {pmmlOf(`<TreeModel functionName="regression">` + schemaX + `<Node><SimplePredicate field="y" operator="equal" value="1"/></Node></TreeModel>`), "no field \"y\""},
		"pmml derived cycle": {pmmlOf(`<TransformationDictionary><DerivedField name="a" dataType="double"><FieldRef field="b"/></DerivedField>
			<DerivedField name="b" dataType="double"><FieldRef field="a"/></DerivedField></TransformationDictionary>
			<RegressionModel functionName="regression">` + schemaX + `<RegressionTable><NumericPredictor name="a" coefficient="1"/></RegressionTable></RegressionModel>`), "made of itself"},
		"pmml function of itself": {pmmlOf(`<TransformationDictionary><DefineFunction name="f"><ParameterField name="x"/>` + call + `</DefineFunction>
			<DerivedField name="a" dataType="double">` + call + `</DerivedField></TransformationDictionary>
			<RegressionModel functionName="regression">` + schemaX + `<RegressionTable><NumericPredictor name="a" coefficient="1"/></RegressionTable></RegressionModel>`), "inside one another"},
		"pmml number": {pmmlOf(`<RegressionModel functionName="regression">` + schemaX + `<RegressionTable intercept="NaN"/></RegressionModel>`), "is no number"},
	} {
		_, err := predict.Load(predict.Spec{Name: "m"}, []byte(c.raw))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: the error is of kind %d", name, fault.KindOf(err))
		}
	}
}

// TestLoad_FunctionsThatGrowEndAtTheLimit doubles the body of a function 40
// times over.
func TestLoad_FunctionsThatGrowEndAtTheLimit(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 40 {
		next := "abs"
		if i < 39 {
			next = "f" + string(rune('A'+i+1))
		}
		b.WriteString(`<DefineFunction name="f` + string(rune('A'+i)) + `"><ParameterField name="p"/><Apply function="+">` +
			strings.Repeat(`<Apply function="`+next+`"><FieldRef field="p"/></Apply>`, 2) + `</Apply></DefineFunction>`)
	}
	raw := pmmlOf(`<TransformationDictionary>` + b.String() + `<DerivedField name="a" dataType="double"><Apply function="fA"><FieldRef field="x"/></Apply></DerivedField>
		</TransformationDictionary><RegressionModel functionName="regression">` + schemaX + `<RegressionTable><NumericPredictor name="a" coefficient="1"/></RegressionTable></RegressionModel>`)
	if _, err := predict.Load(predict.Spec{}, []byte(raw)); err == nil || !strings.Contains(err.Error(), "parts") {
		t.Errorf("got %v", err)
	}
}

func fuzz(f *testing.F, format predict.Format, pattern string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		if raw, err := os.ReadFile(name); err == nil && len(raw) < 16<<10 && !bytes.Contains([]byte(name), []byte(".scores.")) {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := predict.Load(predict.Spec{Format: format}, raw)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("the error is no fault: %v", err)
			}
			return
		}
		run := m.NewRun()
		row := make([]float64, len(m.Inputs()))
		if _, err := run.ScoreRow(row); err != nil {
			t.Errorf("a row of zeros: %v", err)
		}
		run.Reset()
		if _, err := run.Score(); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("a row of nothing: %v", err)
		}
	})
}

func FuzzLightGBM(f *testing.F) { fuzz(f, predict.LightGBM, "lightgbm_*.txt") }
func FuzzXGBoost(f *testing.F)  { fuzz(f, predict.XGBoost, "xgboost_*.json") }
func FuzzLinear(f *testing.F)   { fuzz(f, predict.Linear, "linear_*.json") }
func FuzzPMML(f *testing.F)     { fuzz(f, predict.PMML, "pmml_*.pmml") }
