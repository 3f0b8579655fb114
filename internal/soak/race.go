//go:build race

package soak

// Raced tells that the race detector looks on.
const Raced = true
