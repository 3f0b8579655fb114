// Package consent says what may be done with what is known of a person: what
// the person agreed to, and whom to forget since when. START READING at
// State.Allowed and Erased.Refuses. It never reads time or storage and never
// keeps an identifier that could be read.
package consent
