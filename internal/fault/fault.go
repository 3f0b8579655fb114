// Package fault names the ways a request can fail, so that every layer can say
// what went wrong without knowing who asked. It never decides on a status code.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is what a caller can do about a failure. A new kind exists only where a
// caller would act differently.
type Kind uint8

// The kinds, from the caller's mistake to ours.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Gone
	Conflict
	Precondition
	TooLarge
	Limited
	Unavailable
)

// Fault is an error with a kind, a stable code and a message that may be shown
// to the caller. Its cause is for the log only.
type Fault struct {
	Kind    Kind
	Code    string // stable, snake_case; empty means the kind's own name
	Message string // what is wrong, where, and the mend
	Field   string // JSON pointer or parameter name, where one is to blame
	cause   error
}

// Error gives the message and the cause; a door shows only Message.
func (f *Fault) Error() string {
	if f.cause != nil {
		return f.Message + ": " + f.cause.Error()
	}
	return f.Message
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.cause }

// Errorf makes a fault. A cause comes last, as ": %w": it goes to the log and
// stays out of the message shown.
func Errorf(kind Kind, code, format string, args ...any) *Fault {
	err := fmt.Errorf(format, args...)
	f := &Fault{Kind: kind, Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
	if f.cause != nil {
		f.Message = strings.TrimSuffix(f.Message, ": "+f.cause.Error())
	}
	return f
}

// At names the field that is to blame and returns the fault.
func (f *Fault) At(field string) *Fault {
	f.Field = field
	return f
}

// KindOf finds the kind of an error; an error that is no fault is internal.
func KindOf(err error) Kind {
	if f := Of(err); f != nil {
		return f.Kind
	}
	return Internal
}
