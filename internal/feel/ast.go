package feel

// op is the kind of an expression node.
type op uint8

const (
	opConst op = iota
	opVar
	opBuiltin // a built-in function as a value
	opMember  // kids[0].name
	opDynMember
	opCall   // built-in: arguments in kids, in the order of the parameters
	opInvoke // kids[0] is the function, the rest arguments
	opArith
	opCompare
	opNeg
	opAnd
	opOr
	opBetween
	opIn      // kids[0] in any of the tests kids[1:]
	opCmpTest // operator and operand of a unary test
	opDash    // the unary test "-"
	opNotTest // not(…) around unary tests
	opIf
	opFor
	opSome
	opEvery
	opFilter
	opList
	opContext
	opRange
	opOpRange // (< 10)
	opInstance
	opFunction
	opExternal
	opNull // a part with a static problem
)

// symbol is a name the source introduces or the scope offers.
type symbol struct {
	name  string
	typ   *Type
	slot  int      // of inputs
	owner *fnScope // nil for inputs
	index int      // in the frame of the owner, set by the compiler
	used  bool
}

// expr is a node of the syntax tree, with its static type. The tree lives only
// until it is compiled.
type expr struct {
	op     op
	tok    token
	flag   bool // range: low closed; for: the range x..y; in: tests of a cell
	flag2  bool // range: high closed
	input  bool // reads "?"
	pos    int32
	depth  int32
	typ    *Type
	kids   []*expr
	val    Value
	name   string
	names  []string // keys of contexts, argument names
	sym    *symbol
	syms   []*symbol // names bound by this node
	fn     *fnScope
	bi     *builtin
	params []Param
}

// fnScope is a function body: its parameters, the outer names it captures and
// the names within share one frame.
type fnScope struct {
	outer    *fnScope
	size     int
	captured []*symbol
	index    map[*symbol]int // captured name -> slot in this frame
}

// nameFrame is one level of local names.
type nameFrame struct {
	syms []*symbol
	item *symbol // of a filter: its members are names too
}
