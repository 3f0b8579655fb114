package tck

import (
	"math"

	"rapport/internal/feel"
)

// tolerance is what the runners of other engines allow numbers to differ by.
const tolerance = 1e-8

// same tells whether a result is what was expected.
func same(want, got feel.Value) bool {
	if want.Kind() != got.Kind() {
		return false
	}
	switch want.Kind() {
	case feel.KindNull:
		return true
	case feel.KindNumber:
		return sameNumber(want, got)
	case feel.KindList:
		w, _ := want.AsList()
		g, _ := got.AsList()
		if len(w) != len(g) {
			return false
		}
		for i := range w {
			if !same(w[i], g[i]) {
				return false
			}
		}
		return true
	case feel.KindContext:
		return sameContext(want, got)
	}
	return feel.Equal(want, got).IsTrue()
}

func sameNumber(want, got feel.Value) bool {
	if feel.Equal(want, got).IsTrue() {
		return true
	}
	w, _ := want.AsFloat()
	g, _ := got.AsFloat()
	return math.Abs(w-g) < tolerance
}

func sameContext(want, got feel.Value) bool {
	w, _ := want.AsContext()
	g, _ := got.AsContext()
	if w.Len() != g.Len() {
		return false
	}
	for i := range w.Len() {
		key, expected := w.At(i)
		actual, ok := g.Get(key)
		if !ok || !same(expected, actual) {
			return false
		}
	}
	return true
}
