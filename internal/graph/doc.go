// Package graph is the identity graph with its storage: which identifiers were
// seen together, who is one person by the rules and by what operators said, and
// whose a shared identifier was at which times. It has one owner, the worker of
// the common bucket (docs/decisions/0002), who hands it the records of the log in
// their order and commits what it changed. It never writes the store or the log
// itself, never reads the clock, and knows nothing of what is known of people.
//
// A batch goes through Begin, Apply for each record, and Publish, which gives the
// records that follow for others. Start reading with graph.go, then
//
//	link.go, edges.go, loose.go, counts.go
//	                          an edge: known, attached, joined; without the row of its stronger end
//	settle.go                 where a limit, a hub or an operator decides: a part of it anew
//	sighting.go, stretch.go, tell.go
//	                          whose a shared identifier is, by time, and who has to hear of it
//	publish.go, person.go     what homes are told
//	facts.go, sweep.go        what operators say; other rules, and what is done in turns
//	rows.go, audit.go, form.go
//	                          the rows, what was merged and split why, and rows of an older form
//	whose.go, explain.go, preview.go
//	                          answers
//	erase.go                  forgetting
//	rulebook.go               every version of the identity rules
//	words.go                  what anchors tell the graph
package graph
