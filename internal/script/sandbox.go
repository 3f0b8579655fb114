package script

import (
	"github.com/dop251/goja"
)

// sandbox is one run: a realm of its own and what it has used up.
type sandbox struct {
	vm     *goja.Runtime
	limits Limits
	steps  int
	bytes  int
	depth  int   // of built-in functions within one another
	over   error // the limit that was reached
}

// stop ends the run at the next instruction. No program can catch it.
func (s *sandbox) stop(why error) {
	if s.over == nil {
		s.over = why
	}
	s.vm.Interrupt(why)
}

func (s *sandbox) step(n int) bool {
	s.steps += n
	if n < 0 || s.steps > s.limits.Steps {
		s.stop(errSteps)
	}
	return s.over == nil
}

func (s *sandbox) take(bytes int) {
	s.bytes += bytes
	if bytes < 0 || s.bytes > s.limits.Bytes {
		s.stop(errBytes)
	}
}

// perItem is about what an item of a list takes.
const perItem = 16

// length is how long a text or list is, without running any code of the
// program; 0 for what is neither.
func length(v goja.Value) int {
	switch v := v.(type) {
	case goja.String:
		return v.Length()
	case *goja.Object:
		if v.ClassName() == "Array" {
			return int(v.Get("length").ToInteger())
		}
	}
	return 0
}

// made counts a text or list that a program has just made.
func (s *sandbox) made(v goja.Value) {
	n := length(v)
	if n > MaxLength {
		s.stop(errBytes)
		return
	}
	if _, ok := v.(*goja.Object); ok {
		n *= perItem
	}
	s.take(n)
}

// listed counts going through a list or text, before it is done.
func (s *sandbox) listed(v goja.Value) {
	n := length(v)
	if n > MaxLength {
		s.stop(errBytes)
		return
	}
	s.step(n / 16)
}
