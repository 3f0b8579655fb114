// Package arch holds the tests that keep the shape of the house: who may import
// whom, what a domain package may not touch, how long a file may grow, what
// every package says of itself. It never checks behaviour and no package
// imports it.
package arch
