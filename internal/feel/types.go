package feel

// TypeKind tells the kinds of types apart.
type TypeKind uint8

// The kinds of types. TypeAny is zero.
const (
	TypeAny TypeKind = iota
	TypeNull
	TypeBoolean
	TypeNumber
	TypeString
	TypeDate
	TypeTime
	TypeDateTime
	TypeDaysTime
	TypeYearsMonths
	TypeList
	TypeContext
	TypeRange
	TypeFunction
)

// Type is a FEEL type. A nil *Type means Any everywhere.
type Type struct {
	kind   TypeKind
	name   string
	elem   *Type // list, range
	fields []Field
	open   bool // context without declared fields
	params []*Type
	anyFn  bool // function without declared parameters
	result *Type
	check  func(Value) bool
}

// Field is one member of a context type.
type Field struct {
	Name string
	Type *Type
}

// The simple types.
var (
	AnyType         = &Type{kind: TypeAny}
	NullType        = &Type{kind: TypeNull}
	BooleanType     = &Type{kind: TypeBoolean}
	NumberType      = &Type{kind: TypeNumber}
	StringType      = &Type{kind: TypeString}
	DateType        = &Type{kind: TypeDate}
	TimeType        = &Type{kind: TypeTime}
	DateTimeType    = &Type{kind: TypeDateTime}
	DaysTimeType    = &Type{kind: TypeDaysTime}
	YearsMonthsType = &Type{kind: TypeYearsMonths}
	AnyListType     = &Type{kind: TypeList}
	AnyContextType  = &Type{kind: TypeContext, open: true}
	AnyRangeType    = &Type{kind: TypeRange}
	AnyFunctionType = &Type{kind: TypeFunction, anyFn: true}
)

// ListType is the type of lists of elem.
func ListType(elem *Type) *Type { return &Type{kind: TypeList, elem: elem} }

// RangeType is the type of ranges over elem.
func RangeType(elem *Type) *Type { return &Type{kind: TypeRange, elem: elem} }

// ContextType is the type of contexts with at least the given members. It
// keeps the slice, so that a definition that refers to itself can be completed
// by SetFields.
func ContextType(fields ...Field) *Type { return &Type{kind: TypeContext, fields: fields} }

// SetFields replaces the members of a context type made by ContextType.
func (t *Type) SetFields(fields ...Field) { t.fields = fields }

// FunctionType is the type of functions with the given parameters and result.
func FunctionType(params []*Type, result *Type) *Type {
	return &Type{kind: TypeFunction, params: params, result: result}
}

// Named is the same type under the name of an item definition.
func (t *Type) Named(name string) *Type {
	c := *t
	c.name = name
	return &c
}

// Constrained is the same type with a further condition on its values (allowed
// values of an item definition). The condition is not asked for null.
func (t *Type) Constrained(check func(Value) bool) *Type {
	c := *t
	if old := t.check; old != nil {
		c.check = func(v Value) bool { return old(v) && check(v) }
	} else {
		c.check = check
	}
	return &c
}

// Kind tells what kind of type it is.
func (t *Type) Kind() TypeKind {
	if t == nil {
		return TypeAny
	}
	return t.kind
}

// Name is the name given by Named, or "".
func (t *Type) Name() string {
	if t == nil {
		return ""
	}
	return t.name
}

// Elem is the type of the elements of a list or range type.
func (t *Type) Elem() *Type {
	if t == nil || t.elem == nil {
		return AnyType
	}
	return t.elem
}

// Fields are the declared members of a context type.
func (t *Type) Fields() []Field {
	if t == nil {
		return nil
	}
	return t.fields
}

// Field is the type of a member and whether the type declares it.
func (t *Type) Field(name string) (*Type, bool) {
	if t == nil {
		return nil, false
	}
	for i := range t.fields {
		if t.fields[i].Name == name {
			return t.fields[i].Type, true
		}
	}
	return nil, false
}
