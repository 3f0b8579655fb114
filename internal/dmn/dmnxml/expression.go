package dmnxml

// Expression is the logic of a box.
type Expression interface {
	// Common gives the parts that all expressions share.
	Common() *ExpressionBase
}

// ExpressionBase holds what every expression may carry.
type ExpressionBase struct {
	Element
	TypeRef string
}

// Common implements Expression.
func (b *ExpressionBase) Common() *ExpressionBase { return b }

// Text is an expression in a text language, usually FEEL.
type Text struct {
	Element
	Source   string
	Language string
}

// Literal is a box that holds text.
type Literal struct {
	ExpressionBase
	Source   string
	Language string
	Missing  bool   // there is no text element at all
	Imported []byte // importedValues, byte for byte
}

// Context is a list of named entries; a nameless last one is the result.
type Context struct {
	ExpressionBase
	Entries []*ContextEntry
}

// ContextEntry is one row of a context.
type ContextEntry struct {
	Element
	Variable *Variable
	Value    Expression
}

// List is a box per item.
type List struct {
	ExpressionBase
	Items []Expression
}

// Relation is a list of rows with named columns.
type Relation struct {
	ExpressionBase
	Columns []*Variable
	Rows    []*RelationRow
}

// RelationRow is one row of a relation.
type RelationRow struct {
	Element
	Cells []Expression
}

// Function is a function definition: FEEL, Java or PMML by its Kind.
type Function struct {
	ExpressionBase
	Kind       string
	Parameters []*Variable
	Body       Expression
}

// Invocation calls a function with named arguments.
type Invocation struct {
	ExpressionBase
	Callee   Expression
	Bindings []*Binding
}

// Binding is one argument of an invocation.
type Binding struct {
	Element
	Parameter *Variable
	Value     Expression
}

// Conditional is a boxed if.
type Conditional struct {
	ExpressionBase
	If, Then, Else *Child
}

// Filter is a boxed filter.
type Filter struct {
	ExpressionBase
	In, Match *Child
}

// IteratorKind tells the three boxed iterators apart.
type IteratorKind int

// The boxed iterators.
const (
	For IteratorKind = iota
	Some
	Every
)

// Iterator is a boxed for, some or every. Body is what is returned or tested.
type Iterator struct {
	ExpressionBase
	Kind     IteratorKind
	Variable string
	In, Body *Child
}

// Child is a part of a boxed expression that may have its own type.
type Child struct {
	Element
	TypeRef string
	Value   Expression
}

// Table is a decision table.
type Table struct {
	ExpressionBase
	HitPolicy   string // as written; empty means UNIQUE
	Aggregation string
	Orientation string
	OutputLabel string
	Inputs      []*TableInput
	Outputs     []*TableOutput
	Annotations []string
	Rules       []*Rule
}

// TableInput is an input column.
type TableInput struct {
	Element
	Expression Text
	TypeRef    string
	Values     *TypeConstraint
}

// TableOutput is an output column.
type TableOutput struct {
	Element
	TypeRef string
	Values  *TypeConstraint
	Default *Text
}

// Rule is a row of a decision table.
type Rule struct {
	Element
	Inputs      []*Text
	Outputs     []*Text
	Annotations []string
}
