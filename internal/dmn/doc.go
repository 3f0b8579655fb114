// Package dmn is the engine for decision models: it compiles the models that
// dmnxml reads, checks their requirement graph, evaluates decisions, business
// knowledge models and decision services, and analyses decision tables for
// gaps and overlaps. It never reads files or clocks, starts no goroutines and
// logs nothing: bytes and values go in, values and diagnostics come out.
//
// # Compile once, decide often
//
//	defs, err := dmnxml.Decode(file)
//	model, err := dmn.Compile(defs, dmn.CompileOptions{})
//	run := model.NewSession(dmn.SessionOptions{Now: now})
//	run.Set("", "Guest Count", feel.Int(10))
//	dish, ok := run.Decide("", "Dish")
//	why := run.Diagnostics()
//
// A Model is immutable and safe for concurrent use. A Session is one
// evaluation: it is used by one goroutine at a time, evaluates each decision at
// most once, and can be reset and kept in a pool.
//
// # How it runs
//
// Each node has a frame: slots for the values of its requirements, then for the
// names its boxes introduce. Compiling resolves every name to a slot, so that
// evaluating looks nothing up. A session keeps the values of nodes in a layer;
// a call of a decision service gets a layer of its own, in which the arguments
// stand in place of its inputs.
//
// A decision table holds the rules that still fit as a set of bits and takes
// one column after the other: cells that compare with constants are answered
// by the index of their column, the others are run for the rules that are left.
//
// # What goes wrong
//
// As the standard asks, a faulty part of a model makes the values that depend
// on it null; it stops nothing else. Model.Problems lists what compiling found,
// Session.Diagnostics what evaluating found, both with the place in the file.
package dmn
