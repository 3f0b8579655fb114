// Package consent says what may be done with what is known of a person: whom
// to forget and since when. It never reads time or storage and never keeps an
// identifier that could be read.
package consent
