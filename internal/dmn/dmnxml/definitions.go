package dmnxml

// Element holds what every element of a model may carry.
type Element struct {
	ID, Name, Label, Description string
	Pos                          Pos
	Foreign                      []Attr // vendor attributes and inner namespace declarations, as written
	Extension                    []byte // the extensionElements element, byte for byte
}

// Definitions is a whole file: one model.
type Definitions struct {
	Element
	Namespace          string
	ExpressionLanguage string
	TypeLanguage       string
	Exporter           string
	ExporterVersion    string
	Version            Version // edition of the file that was read
	Prefix             string  // that the file gives to elements of the standard
	Imports            []*Import
	ItemDefinitions    []*ItemDefinition
	Inputs             []*InputData
	Decisions          []*Decision
	Knowledge          []*BusinessKnowledgeModel
	Services           []*DecisionService
	Sources            []*KnowledgeSource
	Others             [][]byte // artifacts and business context, byte for byte
	Diagram            []byte   // the DMNDI element, byte for byte; nil where there is none
	Problems           []Problem
}

// Problem is something in a file that does not stop it from being read.
type Problem struct {
	Pos     Pos
	Element string // name or id of the nearest named element
	Message string
}

// Import names another model (or another kind of document) and the name its
// contents have in this one.
type Import struct {
	Element
	Namespace, Type, Location string
}

// TypeConstraint is a list of unary tests that values must satisfy.
type TypeConstraint struct {
	Element
	Text     string
	Language string
	OnWhole  bool // from typeConstraint: tests the whole value, also of a collection
}

// ItemDefinition is a named type, or a component of one.
type ItemDefinition struct {
	Element
	TypeRef      string
	TypeLanguage string
	Collection   bool
	Allowed      *TypeConstraint // allowedValues: tests each item of a collection
	Constraint   *TypeConstraint // typeConstraint (1.4): tests the value as a whole
	Components   []*ItemDefinition
	Function     *FunctionItem
}

// FunctionItem is the signature part of a function type.
type FunctionItem struct {
	Element
	OutputTypeRef string
	Parameters    []*Variable
}

// Variable is an information item: a name with a type.
type Variable struct {
	Element
	TypeRef string
}

// InputData is a box that receives data from outside.
type InputData struct {
	Element
	Variable *Variable
}

// Decision is a box that computes a value.
type Decision struct {
	Element
	Question, AllowedAnswers string
	Variable                 *Variable
	Requirements             []*Requirement
	Logic                    Expression // nil where the model gives none
	Business                 [][]byte   // supported objectives and the like, byte for byte
}

// RequirementKind says what an arrow of the diagram means.
type RequirementKind int

// The arrows of a requirement diagram.
const (
	RequiresInput RequirementKind = iota
	RequiresDecision
	RequiresKnowledge
	RequiresAuthority
)

// Requirement is an arrow of the diagram, pointing at what is needed.
type Requirement struct {
	Element
	Kind RequirementKind
	Href string
	// tag is the element name of an authority's target, which has three forms.
	tag string
}

// BusinessKnowledgeModel is reusable logic, called as a function.
type BusinessKnowledgeModel struct {
	Element
	Variable     *Variable
	Requirements []*Requirement
	Logic        *Function // nil where the model gives none
}

// DecisionService is a part of the graph with an interface, callable from
// outside and as a function.
type DecisionService struct {
	Element
	Variable       *Variable
	Outputs        []string // hrefs
	Encapsulated   []string
	InputDecisions []string
	InputData      []string
}

// KnowledgeSource is a document or person that decisions rest on.
type KnowledgeSource struct {
	Element
	LocationURI  string
	Type         string
	Requirements []*Requirement
	Owner        []byte
}
