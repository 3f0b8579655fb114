// Package pipeline is the spine: it carries what the door accepted through the
// log into the state, and reads it back. It never speaks HTTP and never knows a
// dialect or an engine.
//
// START READING HERE, with what happens to an event:
//
//	accept.go, submission.go    the door hands over
//	admit.go                    what the consent policy lets in
//	sequence.go                 one group of requests becomes durable
//	lane.go                     one worker's loop over the records of its buckets
//	resolve.go, people.go       whom a batch is about, and their rows
//	fold.go, cold.go            into the state of an anchor; without its row where that is not in memory
//	refold.go                   an anchor anew, where a copy counts more than what was folded
//	evaluate.go, membership.go  at a person's home: who is in which segment now
//	send.go, share_record.go    what follows for other buckets
//	commit.go                   what changed, written behind
//
// Beside the way of an event, by the beginning of the file's name:
//
//	common, rules               one writer for the common bucket: who is who (internal/graph), and what there is one of
//	cut                         what of a shared identifier belongs to whom, by time
//	home, anchor, heads         a person's anchors in memory, and what its home knows of the others
//	command, entities           orders, carts and other things with a key of their own
//	definitions, library, activation, backfill, cultivate, settle
//	                            a version of a segment, from its definition until it counts for everybody
//	items                       what the catalog says, for conditions of people elsewhere
//	tick, timers                the passing of time
//	recover, rebuild            after a crash, and all over again
//	trials                      what experiments count
//	read, known, timeline, identity, segments, passage, flows, preview, index, golden, everyone
//	                            answers
//	erase, privacy, consent, permit, suppress
//	                            what a person may ask for, and what may be done with the data
//	follow                      what the lake writes down, live and after a crash
//	plan, effects               what destinations are to be told, and what came of it
//	deadletter, decisions, jobs what else is kept as facts
package pipeline
