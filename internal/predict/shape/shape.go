// Package shape is what goes into a predictive model and what comes out of it:
// names, kinds and categories. It never holds a model and never scores one.
package shape

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/fault"
)

// Kind is what an input or an output may be.
type Kind uint8

// The kinds. Whatever the kind, a value travels as a float64.
const (
	// Number is a number as it is.
	Number Kind = iota
	// Category is one of a list of texts, as its index.
	Category
	// Code is a category that the model knows as a whole number from 0; its
	// texts are not in the model's file.
	Code
	// Boolean is 1 for true and 0 for false.
	Boolean
)

// String is the kind in words, for messages and documents.
func (k Kind) String() string {
	return [...]string{"number", "category", "code", "boolean"}[k&3]
}

// Input is one value that a model reads. NaN stands for a missing value.
type Input struct {
	Name       string   `json:"name"`
	Kind       Kind     `json:"-"`
	Categories []string `json:"categories,omitempty"` // of a Category, in the order of their indexes
	// Required says that the model has no answer where the value is missing.
	Required bool `json:"required,omitempty"`
	// Open says that the model has a rule for categories it does not know:
	// they travel as Unknown.
	Open bool `json:"open,omitempty"`
}

// Unknown is how a category travels that an open input does not know.
const Unknown = -1

// Index is the place of a category, -1 where it is not known.
func (in Input) Index(category string) int { return slices.Index(in.Categories, category) }

// Output is one value that a model gives. NaN stands for no value.
type Output struct {
	Name       string   `json:"name"`
	Kind       Kind     `json:"-"`
	Categories []string `json:"categories,omitempty"` // of a Category, in the order of their indexes
}

// Problemf says what is wrong with a model's file; place is a line or a path.
func Problemf(format, place, msg string, args ...any) error {
	if place != "" {
		place = ", " + place
	}
	return fault.Errorf(fault.Invalid, "model_invalid", "%s model%s: %s", format, place, fmt.Sprintf(msg, args...))
}

// List joins names for a message and cuts a long list short.
func List(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Classes are the outputs of a model with n classes that have no names: the
// most probable class, then the probability of each.
func Classes(n int) []Output {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return Named(names)
}

// Named are the outputs of a model with named classes: "class", the most
// probable one, then "probability_NAME" of each.
func Named(names []string) []Output {
	out := []Output{{Name: "class", Kind: Category, Categories: names}}
	for _, n := range names {
		out = append(out, Output{Name: "probability_" + n})
	}
	return out
}
