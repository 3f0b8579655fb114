// Package pipeline is the spine: it carries what the door accepted through the
// log into the state, and reads it back. It never speaks HTTP and never knows a
// dialect or an engine.
//
// START READING HERE, with what happens to an event:
//
//	accept.go, submission.go    the door hands over
//	admit.go                    what the consent policy lets in
//	sequence.go                 one group of requests becomes durable
//	lane.go, lane_commit.go     one worker's loop over the records of its buckets; what changed, written behind
//	resolve.go, people.go       whom a batch is about, and their rows
//	copies.go                   which of its messages came before
//	fold.go, cold.go            into the state of an anchor; without its row where that is not in memory
//	refold.go                   an anchor anew, where a copy counts more than what was folded
//	home.go                     what a person's home hears of its anchors
//	send.go, share_record.go    what follows for other buckets
//	evaluate.go, membership.go  at a person's home: who is in which segment now
//	commit.go                   the rows of it all
//	barrier.go                  waiting until all of that is there
//
// Beside the way of an event, by the beginning of the file's name:
//
//	config, pipeline            what a pipeline is made of, its start and its end
//	common, rules               one writer for the common bucket: who is who (internal/graph), and what there is one of
//	cut                         what of a shared identifier belongs to whom, by time
//	home, anchor, heads, shorts a person's anchors in memory, and what its home knows of the others
//	command, entities, orders, stock
//	                            orders, carts and other things with a key of their own; offers of which there are few
//	definitions, library, activation, backfill, cultivate, settle
//	                            a version of a segment, from its definition until it counts for everybody
//	items                       what the catalog says, for conditions of people elsewhere
//	tick, timers                the passing of time
//	recover, rebuild, retell    after a crash, and all over again; what was told stays told
//	trials, results             what experiments count, and what experiences and offers are credited with
//	tally                       what became of everything, counted
//	read, known, timeline, identity, segments, members, passage, flows, preview, index, golden, everyone
//	                            answers; profileid: under which public id
//	visitor, experiences        who asks for a decision, and what there is to decide
//	source_removal              taking back what came from a source
//	erase, erased, privacy, consent, permit, suppress
//	                            what a person may ask for, and what may be done with the data
//	retention                   events that are kept no longer: what they came to stays
//	follow                      what the lake writes down, live and after a crash
//	plan, effects               what destinations are to be told, and what came of it
//	deadletter, decisions, jobs what else is kept as facts
package pipeline
