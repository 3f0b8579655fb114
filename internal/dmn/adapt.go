package dmn

import "rapport/internal/feel"

// Adapt gives data from outside the types that a model declares: JSON has no
// dates and durations, so text takes their place. Text that is not of the
// declared form stays text, and is refused when it is set.
func Adapt(v feel.Value, t *feel.Type) feel.Value { return adapt(v, t, 64) }

func adapt(v feel.Value, t *feel.Type, depth int) feel.Value {
	if t == nil || depth == 0 {
		return v
	}
	switch t.Kind() {
	case feel.TypeDate, feel.TypeTime, feel.TypeDateTime, feel.TypeDaysTime, feel.TypeYearsMonths:
		return adaptText(v)
	case feel.TypeList:
		items, ok := v.AsList()
		if !ok {
			return adapt(v, t.Elem(), depth-1)
		}
		out := make([]feel.Value, len(items))
		for i, item := range items {
			out[i] = adapt(item, t.Elem(), depth-1)
		}
		return feel.ListOf(out...)
	case feel.TypeContext:
		return adaptContext(v, t, depth)
	}
	return v
}

func adaptText(v feel.Value) feel.Value {
	if text, ok := v.AsString(); ok {
		if parsed, ok := feel.ParseTemporal(text); ok {
			return parsed
		}
	}
	return v
}

func adaptContext(v feel.Value, t *feel.Type, depth int) feel.Value {
	ctx, ok := v.AsContext()
	if !ok || len(t.Fields()) == 0 {
		return v
	}
	b := feel.NewContextBuilder(ctx.Len())
	for i := range ctx.Len() {
		key, member := ctx.At(i)
		if field, declared := t.Field(key); declared {
			member = adapt(member, field, depth-1)
		}
		b.Put(key, member)
	}
	return b.Value()
}
