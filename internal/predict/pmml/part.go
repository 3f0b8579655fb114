package pmml

import "slices"

// part is one model of a document, with the fields around it: the document's
// own, or a segment of an ensemble.
type part struct {
	before  []step // treated and derived fields
	eval    func(s []float64) bool
	after   []step // targets and output fields
	value   int    // slot of the predicted number, or of the class as a text
	probs   int    // slot of the first class's probability
	classes []float64
	reasons []int // slots of reason codes, of a scorecard
	visible map[string]field
}

// run evaluates a part; without an answer its value stays missing.
func (p *part) run(s []float64) bool {
	for i := range p.before {
		s[p.before[i].slot] = p.before[i].f(s)
	}
	ok := p.eval(s)
	if !ok {
		s[p.value] = missing
		for i := range p.classes {
			s[p.probs+i] = missing
		}
	}
	for i := range p.after {
		s[p.after[i].slot] = p.after[i].f(s)
	}
	return s[p.value] == s[p.value]
}

// modelNames are the elements that are models.
var modelNames = []string{
	"TreeModel", "RegressionModel", "MiningModel", "Scorecard", "GeneralRegressionModel", "NeuralNetwork", "ClusteringModel",
	"NaiveBayesModel", "SupportVectorMachineModel", "RuleSetModel", "NearestNeighborModel", "AnomalyDetectionModel",
	"AssociationModel", "BaselineModel", "BayesianNetworkModel", "GaussianProcessModel", "SequenceModel", "TextModel", "TimeSeriesModel",
}

func findModel(e *element) *element {
	for _, k := range e.children {
		if slices.Contains(modelNames, k.name) {
			return k
		}
	}
	return nil
}

// model compiles a model within the fields around it.
func (c *compiler) model(around *scope, e *element, outermost bool) *part {
	p := &part{value: c.slot(), visible: map[string]field{}, eval: func([]float64) bool { return false }}
	if !c.enter(e) {
		return p
	}
	defer c.leave()
	if e.attr("isScorable") == "false" {
		c.fail(e, "the model says that it is not scorable")
	}
	sc := c.schema(around, e, p, outermost)
	classify := e.attr("functionName") == "classification"
	if f := e.attr("functionName"); !classify && f != "regression" && e.name != "MiningModel" {
		c.fail(e, "%s for %.40q is not supported; regression and classification are", e.name, f)
	}
	switch e.name {
	case "TreeModel":
		c.tree(sc, e, p, classify)
	case "RegressionModel":
		c.regression(sc, e, p, classify)
	case "MiningModel":
		c.mining(sc, e, p, classify)
	case "Scorecard":
		c.scorecard(sc, e, p)
	default:
		c.fail(e, "%s is not supported; TreeModel, RegressionModel, MiningModel and Scorecard are", e.name)
	}
	if len(p.classes) == 0 {
		c.targets(e, p)
	}
	c.output(sc, e, p)
	return p
}

// probabilities makes room for the classes of a part.
func (c *compiler) probabilities(p *part, classes []float64) {
	p.classes = classes
	p.probs = c.slots
	for range classes {
		c.slot()
	}
}

// best sets the value to the most probable class, the first of equals.
func (p *part) best(s []float64) bool {
	top := 0
	for i := range p.classes {
		if s[p.probs+i] > s[p.probs+top] {
			top = i
		}
	}
	if x := s[p.probs+top]; x != x {
		return false
	}
	s[p.value] = p.classes[top]
	return true
}
