// Package jsondoc reads a JSON document once, strictly, into a flat tape that
// points back into the bytes. It never copies a value that needs no unescaping
// and never builds maps.
package jsondoc
