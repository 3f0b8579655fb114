package script

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dop251/goja"

	"rapport/internal/fault"
)

// Run runs the box once. Errors are faults: what the box threw, with its line,
// or which limit it reached. The result is made of nil, bool, float64, int64,
// string, []any and map[string]any; undefined is nil.
func (p *Program) Run(in Input, limits Limits) (any, Usage, error) {
	if len(in.Args) != len(p.params) {
		return nil, Usage{}, fault.Errorf(fault.Internal, "script_arguments", "the script %q has %d parameters, not %d", p.name, len(p.params), len(in.Args))
	}
	s := &sandbox{vm: goja.New(), limits: limits.filled()}
	s.close(in)
	timer := time.AfterFunc(s.limits.Time, func() { s.vm.Interrupt(errTime) })
	defer timer.Stop()
	out, err := s.guarded(p, in.Args)
	usage := Usage{Steps: s.steps, Bytes: s.bytes}
	if s.over != nil {
		err = s.over // whatever came of it later
	}
	if err != nil {
		return nil, usage, s.fault(p, err)
	}
	return out, usage, nil
}

// guarded keeps a panic of the engine within the run.
func (s *sandbox) guarded(p *Program, values []any) (out any, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("the engine gave up: %v", r)
		}
	}()
	if failed := s.vm.Try(func() { out, err = s.run(p, values) }); failed != nil {
		return nil, failed
	}
	return out, err
}

func (s *sandbox) run(p *Program, values []any) (any, error) {
	if _, err := s.vm.RunProgram(p.around); err != nil {
		return nil, err
	}
	s.guard()
	s.steps, s.bytes = 0, 0
	f, err := s.vm.RunProgram(p.main)
	if err != nil {
		return nil, err
	}
	args := make([]goja.Value, len(values))
	for i, v := range values {
		if args[i], err = s.in(v, 0); err != nil {
			return nil, err
		}
	}
	main, _ := goja.AssertFunction(f)
	v, err := main(goja.Undefined(), args...)
	if err != nil {
		return nil, err
	}
	return s.out(v, 0)
}

// close replaces the clock and the randomness of the host and puts the
// functions in place that count.
func (s *sandbox) close(in Input) {
	vm := s.vm
	vm.SetMaxCallStackSize(s.limits.Depth)
	vm.SetTimeSource(func() time.Time {
		if in.Now.IsZero() {
			panic(vm.NewTypeError("the time is not known here; it must be handed in"))
		}
		return in.Now.UTC()
	})
	vm.SetRandSource(func() float64 {
		panic(vm.NewTypeError("Math.random is not available here; a seed must be handed in"))
	})
	if in.Seed != nil {
		vm.SetRandSource(rand.New(rand.NewPCG(*in.Seed, 0)).Float64)
	}
	for name, f := range map[string]func(goja.FunctionCall) goja.Value{
		stepName: func(goja.FunctionCall) goja.Value { s.step(1); return goja.Undefined() },
		madeName: func(c goja.FunctionCall) goja.Value { s.made(c.Argument(0)); return c.Argument(0) },
		argsName: func(c goja.FunctionCall) goja.Value {
			if length(c.Argument(0)) > maxArguments {
				s.stop(errBytes)
			}
			return c.Argument(0)
		},
		spreadName: func(c goja.FunctionCall) goja.Value { s.listed(c.Argument(0)); return c.Argument(0) },
	} {
		// Nothing can fail here: the object is new.
		_ = vm.GlobalObject().DefineDataProperty(name, vm.ToValue(f), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	}
}

// What ends a run from outside of it.
var (
	errTime  = errors.New("time")
	errSteps = errors.New("steps")
	errBytes = errors.New("bytes")
	errDepth = errors.New("depth")
)

// fault says why a run failed, in words for the author of the box.
func (s *sandbox) fault(p *Program, err error) error {
	l := s.limits
	var overflow *goja.StackOverflowError
	switch {
	case errors.Is(err, errSteps):
		return fault.Errorf(fault.Invalid, "script_steps", "the script %q took more than %d steps", p.name, l.Steps)
	case errors.Is(err, errBytes):
		return fault.Errorf(fault.Invalid, "script_bytes", "the script %q made more than %d bytes, or a list or text longer than %d", p.name, l.Bytes, MaxLength)
	case errors.Is(err, errTime):
		return fault.Errorf(fault.Invalid, "script_time", "the script %q took longer than %s", p.name, l.Time)
	case errors.Is(err, errDepth), errors.As(err, &overflow):
		return fault.Errorf(fault.Invalid, "script_depth", "the script %q nests calls or values more than %d deep", p.name, l.Depth)
	}
	if thrown, ok := errors.AsType[*goja.Exception](err); ok {
		line := 0
		for _, f := range thrown.Stack() {
			if f.SrcName() == p.name {
				line = f.Position().Line - 1
				break
			}
		}
		text := s.message(thrown)
		if s.over != nil && !errors.Is(err, s.over) {
			return s.fault(p, s.over)
		}
		return fault.Errorf(fault.Invalid, "script_failed", "the script %q failed in line %d: %s", p.name, line, shorten(text))
	}
	return fault.Errorf(fault.Invalid, "script_failed", "the script %q failed: %s", p.name, shorten(err.Error()))
}
