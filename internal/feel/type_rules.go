package feel

import "strings"

// String is the type as FEEL writes it.
func (t *Type) String() string {
	if t == nil {
		return "Any"
	}
	if t.name != "" {
		return t.name
	}
	switch t.kind {
	case TypeAny:
		return "Any"
	case TypeNull:
		return "Null"
	case TypeList:
		return "list<" + t.Elem().String() + ">"
	case TypeRange:
		return "range<" + t.Elem().String() + ">"
	case TypeContext:
		return t.contextString()
	case TypeFunction:
		return t.functionString()
	default:
		return kindNames[t.valueKind()]
	}
}

func (t *Type) contextString() string {
	if t.open {
		return "context"
	}
	parts := make([]string, len(t.fields))
	for i, f := range t.fields {
		parts[i] = f.Name + ": " + f.Type.shortString()
	}
	return "context<" + strings.Join(parts, ", ") + ">"
}

// shortString ends the text of definitions that refer to themselves.
func (t *Type) shortString() string {
	if t != nil && t.kind == TypeContext && t.name == "" && !t.open {
		return "context"
	}
	return t.String()
}

func (t *Type) functionString() string {
	if t.anyFn {
		return "function"
	}
	parts := make([]string, len(t.params))
	for i, p := range t.params {
		parts[i] = p.shortString()
	}
	return "function<" + strings.Join(parts, ", ") + ">->" + t.result.shortString()
}

// valueKind is the kind of the values of a simple type.
func (t *Type) valueKind() Kind {
	switch t.Kind() {
	case TypeBoolean:
		return KindBoolean
	case TypeNumber:
		return KindNumber
	case TypeString:
		return KindString
	case TypeDate:
		return KindDate
	case TypeTime:
		return KindTime
	case TypeDateTime:
		return KindDateTime
	case TypeDaysTime:
		return KindDaysTime
	case TypeYearsMonths:
		return KindYearsMonths
	case TypeList:
		return KindList
	case TypeContext:
		return KindContext
	case TypeRange:
		return KindRange
	case TypeFunction:
		return KindFunction
	default:
		return KindNull
	}
}

// Conforms tells whether v is of type t. Null conforms to every type.
func Conforms(v Value, t *Type) bool { return conforms(v, t, walk{maxTypeDepth, true}) }

// walk is how deep types may still nest, and whether constraints count.
type walk struct {
	depth  int
	checks bool
}

// maxTypeDepth ends the walk through types that refer to themselves.
const maxTypeDepth = 64

func conforms(v Value, t *Type, w walk) bool {
	if v.kind == KindNull || t == nil {
		return true
	}
	if w.depth--; w.depth < 0 || !conformsToBase(v, t, w) {
		return false
	}
	return !w.checks || t.check == nil || t.check(v)
}

func conformsToBase(v Value, t *Type, w walk) bool {
	switch t.kind {
	case TypeAny:
		return true
	case TypeNull:
		return false
	}
	if t.valueKind() != v.kind {
		return false
	}
	switch t.kind {
	case TypeList:
		if t.elem == nil {
			return true
		}
		for _, it := range v.items() {
			if !conforms(it, t.elem, w) {
				return false
			}
		}
		return true
	case TypeContext:
		c := v.ctx()
		for i := range t.fields {
			m, ok := c.Get(t.fields[i].Name)
			if !ok || !conforms(m, t.fields[i].Type, w) {
				return false
			}
		}
		return true
	case TypeRange:
		r := v.rng()
		return conforms(r.Low, t.elem, w) && conforms(r.High, t.elem, w)
	case TypeFunction:
		return v.fn().Type().conformsTo(t, w.depth)
	default:
		return true
	}
}

// InstanceOf is FEEL's `v instance of t`: as Conforms, but null is only an
// instance of Null, and constraints (allowed values) do not count.
func InstanceOf(v Value, t *Type) bool {
	if v.kind == KindNull {
		return t.Kind() == TypeNull
	}
	return conforms(v, t, walk{depth: maxTypeDepth})
}

// Coerce is v as a value of type t after DMN's implicit conversions, or Null
// and false when it does not conform.
func Coerce(v Value, t *Type) (Value, bool) {
	if v.kind == KindNull || t == nil || Conforms(v, t) {
		return v, true
	}
	switch {
	case t.kind == TypeDateTime && v.kind == KindDate:
		if m := v.midnight(); Conforms(m, t) {
			return m, true
		}
	case t.kind == TypeList && v.kind != KindList:
		if it, ok := Coerce(v, t.elem); ok {
			if l := ListOf(it); Conforms(l, t) {
				return l, true
			}
		}
	case v.kind == KindList && t.kind != TypeList && len(v.items()) == 1:
		if it := v.items()[0]; it.kind != KindList {
			return Coerce(it, t)
		}
	}
	return Null, false
}

// ConformsTo tells whether every value of type t is one of type to.
func (t *Type) ConformsTo(to *Type) bool { return t.conformsTo(to, maxTypeDepth) }

func (t *Type) conformsTo(to *Type, depth int) bool {
	if t == to || to.Kind() == TypeAny || t.Kind() == TypeNull {
		return true
	}
	if depth == 0 || t.Kind() != to.kind {
		return false
	}
	depth--
	switch to.kind {
	case TypeList, TypeRange:
		return t.Elem().conformsTo(to.Elem(), depth)
	case TypeContext:
		for _, f := range to.fields {
			own, ok := t.Field(f.Name)
			if !ok || !own.conformsTo(f.Type, depth) {
				return false
			}
		}
		return true
	case TypeFunction:
		return to.anyFn || t.anyFn || t.callableAs(to, depth)
	default:
		return true
	}
}

// callableAs tells whether functions of type t can stand for those of type to:
// they take at least as much and give at most as much.
func (t *Type) callableAs(to *Type, depth int) bool {
	if len(t.params) != len(to.params) {
		return false
	}
	for i := range to.params {
		if !to.params[i].conformsTo(t.params[i], depth) {
			return false
		}
	}
	return t.result.conformsTo(to.result, depth)
}

// mayBe tells whether a value of static type t can be of type to, perhaps after
// a conversion: the question behind a static type error.
func (t *Type) mayBe(to *Type) bool {
	switch {
	case t.Kind() == TypeAny || t.Kind() == TypeNull || to.Kind() == TypeAny:
		return true
	case to.kind == TypeList:
		return t.kind == TypeList && t.Elem().mayBe(to.Elem()) || t.mayBe(to.Elem())
	case t.kind == TypeList:
		return t.Elem().mayBe(to)
	case to.kind == TypeDateTime:
		return t.kind == TypeDateTime || t.kind == TypeDate
	default:
		return t.kind == to.kind
	}
}

// join is the type of a value that is of either type.
func join(a, b *Type) *Type {
	switch {
	case a == b || b.Kind() == TypeNull:
		return a
	case a.Kind() == TypeNull:
		return b
	case a.ConformsTo(b):
		return b
	case b.ConformsTo(a):
		return a
	case a.Kind() == b.Kind() && a.Kind() == TypeList:
		return ListType(join(a.elem, b.elem))
	case a.Kind() == TypeContext && b.Kind() == TypeContext:
		return AnyContextType
	default:
		return AnyType
	}
}

// typeOf is the type of a value, as far as a constant tells it.
func typeOf(v Value) *Type {
	switch v.kind {
	case KindNull:
		return NullType
	case KindBoolean:
		return BooleanType
	case KindNumber:
		return NumberType
	case KindString:
		return StringType
	case KindDate:
		return DateType
	case KindTime:
		return TimeType
	case KindDateTime:
		return DateTimeType
	case KindDaysTime:
		return DaysTimeType
	case KindYearsMonths:
		return YearsMonthsType
	case KindList:
		return AnyListType
	case KindContext:
		return AnyContextType
	case KindRange:
		return RangeType(join(typeOf(v.rng().Low), typeOf(v.rng().High)))
	default:
		return v.fn().Type()
	}
}
