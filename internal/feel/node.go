package feel

// node is a compiled expression. Names were resolved to slots when it was
// made, so running it looks nothing up.
type node func(ev *Evaluator) Value

// boolNode is a compiled condition; it saves the boxing of node.
type boolNode func(ev *Evaluator) tri

// tri is FEEL's third-valued truth.
type tri uint8

const (
	triNull tri = iota
	triFalse
	triTrue
)

func (t tri) value() Value {
	switch t {
	case triTrue:
		return True
	case triFalse:
		return False
	default:
		return Null
	}
}

func triOf(b bool) tri {
	if b {
		return triTrue
	}
	return triFalse
}

func (v Value) tri() tri {
	if v.kind != KindBoolean {
		return triNull
	}
	return tri(v.n + 1)
}
