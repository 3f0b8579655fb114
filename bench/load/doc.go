// Package load is a client that costs little: it makes batches of events by
// copying and patching, and speaks HTTP over bare connections, so that what is
// measured is the server. It never looks into the server and never checks what
// became of an event.
package load
