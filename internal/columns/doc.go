// Package columns is the columnar index behind instant counts: what conditions
// ask about people, one column per field, cut by buckets into parts and by
// people into blocks, with a scan that counts a condition in one pass. It is
// derived data: it can be dropped and built again from the people. It never
// guesses: what it does not hold exactly it calls unknown, for somebody to
// look up. It never asks a store or the clock, and touches files only through a
// file system that it is handed.
//
// START READING HERE: row.go (what goes in), part.go (how it is kept current
// beside readers), node.go (conditions), scan.go (the pass), image.go (how a
// part is written down), checkpoint.go (where to).
package columns
