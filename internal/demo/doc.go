// Package demo plays a shop's traffic into a server through its HTTP door, as
// real clients would: visits, carts, orders and e-mails that it makes up from a
// seed, or the order lines of a real shop read from a file. It never touches
// the store or the pipeline, and never knows more of the server than a client.
package demo
